"""Three Cassandra nodes with all rows each: one dies and comes back, one hangs; no lease is lost or given twice."""

from __future__ import annotations

import os
import random
from collections.abc import Generator
from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.python import log
from twisted.trial.unittest import TestCase

from tests.real.cassandra import Cluster3
from tests.real.surroundings import surroundings
from txkea.cassandra.factory import CASSANDRA_LEASES
from txkea.errors import Unavailable
from txkea.interfaces import ILeaseStore
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import Lease4

__all__ = ["ClusterTests"]

CLOCK: Any = reactor
PHASE: Final = float(os.environ.get("TXKEA_CLUSTER_SECONDS", "5"))
"""Seconds of load between two events."""
CLIENTS: Final = 24
"""Of each server."""
POOL: Final = 6000
"""Addresses, in some 24 slices."""
GAP: Final = 10.0
"""Seconds that clients may have to wait for anything at all."""


class Load:
    """Clients of two servers that share a pool: they take addresses, renew and give them back.

    ``owners`` is what the stores have acknowledged. A change that ended with `Unavailable` may have been made or not:
    ``doubtful`` has both. Every address is used by several clients at once, but renewed only by its owner.
    """

    def __init__(self, stores: list[ILeaseStore]) -> None:
        self.stores = stores
        self.owners: dict[int, Lease4] = {}
        self.doubtful: dict[int, set[Lease4 | None]] = {}
        self.busy: set[int] = set()
        self.ending: set[int] = set()
        self.twice: list[Lease4] = []
        self.acknowledged = 0
        self.refused = 0
        self.gap = 0.0
        self._last = CLOCK.seconds()
        self._serial = 0
        self._over = False
        self._random = random.Random(7)
        self._clients: list[Deferred[None]] = []

    def start(self) -> None:
        """Let the clients begin."""
        self._last = CLOCK.seconds()
        self._clients = [Deferred.fromCoroutine(self._client(store)) for store in self.stores for _ in range(CLIENTS)]

    async def stop(self) -> None:
        """Let them finish."""
        self._over = True
        await gatherResults(self._clients)

    async def _client(self, store: ILeaseStore) -> None:
        while not self._over:
            number = self._random.randrange(POOL)
            owned = self.owners.get(number)
            try:
                if number in self.doubtful:
                    await deferLater(CLOCK, 0, lambda: None)
                elif owned is None:
                    await self._take(store, number)
                elif number in self.busy | self.ending:
                    await deferLater(CLOCK, 0, lambda: None)
                else:
                    change = self._renew if self._random.random() < 0.8 else self._end
                    await change(store, number, owned)
            except Unavailable:
                await deferLater(CLOCK, 0.05, lambda: None)

    def _lease(self, number: int) -> Lease4:
        self._serial += 1
        mark = self._serial.to_bytes(5, "big")
        now = int(CLOCK.seconds())
        return Lease4(b"\x0a\0" + number.to_bytes(2, "big"), b"\2" + mark, b"\1\2" + mark, 3600, now + 3600, 1)

    async def _take(self, store: ILeaseStore, number: int) -> None:
        """Several may try; one gets it."""
        lease = self._lease(number)
        try:
            added = await store.add(lease)
        except Unavailable:
            if number not in self.owners:
                self.doubtful.setdefault(number, {None}).add(lease)
            raise
        if not added:
            self.refused += 1
            return
        if number in self.owners and number not in self.ending:
            self.twice.append(lease)
        if number in self.doubtful:
            self.doubtful[number].add(lease)
        self.owners[number] = lease
        self._acknowledge()

    async def _renew(self, store: ILeaseStore, number: int, owned: Lease4) -> None:
        later = owned._replace(expires=owned.expires + 1)
        self.busy.add(number)
        try:
            done = await store.update(later, owned)
        except Unavailable:
            self.doubtful[number] = {owned, later}
            raise
        finally:
            self.busy.discard(number)
        self.twice += [] if done else [owned]
        self.owners[number] = later
        self._acknowledge()

    async def _end(self, store: ILeaseStore, number: int, owned: Lease4) -> None:
        """Somebody may have the address before we hear that it is free."""
        self.ending.add(number)
        try:
            done = await store.remove(owned)
        except Unavailable:
            if self.owners[number] == owned:
                self.doubtful[number] = {owned, None}
            raise
        finally:
            self.ending.discard(number)
        self.twice += [] if done else [owned]
        if self.owners[number] == owned:
            del self.owners[number]
        self._acknowledge()

    def _acknowledge(self) -> None:
        now = CLOCK.seconds()
        self.gap = max(self.gap, now - self._last)
        self._last = now
        self.acknowledged += 1


