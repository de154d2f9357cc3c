"""A datagram that is to be explained, and the way on which it came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import frozen
from zope.interface import implementer

from txkea.exchange.families import FAMILIES
from txkea.interfaces import ISocket, Origin
from txkea.wire.dhcp4 import HEADER_LENGTH, NO_ADDRESS
from txkea.wire.dhcp6 import MessageType6
from txkea.wire.text import address_text

__all__ = ["Arrival", "arrival"]

GIADDR: Final = slice(24, 28)
CIADDR: Final = slice(12, 16)
LINK_LOCAL: Final = b"\xfe\x80" + bytes(13) + b"\x01"
SERVER6: Final = b"\xfe\x80" + bytes(13) + b"\xff"


@implementer(ISocket)
class Ear:
    """In the place of a socket: it hears one datagram, and nobody is answered."""

    direct = True

    def __init__(self, link: str, local: bytes) -> None:
        self.link = link
        self.local = local

    def send(self, data: bytes, address: bytes, port: int, hwaddr: bytes) -> None:
        """See `ISocket`."""


@frozen(kw_only=True)
class Arrival:
    """A UDP payload, and how it came."""

    data: bytes
    interface: str = ""
    """The interface on which the server received it, ``""`` if nobody says."""
    local: bytes
    """The server's address there, packed."""
    source: bytes
    source_port: int
    source_hwaddr: bytes = b""
    broadcast: bool
    """Whether it was sent to a broadcast address, or in DHCPv6 to a group."""

    def origin(self) -> Origin:
        """As the exchange wants it."""
        ear = Ear(self.interface, self.local)
        return Origin(ear, self.source, self.source_port, self.source_hwaddr, self.broadcast)

    def way(self, relays: Sequence[bytes]) -> str:
        """In words; ``relays`` are the addresses of the relays that it names, the one closest to the client first."""
        if relays:
            sent = f"through the relay {', '.join(map(address_text, relays))}"
        elif self.broadcast:
            sent = "sent to everybody"
        else:
            sent = f"sent to the server by {address_text(self.source)}"
        return f"{sent}, received on {self.interface}" if self.interface else sent


def arrival(family: int, data: bytes, interface: str = "", local: bytes = b"", source: bytes = b"") -> Arrival:
    """A datagram of which only this is known came as such ones do: from the relay that it names, from the address that
    its client uses, or from a client without an address to everybody.
    """
    ports = FAMILIES[family]
    if family == 6:
        relayed = data[:1] == bytes((MessageType6.RELAY_FORW,))
        return Arrival(
            data=data,
            interface=interface,
            local=local or SERVER6,
            source=source or LINK_LOCAL,
            source_port=ports.server_port if relayed else ports.client_port,
            broadcast=True,
        )
    whole = len(data) >= HEADER_LENGTH
    relay = data[GIADDR] if whole else NO_ADDRESS
    client = data[CIADDR] if whole else NO_ADDRESS
    known = source or (relay if relay != NO_ADDRESS else client)
    return Arrival(
        data=data,
        interface=interface,
        local=local or NO_ADDRESS,
        source=known,
        source_port=ports.client_port if relay == NO_ADDRESS else ports.server_port,
        broadcast=known == NO_ADDRESS,
    )
