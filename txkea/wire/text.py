"""Packed addresses as text."""

from __future__ import annotations

__all__ = ["address_text"]


def address_text(address: bytes) -> str:
    """An IPv4 address of 4 bytes in dotted notation, several times as fast as `ipaddress`."""
    return "%d.%d.%d.%d" % tuple(address)
