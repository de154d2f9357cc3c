"""A lease store around another one: every call passes through one place, where it can be timed, held up or counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from zope.interface import implementer

from txkea.interfaces import ILeaseStore
from txkea.model.identifier import Identifier
from txkea.model.lease import Lease

__all__ = ["LeasesAround"]

T = TypeVar("T")


@implementer(ILeaseStore)
class LeasesAround:
    """Passes each call on to ``inner``; `_call` does a named call, and is what others make their own."""

    def __init__(self, inner: ILeaseStore) -> None:
        self.inner = inner
        self.name = inner.name
        self.shared = inner.shared

    @property
    def problem(self) -> str:
        """See `ILeaseStore`."""
        return self.inner.problem

    async def _call(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        return await call()

    async def open(self) -> None:
        await self.inner.open()

    async def close(self) -> None:
        await self.inner.close()

    async def get(self, address: bytes) -> Any:
        return await self._call("get", lambda: self.inner.get(address))

    async def several(self, addresses: Sequence[bytes]) -> Sequence[Any]:
        return await self._call("several", lambda: self.inner.several(addresses))

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
