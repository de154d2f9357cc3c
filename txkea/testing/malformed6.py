"""DHCPv6 packets that hurt other servers, made from a good one: every kind of damage with the name of its class.

The classes are those of the project's list of hostile inputs: C01-C03 in any message, C10-C15 in those of DHCPv6, C17
in frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, cycle, islice
from struct import pack, unpack_from
from typing import Final

from txkea.testing.malformed import Case, any_frames, names
from txkea.wire.dhcp6 import HEADER6_LENGTH, MessageType6, Option6, option6

__all__ = ["frames6", "nested", "packets6", "relayed"]

_LONGEST: Final = 65527
"""The largest UDP payload over IPv6 without jumbo frames."""
_HOPS: Final = (0, 7, 8, 31, 32, 255)
_INSIDE: Final = {3: 12, 25: 12, 5: 24, 26: 25}
"""The options in which the seed has options, and how many bytes stand in front of those."""


def packets6(seed: bytes) -> Iterator[Case]:
    """Damaged DHCPv6 messages from a good one that is not relayed; about thirteen hundred."""
    return chain.from_iterable(damage(seed) for damage in _DAMAGES)


def relayed(message: bytes, hops: Iterable[int] = (0,), kind: int = MessageType6.RELAY_FORW) -> bytes:
    """A message through relays with these hop counts, the innermost first."""
    heads = [pack("!BB", kind, hop) + b"\xfe\x80".ljust(32, b"\1") for hop in hops]
    parts = []
    length = len(message)
    for head in heads:
        parts.append(head + pack("!HH", Option6.RELAY_MSG, length & 0xFFFF))
        length += len(head) + 4
    return b"".join(reversed(parts)) + message


def nested(codes: Iterable[int]) -> bytes:
    """An encoded option in which the others stand, one in another, the outermost first."""
    heads = [(code, bytes(_INSIDE.get(code, 0))) for code in codes]
    length = sum(4 + len(fixed) for _, fixed in heads)
    parts = []
    for code, fixed in heads:
        length -= 4
        parts.append(pack("!HH", code, length) + fixed)
        length -= len(fixed)
    return b"".join(parts)


def _places(seed: bytes, start: int = HEADER6_LENGTH, end: int | None = None) -> Iterator[int]:
    """Where options begin, also those inside others."""
    end = len(seed) if end is None else end
    while start < end:
        yield start
        code, length = unpack_from("!HH", seed, start)
        if code in _INSIDE:
            yield from _places(seed, start + 4 + _INSIDE[code], start + 4 + length)
        start += 4 + length


def _with_length(seed: bytes, place: int, length: int) -> bytes:
    return seed[: place + 2] + pack("!H", length) + seed[place + 4 :]


def _adding(seed: bytes, *options: bytes) -> bytes:
    """The message with more options in front of its own."""
    return seed[:HEADER6_LENGTH] + b"".join(options) + seed[HEADER6_LENGTH:]


def _without(seed: bytes, code: int) -> bytes:
    """The message without the options of one code."""
    kept = seed[:HEADER6_LENGTH]
    place = HEADER6_LENGTH
    while place < len(seed):
        found, length = unpack_from("!HH", seed, place)
        kept += seed[place : place + 4 + length] if found != code else b""
        place += 4 + length
    return kept


def _truncated(seed: bytes) -> Iterator[Case]:
    through = relayed(seed, (0, 1))
    for length in range(len(seed)):
        yield "C01", seed[:length]
    for length in range(len(through)):
        yield "C01", through[:length]


def _lengths(seed: bytes) -> Iterator[Case]:
    for place in _places(seed):
        (length,) = unpack_from("!H", seed, place + 2)
        past_end = len(seed) - (place + 4) + 1
        for wrong in {length - 1, length + 1, 0, 0xFFFF, past_end} - {length}:
            if 0 <= wrong <= 0xFFFF:
                damaged = _with_length(seed, place, wrong)
                yield "C02", damaged
                yield "C02", relayed(damaged)


def _overlapping(seed: bytes) -> Iterator[Case]:
    places = [*_places(seed), len(seed)]
    for first in places:
        for last in places:
            if first + 4 <= last:
                yield "C03", _with_length(seed, first, last - first - 4)


def _relays(seed: bytes) -> Iterator[Case]:
    for count in range(41):
        yield "C10", relayed(seed, range(count))
        yield "C10", relayed(seed, (0,) * count)
    for hop in _HOPS:
        yield "C10", relayed(seed, (hop,))
    deepest = (_LONGEST - len(seed)) // 38
    yield "C10", relayed(seed, (0,) * deepest)
    one = relayed(seed)
    for inner in (b"", seed[:1], seed[:3], b"\x0c", one[:23], one[:33], one[:34], one[:37]):
        yield "C10", relayed(inner)
    for kinds in ((12, 13), (13, 12), (13, 13)):
        inner = relayed(seed, kind=kinds[1])
        yield "C10", relayed(inner, kind=kinds[0])
    yield "C10", one + option6(Option6.RELAY_MSG, seed)
    for code in (18, 37, 43, 53, 66, 79, 135):
        for payload in (b"", b"\0", b"\0\0", b"\0\x09\0\x2b\0\x12", b"\xff" * 300):
            yield "C10", one + option6(code, payload)
            yield "C10", one + option6(code, payload) * 2


def _identifiers(seed: bytes) -> Iterator[Case]:
    for code in (Option6.CLIENT_ID, Option6.SERVER_ID):
        rest = _without(seed, code)
        yield "C11", rest
        for length in (0, 1, 2, 3, 128, 129, 130, 131, _LONGEST - len(rest) - 4):
            for kind in (0, 1, 2, 3, 4, 5, 0xFFFF):
                yield "C11", _adding(rest, option6(code, (pack("!H", kind) + bytes(length))[:length]))
        yield "C11", _adding(seed, option6(code, b"\0\1twice"))
        yield "C11", relayed(_adding(rest, option6(code, b"\0\4" + b"\x12" * 400)))


def _nests(seed: bytes) -> Iterator[Case]:
    for codes in ((3, 5), (25, 26), (45,), (94,), (95, 96), (3, 5, 25, 26, 45)):
        size = sum(4 + _INSIDE.get(code, 0) for code in codes) / len(codes)
        for depth in (1, 2, 9, 10, 11, 12, 100, 1000, int(59000 / size)):
            yield "C12", _adding(seed, nested(islice(cycle(codes), depth)))
    for code in (16, 17):
        for data in (
            b"",
            b"\0\0\x11",
            b"\0\0\x11\x8b",
            b"\0\0\x11\x8b\0",
            b"\0\0\x11\x8b\0\5ab",
            b"\0\0\x11\x8b\0\1\0\5",
        ):
            yield "C12", _adding(seed, option6(code, data))


def _storms(seed: bytes) -> Iterator[Case]:
    identity = bytes(12)
    for count in (1000, 3000):
        yield "C13", _adding(seed, option6(3, identity) * count)
        yield "C13", _adding(seed, *[option6(25, pack("!I", number) + bytes(8)) for number in range(count)])
    yield "C13", _adding(seed, option6(3, identity + option6(5, bytes(24)) * 2000))
    yield "C13", _adding(seed, option6(25, identity + option6(26, bytes(25)) * 2000))
    for length in (1, 3, 60000, 60001):
        yield "C13", _adding(_without(seed, 6), option6(6, (b"\0\x17" * 30001)[:length]))
    yield "C13", _adding(seed, b"\xff\xff\0\0" * 16000)


def _names(seed: bytes) -> Iterator[Case]:
    for _, payload in names():
        for code, flags in ((39, b"\0"), (39, b"\1"), (24, b""), (21, b"")):
            if len(payload) < 0x8000:
                yield "C14", _adding(_without(seed, code), option6(code, flags + payload))


def _empty(seed: bytes) -> Iterator[Case]:
    codes = range(150)
    for code in codes:
        yield "C15", _adding(_without(seed, code), option6(code, b""))
        yield "C15", relayed(seed) + option6(code, b"")
    yield "C15", seed[:HEADER6_LENGTH] + b"".join(option6(code, b"") for code in codes)


def frames6(seed: bytes) -> Iterator[Case]:
    """Damaged Ethernet frames from a good one that holds UDP in IPv6."""
    yield from any_frames(seed)
    inside = seed[54:]
    for place, values in _FIELDS.items():
        for value in values:
            field = bytes.fromhex(value)
            yield "C17", seed[:place] + field + seed[place + len(field) :]
    for length in (0, 7, 8, 39, 40, len(inside) - 1, len(inside) + 1, 0xFFFF):
        for place in (18, 58):
            yield "C17", seed[:place] + pack("!H", length) + seed[place + 2 :]
    for kind, header in _EXTENSIONS:
        head = seed[:18] + pack("!HB", len(inside) + len(header), kind) + seed[21:54]
        yield "C17", head + header + inside


_FIELDS: Final = {
    14: ("00", "45", "50", "70", "ff"),
    20: ("00", "06", "2b", "2c", "3a", "3b", "3c", "ff"),
    21: ("00",),
    22: ("00" * 16, "ff" * 16, "00" * 15 + "01", "ff02" + "00" * 11 + "010002"),
    54: ("0000", "ffff"),
    60: ("0000", "0001", "ffff"),
}
"""What may stand, in hexadecimal, at these places: version, next header, hop limit, source; source port, checksum."""
_EXTENSIONS: Final = tuple(
    (kind, bytes.fromhex(text))
    for kind, text in (
        (0, "1100010400000000"),
        (0, "11ff010400000000"),
        (43, "1100000000000000"),
        (44, "1100000000000001"),
        (44, "1100000100000001"),
        (44, "1100fff800000001"),
        (60, "1100010400000000"),
        (60, "3c00010400000000" * 20 + "1100010400000000"),
    )
)
"""Extension headers, with the numbers that announce them, before the UDP header (17)."""

_DAMAGES: Final[tuple[Callable[[bytes], Iterator[Case]], ...]] = (
    _truncated,
    _lengths,
    _overlapping,
    _relays,
    _identifiers,
    _nests,
    _storms,
    _names,
    _empty,
)
