"""A DHCPv4 client's conversation with one server, carried on as a relay would: from an address, to an address."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from os import urandom
from typing import Final, NamedTuple

from txkea.cli.conversation import Conversation, Outcome
from txkea.wire.dhcp4 import BOOTREPLY, NO_ADDRESS, Message4, MessageType4, Option4, decode4, encode_message4, option

__all__ = ["Client4", "Conversation4"]

RELAY_PORT: Final = option(19, b"")
"""The sub-option of option 82 that asks for the answer at the port that the query came from (RFC 8357)."""
WANTED: Final = bytes((1, 3, 6, 12, 15, 28, 42, 51, 54, 58, 59, 66, 67, 119, 121))
"""What we ask for (option 55)."""


class Client4(NamedTuple):
    """Who asks, and with which further options."""

    hwaddr: bytes
    options: Mapping[int, bytes]


class Conversation4(Conversation[Message4]):
    """Talks to a server from ``relay`` (packed), which is the giaddr that selects the subnet.

    ``source_port`` 0 is any port.
    """

    def __init__(
        self, server: str, port: int, relay: bytes, *, source_port: int = 0, timeout: float = 1.0, tries: int = 5
    ) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        super().__init__(sock, (server, port), timeout=timeout, tries=tries)
        self._relay = relay
        sock.bind((socket.inet_ntoa(relay), source_port))

    # -- what a client does --------------------------------------------------------------------------------------------

    def obtain(self, client: Client4, address: bytes = NO_ADDRESS) -> Outcome[Message4]:
        """Discover, then request what was offered; ``address`` is what the client would like."""
        return self._timed(lambda: self._obtain(client, address))

    def renew(self, client: Client4, address: bytes) -> Outcome[Message4]:
        """Extend a lease."""
        return self._timed(lambda: self._ask(self._query(MessageType4.REQUEST, client, ciaddr=address)))

    def inform(self, client: Client4) -> Outcome[Message4]:
        """Ask for options alone."""
        return self._timed(lambda: self._ask(self._query(MessageType4.INFORM, client)))

    def release(self, client: Client4, address: bytes) -> Outcome[Message4]:
        """Give an address back; nobody answers that."""
        return self._tell(self._query(MessageType4.RELEASE, client, self._server_identifier(), ciaddr=address))

    def decline(self, client: Client4, address: bytes) -> Outcome[Message4]:
        """Say that an address is in use already; nobody answers that."""
        extra = {Option4.REQUESTED_ADDRESS: address, **self._server_identifier()}
        return self._tell(self._query(MessageType4.DECLINE, client, extra))

    def _obtain(self, client: Client4, address: bytes) -> Message4 | None:
        wish = {Option4.REQUESTED_ADDRESS: address} if address != NO_ADDRESS else {}
        offer = self._ask(self._query(MessageType4.DISCOVER, client, wish))
        if offer is None or offer.type != MessageType4.OFFER:
            return offer
        chosen = {
            Option4.REQUESTED_ADDRESS: offer.yiaddr,
            Option4.SERVER_IDENTIFIER: offer.options.get(Option4.SERVER_IDENTIFIER, NO_ADDRESS),
        }
        return self._ask(self._query(MessageType4.REQUEST, client, chosen, xid=offer.xid))

    # -- queries and answers -------------------------------------------------------------------------------------------

    def _query(
        self,
        kind: MessageType4,
        client: Client4,
        extra: Mapping[int, bytes] | None = None,
        *,
        ciaddr: bytes = NO_ADDRESS,
        xid: int | None = None,
    ) -> Message4:
        options = {Option4.MESSAGE_TYPE: bytes((kind,)), **(extra or {})}
        if kind not in (MessageType4.RELEASE, MessageType4.DECLINE):
            options[Option4.PARAMETER_REQUEST_LIST] = WANTED
        options.update(client.options)
        options[Option4.AGENT_OPTIONS] = options.get(Option4.AGENT_OPTIONS, b"") + RELAY_PORT
        return Message4(
            hops=1,
            xid=int.from_bytes(urandom(4), "big") if xid is None else xid,
            ciaddr=ciaddr,
            giaddr=self._relay,
            chaddr=client.hwaddr,
            options=options,
        )

    def _server_identifier(self) -> dict[int, bytes]:
        return {Option4.SERVER_IDENTIFIER: socket.inet_aton(self._to[0])}

    def _encode(self, query: Message4, elapsed: float) -> bytes:
        return encode_message4(query)

    def _decode(self, data: bytes) -> Message4:
        return decode4(data, lenient=True, op=BOOTREPLY)

    def _belongs(self, answer: Message4, query: Message4) -> bool:
        return answer.xid == query.xid and answer.chaddr == query.chaddr
