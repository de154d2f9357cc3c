"""Leases in memory, and in Kea's lease file before they are acknowledged."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from twisted.internet.task import deferLater
from zope.interface import implementer

from txkea.errors import ConfigError, TxkeaError, Unavailable
from txkea.interfaces import ILogger, IProviderFactory
from txkea.launch import launch
from txkea.leases.disk import Disk
from txkea.leases.journal import Journal
from txkea.leases.leasefile import LeaseFiles, running
from txkea.leases.lfc import run_cleanup, set_aside
from txkea.leases.memory import MemoryLeases
from txkea.leases.opening import Opened, Opening
from txkea.leases.rows import SCHEMA4, format4, removal4
from txkea.leases.sanity import sanity_check
from txkea.leases.writer import Writer, WriterThread, call
from txkea.model.lease import Lease

__all__ = ["MEMFILE", "MemfileLeases"]

_WAIT_FOR_CLEANUP: Final = 30.0
"""Seconds that an opening waits for a clean-up that a server before started."""
_POLL: Final = 0.1

Change = tuple["Lease | None", "Lease | None"]
"""What an address has now, and what it had."""


class MemfileLeases(MemoryLeases):
    """A lease store in Kea's lease file (Kea E.2), read from memory as `MemoryLeases` is.

    A change shows in memory at once; its awaitable fires when its row is durable. Whoever builds on a change that is
    not durable yet writes a row behind it, so both are kept or both are undone.

    ``lfc_interval`` is in seconds (0: never), ``commit_delay`` in milliseconds; ``max_row_errors`` 0 tolerates any
    number of bad rows (Kea E020). ``check`` sees each loaded lease (Kea A034). ``pool_id`` adds that column of Kea 3
    to a file that has it not.
    """

    def __init__(
        self,
        path: str,
        *,
        reactor: Any,
        log: ILogger,
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
        self.files = LeaseFiles(path)
        self._reactor = reactor
        self._log = log
        self._disk = disk or Disk()
        self._make_writer = writer or (lambda: WriterThread(reactor.callFromThread))
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
        self._width = SCHEMA4.current
        self._journal: Journal | None = None

    # -- opening and closing

    async def open(self) -> None:
        if self._log.info:
            self._log.info("DHCPSRV_MEMFILE_DB", f"opening memory file lease database: {self.files.active}")
        await self._no_cleanup()
        self._writer = self._make_writer()
        try:
            opened: Opened = await call(self._writer, self._opening.run)
        except Exception as error:
            self._writer.stop()
            raise self._cannot_open(error) from error
        self._use(opened)
        if opened.moved:
            launch(self.clean_up())
        self._schedule()

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
        self._row: Callable[[Any], bytes] = format4(opened.width)
        revert = self.table.revert
        self._journal = Journal(
            self.files.active,
            self._writer,
            self._disk,
            self._log,
            lambda change: revert(*change),
            sync=self._sync,
            delay=self._delay,
        )
        self._journal.attach(opened.fd, opened.size)
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
        await call(self._writer, lambda: self._let_go(journal))
        self._writer.stop()

    def _let_go(self, journal: Journal) -> None:
        journal.detach()
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
        layout = SCHEMA4.layout(self._width)

        def in_writer() -> None:
            # The lock changes hands where `_let_go` takes it: a close may come between.
            self._lock = set_aside(self.files, journal, layout, self._disk, self._lock)

        if self._log.info:
            self._log.info("DHCPSRV_MEMFILE_LFC_START", "starting Lease File Cleanup")
        try:
            await call(self._writer, in_writer)
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
        row = removal4(lease, self._row)  # type: ignore[arg-type]
        if not self.table.remove(lease):
            return False
        await self._append(row, (None, lease))
        return True


# -- from a configuration ----------------------------------------------------------------------------------------------


def _number(parameters: Mapping[str, Any], name: str, default: float) -> float:
    value = parameters.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 0xFFFFFFFF:
        raise ConfigError(f"must be a number, at least 0, not {value!r}", f"Dhcp4.lease-database.{name}")
    return value


def _flag(parameters: Mapping[str, Any], name: str, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise ConfigError(f"must be true or false, not {value!r}", f"Dhcp4.lease-database.{name}")
    return value


def _file(name: Any, lease_file: Callable[[str], str]) -> str:
    """The path of a configured name, which must be that of a file (Kea #4647)."""
    if not isinstance(name, str) or "\0" in name or name.endswith("/") or os.path.basename(name) in (".", ".."):
        raise ConfigError(f"must be the name of a file, not {name!r}", "Dhcp4.lease-database.name")
    return lease_file(name)


@implementer(IProviderFactory)
class _MemfileFactory:
    """Makes a memfile of the ``lease-database`` map (Kea E001-E003, E020).

    ``sync``, ``commit-delay`` and ``pool-id`` are our own.

    ``site`` has ``reactor``, ``log``, ``configuration``, and ``paths.lease_file(name)``.
    """

    name = "memfile"
    parameters = ("name", "persist", "lfc-interval", "max-row-errors", "sync", "commit-delay", "pool-id")

    def make(self, parameters: Mapping[str, Any], site: Any) -> MemfileLeases | MemoryLeases:
        if not _flag(parameters, "persist", True):
            if site.log.warn:
                site.log.warn(
                    "DHCPSRV_MEMFILE_NO_STORAGE", "running without a lease file: all leases end with the server"
                )
            return MemoryLeases(self.name)
        return MemfileLeases(
            _file(parameters.get("name", ""), site.paths.lease_file),
            reactor=site.reactor,
            log=site.log,
            sync=_flag(parameters, "sync", True),
            lfc_interval=_number(parameters, "lfc-interval", 3600),
            max_row_errors=int(_number(parameters, "max-row-errors", 0)),
            commit_delay=_number(parameters, "commit-delay", 1.5),
            pool_id=_flag(parameters, "pool-id", False),
            check=sanity_check(site.configuration, site.log),
        )


MEMFILE: Final = _MemfileFactory()
"""The factory that the configuration calls ``memfile``."""
