"""`txkea.redis.host_cache` over a real Redis: the contracts, and a Redis that is flushed, stopped, restarted, slow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, Final, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from tests.real.proxies import Proxy
from tests.real.redis import Redis
from tests.real.surroundings import surroundings
from tests.test_hosts_cache_shared import Hearing
from txkea.caching import Held, Key
from txkea.hosts.cache import HostCache
from txkea.hosts.cache_factory import HOST_CACHE
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.redis.factory import REDIS_LEVEL
from txkea.redis.host_cache import RedisLevel
from txkea.redis.host_codec import key_of, opened, written, written_key
from txkea.testing.contracts.host_cache import (
    ONE,
    HostCacheContract,
    HostCacheLevelContract,
    SharingContract,
    host,
)
from txkea.testing.contracts.hosts import FEW
from txkea.testing.contracts.samples_hosts import HOSTS4, HOSTS6, INJECTIONS, HostSamples
from txkea.testing.disks import RecordingLog
from txkea.testing.host_sources import KnowingHosts
from txkea.testing.waiting import wait

T = TypeVar("T")

PATIENT: Final = 20_000
"""Milliseconds after which a busy machine is slow, where that is not what is tested."""
DELAY: Final = 0.3
PATIENCE: Final = 30.0


class RedisCase(SynchronousTestCase):
    """Caches with a level in the Redis that all tests share."""

    few = settings(FEW, max_examples=25)

    def setUp(self) -> None:
        self.redis = Redis.launch()
        self.redis.fresh()
        self.log = RecordingLog()
        self.place = {"host": self.redis.host, "port": self.redis.port, "prefix": f"t{id(self)}"}
        super().setUp()

    def turn(self) -> None:
        """Let the reactor have its turn."""
        reactor.iterate(0.005)

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait for something, but not for ever."""
        end = monotonic() + PATIENCE
        while not reached():
            self.assertLess(monotonic(), end, "it has not come")
            self.turn()

    def settle(self, awaitable: Awaitable[T]) -> T:
        """What a call gives."""
        return wait(awaitable, reactor)

    def started(self, at_hand: bool = True, timeout: int = PATIENT, **parameters: Any) -> HostCache:
        """A cache whose level is connected, if it is to be at hand; closed when the test ends."""
        redis = {**self.place, "timeout": timeout}
        cache = HOST_CACHE.make({**parameters, "redis": redis}, surroundings(4, self.log))
        self.settle(cache.start())
        self.addCleanup(lambda: self.settle(cache.stop()))
        if at_hand:
            self.at_hand(cache)
        return cache

    def problem(self, cache: HostCache) -> str:
        """Why its level is not used now."""
        told: str = cache.status()["host-cache"]["shared"]["problem"]
        return told

    def at_hand(self, *caches: HostCache) -> None:
        """Wait until their level can be used."""
        self.until(lambda: not any(map(self.problem, caches)))


class CacheTests(RedisCase, HostCacheContract):
    """A cache with its level in Redis keeps the contract of one without."""

    def make_cache(self, **policy: Any) -> HostCache:
        self.redis.fresh()
        return self.started(**{name.replace("_", "-"): value for name, value in policy.items()})


class SharingTests(RedisCase, SharingContract):
    """Two caches that share in Redis."""

    def make_caches(self, **policy: Any) -> Sequence[HostCache]:
        return [self.started(**policy) for _ in range(2)]


