"""`txkea.radius.ledger`, `spool`, `delivery` and `queue`: records wait on disk until a server has them."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from tests.accounting import AccountingServer, ThreadedClock, by_session, plain
from txkea.errors import TxkeaError, Unavailable
from txkea.radius.delivery import LONGEST, WINDOW, Delivery
from txkea.radius.ledger import Ledger
from txkea.radius.queue import Queue, User
from txkea.radius.sessions import Cause, Change, Event, Record, Session, Status
from txkea.radius.spool import Spool
from txkea.testing.sites import MemoryLogger

__all__ = ["DeliveryTests", "LedgerTests", "QueueTests", "SpoolTests"]

ALICE = frozenset({"hw:01"})
NOW = 1_700_000_000.0


def address(number: int) -> bytes:
    return bytes((192, 0, 2, number))


def granted(number: int, at: float = 0) -> Event:
    attributes = (("User-Name", "ä"), ("Class", b"\x00\xff"), ((9, "Cisco-AVPair"), "x"), ("NAS-Port", 7))
    return Event(Change.GRANTED, NOW + at, address(number), ALICE, attributes)


def renewed(number: int, at: float = 1) -> Event:
    return Event(Change.RENEWED, NOW + at, address(number), ALICE)


def ended(number: int, at: float = 2) -> Event:
    return Event(Change.ENDED, NOW + at, address(number), ALICE, (), Cause.USER_REQUEST)


class LedgerTests(SynchronousTestCase):
    """The database."""

    def setUp(self) -> None:
        self.path = os.path.join(self.mktemp())
        self.ledger = self.open()

    def open(self, most: int = 1000) -> Ledger:
        ledger = Ledger(self.path, most)
        self.addCleanup(ledger.close)
        return ledger

    def change(self, *calls: Any) -> None:
        self.ledger.begin()
        for call in calls:
            call()
        self.ledger.commit()

    def account(self, *events: Event) -> None:
        self.change(*(lambda event=event: self.ledger.account(event) for event in events))

    def acknowledge(self, *records: Record) -> None:
        self.change(*(lambda record=record: self.ledger.acknowledged(record.number) for record in records))

    def test_kept(self) -> None:
        """Sessions and records are there again after a restart, byte for byte; an identifier is never used twice."""
        self.account(granted(1), granted(2))
        before = self.ledger.session(address(1)), self.ledger.take(9)
        self.ledger.close()
        self.ledger = self.open()
        self.assertEqual((self.ledger.session(address(1)), self.ledger.take(9)), before)
        (session, records) = before
        assert session is not None
        self.assertEqual(dict(session.attributes)["Class"], b"\x00\xff")
        self.assertEqual(dict(records[0].attributes)[(9, "Cisco-AVPair")], "x")
        self.acknowledge(*records)
        self.ledger.close()
        self.ledger = self.open()
        self.account(ended(1, 0), granted(1, 0))
        again = self.ledger.session(address(1))
        assert again is not None
        self.assertNotEqual(again.id, session.id)

    def test_order(self) -> None:
        """Of an address one record is out at a time, the oldest; others are not held up by it."""
        self.account(granted(1), renewed(1), granted(2), ended(1))
        first = self.ledger.take(10)
        self.assertEqual([(each.address, each.status) for each in first], [(address(1), 1), (address(2), 1)])
        self.assertEqual(self.ledger.take(10), [])
        self.acknowledge(first[0])
        (second,) = self.ledger.take(10)
        self.assertEqual((second.address, second.status), (address(1), Status.INTERIM))
        self.assertEqual(self.ledger.take(10), [])

    def test_own(self) -> None:
        """A record of the server itself is out alone: after all before it, and before all after it."""
        own = Record(Status.ON, NOW, b"", ())
        self.account(granted(1))
        self.change(lambda: self.ledger.append(own))
        self.account(granted(2))
        for wanted in (address(1), b"", address(2)):
            (record,) = self.ledger.take(10)
            self.assertEqual(record.address, wanted)
            self.assertEqual(self.ledger.take(10), [])
            self.acknowledge(record)
        self.assertEqual((self.ledger.take(10), self.ledger.waiting), ([], 0))

    def test_bound(self) -> None:
        """When there are too many the oldest Interim-Updates give way, then whatever is oldest; never what is out."""
        self.ledger.close()
        self.ledger = self.open(most=4)
        self.account(granted(1), renewed(1), granted(2))
        (out, *_) = self.ledger.take(1)
        self.account(renewed(2, 1), renewed(2, 2), renewed(2, 3))
        self.assertEqual((self.ledger.waiting, self.ledger.dropped), (4, 2))
        self.account(granted(3), granted(4), granted(5))
        self.assertEqual((self.ledger.waiting, self.ledger.dropped), (4, 5))
        self.acknowledge(out)
        left = [(record.address, record.status) for record in self.ledger.take(10)]
        self.assertEqual(left, [(address(number), Status.START) for number in (3, 4, 5)])

    def test_rollback(self) -> None:
        """What was not committed is as if it had not been, and what is out stays out."""
        self.account(granted(1))
        (record,) = self.ledger.take(1)
        self.ledger.begin()
        self.ledger.acknowledged(record.number)
        self.ledger.account(granted(2))
        self.ledger.rollback()
        self.assertEqual((self.ledger.waiting, self.ledger.take(10), self.ledger.session(address(2))), (1, [], None))
        self.ledger.rollback()

    def test_history(self) -> None:
        """Sessions from elsewhere are taken over once, and replace none that is known."""
        self.account(granted(1))
        known = self.ledger.session(address(1))
        others = [Session(address(number), f"kea-{number}", NOW, frozenset(), ()) for number in (1, 2)]
        self.assertFalse(self.ledger.remembers("here"))
        self.change(lambda: self.ledger.remember("here", others))
        self.assertTrue(self.ledger.remembers("here"))
        self.assertEqual((self.ledger.session(address(1)), self.ledger.session(address(2))), (known, others[1]))
        self.assertEqual(self.ledger.sessions(), 2)

    def test_file(self) -> None:
        """The file is its server's and its group's; no second server can use it; a newer one's is refused."""
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode) & 0o137, 0)
        with self.assertRaises(sqlite3.OperationalError):
            Ledger(self.path, 10)
        self.ledger.close()
        with sqlite3.connect(self.path) as other:
            other.execute("PRAGMA user_version = 99")
        other.close()
        with self.assertRaises(TxkeaError) as caught:
            Ledger(self.path, 10)
        self.assertIn("newer", str(caught.exception))

    @settings(max_examples=50)
    @given(st.lists(st.tuples(st.sampled_from("grexkak"), st.integers(1, 3)), max_size=40))
    def test_delivered(self, steps: list[tuple[str, int]]) -> None:
        """Whatever happens in between, also restarts, each record is told at least once, those of a lease in order."""
        self.path = self.mktemp()
        self.ledger = self.open()
        told: list[Record] = []
        out: list[Record] = []
        events = {"g": granted, "r": renewed, "e": ended}
        for at, (step, number) in enumerate([*steps, *[("k", 1), ("a", 99)] * 150]):
            if step in events:
                self.account(events[step](number, at))
            elif step == "x":
                self.ledger.close()
                self.ledger, out = self.open(), []
            elif step == "k":
                out += self.ledger.take(number)
            else:
                done, out = out[:number], out[number:]
                told += done
                self.acknowledge(*done)
        self.assertEqual(self.ledger.waiting, 0)
        self.ledger.close()
        numbers = [record.number for record in told]
        self.assertEqual(sorted(set(numbers)), list(range(1, len(set(numbers)) + 1)))
        for sessions in by_session([plain(record.attributes) for record in told]).values():
            self.assertEqual(sessions[0], Status.START)
            self.assertNotIn(Status.STOP, sessions[:-1])


