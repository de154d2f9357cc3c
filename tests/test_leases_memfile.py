"""Memfile: what is acknowledged is in the file, whatever files it began with, and whoever else wants them."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from tests.leasing import begin
from txkea.errors import ConfigError, Unavailable
from txkea.interfaces import ILeaseStore, IProviderFactory
from txkea.launch import launch
from txkea.leases.cleanup import Paths, clean
from txkea.leases.disk import Disk
from txkea.leases.factory import MEMFILE
from txkea.leases.leasefile import RowErrors
from txkea.leases.memfile import MemfileLeases
from txkea.leases.memory import MemoryLeases
from txkea.leases.rows4 import ROWS4, SCHEMA4, format4
from txkea.leases.writer import InlineWriter
from txkea.model.configuration import Configuration, Subnet
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import Lease4
from txkea.paths import Paths as Places
from txkea.providers import Surroundings
from txkea.testing.disks import FaultyDisk, HeldWriter, RecordingLog

__all__ = ["CleanupTests", "Factory", "FactoryTests", "Memfiles", "OpeningTests", "ProcessTests", "StoreTests"]

HEADER = SCHEMA4.layout(11).header
row = format4(11)


def lease(number: int, **changes: Any) -> Lease4:
    """A lease that differs from those of other numbers."""
    return Lease4(bytes([192, 0, 2, number]), b"\x02\0\0\0\0%c" % number, b"\x01%c" % number, 4000, 9000, 1)._replace(
        **changes
    )


class LateWriter(InlineWriter):
    """A writer that works at once, and whose reports reach the reactor when the test says so."""

    def __init__(self) -> None:
        self.reports: list[tuple[Any, tuple[Any, ...]]] = []
        self.stopped = False

    def tell(self, function: Any, *arguments: Any) -> None:
        self.reports.append((function, arguments))

    def run(self) -> None:
        """Let the reactor hear everything."""
        while self.reports:
            function, arguments = self.reports.pop(0)
            function(*arguments)

    def stop(self) -> None:
        self.stopped = True


class Memfiles(SynchronousTestCase):
    """Stores on real files, without a thread."""

    family = 4

    def setUp(self) -> None:
        directory = Path(self.mktemp())
        directory.mkdir()
        self.path = directory / "leases.csv"
        self.log = RecordingLog()
        self.clock = Clock()
        self.disk: Disk = FaultyDisk()

    def file(self, suffix: str = "") -> Path:
        return self.path.with_name(f"leases.csv{suffix}")

    def store(self, **more: Any) -> MemfileLeases:
        options = {"family": self.family, "disk": self.disk, "writer": InlineWriter, **more}
        return MemfileLeases(str(self.path), reactor=self.clock, log=self.log, **options)

    def opened(self, **more: Any) -> MemfileLeases:
        store = self.store(**more)
        self.assertIsNone(self.now(store.open()))
        self.addCleanup(lambda: launch(store.close()))
        return store

    def closed(self, store: MemfileLeases) -> None:
        self.assertIsNone(self.now(store.close()))

    def now(self, coro: Any) -> Any:
        """What a coroutine gives, without waiting."""
        result = launch(coro)
        return self.successResultOf(result) if isinstance(result, Deferred) else result

    def refused(self, coro: Any) -> str:
        """Why it is unavailable."""
        failure = self.failureResultOf(Deferred.fromCoroutine(coro), Unavailable)
        return str(failure.value)

    def leases(self, store: MemfileLeases) -> list[Any]:
        return list(self.now(store.page(None, 1000)))


class StoreTests(Memfiles):
    """Changes and their rows."""

    def test_provides(self) -> None:
        """It is a lease store, and its factory makes lease stores."""
        verifyObject(ILeaseStore, self.opened())
        verifyObject(IProviderFactory, MEMFILE)

    def test_rows(self) -> None:
        """Each change is one row under Kea's header, and a later opening finds what they say."""
        store = self.opened()
        self.assertTrue(self.now(store.add(lease(1))))
        self.assertTrue(self.now(store.add(lease(2))))
        self.assertTrue(self.now(store.update(lease(1, hostname="a,b"), lease(1))))
        self.assertTrue(self.now(store.remove(lease(2))))
        rows = [row(lease(1)), row(lease(2)), row(lease(1, hostname="a,b")), ROWS4.removal(lease(2), row)]
        self.assertEqual(self.path.read_bytes(), HEADER + b"".join(rows))
        self.closed(store)
        again = self.opened()
        self.assertEqual(self.leases(again), [lease(1, hostname="a,b")])
        found = self.now(again.by_client(Identifier(IdentifierKind.CLIENT_ID, b"\x01\x01")))
        self.assertEqual(list(found), [lease(1, hostname="a,b")])

    def test_refused_changes_leave_no_row(self) -> None:
        """A change that finds another lease than believed writes nothing."""
        store = self.opened()
        self.now(store.add(lease(1)))
        before = self.path.read_bytes()
        self.assertFalse(self.now(store.add(lease(1, hwaddr=b"other!"))))
        self.assertFalse(self.now(store.update(lease(1, expires=1), lease(1, expires=2))))
        self.assertFalse(self.now(store.remove(lease(1, expires=2))))
        self.assertFalse(self.now(store.remove(lease(3))))
        self.assertEqual(self.path.read_bytes(), before)

    def test_unwritable(self) -> None:
        """A lease that no row can hold is refused, in memory too."""
        store = self.opened()
        self.refused(store.add(lease(1, expires=-1)))
        self.assertIsNone(self.now(store.get(lease(1).address)))

    def test_durable_before_true(self) -> None:
        """An address is taken at once, and acknowledged only when its row is durable."""
        writer = HeldWriter()
        store = self.store(writer=lambda: writer)
        waiting = launch(store.open())
        writer.run()
        assert isinstance(waiting, Deferred)
        self.successResultOf(waiting)
        first = launch(store.add(lease(1)))
        assert isinstance(first, Deferred)
        self.assertNoResult(first)
        self.assertFalse(self.now(store.add(lease(1, hwaddr=b"other!"))))
        writer.run()
        self.assertTrue(self.successResultOf(first))
        closing = Deferred.fromCoroutine(store.close())
        writer.run()
        self.successResultOf(closing)

    def test_full_disk(self) -> None:
        """On a full disk nothing is acknowledged and nothing remembered; with room again service goes on."""
        store = self.opened()
        self.now(store.add(lease(1)))
        disk: Any = self.disk
        disk.fail("write", ("short", 5), errno.ENOSPC)
        for coro in (store.add(lease(2)), store.update(lease(1, expires=9999), lease(1)), store.remove(lease(1))):
            disk.fail("write", ("short", 5), errno.ENOSPC)
            self.assertIn("make room", self.refused(coro))
        self.assertIn("make room", store.problem)
        self.assertEqual(self.leases(store), [lease(1)])
        self.assertEqual(dict(self.now(store.counts())), {(1, 0, 0): 1})
        disk.faults.clear()
        self.assertTrue(self.now(store.add(lease(2, hwaddr=b"second"))))
        self.assertEqual(store.problem, "")
        self.closed(store)
        self.assertEqual(self.leases(self.opened()), [lease(1), lease(2, hwaddr=b"second")])

    def test_after_close(self) -> None:
        """A closed store takes nothing more, and does not say it did."""
        store = self.opened()
        self.closed(store)
        self.refused(store.add(lease(1)))
        self.assertIsNone(self.now(store.get(lease(1).address)))
        self.assertEqual(self.clock.getDelayedCalls(), [])


