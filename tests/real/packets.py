"""DHCPv4 messages for tests, written from RFC 2131: the judge shares no line with the judged."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

__all__ = [
    "ACK",
    "DECLINE",
    "DISCOVER",
    "INFORM",
    "NAK",
    "OFFER",
    "RELEASE",
    "REQUEST",
    "Answer",
    "Query",
    "chaddr",
    "decode",
    "encode",
    "option",
    "packed",
    "suboptions",
    "text",
]

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)
COOKIE: Final = bytes((99, 130, 83, 99))
HEADER: Final = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s4s")
NO_ADDRESS: Final = "0.0.0.0"


class Query(NamedTuple):
    """What a client or relay sends; addresses as text."""

    type: int
    chaddr: bytes = bytes.fromhex("020000000001")
    options: tuple[tuple[int, bytes], ...] = ()
    """Code and payload, in order, after the message type; longer ones are split as RFC 3396 says."""
    xid: int = 1
    ciaddr: str = NO_ADDRESS
    yiaddr: str = NO_ADDRESS
    siaddr: str = NO_ADDRESS
    giaddr: str = NO_ADDRESS
    flags: int = 0
    hops: int = 0
    secs: int = 0
    op: int = 1
    htype: int = 1
    hlen: int | None = None
    """None: the length of chaddr."""
    sname: bytes = b""
    file: bytes = b""
    raw_options: bytes | None = None
    """All bytes after the cookie, in place of type, options and END."""


class Answer(NamedTuple):
    """What a server sent; ``options`` maps each code to its payload, instances put together."""

    op: int
    htype: int
    hlen: int
    hops: int
    xid: int
    secs: int
    flags: int
    ciaddr: str
    yiaddr: str
    siaddr: str
    giaddr: str
    chaddr: bytes
    sname: bytes
    file: bytes
    options: dict[int, bytes]
    order: tuple[int, ...]
    """Codes as they came."""
    length: int

    @property
    def type(self) -> int:
        return self.options.get(53, b"\0")[0]


def encode(query: Query) -> bytes:
    """The message, without padding."""
    hlen = len(query.chaddr) if query.hlen is None else query.hlen
    head = HEADER.pack(
        query.op,
        query.htype,
        hlen,
        query.hops,
        query.xid,
        query.secs,
        query.flags,
        *(packed(each) for each in (query.ciaddr, query.yiaddr, query.siaddr, query.giaddr)),
        query.chaddr[:16],
        query.sname,
        query.file,
        COOKIE,
    )
    if query.raw_options is not None:
        return head + query.raw_options
    pairs = ([(53, bytes((query.type,)))] if query.type else []) + list(query.options)
    return head + b"".join(option(code, payload) for code, payload in pairs) + b"\xff"


def decode(data: bytes) -> Answer:
    """Raises ValueError for what is no DHCP message."""
    if len(data) < HEADER.size or data[236:240] != COOKIE:
        raise ValueError(f"no DHCP message: {data[:300].hex()}")
    op, htype, hlen, hops, xid, secs, flags, *addresses, hwaddr, sname, file, _ = HEADER.unpack_from(data)
    ciaddr, yiaddr, siaddr, giaddr = (text(each) for each in addresses)
    options, order = _options(data[HEADER.size :])
    overload = options.get(52, b"\0")[0]
    for bit, area in ((1, file), (2, sname)):
        if overload & bit:
            more, codes = _options(area)
            order += codes
            for code, payload in more.items():
                options[code] = options.get(code, b"") + payload
    return Answer(
        *(op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, hwaddr),
        sname=b"" if overload & 2 else sname.rstrip(b"\0"),
        file=b"" if overload & 1 else file.rstrip(b"\0"),
        options=options,
        order=tuple(order),
        length=len(data),
    )


def option(code: int, payload: bytes) -> bytes:
    """An option on the wire, as several when it is longer than 255 bytes."""
    parts = [payload[start : start + 255] for start in range(0, len(payload), 255)] or [b""]
    return b"".join(bytes((code, len(part))) + part for part in parts)


def suboptions(*pairs: tuple[int, bytes]) -> bytes:
    """The payload of an option that holds options."""
    return b"".join(option(code, payload) for code, payload in pairs)


def packed(*addresses: str) -> bytes:
    return b"".join(socket.inet_aton(address) for address in addresses)


def text(address: bytes) -> str:
    return socket.inet_ntoa(address)


def chaddr(number: int) -> bytes:
    """The hardware address of the test client of this number."""
    return b"\x02" + number.to_bytes(5, "big")


def _options(data: bytes) -> tuple[dict[int, bytes], list[int]]:
    options: dict[int, bytes] = {}
    order: list[int] = []
    for code, payload in _walk(data):
        order.append(code)
        options[code] = options.get(code, b"") + payload
    return options, order


def _walk(data: bytes) -> Iterable[tuple[int, bytes]]:
    at = 0
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        length = data[at + 1]
        yield data[at], data[at + 2 : at + 2 + length]
        at += 2 + length
