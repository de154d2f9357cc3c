"""UDP sockets: enough for relays and for clients that have an address (``dhcp-socket-type: udp``, Kea A051)."""

from __future__ import annotations

import contextlib
import socket
from typing import Final

from txkea.interfaces import ISocket, Link, Origin
from txkea.net.sockets import BATCH, Context, LinkSockets, Reader, SendSide, bound_udp, silent_udp

__all__ = ["UdpLink", "UdpReader", "UdpSocket", "open_router"]

MOST: Final = 65535
ANY: Final = bytes(4)


class UdpSocket(SendSide):
    """An `ISocket` on one address of a link; the kernel finds the way, so ``hwaddr`` is of no use here."""

    def __init__(
        self, context: Context, link: str, local: bytes, direct: socket.socket, relayed: socket.socket
    ) -> None:
        super().__init__(context, link, local)
        self._client_port = context.client_port
        self._to_clients = direct.sendto
        self._to_relays = relayed.sendto

    def transmit(self, data: bytes, address: bytes, port: int, hwaddr: bytes) -> None:
        """See `SendSide.transmit`; what does not go to a client's port goes to a relay (Kea A139)."""
        sendto = self._to_clients if port == self._client_port else self._to_relays
        try:
            sendto(data, (socket.inet_ntoa(address), port))
        except OSError as error:
            self._failed(error, address, port)
        else:
            self._traffic.sent += 1


class UdpReader(Reader):
    """Delivers what arrives on one socket as if from ``origin``, whose socket says which link and address it is."""

    def __init__(self, context: Context, sock: socket.socket, origin: ISocket, broadcast: bool) -> None:
        super().__init__(context, sock, f"UDP {origin.link}")
        self.origin = origin
        self._broadcast = broadcast
        self._receive = sock.recvfrom

    def deliver(self) -> int:
        """See `Reader.deliver`."""
        receive, origin, broadcast, to_packed = self._receive, self.origin, self._broadcast, socket.inet_aton
        arrived, traffic = self.context.receiver.datagram_arrived, self.context.traffic
        for taken in range(BATCH):
            try:
                data, (source, port) = receive(MOST)
            except OSError:  # nothing is left; an error of the link shows again when something is sent
                return taken
            traffic.received += 1
            arrived(data, Origin(origin, to_packed(source), port, b"", broadcast))
        return BATCH


class UdpLink(LinkSockets):
    """The UDP sockets of one link: one per address, and more that hear broadcasts.

    The kernel delivers a datagram to the socket that is bound most precisely, so the socket alone tells whether it was
    a broadcast, and no ancillary data needs to be read. ``router`` is the socket for relayed answers when routing
    chooses their way (``outbound-interface: use-routing``), else None.
    """

    def __init__(self, context: Context, link: Link, router: socket.socket | None) -> None:
        super().__init__(context, link)
        self._router = router
        self._device = "" if link.loopback else link.name
        self._readers: dict[bytes, UdpReader] = {}

    def _open(self, address: bytes) -> UdpSocket:
        with contextlib.ExitStack() as undo:
            sock = self._bound(address, undo)
            opened = UdpSocket(self.context, self.link.name, address, sock, self._router or sock)
            readers = {address: UdpReader(self.context, sock, opened, broadcast=False)}
            for target in self.broadcasts_of(address):
                if target not in self._readers:
                    hears = self._bound(target, undo)
                    readers[target] = UdpReader(self.context, hears, opened, broadcast=True)
            undo.pop_all()
        self._readers.update(readers)
        for reader in readers.values():
            reader.start()
        return opened

    def _bound(self, address: bytes, undo: contextlib.ExitStack) -> socket.socket:
        sock = bound_udp(
            address, self.context.server_port, self._device, self.context.buffer_size, self._router is not None
        )
        undo.callback(sock.close)
        return sock

    def _close(self, address: bytes) -> None:
        self._readers.pop(address).stop()

    def _settle(self) -> None:
        broadcasts = self.broadcasts()
        for target in [known for known in self._readers if known not in self.sockets]:
            if target in broadcasts:
                self._readers[target].origin = broadcasts[target]
            else:
                self._readers.pop(target).stop()


def open_router(context: Context) -> socket.socket:
    """The socket that sends relayed answers by routing alone, from whichever address the kernel finds right.

    Raises `OSError`. It shares its port with the sockets that receive.
    """
    return silent_udp(ANY, context.server_port, "", context.buffer_size, reuse=True)
