"""Disks that fail on demand, and a writer that waits until a test lets it work."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from txkea.interfaces import ILogger
from txkea.leases.disk import Disk

__all__ = ["FaultyDisk", "HeldWriter", "Killed", "RecordingLog"]


class Killed(BaseException):
    """The process ended here; what it had done stays."""


class FaultyDisk(Disk):
    """A real disk on which chosen calls fail.

    ``faults`` maps a method's name to what its next calls do: an errno to raise, None to succeed, a number of bytes
    (``write`` alone) to take and no more; the last one stays in force. ``calls`` counts down to `Killed`, which is
    raised before a call that changes something; None: never. ``trace`` are the changing calls made.
    """

    CHANGING = ("write", "fdatasync", "ftruncate", "rename", "unlink", "sync_directory")

    def __init__(self, calls: int | None = None) -> None:
        self.calls = calls
        self.faults: dict[str, list[Any]] = {}
        self.trace: list[str] = []

    def fail(self, name: str, *outcomes: Any) -> None:
        """The next calls of a method do this; without outcomes they succeed again."""
        self.faults[name] = list(outcomes)

    def _outcome(self, name: str) -> Any:
        if name in self.CHANGING:
            if self.calls is not None:
                if self.calls <= 0:
                    raise Killed(name)
                self.calls -= 1
            self.trace.append(name)
        outcomes = self.faults.get(name)
        if not outcomes:
            return None
        return outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]

    def _check(self, name: str) -> None:
        outcome = self._outcome(name)
        if outcome is not None:
            raise OSError(outcome, os.strerror(outcome))

    def open(self, path: str, flags: int) -> int:
        """See `Disk`."""
        self._check("open")
        return super().open(path, flags)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """See `Disk`; an outcome ``("short", n)`` takes n bytes."""
        outcome = self._outcome("write")
        if isinstance(outcome, tuple):
            return super().write(fd, memoryview(data)[: outcome[1]])
        if outcome is not None:
            raise OSError(outcome, os.strerror(outcome))
        return super().write(fd, data)

    def fdatasync(self, fd: int) -> None:
        """See `Disk`."""
        self._check("fdatasync")

    def ftruncate(self, fd: int, size: int) -> None:
        """See `Disk`."""
        self._check("ftruncate")
        super().ftruncate(fd, size)

    def rename(self, old: str, new: str) -> None:
        """See `Disk`."""
        self._check("rename")
        super().rename(old, new)

    def unlink(self, path: str) -> None:
        """See `Disk`."""
        self._check("unlink")
        super().unlink(path)

    def sync_directory(self, path: str) -> None:
        """See `Disk`."""
        self._check("sync_directory")


class HeldWriter:
    """A writer whose work waits in ``work`` until `run`."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []
        self.stopped = False

    def submit(self, work: Callable[[], None]) -> None:
        """Keep it."""
        self.work.append(work)

    def run(self) -> None:
        """Do what waits now; what it leads to waits in its turn."""
        work, self.work = self.work, []
        for each in work:
            each()

    def run_all(self) -> None:
        """Do what waits, and what that leads to."""
        while self.work:
            self.run()

    def tell(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call it here and now."""
        function(*arguments)

    def stop(self) -> None:
        """Remember it."""
        self.stopped = True


@implementer(ILogger)
class RecordingLog:
    """A logger that keeps what it is told in ``lines``: identifier and text."""

    name = "test"

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        keep: Callable[[str, str], None] | None = self._keep
        self.debug = self.info = self.warn = self.error = self.fatal = keep

    def _keep(self, message: str, text: str) -> None:
        self.lines.append((message, text))

    def texts(self, message: str) -> list[str]:
        """The texts of one identifier."""
        return [text for identifier, text in self.lines if identifier == message]
