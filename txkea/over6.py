"""The way of DHCPv4 messages inside DHCPv6 ones from one server of a process to the other (RFC 7341; Kea A.18)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from zope.interface import implementer

from txkea.exchange.query import Query6
from txkea.interfaces import ISocket, Origin
from txkea.server import Server
from txkea.wire.dhcp6 import UNICAST_FLAG

__all__ = ["InsideQuery6", "answers_from"]

ANY = bytes(4)


@implementer(ISocket)
class InsideQuery6:
    """Where a DHCPv4 query in a DHCPV4-QUERY came from, as a socket: nothing can be sent there.

    ``local`` is by which address the server calls itself.
    """

    direct = False

    def __init__(self, query6: Query6, local: bytes) -> None:
        self.query6 = query6
        self.link: str = query6.origin.socket.link
        self.local = local

    def send(self, data: bytes, address: bytes, port: int, hwaddr: bytes) -> None:
        """See `ISocket`. Answers go back inside DHCPv6, so that nobody calls this."""
        raise AssertionError("the answer to a DHCPV4-QUERY is sent by DHCPv6")


def answers_from(server: Server) -> Callable[[bytes, Query6], Awaitable[bytes | None]]:
    """What a DHCPv6 site's ``dhcp4`` may be: the answers of a DHCPv4 server."""

    def answer(data: bytes, query6: Query6) -> Awaitable[bytes | None]:
        local = min(server.site.server_addresses, default=ANY)
        broadcast = not query6.message.transaction_id & UNICAST_FLAG
        return server.answer(data, Origin(InsideQuery6(query6, local), ANY, 0, b"", broadcast))

    return answer
