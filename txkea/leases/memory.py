"""Leases in memory: a store of its own, and the half of memfile that answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zope.interface import implementer

from txkea.interfaces import ILeaseStore
from txkea.leases.table import LeaseTable
from txkea.model.identifier import Identifier
from txkea.model.lease import Lease

__all__ = ["MemoryLeases"]


@implementer(ILeaseStore)
class MemoryLeases:
    """A lease store that ends with the process (Kea's memfile with ``persist: false``); nothing in it waits."""

    shared = False

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.table = LeaseTable()

    @property
    def problem(self) -> str:
        """See `ILeaseStore`."""
        return ""

    async def open(self) -> None:
        """Nothing to make ready."""

    async def close(self) -> None:
        """Nothing to let go of."""

    async def get(self, address: bytes) -> Any:
        return self.table.get(address)

    async def several(self, addresses: Sequence[bytes]) -> Sequence[Any]:
        return [*map(self.table.get, addresses)]

    async def by_client(self, identifier: Identifier) -> Sequence[Any]:
        return self.table.by_client(identifier)

    async def add(self, lease: Lease) -> bool:
        return self.table.add(lease)

    async def update(self, lease: Lease, was: Lease) -> bool:
        return self.table.update(lease, was)

    async def remove(self, lease: Lease) -> bool:
        return self.table.remove(lease)

    async def expired(self, now: float, limit: int) -> Sequence[Any]:
        return self.table.expired(now, limit)

    async def reclaimed(self, before: float, limit: int) -> Sequence[Any]:
        return self.table.reclaimed(before, limit)

    async def overlapping(self, address: bytes, length: int) -> Sequence[Any]:
        return self.table.overlapping(address, length)

    async def counts(self) -> Mapping[tuple[int, int, int], int]:
        return self.table.counts()

    async def page(self, after: bytes | None, limit: int) -> Sequence[Any]:
        return self.table.page(after, limit)
