"""A DHCPv4 server on a network in memory, and scripted clients that talk to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from typing import Any, Final, NamedTuple

from twisted.internet.task import Clock

from txkea.exchange.assemble import server_addresses
from txkea.interfaces import Link
from txkea.model.configuration import Configuration, Interfaces, InterfaceSelection
from txkea.model.lease import Lease4
from txkea.testing.local import Local
from txkea.testing.network import ETH0, LOOPBACK, Sent
from txkea.testing.sites import memory_site
from txkea.wire.dhcp4 import BOOTREPLY, Message4, MessageType4, decode4, encode_message4
from txkea.wire.text import address_text

__all__ = ["NOWHERE", "RAW", "Answer", "Client", "LocalServer", "answer", "packed"]

NOWHERE: Final = "0.0.0.0"
RAW: Final = Interfaces(selections=(InterfaceSelection("*"),))
"""Raw sockets on everything but loopback."""


def packed(address: str) -> bytes:
    """The 4 bytes of an address."""
    return IPv4Address(address).packed


class Answer(NamedTuple):
    """What a server sent: the message, and where it went."""

    message: Message4
    address: str
    port: int
    hwaddr: bytes
    data: bytes

    def __repr__(self) -> str:
        kind = MessageType4(self.type).name
        return f"<{kind} {self.yiaddr} to {self.address}:{self.port} {self.options}>"

    @property
    def type(self) -> int:
        """The message type."""
        return self.message.type

    @property
    def yiaddr(self) -> str:
        """The client's address, as text."""
        return address_text(self.message.yiaddr)

    @property
    def options(self) -> dict[int, bytes]:
        """The options in their order."""
        return self.message.options

    def number(self, code: int) -> int:
        """The value of a numeric option."""
        return int.from_bytes(self.options[code], "big")


def answer(sent: Sent) -> Answer:
    """What a client makes of a datagram."""
    return Answer(
        decode4(sent.data, op=BOOTREPLY), address_text(sent.address), sent.port, sent.hwaddr, bytes(sent.data)
    )


class LocalServer(Local[Message4, Answer]):
    """A DHCPv4 server; ``more`` goes to `txkea.testing.sites.memory_site`."""

    def __init__(
        self,
        configuration: Configuration,
        links: Sequence[Link] = (LOOPBACK, ETH0),
        interfaces: Interfaces = RAW,
        clock: Clock | None = None,
        **more: Any,
    ) -> None:
        super().__init__(memory_site(configuration, **more), links, clock)
        sockets = self.network.listen4(interfaces, self.server)
        self.site.server_addresses = server_addresses(self.site, [each.local for each in sockets])

    def deliver(self, message: Message4 | bytes, source: str = "", **way: Any) -> None:
        """See `Local`."""
        data = message if isinstance(message, bytes) else encode_message4(message)
        self.network.deliver(data, packed(source or NOWHERE), **way)

    def answer(self, sent: Sent) -> Answer:
        """See `Local`."""
        return answer(sent)

    @property
    def leases(self) -> dict[str, Lease4]:
        """What is stored, by address."""
        return {address_text(lease.address): lease for lease in self.site.leases.table}  # type: ignore[attr-defined]


