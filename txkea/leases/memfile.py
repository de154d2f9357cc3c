"""Kea's memfile: leases in memory, and every change in a journal before it counts (Kea E.2, E.3)."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from txkea.errors import Unavailable
from txkea.interfaces import ILeaseStore, ILogger
from txkea.leases.cleanup import Paths, clean
from txkea.leases.disk import Disk
from txkea.leases.journal import Journal
from txkea.leases.leasefile import LeaseFiles, RowErrors, load4, read_layout, running, seal
from txkea.leases.memory import LeaseTable
from txkea.leases.rows import SCHEMA4, Layout, format4, removal4
from txkea.leases.writer import WriterThread, call
from txkea.model.identifier import Identifier
from txkea.model.lease import Lease4

__all__ = ["COMMIT_DELAY", "MemfileLeases"]

COMMIT_DELAY: Final = 0.001
"""Seconds that a row may wait for others to share its sync."""
OPEN: Final = os.O_RDWR | os.O_APPEND

Check = Callable[[Lease4], "Lease4 | None"]


@implementer(ILeaseStore)
class MemfileLeases:
    """A lease store in memory whose journal is Kea's lease file.

    A change is in force in memory at once, so that nobody else takes the address, and acknowledged when its row is
    durable. If it never is, it is undone (`txkea.leases.journal`).

    ``lfc_interval`` is in seconds, 0 means no clean-up. ``max_row_errors`` is how many bad rows are left out of what
    is loaded, 0 all of them. ``sync`` off trusts the operating system not to crash. ``check`` may correct each lease
    that is loaded, or leave it out.
    """

    name = "memfile"

    def __init__(
        self,
        path: str,
        *,
        reactor: Any,
        log: ILogger,
        lfc_interval: int = 3600,
        max_row_errors: int = 0,
        sync: bool = True,
        check: Check | None = None,
        disk: Disk | None = None,
    ) -> None:
        self.path = path
        self._files = LeaseFiles(path)
        self._reactor = reactor
        self._log = log
        self._interval = lfc_interval
        self._max_row_errors = max_row_errors
        self._check = check
        self._disk = disk or Disk()
        self._writer = WriterThread(reactor.callFromThread)
        self._journal = Journal(
            path, self._writer, self._disk, log, self._undo, sync=sync, delay=COMMIT_DELAY if sync else 0.0
        )
        self._table = LeaseTable()
        self._row = format4(SCHEMA4.current)
        self._header = SCHEMA4.layout(SCHEMA4.current).header
        self._timer: IDelayedCall | None = None
        self._cleaning: Deferred[None] | None = None

    @property
    def problem(self) -> str:
        """Why leases cannot be written now; ``""`` when they can."""
        return self._journal.problem

    # -- opening -------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Load the leases and continue their file. See `ILeaseStore.open`."""
        try:
            self._table = await call(self._writer, self._load)
        except OSError as error:
            raise Unavailable(f"cannot use the lease file {self.path}: {error.strerror or error}") from error
        self._note("info", "DHCPSRV_MEMFILE_DB", f"{len(self._table)} leases loaded from {self.path}")
        self._schedule()

    def _load(self) -> LeaseTable:
        """In the writer's thread: everything up to a journal that is ready."""
        if (pid := running(self._files.pid)) is not None:
            raise Unavailable(f"process {pid} is cleaning up {self.path}; start when it has ended")
        fd = self._claimed(self._disk.open(self.path, OPEN | os.O_CREAT))
        cut = seal(self.path, self._disk, fd)
        if cut:
            self._tell("warn", "DHCPSRV_MEMFILE_TORN_ROW", f"{self.path}: removed a torn last row: {cut!r}")
        leases = self._read()
        self._continue(fd)
        gc.disable()
        try:
            return LeaseTable(leases)
        finally:
            gc.enable()

    def _claimed(self, fd: int) -> int:
        try:
            self._disk.lock(fd)
        except BlockingIOError:
            self._disk.close(fd)
            text = f"another server uses the lease file {self.path}; stop it, or name another file"
            raise Unavailable(text) from None
        return fd

    def _read(self) -> dict[bytes, Lease4]:
        errors = RowErrors(self._max_row_errors, lambda text: self._tell("error", "DHCPSRV_MEMFILE_LEASE_LOAD", text))
        leases: dict[bytes, Lease4] = {}
        gc.disable()
        try:
            for path in self._files.to_load(self._disk):
                self._tell("info", "DHCPSRV_MEMFILE_LEASE_FILE_LOAD", f"loading leases from file {path}")
                layout = load4(path, leases, errors)
                self._tell_unknown(path, layout)
            return leases if self._check is None else self._checked(leases, self._check)
        finally:
            gc.enable()

    def _checked(self, leases: dict[bytes, Lease4], check: Check) -> dict[bytes, Lease4]:
        for address, lease in list(leases.items()):
            fitting = check(lease)
            if fitting is None:
                del leases[address]
            elif fitting is not lease:
                leases[address] = fitting
        return leases

    def _tell_unknown(self, path: str, layout: Layout | None) -> None:
        if layout is not None and layout.unknown:
            text = f"{path}: columns of a newer Kea are left out: {', '.join(layout.unknown)}"
            self._tell("warn", "DHCPSRV_MEMFILE_NEEDS_DOWNGRADING", text)

    def _continue(self, fd: int) -> None:
        """Go on in the file if it has columns as we write them; else put it aside for a clean-up, and begin anew."""
        layout = read_layout(self.path)
        if layout is not None and layout.places is None and SCHEMA4.current <= layout.width <= len(SCHEMA4.columns):
            self._row, self._header = format4(layout.width), layout.header
        elif layout is not None:
            self._tell("warn", "DHCPSRV_MEMFILE_NEEDS_UPGRADING", f"{self.path} gets the columns of this version")
            if self._unfinished():
                clean(Paths.of(self._files), self._disk, RowErrors())
            self._disk.rename(self.path, self._files.input)
            self._disk.close(fd)
            fd = self._begun()
        elif not self._disk.stat(fd).st_size:
            self._journal.write_header(fd, self._header)
            self._disk.sync_directory(self.path)
        self._journal.attach(fd, self._disk.stat(fd).st_size)

    def _begun(self) -> int:
        """A new active file, with its header."""
        fd = self._claimed(self._disk.open(self.path, OPEN | os.O_CREAT | os.O_EXCL))
        self._journal.write_header(fd, self._header)
        self._disk.sync_directory(self.path)
        return fd

    # -- the store -----------------------------------------------------------------------------------------------------

    async def get(self, address: bytes) -> Lease4 | None:
        """See `ILeaseStore.get`."""
        return self._table.get(address)

    async def by_client(self, identifier: Identifier) -> Sequence[Lease4]:
        """See `ILeaseStore.by_client`."""
        return self._table.by_client(identifier)

    async def add(self, lease: Lease4) -> bool:
        """See `ILeaseStore.add`."""
        row = self._row(lease)
        if not self._table.add(lease):
            return False
        await self._journal.append(row, (lease, None))
        return True

    async def update(self, lease: Lease4, was: Lease4) -> bool:
        """See `ILeaseStore.update`."""
        row = self._row(lease)
        if not self._table.update(lease, was):
            return False
        await self._journal.append(row, (lease, was))
        return True

    async def remove(self, lease: Lease4) -> bool:
        """See `ILeaseStore.remove`."""
        row = removal4(lease, self._row)
        if not self._table.remove(lease):
            return False
        await self._journal.append(row, (None, lease))
        return True

    async def expired(self, now: float, limit: int) -> Sequence[Lease4]:
        """See `ILeaseStore.expired`."""
        return self._table.expired(now, limit)

    async def reclaimed(self, before: float, limit: int) -> Sequence[Lease4]:
        """See `ILeaseStore.reclaimed`."""
        return self._table.reclaimed(before, limit)

    async def counts(self) -> Mapping[tuple[int, int], int]:
        """See `ILeaseStore.counts`."""
        return self._table.counts

    async def page(self, after: bytes | None, limit: int) -> Sequence[Lease4]:
        """See `ILeaseStore.page`."""
        return self._table.page(after, limit)

    def _undo(self, change: tuple[Lease4 | None, Lease4 | None]) -> None:
        self._table.revert(*change)

    # -- clean-up ------------------------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        if self._interval:
            self._timer = self._reactor.callLater(self._interval, self._clean_by_timer)

    def _clean_by_timer(self) -> None:
        self._schedule()
        if self._cleaning is None:
            Deferred.fromCoroutine(self.clean()).addErrback(self._clean_failed)

    def _clean_failed(self, failure: Failure) -> None:
        self._note("error", "DHCPSRV_MEMFILE_LFC_FAIL", f"clean-up of {self.path} failed: {failure.value}")

    async def clean(self) -> None:
        """Put the journal aside and let a process clean it up; done when that has ended (Kea E024).

        Raises `Unavailable` if it could not; then nothing is lost, and the next clean-up goes on where this one ended.
        """
        if self._cleaning is not None:
            raise Unavailable(f"a clean-up of {self.path} is under way")
        ended: Deferred[None] = Deferred()
        self._cleaning = ended
        try:
            self._note("info", "DHCPSRV_MEMFILE_LFC_START", f"starting clean-up of {self.path}")
            await call(self._writer, self._put_aside)
            self._spawn(ended)
            await ended
        except OSError as error:
            raise Unavailable(f"cannot put {self.path} aside: {error.strerror or error}") from error
        finally:
            self._cleaning = None
        self._note("info", "DHCPSRV_MEMFILE_LFC_EXECUTE", f"clean-up of {self.path} has ended")

    def _unfinished(self) -> bool:
        """Whether an earlier clean-up left its input."""
        return self._disk.exists(self._files.completed) or self._disk.exists(self._files.input)

    def _put_aside(self) -> None:
        """In the writer's thread, between two batches."""
        if self._unfinished():
            return
        self._journal.settle()
        self._disk.rename(self.path, self._files.input)
        try:
            fd = self._begun()
        except OSError:
            self._disk.rename(self._files.input, self.path)
            raise
        self._journal.replace(fd, len(self._header))

    def _spawn(self, ended: Deferred[None]) -> None:
        arguments = [sys.executable, "-m", "txkea.leases.cleanup", *Paths.of(self._files).arguments(4)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._reactor.spawnProcess(_Cleaner(ended), sys.executable, arguments, environment)

    # -- ending --------------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Write what was accepted, and let go of the file. A clean-up under way ends by itself."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._journal.shut()
        await self._journal.idle()
        await call(self._writer, self._journal.detach)
        self._writer.stop()

    # -- telling -------------------------------------------------------------------------------------------------------

    def _note(self, severity: str, message: str, text: str) -> None:
        write = getattr(self._log, severity)
        if write:
            write(message, text)

    def _tell(self, severity: str, message: str, text: str) -> None:
        """From the writer's thread."""
        self._writer.tell(self._note, severity, message, text)


class _Cleaner(ProcessProtocol):
    """Waits for the process that cleans up, and keeps the end of what it says."""

    def __init__(self, ended: Deferred[None]) -> None:
        self._ended = ended
        self._said = b""

    def errReceived(self, data: bytes) -> None:
        """It complains, or sums up."""
        self._said = (self._said + data)[-1000:]

    def processEnded(self, reason: Failure) -> None:
        """It is gone."""
        if reason.check(ProcessTerminated):
            said = self._said.decode("utf-8", "replace").strip()
            self._ended.errback(Unavailable(f"the clean-up process failed ({reason.value}): {said}"))
        else:
            self._ended.callback(None)
