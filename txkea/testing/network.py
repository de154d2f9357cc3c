"""A network in memory: DHCP sockets that are lists, and clocks that tests move."""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from txkea.interfaces import IDatagramReceiver, INetwork, ISocket, Link, LinkAddress, Origin
from txkea.model.configuration import Interfaces
from txkea.net.links import ETHERNET
from txkea.net.selection import select4

__all__ = ["ETH0", "LOOPBACK", "MemoryNetwork", "MemorySocket", "ReaderClock", "Sent"]

TURN: Final = 0.001
LOOPBACK: Final = Link(
    name="lo",
    index=1,
    hwaddr=bytes(6),
    hwtype=772,
    mtu=65536,
    up=True,
    running=True,
    loopback=True,
    broadcast=False,
    addresses=(LinkAddress(b"\x7f\0\0\1", 8),),
)
ETH0: Final = Link(
    name="eth0",
    index=2,
    hwaddr=b"\x02\0\0\0\0\1",
    hwtype=ETHERNET,
    mtu=1500,
    up=True,
    running=True,
    loopback=False,
    broadcast=True,
    addresses=(LinkAddress(b"\xc0\0\2\1", 24),),
)
"""192.0.2.1/24."""


class Sent(NamedTuple):
    """A datagram that left through ``socket``."""

    socket: MemorySocket
    data: bytes
    address: bytes
    port: int
    hwaddr: bytes


@implementer(ISocket)
class MemorySocket:
    """An `ISocket` that keeps what is sent."""

    def __init__(self, link: str, local: bytes, direct: bool, sent: list[Sent]) -> None:
        self.link = link
        self.local = local
        self.direct = direct
        self._sent = sent

    def send(self, data: bytes, address: bytes, port: int, hwaddr: bytes) -> None:
        """See `ISocket`."""
        self._sent.append(Sent(self, data, address, port, hwaddr))


@implementer(INetwork)
class MemoryNetwork:
    """An `INetwork` whose datagrams a test delivers and finds in ``sent``.

    ``clock`` is there for whatever else in the test needs one.
    """

    def __init__(self, links: Sequence[Link] = (LOOPBACK, ETH0)) -> None:
        self.clock = Clock()
        self.sent: list[Sent] = []
        self.sockets: dict[tuple[str, bytes], MemorySocket] = {}
        """By link name and packed local address."""
        self._links = tuple(links)
        self._receiver: IDatagramReceiver | None = None

    def links(self) -> Sequence[Link]:
        """See `INetwork`."""
        return self._links

    def listen4(self, interfaces: Interfaces, receiver: IDatagramReceiver) -> Sequence[ISocket]:
        """See `INetwork`."""
        direct = interfaces.socket_type == "raw"
        places = select4(interfaces, self._links).places
        wanted = [(place.link.name, address) for place in places for address in place.addresses]
        kept = {key: sock for key, sock in self.sockets.items() if sock.direct == direct}
        self.sockets = {key: kept.get(key) or MemorySocket(*key, direct, self.sent) for key in wanted}
        self._receiver = receiver
        return tuple(self.sockets.values())

    def close(self) -> None:
        """See `INetwork`."""
        self.sockets = {}
        self._receiver = None

    def deliver(
        self,
        data: bytes,
        source: bytes = b"\0\0\0\0",
        source_port: int = 68,
        source_hwaddr: bytes = b"",
        broadcast: bool = True,
        local: bytes | None = None,
    ) -> None:
        """A datagram arrives at the socket whose address is ``local``, or at the first one; without sockets nowhere."""
        for sock in self.sockets.values():
            if self._receiver is not None and local in (None, sock.local):
                self._receiver.datagram_arrived(data, Origin(sock, source, source_port, source_hwaddr, broadcast))
                return


class ReaderClock(Clock):
    """A `Clock` that also has readers: real sockets are read when the test says so, without a reactor."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        """See `IReactorFDSet`."""
        if reader not in self.readers:
            self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        """See `IReactorFDSet`."""
        if reader in self.readers:
            self.readers.remove(reader)

    def drain(self, timeout: float = 0.05) -> int:
        """Read until nothing has come for ``timeout`` seconds; gives how often a reader was called.

        Time goes on by milliseconds, for under load sockets are read by the clock.
        """
        turns = 0
        while (ready := self.readable(timeout)) or self._something_is_due():
            for reader in [reader for reader in self.readers if reader.fileno() in ready]:
                self._serve(reader, ready[reader.fileno()])
            turns += len(ready)
            self.advance(TURN)
        return turns

    def _something_is_due(self) -> bool:
        return any(call.getTime() <= self.seconds() + TURN for call in self.getDelayedCalls())

    def readable(self, timeout: float = 0.05) -> dict[int, int]:
        """File descriptor and poll event of what can be read, or has failed, within ``timeout`` seconds."""
        poll = select.poll()
        for reader in self.readers:
            poll.register(reader.fileno(), select.POLLIN)
        return dict(poll.poll(timeout * 1000))

    def _serve(self, reader: Any, event: int) -> None:
        if reader not in self.readers:
            return
        if event & select.POLLIN:
            reader.doRead()
        else:
            self.removeReader(reader)
            reader.connectionLost(Failure(ConnectionLost()))
