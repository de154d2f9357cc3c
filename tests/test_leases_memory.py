"""Leases in memory: order, ends and clients, and what a hostile client can do to them."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.leasing import lease6
from txkea.leases.order import AddressOrder
from txkea.leases.table import LeaseTable
from txkea.leases.timetable import Timetable
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import INFINITE, Lease4, LeaseState

__all__ = ["HostileTests", "OrderTests", "PrefixTests", "TableTests"]


def lease(number: int, **changes: object) -> Lease4:
    """A lease that differs from those of other numbers."""
    packed = number.to_bytes(4, "big")
    return Lease4(packed, b"\x02\0" + packed, b"\x01" + packed, 4000, 10000, 1)._replace(**changes)  # type: ignore[arg-type]


def hwaddr(value: bytes) -> Identifier:
    """An identifier of a client."""
    return Identifier(IdentifierKind.HW_ADDRESS, value)


class OrderTests(SynchronousTestCase):
    """Addresses in order."""

    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=200), st.integers(0, 61), st.integers(1, 9))
    def test_like_a_sorted_set(self, steps: list[tuple[bool, int]], after: int, limit: int) -> None:
        """Adding, discarding and paging give what a sorted set gives."""
        order, model = AddressOrder(), set[bytes]()
        for add, number in steps:
            address = bytes([number])
            if add and address not in model:
                order.add(address)
                model.add(address)
            elif not add and address in model:
                order.discard(address)
                model.discard(address)
        self.assertEqual(order.after(None, 1000), sorted(model))
        self.assertEqual(order.after(bytes([after]), limit), [a for a in sorted(model) if a > bytes([after])][:limit])

    @given(st.sets(st.integers(0, 60)), st.integers(0, 61), st.integers(0, 61), st.integers(1, 9))
    def test_within(self, numbers: set[int], first: int, last: int, limit: int) -> None:
        """The lowest addresses of a range are found, wherever chunks end."""
        order = AddressOrder(bytes([number]) for number in numbers)
        order._chunks = [[bytes([number])] for number in sorted(numbers)]
        order._last = [chunk[0] for chunk in order._chunks]
        expected = [bytes([number]) for number in sorted(numbers) if first <= number <= last]
        self.assertEqual(order.within(bytes([first]), bytes([last]), limit), expected[:limit])

    def test_many(self) -> None:
        """Chunks are split and emptied without losing anything."""
        addresses = [(n * 7919 % 20011).to_bytes(4, "big") for n in range(20011)]
        order = AddressOrder(addresses[:5000])
        for address in addresses[5000:]:
            order.add(address)
        self.assertEqual(order.after(None, 10**6), sorted(addresses))
        for address in addresses[:15000]:
            order.discard(address)
        self.assertEqual(order.after(None, 10**6), sorted(addresses[15000:]))
        for address in addresses[15000:]:
            order.discard(address)
        self.assertEqual(order.after(None, 1), [])


class TableTests(SynchronousTestCase):
    """Leases under all their keys."""

    def test_earliest_first(self) -> None:
        """Expired leases come in the order of their ends, strictly before now, infinite and reclaimed ones never."""
        table = LeaseTable()
        for number, end in enumerate((50, 20, 40, 20, 30)):
            table.add(lease(number, expires=end))
        table.add(lease(10, expires=5, valid_lifetime=INFINITE))
        table.add(lease(11, expires=6, state=LeaseState.RECLAIMED))
        self.assertEqual([found.expires for found in table.expired(50, 0)], [20, 20, 30, 40])
        self.assertEqual([found.expires for found in table.expired(50.5, 3)], [20, 20, 30])
        self.assertEqual(table.expired(20, 0), [])
        self.assertEqual([found.address for found in table.reclaimed(7, 0)], [lease(11).address])
        self.assertEqual(table.reclaimed(6, 0), [])

    def test_same_end_again(self) -> None:
        """A lease that is removed and taken again within a second is found once, not twice."""
        table = LeaseTable()
        table.add(lease(1))
        table.remove(lease(1))
        table.add(lease(1))
        self.assertEqual(table.expired(20000, 0), [lease(1)])
        self.assertEqual(table.expired(20000, 1), [lease(1)])

    def test_renewed(self) -> None:
        """A renewed lease is no longer found under its old end."""
        table = LeaseTable({lease(1).address: lease(1)})
        self.assertTrue(table.update(lease(1, expires=30000), lease(1)))
        self.assertEqual(table.expired(20000, 0), [])
        self.assertEqual(len(table.expired(30001, 0)), 1)

    def test_client_changes(self) -> None:
        """A lease that goes to another client is found under the new one's keys alone."""
        table = LeaseTable()
        table.add(lease(1))
        table.add(lease(2, hwaddr=lease(1).hwaddr))
        table.update(lease(1, hwaddr=b"other", client_id=b""), lease(1))
        self.assertEqual([found.address for found in table.by_client(hwaddr(lease(1).hwaddr))], [lease(2).address])
        self.assertEqual([found.address for found in table.by_client(hwaddr(b"other"))], [lease(1).address])
        self.assertEqual(list(table.by_client(Identifier(IdentifierKind.CLIENT_ID, lease(1).client_id))), [])

    def test_no_key(self) -> None:
        """Leases without hardware address or client identifier are found by address, never under an empty key."""
        table = LeaseTable()
        table.add(lease(1, hwaddr=b"", client_id=b""))
        table.update(lease(1, hwaddr=b"", client_id=b"", expires=5), lease(1, hwaddr=b"", client_id=b""))
        self.assertEqual(list(table.by_client(hwaddr(b""))), [])
        self.assertEqual(list(table.by_client(Identifier(IdentifierKind.DUID, b"x"))), [])

    def test_counts(self) -> None:
        """The counts follow every change of subnet and state."""
        table = LeaseTable({lease(n).address: lease(n) for n in range(3)})
        table.update(lease(1, state=LeaseState.DECLINED), lease(1))
        table.update(lease(2, subnet_id=9), lease(2))
        table.remove(lease(0))
        self.assertEqual(dict(table.counts()), {(1, 1, 0): 1, (9, 0, 0): 1})

    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 3)), max_size=60))
    def test_reverting(self, steps: list[tuple[int, int, int]]) -> None:
        """Changes that are undone, the latest first, leave no trace."""
        table = LeaseTable()
        changes: list[tuple[Lease4 | None, Lease4 | None]] = []
        for number, end, client in steps:
            there = table.get(lease(number).address)
            fresh = lease(number, expires=end, hwaddr=bytes([client]), state=end % 3)
            if there is None:
                table.add(fresh)
                changes.append((fresh, None))
            elif end == client:
                table.remove(there)
                changes.append((None, there))
            else:
                table.update(fresh, there)
                changes.append((fresh, there))
        for change in reversed(changes):
            table.revert(*change)
        self.assertEqual((len(table), table.page(None, 9), table.counts()), (0, [], {}))
        self.assertEqual([list(table.by_client(hwaddr(bytes([n])))) for n in range(4)], [[], [], [], []])
        self.assertEqual((table.expired(99, 0), table.reclaimed(99, 0)), ([], []))


