"""A store of hosts in Kea's tables in PostgreSQL, MySQL or MariaDB."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from attrs import frozen
from sqlalchemy.exc import DBAPIError, IntegrityError
from zope.interface import implementer

from txkea.backend.gathering import Gathering
from txkea.backend.parameters import RECONNECT, Parameters
from txkea.backend.stored import StoredOptions
from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import HostPage, IHostStore, IProviderFactory
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier
from txkea.sql.database import Database, Session, reason
from txkea.sql.dialects import PARAMETERS, is_again, is_lost
from txkea.sql.hosts_rows import HostRows, StoredHost
from txkea.sql.hosts_tables import host_tables

__all__ = ["MYSQL_HOSTS", "POSTGRESQL_HOSTS", "SqlHosts"]

T = TypeVar("T")

TOGETHER: Final = 64
"""How many look-ups, and how many changes, go in one group."""
ATTEMPTS: Final = 3
"""How often a transaction that was in another's way is tried."""

Change = Callable[[Session], bool]


@implementer(IHostStore)
class SqlHosts:
    """Reservations of one family; ``site`` is a `txkea.providers.Surroundings`."""

    def __init__(self, database: Database, site: Any, *, readonly: bool) -> None:
        self.name = database.dialect.name
        self.readonly = readonly
        self._database = database
        self._configuration = site.configuration
        self._options = StoredOptions(site.configuration, site.log)
        self._rows: HostRows | None = None
        self._found: Gathering[tuple[Sequence[Identifier], int], Host | None] = Gathering(
            partial(self._look, lambda rows: rows.find_many), site.reactor, most=TOGETHER, at_once=2
        )
        self._reserved: Gathering[tuple[bytes, int], Sequence[Host]] = Gathering(
            partial(self._look, lambda rows: rows.at_many), site.reactor, most=TOGETHER
        )
        self._changed: Gathering[Change, bool] = Gathering(self._change, site.reactor, most=TOGETHER)
        database.on_connect(self._inspect)
        database.on_loss(self._forget)

    async def open(self) -> None:
        """See `IHostStore`."""
        await self._database.open()

    async def close(self) -> None:
        """See `IHostStore`."""
        await self._database.close()

    def _inspect(self, session: Session) -> None:
        tables = host_tables(session, self._configuration.family)
        self._rows = HostRows(tables, self._options, self._configuration.ip_reservations_unique)

    def _forget(self) -> None:
        for waiting in (self._found, self._reserved, self._changed):
            waiting.fail(Unavailable(f"{self._database.name}: the connection is lost"))

    # -- looking -------------------------------------------------------------------------------------------------------

    async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
        """See `IHostSource`."""
        self._database.connection.check()
        return await self._found.ask((identifiers, subnet_id)) if identifiers else None

    async def at(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        """See `IHostSource`."""
        self._database.connection.check()
        return await self._reserved.ask((address, subnet_id))

    async def page(self, after: int, limit: int, subnet_id: int | None = None) -> HostPage:
        """See `IHostStore`."""
        found = await self._look(lambda rows: rows.page, after, limit, subnet_id)
        return HostPage(_hosts(found), found[-1].number if found else after)

    async def by_hostname(self, hostname: str, subnet_id: int | None = None) -> Sequence[Host]:
        """See `IHostStore`."""
        return _hosts(await self._look(lambda rows: rows.named, hostname, subnet_id)) if hostname else []

    async def by_identifier(self, identifier: Identifier) -> Sequence[Host]:
        """See `IHostStore`."""
        return _hosts(await self._look(lambda rows: rows.identified, identifier))

    async def by_address(self, address: bytes) -> Sequence[Host]:
        """See `IHostStore`."""
        return _hosts(await self._look(lambda rows: rows.reserving, [address]))

    async def _look(self, method: Callable[[HostRows], Callable[..., T]], *arguments: Any) -> T:
        self._database.connection.check()
        assert self._rows is not None, "it is there once there is a connection"
        try:
            return await self._database.look(method(self._rows), *arguments)
        except DBAPIError as error:
            raise Unavailable(f"{self._database.name}: {reason(error)}") from error

    # -- changing ------------------------------------------------------------------------------------------------------

    async def add(self, host: Host) -> bool:
        """See `IHostStore`."""
        return await self._ask(lambda rows, session: rows.add(session, host))

    async def update(self, host: Host, was: Host) -> bool:
        """See `IHostStore`."""
        return await self._ask(lambda rows, session: rows.update(session, host, was))

    async def remove(self, host: Host) -> bool:
        """See `IHostStore`."""
        return await self._ask(lambda rows, session: rows.remove(session, host))

    async def _ask(self, change: Callable[[HostRows, Session], bool]) -> bool:
        if self.readonly:
            raise TxkeaError(f"{self._database.name} is read-only here; set readonly to false to change hosts in it")
        self._database.connection.check()
        assert self._rows is not None, "it is there once there is a connection"
        return await self._changed.ask(partial(change, self._rows))

    async def _change(self, changes: Sequence[Change]) -> Sequence[bool | TxkeaError]:
        """Make changes in one transaction; one that is wrong fails alone."""
        assert self._rows is not None, "it is there once there is a connection"
        begin, problem = self._rows.begin, ""
        for _ in range(ATTEMPTS):
            try:
                return await self._database.run(self._changes, begin, changes)
            except DBAPIError as error:
                problem = reason(error)
                if not is_again(self._database.dialect, error):
                    break
        raise Unavailable(f"{self._database.name}: {problem}")

    def _changes(
        self, session: Session, begin: Callable[[Session], None], changes: Sequence[Change]
    ) -> Sequence[bool | TxkeaError]:
        begin(session)
        return [self._outcome(session, change) for change in changes]

    def _outcome(self, session: Session, change: Change) -> bool | TxkeaError:
        dialect = self._database.dialect
        try:
            with session.begin_nested():
                return change(session)
        except TxkeaError as error:
            return error
        except IntegrityError as error:
            # Somebody who does not wait for our turn, such as Kea, was quicker.
            return False if is_again(dialect, error) else TxkeaError(f"{self._database.name}: {reason(error)}")
        except DBAPIError as error:
            if is_lost(dialect, error) or is_again(dialect, error):
                raise
            return TxkeaError(f"{self._database.name} cannot keep it: {reason(error)}")


def _hosts(stored: Sequence[StoredHost]) -> Sequence[Host]:
    return [each.host for each in stored]


# -- factories ---------------------------------------------------------------------------------------------------------


@implementer(IProviderFactory)
@frozen
class HostsFactory:
    """Makes the store that one of ``hosts-databases`` names."""

    name: str
    parameters: Sequence[str] = (*PARAMETERS, *RECONNECT, "readonly")

    def make(self, parameters: Mapping[str, Any], site: Any) -> SqlHosts:
        """See `IProviderFactory`."""
        given = Parameters(parameters)
        readonly = given.flag("readonly", False)
        return SqlHosts(Database(given, self.name, site, f"hosts-database {self.name}"), site, readonly=readonly)


POSTGRESQL_HOSTS: Final = HostsFactory("postgresql")
MYSQL_HOSTS: Final = HostsFactory("mysql")
