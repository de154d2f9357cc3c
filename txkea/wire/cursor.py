"""A place in some bytes, moving forward."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from txkea.errors import Malformed

__all__ = ["Cursor"]


class Cursor:
    """Reads bytes front to back, with one bounds check for everybody (`take`), which raises `Malformed`."""

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes, position: int = 0) -> None:
        self._data = data
        self._position = position
        self._end = len(data)

    @property
    def remaining(self) -> int:
        """How many bytes may still be taken."""
        return self._end - self._position

    def take(self, length: int) -> bytes:
        """The next ``length`` bytes."""
        start = self._position
        stop = start + length
        if stop > self._end:
            raise Malformed(f"{length} bytes wanted at offset {start}, {self.remaining} are left")
        self._position = stop
        return self._data[start:stop]

    def uint(self, length: int) -> int:
        """The next ``length`` bytes as an unsigned integer in network order."""
        return int.from_bytes(self.take(length), "big")

    def prefixed(self, width: int) -> bytes:
        """Bytes that follow their length, itself ``width`` bytes long."""
        return self.take(self.uint(width))

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self.remaining)

    @contextmanager
    def within(self, length: int) -> Iterator[None]:
        """Confine reading to the next ``length`` bytes, and prove at the end that they were all taken."""
        outer, inner = self._end, self._position + length
        if inner > outer:
            raise Malformed(f"{length} bytes wanted at offset {self._position}, {self.remaining} are left")
        self._end = inner
        yield
        if self._position != inner:
            raise Malformed(f"{inner - self._position} bytes too many before offset {inner}")
        self._end = outer
