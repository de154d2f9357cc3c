"""Kea's own keyspace, schema 2.0 to 6.0, which only Kea up to 2.0 can use: read as a source of leases and hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from attrs import frozen
from cassandra import RequestValidationException  # type: ignore[import-untyped]
from cassandra.cluster import Session  # type: ignore[import-untyped]
from cassandra.query import SimpleStatement  # type: ignore[import-untyped]
from zope.interface import implementer

from txkea.backend.parameters import Parameters
from txkea.backend.threads import threaded
from txkea.cassandra.connection import connected, described
from txkea.cassandra.kea_rows import LEASES, HostRows, address_value
from txkea.cassandra.parameters import PARAMETERS, Settings, settings
from txkea.cassandra.schema import NUMBER
from txkea.errors import Unavailable
from txkea.interfaces import HostPage, IProviderFactory
from txkea.model.configuration import Host

__all__ = ["KEA_KEYSPACE", "KeaHosts", "KeaKeyspace", "KeaLeases"]

T = TypeVar("T")

FETCH: Final = 2000
"""Rows of a table that come at once."""
HOST_TABLES: Final = ("hosts", "host_reservations")
"""Where reservations are: since schema 4.0, and before."""
UNUSED_IS_ZERO: Final = 2
"""Up to this schema the subnet 0 is none; later it is the global one, and -1 is none (Kea E041)."""

Columns = Mapping[str, Mapping[str, str]]
"""The types of columns, by table and name."""


class KeaKeyspace:
    """A keyspace that may be Kea's; connects when it is asked for something."""

    def __init__(self, given: Settings, site: Any) -> None:
        self._settings = given
        self._site = site

    async def leases(self) -> KeaLeases | None:
        """The leases of the family, None if the keyspace is not Kea's. Raises `Unavailable`."""
        return await threaded(partial(self._opened, self._leases), self._site.reactor)

    async def hosts(self) -> KeaHosts | None:
        """The reservations of the family, None if the keyspace is not Kea's. Raises `Unavailable`."""
        return await threaded(partial(self._opened, self._hosts), self._site.reactor)

    def _opened(self, make: Callable[[Session, Columns], T]) -> T | None:
        """In a thread."""
        where = f"keyspace {self._settings.keyspace} on {', '.join(self._settings.contact_points)}"
        try:
            session = connected(self._settings, self._settings.keyspace)
        except RequestValidationException as error:
            raise Unavailable(f"{where}: {described(error)}; mend: name a keyspace that is there") from error
        except Exception as error:
            raise Unavailable(f"{where}: {described(error)}") from error
        try:
            columns = _columns(session)
            if is_kea(columns):
                return make(session, columns)
        except Exception as error:
            session.cluster.shutdown()
            raise Unavailable(f"{where}: {described(error)}") from error
        session.cluster.shutdown()
        return None

    def _leases(self, session: Session, columns: Columns) -> KeaLeases:
        family: int = self._site.configuration.family
        return KeaLeases(session, family, columns[f"lease{family}"], self._site)

    def _hosts(self, session: Session, columns: Columns) -> KeaHosts:
        table = next((name for name in HOST_TABLES if name in columns), "")
        version = max((number for (number,) in _rows(session, "SELECT version FROM schema_version")), default=0)
        hosts = HostRows(self._site.configuration, self._site.log, 0 if version <= UNUSED_IS_ZERO else -1)
        if table:
            known = [name for name in hosts.columns if name in columns[table]]
            for row in _scan(session, f"SELECT {', '.join(known)} FROM {table}"):
                hosts.add(dict(zip(known, row, strict=True)))
        session.cluster.shutdown()
        return KeaHosts(hosts.hosts())


def is_kea(columns: Columns) -> bool:
    """Whether a keyspace with these tables is Kea's."""
    return NUMBER not in columns and columns.keys() >= {"lease4", "lease6", "schema_version"}


