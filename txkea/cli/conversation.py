"""A DHCPv4 client's conversation with one server, carried on as a relay would: from an address, to an address."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from os import urandom
from typing import Final, NamedTuple

from txkea.errors import Malformed
from txkea.wire.dhcp4 import BOOTREPLY, NO_ADDRESS, Message4, MessageType4, Option4, decode4, encode_message4, option

__all__ = ["Client", "Conversation", "Outcome"]

RELAY_PORT: Final = option(19, b"")
"""The sub-option of option 82 that asks for the answer at the port that the query came from (RFC 8357)."""
WANTED: Final = bytes((1, 3, 6, 12, 15, 28, 42, 51, 54, 58, 59, 66, 67, 119, 121))
"""What we ask for (option 55)."""


class Client(NamedTuple):
    """Who asks, and with which further options."""

    hwaddr: bytes
    options: Mapping[int, bytes]


class Outcome(NamedTuple):
    """The last answer, None if there was none; the milliseconds from the first query to it; queries that were sent."""

    answer: Message4 | None
    milliseconds: float
    sent: int


class Conversation:
    """Talks to a server from ``relay`` (packed), which is the giaddr that selects the subnet.

    ``source_port`` 0 is any port. Each query is sent up to ``tries`` times, ``timeout`` seconds apart.
    """

    def __init__(
        self, server: str, port: int, relay: bytes, *, source_port: int = 0, timeout: float = 1.0, tries: int = 5
    ) -> None:
        self._server = (server, port)
        self._relay = relay
        self._timeout = timeout
        self._tries = tries
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((socket.inet_ntoa(relay), source_port))
        self._sent = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    # -- what a client does --------------------------------------------------------------------------------------------

    def obtain(self, client: Client, address: bytes = NO_ADDRESS) -> Outcome:
        """Discover, then request what was offered; ``address`` is what the client would like."""
        return self._timed(lambda: self._obtain(client, address))

    def renew(self, client: Client, address: bytes) -> Outcome:
        """Extend a lease."""
        return self._timed(lambda: self._ask(self._query(MessageType4.REQUEST, client, ciaddr=address)))

    def inform(self, client: Client) -> Outcome:
        """Ask for options alone."""
        return self._timed(lambda: self._ask(self._query(MessageType4.INFORM, client)))

    def release(self, client: Client, address: bytes) -> Outcome:
        """Give an address back; nobody answers that."""
        return self._tell(self._query(MessageType4.RELEASE, client, self._server_identifier(), ciaddr=address))

    def decline(self, client: Client, address: bytes) -> Outcome:
        """Say that an address is in use already; nobody answers that."""
        extra = {Option4.REQUESTED_ADDRESS: address, **self._server_identifier()}
        return self._tell(self._query(MessageType4.DECLINE, client, extra))

    def _obtain(self, client: Client, address: bytes) -> Message4 | None:
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
        client: Client,
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
        return {Option4.SERVER_IDENTIFIER: socket.inet_aton(self._server[0])}

    def _timed(self, run: Callable[[], Message4 | None]) -> Outcome:
        self._sent, begin = 0, time.monotonic()
        answer = run()
        return Outcome(answer, (time.monotonic() - begin) * 1000, self._sent)

    def _tell(self, query: Message4) -> Outcome:
        self._socket.sendto(encode_message4(query), self._server)
        return Outcome(None, 0.0, 1)

    def _ask(self, query: Message4) -> Message4 | None:
        data = encode_message4(query)
        for _ in range(self._tries):
            self._sent += 1
            self._socket.sendto(data, self._server)
            answer = self._wait(query, time.monotonic() + self._timeout)
            if answer is not None:
                return answer
        return None

    def _wait(self, query: Message4, end: float) -> Message4 | None:
        """The answer to this query; whatever else arrives is not for us."""
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                answer = decode4(self._socket.recv(65535), lenient=True, op=BOOTREPLY)
            except (Malformed, OSError):
                continue
            if answer.xid == query.xid and answer.chaddr == query.chaddr:
                return answer
        return None
