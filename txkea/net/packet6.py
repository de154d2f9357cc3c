"""DHCPv6 in frames of its own: cheaper than the kernel's UDP (our own ``dhcp-socket-type: raw``)."""

from __future__ import annotations

import socket
from typing import Final

from txkea.interfaces import Link
from txkea.net.context import Context
from txkea.net.filters import LARGEST_PAYLOAD6, UNFRAMED6, dhcp_filter6
from txkea.net.packet import HWADDR_LENGTH, Framing, Wire
from txkea.net.udp import UdpLink
from txkea.net.udp6 import LINK_LOCAL, UdpSocket6
from txkea.wire.frames6 import ETHERTYPE_IPV6, FrameTemplate6, parse_frame6

__all__ = ["PacketLink6", "PacketSocket6"]

MINIMUM_MTU: Final = 1280
"""Of every link that carries IPv6 (RFC 8200 section 5)."""
LONGEST: Final = LARGEST_PAYLOAD6 - 8
"""Bytes of an answer that are sent as a frame: there is no way on which they would be too many."""
FRAMING6: Final = Framing(ETHERTYPE_IPV6, dhcp_filter6, parse_frame6, MINIMUM_MTU)


class PacketSocket6(UdpSocket6):
    """An `ISocket` that answers to where a query's frame came from, and by UDP what it has no such place for.

    So do longer answers go: the kernel fragments them, and knows how much their way carries.
    """

    direct = True

    def __init__(self, context: Context, link: Link, local: bytes, sock: socket.socket, frames: socket.socket) -> None:
        super().__init__(context, link, local, sock)
        self._put = frames.send
        self._build, self._build_wide = (
            FrameTemplate6(link.hwaddr, source, context.server_port).build for source in (local, self._source or local)
        )

    def transmit(self, data: bytes, address: bytes, port: int, hwaddr: bytes) -> None:
        """See `SendSide.transmit`."""
        if len(hwaddr) != HWADDR_LENGTH or len(data) > LONGEST:
            super().transmit(data, address, port, hwaddr)
            return
        build = self._build_wide if address < LINK_LOCAL else self._build
        try:
            self._put(build(data, hwaddr, address, port))
        except OSError as error:
            self._failed(error, address, port)
        else:
            self._traffic.sent += 1


class PacketLink6(UdpLink):
    """The raw sockets of one Ethernet link: one packet socket receives for all its addresses and groups.

    Its UDP sockets are there too. They keep the port, join the groups, receive what the packet socket leaves to the
    kernel, and send what a `PacketSocket6` leaves to it.
    """

    program = UNFRAMED6

    def __init__(self, context: Context, link: Link) -> None:
        super().__init__(context, link)
        self._wire = Wire(context, link, FRAMING6)

    def _send_side(self, address: bytes, sock: socket.socket) -> PacketSocket6:
        return PacketSocket6(self.context, self.link, address, sock, self._wire.open())

    def _settle(self) -> None:
        super()._settle()
        self._wire.serve(self.sockets, self.shared())
