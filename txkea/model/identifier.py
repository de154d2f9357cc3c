"""What a client is known by."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

__all__ = ["Identifier", "IdentifierKind"]


class IdentifierKind(IntEnum):
    """The kinds of identifiers with the numbers that Kea's databases use (Kea F011)."""

    HW_ADDRESS = 0
    DUID = 1
    CIRCUIT_ID = 2
    CLIENT_ID = 3
    FLEX_ID = 4

    @property
    def keyword(self) -> str:
        """The name in a Kea configuration, such as ``hw-address``."""
        return self.name.lower().replace("_", "-")


class Identifier(NamedTuple):
    """One identifier of a client; a hardware address comes without its type (Kea F013)."""

    kind: IdentifierKind
    value: bytes

    def __str__(self) -> str:
        return f"{self.kind.keyword}={self.value.hex(':')}"
