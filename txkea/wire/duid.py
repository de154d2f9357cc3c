"""DHCP unique identifiers (RFC 8415 section 11), and where they hide in DHCPv4 (RFC 4361)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from attrs import field, frozen

from txkea.errors import Malformed
from txkea.wire.fields import hex_to_bytes

__all__ = ["DUID_MAXIMUM", "DUID_MINIMUM", "EMPTY_DUID", "Duid", "DuidType", "NodeIdentifier", "node_identifier"]

DUID_MINIMUM: Final = 3
DUID_MAXIMUM: Final = 130
"""Two bytes of type and up to 128 (RFC 8415 section 11.1)."""
EMPTY_DUID: Final = b"\0\0\0"
"""Whose declined leases are (Kea B048); of no client."""


class DuidType(IntEnum):
    """The types of RFC 8415 section 11 and RFC 6355."""

    LLT = 1
    EN = 2
    LL = 3
    UUID = 4


_HWADDR_STARTS: Final[dict[int, int]] = {DuidType.LLT: 8, DuidType.LL: 4}


def _check_length(duid: Duid, attribute: object, value: bytes) -> None:
    if not DUID_MINIMUM <= len(value) <= DUID_MAXIMUM:
        raise Malformed(f"DUID of {len(value)} bytes, which has {DUID_MINIMUM} to {DUID_MAXIMUM}")


@frozen
class Duid:
    """A DUID, opaque but for its length; ``str`` gives Kea's colon form. Raises `Malformed`."""

    value: bytes = field(validator=_check_length)

    @classmethod
    def llt(cls, hwtype: int, time: int, hwaddr: bytes) -> Duid:
        """From a hardware address and a time in seconds since 2000-01-01 UTC, modulo 2**32."""
        head = DuidType.LLT.to_bytes(2, "big") + hwtype.to_bytes(2, "big")
        return cls(head + (time % (1 << 32)).to_bytes(4, "big") + hwaddr)

    @classmethod
    def en(cls, enterprise: int, identifier: bytes) -> Duid:
        """From an identifier that a vendor assigned."""
        return cls(DuidType.EN.to_bytes(2, "big") + enterprise.to_bytes(4, "big") + identifier)

    @classmethod
    def ll(cls, hwtype: int, hwaddr: bytes) -> Duid:
        """From a hardware address."""
        return cls(DuidType.LL.to_bytes(2, "big") + hwtype.to_bytes(2, "big") + hwaddr)

    @classmethod
    def uuid(cls, uuid: bytes) -> Duid:
        """From the 16 bytes of a UUID (RFC 6355)."""
        if len(uuid) != 16:
            raise Malformed(f"UUID of {len(uuid)} bytes, which has 16")
        return cls(DuidType.UUID.to_bytes(2, "big") + uuid)

    @classmethod
    def from_text(cls, text: str) -> Duid:
        """From hexadecimal, with or without colons. Raises ValueError, or `Malformed` for a wrong length."""
        return cls(hex_to_bytes(text))

    @property
    def type(self) -> int:
        """A `DuidType`, or a number that nobody assigned yet."""
        return int.from_bytes(self.value[:2], "big")

    @property
    def hwaddr(self) -> tuple[int, bytes] | None:
        """Hardware type and address, of the types that hold them."""
        start = _HWADDR_STARTS.get(self.type, 0)
        if not start or len(self.value) <= start:
            return None
        return int.from_bytes(self.value[2:4], "big"), self.value[start:]

    def __str__(self) -> str:
        return self.value.hex(":")


class NodeIdentifier(NamedTuple):
    """What a client identifier of RFC 4361 is made of."""

    iaid: bytes
    """4 bytes."""
    duid: bytes


_NODE_IDENTIFIER_TYPE: Final = b"\xff"
_DUID_START: Final = 5


def node_identifier(client_id: bytes) -> NodeIdentifier | None:
    """The parts of a client identifier of type 255 (Kea A080), None for any other and for a DUID of a wrong length."""
    if client_id[:1] != _NODE_IDENTIFIER_TYPE or not DUID_MINIMUM <= len(client_id) - _DUID_START <= DUID_MAXIMUM:
        return None
    return NodeIdentifier(client_id[1:_DUID_START], client_id[_DUID_START:])
