"""A parsed configuration: values that know where they stand."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from txkea.errors import Position

__all__ = ["Node", "Source"]


class Source:
    """A text with its file name; turns offsets into positions when somebody asks."""

    __slots__ = ("_lines", "file", "text")

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self._lines: list[int] | None = None

    def position(self, offset: int) -> Position:
        """Line and column of a character, counted from 1."""
        if self._lines is None:
            self._lines = [0, *(at + 1 for at, character in enumerate(self.text) if character == "\n")]
        line = bisect_right(self._lines, offset)
        return Position(self.file, line, offset - self._lines[line - 1] + 1)


class Node:
    """A value of the JSON tree, or one of its punctuation marks while it is parsed.

    ``value`` is a str, int, float, bool, None, ``dict[str, Node]`` or ``list[Node]``; ``type`` is the terminal's name
    in the grammar; ``key`` the string that names the value in its map. ``source`` is None where there was no text.

    Positions are offsets until an error wants them, for there are hundreds of thousands of nodes and few errors.
    """

    __slots__ = ("key", "offset", "source", "type", "value")

    def __init__(self, kind: str, value: Any, source: Source | None = None, offset: int = 0) -> None:
        self.type = kind
        self.value = value
        self.source = source
        self.offset = offset
        self.key: Node | None = None

    @property
    def position(self) -> Position | None:
        """Where the value starts."""
        return self.source.position(self.offset) if self.source else None

    def inside(self, index: int) -> Position | None:
        """Where a character of a string was written, the first one being 0; what was escaped takes more room."""
        if self.source is None:
            return None
        at, text = self.offset + 1, self.source.text
        for character in self.value[:index]:
            if text[at] != "\\":
                at += 1
            elif text[at + 1] == "u":
                at += 6 if character <= "\uffff" else 12
            else:
                at += 2
        return self.source.position(at)

    def plain(self) -> Any:
        """The value as `json.loads` would give it."""
        if isinstance(self.value, dict):
            return {name: node.plain() for name, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value
