"""Which subnet a DHCPv4 query belongs to (Kea A.15)."""

from __future__ import annotations

from txkea.exchange.query import Query4
from txkea.exchange.subnets import ANY, LiveSubnet

__all__ = ["select4"]


def select4(query: Query4) -> LiveSubnet | None:
    """The subnet of a DHCPv4 query (Kea A170-A173; RFC 3527, RFC 3011)."""
    message = query.message
    index, classes = query.site.subnets, query.classes
    if query.over6 is not None:
        return index.over6(query.over6, classes)
    chosen = _chosen_address(query)
    if chosen is not None:
        return index.by_address(chosen, classes)
    if message.giaddr != ANY:
        return index.by_relay(message.giaddr, classes) or index.by_address(message.giaddr, classes)
    origin = query.origin
    if not origin.broadcast:
        if message.ciaddr != ANY:
            return index.by_address(message.ciaddr, classes)
        if origin.source != ANY:
            return index.by_address(origin.source, classes)
    return index.by_link(origin.socket.link, classes) or index.by_address(origin.socket.local, classes)


def _chosen_address(query: Query4) -> bytes | None:
    """What the relay (link selection) or the client (subnet selection) chose; the relay wins (Kea A171)."""
    suboptions = query.suboptions
    if suboptions is not None and not query.site.configuration.ignore_rai_link_selection:
        link = suboptions.get(5)
        if link is not None and len(link) == 4:
            return link
    return query.message.options.get(118)
