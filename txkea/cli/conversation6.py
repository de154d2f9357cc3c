"""A DHCPv6 client's conversation: with one server as a relay would, or on a link with whoever answers."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from os import urandom
from typing import Any, Final, NamedTuple

from txkea.cli.conversation import Conversation, Outcome
from txkea.net.links import links
from txkea.wire.client6 import accepted, granted, is_answer, link_local, objections, query6, read_ias
from txkea.wire.dhcp6 import Message6, MessageType6, Option6, Relay, decode6, encode_message6
from txkea.wire.ia import Ia

__all__ = ["Client6", "Conversation6", "link_socket", "relay_socket"]

GROUP: Final = "ff02::1:2"
"""All servers and relays of a link."""
REFRESH: Final = (Option6.INFORMATION_REFRESH_TIME, Option6.INF_MAX_RT)
"""What INFORMATION-REQUEST must ask for too (RFC 8415 section 21.23 to 21.25)."""
NAMED: Final = (MessageType6.REQUEST, MessageType6.RENEW, MessageType6.RELEASE, MessageType6.DECLINE)
"""The messages that are meant for a certain server."""
UNCURIOUS: Final = (MessageType6.CONFIRM, MessageType6.RELEASE, MessageType6.DECLINE)
"""The messages that ask for no options."""


class Client6(NamedTuple):
    """Who asks, for which options, and with which further options."""

    duid: bytes
    requested: Sequence[int]
    options: Sequence[tuple[int, bytes]]

    @property
    def address(self) -> bytes:
        """The link-local address that a relay would see."""
        return link_local(self.duid[-6:].rjust(6, b"\0"))


class Conversation6(Conversation[Message6]):
    """Talks through ``sock``: with ``link`` (packed) as a relay of that link would, without as a client on a link.

    ``relay_options`` are those of the relay.
    """

    def __init__(
        self,
        sock: socket.socket,
        to: Any,
        *,
        link: bytes | None = None,
        relay_options: dict[int, bytes] | None = None,
        timeout: float = 1.0,
        tries: int = 5,
    ) -> None:
        super().__init__(sock, to, timeout=timeout, tries=tries)
        self._link = link
        # Zero says that it is we ourselves who want the answer at our port (RFC 8357 section 5.2).
        self._relay_options = {**(relay_options or {}), Option6.RELAY_SOURCE_PORT: b"\0\0"}

    # -- what a client does --------------------------------------------------------------------------------------------

    def obtain(self, client: Client6, ias: Sequence[Ia], rapid: bool = False) -> Outcome[Message6]:
        """Solicit, then request what was advertised first; ``rapid`` says that a server may commit at once."""
        return self._timed(lambda: self._obtain(client, ias, rapid))

    def say(self, kind: int, client: Client6, ias: Sequence[Ia] = ()) -> Outcome[Message6]:
        """Send any other message; a server that must be named is asked its name first."""
        return self._timed(lambda: self._say(kind, client, ias))

    def _obtain(self, client: Client6, ias: Sequence[Ia], rapid: bool) -> Message6 | None:
        answer = self._ask(self._query(MessageType6.SOLICIT, client, ias=ias, rapid=rapid))
        if answer is None or answer.type != MessageType6.ADVERTISE or self._objections:
            return answer
        if not any(map(granted, read_ias(answer))):
            return answer
        server_id = answer.options[Option6.SERVER_ID]
        return self._ask(self._query(MessageType6.REQUEST, client, ias=accepted(ias, answer), server_id=server_id))

    def _say(self, kind: int, client: Client6, ias: Sequence[Ia]) -> Message6 | None:
        if kind not in NAMED:
            return self._ask(self._query(kind, client, ias=ias))
        introduced = self._ask(self._query(MessageType6.INFORMATION_REQUEST, client))
        if introduced is None or self._objections:
            return introduced
        return self._ask(self._query(kind, client, ias=ias, server_id=introduced.options[Option6.SERVER_ID]))

    # -- queries and answers -------------------------------------------------------------------------------------------

    def _query(self, kind: int, client: Client6, **fields: Any) -> Message6:
        requested = () if kind in UNCURIOUS else tuple(client.requested)
        if kind == MessageType6.INFORMATION_REQUEST:
            requested += REFRESH
        relays = () if self._link is None else (Relay(0, self._link, client.address, self._relay_options, {}),)
        return query6(
            kind,
            int.from_bytes(urandom(3), "big"),
            duid=client.duid,
            requested=requested,
            options=client.options,
            relays=relays,
            **fields,
        )

    def _encode(self, query: Message6, elapsed: float) -> bytes:
        query.options[Option6.ELAPSED_TIME] = min(int(elapsed * 100), 0xFFFF).to_bytes(2, "big")
        return encode_message6(query)

    def _decode(self, data: bytes) -> Message6:
        return decode6(data, lenient=True, relayed=MessageType6.RELAY_REPL)

    def _belongs(self, answer: Message6, query: Message6) -> bool:
        return is_answer(query, answer) and len(answer.relays) == len(query.relays)

    def _object(self, answer: Message6, query: Message6) -> Sequence[str]:
        return objections(query, answer)


# -- ways to a server --------------------------------------------------------------------------------------------------


def relay_socket(server: str, port: int, source_port: int) -> tuple[socket.socket, Any]:
    """A socket of any address, and what to send to. Raises OSError."""
    to = socket.getaddrinfo(server, port, socket.AF_INET6, socket.SOCK_DGRAM)[0][4]
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind(("::", source_port))
    return sock, to


def link_socket(interface: str, port: int, source_port: int) -> tuple[socket.socket, Any]:
    """A socket of an interface's link-local address, and the group of servers on its link. Raises OSError."""
    index = socket.if_nametoindex(interface)
    found = [each for link in links() if link.name == interface for each in link.addresses]
    local = [each.address for each in found if each.address[:2] == b"\xfe\x80"]
    if not local:
        raise OSError(f"interface {interface} has no link-local IPv6 address; is it up? (ip link set {interface} up)")
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind((socket.inet_ntop(socket.AF_INET6, local[0]), source_port, 0, index))
    return sock, (GROUP, port, 0, index)