class SpoolCase(SynchronousTestCase):
    """A spool in its thread, and a clock that stands still."""

    def setUp(self) -> None:
        self.clock = ThreadedClock()
        self.log = MemoryLogger()
        self.path = self.mktemp()
        self.spools: list[Spool] = []
        self.addCleanup(self.close_all)

    def open(self) -> Spool:
        spool = Spool(self.path, reactor=self.clock, log=self.log)
        spool.open()
        self.spools.append(spool)
        return spool

    def close(self, spool: Spool) -> None:
        self.spools.remove(spool)
        self.clock.wait(spool.close())

    def close_all(self) -> None:
        for spool in tuple(self.spools):
            self.close(spool)

    def errors(self) -> list[str]:
        return [message for severity, message, _ in self.log.lines if severity == "ERROR"]


class SpoolTests(SpoolCase):
    """The thread."""

    def test_written(self) -> None:
        """What is written down is there at the next start, and was told of when it was written."""
        spool = self.open()
        told: list[Record] = []
        spool.told = told.extend
        spool.account(granted(1))
        spool.account(renewed(1))
        self.close(spool)
        self.assertEqual(([record.status for record in told], spool.waiting), ([1, 3], 2))
        spool = self.open()
        self.assertEqual((spool.waiting, self.clock.wait(spool.sessions())), (2, 1))
        self.assertEqual([record.status for record in self.clock.wait(spool.take(5))], [1])

    def test_damaged(self) -> None:
        """A file that is no database is put aside, and told of; service begins with an empty one."""
        Path(self.path).write_bytes(b"this is not a database" * 200)
        spool = self.open()
        self.assertEqual((spool.waiting, self.errors()), (0, ["RADIUS_ACCOUNTING_SPOOL_DAMAGED"]))
        self.assertTrue(Path(f"{self.path}.damaged").read_bytes().startswith(b"this is"))

    def test_unusable(self) -> None:
        """A file that another server has, or that cannot be made, is refused with its name and the mend."""
        self.open()
        other = Spool(self.path, reactor=self.clock, log=self.log)
        nowhere = Spool(os.path.join(self.path, "none", "x"), reactor=self.clock, log=self.log)
        for spool in (other, nowhere):
            with self.assertRaises(Unavailable) as caught:
                spool.open()
            self.assertIn(spool.path, str(caught.exception))
            self.assertIn("mend", str(caught.exception))

    def test_full(self) -> None:
        """While the disk is full events wait in memory, which is told once; when there is room all are written."""
        spool = self.open()
        spool.account(granted(1))
        self.clock.wait(spool.flushed())
        assert spool._ledger is not None
        spool._ledger._database.execute("PRAGMA max_page_count = 1")
        wide = granted(2)._replace(attributes=(("Reply-Message", "x" * 50_000),))
        spool.account(wide)
        spool.account(granted(3))
        self.clock.settle(lambda: spool.problem, "a full disk")
        self.assertIn("full", spool.problem)
        spool._ledger._database.execute("PRAGMA max_page_count = 100000")
        self.clock.settle(lambda: spool.waiting == 3, "the writing")
        self.clock.wait(spool.flushed())
        self.assertEqual((spool.problem, self.errors()), ("", ["RADIUS_ACCOUNTING_SPOOL_FAILED"]))

    def test_unwritable(self) -> None:
        """An event that cannot be written down is told of, and keeps no other from being written."""
        spool = self.open()
        spool.account(granted(1)._replace(attributes=(("User-Name", object()),)))
        spool.account(granted(2))
        self.clock.settle(lambda: spool.waiting, "the other")
        self.clock.wait(spool.flushed())
        self.assertEqual(self.errors(), ["RADIUS_ACCOUNTING_SPOOL_FAILED"])

    def test_history(self) -> None:
        """A file of Kea's is read once, also over restarts."""
        read = []

        def reading() -> list[Session]:
            read.append(1)
            return [Session(address(1), "kea", NOW, frozenset(), ())]

        for _ in range(2):
            spool = self.open()
            self.clock.wait(spool.remember("here", reading))
            self.assertEqual(self.clock.wait(spool.sessions()), 1)
            self.close(spool)
        self.assertEqual(read, [1])