class OpeningTests(Memfiles):
    """What a server finds when it starts."""

    def test_new(self) -> None:
        """A new file has Kea's header, and is nobody's business."""
        self.opened()
        self.assertEqual(self.path.read_bytes(), HEADER)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode) & ~0o640, 0)

    def test_torn_row(self) -> None:
        """A torn last row is cut off and told, so the next one is whole (Kea glues them together)."""
        for cut in range(1, len(row(lease(2)))):
            with self.subTest(cut=cut):
                self.path.write_bytes(HEADER + row(lease(1)) + row(lease(2))[:cut])
                store = self.opened()
                self.assertEqual(self.leases(store), [lease(1)])
                self.assertTrue(self.now(store.add(lease(2))))
                self.closed(store)
                self.assertEqual(self.path.read_bytes(), HEADER + row(lease(1)) + row(lease(2)))
        self.assertEqual(len(self.log.texts("TXKEA_LEASE_FILE_TORN")), cut)

    def test_torn_header(self) -> None:
        """A file whose very header was torn, or which a crash left full of NULs, begins anew."""
        for text in (b"", HEADER[:30], HEADER[:-1], b"\0" * 5000):
            with self.subTest(text=text[:40]):
                self.path.write_bytes(text)
                self.closed(self.opened())
                self.assertEqual(self.path.read_bytes(), HEADER)

    def test_tail_of_nulls(self) -> None:
        """Blocks of NULs at the end, which a crash may leave, are cut off."""
        self.path.write_bytes(HEADER + row(lease(1)) + b"\0" * 3_000_000)
        self.assertEqual(self.leases(self.opened()), [lease(1)])
        self.assertEqual(self.path.read_bytes(), HEADER + row(lease(1)))

    def test_not_a_lease_file(self) -> None:
        """Another kind of file is refused, named, and left as it is."""
        for text in (b"root:x:0:0\n", b"no newline", b'{\n "Dhcp4": {}\n}', b"\x7fELF\0\0", b"address,duid\n", b"\n"):
            with self.subTest(text=text):
                self.path.write_bytes(text)
                self.assertIn(str(self.path), self.refused(self.store().open()))
                self.assertEqual(self.path.read_bytes(), text)

    def test_what_is_no_file(self) -> None:
        """A directory, a FIFO or a missing directory is refused at once, with the mend."""
        self.path.mkdir()
        self.assertIn("check that", self.refused(self.store().open()))
        self.path.rmdir()
        os.mkfifo(self.path)
        self.assertIn("regular file", self.refused(self.store().open()))
        self.path.unlink()
        self.path.parent.rmdir()
        self.assertIn("directory exists", self.refused(self.store().open()))
        self.path.parent.mkdir()

    def test_breaks(self) -> None:
        """Whatever goes wrong while a file is loaded, it is let go of, the thread ends, and closing does no harm."""
        self.path.write_bytes(HEADER + row(lease(1)))
        writer = LateWriter()
        store = self.store(check=lambda lease: lease.address[9:][0], writer=lambda: writer)
        outcome = begin(store.open())
        writer.run()
        self.assertIn("IndexError", str(outcome[0].value))
        outcome[0].trap(Unavailable)
        self.assertTrue(writer.stopped)
        self.closed(store)
        self.assertEqual(self.leases(self.opened()), [lease(1)])

    def test_bad_rows(self) -> None:
        """Bad rows are left out and told with their line, the others are loaded; a limit ends the start."""
        lines = [b"nonsense", row(lease(2))[:-1] + b",extra", HEADER[:-1], b"", b"x" * (3 << 20)]
        self.path.write_bytes(HEADER + row(lease(1)) + b"\n".join(lines) + b"\n" + row(lease(3)))
        store = self.opened()
        self.assertEqual(self.leases(store), [lease(1), lease(3)])
        told = self.log.texts("DHCPSRV_MEMFILE_LEASE_LOAD_ROW_ERROR")
        self.assertEqual([text.split(":")[1] for text in told[:-1]], ["3", "4", "5", "7"])
        self.assertIn("4 bad rows", told[-1])
        self.closed(store)
        self.closed(self.opened(max_row_errors=4))
        self.assertIn("max-row-errors", self.refused(self.store(max_row_errors=3).open()))

    def test_windows_and_bom(self) -> None:
        """A file that an editor gave CRLF and a byte order mark is read."""
        text = (HEADER + row(lease(1))).replace(b"\n", b"\r\n")
        self.path.write_bytes(b"\xef\xbb\xbf" + text)
        self.assertEqual(self.leases(self.opened()), [lease(1)])

    def test_load_order(self) -> None:
        """Previous, input and active file are loaded in this order; a completed one takes the first two's place."""
        for suffix, end in (("", 3), (".1", 2), (".2", 1)):
            older = lease(4 + end)
            self.file(suffix).write_bytes(HEADER + row(lease(1, expires=end)) + row(older))
        store = self.opened(lfc_interval=0)
        self.assertEqual(self.leases(store), [lease(1, expires=3), lease(5), lease(6), lease(7)])
        self.closed(store)
        self.file(".completed").write_bytes(HEADER + row(lease(9)))
        self.assertEqual(self.leases(self.opened()), [lease(1, expires=3), lease(7), lease(9)])

    def test_freed_and_superseded(self) -> None:
        """A row with lifetime 0 frees the address that an older file has."""
        self.file(".2").write_bytes(HEADER + row(lease(1)) + row(lease(2)))
        self.path.write_bytes(HEADER + ROWS4.removal(lease(1), row) + row(lease(2, expires=1)))
        self.assertEqual(self.leases(self.opened()), [lease(2, expires=1)])

    def test_locked(self) -> None:
        """Two servers do not share a lease file; when the first has closed, the second may."""
        first = self.opened()
        self.assertIn("another server uses", self.refused(self.store().open()))
        self.now(first.add(lease(1)))
        self.closed(first)
        self.assertEqual(self.leases(self.opened()), [lease(1)])

    def test_cleanup_under_way(self) -> None:
        """An opening waits for a clean-up that still runs, and gives up after some time, naming the process."""
        self.file(".pid").write_text(str(os.getppid()))
        store = self.store()
        opening = Deferred.fromCoroutine(store.open())
        self.clock.pump([0.1] * 50)
        self.assertNoResult(opening)
        self.file(".pid").unlink()
        self.clock.pump([0.1] * 2)
        self.successResultOf(opening)
        self.closed(store)
        self.file(".pid").write_text(str(os.getppid()))
        opening = Deferred.fromCoroutine(self.store().open())
        self.clock.pump([0.1] * 320)
        self.assertIn(f"process {os.getppid()}", str(self.failureResultOf(opening, Unavailable).value))

    def test_stale_pid(self) -> None:
        """A pid file that names no living process, or nothing, does not matter."""
        for text in ("999999999", "", "garbage", "-1", "0"):
            self.file(".pid").write_text(text)
            self.closed(self.opened())

    def test_check(self) -> None:
        """The check may change a lease or leave it out."""
        self.path.write_bytes(HEADER + row(lease(1)) + row(lease(2)) + row(lease(3)))
        verdicts = {lease(1): lease(1), lease(2): lease(2, subnet_id=9), lease(3): None}
        self.assertEqual(self.leases(self.opened(check=verdicts.get)), [lease(1), lease(2, subnet_id=9)])

    def test_pool_column(self) -> None:
        """A file of Kea 3 keeps its column pool_id; a file without it gets it only when told so."""
        self.path.write_bytes(SCHEMA4.layout(12).header + format4(12)(lease(1, pool_id=5)))
        store = self.opened()
        self.now(store.add(lease(2, pool_id=6)))
        self.closed(store)
        self.assertEqual(self.path.read_bytes().splitlines()[-1][-2:], b",6")
        self.assertEqual(self.leases(self.opened()), [lease(1, pool_id=5), lease(2, pool_id=6)])

    def test_set_aside_for_other_columns(self) -> None:
        """A file with other columns becomes the input of a clean-up, and a new one begins; nothing is lost."""
        old = b",".join(HEADER[:-1].split(b",")[:9]) + b"\n"
        old_row = b",".join(row(lease(1)).split(b",")[:9]) + b"\n"
        for names, text in (("old", old + old_row), ("new", HEADER[:-1] + b",more\n" + row(lease(1))[:-1] + b",7\n")):
            with self.subTest(names):
                for path in self.path.parent.iterdir():
                    path.unlink()
                self.path.write_bytes(text)
                opening = self.store()
                spawned = self._spawning()
                self.now(opening.open())
                self.assertEqual(self.path.read_bytes(), HEADER)
                self.assertEqual(self.file(".1").read_bytes(), text)
                self.assertEqual(len(spawned), 1)
                self.now(opening.add(lease(2)))
                self.closed(opening)
                self.assertEqual(self.leases(self.opened(lfc_interval=0)), [lease(1), lease(2)])
                self.now(self.opened_last.close())

    def test_other_columns_and_a_cleanup_left_over(self) -> None:
        """If a clean-up was left over, it is finished first."""
        self._spawning()
        self.file(".1").write_bytes(HEADER + row(lease(1)) + row(lease(2)))
        self.path.write_bytes(HEADER[:-1] + b",more\n" + row(lease(2, expires=5))[:-1] + b",7\n")
        store = self.store()
        self.now(store.open())
        self.assertEqual(self.leases(store), [lease(1), lease(2, expires=5)])
        self.assertEqual(self.file(".2").read_bytes(), HEADER + row(lease(1)) + row(lease(2)))
        self.closed(store)
        again = self.opened(lfc_interval=0)
        self.assertEqual(self.leases(again), [lease(1), lease(2, expires=5)])

    def _spawning(self) -> list[Any]:
        spawned: list[Any] = []
        self.clock.spawnProcess = lambda *arguments, **more: spawned.append(arguments)  # type: ignore[attr-defined]
        return spawned

    def opened(self, **more: Any) -> MemfileLeases:
        self.opened_last = super().opened(**more)
        return self.opened_last


