"""What leases in Cassandra promise beside the contract: lost and late answers, several servers, indexes, keyspaces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.real.cassandra import Cassandra
from tests.real.surroundings import surroundings
from txkea.cassandra.connection import Answer, Keyspace
from txkea.cassandra.entries import GRACE, MICROSECONDS
from txkea.cassandra.factory import CASSANDRA_ADMIN, CASSANDRA_LEASES
from txkea.cassandra.leases import CassandraLeases, CassandraLeases6
from txkea.cassandra.tally import Tally
from txkea.errors import TxkeaError, Unavailable
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import Lease4, LeaseState, LeaseType
from txkea.testing.contracts.leases import deferred
from txkea.testing.contracts.samples import SAMPLES6
from txkea.testing.waiting import wait

__all__ = ["AnswerTests", "IndexTests", "KeyspaceTests", "SeveralTests"]

T = TypeVar("T")
CLOCK: Any = reactor
NOW: Final = int(CLOCK.seconds())
Requests = Iterable[tuple[str, Sequence[Any]]]
Batch = Callable[[Requests, float | None], Deferred[Answer]]


def lease(number: int, **changes: Any) -> Lease4:
    """A lease of its own client that ends an hour after the tests began."""
    mark = number.to_bytes(4, "big")
    made = Lease4(b"\x0a\0" + mark[2:], b"\2\0" + mark, b"\1\2\0" + mark, 3600, NOW + 3600, 1)
    return made._replace(**changes)


class StoreTests(SynchronousTestCase):
    """With stores over one node."""

    def setUp(self) -> None:
        self.cassandra = Cassandra.launch()
        self.cassandra.fresh()

    def wait(self, awaitable: Awaitable[T]) -> T:
        """What a call gives, or raises."""
        return wait(awaitable, reactor)

    def store(self, family: int = 4, **parameters: Any) -> Any:
        """Another server's store, open."""
        made = CASSANDRA_LEASES.make(self.cassandra.parameters(**parameters), surroundings(family))
        self.wait(made.open())
        self.addCleanup(lambda: self.wait(made.close()))
        return made

    def together(self, *calls: Awaitable[T]) -> list[T]:
        """What several calls give that are begun at once."""
        return self.wait(gatherResults([deferred(call) for call in calls]))

    def counted(self, store: CassandraLeases) -> dict[tuple[int, int, int], int]:
        """The counts that are not 0."""
        return {kind: count for kind, count in self.wait(store.counts()).items() if count}


class AnswerTests(StoreTests):
    """A conditional write whose answer is lost, or that is made later than anybody waits."""

    def lose(self, store: CassandraLeases, fate: Callable[[Batch, Requests], object], times: int = 1) -> None:
        """Let some answers to batches be lost; ``fate`` is what becomes of the batch itself."""
        keyspace: Keyspace = store._keyspace
        real: Batch = keyspace.batch
        left = [times]

        def batch(requests: Requests, timeout: float | None = None) -> Deferred[Answer]:
            requests = [*requests]
            if not left[0] or "IF" not in requests[0][0]:
                return real(requests, timeout)
            left[0] -= 1
            fate(real, requests)
            lost: Deferred[Answer] = Deferred()
            CLOCK.callLater(0.2, lost.errback, Failure(Unavailable("the answer was lost")))
            return lost

        self.patch(keyspace, "batch", batch)

    def test_answer_is_lost(self) -> None:
        """What was written is acknowledged, and counted once, though the answer to it never came."""
        store = self.store()
        first, second = lease(1), lease(2)
        self.assertIs(True, self.wait(store.add(first)))
        self.lose(store, lambda real, requests: real(requests, None), 3)
        later = first._replace(expires=first.expires + 9)
        self.assertEqual([True, True], self.together(store.update(later, first), store.add(second)))
        self.assertEqual({(1, 0, 0): 2}, self.counted(store))
        self.lose(store, lambda real, requests: real(requests, None))
        self.assertIs(True, self.wait(store.remove(later)))
        self.assertIs(False, self.wait(store.remove(later)))
        self.assertEqual({(1, 0, 0): 1}, self.counted(store))

    def test_batch_is_lost(self) -> None:
        """What never arrived is sent again."""
        store = self.store()
        self.lose(store, lambda real, requests: None, 2)
        self.assertIs(True, self.wait(store.add(lease(1))))
        self.assertEqual({(1, 0, 0): 1}, self.counted(store))

    def test_batch_is_late(self) -> None:
        """What arrives after it was sent again changes nothing: not what was given back meanwhile, nor a count."""
        store = self.store()
        late: list[Callable[[], Deferred[Answer]]] = []
        self.lose(store, lambda real, requests: late.append(lambda: real(requests, None)))
        self.assertIs(True, self.wait(store.add(lease(1))))
        self.assertIs(True, self.wait(store.remove(lease(1))))
        (answer,) = (self.wait(send()) for send in late)
        self.assertIs(False, answer.rows[0][0])
        self.assertIsNone(self.wait(store.get(lease(1).address)))
        self.assertEqual({}, self.counted(store))

    def test_another_wins_meanwhile(self) -> None:
        """Whoever lost the answer, and the address to another server before it was sent again, is told so."""
        store, other = self.store(), self.store()
        taken = lease(1, hwaddr=b"\7")
        self.lose(store, lambda real, requests: None)
        outcome = self.together(store.add(lease(1)), other.add(taken))
        self.assertEqual([False, True], outcome)
        self.assertEqual({(1, 0, 0): 1}, self.counted(store))

    def test_nobody_knows(self) -> None:
        """Who cannot find out what became of a change says so, and the next one finds what is there."""
        store = self.store(**{"request-timeout": 500})
        self.lose(store, lambda real, requests: None, 1000)
        self.assertRaises(Unavailable, self.wait, store.add(lease(1)))

    def test_large(self) -> None:
        """A lease that is larger than all that goes together otherwise is stored, and so are those beside it."""
        store = self.store()
        large = lease(1, user_context='{"text": "' + "x" * 100_000 + '"}')
        wishes = [lease(2), large, lease(3)]
        self.assertEqual([True] * 3, self.together(*map(store.add, wishes)))
        self.assertEqual(large, self.wait(store.get(large.address)))


