"""DHCPv6 over UDP, the only way there is (Kea B014)."""

from __future__ import annotations

import socket
from struct import Struct
from typing import Final

from txkea.interfaces import Link
from txkea.net.context import Context
from txkea.net.links import is_link_local
from txkea.net.selection import addresses6
from txkea.net.sockets import SendSide
from txkea.net.udp import UdpLink

__all__ = ["UdpLink6", "UdpSocket6"]

IPV6_PKTINFO: Final = 50
IN6_PKTINFO: Final = Struct("16sI")
LINK_LOCAL: Final = b"\xfe\x80"
"""Below are the unicast addresses that lead beyond a link, above the others and the groups."""


class UdpSocket6(SendSide):
    """An `ISocket` on one address of a link; the kernel finds the way, so ``hwaddr`` is of no use here."""

    def __init__(self, context: Context, link: Link, local: bytes, sock: socket.socket) -> None:
        super().__init__(context, link.name, local)
        self._index = link.index
        self._sendto = sock.sendto
        self._sendmsg = sock.sendmsg
        self._source = _wide_source(link) if is_link_local(local) else b""

    def transmit(self, data: bytes, address: bytes, port: int, hwaddr: bytes) -> None:
        """See `SendSide.transmit`."""
        target = socket.inet_ntop(socket.AF_INET6, address), port, 0, self._index
        try:
            if self._source and address < LINK_LOCAL:
                self._send_wide(data, target)
            else:
                self._sendto(data, target)
        except OSError as error:
            self._failed(error, address, port)
        else:
            self._traffic.sent += 1

    def _send_wide(self, data: bytes, target: tuple[str, int, int, int]) -> None:
        """Answer a relay of another link that has sent to the site's group: no router forwards what comes from a
        link-local address (RFC 4291 section 2.5.6), so another of the link takes its place.
        """
        source = IN6_PKTINFO.pack(self._source, self._index)
        try:
            self._sendmsg([data], [(socket.IPPROTO_IPV6, IPV6_PKTINFO, source)], 0, target)
        except OSError:  # the link has lost that address meanwhile; a relay of this link can still be reached
            self._sendto(data, target)


def _wide_source(link: Link) -> bytes:
    return next((address for address in addresses6(link) if not is_link_local(address)), b"")


class UdpLink6(UdpLink):
    """The UDP sockets of one link for DHCPv6."""

    def _send_side(self, address: bytes, sock: socket.socket) -> UdpSocket6:
        return UdpSocket6(self.context, self.link, address, sock)
