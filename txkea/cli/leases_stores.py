"""Leases of databases and of files, as `txkea.cli.copying` takes and puts them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from time import time
from typing import Any, Final

from attrs import frozen

from txkea.cli.copying import BATCH, Batch
from txkea.cli.leases_entries import Entry
from txkea.cli.leases_formats import Record
from txkea.cli.leases_import import batches
from txkea.cli.leases_sources import Selection
from txkea.cli.stores import Readable
from txkea.cli.waiting import Wait
from txkea.control.copied import COPIED
from txkea.control.views import VIEWS
from txkea.errors import TxkeaError
from txkea.interfaces import ILeaseStore
from txkea.model.lease import Lease, Lease4
from txkea.wire.text import address_text

__all__ = ["FileLeases", "LeaseTarget", "StoreLeases", "lease_name", "number_of", "records"]

FLEETING: Final = ("pool_id", "hwtype", "hwaddr_source")
"""What not every store keeps, and no client notices."""


def lease_name(lease: Lease) -> str:
    """What people call it."""
    length = getattr(lease, "prefix_length", 128)
    return address_text(lease.address) + (f"/{length}" if length != 128 else "")


# -- where they come from ----------------------------------------------------------------------------------------------


class StoreLeases:
    """The leases of an open store behind an address, in its order."""

    def __init__(self, store: Readable, total: int | None, after: bytes | None = None) -> None:
        self.total = total
        self._store = store
        self._after = after

    async def next(self) -> Batch[Lease] | None:
        """See `txkea.cli.copying.Source`."""
        page = await self._store.page(self._after, BATCH)
        if not page:
            return None
        self._after = page[-1].address
        return Batch(page, behind=address_text(self._after))


class FileLeases:
    """The leases of a file, behind the last one with an address."""

    def __init__(self, found: Iterable[Entry], family: int, total: int | None, after: bytes | None = None) -> None:
        self.total = total
        self._copied = COPIED[family]
        self._batches = batches(found, BATCH)
        self._after = after

    async def next(self) -> Batch[Lease] | None:
        """See `txkea.cli.copying.Source`."""
        batch = next(self._batches, None)
        if batch is None:
            if self._after is not None:
                raise TxkeaError(f"it has no lease of {address_text(self._after)} to go on behind")
            return None
        leases: list[Lease] = []
        wrong: list[str] = []
        for entry in batch:
            try:
                leases.append(self._lease(entry))
            except TxkeaError as error:
                wrong.append(f"line {entry.place}: {error}")
        if self._after is not None:
            leases, wrong = self._behind(leases), []
        return Batch(leases, wrong, len(batch), address_text(leases[-1].address) if leases else "")

    def _lease(self, entry: Entry) -> Lease:
        if entry.wrong:
            raise TxkeaError(entry.wrong)
        lease: Lease = self._copied(completed(entry.shown))
        return lease

    def _behind(self, leases: list[Lease]) -> list[Lease]:
        addresses = [lease.address for lease in leases]
        if self._after not in addresses:
            return []
        at, self._after = addresses.index(self._after), None
        return leases[at + 1 :]


def completed(shown: Mapping[str, Any]) -> Mapping[str, Any]:
    """A lease of a file with what one of its numbers tells of another."""
    found = {"type": "IA_NA", **shown}
    expire, lifetime = found.pop("expire", None), found.get("valid-lft")
    if "cltt" not in found and isinstance(expire, int) and isinstance(lifetime, int):
        found["cltt"] = expire - lifetime
    return found


async def number_of(store: Readable) -> int | None:
    """How many leases a store has, if it can tell."""
    return sum((await store.counts()).values()) or None


def records(store: Readable, family: int, wait: Wait, selection: Selection) -> Iterator[tuple[int, Sequence[Record]]]:
    """How many leases of a store were looked at, and those that are wanted, as commands show them."""
    show, wanted = VIEWS[family].show, selection.test(time())
    source = StoreLeases(store, None)
    while (batch := wait(source.next)) is not None:
        found = [Record(show(lease), lease) for lease in batch.things]
        yield len(found), [record for record in found if wanted(record.shown)]


# -- where they go to --------------------------------------------------------------------------------------------------


def _kept(lease: Lease) -> Lease:
    fleeting: Any = {name: 0 for name in FLEETING if name in lease._fields}
    context = json.dumps(json.loads(lease.user_context), sort_keys=True) if lease.user_context else ""
    return lease._replace(user_context=context, **fleeting)


@frozen
class LeaseTarget:
    """A store of leases."""

    store: ILeaseStore
    word: str = "lease"

    async def there(self, lease: Lease) -> Lease | None:
        """The one of its address."""
        found: Lease | None = await self.store.get(lease.address)
        return found

    async def add(self, lease: Lease) -> bool:
        """See `Target`."""
        return await self.store.add(lease)

    async def update(self, lease: Lease, was: Lease) -> bool:
        """See `Target`."""
        return await self.store.update(lease, was)

    async def in_the_way(self, lease: Lease) -> str:
        """Which prefix or address has an address in common with it."""
        around = [] if isinstance(lease, Lease4) else await self.store.overlapping(lease.address, lease.prefix_length)
        others = [other for other in around if other.address != lease.address]
        return f"it overlaps {lease_name(others[0])}" if others else ""

    def differences(self, there: Lease, lease: Lease) -> str:
        """What not every store keeps does not count."""
        one, other = _kept(there), _kept(lease)
        fields = [(name, getattr(one, name), getattr(other, name)) for name in one._fields]
        return ", ".join(f"{name} {_text(a)} and not {_text(b)}" for name, a, b in fields if a != b)


def _text(value: Any) -> str:
    return (value.hex(":") or "nothing") if isinstance(value, bytes) else repr(value)
