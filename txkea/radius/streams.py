"""RADIUS over TLS (RFC 6614): connections on which many requests are under way at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txkea.radius.lane import ICounting, Inbox, Lane
from txkea.radius.packet import LONGEST, SHORTEST

__all__ = ["Streams"]

MOST: Final = 16
"""Connections to a server; each has 256 identifiers."""
BACKOFF: Final = 1.0
"""Seconds from a connection that failed to the next."""


@implementer(IHandshakeListener)
class Stream(Protocol):
    """One connection; ``streams`` is told what becomes of it."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._buffer = b""
        self.lane: Lane | None = None
        """Its lane, once both sides know each other."""
        self.useful = False
        """Whether anything came on it."""
        self._write: Callable[[bytes], None] | None = None

    def handshakeCompleted(self) -> None:
        # TLS is there by now, and this module is not to need it before. Small writes are not to be gathered into one
        # TLS record: of such a one FreeRADIUS reads the first packet alone, and then hangs or hangs up.
        from twisted.protocols.tls import TLSMemoryBIOProtocol

        transport: Any = self.transport
        self._write = partial(TLSMemoryBIOProtocol.write, transport)
        self._streams.ready(self)

    def dataReceived(self, data: bytes) -> None:
        self.useful = True
        buffer = self._buffer + data
        while len(buffer) >= 4 and self.lane is not None:
            length = int.from_bytes(buffer[2:4], "big")
            if not SHORTEST <= length <= LONGEST:  # where the next one begins nobody knows: RFC 6613 section 2.6.4
                self._streams.nonsense(self, length)
                return
            if len(buffer) < length:
                break
            self._streams.inbox.put(self.lane, buffer[:length])
            buffer = buffer[length:]
        self._buffer = buffer

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._streams.lost(self, reason.getErrorMessage())

    def send(self, data: bytes) -> None:
        """Send a request, once the handshake is over."""
        if self._write is not None:
            self._write(data)

    def abort(self) -> None:
        """End it at once."""
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()


class Streams:
    """Makes lanes to one server of as few connections as there may be."""

    retransmits = False

    def __init__(self, *, timeout: float, reactor: Any, inbox: Inbox, counting: ICounting) -> None:
        self._timeout = timeout
        self._reactor = reactor
        self.inbox = inbox
        self._counting = counting
        self._path: Any = None
        self._streams: set[Stream] = set()
        self._connecting: Any = None
        """The Deferred of a connection that is being made."""
        self._handshake: Any = None
        """The timer of one that greets."""
        self._rest: Any = None
        """The timer that runs after one has failed."""

    def start(self, path: Any) -> None:
        """See `ICarrier`."""
        self._path = path
        self._connect()

    def more(self, path: Any) -> Lane | None:
        """See `ICarrier`."""
        if self._path is not None:
            self._connect()
        return None

    def renew(self) -> None:
        """See `ICarrier`."""
        for stream in [each for each in self._streams if each.lane is not None or self._path is None]:
            self._drop(stream)

    def stop(self) -> None:
        """See `ICarrier`."""
        self._path = None
        for timer in (self._rest, self._handshake):
            if timer is not None:
                timer.cancel()
        self._rest = self._handshake = None
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            connecting.cancel()
        self.renew()

    # -- one more ------------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        busy = self._connecting is not None or self._handshake is not None or self._rest is not None
        if busy or len(self._streams) >= MOST:
            return
        server = self._path.server
        kind: Any = HostnameEndpoint
        if isIPAddress(server.host):  # needs no thread to be looked up
            kind = TCP4ClientEndpoint
        elif isIPv6Address(server.host):
            kind = TCP6ClientEndpoint
        endpoint = wrapClientTLS(server.tls, kind(self._reactor, server.host, server.port, timeout=self._timeout))
        self._connecting = endpoint.connect(Factory.forProtocol(lambda: Stream(self)))
        self._connecting.addCallbacks(self._connected, self._failed)

    def _connected(self, stream: Stream) -> None:
        self._connecting = None
        if self._path is None:
            stream.abort()
            return
        self._streams.add(stream)
        self._handshake = self._reactor.callLater(self._timeout, self._too_slow, stream)

    def _too_slow(self, stream: Stream) -> None:
        self._handshake = None
        stream.abort()

    def _failed(self, failure: Failure) -> None:
        self._connecting = None
        self._broken(f"no connection: {failure.getErrorMessage()}")

    def _broken(self, problem: str) -> None:
        if self._path is not None and self._rest is None:
            self._rest = self._reactor.callLater(BACKOFF, self._rested)
            self._path.broken(problem)

    def _rested(self) -> None:
        self._rest = None
        self._path.room()

    # -- told by streams -----------------------------------------------------------------------------------------------

    def ready(self, stream: Stream) -> None:
        """Both sides know each other."""
        self._greeted()
        if self._path is None:
            stream.abort()
            return
        stream.lane = Lane(stream.send, self._path.arrived)
        self._path.opened(stream.lane)

    def _greeted(self) -> None:
        timer, self._handshake = self._handshake, None
        if timer is not None:
            timer.cancel()

    def lost(self, stream: Stream, reason: str) -> None:
        """A connection has ended."""
        if stream not in self._streams or self._path is None:
            return
        self._streams.discard(stream)
        if stream.lane is None:
            self._greeted()
            self._broken(f"no connection: {reason}")
            return
        if not stream.useful:  # such as one that the server did not want after all
            self._broken(f"the connection was lost: {reason}")
        self._path.lost(stream.lane)

    def nonsense(self, stream: Stream, length: int) -> None:
        """What came is no packet."""
        self._counting.refused("malformed", str(self._path.server), f"its length is said to be {length}")
        self._drop(stream)

    def _drop(self, stream: Stream) -> None:
        """End a connection; nobody uses it from now on."""
        stream.abort()
        self._streams.discard(stream)
        if stream.lane is not None and self._path is not None:
            self._path.lost(stream.lane)
