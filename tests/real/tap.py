"""Raw frames in and out of an interface in a namespace: what a DHCP server really puts on the wire."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.real.packets import packed, text
from tests.real.packets6 import packed6, text6
from txkea.testing.namespaces import Namespace

__all__ = ["BROADCAST", "BROADCAST_HWADDR", "Seen", "Tap", "checksum", "frame", "frame6", "sniff"]

BROADCAST: Final = "255.255.255.255"
BROADCAST_HWADDR: Final = b"\xff" * 6
ETH_P_ALL: Final = 3
ETH_P_IP: Final = 0x0800
ETH_P_IPV6: Final = 0x86DD
UDP: Final = 17


class Seen(NamedTuple):
    """A UDP datagram that was on the wire, and how it was addressed."""

    interface: str
    hwaddr_to: bytes
    hwaddr_from: bytes
    source: str
    destination: str
    source_port: int
    destination_port: int
    payload: bytes
    at: float
    """`time.monotonic` when it was read."""


class Tap:
    """An open raw socket on one interface; it sees every frame that arrives there, whoever it is for."""

    def __init__(self, namespace: Namespace, interface: str) -> None:
        with namespace.enter():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            self._socket.bind((interface, ETH_P_ALL))
        self._socket.setblocking(False)
        self.interface = interface
        self.hwaddr = namespace.hwaddr(interface)

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, data: bytes) -> None:
        """Put a frame on the wire."""
        self._socket.send(data)

    def read(self) -> list[Seen]:
        """All UDP datagrams that have arrived, without waiting."""
        found: list[Seen] = []
        while True:
            try:
                data, (_, _, packet_type, *_) = self._socket.recvfrom(65536)
            except BlockingIOError:
                return found
            if packet_type != socket.PACKET_OUTGOING and (seen := self._parse(data)) is not None:
                found.append(seen)

    def close(self) -> None:
        self._socket.close()

    def _parse(self, data: bytes) -> Seen | None:
        kind = int.from_bytes(data[12:14], "big")
        if len(data) >= 42 and kind == ETH_P_IP and data[23] == UDP:
            start = 14 + (data[14] & 15) * 4
            addresses = text(data[26:30]), text(data[30:34])
        elif len(data) >= 62 and kind == ETH_P_IPV6 and data[20] == UDP:
            start = 54
            addresses = text6(data[22:38]), text6(data[38:54])
        else:
            return None
        source_port, destination_port, length = struct.unpack_from("!HHH", data, start)
        payload = data[start + 8 : start + length]
        return Seen(
            self.interface, data[:6], data[6:12], *addresses, source_port, destination_port, payload, time.monotonic()
        )


def sniff(taps: Sequence[Tap], timeout: float) -> list[tuple[Tap, Seen]]:
    """What arrives next on any of these, waiting up to ``timeout`` seconds for the first."""
    readable, _, _ = select.select(taps, [], [], timeout)
    return [(tap, seen) for tap in readable for seen in tap.read()]


def frame(
    payload: bytes,
    hwaddr_from: bytes,
    hwaddr_to: bytes = BROADCAST_HWADDR,
    source: str = "0.0.0.0",
    destination: str = BROADCAST,
    source_port: int = 68,
    destination_port: int = 67,
) -> bytes:
    """An Ethernet frame with a UDP datagram, its checksums right."""
    addresses = packed(source, destination)
    udp = _datagram(payload, addresses, source_port, destination_port)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, UDP, 0)
    head = head[:10] + checksum(head + addresses).to_bytes(2, "big")
    return hwaddr_to + hwaddr_from + ETH_P_IP.to_bytes(2, "big") + head + addresses + udp


def frame6(
    payload: bytes,
    hwaddr_from: bytes,
    hwaddr_to: bytes,
    source: str,
    destination: str,
    source_port: int = 546,
    destination_port: int = 547,
) -> bytes:
    """An Ethernet frame with a UDP datagram over IPv6, its checksum right."""
    addresses = packed6(source, destination)
    udp = _datagram(payload, addresses, source_port, destination_port)
    head = struct.pack("!IHBB", 6 << 28, len(udp), UDP, 255)
    return hwaddr_to + hwaddr_from + ETH_P_IPV6.to_bytes(2, "big") + head + addresses + udp


def _datagram(payload: bytes, addresses: bytes, source_port: int, destination_port: int) -> bytes:
    """UDP; the pseudo header of either family sums up to the same words."""
    udp = struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0) + payload
    pseudo = addresses + struct.pack("!HH", UDP, len(udp))
    return udp[:6] + (checksum(pseudo + udp) or 0xFFFF).to_bytes(2, "big") + udp[8:]


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
