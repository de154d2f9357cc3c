"""Where log lines go: a file with rotation, a stream, syslog.

An output collects lines and writes them together. It never raises: what cannot be written is counted in ``lost``.
"""

from __future__ import annotations

import os
import select
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic
from typing import Final, Protocol

__all__ = ["FACILITIES", "FileOutput", "Later", "Output", "StreamOutput", "SyslogOutput"]


class Later(Protocol):
    """How an output asks for its turn."""

    def __call__(self, delay: float, run: Callable[[], None]) -> bool:
        """Run it after a delay in seconds; tells whether it will be run (False: no event loop turns)."""


COLLECTING: Final = 0.01
"""Seconds for which lines are collected: a server that logs ten thousand lines a second writes a hundred times."""
SMALLEST_ROTATION: Final = 204800
"""A ``maxsize`` below this turns rotation off (Kea K019)."""
RECHECK: Final = 1.0
"""Seconds between looks whether somebody else moved the file, and between attempts to open it."""
PIPE_CHUNK: Final = 4096
"""What a pipe or socket that polls as writable takes without blocking."""
MAX_BACKLOG: Final = 1 << 20
"""Bytes kept for a stream whose reader is slow."""

SEVERITY_CODES: Final = {"FATAL": 2, "ERROR": 3, "WARN": 4, "INFO": 6, "DEBUG": 7}
FACILITY_NAMES: Final = (
    "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock "
    "local0 local1 local2 local3 local4 local5 local6 local7"
)
FACILITIES: Final = {name: number for number, name in enumerate(FACILITY_NAMES.split())}
"""Syslog's facilities and their numbers (RFC 5424 section 6.2.1)."""


class Output(ABC):
    """Collects lines; `txkea.logs.pattern.Sink` for the writers."""

    def __init__(self, later: Later) -> None:
        self.lines: list[str] = []
        self.awake = False
        self.lost = 0
        """How many lines could not be written."""
        self._later = later
        self._writing = Lock()

    def wake(self) -> None:
        """Write soon, or at once when no reactor runs."""
        self.awake = True
        if not self._later(COLLECTING, self.flush):
            self.flush()

    def flush(self) -> None:
        """Write what was collected, now."""
        with self._writing:
            # First this, then the lines: a line that another thread appends in between wakes us again.
            self.awake = False
            batch = self.lines[:]
            del self.lines[: len(batch)]
            if batch:
                self._deliver(batch)

    def head(self, severity: str) -> str:
        """What goes before each line of a severity."""
        return ""

    def close(self) -> None:
        """Write the rest and let go."""
        self.flush()

    @abstractmethod
    def _deliver(self, batch: Sequence[str]) -> None: ...


