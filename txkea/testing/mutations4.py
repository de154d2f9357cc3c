"""As many hostile DHCPv4 packets as wanted, the same for the same seed: damaged, absurd, or made well to do harm.

C01-C09 come from `txkea.testing.malformed`; C14-C16, C18 and C19 are made here (see `txkea.testing.mutations`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from txkea.testing.malformed import Case, names, packets4
from txkea.testing.mutations import EXTREMES, SPECIALS, Source, damaged, mixed
from txkea.wire.dhcp4 import END, HEADER_LENGTH, MessageType4, header4, option

__all__ = ["LARGEST", "mutations4", "packet4", "seeds4"]

LARGEST: Final = 65507
"""The most bytes that a UDP datagram over IPv4 can carry."""
CODES: Final = tuple(range(1, 255))
NAMES: Final = (12, 15, 40, 47, 60, 66, 67, 81, 88, 119, 137, 141)
"""Codes of options that hold names or text."""
NO_ADDRESS: Final = b"\0\0\0\0"


def packet4(
    kind: int,
    chaddr: bytes,
    *options: tuple[int, bytes],
    ciaddr: bytes = NO_ADDRESS,
    giaddr: bytes = NO_ADDRESS,
    xid: int = 1,
    flags: int = 0,
) -> bytes:
    """A good message without padding."""
    head = header4(1, 1, len(chaddr), 0, xid, 0, flags, ciaddr, NO_ADDRESS, NO_ADDRESS, giaddr, chaddr)
    return head + b"".join(option(*each) for each in ((53, bytes((kind,))), *options)) + END


def seeds4(server: bytes, giaddr: bytes, addresses: Sequence[bytes]) -> list[bytes]:
    """Good messages of every kind for a server that serves those addresses to that relay."""
    chaddr, address = b"\x02\x99\0\0\0\1", addresses[0]
    wishes = (55, bytes((1, 3, 6, 12, 15, 42, 43, 66, 67, 119, 121, 125)))
    wanted, named = (50, address), (12, b"host.example.org")
    fqdn = (81, b"\5\0\0\4host\7example\3org\0")
    relay = (82, option(1, b"circuit") + option(2, b"remote") + option(5, address) + option(151, b"\0vpn"))
    vendor = (125, b"\0\0\x11\x8b\4\1\2\2\3")
    packet = partial(packet4, giaddr=giaddr)
    return [
        packet(MessageType4.DISCOVER, chaddr, wanted, wishes, (61, b"\1" + chaddr), fqdn, relay, vendor),
        packet(MessageType4.DISCOVER, chaddr, (60, b"PXEClient"), (77, b"user"), named, (57, b"\2\x40")),
        packet(MessageType4.REQUEST, chaddr, wanted, (54, server), wishes, named, relay, (51, b"\0\0\x0e\x10")),
        packet(MessageType4.REQUEST, chaddr, wanted, wishes, (124, b"\0\0\x11\x8b\4\3abc")),
        packet(MessageType4.REQUEST, chaddr, wishes, fqdn, ciaddr=address),
        packet(MessageType4.RELEASE, chaddr, (54, server), (61, b"\1" + chaddr), ciaddr=address),
        packet(MessageType4.DECLINE, chaddr, wanted, (54, server), (56, b"taken")),
        packet(MessageType4.INFORM, chaddr, wishes, (43, option(1, b"x")), relay, ciaddr=address),
    ]


def mutations4(seed: int, count: int, server: bytes, giaddr: bytes, addresses: Sequence[bytes]) -> Iterator[Case]:
    """That many hostile packets: all systematic ones in random order, then random ones.

    ``addresses`` are some that the server may lease to queries with this ``giaddr``.
    """
    chance = random.Random(seed)
    seeds = seeds4(server, giaddr, addresses)
    systematic = [case for good in seeds for case in packets4(good)]
    for good in seeds:
        systematic += [*_named(good), *_empty(good), *_giant(good)]
    systematic += _absurd(server, giaddr, addresses)
    sources = (damaged(seeds, _insert), _walks(server, giaddr, addresses))
    return mixed(chance, count, systematic, sources)


def _adding(good: bytes, *options: tuple[int, bytes]) -> bytes:
    return good[:HEADER_LENGTH] + b"".join(option(*each) for each in options) + good[HEADER_LENGTH:]


def _named(good: bytes) -> Iterator[Case]:
    for code in NAMES:
        head = b"\5\0\0" if code == 81 else b""
        for _, payload in names():
            yield "C14", _adding(good, (code, head + payload))


def _empty(good: bytes) -> Iterator[Case]:
    for code in CODES:
        yield "C15", _adding(good, (code, b""))
        yield "C15", good[: HEADER_LENGTH + 3] + bytes((code, 0)) + good[HEADER_LENGTH + 3 :]


def _giant(good: bytes) -> Iterator[Case]:
    for size in (577, 1473, 4097, 8192, 8193, 65000, LARGEST):
        yield "C16", good.ljust(size, b"\0")
        yield "C16", good.ljust(size, b"\xff")
        room = max(0, size - len(good)) // 257
        for code in (61, 82, 43, 250):
            yield "C16", _adding(good, *[(code, bytes((1, 253)) + b"x" * 253)] * room)


def _absurd(server: bytes, giaddr: bytes, addresses: Sequence[bytes]) -> Iterator[Case]:
    """C18: rightly made, wrongly meant."""
    chaddr = b"\x02\x99\0\0\0\2"
    elsewhere = (NO_ADDRESS, b"\xff\xff\xff\xff", b"\x7f\0\0\1", b"\xe0\0\0\1", server, giaddr, *addresses[:2])
    for kind in range(256):
        yield "C18", packet4(kind, chaddr, (50, addresses[0]), giaddr=giaddr)
    for kind in (1, 3, 4, 7, 8):
        for wanted in elsewhere:
            for named in (None, server, b"\1\2\3\4"):
                for ciaddr in elsewhere:
                    options = [(50, wanted)] + ([(54, named)] if named else [])
                    yield "C18", packet4(kind, chaddr, *options, ciaddr=ciaddr, giaddr=giaddr)
        for seconds in EXTREMES:
            times = [(code, seconds.to_bytes(4, "big")) for code in (51, 58, 59)]
            yield "C18", packet4(kind, chaddr, *times, giaddr=giaddr)
        for code in CODES:
            for payload in SPECIALS:
                yield "C18", packet4(kind, chaddr, (code, payload), giaddr=giaddr)


def _insert(chance: random.Random, data: bytearray) -> None:
    at = chance.randrange(HEADER_LENGTH, len(data)) if len(data) > HEADER_LENGTH else 0
    data[at:at] = option(chance.randrange(256), chance.randbytes(chance.choice((0, 1, 2, 3, 4, 8, 40, 255))))


def _walks(server: bytes, giaddr: bytes, addresses: Sequence[bytes]) -> Source:
    """C19: one of a few clients does what it likes with one of a few addresses, often another's."""

    def walk(chance: random.Random) -> Case:
        chaddr = b"\x02\x98\0\0\0" + bytes((chance.randrange(12),))
        address = chance.choice(addresses)
        identity = [(61, b"\1" + chance.choice((chaddr, b"\x02\x98\0\0\0\0")))] if chance.random() < 0.5 else []
        kind = chance.choice((1, 1, 3, 3, 3, 4, 7, 8))
        named = [(54, chance.choice((server, b"\1\2\3\4")))] if kind != 1 and chance.random() < 0.5 else []
        wanted = [(50, address)] if chance.random() < 0.7 else []
        ciaddr = address if chance.random() < 0.5 else NO_ADDRESS
        options = (*wanted, *named, *identity)
        return "C19", packet4(kind, chaddr, *options, ciaddr=ciaddr, giaddr=giaddr, xid=chance.randrange(4))

    return walk
