"""The keyspace as txkea has it: made, recognised, brought up to date (Kea E.6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from cassandra.cluster import Session  # type: ignore[import-untyped]
from zope.interface import implementer

from txkea.cassandra.connection import connected, described, threaded
from txkea.cassandra.hosts_tables import HOST_TABLES
from txkea.cassandra.parameters import Settings
from txkea.cassandra.tables import LEASE_TABLES
from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import IDatabaseAdmin, Schema

__all__ = ["CassandraAdmin", "check", "make_tables", "tables_of"]

T = TypeVar("T")

VERSION: Final = 1
"""Of the tables; a newer one than that was made by a newer txkea."""
NUMBER: Final = "txkea_version"
TABLES: Final[Sequence[str]] = (
    f"CREATE TABLE IF NOT EXISTS {NUMBER} (part text PRIMARY KEY, version int)",
    *LEASE_TABLES,
    *HOST_TABLES,
)
KEA: Final = {"schema_version", "lease4"}
"""Tables that only Kea's own keyspace has."""
REPLICAS: Final = 3
"""Of each row, in a cluster that has so many nodes."""


def tables_of(session: Session, keyspace: str) -> set[str]:
    """The names of the tables that a keyspace has; blocks."""
    text = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s"
    return {name for (name,) in session.execute(text, (keyspace,)).current_rows.rows}


def _number(session: Session, keyspace: str) -> int | None:
    rows = session.execute(f"""SELECT version FROM "{keyspace}".{NUMBER} WHERE part = 'tables'""").current_rows.rows
    return int(rows[0][0]) if rows else None


def look(session: Session, keyspace: str) -> Schema:
    """What a keyspace has in it; blocks."""
    tables = tables_of(session, keyspace)
    if NUMBER in tables:
        number = _number(session, keyspace)
        return Schema(str(number or 0), "txkea", _wrong(number))
    if tables >= KEA:
        problem = "it is Kea's own keyspace; mend: make one for txkea, and fetch the leases with txkea leases copy"
        return Schema("", "Kea's Cassandra backend", problem)
    return Schema("", "", "it has no tables of txkea's; mend: txkea db init")


def _wrong(number: int | None) -> str:
    if number is None or number < VERSION:
        return "its tables are not complete; mend: txkea db upgrade"
    return "a newer txkea made its tables; mend: install that one" if number > VERSION else ""


def check(session: Session) -> None:
    """Raise `Unavailable` with the mend unless a session's keyspace can be used; blocks."""
    problem = look(session, session.keyspace).problem
    if problem:
        raise Unavailable(f"keyspace {session.keyspace}: {problem}")


def make_tables(session: Session, keyspace: str) -> list[str]:
    """Make what a keyspace lacks; gives what was done, for people. Blocks."""
    before = tables_of(session, keyspace)
    session.set_keyspace(keyspace)
    for text in TABLES:
        session.execute(text)
    made = sorted(tables_of(session, keyspace) - before)
    session.execute(f"INSERT INTO {NUMBER} (part, version) VALUES ('tables', {VERSION:d})")
    return [*(f"table {name}" for name in made), f"version {VERSION}"]


@implementer(IDatabaseAdmin)
class CassandraAdmin:
    """Makes a keyspace, and the tables in it. ``replicas`` is how many nodes shall have each row of a new one; 0 is
    three, or all where there are fewer.
    """

    def __init__(self, settings: Settings, reactor: Any, replicas: int = 0) -> None:
        self.name = f"cql {settings.keyspace} on {', '.join(settings.contact_points)}"
        self._settings = settings
        self._keyspace = settings.keyspace
        self._reactor = reactor
        self._replicas = replicas

    async def version(self) -> Schema:
        return await self._run(lambda session: look(session, self._keyspace))

    async def init(self) -> Sequence[str]:
        return await self._run(self._init)

    async def upgrade(self) -> Sequence[str]:
        return await self._run(self._upgrade)

    async def _run(self, work: Callable[[Session], T]) -> T:
        """In a thread, with a session of its own."""

        def run() -> T:
            try:
                session = connected(self._settings)
            except Exception as error:
                raise Unavailable(f"{self.name}: {described(error)}") from error
            try:
                return work(session)
            except TxkeaError:
                raise
            except Exception as error:
                raise TxkeaError(f"{self.name}: {described(error)}") from error
            finally:
                session.cluster.shutdown()

        return await threaded(run, self._reactor)

    def _init(self, session: Session) -> list[str]:
        tables = tables_of(session, self._keyspace)
        if tables:
            there = ", ".join(sorted(tables)[:5])
            raise TxkeaError(f"{self.name} has tables already ({there}); mend: name another keyspace")
        return [*self._make_keyspace(session), *make_tables(session, self._keyspace)]

    def _upgrade(self, session: Session) -> list[str]:
        found = look(session, self._keyspace)
        if not found.version:
            raise TxkeaError(f"{self.name}: {found.problem}")
        if int(found.version) > VERSION:
            raise TxkeaError(f"{self.name}: {found.problem}")
        return make_tables(session, self._keyspace)

    def _make_keyspace(self, session: Session) -> list[str]:
        text = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = %s"
        if session.execute(text, (self._keyspace,)).current_rows.rows:
            return []
        replicas = self._replicas or min(REPLICAS, len(session.cluster.metadata.all_hosts()))
        replication = f"{{'class': 'NetworkTopologyStrategy', 'replication_factor': {replicas:d}}}"
        session.execute(f'CREATE KEYSPACE "{self._keyspace}" WITH replication = {replication}')
        return [f"keyspace {self._keyspace} with {replicas} replicas of each row"]
