"""Which subnet a DHCPv6 query belongs to (Kea B.5; RFC 8415 section 13.1)."""

from __future__ import annotations

from txkea.exchange.query import Query6
from txkea.exchange.subnets import LiveSubnet
from txkea.wire.dhcp6 import Option6, Relay

__all__ = ["is_link_local", "select6"]


def is_link_local(address: bytes) -> bool:
    """Whether an address is of fe80::/10."""
    return address[0] == 0xFE and address[1] & 0xC0 == 0x80


def _tells_link(relay: Relay) -> bool:
    """Whether a relay's link-address says where the client is; LDRAs leave it unspecified (RFC 6221)."""
    link = relay.link_address
    return any(link) and not is_link_local(link)


def select6(query: Query6) -> LiveSubnet | None:
    """The subnet, by the relay closest to the client that tells, or else by interface and source address.

    A relay's interface-id is consulted only where some link-address tells a link too (Kea B035).
    """
    index, classes = query.site.subnets, query.classes
    relays = query.message.relays
    for relay in reversed(relays):
        if _tells_link(relay):
            link = relay.link_address
            return _by_interface_id(query) or index.by_relay(link, classes) or index.by_address(link, classes)
    origin = query.origin
    return index.by_link(origin.socket.link, classes) or _by_source(query)


def _by_interface_id(query: Query6) -> LiveSubnet | None:
    """The subnet with the interface-id that the relay closest to the client gives (Kea B033)."""
    identifier = query.message.relays[-1].options.get(Option6.INTERFACE_ID)
    return query.site.subnets.by_interface_id(identifier, query.classes) if identifier else None


def _by_source(query: Query6) -> LiveSubnet | None:
    """The subnet of the address that a direct client (or the last relay) sent from; a link-local one tells nothing."""
    source = query.origin.source
    return None if is_link_local(source) else query.site.subnets.by_address(source, query.classes)
