"""Leases in memory, and in Kea's lease file before they are acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.task import deferLater

from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import ILogger
from txkea.launch import launch
from txkea.leases.disk import Disk
from txkea.leases.journal import Journal
from txkea.leases.leasefile import LeaseFiles, running
from txkea.leases.lfc import run_cleanup, set_aside
from txkea.leases.memory import MemoryLeases
from txkea.leases.opening import Opened, Opening
from txkea.leases.rowfile import RowFile
from txkea.leases.syncer import KernelSyncer, Syncer, WriterSyncer
from txkea.leases.writer import Writer, WriterThread, call
from txkea.model.lease import Lease

__all__ = ["MemfileLeases"]

_WAIT_FOR_CLEANUP: Final = 30.0
"""Seconds that an opening waits for a clean-up that a server before started."""
_POLL: Final = 0.1


class MemfileLeases(MemoryLeases):
    """A lease store in Kea's lease file (Kea E.2), read from memory as `MemoryLeases` is.

    A change shows in memory at once; its awaitable fires when its row is durable. Whoever builds on a change that is
    not durable yet writes a row behind it, so both are kept or both are undone.

    ``lfc_interval`` is in seconds (0: never), ``commit_delay`` in milliseconds; ``max_row_errors`` 0 tolerates any
    number of bad rows (Kea E020). ``check`` sees each loaded lease (Kea A034). ``pool_id`` adds that column of Kea 3
    to a file that has it not. ``writer`` makes what waits for the disk, always, in place of a thread and the kernel.
    """

    def __init__(
        self,
        path: str,
        *,
        reactor: Any,
        log: ILogger,
        family: int = 4,
        sync: bool = True,
        lfc_interval: float = 3600,
        max_row_errors: int = 0,
        commit_delay: float = 1.5,
        pool_id: bool = False,
        check: Callable[[Any], Any] | None = None,
        disk: Disk | None = None,
        writer: Callable[[], Writer] | None = None,
    ) -> None:
        super().__init__("memfile")
        self.files = LeaseFiles(path, family)
        self._reactor = reactor
        self._log = log
        self._disk = disk or Disk()
        self._make_writer = writer
        self._opening = Opening(
            files=self.files,
            disk=self._disk,
            note=self._note_from_writer,
            max_row_errors=max_row_errors,
            pool_id=pool_id,
            check=check,
        )
        self._sync = sync
        self._delay = commit_delay / 1000
        self._lfc_interval = lfc_interval
        self._timer: Any = None
        self._cleaning = False
        self._lock = -1
        self._rows = self.files.rows
        self._width = self._rows.schema.current
        self._journal: Journal | None = None

    # -- opening and closing

    async def open(self) -> None:
        if self._log.info:
            self._log.info("DHCPSRV_MEMFILE_DB", f"opening memory file lease database: {self.files.active}")
        await self._no_cleanup()
        self._writer, self._syncer = self._helpers()
        try:
            opened: Opened = await call(self._writer, self._opening.run)
        except Exception as error:
            self._writer.stop()
            raise self._cannot_open(error) from error
        self._use(opened)
        if opened.moved:
            launch(self.clean_up())
        self._schedule()

    def _helpers(self) -> tuple[Writer, Syncer]:
        """Who waits for the disk."""
        if self._make_writer is not None:
            writer = self._make_writer()
            return writer, WriterSyncer(writer, self._disk)
        thread = WriterThread(self._reactor.callFromThread)
        return thread, KernelSyncer(self._reactor, self._log, WriterSyncer(thread, self._disk))

    async def _no_cleanup(self) -> None:
        """Wait for a clean-up that still runs; Kea would refuse to start at once (Kea E023)."""
        patience = _WAIT_FOR_CLEANUP
        while (pid := running(self.files.pid)) is not None:
            if patience <= 0:
                raise Unavailable(
                    f"process {pid} cleans up the lease file {self.files.active}: wait for its end, "
                    f"or remove {self.files.pid} if it is another program"
                )
            patience -= _POLL
            await deferLater(self._reactor, _POLL, lambda: None)

    def _cannot_open(self, error: Exception) -> Unavailable:
        if isinstance(error, OSError):
            mend = "check that the directory exists, that this user may write there, and that there is room"
            return Unavailable(f"cannot use the lease file {self.files.active}: {error.strerror or error}; {mend}")
        if isinstance(error, TxkeaError):
            return Unavailable(str(error))
        return Unavailable(f"cannot use the lease file {self.files.active}: {error!r}")

    def _use(self, opened: Opened) -> None:
        self.table = opened.table
        self._lock = opened.lock
        self._width = opened.width
        self._row: Callable[[Any], bytes] = self._rows.format(opened.width)
        revert = self.table.revert
        file = RowFile(self.files.active, self._disk, self._sync)
        file.attach(opened.fd, opened.size)
        self._journal = Journal(
            file,
            self._writer,
            self._syncer,
            self._log,
            lambda change: revert(*change),
            later=self._reactor.callLater,
            delay=self._delay,
        )
        self._append = self._journal.append

    def _note_from_writer(self, severity: str, message: str, text: str) -> None:
        self._writer.tell(self._note, severity, message, text)

    def _note(self, severity: str, message: str, text: str) -> None:
        write = getattr(self._log, severity)
        if write:
            write(message, text)

    async def close(self) -> None:
        journal, self._journal = self._journal, None
        if journal is None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        journal.shut()
        await journal.idle()
        await journal.alone(lambda: self._let_go(journal))
        self._syncer.stop()
        self._writer.stop()

    def _let_go(self, journal: Journal) -> None:
        journal.file.detach()
        self._disk.close(self._lock)

    # -- clean-up

    def _schedule(self) -> None:
        if self._lfc_interval > 0:
            if self._log.info:
                text = f"setting up the Lease File Cleanup interval to {self._lfc_interval} sec"
                self._log.info("DHCPSRV_MEMFILE_LFC_SETUP", text)
            self._timer = self._reactor.callLater(self._lfc_interval, self._time_to_clean_up)

    def _time_to_clean_up(self) -> None:
        self._timer = self._reactor.callLater(self._lfc_interval, self._time_to_clean_up)
        launch(self.clean_up())

    async def clean_up(self) -> bool:
        """Rid the file of superseded rows (Kea's LFC); whether it was done. Does nothing while it is being done."""
        if self._cleaning or self._journal is None:
            return False
        self._cleaning = True
        try:
            return await self._clean_up(self._journal)
        finally:
            self._cleaning = False

    async def _clean_up(self, journal: Journal) -> bool:
        layout = self._rows.schema.layout(self._width)

        def in_writer() -> None:
            # The lock changes hands where `_let_go` takes it: a close may come between.
            self._lock = set_aside(self.files, journal.file, layout, self._disk, self._lock)

        if self._log.info:
            self._log.info("DHCPSRV_MEMFILE_LFC_START", "starting Lease File Cleanup")
        try:
            await journal.alone(in_writer)
        except (TxkeaError, OSError) as error:
            if self._log.error:
                text = f"cannot set {self.files.active} aside for its clean-up: {error}; it stays in use"
                self._log.error("DHCPSRV_MEMFILE_LFC_LEASE_FILE_RENAME_FAIL", text)
            return False
        return await run_cleanup(self.files, self._reactor, self._log)

    @property
    def problem(self) -> str:
        """Why leases cannot be written now; ``""`` when they can."""
        return self._journal.problem if self._journal is not None else ""

    @property
    def journal(self) -> Journal:
        """The journal of an open store."""
        if self._journal is None:
            raise Unavailable(f"the lease file {self.files.active} is not open")
        return self._journal

    # -- changing

    async def add(self, lease: Lease) -> bool:
        row = self._row(lease)
        if not self.table.add(lease):
            return False
        await self._append(row, (lease, None))
        return True

    async def update(self, lease: Lease, was: Lease) -> bool:
        row = self._row(lease)
        if not self.table.update(lease, was):
            return False
        await self._append(row, (lease, was))
        return True

    async def remove(self, lease: Lease) -> bool:
        row = self._rows.removal(lease, self._row)
        if not self.table.remove(lease):
            return False
        await self._append(row, (None, lease))
        return True
