"""The keys under which leases are kept: slices of addresses, clients, prefixes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zlib import crc32

from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import Lease

__all__ = ["clients_of", "key_of", "last_of", "slice_of", "slices_beside", "slices_inside", "truncated"]

ORDERLY: Final = bytes(4)
"""What the interface identifiers begin with that operators and allocators give."""
DEALT: Final = 64
"""Slices for all others of a /64."""
ETHERNET: Final = 1
"""The hardware type that such a client identifier begins with (RFC 2132 section 9.14)."""


def slice_of(address: bytes) -> bytes:
    """The part of the address space that an address belongs to: what is written in it together is one round of Paxos.

    256 addresses in DHCPv4. In DHCPv6 all but the last byte that is not zero, so that 256 addresses share one, and so
    do the prefixes of a pool that are delegated on the boundary of a byte. Interface identifiers that look like chance
    are no neighbours of each other: those of a network are dealt out to so many slices.
    """
    if len(address) == 4:
        return address[:3]
    if address[8:12] != ORDERLY:
        return _dealt(address, crc32(address) % DEALT)
    return address[: max(1, len(address.rstrip(b"\0")) - 1)]


def _dealt(address: bytes, number: int) -> bytes:
    return address[:8] + bytes((0xFF, number))


def key_of(identifier: Identifier) -> bytes:
    """A client as a key: the kind of its identifier, and the value.

    A client identifier that is made of an Ethernet address has the key of that address: one entry for two.
    """
    kind, value = identifier
    if kind == IdentifierKind.CLIENT_ID and len(value) == 7 and value[0] == ETHERNET:
        kind, value = IdentifierKind.HW_ADDRESS, value[1:]
    return bytes((kind,)) + value


def clients_of(lease: Lease) -> Sequence[bytes]:
    """The keys of all that a lease's client is found by."""
    hwaddr, client = lease[1], lease[2]
    if len(lease[0]) == 16:
        return (key_of(Identifier(IdentifierKind.DUID, client)),) if client else ()
    named = (Identifier(IdentifierKind.HW_ADDRESS, hwaddr), Identifier(IdentifierKind.CLIENT_ID, client))
    return [*dict.fromkeys(key_of(identifier) for identifier in named if identifier.value)]


def truncated(address: bytes, length: int) -> bytes:
    """The first address of the prefix of this length that contains an address."""
    beyond = 128 - length
    return (int.from_bytes(address, "big") >> beyond << beyond).to_bytes(16, "big")


def last_of(address: bytes, length: int) -> bytes:
    """The last address of a prefix."""
    return (int.from_bytes(address, "big") | (1 << 128 - length) - 1).to_bytes(16, "big")


def slices_beside(address: bytes, length: int) -> Sequence[bytes]:
    """The slices that may hold addresses of a prefix, and whose keys do not begin as the prefix does.

    One has those whose last byte that is not zero is the prefix's last one, unless that belongs to the prefix as a
    whole: then only the prefix's first address is such a one. And within one network there are those that are dealt.
    """
    whole, part = divmod(length, 8)
    beside = [address[:whole]] if part and whole and _orderly(address, length) else []
    dealt = length > 64 and (length < 96 or not _orderly(address, length))
    return [*beside, *(_dealt(address, number) for number in range(DEALT))] if dealt else beside


def slices_inside(address: bytes, length: int) -> tuple[bytes, bytes] | None:
    """The first and last of the slices, as they are sorted, that hold all other addresses of a prefix.

    None if there are none: all are in `slices_beside`.
    """
    begin = (length + 7) // 8
    if begin == 16 or not _orderly(address, length):
        return None
    return address[:begin], last_of(address, length)[:15]


def _orderly(address: bytes, length: int) -> bool:
    """Whether a prefix has addresses that are not dealt."""
    return address[8 : min(12, length // 8)].strip(b"\0") == b""
