"""Files that commands write stay in their directory and are whole (hostile names and places, C23)."""

from __future__ import annotations

import contextlib  # trial takes a module's `suppress` for its own
import os
import stat
from collections.abc import AsyncIterator, Callable
from fcntl import LOCK_EX, flock
from pathlib import Path
from time import sleep
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.leasing import begin, outcome_of
from txkea.control.files import Directory
from txkea.errors import TxkeaError, Unavailable

__all__ = ["DirectoryCase", "HostileTests", "ThreadTests", "WriteTests"]

NOBODY: Final = 65534
OLD: Final = b"what was there\n"


async def here(call: Callable[..., Any], *arguments: Any) -> Any:
    """No thread."""
    return call(*arguments)


class DirectoryCase(SynchronousTestCase):
    """A directory with a neighbour that nobody may touch."""

    def setUp(self) -> None:
        self.above = Path(self.mktemp()).absolute()
        self.path = self.above / "data"
        self.path.mkdir(parents=True)
        self.neighbour = self.above / "neighbour"
        self.neighbour.write_bytes(OLD)
        self.directory = Directory(str(self.path), here, ["kea-leases4.csv"])

    def write(self, name: str, *pages: bytes) -> Any:
        """Write a file that comes in pages."""

        async def all_pages() -> AsyncIterator[bytes]:
            for page in pages:
                yield page

        return outcome_of(begin(self.directory.write(name, all_pages())))

    def refused(self, name: str) -> str:
        """Why a name cannot be written; nothing has changed then, and both ways to write say the same."""
        before = self.everything()
        writes = (self.directory.replace, self.write)
        told = [str(self.assertRaises(TxkeaError, write, name, b"new")) for write in writes]
        self.assertEqual(self.everything(), before)
        self.assertEqual(len(set(told)), 1, told)
        return told[0]

    def everything(self) -> list[tuple[str, int, bytes]]:
        """Names, types and contents of all that is there."""
        found = []
        for path in sorted(self.above.rglob("*")):
            mode = path.lstat().st_mode
            found.append((str(path), mode, path.read_bytes() if stat.S_ISREG(mode) else b""))
        return found


class WriteTests(DirectoryCase):
    """What is written."""

    def test_new(self) -> None:
        """A file holds all pages in their order, is the owner's and the group's alone, and nothing else is left."""
        written = self.write("a.csv", b"one\n", b"", b"two\n")
        self.assertEqual(written, (str(self.path / "a.csv"), 8))
        self.assertEqual((self.path / "a.csv").read_bytes(), b"one\ntwo\n")
        self.assertEqual(os.listdir(self.path), ["a.csv"])
        self.assertEqual(stat.S_IMODE(os.stat(self.path / "a.csv").st_mode) & 0o137, 0)

    def test_replaced(self) -> None:
        """A file that is there gives way and leaves its mode."""
        old = self.path / "a.csv"
        old.write_bytes(OLD)
        old.chmod(0o604)
        self.directory.replace("a.csv", b"new")
        self.assertEqual((old.read_bytes(), stat.S_IMODE(old.stat().st_mode)), (b"new", 0o604))

    def test_absolute(self) -> None:
        """A path that leads into the directory is as good as the name, also by the directory's other name."""
        self.assertEqual(self.write(f"{self.path}/a", b"1").path, str(self.path / "a"))
        other = self.above / "link"
        other.symlink_to(self.path)
        self.directory = Directory(str(other), here)
        for name in (f"{other}/b", f"{self.path}/c"):
            self.directory.replace(name, b"1")
        self.assertEqual(sorted(os.listdir(self.path)), ["a", "b", "c"])

    def test_failing_pages(self) -> None:
        """A source that fails on the way leaves the old file, and no trace of the new one."""
        (self.path / "a").write_bytes(OLD)

        async def pages() -> AsyncIterator[bytes]:
            yield b"new"
            raise Unavailable("the database is gone")

        self.failureResultOf(Deferred.fromCoroutine(self.directory.write("a", pages())), Unavailable)
        self.assertEqual((os.listdir(self.path), (self.path / "a").read_bytes()), (["a"], OLD))

    def test_full(self) -> None:
        """A disk that has no room, or fails, is told with the file's name, and the old file stays."""
        (self.path / "a").write_bytes(OLD)
        for call in ("write", "fsync", "rename"):

            def fails(*arguments: Any, **more: Any) -> int:
                raise OSError(28, "No space left on device")

            self.patch(os, call, fails)
            told = str(self.assertRaises(TxkeaError, self.directory.replace, "a", b"new"))
            self.assertIn("No space left", told)
            self.assertIn(str(self.path / "a"), told)
            self.assertEqual((os.listdir(self.path), (self.path / "a").read_bytes()), (["a"], OLD))

    def test_short_writes(self) -> None:
        """A kernel that takes a few bytes at a time gets them all."""
        write = os.write
        self.patch(os, "write", lambda fd, data: write(fd, bytes(data[:3])))
        self.directory.replace("a", b"0123456789")
        self.assertEqual((self.path / "a").read_bytes(), b"0123456789")

    def test_descriptors(self) -> None:
        """No descriptor stays open, whether a file was written or not."""
        before = len(os.listdir("/proc/self/fd"))
        self.directory.replace("a", b"1")
        (self.path / "b").mkdir()
        self.refused("b")
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)


