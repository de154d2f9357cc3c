"""Leases in a real Cassandra keep the contract of all lease stores in both families, and what is theirs alone."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any, Final, TypeVar

from hypothesis import Phase
from hypothesis import settings as how
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from tests.real.cassandra import Cassandra
from txkea.cassandra.factory import CASSANDRA_LEASES
from txkea.cassandra.leases import CassandraLeases
from txkea.interfaces import ILeaseStore
from txkea.providers import Unwatched
from txkea.testing.contracts.leases import FEW, STEPS, LeaseStoreContract, LeaseStoreContract6
from txkea.testing.disks import RecordingLog
from txkea.testing.waiting import wait

__all__ = ["Cassandra4Tests", "Cassandra6Tests"]

T = TypeVar("T")

LONGER: Final = int(os.environ.get("TXKEA_STORE_EXAMPLES", "1"))
"""How many times as many examples as usual."""
PHASES: Final = (Phase.explicit, Phase.reuse, Phase.generate)
"""To look for the smallest example that fails takes very long here."""


def surroundings(family: int) -> Any:
    """What a factory is given."""
    configuration = SimpleNamespace(family=family)
    return SimpleNamespace(configuration=configuration, reactor=reactor, log=RecordingLog(), backends=Unwatched())


class Cassandra4Tests(LeaseStoreContract, SynchronousTestCase):
    """`CassandraLeases` over one node."""

    ascending = False  # Cassandra knows no order but that of its tokens
    few = how(FEW, max_examples=4 * LONGER, phases=PHASES)
    steps = how(STEPS, max_examples=4 * LONGER, stateful_step_count=20, phases=PHASES)

    def setUp(self) -> None:
        self.cassandra = Cassandra.launch()

    def make(self) -> CassandraLeases:
        """A store, not yet open."""
        return CASSANDRA_LEASES.make(self.cassandra.parameters(), surroundings(self.samples.family))

    def make_store(self) -> CassandraLeases:
        self.cassandra.fresh()
        store = self.make()
        self.addCleanup(lambda: self.wait(store.close()))
        return store

    def reopen(self, store: ILeaseStore) -> CassandraLeases:
        self.wait(store.close())
        again = self.make()
        self.wait(again.open())
        self.addCleanup(lambda: self.wait(again.close()))
        return again

    def wait(self, awaitable: Awaitable[T]) -> T:
        return wait(awaitable, reactor)


class Cassandra6Tests(LeaseStoreContract6, Cassandra4Tests):
    """`CassandraLeases6`."""
