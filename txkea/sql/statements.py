"""The statements of a lease store; every value in them is a bound parameter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from socket import AF_INET6, inet_ntop
from typing import Any, Final, Protocol

from sqlalchemy.exc import DBAPIError

from txkea.model.lease import INFINITE
from txkea.sql.database import Session
from txkea.sql.layout import COLUMNS, Layout
from txkea.sql.prefixes import bounds, patterns
from txkea.sql.rows import Row, address_form

__all__ = ["MySQL", "PostgreSQL", "Statements", "statements"]

_ALL: Final = 1 << 30
"""A limit that is none."""
LOCK: Final = 0x74786B65615F36
"""The key of the lock under which prefixes are added: ``txkea_6``."""


def execute(session: Session, statement: str, values: Any = None) -> Any:
    """The driver's cursor after a statement: SQLAlchemy's way to it costs as much as the driver itself.

    Raises the same `DBAPIError` as that.
    """
    connection, dialect = session.connection, session.dialect
    assert dialect.dbapi is not None, "an engine has its driver"
    cursor = connection.cursor()
    try:
        cursor.execute(statement, values)
    except dialect.dbapi.Error as error:
        lost = dialect.is_disconnect(error, connection.dbapi_connection, cursor)
        if lost:
            session.invalidate(error)
        raise DBAPIError.instance(
            statement, None, error, dialect.dbapi.Error, connection_invalidated=lost, dialect=dialect
        ) from error
    return cursor


def fetch(session: Session, statement: str, values: Any = None) -> Sequence[Row]:
    """The rows as the driver made them."""
    found: Sequence[Row] = execute(session, statement, values).fetchall()
    return found


class Statements(Protocol):
    """What a lease store says to its database; all run in a thread."""

    def find(self, session: Session, column: str, keys: Collection[Any]) -> Sequence[Row]:
        """The rows with one of these keys in an indexed column."""

    def lock(self, session: Session, keys: Collection[Any]) -> Sequence[Row]:
        """The rows of these addresses; nobody else changes them before the transaction ends."""

    def lock_prefixes(self, session: Session) -> None:
        """Nobody else of ours adds a prefix before the transaction ends."""

    def insert(self, session: Session, rows: Sequence[Row]) -> set[bytes]:
        """Add rows; gives the addresses of those that were added, or raises an error that `is_again`."""

    def replace(self, session: Session, rows: Sequence[Row]) -> None:
        """Replace rows that are locked."""

    def delete(self, session: Session, keys: Collection[Any]) -> None:
        """Delete rows that are locked."""

    def ended(self, session: Session, states: Iterable[int], last: int, limit: int) -> list[Row]:
        """Rows in these states that end in a second or earlier; those of each state in that order."""

    def page(self, session: Session, after: Any, limit: int) -> Sequence[Row]:
        """Rows behind a key, in the order of the column."""

    def inside(self, session: Session, prefixes: Collection[tuple[bytes, int]], limit: int) -> Sequence[Row]:
        """Some of the rows inside each of these prefixes."""

    def counts(self, session: Session) -> Sequence[tuple[int, int, int, int]]:
        """Subnet id, state, type and count."""


class Common:
    """What both kinds of database have in common."""

    epoch: str
    """Seconds since the epoch of the column ``expire``."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.table = layout.table
        self.packed = address_form(layout).decode
        self.names = ", ".join(layout.columns)
        self.select = f"SELECT {', '.join(map(self.selected, COLUMNS[layout.family]))} FROM {self.table}"

    def selected(self, name: str) -> str:
        """How a column is read."""
        if name not in self.layout.fields:
            return "NULL"
        return self.epoch if name == "expire" else name

    def ended(self, session: Session, states: Iterable[int], last: int, limit: int) -> list[Row]:
        """Each state by itself: an index of state and time, or of time and state, then gives them in their order."""
        statement = (
            f"{self.select} WHERE state = %(state)s AND expire <= {self.moment('last')}"
            " AND (state = 2 OR valid_lifetime <> %(endless)s) ORDER BY expire LIMIT %(limit)s"
        )
        found: list[Row] = []
        for state in states:
            values = {"state": int(state), "last": last, "endless": INFINITE, "limit": limit or _ALL}
            found += fetch(session, statement, values)
        return found

    def moment(self, name: str) -> str:
        """The time stamp of a parameter in seconds."""
        raise NotImplementedError

    def counts(self, session: Session) -> Sequence[tuple[int, int, int, int]]:
        """From the table that triggers keep; it has no other states than 0 and 1 (Kea E049)."""
        kind = "lease_type" if self.layout.family == 6 else "0"
        group = "subnet_id, state, lease_type" if self.layout.family == 6 else "subnet_id, state"
        grouped = f"SELECT subnet_id, state, {kind}, count(*) FROM {self.table}"
        if not self.layout.stat:
            return fetch(session, f"{grouped} GROUP BY {group}")
        counted = f"SELECT subnet_id, state, {kind}, leases FROM {self.table}_stat"
        rest = f"{grouped} WHERE state IN (2, 3, 4) GROUP BY {group}"
        return [*fetch(session, counted), *fetch(session, rest)]


