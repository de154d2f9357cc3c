"""`txkea.hosts.cache`: what is remembered of host sources, for how long, and that nothing is fetched twice at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.caching import ADDRESS, ONE, THREE, TWO, Cached, host
from txkea.caching import CachedHost
from txkea.errors import Drop, Unavailable
from txkea.hosts.cache import cache_of
from txkea.hosts.configured import ConfiguredHosts
from txkea.interfaces import IHostCache, IHostSource, IStatus
from txkea.model.configuration import Configuration, Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.testing.clients4 import Client
from txkea.testing.contracts.hosts import HostSourceContract, HostSourceContract6
from txkea.testing.host_sources import AskedHosts, KnowingHosts
from txkea.testing.hosts import MemoryHosts
from txkea.testing.serving import serve


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
