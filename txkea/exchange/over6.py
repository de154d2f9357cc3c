"""DHCPv4 inside DHCPv6 (RFC 7341): a DHCPV4-QUERY is answered by the DHCPv4 server of the same process (Kea A.18)."""

from __future__ import annotations

from txkea.errors import Drop
from txkea.exchange.query import Query6
from txkea.exchange.reply import Reply
from txkea.exchange.reply6 import wrapped6
from txkea.wire.dhcp6 import MessageType6, Option6, encode6, option6

__all__ = ["dhcpv4_query"]

MESSAGE = Option6.DHCPV4_MESSAGE
DROPPED = "DHCP6_DHCP4O6_RECEIVE_FAIL"
RESPONSE = int(MessageType6.DHCPV4_RESPONSE)


async def dhcpv4_query(query: Query6) -> Reply | None:
    """Hand the DHCPv4 message to its server and its answer back; flags of an answer are all zero (section 6.2)."""
    options = query.message.options
    if query.site.dhcp4 is None:
        raise Drop("DHCPv4 over DHCPv6 is off: give Dhcp4 and Dhcp6 the same dhcp4o6-port in one process", "", DROPPED)
    if MESSAGE not in options or MESSAGE in query.message.repeated:
        raise Drop("a DHCPV4-QUERY has one DHCPv4 message (option 87)", "pkt6-rfc-violation", DROPPED)
    answer = await query.site.dhcp4(options[MESSAGE], query)
    if answer is None:
        raise Drop("the DHCPv4 message in it had no answer", "", DROPPED)
    return wrapped6(query, RESPONSE, encode6(RESPONSE, 0, option6(MESSAGE, answer)))
