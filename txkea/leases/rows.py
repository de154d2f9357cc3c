"""Rows of Kea's lease file: text columns on disk, a lease in memory.

A file says in its first row which columns it has. `Schema` holds what a family's columns are called, in the order in
which Kea added them, `Layout` what one file made of that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

from attrs import field, frozen

from txkea.errors import TxkeaError
from txkea.model.lease import Lease

__all__ = [
    "FLAGS",
    "INT64",
    "MAX_ROW",
    "RESERVED",
    "UINT32",
    "Column",
    "HeaderError",
    "Layout",
    "Numbers",
    "Rows",
    "Schema",
    "context",
    "escape",
    "octets",
    "unescape",
]

MAX_ROW: Final = 1 << 20
"""Bytes of the longest row that is read, hence the longest that is written."""


class HeaderError(TxkeaError):
    """The first row does not name the columns of a lease file."""


# -- columns -----------------------------------------------------------------------------------------------------------


class Column(NamedTuple):
    """One column; ``default`` is the text assumed where an older file lacks it, None for those in all files."""

    name: str
    default: str | None = None


@frozen
class Layout:
    """The columns that one file has, compared with those that we know."""

    names: tuple[str, ...]
    places: tuple[int, ...] | None
    """Where each known column stands in the file; None if they are its first ones, in our order."""
    defaults: tuple[str, ...]
    """Texts of the known columns that the file lacks."""
    unknown: tuple[str, ...]

    @property
    def width(self) -> int:
        """How many columns a row of the file has."""
        return len(self.names)

    @property
    def header(self) -> bytes:
        """The file's first row."""
        return ",".join(self.names).encode() + b"\n"


@frozen
class Schema:
    """The columns of one family's lease file (Kea E012-E014).

    A file has at least the first ``oldest`` columns. What we begin has the first ``current``, which Kea 2.2
    and every later one reads without a complaint.
    """

    columns: tuple[Column, ...]
    oldest: int
    current: int
    names: tuple[str, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(column.name for column in self.columns))

    def layout(self, width: int) -> Layout:
        """The layout of a file with our first ``width`` columns."""
        return self.understand(",".join(self.names[:width]))

    @property
    def newest(self) -> Layout:
        """All our columns."""
        return self.layout(len(self.columns))

    def wanted(self, pooled: bool) -> Layout:
        """The layout of a file that we begin; ``pooled`` if it keeps the pools of its leases."""
        return self.newest if pooled else self.layout(self.current)

    def understand(self, header: str) -> Layout:
        """The layout that a header row describes (Kea E015); raises `HeaderError`."""
        names = tuple(header.split(","))
        missing = [name for name in self.names[: self.oldest] if name not in names]
        if missing or len(set(names)) != len(names):
            raise HeaderError(f"the first row must name the columns {','.join(self.names)}, it is {header[:200]!r}")
        known = [column for column in self.columns if column.name in names]
        absent = [column for column in self.columns if column.name not in names]
        straight = self.names[: len(names)] == names
        return Layout(
            names,
            None if straight else tuple(names.index(column.name) if column in known else -1 for column in self.columns),
            tuple(cast(str, column.default) for column in absent) if straight else (),
            tuple(name for name in names if name not in self.names),
        )

    def arrange(self, layout: Layout, parts: list[str]) -> list[str]:
        """The texts of all our columns out of those of a row."""
        if layout.places is None:
            return [*parts, *layout.defaults]
        pairs = zip(layout.places, self.columns, strict=True)
        return [parts[place] if place >= 0 else cast(str, column.default) for place, column in pairs]


# -- one family -------------------------------------------------------------------------------------------------------


@frozen
class Rows:
    """How the leases of one family are written and read."""

    family: int
    schema: Schema
    format: Callable[[int], Callable[[Any], bytes]]
    """Gives a function that writes the row of a lease into a file with the schema's first so many columns.

    A lease with lifetime 0 is written with lifetime 1, which ends at the same second: 0 in a row means that the
    address is free (Kea E017). The function raises `Unavailable` for a lease that could not be read back.
    """
    reader: Callable[[Layout], Callable[[str], Any]]
    """Gives a function that reads rows of a file; it raises `ValueError` with the reason for a row that is none.

    A lease with ``valid_lifetime`` 0 says that the address is free. The texts come without their newline, decoded as
    UTF-8 with ``surrogateescape``.
    """
    lifetimes: tuple[int, ...]
    """The columns that are 0 in a row that frees an address."""

    def removal(self, lease: Lease, row: Callable[[Any], bytes]) -> bytes:
        """The row that frees the address of a lease: no lifetime, ending at the last transaction (Kea E017)."""
        parts = row(lease._replace(expires=max(lease.cltt, 0))).split(b",")
        for place in self.lifetimes:
            parts[place] = b"0"
        return b",".join(parts)


# -- text that may hold anything ---------------------------------------------------------------------------------------

RESERVED: Final = re.compile("[\x00-\x1f\x7f,&\ud800-\udfff]")
"""What does not stand in a row as it is, or may not."""
_RESERVED_BYTES = re.compile(rb"[\x00-\x1f\x7f,&]")
_ESCAPED_BYTES = re.compile(rb"&#x([0-9A-Fa-f]{2})")


def escape(text: str) -> str:
    """Text as it stands in a row: commas, control bytes and ``&`` as ``&#xNN`` (Kea E019, #4393).

    Surrogates stand for the bytes that were no UTF-8, as Python has it (PEP 383); other lone ones, which no reader
    gives, become their three bytes.
    """
    if not RESERVED.search(text):
        return text
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = text.encode("utf-8", "surrogatepass")
    return _RESERVED_BYTES.sub(lambda match: b"&#x%02x" % match[0][0], data).decode("utf-8", "surrogateescape")


def unescape(text: str) -> str:
    """What `escape` wrote; an ``&`` that begins no escape stands for itself."""
    if "&" not in text:
        return text
    data = text.encode("utf-8", "surrogateescape")
    data = _ESCAPED_BYTES.sub(lambda match: bytes((int(match[1], 16),)), data)
    return data.decode("utf-8", "surrogateescape")


# -- other texts -------------------------------------------------------------------------------------------------------

UINT32: Final = 0xFFFFFFFF
INT64: Final = 0x7FFFFFFFFFFFFFFF
FLAGS: Final = {"0": False, "1": True}


class Numbers(dict[str, int]):
    """Decimal texts and their values, one object for equal ones: a million leases share few lifetimes and seconds."""

    def __init__(self, what: str, largest: int) -> None:
        super().__init__()
        self.what = what
        self.largest = largest

    def __missing__(self, text: str) -> int:
        # int() alone takes signs, blanks, underscores and the digits of other scripts.
        if not (text.isascii() and text.isdigit() and len(text) < 20 and (value := int(text)) <= self.largest):
            raise ValueError(f"{self.what} must be a decimal number up to {self.largest}, not {text[:30]!r}")
        if len(self) > 65535:
            self.clear()
        self[text] = value
        return value


def octets(what: str, text: str) -> bytes:
    """Bytes written in hexadecimal with colons."""
    if len(text) % 3 != 2:
        raise ValueError(f"{what} must be hexadecimal bytes with colons, not {text[:60]!r}")
    return bytes.fromhex(text.replace(":", ""))


def context(text: str) -> str:
    """A user context that is a JSON object, or ``""`` for one that is not: the lease matters more than its remarks."""
    text = unescape(text)
    try:
        return text if isinstance(json.loads(text), dict) else ""
    except (ValueError, RecursionError):
        return ""
