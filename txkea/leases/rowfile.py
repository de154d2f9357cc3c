"""An append-only file that is cut back to its last good row when something fails."""

from __future__ import annotations

import errno
import os
from typing import Final

from txkea.leases.disk import Disk

__all__ = ["RowFile"]

_TAIL: Final = 4096
"""How many of the last bytes are remembered, to be compared with the file after a failed sync."""


class RowFile:
    """The rows of one lease file; those that were kept are durable (``sync``), or at least the kernel has them.

    `write` does not wait for the disk; all else may, and belongs in a writer. Raises `OSError`.
    """

    def __init__(self, path: str, disk: Disk, sync: bool) -> None:
        self.path = path
        self.sync = sync
        self.fd = -1
        self.unsettled = False
        """Whether something may be behind the last good row."""
        self._disk = disk
        self._good = 0
        self._tail = b""
        self._doubtful = False

    def attach(self, fd: int, size: int) -> None:
        """Continue an open file after its first ``size`` bytes, all of which are good."""
        self.fd = fd
        self._good = size
        self._tail = self._disk.pread(fd, _TAIL, max(0, size - _TAIL))

    def detach(self) -> None:
        """Close the file."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            self._disk.close(fd)

    def replace(self, fd: int, size: int) -> None:
        """Continue in another file."""
        self.detach()
        self.unsettled = self._doubtful = False
        self.attach(fd, size)

    def write(self, data: bytes) -> None:
        """Give rows to the kernel; they are good when `keep` says so."""
        self.unsettled = True
        written = self._disk.write(self.fd, data)
        while written < len(data):
            more = self._disk.write(self.fd, memoryview(data)[written:])
            if not more:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written += more
        self._doubtful = self.sync  # until that has succeeded

    def keep(self, data: bytes) -> None:
        """What was written is durable, as far as it will be."""
        self.unsettled = self._doubtful = False
        self._good += len(data)
        self._tail = data[-_TAIL:] if len(data) >= _TAIL else (self._tail + data)[-_TAIL:]

    def settle(self) -> None:
        """Cut off what is behind the last good row, if anything, durably.

        After a failed sync the kernel may show what the medium does not hold: then the file is opened anew, and
        its last rows are compared with those that were acknowledged.
        """
        if not self.unsettled:
            return
        doubtful = self._doubtful
        if doubtful:
            self._reopen()
        self._disk.ftruncate(self.fd, self._good)
        if self.sync:
            self._doubtful = True
            self._disk.fdatasync(self.fd)
        if doubtful:
            self._verify()
        self.unsettled = self._doubtful = False

    def _reopen(self) -> None:
        fd = self._disk.open(self.path, os.O_RDWR | os.O_APPEND)
        same = os.path.samestat(self._disk.stat(fd), self._disk.stat(self.fd))
        if not same:
            self._disk.close(fd)
            raise OSError(errno.ESTALE, "another file took its place")
        old, self.fd = self.fd, fd
        self._disk.close(old)

    def _verify(self) -> None:
        found = self._disk.pread(self.fd, len(self._tail), self._good - len(self._tail))
        if found != self._tail or self._disk.stat(self.fd).st_size != self._good:
            raise OSError(errno.EIO, "its last rows are not those that were written")
