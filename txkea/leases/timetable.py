"""Which leases end when."""

from __future__ import annotations

from collections.abc import Callable, Sized
from heapq import heappop, heappush
from typing import Final

from txkea.model.lease import Lease

__all__ = ["Timetable"]

_SLACK: Final = 100_000
"""How many outdated entries are tolerated beyond one per lease, before tidying begins."""
_VISITS: Final = 8
"""How many entries are tidied per entry made: enough that tidying outruns any client."""


class Timetable:
    """Addresses by the second in which their leases end.

    An entry is made when a lease gets its end and is not taken out when it gets another: whoever reads skips what is
    outdated, and drops it. ``current(address, second)`` tells: it gives the lease if the entry still holds, else None.
    """

    __slots__ = ("_at", "_budget", "_current", "_leases", "_limit", "_seconds", "_turn", "entries")

    def __init__(self, current: Callable[[bytes, int], Lease | None], leases: Sized) -> None:
        self._current = current
        self._leases = leases
        self._limit = _SLACK
        self._at: dict[int, bytes | list[bytes]] = {}
        self._seconds: list[int] = []
        self._turn: list[int] = []
        self._budget = 0
        self.entries = 0

    def note(self, address: bytes, second: int) -> None:
        """A lease ends in this second."""
        at = self._at
        there = at.get(second)
        if there is None:
            at[second] = address
            heappush(self._seconds, second)
        elif there.__class__ is list:
            there.append(address)
        else:
            at[second] = [there, address]  # type: ignore[list-item]
        self.entries += 1
        if self.entries > self._limit:
            self._tidy()

    def due(self, before: float, limit: int) -> list[Lease]:
        """At most ``limit`` leases (0: all) that end before ``before``, the earliest first."""
        found: list[Lease] = []
        seen: list[int] = []
        while self._seconds and self._seconds[0] < before and not (limit and len(found) >= limit):
            second = heappop(self._seconds)
            leases = self._ending(second, limit - len(found) if limit else self.entries)
            found += leases
            if second in self._at:
                seen.append(second)
        for second in seen:
            heappush(self._seconds, second)
        return found

    def _ending(self, second: int, limit: int) -> list[Lease]:
        """At most ``limit`` leases of one second; drops the outdated entries that it meets on the way."""
        there = self._at[second]
        entries = [there] if isinstance(there, bytes) else there
        found: dict[bytes, Lease] = {}
        place = len(entries)
        while place and len(found) < limit:
            place -= 1
            address = entries[place]
            lease = self._current(address, second)
            if lease is None or address in found:
                entries[place] = entries[-1]
                entries.pop()
                self.entries -= 1
            else:
                found[address] = lease
        if not entries:
            del self._at[second]
        return list(found.values())

    def _tidy(self) -> None:
        """Keep outdated entries from piling up; called for each entry made while there may be too many.

        A client that takes and returns an address in turn leaves an entry each time. One second's entries are gone
        through at a time, as many as have been paid for.
        """
        self._limit = 2 * len(self._leases) + _SLACK
        if self.entries <= self._limit:
            return
        self._budget += _VISITS
        if not self._turn:
            self._turn = list(self._at)
        there = self._at.get(self._turn[-1])
        size = len(there) if isinstance(there, list) else 1
        if self._budget >= size:
            self._budget -= size
            second = self._turn.pop()
            if there is not None:
                self._prune(second, there)

    def _prune(self, second: int, there: bytes | list[bytes]) -> None:
        """Drop what is outdated in one second; the second itself stays until it is over."""
        entries = [there] if isinstance(there, bytes) else there
        kept = [address for address in dict.fromkeys(entries) if self._current(address, second) is not None]
        self.entries -= len(entries) - len(kept)
        self._at[second] = kept