class HostileTests(DirectoryCase):
    """Names that lead elsewhere, and places that are not what they seem."""

    def test_elsewhere(self) -> None:
        """Whatever has a path that is not the directory's own is refused."""
        for name in (
            "../neighbour", "..", ".", "", "/", "//", "a/../../neighbour", "a/b", "./a", "~/a", "//x", "/etc/passwd",
            "/dev/stdout", "/dev/fd/1", f"/{self.path}/a", f"{self.path}/../neighbour", f"{self.path}//a",
            f"{self.path}/", f"{self.path}/.", f"{self.path}/..", f"{self.path}x/a", "a/",
        ):  # fmt: skip
            self.assertIn("'filename'", self.refused(name), name)

    def test_no_names(self) -> None:
        """What no file may be called, or nobody could read, is refused."""
        for name in ("x\0y", "a\nb", "a\x1b[31m", "\ud800", "a\udcff", "\u2028", "n" * 256, "é" * 128, "n" * 100_000):
            told = self.refused(name)
            self.assertIn("'filename'", told)
            self.assertLess(len(told), 300)

    def test_odd_names(self) -> None:
        """What only looks like a way out is a name like any other."""
        for name in ("~", "~root", "%2e%2e", "%2e%2e%2fneighbour", "...", "-rf", "*", "$(id)", "n" * 255, "é", " "):
            self.directory.replace(name, b"new")
            self.assertEqual((self.path / name).read_bytes(), b"new")
        self.assertEqual(self.neighbour.read_bytes(), OLD)
        self.assertEqual(len(os.listdir(self.path)), 11)

    @given(st.text() | st.lists(st.sampled_from(["..", ".", "a", "", "neighbour"]), max_size=5).map("/".join))
    def test_any_name(self, name: str) -> None:
        """Whatever the name, only the directory's own files are written."""
        with contextlib.suppress(TxkeaError):
            where = Path(self.directory.replace(name, b"new").path)
            self.assertEqual((where.parent, where.read_bytes()), (self.path, b"new"))
        self.assertEqual(sorted(os.listdir(self.above)), ["data", "neighbour"])
        self.assertEqual(self.neighbour.read_bytes(), OLD)

    def test_links(self) -> None:
        """A symbolic link is neither followed nor replaced, wherever it points; nor is anything that is no file."""
        (self.path / "out").symlink_to(self.neighbour)
        (self.path / "dangling").symlink_to(self.above / "nothing")
        (self.path / "loop").symlink_to("loop")
        (self.path / "stdout").symlink_to("/dev/stdout")
        (self.path / "directory").mkdir()
        os.mkfifo(self.path / "fifo")
        for name in ("out", "dangling", "loop", "stdout", "directory", "fifo"):
            self.assertIn("not a regular file", self.refused(name), name)

    def test_link_that_comes_late(self) -> None:
        """A link that takes the name at the last moment is replaced, and what it points to stays."""
        fsync = os.fsync

        def late(fd: int) -> None:
            with contextlib.suppress(FileExistsError):
                (self.path / "a").symlink_to(self.neighbour)
            fsync(fd)

        self.patch(os, "fsync", late)
        self.directory.replace("a", b"new")
        self.assertEqual((self.path / "a").read_bytes(), b"new")
        self.assertFalse((self.path / "a").is_symlink())
        self.assertEqual(self.neighbour.read_bytes(), OLD)

    def test_hard_link(self) -> None:
        """A file that has another name elsewhere loses this one; there it stays as it is."""
        os.link(self.neighbour, self.path / "a")
        self.directory.replace("a", b"new")
        self.assertEqual((self.path / "a").read_bytes(), b"new")
        self.assertEqual(self.neighbour.read_bytes(), OLD)

    def test_lease_files(self) -> None:
        """A server's lease file, by name or by lock, and what goes with it, are not touched."""
        live = self.path / "mine.csv"
        live.write_bytes(OLD)
        with live.open("rb") as held:
            flock(held, LOCK_EX)
            os.link(live, self.path / "alias")
            for name in ("mine.csv", "alias", "kea-leases4.csv"):
                self.assertIn("give another name", self.refused(name))
            for companion in ("1", "2", "output", "completed", "pid"):
                for name in (f"mine.csv.{companion}", f"kea-leases4.csv.{companion}"):
                    self.assertIn("belongs to a server", self.refused(name))
        self.directory.replace("mine.csv", b"new")
        self.assertEqual(live.read_bytes(), b"new")

    def test_no_directory(self) -> None:
        """A directory that is missing or is none is told; nobody makes it."""
        for path in (self.above / "missing", self.neighbour):
            self.directory = Directory(str(path), here)
            self.assertIn("see that the directory exists", self.refused("a"))

    def test_kernel_directory(self) -> None:
        """A directory in which nobody may make files, not even root, is told as such."""
        self.directory = Directory("/proc/self", here)
        self.assertIn("/proc/self/a cannot be written", self.refused("a"))

    def test_forbidden_directory(self) -> None:
        """A directory that is read-only for this user is told as such, and its files stay."""
        (self.path / "a").write_bytes(OLD)
        self.path.chmod(0o555)
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
            self.addCleanup(os.seteuid, os.getuid())
        told = str(self.assertRaises(TxkeaError, self.directory.replace, "a", b"new"))
        os.seteuid(os.getuid())
        self.assertIn("Permission denied", told)
        self.assertEqual((self.path / "a").read_bytes(), OLD)


class ThreadTests(TestCase):
    """With real threads."""

    async def test_off_the_reactor(self) -> None:
        """The disk is waited for in threads, and the reactor has its turns between pages."""
        path = Path(self.mktemp())
        path.mkdir()
        turns: list[int] = []
        write = os.write

        def slow(fd: int, data: bytes) -> int:
            sleep(0.02)
            return write(fd, data)

        self.patch(os, "write", slow)

        async def pages() -> AsyncIterator[bytes]:
            for number in range(10):
                yield b"%d\n" % number

        def turn() -> None:
            turns.append(1)
            self.delayed = reactor.callLater(0.005, turn)

        turn()
        written = await Directory(str(path), deferToThread).write("a", pages())
        self.delayed.cancel()
        self.assertEqual((path / "a").read_bytes(), b"".join(b"%d\n" % number for number in range(10)))
        self.assertEqual(written.size, 20)
        self.assertGreater(len(turns), 10)
