"""An SQL database made ready: its tables made, recognised, brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from attrs import frozen
from sqlalchemy import Connection as Session
from sqlalchemy import create_engine, insert, inspect
from sqlalchemy.exc import SQLAlchemyError
from zope.interface import implementer

from txkea.backend.parameters import RECONNECT, Parameters
from txkea.backend.threads import threaded
from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import IDatabaseAdmin, IProviderFactory, Schema
from txkea.sql.database import reason
from txkea.sql.dialects import DIALECTS, PARAMETERS
from txkea.sql.hosts_tables import host_tables
from txkea.sql.layout import look_at
from txkea.sql.schema import ROWS, SCHEMA_VERSION, TABLES, VERSIONS
from txkea.sql.schema_routines import ROUTINES, counting
from txkea.sql.schema_upgrade import steps

__all__ = ["MYSQL_ADMIN", "POSTGRESQL_ADMIN", "SqlAdmin"]

T = TypeVar("T")

PATIENCE: Final = 3600
"""Seconds that a statement may take: the tables of those who upgrade may be large."""
KEAS: Final[Mapping[str, Sequence[tuple[tuple[int, int], str]]]] = {
    "mysql": (((0, 0), "older than 1.4"), ((6, 0), "1.4"), ((7, 0), "1.5 or newer"), ((14, 0), "2.2")),
    "postgresql": (((0, 0), "older than 1.4"), ((4, 0), "1.4"), ((5, 0), "1.5 or newer"), ((13, 0), "2.2")),
}
"""Versions of the schema from which on it is that of a Kea (Kea E029)."""
NO_TABLES: Final = "it has no tables; mend: txkea db init"
NOT_OURS: Final = "it has tables of something else; mend: name a database of its own for leases and hosts"


@implementer(IDatabaseAdmin)
class SqlAdmin:
    """Makes and looks at the tables of both families in one database."""

    def __init__(self, dialect: str, parameters: Parameters, reactor: Any) -> None:
        given = Parameters({"read-timeout": PATIENCE, "write-timeout": PATIENCE, **parameters.values})
        self._dialect = DIALECTS[dialect]
        self._reactor = reactor
        self._url = self._dialect.url(given)
        self._arguments = self._dialect.connect_args(given)
        place = f"{given.text('host', 'localhost')} port {int(given.number('port', 0)) or self._dialect.port}"
        self.name = f"{dialect} {given.text('name')} on {place}"

    async def version(self) -> Schema:
        """See `IDatabaseAdmin`."""
        return await self._run(self._version)

    async def init(self) -> Sequence[str]:
        """See `IDatabaseAdmin`."""
        return await self._run(self._init)

    async def upgrade(self) -> Sequence[str]:
        """See `IDatabaseAdmin`."""
        return await self._run(self._upgrade)

    async def _run(self, work: Callable[[Session], T]) -> T:
        """What is done in a thread, with one session; what is not committed is undone."""
        return await threaded(lambda: self._connected(work), self._reactor)

    def _connected(self, work: Callable[[Session], T]) -> T:
        engine = create_engine(self._url, connect_args=self._arguments, **self._dialect.engine)
        try:
            with engine.connect() as session:
                return self._done(work, session)
        except SQLAlchemyError as error:
            raise Unavailable(f"{self.name}: {reason(error)}") from error
        finally:
            engine.dispose()

    def _done(self, work: Callable[[Session], T], session: Session) -> T:
        try:
            return work(session)
        except SQLAlchemyError as error:
            raise TxkeaError(f"{self.name}: {reason(error)}") from error

    # -- what is there -------------------------------------------------------------------------------------------------

    def _version(self, session: Session) -> Schema:
        seen = inspect(session)
        tables = seen.get_table_names()
        if SCHEMA_VERSION.name not in tables:
            return Schema("", "", NOT_OURS if tables else NO_TABLES)
        found = session.exec_driver_sql("SELECT version, minor FROM schema_version").all()
        if len(found) != 1:
            return Schema("", "", NOT_OURS)
        version = int(found[0][0]), int(found[0][1] or 0)
        problem, advice = self._problem(session)
        return Schema(f"{version[0]}.{version[1]}", self._recognised(session, version), problem, advice)

    def _recognised(self, session: Session, version: tuple[int, int]) -> str:
        if not inspect(session).has_table("dhcp4_subnet") and version == VERSIONS[self._dialect.name]:
            return "txkea's, which Kea 2.2 can use too"
        known = [(since, name) for since, name in KEAS[self._dialect.name] if since <= version]
        newest = VERSIONS[self._dialect.name]
        return "a Kea newer than 2.2" if version > newest else f"Kea {known[-1][1]}"

    def _problem(self, session: Session) -> tuple[str, str]:
        """Why txkea cannot use the tables, and what would make them faster; what looking may have changed is undone."""
        try:
            for family in (4, 6):
                look_at(session, self._dialect.name, family)
                host_tables(session, family)
        except Unavailable as error:
            return str(error), ""
        finally:
            session.rollback()
        found = [*steps(session)]
        lacks = f"it lacks {', '.join(step.what for step in found)}; mend: txkea db upgrade" if found else ""
        return (lacks, "") if any(step.needed for step in found) else ("", lacks)

    # -- what is made --------------------------------------------------------------------------------------------------

    def _init(self, session: Session) -> Sequence[str]:
        there = inspect(session).get_table_names()
        if there:
            raise TxkeaError(f"{self.name} has tables already ({', '.join(sorted(there)[:5])}); mend: empty it first")
        major, minor = VERSIONS[self._dialect.name]
        TABLES.create_all(session, checkfirst=False)
        for table, rows in ROWS.items():
            names = table.c.keys()
            session.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])
        for statement in (*counting(self._dialect.name), *ROUTINES[self._dialect.name]):
            session.exec_driver_sql(statement)
        # Comes last: MySQL keeps what was made before an error, and half a schema must not look like one.
        session.execute(insert(SCHEMA_VERSION).values(version=major, minor=minor))
        session.commit()
        return [
            *(f"table {name}" for name in sorted(TABLES.tables)),
            "triggers and routines",
            f"version {major}.{minor}",
        ]

    def _upgrade(self, session: Session) -> Sequence[str]:
        found = self._version(session)
        if not found.version:
            raise TxkeaError(f"{self.name}: {found.problem}")
        done: list[str] = []
        for step in list(steps(session)):
            step.make(session)
            session.commit()
            done.append(step.what)
        return done


# -- factories ---------------------------------------------------------------------------------------------------------


@implementer(IProviderFactory)
@frozen
class AdminFactory:
    """Makes what ``txkea db`` uses, of a ``lease-database`` or ``hosts-database`` map."""

    name: str
    parameters: Sequence[str] = (*PARAMETERS, *RECONNECT, "readonly")

    def make(self, parameters: Mapping[str, Any], site: Any) -> SqlAdmin:
        """See `IProviderFactory`."""
        return SqlAdmin(self.name, Parameters(parameters), site.reactor)


POSTGRESQL_ADMIN: Final = AdminFactory("postgresql")
MYSQL_ADMIN: Final = AdminFactory("mysql")
