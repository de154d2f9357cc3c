"""What happens to a lease file before a server may use it; everything here waits for the disk."""

from __future__ import annotations

import gc
import os
import stat
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from attrs import frozen

from txkea.errors import Unavailable
from txkea.leases.cleanup import Paths, clean
from txkea.leases.disk import Disk
from txkea.leases.leasefile import LeaseFiles, RowErrors, load, read_layout, seal
from txkea.leases.rows import Layout
from txkea.leases.table import LeaseTable
from txkea.model.lease import Lease

__all__ = ["Opened", "Opening", "begin", "claim"]


class Opened(NamedTuple):
    """A lease file in use."""

    table: LeaseTable
    fd: int
    lock: int
    """A descriptor that does nothing but hold the lock."""
    size: int
    width: int
    """How many columns rows are written with."""
    moved: bool
    """Whether the file had other columns, and now waits as input of a clean-up."""


def claim(path: str, disk: Disk) -> int:
    """Lock a file, made if need be; gives the descriptor that holds the lock.

    Raises `Unavailable` if another process has it, or if it is no file.
    """
    while True:
        fd = disk.open(path, os.O_RDWR | os.O_CREAT)
        try:
            if not stat.S_ISREG(disk.stat(fd).st_mode):
                raise Unavailable(f"{path} is not a regular file: give the name of one")
            disk.lock(fd)
            if os.path.samestat(disk.stat(fd), os.stat(path)):
                return fd
        except BlockingIOError:
            disk.close(fd)
            raise Unavailable(f"another server uses the lease file {path}: stop it, or give another name") from None
        except (Unavailable, OSError):
            disk.close(fd)
            raise
        disk.close(fd)  # it was renamed between the two calls


def begin(path: str, layout: Layout, disk: Disk) -> tuple[int, int]:
    """Make a new lease file with its header, durably; gives the descriptor and the size."""
    fd = disk.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        disk.ftruncate(fd, 0)
        if disk.write(fd, layout.header) != len(layout.header):
            raise OSError(28, "No space left on device")
        disk.fdatasync(fd)
        disk.sync_directory(path)
    except OSError:
        disk.close(fd)
        raise
    return fd, len(layout.header)


@frozen(kw_only=True)
class Opening:
    """How a lease file is opened; ``check`` sees each lease and gives it back, another in its place, or None."""

    files: LeaseFiles
    disk: Disk
    note: Callable[[str, str, str], object]
    """Logs a severity, an identifier and a text; called in the writer, as all here."""
    max_row_errors: int = 0
    pool_id: bool = False
    check: Callable[[Any], Any] | None = None

    def run(self) -> Opened:
        """Lock, seal, load; raises `Unavailable`, `HeaderError` or `OSError`, and lets go of everything then."""
        lock = claim(self.files.active, self.disk)
        try:
            self._refuse_beside_kea(lock)
            return self._opened(lock)
        except BaseException:
            self.disk.close(lock)
            raise

    def _opened(self, lock: int) -> Opened:
        self._seal(lock)
        rows = self.files.rows
        layouts = [read_layout(path, rows) for path in self.files.to_load(self.disk)]
        pooled = self.pool_id or any(layout is not None and "pool_id" in layout.names for layout in layouts)
        wanted = rows.schema.wanted(pooled)
        table = self._load()
        active = read_layout(self.files.active, rows)
        if active is None or active == wanted:
            fd, size = self._continue() if active else begin(self.files.active, wanted, self.disk)
            return Opened(table, fd, lock, size, wanted.width, False)
        self._tell_difference(active, wanted)
        fd, size = self._move_aside(wanted)
        fresh = claim(self.files.active, self.disk)
        self.disk.close(lock)
        return Opened(table, fd, fresh, size, wanted.width, True)

    def _seal(self, fd: int) -> None:
        cut = seal(self.files.active, self.files.rows, self.disk, fd)
        if cut:
            self.note("warn", "TXKEA_LEASE_FILE_TORN", f"{self.files.active}: the last row was torn, cut off: {cut!r}")

    def _load(self) -> LeaseTable:
        """Read all files; the garbage collector would look through a million leases again and again."""
        leases: dict[bytes, Lease] = {}
        errors = RowErrors(
            self.max_row_errors, lambda text: self.note("error", "DHCPSRV_MEMFILE_LEASE_LOAD_ROW_ERROR", text)
        )
        collecting = gc.isenabled()
        gc.disable()
        try:
            for path in self.files.to_load(self.disk):
                self.note("info", "DHCPSRV_MEMFILE_LEASE_FILE_LOAD", f"loading leases from file {path}")
                load(path, self.files.rows, leases, errors)
            if self.check is not None:
                leases = {lease.address: lease for lease in self._checked(leases)}
            table = LeaseTable(leases)
        finally:
            if collecting:
                gc.enable()
        if errors.count:
            self.note("error", "DHCPSRV_MEMFILE_LEASE_LOAD_ROW_ERROR", f"{errors.count} bad rows were left out")
        return table

    def _checked(self, leases: dict[bytes, Lease]) -> Iterator[Lease]:
        check = self.check
        assert check is not None
        for lease in leases.values():
            good = check(lease)
            if good is not None:
                yield good

    def _continue(self) -> tuple[int, int]:
        fd = self.disk.open(self.files.active, os.O_RDWR | os.O_APPEND)
        return fd, self.disk.stat(fd).st_size

    def _tell_difference(self, active: Layout, wanted: Layout) -> None:
        message = "DHCPSRV_MEMFILE_NEEDS_DOWNGRADING" if active.unknown else "DHCPSRV_MEMFILE_NEEDS_UPGRADING"
        dropped = f"; dropping the columns {', '.join(active.unknown)}" if active.unknown else ""
        text = f"{self.files.active} has {active.width} columns, rewriting it with {wanted.width}{dropped}"
        self.note("warn", message, text)

    def _move_aside(self, wanted: Layout) -> tuple[int, int]:
        """Make room for a file with the right columns; a clean-up will convert the other (Kea E015)."""
        files = self.files
        if self.disk.exists(files.completed) or self.disk.exists(files.input):
            clean(Paths.of(files), self.disk, RowErrors())
        self.disk.rename(files.active, files.input)
        self.disk.sync_directory(files.active)
        return begin(files.active, wanted, self.disk)

    def _refuse_beside_kea(self, lock: int) -> None:
        """Kea takes no lock, so look whether one has the file open; where we may not look, the pid file must do."""
        held = self.disk.stat(lock)
        for process in self.disk.processes():
            try:
                name = (process / "comm").read_text().strip()
                if not name.startswith("kea-dhcp"):
                    continue
                if any(os.path.samestat(held, os.stat(fd)) for fd in (process / "fd").iterdir()):
                    raise Unavailable(
                        f"{name} (process {process.name}) uses the lease file {self.files.active}: "
                        "stop it, or give another name"
                    )
            except OSError:
                continue