class DeliveryTests(SpoolCase):
    """Records on their way."""

    def setUp(self) -> None:
        super().setUp()
        self.spool = self.open()
        self.server = AccountingServer()
        self.delivery = Delivery(self.spool, reactor=self.clock, log=self.log)
        self.delivery.use(self.send)

    async def send(self, record: Record) -> None:
        await self.server.request(4, record.attributes)

    def idle(self) -> None:
        self.clock.wait(self.delivery.idle())

    def statuses(self) -> list[list[int]]:
        return [*by_session(self.server.told).values()]

    def test_told(self) -> None:
        """Records are told in order and then gone."""
        for event in (granted(1), renewed(1), granted(2), ended(1)):
            self.spool.account(event)
        self.idle()
        self.assertEqual((self.statuses(), self.spool.waiting), ([[1, 3, 2], [1]], 0))
        self.assertEqual(self.delivery.acknowledged, 4)

    def test_window(self) -> None:
        """So many are under way at a time, and one of each lease."""
        self.server.holds = True
        for number in range(200):
            self.spool.account(granted(number))
            self.spool.account(ended(number))
        self.clock.wait(self.spool.flushed())
        self.clock.settle(lambda: len(self.server.held) == WINDOW, "a full window")
        self.server.holds = False
        self.server.release()
        self.idle()
        self.assertEqual((self.server.most, len(self.server.told)), (WINDOW, 400))
        self.assertEqual(self.statuses(), [[1, 2]] * 200)

    def test_outage(self) -> None:
        """While no server answers one record tries now and then, told in the log once; then all are told in order."""
        self.server.holds = True
        for number in range(100):
            self.spool.account(granted(number))
            self.spool.account(ended(number))
        self.clock.settle(lambda: len(self.server.held) == WINDOW, "the first attempts")
        self.server.away, self.server.holds = True, False
        self.server.release()
        for _ in range(20):
            tried = self.server.tried
            self.clock.advance(LONGEST)
            self.clock.settle(lambda tried=tried: self.server.tried > tried, "an attempt")  # type: ignore[misc]
            self.assertEqual(self.server.tried, tried + 1)
        self.server.away = False
        self.clock.advance(LONGEST)
        self.idle()
        self.assertEqual(self.statuses(), [[1, 2]] * 100)
        told = [message for _, message, _ in self.log.lines]
        self.assertEqual(told, ["RADIUS_ACCOUNTING_UNAVAILABLE", "RADIUS_ACCOUNTING_AVAILABLE"])

    def test_disliked(self) -> None:
        """A record that no server ever answers keeps none of other leases from being told."""
        self.server.refuses = lambda record: record["Acct-Session-Id"].startswith("192.0.2.1@")
        for number in range(1, 100):
            self.spool.account(granted(number))
        for _ in range(200):
            self.clock.advance(LONGEST)
            self.clock.wait(self.spool.flushed())
        self.assertEqual((len(self.statuses()), self.spool.waiting), (98, 1))

    def test_impossible(self) -> None:
        """A record that cannot be sent at all is lost, and told of; the next ones are not."""
        send = self.send
        first: list[Record] = []

        async def fails(record: Record) -> None:
            if not first:
                first.append(record)
                raise TxkeaError("too long")
            await send(record)

        self.delivery.use(fails)
        self.spool.account(granted(1))
        self.spool.account(ended(1))
        self.idle()
        self.assertEqual((self.statuses(), self.errors()), ([[2]], ["RADIUS_ACCOUNTING_RECORD_LOST"]))

    def test_fault(self) -> None:
        """A fault on the way loses no record: it is told another time, and so is one that could not be read."""
        send, faults = self.send, [ValueError("a fault")]

        async def fails(record: Record) -> None:
            if faults:
                raise faults.pop()
            await send(record)

        self.delivery.use(fails)
        take, self.spool.take = self.spool.take, lambda limit: fail(Unavailable("the disk"))  # type: ignore[method-assign]
        self.spool.account(granted(1))
        self.clock.settle(lambda: self.delivery.failures, "a failure")
        self.spool.take = take  # type: ignore[method-assign]
        self.clock.advance(LONGEST)
        self.clock.settle(lambda: not faults, "the other failure")
        self.clock.advance(LONGEST)
        self.idle()
        self.assertEqual(self.statuses(), [[1]])

    def test_stopped(self) -> None:
        """After its end nothing is begun; what was not acknowledged is told after the next start."""
        self.server.holds = True
        self.spool.account(granted(1))
        self.clock.settle(lambda: self.server.held, "an attempt")
        self.delivery.stop()
        self.server.away = True
        self.server.release()
        self.close(self.spool)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.server.holds = self.server.away = False
        self.spool = self.open()
        Delivery(self.spool, reactor=self.clock, log=self.log).use(self.send)
        self.clock.settle(lambda: self.server.told, "the record")


