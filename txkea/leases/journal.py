"""An append-only file in which many rows share one write and one sync."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, fail

from txkea.errors import Unavailable
from txkea.interfaces import ILogger
from txkea.leases.disk import Disk
from txkea.leases.writer import Writer

__all__ = ["Journal"]

_PATIENCE: Final = 3
"""After how many filled batches in a row one more row is waited for."""
_ENOUGH: Final = 24
"""For how many rows one waits at most: a sync that these share costs each less than its other work does."""
_TAIL: Final = 4096
"""How many of the last bytes are remembered, to be compared with the file after a failed sync."""


class Journal:
    """Appends rows with group commit; nothing is acknowledged before it is durable.

    One batch is on its way at a time, in the writer's thread; what arrives meanwhile is the next. A batch is held
    back until as many rows wait as lately came together, at most for ``delay`` seconds: a lone client never waits, a
    crowd shares one sync (which costs as much processor time as ten rows).

    When a write fails, the file is cut back to its last good row; the batch and all that came after it are undone, the
    latest first (``undo(change)``), and only then refused with `Unavailable`. The next row tries again.

    Attributes changed by the thread are named so; all others belong to the reactor.
    """

    def __init__(
        self,
        path: str,
        writer: Writer,
        disk: Disk,
        log: ILogger,
        undo: Callable[[Any], None],
        *,
        sync: bool = True,
        delay: float = 0.0015,
    ) -> None:
        self.path = path
        self._writer = writer
        self._disk = disk
        self._log = log
        self._undo = undo
        self._sync = sync
        self._delay = delay if sync else 0.0
        # What waits, in order; three lists rather than one of tuples. The thread reads `_rows`, and never changes it.
        self._rows: list[bytes] = []
        self._changes: list[Any] = []
        self._waiters: list[Deferred[None]] = []
        self._busy = False
        self._serial = 0
        self._wanted = 1
        self._filled = 0
        self._idle: list[Deferred[None]] = []
        self._closed = False
        self.problem = ""
        """Why the latest write failed; ``""`` when it did not."""
        self.rows = 0
        self.commits = 0
        # The thread's:
        self._fd = -1
        self._good = 0
        self._tail = b""
        self._damaged = False
        self._doubtful = False
        self._pausing = False

    # -- in the reactor

    def append(self, row: bytes, change: Any = None) -> Deferred[None]:
        """Add a row, newline and all; fires when it is durable.

        Fails with `Unavailable` when it is not and never will be; ``change`` has then been undone.
        """
        if self._closed:
            self._undo(change)
            return fail(Unavailable(f"the lease file {self.path} is closed: the server is stopping"))
        done: Deferred[None] = Deferred()
        self._rows.append(row)
        self._changes.append(change)
        self._waiters.append(done)
        if not self._busy:
            self._start()
        elif self._pausing and len(self._rows) == self._wanted:
            self._writer.hurry(self._serial)
        return done

    def _start(self) -> None:
        self._busy = True
        self._serial += 1
        self._pausing = self._delay > 0 and len(self._rows) < self._wanted
        self._writer.submit(self._commit)

    def _committed(self, size: int, error: Exception | None) -> None:
        """A batch of ``size`` rows is durable, or has failed."""
        self._busy = False
        if error is not None:
            self._failed(error)
            return
        self._adapt(size)
        self.rows += size
        self.commits += 1
        if self.problem:
            self._recovered()
        waiters = self._waiters[:size]
        del self._rows[:size], self._changes[:size], self._waiters[:size]
        if self._rows:
            self._start()  # the disk works while we answer
        for waiter in waiters:
            waiter.callback(None)
        if not self._busy:
            self._rest()

    def _adapt(self, size: int) -> None:
        """Find the number of rows that is worth waiting for.

        One fewer when they did not come in time, one more when more came, or when they came several times in a row.
        """
        wanted = self._wanted
        if size < wanted:
            self._wanted = wanted - 1
            self._filled = 0
        elif size > wanted or (wanted > 1 and self._filled >= _PATIENCE):
            self._wanted = min(wanted + 1, _ENOUGH)
            self._filled = 0
        else:
            self._filled += 1

    def _failed(self, error: Exception) -> None:
        reason = (
            f"cannot write the lease file {self.path}: {getattr(error, 'strerror', '') or repr(error)}; {_mend(error)}"
        )
        if self._log.error and not self.problem:
            self._log.error("TXKEA_LEASE_FILE_WRITE_FAIL", f"{reason}; no lease is granted until then")
        self.problem = reason
        self._refuse(reason)

    def _recovered(self) -> None:
        self.problem = ""
        if self._log.warn:
            self._log.warn("TXKEA_LEASE_FILE_WRITE_AGAIN", f"the lease file {self.path} can be written again")

    def _refuse(self, reason: str) -> None:
        """Undo and refuse all that waits."""
        waiters, changes = self._waiters, self._changes
        self._rows, self._changes, self._waiters = [], [], []
        for change in reversed(changes):
            self._undo(change)
        for waiter in waiters:
            waiter.errback(Unavailable(reason))
        self._rest()

    def _rest(self) -> None:
        if not self._busy:
            idle, self._idle = self._idle, []
            for waiter in idle:
                waiter.callback(None)

    def idle(self) -> Deferred[None]:
        """Fires when nothing waits any more."""
        done: Deferred[None] = Deferred()
        self._idle.append(done)
        self._rest()
        return done

    def shut(self) -> None:
        """Refuse new rows; those that wait are written."""
        self._closed = True

    # -- in the thread

    def attach(self, fd: int, size: int) -> None:
        """Continue an open file after its first ``size`` bytes, all of which are good."""
        self._fd = fd
        self._good = size
        self._tail = self._disk.pread(fd, _TAIL, max(0, size - _TAIL))

    def detach(self) -> None:
        """Close the file."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._disk.close(fd)

    def replace(self, fd: int, size: int) -> None:
        """Continue in another file."""
        self.detach()
        self._damaged = self._doubtful = False
        self.attach(fd, size)

    def settle(self) -> None:
        """Cut off what a failed write left, if anything; raises `OSError`."""
        if self._damaged:
            self._repair()

    def _commit(self) -> None:
        if self._pausing:
            self._writer.pause(self._delay, self._serial)
            self._pausing = False
        rows = self._rows[:]
        error: Exception | None = None
        try:
            self._put(b"".join(rows))
        except (OSError, MemoryError) as failure:
            error = failure
        self._writer.tell(self._committed, len(rows), error)

    def _put(self, data: bytes) -> None:
        self.settle()
        try:
            self._write(data)
            self._make_durable()
        except (OSError, MemoryError):
            self._damaged = True
            try:
                self._repair()
            except OSError:
                pass  # the next row tries again
            raise
        self._good += len(data)
        self._tail = data[-_TAIL:] if len(data) >= _TAIL else (self._tail + data)[-_TAIL:]

    def _make_durable(self) -> None:
        if self._sync:
            self._doubtful = True
            self._disk.fdatasync(self._fd)
            self._doubtful = False

    def _write(self, data: bytes) -> None:
        written = self._disk.write(self._fd, data)
        while written < len(data):
            more = self._disk.write(self._fd, memoryview(data)[written:])
            if not more:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written += more

    def _repair(self) -> None:
        """Cut the file back to its last good row, durably.

        After a failed sync the kernel may show what the medium does not hold: then the file is opened anew, and
        its last rows are compared with those that were acknowledged.
        """
        doubtful = self._doubtful
        if doubtful:
            self._reopen()
        self._disk.ftruncate(self._fd, self._good)
        self._make_durable()
        if doubtful:
            self._doubtful = True
            self._verify()
            self._doubtful = False
        self._damaged = False

    def _reopen(self) -> None:
        fd = self._disk.open(self.path, os.O_RDWR | os.O_APPEND)
        same = os.path.samestat(self._disk.stat(fd), self._disk.stat(self._fd))
        if not same:
            self._disk.close(fd)
            raise OSError(errno.ESTALE, "another file took its place")
        old, self._fd = self._fd, fd
        self._disk.close(old)

    def _verify(self) -> None:
        found = self._disk.pread(self._fd, len(self._tail), self._good - len(self._tail))
        if found != self._tail or self._disk.stat(self._fd).st_size != self._good:
            raise OSError(errno.EIO, "its last rows are not those that were written")


_MENDS: Final = {
    errno.ENOSPC: "make room on its file system",
    errno.EDQUOT: "make room in its quota",
    errno.EROFS: "mount its file system for writing",
    errno.EBADF: "restart the server",
}


def _mend(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    return _MENDS.get(number or 0, "check its file system and disk")
