"""A Redis that forgets, or would, or is not the one it was: that is noticed, and nothing goes on until told so."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.leasing import lease
from tests.real.redis import Redis
from txkea.backend.parameters import Reconnect
from txkea.errors import Busy, TxkeaError, Unavailable
from txkea.interfaces import ICommands, IDatabaseAdmin
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.providers import Unwatched
from txkea.redis.admin import RedisAdmin
from txkea.redis.leases import Options, RedisLeases
from txkea.redis.wire import Place
from txkea.testing.contracts.leases import deferred
from txkea.testing.disks import RecordingLog
from txkea.testing.waiting import wait

__all__ = ["ForgettingTests", "OpeningTests"]

T = TypeVar("T")
PROMPT = Reconnect(wait=0.05)


def expires(lease: Any) -> Any:
    """When a lease ends."""
    return lease.expires


class Scene(SynchronousTestCase):
    """Stores on servers that belong to one test."""

    redis: Redis

    def server(self, **options: str) -> Redis:
        """A Redis server of the test's own."""
        redis = Redis(**options)
        self.addCleanup(redis.remove)
        return redis

    def make(self, redis: Redis, server: str = "one", policy: Reconnect = PROMPT, **more: Any) -> RedisLeases:
        """A store that is not open yet."""
        self.log = RecordingLog()
        place = {name: more.pop(name) for name in ("user", "password", "database") if name in more}
        return RedisLeases(
            Place(host=redis.host, port=redis.port, **place),
            Options(server=server, **more),
            policy,
            family=4,
            reactor=reactor,
            log=self.log,
            backends=Unwatched(),
        )

    def opened(self, redis: Redis, server: str = "one", **more: Any) -> RedisLeases:
        """An open store."""
        store = self.make(redis, server, **more)
        self.wait(store.open())
        self.addCleanup(lambda: self.wait(store.close()))
        return store

    def wait(self, awaitable: Awaitable[T]) -> T:
        """What a call gives or raises."""
        return wait(awaitable, reactor)

    def in_time(self, look: Callable[[], Awaitable[T]]) -> T:
        """What a look-up gives, once the store is in time again after what it had to do before."""
        end = time.monotonic() + 10.0
        while True:
            try:
                return self.wait(look())
            except Busy:
                self.assertLess(time.monotonic(), end, "it is behind for ever")
                reactor.iterate(0.01)

    def until(self, condition: Callable[[], bool]) -> None:
        """Turn the reactor until something is so."""
        end = time.monotonic() + 10.0
        while not condition():
            self.assertLess(time.monotonic(), end, "it did not come to that")
            reactor.iterate(0.01)

    def away(self, *stores: RedisLeases) -> None:
        """Wait until all have noticed that their server is gone, and tried in vain."""
        self.until(lambda: all("no connection" in store.connection.problem for store in stores))

    def back(self, *stores: RedisLeases) -> None:
        """Wait until all are connected again."""
        self.until(lambda: all(store.connection.up for store in stores))

    def refused(self, awaitable: Awaitable[Any], *words: str) -> None:
        """A call fails, and says why and what to do."""
        error = self.assertRaises(Unavailable, self.wait, awaitable)
        for word in words:
            self.assertIn(word, str(error))

    def accept(self, store: RedisLeases) -> str:
        """Say that a store is good as it is."""
        answer: str = self.wait(store.commands()["lease-store-accept"](None))
        return answer


