"""An append-only file in which many rows share one write and one sync."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall

from txkea.errors import Unavailable
from txkea.interfaces import ILogger
from txkea.leases.rowfile import RowFile
from txkea.leases.syncer import Syncer
from txkea.leases.writer import Writer, call

__all__ = ["Journal"]

T = TypeVar("T")

_PATIENCE: Final = 3
"""After how many filled batches in a row one more row is waited for."""
_ENOUGH: Final = 24
"""For how many rows one waits at most: a sync that these share costs each less than its other work does."""


class Journal:
    """Appends rows to a file with group commit; nothing is acknowledged before it is durable.

    One batch is on its way at a time: it is written to the kernel at once, and the ``syncer`` makes it durable (unless
    ``file.sync`` is off); what arrives meanwhile is the next. A batch is held back until as many rows wait as lately
    came together, at most for ``delay`` seconds: a lone client never waits, a crowd shares one sync (which costs as
    much processor time as several rows).

    When a write or a sync fails, the file is cut back to its last good row; the batch and all that came after it are
    undone, the latest first (``undo(change)``), and only then refused with `Unavailable`. The next row tries again.
    That may take time, so the ``writer`` does it, as it does all that others ask of the file (`alone`); meanwhile no
    batch is on its way, so the file belongs to one at a time.
    """

    def __init__(
        self,
        file: RowFile,
        writer: Writer,
        syncer: Syncer,
        log: ILogger,
        undo: Callable[[Any], None],
        *,
        later: Callable[[float, Callable[[], None]], IDelayedCall],
        delay: float = 0.0015,
    ) -> None:
        self.file = file
        self._writer = writer
        self._syncer = syncer
        self._log = log
        self._undo = undo
        self._later = later
        self._delay = delay if file.sync else 0.0
        # Rows that wait, in order; three lists rather than one of tuples.
        self._rows: list[bytes] = []
        self._changes: list[Any] = []
        self._waiters: list[Deferred[None]] = []
        self._turns: list[Deferred[None]] = []
        self._busy = False
        self._timer: IDelayedCall | None = None
        self._wanted = 1
        self._filled = 0
        self._idle: list[Deferred[None]] = []
        self._closed = False
        self.problem = ""
        """Why the latest write failed; ``""`` when it did not."""
        self.rows = 0
        self.commits = 0

    # -- what waits

    def append(self, row: bytes, change: Any = None) -> Deferred[None]:
        """Add a row, newline and all; fires when it is durable.

        Fails with `Unavailable` when it is not and never will be; ``change`` has then been undone.
        """
        if self._closed:
            self._undo(change)
            return fail(Unavailable(f"the lease file {self.file.path} is closed: the server is stopping"))
        done: Deferred[None] = Deferred()
        self._rows.append(row)
        self._changes.append(change)
        self._waiters.append(done)
        if not self._busy:
            self._next()
        return done

    async def alone(self, work: Callable[[], T]) -> T:
        """Have the writer do something with the file while no batch is on its way; gives its result."""
        if self._busy:
            turn: Deferred[None] = Deferred()
            self._turns.append(turn)
            await turn
        self._busy = True
        try:
            return await call(self._writer, work)
        finally:
            self._busy = False
            self._next()
            self._rest()

    def idle(self) -> Deferred[None]:
        """Fires when nothing waits any more."""
        done: Deferred[None] = Deferred()
        self._idle.append(done)
        self._rest()
        return done

    def shut(self) -> None:
        """Refuse new rows; those that wait are written."""
        self._closed = True

    def _next(self) -> None:
        """Begin what waits: work before rows, and rows when there are enough of them, or soon."""
        if self._turns:
            self._turns.pop(0).callback(None)
        elif not self._rows:
            return
        elif self._delay <= 0 or len(self._rows) >= self._wanted:
            self._start()
        elif self._timer is None:
            self._timer = self._later(self._delay, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        if not self._busy:
            self._start()

    def _rest(self) -> None:
        if not (self._busy or self._rows or self._turns):
            idle, self._idle = self._idle, []
            for waiter in idle:
                waiter.callback(None)

    # -- a batch

    def _start(self) -> None:
        """Write what waits, after what an earlier failure left was cut off."""
        self._busy = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.file.unsettled:
            call(self._writer, self.file.settle).addCallbacks(
                lambda _: self._write(), lambda why: self._failed(why.value)
            )
        else:
            self._write()

    def _write(self) -> None:
        size = len(self._rows)
        try:
            data = b"".join(self._rows)
            self.file.write(data)
        except (OSError, MemoryError) as error:
            self._broke(error)
        else:
            if self.file.sync:
                self._syncer.sync(self.file.fd, lambda error: self._written(size, data, error))
            else:
                self._written(size, data, None)

    def _written(self, size: int, data: bytes, error: OSError | None) -> None:
        """A batch of ``size`` rows is durable, or may not be."""
        if error is not None:
            self._broke(error)
            return
        self.file.keep(data)
        self._adapt(size)
        self.rows += size
        self.commits += 1
        if self.problem:
            self._recovered()
        waiters = self._waiters[:size]
        del self._rows[:size], self._changes[:size], self._waiters[:size]
        self._busy = False
        self._next()  # the disk works while we answer
        for waiter in waiters:
            waiter.callback(None)
        self._rest()

    def _broke(self, error: Exception) -> None:
        # Whether the file can be cut now or not: the next row tries again.
        call(self._writer, self.file.settle).addBoth(lambda _: self._failed(error))

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

    def _failed(self, error: BaseException) -> None:
        why = getattr(error, "strerror", "") or repr(error)
        reason = f"cannot write the lease file {self.file.path}: {why}; {_mend(error)}"
        if self._log.error and not self.problem:
            self._log.error("TXKEA_LEASE_FILE_WRITE_FAIL", f"{reason}; no lease is granted until then")
        self.problem = reason
        self._busy = False
        self._refuse(reason)
        if not self._busy:  # whoever was refused may have come again
            self._next()
        self._rest()

    def _recovered(self) -> None:
        self.problem = ""
        if self._log.warn:
            self._log.warn("TXKEA_LEASE_FILE_WRITE_AGAIN", f"the lease file {self.file.path} can be written again")

    def _refuse(self, reason: str) -> None:
        """Undo and refuse all that waits."""
        waiters, changes = self._waiters, self._changes
        self._rows, self._changes, self._waiters = [], [], []
        for change in reversed(changes):
            self._undo(change)
        for waiter in waiters:
            waiter.errback(Unavailable(reason))


_MENDS: Final = {
    errno.ENOSPC: "make room on its file system",
    errno.EDQUOT: "make room in its quota",
    errno.EROFS: "mount its file system for writing",
    errno.EBADF: "restart the server",
}


def _mend(error: BaseException) -> str:
    number = error.errno if isinstance(error, OSError) else None
    return _MENDS.get(number or 0, "check its file system and disk")
