"""The clean-up of lease files: killed anywhere, it loses nothing, and whoever comes next finishes it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.leasing import lease6
from txkea.errors import Unavailable
from txkea.leases.cleanup import Paths, clean, main
from txkea.leases.disk import Disk
from txkea.leases.leasefile import LeaseFiles, RowErrors, load
from txkea.leases.rows import HeaderError
from txkea.leases.rows4 import ROWS4, SCHEMA4, format4
from txkea.leases.rows6 import ROWS6, SCHEMA6
from txkea.model.lease import Lease4
from txkea.testing.disks import FaultyDisk, Killed

__all__ = ["CleanTests", "KillTests", "ProcessTests"]

HEADER = SCHEMA4.layout(11).header
row = format4(11)


def lease(number: int, end: int = 9000) -> Lease4:
    """A lease that differs from those of other numbers."""
    return Lease4(bytes([192, 0, 2, number]), b"\x02\0\0\0\0%c" % number, b"", 4000, end, 1)


class _Files(SynchronousTestCase):
    """A lease file and its companions."""

    def setUp(self) -> None:
        directory = Path(self.mktemp())
        directory.mkdir()
        self.files = LeaseFiles(str(directory / "leases.csv"))
        self.paths = Paths.of(self.files)

    def put(self, path: str, *rows: bytes, header: bytes = HEADER) -> None:
        Path(path).write_bytes(header + b"".join(rows))

    def typical(self) -> None:
        """Superseded, freed, re-taken and expired leases in all three files."""
        self.put(self.files.previous, *map(row, (lease(1, 1), lease(2), lease(3))))
        self.put(
            self.files.input,
            row(lease(1, 2)),
            ROWS4.removal(lease(2), row),
            ROWS4.removal(lease(3), row),
            row(lease(3, 5)),
        )
        self.put(self.files.active, row(lease(4)), ROWS4.removal(lease(3), row))

    def loaded(self) -> list[Lease4]:
        """What a server would find."""
        leases: dict[bytes, Lease4] = {}
        for path in self.files.to_load(Disk()):
            load(path, ROWS4, leases, RowErrors(1))
        return sorted(leases.values())

    def names(self) -> list[str]:
        return sorted(os.listdir(os.path.dirname(self.files.active)))


class CleanTests(_Files):
    """What it makes of the files."""

    def test_merges(self) -> None:
        """Superseded rows and freed addresses vanish, expired leases stay (Kea E027)."""
        self.typical()
        self.assertEqual(clean(self.paths, Disk(), RowErrors()), 2)
        self.assertEqual(self.names(), ["leases.csv", "leases.csv.2"])
        self.assertEqual(Path(self.files.previous).read_bytes(), HEADER + row(lease(1, 2)) + row(lease(3, 5)))

    def test_nothing_there(self) -> None:
        """Without input the result is a file with a header alone."""
        self.assertEqual(clean(self.paths, Disk(), RowErrors()), 0)
        self.assertEqual(Path(self.files.previous).read_bytes(), HEADER)

    def test_columns(self) -> None:
        """Files of other Keas come out with our columns, with pool_id if one had it."""
        wide = format4(12)(lease(1)._replace(pool_id=4))
        self.put(self.files.previous, row(lease(2))[:-1] + b",x\n", header=HEADER[:-1] + b",unknown\n")
        self.put(self.files.input, wide, header=SCHEMA4.layout(12).header)
        clean(self.paths, Disk(), RowErrors())
        expected = SCHEMA4.layout(12).header + format4(12)(lease(2)) + wide
        self.assertEqual(Path(self.files.previous).read_bytes(), expected)

    def test_bad_rows(self) -> None:
        """Bad rows and a torn last one are left out and counted; they do not supersede good ones."""
        self.put(self.files.input, row(lease(1)), row(lease(1, 5))[:20] + b"\n", row(lease(2)), row(lease(3))[:-1])
        errors = RowErrors()
        clean(self.paths, Disk(), errors)
        self.assertEqual((errors.count, self.loaded()), (2, [lease(1), lease(2)]))

    def test_wrong_file(self) -> None:
        """A file that is no lease file is not cleaned away."""
        Path(self.files.input).write_bytes(b"precious\n")
        self.assertRaises(HeaderError, clean, self.paths, Disk(), RowErrors())
        self.assertEqual(Path(self.files.input).read_bytes(), b"precious\n")

    def test_modes(self) -> None:
        """What it makes is nobody else's business."""
        self.typical()
        clean(self.paths, Disk(), RowErrors())
        self.assertEqual(os.stat(self.files.previous).st_mode & 0o777 & ~0o640, 0)

    def test_full_disk(self) -> None:
        """On a full disk it fails, and every lease stays where it was."""
        self.typical()
        before = self.loaded()
        disk = FaultyDisk()
        disk.fail("write", ("short", 7), errno.ENOSPC)
        self.assertRaises(OSError, clean, self.paths, disk, RowErrors())
        self.assertEqual(self.loaded(), before)
        clean(self.paths, Disk(), RowErrors())
        self.assertEqual(self.loaded(), before)


