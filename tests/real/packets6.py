"""DHCPv6 messages for tests, written from RFC 8415: the judge shares no line with the judged."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

__all__ = [
    "ADDR_REG_INFORM",
    "ADVERTISE",
    "CONFIRM",
    "DECLINE",
    "INFORMATION_REQUEST",
    "REBIND",
    "RECONFIGURE",
    "RELAY_FORW",
    "RELAY_REPL",
    "RELEASE",
    "RENEW",
    "REPLY",
    "REQUEST",
    "SOLICIT",
    "Answer",
    "Option",
    "Query",
    "Relay",
    "decode",
    "encode",
    "innermost",
    "option",
    "options",
    "packed6",
    "text6",
    "walk",
]

SOLICIT, ADVERTISE, REQUEST, CONFIRM, RENEW, REBIND, REPLY, RELEASE, DECLINE = range(1, 10)
RECONFIGURE, INFORMATION_REQUEST, RELAY_FORW, RELAY_REPL = range(10, 14)
ADDR_REG_INFORM: Final = 36
RELAY_MSG: Final = 9
RELAY_HEAD: Final = struct.Struct("!BB16s16s")
OPTION_HEAD: Final = struct.Struct("!HH")

Option = tuple[int, bytes]


class Relay(NamedTuple):
    """A level of relaying; addresses as text."""

    link: str = "::"
    peer: str = "fe80::1"
    options: tuple[Option, ...] = ()
    """Those beside the relayed message, which stands last."""
    hops: int | None = None
    """None: as many as there are levels inside."""
    first: bool = False
    """Whether the relayed message stands before the options."""


class Query(NamedTuple):
    """What a client sends, and what relays make of it."""

    type: int
    options: tuple[Option, ...] = ()
    relays: tuple[Relay, ...] = ()
    """The one next to the client first."""
    xid: int = 1
    raw: bytes | None = None
    """All bytes of the client's message after its type and transaction, in place of the options."""
    whole: bytes | None = None
    """All bytes of the client's message."""
    relay_type: int = RELAY_FORW


class Answer(NamedTuple):
    """What a server sent; ``relays`` as in `Query`."""

    type: int
    xid: int
    options: tuple[Option, ...]
    relays: tuple[Relay, ...]


def encode(query: Query) -> bytes:
    """The datagram."""
    body = options(*query.options) if query.raw is None else query.raw
    data = bytes((query.type,)) + query.xid.to_bytes(3, "big") + body if query.whole is None else query.whole
    for level, relay in enumerate(query.relays):
        hops = level if relay.hops is None else relay.hops
        head = RELAY_HEAD.pack(query.relay_type, hops, *(packed6(each) for each in (relay.link, relay.peer)))
        parts = [options(*relay.options), option(RELAY_MSG, data)]
        data = head + b"".join(reversed(parts) if relay.first else parts)
    return data


def decode(data: bytes, relay_type: int = RELAY_REPL) -> Answer:
    """What came in as many levels of ``relay_type`` as it may; raises ValueError for what is no DHCPv6 message."""
    relays: list[Relay] = []
    while data[:1] == bytes((relay_type,)):
        _, hops, link, peer = RELAY_HEAD.unpack_from(data)
        found = list(walk(data[RELAY_HEAD.size :]))
        inside = [payload for code, payload in found if code == RELAY_MSG]
        if len(inside) != 1:
            raise ValueError(f"{len(inside)} relayed messages in one level")
        rest = tuple(each for each in found if each[0] != RELAY_MSG)
        relays.insert(0, Relay(text6(link), text6(peer), rest, hops))
        data = inside[0]
    if len(data) < 4:
        raise ValueError(f"no DHCPv6 message: {data.hex()}")
    return Answer(data[0], int.from_bytes(data[1:4], "big"), tuple(walk(data[4:])), tuple(relays))


def innermost(data: bytes) -> bytes:
    """The client's or server's own message in a datagram that may have come through relays."""
    while data[:1] in (bytes((RELAY_FORW,)), bytes((RELAY_REPL,))):
        data = next((payload for code, payload in walk(data[RELAY_HEAD.size :]) if code == RELAY_MSG), b"")
    return data


def walk(data: bytes) -> Iterator[Option]:
    """The options in some bytes; raises ValueError where they do not add up."""
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise ValueError(f"{len(data) - at} bytes after the last option")
        code, length = OPTION_HEAD.unpack_from(data, at)
        at += 4 + length
        if at > len(data):
            raise ValueError(f"option {code} of {length} bytes runs past the end")
        yield code, data[at - length : at]


def option(code: int, payload: bytes) -> bytes:
    """An option on the wire."""
    return OPTION_HEAD.pack(code, len(payload)) + payload


def options(*pairs: Option) -> bytes:
    """Options on the wire."""
    return b"".join(option(code, payload) for code, payload in pairs)


def packed6(*addresses: str) -> bytes:
    return b"".join(socket.inet_pton(socket.AF_INET6, address) for address in addresses)


def text6(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET6, address)