# -- PostgreSQL --------------------------------------------------------------------------------------------------------

_ARRAYS: Final = {
    "hwaddr": "bytea", "client_id": "bytea", "duid": "bytea", "fqdn_fwd": "boolean", "fqdn_rev": "boolean",
    "hostname": "text", "user_context": "text",
}  # fmt: skip
"""Types of the elements of arrays; all other columns are of numbers."""


class PostgreSQL(Common):
    """Arrays as parameters: one statement however many rows, prepared once."""

    epoch = "extract(epoch FROM expire)::bigint"

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        inet = "address" if layout.address == "inet" else "CAST(address AS inet)"
        self.types = {**_ARRAYS, "address": {"number": "bigint"}.get(layout.address, layout.address)}
        columns = layout.columns
        arrays = ", ".join(f"%({name})s::{self.types.get(name, 'bigint')}[]" for name in columns)
        values = ", ".join("to_timestamp(d.expire)" if name == "expire" else f"d.{name}" for name in columns)
        rows = f"unnest({arrays}) AS d({self.names})"
        self._insert = (
            f"INSERT INTO {self.table} ({self.names}) SELECT {values} FROM {rows}"
            f" ON CONFLICT (address) DO NOTHING RETURNING {self.selected('address')}"
        )
        changes = ", ".join(
            f"{name} = {'to_timestamp(d.expire)' if name == 'expire' else f'd.{name}'}"
            for name in columns
            if name != "address"
        )
        self._replace = f"UPDATE {self.table} AS l SET {changes} FROM {rows} WHERE l.address = d.address"
        self._delete = f"DELETE FROM {self.table} WHERE address = ANY (%(keys)s::{self.types['address']}[])"
        self._find: dict[str, str] = {
            name: f"{self.select} WHERE {name} = ANY (%(keys)s::{self.types[name]}[])"
            for name in ("address", "hwaddr", "client_id", "duid")
            if name in columns
        }
        self._inside = (
            "SELECT inside.* FROM unnest(%(first)s::inet[], %(last)s::inet[]) AS p(first, last) CROSS JOIN LATERAL"
            f" ({self.select} WHERE {inet} >= p.first AND {inet} <= p.last LIMIT %(limit)s) AS inside"
        )
        self._lock = f"{self._find['address']} ORDER BY address FOR UPDATE"

    def selected(self, name: str) -> str:
        if name == "address" and self.layout.address == "inet":
            return "host(address)"
        return super().selected(name)

    def moment(self, name: str) -> str:
        return f"to_timestamp(%({name})s)"

    def find(self, session: Session, column: str, keys: Collection[Any]) -> Sequence[Row]:
        return fetch(session, self._find[column], {"keys": [*keys]})

    def lock(self, session: Session, keys: Collection[Any]) -> Sequence[Row]:
        return fetch(session, self._lock, {"keys": [*keys]})

    def lock_prefixes(self, session: Session) -> None:
        execute(session, "SELECT pg_advisory_xact_lock(%(key)s)", {"key": LOCK})

    def insert(self, session: Session, rows: Sequence[Row]) -> set[bytes]:
        packed = self.packed
        return {packed(key) for (key,) in fetch(session, self._insert, self._arrays(rows))}

    def replace(self, session: Session, rows: Sequence[Row]) -> None:
        execute(session, self._replace, self._arrays(rows))

    def delete(self, session: Session, keys: Collection[Any]) -> None:
        execute(session, self._delete, {"keys": [*keys]})

    def page(self, session: Session, after: Any, limit: int) -> Sequence[Row]:
        behind = "" if after is None else f" WHERE address > %(after)s::{self.types['address']}"
        return fetch(
            session, f"{self.select}{behind} ORDER BY address LIMIT %(limit)s", {"after": after, "limit": limit}
        )

    def inside(self, session: Session, prefixes: Collection[tuple[bytes, int]], limit: int) -> Sequence[Row]:
        """By the numbers of the addresses: `txkea db` makes an index of them where they are text."""
        pairs = [bounds(*prefix) for prefix in prefixes]
        first, last = ([inet_ntop(AF_INET6, pair[place]) for pair in pairs] for place in (0, 1))
        return fetch(session, self._inside, {"first": first, "last": last, "limit": limit})

    def _arrays(self, rows: Sequence[Row]) -> dict[str, list[Any]]:
        return {name: [*column] for name, column in zip(self.layout.columns, zip(*rows, strict=True), strict=True)}


