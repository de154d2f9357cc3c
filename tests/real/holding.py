"""A provider that watches the reactor of the server that it is in, and tells for how long it was held.

What the machine took away, because other processes ran instead, is not the server's fault: the kernel tells how long
each thread waited for a processor, and that is taken off.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from zope.interface import implementer

from txkea.control.answer import Answer
from txkea.interfaces import ICommands, IProviderFactory, IRunning

__all__ = ["HOLDING", "LIBRARY"]

LIBRARY: Final = "tests.real.holding.HOLDING"
"""For ``hooks-libraries``."""
PERIOD: Final = 0.005
TASKS: Final = Path("/proc/self/task")
NANOSECONDS: Final = 1e-9


@implementer(IRunning, ICommands)
class Holding:
    """``holding-get`` gives the longest times in seconds that the reactor was held since it was asked last."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._thread = threading.get_native_id()
        self._timer: Any = None
        self._due = 0.0
        self._waited: dict[str, float] = {}
        self._longest: list[float] = []

    async def start(self) -> None:
        """See `IRunning`."""
        self._thread = threading.get_native_id()
        self._waited = _waited()
        self._again()

    async def stop(self) -> None:
        """See `IRunning`."""
        if self._timer is not None:
            self._timer.cancel()

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """See `ICommands`."""
        return {"holding-get": self._get}

    def _again(self) -> None:
        self._due = time.monotonic() + PERIOD
        self._timer = self._reactor.callLater(PERIOD, self._tick)

    def _tick(self) -> None:
        late = time.monotonic() - self._due
        waited, before = _waited(), self._waited
        self._waited = waited
        if late > PERIOD:
            held = max(0.0, late - self._taken(waited, before))
            self._longest = sorted([*self._longest, held])[-5:]
        self._again()

    def _taken(self, waited: Mapping[str, float], before: Mapping[str, float]) -> float:
        """The seconds that the machine took away from the reactor, and from a thread that may have kept it waiting."""
        lost = {name: seconds - before.get(name, seconds) for name, seconds in waited.items()}
        return lost.pop(str(self._thread), 0.0) + max(lost.values(), default=0.0)

    def _get(self, arguments: Any) -> Answer:
        longest, self._longest = self._longest, []
        return Answer(arguments={"longest": longest[::-1]})


def _waited() -> dict[str, float]:
    """The seconds that each thread has waited for a processor."""
    found = {}
    for name in os.listdir(TASKS):
        try:
            found[name] = int((TASKS / name / "schedstat").read_text().split()[1]) * NANOSECONDS
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@implementer(IProviderFactory)
class HoldingFactory:
    """Makes it."""

    name = "holding"
    parameters = ()

    def make(self, parameters: Mapping[str, Any], site: Any) -> Holding:
        """See `IProviderFactory`."""
        return Holding(site.reactor)


HOLDING: Final = HoldingFactory()