class CleanupTests(Memfiles):
    """Setting the file aside while the server goes on."""

    def setUp(self) -> None:
        super().setUp()
        self.children: list[tuple[Any, list[str]]] = []

    def spawn(self, protocol: Any, executable: str, arguments: list[str], **more: Any) -> None:
        self.children.append((protocol, arguments))

    def serving(self) -> MemfileLeases:
        self.clock.spawnProcess = self.spawn  # type: ignore[attr-defined]
        store = self.opened(lfc_interval=100)
        self.now(store.add(lease(1)))
        self.now(store.update(lease(1, expires=1), lease(1)))
        return store

    def test_by_timer(self) -> None:
        """At its interval the file is set aside, a process started as Kea would, and changes go into a new file."""
        store = self.serving()
        self.clock.advance(100)
        ((_, arguments),) = self.children
        self.assertEqual(arguments[-13:], [*Paths.of(store.files).arguments()])
        self.now(store.add(lease(2)))
        self.assertEqual(self.file(".1").read_bytes(), HEADER + row(lease(1)) + row(lease(1, expires=1)))
        self.assertEqual(self.path.read_bytes(), HEADER + row(lease(2)))
        clean(Paths.of(store.files), Disk(), RowErrors())
        self.closed(store)
        self.assertEqual(self.leases(self.opened(lfc_interval=0)), [lease(1, expires=1), lease(2)])

    def test_left_over(self) -> None:
        """While an earlier clean-up has not ended, the file is not set aside again (Kea E024)."""
        store = self.serving()
        self.file(".1").write_bytes(HEADER + row(lease(9)))
        before = self.path.read_bytes()
        self.clock.advance(100)
        self.assertEqual((len(self.children), self.path.read_bytes()), (1, before))
        self.clock.advance(100)
        self.assertEqual(len(self.children), 1)
        self.assertFalse(self.now(store.clean_up()))

    def test_cannot_be_set_aside(self) -> None:
        """If no new file can be made, the old one stays in use under its name, and the server goes on."""
        disk: Any = self.disk
        for name, outcome in (
            ("rename", errno.EROFS),
            ("open", errno.EMFILE),
            ("write", errno.ENOSPC),
            ("write", ("short", 3)),
            ("fdatasync", errno.EIO),
        ):
            with self.subTest(name=name, outcome=outcome):
                self.setUp()
                disk = self.disk
                store = self.serving()
                disk.fail(name, outcome, None)
                self.assertFalse(self.now(store.clean_up()))
                self.assertTrue(self.now(store.add(lease(2))))
                self.assertEqual(sorted(path.name for path in self.path.parent.iterdir()), ["leases.csv"])
                self.assertEqual(self.path.read_bytes().splitlines(True)[-1], row(lease(2)))
                self.assertEqual(len(self.log.texts("DHCPSRV_MEMFILE_LFC_LEASE_FILE_RENAME_FAIL")), 1)
                self.closed(store)

    def test_cannot_be_brought_back(self) -> None:
        """If the old file cannot get its name back, no lease is granted: a clean-up would delete it."""
        store = self.serving()
        disk: Any = self.disk
        disk.fail("rename", None, errno.EIO)
        disk.fail("open", errno.EMFILE)
        self.assertFalse(self.now(store.clean_up()))
        disk.faults.clear()
        self.assertIn("restart", self.refused(store.add(lease(2))))
        self.closed(store)
        self.assertEqual(self.leases(self.opened(lfc_interval=0)), [lease(1, expires=1)])

    def test_still_locked(self) -> None:
        """The lock goes over to the new file without a gap."""
        store = self.serving()
        launch(store.clean_up())
        self.assertIn("another server uses", self.refused(self.store().open()))

    def test_closed_meanwhile(self) -> None:
        """A store that is closed while its file is set aside lets go of the new file, lock and all."""
        self.clock.spawnProcess = self.spawn  # type: ignore[attr-defined]
        writer = LateWriter()
        store = self.store(lfc_interval=100, writer=lambda: writer)
        for work in (store.open, lambda: store.add(lease(1))):
            begin(work())
            writer.run()
        cleaning, closing = begin(store.clean_up()), begin(store.close())
        writer.run()
        self.assertEqual(closing, [None])
        self.assertEqual(cleaning, [])
        self.assertEqual(len(self.children), 1)
        self.assertFalse(self.now(store.clean_up()))
        self.assertEqual(self.leases(self.opened(lfc_interval=0)), [lease(1)])

    def test_cannot_spawn(self) -> None:
        """A process that cannot be started is told, and the next interval tries again."""
        store = self.serving()

        def spawn(*arguments: Any, **more: Any) -> None:
            raise OSError(errno.EAGAIN, "no more processes")

        self.clock.spawnProcess = spawn  # type: ignore[attr-defined]
        self.assertFalse(self.now(store.clean_up()))
        self.assertEqual(len(self.log.texts("DHCPSRV_MEMFILE_LFC_SPAWN_FAIL")), 1)


