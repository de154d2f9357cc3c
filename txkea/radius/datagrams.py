"""RADIUS over UDP: our ports, of which each reaches all servers."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Final

from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.internet.protocol import DatagramProtocol

from txkea.errors import Unavailable
from txkea.radius.lane import Inbox, Lane
from txkea.radius.servers import ANY

__all__ = ["Sources"]

MOST: Final = 64
"""Ports of a family; each has 256 identifiers for each server."""
LARGEST: Final = 8192
BUFFER: Final = 1 << 20
AT_ONCE: Final = 1 << 15
"""Octets that are read from one port at once."""


class Source(DatagramProtocol):
    """One port of ours."""

    def __init__(self, inbox: Inbox, stranger: Callable[[str], None]) -> None:
        self._inbox = inbox
        self._stranger = stranger
        self.lanes: dict[tuple[str, int], Lane] = {}
        """By the server's address and port."""

    def startProtocol(self) -> None:
        with suppress(OSError):
            self._port.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._port.maxThroughput = AT_ONCE

    @property
    def _port(self) -> Any:
        return self.transport

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        lane = self.lanes.get((addr[0], addr[1]))
        if lane is None:
            self._stranger(f"{addr[0]}:{addr[1]}")
        else:
            self._inbox.put(lane, datagram)

    def connect(self, host: str, port: int, arrived: Callable[[Lane, bytes], None]) -> Lane:
        """A lane to a server."""

        def send(data: bytes) -> None:
            with suppress(OSError, MessageLengthError):  # as if it were lost on the way: it is sent again
                self._port.write(data, (host, port))

        lane = self.lanes[host, port] = Lane(send, arrived)
        return lane


class Sources:
    """Makes lanes of as few ports as there may be."""

    retransmits = True

    def __init__(self, bind: str, *, reactor: Any, inbox: Inbox, stranger: Callable[[str], None]) -> None:
        self._bind = bind
        self._reactor = reactor
        self._inbox = inbox
        self._stranger = stranger
        self._sources: dict[int, list[Source]] = {4: [], 6: []}
        """By the version of IP."""

    def start(self, path: Any) -> None:
        """See `ICarrier`."""
        host = ip_address(path.address)
        if self._bind != ANY and ip_address(self._bind).version != host.version:
            raise Unavailable(f"{self._bind} cannot ask {host}; give a bindaddr of the same family")
        if not self._sources[host.version]:
            self._open(host.version)

    def more(self, path: Any) -> Lane | None:
        """See `ICarrier`."""
        host, port = ip_address(path.address), path.server.port
        place = (str(host), port)
        sources = self._sources[host.version]
        source = next((each for each in sources if place not in each.lanes), None)
        if source is None and len(sources) < MOST:
            with suppress(Unavailable):  # then those that are there do
                source = self._open(host.version)
        return source.connect(*place, path.arrived) if source is not None else None

    def _open(self, version: int) -> Source:
        source = Source(self._inbox, self._stranger)
        interface = ("::" if version == 6 else "") if self._bind == ANY else self._bind
        try:
            self._reactor.listenUDP(0, source, interface=interface, maxPacketSize=LARGEST)
        except (CannotListenError, OSError) as error:
            raise Unavailable(f"no UDP port of {interface or 'this machine'} for RADIUS: {error}") from error
        self._sources[version].append(source)
        return source

    def renew(self) -> None:
        """See `ICarrier`: a port is none."""

    def stop(self) -> None:
        """See `ICarrier`."""
        for sources in self._sources.values():
            for source in sources:
                if source.transport is not None:
                    source.transport.stopListening()
            sources.clear()
