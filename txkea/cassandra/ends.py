"""Leases whose time is over: an index by time.

A lease has an entry at its end, or before: a renewal, which only moves the end on, writes nothing. Whoever meets the
entry when its time has come finds the lease renewed, and moves the entry on to the end that the lease has by then. The
entries of some minutes are a bucket, which is a partition; all buckets in use are in a table of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from typing import Any, Final, NamedTuple

from txkea.cassandra.connection import Keyspace
from txkea.cassandra.entries import Entries, Entry
from txkea.cassandra.rows import Rows, together
from txkea.cassandra.tables import Statements
from txkea.model.lease import INFINITE, Lease, LeaseState

__all__ = ["RECLAIMED", "RUNNING", "Ends"]

RUNNING, RECLAIMED = 0, 1
"""Kinds of entries: of leases that go on until their end, and of those that were reclaimed."""
BUCKET: Final = 8
"""Binary logarithm of the seconds in a bucket: a million leases of an hour make some 70 000 entries in each."""
CLOSED: Final = 3600
"""Seconds after which nobody writes to a bucket that he believes to be known."""
PAGE: Final = 256
"""Entries that are read at once."""


class Found(NamedTuple):
    """An entry that was read."""

    ends: int
    address: bytes
    since: int


def kind_of(lease: Lease) -> int | None:
    """The kind of a lease's entry; None if it has no end."""
    if lease[9] == LeaseState.RECLAIMED:
        return RECLAIMED
    return None if lease[3] == INFINITE else RUNNING


class Ends:
    """The index by time of one family."""

    def __init__(self, keyspace: Keyspace, statements: Statements, rows: Rows, entries: Entries, reactor: Any) -> None:
        self._keyspace = keyspace
        self._statements = statements
        self._rows = rows
        self._entries = entries
        self._reactor = reactor
        self._known: set[tuple[int, int]] = set()
        """Buckets to come that are in the table."""

    def entries(self, lease: Lease, was: Lease | None) -> Iterable[Entry]:
        """What is to be written before a lease."""
        kind = kind_of(lease)
        if kind is None or (was is not None and kind_of(was) == kind and was[4] <= lease[4]):
            return ()
        return self._entry(kind, lease[4], lease[0])

    def _entry(self, kind: int, ends: int, address: bytes) -> Iterator[Entry]:
        since, bucket = self._entries.since(), ends >> BUCKET
        if (kind, bucket) not in self._known:
            yield self._statements.note_bucket, (kind, bucket, since, since)
        yield self._statements.note_end, (kind, bucket, ends, address, since, since)

    def wrote(self, entries: Iterable[Entry]) -> None:
        """Take note of entries that are written now."""
        now = self._now() >> BUCKET
        noted = [(values[0], values[1]) for text, values in entries if text == self._statements.note_bucket]
        self._known.update(known for known in noted if known[1] > now)

    def _now(self) -> int:
        return int(self._reactor.seconds())

    async def over(self, kind: int, before: float, limit: int) -> Sequence[Any]:
        """At most ``limit`` leases (0: all) of a kind that ended before ``before``, the earliest first."""
        bound = ceil(before)
        self._known = {known for known in self._known if known[1] > self._now() >> BUCKET}
        found: dict[bytes, Lease] = {}
        last = -1
        while buckets := (await self._buckets(kind, last, bound)):
            for bucket, since in buckets:
                if await self._read(kind, bucket, since, bound, limit, found):
                    return _earliest(found, limit)
            last = buckets[-1][0]
        return _earliest(found, limit)

    async def _buckets(self, kind: int, last: int, bound: int) -> Sequence[tuple[int, int]]:
        answer = await self._keyspace.ask(self._statements.buckets, (kind, last, bound - 1 >> BUCKET, PAGE))
        return answer.rows

    async def _read(
        self, kind: int, bucket: int, since: int, bound: int, limit: int, found: dict[bytes, Lease]
    ) -> bool:
        """Read a bucket; whether there are enough leases that end no later than the last entry that was read."""
        last = Found(-1, b"", 0)
        empty = True
        while True:
            values = (kind, bucket, last.ends, last.address, bound, PAGE)
            page = [Found(*row) for row in (await self._keyspace.ask(self._statements.ends, values)).rows]
            if not page:
                break
            empty, last = False, page[-1]
            leases = await self._rows.many(entry.address for entry in page)
            astray = []
            for entry in page:
                lease = leases.get(entry.address)
                if lease is not None and kind_of(lease) == kind and lease.expires < bound:
                    found[entry.address] = lease
                else:
                    astray.append(self._settle(kind, entry, lease))
            await together(astray)
            if limit and sum(lease.expires <= last.ends for lease in found.values()) >= limit:
                return True
            if len(page) < PAGE:
                break
        if empty and (bucket + 1 << BUCKET) < min(bound, self._now() - CLOSED):
            self._entries.forget((self._statements.forget_bucket, (since, kind, bucket)))
        return False

    async def _settle(self, kind: int, entry: Found, lease: Any) -> None:
        """Move the entry of a lease that was renewed; remove one whose lease is gone."""
        renewed = lease is not None and kind_of(lease) == kind
        if renewed:
            await self._entries.write([*self._entry(kind, lease.expires, entry.address)])
        if renewed or self._entries.old(entry.since):
            values = (entry.since, kind, entry.ends >> BUCKET, entry.ends, entry.address)
            self._entries.forget((self._statements.forget_end, values))


def _earliest(found: dict[bytes, Lease], limit: int) -> Sequence[Lease]:
    return sorted(found.values(), key=lambda lease: lease.expires)[: limit or None]
