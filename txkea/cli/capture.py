"""Frames of a capture file: pcap, and pcapng as tcpdump and Wireshark write it."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct, unpack_from
from struct import error as StructError  # noqa: N812
from typing import Final, NamedTuple

from txkea.errors import TxkeaError

__all__ = ["Datagram", "datagram", "frames"]

PCAP: Final = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\xa1\xb2\x3c\x4d": ">",
}
"""Magic number to byte order, of files with microseconds and with nanoseconds."""
SECTION: Final = 0x0A0D0D0A
ORDER: Final = 0x1A2B3C4D
INTERFACE, SIMPLE, ENHANCED = 1, 3, 6
"""Block types of pcapng that matter here."""
OLD: Final = 16
"""Bytes of a record's header in pcap."""


class Frame(NamedTuple):
    """A captured frame."""

    link_type: int
    data: bytes


class Datagram(NamedTuple):
    """A UDP datagram of a frame, addresses packed."""

    family: int
    source: bytes
    source_port: int
    destination: bytes
    destination_port: int
    source_hwaddr: bytes
    data: bytes


def frames(content: bytes) -> Iterator[Frame]:
    """The frames of a file, from the first. Raises `TxkeaError` for what is no capture, or a damaged one."""
    order = PCAP.get(content[:4])
    if order is None and content[:4] != SECTION.to_bytes(4, "big"):
        raise TxkeaError("it is neither pcap nor pcapng")
    try:
        yield from _pcapng(content) if order is None else _pcap(content, order)
    except StructError:
        raise TxkeaError("the file is damaged") from None


def _pcap(content: bytes, order: str) -> Iterator[Frame]:
    link_type = unpack_from(f"{order}I", content, 20)[0] & 0xFFFF
    record = Struct(f"{order}IIII")
    position = 24
    while position + OLD <= len(content):
        size = record.unpack_from(content, position)[2]
        yield Frame(link_type, content[position + OLD : position + OLD + size])
        position += OLD + size


def _pcapng(content: bytes) -> Iterator[Frame]:
    order, link_types = "<", list[int]()
    position = 0
    while position + 12 <= len(content):
        if content[position : position + 4] == SECTION.to_bytes(4, "big"):
            order = "<" if unpack_from("<I", content, position + 8)[0] == ORDER else ">"
            link_types = []
        kind, size = unpack_from(f"{order}II", content, position)
        if size < 12:
            raise TxkeaError(f"a block of {size} bytes at {position}: the file is damaged")
        body = content[position + 8 : position + size - 4]
        if kind == INTERFACE:
            link_types.append(unpack_from(f"{order}H", body)[0])
        elif kind == ENHANCED and len(body) >= 20:
            number, _, _, captured = unpack_from(f"{order}IIII", body)
            yield Frame(link_types[number] if number < len(link_types) else -1, body[20 : 20 + captured])
        elif kind == SIMPLE and link_types:
            yield Frame(link_types[0], body[4 : 4 + unpack_from(f"{order}I", body)[0]])
        position += size


# -- datagrams ---------------------------------------------------------------------------------------------------------

ETHERNET: Final = 1
LINKS: Final = {
    ETHERNET: (14, 12, 2),
    101: (0, 0, 0),
    113: (16, 14, 2),
    228: (0, 0, 0),
    229: (0, 0, 0),
    276: (20, 0, 2),
}
"""Link type to the length of its header, and where its protocol stands with how many bytes: Ethernet, IP alone, Linux's
"any" interface in both versions.
"""
VLAN: Final = (0x8100, 0x88A8)
IP: Final = {0x0800: 4, 0x86DD: 6}
UDP: Final = 17
HEADER6: Final = 40
EXTENSIONS: Final = (0, 43, 60)
"""Headers of IPv6 that stand before others: hop-by-hop, routing, destination."""


def datagram(frame: Frame) -> Datagram:
    """The UDP datagram in a frame. Raises `TxkeaError` for a frame with something else in it."""
    packet, hwaddr = _network_layer(frame)
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        start, protocol = (packet[0] & 15) * 4, packet[9]
        if unpack_from("!H", packet, 6)[0] & 0x3FFF:
            raise TxkeaError("it is a fragment")
        source, destination = packet[12:16], packet[16:20]
    elif version == 6 and len(packet) >= HEADER6:
        source, destination = packet[8:24], packet[24:40]
        start, protocol = _upper_layer(packet)
    else:
        raise TxkeaError("there is no IP in it")
    if protocol != UDP or len(packet) < start + 8:
        raise TxkeaError("there is no UDP in it")
    source_port, destination_port, length = unpack_from("!HHH", packet, start)
    data = packet[start + 8 : start + max(length, 8)]
    if len(data) + 8 != length:
        raise TxkeaError(f"only {len(data)} of {length - 8} bytes were captured (tcpdump -s 0 captures all)")
    return Datagram(version, source, source_port, destination, destination_port, hwaddr, data)


def _network_layer(frame: Frame) -> tuple[bytes, bytes]:
    """The IP packet, and the sender's hardware address if there is one."""
    if frame.link_type not in LINKS:
        raise TxkeaError(f"frames of link type {frame.link_type} are not understood")
    header, place, width = LINKS[frame.link_type]
    data = frame.data
    if width:
        protocol = int.from_bytes(data[place : place + width], "big")
        while protocol in VLAN:
            protocol = int.from_bytes(data[header + 2 : header + 4], "big")
            header += 4
        if protocol not in IP:
            raise TxkeaError("there is no IP in it")
    return data[header:], data[6:12] if frame.link_type == ETHERNET else b""


def _upper_layer(packet: bytes) -> tuple[int, int]:
    """Where what IPv6 carries begins, and what it is."""
    start, protocol = HEADER6, packet[6]
    while protocol in EXTENSIONS and start + 8 <= len(packet):
        protocol, start = packet[start], start + 8 + packet[start + 1] * 8
    return start, protocol
