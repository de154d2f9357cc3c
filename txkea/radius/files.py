"""Dictionaries in files, as FreeRADIUS and others write them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from txkea.errors import TxkeaError
from txkea.radius.dictionary import Dictionary
from txkea.radius.standard import STANDARD

__all__ = ["dictionary"]

DEEPEST: Final = 16
"""How far files may include each other."""
PLAIN_FORMAT: Final = "format=1,1"
"""One octet each for type and length, as RFC 2865 section 5.26 has it; of other vendors nothing is read."""
FLAGS: Final = ("has_tag", "encrypt", "array", "concat", "virtual", "secret")

_read: dict[str, tuple[Sequence[tuple[str, int, int]], Dictionary]] = {}
"""What was read of each file, and what that and all that it includes were like: to read them takes a while."""


def dictionary(path: str = "") -> Dictionary:
    """What is known anyway, and what the file says, if any; a file that did not change is read once.

    Raises `TxkeaError` with file and line.
    """
    if not path:
        return STANDARD
    known = _read.get(path)
    if known is not None and all(_stamp(name) == (name, *stamp) for name, *stamp in known[0]):
        return known[1]
    reading = Reading()
    reading.file(path)
    reading.finish()
    _read[path] = ([_stamp(name) for name in reading.files], reading.dictionary)
    return reading.dictionary


def _stamp(path: str) -> tuple[str, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return path, 0, 0
    return path, found.st_mtime_ns, found.st_size


class Place(NamedTuple):
    """A line of a file."""

    path: str
    line: int
    depth: int

    def wrong(self, message: str) -> TxkeaError:
        return TxkeaError(f"{self.path}:{self.line}: {message}")


class Reading:
    """Reads files into a dictionary."""

    def __init__(self) -> None:
        self.dictionary = STANDARD.copy()
        self.files: list[str] = []
        self._vendor = 0
        self._skipping = 0
        """How many blocks are open of which nothing can be used."""
        self._odd: set[int] = set()
        """Vendors whose attributes have a form of their own."""
        self._values: list[tuple[str, str, int]] = []

    def file(self, path: str, at: Place | None = None) -> None:
        """Read one, and what it includes."""
        depth = at.depth + 1 if at else 0
        if at and depth > DEEPEST:
            raise at.wrong(f"{path} is included too deep; do files include each other?")
        for place, words in self._lines(path, depth, at):
            known = KEYWORDS.get(words[0].upper())
            if known is None:
                raise place.wrong(f'"{words[0]}" is no keyword of a dictionary')
            least, call = known
            if len(words) <= least:
                raise place.wrong(f"{words[0]} needs {least} words after it")
            call(self, place, words[1:])

    def _lines(self, path: str, depth: int, at: Place | None) -> Iterator[tuple[Place, list[str]]]:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
        except OSError as error:
            reason = f"{path} cannot be read: {error.strerror}"
            raise at.wrong(reason) if at else TxkeaError(reason) from None
        self.files.append(path)
        for number, line in enumerate(lines, 1):
            words = line.partition("#")[0].split()
            if words:
                yield Place(path, number, depth), words

    def finish(self) -> None:
        """Values may stand before their attributes."""
        for each in self._values:
            self.dictionary.define_value(*each)

    # -- lines ---------------------------------------------------------------------------------------------------------

    def include(self, place: Place, words: Sequence[str]) -> None:
        self.file(os.path.join(os.path.dirname(place.path), words[0]), place)

    def include_if_there(self, place: Place, words: Sequence[str]) -> None:
        if os.path.exists(os.path.join(os.path.dirname(place.path), words[0])):
            self.include(place, words)

    def vendor(self, place: Place, words: Sequence[str]) -> None:
        number = _number(place, words[1])
        self.dictionary.define_vendor(words[0], number)
        if words[2:] and words[2] != PLAIN_FORMAT:
            self._odd.add(number)

    def begin_vendor(self, place: Place, words: Sequence[str]) -> None:
        try:
            self._vendor = self.dictionary.vendor(words[0])
        except TxkeaError as error:
            raise place.wrong(str(error)) from None
        self._skipping += len(words) > 1

    def end_vendor(self, place: Place, words: Sequence[str]) -> None:
        self._vendor = self._skipping = 0

    def begin_tlv(self, place: Place, words: Sequence[str]) -> None:
        self._skipping += 1

    def end_tlv(self, place: Place, words: Sequence[str]) -> None:
        self._skipping = max(self._skipping - 1, 0)

    def attribute(self, place: Place, words: Sequence[str]) -> None:
        name, word, kind, *flags = words
        if self._skipping or "." in word:
            return  # what is inside an attribute is octets to us
        number, vendor, tagged = _number(place, word), self._vendor, "has_tag" in ",".join(flags)
        if flags and not flags[0].startswith(FLAGS):
            try:
                vendor = self.dictionary.vendor(flags[0])
            except TxkeaError as error:
                raise place.wrong(str(error)) from None
        if not 0 < number < 256 or vendor in self._odd:
            return  # such as FreeRADIUS keeps for itself, and never sends
        hidden = "encrypt=2" in ",".join(flags) or "encrypt=3" in ",".join(flags)
        kind = "octets" if hidden else kind.partition("[")[0].lower()
        self.dictionary.define(name, number, kind, vendor=vendor, tagged=tagged and not hidden)

    def value(self, place: Place, words: Sequence[str]) -> None:
        try:
            self._values.append((words[0], words[1], int(words[2], 0)))
        except ValueError:
            pass  # of an attribute whose values are no numbers

    def nothing(self, place: Place, words: Sequence[str]) -> None:
        """It says nothing to us."""


KEYWORDS: Final = {
    "$INCLUDE": (1, Reading.include),
    "$INCLUDE-": (1, Reading.include_if_there),
    "VENDOR": (2, Reading.vendor),
    "BEGIN-VENDOR": (1, Reading.begin_vendor),
    "END-VENDOR": (0, Reading.end_vendor),
    "BEGIN-TLV": (1, Reading.begin_tlv),
    "END-TLV": (0, Reading.end_tlv),
    "ATTRIBUTE": (3, Reading.attribute),
    "VALUE": (3, Reading.value),
    "FLAGS": (0, Reading.nothing),
    "PROTOCOL": (0, Reading.nothing),
    "BEGIN-PROTOCOL": (0, Reading.nothing),
    "END-PROTOCOL": (0, Reading.nothing),
}
"""How many words follow each at least, and what reads them."""


def _number(place: Place, word: str) -> int:
    try:
        return int(word, 0)
    except ValueError:
        raise place.wrong(f'"{word}" is no number') from None
