"""`txkea.hosts.cache` by the contracts: alone, and in two servers that share what they remember."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txkea.caching import IHostCacheListener, Key
from txkea.errors import TxkeaError, Unavailable
from txkea.hosts.cache import HostCache
from txkea.hosts.memory import Policy
from txkea.model.configuration import Configuration, Host
from txkea.testing.contracts.host_cache import (
    ONE,
    HostCacheContract,
    HostCacheLevelContract,
    SharingContract,
    host,
)
from txkea.testing.host_sources import AskedHosts, KnowingHosts
from txkea.testing.hosts import MemoryHosts
from txkea.testing.levels import Common, MemoryLevel
from txkea.testing.local import clock_now


class CacheCase(SynchronousTestCase):
    """Caches on one clock."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = clock_now()
        self.statistics: dict[str, int] = {}

    def made(self, common: Common | None = None, **policy: Any) -> HostCache:
        """One more; with something in common it has a level, which is open."""
        cache = HostCache(
            Policy(**policy), Configuration(family=4), seconds=self.clock.seconds, statistics=self.statistics,
            level=None if common is None else MemoryLevel(common), reactor=self.clock,
        )  # fmt: skip
        self.successResultOf(Deferred.fromCoroutine(cache.start()))
        return cache


class MemoryTests(HostCacheContract, CacheCase):
    """A cache by itself."""

    def make_cache(self, **policy: Any) -> HostCache:
        return self.made(**policy)


class SharedTests(HostCacheContract, CacheCase):
    """A cache that shares, if only with itself."""

    def make_cache(self, **policy: Any) -> HostCache:
        return self.made(Common(self.clock.seconds), **policy)


class SharingTests(SharingContract, CacheCase):
    """Two servers over a level in memory."""

    def make_caches(self, **policy: Any) -> Sequence[HostCache]:
        common = Common(self.clock.seconds)
        return [self.made(common, **policy) for _ in range(2)]

    def turn(self) -> None:
        self.clock.advance(0.01)


@implementer(IHostCacheListener)
class Hearing:
    """Keeps what it is told."""

    def __init__(self, heard: list[tuple[Any, ...]]) -> None:
        self.heard = heard

    def stored(self, keys: Sequence[Key]) -> None:
        self.heard.append(("stored", [*keys]))

    def gone(self, keys: Sequence[Key]) -> None:
        self.heard.append(("gone", [*keys]))

    def released(self, key: Key, failed: bool) -> None:
        self.heard.append(("released", key, failed))

    def cleared(self) -> None:
        self.heard.append(("cleared",))

    def doubted(self) -> None:
        self.heard.append(("doubted",))


class LevelTests(HostCacheLevelContract, CacheCase):
    """The level in memory."""

    def make_levels(self) -> Sequence[MemoryLevel]:
        common = Common(self.clock.seconds)
        one, two = MemoryLevel(common), MemoryLevel(common)
        one.open(Hearing([]))
        two.open(Hearing(self.heard))
        return one, two