class OpeningTests(Scene):
    """Servers that leases are not trusted to."""

    def test_eviction(self) -> None:
        """A server that would evict leases is refused with the mend; so is one that begins to allow it."""
        redis = self.server(maxmemory="100mb", **{"maxmemory-policy": "allkeys-lru"})
        self.refused(self.make(redis).open(), "allkeys-lru", "maxmemory-policy noeviction")
        redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        store = self.opened(redis)
        self.assertTrue(self.wait(store.add(lease(1))))
        redis.ask("CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
        self.until(lambda: "volatile-ttl" in store.connection.problem)
        self.refused(store.add(lease(2)), "volatile-ttl")
        redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        self.back(store)
        self.assertTrue(self.wait(store.add(lease(2))))

    def test_full(self) -> None:
        """What a full server refuses was not done, and the server is used again when it has room."""
        redis = self.server()
        store = self.opened(redis)
        redis.ask("CONFIG", "SET", "maxmemory", "1")
        self.refused(store.add(lease(1)), "OOM")
        redis.ask("CONFIG", "SET", "maxmemory", "0")
        self.assertIsNone(self.wait(store.get(lease(1).address)))
        self.assertEqual({}, self.wait(store.counts()))
        self.assertTrue(self.wait(store.add(lease(1))))

    def test_durability(self) -> None:
        """A server that acknowledges before it syncs is refused with the mend, unless that is accepted: then logged."""
        redis = self.server(appendfsync="everysec")
        self.refused(self.make(redis).open(), "everysec", "appendfsync always")
        self.opened(redis, accept_loss=True)
        self.assertIn("everysec", self.log.texts("TXKEA_REDIS_NOT_DURABLE")[0])
        redis.ask("CONFIG", "SET", "appendfsync", "always")
        redis.ask("CONFIG", "SET", "appendonly", "no")
        self.refused(self.make(redis).open(), "append-only", "appendonly yes")

    def test_replica(self) -> None:
        """A replica is refused."""
        master = self.server()
        replica = self.server(replicaof=f"{master.host} {master.port}")
        self.refused(self.make(replica).open(), "replica")

    def test_password(self) -> None:
        """Who may come in is the server's matter, and no password is told."""
        redis = self.server()
        redis.ask("ACL", "SETUSER", "dhcp", "on", ">se cret'", "~*", "+@all")
        self.refused(self.make(redis, user="dhcp", password="wr ong'").open(), "WRONGPASS")
        store = self.opened(redis, user="dhcp", password="se cret'", database=3)
        self.assertTrue(self.wait(store.add(lease(1))))
        redis.ask("ACL", "SETUSER", "dhcp", "-config")
        self.refused(self.make(redis, user="dhcp", password="se cret'").open(), "CONFIG GET")
        self.assertNotIn("se cret'", repr(Place(password="se cret'")))

    def test_nothing_there(self) -> None:
        """A server that does not answer is named."""
        redis = self.server()
        redis.stop()
        self.refused(self.make(redis).open(), f"{redis.host}:{redis.port}", "refused")

    def test_admin(self) -> None:
        """`txkea db` sees nothing, makes both families' stores, sees them, and makes them once."""
        redis = self.server()
        admin = RedisAdmin(Place(host=redis.host, port=redis.port), "txkea", reactor=reactor)
        verifyObject(IDatabaseAdmin, admin)
        schema = self.wait(admin.version())
        self.assertEqual(("", ""), schema[:2])
        self.assertIn("txkea db init", schema.problem)
        self.assertEqual(2, len(self.wait(admin.init())))
        self.assertEqual(("1", "txkea", ""), self.wait(admin.version())[:3])
        self.assertRaises(TxkeaError, self.wait, admin.init())
        self.assertEqual([], list(self.wait(admin.upgrade())))
        store = self.opened(redis)
        self.assertEqual([], self.log.texts("TXKEA_REDIS_CREATED"))
        self.assertTrue(self.wait(store.add(lease(1))))
        redis.ask("HSET", "{txkea4}:meta", "version", "2")
        self.assertIn("newer", self.wait(admin.version()).problem)
        self.assertRaises(TxkeaError, self.wait, admin.upgrade())
        self.refused(self.make(redis).open(), "form 2")


class ForgettingTests(Scene):
    """Servers that have lost what they had acknowledged."""

    def test_flush(self) -> None:
        """After FLUSHALL nothing is allocated, whoever asks, until it is accepted; then the empty store serves."""
        redis = self.server()
        store = self.opened(redis)
        verifyObject(ICommands, store)
        self.assertTrue(self.wait(store.add(lease(1))))
        self.assertRaises(TxkeaError, self.accept, store)
        redis.fresh()
        self.refused(store.add(lease(2)), "emptied", "lease-store-accept")
        self.refused(store.get(lease(1).address), "emptied")
        self.assertEqual(b":0\r\n", redis.ask("DBSIZE"))
        self.accept(store)
        self.back(store)
        self.assertTrue(self.wait(store.add(lease(2))))
        self.assertEqual(1, len(self.log.texts("TXKEA_REDIS_ACCEPTED")))

    def test_flush_is_noticed_by_itself(self) -> None:
        """A flush is noticed within seconds where nobody asks for anything."""
        redis = self.server()
        store = self.opened(redis)
        redis.fresh()
        self.until(lambda: not store.connection.up)
        self.assertIn("emptied", store.connection.problem)

    def test_flush_that_another_server_met(self) -> None:
        """A store that another server began anew after a flush is not taken for the old one."""
        redis = self.server()
        store = self.opened(redis)
        self.assertTrue(self.wait(store.add(lease(1))))
        redis.fresh()
        other = self.opened(redis, "two")
        self.assertEqual(1, len(self.log.texts("TXKEA_REDIS_CREATED")))
        self.assertTrue(self.wait(other.add(lease(2))))
        self.refused(store.add(lease(2)), "emptied")

    def older(self, *stores: RedisLeases) -> Redis:
        """The server of these stores, started again from a copy of its files that is one lease of the first older."""
        redis = self.redis
        copy = redis.directory.with_name(f"{redis.directory.name}.copy")
        self.addCleanup(shutil.rmtree, copy)
        redis.stop()
        self.away(*stores)
        shutil.copytree(redis.directory, copy)
        redis.start()
        self.back(*stores)
        self.assertTrue(self.wait(stores[0].add(lease(2))))
        redis.kill()
        self.away(*stores)
        shutil.rmtree(redis.directory)
        shutil.copytree(copy, redis.directory)
        redis.start()
        return redis

    def test_lost_writes(self) -> None:
        """A server that comes back without an acknowledged write is noticed; accepting it serves all servers again."""
        self.redis = self.server()
        store, other = self.opened(self.redis, "one"), self.opened(self.redis, "two")
        self.assertTrue(self.wait(store.add(lease(1))))
        self.older(store, other)
        self.until(lambda: "lost writes" in store.connection.problem)
        self.until(lambda: "lost writes" in other.connection.problem)
        self.refused(other.add(lease(3)), "lost writes", "lease-store-accept")
        self.refused(self.make(self.redis, "three").open(), "lost writes", "HDEL {txkea4}:meta lost")
        self.accept(store)
        self.back(store, other)
        self.assertEqual(lease(1), self.wait(other.get(lease(1).address)))
        self.assertTrue(self.wait(other.add(lease(2))))
        self.assertTrue(self.wait(store.add(lease(3))))

    def test_lost_writes_that_others_caught_up_with(self) -> None:
        """What this server was acknowledged is missed by it, however much others have written since."""
        self.redis = self.server()
        store = self.opened(self.redis, policy=Reconnect(wait=2.0))
        self.assertTrue(self.wait(store.add(lease(1))))
        self.older(store)
        other = self.opened(self.redis, "two")
        for number in range(10, 20):
            self.assertTrue(self.wait(other.add(lease(number))))
        self.assertFalse(store.connection.up)
        self.until(lambda: "lost writes" in store.connection.problem)
        self.refused(other.add(lease(3)), "lost writes", "server one")

    def test_killed_under_load(self) -> None:
        """Whatever is killed when: what was acknowledged is there, and indexes and counts are those of the leases."""
        redis = self.server()
        store = self.opened(redis)
        held: set[int] = set()
        for number in range(5):
            first = 1000 * number
            for each in range(first, first + 600):
                deferred(store.add(lease(each, subnet_id=1 + each % 3))).addCallbacks(
                    lambda added, each=each: held.add(each), lambda failure: None
                )
            self.until(lambda number=number: len(held) > 150 * (number + 1))  # type: ignore[misc]
            redis.kill()
            self.away(store)
            redis.start()
            self.back(store)
        leases = self.wait(store.page(None, 1 << 20))
        self.assertLessEqual(held, {int.from_bytes(each.address, "big") - 0xC0000200 for each in leases})
        self.assertEqual(Counter((each.subnet_id, 0, 0) for each in leases), self.wait(store.counts()))
        self.assertEqual(sorted(leases, key=expires), self.wait(store.expired(1 << 40, 0)))
        for each in leases:
            client = Identifier(IdentifierKind.CLIENT_ID, each.client_id)
            self.assertEqual([each], list(self.in_time(partial(store.by_client, client))))

    def test_an_idle_server_goes_on(self) -> None:
        """A restart that lost nothing is none of all this."""
        redis = self.server()
        store = self.opened(redis)
        for number in (1, 2, 3):
            self.assertTrue(self.wait(store.add(lease(number))))
            redis.kill()
            self.away(store)
            redis.start()
            self.back(store)
            self.assertEqual(number, len(self.wait(store.page(None, 9))))

    def test_scripts_that_are_gone(self) -> None:
        """SCRIPT FLUSH costs nobody an answer."""
        redis = self.server()
        store = self.opened(redis)
        redis.ask("SCRIPT", "FLUSH")
        self.assertTrue(self.wait(store.add(lease(1))))
        self.assertEqual(lease(1), self.wait(store.get(lease(1).address)))

    def test_replicas(self) -> None:
        """A change is acknowledged when as many replicas have it as were asked for, not before."""
        redis = self.server()
        hasty = self.opened(redis, replicas=1, replica_timeout=0.2)
        self.refused(hasty.add(lease(1)), "0 of 1 replicas")
        replica = self.server(replicaof=f"{redis.host} {redis.port}")
        self.until(lambda: b"state=online" in redis.ask("INFO", "replication"))
        store = self.opened(redis, replicas=1, replica_timeout=9.0)
        self.assertTrue(self.wait(store.add(lease(2))))
        self.assertIn(b":2\r\n", replica.ask("HLEN", "{txkea4}:leases"))

    def test_promoted_replica(self) -> None:
        """A replica that is promoted without the last writes, after the network was cut, has lost them."""
        redis = self.server()
        replica = self.server(replicaof=f"{redis.host} {redis.port}")
        store = self.opened(redis)
        self.until(lambda: b"state=online" in redis.ask("INFO", "replication"))
        self.assertTrue(self.wait(store.add(lease(1))))
        self.until(lambda: replica.ask("HLEN", "{txkea4}:leases") == b":1\r\n")
        self.until(lambda: b"aof_rewrite_in_progress:0" in replica.ask("INFO", "persistence"))
        replica.ask("REPLICAOF", "NO", "ONE")
        self.assertTrue(self.wait(store.add(lease(2))))
        redis.kill()
        replica.stop()
        replica.port = redis.port  # as a name that now leads to another server
        replica.options.pop("replicaof")
        replica.start()
        self.until(lambda: "lost writes" in store.connection.problem)
        self.accept(store)
        self.back(store)
        self.assertEqual([lease(1)], list(self.wait(store.page(None, 9))))
