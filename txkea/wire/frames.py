"""Ethernet frames with a UDP datagram over IPv4 in them, for sockets below the kernel's IP.

A ones-complement sum is the value of the bytes as one big integer modulo 0xffff, because 2**16 is 1 modulo 0xffff
(RFC 1071): a C loop where adding words would be one in Python.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from txkea.errors import Malformed

__all__ = ["BROADCAST_HWADDR", "Frame", "FrameTemplate", "parse_frame"]

BROADCAST_HWADDR: Final = b"\xff" * 6

_HEADERS: Final = Struct("!6s6sH BBHHHBBH4s4s HHHH")
_UDP: Final = Struct("!HHHH")
_ETHERNET_LENGTH: Final = 14
_IP_LENGTH: Final = 20
_UDP_LENGTH: Final = 8
_HEADERS_LENGTH: Final = 42
_ETHERTYPE_IP: Final = 0x0800
_PROTOCOL_UDP: Final = 17
_DONT_FRAGMENT: Final = 0x4000
_FRAGMENT: Final = 0x3FFF
"""More fragments to come, or an offset."""

_new = tuple.__new__
"""In a third of the time that the constructor of a `Frame` takes."""


class Frame(NamedTuple):
    """A datagram for us, addresses packed."""

    payload: bytes
    source: bytes
    source_port: int
    destination: bytes
    source_hwaddr: bytes
    destination_hwaddr: bytes


def parse_frame(frame: bytes | memoryview, port: int, checksum_ready: bool = True) -> Frame | None:
    """The datagram to ``port`` in a frame; None for everything else.

    Else are other protocols and ports, fragments, and frames with an 802.1Q tag: those belong to the VLAN's own link.
    ``checksum_ready`` is false when the kernel says that the sender left the UDP checksum to hardware
    (TP_STATUS_CSUMNOTREADY: a frame from this very machine). Raises `Malformed` for lengths that lie
    (CVE-2015-8605) and wrong checksums.
    """
    size = len(frame)
    if size < _HEADERS_LENGTH:
        return None
    (
        destination_hwaddr, source_hwaddr, ethertype,
        version_ihl, _, total, _, fragment, _, protocol, _, source, destination,
        source_port, destination_port, length, checksum,
    ) = _HEADERS.unpack_from(frame)  # fmt: skip
    if ethertype != _ETHERTYPE_IP or protocol != _PROTOCOL_UDP or version_ihl >> 4 != 4:
        return None
    header = (version_ihl & 15) * 4
    udp = _ETHERNET_LENGTH + header
    if header != _IP_LENGTH:
        if header < _IP_LENGTH or udp + _UDP_LENGTH > size:
            raise Malformed(f"IP header of {header} bytes in a frame of {size}")
        source_port, destination_port, length, checksum = _UDP.unpack_from(frame, udp)
    if destination_port != port or fragment & _FRAGMENT:
        return None
    if _ETHERNET_LENGTH + total > size or not _UDP_LENGTH <= length <= total - header:
        raise Malformed(f"UDP length {length}, IP length {total} and a frame of {size} bytes contradict each other")
    if int.from_bytes(frame[_ETHERNET_LENGTH:udp], "big") % 0xFFFF:
        raise Malformed("wrong IP header checksum")
    end = udp + length
    if checksum and checksum_ready:
        # Behind a header without options the pseudo header's addresses stand where they are wanted.
        covered = frame[udp - 8 : end] if header == _IP_LENGTH else source + destination + bytes(frame[udp:end])
        value = int.from_bytes(covered, "big")
        if ((value << 8 if length & 1 else value) + _PROTOCOL_UDP + length) % 0xFFFF:
            raise Malformed("wrong UDP checksum")
    payload = bytes(frame[udp + _UDP_LENGTH : end])
    return _new(Frame, (payload, source, source_port, destination, source_hwaddr, destination_hwaddr))


class FrameTemplate:
    """Makes frames from one local address and port; what does not change is computed once.

    Datagrams are never fragmented (Kea #4597), hence need no identification (RFC 6864).
    """

    __slots__ = ("_hwaddr", "_ip_sum", "_port", "_source", "_udp_sum")

    _SERVICE: Final = 0x10  # low delay
    _TIME_TO_LIVE: Final = 128

    def __init__(self, hwaddr: bytes, source: bytes, port: int) -> None:
        if len(hwaddr) != 6 or len(source) != 4:
            raise ValueError(f"not an Ethernet and an IPv4 address: {hwaddr.hex(':')}, {source.hex('.')}")
        self._hwaddr = hwaddr
        self._source = source
        self._port = port
        address = int.from_bytes(source, "big")
        constant = (0x4500 | self._SERVICE) + _DONT_FRAGMENT + (self._TIME_TO_LIVE << 8 | _PROTOCOL_UDP)
        self._ip_sum = constant + address
        self._udp_sum = address + _PROTOCOL_UDP + port

    def build(self, payload: bytes, hwaddr: bytes, destination: bytes, port: int) -> bytes:
        """A frame that carries ``payload`` to an address and port at a hardware address of 6 bytes."""
        length = len(payload) + _UDP_LENGTH
        total = length + _IP_LENGTH
        address = int.from_bytes(destination, "big")
        value = int.from_bytes(payload, "big")
        if length & 1:
            value <<= 8
        return (
            _HEADERS.pack(
                hwaddr,
                self._hwaddr,
                _ETHERTYPE_IP,
                0x45,
                self._SERVICE,
                total,
                0,
                _DONT_FRAGMENT,
                self._TIME_TO_LIVE,
                _PROTOCOL_UDP,
                0xFFFF - (self._ip_sum + total + address) % 0xFFFF,
                self._source,
                destination,
                self._port,
                port,
                length,
                # Never 0, which would say that there is no checksum.
                0xFFFF - (self._udp_sum + address + port + length + length + value) % 0xFFFF,
            )
            + payload
        )
