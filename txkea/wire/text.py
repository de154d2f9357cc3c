"""Packed addresses as text, several times as fast as `ipaddress`."""

from __future__ import annotations

import re
from struct import Struct
from typing import Final

__all__ = ["address_text"]

_unpack_groups = Struct("!8H").unpack
_unpack_half = Struct("!4H").unpack
_run_of_zeros = re.compile(r"(?::0)+(?=:)").match
_MAPPED: Final = bytes(10) + b"\xff\xff"
_NETWORK: Final = bytes(8)
_HEADS: Final[dict[bytes, str]] = {}
"""The text of an address up to its last group, by its first 14 bytes: those of one link share few."""
_MOST_HEADS: Final = 4096


def address_text(address: bytes) -> str:
    """An IPv4 address of 4 bytes in dotted notation, an IPv6 address of 16 bytes as RFC 5952 says."""
    if len(address) == 4:
        return "%d.%d.%d.%d" % tuple(address)
    last = address[14] << 8 | address[15]
    head = _HEADS.get(address[:14])
    if head is not None and last:
        return f"{head}{last:x}"
    if not last and address[8:] == _NETWORK:
        return _network_text(address)
    if address[:12] == _MAPPED:
        return "::ffff:%d.%d.%d.%d" % tuple(address[12:])
    text = _text6(address)
    if last:  # a last group that is zero may belong to the zeros that are left out
        if len(_HEADS) >= _MOST_HEADS:
            _HEADS.clear()
        _HEADS[address[:14]] = text[: text.rindex(":") + 1]
    return text


def _network_text(address: bytes) -> str:
    """An address whose second half is zero, as those of prefixes are: the longest run of zeros is its end."""
    text = "%x:%x:%x:%x" % _unpack_half(address[:8])
    while text.endswith(":0"):
        text = text[:-2]
    return f"{text}::" if text != "0" else "::"


def _text6(address: bytes) -> str:
    """The groups, of the first longest run of zeros only two colons."""
    text = ":%x:%x:%x:%x:%x:%x:%x:%x:" % _unpack_groups(address)
    start = text.find(":0:0:")
    if start < 0:
        return text[1:-1]
    end = _end_of_zeros(text, start)
    while (later := text.find(":0" * ((end - start) // 2 + 1) + ":", end)) >= 0:
        start, end = later, _end_of_zeros(text, later)
    return f"{text[1:start]}::{text[end + 1 : -1]}"


def _end_of_zeros(text: str, start: int) -> int:
    found = _run_of_zeros(text, start)
    assert found is not None, "zeros start there"
    return found.end()
