"""Kea's set of lease files: their names, reading them, and their torn ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from txkea.errors import Unavailable
from txkea.leases.disk import Disk
from txkea.leases.rows import MAX_ROW, HeaderError, Layout, Rows
from txkea.leases.rows4 import ROWS4
from txkea.leases.rows6 import ROWS6

__all__ = ["ROWS", "LeaseFiles", "RowErrors", "is_alive", "load", "read_layout", "running", "seal"]

ROWS: Final[Mapping[int, Rows]] = {4: ROWS4, 6: ROWS6}
"""How rows are written and read, by family."""
_CHUNK: Final = 1 << 20
_SHOWN: Final = 100
"""How many bad rows are told one by one."""


class LeaseFiles(NamedTuple):
    """The names of one lease file's companions (Kea E022)."""

    active: str
    family: int = 4

    @property
    def rows(self) -> Rows:
        """How their rows are written and read."""
        return ROWS[self.family]

    @property
    def input(self) -> str:
        """What a clean-up reads: the file as it was when it began."""
        return f"{self.active}.1"

    @property
    def previous(self) -> str:
        """What the clean-up before left."""
        return f"{self.active}.2"

    @property
    def output(self) -> str:
        """What a clean-up writes."""
        return f"{self.active}.output"

    @property
    def completed(self) -> str:
        """What a clean-up has written, whole."""
        return f"{self.active}.completed"

    @property
    def pid(self) -> str:
        """The process that cleans up."""
        return f"{self.active}.pid"

    def to_load(self, disk: Disk) -> list[str]:
        """The files that hold the leases, in the order in which to read them (Kea E023)."""
        older = [self.completed] if disk.exists(self.completed) else [self.previous, self.input]
        return [path for path in [*older, self.active] if disk.exists(path)]


class RowErrors:
    """Counts bad rows and tells of them, and gives up at more than ``limit`` (0: never; Kea E020)."""

    def __init__(self, limit: int = 0, tell: Callable[[str], object] | None = None) -> None:
        self.limit = limit
        self.count = 0
        self._tell = tell

    def add(self, path: str, line: int, reason: object) -> None:
        """One more; raises `Unavailable` when it is one too many."""
        self.count += 1
        if self._tell and self.count <= _SHOWN:
            self._tell(f"{path}:{line}: {reason}; the row is left out")
            if self.count == _SHOWN:
                self._tell("further bad rows are only counted")
        if self.limit and self.count > self.limit:
            raise Unavailable(
                f"{path}:{line}: more than max-row-errors ({self.limit}) bad rows; mend the file or raise the limit"
            )


class _Lines:
    """The whole lines of a file, some thousand at a time, in bounded memory.

    A last line without its newline was never acknowledged by whoever wrote it; it stays in ``rest``.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.rest = b""

    def __iter__(self) -> Iterator[list[str]]:
        with open(self.path, "rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                data = self.rest + chunk if self.rest else chunk
                end = data.rfind(b"\n") + 1
                self.rest = data[end:]
                if len(self.rest) > MAX_ROW:
                    # Not kept: the row will be found wrong when its end comes, for what remains is no row.
                    self.rest = b"\0"
                if end:
                    text = data[: end - 1].decode("utf-8", "surrogateescape")
                    yield (text.replace("\r\n", "\n").removesuffix("\r") if "\r" in text else text).split("\n")


def read_layout(path: str, rows: Rows) -> Layout | None:
    """The layout of a lease file; None if it is missing or empty. Raises `HeaderError`."""
    try:
        with open(path, "rb") as file:
            header = file.readline(MAX_ROW)
    except FileNotFoundError:
        return None
    return _layout(path, rows, header.decode("utf-8", "surrogateescape").rstrip("\r\n")) if header else None


def _layout(path: str, rows: Rows, header: str) -> Layout:
    try:
        return rows.schema.understand(header.removeprefix("\ufeff"))
    except HeaderError as error:
        text = f"{path}:1: {error}; it is no DHCPv{rows.family} lease file: give the right one, or move it away"
        raise HeaderError(text) from None


def load(path: str, rows: Rows, leases: dict[bytes, Any], errors: RowErrors) -> Layout | None:
    """Read a lease file into ``leases``, by address; the last row of an address wins (Kea E017).

    Gives the file's layout, or None if it is empty. Raises `HeaderError`, and `Unavailable` for too many bad rows.
    """
    layout: Layout | None = None
    number = 0
    text = _Lines(path)
    for lines in text:
        if layout is None:
            layout = _layout(path, rows, lines.pop(0))
            read = rows.reader(layout)
            number = 1
        for line in lines:
            number += 1
            try:
                lease = read(line)
            except ValueError as reason:
                if line:
                    errors.add(path, number, reason)
                continue
            address = lease[0]
            leases.pop(address, None)  # its key too: it shall be the bytes object of the lease
            if lease[3]:
                leases[address] = lease
    if text.rest:
        errors.add(path, number + 1, "the row was torn: it has no newline")
    return layout


def seal(path: str, rows: Rows, disk: Disk, fd: int) -> bytes:
    """Cut a file back to its last newline; gives what was cut off.

    A row that lacks its newline was torn by a crash and acknowledged to nobody. Continuing it would spoil the next.
    Raises `HeaderError` for a file that is something else.
    """
    size = disk.stat(fd).st_size
    end = size
    tail = b""
    while end and b"\n" not in tail:
        start = max(0, end - _CHUNK)
        tail = disk.pread(fd, end - start, start)
        end = start
    keep = end + tail.rfind(b"\n") + 1
    if keep == size:
        return b""
    cut = disk.pread(fd, 300, keep)
    if not keep and cut.strip(b"\0") and not rows.schema.newest.header.startswith(cut):
        raise HeaderError(f"{path} is no DHCPv{rows.family} lease file: give the right one, or move it away")
    if keep:
        read_layout(path, rows)
    disk.ftruncate(fd, keep)
    disk.fdatasync(fd)
    return cut


# -- processes ---------------------------------------------------------------------------------------------------------


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def running(pid_file: str) -> int | None:
    """The living process that a pid file names, or None."""
    try:
        with open(pid_file, "rb") as file:
            text = file.read(20).strip()
    except FileNotFoundError:
        return None
    pid = int(text) if text.isdigit() else 0
    return pid if pid > 0 and pid != os.getpid() and is_alive(pid) else None
