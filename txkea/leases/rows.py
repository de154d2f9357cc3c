"""Rows of Kea's lease file: text columns on disk, a lease in memory.

A file says in its first row which columns it has. `Schema` holds what a family's columns are called, in the order in
which Kea added them, `Layout` what one file made of that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from socket import AF_INET, inet_ntoa, inet_pton
from typing import Final, NamedTuple, cast

from attrs import field, frozen

from txkea.errors import TxkeaError, Unavailable
from txkea.model.lease import Lease4, LeaseState

__all__ = [
    "MAX_ROW",
    "SCHEMA4",
    "HeaderError",
    "Layout",
    "Schema",
    "escape",
    "format4",
    "reader4",
    "removal4",
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

    A file has at least the first ``oldest`` columns. What we begin has the first ``current``, which every Kea since
    2.1 reads without a complaint.
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


SCHEMA4: Final = Schema(
    (
        Column("address"),
        Column("hwaddr"),
        Column("client_id"),
        Column("valid_lifetime"),
        Column("expire"),
        Column("subnet_id"),
        Column("fqdn_fwd"),
        Column("fqdn_rev"),
        Column("hostname"),
        Column("state", "0"),
        Column("user_context", ""),
        Column("pool_id", "0"),
    ),
    oldest=9,
    current=11,
)

# -- text that may hold anything ---------------------------------------------------------------------------------------

_RESERVED = re.compile("[\x00-\x1f\x7f,&\ud800-\udfff]")
_RESERVED_BYTES = re.compile(rb"[\x00-\x1f\x7f,&]")
_ESCAPED_BYTES = re.compile(rb"&#x([0-9A-Fa-f]{2})")


def escape(text: str) -> bytes:
    """Text as it stands in a row: commas, control bytes and ``&`` as ``&#xNN`` (Kea E019, #4393).

    Surrogates stand for the bytes that were no UTF-8, as Python has it (PEP 383); other lone ones, which no reader
    gives, are written as their three bytes.
    """
    if not _RESERVED.search(text):
        return text.encode()
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = text.encode("utf-8", "surrogatepass")
    return _RESERVED_BYTES.sub(lambda match: b"&#x%02x" % match[0][0], data)


def unescape(text: str) -> str:
    """What `escape` wrote; an ``&`` that begins no escape stands for itself."""
    if "&" not in text:
        return text
    data = text.encode("utf-8", "surrogateescape")
    data = _ESCAPED_BYTES.sub(lambda match: bytes((int(match[1], 16),)), data)
    return data.decode("utf-8", "surrogateescape")


# -- DHCPv4 ------------------------------------------------------------------------------------------------------------


_UINT32: Final = 0xFFFFFFFF
_INT64: Final = 0x7FFFFFFFFFFFFFFF


def format4(width: int) -> Callable[[Lease4], bytes]:
    """A function that writes the row of a lease into a file with our first ``width`` columns.

    A lease with lifetime 0 is written with lifetime 1, which ends at the same second: 0 in a row means that the
    address is free (Kea E017, `removal4`). It raises `Unavailable` for a lease that could not be read back.
    """
    with_pool = width == len(SCHEMA4.columns)
    reserved = _RESERVED.search

    def row(lease: Lease4) -> bytes:
        address, hwaddr, client_id, lifetime, expires, subnet, fwd, rev, hostname, state, context, pool = lease
        if context or reserved(hostname):
            hostname = escape(hostname).decode("utf-8", "surrogateescape")
            context = escape(context).decode("utf-8", "surrogateescape")
        text = (
            f"{inet_ntoa(address)},{hwaddr.hex(':')},{client_id.hex(':')},{lifetime or 1},{expires},{subnet},"
            f"{'1' if fwd else '0'},{'1' if rev else '0'},{hostname},{state:d},{context}"
        )
        if with_pool:
            text = f"{text},{pool}"
        if not (
            0 <= lifetime <= _UINT32
            and 0 <= expires <= _INT64
            and 0 <= subnet <= _UINT32
            and 0 <= state <= 3
            and 0 <= pool <= _UINT32
            and len(text) < MAX_ROW // 4
        ):
            raise Unavailable(f"a lease with a number or text out of bounds cannot be stored: {text[:300]}")
        return f"{text}\n".encode("utf-8", "surrogateescape")

    return row


def removal4(lease: Lease4, row: Callable[[Lease4], bytes]) -> bytes:
    """The row that frees the address of a lease: lifetime 0, ending at the last transaction (Kea E017)."""
    parts = row(lease._replace(expires=max(lease.cltt, 0))).split(b",")
    parts[3] = b"0"
    return b",".join(parts)


_FLAGS: Final = {"0": False, "1": True}
_STATES: Final = {str(int(state)): int(state) for state in LeaseState}


class _Numbers(dict[str, int]):
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


def _octets(what: str, text: str) -> bytes:
    """Bytes written in hexadecimal with colons."""
    if len(text) % 3 != 2:
        raise ValueError(f"{what} must be hexadecimal bytes with colons, not {text[:60]!r}")
    return bytes.fromhex(text.replace(":", ""))


def _context(text: str) -> str:
    """A user context that is a JSON object, or ``""`` for one that is not: the lease matters more than its remarks."""
    text = unescape(text)
    try:
        return text if isinstance(json.loads(text), dict) else ""
    except (ValueError, RecursionError):
        return ""


def reader4(layout: Layout) -> Callable[[str], Lease4]:
    """A function that reads rows of a file; it raises `ValueError` with the reason for a row that is none.

    A lease with ``valid_lifetime`` 0 says that the address is free. The texts come without their newline, decoded as
    UTF-8 with ``surrogateescape``.
    """
    width, filling = layout.width, list(layout.defaults)
    straight = layout.places is None
    lifetimes, subnets = _Numbers("valid_lifetime", _UINT32), _Numbers("subnet_id", _UINT32)
    seconds, pools = _Numbers("expire", _INT64), _Numbers("pool_id", _UINT32)
    new, pton = tuple.__new__, inet_pton

    def read(text: str) -> Lease4:
        parts = text.split(",")
        if len(parts) != width:
            raise ValueError(f"{len(parts)} columns where the header has {width}")
        parts = parts + filling if straight else SCHEMA4.arrange(layout, parts)
        address, hwaddr, client_id, lifetime, expire, subnet, fwd, rev, hostname, state, context, pool = parts
        try:
            return new(
                Lease4,
                (
                    pton(AF_INET, address),
                    _octets("hwaddr", hwaddr) if hwaddr else b"",
                    _octets("client_id", client_id) if client_id else b"",
                    lifetimes[lifetime],
                    seconds[expire],
                    subnets[subnet],
                    _FLAGS[fwd],
                    _FLAGS[rev],
                    unescape(hostname) if hostname else "",
                    _STATES[state],
                    _context(context) if context else "",
                    pools[pool],
                ),
            )
        except OSError:
            raise ValueError(f"{address[:60]!r} is no IPv4 address") from None
        except KeyError as unknown:
            raise ValueError(f"{unknown} is no flag (0 or 1) or state (0 to 3)") from None

    return read
