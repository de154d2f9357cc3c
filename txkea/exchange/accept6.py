"""From bytes to a DHCPv6 query that deserves an answer, or `Drop` (RFC 8415 section 16; Kea B.4)."""

from __future__ import annotations

from typing import Final, NamedTuple

from txkea.errors import Drop
from txkea.exchange.identifiers6 import find_hwaddr, identify6
from txkea.exchange.query import Query6
from txkea.exchange.select6 import select6
from txkea.exchange.site import Site
from txkea.exchange.statistics import RECEIVED6
from txkea.interfaces import Origin
from txkea.wire.dhcp6 import MessageType6, Option6, decode6

__all__ = ["accept6", "place6"]

CLIENT_ID = Option6.CLIENT_ID
SERVER_ID = Option6.SERVER_ID
VIOLATION = "pkt6-rfc-violation"


class Rule(NamedTuple):
    """Which identifiers a message carries (RFC 8415 section 16): True must, False must not, None may."""

    client: bool | None
    server: bool | None


RULES: Final[dict[int, Rule]] = {
    MessageType6.SOLICIT: Rule(True, False),
    MessageType6.REQUEST: Rule(True, True),
    MessageType6.CONFIRM: Rule(True, False),
    MessageType6.RENEW: Rule(True, True),
    MessageType6.REBIND: Rule(True, False),
    MessageType6.RELEASE: Rule(True, True),
    MessageType6.DECLINE: Rule(True, True),
    MessageType6.INFORMATION_REQUEST: Rule(None, None),
    MessageType6.DHCPV4_QUERY: Rule(None, None),
    MessageType6.ADDR_REG_INFORM: Rule(True, False),
}
"""The messages that clients send to servers."""

UNICAST = frozenset({MessageType6.DHCPV4_QUERY})
"""What a client may send to a server's own address (RFC 7341 section 9)."""

ASSOCIATIONS = (Option6.IA_NA, Option6.IA_TA, Option6.IA_PD)


def accept6(site: Site, data: bytes, origin: Origin, now: float) -> Query6:
    """Decode a datagram and check it as far as that needs no waiting."""
    statistics = site.statistics
    statistics["pkt6-received"] += 1
    message = decode6(data, site.configuration.lenient_option_parsing)
    kind = message.type
    statistics[RECEIVED6.get(kind, "pkt6-unknown-received")] += 1
    rule = RULES.get(kind)
    if rule is None:
        raise Drop(f"message type {kind} is not one that clients send", VIOLATION)
    query = Query6(site, message, origin, now)
    _check_identifiers(query, rule)
    if not message.relays and not origin.broadcast and kind not in UNICAST:
        raise Drop("clients send to the multicast group (RFC 9915 section 16)", VIOLATION, "DHCP6_PACKET_DROP_UNICAST")
    if kind == MessageType6.INFORMATION_REQUEST and any(code in message.options for code in ASSOCIATIONS):
        raise Drop("an INFORMATION-REQUEST asks for no addresses (RFC 8415 section 16.12)", VIOLATION)
    query.length = len(data)
    for each in site.arrived:
        each.query_arrived(query)
    # Clients of one DUID on several links (or a client on its way to another) do not stand in each other's way.
    query.key = query.duid + _peer(query) if query.duid else _nameless(query)
    find_hwaddr(query)
    if site.classes is not None:
        site.classes.begin(query)
    if not site.configuration.early_global_reservations_lookup:
        place6(query)
    if site.has_hosts:
        query.identifiers = identify6(query)
    return query


def place6(query: Query6) -> None:
    """Find the query's subnet."""
    query.subnet = select6(query)


def _check_identifiers(query: Query6, rule: Rule) -> None:
    message = query.message
    options = message.options
    if message.repeated and (CLIENT_ID in message.repeated or SERVER_ID in message.repeated):
        raise Drop("more than one client or server identifier", VIOLATION)
    if rule.client and CLIENT_ID not in options:
        raise Drop("there is no client identifier (option 1)", VIOLATION)
    server = options.get(SERVER_ID)
    if server is None:
        if rule.server:
            raise Drop("there is no server identifier (option 2)", VIOLATION)
    elif rule.server is False:
        raise Drop("this message must not name a server (option 2)", VIOLATION)
    elif server != query.site.server_id:
        raise Drop("meant for another server (option 2)", "pkt6-not-for-us", "DHCP6_PACKET_DROP_SERVERID_MISMATCH")


def _peer(query: Query6) -> bytes:
    """The client's own address, as the relay nearest to it saw it."""
    relays = query.message.relays
    return relays[-1].peer_address if relays else query.origin.source


def _nameless(query: Query6) -> bytes:
    """What tells a client without a DUID from others: its address and transaction."""
    return b"\0" + query.message.transaction_id.to_bytes(3, "big") + _peer(query)
