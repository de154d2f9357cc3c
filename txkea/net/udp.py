"""UDP sockets of both families: what receives, and which sockets a link needs."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from txkea.interfaces import ISocket, Link, Origin
from txkea.net.context import Context
from txkea.net.filters import Instruction
from txkea.net.opening import bound_udp
from txkea.net.reader import BATCH, Reader
from txkea.net.sockets import LinkSockets, SendSide

__all__ = ["UdpLink", "UdpReader"]

MOST: Final = 65535
PACK: Final[Mapping[int, Callable[[str], bytes]]] = {
    socket.AF_INET: socket.inet_aton,
    socket.AF_INET6: partial(socket.inet_pton, socket.AF_INET6),
}


class UdpReader(Reader):
    """Delivers what arrives on one socket as if from ``origin``, whose socket says which link and address it is.

    ``broadcast`` says that the socket is bound to an address that others share: a broadcast address or a group.
    """

    def __init__(self, context: Context, sock: socket.socket, origin: ISocket, broadcast: bool) -> None:
        super().__init__(context, sock, f"UDP {origin.link}")
        self.origin = origin
        self._broadcast = broadcast
        self._receive = sock.recvfrom
        self._pack = PACK[sock.family]

    def deliver(self) -> int:
        """See `Reader.deliver`."""
        receive, origin, broadcast, to_packed = self._receive, self.origin, self._broadcast, self._pack
        arrived, traffic = self.context.receiver.datagram_arrived, self.context.traffic
        for taken in range(BATCH):
            try:
                data, sender = receive(MOST)
            except OSError:  # nothing is left; an error of the link shows again when something is sent
                return taken
            traffic.received += 1
            arrived(data, Origin(origin, to_packed(sender[0]), sender[1], b"", broadcast))
        return BATCH


class UdpLink(LinkSockets):
    """The UDP sockets of one link: one per address, and more that hear broadcasts or groups.

    The kernel delivers a datagram to the socket that is bound most precisely, so the socket alone tells whether it was
    a broadcast, and no ancillary data needs to be read. With ``reuse`` the port may be shared.
    """

    program: Sequence[Instruction] = ()
    """The filter of what they receive, if there is one."""

    def __init__(self, context: Context, link: Link, reuse: bool = False) -> None:
        super().__init__(context, link)
        self._reuse = reuse
        self._readers: dict[bytes, UdpReader] = {}

    def _send_side(self, address: bytes, sock: socket.socket) -> SendSide:
        """The `ISocket` of an address, which sends through ``sock``."""
        raise NotImplementedError

    def _open(self, address: bytes) -> SendSide:
        with contextlib.ExitStack() as undo:
            sock = self._bound(address, undo)
            opened = self._send_side(address, sock)
            readers = {address: UdpReader(self.context, sock, opened, broadcast=False)}
            for target in self.shared_of(address):
                if target not in self._readers:
                    hears = self._bound(target, undo)
                    readers[target] = UdpReader(self.context, hears, opened, broadcast=True)
            undo.pop_all()
        self._readers.update(readers)
        for reader in readers.values():
            reader.start()
        return opened

    def _bound(self, address: bytes, undo: contextlib.ExitStack) -> socket.socket:
        context = self.context
        sock = bound_udp(
            address, context.server_port, self.link, context.buffer_size, self._reuse, program=self.program
        )
        undo.callback(sock.close)
        return sock

    def _close(self, address: bytes) -> None:
        self._readers.pop(address).stop()

    def _settle(self) -> None:
        shared = self.shared()
        for target in [known for known in self._readers if known not in self.sockets]:
            if target in shared:
                self._readers[target].origin = shared[target]
            else:
                self._readers.pop(target).stop()
