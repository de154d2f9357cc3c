"""Pools at run time: which addresses are believed free, and which to try next."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Container, Iterator, Sequence
from copy import copy

from zope.interface import implementer

from txkea.exchange.slices import Course
from txkea.interfaces import Hint, IAllocator
from txkea.model.configuration import Pool, PrefixPool

__all__ = [
    "ALLOCATORS", "DECLINED", "FREE", "LEASED", "REGISTERED", "TAKEN", "Beliefs", "Iterative", "LivePool", "Marks",
    "Random", "pool_at",
]  # fmt: skip

BITS = 8
CHUNK = 1 << BITS

FREE, TAKEN, REGISTERED, LEASED, DECLINED = range(5)
"""What an address (or prefix) is marked with: believed taken for the moment or by hearsay; or with its lease, as this
server stored or found it. From `LEASED` on it counts as assigned.
"""


class Marks:
    """The numbers below ``size`` with a mark each, 0 for none; the next one without a mark is found without going
    through those that have one.

    One byte a number, in chunks made on demand. Above them stands a level with a mark for every full chunk, above that
    one another, until one chunk holds the top: a pool of 2**80 addresses takes ten levels, and memory only where
    something is marked.
    """

    __slots__ = ("_bottom", "_levels", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._levels: list[tuple[int, dict[int, bytearray]]] = []
        while not self._levels or size > 1:
            self._levels.append((size, {}))
            size = -(-size >> BITS)
        self._bottom = self._levels[0][1]

    def __getitem__(self, number: int) -> int:
        chunk = self._bottom.get(number >> BITS)
        return 0 if chunk is None else chunk[number & CHUNK - 1]

    def mark(self, number: int, mark: int) -> int:
        """Give a number a mark below 256, 0 to take its mark away; gives the one that it had."""
        chunk = self._bottom.get(number >> BITS)
        if chunk is None:
            if mark:
                self._fill(0, number, mark)
            return 0
        before = chunk[number & CHUNK - 1]
        if before and not mark:
            self._empty(number)
        elif before != mark:
            chunk[number & CHUNK - 1] = mark
            if not before and 0 not in chunk:
                self._fill(1, number >> BITS, mark)
        return before

    def _fill(self, depth: int, number: int, mark: int) -> None:
        for size, chunks in self._levels[depth:]:
            chunk = chunks.get(number >> BITS)
            if chunk is None:
                chunk = chunks[number >> BITS] = _fresh(size - (number >> BITS << BITS))
            chunk[number & CHUNK - 1] = mark
            if 0 in chunk:
                return
            number >>= BITS

    def _empty(self, number: int) -> None:
        for _, chunks in self._levels:
            chunk = chunks[number >> BITS]
            was_full = 0 not in chunk
            chunk[number & CHUNK - 1] = 0
            if chunk.count(0) == CHUNK:
                del chunks[number >> BITS]
            if not was_full:
                return
            number >>= BITS

    def clear(self, start: int, stop: int) -> bool:
        """Whether no number from ``start`` up to, but without, ``stop`` has a mark."""
        for number in range(start >> BITS, (stop - 1 >> BITS) + 1):
            chunk = self._bottom.get(number)
            if chunk is not None:
                first, last = max(start - (number << BITS), 0), min(stop - (number << BITS), CHUNK)
                if chunk.count(0, first, last) < last - first:
                    return False
        return True

    def copy(self) -> Marks:
        """The same marks, to be changed apart from these."""
        twin = Marks(0)
        twin.size = self.size
        twin._levels = [(size, {place: chunk[:] for place, chunk in chunks.items()}) for size, chunks in self._levels]
        twin._bottom = twin._levels[0][1]
        return twin

    def free_from(self, start: int) -> int | None:
        """The first number at ``start`` or above without a mark, or None."""
        return self._free_from(0, start) if start < self.size else None

    def _free_from(self, depth: int, start: int) -> int | None:
        chunks = self._levels[depth][1]
        chunk = chunks.get(start >> BITS)
        if chunk is None:
            return start
        place = chunk.find(0, start & CHUNK - 1)
        if place >= 0:
            return start >> BITS << BITS | place
        above = (start >> BITS) + 1
        if depth + 1 == len(self._levels) or above >= self._levels[depth + 1][0]:
            return None
        number = self._free_from(depth + 1, above)
        if number is None:
            return None
        chunk = chunks.get(number)
        return number << BITS | (chunk.find(0) if chunk is not None else 0)


def _fresh(room: int) -> bytearray:
    """A chunk without marks, except on places at ``room`` and beyond, which stand for no number."""
    return bytearray(CHUNK) if room >= CHUNK else bytearray(room) + b"\1" * (CHUNK - room)


class Beliefs:
    """What this server believes of a pool's addresses, or prefixes, and has counted of them.

    The beliefs are only hints, for other servers may share the store: the store alone decides.
    """

    __slots__ = (
        "assigned", "course", "cumulative", "declined", "doubt", "marks", "next", "reclaimed", "reclaimed_declined",
    )  # fmt: skip

    def __init__(self, size: int) -> None:
        self.marks = Marks(size)
        self.next = 0
        """The offset at which the iterative allocator goes on."""
        self.course: Course | None = None
        """The way of this server where others take addresses from the same store."""
        self.doubt = 0
        """The offset from which on to look again."""
        self.assigned = 0
        """How many have a lease now, those that were declined among them (Kea G090)."""
        self.declined = 0
        self.cumulative = 0
        """How often one was given to a client that did not have it."""
        self.reclaimed = 0
        self.reclaimed_declined = 0

    def copy(self) -> Beliefs:
        """The same, to be changed apart from these."""
        twin = copy(self)
        twin.marks = self.marks.copy()
        twin.course = copy(self.course)
        return twin

    def emptied(self) -> Beliefs:
        """What was counted so far, but nothing believed: the leases are elsewhere now."""
        fresh = Beliefs(self.marks.size)
        fresh.cumulative, fresh.reclaimed = self.cumulative, self.reclaimed
        fresh.reclaimed_declined, fresh.course = self.reclaimed_declined, self.course
        return fresh

    def note(self, offset: int, mark: int) -> None:
        """Know from now on what the store has, or `FREE` for nothing; to be told twice changes nothing."""
        before = self.marks.mark(offset, mark)
        if before == mark:
            return
        if mark >= LEASED > before:
            self.assigned += 1
        elif before >= LEASED > mark:
            self.assigned -= 1
        if mark == DECLINED:
            self.declined += 1
        elif before == DECLINED:
            self.declined -= 1


class LivePool:
    """A pool of a configuration in force, and what this server believes of it."""

    __slots__ = (
        "_shift", "beliefs", "first", "first_address", "guard", "last_address", "length", "pool", "size", "width",
    )  # fmt: skip

    def __init__(self, pool: Pool | PrefixPool, width: int) -> None:
        self.pool = pool
        self.width = width
        """Bytes of an address, 4 or 16."""
        self.length = pool.delegated_length if isinstance(pool, PrefixPool) else 8 * width
        """Bits of a prefix that is delegated; of an address all."""
        self._shift = 8 * width - self.length
        self.first = pool.first
        self.size = pool.size
        """How many addresses or prefixes it holds."""
        self.first_address = pool.first.to_bytes(width, "big")
        self.last_address = pool.last.to_bytes(width, "big")
        self.guard = pool.client_classes
        """The classes of which a client must be in one; empty for everybody (Kea D018)."""
        self.beliefs = Beliefs(pool.size)
        """Shared with the same pool of the configuration before."""

    def __contains__(self, address: bytes) -> bool:
        return self.first_address <= address <= self.last_address

    def share(self, random: Callable[[int], int]) -> None:
        """Be one from which other servers take addresses, too."""
        if self.beliefs.course is None:
            self.beliefs.course = Course(self.first >> self._shift, self.size, random)

    def copy(self) -> LivePool:
        """The same pool and beliefs, to be changed apart from these: for whoever tries something out."""
        twin = copy(self)
        twin.beliefs = self.beliefs.copy()
        return twin

    def admits(self, classes: Container[str]) -> bool:
        """Whether clients of these classes may use it."""
        return not self.guard or any(name in classes for name in self.guard)

    def gives(self, address: bytes) -> bool:
        """Whether it is an address, or the first one of a prefix, that may be given from here."""
        if not self.first_address <= address <= self.last_address:
            return False
        return not self._shift or not int.from_bytes(address, "big") & (1 << self._shift) - 1

    def offset(self, address: bytes) -> int:
        """The place of an address of this pool, or of the prefix that holds it."""
        return int.from_bytes(address, "big") - self.first >> self._shift

    def mark(self, address: bytes, taken: bool) -> None:
        """Believe from now on that an address (or prefix) of this pool is taken, or free; what is known stays known."""
        offset, marks = self.offset(address), self.beliefs.marks
        if marks[offset] == (FREE if taken else TAKEN):
            marks.mark(offset, TAKEN if taken else FREE)

    def note(self, address: bytes, mark: int) -> None:
        """Know from now on what lease the store has of an address (or prefix) of this pool; see `Beliefs.note`."""
        self.beliefs.note(int.from_bytes(address, "big") - self.first >> self._shift, mark)

    def free_from(self, start: int) -> int | None:
        """The offset of the first address believed free at ``start`` or after it, or None."""
        return self.beliefs.marks.free_from(start)

    def doubted(self, number: int) -> Iterator[bytes]:
        """The next ``number`` addresses to look at again in the store, whatever is believed of them."""
        beliefs = self.beliefs
        for _ in range(min(number, self.size)):
            offset = beliefs.doubt
            beliefs.doubt = offset + 1 if offset + 1 < self.size else 0
            yield self.address(offset)

    def address(self, offset: int) -> bytes:
        """The packed address, or first address of the prefix, at an offset."""
        return (self.first + (offset << self._shift)).to_bytes(self.width, "big")

    def walk(self, start: int) -> Iterator[int]:
        """All offsets believed free, from ``start`` around to ``start`` again; beliefs may change on the way."""
        offset = self.free_from(start)
        while offset is not None:
            yield offset
            offset = self.free_from(offset + 1)
        offset = self.free_from(0)
        while offset is not None and offset < start:
            yield offset
            offset = self.free_from(offset + 1)


def pool_at(pools: Sequence[LivePool], starts: Sequence[bytes], address: bytes) -> LivePool | None:
    """The one of some pools, in the order of their first addresses ``starts``, that holds an address; or None."""
    found = bisect_right(starts, address) - 1
    if found < 0:
        return None
    pool = pools[found]
    return pool if address <= pool.last_address else None


@implementer(IAllocator)
class Iterative:
    """Goes through each pool in order, and on from where it last stopped (Kea A148)."""

    def __init__(self, random: Callable[[int], int]) -> None:
        pass

    def candidates(self, pools: Sequence[LivePool], hint: Hint) -> Iterator[bytes]:
        """Addresses believed free, pool after pool."""
        for pool in pools:
            beliefs = pool.beliefs
            for offset in pool.walk(beliefs.next):
                beliefs.next = offset + 1
                yield pool.address(offset)


@implementer(IAllocator)
class Random:
    """Tries addresses in no order that a client could foresee (Kea A160)."""

    def __init__(self, random: Callable[[int], int]) -> None:
        self._below = random
        """Gives a random number from 0 up to, but without, its argument."""

    def candidates(self, pools: Sequence[LivePool], hint: Hint) -> Iterator[bytes]:
        """Addresses believed free: from a random place in a random pool on."""
        if not pools:
            return
        turn = self._below(len(pools))
        for pool in (*pools[turn:], *pools[:turn]):
            for offset in pool.walk(self._below(pool.size)):
                yield pool.address(offset)


ALLOCATORS: dict[str, Callable[[Callable[[int], int]], IAllocator]] = {"iterative": Iterative, "random": Random}
"""The allocators by the names that Kea gives them (Kea A043); each takes the source of randomness."""
