"""`txkea.hosts.cache`: what is remembered of host sources, for how long, and that nothing is fetched twice at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txkea.caching import CachedHost, Held
from txkea.errors import Drop, Unavailable
from txkea.hosts.cache import HostCache, cache_of
from txkea.hosts.configured import ConfiguredHosts
from txkea.hosts.memory import Policy
from txkea.interfaces import IHostCache, IHostSource, IStatus
from txkea.model.configuration import Configuration, Database, Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.testing.clients4 import Client
from txkea.testing.contracts.hosts import HostSourceContract, HostSourceContract6
from txkea.testing.host_sources import AskedHosts, KnowingHosts
from txkea.testing.hosts import MemoryHosts
from txkea.testing.local import clock_now
from txkea.testing.serving import serve

ONE, TWO, THREE = (Identifier(IdentifierKind.HW_ADDRESS, bytes((last,))) for last in (1, 2, 3))
ADDRESS = b"\xc0\0\2\1"


def host(identifier: Identifier = ONE, *addresses: bytes, **more: Any) -> Host:
    return Host(identifier=identifier, addresses=addresses, **{"subnet_id": 1, **more})


@implementer(IHostCache)
class Elsewhere:
    """Somebody else's cache."""

    def around(self, source: IHostSource) -> IHostSource:
        return source

    def follow(self, before: IHostCache) -> None:
        pass

    async def forget(self, host: Host) -> None:
        pass


class Cached:
    """A cache around one source, and a clock."""

    def __init__(self, source: Any, configuration: Configuration | None = None, **policy: Any) -> None:
        self.clock: Clock = clock_now()
        self.statistics: dict[str, int] = {}
        self.source = source
        self.cache = self.make(configuration, **policy)
        self.cached = self.cache.around(source)

    def make(self, configuration: Configuration | None = None, **policy: Any) -> HostCache:
        """Another cache of the same surroundings."""
        given = configuration or Configuration(family=4)
        return HostCache(Policy(**policy), given, seconds=self.clock.seconds, statistics=self.statistics)

    def find(
        self, *identifiers: Identifier, subnet_id: int = 1, query: Any = None, source: Any = None
    ) -> Deferred[Host | None]:
        """What is found, there or in another cached source."""

        async def run() -> Host | None:
            found: Host | None = await (source or self.cached).find(identifiers, subnet_id, query)
            return found

        return Deferred.fromCoroutine(run())

    def at(self, address: bytes, subnet_id: int = 1, source: Any = None) -> Deferred[Sequence[Host]]:
        """For whom an address is."""

        async def run() -> Sequence[Host]:
            found: Sequence[Host] = await (source or self.cached).at(address, subnet_id)
            return found

        return Deferred.fromCoroutine(run())

    def counted(self, *names: str) -> list[int]:
        """Some statistics."""
        return [self.statistics[f"host-cache-{name}"] for name in names]


class ContractTests(HostSourceContract, SynchronousTestCase):
    """A cache around a source is a source."""

    def make_source(self, hosts: Sequence[Host]) -> Any:
        return Cached(ConfiguredHosts(hosts)).cached


class Contract6Tests(HostSourceContract6, ContractTests):
    """The same in DHCPv6."""