class KillTests(_Files):
    """Killed before each of its system calls."""

    def test_killed_anywhere(self) -> None:
        """A server that starts after a kill at any step finds every lease, and the next clean-up ends the work."""
        self.typical()
        expected = self.loaded()
        whole = FaultyDisk()
        clean(self.paths, whole, RowErrors())
        self.assertIn("rename", whole.trace)
        for step in range(len(whole.trace)):
            for again in range(len(whole.trace)):
                with self.subTest(step=step, again=again):
                    self.setUp()
                    self.typical()
                    self.assertRaises(Killed, clean, self.paths, FaultyDisk(step), RowErrors())
                    self.assertEqual(self.loaded(), expected)
                    try:
                        clean(self.paths, FaultyDisk(again), RowErrors())
                    except Killed:
                        self.assertEqual(self.loaded(), expected)
                        clean(self.paths, Disk(), RowErrors())
                    self.assertEqual(self.loaded(), expected)
                    self.assertEqual(set(self.names()) - {"leases.csv.output"}, {"leases.csv", "leases.csv.2"})

    def test_synced_before_renamed(self) -> None:
        """What gets a name is durable before, and the names are durable before older files go."""
        self.typical()
        disk = FaultyDisk()
        clean(self.paths, disk, RowErrors())
        calls = [name for name in disk.trace if name != "write"]
        self.assertEqual(
            calls,
            ["fdatasync", "rename", "sync_directory", "unlink", "unlink", "sync_directory", "rename", "sync_directory"],
        )

    def test_names_lost(self) -> None:
        """If a power failure brings the input back after the end, loading it again changes nothing."""
        self.typical()
        expected, old = self.loaded(), Path(self.files.input).read_bytes()
        clean(self.paths, Disk(), RowErrors())
        Path(self.files.input).write_bytes(old)
        self.assertEqual(self.loaded(), expected)


class ProcessTests(_Files):
    """The program."""

    def test_as_a_process(self) -> None:
        """It takes the arguments of kea-lfc, leaves no pid file, and needs no Twisted."""
        self.typical()
        check = (
            "import sys, txkea.leases.cleanup as c; s = c.main(sys.argv[1:]); sys.exit(s or 'twisted' in sys.modules)"
        )
        command = [sys.executable, "-c", check, *self.paths.arguments()]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(command, capture_output=True, check=False, env=environment)
        self.assertEqual((done.returncode, done.stderr.count(b"2 leases")), (0, 1))
        self.assertEqual(self.names(), ["leases.csv", "leases.csv.2"])

    def test_either_family(self) -> None:
        """The switch -6 cleans up a file of DHCPv6: prefixes stay, freed ones go."""
        files = LeaseFiles(self.files.active, 6)
        row6 = ROWS6.format(17)
        header = SCHEMA6.layout(17).header
        Path(files.previous).write_bytes(header + row6(lease6(2)) + row6(lease6(3)))
        later = row6(lease6(3, expires=9)) + row6(lease6(4))
        Path(files.input).write_bytes(header + ROWS6.removal(lease6(2), row6) + later)
        said: list[str] = []
        self.assertEqual(main(Paths.of(files).arguments(), said.append), 0, said)
        self.assertEqual(Path(files.previous).read_bytes(), header + later)
        self.assertEqual(main(Paths.of(files)._replace(family=4).arguments(), said.append), 1)
        self.assertIn("no DHCPv4 lease file", said[-1])

    def test_one_at_a_time(self) -> None:
        """While another clean-up lives it does nothing."""
        self.typical()
        Path(self.paths.pid).write_text(str(os.getppid()))
        before = self.names()
        said: list[str] = []
        self.assertEqual(main(self.paths.arguments(), said.append), 1)
        self.assertIn(f"process {os.getppid()}", said[0])
        self.assertEqual(self.names(), before)

    def test_arguments(self) -> None:
        """A wrong command line is told, and nothing is done."""
        good = self.paths.arguments()
        said: list[str] = []
        for wrong in ([], good[1:], good[:-3], [*good, "-z", "1"], ["-6", *good], [*good, "-x"]):
            self.assertEqual(main(wrong, said.append), 1)
        self.assertEqual((self.names(), len(said)), ([], 6))

    def test_limit(self) -> None:
        """A reader of rows gives up at more bad ones than it is told to bear."""
        self.put(self.files.input, b"bad\n", b"bad\n")
        self.assertRaises(Unavailable, clean, self.paths, Disk(), RowErrors(1))