class SeveralTests(StoreTests):
    """Several servers on one keyspace."""

    def test_one_slice(self) -> None:
        """Of two servers that want the same addresses each gets those that the other does not; their counts agree."""
        stores = [self.store(), self.store()]
        wishes = [
            (store, lease(number, hwaddr=bytes((index,))))
            for number in range(100)
            for index, store in enumerate(stores)
        ]
        outcome = self.together(*(store.add(wish) for store, wish in wishes))
        self.assertEqual(100, sum(outcome))
        got = sorted(wish for (_, wish), added in zip(wishes, outcome, strict=True) if added)
        self.assertEqual(got, sorted(self.wait(stores[0].page(None, 1000))))
        for store in stores:
            self.assertEqual({(1, 0, 0): 100}, self.counted(store))
        renewals = [
            store.update(each._replace(expires=each.expires + 1 + index), each)
            for each in got
            for index, store in enumerate(stores)
        ]
        self.assertEqual(100, sum(self.together(*renewals)))

    def test_prefix_and_address(self) -> None:
        """Of a prefix and an address in it, taken by two servers at once, not both are given."""
        stores = [self.store(6), self.store(6)]
        for number in range(12):
            begin = bytes.fromhex("20010db8") + bytes((number,))
            prefix = SAMPLES6.example._replace(address=begin + bytes(11), prefix_length=56, type=int(LeaseType.PD))
            address = SAMPLES6.example._replace(
                address=begin + bytes((0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9)), prefix_length=128
            )
            given = self.together(stores[0].add(prefix), stores[1].add(address))
            self.assertLessEqual(sum(given), 1)
            there = {each.address for each in self.wait(stores[0].page(None, 1000)) if each.address.startswith(begin)}
            kept = {one.address for one, taken in zip((prefix, address), given, strict=True) if taken}
            self.assertEqual(kept, there)

    def test_another_version(self) -> None:
        """A lease that another version has written otherwise is renewed by whoever knows it."""
        store = self.store()
        known = lease(1)
        self.assertIs(True, self.wait(store.add(known)))
        node = self.cassandra.nodes[0]
        (row,) = node.ask("SELECT slice, address, lease FROM txkea.leases4")
        text = row.lease.replace(",", ", ")
        node.ask(
            "UPDATE txkea.leases4 SET lease = %s WHERE slice = %s AND address = %s", (text, row.slice, row.address)
        )
        self.assertEqual(known, self.wait(store.get(known.address)))
        later = known._replace(expires=known.expires + 1)
        self.assertIs(True, self.wait(store.update(later, known)))
        self.assertEqual(later, self.wait(store.get(known.address)))