class RememberingTests(SynchronousTestCase):
    """What is asked once, and for how long."""

    def test_interfaces(self) -> None:
        """A cache is an IHostCache that tells of itself, and what it is around an IHostSource."""
        cached = Cached(AskedHosts(), negative_ttl=5)
        for interface, thing in ((IHostCache, cached.cache), (IStatus, cached.cache), (IHostSource, cached.cached)):
            self.assertTrue(verifyObject(interface, thing))

    def test_found(self) -> None:
        """I028: what was found is not asked for again, however late; a time for it ends that."""
        for ttl, asked in ((0, 1), (100, 2)):
            cached = Cached(AskedHosts(host()), positive_ttl=ttl, stale=0)
            for _ in range(3):
                self.assertEqual(self.successResultOf(cached.find(ONE)), host())
            cached.clock.advance(99.5)
            self.assertEqual(self.successResultOf(cached.find(ONE)), host())
            self.assertEqual(len(cached.source.asked), 1)
            cached.clock.advance(0.5)
            self.assertEqual(self.successResultOf(cached.find(ONE)), host())
            self.assertEqual(len(cached.source.asked), asked)

    def test_not_found(self) -> None:
        """Who is unknown is asked for once in each negative TTL."""
        cached = Cached(AskedHosts(), negative_ttl=10)
        for second in range(60):
            self.assertIsNone(self.successResultOf(cached.find(ONE, TWO)))
            self.assertEqual(len(cached.source.asked), second // 10 + 1)
            cached.clock.advance(1)

    def test_refused(self) -> None:
        """Who shall have no service is remembered as long as who is unknown."""
        refused = host(refused=True)
        cached = Cached(KnowingHosts(refused), negative_ttl=10)
        for second in range(30):
            self.assertEqual(self.successResultOf(cached.find(query=ONE)), refused)
            self.assertEqual(len(cached.source.asked), second // 10 + 1)
            cached.clock.advance(1)

    def test_by_each_identifier(self) -> None:
        """What was learnt by one question answers others: who came before the one that was found is unknown."""
        cached = Cached(AskedHosts(host(TWO)))
        self.assertEqual(self.successResultOf(cached.find(ONE, TWO, THREE)), host(TWO))
        self.assertIsNone(self.successResultOf(cached.find(ONE)))
        self.assertEqual(self.successResultOf(cached.find(TWO)), host(TWO))
        self.assertEqual(cached.source.asked, [(ONE, TWO, THREE)])
        self.assertIsNone(self.successResultOf(cached.find(THREE)))
        self.assertEqual(cached.source.asked, [(ONE, TWO, THREE), (THREE,)])

    def test_asks_no_more_than_it_must(self) -> None:
        """Beside who is known already, only those are asked for whose reservation would count more."""
        cached = Cached(AskedHosts(host(TWO), host(THREE)))
        self.successResultOf(cached.find(TWO))
        self.assertEqual(self.successResultOf(cached.find(ONE, TWO, THREE)), host(TWO))
        self.assertEqual(cached.source.asked, [(TWO,), (ONE,)])
        self.assertEqual(self.successResultOf(cached.find(THREE, TWO)), host(THREE))

    def test_each_subnet(self) -> None:
        """What holds in one subnet says nothing of another."""
        cached = Cached(AskedHosts(host()))
        self.assertEqual(self.successResultOf(cached.find(ONE, subnet_id=1)), host())
        self.assertIsNone(self.successResultOf(cached.find(ONE, subnet_id=2)))
        self.assertEqual(self.successResultOf(cached.find(ONE, subnet_id=1)), host())
        self.assertEqual(len(cached.source.asked), 2)

    def test_each_source(self) -> None:
        """What one source does not have, another may; also where both have one name."""
        cached = Cached(AskedHosts())
        other = cached.cache.around(AskedHosts(host()))
        for _ in range(2):
            self.assertIsNone(self.successResultOf(cached.find(ONE)))
            self.assertEqual(self.successResultOf(cached.find(ONE, source=other)), host())

    def test_rule(self) -> None:
        """A host under an identifier that nobody asked for is given, and not remembered."""

        @implementer(IHostSource)
        class Rule(AskedHosts):
            async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
                await self.ask(tuple(identifiers))
                return host(THREE)

        cached = Cached(Rule())
        for count in (1, 2):
            self.assertEqual(self.successResultOf(cached.find(ONE)), host(THREE))
            self.assertEqual(len(cached.source.asked), count)

    def test_own_identifier(self) -> None:
        """A source that knows clients by something of its own is remembered by that, where it has a say."""
        cached = Cached(KnowingHosts(host(TWO)))
        for _ in range(2):
            self.assertEqual(self.successResultOf(cached.find(ONE, query=TWO)), host(TWO))
        self.assertEqual(cached.source.asked, [(TWO,)])
        for count in (2, 3):
            self.assertIsNone(self.successResultOf(cached.find(ONE, subnet_id=2, query=TWO)))
            self.assertEqual(len(cached.source.asked), count)

    def test_cannot_tell(self) -> None:
        """I027: nothing is remembered where RADIUS has not answered, and the query goes on without."""
        cached = Cached(KnowingHosts())
        for count in (1, 2):
            self.assertIsNone(self.successResultOf(cached.find(query=ONE)))
            self.assertEqual(len(cached.source.asked), count)

    def test_moved(self) -> None:
        """I029: a host of another subnet than the one asked for is remembered for that question."""
        moved = host(subnet_id=7)

        class Moving(KnowingHosts):
            async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
                await self.ask(tuple(identifiers))
                return moved

        cached = Cached(Moving())
        for _ in range(2):
            self.assertEqual(self.successResultOf(cached.find(query=ONE)), moved)
        self.assertEqual(len(cached.source.asked), 1)

    def test_around_those_that_know(self) -> None:
        """Where no cache is named, sources that know clients have one, and no others."""
        cached = Cached(AskedHosts())
        around: dict[str, Any] = {"seconds": cached.clock.seconds, "statistics": cached.statistics}
        configuration = Configuration(family=4)
        self.assertIsNone(cache_of(configuration, (), [AskedHosts()], **around))
        knowing, plain = KnowingHosts(host()), AskedHosts()
        cache = cache_of(configuration, (), [plain, knowing], **around)
        assert cache is not None
        self.assertIs(cache.around(plain), plain)
        source = cache.around(knowing)
        for _ in range(2):
            self.successResultOf(cached.find(query=ONE, source=source))
        self.assertEqual(len(knowing.asked), 1)
        self.assertIs(cache_of(configuration, [cached.cache], [knowing], **around), cached.cache)

    def test_counted(self) -> None:
        """Each look-up counts once, by what it found; and so does what was done about it."""
        cached = Cached(AskedHosts(host()), positive_ttl=10, negative_ttl=10, maximum=2)
        for identifier in (ONE, ONE, TWO, TWO, TWO):
            self.successResultOf(cached.find(identifier))
        names = ("hits", "negative-hits", "misses", "fetches", "stale-hits", "size")
        self.assertEqual(cached.counted(*names), [1, 2, 2, 2, 0, 2])
        cached.clock.advance(11)
        self.successResultOf(cached.find(ONE))
        self.assertEqual(cached.counted(*names, "refreshes"), [1, 2, 2, 3, 1, 2, 1])
        self.successResultOf(cached.find(THREE))
        self.assertEqual(cached.counted("evictions", "size"), [1, 2])
        cached.source.error = Unavailable("away")
        self.failureResultOf(cached.find(ONE, subnet_id=2), Unavailable)
        self.assertEqual(cached.counted("failures"), [1])


class FlightTests(SynchronousTestCase):
    """Who wants the same waits for the same."""

    def setUp(self) -> None:
        super().setUp()
        self.cached = Cached(AskedHosts(host()))
        self.cached.source.waiting = []

    def test_one_for_all(self) -> None:
        """All who want the same while it is fetched wait for one fetch."""
        waiting = [self.cached.find(ONE, TWO) for _ in range(50)]
        self.assertEqual(self.cached.source.asked, [(ONE, TWO)])
        for each in waiting:
            self.assertNoResult(each)
        self.cached.source.go_on()
        for each in waiting:
            self.assertEqual(self.successResultOf(each), host())
        self.assertEqual(self.cached.source.asked, [(ONE, TWO)])

    def test_something_in_common(self) -> None:
        """Who wants only in part what is being fetched waits for that, and then asks for the rest."""
        first, second = self.cached.find(TWO), self.cached.find(TWO, ONE)
        self.assertEqual(self.cached.source.asked, [(TWO,)])
        self.cached.source.go_on()
        self.assertIsNone(self.successResultOf(first))
        self.assertEqual(self.successResultOf(second), host())
        self.assertEqual(self.cached.source.asked, [(TWO,), (ONE,)])

    def test_failure(self) -> None:
        """What fails fails for all who wait, and the next one tries anew."""
        for error in (Unavailable("away"), Drop("no answer")):
            self.cached.source.waiting, self.cached.source.error = [], error
            waiting = [self.cached.find(ONE) for _ in range(3)]
            self.cached.source.go_on()
            for each in waiting:
                self.assertIs(self.failureResultOf(each, type(error)).value, error)
            self.cached.source.error = None
        self.assertEqual(self.successResultOf(self.cached.find(ONE)), host())
        self.assertEqual(len(self.cached.source.asked), 3)

    def test_cancelled(self) -> None:
        """Who stops waiting harms nobody, not even where it was the first."""
        waiting = [self.cached.find(ONE) for _ in range(3)]
        for each in waiting[:2]:
            each.cancel()
            self.failureResultOf(each, CancelledError)
        self.cached.source.go_on()
        self.assertEqual(self.successResultOf(waiting[2]), host())
        self.assertEqual(self.successResultOf(self.cached.find(ONE)), host())
        self.assertEqual(len(self.cached.source.asked), 1)

    def test_all_cancelled(self) -> None:
        """What nobody waits for any more is remembered all the same."""
        waiting = self.cached.find(ONE)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.cached.source.go_on()
        self.assertEqual(self.successResultOf(self.cached.find(ONE)), host())
        self.assertEqual(len(self.cached.source.asked), 1)

    def test_others_go_on(self) -> None:
        """While one waits, who is remembered is found at once."""
        self.cached.source.go_on()
        self.successResultOf(self.cached.find(ONE))
        self.cached.source.waiting = []
        slow = self.cached.find(THREE)
        self.assertEqual(self.successResultOf(self.cached.find(ONE)), host())
        self.assertNoResult(slow)

    def test_addresses(self) -> None:
        """Who wants to know of one address waits for one fetch, too."""
        waiting = [self.cached.at(ADDRESS) for _ in range(5)]
        self.assertEqual(self.cached.source.asked, [ADDRESS])
        self.cached.source.go_on()
        for each in waiting:
            self.assertEqual(self.successResultOf(each), [])

    def test_nothing_to_say(self) -> None:
        """Who waits for a query of the same client, of which the source has nothing to say, asks for itself."""

        class Leaving(KnowingHosts):
            async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
                await self.ask(query)
                return None if query is release else host()

        release, discover = Identifier(*ONE), Identifier(*ONE)
        cached = Cached(source := Leaving())
        source.waiting = []
        first, second = cached.find(query=release), cached.find(query=discover)
        self.assertEqual(len(source.asked), 1)
        source.go_on()
        self.assertEqual((self.successResultOf(first), self.successResultOf(second)), (None, host()))


class EnteredTests(SynchronousTestCase):
    """The cache as a source of what commands have entered."""

    def test_alone(self) -> None:
        """J015: what is entered counts where there is no other source, by identifier and by address, for its time."""
        cached = Cached(AskedHosts(), positive_ttl=10)
        source = cached.cache
        self.assertIs(source.around(source), source)
        for found, at in ((None, []), (host(ONE, ADDRESS), [host(ONE, ADDRESS)])):
            self.assertEqual(self.successResultOf(cached.find(TWO, ONE, source=source)), found)
            self.assertEqual([*self.successResultOf(cached.at(ADDRESS, source=source))], at)
            self.successResultOf(Deferred.fromCoroutine(source.insert(CachedHost(host(ONE, ADDRESS)))))
        cached.clock.advance(10)
        self.assertIsNone(self.successResultOf(cached.find(ONE, source=source)))

    def test_served(self) -> None:
        """A server whose configuration names the cache and nothing else gives what is entered."""
        library = {"library": "libdhcp_host_cache.so", "parameters": {"maximum": 10}}
        server = serve(hooks_libraries=[library])
        self.addCleanup(server.close)
        client = Client(server)
        one = host(Identifier(IdentifierKind.HW_ADDRESS, client.hwaddr), bytes((192, 0, 2, 77)))
        cache: Any = server.site.host_cache
        self.successResultOf(Deferred.fromCoroutine(cache.insert(CachedHost(one))))
        offer = client.discover()
        assert offer is not None
        self.assertEqual(offer.yiaddr, "192.0.2.77")


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


class AddressTests(SynchronousTestCase):
    """For whom addresses are."""

    def test_of_known_clients(self) -> None:
        """What remembered clients have is reserved for them, also where the source has no list of it."""
        one = host(ONE, ADDRESS)
        cached = Cached(KnowingHosts(one))
        self.assertEqual([*self.successResultOf(cached.at(ADDRESS))], [])
        self.successResultOf(cached.find(query=ONE))
        self.assertEqual(self.successResultOf(cached.at(ADDRESS)), [one])
        self.assertEqual([*self.successResultOf(cached.at(ADDRESS, 2))], [])

    def test_prefix(self) -> None:
        """A prefix is reserved by its first address; and a client that was moved has its own where it is now."""
        prefix = bytes(15) + b"\1"
        one = host(ONE, prefixes=((prefix, 56),), subnet_id=7)

        class Moving(KnowingHosts):
            async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
                return one

        cached = Cached(Moving())
        self.successResultOf(cached.find(query=ONE))
        self.assertEqual(self.successResultOf(cached.at(prefix, 7)), [one])
        self.assertEqual([*self.successResultOf(cached.at(prefix, 1))], [])

    def test_latest_counts(self) -> None:
        """I022: of two clients to whom RADIUS gives one address, the later has it, and the other is asked for again."""
        one, two = host(ONE, ADDRESS), host(TWO, ADDRESS)
        cached = Cached(KnowingHosts(one, two))
        for query in (ONE, TWO):
            self.successResultOf(cached.find(query=query))
        self.assertEqual(self.successResultOf(cached.at(ADDRESS)), [two])
        cached.source.asked.clear()
        self.successResultOf(cached.find(query=ONE))
        self.assertEqual(cached.source.asked, [(ONE,)])

    def test_moved_on(self) -> None:
        """A client that has another address now has its former one no more."""
        cached = Cached(KnowingHosts(host(ONE, ADDRESS)), positive_ttl=10, stale=0)
        self.successResultOf(cached.find(query=ONE))
        cached.source.hosts = MemoryHosts([host(ONE, b"\xc0\0\2\2")])
        cached.clock.advance(10)
        self.successResultOf(cached.find(query=ONE))
        self.assertEqual([*self.successResultOf(cached.at(ADDRESS))], [])
        self.assertEqual([*self.successResultOf(cached.at(b"\xc0\0\2\2"))], [host(ONE, b"\xc0\0\2\2")])

    def test_once(self) -> None:
        """Who is found in the list and remembered too is told once."""
        cached = Cached(AskedHosts(host(ONE, ADDRESS)))
        self.successResultOf(cached.find(ONE))
        self.assertEqual(self.successResultOf(cached.at(ADDRESS)), [host(ONE, ADDRESS)])


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