class Client:
    """A client, on the server's link or behind a relay; every method sends one message and gives the answer, if any.

    ``fields`` are those of `Message4`; its options are added to the client's own.
    """

    def __init__(
        self,
        server: LocalServer,
        number: int = 1,
        *,
        hwaddr: bytes | None = None,
        client_id: bytes = b"",
        relay: str = "",
        options: Mapping[int, bytes] | None = None,
    ) -> None:
        self.server = server
        self.hwaddr = b"\x02\0\0\1" + number.to_bytes(2, "big") if hwaddr is None else hwaddr
        self.client_id = client_id
        self.relay = relay
        self.options = dict(options or {})
        self.address = NOWHERE
        """What it was last leased."""
        self.server_id = b""
        """Who offered it."""
        self._xid = number << 16

    def message(self, kind: int, options: Mapping[int, bytes] | None = None, **fields: Any) -> Message4:
        """A query, not sent."""
        self._xid += 1
        own = {61: self.client_id} if self.client_id else {}
        if self.relay:
            fields = {"giaddr": packed(self.relay), "hops": 1, **fields}
        everything = {53: bytes((kind,)), **own, **self.options, **(options or {})}
        return Message4(**{"xid": self._xid, "chaddr": self.hwaddr, "options": everything, **fields})

    def send(
        self,
        kind: int,
        options: Mapping[int, bytes] | None = None,
        *,
        source: str | None = None,
        broadcast: bool | None = None,
        **fields: Any,
    ) -> Answer | None:
        """Send a message: from the relay, to everybody, or (from an address, without broadcast) to the server."""
        message = self.message(kind, options, **fields)
        behind = message.giaddr != bytes(4)
        return self.server.ask(
            message,
            source if source is not None else self.relay or NOWHERE,
            source_port=67 if behind else 68,
            source_hwaddr=b"\x02\0\0\0\0\xfe" if behind else self.hwaddr,
            broadcast=not behind if broadcast is None else broadcast,
        )

    def discover(self, options: Mapping[int, bytes] | None = None, **fields: Any) -> Answer | None:
        """Ask for an address."""
        offer = self.send(MessageType4.DISCOVER, options, **fields)
        if offer is not None:
            self.server_id = offer.options.get(54, b"")
        return offer

    def select(
        self, address: str, options: Mapping[int, bytes] | None = None, server: str | None = None, **fields: Any
    ) -> Answer | None:
        """REQUEST in the state SELECTING; of the server that offered, unless told otherwise."""
        named = packed(server) if server is not None else self.server_id or ETH0.addresses[0].address
        return self._request({50: packed(address), 54: named, **(options or {})}, **fields)

    def reboot(self, address: str, options: Mapping[int, bytes] | None = None, **fields: Any) -> Answer | None:
        """REQUEST in the state INIT-REBOOT."""
        return self._request({50: packed(address), **(options or {})}, **fields)

    def renew(self, address: str, options: Mapping[int, bytes] | None = None, **fields: Any) -> Answer | None:
        """REQUEST in the state RENEWING: straight to the server, whatever relay there is."""
        way = {"source": address, "broadcast": False, "giaddr": bytes(4), "hops": 0, "ciaddr": packed(address)}
        return self._request(options or {}, **{**way, **fields})

    def rebind(self, address: str, options: Mapping[int, bytes] | None = None, **fields: Any) -> Answer | None:
        """REQUEST in the state REBINDING: to everybody."""
        source = self.relay or address
        return self._request(options or {}, **{"source": source, "ciaddr": packed(address), **fields})

    def release(self, address: str, options: Mapping[int, bytes] | None = None, **fields: Any) -> Answer | None:
        """Give an address back: straight to the server."""
        way = {"source": address, "broadcast": False, "giaddr": bytes(4), "hops": 0, "ciaddr": packed(address)}
        return self.send(MessageType4.RELEASE, options, **{**way, **fields})

    def decline(self, address: str, options: Mapping[int, bytes] | None = None, **fields: Any) -> Answer | None:
        """Say that an address is in use."""
        return self.send(MessageType4.DECLINE, {50: packed(address), **(options or {})}, **fields)

    def inform(self, address: str, options: Mapping[int, bytes] | None = None, **fields: Any) -> Answer | None:
        """Ask for options only."""
        source = self.relay or address
        return self.send(MessageType4.INFORM, options, **{"source": source, "ciaddr": packed(address), **fields})

    def lease(self, address: str | None = None, options: Mapping[int, bytes] | None = None, **fields: Any) -> Answer:
        """DISCOVER and REQUEST, the address asked for if one is given; fails without an ACK."""
        wish = {50: packed(address)} if address else {}
        offer = self.discover({**wish, **(options or {})}, **fields)
        assert offer is not None, "no offer"
        ack = self.select(offer.yiaddr, options, **fields)
        assert ack is not None and ack.type == MessageType4.ACK, "no ACK"
        return ack

    def _request(self, options: Mapping[int, bytes], **fields: Any) -> Answer | None:
        got = self.send(MessageType4.REQUEST, options, **fields)
        if got is not None and got.type == MessageType4.ACK:
            self.address = got.yiaddr
        return got
