"""The journal: many rows share one sync, and a disk that fails costs nothing that was acknowledged."""

from __future__ import annotations

import errno
import os
from functools import partial
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase, TestCase

from txkea.errors import Unavailable
from txkea.launch import launch
from txkea.leases.disk import Disk
from txkea.leases.journal import Journal
from txkea.leases.writer import InlineWriter, WriterThread, call
from txkea.testing.disks import FaultyDisk, HeldWriter, RecordingLog

__all__ = ["BatchTests", "FaultTests", "ThreadTests"]


def _keep(order: list[int], number: int, result: None) -> None:
    order.append(number)


class _Journals(SynchronousTestCase):
    """A journal on a real file whose disk and writer the test commands."""

    def setUp(self) -> None:
        self.path = self.mktemp()
        self.disk = FaultyDisk()
        self.writer = HeldWriter()
        self.log = RecordingLog()
        self.undone: list[Any] = []
        self.journal = Journal(self.path, self.writer, self.disk, self.log, self.undone.append)
        self.journal.attach(self.disk.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT), 0)
        self.addCleanup(self.journal.detach)
        self.disk.trace.clear()

    @property
    def text(self) -> bytes:
        with open(self.path, "rb") as file:
            return file.read()

    def append(self, *rows: bytes) -> list[Deferred[None]]:
        return [self.journal.append(row, row) for row in rows]


class BatchTests(_Journals):
    """Group commit."""

    def test_one_turn_one_sync(self) -> None:
        """The rows of one turn are written and synced together, and acknowledged after that, in order."""
        order: list[int] = []
        for number, waiter in enumerate(self.append(b"a\n", b"b\n", b"c\n")):
            waiter.addCallback(partial(_keep, order, number))
        self.assertEqual((self.text, order), (b"", []))
        self.writer.run()
        self.assertEqual((self.text, order), (b"a\nb\nc\n", [0, 1, 2]))
        self.assertEqual(self.disk.trace, ["write", "fdatasync"])

    def test_next_batch(self) -> None:
        """Rows that come while a batch is on its way are the next batch, and start when the first has ended."""
        self.append(b"a\n")
        work, self.writer.work = self.writer.work, []
        late = Deferred[None]()

        def write(fd: int, data: bytes) -> int:
            if not late.called:
                self.append(b"b\n")[0].chainDeferred(late)
                del self.disk.write
            return os.write(fd, data)

        self.disk.write = write  # type: ignore[method-assign, assignment]
        work[0]()
        self.assertEqual(self.text, b"a\n")
        self.assertNoResult(late)
        self.writer.run()
        self.assertEqual(self.text, b"a\nb\n")
        self.successResultOf(late)

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
        self.writer.run()
        self.successResultOf(second)
        self.assertEqual(self.text, b"a\nb\n")

    def test_reentrant(self) -> None:
        """A row that is appended when another is acknowledged is written too."""
        again = self.append(b"a\n")[0].addCallback(lambda _: self.journal.append(b"b\n"))
        self.writer.run()
        self.writer.run()
        self.successResultOf(again)
        self.assertEqual(self.text, b"a\nb\n")

    def test_without_sync(self) -> None:
        """With syncing off a row is acknowledged when the kernel has it."""
        journal = Journal(self.path, InlineWriter(), self.disk, self.log, self.undone.append, sync=False)
        journal.attach(self.disk.open(self.path, os.O_RDWR | os.O_APPEND), 0)
        self.addCleanup(journal.detach)
        self.successResultOf(journal.append(b"a\n"))
        self.assertEqual(self.disk.trace, ["write"])

    def test_closing(self) -> None:
        """What waits at the end is written; what comes later is undone and refused."""
        (before,) = self.append(b"a\n")
        self.journal.shut()
        idle = self.journal.idle()
        (after,) = self.append(b"b\n")
        self.failureResultOf(after, Unavailable)
        self.assertEqual(self.undone, [b"b\n"])
        self.assertNoResult(idle)
        self.writer.run()
        self.successResultOf(before)
        self.successResultOf(idle)
        self.assertEqual(self.text, b"a\n")


