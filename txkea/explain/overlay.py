"""A lease store over another one that is only read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from zope.interface import implementer

from txkea.interfaces import ILeaseStore
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import LeaseState

__all__ = ["Overlay"]

OWNERS: Final[Mapping[IdentifierKind, Callable[[Any], bytes]]] = {
    IdentifierKind.HW_ADDRESS: lambda lease: lease.hwaddr,
    IdentifierKind.CLIENT_ID: lambda lease: getattr(lease, "client_id", b""),
    IdentifierKind.DUID: lambda lease: getattr(lease, "duid", b""),
}
"""What of a lease an identifier is compared with."""
EXPIRE: Final = (LeaseState.DEFAULT, LeaseState.DECLINED, LeaseState.RELEASED)


@implementer(ILeaseStore)
class Overlay:
    """Reads from a store, and keeps to itself what is written: a change or two, of one query.

    ``seen`` are the rows that were asked for by address, None where there was none.
    """

    def __init__(self, store: ILeaseStore) -> None:
        self._store = store
        self.name = store.name
        self.shared = store.shared
        self.problem = store.problem
        self.written: dict[bytes, Any] = {}
        """Address to the row that was written, None for one that was removed."""
        self.seen: dict[bytes, Any] = {}

    async def open(self) -> None:
        """The store is open."""

    async def close(self) -> None:
        """The store stays open."""

    def _apart(self, leases: Iterable[Any]) -> list[Any]:
        """Those of the store's leases that were not written since."""
        return [lease for lease in leases if lease.address not in self.written]

    def _changed(self, which: Callable[[Any], bool]) -> list[Any]:
        return [lease for lease in self.written.values() if lease is not None and which(lease)]

    async def get(self, address: bytes) -> Any:
        if address in self.written:
            return self.written[address]
        row = self.seen[address] = await self._store.get(address)
        return row

    async def several(self, addresses: Sequence[bytes]) -> Sequence[Any]:
        return [await self.get(address) for address in addresses]

    async def by_client(self, identifier: Identifier) -> Sequence[Any]:
        owner = OWNERS.get(identifier.kind)
        if owner is None or not identifier.value:
            return ()
        leases = self._apart(await self._store.by_client(identifier))
        return leases + self._changed(lambda lease: owner(lease) == identifier.value)

    async def add(self, lease: Any) -> bool:
        """See `ILeaseStore`."""
        if await self.get(lease.address) is not None:
            return False
        if len(lease.address) == 16 and await self.overlapping(lease.address, lease.prefix_length):
            return False
        self.written[lease.address] = lease
        return True

    async def update(self, lease: Any, was: Any) -> bool:
        """See `ILeaseStore`."""
        if await self.get(was.address) != was:
            return False
        self.written[lease.address] = lease
        return True

    async def remove(self, lease: Any) -> bool:
        """See `ILeaseStore`."""
        if await self.get(lease.address) != lease:
            return False
        self.written[lease.address] = None
        return True

    async def expired(self, now: float, limit: int) -> Sequence[Any]:
        written = self._changed(lambda lease: lease.state in EXPIRE and lease.expired(now))
        return self._apart(await self._store.expired(now, limit)) + written

    async def reclaimed(self, before: float, limit: int) -> Sequence[Any]:
        written = self._changed(lambda lease: lease.state == LeaseState.RECLAIMED and lease.expires < before)
        return self._apart(await self._store.reclaimed(before, limit)) + written

    async def overlapping(self, address: bytes, length: int) -> Sequence[Any]:
        rows = await self._store.overlapping(address, length)
        for row in rows:
            self.seen[row.address] = row
        return self._apart(rows) + self._changed(lambda lease: _overlap(lease, address, length))

    async def counts(self) -> Mapping[tuple[int, int, int], int]:
        """Those of the store alone: no query asks."""
        counts: Mapping[tuple[int, int, int], int] = await self._store.counts()
        return counts

    async def page(self, after: bytes | None, limit: int) -> Sequence[Any]:
        """Those of the store alone: no query asks."""
        page: Sequence[Any] = await self._store.page(after, limit)
        return page


def _overlap(lease: Any, address: bytes, length: int) -> bool:
    """Whether a lease and a prefix share an address: the shorter prefix holds the longer one."""
    differing = int.from_bytes(lease.address, "big") ^ int.from_bytes(address, "big")
    return not differing >> 128 - min(lease.prefix_length, length)
