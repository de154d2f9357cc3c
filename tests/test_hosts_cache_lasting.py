"""`txkea.hosts.cache`: how long something is remembered, what must go, and what becomes of it at a change."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.caching import ADDRESS, ONE, THREE, TWO, Cached, Elsewhere, host
from txkea.caching import CachedHost, Held
from txkea.errors import Unavailable
from txkea.interfaces import IHostCache
from txkea.model.configuration import Configuration, Database, Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.testing.host_sources import AskedHosts, KnowingHosts
from txkea.testing.hosts import MemoryHosts


class StaleTests(SynchronousTestCase):
    """What is over is used while it is looked up again, or when it cannot be."""

    def setUp(self) -> None:
        super().setUp()
        self.cached = Cached(AskedHosts(host()), positive_ttl=10, negative_ttl=10, stale=100)

    def aged(self, *identifiers: Identifier) -> None:
        """Look up some, and let their time be over."""
        for identifier in identifiers:
            self.successResultOf(self.cached.find(identifier))
        self.cached.clock.advance(10)
        self.cached.source.asked.clear()

    def test_refreshed(self) -> None:
        """It serves while one refresh is under way, and what that brings serves afterwards."""
        self.aged(ONE)
        self.cached.source.waiting = []
        new = host(hostname="new")
        self.cached.source.hosts = MemoryHosts([new])
        for _ in range(3):
            self.assertEqual(self.successResultOf(self.cached.find(ONE)), host())
        self.assertEqual(self.cached.source.asked, [(ONE,)])
        self.cached.source.go_on()
        self.assertEqual(self.successResultOf(self.cached.find(ONE)), new)
        self.assertEqual(self.cached.source.asked, [(ONE,)])

    def test_gone(self) -> None:
        """A reservation that is found to be gone is gone."""
        self.aged(ONE)
        self.cached.source.hosts = MemoryHosts()
        self.assertEqual(self.successResultOf(self.cached.find(ONE)), host())
        self.assertIsNone(self.successResultOf(self.cached.find(ONE)))

    def test_source_away(self) -> None:
        """When the source cannot be asked, known clients keep their service for as long as is said, and no longer."""
        self.aged(ONE)
        self.cached.source.error = Unavailable("away")
        self.assertEqual(self.successResultOf(self.cached.find(ONE)), host())
        self.cached.clock.advance(99)
        self.assertEqual(self.successResultOf(self.cached.find(ONE)), host())
        self.cached.clock.advance(1)
        self.failureResultOf(self.cached.find(ONE), Unavailable)
        self.cached.source.error = None
        self.assertEqual(self.successResultOf(self.cached.find(ONE)), host())

    def test_unknown(self) -> None:
        """Who was unknown is looked up before that counts again; only if that fails it counts as long as is said."""
        self.aged(TWO)
        self.cached.source.hosts = MemoryHosts([host(TWO)])
        self.cached.source.error = Unavailable("away")
        self.assertIsNone(self.successResultOf(self.cached.find(TWO)))
        self.cached.source.error = None
        self.assertEqual(self.successResultOf(self.cached.find(TWO)), host(TWO))
        self.assertEqual(self.cached.source.asked, [(TWO,), (TWO,)])

    def test_cannot_tell(self) -> None:
        """A refresh that RADIUS does not answer leaves what was known as it was."""
        self.cached = Cached(KnowingHosts(host()), positive_ttl=10, stale=100)
        self.successResultOf(self.cached.find(query=ONE))
        self.cached.clock.advance(10)
        self.cached.source.hosts = MemoryHosts()
        for _ in range(3):
            self.assertEqual(self.successResultOf(self.cached.find(query=ONE)), host())

    def test_no_stale(self) -> None:
        """With no time for that, what is over is looked up first."""
        self.cached = Cached(AskedHosts(host()), positive_ttl=10, stale=0)
        self.aged(ONE)
        self.cached.source.waiting = []
        self.assertNoResult(self.cached.find(ONE))

    def test_addresses(self) -> None:
        """The same holds for whom an address is."""
        self.cached.source.hosts = MemoryHosts([host(ONE, ADDRESS)])
        self.successResultOf(self.cached.at(ADDRESS))
        self.cached.clock.advance(10)
        self.cached.source.hosts = MemoryHosts()
        self.cached.source.error = Unavailable("away")
        for _ in range(2):
            self.assertEqual([*self.successResultOf(self.cached.at(ADDRESS))], [host(ONE, ADDRESS)])
        self.cached.source.error = None
        self.successResultOf(self.cached.at(ADDRESS))
        self.assertEqual([*self.successResultOf(self.cached.at(ADDRESS))], [])
        self.cached.clock.advance(10)
        self.cached.source.hosts = MemoryHosts([host(ONE, ADDRESS)])
        self.assertEqual([*self.successResultOf(self.cached.at(ADDRESS))], [host(ONE, ADDRESS)])
        self.cached.clock.advance(110)
        self.cached.source.error = Unavailable("away")
        self.failureResultOf(self.cached.at(ADDRESS), Unavailable)


class RoomTests(SynchronousTestCase):
    """What must go when there is no room."""

    def clients(self, number: int, kind: int = 9) -> list[Identifier]:
        return [Identifier(IdentifierKind.CLIENT_ID, bytes((kind, each >> 8, each & 255))) for each in range(number)]

    def test_least_recently_used(self) -> None:
        """J004: what was used longest ago goes first."""
        cached = Cached(AskedHosts(*map(host, (ONE, TWO, THREE))), maximum=2)
        for identifier in (ONE, TWO, ONE, THREE):
            self.successResultOf(cached.find(identifier))
        cached.source.asked.clear()
        for identifier in (ONE, THREE, TWO):
            self.successResultOf(cached.find(identifier))
        self.assertEqual(cached.source.asked, [(TWO,)])

    def test_strangers(self) -> None:
        """However many unknown clients come, most of the room is left to those who are known."""
        known = self.clients(100)
        cached = Cached(AskedHosts(*map(host, known)), maximum=100)
        for identifier in known:
            self.successResultOf(cached.find(identifier))
        for identifier in self.clients(1000, 7):
            self.successResultOf(cached.find(identifier))
        cached.source.asked.clear()
        for identifier in known[25:]:
            self.successResultOf(cached.find(identifier))
        self.assertEqual(cached.source.asked, [])
        self.assertEqual(cached.counted("size"), [100])

    def test_strangers_without_limit(self) -> None:
        """J001: without a maximum, those who are known stay, and unknown ones go when their time is over."""
        known = self.clients(10)
        cached = Cached(AskedHosts(*map(host, known)), maximum=0, negative_ttl=10, stale=5)
        for identifier in [*known, *self.clients(1000, 7)]:
            self.successResultOf(cached.find(identifier))
        self.assertEqual(cached.counted("size"), [1010])
        cached.clock.advance(15)
        self.successResultOf(cached.find(ONE))
        self.assertEqual(cached.counted("size"), [11])

    def test_cleared(self) -> None:
        """What is removed at once is let go of bit by bit, to the last."""

        class Counted(Host):
            """One whose end is told."""

            left = 0

            def __del__(self) -> None:
                Counted.left -= 1

        cached = Cached(AskedHosts(), negative_ttl=0)
        for number, identifier in enumerate(self.clients(1000)):
            Counted.left += 1
            one = Counted(identifier=identifier, subnet_id=1, addresses=(number.to_bytes(4, "big"),))
            cached.cache.remember({("asked", 1, identifier): Held((one,), None)})
            del one
        self.successResultOf(Deferred.fromCoroutine(cached.cache.clear()))
        self.assertEqual(cached.counted("size"), [0])
        self.assertGreater(Counted.left, 800)
        for identifier in self.clients(50, 7):
            self.successResultOf(cached.find(identifier))
        self.assertEqual(Counted.left, 0)
        self.assertEqual(cached.counted("size"), [50])

    def test_addresses(self) -> None:
        """Of addresses no more is remembered than of clients."""
        cached = Cached(AskedHosts(), maximum=10)
        for number in range(100):
            self.successResultOf(cached.at(bytes((10, 0, 0, number))))
        self.assertEqual(len(cached.cache.memory.addresses), 10)


class ForgettingTests(SynchronousTestCase):
    """J018: what commands change is looked up again."""

    def forget(self, cached: Cached, changed: Host) -> None:
        self.successResultOf(Deferred.fromCoroutine(cached.cache.forget(changed)))

    def test_client_and_addresses(self) -> None:
        """Nothing is remembered of a host that was changed, nor of what it reserves; of others all is."""
        cached = Cached(AskedHosts())
        for identifier in (ONE, TWO):
            self.successResultOf(cached.find(identifier))
        self.successResultOf(cached.at(ADDRESS))
        cached.source.hosts = MemoryHosts([host(ONE, ADDRESS), host(TWO)])
        self.forget(cached, host(ONE, ADDRESS))
        self.assertEqual(self.successResultOf(cached.find(ONE)), host(ONE, ADDRESS))
        self.assertEqual(self.successResultOf(cached.at(ADDRESS)), [host(ONE, ADDRESS)])
        self.assertIsNone(self.successResultOf(cached.find(TWO)))

    def test_under_way(self) -> None:
        """What was asked for before the change is not remembered after it, and who comes later asks anew."""
        cached = Cached(AskedHosts())
        cached.source.waiting = []
        before = cached.find(ONE)
        self.forget(cached, host())
        after = cached.find(ONE)
        self.assertEqual(len(cached.source.asked), 2)
        first, second = cached.source.waiting
        first.callback(None)
        self.assertIsNone(self.successResultOf(before))
        self.assertNoResult(cached.find(ONE))
        self.assertEqual(len(cached.source.asked), 2, "it is being asked for")
        cached.source.hosts = MemoryHosts([host()])
        second.callback(None)
        self.assertEqual(self.successResultOf(after), host())
        cached.source.waiting = None
        self.assertEqual(self.successResultOf(cached.find(ONE)), host())
        self.assertEqual(len(cached.source.asked), 2)

    def test_nobody_asks_anew(self) -> None:
        """The same of one client, of an address, and of everything, if nobody has asked anew meanwhile."""

        def clear(cached: Cached) -> None:
            self.successResultOf(Deferred.fromCoroutine(cached.cache.clear()))

        for forget in (lambda cached: self.forget(cached, host(ONE, ADDRESS)), clear):
            cached = Cached(source := AskedHosts())
            source.waiting = []
            found, listed = cached.find(ONE), cached.at(ADDRESS)
            forget(cached)
            source.go_on()
            self.assertEqual((self.successResultOf(found), self.successResultOf(listed)), (None, []))
            source.hosts = MemoryHosts([host(ONE, ADDRESS)])
            self.assertEqual([*self.successResultOf(cached.at(ADDRESS))], [host(ONE, ADDRESS)])
            self.assertEqual(self.successResultOf(cached.find(ONE)), host(ONE, ADDRESS))

    def test_none_is_left(self) -> None:
        """Once nothing is left of what was entered, nobody looks for it."""
        cached = Cached(AskedHosts())
        for _ in range(2):
            self.successResultOf(Deferred.fromCoroutine(cached.cache.insert(CachedHost(host(ONE, ADDRESS)))))
            self.assertEqual(cached.cache.memory.clients.entered, 1)
        self.forget(cached, host(ONE, ADDRESS))
        self.assertEqual(cached.cache.memory.clients.entered, 0)


class FollowingTests(SynchronousTestCase):
    """From one configuration to the next."""

    def follow(
        self, cached: Cached, source: AskedHosts, configuration: Configuration | None = None, **policy: Any
    ) -> None:
        cache = cached.make(configuration, **policy)
        cached.cached = cache.around(source)
        cache.follow(cached.cache)
        cached.cache, cached.source = cache, source

    def test_same(self) -> None:
        """What was known is known under the next configuration, with its own limits."""
        cached = Cached(AskedHosts(host(), host(TWO)))
        for identifier in (ONE, TWO):
            self.successResultOf(cached.find(identifier))
        self.follow(cached, AskedHosts(), maximum=1)
        self.assertEqual(self.successResultOf(cached.find(TWO)), host(TWO))
        self.assertEqual(cached.source.asked, [])
        self.assertEqual(cached.counted("size"), [1])

    def test_under_way(self) -> None:
        """What is being fetched is waited for by queries of the next configuration, too, and then known."""
        cached = Cached(before := AskedHosts(host()))
        before.waiting = []
        first = cached.find(ONE)
        self.follow(cached, AskedHosts())
        second = cached.find(ONE)
        before.go_on()
        self.assertEqual([self.successResultOf(each) for each in (first, second)], [host(), host()])
        self.assertEqual(self.successResultOf(cached.find(ONE)), host())
        self.assertEqual(cached.source.asked, [])

    def test_other_sources(self) -> None:
        """Where the sources have changed, all is looked up again, and what was known serves meanwhile."""
        cached = Cached(AskedHosts(host()))
        self.successResultOf(cached.find(ONE))
        other = Configuration(family=4, hosts_databases=(Database(type="mysql"),))
        self.follow(cached, AskedHosts(new := host(hostname="new")), other)
        self.assertEqual(self.successResultOf(cached.find(ONE)), host())
        self.assertEqual(self.successResultOf(cached.find(ONE)), new)

    def test_other_source_away(self) -> None:
        """What was known serves as long as is said if the new sources cannot be asked, and no longer."""
        cached = Cached(AskedHosts(host()))
        self.successResultOf(cached.find(ONE))
        other = Configuration(family=4, hosts_databases=(Database(type="mysql"),))
        self.follow(cached, AskedHosts(), other, stale=50)
        cached.source.error = Unavailable("away")
        cached.clock.advance(49)
        self.assertEqual(self.successResultOf(cached.find(ONE)), host())
        cached.clock.advance(1)
        self.failureResultOf(cached.find(ONE), Unavailable)

    def test_somebody_elses(self) -> None:
        """There is nothing to take over from a cache that is not ours."""
        cached = Cached(AskedHosts(host()))

        self.assertTrue(verifyObject(IHostCache, Elsewhere()))
        cached.cache.follow(Elsewhere())
        self.assertEqual(self.successResultOf(cached.find(ONE)), host())
