"""DHCPv6: leases that share addresses with a prefix, without going through the leases.

Around it: all lengths of prefixes that any lease ever had are in a small table, so that there are but a few prefixes to
look for. Inside it: they are in slices whose keys begin as the prefix does, and the slices in use are in a table, too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, Final

from txkea.backend.gathering import Gathering
from txkea.cassandra.connection import Keyspace
from txkea.cassandra.entries import GRACE, Entries, Entry
from txkea.cassandra.keys import last_of, slice_of, slices_beside, slices_inside, truncated
from txkea.cassandra.rows import Rows
from txkea.cassandra.tables import Statements6
from txkea.cassandra.text import decode
from txkea.model.lease import Lease6

__all__ = ["Overlaps"]

ADDRESS: Final = 128
"""The length of what is no prefix, which is not in the table of lengths."""
FEW: Final = 4
"""Leases that are enough of those inside a prefix."""
PAGE: Final = 64
"""Slices that are read at once."""
ROOT: Final = 2
"""Bytes of the root of a slice: a partition of the table of slices is all that begins alike."""
KNOWN: Final = GRACE / 5
"""Seconds for which a slice that was noted is believed to be in the table still: entries that lead nowhere are removed
from it when they are older than `GRACE`."""
MANY: Final = 65536
"""Slices that are kept in mind."""


class Overlaps:
    """Which leases get into each other's way."""

    def __init__(self, keyspace: Keyspace, statements: Statements6, rows: Rows, entries: Entries, reactor: Any) -> None:
        self._keyspace = keyspace
        self._statements = statements
        self._rows = rows
        self._entries = entries
        self._reactor = reactor
        self._noted: dict[bytes, float] = {}
        self._lengths: set[int] = set()
        self._around: Gathering[tuple[bytes, int], Sequence[Lease6]] = Gathering(
            self._send, reactor, most=64, at_once=2
        )

    # -- what is written before a lease

    def entries(self, lease: Any, was: Any) -> Iterator[Entry]:
        """What is to be written before a lease, for others to find it."""
        length, key = lease.prefix_length, slice_of(lease.address)
        if length != ADDRESS and length not in self._lengths:
            yield self._statements.note_length, (length,)
        if was is None and self._noted.get(key, 0) < self._reactor.seconds():
            since = self._entries.since()
            yield self._statements.note_slice, (key[:ROOT], key, since, since)

    def wrote(self, entries: Iterable[Entry]) -> None:
        """Take note of entries that are written now."""
        if len(self._noted) >= MANY:
            self._noted.clear()
        for text, values in entries:
            if text == self._statements.note_length:
                self._lengths.add(values[0])
            elif text == self._statements.note_slice:
                self._noted[values[1]] = self._reactor.seconds() + KNOWN

    # -- looking

    async def find(self, address: bytes, length: int) -> Sequence[Any]:
        """See `ILeaseStore.overlapping`."""
        found = {lease.address: lease for lease in await self._around.ask((address, length))}
        if length < ADDRESS:
            async for lease in self._inside(address, length):
                found[lease.address] = lease
                if len(found) >= FEW:
                    break
        return [*found.values()]

    async def _send(self, wishes: Sequence[tuple[bytes, int]]) -> Sequence[Sequence[Lease6]]:
        """The leases of these very addresses, and of the prefixes around."""
        answer = await self._keyspace.ask(self._statements.lengths)
        lengths = [length for (length,) in answer.rows]
        wanted = [{address, *_around(address, length, lengths)} for address, length in wishes]
        leases = await self._rows.many({address for some in wanted for address in some})
        return [
            [
                leases[each]
                for each in some
                if each in leases and (each == address or leases[each].prefix_length < length)
                and truncated(address, min(length, leases[each].prefix_length)) == each
            ]
            for (address, length), some in zip(wishes, wanted, strict=True)
        ]  # fmt: skip

    async def _inside(self, address: bytes, length: int) -> AsyncIterator[Lease6]:
        last = last_of(address, length)
        for lease in await self._between(slices_beside(address, length), address, last):
            yield lease
        bounds = slices_inside(address, length)
        if bounds is None:
            return
        for root in await self._roots(address, length):
            async for key, since in self._slices(root, *bounds):
                leases = await self._between([key], address, last)
                for lease in leases:
                    yield lease
                if not leases and self._entries.old(since):
                    await self._forget_if_empty(root, key, since)

    async def _roots(self, address: bytes, length: int) -> Iterable[bytes]:
        if length >= 8 * ROOT:
            return (address[:ROOT],)
        return [root for (root,) in (await self._keyspace.ask(self._statements.roots)).rows]

    async def _slices(self, root: bytes, first: bytes, last: bytes) -> AsyncIterator[tuple[bytes, int]]:
        while True:
            rows = (await self._keyspace.ask(self._statements.slices, (root, first, last, PAGE))).rows
            for row in rows:
                yield row
            if len(rows) < PAGE:
                return
            first = rows[-1][0] + b"\0"

    async def _between(self, keys: Sequence[bytes], first: bytes, last: bytes) -> Sequence[Lease6]:
        if not keys:
            return ()
        answer = await self._keyspace.ask(self._statements.between, (keys, first, last, FEW))
        return [decode(address, text) for address, text in answer.rows]

    async def _forget_if_empty(self, root: bytes, key: bytes, since: int) -> None:
        if not (await self._keyspace.ask(self._statements.behind, (key, b"", 1))).rows:
            self._entries.forget((self._statements.forget_slice, (since, root, key)))


def _around(address: bytes, length: int, lengths: Iterable[int]) -> Iterator[bytes]:
    return (truncated(address, each) for each in lengths if each < length)