class ProcessTests(TestCase):
    """With the real thread and the real process."""

    async def test_clean_up(self) -> None:
        """The real process cleans up while leases are granted, and everything is there afterwards."""
        path = Path(self.mktemp())
        store = MemfileLeases(str(path), reactor=reactor, log=RecordingLog())
        await store.open()
        for turn in range(20):
            there = store.table.get(lease(1).address)
            if there is None:
                await store.add(lease(1))
            else:
                await store.update(lease(1, expires=turn), there)
        cleaning = Deferred.fromCoroutine(store.clean_up())
        await store.add(lease(2))
        self.assertTrue(await cleaning)
        self.assertEqual(sorted(each.name[len(path.name) :] for each in path.parent.glob(f"{path.name}*")), ["", ".2"])
        self.assertEqual(Path(f"{path}.2").read_bytes(), HEADER + row(lease(1, expires=19)))
        await store.close()
        again = MemfileLeases(str(path), reactor=reactor, log=RecordingLog())
        await again.open()
        self.assertEqual(await again.page(None, 9), [lease(1, expires=19), lease(2)])
        await again.close()

    async def test_failing_process(self) -> None:
        """A clean-up that fails is told with what it said, and loses nothing."""
        path = Path(self.mktemp())
        log = RecordingLog()
        store = MemfileLeases(str(path), reactor=reactor, log=log)
        await store.open()
        await store.add(lease(1))
        Path(f"{path}.output").mkdir()
        self.assertFalse(await store.clean_up())
        (text,) = log.texts("TXKEA_LFC_FAILED")
        self.assertIn("directory", text)
        await store.close()
        again = MemfileLeases(str(path), reactor=reactor, log=log)
        await again.open()
        self.assertEqual(await again.page(None, 9), [lease(1)])
        await again.close()


