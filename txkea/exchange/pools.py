"""Pools at run time: which addresses are believed free, and which to try next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from zope.interface import implementer

from txkea.interfaces import Hint, IAllocator
from txkea.model.configuration import Pool

__all__ = ["ALLOCATORS", "Iterative", "LivePool", "Random"]

CHUNK = 1 << 16


class LivePool:
    """A pool and what this server believes of its addresses.

    The belief is only a hint, for other servers may share the store: the store alone decides. One byte an address, in
    chunks made on demand, so that the next free address of an almost full pool is found with one `bytes.find`.
    """

    __slots__ = ("_doubt", "_taken", "first", "first_address", "last_address", "next", "pool", "size", "width")

    def __init__(self, pool: Pool, width: int) -> None:
        self.pool = pool
        self.width = width
        """Bytes of an address, 4 or 16."""
        self.first = pool.first
        self.size = pool.size
        self.first_address = pool.first.to_bytes(width, "big")
        self.last_address = pool.last.to_bytes(width, "big")
        self.next = 0
        """The offset at which the iterative allocator goes on."""
        self._doubt = 0
        self._taken: dict[int, bytearray] = {}

    def __contains__(self, address: bytes) -> bool:
        return self.first_address <= address <= self.last_address

    def mark(self, address: bytes, taken: bool) -> None:
        """Believe from now on that an address of this pool is taken, or free."""
        number, offset = divmod(int.from_bytes(address, "big") - self.first, CHUNK)
        chunk = self._taken.get(number)
        if chunk is None:
            if not taken:
                return
            chunk = self._taken[number] = bytearray(min(CHUNK, self.size - number * CHUNK))
        chunk[offset] = taken

    def free_from(self, start: int) -> int | None:
        """The offset of the first address believed free at ``start`` or after it, or None."""
        number, offset = divmod(start, CHUNK)
        while number * CHUNK < self.size:
            chunk = self._taken.get(number)
            if chunk is None:
                return start if (start := number * CHUNK + offset) < self.size else None
            found = chunk.find(0, offset)
            if found >= 0:
                return number * CHUNK + found
            number, offset = number + 1, 0
        return None

    def doubted(self, number: int) -> Iterator[bytes]:
        """The next ``number`` addresses to look at again in the store, whatever is believed of them."""
        for _ in range(min(number, self.size)):
            offset = self._doubt
            self._doubt = offset + 1 if offset + 1 < self.size else 0
            yield self.address(offset)

    def address(self, offset: int) -> bytes:
        """The packed address at an offset."""
        return (self.first + offset).to_bytes(self.width, "big")

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


@implementer(IAllocator)
class Iterative:
    """Goes through each pool in order, and on from where it last stopped (Kea A148)."""

    def __init__(self, random: Callable[[int], int]) -> None:
        pass

    def candidates(self, pools: Sequence[LivePool], hint: Hint) -> Iterator[bytes]:
        """Addresses believed free, pool after pool."""
        for pool in pools:
            for offset in pool.walk(pool.next):
                pool.next = offset + 1
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
