"""As many hostile DHCPv6 packets as wanted, the same for the same seed: damaged, absurd, or made well to do harm.

C01-C03 and C10-C15 come from `txkea.testing.malformed6`; C16, C18 and C19 are made here (see
`txkea.testing.mutations`).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from struct import pack
from typing import Final, NamedTuple

from txkea.testing.malformed import Case
from txkea.testing.malformed6 import packets6
from txkea.testing.mutations import EXTREMES, SPECIALS, Source, damaged, mixed
from txkea.wire.dhcp6 import HEADER6_LENGTH, UNSPECIFIED, MessageType6, Option6, encode6, option6
from txkea.wire.ia import address_option, ia_option, prefix_option

__all__ = ["LARGEST6", "Served", "inside6", "mutations6", "packet6", "seeds6", "through_relay"]

LARGEST6: Final = 65527
"""The most bytes that a UDP datagram over IPv6 can carry without being a jumbogram."""
CODES: Final = (*range(150), 0x7FFF, 0xFFFF)
NA, PD = Option6.IA_NA, Option6.IA_PD
NAMED: Final = (MessageType6.REQUEST, MessageType6.RENEW, MessageType6.RELEASE, MessageType6.DECLINE)
"""What carries a server identifier."""
ASKING: Final = (
    MessageType6.SOLICIT,
    MessageType6.CONFIRM,
    MessageType6.REBIND,
    MessageType6.INFORMATION_REQUEST,
    MessageType6.ADDR_REG_INFORM,
    *NAMED,
)
STRANGE: Final = tuple(
    bytes.fromhex(text)
    for text in (
        "00" * 16,
        "ff" * 16,
        "00" * 15 + "01",
        "fe80" + "00" * 13 + "01",
        "ff02" + "00" * 11 + "010002",
        "00" * 10 + "ffff0a000001",
    )
)
"""Addresses that are nobody's to have: ::, all ones, ::1, link-local, multicast, mapped."""
LENGTHS: Final = (0, 1, 47, 48, 56, 64, 127, 128, 129, 255)

Option = tuple[int, bytes]
Times = tuple[int, int, int, int]
"""T1, T2, preferred and valid lifetime in seconds."""


class Served(NamedTuple):
    """A server that is to be hurt: its DUID, a relay's link that it serves, some of what it gives there."""

    server_id: bytes
    link: bytes
    addresses: Sequence[bytes]
    prefixes: Sequence[bytes]
    """First addresses."""
    length: int
    """Bits of the prefixes."""


def packet6(kind: int, duid: bytes, *options: Option, transaction_id: int = 1) -> bytes:
    """A good message of a client; without its identifier if that is empty."""
    pairs = ((Option6.CLIENT_ID, duid), *options) if duid else options
    return encode6(kind, transaction_id, b"".join(option6(*each) for each in pairs))


def through_relay(message: bytes, link: bytes, peer: bytes = UNSPECIFIED, *options: Option) -> bytes:
    """A message by way of a relay with this link-address."""
    head = pack("!BB", MessageType6.RELAY_FORW, 0) + link + peer
    return head + b"".join(option6(*each) for each in (*options, (Option6.RELAY_MSG, message)))


def address_ia(iaid: int, *addresses: bytes, times: Times = (0, 0, 0, 0)) -> Option:
    """An IA_NA."""
    t1, t2, preferred, valid = times
    inner = [address_option(each, preferred, valid) for each in addresses]
    return NA, ia_option(NA, iaid, t1, t2, b"".join(inner))[4:]


def prefix_ia(iaid: int, *prefixes: tuple[bytes, int], times: Times = (0, 0, 0, 0)) -> Option:
    """An IA_PD."""
    t1, t2, preferred, valid = times
    inner = [prefix_option(*each, preferred, valid) for each in prefixes]
    return PD, ia_option(PD, iaid, t1, t2, b"".join(inner))[4:]