# -- MySQL and MariaDB -------------------------------------------------------------------------------------------------


class MySQL(Common):
    """As many places as there are rows; the driver quotes what it puts there."""

    epoch = "UNIX_TIMESTAMP(expire)"

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        columns = layout.columns
        self._values = f"({', '.join('FROM_UNIXTIME(%s)' if name == 'expire' else '%s' for name in columns)})"
        self._insert = f"INSERT INTO {self.table} ({self.names}) VALUES "
        changes = ", ".join(f"{name} = VALUES({name})" for name in columns if name != "address")
        self._replace = f" ON DUPLICATE KEY UPDATE {changes}"

    def moment(self, name: str) -> str:
        return f"FROM_UNIXTIME(%({name})s)"

    def find(self, session: Session, column: str, keys: Collection[Any]) -> Sequence[Row]:
        return fetch(session, f"{self.select} WHERE {column} IN {_places(keys)}", tuple(keys))

    def lock(self, session: Session, keys: Collection[Any]) -> Sequence[Row]:
        statement = f"{self.select} WHERE address IN {_places(keys)} ORDER BY address FOR UPDATE"
        return fetch(session, statement, tuple(keys))

    def lock_prefixes(self, session: Session) -> None:
        """A row that everybody reads without locks, and only a change of the schema writes."""
        execute(session, "SELECT version FROM schema_version FOR UPDATE")

    def insert(self, session: Session, rows: Sequence[Row]) -> set[bytes]:
        """A row that came meanwhile ends the transaction: there is no way to ask which, in all of them."""
        execute(session, self._insert + ", ".join([self._values] * len(rows)), _flat(rows))
        return {self.packed(row[0]) for row in rows}

    def replace(self, session: Session, rows: Sequence[Row]) -> None:
        statement = self._insert + ", ".join([self._values] * len(rows)) + self._replace
        execute(session, statement, _flat(rows))

    def delete(self, session: Session, keys: Collection[Any]) -> None:
        execute(session, f"DELETE FROM {self.table} WHERE address IN {_places(keys)}", tuple(keys))

    def page(self, session: Session, after: Any, limit: int) -> Sequence[Row]:
        behind = "" if after is None else " WHERE address > %(after)s"
        return fetch(
            session, f"{self.select}{behind} ORDER BY address LIMIT %(limit)s", {"after": after, "limit": limit}
        )

    def inside(self, session: Session, prefixes: Collection[tuple[bytes, int]], limit: int) -> Sequence[Row]:
        """By ranges of the text that their addresses begin with; the database looks at their numbers then."""
        parts: list[str] = []
        values: list[Any] = []
        for address, length in prefixes:
            if self.layout.address == "text":
                ways = patterns(address, length)
                where = f"({' OR '.join(['address LIKE %s'] * len(ways))}) AND INET6_ATON(address) BETWEEN %s AND %s"
                values += ways
            else:
                where = "address BETWEEN %s AND %s"
            parts.append(f"({self.select} WHERE {where} LIMIT %s)")
            values += (*bounds(address, length), limit)
        return fetch(session, " UNION ALL ".join(parts), tuple(values))


def _places(keys: Collection[Any]) -> str:
    return f"({', '.join(['%s'] * len(keys))})"


def _flat(rows: Sequence[Row]) -> tuple[Any, ...]:
    return tuple(value for row in rows for value in row)


_KINDS: Final[dict[str, Callable[[Layout], Statements]]] = {"postgresql": PostgreSQL, "mysql": MySQL}


def statements(layout: Layout) -> Statements:
    """Those for a table."""
    return _KINDS[layout.dialect](layout)
