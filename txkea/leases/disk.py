"""The file system calls that a lease file needs, in one place where a test can make them fail."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Final

__all__ = ["FILE_MODE", "Disk"]

FILE_MODE: Final = 0o640
"""Lease files are nobody's business but the server's and its group's (CVE-2025-32803)."""


class Disk:
    """The real one; nearly every method is one system call, and raises `OSError`."""

    def open(self, path: str, flags: int) -> int:
        """Gives a descriptor; a FIFO in the way does not make it wait."""
        return os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, FILE_MODE)

    def close(self, fd: int) -> None:
        """Let go of a descriptor."""
        os.close(fd)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """How many bytes were taken, maybe fewer than there are."""
        return os.write(fd, data)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Bytes from a place in the file."""
        return os.pread(fd, size, offset)

    def fdatasync(self, fd: int) -> None:
        """Return when all that was written is on the medium."""
        os.fdatasync(fd)

    def ftruncate(self, fd: int, size: int) -> None:
        """Cut a file."""
        os.ftruncate(fd, size)

    def stat(self, fd: int) -> os.stat_result:
        """Size, type and identity of a file."""
        return os.fstat(fd)

    def lock(self, fd: int) -> None:
        """Claim a file for this process, or raise `BlockingIOError` at once."""
        flock(fd, LOCK_EX | LOCK_NB)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name; ``new`` is replaced."""
        os.rename(old, new)

    def unlink(self, path: str) -> None:
        """Delete a file."""
        os.unlink(path)

    def exists(self, path: str) -> bool:
        """Whether there is such a name."""
        return os.path.lexists(path)

    def processes(self) -> Iterable[Path]:
        """The directories in which the kernel shows what processes have open."""
        return Path("/proc").glob("[0-9]*")

    def sync_directory(self, path: str) -> None:
        """Make names durable: those in the directory of the file ``path``."""
        fd = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
