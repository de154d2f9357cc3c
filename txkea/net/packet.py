"""Packet sockets: whole Ethernet frames of one link, for either family (Kea A051, A057)."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from txkea.errors import Malformed
from txkea.interfaces import Link, Origin
from txkea.net.context import Context
from txkea.net.filters import Instruction, attach
from txkea.net.reader import BATCH, Reader
from txkea.net.ring import Ring
from txkea.net.sockets import SendSide
from txkea.wire.frames import Frame

__all__ = ["HWADDR_LENGTH", "Framing", "PacketReader", "Wire"]

HWADDR_LENGTH: Final = 6

_new = tuple.__new__


class Framing(NamedTuple):
    """How the datagrams of a family stand in frames."""

    ethertype: int
    program: Callable[[int, int], Sequence[Instruction]]
    """The filter for a link's index and a port."""
    parse: Callable[[bytes, int, bool], Frame | None]
    """As `txkea.wire.frames.parse_frame`."""
    mtu: int
    """Bytes in frames that the filter lets through, at most; a link's own if that is less."""


class PacketReader(Reader):
    """Delivers the datagrams of one link's packet socket; ``takers`` says who takes what is sent to an address."""

    def __init__(self, context: Context, link: Link, framing: Framing) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # protocol 0: nothing arrives before bind
        with contextlib.ExitStack() as undo:
            undo.callback(self.socket.close)
            self.socket.setblocking(False)
            attach(self.socket, framing.program(link.index, context.server_port))
            self._ring = Ring(self.socket, min(link.mtu, framing.mtu), context.buffer_size, context.traffic)
            undo.callback(self._ring.close)
            self.socket.bind((link.name, framing.ethertype))
            undo.pop_all()
        super().__init__(context, self.socket, f"packet {link.name}")
        self.takers: Mapping[bytes, tuple[SendSide, bool]] = {}
        self._parse = framing.parse

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
            parsed = self._parse(frame, self.context.server_port, verify)
        except Malformed:
            traffic.malformed += 1
            return None
        if parsed is None or (taker := self.takers.get(parsed.destination)) is None:
            traffic.foreign += 1
            return None
        traffic.received += 1
        payload, source, port, _, hwaddr, _ = parsed
        return payload, _new(Origin, (taker[0], source, port, hwaddr, taker[1]))


class Wire:
    """The packet socket that receives for all addresses of a link, open for as long as one of them is served."""

    def __init__(self, context: Context, link: Link, framing: Framing) -> None:
        self._context = context
        self._link = link
        self._framing = framing
        self._reader: PacketReader | None = None

    def open(self) -> socket.socket:
        """The socket, for sending; opened and read if it was not. Raises `OSError`."""
        if self._reader is None:
            self._reader = PacketReader(self._context, self._link, self._framing)
            self._reader.start()
        return self._reader.socket

    def serve(self, sockets: Mapping[bytes, SendSide], shared: Mapping[bytes, SendSide]) -> None:
        """What is sent to these addresses, or to those that are shared, belongs to these; without any, close."""
        if self._reader is None:
            return
        own = {address: (sock, False) for address, sock in sockets.items()}
        self._reader.takers = own | {address: (sock, True) for address, sock in shared.items()}
        if not sockets:
            self._reader.stop()
            self._reader = None