class LevelTests(HostCacheLevelContract, RedisCase):
    """The level itself."""

    few = RedisCase.few

    def turn(self) -> None:
        RedisCase.turn(self)

    def until(self, reached: Callable[[], bool]) -> None:
        RedisCase.until(self, reached)

    def make_levels(self) -> Sequence[RedisLevel]:
        levels: list[RedisLevel] = []
        for heard in ([], self.heard):
            parameters = {**self.place, "stale": 1000, "timeout": PATIENT}
            level: Any = REDIS_LEVEL.make(parameters, surroundings(4, self.log))
            level.open(Hearing(heard))
            levels.append(level)
        self.addCleanup(lambda: [self.settle(each.close()) for each in levels])
        self.until(lambda: not any(each.problem for each in levels))
        return levels

    def test_time(self) -> None:
        """An entry is there for its time, and for as long as it may serve behind that; then Redis has dropped it."""
        self.wait(self.one.store({self.KEY: Held((host(),), 0.3)}))
        held = self.recall(self.two).held[self.KEY]
        self.assertLess(held.fresh, 0.301)
        self.until(lambda: self.recall(self.two).held[self.KEY].fresh <= 0)
        self.until(lambda: not self.recall(self.two).held)
        self.assertNotIn(b"entry", self.redis.ask("KEYS", "*"))

    def test_claim_of_the_dead(self) -> None:
        """A claim outlasts its time while its server lives, and not for long when that one has gone without a word."""
        self.assertTrue(self.recall(self.one).claimed)
        end = monotonic() + 5
        while monotonic() < end:
            self.assertFalse(self.recall(self.two).claimed)
            self.turn()
        self.one.connection.lost("killed")
        self.one._extending.stop()
        self.until(lambda: bool(self.recall(self.two).claimed))

    def test_strange_news(self) -> None:
        """Whatever others write and publish there, nothing comes of it, and nobody is disturbed."""
        name = self.one._named(self.KEY)
        for value in (b"", b"{", b"[]", b"{}", b'{"version":2}', b'{"version":1,"hosts":[{}],"stale":1}', b"\xff" * 9):
            self.redis.ask("SET", name, value)
            self.assertEqual(self.recall(self.two).held, {})
            for message in (value, b'["x","changed",[["a",1,0,"zz"]],[]]', b'["x","changed",[[1]],3]', b'["x"]'):
                self.redis.ask("PUBLISH", self.one._channel, message)
        self.wait(self.one.store({}, [self.OTHER]))
        self.hears(("gone", [self.OTHER]))

    def test_restarted(self) -> None:
        """After Redis has been away, who has a level is told to doubt what it knows, and all goes on."""
        self.redis.restart()
        self.until(lambda: ("doubted",) in self.heard)
        self.until(lambda: not self.one.problem)
        self.assertTrue(self.recall(self.one, ("radius", 5, ONE)).claimed)
        self.wait(self.one.release(("radius", 5, ONE), True))
        self.until(lambda: ("released", ("radius", 5, ONE), True) in self.heard)


