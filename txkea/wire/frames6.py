"""Ethernet frames with a UDP datagram right behind an IPv6 header (RFC 8200), for sockets below the kernel's IP.

What has extension headers, fragments among them, is left to the kernel. Sums as in `txkea.wire.frames`.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from txkea.errors import Malformed
from txkea.wire.frames import Frame

__all__ = ["ETHERTYPE_IPV6", "FrameTemplate6", "parse_frame6"]

ETHERTYPE_IPV6: Final = 0x86DD

_HEADERS: Final = Struct("!6s6sH IHBB16s16s HHHH")
_HEADERS_LENGTH: Final = 62
_UDP_LENGTH: Final = 8
_PAYLOAD: Final = 54
"""Where what the IPv6 header calls its payload begins: the UDP header."""
_ADDRESSES: Final = 22
"""Where the addresses begin that the UDP checksum covers; the UDP header follows them."""
_PROTOCOL_UDP: Final = 17
_VERSION: Final = 6
_HOP_LIMIT: Final = 64
_LOWEST: Final = bytes(15) + b"\1"
_LOWEST_GROUP: Final = b"\xff"

_new = tuple.__new__
"""In a third of the time that the constructor of a `Frame` takes."""


def parse_frame6(frame: bytes, port: int, checksum_ready: bool = True) -> Frame | None:
    """The datagram to ``port`` in a frame; None for everything else, extension headers included.

    As `parse_frame`. Raises `Malformed` also for a datagram without checksum (RFC 8200 section 8.1), and for one from
    an address that no machine has: none, loopback's, a group (RFC 4291 sections 2.5.2, 2.5.3, 2.7).
    """
    size = len(frame)
    if size < _HEADERS_LENGTH:
        return None
    (
        destination_hwaddr, source_hwaddr, ethertype,
        version, payload, next_header, _, source, destination,
        source_port, destination_port, length, checksum,
    ) = _HEADERS.unpack_from(frame)  # fmt: skip
    if next_header != _PROTOCOL_UDP or destination_port != port or ethertype != ETHERTYPE_IPV6:
        return None
    if version >> 28 != _VERSION:
        return None
    if _PAYLOAD + payload > size or not _UDP_LENGTH <= length <= payload:
        raise Malformed(f"UDP length {length}, IPv6 length {payload} and a frame of {size} bytes contradict each other")
    if not _LOWEST < source < _LOWEST_GROUP:
        raise Malformed(f"source address {source.hex(':', 2)}")
    end = _PAYLOAD + length
    if not checksum:
        raise Malformed("no UDP checksum")
    if checksum_ready:
        value = int.from_bytes(frame[_ADDRESSES:end], "big")
        if ((value << 8 if length & 1 else value) + _PROTOCOL_UDP + length) % 0xFFFF:
            raise Malformed("wrong UDP checksum")
    data = frame[_HEADERS_LENGTH:end]
    return _new(Frame, (data, source, source_port, destination, source_hwaddr, destination_hwaddr))


class FrameTemplate6:
    """Makes frames from one local address and port; what does not change is computed once."""

    __slots__ = ("_hwaddr", "_port", "_source", "_sum")

    def __init__(self, hwaddr: bytes, source: bytes, port: int) -> None:
        if len(hwaddr) != 6 or len(source) != 16:
            raise ValueError(f"not an Ethernet and an IPv6 address: {hwaddr.hex(':')}, {source.hex(':', 2)}")
        self._hwaddr = hwaddr
        self._source = source
        self._port = port
        self._sum = int.from_bytes(source, "big") + _PROTOCOL_UDP + port

    def build(self, payload: bytes, hwaddr: bytes, destination: bytes, port: int) -> bytes:
        """A frame that carries ``payload`` to an address and port at a hardware address of 6 bytes."""
        length = len(payload) + _UDP_LENGTH
        value = int.from_bytes(payload, "big")
        if length & 1:
            value <<= 8
        return (
            _HEADERS.pack(
                hwaddr,
                self._hwaddr,
                ETHERTYPE_IPV6,
                _VERSION << 28,
                length,
                _PROTOCOL_UDP,
                _HOP_LIMIT,
                self._source,
                destination,
                self._port,
                port,
                length,
                # Never 0, which would say that there is no checksum. The length is part of the pseudo header too.
                0xFFFF - (self._sum + int.from_bytes(destination, "big") + port + length + length + value) % 0xFFFF,
            )
            + payload
        )