class PrefixTests(SynchronousTestCase):
    """Prefixes among addresses."""

    def test_overlapping_never_walks(self) -> None:
        """Among a hundred thousand addresses and prefixes of many lengths an overlap costs microseconds."""
        table = LeaseTable({each.address: each for each in map(lease6, range(100_000))})
        for length in range(16, 64):
            address = (0x2A << 120 | length << 112).to_bytes(16, "big")
            self.assertTrue(table.add(lease6(1, address=address, prefix_length=length)))
        start = time.process_time()
        for number in range(5000):
            self.assertEqual(table.overlapping(lease6(number).address, lease6(number).prefix_length), [lease6(number)])
            self.assertEqual(table.overlapping(lease6(2 * number + 200_001).address, 64), [])
            self.assertTrue(table.overlapping(bytes(16), 0))
        self.assertLess(time.process_time() - start, 3.0)

    def test_lengths_are_forgotten(self) -> None:
        """A length that no prefix has any more is looked for no more, however leases came and went."""
        table = LeaseTable()
        first, second = lease6(1), lease6(3, prefix_length=60)
        table.add(first)
        table.add(second._replace(address=lease6(4).address))
        table.update(first._replace(prefix_length=128, type=0), first)
        table.revert(first._replace(prefix_length=128, type=0), first)
        table.revert(first, None)
        table.remove(second._replace(address=lease6(4).address))
        self.assertEqual((len(table), table._lengths), (0, {}))

    def test_hardware_addresses(self) -> None:
        """DHCPv6 clients are found by DUID alone: nothing is kept for a question that nobody asks."""
        table = LeaseTable({lease6(1).address: lease6(1)})
        table.add(lease6(2))
        table.update(lease6(2, expires=5), lease6(2))
        self.assertEqual(list(table.by_client(hwaddr(lease6(2).hwaddr))), [])
        duid = Identifier(IdentifierKind.DUID, lease6(2).duid)
        self.assertEqual(list(table.by_client(duid)), [lease6(2, expires=5)])


class HostileTests(SynchronousTestCase):
    """Patterns that a client or an attacker can make."""

    def test_one_client_many_leases(self) -> None:
        """A client with tens of thousands of leases costs each change no more than another client."""
        table = LeaseTable()
        many = [lease(n, hwaddr=b"same", client_id=b"same") for n in range(30_000)]
        start = time.process_time()
        for each in many:
            table.add(each)
        for each in many:
            table.update(each._replace(expires=20000), each)
        for each in many:
            table.remove(each._replace(expires=20000))
        self.assertLess(time.process_time() - start, 5.0)

    def test_take_and_return(self) -> None:
        """A client that takes and returns an address for ever does not fill the memory with entries."""
        ends = Timetable(lambda address, second: None, ())
        for number in range(400_000):
            ends.note(b"addr", number % 5000)
        self.assertLess(ends.entries, 250_000)

    def test_tidying_loses_nothing(self) -> None:
        """Every lease is still found by its end after outdated entries were tidied away."""
        table = LeaseTable()
        current = [lease(n, expires=1000 + n) for n in range(100)]
        for each in current:
            table.add(each)
        for turn in range(250_000):
            was = current[turn % 100]
            current[turn % 100] = was._replace(expires=1000 + (turn * 7) % 3000)
            table.update(current[turn % 100], was)
        self.assertEqual(sorted(table.expired(10**6, 0)), sorted(current))

    def test_reclaiming_many_at_once(self) -> None:
        """Leases that all end in one second are handed out in bites whose cost does not grow with their number."""
        table = LeaseTable({lease(n).address: lease(n) for n in range(100_000)})
        start = time.process_time()
        for _ in range(100):
            for each in table.expired(20000, 100):
                table.update(each._replace(state=LeaseState.RECLAIMED), each)
        self.assertLess(time.process_time() - start, 1.0)
        self.assertEqual(len(table.reclaimed(20000, 0)), 10_000)