class QueueTests(SpoolCase):
    """One queue for the configurations of a server."""

    def queue(self) -> Queue:
        queue = self.clock.wait(Queue.of(self.path, reactor=self.clock, log=self.log))
        assert isinstance(queue, Queue)
        return queue

    def user(self, most: int = 10) -> tuple[User, AccountingServer]:
        server = AccountingServer()

        async def send(record: Record) -> None:
            await server.request(4, record.attributes)

        return User(send, lambda records: None, most), server

    def test_shared(self) -> None:
        """The last configuration that came sends; when it goes the one before it does again."""
        queue = self.queue()
        self.assertEqual(len(queue), 0)
        (one, first), (other, second) = self.user(), self.user()
        queue.join(one)
        self.assertIs(self.queue(), queue)
        queue.join(other)
        queue.spool.account(granted(1))
        self.clock.settle(lambda: second.told, "the record")
        self.clock.wait(queue.leave(other))
        queue.spool.account(granted(2))
        self.clock.settle(lambda: first.told, "the other record")
        self.assertEqual((len(first.told), len(second.told), len(queue)), (1, 1, 1))
        self.clock.wait(queue.leave(one))

    def test_limit(self) -> None:
        """So many records may wait as the last configuration that came says."""
        queue = self.queue()
        (one, first), (other, second) = self.user(10), self.user(2)
        first.away = second.away = True
        queue.join(one)
        queue.join(other)
        queue.spool.account(granted(1))
        for at in range(5):
            queue.spool.account(renewed(1, at))
        self.clock.wait(queue.spool.flushed())
        self.assertEqual((queue.spool.waiting, queue.spool.dropped), (2, 4))
        self.clock.wait(queue.leave(other))
        for at in range(5, 15):
            queue.spool.account(renewed(1, at))
        self.clock.wait(queue.spool.flushed())
        self.assertEqual(queue.spool.waiting, 10)
        self.clock.wait(queue.leave(one))

    def test_again(self) -> None:
        """Who comes while the file is being closed waits, and gets it anew."""
        queue = self.queue()
        one, _ = self.user()
        queue.join(one)
        leaving = Deferred.fromCoroutine(queue.leave(one))
        again = self.queue()
        self.assertIsNot(again, queue)
        self.clock.wait(leaving)
        again.join(one)
        self.clock.wait(again.leave(one))
