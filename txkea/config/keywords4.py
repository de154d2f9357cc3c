"""Every keyword of ``Dhcp4`` and where it may stand (Kea A.2 - A.7, M)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from txkea.config import keywords as both
from txkea.config.features import STASH, only
from txkea.config.keywords import NAME, SECONDS, SHARE, KeywordMap, inherited, keyword, keywords
from txkea.config.kinds import BOOLEAN, Each, In, Parsed, Text, address4, one_of, prefix4, prefix6, unicast4
from txkea.config.maps import SHARED_MAPS, SOCKETS, queue_control, relay, top
from txkea.config.ranges import pool4, selection4

__all__ = ["INHERITED", "INHERITED_FROM_NETWORK", "MAPS4"]

IDENTIFIER_TYPES: Final = ("hw-address", "duid", "circuit-id", "client-id", "flex-id")

FIXED_FIELDS: Final = keywords(
    keyword("next-server", Parsed(address4, empty=True), "0.0.0.0"),
    keyword("server-hostname", Text(63), ""),
    keyword("boot-file-name", Text(127), ""),
)

OWN_FIELDS: Final = keywords(FIXED_FIELDS, keyword("next-server", Parsed(unicast4), "0.0.0.0"))
"""The fields where a client or a class has its own."""

INHERITED: Final = keywords(
    both.INHERITED,
    keyword("calculate-tee-times", BOOLEAN, False),
    keyword("t2-percent", SHARE, 0.875),
    keyword("match-client-id", BOOLEAN, True),
    keyword("authoritative", BOOLEAN, False),
    FIXED_FIELDS,
    keyword("offer-lifetime", SECONDS, 0),
)
"""What a network inherits from the global scope, and a subnet from its network (Kea A019)."""

INHERITED_FROM_NETWORK: Final = keywords(
    keyword("interface", Text(), ""),
    keyword("relay", In("relay"), {}),
)
"""What a subnet inherits from its network alone."""

DHCP4: Final = keywords(
    INHERITED,
    both.GLOBAL,
    keyword("subnet4", Each(In("subnet4")), []),
    keyword("host-reservation-identifiers", Each(one_of("auto", *IDENTIFIER_TYPES), 1), list(IDENTIFIER_TYPES[:4])),
    keyword("echo-client-id", BOOLEAN, True),
    keyword("stash-agent-options", BOOLEAN, False, later=only(STASH, True)),
)

NETWORK: Final = keywords(
    inherited(INHERITED),
    INHERITED_FROM_NETWORK,
    both.NETWORK,
    keyword("subnet4", Each(In("subnet4")), []),
)

SUBNET: Final = keywords(
    inherited(INHERITED),
    inherited(INHERITED_FROM_NETWORK),
    both.SUBNET,
    keyword("subnet", Parsed(prefix4), required=True),
    keyword("4o6-interface", Text(), ""),
    keyword("4o6-interface-id", Text(), ""),
    keyword("4o6-subnet", Parsed(prefix6, empty=True), ""),
    keyword("interface-id", Text(), inert="DHCPv4 has no interface identifiers"),
    keyword("rapid-commit", BOOLEAN, inert="DHCPv4 has no rapid commit here"),
)

POOL: Final = keywords(keyword("pool", Parsed(pool4), required=True), both.POOL, both.POOL_DDNS)

RESERVATION: Final = keywords(
    *(keyword(name, NAME) for name in IDENTIFIER_TYPES),
    keyword("ip-address", Parsed(address4)),
    both.HOST,
    OWN_FIELDS,
)

CLIENT_CLASS: Final = keywords(
    both.CLIENT_CLASS,
    keyword("option-def", Each(In("option-def")), []),
    OWN_FIELDS,
    keyword("offer-lifetime", SECONDS),
)

INTERFACES: Final = keywords(
    keyword("interfaces", Each(Parsed(selection4)), []),
    keyword("dhcp-socket-type", one_of("raw", "udp"), "raw"),
    keyword("outbound-interface", one_of("same-as-inbound", "use-routing"), "same-as-inbound"),
    SOCKETS,
)

MAPS4: Final[Mapping[str, KeywordMap]] = {
    **SHARED_MAPS,
    "top": top("Dhcp4"),
    "Dhcp4": DHCP4,
    "shared-networks": NETWORK,
    "subnet4": SUBNET,
    "pools": POOL,
    "reservations": RESERVATION,
    "client-classes": CLIENT_CLASS,
    "interfaces-config": INTERFACES,
    "relay": relay(address4),
    "dhcp-queue-control": queue_control("kea-ring4"),
    "compatibility": keywords(
        keyword("lenient-option-parsing", BOOLEAN, False),
        keyword("ignore-rai-link-selection", BOOLEAN, False),
        keyword("ignore-dhcp-server-identifier", BOOLEAN, False),
        keyword("exclude-first-last-24", BOOLEAN, False),
    ),
}
"""Every map of a DHCPv4 configuration by the name of the keyword that holds it."""
