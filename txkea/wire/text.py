"""Packed addresses as text, several times as fast as `ipaddress`."""

from __future__ import annotations

from struct import Struct
from typing import Final

__all__ = ["address_text"]

_unpack_groups = Struct("!8H").unpack
_ZEROS: Final = tuple((":0" * count + ":", count * 2) for count in range(8, 1, -1))
"""Runs of groups that are zero, the longest first, and their length but for one colon."""
_MAPPED: Final = bytes(10) + b"\xff\xff"


def address_text(address: bytes) -> str:
    """An IPv4 address of 4 bytes in dotted notation, an IPv6 address of 16 bytes as RFC 5952 says."""
    if len(address) == 4:
        return "%d.%d.%d.%d" % tuple(address)
    if address[:12] == _MAPPED:
        return "::ffff:%d.%d.%d.%d" % tuple(address[12:])
    text = ":%x:%x:%x:%x:%x:%x:%x:%x:" % _unpack_groups(address)
    if ":0:0:" in text:
        for zeros, length in _ZEROS:
            place = text.find(zeros)
            if place >= 0:
                return text[1:place] + "::" + text[place + length + 1 : -1]
    return text[1:-1]