class TroubleTests(RedisCase):
    """A Redis that is away, or slow: service goes on from the source, and from memory."""

    def setUp(self) -> None:
        super().setUp()
        self.source = KnowingHosts(*map(host, map(self.client, range(100))))
        self.number = 0

    def client(self, number: int) -> Identifier:
        return Identifier(IdentifierKind.CLIENT_ID, bytes((1, number)))

    def find(self, cached: Any) -> float:
        """How long it takes to find somebody new."""
        self.number += 1
        client, began = self.client(self.number), monotonic()
        self.assertEqual(self.settle(cached.find([], 1, client)), host(client))
        return monotonic() - began

    def again(self, cached: Any, number: int = 1) -> Host | None:
        """Somebody who was found already."""
        found: Host | None = self.settle(cached.find([], 1, self.client(number)))
        return found

    def test_flushed(self) -> None:
        """After FLUSHALL and SCRIPT FLUSH each server goes on with what it has in memory, and shares anew."""
        one, two = (self.started().around(self.source) for _ in range(2))
        self.find(one)
        self.redis.ask("FLUSHALL")
        self.redis.ask("SCRIPT", "FLUSH")
        for cached in (one, two, one):
            self.assertIsNotNone(self.again(cached))
        self.assertEqual(len(self.source.asked), 2)
        self.find(one)
        self.again(two, self.number)
        self.assertEqual(len(self.source.asked), 3)

    def test_stopped(self) -> None:
        """While Redis is not there each server asks for itself; once it is back they share again."""
        caches = [self.started() for _ in range(2)]
        cached = [each.around(self.source) for each in caches]
        self.find(cached[0])
        self.redis.stop()
        self.until(lambda: all(map(self.problem, caches)))
        for each in cached:
            self.again(each)
            self.find(each)
        asked = len(self.source.asked)
        self.redis.start()
        self.at_hand(*caches)
        self.find(cached[0])
        self.again(cached[1], self.number)
        self.assertEqual(len(self.source.asked), asked + 1)

    def test_away_from_the_start(self) -> None:
        """A server starts without its Redis, and uses it when it comes."""
        self.redis.stop()
        self.addCleanup(self.redis.start)
        cache = self.started(at_hand=False)
        cached = cache.around(self.source)
        self.find(cached)
        self.until(lambda: "no connection to" in self.problem(cache))
        self.find(cached)
        self.redis.start()
        self.at_hand(cache)
        self.find(cached)

    def test_slow(self) -> None:
        """A Redis that takes too long is waited for once and by no other query; fast again, it is used."""
        between = Proxy("redis", self.redis.port)
        self.addCleanup(between.close)
        self.place["port"] = between.port
        cache = self.started(timeout=100)
        cached = cache.around(self.source)
        self.until(lambda: self.find(cached) < DELAY and not self.problem(cache))
        between.tell(delay=DELAY)
        self.find(cached)
        self.assertIn("longer than 100 ms", self.problem(cache))
        self.assertLess(sum(self.find(cached) for _ in range(20)), 20 * DELAY / 2)
        between.tell(delay=0)
        self.at_hand(cache)
        asked = len(self.source.asked)
        self.again(self.started().around(self.source), self.number)
        self.assertEqual(len(self.source.asked), asked + 1, "nobody was told of it")
        self.find(cached)
        self.again(self.started().around(self.source), self.number)
        self.assertEqual(len(self.source.asked), asked + 2)

    def test_frozen(self) -> None:
        """A Redis that hangs keeps nobody waiting for more than a moment."""
        cache = self.started(timeout=100)
        cached = cache.around(self.source)
        self.find(cached)
        self.redis.freeze()
        self.addCleanup(self.redis.thaw)
        took = [self.find(cached) for _ in range(20)]
        self.assertLess(sum(took), 2.0)
        self.redis.thaw()
        self.at_hand(cache)
        self.find(cached)


class CodecTests(SynchronousTestCase):
    """Hosts and keys as bytes."""

    def test_hosts(self) -> None:
        """Whatever a host is made of comes back as it was."""

        @FEW
        @given(st.sampled_from((HOSTS4, HOSTS6)), st.data(), st.sampled_from((*INJECTIONS, "\udcff", "")))
        def check(samples: HostSamples, data: st.DataObject, text: str) -> None:
            more = Host(
                identifier=ONE,
                options=samples.options,
                hostname=text,
                client_classes=(text, "b"),
                boot_file_name=text,
                user_context={text: [1, None, {"x": text}]},
                excluded_prefixes=(None, (bytes(16), 64)),
                refused=True,
            )
            held = Held((*data.draw(samples.hosts), more), 5.0)
            self.assertEqual(opened(written(held, 10), 15_000), held)
            self.assertEqual(opened(written(held, 10), -1), held._replace(fresh=None))

        check()

    def test_keys(self) -> None:
        """So does each key."""

        @FEW
        @given(st.text(), st.integers(0, 2**32 - 1), HOSTS4.identifiers | HOSTS4.addresses)
        def check(source: str, subnet_id: int, sought: Identifier | bytes) -> None:
            key: Key = (source, subnet_id, sought)
            self.assertEqual(key_of(*written_key(key)), key)

        check()
