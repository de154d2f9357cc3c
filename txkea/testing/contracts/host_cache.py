"""What every cache of hosts promises, and what caches of several servers promise together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from txkea.caching import CachedHost, Held, IHostCacheEntries, IHostCacheLevel, Key
from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import IHostSource
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.testing.contracts.hosts import FEW
from txkea.testing.contracts.samples_hosts import HOSTS4, SUBNET_IDS
from txkea.testing.host_sources import AskedHosts, KnowingHosts
from txkea.testing.hosts import MemoryHosts

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase
else:
    SynchronousTestCase = object

__all__ = ["HostCacheContract", "HostCacheLevelContract", "SharingContract"]

T = TypeVar("T")

ONE, TWO, THREE = (Identifier(IdentifierKind.HW_ADDRESS, bytes((last,))) for last in (1, 2, 3))
ADDRESS = b"\xc0\0\2\1"
MANY = 30


def host(identifier: Identifier = ONE, *addresses: bytes, **more: Any) -> Host:
    return Host(identifier=identifier, addresses=addresses, **{"subnet_id": 1, **more})


class _Awaiting(SynchronousTestCase):
    """One whose calls need somebody's help to end overrides `turn`."""

    few: settings = FEW
    """How often each promise is tried; a cache behind a network may want less."""

    def turn(self) -> None:
        """Let those have their turn that calls wait for."""
        self.fail("the call has not ended; a cache that waits for others overrides `turn`")

    def begun(self, awaitable: Awaitable[T]) -> list[Any]:
        """Where the result of a call will be, or its failure."""

        async def run() -> T:
            return await awaitable

        outcome: list[Any] = []
        Deferred.fromCoroutine(run()).addBoth(outcome.append)
        return outcome

    def result(self, outcome: list[Any]) -> Any:
        """What a call gives, or raises."""
        while not outcome:
            self.turn()
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        return outcome[0]

    def wait(self, awaitable: Awaitable[T]) -> T:
        """The same of a call that begins now."""
        return self.result(self.begun(awaitable))  # type: ignore[no-any-return]

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait for something."""
        while not reached():
            self.turn()


class HostCacheContract(_Awaiting):
    """Mix into a test case whose `make_cache` makes what is tested."""

    def make_cache(self, **policy: Any) -> Any:
        """A cache that remembers nothing yet, with this `txkea.hosts.memory.Policy`; the one before is of no use."""
        raise NotImplementedError

    def around(self, source: AskedHosts, **policy: Any) -> IHostSource:
        """A source behind a new cache, which is ``cache`` then."""
        self.cache: IHostCacheEntries = self.make_cache(**policy)
        cached: IHostSource = self.cache.around(source)
        return cached

    def find(self, cached: IHostSource, *identifiers: Identifier, subnet_id: int = 1, query: Any = None) -> Host | None:
        """What is found."""
        found: Host | None = self.wait(cached.find(identifiers, subnet_id, query))
        return found

    def test_interfaces(self) -> None:
        """It provides IHostCacheEntries, and what it is around IHostSource."""
        cached = self.around(AskedHosts())
        self.assertTrue(verifyObject(IHostCacheEntries, self.cache))
        self.assertTrue(verifyObject(IHostSource, cached))

    def test_asked_once(self) -> None:
        """Whether somebody is found, unknown or refused service: the source is asked once."""
        refused = host(THREE, refused=True)
        source = KnowingHosts(host(ONE), refused)
        cached = self.around(source)
        plain = self.cache.around(unknown := AskedHosts())
        for _ in range(3):
            self.assertEqual(self.find(cached, query=ONE), host(ONE))
            self.assertEqual(self.find(cached, query=THREE), refused)
            self.assertIsNone(self.find(plain, TWO, THREE))
        self.assertEqual((len(source.asked), len(unknown.asked)), (2, 1))

    def test_one_for_all(self) -> None:
        """All who want the same while it is fetched wait for one fetch; who has gone meanwhile harms nobody."""
        cached = self.around(source := AskedHosts(host()))
        source.waiting = []
        waiting = [self.begun(cached.find([ONE], 1)) for _ in range(MANY)]
        self.until(lambda: bool(source.asked))
        source.go_on()
        self.assertEqual([self.result(each) for each in waiting], [host()] * MANY)
        self.assertEqual(source.asked, [(ONE,)])

    def test_failure(self) -> None:
        """What fails fails for all who wait, and the next one has it tried anew."""
        cached = self.around(source := AskedHosts(host()))
        source.waiting, source.error = [], Unavailable("away")
        waiting = [self.begun(cached.find([ONE], 1)) for _ in range(MANY)]
        self.until(lambda: bool(source.asked))
        source.go_on()
        for each in waiting:
            with self.assertRaises(TxkeaError):
                self.result(each)
        source.error = None
        self.assertEqual(self.find(cached, ONE), host())
        self.assertEqual(len(source.asked), 2)

    def test_at(self) -> None:
        """For whom an address is is asked once, too; and who is known has what it has."""
        cached = self.around(source := AskedHosts(host(ONE, ADDRESS)))
        for _ in range(3):
            self.assertEqual([*self.wait(cached.at(ADDRESS, 1))], [host(ONE, ADDRESS)])
            self.assertEqual([*self.wait(cached.at(ADDRESS, 2))], [])
        self.assertEqual(source.asked, [ADDRESS, ADDRESS])
        knowing = self.around(KnowingHosts(host(ONE, ADDRESS)))
        self.assertEqual([*self.wait(knowing.at(ADDRESS, 1))], [])
        self.find(knowing, query=ONE)
        self.assertEqual([*self.wait(knowing.at(ADDRESS, 1))], [host(ONE, ADDRESS)])

    def test_forgotten(self) -> None:
        """J018: what somebody has changed is looked up again, by identifier and by address."""
        cached = self.around(source := AskedHosts())
        for known in (None, host(ONE, ADDRESS), None):
            source.hosts = MemoryHosts([known] if known else [])
            self.wait(self.cache.forget(host(ONE, ADDRESS)))
            for _ in range(2):
                self.assertEqual(self.find(cached, ONE), known)
                self.assertEqual([*self.wait(cached.at(ADDRESS, 1))], [known] if known else [])

    def test_entered(self) -> None:
        """J015: what is entered holds before what the source says, until it is removed."""
        cached = self.around(source := AskedHosts(host()))
        entered = host(ONE, ADDRESS, hostname="entered")
        self.assertEqual(self.wait(self.cache.insert(CachedHost(entered))), 0)
        self.assertEqual(self.find(cached, ONE), entered)
        self.assertEqual(self.wait(self.cache.insert(CachedHost(host(ONE), negative=True))), 1)
        self.assertIsNone(self.find(cached, ONE))
        self.assertEqual(source.asked, [])
        self.assertTrue(self.wait(self.cache.remove(1, ONE)))
        self.assertEqual(self.find(cached, ONE), host())

    def test_one_owner(self) -> None:
        """J005: who is entered with another's address takes it from that one's entry."""
        self.around(AskedHosts())
        self.wait(self.cache.insert(CachedHost(host(ONE, ADDRESS))))
        self.assertEqual(self.wait(self.cache.insert(CachedHost(host(TWO, ADDRESS)))), 1)
        self.assertEqual([each.host.identifier for each in self.cache.entries()], [TWO])

    def test_looked_at(self) -> None:
        """J012-J014: entries are shown with whose they are, those used longest ago first."""
        cached = self.around(source := AskedHosts(host(ONE)))
        self.find(cached, ONE)
        self.find(cached, TWO)
        self.find(cached, ONE)
        shown = [CachedHost(host(TWO), True, source.name), CachedHost(host(ONE), False, source.name)]
        self.assertEqual([*self.cache.entries()], shown)
        self.assertEqual((self.cache.size(), [*self.cache.entries_of(ONE, [0, 1, 2])]), (2, shown[1:]))

    def test_removed(self) -> None:
        """J008, J009, J016: entries are removed one by one, by identifier or address, the oldest, or all."""
        self.around(AskedHosts())
        clients = [host(each, bytes((10, 0, 0, each.value[0]))) for each in (ONE, TWO, THREE)]
        for each in clients:
            self.wait(self.cache.insert(CachedHost(each)))
        for sought, there in ((clients[1].addresses[0], True), (TWO, False), (clients[1].addresses[0], False)):
            self.assertIs(self.wait(self.cache.remove(1, sought)), there)
        self.assertFalse(self.wait(self.cache.remove(2, ONE)))
        self.assertEqual(self.wait(self.cache.flush(1)), 1)
        self.assertEqual([each.host for each in self.cache.entries()], [clients[2]])
        self.wait(self.cache.clear())
        self.assertEqual((self.cache.size(), self.wait(self.cache.flush(9))), (0, 0))

    def test_maximum(self) -> None:
        """J001, J004: no more is kept than is said; what was used longest ago goes first."""
        cached = self.around(AskedHosts(*map(host, (ONE, TWO, THREE))), maximum=2)
        for each in (ONE, TWO, ONE, THREE):
            self.find(cached, each)
        self.assertEqual([each.host.identifier for each in self.cache.entries()], [ONE, THREE])

    def test_model(self) -> None:
        """Whatever is found, changed and entered: a cache that is told of it says what the source itself would."""
        steps = st.sampled_from(("find", "find", "find", "at", "change", "remove", "insert", "flush"))
        hosts = st.builds(
            lambda identifier, subnet_id, addresses: Host(
                identifier=identifier, subnet_id=subnet_id, addresses=addresses
            ),
            HOSTS4.identifiers,
            SUBNET_IDS,
            st.just(()) | HOSTS4.addresses.map(lambda address: (address,)),
        )

        @self.few
        @given(
            st.lists(st.tuples(steps, hosts, st.lists(HOSTS4.identifiers, min_size=1, max_size=3)), max_size=25),
            st.sampled_from((0, 1, 3)),
        )
        def check(history: list[tuple[str, Host, list[Identifier]]], maximum: int) -> None:
            naive = MemoryHosts(unique=False)
            cached = self.around(source := AskedHosts(), maximum=maximum)
            source.hosts = naive
            for step, one, wanted in history:
                self._step(step, one, wanted, naive, cached)

        check()

    def _step(self, step: str, one: Host, wanted: list[Identifier], naive: MemoryHosts, cached: IHostSource) -> None:
        same = [each for each in naive.hosts if (each.identifier, each.subnet_id) == (one.identifier, one.subnet_id)]
        if step == "find":
            expected = self.wait(naive.find(wanted, one.subnet_id))
            self.assertEqual(self.find(cached, *wanted, subnet_id=one.subnet_id), expected)
        elif step == "at":
            for address in one.addresses:
                found = self.wait(cached.at(address, one.subnet_id))
                self.assertCountEqual(found, self.wait(naive.at(address, one.subnet_id)))
        elif step == "flush":
            self.wait(self.cache.flush(1))
        elif step in ("change", "remove"):
            for each in same:
                self.wait(naive.remove(each))
                self.wait(self.cache.forget(each))
            if step == "change":
                self.wait(naive.add(one))
                self.wait(self.cache.forget(one))
        else:
            for each in same:  # the same as the source has, or nothing: who enters something else means to hide it
                self.wait(self.cache.insert(CachedHost(each)))
                break
            else:
                self.wait(self.cache.insert(CachedHost(evolve(one, addresses=()), negative=True)))


class SharingContract(_Awaiting):
    """Mix into a test case whose `make_caches` makes caches of two servers that share what they remember."""

    def make_caches(self, **policy: Any) -> Sequence[Any]:
        """Two caches that remember nothing, and have their level at hand."""
        raise NotImplementedError

    def pair(self, *sources: Any, **policy: Any) -> None:
        """The same source behind two caches, or one each."""
        self.caches = self.make_caches(**policy)
        self.sources = sources if len(sources) == 2 else sources * 2
        self.cached = [cache.around(source) for cache, source in zip(self.caches, self.sources, strict=True)]

    def find(self, at: int, *identifiers: Identifier, query: Any = None) -> Host | None:
        """What one of them finds."""
        found: Host | None = self.wait(self.cached[at].find(identifiers, 1, query))
        return found

    def test_asked_once(self) -> None:
        """What one has asked for the other need not ask for: who is found, who is unknown, and who is refused."""
        refused = host(THREE, refused=True)
        self.pair(source := KnowingHosts(host(ONE), refused))
        unknown = AskedHosts()
        plain = [cache.around(unknown) for cache in self.caches]
        for at in (0, 1, 0):
            self.assertEqual(self.find(at, query=ONE), host(ONE))
            self.assertEqual(self.find(at, query=THREE), refused)
            self.assertIsNone(self.wait(plain[at].find([TWO, ONE], 1)))
        self.assertEqual((len(source.asked), len(unknown.asked)), (2, 1))

    def test_at_once(self) -> None:
        """What both want at once is asked for once, and both have it."""
        self.pair(source := KnowingHosts(host()))
        source.waiting = []
        waiting = [self.begun(self.cached[at % 2].find([], 1, ONE)) for at in range(MANY)]
        self.until(lambda: bool(source.asked))
        for _ in range(20):
            self.turn()
        source.go_on()
        self.assertEqual([self.result(each) for each in waiting], [host()] * MANY)
        self.assertEqual(source.asked, [(ONE,)])

    def test_failure(self) -> None:
        """What fails for one fails for the other that waits for it, and is tried anew by who comes then."""
        self.pair(source := KnowingHosts(host()))
        source.waiting, source.error = [], Unavailable("away")
        waiting = [self.begun(self.cached[at % 2].find([], 1, ONE)) for at in range(MANY)]
        self.until(lambda: bool(source.asked))
        for _ in range(20):
            self.turn()
        source.go_on()
        for each in waiting:
            with self.assertRaises(TxkeaError):
                self.result(each)
        self.assertEqual(len(source.asked), 1)
        source.error = None
        for at in (1, 0):
            self.assertEqual(self.find(at, query=ONE), host())
        self.assertEqual(len(source.asked), 2)

    def test_nothing_to_say(self) -> None:
        """Where the source has nothing to say of one query, such as a RELEASE, another one asks for itself."""
        self.pair(source := KnowingHosts())
        source.waiting = []
        waiting = [self.begun(self.cached[at].find([], 1, Identifier(*ONE))) for at in (0, 1, 0, 1)]
        self.until(lambda: bool(source.asked))
        source.go_on()
        self.assertEqual([self.result(each) for each in waiting], [None] * 4)
        self.assertEqual(len(source.asked), 4)
        source.hosts = MemoryHosts([host()])
        self.assertEqual(self.find(1, query=ONE), host())

    def test_forgotten(self) -> None:
        """J018: what is changed through one server is seen by the other, by identifier and by address."""
        self.pair(source := AskedHosts())
        for known in (None, host(ONE, ADDRESS), None):
            source.hosts = MemoryHosts([known] if known else [])
            self.wait(self.caches[0].forget(host(ONE, ADDRESS)))
            self.until(lambda known=known: self.find(1, ONE) == known)  # type: ignore[misc]
            self.assertEqual(self.find(0, ONE), known)

            def told(known: Host | None = known) -> bool:
                return [*self.wait(self.cached[1].at(ADDRESS, 1))] == ([known] if known else [])

            self.until(told)

    def test_entered(self) -> None:
        """J015: what is entered in one server holds in the other, and so does that it is removed."""
        self.pair(source := AskedHosts(host()))
        self.assertEqual(self.find(1, ONE), host())
        entered = host(ONE, hostname="entered")
        self.wait(self.caches[0].insert(CachedHost(entered)))
        self.until(lambda: self.find(1, ONE) == entered)
        self.wait(self.caches[1].remove(1, ONE))
        self.until(lambda: self.find(0, ONE) == host())
        self.assertEqual(len(source.asked), 2)

    def test_one_owner(self) -> None:
        """J005: who is entered with another's address takes it from that one's entry in the other server, too."""
        self.pair(AskedHosts())
        self.wait(self.caches[0].insert(CachedHost(host(ONE, ADDRESS))))
        self.until(lambda: self.find(1, ONE) == host(ONE, ADDRESS))
        self.wait(self.caches[0].insert(CachedHost(host(TWO, ADDRESS))))
        self.until(lambda: self.find(1, ONE) is None)
        self.assertEqual(self.find(1, TWO), host(TWO, ADDRESS))

    def test_cleared(self) -> None:
        """J008: what is cleared in one server is cleared in the other."""
        self.pair(AskedHosts(host()))
        for at in (0, 1):
            self.find(at, ONE)
        self.wait(self.caches[0].clear())
        self.until(lambda: not self.caches[1].size())

    def test_source_of_one_away(self) -> None:
        """What one server has found serves the other, whose own source is away."""
        away = KnowingHosts()
        away.error = Unavailable("away")
        self.pair(KnowingHosts(host()), away)
        self.assertEqual(self.find(0, query=ONE), host())
        self.assertEqual(self.find(1, query=ONE), host())
        self.assertEqual(away.asked, [])


class HostCacheLevelContract(_Awaiting):
    """Mix into a test case whose `make_levels` makes two servers' ways to one level."""

    KEY: Key = ("radius", 1, ONE)
    OTHER: Key = ("radius", 1, TWO)

    def make_levels(self) -> Sequence[Any]:
        """Two that are open and at hand, with nothing in common yet; what the second hears is in ``heard``."""
        raise NotImplementedError

    def setUp(self) -> None:
        super().setUp()
        self.heard: list[tuple[Any, ...]] = []
        self.one, self.two = self.make_levels()

    def hears(self, *news: tuple[Any, ...]) -> None:
        """The second has been told this, in this order; calls without keys do not count."""
        self.until(lambda: len(self.told()) >= len(news))
        self.assertEqual(self.told(), [*news])
        self.heard.clear()

    def told(self) -> list[tuple[Any, ...]]:
        return [each for each in self.heard if each[1:] != ([],)]

    def recall(self, level: Any, *keys: Key) -> Any:
        return self.wait(level.recall(keys or [self.KEY], (keys or [self.KEY])[0]))

    def test_interface(self) -> None:
        """It provides IHostCacheLevel, and has no problem."""
        self.assertTrue(verifyObject(IHostCacheLevel, self.one))
        self.assertEqual(self.one.problem, "")

    def test_claims(self) -> None:
        """Of all who ask for what is not there, one is to fetch it, until it has let go."""
        self.assertEqual(self.recall(self.one), ({}, True))
        for level in (self.two, self.one):
            self.assertEqual(self.recall(level), ({}, False))
        self.assertEqual(self.recall(self.two, self.OTHER), ({}, True))
        self.wait(self.one.release(self.KEY, True))
        self.hears(("released", self.KEY, True))
        self.assertEqual(self.recall(self.two), ({}, True))
        self.wait(self.one.release(self.KEY, False))
        self.hears(("released", self.KEY, False))
        self.assertFalse(self.recall(self.one).claimed, "it is not its own to let go of")

    def test_entries(self) -> None:
        """What is stored is there for both, as it was, until it is gone; and the other hears of it."""

        @self.few
        @given(HOSTS4.hosts, st.booleans())
        def check(hosts: list[Host], endless: bool) -> None:
            self.wait(self.one.clear())
            self.until(lambda: ("cleared",) in self.heard)
            self.heard.clear()
            entries = {
                ("sql", each.subnet_id, each.identifier): Held((each,), None if endless else 100.0) for each in hosts
            }
            entries["sql", 9, ONE] = Held((), 60.0)
            first = next(iter(entries))
            self.wait(self.one.store(entries))
            self.hears(("stored", [*entries]))
            found = self.recall(self.two, *entries).held
            self.assertEqual({key: held.hosts for key, held in found.items()}, {k: h.hosts for k, h in entries.items()})
            for key, held in found.items():
                if held.fresh is None:
                    self.assertIs(entries[key].fresh, None)
                else:
                    self.assertLessEqual(held.fresh, entries[key].fresh or 0)
                    self.assertGreater(held.fresh, 30)
            self.wait(self.two.store({}, [*entries], first))
            self.assertEqual(self.recall(self.one, *entries).held, {})
            self.wait(self.one.release(first, False))
            self.hears(("released", first, False))

        check()

    def test_address(self) -> None:
        """That an address has changed hands is told, too."""
        key: Key = ("sql", 1, ADDRESS)
        self.wait(self.one.store({}, [key]))
        self.hears(("gone", [key]))

    def test_closed(self) -> None:
        """What a server has claimed that has gone is to be fetched by another before long."""
        self.assertTrue(self.recall(self.one).claimed)
        self.wait(self.one.close())
        self.until(lambda: bool(self.recall(self.two).claimed))
