"""Queries for class expressions: as much of one as expressions see, and a packet of each family with much in it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Final

from attrs import define

from txkea.interfaces import Origin
from txkea.testing.network import MemorySocket
from txkea.wire.dhcp4 import Message4
from txkea.wire.dhcp6 import Message6, Relay, option6
from txkea.wire.options import parse_suboptions

__all__ = ["DISCOVER", "SOLICIT", "Asked", "asked4", "asked6"]


@define(eq=False)
class Asked:
    """What expressions see of a query."""

    message: Any
    origin: Origin
    length: int
    classes: dict[str, None]
    suboptions: dict[int, bytes] | None = None


def agent(*pairs: tuple[int, bytes]) -> bytes:
    """DHCPv4 options as bytes."""
    return b"".join([bytes((code, len(payload))) + payload for code, payload in pairs])


ENTERPRISE: Final = (4491).to_bytes(4, "big")

DISCOVER: Final = Message4(
    xid=0x11223344,
    chaddr=bytes.fromhex("0a0b0c0d0e0f"),
    ciaddr=bytes((192, 0, 2, 7)),
    giaddr=bytes((192, 0, 2, 3)),
    options={
        53: b"\1",
        2: b"\xff\xff\xff\xfe",
        3: bytes((192, 0, 2, 1, 192, 0, 2, 2)),
        12: b"host",
        19: b"\1",
        43: agent((1, b"ab")),
        50: bytes((192, 0, 2, 55)),
        51: b"\0\0\x0e\x10",
        55: b"\1\3\6",
        57: b"\5\xdc",
        60: b"PXEClient:Arch:00007\0",
        61: bytes.fromhex("010a0b0c0d0e0f"),
        77: b"abc",
        78: b"\1\x0a\0\0\1\x0a\0\0\2",
        82: agent((1, b"eth0"), (2, bytes(range(1, 7)))),
        88: b"\1a\0\1b\0",
        93: b"\0\7",
        97: b"\0" + bytes(range(16)),
        117: b"\0\2\0\3",
        124: ENTERPRISE + b"\3abc" + ENTERPRISE + b"\2de",
        125: ENTERPRISE + b"\x0a" + agent((1, b"\2\6"), (2, b"\x0a\0\0\1")),
        137: b"\1a\1b\0",
        146: b"\1" + bytes(8) + b"\1a\0",
        159: b"\4\4\x30\0",
        220: b"ab",
    },
)

SOLICIT: Final = Message6(
    1,
    0x123456,
    [
        (1, bytes.fromhex("0001000112345678aabbccddeeff")),
        (3, bytes.fromhex("000000010000000000000000") + option6(5, bytes(15) + b"\1" + bytes(8))),
        (6, b"\0\x17\0\x18"),
        (8, b"\0\5"),
        (14, b""),
        (15, b"\0\3foo"),
        (16, ENTERPRISE + b"\0\x09docsis3.0\0\3abc"),
        (17, ENTERPRISE + option6(1, b"\0\x20") + option6(2, b"ECM")),
        (39, b"\1\4host\3org\0"),
    ],
    [
        Relay(1, bytes(15) + b"\x01", bytes(15) + b"\x11", {18: b"if1", 37: b"\0\0\0\x09rid"}, {}),
        Relay(0, bytes(15) + b"\x02", bytes(15) + b"\x12", {18: b"if0"}, {}),
    ],
)
"""Two relays: the first is closest to the server."""


def asked(message: Any, source: str, local: str, broadcast: bool) -> Asked:
    """A query that came on eth0."""
    socket = MemorySocket("eth0", ip_address(local).packed, False, [])
    origin = Origin(socket, ip_address(source).packed, 68, b"", broadcast)
    return Asked(message, origin, 300, dict.fromkeys(("ALL", "a", "b")))


def asked4(message: Message4 = DISCOVER, broadcast: bool = False) -> Asked:
    """A query of DHCPv4 in the classes ALL, a and b, of 300 bytes, from 192.0.2.9 to 192.0.2.1."""
    query = asked(message, "192.0.2.9", "192.0.2.1", broadcast)
    if 82 in message.options:
        query.suboptions = parse_suboptions(message.options[82])
    return query


def asked6(message: Message6 = SOLICIT, broadcast: bool = False) -> Asked:
    """A query of DHCPv6, from fe80::9 to fe80::1."""
    return asked(message, "fe80::9", "fe80::1", broadcast)