def seeds6(served: Served) -> list[bytes]:
    """Good messages of every kind, none of them relayed."""
    duid, hwaddr = b"\0\3\0\1\2\x99\0\0\0\1", b"\2\x99\0\0\0\1"
    server = (Option6.SERVER_ID, served.server_id)
    address, prefix = served.addresses[0], (served.prefixes[0], served.length)
    wishes = (Option6.ORO, pack("!10H", 17, 21, 22, 23, 24, 31, 39, 56, 67, 82))
    fqdn = (Option6.CLIENT_FQDN, b"\1\4host\7example\3org\0")
    elapsed, rapid = (Option6.ELAPSED_TIME, b"\0\0"), (Option6.RAPID_COMMIT, b"")
    vendor = (Option6.VENDOR_OPTS, pack("!IHH", 4491, 1, 2) + b"\0\2" + pack("!HH", 36, 6) + hwaddr)
    both = (address_ia(1, address), prefix_ia(1, prefix))
    return [
        packet6(MessageType6.SOLICIT, duid, *both, elapsed, wishes, rapid, fqdn, vendor),
        packet6(MessageType6.SOLICIT, duid, address_ia(1), prefix_ia(1), address_ia(2), (15, b"\0\4user"), wishes),
        packet6(MessageType6.REQUEST, duid, server, *both, elapsed, wishes, fqdn, (16, b"\0\0\x11\x8b\0\3abc")),
        packet6(MessageType6.CONFIRM, duid, address_ia(1, address), elapsed),
        packet6(MessageType6.RENEW, duid, server, *both, elapsed, wishes),
        packet6(MessageType6.REBIND, b"\0\1\0\1\2\3\4\5" + hwaddr, *both, elapsed, wishes),
        packet6(MessageType6.RELEASE, duid, server, *both, elapsed),
        packet6(MessageType6.DECLINE, duid, server, address_ia(1, address), elapsed),
        packet6(MessageType6.INFORMATION_REQUEST, b"", wishes, elapsed, (Option6.CLIENT_ARCH_TYPE, b"\0\7")),
        packet6(MessageType6.ADDR_REG_INFORM, duid, (Option6.IAADDR, address + bytes(8)), elapsed),
        packet6(MessageType6.DHCPV4_QUERY, b"", (Option6.DHCPV4_MESSAGE, bytes(300))),
    ]


def mutations6(seed: int, count: int, served: Served) -> Iterator[Case]:
    """That many hostile packets: all systematic ones in random order, then random ones."""
    chance = random.Random(seed)
    seeds = seeds6(served)
    systematic = [case for good in seeds for case in (*packets6(good), *_giant(good))]
    systematic += _absurd(served)
    relayed = [through_relay(good, served.link, served.addresses[1], *RELAYS_SAY) for good in seeds]
    sources = (damaged([*seeds, *relayed], _insert), _walks(served), _flood(served))
    return mixed(chance, count, systematic, sources)


RELAYS_SAY: Final = (
    (Option6.INTERFACE_ID, b"port 7"),
    (Option6.REMOTE_ID, b"\0\0\x11\x8b\2\x99\0\0\0\1"),
    (Option6.CLIENT_LINKLAYER_ADDR, b"\0\1\2\x99\0\0\0\1"),
    (Option6.RSOO, option6(65, b"\3erp\7example\0")),
)


def inside6(cases: Iterable[Case]) -> Iterator[Case]:
    """DHCPv4 packets in DHCPV4-QUERYs: alone, with other options, and twice (C18)."""
    for number, (kind, data) in enumerate(cases):
        options = [(Option6.DHCPV4_MESSAGE, data[: LARGEST6 - 200])]
        if number % 7 == 0:
            options += [(Option6.ELAPSED_TIME, b"\0\0"), (Option6.CLIENT_ID, b"\0\3\0\1\2\x99\0\0\0\3")]
        if number % 50 == 0:
            options.append((Option6.DHCPV4_MESSAGE, b""))
        yield kind, packet6(MessageType6.DHCPV4_QUERY, b"", *options, transaction_id=(number & 1) << 23)


# -- the classes -------------------------------------------------------------------------------------------------------


def _adding(good: bytes, *options: Option) -> bytes:
    return good[:HEADER6_LENGTH] + b"".join(option6(*each) for each in options) + good[HEADER6_LENGTH:]


