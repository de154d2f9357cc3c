"""Lease stores that count, that wait until a test lets them go on, and that fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txkea.errors import Unavailable
from txkea.interfaces import ILeaseStore
from txkea.leases.memory import MemoryLeases
from txkea.leases.table import LeaseTable
from txkea.model.identifier import Identifier
from txkea.model.lease import Lease

__all__ = ["CountingLeases", "FailingLeases", "WaitingLeases"]

T = TypeVar("T")


@implementer(ILeaseStore)
class _Around:
    """A store around leases in memory; ``_call`` does a named call, now or later."""

    name = "double"

    def __init__(self, inner: MemoryLeases | None = None) -> None:
        self.inner = inner or MemoryLeases()

    @property
    def table(self) -> LeaseTable:
        """The leases themselves."""
        return self.inner.table

    async def _call(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        return await call()

    async def open(self) -> None:
        await self.inner.open()

    async def close(self) -> None:
        await self.inner.close()

    async def get(self, address: bytes) -> Any:
        return await self._call("get", lambda: self.inner.get(address))

    async def by_client(self, identifier: Identifier) -> Sequence[Any]:
        return await self._call("by_client", lambda: self.inner.by_client(identifier))

    async def add(self, lease: Lease) -> bool:
        return await self._call("add", lambda: self.inner.add(lease))

    async def update(self, lease: Lease, was: Lease) -> bool:
        return await self._call("update", lambda: self.inner.update(lease, was))

    async def remove(self, lease: Lease) -> bool:
        return await self._call("remove", lambda: self.inner.remove(lease))

    async def expired(self, now: float, limit: int) -> Sequence[Any]:
        return await self._call("expired", lambda: self.inner.expired(now, limit))

    async def reclaimed(self, before: float, limit: int) -> Sequence[Any]:
        return await self._call("reclaimed", lambda: self.inner.reclaimed(before, limit))

    async def overlapping(self, address: bytes, length: int) -> Sequence[Any]:
        return await self._call("overlapping", lambda: self.inner.overlapping(address, length))

    async def counts(self) -> Mapping[tuple[int, int, int], int]:
        return await self._call("counts", self.inner.counts)

    async def page(self, after: bytes | None, limit: int) -> Sequence[Any]:
        return await self._call("page", lambda: self.inner.page(after, limit))


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
