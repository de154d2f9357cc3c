"""Servers that share a store give addresses from different slices of a pool, whatever each of them knows."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging import ACK, LOCAL, NAK, OFFER, serving
from txkea.exchange.pools import LEASED, LivePool
from txkea.exchange.slices import Course
from txkea.model.configuration import Pool
from txkea.testing.clients4 import Client, LocalServer
from txkea.testing.stores import CountingLeases, SharedLeases, WaitingLeases

__all__ = ["CourseTests", "SharingTests"]


def below(seed: int) -> Callable[[int], int]:
    """A source of numbers below another one."""
    return random.Random(seed).randrange


def pool_of(first: int, size: int, seed: int = 1) -> LivePool:
    """A pool over a shared store."""
    pool = LivePool(Pool(first=first, last=first + size - 1), 4)
    pool.share(below(seed))
    return pool


def course_of(pool: LivePool) -> Course:
    assert pool.beliefs.course is not None
    return pool.beliefs.course


class CourseTests(SynchronousTestCase):
    """One server's way through a pool."""

    @settings(deadline=None, max_examples=60)
    @given(
        first=st.integers(1, 600), size=st.integers(1, 1500), seed=st.integers(), taken=st.sets(st.integers(0, 1499))
    )
    def test_every_free_address(self, first: int, size: int, seed: int, taken: set[int]) -> None:
        """Each walk finds all that is believed free and nothing else, wherever the one before it ended."""
        pool = pool_of(first, size, seed)
        for offset in taken:
            if offset < size:
                pool.beliefs.note(offset, LEASED)
        for _ in range(3):
            walk = course_of(pool).walk(pool)
            self.assertEqual(set(range(size)) - taken, set(walk))
            next(course_of(pool).walk(pool), None)

    def test_one_slice_after_the_other(self) -> None:
        """A slice is used up before the next one is begun, and each begins with a look at what others did there."""
        pool = pool_of(256, 1 << 16)
        course = course_of(pool)
        found: list[int] = []
        surveys = 0
        for offset in course.walk(pool):
            surveys += course.strange
            course.strange = False
            pool.beliefs.note(offset, LEASED)
            found.append(offset)
            if len(found) == 1024:
                break
        self.assertEqual(4, surveys)
        slices = [offset // 256 for offset in found]
        self.assertEqual(4, len(set(slices)))
        self.assertEqual(sorted(slices, key=slices.index), slices)
        self.assertNotEqual(sorted(found[:256]), found[:256])

    def test_huge(self) -> None:
        """In a pool of any size a full one costs no more than an empty one."""
        pool = LivePool(Pool(first=1 << 100, last=(1 << 100) + (1 << 64) - 1), 16)
        pool.share(below(3))
        self.assertEqual(256, len(course_of(pool).slice))
        self.assertTrue(0 <= next(course_of(pool).walk(pool)) < 1 << 64)

    def test_nearly_full(self) -> None:
        """The one free address among very many is found without going through them."""
        pool = pool_of(0, 1 << 16)
        for offset in range(1 << 16):
            if offset != 54321:
                pool.beliefs.note(offset, LEASED)
        self.assertEqual({54321}, {*course_of(pool).walk(pool)})

    def test_left(self) -> None:
        """After a conflict in its slice a server goes on in another one."""
        pool = pool_of(0, 1 << 16)
        course = course_of(pool)
        before = next(course.walk(pool))
        course.leave(before + 256 if before < 256 else before - 256)
        self.assertIn(next(course.walk(pool)), range(before & ~255, (before | 255) + 1))
        course.leave(before)
        pool.beliefs.note(before, LEASED)
        self.assertNotIn(next(course.walk(pool)), range(before & ~255, (before | 255) + 1))

    def test_copied(self) -> None:
        """Whoever tries something out does not move the server itself."""
        pool = pool_of(0, 1 << 16)
        next(course_of(pool).walk(pool))
        twin = pool.copy()
        expected = [*zip(range(10), course_of(twin).walk(twin), strict=False)]
        self.assertEqual(expected, [*zip(range(10), course_of(pool).walk(pool), strict=False)])


class SharingTests(SynchronousTestCase):
    """Servers over one store."""

    def servers(self, number: int, pool: str, **more: Any) -> list[LocalServer]:
        """So many, with one pool."""
        leases = SharedLeases()
        keywords = {"subnet": "10.0.0.0/8", "interface": "eth0", "pools": [{"pool": pool}]}
        return [serving(keywords, site={"leases": leases, "random": below(seed)}, **more) for seed in range(number)]

    def offered(self, servers: list[LocalServer], numbers: range) -> list[tuple[Client, str]]:
        """Clients that have an offer each, from the servers in turn."""
        found = []
        for number in numbers:
            client = Client(servers[number % len(servers)], number)
            offer = client.discover()
            assert offer is not None, f"no offer for client {number}"
            found.append((client, offer.yiaddr))
        return found

    def filled(self, servers: list[LocalServer], clients: int, waiting: int) -> int:
        """How often a client was refused what it was offered while so many lease, some at a time between the steps."""
        conflicts = 0
        for first in range(1, clients + 1, waiting):
            wishes = self.offered(servers, range(first, min(first + waiting, clients + 1)))
            while wishes:
                answers = [(client, client.select(address)) for client, address in wishes]
                refused = [client for client, answer in answers if answer is None or answer.type == NAK]
                self.assertEqual({ACK, NAK} if refused else {ACK}, {answer.type for _, answer in answers if answer})
                conflicts += len(refused)
                wishes = [(client, offer.yiaddr) for client in refused if (offer := client.discover())]
        return conflicts

    def test_conflicts(self) -> None:
        """Of servers that fill a pool together hardly one is ever faster than another, till nine tenths are full."""
        for number, size, waiting in ((2, 2048, 32), (2, 8192, 64), (4, 8192, 64)):
            servers = self.servers(number, f"10.0.0.0 - 10.0.{size // 256 - 1}.255")
            clients = size * 9 // 10
            conflicts = self.filled(servers, clients, waiting)
            self.assertLessEqual(conflicts, clients / 50, f"{number} servers, {size} addresses")
            self.assertEqual(clients, len(servers[0].leases))

    def test_counted(self) -> None:
        """A conflict is counted by the server that was slower, in all and in the subnet."""
        servers = self.servers(2, "10.0.0.1/32")
        wishes = self.offered(servers, range(2, 4))
        answers = [client.select(address) for client, address in wishes]
        self.assertEqual([ACK, NAK], [answer.type for answer in answers if answer])
        for name in ("lease-conflicts", "subnet[1].lease-conflicts"):
            self.assertEqual([0, 1], [server.site.statistics.get(name, 0) for server in servers], name)
        again = wishes[1][0].select(wishes[1][1])
        self.assertEqual((NAK, 1), (again and again.type, servers[1].statistic("lease-conflicts")))

    def test_both_at_once(self) -> None:
        """Of two requests for one address that both servers found free, one is granted, and the other one counted."""
        leases = SharedLeases()
        keywords = {"subnet": "10.0.0.0/8", "interface": "eth0", "pools": [{"pool": "10.0.0.1/32"}]}
        stores = [WaitingLeases(leases), WaitingLeases(leases)]
        servers = [serving(keywords, site={"leases": store, "random": below(1)}) for store in stores]
        for number, server in enumerate(servers):
            Client(server, number).select("10.0.0.1", server="192.0.2.1")
        for _ in range(20):
            for store in stores:
                if store.waiting:
                    store.go_on()
        answers = [server.answers() for server in servers]
        self.assertEqual([[ACK], [NAK]], [[answer.type for answer in each] for each in answers])
        self.assertEqual([0, 1], [server.statistic("lease-conflicts") for server in servers])

    @settings(deadline=None, max_examples=60)
    @given(seed=st.integers(0, 9), order=st.randoms(use_true_random=False))
    def test_nobody_is_offered_what_another_takes(self, seed: int, order: random.Random) -> None:
        """Whichever look-up comes back when, each of many clients at once gets what it was offered."""
        store = WaitingLeases(SharedLeases())
        keywords = {"subnet": "10.0.0.0/8", "interface": "eth0", "pools": [{"pool": "10.0.0.1 - 10.0.0.24"}]}
        server = serving(keywords, site={"leases": store, "random": below(seed) if seed else lambda most: 0})
        clients = [Client(server, number) for number in range(20)]
        names, given = {client.hwaddr: client for client in clients}, set[str]()
        while len(given) < len(names):
            if clients and order.random() < 0.1:
                clients.pop().discover()
            elif store.waiting:
                store.go_on(order.randrange(len(store.waiting)))
            for answer in server.answers():
                if answer.type == OFFER:
                    names[answer.message.chaddr].select(answer.yiaddr, server=LOCAL)
                else:
                    self.assertEqual(ACK, answer.type)
                    given.add(answer.yiaddr)

    def test_own_repetition(self) -> None:
        """A client that asks both servers, and is answered by both, has met nobody else: that is no conflict."""
        leases = SharedLeases()
        keywords = {"subnet": "10.0.0.0/8", "interface": "eth0", "pools": [{"pool": "10.0.0.1/32"}]}
        stores = [WaitingLeases(leases), WaitingLeases(leases)]
        servers = [serving(keywords, site={"leases": store, "random": below(1)}) for store in stores]
        for server in servers:
            Client(server, 1).select("10.0.0.1", server="192.0.2.1")
        while any(store.waiting for store in stores):
            for store in stores:
                if store.waiting:
                    store.go_on()
        self.assertEqual([[ACK], [ACK]], [[answer.type for answer in server.answers()] for server in servers])
        self.assertEqual([0, 0], [server.statistic("lease-conflicts") for server in servers])

    def test_alone(self) -> None:
        """A server whose store is its own gives addresses in their order, as ever, and counts no conflicts."""
        server = serving()
        clients = [Client(server, number) for number in range(5)]
        addresses = [client.lease().yiaddr for client in clients]
        self.assertEqual([f"192.0.2.{number}" for number in range(10, 15)], addresses)
        self.assertNotIn("lease-conflicts", server.site.statistics)

    def test_given_back_elsewhere(self) -> None:
        """What another server's clients have given back is found in a few queries by one that believes all taken."""
        servers = self.servers(2, "10.0.0.0 - 10.0.0.127")
        clients = [Client(servers[0], number) for number in range(128)]
        held = {client.lease().yiaddr: client for client in clients}
        late = [Client(servers[1], 1000 + number) for number in range(3)]
        self.assertIsNone(late[0].discover())
        back = [address for address in held if address.endswith("7")][:3]
        for address in back:
            held[address].release(address)
        found = {client.lease().yiaddr for _ in range(4) for client in late if client.discover() is not None}
        self.assertEqual({*back}, found)

    def test_surveys_are_few(self) -> None:
        """A server asks the store once for each address that it gives, and once when it comes into a slice."""
        counting = CountingLeases(SharedLeases())
        keywords = {"subnet": "10.0.0.0/8", "interface": "eth0", "pools": [{"pool": "10.0.0.0/16"}]}
        server = serving(keywords, site={"leases": counting, "random": below(1)})
        for number in range(512):
            self.assertIsNotNone(Client(server, number).discover())
        self.assertLessEqual(counting.calls["get"], 512 + 2 * 256)
