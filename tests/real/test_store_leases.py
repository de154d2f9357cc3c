"""Lease stores over real database servers keep the contract of all lease stores, in both families."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from typing import Any, ClassVar, Final, TypeVar

from attrs import evolve
from hypothesis import Phase, settings
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from tests.real.cassandra import Cassandra
from tests.real.databases import MariaDB, Postgres
from tests.real.redis import Redis
from tests.real.surroundings import surroundings
from txkea.cassandra.factory import CASSANDRA_LEASES
from txkea.interfaces import ILeaseStore
from txkea.redis.factory import REDIS_LEASES
from txkea.sql.factory import MYSQL_LEASES, POSTGRESQL_LEASES
from txkea.testing.contracts.leases import FEW, STEPS, LeaseStoreContract, LeaseStoreContract6
from txkea.testing.contracts.samples import SAMPLES4, SAMPLES6
from txkea.testing.waiting import wait

__all__ = [
    "Cassandra6Tests", "CassandraTests", "MariaDB6Tests", "MariaDBTests", "PostgreSQL6Tests", "PostgreSQLTests",
    "Redis6Tests", "RedisTests",
]  # fmt: skip

T = TypeVar("T")

LONGER: Final = int(os.environ.get("TXKEA_STORE_EXAMPLES", "1"))
"""How many times as many examples are tried."""
PHASES: Final = (Phase.explicit, Phase.reuse, Phase.generate)
"""A failure is told as it was found: to look for a smaller one takes minutes."""
SOURCES: Final = (0, 1, 2, 4, 8, 16, 32, 64, 128)
"""Where a hardware address may come from, by a table of Kea's."""


class DatabaseContract(LeaseStoreContract):
    """What all have in common; each fresh store is over the shared server, emptied."""

    few = settings(FEW, max_examples=6 * LONGER, phases=PHASES)
    steps = settings(STEPS, max_examples=4 * LONGER, stateful_step_count=20, phases=PHASES)
    factory: ClassVar[Any]
    server: ClassVar[Any]

    def made(self) -> ILeaseStore:
        """A store, not yet open."""
        parameters = self.server.launch().parameters()
        del parameters["type"]
        store: ILeaseStore = self.factory.make(parameters, surroundings(self.samples.family))
        self.addCleanup(lambda: self.wait(store.close()))
        return store

    def make_store(self) -> ILeaseStore:
        self.server.launch().fresh()
        return self.made()

    def reopen(self, store: ILeaseStore) -> ILeaseStore:
        self.wait(store.close())
        again = self.made()
        self.wait(again.open())
        return again

    def wait(self, awaitable: Awaitable[T]) -> T:
        return wait(awaitable, reactor)


# -- PostgreSQL and MariaDB --------------------------------------------------------------------------------------------


class PostgreSQLTests(DatabaseContract, SynchronousTestCase):
    """DHCPv4 in PostgreSQL."""

    factory = POSTGRESQL_LEASES
    server = Postgres


class MariaDBTests(DatabaseContract, SynchronousTestCase):
    """DHCPv4 in MariaDB."""

    # The column has room for 128 octets.
    samples = evolve(SAMPLES4, every=SAMPLES4.every.map(lambda lease: lease._replace(client_id=lease.client_id[:128])))
    factory = MYSQL_LEASES
    server = MariaDB


def known_source(lease: Any) -> Any:
    """A lease that fits the columns, whose hardware address comes from somewhere that Kea knows."""
    return lease._replace(hwaddr_source=SOURCES[lease.hwaddr_source % len(SOURCES)], duid=lease.duid[:128])


KNOWN6: Final = evolve(SAMPLES6, every=SAMPLES6.every.map(known_source))


class PostgreSQL6Tests(LeaseStoreContract6, PostgreSQLTests):
    """DHCPv6 in PostgreSQL."""

    samples = KNOWN6
    ascending = False  # addresses are text


class MariaDB6Tests(LeaseStoreContract6, MariaDBTests):
    """DHCPv6 in MariaDB."""

    samples = KNOWN6
    ascending = False  # addresses are text


# -- Redis -------------------------------------------------------------------------------------------------------------


class RedisTests(DatabaseContract, SynchronousTestCase):
    """DHCPv4 in Redis, which is quick."""

    few = settings(FEW, max_examples=15 * LONGER)
    steps = settings(STEPS, max_examples=10 * LONGER, stateful_step_count=25)
    factory = REDIS_LEASES
    server = Redis


class Redis6Tests(LeaseStoreContract6, RedisTests):
    """DHCPv6 in Redis."""


# -- Cassandra ---------------------------------------------------------------------------------------------------------


class CassandraTests(DatabaseContract, SynchronousTestCase):
    """DHCPv4 in Cassandra."""

    few = settings(FEW, max_examples=4 * LONGER, phases=PHASES)
    ascending = False  # Cassandra knows no order but that of its tokens
    factory = CASSANDRA_LEASES
    server = Cassandra


class Cassandra6Tests(LeaseStoreContract6, CassandraTests):
    """DHCPv6 in Cassandra."""
