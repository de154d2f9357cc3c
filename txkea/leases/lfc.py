"""The clean-up of a lease file as the server sees it: set the file aside, run a child process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

import txkea
from txkea.interfaces import ILogger
from txkea.leases.cleanup import Paths
from txkea.leases.disk import Disk
from txkea.leases.leasefile import LeaseFiles
from txkea.leases.opening import begin, claim
from txkea.leases.rowfile import RowFile
from txkea.leases.rows import Layout

__all__ = ["run_cleanup", "set_aside"]

_REMEMBERED = 4000
"""How many of the last bytes that the child said are told when it failed."""


def set_aside(files: LeaseFiles, file: RowFile, layout: Layout, disk: Disk, lock: int) -> int:
    """Make the active file the input of a clean-up and go on in a new one; gives the descriptor of the new lock.

    Runs in the writer while no row is on its way. Does nothing if an earlier clean-up has not ended (Kea E024). When
    the new file cannot be made, the old one stays in use and `OSError` tells why.
    """
    if disk.exists(files.completed) or disk.exists(files.input):
        return lock
    file.settle()
    disk.rename(files.active, files.input)
    fd = -1
    try:
        disk.sync_directory(files.active)  # lest the new file outlive a crash that the old one's new name does not
        fd, size = begin(files.active, layout, disk)
        fresh = claim(files.active, disk)
    except BaseException:
        if fd >= 0:
            disk.close(fd)
        _bring_back(files, file, disk)
        raise
    file.replace(fd, size)
    disk.close(lock)
    return fresh


def _bring_back(files: LeaseFiles, file: RowFile, disk: Disk) -> None:
    try:
        disk.rename(files.input, files.active)
        disk.sync_directory(files.active)
    except OSError:
        # Rows written now would go into a file that a clean-up deletes. Better none than lost ones.
        file.detach()
        raise


class _Child(ProcessProtocol):
    """The clean-up process; ``ended`` fires with its exit status, -1 if a signal ended it, and what it said."""

    def __init__(self) -> None:
        self.ended: Deferred[tuple[int, str]] = Deferred()
        self._said = b""

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self._said = (self._said + data)[-_REMEMBERED:]

    def processEnded(self, reason: Failure) -> None:
        status = getattr(reason.value, "exitCode", None)
        self.ended.callback((-1 if status is None else status, self._said.decode("utf-8", "replace").strip()))


def _command() -> list[str]:
    """The program, which KEA_LFC_EXECUTABLE may replace (Kea E025)."""
    other = os.environ.get("KEA_LFC_EXECUTABLE")
    return [other] if other else [sys.executable, "-m", "txkea.leases.cleanup"]


def _environment() -> dict[str, str]:
    """Ours, and where txkea was found, so that a copy that is not installed finds itself."""
    where = str(Path(txkea.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (where, os.environ.get("PYTHONPATH"))))}


async def run_cleanup(files: LeaseFiles, reactor: Any, log: ILogger) -> bool:
    """Run the clean-up to its end; whether it succeeded. A failure is logged, and the next run goes on from there."""
    command = [*_command(), *Paths.of(files).arguments()]
    if log.info:
        log.info("DHCPSRV_MEMFILE_LFC_EXECUTE", f"executing lease file cleanup: {' '.join(command)}")
    child = _Child()
    try:
        reactor.spawnProcess(child, command[0], command, env=_environment(), childFDs={0: "w", 1: "r", 2: "r"})
    except OSError as error:
        if log.error:
            log.error("DHCPSRV_MEMFILE_LFC_SPAWN_FAIL", f"{command[0]} cannot be run: {error.strerror}")
        return False
    status, said = await child.ended
    if status != 0 and log.error:
        log.error("TXKEA_LFC_FAILED", f"the clean-up of {files.active} failed with status {status}: {said}")
    return status == 0
