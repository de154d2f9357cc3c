"""What the lease table of one database looks like: found out, never assumed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from attrs import frozen
from sqlalchemy.exc import SQLAlchemyError

from txkea.errors import Unavailable
from txkea.model.lease import LeaseState
from txkea.sql.database import Session

__all__ = ["COLUMNS", "Field", "Layout", "look_at"]

_NEEDED: Final = (
    "address", "hwaddr", "client_id", "valid_lifetime", "expire", "subnet_id", "fqdn_fwd", "fqdn_rev", "hostname",
    "state",
)  # fmt: skip
COLUMNS: Final[Mapping[int, tuple[str, ...]]] = {
    4: (*_NEEDED, "user_context", "pool_id"),
    6: (
        *("duid" if name == "client_id" else name for name in _NEEDED), "user_context", "pool_id", "lease_type", "iaid",
        "prefix_len", "pref_lifetime", "hwtype", "hwaddr_source",
    ),
}  # fmt: skip
"""The columns of each family in the order of the fields of a lease (Kea E031-E033)."""
OPTIONAL: Final = frozenset({"user_context", "pool_id"})
"""Those that Kea 1.4 did not have."""
_TABLES: Final = """
    SELECT table_name, column_name, data_type, character_maximum_length, character_set_name, {detail}
    FROM information_schema.columns WHERE table_schema = {schema}
    AND table_name IN ('lease4', 'lease6', 'lease4_stat', 'lease6_stat', 'schema_version')
"""
_QUERIES: Final = {
    "postgresql": _TABLES.format(detail="udt_name", schema="ANY (current_schemas(false))"),
    "mysql": _TABLES.format(detail="column_type", schema="DATABASE()"),
}
_ENCODING: Final = {"postgresql": "SHOW server_encoding", "mysql": "SELECT 'per column'"}
_STATES: Final = "SELECT state FROM lease_state"
_SOURCES: Final = "SELECT hwaddr_source FROM lease_hwaddr_source"
_VERSION: Final = "SELECT version, minor FROM schema_version"


class Field(NamedTuple):
    """One column as the database describes it."""

    type: str
    length: int | None
    """Of the longest text or bytes; None where that is no question."""
    charset: str | None
    detail: str

    @property
    def unsigned(self) -> bool:
        """Whether it holds all of 32 bits without a sign (MySQL says so; a wide one does too)."""
        return "unsigned" in self.detail or self.type == "bigint"


@frozen(kw_only=True)
class Layout:
    """The lease table of one family."""

    dialect: str
    family: int
    version: str
    fields: Mapping[str, Field]
    """By the names of the columns that are there."""
    stat: bool
    """Whether triggers count the leases."""
    unicode: bool
    """Whether host names may have any character."""
    states: frozenset[int]
    sources: frozenset[int]

    @property
    def table(self) -> str:
        """Its name."""
        return f"lease{self.family}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Those of the columns of a lease that are there, in their order."""
        return tuple(name for name in COLUMNS[self.family] if name in self.fields)

    @property
    def address(self) -> str:
        """How an address stands there: ``number``, ``text``, ``inet`` or ``binary``."""
        kind = self.fields["address"].type
        return {"inet": "inet", "binary": "binary"}.get(kind, "number" if self.family == 4 else "text")


def look_at(session: Session, dialect: str, family: int) -> Layout:
    """The lease table of a family; raises `Unavailable` with what is wrong and the mend.

    States of leases that the database does not know are entered, where its user may do that.
    """
    tables: dict[str, dict[str, Field]] = {}
    for table, column, *described in session.exec_driver_sql(_QUERIES[dialect]).all():
        tables.setdefault(table.lower(), {})[column.lower()] = Field(*described)
    fields = tables.get(f"lease{family}")
    if fields is None or "schema_version" not in tables:
        raise Unavailable("there are no tables of Kea's; mend: txkea db init, or kea-admin db-init")
    version = ".".join(str(part) for part in session.exec_driver_sql(_VERSION).one())
    _refuse_odd(fields, family, version)
    encoding = session.exec_driver_sql(_ENCODING[dialect]).scalar()
    return Layout(
        dialect=dialect,
        family=family,
        version=version,
        fields=fields,
        stat=f"lease{family}_stat" in tables,
        unicode=encoding == "UTF8" or fields["hostname"].charset == "utf8mb4",
        states=_states(session, family),
        sources=frozenset(_numbers(session, _SOURCES)) if family == 6 else frozenset(),
    )


def _refuse_odd(fields: Mapping[str, Field], family: int, version: str) -> None:
    place = f"schema {version}"
    missing = [name for name in COLUMNS[family] if name not in fields and name not in OPTIONAL]
    if missing:
        mend = "txkea db upgrade, or kea-admin db-upgrade"
        raise Unavailable(f"{place}: table lease{family} lacks the column {missing[0]}; mend: {mend}")
    known = ("bigint", "int") if family == 4 else ("character varying", "varchar", "inet", "binary")
    kind = fields["address"].type
    if kind not in known:
        raise Unavailable(
            f"{place}: column address of table lease{family} is of type {kind}, which no schema of Kea's has; "
            f"known are {', '.join(known)}"
        )


def _numbers(session: Session, statement: str) -> Iterable[int]:
    return [number for (number,) in session.exec_driver_sql(statement)]


def _states(session: Session, family: int) -> frozenset[int]:
    """What the column ``state`` may hold; newer states are entered into an older schema."""
    known = {*_numbers(session, _STATES)}
    for state in LeaseState:
        if state not in known and (family == 6 or state != LeaseState.REGISTERED):
            known |= _entered(session, state)
    return frozenset(known)


def _entered(session: Session, state: LeaseState) -> set[int]:
    values: dict[str, Any] = {"state": int(state), "name": state.name.lower()}
    try:
        with session.begin_nested():
            session.exec_driver_sql("INSERT INTO lease_state (state, name) VALUES (%(state)s, %(name)s)", values)
    except SQLAlchemyError:  # another server was faster, or this user may only read: both are told by the rows
        return {number for number in _numbers(session, _STATES) if number == state}
    return {int(state)}