class IndexTests(StoreTests):
    """Indexes that lag behind."""

    def rows(self, table: str) -> list[Any]:
        """All that a table of DHCPv4 has."""
        return self.cassandra.nodes[0].ask(f"SELECT * FROM txkea.leases4_{table}")

    def settle(self, condition: Callable[[], bool]) -> None:
        """Wait for what nobody waits for."""
        end = CLOCK.seconds() + 10
        while not condition():
            self.assertLess(CLOCK.seconds(), end)
            CLOCK.iterate(0.02)

    def tally(self) -> Tally:
        """That of the one slice that there is."""
        [row] = self.cassandra.nodes[0].ask("SELECT DISTINCT slice, tally FROM txkea.leases4")
        return Tally.read(row.tally)

    def test_renewal_moves_no_end(self) -> None:
        """A renewal leaves the indexes and the end of the slice as they are; who finds it come moves it on."""
        store = self.store()
        now = int(CLOCK.seconds())
        known = lease(1, expires=now - 5)
        self.assertIs(True, self.wait(store.add(known)))
        self.assertEqual([known.expires, None], self.tally().ends)
        before = self.rows("by_client")
        renewed = known._replace(expires=now + 3600)
        self.assertIs(True, self.wait(store.update(renewed, known)))
        self.assertEqual(before, self.rows("by_client"))
        self.assertEqual([known.expires, None], self.tally().ends)
        self.assertEqual([], list(self.wait(store.expired(now, 0))))
        self.assertEqual([renewed.expires, None], self.tally().ends)
        self.assertEqual([renewed], list(self.wait(store.expired(now + 3601, 0))))

    def test_end_of_a_slice_that_was_changed(self) -> None:
        """Who goes through a slice while others change it does not hide what they have written."""
        store, other = self.store(), self.store()
        now = int(CLOCK.seconds())
        leases = [lease(number, expires=now - 100 + number) for number in range(1, 40)]
        self.assertEqual([True] * 39, self.together(*map(store.add, leases)))
        renewals = [other.update(each._replace(expires=now + 600), each) for each in leases[::2]]
        adds = [other.add(lease(number, expires=now - 200)) for number in range(40, 60)]
        self.together(*renewals, *adds, *(store.expired(now, limit) for limit in range(5)))
        fresh = self.store()
        found = self.wait(fresh.expired(now, 0))
        self.assertEqual({*leases[1::2], *(lease(number, expires=now - 200) for number in range(40, 60))}, {*found})

    def test_many_slices(self) -> None:
        """Of leases in many slices the earliest come first, however many are asked for, from any server."""
        store, other = self.store(), self.store()
        now = int(CLOCK.seconds())
        ends = [now - 1 - (number * 7919) % 1000 for number in range(60)]
        leases = [lease(number * 100, expires=end) for number, end in enumerate(ends)]
        self.assertEqual([True] * 60, self.together(*map(store.add, leases)))
        for limit in (1, 5, 20, 59, 60, 0):
            for one in (store, other):
                found = [each.expires for each in self.wait(one.expired(now, limit))]
                self.assertEqual(sorted(ends)[: limit or None], found)

    def test_reclaimed(self) -> None:
        """A lease that is reclaimed, and one that a client takes up again, are found where they belong, once each."""
        store = self.store()
        now = int(CLOCK.seconds())
        known = lease(1, expires=now - 5)
        ended = known._replace(state=int(LeaseState.RECLAIMED))
        again = known._replace(expires=now - 1)
        for value, was in ((known, None), (ended, known), (again, ended), (again._replace(state=2), again)):
            self.assertIs(True, self.wait(store.update(value, was) if was else store.add(value)))
            running, reclaimed = self.wait(store.expired(now, 0)), self.wait(store.reclaimed(now, 0))
            self.assertEqual([value], [*running, *reclaimed])
            self.assertEqual(value.state == LeaseState.RECLAIMED, bool(reclaimed))

    def test_old_entries_go(self) -> None:
        """An entry that leads nowhere goes when it is old, and not while somebody may be about to write its lease."""
        store = self.store()
        known = lease(1)
        client = Identifier(IdentifierKind.HW_ADDRESS, known.hwaddr)
        [(text, values)] = list(store._clients.entries(known, None))
        old = int((CLOCK.seconds() - GRACE - 60) * MICROSECONDS)
        for since, left in ((store._entries.since(), 1), (old, 0)):
            self.cassandra.fresh()
            self.wait(store._entries.write([(text, (*values[:3], since, since))]))
            self.assertEqual([], self.wait(store.by_client(client)))
            self.settle(lambda: len(store._entries._gathering) == 0)
            self.assertEqual(left, len(self.rows("by_client")))

    def test_an_entry_that_was_written_again_stays(self) -> None:
        """Deleting an old entry does not delete the one that was written in its place meanwhile."""
        store = self.store()
        known = lease(1)
        [(text, values)] = list(store._clients.entries(known, None))
        old = int((CLOCK.seconds() - GRACE - 60) * MICROSECONDS)
        self.wait(store._entries.write([(text, (*values[:3], old, old))]))
        self.assertIs(True, self.wait(store.add(known)))
        store._entries.forget((store.statements.forget_client, (old, *values[:3])))
        self.settle(lambda: len(store._entries._gathering) == 0)
        self.assertEqual([known], self.wait(store.by_client(Identifier(IdentifierKind.HW_ADDRESS, known.hwaddr))))

    def test_empty_slices_go(self) -> None:
        """A slice of DHCPv6 that is empty for long is not looked into for ever."""
        store: CassandraLeases6 = self.store(6)
        known = SAMPLES6.example
        overlaps = store._overlaps
        ((text, values),) = [entry for entry in overlaps.entries(known, None) if "slices" in entry[0]]
        old = int((CLOCK.seconds() - GRACE - 60) * MICROSECONDS)
        self.wait(store._entries.write([(text, (*values[:2], old, old))]))
        self.assertEqual([], list(self.wait(store.overlapping(known.address[:8] + bytes(8), 64))))
        self.settle(lambda: not self.cassandra.nodes[0].ask("SELECT * FROM txkea.leases6_slices"))


