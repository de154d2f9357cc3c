"""The journal: many rows share one sync, and a disk that fails costs nothing that was acknowledged."""

from __future__ import annotations

import errno
import os
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.leasing import begin, outcome_of
from txkea.errors import Unavailable
from txkea.launch import launch
from txkea.leases.journal import Journal
from txkea.leases.rowfile import RowFile
from txkea.leases.syncer import WriterSyncer
from txkea.testing.disks import FaultyDisk, HeldWriter, RecordingLog

__all__ = ["BatchTests", "FaultTests", "UnsyncedTests"]

DELAY: Final = 0.001


def _keep(order: list[int], number: int, result: None) -> None:
    order.append(number)


class _Journals(SynchronousTestCase):
    """A journal on a real file whose disk, writer and clock the test commands."""

    sync = True

    def setUp(self) -> None:
        self.path = self.mktemp()
        self.disk = FaultyDisk()
        self.writer = HeldWriter()
        self.clock = Clock()
        self.log = RecordingLog()
        self.undone: list[Any] = []
        self.file = RowFile(self.path, self.disk, self.sync)
        self.file.attach(self.disk.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT), 0)
        self.addCleanup(self.file.detach)
        syncer = WriterSyncer(self.writer, self.disk)
        later: Any = self.clock.callLater
        self.journal = Journal(self.file, self.writer, syncer, self.log, self.undone.append, later=later, delay=DELAY)
        self.disk.trace.clear()

    @property
    def text(self) -> bytes:
        with open(self.path, "rb") as file:
            return file.read()

    def append(self, *rows: bytes) -> list[Deferred[None]]:
        return [self.journal.append(row, row) for row in rows]

    def acknowledged(self, *waiters: Deferred[None]) -> None:
        """All these rows are, after what must still be done."""
        self.writer.run_all()
        for waiter in waiters:
            self.successResultOf(waiter)


