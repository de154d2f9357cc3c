"""JSON that is too long to be read in one go: in steps, so that another thread never waits for the end of it."""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator
from json.decoder import JSONDecodeError
from typing import Any, Final

__all__ = ["members", "read"]

UNSURE: Final = 2
"""A number that so many characters follow may go on: ``1e+`` is one that lacks its end."""
SPACE: Final = re.compile(r"[ \t\r\n]*")

Pairs = list[tuple[str, Any]]


def read(chunks: Iterable[bytes], members: Callable[[Pairs], Any] = dict) -> Any:
    """The JSON value of a text that comes in chunks; ``members`` makes something of the names and values of a map.

    Octets that are no UTF-8, such as Kea passes on from clients, are replaced. No step is longer than a chunk, unless a
    single string is. Raises ValueError, or RecursionError for a text that nests too deep.
    """
    reader = Reader(chunks, members)
    value = reader.value()
    if reader.peek():
        raise ValueError("more follows behind its end")
    return value


def members(chunks: Iterable[bytes]) -> Iterator[Any]:
    """The members of a list that is too long to hold, one by one; raises as `read`."""
    reader = Reader(chunks, dict)
    if reader.peek() != "[":
        raise ValueError("it is no list")
    yield from reader.members()
    if reader.peek():
        raise ValueError("more follows behind its end")


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON value")


class Reader:
    """Holds as much of the text as the step at hand needs."""

    def __init__(self, chunks: Iterable[bytes], members: Callable[[Pairs], Any]) -> None:
        self._chunks = iter(chunks)
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._members = members
        # A hook in Python lets other threads have their turn at each map.
        decoder: Any = json.JSONDecoder(
            object_pairs_hook=lambda pairs: members(pairs),  # noqa: PLW0108
            parse_constant=_constant,
        )
        self._scan = decoder.scan_once
        self._text = ""
        self._at = 0

    def value(self) -> Any:
        """The value that comes next: in one step if the text at hand has all of it, or else member by member."""
        first = self.peek()
        try:
            value, end = self._scan(self._text, self._at)
        except (StopIteration, JSONDecodeError):
            if first == "{":
                return self._map()
            if first == "[":
                return list(self.members())
            return self._scanned()
        if end + UNSURE >= len(self._text):
            return self._scanned()
        self._at = end
        return value

    def _map(self) -> Any:
        self._at += 1
        pairs: Pairs = []
        if self.peek() == "}":
            self._at += 1
            return self._members(pairs)
        while True:
            if self.peek() != '"':
                raise ValueError("a name is missing in a map")
            name = self._scanned()
            self._mark(":")
            pairs.append((name, self.value()))
            if self._mark(",}") == "}":
                return self._members(pairs)

    def members(self) -> Iterator[Any]:
        """The values of the list that comes next."""
        self._at += 1
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            yield self.value()
            if self._mark(",]") == "]":
                return

    def _mark(self, wanted: str) -> str:
        found = self.peek()
        if not found or found not in wanted:
            raise ValueError(f"{' or '.join(wanted)} is missing" if found else "it ends too early")
        self._at += 1
        return found

    def _scanned(self) -> Any:
        """A string or a number; one that the text at hand cuts off is tried again with twice as much of it."""
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except (StopIteration, JSONDecodeError):
                if not self._grow():
                    raise ValueError("something in it is no JSON, or it ends too early") from None
            else:
                if end + UNSURE < len(self._text) or not self._grow():
                    self._at = end
                    return value

    def peek(self) -> str:
        """The next character that is no space, ``""`` at the end."""
        while True:
            self._at = SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._grow():
                return ""

    def _grow(self) -> bool:
        """Take more of the text, at least as much as is left; tells whether there was any."""
        rest = self._text[self._at :]
        parts: list[str] = []
        wanted = len(rest) or 1
        while wanted > 0 and (chunk := next(self._chunks, None)) is not None:
            parts.append(self._decoder.decode(chunk))
            wanted -= len(parts[-1])
        more = "".join(parts) or self._decoder.decode(b"", True)
        if more:
            self._text, self._at = rest + more, 0
        return bool(more)