class FaultTests(_Journals):
    """Disks that fail."""

    def good(self) -> None:
        """A first row that must survive everything."""
        (waiter,) = self.append(b"good\n")
        self.writer.run()
        self.successResultOf(waiter)

    def refused(self, *rows: bytes) -> None:
        """These rows are refused together, undone in reverse."""
        waiters = self.append(*rows)
        self.writer.run()
        for waiter in waiters:
            self.failureResultOf(waiter, Unavailable)
        self.assertEqual(self.undone, list(reversed(rows)))
        self.undone.clear()

    def resumes(self) -> None:
        """The next row is written after the good one."""
        self.disk.faults.clear()
        (waiter,) = self.append(b"next\n")
        self.writer.run()
        self.successResultOf(waiter)
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
        (waiter,) = self.append(b"abc\n")
        self.writer.run()
        self.successResultOf(waiter)
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
        waiters = self.append(b"a\n")
        work, self.writer.work = self.writer.work, []
        tell = self.writer.tell

        def later(function: Any, *arguments: Any) -> None:
            waiters.extend(self.append(b"b\n", b"c\n"))
            tell(function, *arguments)

        self.writer.tell = later  # type: ignore[method-assign]
        self.disk.fail("write", errno.ENOSPC)
        work[0]()
        self.writer.tell = tell  # type: ignore[method-assign]
        for waiter in waiters:
            self.failureResultOf(waiter, Unavailable)
        self.assertEqual(self.undone, [b"c\n", b"b\n", b"a\n"])
        self.resumes()

    def test_undone_before_told(self) -> None:
        """All changes are undone before the first caller learns that it failed."""
        self.disk.fail("write", errno.ENOSPC)
        seen: list[int] = []
        for waiter in self.append(b"a\n", b"b\n"):
            waiter.addErrback(lambda failure: seen.append(len(self.undone)))
        self.writer.run()
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
        self.append(b"c\n")
        self.writer.run()
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


class ThreadTests(TestCase):
    """With the real thread and disk."""

    def setUp(self) -> None:
        self.path = self.mktemp()
        self.writer = WriterThread(reactor.callFromThread)  # type: ignore[attr-defined]
        self.addCleanup(self.writer.stop)
        self.undone: list[Any] = []

    def journal(self, disk: Disk, delay: float) -> Journal:
        journal = Journal(self.path, self.writer, disk, RecordingLog(), self.undone.append, delay=delay)
        journal.attach(disk.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT), 0)
        return journal

    async def test_many(self) -> None:
        """Thousands of rows from many callers are all there, in order, in far fewer syncs."""
        journal = self.journal(Disk(), 0.001)

        async def client(number: int) -> None:
            for turn in range(50):
                await journal.append(b"%d %d\n" % (number, turn))

        await gatherResults([Deferred.fromCoroutine(client(number)) for number in range(40)])
        await journal.idle()
        await call(self.writer, journal.detach)
        with open(self.path, "rb") as file:
            rows = [tuple(map(int, line.split())) for line in file]
        self.assertEqual(len(rows), 2000)
        for number in range(40):
            self.assertEqual([turn for client_, turn in rows if client_ == number], list(range(50)))
        self.assertLess(journal.commits, 500)

    async def test_lone_caller(self) -> None:
        """A caller that is alone is never held back to wait for others."""
        journal = self.journal(Disk(), 5.0)
        for turn in range(20):
            await journal.append(b"%d\n" % turn)
        await call(self.writer, journal.detach)
        self.assertEqual(journal.commits, 20)

    async def test_failing_thread(self) -> None:
        """A disk that fails in the thread refuses and undoes in the reactor, and the thread lives on."""
        disk = FaultyDisk()
        journal = self.journal(disk, 0.0)
        disk.fail("write", errno.ENOSPC)
        try:
            await journal.append(b"a\n", "change")
        except Unavailable:
            self.assertEqual(self.undone, ["change"])
        else:
            self.fail("a full disk was not told")
        disk.faults.clear()
        await journal.append(b"b\n")
        await call(self.writer, journal.detach)
        with open(self.path, "rb") as file:
            self.assertEqual(file.read(), b"b\n")