def _columns(session: Session) -> Columns:
    text = "SELECT table_name, column_name, type FROM system_schema.columns WHERE keyspace_name = %s"
    found: dict[str, dict[str, str]] = {}
    for table, name, kind in _rows(session, text, (session.keyspace,)):
        found.setdefault(table, {})[name] = kind
    return found


def _rows(session: Session, text: str, values: Sequence[Any] = ()) -> Sequence[Any]:
    found: Sequence[Any] = session.execute(text, values or None).current_rows.rows
    return found


def _scan(session: Session, text: str) -> Iterator[Any]:
    """All rows of a table, however many."""
    result = session.execute(SimpleStatement(text, fetch_size=FETCH))
    yield from result.current_rows.rows
    while result.has_more_pages:
        result.fetch_next_page()
        yield from result.current_rows.rows


# -- leases ------------------------------------------------------------------------------------------------------------


class KeaLeases:
    """The leases of one family, page by page in the order of the cluster."""

    def __init__(self, session: Session, family: int, columns: Mapping[str, str], site: Any) -> None:
        self._session = session
        self._site = site
        self._lease = LEASES[family]
        self._names = [name for name in self._lease.columns if name in columns]
        self._kind = columns["address"]
        select = f"SELECT {', '.join(self._names)} FROM lease{family}"
        self._first = session.prepare(f"{select} LIMIT ?")
        self._next = session.prepare(f"{select} WHERE token(address) > token(?) LIMIT ?")
        self._behind: tuple[bytes | None, Any] = None, None
        """The address of the last lease that was given, and what its page ended with, as it is written there."""

    async def page(self, after: bytes | None, limit: int) -> Sequence[Any]:
        """As `ILeaseStore.page`; what is no lease is logged, and left out."""
        last = self._behind[1] if after == self._behind[0] else after and address_value(after, self._kind)
        while rows := await threaded(partial(self._page, last, limit), self._site.reactor):
            last = rows[-1][self._names.index("address")]
            leases = [lease for row in rows if (lease := self._read(row)) is not None]
            if leases:
                self._behind = leases[-1].address, last
                return leases
        return ()

    def _page(self, last: Any, limit: int) -> Sequence[Any]:
        """In a thread."""
        bound = self._first.bind((limit,)) if last is None else self._next.bind((last, limit))
        try:
            rows: Sequence[Any] = self._session.execute(bound).current_rows.rows
        except Exception as error:
            raise Unavailable(f"Kea's keyspace: {described(error)}") from error
        return rows

    def _read(self, row: Sequence[Any]) -> Any:
        named = dict(zip(self._names, row, strict=True))
        try:
            return self._lease.read(named)
        except (ValueError, TypeError) as error:
            if self._site.log.warn:
                self._site.log.warn("TXKEA_KEA_ROW", f"the lease of {named['address']!r} is left out: {error}")
        return None

    async def counts(self) -> Mapping[tuple[int, int, int], int]:
        """Nothing: only reading all of them would tell."""
        return {}

    async def close(self) -> None:
        """Let go of the connection."""
        await threaded(self._session.cluster.shutdown, self._site.reactor)


# -- hosts -------------------------------------------------------------------------------------------------------------


@frozen
class KeaHosts:
    """The reservations of one family; each was many rows, anywhere in the cluster, so that all of them were read."""

    hosts: Sequence[Host]

    async def page(self, after: int, limit: int) -> HostPage:
        """As `IHostStore.page`."""
        found = self.hosts[after : after + limit]
        return HostPage(found, after + len(found))

    async def close(self) -> None:
        """Nothing is open."""


@implementer(IProviderFactory)
class _KeyspaceFactory:
    """Makes a `KeaKeyspace` of a ``cql`` database map."""

    name = "cql"
    parameters = PARAMETERS

    def make(self, parameters: Mapping[str, Any], site: Any) -> KeaKeyspace:
        """See `IProviderFactory`; ``site`` has ``configuration``, ``reactor`` and ``log``."""
        return KeaKeyspace(settings(Parameters(parameters)), site)


KEA_KEYSPACE: Final = _KeyspaceFactory()