class ClusterTests(TestCase):
    """Two servers on three nodes."""

    timeout = 600.0
    cluster: Cluster3

    def setUp(self) -> None:
        self.cluster = Cluster3()
        self.addCleanup(self.cluster.remove)

    def store(self) -> ILeaseStore:
        """A store as one server has it, not yet open."""
        parameters = self.cluster.parameters(**{"request-timeout": 8000})
        store: ILeaseStore = CASSANDRA_LEASES.make(parameters, surroundings(4))
        return store

    def test_nodes_are_lost(self) -> Generator[Deferred[Any], Any, None]:
        """Under load a node is killed and started again, and another hangs: what was acknowledged is there, once."""
        return Deferred.fromCoroutine(self.run_load())  # type: ignore[return-value]

    async def run_load(self) -> None:
        """The whole story."""
        stores = [self.store(), self.store()]
        for store in stores:
            await store.open()
        load = Load(stores)
        load.start()
        _, second, third = self.cluster.nodes
        gaps = {}
        for event, make in (
            ("all well", lambda: None),
            ("one killed", second.kill),
            ("started again", lambda: deferToThread(second.start)),
            ("one frozen", third.freeze),
            ("thawed", third.thaw),
        ):
            load.gap = 0.0
            await _maybe(make())
            await deferLater(CLOCK, 2 * PHASE if event == "one frozen" else PHASE, lambda: None)
            gaps[event] = round(load.gap, 1)
        await load.stop()
        for store in stores:
            await store.close()
        log.msg(f"{load.acknowledged} acknowledged, {len(load.doubtful)} in doubt, longest gaps {gaps}")
        await self.check(load, gaps)

    async def check(self, load: Load, gaps: dict[str, float]) -> None:
        """What a third server finds."""
        self.assertEqual([], load.twice)
        self.assertGreater(load.acknowledged, 200)
        self.assertLess(max(gaps.values()), GAP, gaps)
        store = self.store()
        await store.open()
        try:
            found = await self.everything(store)
            for number, lease in load.owners.items():
                if number not in load.doubtful:
                    self.assertEqual(lease, found.get(number))
            for number, candidates in load.doubtful.items():
                self.assertIn(found.get(number), candidates)
            self.assertLessEqual({*found}, {*load.owners, *load.doubtful})
            counts = {kind: count for kind, count in (await store.counts()).items() if count}
            self.assertEqual({(1, 0, 0): len(found)}, counts)
            for lease in random.Random(1).sample([*found.values()], 50):
                of_client = await store.by_client(Identifier(IdentifierKind.HW_ADDRESS, lease.hwaddr))
                self.assertIn(lease, of_client)
        finally:
            await store.close()

    async def everything(self, store: ILeaseStore) -> dict[int, Lease4]:
        """All leases by the number of their address."""
        found: dict[int, Lease4] = {}
        after = None
        while page := await store.page(after, 1000):
            found.update((int.from_bytes(lease.address[2:], "big"), lease) for lease in page)
            after = page[-1].address
        return found


async def _maybe(result: Any) -> None:
    if isinstance(result, Deferred):
        await result