def _giant(good: bytes) -> Iterator[Case]:
    """C16: as large as they can be, full of what takes work."""
    for size in (1233, 1453, 4097, 8192, 8193, 65000, LARGEST6):
        yield "C16", good.ljust(size, b"\0")
        yield "C16", good.ljust(size, b"\xff")
        room = max(0, size - len(good))
        for unit in (
            address_ia(9, b"\x20\1" + bytes(14)),
            prefix_ia(9, (b"\x20\1" + bytes(14), 56)),
            (Option6.VENDOR_CLASS, b"\0\0\x11\x8b\0\0"),
            (Option6.ORO, pack("!126H", *range(126))),
            (250, b"x" * 250),
        ):
            yield "C16", _adding(good, *[unit] * (room // (4 + len(unit[1]))))
        if room > 100:
            yield "C16", _adding(good, *[address_ia(n) for n in range(64)], *[prefix_ia(n) for n in range(64)])
            yield "C16", _adding(good, (Option6.ORO, pack("!B", 0) * ((room - 4) // 2 * 2)))
            yield "C16", _adding(good, address_ia(8, *[_numbered(n) for n in range((room - 16) // 28)]))
            yield "C16", _adding(good, prefix_ia(8, *[(_numbered(n << 8), 56) for n in range((room - 16) // 29)]))
            many = b"".join(pack("!IHHH", n, 1, 2, n) for n in range((room - 4) // 10))
            yield "C16", _adding(good, (Option6.VENDOR_OPTS, many))


def _numbered(number: int) -> bytes:
    return b"\x20\1\x0d\xb8\x20\0" + number.to_bytes(10, "big")


def _absurd(served: Served) -> Iterator[Case]:
    """C18: rightly made, wrongly meant."""
    duid = b"\0\3\0\1\2\x99\0\0\0\2"
    ours, other = (Option6.SERVER_ID, served.server_id), (Option6.SERVER_ID, b"\0\3\0\1\2\1\1\1\1\1")
    address, prefix = served.addresses[0], (served.prefixes[0], served.length)
    for kind in range(256):
        yield "C18", packet6(kind, duid, address_ia(1, address), prefix_ia(1, prefix))
        yield "C18", packet6(kind, duid, ours, address_ia(1, address), prefix_ia(1, prefix))
    for kind in ASKING:
        front = (ours,) if kind in NAMED else ()
        elsewhere = (*STRANGE, served.link, *served.addresses[:2])
        for first, second in product(elsewhere, elsewhere):
            for named in (front, (), (other,)):
                yield "C18", packet6(kind, duid, *named, address_ia(1, first, second), (Option6.IAADDR, first + second))
                message = packet6(kind, duid, *named, address_ia(1, first), (Option6.IAADDR, first + b"\xff" * 8))
                yield "C18", through_relay(message, second, first)
        for start, length in product((*STRANGE, *served.prefixes[:2], *served.addresses[:1]), LENGTHS):
            yield "C18", packet6(kind, duid, *front, prefix_ia(1, (start, length)), prefix_ia(2, (start, length)))
        for t1, t2, preferred, valid in product(EXTREMES, repeat=4):
            times = (t1, t2, preferred, valid)
            both = (address_ia(1, address, times=times), prefix_ia(1, prefix, times=times))
            yield "C18", packet6(kind, duid, *front, *both)
        for code, payload in product(CODES, SPECIALS):
            yield "C18", packet6(kind, duid, *front, address_ia(1), (code, payload))


def _insert(chance: random.Random, data: bytearray) -> None:
    at = chance.randrange(HEADER6_LENGTH, len(data)) if len(data) > HEADER6_LENGTH else 0
    payload = chance.randbytes(chance.choice((0, 1, 2, 3, 4, 8, 12, 16, 24, 25, 40, 255)))
    data[at:at] = option6(chance.randrange(150), payload)


def _walks(served: Served) -> Source:
    """C19: one of a few clients does what it likes with one of a few resources, often another's, in any order."""

    def walk(chance: random.Random) -> Case:
        duid = b"\0\3\0\1\2\x98\0\0\0" + bytes((chance.randrange(12),))
        kind = chance.choice((*ASKING, MessageType6.REQUEST, MessageType6.REQUEST, MessageType6.SOLICIT))
        address, prefix = chance.choice(served.addresses), chance.choice(served.prefixes)
        options = []
        if (kind in NAMED) != (chance.random() < 0.05):
            options.append((Option6.SERVER_ID, served.server_id))
        if chance.random() < 0.8:
            options.append(address_ia(chance.randrange(2), *[address] * chance.randrange(2)))
        if chance.random() < 0.5:
            options.append(prefix_ia(chance.randrange(2), *[(prefix, served.length)] * chance.randrange(2)))
        if chance.random() < 0.2:
            options.append((Option6.RAPID_COMMIT, b""))
        if kind == MessageType6.ADDR_REG_INFORM:
            options.append((Option6.IAADDR, address + bytes(4) + pack("!I", chance.choice((0, 1, 100)))))
        message = packet6(kind, duid, *options, transaction_id=chance.randrange(4))
        return "C19", message if chance.random() < 0.2 else through_relay(message, served.link, address)

    return walk


def _flood(served: Served) -> Source:
    """C19: ever new clients that take what there is, and a few that take addresses and decline them."""

    def flood(chance: random.Random) -> Case:
        server = (Option6.SERVER_ID, served.server_id)
        if chance.random() < 0.5:
            number = chance.randrange(64)
            kind = chance.choice((MessageType6.REQUEST, MessageType6.DECLINE))
            wanted = served.addresses[0][:-2] + b"\x77" + bytes((number,))
            message = packet6(kind, b"\0\3\0\1\2\x97\0\0\0" + bytes((number,)), server, address_ia(1, wanted))
        else:
            kind = chance.choice((MessageType6.REQUEST, MessageType6.SOLICIT, MessageType6.REBIND))
            named = (server,) if kind == MessageType6.REQUEST else ()
            duid = b"\0\4" + chance.randbytes(chance.choice((1, 16, 128)))
            message = packet6(kind, duid, *named, address_ia(chance.getrandbits(32)), prefix_ia(1))
        return "C19", through_relay(message, served.link)

    return flood
