"""Leases in memory: a store of its own, and the half of memfile that answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Final

from zope.interface import implementer

from txkea.interfaces import ILeaseStore
from txkea.leases.order import AddressOrder
from txkea.leases.timetable import Timetable
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import INFINITE, Lease4, LeaseState

__all__ = ["LeaseTable", "MemoryLeases"]

_RECLAIMED: Final = int(LeaseState.RECLAIMED)
_KIND: Final = itemgetter(5, 9)

_Index = dict[bytes, "Lease4 | dict[bytes, Lease4]"]
"""Leases by a client's key: the lease itself, or several by their addresses.

A million clients have one lease each, and one hostile client may have a hundred thousand.
"""


def _link(index: _Index, key: bytes, lease: Lease4) -> None:
    """Enter a lease, or replace the one with its address."""
    there = index.get(key)
    if there is None:
        index[key] = lease
    elif there.__class__ is dict:
        there[lease.address] = lease
    elif there[0] == lease[0]:  # type: ignore[index]
        index[key] = lease
    else:
        index[key] = {there[0]: there, lease[0]: lease}  # type: ignore


def _relink(index: _Index, old: bytes, new: bytes, there: Lease4, lease: Lease4) -> None:
    """Replace a lease by another of its address, whose key may differ."""
    if old == new:
        if not new:
            return
        entry = index[new]
        if entry is there:
            index[new] = lease
        else:
            entry[lease[0]] = lease  # type: ignore[index]
        return
    if old:
        _unlink(index, old, lease[0])
    if new:
        _link(index, new, lease)


def _unlink(index: _Index, key: bytes, address: bytes) -> None:
    """Take a lease out that is there."""
    there = index[key]
    if isinstance(there, Lease4):
        del index[key]
        return
    del there[address]
    if len(there) == 1:
        (index[key],) = there.values()


class LeaseTable:
    """Leases by address and by client, by their end, and in order; every method is done when it returns.

    Keys are the very bytes objects of the leases: a million leases take 0.5 GB, and tuples would double that.
    """

    __slots__ = ("_by_address", "_by_client_id", "_by_hwaddr", "_counts", "_order", "_reclaimed", "_running")

    def __init__(self, leases: Mapping[bytes, Lease4] | None = None) -> None:
        """``leases`` by address; the dictionary becomes the table's own."""
        self._by_address: dict[bytes, Lease4] = leases if isinstance(leases, dict) else {}
        self._by_hwaddr: _Index = {}
        self._by_client_id: _Index = {}
        self._counts = {
            (subnet, state, 0): count
            for (subnet, state), count in Counter(map(_KIND, self._by_address.values())).items()
        }
        self._order = AddressOrder(self._by_address)
        self._running = Timetable(self._still_running, self._by_address)
        self._reclaimed = Timetable(self._still_reclaimed, self._by_address)
        self._enter(self._by_address.values())

    def __len__(self) -> int:
        return len(self._by_address)

    def __iter__(self) -> Iterator[Lease4]:
        return iter(self._by_address.values())

    # -- reading

    def get(self, address: bytes) -> Lease4 | None:
        """See `ILeaseStore.get`."""
        return self._by_address.get(address)

    def by_client(self, identifier: Identifier) -> Sequence[Lease4]:
        """See `ILeaseStore.by_client`."""
        kind, value = identifier
        if kind == IdentifierKind.HW_ADDRESS:
            there = self._by_hwaddr.get(value)
        elif kind == IdentifierKind.CLIENT_ID:
            there = self._by_client_id.get(value)
        else:
            return ()
        if there is None:
            return ()
        return (there,) if isinstance(there, Lease4) else list(there.values())

    def expired(self, now: float, limit: int) -> Sequence[Lease4]:
        """See `ILeaseStore.expired`."""
        return self._running.due(now, limit)

    def reclaimed(self, before: float, limit: int) -> Sequence[Lease4]:
        """See `ILeaseStore.reclaimed`."""
        return self._reclaimed.due(before, limit)

    def counts(self) -> Mapping[tuple[int, int, int], int]:
        """See `ILeaseStore.counts`."""
        return {key: count for key, count in self._counts.items() if count}

    def page(self, after: bytes | None, limit: int) -> Sequence[Lease4]:
        """See `ILeaseStore.page`."""
        leases = self._by_address
        return [leases[address] for address in self._order.after(after, limit)]

    def _still_running(self, address: bytes, second: int) -> Lease4 | None:
        lease = self._by_address.get(address)
        if lease is None or lease[4] != second or lease[9] == _RECLAIMED or lease[3] == INFINITE:
            return None
        return lease

    def _still_reclaimed(self, address: bytes, second: int) -> Lease4 | None:
        lease = self._by_address.get(address)
        return lease if lease is not None and lease[4] == second and lease[9] == _RECLAIMED else None

    # -- changing

    def add(self, lease: Lease4) -> bool:
        """See `ILeaseStore.add`."""
        address = lease[0]
        if address in self._by_address:
            return False
        self._by_address[address] = lease
        self._order.add(address)
        self._enter((lease,))
        self._count(lease, 1)
        return True

    def update(self, lease: Lease4, was: Lease4) -> bool:
        """See `ILeaseStore.update`."""
        address, hwaddr, client_id, lifetime, expires = lease[:5]
        there = self._by_address.get(address)
        if there is None or (there is not was and there != was):
            return False
        self._by_address[address] = lease
        _relink(self._by_hwaddr, there[1], hwaddr, there, lease)
        _relink(self._by_client_id, there[2], client_id, there, lease)
        if lease[9] != there[9] or lease[5] != there[5]:
            self._count(there, -1)
            self._count(lease, 1)
        if expires != there[4] or lease[9] != there[9] or lifetime != there[3]:
            self._schedule(lease)
        return True

    def remove(self, lease: Lease4) -> bool:
        """See `ILeaseStore.remove`."""
        address = lease[0]
        there = self._by_address.get(address)
        if there is None or (there is not lease and there != lease):
            return False
        del self._by_address[address]
        self._order.discard(address)
        if there[1]:
            _unlink(self._by_hwaddr, there[1], address)
        if there[2]:
            _unlink(self._by_client_id, there[2], address)
        self._count(there, -1)
        return True

    def revert(self, lease: Lease4 | None, was: Lease4 | None) -> None:
        """Undo the latest change of an address: ``lease`` is what it has (None: nothing), ``was`` what it had."""
        if lease is None:
            assert was is not None
            self.add(was)
        elif was is None:
            self.remove(lease)
        else:
            self.update(was, lease)

    def _enter(self, leases: Iterable[Lease4]) -> None:
        """Enter leases that are new by address into the indexes by client and by end."""
        by_hwaddr, by_client_id, schedule = self._by_hwaddr, self._by_client_id, self._schedule
        for lease in leases:
            hwaddr, client_id = lease[1], lease[2]
            # One look where the client is new, as nearly all are.
            if hwaddr and by_hwaddr.setdefault(hwaddr, lease) is not lease:
                _link(by_hwaddr, hwaddr, lease)
            if client_id and by_client_id.setdefault(client_id, lease) is not lease:
                _link(by_client_id, client_id, lease)
            schedule(lease)

    def _count(self, lease: Lease4, step: int) -> None:
        key = (lease[5], lease[9], 0)
        self._counts[key] = self._counts.get(key, 0) + step

    def _schedule(self, lease: Lease4) -> None:
        """Note the end of a lease, if it has one."""
        if lease[9] == _RECLAIMED:
            self._reclaimed.note(lease[0], lease[4])
        elif lease[3] != INFINITE:
            self._running.note(lease[0], lease[4])


@implementer(ILeaseStore)
class MemoryLeases:
    """A lease store that ends with the process (Kea's memfile with ``persist: false``); nothing in it waits."""

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.table = LeaseTable()

    async def open(self) -> None:
        """Nothing to make ready."""

    async def close(self) -> None:
        """Nothing to let go of."""

    async def get(self, address: bytes) -> Lease4 | None:
        return self.table.get(address)

    async def by_client(self, identifier: Identifier) -> Sequence[Lease4]:
        return self.table.by_client(identifier)

    async def add(self, lease: Lease4) -> bool:
        return self.table.add(lease)

    async def update(self, lease: Lease4, was: Lease4) -> bool:
        return self.table.update(lease, was)

    async def remove(self, lease: Lease4) -> bool:
        return self.table.remove(lease)

    async def expired(self, now: float, limit: int) -> Sequence[Lease4]:
        return self.table.expired(now, limit)

    async def reclaimed(self, before: float, limit: int) -> Sequence[Lease4]:
        return self.table.reclaimed(before, limit)

    async def counts(self) -> Mapping[tuple[int, int, int], int]:
        return self.table.counts()

    async def page(self, after: bytes | None, limit: int) -> Sequence[Lease4]:
        return self.table.page(after, limit)
