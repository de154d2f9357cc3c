"""`txkea.sql.hosts` over PostgreSQL and MariaDB with the tables that kea-admin makes."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, ClassVar, TypeVar

from hypothesis import settings
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from tests.real.databases import DATABASES
from txkea.model.configuration import Configuration
from txkea.paths import Paths
from txkea.providers import Surroundings
from txkea.sql.hosts import MYSQL_HOSTS, POSTGRESQL_HOSTS, SqlHosts
from txkea.testing.contracts.hosts import FEW, HostStoreContract, HostStoreContract6
from txkea.testing.disks import RecordingLog
from txkea.testing.waiting import wait

T = TypeVar("T")

FACTORIES = {"postgresql": POSTGRESQL_HOSTS, "mysql": MYSQL_HOSTS}


class SqlHostsCase(SynchronousTestCase):
    """Stores over one database server."""

    kind: ClassVar[str] = "postgresql"
    family = 4

    def setUp(self) -> None:
        super().setUp()
        self.database = DATABASES[self.kind].launch()
        self.log = RecordingLog()

    def wait(self, awaitable: Awaitable[T]) -> T:
        """What a call gives, or raises."""
        return wait(awaitable, reactor)

    def opened(self, unique: bool = True, **parameters: Any) -> SqlHosts:
        """Another store over the same hosts, not yet open."""
        surroundings = Surroundings(
            configuration=Configuration(family=self.family, ip_reservations_unique=unique),
            reactor=reactor,
            log=self.log,
            paths=Paths(),
        )
        store: SqlHosts = FACTORIES[self.kind].make(self.database.parameters(**parameters), surroundings)
        return store


class PostgresHostsTests(SqlHostsCase, HostStoreContract):
    """The contract."""

    def setUp(self) -> None:
        super().setUp()
        self.database.fresh()

    few = settings(FEW, max_examples=8)

    def make_store(self, *, unique: bool = True, readonly: bool = False) -> SqlHosts:
        self.database.execute("DELETE FROM hosts")
        return self.opened(unique, readonly=readonly)

    def reopen(self, store: Any) -> SqlHosts:
        self.wait(store.close())
        again = self.opened()
        self.wait(again.open())
        return again


class PostgresHosts6Tests(HostStoreContract6, PostgresHostsTests):
    """The same of DHCPv6."""

    family = 6


class MariaDBHostsTests(PostgresHostsTests):
    """The same in MariaDB."""

    kind = "mysql"


class MariaDBHosts6Tests(PostgresHosts6Tests):
    """The same in MariaDB of DHCPv6."""

    kind = "mysql"
