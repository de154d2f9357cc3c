"""Every keyword of ``Dhcp6`` and where it may stand (Kea B.1 - B.3, M)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from txkea.config import keywords as both
from txkea.config.keywords import CONTEXT, NAME, SECONDS, SHARE, KeywordMap, allocator, inherited, keyword, keywords
from txkea.config.kinds import BOOLEAN, Each, In, Integer, Parsed, Text, address6, one_of, prefix6
from txkea.config.maps import SHARED_MAPS, SOCKETS, queue_control, relay, top
from txkea.config.ranges import pool6, selection6

__all__ = ["INHERITED", "INHERITED_FROM_NETWORK", "MAC_SOURCES", "MAPS6"]

IDENTIFIER_TYPES: Final = ("hw-address", "duid", "flex-id")

MAC_SOURCES: Final[Mapping[str, str]] = {
    "any": "any",
    "raw": "raw",
    "duid": "duid",
    "ipv6-link-local": "ipv6-link-local",
    "client-link-addr-option": "client-link-addr-option",
    "rfc6939": "client-link-addr-option",
    "remote-id": "remote-id",
    "rfc4649": "remote-id",
    "subscriber-id": "subscriber-id",
    "rfc4580": "subscriber-id",
    "docsis-cmts": "docsis-cmts",
    "docsis-modem": "docsis-modem",
}
"""Where hardware addresses come from, with what other names stand for (Kea B004)."""

BITS: Final = Integer(1, 128)

PREFERRED: Final = both.lifetime("preferred-lifetime", 3600)

INHERITED: Final = keywords(
    PREFERRED,
    both.INHERITED,
    keyword("calculate-tee-times", BOOLEAN, True),
    keyword("t2-percent", SHARE, 0.8),
    allocator("pd-allocator"),
)
"""What a network inherits from the global scope, and a subnet from its network (Kea A019)."""

INHERITED_FROM_NETWORK: Final = keywords(
    keyword("interface", Text(), ""),
    keyword("interface-id", Text()),
    keyword("rapid-commit", BOOLEAN, False),
    keyword("relay", In("relay"), {}),
)
"""What a subnet inherits from its network alone (Kea B016)."""

DHCP6: Final = keywords(
    INHERITED,
    both.GLOBAL,
    keyword("subnet6", Each(In("subnet6")), []),
    keyword("host-reservation-identifiers", Each(one_of("auto", *IDENTIFIER_TYPES), 1), list(IDENTIFIER_TYPES[:2])),
    keyword("server-id", In("server-id"), {}),
    keyword("data-directory", NAME),
    keyword("mac-sources", Each(one_of(*MAC_SOURCES), 1), ["any"]),
    keyword("relay-supplied-options", Each(NAME), ["65"]),
    keyword("allow-address-registration", BOOLEAN, True),
)

NETWORK: Final = keywords(
    inherited(INHERITED),
    INHERITED_FROM_NETWORK,
    both.NETWORK,
    keyword("subnet6", Each(In("subnet6")), []),
)

SUBNET: Final = keywords(
    inherited(INHERITED),
    inherited(INHERITED_FROM_NETWORK),
    both.SUBNET,
    keyword("subnet", Parsed(prefix6), required=True),
    keyword("pd-pools", Each(In("pd-pools")), []),
)

PREFIX_POOL: Final = keywords(
    keyword("prefix", Parsed(address6), required=True),
    keyword("prefix-len", BITS, required=True),
    keyword("delegated-len", BITS, required=True),
    keyword("excluded-prefix", Parsed(address6)),
    keyword("excluded-prefix-len", Integer(0, 128)),
    both.POOL,
)

RESERVATION: Final = keywords(
    *(keyword(name, NAME) for name in IDENTIFIER_TYPES),
    keyword("ip-addresses", Each(Parsed(address6)), []),
    keyword("prefixes", Each(Parsed(prefix6)), []),
    keyword("excluded-prefixes", Each(Parsed(prefix6, empty=True))),
    both.HOST,
)

SERVER_ID: Final = keywords(
    keyword("type", one_of("LLT", "EN", "LL", "UUID"), "LLT", required=True),
    keyword("htype", Integer(0, 0xFFFF), 0),
    keyword("identifier", Text(), ""),
    keyword("time", SECONDS, 0),
    keyword("enterprise-id", Integer(), 0),
    keyword("persist", BOOLEAN, True),
    CONTEXT,
)

INTERFACES: Final = keywords(
    keyword("interfaces", Each(Parsed(selection6)), []),
    keyword("dhcp-socket-type", one_of("udp", "raw"), "udp"),  # our own: Kea has UDP alone
    SOCKETS,
)

MAPS6: Final[Mapping[str, KeywordMap]] = {
    **SHARED_MAPS,
    "top": top("Dhcp6"),
    "Dhcp6": DHCP6,
    "shared-networks": NETWORK,
    "subnet6": SUBNET,
    "pools": keywords(keyword("pool", Parsed(pool6), required=True), both.POOL, both.POOL_DDNS),
    "pd-pools": PREFIX_POOL,
    "reservations": RESERVATION,
    "client-classes": keywords(both.CLIENT_CLASS, inherited(PREFERRED)),
    "interfaces-config": INTERFACES,
    "relay": relay(address6),
    "server-id": SERVER_ID,
    "dhcp-queue-control": queue_control("kea-ring6"),
    "compatibility": keywords(keyword("lenient-option-parsing", BOOLEAN, False)),
}
"""Every map of a DHCPv6 configuration by the name of the keyword that holds it."""
