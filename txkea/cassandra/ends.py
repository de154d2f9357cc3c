"""Leases whose time is over, found by what the slices tell of themselves.

Each slice has in its `Tally` a time before which none of its leases ends. A renewal, which only moves an end on, leaves
that as it is; whoever finds the time come goes through the slice, and moves it on to where it belongs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred, DeferredLock

from txkea.cassandra.connection import Keyspace
from txkea.cassandra.keys import slice_of
from txkea.cassandra.tables import Statements
from txkea.cassandra.tally import KINDS, Tally, earliest, kind_of
from txkea.cassandra.text import decode
from txkea.errors import Unavailable
from txkea.model.lease import Lease

__all__ = ["Ends"]

T = TypeVar("T")

PAGE: Final = 500
"""Rows that are read at once."""
FRESH: Final = 5.0
"""Seconds after which the tallies are looked through again: other servers change them."""
AHEAD: Final = 30.0
"""Seconds: slices of which something ends until then are kept in mind."""


class Ends:
    """The ends of the leases of one family."""

    def __init__(self, keyspace: Keyspace, statements: Statements, reactor: Any) -> None:
        self._keyspace = keyspace
        self._statements = statements
        self._reactor = reactor
        self._lock = DeferredLock()
        self._due: Sequence[dict[bytes, int]] = ({}, {})
        """By kind: the slices where something may end before `_until`, and when."""
        self._until = float("-inf")
        self._looked = float("-inf")

    def changed(self, lease: Lease) -> None:
        """Note that this server has written a lease."""
        kind, key = kind_of(lease), slice_of(lease[0])
        if kind is not None and lease[4] < self._until:
            due = self._due[kind]
            due[key] = min(lease[4], due.get(key, lease[4]))

    async def over(self, kind: int, before: float, limit: int) -> Sequence[Any]:
        """At most ``limit`` leases (0: all) of a kind that ended before ``before``, the earliest first."""
        return await self._alone(self._over(kind, before, limit))

    def _alone(self, call: Awaitable[T]) -> Deferred[T]:
        async def run() -> T:
            return await call

        found: Deferred[T] = self._lock.run(lambda: Deferred.fromCoroutine(run()))
        return found

    async def _over(self, kind: int, before: float, limit: int) -> Sequence[Any]:
        now = self._reactor.seconds()
        if before > self._until or now - self._looked > FRESH:
            await self._look(max(before, now) + AHEAD)
            self._looked = now
        found: list[Lease] = []
        for end, key in sorted((end, key) for key, end in self._due[kind].items() if end < before):
            if limit and sum(lease[4] <= end for lease in found) >= limit:
                break
            leases = await self._read(key, kind, end)
            found += [lease for lease in leases if kind_of(lease) == kind and lease[4] < before]
        return sorted(found, key=lambda lease: lease[4])[: limit or None]

    async def _look(self, until: float) -> None:
        """Look through the tallies of all slices."""
        self._due, self._until = ({}, {}), until
        rows = (await self._keyspace.ask(self._statements.tallies, (PAGE,))).rows
        while rows:
            for key, text in rows:
                for due, end in zip(self._due, Tally.read(text).ends, strict=True):
                    if end is not None and end < until:
                        due[key] = min(end, due.get(key, end))
            rows = (await self._keyspace.ask(self._statements.next_tallies, (rows[-1][0], PAGE))).rows

    async def _read(self, key: bytes, kind: int, end: int) -> Sequence[Lease]:
        """All leases of a slice; that it knows better now when the first of a kind ends is of use to all servers."""
        text, leases = await self._slice(key)
        tally = Tally.read(text)
        ends = [earliest(leases, each) for each in KINDS]
        if text is not None and ends[kind] != tally.ends[kind]:
            await self._move_on(key, text, tally.later(ends))
        due = self._due[kind]
        if due.get(key) == end:
            del due[key]
            actual = ends[kind]
            if actual is not None and actual < self._until:
                due[key] = actual
        return leases

    async def _slice(self, key: bytes) -> tuple[str | None, list[Lease]]:
        """The tally of a slice, and its leases: at least those that were there when the tally was."""
        tally: str | None = None
        leases: list[Lease] = []
        last = b""
        while True:
            rows = (await self._keyspace.ask(self._statements.slice, (key, last, PAGE))).rows
            if rows and not leases:
                tally = rows[0][2]
            leases += [decode(address, text) for address, text, _ in rows]
            if len(rows) < PAGE:
                return tally, leases
            last = rows[-1][0]

    async def _move_on(self, key: bytes, text: str, tally: Tally) -> None:
        """Write what was found, unless somebody has changed the slice since: then the next look knows better."""
        try:
            await self._keyspace.ask(self._statements.tally, (tally.text(), key, text))
        except Unavailable:
            self._looked = float("-inf")
