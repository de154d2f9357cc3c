"""Who makes a lease file durable: a thread, or the kernel, which may be unable to, and which tells what it lost."""

from __future__ import annotations

import errno
import os
import platform
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from select import select
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase, TestCase

from txkea.errors import Unavailable
from txkea.leases.aio import Confirmations
from txkea.leases.disk import Disk
from txkea.leases.journal import Journal
from txkea.leases.rowfile import RowFile
from txkea.leases.syncer import KernelSyncer, Syncer, WriterSyncer
from txkea.leases.writer import WriterThread
from txkea.testing.disks import FaultyDisk, RecordingLog
from txkea.testing.namespaces import requires_root

__all__ = ["ConfirmationTests", "KernelTests", "LostWritesTests", "ThreadTests"]


class _OnDisk(TestCase):
    """Journals with a real disk, thread and kernel."""

    def setUp(self) -> None:
        self.path = self.mktemp()
        self.writer = WriterThread(reactor.callFromThread)  # type: ignore[attr-defined]
        self.addCleanup(self.writer.stop)
        self.log = RecordingLog()
        self.undone: list[Any] = []

    def syncer(self, disk: Disk) -> Syncer:
        """Who makes the file durable."""
        return KernelSyncer(reactor, self.log, WriterSyncer(self.writer, disk))

    def journal(self, disk: Disk, delay: float) -> Journal:
        file = RowFile(self.path, disk, True)
        file.attach(disk.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT), 0)
        self.addCleanup(file.detach)
        syncer = self.syncer(disk)
        self.addCleanup(syncer.stop)
        later = reactor.callLater
        return Journal(file, self.writer, syncer, self.log, self.undone.append, later=later, delay=delay)

    @property
    def text(self) -> bytes:
        with open(self.path, "rb") as file:
            return file.read()


class ThreadTests(_OnDisk):
    """A thread waits for the disk."""

    def syncer(self, disk: Disk) -> Syncer:
        return WriterSyncer(self.writer, disk)

    async def refused(self, journal: Journal) -> None:
        """A row of that name is, and its change is undone."""
        try:
            await journal.append(b"refused\n", "change")
        except Unavailable:
            self.assertEqual(self.undone, ["change"])
        else:
            self.fail("the failure was not told")

    async def test_many(self) -> None:
        """Thousands of rows from many callers are all there, in order, in far fewer syncs."""
        journal = self.journal(Disk(), 0.001)

        async def client(number: int) -> None:
            for turn in range(50):
                await journal.append(b"%d %d\n" % (number, turn))

        await gatherResults([Deferred.fromCoroutine(client(number)) for number in range(40)])
        await journal.idle()
        rows = [tuple(map(int, line.split())) for line in self.text.splitlines()]
        self.assertEqual(len(rows), 2000)
        for number in range(40):
            self.assertEqual([turn for client_, turn in rows if client_ == number], list(range(50)))
        self.assertLess(journal.commits, 500)

    async def test_lone_caller(self) -> None:
        """A caller that is alone is never held back to wait for others."""
        journal = self.journal(Disk(), 5.0)
        for turn in range(20):
            await journal.append(b"%d\n" % turn)
        self.assertEqual(journal.commits, 20)

    async def test_failing_write(self) -> None:
        """A disk that is full refuses and undoes in the reactor, and takes rows when it has room again."""
        disk = FaultyDisk()
        journal = self.journal(disk, 0.0)
        disk.fail("write", errno.ENOSPC)
        await self.refused(journal)
        disk.faults.clear()
        await journal.append(b"b\n")
        self.assertEqual(self.text, b"b\n")

    def fail_next_sync(self, disk: FaultyDisk) -> None:
        """Once."""
        disk.fail("fdatasync", errno.EIO, None)

    async def test_failing_sync(self) -> None:
        """A sync that fails refuses and undoes, the file is opened anew and cut, and the next row is durable."""
        disk = FaultyDisk()
        journal = self.journal(disk, 0.0)
        await journal.append(b"a\n")
        self.fail_next_sync(disk)
        await self.refused(journal)
        await journal.append(b"b\n")
        self.assertEqual(self.text, b"a\nb\n")


class Confirming(Confirmations):
    """The kernel's, some of which fail: ``faults`` has error numbers of beginnings and ends that come next."""

    def __init__(self, faults: dict[str, list[int]]) -> None:
        super().__init__()
        self.faults = faults

    def begin(self, fd: int) -> None:
        self.fail("begin")
        super().begin(fd)

    def finish(self) -> None:
        super().finish()
        self.fail("finish")

    def fail(self, name: str) -> None:
        """As is due."""
        if self.faults[name]:
            number = self.faults[name].pop()
            raise OSError(number, os.strerror(number))


