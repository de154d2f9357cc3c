"""Raw sockets: whole Ethernet frames, so that a client without an address can be answered (Kea A051, A057)."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Mapping
from typing import Final

from txkea.errors import Malformed
from txkea.interfaces import Link, Origin
from txkea.net.context import Context
from txkea.net.filters import attach, dhcp_filter
from txkea.net.opening import silent_udp
from txkea.net.reader import BATCH, Reader
from txkea.net.ring import Ring
from txkea.net.sockets import LIMITED_BROADCAST, LinkSockets, SendSide
from txkea.wire.frames import BROADCAST_HWADDR, FrameTemplate, parse_frame

__all__ = ["PacketLink", "PacketReader", "PacketSocket"]

ETH_P_IP: Final = 0x0800
HWADDR_LENGTH: Final = 6


class PacketSocket(SendSide):
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


class PacketReader(Reader):
    """Delivers the datagrams of one link's packet socket; ``takers`` says who takes what is sent to an address."""

    def __init__(self, context: Context, link: Link) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # protocol 0: nothing arrives before bind
        with contextlib.ExitStack() as undo:
            undo.callback(self.socket.close)
            self.socket.setblocking(False)
            attach(self.socket, dhcp_filter(link.index, context.server_port))
            self._ring = Ring(self.socket, link.mtu, context.buffer_size, context.traffic)
            undo.callback(self._ring.close)
            self.socket.bind((link.name, ETH_P_IP))
            undo.pop_all()
        super().__init__(context, self.socket, f"packet {link.name}")
        self.takers: Mapping[bytes, tuple[SendSide, bool]] = {}

    def stop(self) -> None:
        """Read no more, close the socket and give the ring's memory back."""
        super().stop()
        self._ring.close()

    def deliver(self) -> int:
        """See `Reader.deliver`."""
        arrived, interpret = self.context.receiver.datagram_arrived, self._datagram
        taken = 0
        for frame, verify in self._ring.frames(BATCH):
            taken += 1
            datagram = interpret(frame, verify)
            if datagram is not None:
                arrived(*datagram)
        if taken == BATCH:
            self._ring.count_losses()
        return taken

    def _datagram(self, frame: bytes, verify: bool) -> tuple[bytes, Origin] | None:
        """What a frame brings us, or None; counted either way."""
        traffic = self.context.traffic
        try:
            parsed = parse_frame(frame, self.context.server_port, verify)
        except Malformed:
            traffic.malformed += 1
            return None
        if parsed is None or (taker := self.takers.get(parsed.destination)) is None:
            traffic.foreign += 1
            return None
        traffic.received += 1
        return parsed.payload, Origin(taker[0], parsed.source, parsed.source_port, parsed.source_hwaddr, taker[1])


class PacketLink(LinkSockets):
    """The raw sockets of one Ethernet link: one packet socket receives for all its addresses.

    Each address has a UDP socket too. It receives nothing, but keeps the kernel from answering queries with ICMP "port
    unreachable", and sends what routing and ARP must carry: answers to relays.
    """

    def __init__(self, context: Context, link: Link) -> None:
        super().__init__(context, link)
        self._reader: PacketReader | None = None
        self._routed: dict[bytes, socket.socket] = {}

    def _open(self, address: bytes) -> PacketSocket:
        context = self.context
        routed = silent_udp(address, context.server_port, self.link, context.buffer_size)
        try:
            reader = self._reader or PacketReader(context, self.link)
        except OSError:
            routed.close()
            raise
        if self._reader is None:
            self._reader = reader
            reader.start()
        self._routed[address] = routed
        return PacketSocket(context, self.link, address, reader.socket, routed)

    def _close(self, address: bytes) -> None:
        self._routed.pop(address).close()

    def _settle(self) -> None:
        if self._reader is None:
            return
        own = {address: (sock, False) for address, sock in self.sockets.items()}
        self._reader.takers = own | {address: (sock, True) for address, sock in self.shared().items()}
        if not self.sockets:
            self._reader.stop()
            self._reader = None
