"""From bytes to a query that deserves an answer, or `Drop`."""

from __future__ import annotations

from txkea.errors import Drop, Malformed
from txkea.exchange.identifiers4 import identify4
from txkea.exchange.query import Query4
from txkea.exchange.select4 import select4
from txkea.exchange.site import Site
from txkea.exchange.statistics import RECEIVED4
from txkea.exchange.subnets import ANY
from txkea.interfaces import Origin
from txkea.wire.dhcp4 import Message4, MessageType4, decode4
from txkea.wire.options import parse_suboptions

__all__ = ["accept4", "place4"]

ACCEPTED = frozenset(
    {
        MessageType4.DISCOVER,
        MessageType4.REQUEST,
        MessageType4.RELEASE,
        MessageType4.DECLINE,
        MessageType4.INFORM,
    }
)
LOOPBACK = 127


def accept4(site: Site, data: bytes, origin: Origin, now: float) -> Query4:
    """Decode a datagram and check it as far as that needs no waiting (Kea A092-A100)."""
    statistics = site.statistics
    statistics["pkt4-received"] += 1
    message = decode4(data, site.configuration.lenient_option_parsing)
    options = message.options
    kind = options[53][0] if 53 in options else 0
    statistics[RECEIVED4.get(kind, "pkt4-unknown-received")] += 1
    if kind not in ACCEPTED:
        raise _unacceptable(kind)
    query = Query4(site, message, origin, now, kind)
    if site.configuration.dhcp4o6_port:
        query.over6 = getattr(origin.socket, "query6", None)
    if message.giaddr != ANY:
        _check_relay(message.giaddr, origin)
    if 82 in options:
        query.suboptions = _relay_information(options[82])
    query.length = len(data)
    for each in site.arrived:
        each.query_arrived(query)
    if site.classes is not None:
        site.classes.begin(query)
    if not site.configuration.early_global_reservations_lookup:
        place4(query)
    _check_server_identifier(query, message)
    if site.has_hosts:
        query.identifiers = identify4(query)
    return query


def place4(query: Query4) -> None:
    """Find the query's subnet; raises `Drop` for one that is nobody's concern without one."""
    subnet = query.subnet = select4(query)
    if subnet is None:
        _check_link(query, query.message)
    elif not subnet.parameters.match_client_id and query.hwaddr:
        query.key = query.hwaddr


def _unacceptable(kind: int) -> Drop:
    if kind == 0:
        return Drop("no message type (option 53): BOOTP is not served", "pkt4-rfc-violation")
    return Drop(f"message type {kind} is not one that clients send", "pkt4-rfc-violation")


def _check_relay(giaddr: bytes, origin: Origin) -> None:
    """A relay's address is a unicast address of somebody else."""
    first = giaddr[0]
    on_loopback = origin.socket.local[0] == LOOPBACK
    if first >= 224 or (not on_loopback and (first == LOOPBACK or giaddr == origin.socket.local)):
        raise Drop("the relay's address (giaddr) cannot be a relay's", "pkt4-rfc-violation")


def _relay_information(payload: bytes) -> dict[int, bytes]:
    """Option 82's sub-options; one that overruns the option makes them all unusable (RFC 3046 section 2.0)."""
    try:
        return parse_suboptions(payload)
    except Malformed:
        return {}


def _check_server_identifier(query: Query4, message: Message4) -> None:
    """A query that names another server is not for us (Kea A099, A115; RFC 5107)."""
    site = query.site
    identifier = message.options.get(54)
    if identifier is None:
        return
    if query.type == MessageType4.DISCOVER:
        raise Drop("a DISCOVER must not name a server (option 54)", "pkt4-rfc-violation")
    if site.configuration.ignore_dhcp_server_identifier:
        return
    if identifier in site.server_addresses or identifier == query.origin.socket.local:
        return
    if query.suboptions and query.suboptions.get(11) == identifier:
        return
    site.offers.drop(query.key)
    raise Drop("meant for another server (option 54)", "pkt4-not-for-us")


def _check_link(query: Query4, message: Message4) -> None:
    """Without a subnet, what came directly is not ours; an INFORM must say where its answer goes (Kea A098)."""
    if message.giaddr == ANY and query.origin.broadcast:
        raise Drop("no subnet for the link it came from", "", "DHCP4_SUBNET_SELECTION_FAILED")