class KernelTests(ThreadTests):
    """The kernel waits for the disk."""

    def setUp(self) -> None:
        super().setUp()
        self.faults: dict[str, list[int]] = {"begin": [], "finish": []}
        self.make: Callable[[], Confirmations] = lambda: Confirming(self.faults)

    def syncer(self, disk: Disk) -> Syncer:
        return KernelSyncer(reactor, self.log, WriterSyncer(self.writer, disk), self.make)

    def fail_next_sync(self, disk: FaultyDisk) -> None:
        self.faults["finish"].append(errno.EIO)

    async def test_unable(self) -> None:
        """Where the kernel may not be asked at all, that is said once, and a thread waits for the disk."""

        def make() -> Confirmations:
            raise OSError(errno.EPERM, "Operation not permitted")

        self.make = make
        await self.instead()

    async def test_unable_later(self) -> None:
        """The same when it refuses what it did before; the row that it refuses is synced all the same."""
        self.faults["begin"].append(errno.EINVAL)
        await self.instead()

    async def instead(self) -> None:
        """Rows become durable, by means of the thread."""
        disk = FaultyDisk()
        journal = self.journal(disk, 0.0)
        for row in (b"a\n", b"b\n"):
            await journal.append(row)
        self.assertEqual(self.text, b"a\nb\n")
        self.assertEqual(disk.trace, ["write", "fdatasync"] * 2)
        (text,) = self.log.texts("TXKEA_LEASE_FILE_SYNC_THREAD")
        self.assertIn("a thread waits for the disk", text)

    async def test_no_thread(self) -> None:
        """As long as the kernel does it, the thread is not even begun."""
        before = threading.active_count()
        disk = FaultyDisk()
        await self.journal(disk, 0.0).append(b"a\n")
        self.assertEqual((threading.active_count(), disk.trace), (before, ["write"]))

    async def test_raising(self) -> None:
        """Somebody who raises when told does not end the watch for what comes next."""
        syncer = self.syncer(Disk())
        self.addCleanup(syncer.stop)
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT)
        self.addCleanup(os.close, fd)

        def told(error: OSError | None) -> None:
            reactor.callLater(0, syncer.sync, fd, done.callback)
            raise ValueError("a fault")

        done: Deferred[Any] = Deferred()
        syncer.sync(fd, told)
        self.assertIs(await done, None)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)


class LostWritesTests(_OnDisk):
    """A disk that loses what the kernel had taken: a thin one, on a file system that is full."""

    skip = requires_root("mount", "mkfs.ext4") or (None if Path("/dev/loop-control").exists() else "needs loop devices")

    def setUp(self) -> None:
        super().setUp()
        self.directory = Path(self.mktemp()).absolute()
        thin, disk = self.directory / "thin", self.directory / "disk"
        for place, *mount in ((thin, "-t", "tmpfs", "-o", "size=3m", "none"), (disk, "-o", "loop", thin / "image")):
            place.mkdir(parents=True)
            subprocess.run(["mount", *mount, place], check=True)
            self.addCleanup(self.unmount, place)
            if place is thin:
                (thin / "image").touch()
                subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", thin / "image", "32M"], check=True)
        self.path = str(disk / "leases.csv")

    def unmount(self, place: Path) -> None:
        subprocess.run(["umount", "-l", place], check=True)

    async def test_lost(self) -> None:
        """When the kernel says that a sync failed, the rows that it had taken are refused and cut off."""
        journal = self.journal(Disk(), 0.0)
        kept = b""
        row = b"x" * 99_999 + b"\n"
        try:
            while len(kept) < 100 * len(row):
                await journal.append(row)
                kept += row
        except Unavailable:
            self.assertIn("make room", journal.problem)
        self.assertNotEqual(journal.problem, "")
        self.assertEqual(self.text, kept)


def unable() -> str | None:
    """Why this kernel does not sync asynchronously, None if it does."""
    try:
        Confirmations().close()
    except OSError as error:
        return f"needs a kernel that syncs asynchronously: {error.strerror}"
    return None


class ConfirmationTests(SynchronousTestCase):
    """The kernel's asynchronous sync itself."""

    skip = unable()

    def setUp(self) -> None:
        self.confirmations = Confirmations()
        self.addCleanup(self.confirmations.close)

    def test_many(self) -> None:
        """Each sync that was begun is reported once, whatever file it is of."""
        for number in range(20):
            fd = os.open(self.mktemp(), os.O_WRONLY | os.O_CREAT)
            os.write(fd, b"%d" % number)
            self.confirmations.begin(fd)
            os.close(fd)
            self.assertEqual(select([self.confirmations.eventfd], [], [], 10)[0], [self.confirmations.eventfd])
            self.confirmations.finish()
            self.assertRaises(BlockingIOError, self.confirmations.finish)

    def test_what_cannot_be_synced(self) -> None:
        """A descriptor that has no disk behind it, or that is none, is refused at once."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.close(writer)
        for fd in (reader, writer):
            self.assertRaises(OSError, self.confirmations.begin, fd)
        self.assertEqual(select([self.confirmations.eventfd], [], [], 0)[0], [])

    def test_unknown_machine(self) -> None:
        """On a machine whose system calls we do not know none is tried."""
        self.patch(platform, "machine", lambda: "pdp11")
        self.assertRaises(OSError, Confirmations)
