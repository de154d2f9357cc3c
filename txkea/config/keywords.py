"""What a table of keywords is made of, and the keywords that both families have in their scopes.

Defaults are those of Kea 3 where a version changed one (Kea A.3 - A.7). An old spelling carries what it becomes, so
that everything after `txkea.config.structure` sees the new one only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from txkea.config import features
from txkea.config.features import Later, only, unless
from txkea.config.kinds import (
    BOOLEAN,
    FREE_MAP,
    Each,
    Floating,
    In,
    Integer,
    Kind,
    Parsed,
    Text,
    one_of,
)

__all__ = [
    "ABSENT",
    "CHARACTERS",
    "CLIENT_CLASS",
    "CONTEXT",
    "DDNS_BEHAVIOUR",
    "GLOBAL",
    "GUARDS",
    "HOST",
    "INHERITED",
    "LIFETIME",
    "NAME",
    "NAME_PART",
    "NETWORK",
    "OPTIONS",
    "POOL",
    "POOL_DDNS",
    "PORT",
    "REPLACE",
    "RESERVATIONS",
    "SECONDS",
    "SHARE",
    "SUBNET",
    "Keyword",
    "KeywordMap",
    "allocator",
    "inherited",
    "keyword",
    "keywords",
    "lifetime",
]

ABSENT: Final = object()
"""The default of a keyword that has none."""


@frozen
class Keyword:
    """One keyword of one map.

    ``default`` is the value in the effective configuration when nothing is written; ``{}`` for a map is its own
    defaults. ``becomes`` tells for an old spelling what the value is in new ones. ``later`` names the feature that a
    value needs and nobody built yet; ``inert`` says why any value but the default has no effect.
    """

    name: str
    kind: Kind
    default: Any = ABSENT
    becomes: Callable[[Any], Mapping[str, Any]] | None = None
    later: Later | None = None
    inert: str = ""
    required: bool = False


KeywordMap = Mapping[str, Keyword]


def keyword(name: str, kind: Kind, default: Any = ABSENT, **more: Any) -> Keyword:
    """A row of a table."""
    return Keyword(name, kind, default, **more)


def keywords(*rows: Keyword | KeywordMap) -> KeywordMap:
    """A table from rows and other tables."""
    table: dict[str, Keyword] = {}
    for row in rows:
        table.update({row.name: row} if isinstance(row, Keyword) else row)
    return table


def inherited(table: KeywordMap) -> KeywordMap:
    """The same keywords without defaults, for a scope that inherits them."""
    return {
        row.name: Keyword(row.name, row.kind, becomes=row.becomes, later=row.later, inert=row.inert)
        for row in table.values()
    }


PORT: Final = Integer(0, 65535)
NAME: Final = Text(empty=False)
SECONDS: Final = Integer()
SHARE: Final = Floating(0.0, 1.0)

CONTEXT: Final = keywords(keyword("user-context", FREE_MAP), keyword("comment", Text()))

# -- names and their updates (Kea A038, A088-A091) ---------------------------------------------------------------------

RESOLUTION: Final = one_of(
    "check-with-dhcid", "no-check-with-dhcid", "check-exists-with-dhcid", "no-check-without-dhcid"
)
REPLACE: Final = one_of("never", "always", "when-present", "when-not-present")
NAME_PART: Final = Text(255)


def characters(text: str) -> re.Pattern[str]:
    """The regular expression of the characters to replace in names. Raises ValueError."""
    if "[:" in text:
        raise ValueError(f'"{text}" names a class of characters; write them out like a-z')
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f'"{text}" is not a regular expression: {error}; write it like [^A-Za-z0-9.-]') from None


CHARACTERS: Final = Parsed(characters, empty=True)

DDNS_BEHAVIOUR: Final = keywords(
    keyword("ddns-send-updates", BOOLEAN, True),
    keyword("ddns-override-no-update", BOOLEAN, False),
    keyword("ddns-override-client-update", BOOLEAN, False),
    keyword("ddns-replace-client-name", REPLACE, "never"),
    keyword("ddns-generated-prefix", NAME_PART, "myhost"),
    keyword("ddns-qualifying-suffix", NAME_PART, ""),
    keyword("ddns-update-on-renew", BOOLEAN, False),
    keyword("ddns-conflict-resolution-mode", RESOLUTION, "check-with-dhcid"),
    keyword(
        "ddns-use-conflict-resolution",
        BOOLEAN,
        becomes=lambda value: {"ddns-conflict-resolution-mode": "check-with-dhcid" if value else "no-check-with-dhcid"},
    ),
    keyword("ddns-ttl-percent", Floating(0.0, 1.0)),
    keyword("ddns-ttl", Integer()),
    keyword("ddns-ttl-min", Integer()),
    keyword("ddns-ttl-max", Integer()),
    keyword("hostname-char-set", CHARACTERS, "[^A-Za-z0-9.-]"),
    keyword("hostname-char-replacement", Text(), ""),
)

# -- what a network inherits from the global scope, and a subnet from its network (Kea A019) ---------------------------

FLAGS_OF_MODE: Final = {
    "all": (False, True, False),
    "out-of-pool": (False, True, True),
    "global": (True, False, False),
    "disabled": (False, False, False),
}
FLAGS: Final = ("reservations-global", "reservations-in-subnet", "reservations-out-of-pool")
"""``reservation-mode`` was one word for what is three flags now (Kea A036, A069)."""

ALLOCATOR: Final = one_of("iterative", "random", "flq", "shared-flq")


def lifetime(name: str, default: int) -> KeywordMap:
    """A lifetime and its bounds (Kea A037, B002)."""
    return keywords(keyword(name, SECONDS, default), keyword(f"min-{name}", SECONDS), keyword(f"max-{name}", SECONDS))


def allocator(name: str) -> Keyword:
    """How something free is looked for."""
    return keyword(name, ALLOCATOR, "iterative", later=only(features.FREE_LEASE_QUEUE, "flq", "shared-flq"))


LIFETIME: Final = lifetime("valid-lifetime", 7200)

INHERITED: Final = keywords(
    LIFETIME,
    keyword("renew-timer", SECONDS),
    keyword("rebind-timer", SECONDS),
    keyword("t1-percent", SHARE, 0.5),
    keyword("store-extended-info", BOOLEAN, False, later=only(features.EXTENDED_INFO, True)),
    keyword("cache-threshold", SHARE, 0.25),
    keyword("cache-max-age", SECONDS),
    keyword("adaptive-lease-time-threshold", SHARE, later=unless(features.ADAPTIVE, 1, 1.0)),
    allocator("allocator"),
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

# -- scopes ------------------------------------------------------------------------------------------------------------

OPTIONS: Final = keyword("option-data", Each(In("option-data")), [])
RESERVATIONS: Final = keyword("reservations", Each(In("reservations")), [])

GUARDS: Final = keywords(
    keyword("client-classes", Each(NAME)),
    keyword("client-class", Text(), becomes=lambda name: {"client-classes": [name]} if name else {}),
    keyword("evaluate-additional-classes", Each(NAME)),
    keyword("require-client-classes", Each(NAME), becomes=lambda names: {"evaluate-additional-classes": names}),
)

GLOBAL: Final = keywords(
    keyword("interfaces-config", In("interfaces-config"), {}),
    keyword("lease-database", In("lease-database"), {}),
    keyword("hosts-databases", Each(In("hosts-databases"))),
    keyword("hosts-database", In("hosts-databases"), becomes=lambda database: {"hosts-databases": [database]}),
    keyword("shared-networks", Each(In("shared-networks")), []),
    RESERVATIONS,
    keyword("option-def", Each(In("option-def")), []),
    OPTIONS,
    keyword("client-classes", Each(In("client-classes"))),
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
    keyword("decline-probation-period", SECONDS, 86400),
    keyword("dhcp4o6-port", PORT, 0),
    keyword("ip-reservations-unique", BOOLEAN, True),
    keyword("reservations-lookup-first", BOOLEAN, False, inert="reservations are always looked up first"),
    keyword("early-global-reservations-lookup", BOOLEAN, False),
    keyword("parked-packet-limit", Integer(), 8192),
    keyword("server-tag", Text(256), "", inert="txkea reads no configuration from databases yet"),
    keyword("statistic-default-sample-count", Integer(), 20),
    keyword("statistic-default-sample-age", Integer(), 0),
    CONTEXT,
)

NETWORK: Final = keywords(keyword("name", NAME, required=True), OPTIONS, GUARDS, CONTEXT)

SUBNET: Final = keywords(
    keyword("id", Integer(0, 0xFFFFFFFE)),
    keyword("pools", Each(In("pools")), []),
    RESERVATIONS,
    OPTIONS,
    GUARDS,
    CONTEXT,
)

POOL: Final = keywords(keyword("pool-id", SECONDS), OPTIONS, GUARDS, CONTEXT)

POOL_DDNS: Final = {
    row.name: keyword(row.name, row.kind, later=unless(features.POOL_DDNS)) for row in DDNS_BEHAVIOUR.values()
}

HOST: Final = keywords(
    keyword("hostname", Text(255), ""), OPTIONS, keyword("client-classes", Each(Text()), []), CONTEXT
)

CLIENT_CLASS: Final = keywords(
    keyword("name", NAME, required=True),
    keyword("test", Text()),
    keyword("template-test", Text()),
    keyword("only-in-additional-list", BOOLEAN, False),
    keyword("only-if-required", BOOLEAN, becomes=lambda value: {"only-in-additional-list": value}),
    OPTIONS,
    inherited(LIFETIME),
    CONTEXT,
)
