"""Files that rotate, streams whose reader stands still, syslog."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txkea.logs.outputs import FileOutput, Output, StreamOutput, SyslogOutput


def never(delay: float, run: Callable[[], None]) -> bool:
    return False


def put(output: Output, *lines: str) -> None:
    output.lines += [f"{line}\n" for line in lines]
    output.flush()


def read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


class FileTests(SynchronousTestCase):
    """A log file."""

    def setUp(self) -> None:
        self.path = os.path.abspath(self.mktemp())

    def output(self, maxsize: int = 204800, maxver: int = 2, path: str = "") -> FileOutput:
        output = FileOutput(never, path or self.path, maxsize, maxver)
        self.addCleanup(output.close)
        return output

    def test_append(self) -> None:
        """A file that is there already is continued."""
        put(self.output(), "one")
        put(self.output(), "two")
        self.assertEqual(read(self.path), "one\ntwo\n")

    def test_rotation(self) -> None:
        """A full file becomes .1, that .2, and nothing is kept beyond maxver."""
        output = self.output()
        for number in range(4):
            put(output, f"{number}" + "x" * 204800)
        put(output, "last")
        self.assertEqual(read(self.path), "last\n")
        self.assertEqual((read(f"{self.path}.1")[0], read(f"{self.path}.2")[0]), ("3", "2"))
        self.assertFalse(os.path.exists(f"{self.path}.3"))
        self.assertEqual(output.lost, 0)

    def test_no_rotation(self) -> None:
        """A maxsize below Kea's least turns rotation off."""
        output = self.output(maxsize=204799)
        put(output, "x" * 300000)
        put(output, "y")
        self.assertFalse(os.path.exists(f"{self.path}.1"))

    def test_moved_away(self) -> None:
        """A file that logrotate moved is opened anew."""
        output = self.output()
        put(output, "old")
        os.rename(self.path, f"{self.path}.moved")
        output._checked -= 2
        put(output, "new")
        self.assertEqual((read(f"{self.path}.moved"), read(self.path)), ("old\n", "new\n"))

    def test_comes_back(self) -> None:
        """A directory that is made later gets the lines from then on."""
        output = self.output(path=os.path.join(self.path, "file"))
        put(output, "lost", "lost too")
        self.assertEqual(output.lost, 2)
        os.mkdir(self.path)
        output._checked -= 2
        put(output, "kept")
        self.assertEqual((read(output.path), output.lost), ("kept\n", 2))

    def test_full_disk(self) -> None:
        """A full disk costs lines, which are counted, and raises nothing."""
        output = self.output(path="/dev/full")
        put(output, "one", "two")
        put(output, "three")
        self.assertEqual(output.lost, 3)

    def test_fifo_without_reader(self) -> None:
        """A named pipe that nobody reads does not stop the server."""
        os.mkfifo(self.path)
        output = self.output()
        put(output, "lost")
        self.assertEqual(output.lost, 1)

    def test_name_with_nul(self) -> None:
        """A name that no file can have is an error like any other."""
        output = self.output(path="/tmp/x\0y")
        put(output, "lost")
        self.assertIn("null", output.problem)
        self.assertEqual(output.lost, 1)


class StreamTests(SynchronousTestCase):
    """Standard output, here a pipe."""

    def setUp(self) -> None:
        self.reactor = Clock()
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.addCleanup(os.close, self.writer)
        self.output = StreamOutput(self.later, self.writer)

    def later(self, delay: float, run: Callable[[], None]) -> bool:
        self.reactor.callLater(delay, run)
        return True

    def tearDown(self) -> None:
        if self.reader >= 0:
            os.close(self.reader)

    def read(self) -> bytes:
        data = b""
        try:
            while piece := os.read(self.reader, 1 << 16):
                data += piece
        except BlockingIOError:
            pass
        return data

    def test_written(self) -> None:
        """Lines arrive."""
        put(self.output, "one", "two")
        self.assertEqual(self.read(), b"one\ntwo\n")

    def test_slow_reader(self) -> None:
        """While the reader stands still nothing blocks; when it reads again it gets everything in order."""
        lines = [f"{number:0100d}" for number in range(3000)]
        put(self.output, *lines)
        put(self.output, "last")
        got = b""
        for _ in range(10):
            got += self.read()
            self.reactor.advance(0.1)
        self.assertEqual(got.decode().splitlines(), [*lines, "last"])
        self.assertEqual((self.output.lost, self.reactor.getDelayedCalls()), (0, []))

    def test_stuck_reader(self) -> None:
        """A reader that never reads costs whole lines, counted, and a bounded memory; one timer at most waits."""
        for number in range(40):
            put(self.output, *[f"{number:03d}" + "x" * 996] * 100)
        self.assertGreater(self.output.lost, 0)
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        got = b""
        for _ in range(100):
            got += self.read()
            self.reactor.advance(0.1)
        self.assertEqual(got.count(b"\n") + self.output.lost, 4000)
        self.assertTrue(got.endswith(b"039" + b"x" * 996 + b"\n"))

    def test_closed(self) -> None:
        """A reader that went away costs lines and raises nothing."""
        os.close(self.reader)
        self.reader = -1
        put(self.output, "one", "two")
        self.assertEqual(self.output.lost, 2)


class SyslogTests(SynchronousTestCase):
    """The machine's syslog, here a socket of our own."""

    def setUp(self) -> None:
        # Relative, for a UNIX socket's path is short.
        self.path = os.path.relpath(self.mktemp())

    def listen(self) -> socket.socket:
        server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(server.close)
        server.bind(self.path)
        server.settimeout(5)
        return server

    def test_datagrams(self) -> None:
        """Each line is a datagram with priority (facility and severity) and program."""
        server = self.listen()
        output = SyslogOutput(never, "local3", "kea-dhcp4", self.path)
        self.addCleanup(output.close)
        self.assertEqual(output.head("WARN"), f"<156>kea-dhcp4[{os.getpid()}]: ")
        put(output, "one", "two")
        self.assertEqual([server.recv(100), server.recv(100)], [b"one", b"two"])

    def test_gone_and_back(self) -> None:
        """A syslog that is gone costs lines; when it is back it gets the next ones."""
        output = SyslogOutput(never, "local0", "kea-dhcp4", self.path)
        self.addCleanup(output.close)
        put(output, "lost")
        server = self.listen()
        put(output, "one")
        server.close()
        os.unlink(self.path)
        again = self.listen()
        put(output, "two")
        self.assertEqual((output.lost, again.recv(100)), (1, b"two"))
