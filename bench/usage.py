"""What a process and its children have used, from /proc."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

__all__ = ["busy_seconds", "cpu_seconds", "peak_memory", "resident_memory"]

TICK: Final = 1 / os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads, and its children, living or reaped."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = sum(int(field) for field in fields[11:15]) * TICK  # utime, stime, cutime, cstime
    for child in _children(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            own += cpu_seconds(child)
    return own


def busy_seconds() -> float:
    """CPU time that the whole machine has spent on anything, time stolen by other machines included."""
    user, nice, system, _, _, irq, softirq, steal = (int(word) for word in Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) * TICK


def peak_memory(pid: int) -> float:
    """The most memory that was resident at once, in MB; of the process alone."""
    return _status(pid, "VmHWM")


def resident_memory(pid: int) -> float:
    """Resident memory now, in MB; of the process alone."""
    return _status(pid, "VmRSS")


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024 / 1e6
    raise RuntimeError(f"/proc/{pid}/status has no {name}")