class KeyspaceTests(StoreTests):
    """Keyspaces that are there, or not, or somebody else's."""

    def admin(self, keyspace: str) -> Any:
        """What ``txkea db`` does with a keyspace, which is dropped in the end."""
        node = self.cassandra.nodes[0]
        self.addCleanup(node.ask, f'DROP KEYSPACE IF EXISTS "{keyspace}"')
        parameters = self.cassandra.parameters(keyspace=keyspace)
        return CASSANDRA_ADMIN.make(parameters, surroundings(4))

    def opened(self, keyspace: str) -> CassandraLeases:
        """A store in it."""
        store: CassandraLeases = self.store(keyspace=keyspace)
        return store

    def test_made(self) -> None:
        """A keyspace is made with one replica on one node, recognised, not made twice, and used."""
        admin = self.admin("table")  # a reserved word
        self.assertIn("txkea db init", self.wait(admin.version()).problem)
        error = self.assertRaises(Unavailable, self.opened, "table")
        self.assertIn("txkea db init", str(error))
        self.assertIn("keyspace table with 1 replicas of each row", self.wait(admin.init()))
        self.assertEqual("", self.wait(admin.version()).problem)
        self.assertRaises(TxkeaError, self.wait, admin.init())
        self.assertIs(True, self.wait(self.opened("table").add(lease(1))))

    def test_upgraded(self) -> None:
        """What lacks is added, what is there stays, however often."""
        admin = self.admin("older")
        self.wait(admin.init())
        node = self.cassandra.nodes[0]
        self.assertIs(True, self.wait(self.opened("older").add(lease(1))))
        node.ask("DROP TABLE older.leases6_lengths")
        node.ask("UPDATE older.txkea_version SET version = 0 WHERE part = 'tables'")
        self.assertIn("txkea db upgrade", str(self.assertRaises(Unavailable, self.opened, "older")))
        self.assertEqual(["table leases6_lengths", "version 1"], self.wait(admin.upgrade()))
        self.assertEqual(["version 1"], self.wait(admin.upgrade()))
        self.assertEqual(lease(1).address, self.wait(self.opened("older").get(lease(1).address)).address)

    def test_newer(self) -> None:
        """Tables of a newer txkea are left alone."""
        admin = self.admin("newer")
        self.wait(admin.init())
        self.cassandra.nodes[0].ask("UPDATE newer.txkea_version SET version = 99 WHERE part = 'tables'")
        self.assertIn("newer", str(self.assertRaises(Unavailable, self.opened, "newer")))
        self.assertRaises(TxkeaError, self.wait, admin.upgrade())

    def test_of_kea(self) -> None:
        """Kea's own keyspace is recognised, not changed, and it is said how to take it over."""
        admin = self.admin("keatest")
        node = self.cassandra.nodes[0]
        node.ask("CREATE KEYSPACE keatest WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
        node.ask("CREATE TABLE keatest.schema_version (version int PRIMARY KEY, minor int)")
        node.ask("CREATE TABLE keatest.lease4 (address int PRIMARY KEY)")
        found = self.wait(admin.version())
        self.assertIn("Kea", found.recognised)
        self.assertIn("txkea leases copy", found.problem)
        for change in (admin.init, admin.upgrade):
            self.assertRaises(TxkeaError, self.wait, change())
        self.assertIn("txkea leases copy", str(self.assertRaises(Unavailable, self.opened, "keatest")))

    def test_nobody_there(self) -> None:
        """Where nobody listens it is told so, with the place."""
        parameters = {**self.cassandra.parameters(), "port": 1, "connect-timeout": 2000}
        store = CASSANDRA_LEASES.make(parameters, surroundings(4))
        self.assertIn("127.0.0.1:1", str(self.assertRaises(Unavailable, self.wait, store.open())))
        self.assertRaises(Unavailable, self.wait, store.get(b"\x0a\0\0\1"))
