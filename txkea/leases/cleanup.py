"""Clean-up of a lease file (Kea's LFC): superseded rows and freed addresses vanish.

Runs as a process of its own, ``python -m txkea.leases.cleanup``, with the arguments of ``kea-lfc``; either may finish
what the other began.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final, NamedTuple

from txkea.errors import TxkeaError, Unavailable
from txkea.leases.disk import Disk
from txkea.leases.leasefile import ROWS, LeaseFiles, RowErrors, load, read_layout, running
from txkea.leases.rows import Layout, Rows
from txkea.model.lease import Lease

__all__ = ["Paths", "clean", "main"]

_ROWS: Final = 4096
"""How many rows are written at once."""
_SWITCHES: Final = {"-x": "previous", "-i": "input", "-o": "output", "-f": "completed", "-p": "pid", "-c": ""}
"""What ``kea-lfc`` calls its files; the configuration that it is told of means nothing to it."""


class Paths(NamedTuple):
    """The files of one clean-up, as ``kea-lfc`` is told them (Kea E025)."""

    previous: str
    input: str
    output: str
    completed: str
    pid: str
    family: int = 4

    @classmethod
    def of(cls, files: LeaseFiles) -> Paths:
        """Those of a lease file."""
        return cls(files.previous, files.input, files.output, files.completed, files.pid, files.family)

    @classmethod
    def from_arguments(cls, arguments: Sequence[str]) -> Paths:
        """Those that a command line names; raises `ValueError`."""
        found: dict[str, str] = {}
        families = [argument for argument in arguments if argument in ("-4", "-6")]
        rest = iter([argument for argument in arguments if argument not in ("-4", "-6", "-d")])
        for switch in rest:
            value = next(rest, None)
            if switch not in _SWITCHES or value is None:
                raise ValueError(f"{switch!r} is unknown or lacks its value")
            found[_SWITCHES[switch]] = value
        found.pop("", None)
        if len(families) != 1 or len(found) != len(_SWITCHES) - 1:
            raise ValueError("something is missing")
        return cls(**found, family=int(families[0][1:]))

    def arguments(self) -> list[str]:
        """The command line that names them."""
        pairs = [(switch, getattr(self, name, "ignored")) for switch, name in _SWITCHES.items()]
        return [f"-{self.family}", *(part for pair in pairs for part in pair)]


def clean(paths: Paths, disk: Disk, errors: RowErrors) -> int | None:
    """Merge input and previous file into a new previous one (Kea E026); gives how many leases it has.

    None if an earlier run had merged them and only the renaming was left. Whenever it is interrupted, the files
    tell which step comes next, and hold every lease: each step is durable before the next begins.
    """
    count = None
    if not disk.exists(paths.completed):
        count = _merge(paths, disk, errors)
    for path in (paths.previous, paths.input):
        if disk.exists(path):
            disk.unlink(path)
    disk.sync_directory(paths.completed)
    disk.rename(paths.completed, paths.previous)
    disk.sync_directory(paths.completed)
    return count


def _merge(paths: Paths, disk: Disk, errors: RowErrors) -> int:
    rows = ROWS[paths.family]
    leases: dict[bytes, Lease] = {}
    sources = [path for path in (paths.previous, paths.input) if disk.exists(path)]
    layouts = [load(path, rows, leases, errors) for path in sources]
    pooled = any(layout is not None and "pool_id" in layout.names for layout in layouts)
    fd = disk.open(paths.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        _write(fd, leases, rows, rows.schema.wanted(pooled), disk)
        disk.fdatasync(fd)
    finally:
        disk.close(fd)
    disk.rename(paths.output, paths.completed)
    disk.sync_directory(paths.completed)
    return len(leases)


def _write(fd: int, leases: Mapping[bytes, Lease], rows: Rows, layout: Layout, disk: Disk) -> None:
    row = rows.format(layout.width)
    _put(fd, layout.header, disk)
    every = iter(leases.values())
    while data := b"".join(map(row, islice(every, _ROWS))):
        _put(fd, data, disk)


def _put(fd: int, data: bytes, disk: Disk) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[disk.write(fd, rest) :]


# -- the process -------------------------------------------------------------------------------------------------------

_USAGE: Final = (
    "usage: python -m txkea.leases.cleanup -4|-6 -x PREVIOUS -i INPUT -o OUTPUT -f COMPLETED -p PIDFILE -c ignored"
)


def _claim(path: str) -> None:
    """Write our process number, unless a living process has written its own."""
    if (pid := running(path)) is not None:
        raise Unavailable(f"{path}: process {pid} is cleaning up already")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "w") as file:
        file.write(f"{os.getpid()}\n")


def _say(text: str) -> None:
    """Tell whoever started us, if it still listens: a server that ended meanwhile stops no clean-up."""
    with suppress(OSError):
        os.write(2, f"{text}\n".encode("utf-8", "replace"))


def main(arguments: Sequence[str], say: Callable[[str], object] = _say) -> int:
    """Clean up once and ``say`` what came of it; gives the exit status, as ``kea-lfc`` does."""
    try:
        paths = Paths.from_arguments(arguments)
    except ValueError as error:
        say(f"{error}\n{_USAGE}")
        return 1
    os.umask(0o027)
    errors = RowErrors(tell=say)
    try:
        _claim(paths.pid)
        try:
            for path in (paths.previous, paths.input):
                read_layout(path, ROWS[paths.family])
            count = clean(paths, Disk(), errors)
        finally:
            os.unlink(paths.pid)
    except (TxkeaError, OSError) as error:
        say(str(error))
        return 1
    left = "an earlier clean-up was finished" if count is None else f"{count} leases"
    say(f"{paths.previous}: {left}, {errors.count} bad rows left out")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
