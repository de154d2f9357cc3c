"""DHCPv4 over UDP: enough for relays and for clients that have an address (``dhcp-socket-type: udp``, Kea A051)."""

from __future__ import annotations

import socket
from typing import Final

from txkea.interfaces import Link
from txkea.net.context import Context
from txkea.net.opening import silent_udp
from txkea.net.sockets import SendSide
from txkea.net.udp import UdpLink

__all__ = ["UdpLink4", "UdpSocket4", "open_router"]

ANY: Final = bytes(4)


class UdpSocket4(SendSide):
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


class UdpLink4(UdpLink):
    """The UDP sockets of one link for DHCPv4.

    ``router`` is the socket for relayed answers when routing chooses their way (``outbound-interface: use-routing``),
    else None.
    """

    def __init__(self, context: Context, link: Link, router: socket.socket | None) -> None:
        super().__init__(context, link, reuse=router is not None)
        self._router = router

    def _send_side(self, address: bytes, sock: socket.socket) -> UdpSocket4:
        return UdpSocket4(self.context, self.link.name, address, sock, self._router or sock)


def open_router(context: Context) -> socket.socket:
    """The socket that sends relayed answers by routing alone, from whichever address the kernel finds right.

    Raises `OSError`. It shares its port with the sockets that receive.
    """
    return silent_udp(ANY, context.server_port, None, context.buffer_size, reuse=True)
