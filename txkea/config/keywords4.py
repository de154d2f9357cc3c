"""Every keyword of ``Dhcp4`` and where it may stand (Kea A.2 - A.7, M)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from txkea.config import features
from txkea.config.features import only, unless
from txkea.config.keywords import (
    CONTEXT,
    DDNS_BEHAVIOUR,
    NAME,
    PORT,
    SHARED_MAPS,
    KeywordMap,
    inherited,
    keyword,
    keywords,
)
from txkea.config.kinds import (
    BOOLEAN,
    FREE_MAP,
    Each,
    Floating,
    In,
    Integer,
    Parsed,
    Text,
    address4,
    one_of,
    prefix4,
    prefix6,
)
from txkea.config.ranges import pool4, selection4

__all__ = ["INHERITED", "INHERITED_FROM_NETWORK", "MAPS4"]

SECONDS: Final = Integer()
SHARE: Final = Floating(0.0, 1.0)
IDENTIFIER_TYPES: Final = ("hw-address", "duid", "circuit-id", "client-id", "flex-id")

FLAGS_OF_MODE: Final = {
    "all": (False, True, False),
    "out-of-pool": (False, True, True),
    "global": (True, False, False),
    "disabled": (False, False, False),
}
FLAGS: Final = ("reservations-global", "reservations-in-subnet", "reservations-out-of-pool")
"""``reservation-mode`` was one word for what is three flags now (Kea A036, A069)."""

LIFETIME: Final = keywords(
    keyword("valid-lifetime", SECONDS, 7200),
    keyword("min-valid-lifetime", SECONDS),
    keyword("max-valid-lifetime", SECONDS),
)

FIXED_FIELDS: Final = keywords(
    keyword("next-server", Parsed(address4, empty=True), "0.0.0.0"),
    keyword("server-hostname", Text(63), ""),
    keyword("boot-file-name", Text(127), ""),
)

INHERITED: Final = keywords(
    LIFETIME,
    keyword("renew-timer", SECONDS),
    keyword("rebind-timer", SECONDS),
    keyword("calculate-tee-times", BOOLEAN, False),
    keyword("t1-percent", SHARE, 0.5),
    keyword("t2-percent", SHARE, 0.875),
    keyword("match-client-id", BOOLEAN, True),
    keyword("authoritative", BOOLEAN, False),
    FIXED_FIELDS,
    keyword("store-extended-info", BOOLEAN, False, later=only(features.EXTENDED_INFO, True)),
    keyword("cache-threshold", SHARE, 0.25),
    keyword("cache-max-age", SECONDS),
    keyword("offer-lifetime", SECONDS, 0),
    keyword("adaptive-lease-time-threshold", SHARE, later=unless(features.ADAPTIVE, 1, 1.0)),
    keyword(
        "allocator",
        one_of("iterative", "random", "flq", "shared-flq"),
        "iterative",
        later=only(features.FREE_LEASE_QUEUE, "flq", "shared-flq"),
    ),
    keyword("reservations-global", BOOLEAN, False),
    keyword("reservations-in-subnet", BOOLEAN, True),
    keyword("reservations-out-of-pool", BOOLEAN, False),
    keyword(
        "reservation-mode",
        one_of(*FLAGS_OF_MODE),
        becomes=lambda mode: dict(zip(FLAGS, FLAGS_OF_MODE[mode], strict=True)),
    ),
    DDNS_BEHAVIOUR,
)
"""What a network inherits from the global scope, and a subnet from its network (Kea A019)."""

INHERITED_FROM_NETWORK: Final = keywords(
    keyword("interface", Text(), ""),
    keyword("relay", In("relay"), {}),
)
"""What a subnet inherits from its network alone."""

GUARDS: Final = keywords(
    keyword("client-classes", Each(NAME), [], later=unless(features.CLASSES, [])),
    keyword("client-class", Text(), becomes=lambda name: {"client-classes": [name] if name else []}),
    keyword("evaluate-additional-classes", Each(NAME), [], later=unless(features.CLASSES, [])),
    keyword("require-client-classes", Each(NAME), becomes=lambda names: {"evaluate-additional-classes": names}),
)

OPTIONS: Final = keyword("option-data", Each(In("option-data")), [])
RESERVATIONS: Final = keyword("reservations", Each(In("reservations")), [])

DHCP4: Final = keywords(
    INHERITED,
    keyword("interfaces-config", In("interfaces-config"), {}),
    keyword("lease-database", In("lease-database"), {}),
    keyword("hosts-databases", Each(In("hosts-databases")), later=unless(features.DATABASES, [])),
    keyword("hosts-database", In("hosts-databases"), becomes=lambda database: {"hosts-databases": [database]}),
    keyword("host-reservation-identifiers", Each(one_of("auto", *IDENTIFIER_TYPES), 1), list(IDENTIFIER_TYPES[:4])),
    keyword("subnet4", Each(In("subnet4")), []),
    keyword("shared-networks", Each(In("shared-networks")), []),
    RESERVATIONS,
    keyword("option-def", Each(In("option-def")), []),
    OPTIONS,
    keyword("client-classes", Each(In("client-classes")), later=unless(features.CLASSES, [])),
    keyword("hooks-libraries", Each(In("hooks-libraries")), []),
    keyword("control-sockets", Each(In("control-sockets")), []),
    keyword("control-socket", In("control-sockets"), becomes=lambda socket: {"control-sockets": [socket]}),
    keyword("expired-leases-processing", In("expired-leases-processing"), {}),
    keyword("dhcp-ddns", In("dhcp-ddns"), {}),
    keyword("loggers", Each(In("loggers")), []),
    keyword("sanity-checks", In("sanity-checks"), {}),
    keyword("multi-threading", In("multi-threading"), {}),
    keyword("dhcp-queue-control", In("dhcp-queue-control"), {}),
    keyword("config-control", In("config-control")),
    keyword("compatibility", In("compatibility"), {}),
    keyword("echo-client-id", BOOLEAN, True),
    keyword("decline-probation-period", SECONDS, 86400),
    keyword("dhcp4o6-port", PORT, 0, later=unless(features.DHCP4O6, 0)),
    keyword("ip-reservations-unique", BOOLEAN, True),
    keyword("reservations-lookup-first", BOOLEAN, False, inert="reservations are always looked up first"),
    keyword("early-global-reservations-lookup", BOOLEAN, False, later=only(features.EARLY_LOOKUP, True)),
    keyword("parked-packet-limit", Integer(), 8192),
    keyword("stash-agent-options", BOOLEAN, False, later=only(features.STASH, True)),
    keyword("server-tag", Text(256), ""),
    keyword("statistic-default-sample-count", Integer(), 20, inert="txkea keeps no samples yet"),
    keyword("statistic-default-sample-age", Integer(), 0, inert="txkea keeps no samples yet"),
    CONTEXT,
)

NETWORK: Final = keywords(
    inherited(INHERITED),
    INHERITED_FROM_NETWORK,
    keyword("name", NAME, required=True),
    keyword("subnet4", Each(In("subnet4")), []),
    OPTIONS,
    GUARDS,
    CONTEXT,
)

SUBNET: Final = keywords(
    inherited(INHERITED),
    inherited(INHERITED_FROM_NETWORK),
    keyword("id", Integer(0, 0xFFFFFFFE)),
    keyword("subnet", Parsed(prefix4), required=True),
    keyword("pools", Each(In("pools")), []),
    RESERVATIONS,
    OPTIONS,
    GUARDS,
    keyword("4o6-interface", Text(), "", later=unless(features.DHCP4O6, "")),
    keyword("4o6-interface-id", Text(), "", later=unless(features.DHCP4O6, "")),
    keyword("4o6-subnet", Parsed(prefix6, empty=True), "", later=unless(features.DHCP4O6, "")),
    keyword("interface-id", Text(), inert="DHCPv4 has no interface identifiers"),
    keyword("rapid-commit", BOOLEAN, inert="DHCPv4 has no rapid commit here"),
    CONTEXT,
)

POOL_DDNS: Final = {
    row.name: keyword(row.name, row.kind, later=unless(features.POOL_DDNS)) for row in DDNS_BEHAVIOUR.values()
}

POOL: Final = keywords(
    keyword("pool", Parsed(pool4), required=True),
    keyword("pool-id", SECONDS),
    OPTIONS,
    GUARDS,
    POOL_DDNS,
    CONTEXT,
)

RESERVATION: Final = keywords(
    *(keyword(name, NAME) for name in IDENTIFIER_TYPES),
    keyword("ip-address", Parsed(address4)),
    keyword("hostname", Text(255), ""),
    OPTIONS,
    FIXED_FIELDS,
    keyword("client-classes", Each(NAME), [], later=unless(features.CLASSES, [])),
    CONTEXT,
)

CLIENT_CLASS: Final = keywords(
    keyword("name", NAME, required=True),
    keyword("test", Text()),
    keyword("template-test", Text()),
    keyword("only-in-additional-list", BOOLEAN, False),
    keyword("only-if-required", BOOLEAN, becomes=lambda value: {"only-in-additional-list": value}),
    keyword("option-def", Each(In("option-def")), []),
    OPTIONS,
    inherited(LIFETIME),
    FIXED_FIELDS,
    keyword("offer-lifetime", SECONDS),
    CONTEXT,
)

INTERFACES: Final = keywords(
    keyword("interfaces", Each(Parsed(selection4)), []),
    keyword("dhcp-socket-type", one_of("raw", "udp"), "raw"),
    keyword("outbound-interface", one_of("same-as-inbound", "use-routing"), "same-as-inbound"),
    keyword("re-detect", BOOLEAN, True),
    keyword("service-sockets-require-all", BOOLEAN, False),
    keyword("service-sockets-max-retries", Integer(), 0),
    keyword("service-sockets-retry-wait-time", Integer(), 5000),
    CONTEXT,
)

MAPS4: Final[Mapping[str, KeywordMap]] = {
    **SHARED_MAPS,
    "top": keywords(
        keyword("Dhcp4", In("Dhcp4"), required=True),
        keyword("Logging", In("Logging")),
        *(keyword(name, FREE_MAP) for name in ("Dhcp6", "DhcpDdns", "Control-agent", "Netconf")),
    ),
    "Dhcp4": DHCP4,
    "shared-networks": NETWORK,
    "subnet4": SUBNET,
    "pools": POOL,
    "reservations": RESERVATION,
    "client-classes": CLIENT_CLASS,
    "interfaces-config": INTERFACES,
    "relay": keywords(
        keyword("ip-addresses", Each(Parsed(address4)), []),
        keyword("ip-address", Parsed(address4), becomes=lambda address: {"ip-addresses": [address]}),
    ),
    "compatibility": keywords(
        keyword("lenient-option-parsing", BOOLEAN, False),
        keyword("ignore-rai-link-selection", BOOLEAN, False),
        keyword("ignore-dhcp-server-identifier", BOOLEAN, False),
        keyword("exclude-first-last-24", BOOLEAN, False),
    ),
}
"""Every map of a DHCPv4 configuration by the name of the keyword that holds it."""
