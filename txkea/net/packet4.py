"""DHCPv4 in frames of its own, so that a client without an address can be answered (Kea A051, A057)."""

from __future__ import annotations

import socket
import struct
from typing import Final

from txkea.interfaces import Link
from txkea.net.context import Context
from txkea.net.filters import dhcp_filter
from txkea.net.opening import silent_udp
from txkea.net.packet import HWADDR_LENGTH, Framing, Wire
from txkea.net.sockets import LIMITED_BROADCAST, LinkSockets, SendSide
from txkea.wire.frames import BROADCAST_HWADDR, FrameTemplate, parse_frame

__all__ = ["PacketLink4", "PacketSocket4"]

LONGEST: Final = 65535
FRAMING4: Final = Framing(0x0800, dhcp_filter, parse_frame, LONGEST)


class PacketSocket4(SendSide):
    """An `ISocket` that shares its link's packet socket and has a UDP socket of its own for what routing must carry."""

    direct = True

    def __init__(
        self, context: Context, link: Link, local: bytes, frames: socket.socket, routed: socket.socket
    ) -> None:
        super().__init__(context, link.name, local)
        self.routed = routed
        self._build = FrameTemplate(link.hwaddr, local, context.server_port).build
        self._put = frames.send
        self._sendto = routed.sendto

    def transmit(self, data: bytes, address: bytes, port: int, hwaddr: bytes) -> None:
        """See `SendSide.transmit`."""
        try:
            if address == LIMITED_BROADCAST:
                self._put(self._build(data, BROADCAST_HWADDR, address, port))
            elif len(hwaddr) == HWADDR_LENGTH:
                self._put(self._build(data, hwaddr, address, port))
            elif hwaddr:
                raise ValueError(f"a hardware address of {len(hwaddr)} bytes on Ethernet")
            else:
                self._sendto(data, (socket.inet_ntoa(address), port))
        except (OSError, ValueError, struct.error) as error:
            self._failed(error, address, port)
        else:
            self._traffic.sent += 1


class PacketLink4(LinkSockets):
    """The raw sockets of one Ethernet link: one packet socket receives for all its addresses.

    Each address has a UDP socket too. It receives nothing, but keeps the kernel from answering queries with ICMP "port
    unreachable", and sends what routing and ARP must carry: answers to relays.
    """

    def __init__(self, context: Context, link: Link) -> None:
        super().__init__(context, link)
        self._wire = Wire(context, link, FRAMING4)
        self._routed: dict[bytes, socket.socket] = {}

    def _open(self, address: bytes) -> PacketSocket4:
        context = self.context
        routed = silent_udp(address, context.server_port, self.link, context.buffer_size)
        try:
            frames = self._wire.open()
        except OSError:
            routed.close()
            raise
        self._routed[address] = routed
        return PacketSocket4(context, self.link, address, frames, routed)

    def _close(self, address: bytes) -> None:
        self._routed.pop(address).close()

    def _settle(self) -> None:
        self._wire.serve(self.sockets, self.shared())
