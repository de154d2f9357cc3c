"""Leases under all their keys: by address and by client, by their end, and in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

from txkea.leases.order import AddressOrder
from txkea.leases.timetable import Timetable
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import INFINITE, Lease, Lease4, Lease6, LeaseState, LeaseType

__all__ = ["LeaseTable"]

_RECLAIMED: Final = int(LeaseState.RECLAIMED)
_PD: Final = int(LeaseType.PD)
_KIND: Final = attrgetter("subnet_id", "state", "type")
_FEW: Final = 16
"""How many of the leases inside a prefix are told: one is enough to know that it is taken."""
_OTHER_FAMILY: Final = {Lease4: IdentifierKind.DUID, Lease6: IdentifierKind.CLIENT_ID}
"""What the clients of leases like these are not known by: one index serves both families."""

_Index = dict[bytes, "Lease | dict[bytes, Lease]"]
"""Leases by a client's key: the lease itself, or several by their addresses.

A million clients have one lease each, and one hostile client may have a hundred thousand.
"""


def _link(index: _Index, key: bytes, lease: Lease) -> None:
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


def _relink(index: _Index, old: bytes, new: bytes, there: Lease, lease: Lease) -> None:
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
    if not isinstance(there, dict):
        del index[key]
        return
    del there[address]
    if len(there) == 1:
        (index[key],) = there.values()


class LeaseTable:
    """The leases of one family; every method is done when it returns.

    Clients of DHCPv4 are found by hardware address too. Nothing that DHCPv6 does asks for one, so its leases do not pay
    for that index, 0.4 µs a change.

    Keys are the very bytes objects of the leases: a million leases take 0.5 GB, and tuples would double that.
    """

    __slots__ = ("_by_address", "_by_client", "_by_hwaddr", "_counts", "_lengths", "_order", "_reclaimed", "_running")

    def __init__(self, leases: Mapping[bytes, Lease] | None = None) -> None:
        """``leases`` by address; the dictionary becomes the table's own."""
        self._by_address: dict[bytes, Lease] = leases if isinstance(leases, dict) else {}
        self._by_hwaddr: _Index = {}
        self._by_client: _Index = {}
        self._counts: dict[tuple[int, int, int], int] = Counter(map(_KIND, self._by_address.values()))
        self._lengths: dict[int, int] = self._prefix_lengths()
        self._order = AddressOrder(self._by_address)
        self._running = Timetable(self._still_running, self._by_address)
        self._reclaimed = Timetable(self._still_reclaimed, self._by_address)
        self._enter(self._by_address.values())

    def __len__(self) -> int:
        return len(self._by_address)

    def __iter__(self) -> Iterator[Lease]:
        return iter(self._by_address.values())

    # -- reading

    def get(self, address: bytes) -> Any:
        """See `ILeaseStore.get`."""
        return self._by_address.get(address)

    def by_client(self, identifier: Identifier) -> Sequence[Any]:
        """See `ILeaseStore.by_client`."""
        kind, value = identifier
        if kind == IdentifierKind.HW_ADDRESS:
            there = self._by_hwaddr.get(value)
        elif kind == IdentifierKind.CLIENT_ID or kind == IdentifierKind.DUID:
            there = self._by_client.get(value)
        else:
            return ()
        if there is None:
            return ()
        found: Sequence[Lease] = list(there.values()) if isinstance(there, dict) else (there,)
        return () if kind == _OTHER_FAMILY[found[0].__class__] else found

    def expired(self, now: float, limit: int) -> Sequence[Any]:
        """See `ILeaseStore.expired`."""
        return self._running.due(now, limit)

    def reclaimed(self, before: float, limit: int) -> Sequence[Any]:
        """See `ILeaseStore.reclaimed`."""
        return self._reclaimed.due(before, limit)

    def counts(self) -> Mapping[tuple[int, int, int], int]:
        """See `ILeaseStore.counts`."""
        return {key: count for key, count in self._counts.items() if count}

    def page(self, after: bytes | None, limit: int) -> Sequence[Any]:
        """See `ILeaseStore.page`."""
        leases = self._by_address
        return [leases[address] for address in self._order.after(after, limit)]

    def overlapping(self, address: bytes, length: int) -> Sequence[Any]:
        """See `ILeaseStore.overlapping`; of many leases inside the prefix the first few."""
        leases = self._by_address
        if length == 128:
            there = leases.get(address)
            found = [] if there is None else [there]
        else:
            found = self._inside(address, length)
        if self._lengths:
            number = int.from_bytes(address, "big")
            for shorter in self._lengths:
                if shorter < length:
                    around = leases.get((number >> 128 - shorter << 128 - shorter).to_bytes(16, "big"))
                    # One that begins at this very address is among those inside already.
                    if around is not None and around[0] != address and around[14] == shorter:  # type: ignore[misc]
                        found.append(around)
        return found

    def _inside(self, address: bytes, length: int) -> list[Lease]:
        """The first few leases with addresses in a prefix."""
        leases = self._by_address
        last = int.from_bytes(address, "big") | (1 << 128 - length) - 1
        return [leases[key] for key in self._order.within(address, last.to_bytes(16, "big"), _FEW)]

    def _still_running(self, address: bytes, second: int) -> Any:
        lease = self._by_address.get(address)
        if lease is None or lease[4] != second or lease[9] == _RECLAIMED or lease[3] == INFINITE:
            return None
        return lease

    def _still_reclaimed(self, address: bytes, second: int) -> Any:
        lease = self._by_address.get(address)
        return lease if lease is not None and lease[4] == second and lease[9] == _RECLAIMED else None

    # -- changing

    def add(self, lease: Lease) -> bool:
        """See `ILeaseStore.add`."""
        address = lease[0]
        if self.overlapping(address, lease[14]) if isinstance(lease, Lease6) else address in self._by_address:
            return False
        self._put(lease)
        return True

    def _put(self, lease: Lease) -> None:
        self._by_address[lease[0]] = lease
        self._order.add(lease[0])
        self._enter((lease,))
        self._count(lease, 1)

    def update(self, lease: Lease, was: Lease) -> bool:
        """See `ILeaseStore.update`."""
        there = self._by_address.get(lease[0])
        if there is None or (there is not was and there != was):
            return False
        if isinstance(lease, Lease6) and lease[14] != there[14]:  # type: ignore[misc]
            others = self.overlapping(lease[0], lease[14])
            if any(other is not there for other in others):
                return False
        self._replace(lease, there)
        return True

    def _replace(self, lease: Lease, there: Lease) -> None:
        address, hwaddr, client, lifetime, expires = lease[:5]
        self._by_address[address] = lease
        if lease.__class__ is Lease4:
            _relink(self._by_hwaddr, there[1], hwaddr, there, lease)
        _relink(self._by_client, there[2], client, there, lease)
        if lease[9] != there[9] or lease[5] != there[5] or lease[12:15:2] != there[12:15:2]:
            self._count(there, -1)
            self._count(lease, 1)
        if expires != there[4] or lease[9] != there[9] or lifetime != there[3]:
            self._schedule(lease)

    def remove(self, lease: Lease) -> bool:
        """See `ILeaseStore.remove`."""
        address = lease[0]
        there = self._by_address.get(address)
        if there is None or (there is not lease and there != lease):
            return False
        del self._by_address[address]
        self._order.discard(address)
        if there[1] and there.__class__ is Lease4:
            _unlink(self._by_hwaddr, there[1], address)
        if there[2]:
            _unlink(self._by_client, there[2], address)
        self._count(there, -1)
        return True

    def revert(self, lease: Lease | None, was: Lease | None) -> None:
        """Undo the latest change of an address: ``lease`` is what it has (None: nothing), ``was`` what it had.

        That overlaps nothing which it did not overlap before: a file of Kea's may hold what Kea would not grant.
        """
        if lease is None:
            assert was is not None
            self._put(was)
        elif was is None:
            self.remove(lease)
        else:
            self._replace(was, self._by_address[lease[0]])

    def _enter(self, leases: Iterable[Lease]) -> None:
        """Enter leases that are new by address into the indexes by client and by end."""
        by_hwaddr, by_client_id, schedule = self._by_hwaddr, self._by_client, self._schedule
        for lease in leases:
            hwaddr, client_id = lease[1], lease[2]
            # One look where the client is new, as nearly all are.
            if hwaddr and lease.__class__ is Lease4 and by_hwaddr.setdefault(hwaddr, lease) is not lease:
                _link(by_hwaddr, hwaddr, lease)
            if client_id and by_client_id.setdefault(client_id, lease) is not lease:
                _link(by_client_id, client_id, lease)
            schedule(lease)

    def _count(self, lease: Lease, step: int) -> None:
        kind = lease.type
        key = (lease[5], lease[9], kind)
        self._counts[key] = self._counts.get(key, 0) + step
        if kind == _PD:
            self._count_length(lease.prefix_length, step)  # type: ignore[union-attr]

    def _count_length(self, length: int, step: int) -> None:
        """Those that no prefix has are absent: each costs a look at every `overlapping`."""
        count = self._lengths.get(length, 0) + step
        if count:
            self._lengths[length] = count
        else:
            del self._lengths[length]

    def _prefix_lengths(self) -> dict[int, int]:
        """How many prefixes of each length there are."""
        if not any(kind == _PD for _, _, kind in self._counts):
            return {}
        return Counter(lease.prefix_length for lease in self if lease.type == _PD)  # type: ignore[union-attr]

    def _schedule(self, lease: Lease) -> None:
        """Note the end of a lease, if it has one."""
        if lease[9] == _RECLAIMED:
            self._reclaimed.note(lease[0], lease[4])
        elif lease[3] != INFINITE:
            self._running.note(lease[0], lease[4])
