"""What all sockets of one network work with: the reactor, the receiver, the outbox, the counters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.interfaces import IDelayedCall

from txkea.interfaces import IDatagramReceiver, ILogger
from txkea.net.selection import FAMILY4

if TYPE_CHECKING:
    from txkea.net.sockets import SendSide

__all__ = ["Context", "Reactor", "Traffic"]


class Reactor(Protocol):
    """What is needed of a reactor: `IReactorFDSet`'s readers and `IReactorTime`."""

    def addReader(self, reader: Any) -> Any:
        """Watch ``reader``."""

    def removeReader(self, reader: Any) -> Any:
        """Watch it no longer."""

    def seconds(self) -> float:
        """The time."""

    def callLater(self, delay: float, call: Callable[[], object], /) -> IDelayedCall:
        """Call after ``delay`` seconds."""


class Traffic:
    """What passed through a network's sockets since it was made; every attribute counts datagrams."""

    __slots__ = ("foreign", "lost", "malformed", "received", "send_failures", "sent", "truncated")

    def __init__(self) -> None:
        self.received = 0
        self.truncated = 0
        """Longer than a slot of the receive ring, hence dropped."""
        self.lost = 0
        """Dropped by the kernel because a receive ring was full; as far as a full batch has made us ask."""
        self.malformed = 0
        """Raw frames that hold no whole UDP datagram with a right checksum."""
        self.foreign = 0
        """Raw frames to addresses that are not served, such as what this machine forwards."""
        self.sent = 0
        self.send_failures = 0


class Context:
    """What every socket of one network works with; ``receiver`` changes when the server is reconfigured.

    ``family`` is that of the sockets that are open.
    """

    def __init__(self, reactor: Reactor, log: ILogger, server_port: int, client_port: int, buffer_size: int) -> None:
        self.reactor = reactor
        self.log = log
        self.server_port = server_port
        self.client_port = client_port
        self.buffer_size = buffer_size
        self.traffic = Traffic()
        self.family = FAMILY4
        self.receiver: IDatagramReceiver
        self._outbox: list[tuple[SendSide, bytes, bytes, int, bytes]] = []

    def send_soon(self, sock: SendSide, data: bytes, address: bytes, port: int, hwaddr: bytes) -> None:
        """Send with all that is to be sent in this turn of the reactor.

        In one go they wake their receivers once, and not one after the other: waking costs more than sending.
        """
        if not self._outbox:
            self.reactor.callLater(0, self.flush)
        self._outbox.append((sock, data, address, port, hwaddr))

    def flush(self) -> None:
        """Send what waits now."""
        outbox, self._outbox = self._outbox, []
        for sock, data, address, port, hwaddr in outbox:
            sock.transmit(data, address, port, hwaddr)