class FileOutput(Output):
    """A file, opened for appending with mode 0640; rotated to ``.1`` … ``.maxver`` when it reached ``maxsize`` bytes.

    A file that somebody else moved away or deleted is opened anew within a second.
    """

    def __init__(self, later: Later, path: str, maxsize: int, maxver: int) -> None:
        super().__init__(later)
        self.path = path
        self.rotate_at = maxsize
        self.maxver = maxver
        self._fd = -1
        self._size = 0
        self._torn = False
        self._checked = monotonic()
        self.problem = self._open()

    def _open(self) -> str:
        """Open the file; gives what went wrong, or ``""``."""
        try:
            # O_NONBLOCK for a FIFO that nobody reads: an error, not a server that stands still.
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
            self._fd = os.open(self.path, flags, 0o640)
            self._size = os.fstat(self._fd).st_size
        except (OSError, ValueError) as error:
            return str(error)
        return ""

    def _deliver(self, batch: Sequence[str]) -> None:
        self._recheck()
        data = "".join(batch).encode("utf-8", "backslashreplace")
        if self._torn:
            data = b"\n" + data
        if not self._write(data):
            self.lost += len(batch)
        elif self.rotate_at >= SMALLEST_ROTATION and self._size >= self.rotate_at:
            self._rotate()

    def _write(self, data: bytes) -> bool:
        try:
            while data:
                written = os.write(self._fd, data)
                self._size += written
                self._torn = not data[:written].endswith(b"\n")
                data = data[written:]
        except OSError:
            return False
        return True

    def _recheck(self) -> None:
        now = monotonic()
        if now - self._checked < RECHECK:
            return
        self._checked = now
        if not self._is_ours():
            self._reopen()

    def _is_ours(self) -> bool:
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._fd))
        except (OSError, ValueError):
            return False

    def _reopen(self) -> None:
        old, self._torn = self._fd, False
        self.problem = self._open()
        if self.problem:
            self._fd = old
        elif old >= 0:
            os.close(old)

    def _rotate(self) -> None:
        try:
            for number in range(max(self.maxver, 1), 1, -1):
                if os.path.exists(f"{self.path}.{number - 1}"):
                    os.replace(f"{self.path}.{number - 1}", f"{self.path}.{number}")
            os.replace(self.path, f"{self.path}.1")
        except OSError as error:
            self.problem = str(error)
            self._size = 0  # Go on in this file and try again when it has grown by as much once more.
        else:
            self._reopen()

    def close(self) -> None:
        """Write the rest and close the file."""
        super().close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class StreamOutput(Output):
    """Standard output or standard error; a reader that stands still does not stop us."""

    def __init__(self, later: Later, fd: int) -> None:
        super().__init__(later)
        self._fd = fd
        self._backlog = b""
        self._retrying = False
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def _deliver(self, batch: Sequence[str]) -> None:
        self._backlog += "".join(batch).encode("utf-8", "backslashreplace")
        self._drain(0)

    def _drain(self, wait: int) -> None:
        """Write the backlog as far as the reader takes it; ``wait`` in milliseconds for each piece."""
        done = 0
        try:
            while done < len(self._backlog) and self._poll.poll(wait):
                done += os.write(self._fd, self._backlog[done : done + PIPE_CHUNK])
        except OSError:
            self._lose(0)
        else:
            self._backlog = self._backlog[done:]
        if len(self._backlog) > MAX_BACKLOG:
            self._lose(MAX_BACKLOG // 2)
        if self._backlog and not self._retrying:
            self._retrying = self._later(0.1, self._retry)

    def _retry(self) -> None:
        self._retrying = False
        with self._writing:
            self._drain(0)

    def _lose(self, keep: int) -> None:
        """Forget whole lines at the front of the backlog until at most ``keep`` bytes are left."""
        cut = self._backlog.find(b"\n", max(len(self._backlog) - keep - 1, 0)) + 1 or len(self._backlog)
        self.lost += self._backlog.count(b"\n", 0, cut)
        self._backlog = self._backlog[cut:]

    def close(self) -> None:
        """Write the rest, giving a slow reader a moment; the stream itself stays open."""
        super().close()
        self._drain(100)


class SyslogOutput(Output):
    """The machine's syslog, one datagram a line; a dead or slow one costs lines, never time."""

    def __init__(self, later: Later, facility: str, ident: str, path: str = "/dev/log") -> None:
        super().__init__(later)
        self._facility = FACILITIES[facility] * 8
        self._ident = ident
        self._path = path
        self._socket: socket.socket | None = None

    def head(self, severity: str) -> str:
        """Priority and program, as syslog wants them (RFC 3164; the daemon adds the time)."""
        return f"<{self._facility + SEVERITY_CODES[severity]}>{self._ident}[{os.getpid()}]: "

    def _deliver(self, batch: Sequence[str]) -> None:
        for number, line in enumerate(batch):
            if not self._send(line) and not self._send(line):
                self.lost += len(batch) - number
                return

    def _send(self, line: str) -> bool:
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
                self._socket.connect(self._path)
            self._socket.send(line.rstrip("\n").encode("utf-8", "backslashreplace"))
        except OSError:
            self._disconnect()
            return False
        return True

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def close(self) -> None:
        """Write the rest and close the socket."""
        super().close()
        self._disconnect()