class AwayTests(CacheCase):
    """A level that cannot be used is gone on without."""

    def setUp(self) -> None:
        super().setUp()
        self.common = Common(self.clock.seconds)
        self.source = KnowingHosts(host())
        self.one, self.two = (self.made(self.common, positive_ttl=10, stale=20) for _ in range(2))
        self.cached = [each.around(self.source) for each in (self.one, self.two)]

    def find(self, at: int) -> Deferred[Host | None]:
        async def run() -> Host | None:
            query: Any = ONE
            found: Host | None = await self.cached[at].find([], 1, query)
            return found

        return Deferred.fromCoroutine(run())

    def problem(self, text: str) -> None:
        for level in self.common.levels:
            level.problem = text

    def test_away(self) -> None:
        """Each server asks for itself, and what it finds is shared again once the level is back."""
        self.problem("away")
        for at in (0, 1, 0, 1):
            self.assertEqual(self.successResultOf(self.find(at)), host())
        self.assertEqual(len(self.source.asked), 2)
        self.assertEqual(self.one.status()["host-cache"]["shared"], {"name": "memory", "problem": "away"})
        self.problem("")
        self.clock.advance(31)
        for at in (0, 1):
            self.assertEqual(self.successResultOf(self.find(at)), host())
        self.assertEqual(len(self.source.asked), 3)

    def test_flushed(self) -> None:
        """What is lost there is still known to who has it in memory, and asked for by who has not."""
        self.successResultOf(self.find(0))
        self.common.entries.clear()
        for at in (0, 1):
            self.assertEqual(self.successResultOf(self.find(at)), host())
        self.assertEqual(len(self.source.asked), 2)

    def test_away_while_waiting(self) -> None:
        """Who waits for another server asks itself when the level goes away meanwhile."""
        self.source.waiting = []
        first, second = self.find(0), self.find(1)
        self.assertEqual(len(self.source.asked), 1)
        self.problem("away")
        self.clock.advance(1)
        self.assertEqual(len(self.source.asked), 2)
        self.source.go_on()
        self.assertEqual([self.successResultOf(each) for each in (first, second)], [host(), host()])

    def test_other_server_dies(self) -> None:
        """Who waits for another server asks itself when that one has died, and its claim with it."""
        self.source.waiting = []
        self.find(0)
        second = self.find(1)
        self.common.claims.clear()
        self.clock.advance(1)
        self.assertEqual(len(self.source.asked), 2)
        self.source.go_on()
        self.assertEqual(self.successResultOf(second), host())

    def test_doubted_while_waiting(self) -> None:
        """Who waits for another server looks again at once when news may have been missed."""
        self.source.waiting = []
        self.find(0)
        self.find(1)
        self.common.claims.clear()
        self.assertEqual(len(self.source.asked), 1)
        self.two.doubted()
        self.assertEqual(len(self.source.asked), 2)

    def test_in_vain(self) -> None:
        """Who has waited in vain for another server's answer is told as if its own source had none."""
        self.source.waiting, self.source.error = [], Unavailable("away")
        first, second = self.find(0), self.find(1)
        self.source.go_on()
        self.failureResultOf(first, Unavailable)
        self.failureResultOf(second, Unavailable)

    def test_changed_meanwhile(self) -> None:
        """Who comes after a change waits for what was asked before it, has no use for that, and asks then."""
        self.source.waiting = []
        first = self.find(0)
        self.successResultOf(Deferred.fromCoroutine(self.one.forget(host())))
        second = self.find(0)
        self.assertEqual(len(self.source.asked), 1)
        self.source.go_on()
        self.assertEqual([self.successResultOf(each) for each in (first, second)], [host(), host()])
        self.assertEqual(len(self.source.asked), 2)

    def test_cannot_be_told(self) -> None:
        """A command whose change the other servers do not hear of says so, and has made it here."""
        self.problem("slow")
        self.successResultOf(self.find(0))
        error = self.failureResultOf(Deferred.fromCoroutine(self.one.forget(host())), TxkeaError).getErrorMessage()
        for word in ("memory could not be told: slow", "other servers"):
            self.assertIn(word, error)
        self.assertEqual(self.one.size(), 0)

    def test_doubted(self) -> None:
        """After news may have been missed, all is looked up again, and serves meanwhile."""
        self.successResultOf(self.find(0))
        self.common.entries.clear()
        self.one.doubted()
        self.source.waiting = []
        self.assertEqual(self.successResultOf(self.find(0)), host())
        self.assertEqual(len(self.source.asked), 2)

    def test_aged(self) -> None:
        """What has aged serves a server that never had it, while another one looks it up again."""
        self.successResultOf(self.find(0))
        self.clock.advance(15)
        self.source.waiting = []
        self.assertEqual(self.successResultOf(self.find(1)), host())
        self.assertEqual(len(self.source.asked), 1)
        self.assertEqual(self.successResultOf(self.find(1)), host())
        self.assertEqual(len(self.source.asked), 2)

    def test_aged_and_source_away(self) -> None:
        """Who was refused serves as well where the source cannot be asked again."""
        refused = host(refused=True)
        cache = self.made(self.common, negative_ttl=5, stale=20)
        source = AskedHosts(refused)
        source.name = "other"
        cached = cache.around(source)

        async def run(cached: Any) -> Any:
            return await cached.find([ONE], 1)

        self.successResultOf(Deferred.fromCoroutine(run(cached)))
        self.clock.advance(10)
        source.error = Unavailable("away")
        fresh = self.made(self.common, negative_ttl=5, stale=20).around(source)
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(run(fresh))), refused)

    def test_aged_refusal(self) -> None:
        """Whose refusal has aged is looked up before that counts again, also by a server that never asked."""
        source = KnowingHosts(host(refused=True))
        cached = [self.made(self.common, negative_ttl=5, stale=20).around(source) for _ in range(2)]

        async def run(at: int) -> Any:
            query: Any = ONE
            return await cached[at].find([], 1, query)

        self.successResultOf(Deferred.fromCoroutine(run(0)))
        self.clock.advance(10)
        source.hosts = MemoryHosts([host()])
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(run(1))), host())