class BatchTests(_Journals):
    """Group commit."""

    def test_written_first_durable_then(self) -> None:
        """The kernel gets a lone row at once; it is acknowledged when it is durable, not before."""
        (waiter,) = self.append(b"a\n")
        self.assertEqual((self.text, self.disk.trace), (b"a\n", ["write"]))
        self.assertNoResult(waiter)
        self.acknowledged(waiter)
        self.assertEqual(self.disk.trace, ["write", "fdatasync"])

    def test_next_batch(self) -> None:
        """Rows that come while a batch is on its way are the next, share one sync, and are acknowledged in order."""
        order: list[int] = []
        for number, waiter in enumerate(self.append(b"a\n", b"b\n", b"c\n")):
            waiter.addCallback(partial(_keep, order, number))
        self.assertEqual((self.text, order), (b"a\n", []))
        self.writer.run()
        self.assertEqual((self.text, order), (b"a\nb\nc\n", [0]))
        self.writer.run()
        self.assertEqual(order, [0, 1, 2])
        self.assertEqual(self.disk.trace, ["write", "fdatasync"] * 2)

    def crowd(self) -> None:
        """Three rows shared a sync lately, so two are worth waiting for."""
        self.acknowledged(*self.append(b"1\n", b"2\n", b"3\n"))
        self.disk.trace.clear()

    def test_held_back_until_enough(self) -> None:
        """In a crowd the first row waits for others, and goes as soon as enough of them have come."""
        self.crowd()
        first = self.append(b"a\n")
        self.assertEqual(self.disk.trace, [])
        self.acknowledged(*first, *self.append(b"b\n"))
        self.assertEqual(self.disk.trace, ["write", "fdatasync"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_held_back_for_a_moment(self) -> None:
        """Nobody waits for a crowd that does not come: not longer than ``delay``, and next time not at all."""
        self.crowd()
        first = self.append(b"a\n")
        self.clock.advance(DELAY * 0.9)
        self.assertEqual(self.disk.trace, [])
        self.clock.advance(DELAY * 0.2)
        self.assertEqual(self.disk.trace, ["write"])
        self.acknowledged(*first)
        self.acknowledged(*self.append(b"b\n"))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_alone(self) -> None:
        """Others get the file when no batch is on its way, and rows that come meanwhile are written after them."""
        before = self.append(b"a\n")
        seen: list[bytes] = []
        work = begin(self.journal.alone(lambda: seen.append(self.text)))
        after = self.append(b"b\n")
        self.writer.run()  # the sync
        self.successResultOf(before[0])
        self.assertEqual((seen, self.text), ([], b"a\n"))
        self.writer.run()  # the work
        self.assertEqual((seen, work), ([b"a\n"], [None]))
        self.acknowledged(*after)
        self.assertEqual(self.text, b"a\nb\n")

    def test_alone_while_rows_are_held_back(self) -> None:
        """Work goes before rows that wait for others, even when their time comes meanwhile."""
        self.crowd()
        first = self.append(b"a\n")
        work = begin(self.journal.alone(self.file.settle))
        self.clock.advance(2 * DELAY)
        self.assertEqual(self.disk.trace, [])
        self.writer.run()
        self.assertEqual(work, [None])
        self.clock.advance(2 * DELAY)
        self.acknowledged(*first)

    def test_alone_fails(self) -> None:
        """Work that fails says so to whoever asked for it, and rows go on."""

        def work() -> None:
            raise OSError(errno.EIO, "broken")

        outcome = begin(self.journal.alone(work))
        self.writer.run()
        self.assertRaises(OSError, outcome_of, outcome)
        self.acknowledged(*self.append(b"a\n"))

    def test_alone_in_another_file(self) -> None:
        """After a clean-up has put another file in place, rows go there."""
        self.acknowledged(*self.append(b"a\n"))
        other = self.mktemp()
        fd = self.disk.open(other, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        begin(self.journal.alone(lambda: self.file.replace(fd, 0)))
        after = self.append(b"b\n")
        self.acknowledged(*after)
        with open(other, "rb") as file:
            self.assertEqual((self.text, file.read()), (b"a\n", b"b\n"))

    def test_awaited(self) -> None:
        """A coroutine that awaits a row goes on when it is durable, and `launch` hands it back until then."""

        async def caller() -> str:
            await self.journal.append(b"a\n")
            return "durable"

        waiting = launch(caller())
        assert isinstance(waiting, Deferred)
        self.assertNoResult(waiting)
        self.writer.run()
        self.assertEqual(self.successResultOf(waiting), "durable")

    def test_cancelled(self) -> None:
        """Who stops waiting takes no one else along, and the row is written all the same."""
        first, second = self.append(b"a\n", b"b\n")
        first.cancel()
        self.failureResultOf(first)
        self.acknowledged(second)
        self.assertEqual(self.text, b"a\nb\n")

    def test_reentrant(self) -> None:
        """A row that is appended when another is acknowledged is written too."""
        again = self.append(b"a\n")[0].addCallback(lambda _: self.journal.append(b"b\n"))
        self.writer.run()
        self.writer.run()
        self.successResultOf(again)
        self.assertEqual(self.text, b"a\nb\n")

    def test_closing(self) -> None:
        """What waits at the end is written; what comes later is undone and refused."""
        before = self.append(b"a\n", b"b\n")
        self.journal.shut()
        idle = self.journal.idle()
        (after,) = self.append(b"c\n")
        self.failureResultOf(after, Unavailable)
        self.assertEqual(self.undone, [b"c\n"])
        self.writer.run()
        self.assertNoResult(idle)
        self.acknowledged(*before)
        self.successResultOf(idle)
        self.assertEqual(self.text, b"a\nb\n")


class UnsyncedTests(_Journals):
    """With syncing off."""

    sync = False

    def test_at_once(self) -> None:
        """A row is acknowledged when the kernel has it, and nobody is asked to wait for anything."""
        for waiter in self.append(b"a\n", b"b\n", b"c\n"):
            self.successResultOf(waiter)
        self.assertEqual((self.disk.trace, self.writer.work), (["write"] * 3, []))

    def test_full_disk(self) -> None:
        """A row that does not fit is cut off and refused, and the next one written."""
        self.disk.fail("write", ("short", 2), errno.ENOSPC)
        (waiter,) = self.append(b"torn\n")
        self.disk.faults.clear()
        self.writer.run_all()
        self.failureResultOf(waiter, Unavailable)
        self.assertEqual((self.undone, self.text), ([b"torn\n"], b""))
        self.acknowledged(*self.append(b"a\n"))
        self.assertEqual(self.text, b"a\n")


class FaultTests(_Journals):
    """Disks that fail."""

    def good(self) -> None:
        """A first row that must survive everything."""
        self.acknowledged(*self.append(b"good\n"))

    def refused(self, *rows: bytes) -> None:
        """These rows are refused together, undone in reverse."""
        waiters = self.append(*rows)
        self.writer.run_all()
        for waiter in waiters:
            self.failureResultOf(waiter, Unavailable)
        self.assertEqual(self.undone, list(reversed(rows)))
        self.undone.clear()

    def resumes(self) -> None:
        """The next row is written after the good one."""
        self.disk.faults.clear()
        self.acknowledged(*self.append(b"next\n"))
        self.assertEqual(self.text, b"good\nnext\n")
        self.assertEqual(self.journal.problem, "")

    def test_each_call_fails(self) -> None:
        """Whatever fails, however often: nothing is acknowledged, the file keeps its good rows, service resumes."""
        for name in ("write", "fdatasync"):
            for number in (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS):
                with self.subTest(name=name, error=errno.errorcode[number]):
                    self.setUp()
                    self.good()
                    self.disk.fail(name, number, None)
                    self.refused(b"a\n", b"b\n")
                    self.assertEqual(self.text, b"good\n")
                    self.resumes()

    def test_short_writes(self) -> None:
        """A short write goes on; if that fails, the torn row is cut off."""
        self.good()
        self.disk.fail("write", ("short", 1), None)
        self.acknowledged(*self.append(b"abc\n"))
        self.assertEqual(self.text, b"good\nabc\n")
        self.disk.fail("write", ("short", 2), errno.ENOSPC)
        self.refused(b"torn\n")
        self.assertEqual(self.text, b"good\nabc\n")
        self.disk.fail("write", ("short", 2), ("short", 0))
        self.refused(b"torn\n")
        self.assertEqual(self.text, b"good\nabc\n")

    def test_repair_fails(self) -> None:
        """A file that cannot even be cut is cut before anything else is written."""
        self.good()
        self.disk.fail("write", ("short", 2), errno.EIO)
        self.disk.fail("ftruncate", errno.EIO)
        self.refused(b"torn\n")
        self.assertEqual(self.text, b"good\nto")
        self.refused(b"again\n")
        self.assertEqual(self.text, b"good\nto")
        self.resumes()

    def test_behind_the_batch(self) -> None:
        """What was appended while the failing batch was on its way is refused with it, and undone first."""
        self.good()
        self.disk.fail("fdatasync", errno.EIO, None)
        waiters = self.append(b"a\n")
        self.writer.run()  # the sync fails
        waiters += self.append(b"b\n", b"c\n")
        self.writer.run_all()
        for waiter in waiters:
            self.failureResultOf(waiter, Unavailable)
        self.assertEqual(self.undone, [b"c\n", b"b\n", b"a\n"])
        self.resumes()

    def test_comes_again_when_refused(self) -> None:
        """A row that is appended when another is refused is written after the good ones."""
        self.good()
        self.disk.fail("write", errno.ENOSPC, None)
        (first,) = self.append(b"a\n")
        again = first.addErrback(lambda _: self.journal.append(b"b\n"))
        self.acknowledged(again)
        self.assertEqual(self.text, b"good\nb\n")

    def test_undone_before_told(self) -> None:
        """All changes are undone before the first caller learns that it failed."""
        self.disk.fail("write", errno.ENOSPC)
        seen: list[int] = []
        for waiter in self.append(b"a\n", b"b\n"):
            waiter.addErrback(lambda failure: seen.append(len(self.undone)))
        self.writer.run_all()
        self.assertEqual(seen, [2, 2])

    def test_failed_sync_opens_anew(self) -> None:
        """After a failed sync the old descriptor is not trusted: the file is opened anew and looked at."""
        self.good()
        opened: list[str] = []
        plain = self.disk.open
        self.disk.open = lambda path, flags: opened.append(path) or plain(path, flags)  # type: ignore
        self.disk.fail("fdatasync", errno.EIO, None)
        self.refused(b"a\n")
        self.assertEqual(opened, [self.path])
        self.resumes()

    def test_sync_fails_in_repair(self) -> None:
        """A sync that fails while the file is cut leaves it in doubt until that is settled."""
        self.good()
        self.disk.fail("fdatasync", errno.EIO)
        self.refused(b"a\n")
        self.refused(b"b\n")
        self.resumes()

    def test_changed_behind_our_back(self) -> None:
        """If the acknowledged rows are not what the file shows after a failed sync, no row is acknowledged any more."""
        self.good()
        with open(self.path, "r+b") as file:
            file.write(b"ruin")
        self.disk.fail("fdatasync", errno.EIO, None)
        self.refused(b"a\n")
        self.refused(b"b\n")
        self.assertIn("not those that were written", self.journal.problem)

    def test_told_once(self) -> None:
        """A full disk is one line in the log when it begins and one when it ends, with the mend in it."""
        self.disk.fail("write", errno.ENOSPC)
        self.refused(b"a\n")
        self.refused(b"b\n")
        (text,) = self.log.texts("TXKEA_LEASE_FILE_WRITE_FAIL")
        self.assertIn("make room", text)
        self.assertIn("make room", self.journal.problem)
        self.disk.faults.clear()
        self.acknowledged(*self.append(b"c\n"))
        self.assertEqual(len(self.log.texts("TXKEA_LEASE_FILE_WRITE_AGAIN")), 1)

    def test_memory_error(self) -> None:
        """A batch that there is no memory for is refused like one that there is no room for."""
        self.good()

        def write(fd: int, data: bytes) -> int:
            raise MemoryError

        self.disk.write = write  # type: ignore[method-assign, assignment]
        self.refused(b"a\n")
        del self.disk.write
        self.resumes()
