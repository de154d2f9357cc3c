"""Leases as texts: readable with cqlsh, and equal when the leases are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from txkea.model.lease import Lease, Lease4, Lease6

__all__ = ["decode", "encode", "written"]

written: Final[Callable[[Any], str]] = json.JSONEncoder(separators=(",", ":")).encode
"""Values as JSON, as short as can be."""


def encode(lease: Lease) -> str:
    """A lease without its address: a JSON list of its fields in the order of `Lease4`, or `Lease6`, bytes as hex.

    ASCII whatever is in it: bytes of a host name that are no UTF-8 are lone surrogates, which JSON escapes.
    """
    return written([lease[1].hex(), lease[2].hex(), *lease[3:]])


def decode(address: bytes, text: str) -> Any:
    """The lease of an address; fields that a later version may append are left out."""
    hwaddr, client, *rest = json.loads(text)
    if len(address) == 4:
        return Lease4(address, bytes.fromhex(hwaddr), bytes.fromhex(client), *rest[:9])
    return Lease6(address, bytes.fromhex(hwaddr), bytes.fromhex(client), *rest[:15])
