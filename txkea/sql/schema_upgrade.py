"""What an older schema of Kea's lacks that txkea uses, added step by step (Kea E029-E042)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection as Session
from sqlalchemy import Index, Inspector, Table, func, insert, inspect, select, update
from sqlalchemy.schema import CreateColumn

from txkea.sql.schema import HOSTS, LEASE4, LEASE4_STAT, LEASE6, LEASE6_STAT, OPTIONS4, OPTIONS6
from txkea.sql.schema_routines import COUNTED, counting

__all__ = ["Step", "steps"]


class Step(NamedTuple):
    """One addition, made in one transaction where the database can do that."""

    what: str
    """For people."""
    make: Callable[[Session], None]
    needed: bool = True
    """Whether txkea needs it; else it is faster with it."""


COLUMNS: Final[Sequence[tuple[Table, str]]] = (
    (LEASE4, "user_context"),
    (LEASE6, "user_context"),
    (HOSTS, "user_context"),
    (HOSTS, "dhcp4_next_server"),
    (HOSTS, "dhcp4_server_hostname"),
    (HOSTS, "dhcp4_boot_file_name"),
    (OPTIONS4, "user_context"),
    (OPTIONS6, "user_context"),
    # The last one: that it is there tells that subnet 0 means everywhere (Kea E041).
    (HOSTS, "auth_key"),
)
INDEXES: Final[Sequence[tuple[Table, str]]] = (
    (LEASE4, "lease4_by_subnet_id"),
    (LEASE6, "lease6_by_subnet_id_lease_type"),
    (LEASE6, "lease6_by_duid_iaid_subnet_id"),
    (LEASE6, "lease6_by_number"),
    (HOSTS, "hosts_by_hostname"),
)
STAT: Final[Mapping[int, tuple[Table, Table]]] = {4: (LEASE4, LEASE4_STAT), 6: (LEASE6, LEASE6_STAT)}


def steps(session: Session) -> Iterator[Step]:
    """What is lacking, in the order in which to add it; none if nothing is."""
    seen = inspect(session)
    for table, column in COLUMNS:
        if column not in {each["name"] for each in seen.get_columns(table.name)}:
            yield Step(f"column {table.name}.{column}", _adding(table, column))
    lacking = [family for family in STAT if not seen.has_table(STAT[family][1].name)]
    if lacking:
        yield Step("statistics of leases, kept by triggers", _count)
    for table, name in INDEXES:
        if _of(session, table, name) and not _is_indexed(seen, table, name):
            yield Step(f"index {name}", _indexing(table, name), needed=False)


def _adding(table: Table, name: str) -> Callable[[Session], None]:
    def add(session: Session) -> None:
        if name == "auth_key":
            _unused_is_null(session)
        column = CreateColumn(table.c[name]).compile(dialect=session.dialect)
        session.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column}")

    return add


def _unused_is_null(session: Session) -> None:
    """Where 0 meant that a host does not serve a family, NULL means so from now on."""
    for family in (4, 6):
        column = HOSTS.c[f"dhcp{family}_subnet_id"]
        session.execute(update(HOSTS).where(column == 0).values({column.name: None}))


def _count(session: Session) -> None:
    """Make the tables, the triggers, and what they would have counted so far."""
    for family, (leases, counts) in STAT.items():
        counts.create(session)
        keys: list[Any] = [leases.c[key] for key in COUNTED[family]]
        counted = select(*keys, func.count()).where(leases.c.state < 2).group_by(*keys)
        session.execute(insert(counts).from_select([*COUNTED[family], "leases"], counted))
    for statement in counting(session.dialect.name):
        session.exec_driver_sql(statement)


def _is_indexed(seen: Inspector, table: Table, name: str) -> bool:
    """Whether an index has this name, or begins with the same columns."""
    wanted = next([column.name for column in each.columns] for each in table.indexes if each.name == name)
    there = seen.get_indexes(table.name)
    return any(each["name"] == name or each["column_names"][: len(wanted)] == wanted for each in there)


def _of(session: Session, table: Table, name: str) -> list[Index]:
    """The indexes of this name that are for this kind of database."""
    here = (None, session.dialect.name)
    return [each for each in table.indexes if each.name == name and (each._ddl_if and each._ddl_if.dialect) in here]


def _indexing(table: Table, name: str) -> Callable[[Session], None]:
    def index(session: Session) -> None:
        for each in _of(session, table, name):
            each.create(session)

    return index