class Factory(Memfiles):
    """Stores from a configuration."""

    def make(self, parameters: dict[str, Any], **more: Any) -> Any:
        """What the factory makes of the parameters, beside the rest of the configuration."""
        site = Surroundings(
            configuration=Configuration(family=self.family, **more),
            reactor=self.clock,
            log=self.log,
            paths=Places(data=str(self.path.parent)),
        )
        return MEMFILE.make(parameters, site)


class FactoryTests(Factory):
    """From a configuration."""

    def test_default_name(self) -> None:
        """Without a name it is Kea's file in Kea's directory; a plain name lies there too."""
        self.assertEqual(self.make({}).files.active, str(self.path.parent / "kea-leases4.csv"))
        self.assertEqual(self.make({"name": "leases.csv"}).files.active, str(self.path))

    def test_not_persistent(self) -> None:
        """``persist: false`` is a store in memory, with a warning."""
        self.assertIsInstance(self.make({"persist": False}), MemoryLeases)
        self.assertEqual(len(self.log.texts("DHCPSRV_MEMFILE_NO_STORAGE")), 1)

    def test_wrong_parameters(self) -> None:
        """A wrong value is an error that names its place."""
        for name, value in (
            ("persist", 1),
            ("sync", "no"),
            ("lfc-interval", -1),
            ("lfc-interval", True),
            ("max-row-errors", "7"),
            ("commit-delay", 1e12),
            ("name", ".."),
            ("name", "/tmp/."),
            ("name", "x/"),
            ("name", "a\0b"),
            ("name", 5),
        ):
            with self.subTest(name=name, value=value):
                error = self.assertRaises(ConfigError, self.make, {name: value})
                self.assertIn(name, str(error))

    def test_sanity(self) -> None:
        """``lease-checks`` decides what becomes of a lease that is not in its subnet (Kea A034)."""
        subnets = tuple(
            Subnet(id=number, prefix=f"192.0.{number}.0/24", network=bytes([192, 0, number, 0]), length=24)
            for number in (2, 3)
        )
        self.path.write_bytes(HEADER + b"".join(row(each) for each in self.lost()))
        expected = {
            "none": [1, 7, 2, 2],
            "warn": [1, 7, 2, 2],
            "fix": [2, 2, 2, 2],
            "fix-del": [2, 2, 2],
            "del": [2],
        }
        for checks, ids in expected.items():
            with self.subTest(checks):
                store = self.make({"name": "leases.csv", "lfc-interval": 0}, lease_checks=checks, subnets=subnets)
                store._make_writer = InlineWriter
                self.now(store.open())
                self.assertEqual([found.subnet_id for found in self.leases(store)], ids)
                self.closed(store)

    def lost(self) -> list[Lease4]:
        """Two leases of 192.0.2.0/24 with wrong subnets, one with the right one, one of no subnet."""
        elsewhere = lease(9, address=b"\xc6\x33\x64\x01", subnet_id=2)
        return [lease(1, subnet_id=1), lease(2, subnet_id=7), lease(3, subnet_id=2), elsewhere]
