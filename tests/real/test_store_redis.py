"""Leases in a real Redis: the contract in both families, and what happens to a Redis that forgets."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from hypothesis import settings
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from tests.real.redis import Redis
from txkea.backend.parameters import Reconnect
from txkea.interfaces import ILeaseStore
from txkea.providers import Unwatched
from txkea.redis.leases import Options, RedisLeases
from txkea.redis.wire import Place
from txkea.testing.contracts.leases import FEW, STEPS, LeaseStoreContract, LeaseStoreContract6
from txkea.testing.disks import RecordingLog
from txkea.testing.waiting import wait

__all__ = ["Redis6Tests", "RedisTests"]

T = TypeVar("T")


class RedisTests(LeaseStoreContract, SynchronousTestCase):
    """`RedisLeases` on the shared server."""

    few = settings(FEW, max_examples=15)
    steps = settings(STEPS, max_examples=10, stateful_step_count=25)

    def wait(self, awaitable: Awaitable[T]) -> T:
        return wait(awaitable, reactor)

    def make(self) -> RedisLeases:
        """A store, not yet open."""
        redis = Redis.launch()
        return RedisLeases(
            Place(host=redis.host, port=redis.port),
            Options(),
            Reconnect(),
            family=self.samples.family,
            reactor=reactor,
            log=RecordingLog(),
            backends=Unwatched(),
        )

    def make_store(self) -> RedisLeases:
        Redis.launch().fresh()
        store = self.make()
        self.addCleanup(lambda: self.wait(store.close()))
        return store

    def reopen(self, store: ILeaseStore) -> RedisLeases:
        self.wait(store.close())
        again = self.make()
        self.wait(again.open())
        self.addCleanup(lambda: self.wait(again.close()))
        return again


class Redis6Tests(LeaseStoreContract6, RedisTests):
    """The same for DHCPv6."""
