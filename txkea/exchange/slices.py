"""Where a server looks for free addresses when others take theirs from the same store: in slices of its own."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from txkea.exchange.pools import LivePool

__all__ = ["Course"]

BITS = 8
"""A slice has at most 256 addresses: what a store may keep together."""
LEAST_BITS = 3
SLICES = 32
"""A pool has so many slices, if they are not too small then."""
TRUST = 0.3
"""Seconds for which what was found free in a slice is taken for free: about as long as a busy server is in one."""
WARY = 64
"""Slices after a meeting with another server in which nothing is taken for free without a look."""
TRIES = 8
"""Slices that are chosen by chance, in the hope that nobody has been in them."""


def _size(addresses: int) -> int:
    return 1 << max(LEAST_BITS, min(BITS, (addresses // SLICES).bit_length() - 1))


class Course:
    """The way of one server through one pool, slice after slice.

    The next slice is chosen by chance, so that servers which know nothing of each other are in different ones, and one
    in which nothing is believed taken comes first. In a slice the addresses come in an order by chance, too.
    """

    __slots__ = (
        "_base", "_below", "_free", "_number", "_place", "_size", "_slices", "_start", "_step", "_total", "_until",
        "_wary", "strange",
    )  # fmt: skip

    def __init__(self, first: int, total: int, below: Callable[[int], int]) -> None:
        """``first`` is the number of the pool's first address, or prefix, ``total`` how many it has."""
        self._below = below
        self._total = total
        self._size = _size(total)
        self._base = first % self._size
        self._slices = (self._base + total - 1) // self._size + 1
        self._number = 0
        self._place = self._size
        self._start = self._step = 0
        self._free: Container[int] = ()
        self._until = 0.0
        self._wary = 0
        self.strange = False
        """Whether it has just come into a slice, about which others know more."""

    @property
    def slice(self) -> range:
        """The offsets of the slice that it is in."""
        return self._range(self._number)

    def _range(self, number: int) -> range:
        first = number * self._size - self._base
        return range(max(0, first), min(self._total, first + self._size))

    def walk(self, pool: LivePool) -> Iterator[int]:
        """All offsets believed free, some twice; beliefs may change on the way, and others may walk it meanwhile."""
        yield from self._rest(pool)
        visited = set[int]()
        for number in self._untouched(pool):
            visited.add(number)
            self._enter(number)
            yield from self._rest(pool)
        start = self._range(self._below(self._slices)).start
        for begin, end in ((start, self._total), (0, start)):
            offset = pool.free_from(begin)
            while offset is not None and offset < end:
                number = (offset + self._base) // self._size
                if number not in visited:
                    self._enter(number)
                    yield from self._rest(pool)
                offset = pool.free_from(self._range(number).stop)

    def _untouched(self, pool: LivePool) -> Iterator[int]:
        """Slices by chance in which nothing is believed taken."""
        for _ in range(TRIES):
            number = self._below(self._slices)
            there = self._range(number)
            if pool.beliefs.marks.clear(there.start, there.stop):
                yield number

    def _enter(self, number: int) -> None:
        self._number, self._place = number, 0
        self._start, self._step = self._below(self._size), self._below(self._size) | 1
        self._free = ()
        self._wary = max(0, self._wary - 1)
        self.strange = True

    def learn(self, free: Container[int], now: float) -> None:
        """Know which offsets of the slice have nothing in the store; to be told when nobody else is met there."""
        if not self._wary:
            self._free, self._until = free, now + TRUST

    def knows_free(self, offset: int, now: float) -> bool:
        """Whether nothing was stored at an offset a moment ago, and no other server is about."""
        return offset in self._free and now < self._until

    def _rest(self, pool: LivePool) -> Iterator[int]:
        """What is left of the slice."""
        marks = pool.beliefs.marks
        while self._place < self._size:
            place = (self._start + self._place * self._step) % self._size
            self._place += 1
            offset = self._number * self._size - self._base + place
            if 0 <= offset < self._total and not marks[offset]:
                yield offset

    def leave(self, offset: int) -> None:
        """Go on elsewhere, if the offset is where it is: another server is here, too."""
        self._free, self._wary = (), WARY
        if offset in self.slice:
            self._place = self._size
