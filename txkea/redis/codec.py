"""Leases as bytes: equal leases are equal bytes, which the scripts compare; what the scripts read comes first."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Any, Final

from txkea.model.lease import Lease4, Lease6

__all__ = ["CODECS", "Codec", "leases_of"]

VERSION: Final = 1
"""Of this form; the first byte of each lease."""
HEAD: Final = Struct(">BBBBIIq")
"""Version, state, type, length; subnet, lifetime, end: known to the scripts, as are the two identifiers behind it."""
SIZE: Final = Struct(">H")
REST4: Final = Struct(">BII")
"""Flags, pool, length of the host name. The host name and the user context follow, up to the end."""
REST6: Final = Struct(">BIIIHII")
"""Flags, pool, IAID, preferred lifetime, hardware type and its source, length of the host name."""
FOUND: Final = Struct(">I")


def _text(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


class Codec:
    """DHCPv4: a lease without its address, which is its key."""

    family = 4
    width = 4

    def encode(self, lease: Any) -> bytes:
        """The bytes of a lease."""
        _, hwaddr, client, lifetime, expires, subnet, forward, reverse, hostname, state, context, pool = lease[:12]
        name = _text(hostname)
        head = HEAD.pack(VERSION, state, 0, 32, subnet, lifetime, expires)
        rest = REST4.pack(forward | reverse << 1, pool, len(name))
        return b"".join(
            (head, SIZE.pack(len(hwaddr)), hwaddr, SIZE.pack(len(client)), client, rest, name, _text(context))
        )

    def decode(self, address: bytes, data: bytes) -> Any:
        """The lease of an address."""
        head, hwaddr, client, place = _opened(data)
        flags, pool, size = REST4.unpack_from(data, place)
        place += REST4.size
        name, context = data[place : place + size].decode("utf-8", "surrogateescape"), data[place + size :]
        _, state, _, _, subnet, lifetime, expires = head
        return Lease4(
            address, hwaddr, client, lifetime, expires, subnet, bool(flags & 1), bool(flags & 2), name, state,
            context.decode("utf-8", "surrogateescape"), pool,
        )  # fmt: skip


class Codec6(Codec):
    """DHCPv6."""

    family = 6
    width = 16

    def encode(self, lease: Any) -> bytes:
        _, hwaddr, client, lifetime, expires, subnet, forward, reverse, hostname, state, context, pool = lease[:12]
        kind, iaid, length, preferred, hwtype, source = lease[12:]
        name = _text(hostname)
        head = HEAD.pack(VERSION, state, kind, length, subnet, lifetime, expires)
        rest = REST6.pack(forward | reverse << 1, pool, iaid, preferred, hwtype, source, len(name))
        return b"".join(
            (head, SIZE.pack(len(hwaddr)), hwaddr, SIZE.pack(len(client)), client, rest, name, _text(context))
        )

    def decode(self, address: bytes, data: bytes) -> Any:
        head, hwaddr, client, place = _opened(data)
        flags, pool, iaid, preferred, hwtype, source, size = REST6.unpack_from(data, place)
        place += REST6.size
        name, context = data[place : place + size].decode("utf-8", "surrogateescape"), data[place + size :]
        _, state, kind, length, subnet, lifetime, expires = head
        return Lease6(
            address, hwaddr, client, lifetime, expires, subnet, bool(flags & 1), bool(flags & 2), name, state,
            context.decode("utf-8", "surrogateescape"), pool, kind, iaid, length, preferred, hwtype, source,
        )  # fmt: skip


def _opened(data: bytes) -> tuple[tuple[int, ...], bytes, bytes, int]:
    """Head, hardware address and client of a lease, and where the rest begins."""
    place = HEAD.size + 2
    end = place + (data[place - 2] << 8 | data[place - 1])
    hwaddr = data[place:end]
    place = end + 2
    end = place + (data[place - 2] << 8 | data[place - 1])
    return HEAD.unpack_from(data), hwaddr, data[place:end], end


def leases_of(codec: Codec, data: bytes, place: int = 0) -> Iterator[list[Any]]:
    """What a script found for each look-up."""
    width, unpack, decode = codec.width, FOUND.unpack_from, codec.decode
    while place < len(data):
        (number,) = unpack(data, place)
        place += 4
        found = []
        for _ in range(number):
            text = place + width + 4
            (size,) = unpack(data, text - 4)
            found.append(decode(data[place : place + width], data[text : text + size]))
            place = text + size
        yield found


CODECS: Final = {4: Codec(), 6: Codec6()}
