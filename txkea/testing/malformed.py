"""Packets that hurt other servers, made from a good one: every kind of damage with the name of its class.

The classes are those of the project's list of hostile inputs: C01-C09 in messages, C14 in names, C17 in frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final, TypeAlias

from txkea.wire.dhcp4 import END, HEADER_LENGTH, option

__all__ = ["Case", "any_frames", "frames", "names", "packets4"]

Case: TypeAlias = tuple[str, bytes]
"""The class, such as ``C02``, and the bytes."""

_HLEN, _HTYPE = 2, 1
_CIADDR, _GIADDR, _CHADDR = 12, 24, 28
_PLACES_OF_AREAS: Final = {"sname": (44, 108), "file": (108, 236)}


def packets4(seed: bytes) -> Iterator[Case]:
    """Damaged DHCPv4 messages from a good one without padding; about a thousand."""
    return chain.from_iterable(damage(seed) for damage in _DAMAGES)


def _places(seed: bytes) -> Iterator[int]:
    """Where the options of a message begin."""
    place = HEADER_LENGTH
    while place < len(seed) and seed[place] != END[0]:
        yield place
        place += 2 + seed[place + 1]


def _with(seed: bytes, place: int, new: bytes) -> bytes:
    return seed[:place] + new + seed[place + len(new) :]


def _adding(seed: bytes, *options: bytes) -> bytes:
    """The message with more options in front of its own."""
    return seed[:HEADER_LENGTH] + b"".join(options) + seed[HEADER_LENGTH:]


def _truncated(seed: bytes) -> Iterator[Case]:
    for length in range(len(seed)):
        yield "C01", seed[:length]


def _lengths(seed: bytes) -> Iterator[Case]:
    for place in _places(seed):
        length = seed[place + 1]
        past_end = len(seed) - (place + 2) + 1
        for wrong in {length - 1, length + 1, 0, 0xFF, past_end} - {length}:
            if 0 <= wrong <= 0xFF:
                yield "C02", _with(seed, place + 1, bytes((wrong,)))


def _overlapping(seed: bytes) -> Iterator[Case]:
    places = [*_places(seed), len(seed)]
    for first in places:
        for last in places:
            if first + 2 <= last <= first + 257:
                yield "C03", _with(seed, first + 1, bytes((last - first - 2,)))


def _overloaded(seed: bytes) -> Iterator[Case]:
    inner = option(52, b"\3") + option(12, b"inner")
    for payload in (b"\0", b"\1", b"\2", b"\3", b"\4", b"\xff", b"", b"\1\2"):
        packet = _adding(seed, option(52, payload))
        yield "C04", packet
        yield "C04", _adding(packet, option(52, payload))
        for start, stop in _PLACES_OF_AREAS.values():
            for area in (inner + END, inner, b"\x0c\xff" + inner, b"\0" * (stop - start - 1) + b"\x0c"):
                yield "C04", _with(packet, start, area.ljust(stop - start, b"\0"))


def _repeated(seed: bytes) -> Iterator[Case]:
    for code in (12, 43, 53, 61, 77, 82, 121, 124, 125):
        for count in (2, 3, 200):
            yield "C05", _adding(seed, *[option(code, bytes((1, 4, 65, 66, 67, 68)))] * count)
        for cut in range(1, 6):
            whole = bytes((1, 4, 65, 66, 67, 68))
            yield "C05", _adding(seed, option(code, whole[:cut]), option(code, whole[cut:]))
    yield "C05", _adding(seed, *[option(43, b"\1\2ab" * 63)] * 250)
    yield "C05", _adding(seed, *[option(60, b"x")] * 20000)


def _hardware(seed: bytes) -> Iterator[Case]:
    for htype in (0, 1, 6, 32, 255):
        for hlen in (0, 1, 15, 16, 17, 255):
            for chaddr in (b"\0" * 16, b"\xff" * 16, b"\1\0\x5e\0\0\1".ljust(16, b"\0")):
                packet = _with(seed, _HTYPE, bytes((htype, hlen)))
                yield "C06", _with(packet, _CHADDR, chaddr)


def _addresses(seed: bytes) -> Iterator[Case]:
    for text in ("00000001", "7f000001", "e0000001", "f0000001", "ffffffff", "c0000201"):
        for place in (_CIADDR, _GIADDR):
            yield "C07", _with(seed, place, bytes.fromhex(text))


def _sizes(seed: bytes) -> Iterator[Case]:
    for code in (12, 43, 60, 61, 77, 81, 82, 124, 125):
        for length in (0, 1, 2, 254, 255):
            for byte in (b"\0", b"\xff", b"\x7f", b"\n"):
                yield "C08", _adding(seed, option(code, byte * length))
    for text in ("1303010203", "35020102", "3305aabbccddee", "0105ffffff0000", "3500", "3501ff", "350100", "350113"):
        yield "C08", _adding(seed, bytes.fromhex(text))


def _agent(seed: bytes) -> Iterator[Case]:
    nested = option(151, option(152, option(151, b"\0")))
    for payload in (
        b"\1",
        b"\1\0",
        b"\1\5ab",
        b"\1\xffab",
        b"".join(option(code, b"") for code in range(255)),
        b"".join(option(code, b"x") for code in range(80)),
        nested,
        option(5, b"\1\2\3"),
        option(11, b""),
        option(19, b"\0\0"),
    ):
        yield "C09", _adding(seed, option(82, payload))


_DAMAGES: Final[tuple[Callable[[bytes], Iterator[Case]], ...]] = (
    _truncated,
    _lengths,
    _overlapping,
    _overloaded,
    _repeated,
    _hardware,
    _addresses,
    _sizes,
    _agent,
)


def names() -> Iterator[Case]:
    """Damaged and odd domain names and lists of them, as payloads."""
    for text in ("c000", "c002c000", "0161c000", "02c001000141c001", "c0", "ff", "40", "80", "00", ""):
        yield "C14", bytes.fromhex(text)
    for length in (64, 128, 191, 192, 255):
        yield "C14", bytes((length,)) + b"x" * length + b"\0"
    for hops in (128, 256, 8000):
        yield (
            "C14",
            b"\1a\0" + b"".join(((0xC000 | max(0, 3 + 2 * (hop - 1))).to_bytes(2, "big")) for hop in range(hops)),
        )
    for total in (254, 255, 256):
        label = total - 1 - 3 * 64 - 1
        yield "C14", b"".join(bytes((63,)) + b"y" * 63 for _ in range(3)) + bytes((label,)) + b"z" * label + b"\0"
    for odd in (
        b"\0",
        b"___",
        b"\t",
        b".",
        b"\xff\xfe",
        "\N{RIGHT-TO-LEFT OVERRIDE}".encode(),
        b"\xed\xa0\x80",
        b"a\nb",
    ):
        yield "C14", bytes((len(odd),)) + odd + b"\0"
        yield "C14", bytes((len(odd),)) + odd


def any_frames(seed: bytes) -> Iterator[Case]:
    """Ethernet frames from a good one, whatever it holds: cut, with tags, or said to hold something else."""
    for length in range(len(seed)):
        yield "C17", seed[:length]
    for ethertype in (b"\x81\x00", b"\x88\xa8", b"\x86\xdd", b"\x08\x00", b"\x08\x06"):
        if ethertype != seed[12:14]:
            yield "C17", _with(seed, 12, ethertype)
            yield "C17", seed[:12] + ethertype + b"\0\1" + seed[12:]


def frames(seed: bytes) -> Iterator[Case]:
    """Damaged Ethernet frames from a good one."""
    yield from any_frames(seed)
    for ihl in (0x40, 0x44, 0x46, 0x4F, 0x65, 0x05):
        yield "C17", _with(seed, 14, bytes((ihl,)))
    for length in (0, 7, 8, 19, 20, 27, 28, len(seed), 0xFFFF):
        yield "C17", _with(seed, 16, length.to_bytes(2, "big"))
        yield "C17", _with(seed, 38, length.to_bytes(2, "big"))
    for checksum in (b"\0\1", b"\xff\xff"):
        yield "C17", _with(seed, 24, checksum)
        yield "C17", _with(seed, 40, checksum)
    for fragment in (b"\x20\x00", b"\x00\x01", b"\x1f\xff"):
        yield "C17", _with(seed, 20, fragment)
