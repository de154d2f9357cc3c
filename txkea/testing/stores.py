"""Lease stores that count, that wait until a test lets them go on, and that fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txkea.errors import Unavailable
from txkea.exchange.around import LeasesAround
from txkea.interfaces import ILeaseStore
from txkea.leases.memory import MemoryLeases
from txkea.leases.table import LeaseTable

__all__ = ["CountingLeases", "FailingLeases", "SharedLeases", "WaitingLeases"]

T = TypeVar("T")


class SharedLeases(MemoryLeases):
    """Leases that several servers in one process use."""

    shared = True


@implementer(ILeaseStore)
class _Around(LeasesAround):
    """A store around leases in memory."""

    inner: MemoryLeases

    def __init__(self, inner: MemoryLeases | None = None) -> None:
        super().__init__(inner or MemoryLeases())
        self.name = "double"

    @property
    def table(self) -> LeaseTable:
        """The leases themselves."""
        return self.inner.table


class CountingLeases(_Around):
    """A store that counts its calls in ``calls``."""

    def __init__(self, inner: MemoryLeases | None = None) -> None:
        super().__init__(inner)
        self.calls: Counter[str] = Counter()

    async def _call(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        self.calls[name] += 1
        return await call()


class WaitingLeases(_Around):
    """A store whose every call waits in ``waiting`` until a test lets it go on: as a database does."""

    def __init__(self, inner: MemoryLeases | None = None) -> None:
        super().__init__(inner)
        self.waiting: list[tuple[str, Deferred[None]]] = []

    async def _call(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        gate: Deferred[None] = Deferred()
        self.waiting.append((name, gate))
        await gate
        return await call()

    def go_on(self, number: int = 0) -> str:
        """Let one call go on, the one that has waited longest unless told otherwise; gives its name."""
        name, gate = self.waiting.pop(number)
        gate.callback(None)
        return name

    def fail(self, number: int = 0, error: Exception | None = None) -> str:
        """Let one call fail; gives its name."""
        name, gate = self.waiting.pop(number)
        gate.errback(error or Unavailable("the connection was lost"))
        return name

    def finish(self) -> None:
        """Let everything go on until nothing waits."""
        while self.waiting:
            self.go_on()


class FailingLeases(_Around):
    """A store whose calls named in ``failing`` raise `Unavailable`, or ``error``."""

    def __init__(self, *failing: str, inner: MemoryLeases | None = None) -> None:
        super().__init__(inner)
        self.failing = set(failing)
        self.error: Any = Unavailable("the disk is full")

    async def _call(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        if name in self.failing:
            raise self.error
        return await call()
