"""`txkea.exchange.pools`, `offers` and `subnets`: finding a free address fast, whatever the pools believe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.exchanging import NAK, OFFER, got, serving
from txkea.exchange.accounting import reclaimed
from txkea.exchange.assemble import believe
from txkea.exchange.offers import HOLD, Offers
from txkea.exchange.pools import ALLOCATORS, CHUNK, DECLINED, FREE, LEASED, TAKEN, LivePool, Marks
from txkea.exchange.subnets import LiveSubnet, SubnetIndex, arrange
from txkea.interfaces import Hint, IAllocator
from txkea.leases.memory import MemoryLeases
from txkea.model.configuration import Configuration, Pool, Subnet
from txkea.model.lease import Lease4
from txkea.testing.clients4 import Client, LocalServer, packed
from txkea.testing.stores import CountingLeases

BASE = 0x0A000000
NOBODY = Hint(None, b"")


def pool(size: int, first: int = BASE) -> LivePool:
    return LivePool(Pool(first=first, last=first + size - 1), 4)


def taking(live: LivePool, offsets: Iterator[int] | range) -> LivePool:
    """The pool, these addresses believed taken."""
    for offset in offsets:
        live.mark(live.address(offset), True)
    return live


class PoolTests(SynchronousTestCase):
    """What is believed of a pool."""

    @given(st.integers(1, 40), st.lists(st.tuples(st.integers(0, 39), st.booleans())), st.integers(0, 39))
    def test_walk(self, size: int, marks: list[tuple[int, bool]], start: int) -> None:
        """A walk gives every address that is believed free exactly once, from its start around."""
        live, taken = pool(size), set[int]()
        for offset, mark in marks:
            if offset < size:
                live.mark(live.address(offset), mark)
                (taken.add if mark else taken.discard)(offset)
        start %= size
        expected = [offset for offset in (*range(start, size), *range(start)) if offset not in taken]
        self.assertEqual(list(live.walk(start)), expected)

    @given(st.lists(st.tuples(st.integers(0, 5), st.one_of(st.booleans(), st.sampled_from(range(5)))), max_size=40))
    def test_known(self, changes: list[tuple[int, int | bool]]) -> None:
        """What is known of leases counts once however often it is told, and what is only believed changes it not."""
        live, model = pool(6), [FREE] * 6
        for offset, change in changes:
            if isinstance(change, bool):
                live.mark(live.address(offset), change)
                if model[offset] == (FREE if change else TAKEN):
                    model[offset] = TAKEN if change else FREE
            else:
                live.note(live.address(offset), change)
                model[offset] = change
        self.assertEqual([live.beliefs.marks[offset] for offset in range(6)], model)
        self.assertEqual(live.beliefs.assigned, sum(mark in (LEASED, DECLINED) for mark in model))
        self.assertEqual(live.beliefs.declined, model.count(DECLINED))
        self.assertEqual(live.free_from(0), model.index(FREE) if FREE in model else None)

    def test_chunks(self) -> None:
        """Pools larger than a chunk are walked across the borders of chunks."""
        size = 2 * CHUNK + 5
        live = taking(pool(size), range(CHUNK - 2, CHUNK + 3))
        self.assertEqual(live.free_from(CHUNK - 2), CHUNK + 3)
        taking(live, range(2 * CHUNK, size))
        self.assertIsNone(live.free_from(2 * CHUNK))
        self.assertEqual(live.free_from(2 * CHUNK - 1), 2 * CHUNK - 1)

    @given(
        st.integers(0, 80),
        st.lists(st.tuples(st.integers(0, 1 << 80), st.integers(1, 700), st.booleans()), max_size=12),
        st.lists(st.integers(0, 1 << 80), max_size=8),
    )
    def test_marks(self, bits: int, runs: list[tuple[int, int, bool]], starts: list[int]) -> None:
        """Of any number of numbers the next unmarked one is found, whatever was marked and unmarked before."""
        size = 1 << bits
        marks, model = Marks(size), set[int]()
        for first, length, marked in runs:
            for number in range(first % size, min(first % size + length, size)):
                marks.mark(number, marked)
                (model.add if marked else model.discard)(number)
        for start in (*starts, *(first for first, _, _ in runs), 0):
            expected = next((n for n in range(start % size, size) if n not in model), None)
            self.assertEqual(marks.free_from(start % size), expected)

    def test_full_again_and_again(self) -> None:
        """A full pool of several levels has nothing free; each that comes back is found."""
        size = CHUNK * CHUNK + 3
        marks = Marks(size)
        for number in range(size):
            marks.mark(number, True)
        self.assertIsNone(marks.free_from(0))
        for number in (0, CHUNK, CHUNK * CHUNK - 1, size - 1):
            marks.mark(number, False)
            self.assertEqual((marks.free_from(0), marks.free_from(number)), (number, number))
            marks.mark(number, True)
        self.assertIsNone(marks.free_from(0))

    def test_memory(self) -> None:
        """Marks all over a huge pool, made and taken back, leave nothing behind: a client's wishes cost no memory."""
        marks = Marks(1 << 80)
        for number in range(0, 1 << 80, (1 << 80) // 1000):
            marks.mark(number, True)
            marks.mark(number, False)
        self.assertEqual(sum(len(chunks) for _, chunks in marks._levels), 0)

    def test_untouched(self) -> None:
        """A pool of which nothing is believed ends where it ends."""
        for size in (1, 10, CHUNK - 1, CHUNK, CHUNK + 1):
            self.assertIsNone(pool(size).free_from(size))
            self.assertEqual(pool(size).free_from(size - 1), size - 1)

    def test_reserved_pool(self) -> None:
        """A pool whose every address is reserved for others gives none, and none beyond its end."""
        hosts = [{"hw-address": f"06:00:00:00:00:{last}", "ip-address": f"192.0.2.{last}"} for last in range(10, 20)]
        server = serving({"reservations": hosts})
        self.assertIsNone(Client(server).discover())

    def test_limits(self) -> None:
        """A pool holds its first and its last address, and neither neighbour."""
        live = pool(10)
        held = [BASE + offset for offset in range(-1, 12) if (BASE + offset).to_bytes(4, "big") in live]
        self.assertEqual(held, list(range(BASE, BASE + 10)))

    def test_doubts(self) -> None:
        """Doubts go round the pool, so that every address is looked at again in time."""
        live = pool(10)
        seen = [address for _ in range(3) for address in live.doubted(4)]
        self.assertEqual([int.from_bytes(address, "big") - BASE for address in seen], [*range(10), 0, 1])
        self.assertEqual(len(list(pool(3).doubted(16))), 3)

    def test_wide(self) -> None:
        """A pool of 2**24 addresses costs no memory until something is taken, and is as fast."""
        live = pool(1 << 24)
        self.assertEqual(live.free_from(1 << 23), 1 << 23)
        live.mark(live.address((1 << 24) - 1), True)
        self.assertEqual(live.free_from(0), 0)


class AllocatorTests(SynchronousTestCase):
    """The order in which addresses are tried."""

    def test_interface(self) -> None:
        """Every allocator provides IAllocator."""
        for make in ALLOCATORS.values():
            self.assertTrue(verifyObject(IAllocator, make(lambda below: 0)))

    @given(st.sampled_from(sorted(ALLOCATORS)), st.lists(st.integers(1, 6), min_size=1, max_size=4), st.randoms())
    def test_every_address_once(self, name: str, sizes: list[int], source: Any) -> None:
        """An allocator tries every address of every pool that is believed free, each once."""
        pools = [pool(size, BASE + 100 * number) for number, size in enumerate(sizes)]
        found = list(ALLOCATORS[name](source.randrange).candidates(pools, NOBODY))
        self.assertEqual(len(found), len(set(found)))
        self.assertEqual(len(found), sum(sizes))

    def test_no_pools(self) -> None:
        """Without pools there is nothing to try."""
        for make in ALLOCATORS.values():
            self.assertEqual(list(make(lambda below: 0).candidates([], NOBODY)), [])

    def test_iterative(self) -> None:
        """A148: the iterative allocator begins with the pool's first address and goes on from where it stopped."""
        server = serving()
        addresses = [Client(server, number).lease().yiaddr for number in range(1, 4)]
        self.assertEqual(addresses, ["192.0.2.10", "192.0.2.11", "192.0.2.12"])
        Client(server, 2).release("192.0.2.11")
        self.assertEqual(Client(server, 4).lease().yiaddr, "192.0.2.13")

    def test_pools_in_turn(self) -> None:
        """A148: when a pool is full the next one of the subnet serves."""
        pools = [{"pool": "192.0.2.20/31"}, {"pool": "192.0.2.10/31"}]
        server = serving({"pools": pools})
        addresses = {Client(server, number).lease().yiaddr for number in range(4)}
        self.assertEqual(addresses, {"192.0.2.10", "192.0.2.11", "192.0.2.20", "192.0.2.21"})
        self.assertIsNone(Client(server, 5).discover())

    def test_random(self) -> None:
        """A160: the random allocator begins where the source of randomness says, and finds the last free address."""
        for start, first in ((0, "192.0.2.10"), (7, "192.0.2.17")):
            server = serving(allocator="random", site={"random": lambda below, start=start: start % below})
            self.assertEqual(Client(server, 1).lease().yiaddr, first)
            for number in range(2, 11):
                Client(server, number).lease()
            self.assertEqual(len(server.leases), 10)
            self.assertIsNone(Client(server, 11).discover())

    def test_first_last_24(self) -> None:
        """A160: exclude-first-last-24 keeps .0 and .255 back in subnets of /24 and larger, not in smaller ones."""
        for prefix, length, excluded in (("10.1.0.0", 16, True), ("10.1.1.248", 29, False)):
            first, last = ("10.1.0.254", "10.1.1.1") if excluded else ("10.1.1.252", "10.1.1.255")
            subnet = {
                "id": 1,
                "subnet": f"{prefix}/{length}",
                "interface": "eth0",
                "pools": [{"pool": f"{first} - {last}"}],
            }
            server = serving(subnet4=[subnet], compatibility={"exclude-first-last-24": True})
            leased = set()
            for number in range(1, 5):
                if Client(server, number).discover() is not None:
                    leased.add(Client(server, number).lease().yiaddr)
            self.assertEqual(len(leased), 2 if excluded else 4)
            if excluded:
                self.assertEqual(leased, {"10.1.0.254", "10.1.1.1"})

    def test_prefix_pool(self) -> None:
        """A062: of a pool given as a prefix every address is used."""
        server = serving({"pools": [{"pool": "192.0.2.0/30"}]})
        leased = {Client(server, number).lease().yiaddr for number in range(4)}
        self.assertEqual(leased, {f"192.0.2.{last}" for last in range(4)})


class FullPoolTests(SynchronousTestCase):
    """Pools of 65 536 addresses that are almost full."""

    SIZE = 1 << 16

    def crowded(self, free: set[int], taught: bool = True, **dhcp4: Any) -> tuple[LocalServer, CountingLeases]:
        """A server whose one pool has leases on all its addresses but some."""
        store = CountingLeases(MemoryLeases())
        subnet = {"id": 1, "subnet": "10.0.0.0/8", "interface": "eth0", "pools": [{"pool": "10.16.0.0/16"}]}
        server = serving(subnet4=[subnet], site={"leases": store}, **dhcp4)
        first, now = int.from_bytes(packed("10.16.0.0"), "big"), int(server.now)
        leases = [
            Lease4((first + offset).to_bytes(4, "big"), b"\x06" + offset.to_bytes(5, "big"), b"", 3600, now + 3600, 1)
            for offset in range(self.SIZE)
            if offset not in free
        ]
        for lease in leases:
            store.table.add(lease)
        if taught:
            believe(server.site, leases)
        return server, store

    def test_last_addresses(self) -> None:
        """The last free addresses are found with a handful of look-ups, by either allocator."""
        for name in ALLOCATORS:
            free = {0, 40_000, self.SIZE - 1}
            server, store = self.crowded(free, allocator=name)
            for number in range(1, 4):
                store.calls.clear()
                Client(server, number).lease()
                self.assertLessEqual(sum(store.calls.values()), 12, name)
            self.assertEqual(len(server.leases), self.SIZE)

    def test_full(self) -> None:
        """A full pool costs a DISCOVER a bounded number of look-ups."""
        server, store = self.crowded(set())
        for number in range(1, 4):
            store.calls.clear()
            self.assertIsNone(Client(server, number).discover())
            self.assertLessEqual(sum(store.calls.values()), 32)
        self.assertEqual(server.statistic("v4-allocation-fail"), 3)

    def test_untaught(self) -> None:
        """A server that knows nothing of the leases yet learns by asking, so many look-ups a query at most."""
        server, store = self.crowded({40_000}, taught=False)
        queries = 0
        while Client(server, 1).discover() is None:
            queries += 1
            self.assertLessEqual(sum(store.calls.values()), 1200)
            store.calls.clear()
            self.assertLess(queries, 100)
        self.assertGreater(queries, 10)
        store.calls.clear()
        Client(server, 1).lease()
        self.assertLessEqual(sum(store.calls.values()), 12)

    def test_reserved(self) -> None:
        """A pool of which a thousand addresses are reserved for others serves the rest."""
        hosts = [
            {
                "hw-address": f"06:00:00:00:{number >> 8:02x}:{number & 255:02x}",
                "ip-address": f"10.16.{number >> 8}.{number & 255}",
            }
            for number in range(1500)
        ]
        subnet = {
            "id": 1,
            "subnet": "10.0.0.0/8",
            "interface": "eth0",
            "pools": [{"pool": "10.16.0.0 - 10.16.5.225"}],
            "reservations": hosts,
        }
        server = serving(subnet4=[subnet])
        leased = set()
        for number in range(1, 7):
            for _ in range(3):
                if Client(server, number).discover() is not None:
                    leased.add(Client(server, number).lease().yiaddr)
                    break
        self.assertEqual(leased, {f"10.16.5.{last}" for last in range(220, 226)})


class DriftTests(SynchronousTestCase):
    """Beliefs that have nothing to do with the store: another server shares it."""

    def test_believed_free(self) -> None:
        """An address that is believed free but leased is passed over, and not tried again."""
        store = CountingLeases()
        server = serving(site={"leases": store})
        for last in range(10, 15):
            store.table.add(Lease4(packed(f"192.0.2.{last}"), b"others", b"", 100, int(server.now) + 100, 1))
        self.assertEqual(Client(server, 1).lease().yiaddr, "192.0.2.15")
        server.site.subnets.by_id[1].pools[0].beliefs.next = 0
        store.calls.clear()
        self.assertEqual(got(Client(server, 2).discover(), OFFER).yiaddr, "192.0.2.16")
        self.assertEqual(store.calls["get"], 1)

    def test_believed_taken(self) -> None:
        """An address that is believed taken but free is found once all others are taken."""
        server = serving()
        subnet = server.site.subnets.by_id[1]
        for last in range(10, 20):
            subnet.mark(packed(f"192.0.2.{last}"), True)
        self.assertEqual(len({Client(server, number).lease().yiaddr for number in range(10)}), 10)
        self.assertIsNone(Client(server, 11).discover())

    def test_all_taken(self) -> None:
        """However large a pool, an address that is wrongly believed taken is found after so many queries."""
        subnet = {"id": 1, "subnet": "10.0.0.0/8", "interface": "eth0", "pools": [{"pool": "10.16.0.0/24"}]}
        server = serving(subnet4=[subnet])
        live = server.site.subnets.by_id[1]
        for last in range(256):
            live.mark(packed(f"10.16.0.{last}"), True)
            if last != 200:
                lease = Lease4(packed(f"10.16.0.{last}"), b"others", b"", 100, int(server.now) + 100, 1)
                server.site.leases.table.add(lease)  # type: ignore[attr-defined]
        tries = 1
        while Client(server, 1).discover() is None:
            tries += 1
            self.assertLess(tries, 20)
        self.assertEqual(Client(server, 1).lease().yiaddr, "10.16.0.200")

    def test_ended(self) -> None:
        """An address whose lease was released, given up or reclaimed is believed free at once."""

        def reclaim(client: Client) -> None:
            site = client.server.site
            reclaimed(site.statistics, site.subnets, client.server.leases["192.0.2.15"])

        for end in (lambda client: client.release("192.0.2.15"), lambda client: client.select("192.0.2.16"), reclaim):
            client = Client(serving())
            pool = client.server.site.subnets.by_id[1].pools[0]
            client.lease("192.0.2.15")
            self.assertNotIn(5, list(pool.walk(0)))
            end(client)
            self.assertIn(5, list(pool.walk(0)))

    def test_expired_without_reclamation(self) -> None:
        """A149: an expired lease is found and its address reused even if nothing reclaims."""
        server = serving({"pools": [{"pool": "192.0.2.10/32"}]})
        Client(server, 1).lease()
        server.now += 7201
        self.assertEqual(Client(server, 2).lease().yiaddr, "192.0.2.10")
        got(Client(server, 1).renew("192.0.2.10"), NAK)


class OffersTests(SynchronousTestCase):
    """Who was offered what."""

    def setUp(self) -> None:
        self.subnet = serving().site.subnets.by_id[1]
        self.offers = Offers()
        self.address = packed("192.0.2.15")

    def test_hold(self) -> None:
        """An offer is remembered for its client, and kept from others, for a moment."""
        self.offers.hold(b"a", self.address, self.subnet, 100.0)
        self.assertEqual(self.offers.to(b"a", 100.0 + HOLD), self.address)
        self.assertIsNone(self.offers.to(b"a", 100.1 + HOLD))
        self.assertTrue(self.offers.kept_from(b"b", self.address))
        self.assertFalse(self.offers.kept_from(b"a", self.address))
        self.offers.forget(100.1 + HOLD)
        self.assertFalse(self.offers.kept_from(b"b", self.address))
        self.assertEqual(len(self.offers), 0)

    def test_one_each(self) -> None:
        """A client has one offer, and an address is offered to one client."""
        self.offers.hold(b"a", self.address, self.subnet, 100.0)
        self.offers.hold(b"a", packed("192.0.2.16"), self.subnet, 101.0)
        self.assertFalse(self.offers.kept_from(b"b", self.address))
        self.offers.hold(b"b", packed("192.0.2.16"), self.subnet, 102.0)
        self.assertIsNone(self.offers.to(b"a", 102.0))
        self.assertEqual(len(self.offers), 1)

    def test_again(self) -> None:
        """An offer that is repeated holds from then on."""
        self.offers.hold(b"a", self.address, self.subnet, 100.0)
        self.offers.hold(b"a", self.address, self.subnet, 105.0)
        self.offers.forget(105.0 + HOLD)
        self.assertEqual(self.offers.to(b"a", 105.0 + HOLD), self.address)

    def test_beliefs(self) -> None:
        """An offered address is believed taken until its offer is over."""
        pool = self.subnet.pools[0]
        self.offers.hold(b"a", self.address, self.subnet, 100.0)
        self.assertNotIn(5, list(pool.walk(0)))
        self.offers.drop(b"a")
        self.assertIn(5, list(pool.walk(0)))


class IndexTests(SynchronousTestCase):
    """Subnets at run time."""

    @given(
        st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0, 32)), max_size=8),
        st.lists(st.integers(0, 0xFFFFFFFF), max_size=8),
    )
    def test_by_address(self, prefixes: list[tuple[int, int]], addresses: list[int]) -> None:
        """A174: the subnet of an address is the first in order that holds it, as going through all of them finds."""
        subnets = [
            LiveSubnet(_subnet(number, first, length), number, None, lambda below: 0, {})
            for number, (first, length) in enumerate(prefixes)
        ]
        index = SubnetIndex(subnets)
        for number in (*addresses, *(first for first, _ in prefixes)):
            address = number.to_bytes(4, "big")
            expected = next((subnet for subnet in subnets if address in subnet), None)
            self.assertIs(index.by_address(address, ()), expected)
            self.assertIs(index.by_address(address, ()), expected, "the second time, from the cache")

    def test_reconfiguration(self) -> None:
        """Pools that stay in place keep what is believed of them; others begin anew."""
        server = serving()
        Client(server, 1).lease()
        before = server.site.subnets
        after = arrange(server.site.configuration, lambda below: 0, before.subnets)
        self.assertIs(after.by_id[1].pools[0].beliefs, before.by_id[1].pools[0].beliefs)
        first, *others = server.site.configuration.subnets
        moved = evolve(first, pools=(Pool(first=first.pools[0].first, last=first.pools[0].last - 1),))
        changed = arrange(evolve(server.site.configuration, subnets=(moved, *others)), lambda below: 0, before.subnets)
        self.assertEqual(changed.by_id[1].pools[0].beliefs.next, 0)

    def test_guard_changes(self) -> None:
        """What a new configuration says of a pool that stays is in force with it, and not before."""
        server = serving()
        before = server.site.subnets
        first, *others = server.site.configuration.subnets
        guarded = evolve(first, pools=tuple(evolve(pool, client_classes=("x",)) for pool in first.pools))
        after = arrange(evolve(server.site.configuration, subnets=(guarded, *others)), lambda below: 0, before.subnets)
        self.assertEqual([index.by_id[1].pools[0].admits(()) for index in (before, after)], [True, False])
        self.assertEqual(before.by_id[1].pools[0].pool.client_classes, ())

    def test_forgotten(self) -> None:
        """Leases that are elsewhere now are no more believed; what was counted stays."""
        server = serving()
        Client(server, 1).lease()
        index = arrange(server.site.configuration, lambda below: 0, server.site.subnets.subnets, anew=True)
        index.forget()
        beliefs = index.by_id[1].pools[0].beliefs
        self.assertEqual((beliefs.assigned, beliefs.cumulative, beliefs.marks.free_from(0)), (0, 1, 0))
        self.assertEqual(server.site.subnets.by_id[1].pools[0].beliefs.assigned, 1)

    def test_mask(self) -> None:
        """Mask and ends of a subnet follow from its prefix length, host bits or not."""
        for length, mask, first, last in (
            (0, "0.0.0.0", "0.0.0.0", "255.255.255.255"),
            (20, "255.255.240.0", "192.0.0.0", "192.0.15.255"),
            (32, "255.255.255.255", "192.0.2.9", "192.0.2.9"),
        ):
            subnet = LiveSubnet(_subnet(1, 0xC0000209, length), 0, None, lambda below: 0, {})
            found = (subnet.mask, subnet.first_address, subnet.last_address)
            self.assertEqual(found, (packed(mask), packed(first), packed(last)))

    def test_empty(self) -> None:
        """Without subnets nothing is found."""
        index = arrange(Configuration(family=4), lambda below: 0)
        self.assertIsNone(index.by_address(packed("192.0.2.1"), ()))


def _subnet(number: int, first: int, length: int) -> Subnet:
    return Subnet(id=number, prefix="", network=first.to_bytes(4, "big"), length=length)
