"""A network in memory: DHCP sockets that are lists, and clocks that tests move."""

from __future__ import annotations

import select
from collections.abc import Sequence
from socket import AF_INET6, inet_pton
from typing import Any, Final, NamedTuple

from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from txkea.interfaces import IDatagramReceiver, INetwork, ISocket, Link, LinkAddress, Origin
from txkea.model.configuration import Interfaces
from txkea.net.links import ETHERNET, IPV6_LENGTH, is_link_local
from txkea.net.selection import FAMILY4, FAMILY6, Family
from txkea.net.selection import select as select_places

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
    multicast=False,
    addresses=(LinkAddress(b"\x7f\0\0\1", 8), LinkAddress(inet_pton(AF_INET6, "::1"), 128)),
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
    multicast=True,
    addresses=(
        LinkAddress(b"\xc0\0\2\1", 24),
        LinkAddress(inet_pton(AF_INET6, "2001:db8::1"), 64),
        LinkAddress(inet_pton(AF_INET6, "fe80::ff:fe00:1"), 64),
    ),
)
"""192.0.2.1/24, 2001:db8::1/64 and fe80::ff:fe00:1/64."""


class Party(NamedTuple):
    """Whom a datagram comes from if nobody says otherwise."""

    address: bytes
    port: int


CLIENT4: Final = Party(b"\0\0\0\0", 68)
CLIENT6: Final = Party(inet_pton(AF_INET6, "fe80::ff:fe00:2"), 546)


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

    It serves one family, that of the latest ``listen``. ``clock`` is there for whatever else in the test needs one.
    """

    def __init__(self, links: Sequence[Link] = (LOOPBACK, ETH0)) -> None:
        self.clock = Clock()
        self.sent: list[Sent] = []
        self._sockets: dict[tuple[str, bytes], MemorySocket] = {}
        """By link name and packed local address."""
        self._links = tuple(links)
        self._receiver: IDatagramReceiver | None = None
        self._client = CLIENT4

    @property
    def sockets(self) -> Sequence[MemorySocket]:
        """The sockets that are open."""
        return tuple(self._sockets.values())

    def links(self) -> Sequence[Link]:
        """See `INetwork`."""
        return self._links

    def listen4(self, interfaces: Interfaces, receiver: IDatagramReceiver) -> Sequence[ISocket]:
        """See `INetwork`."""
        self._open(FAMILY4, interfaces)
        self._receiver, self._client = receiver, CLIENT4
        return tuple(self._sockets.values())

    def listen6(self, interfaces: Interfaces, receiver: IDatagramReceiver) -> Sequence[ISocket]:
        """See `INetwork`."""
        self._open(FAMILY6, interfaces)
        self._receiver, self._client = receiver, CLIENT6
        return tuple(self._sockets.values())

    def _open(self, family: Family, interfaces: Interfaces) -> None:
        places = select_places(family, interfaces, self._links).places
        former, self._sockets = self._sockets, {}
        for link, addresses in places:
            direct = interfaces.socket_type == "raw" and link.hwtype == ETHERNET
            for address in addresses:
                kept = former.get((link.name, address))
                if kept is None or kept.direct != direct:
                    kept = MemorySocket(link.name, address, direct, self.sent)
                self._sockets[link.name, address] = kept

    def close(self) -> None:
        """See `INetwork`."""
        self._sockets = {}
        self._receiver = None

    def deliver(
        self,
        data: bytes,
        source: bytes | None = None,
        source_port: int | None = None,
        source_hwaddr: bytes = b"",
        broadcast: bool = True,
        local: bytes | None = None,
        link: str | None = None,
    ) -> None:
        """A datagram arrives at the socket whose address is ``local``, or at the first one; without sockets nowhere.

        With ``link`` it is one of that link's sockets. In DHCPv6 only a link-local one hears a group (``broadcast``).
        """
        origin = source if source is not None else self._client.address
        port = source_port if source_port is not None else self._client.port
        for sock in self._sockets.values():
            if self._receiver is None or local not in (None, sock.local) or link not in (None, sock.link):
                continue
            if broadcast and len(sock.local) == IPV6_LENGTH and not is_link_local(sock.local):
                continue
            self._receiver.datagram_arrived(data, Origin(sock, origin, port, source_hwaddr, broadcast))
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
