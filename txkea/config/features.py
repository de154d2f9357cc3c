"""What a configuration may ask for that is understood but not built yet: refused by name, never ignored."""

from __future__ import annotations

import os.path
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from txkea.config.kinds import suggestion
from txkea.errors import ConfigError, Position

__all__ = [
    "ADAPTIVE",
    "AGENT_LIBRARIES",
    "BACKENDS",
    "BUILT",
    "CONFIG_BACKEND",
    "DDNS",
    "EXTENDED_INFO",
    "FOREIGN",
    "FREE_LEASE_QUEUE",
    "INCLUDED",
    "LIBRARIES",
    "POOL_DDNS",
    "REFUSED_PARAMETERS",
    "STASH",
    "Feature",
    "Later",
    "NotBuilt",
    "databases",
    "libraries",
    "library_name",
    "only",
    "unless",
]


class Feature(NamedTuple):
    """Something not built yet, and the issue that builds it (0: none is filed)."""

    name: str
    issue: int = 0


class NotBuilt(ConfigError):
    """The configuration needs a feature that is not built yet; ``feature`` says which."""

    def __init__(self, feature: Feature, path: str, position: Position | None) -> None:
        self.feature = feature
        when = f"issue {feature.issue}" if feature.issue else "a later issue"
        super().__init__(
            f"this needs {feature.name}, which txkea does not have yet ({when}); leave it out", path, position
        )


Later = Callable[[Any], "Feature | None"]
"""What a value needs that is not built yet; raises ValueError for a value that nothing will ever build."""

ADAPTIVE: Final = Feature("adaptive lease times")
AGENT_LIBRARIES: Final = Feature("hook libraries of the Control Agent")
CONFIG_BACKEND: Final = Feature("configuration from a database")
DDNS: Final = Feature("DNS updates")
EXTENDED_INFO: Final = Feature("extended information in leases")
FREE_LEASE_QUEUE: Final = Feature("the free lease queue allocator")
POOL_DDNS: Final = Feature("DNS settings of a pool")
STASH: Final = Feature("stashed relay agent options")

LIBRARIES: Final = {
    "bootp": Feature("the bootp library"),
    "cb_cmds": CONFIG_BACKEND,
    "ddns_tuning": DDNS,
    "gss_tsig": DDNS,
    "ha": Feature("High Availability", 9),
    "lease_query": Feature("leasequery"),
    "legal_log": Feature("the forensic log"),
    "limits": Feature("limits of leases and rates"),
    "mysql_cb": CONFIG_BACKEND,
    "pgsql_cb": CONFIG_BACKEND,
    "ping_check": Feature("ping checks"),
    "rbac": Feature("roles as the rbac library has them (roles in authentication are there)"),
    "run_script": Feature("scripts at hook points"),
    "user_chk": Feature("the user_chk library"),
}
"""Kea's hook libraries by their base names without ``libdhcp_`` and ``.so``."""

BUILT: Final = ("flex_id", "flex_option", "host_cache", "radius")
"""Those that are built, and do something where they are named."""

INCLUDED: Final = {
    "class_cmds": "its commands",
    "host_cmds": "its commands",
    "lease_cmds": "its commands",
    "mysql": "leases and hosts in MySQL and MariaDB",
    "pgsql": "leases and hosts in PostgreSQL",
    "perfmon": "durations, on the page of metrics; its commands and alarms are not built in",
    "stat_cmds": "its commands",
    "subnet_cmds": "its commands",
}
"""Those that may be named and then mean nothing more, for what they bring is always there."""

REFUSED_PARAMETERS: Final = {
    ("lease_cmds", "binding-variables"): Feature("variables that are kept with leases"),
    ("perfmon", "alarms"): Feature("alarms about durations"),
}
"""Library and parameter that ask for more than what is there; a parameter that asks for nothing may stand."""

FOREIGN: Final = Feature("libraries that are not Kea's own")

BACKENDS: Final = ("memfile", "mysql", "postgresql", "cql", "redis")
"""The types of lease databases that a configuration may name, beside those of third parties."""
HOST_BACKENDS: Final = ("mysql", "postgresql", "cql")
"""The types of databases that reservations may be in."""


def unless(feature: Feature, *harmless: Any) -> Later:
    """Every value needs the feature except a few."""

    def later(value: Any) -> Feature | None:
        return None if value in harmless else feature

    return later


def only(feature: Feature, *values: Any) -> Later:
    """A few values need the feature."""

    def later(value: Any) -> Feature | None:
        return feature if value in values else None

    return later


def databases(value: str) -> Feature | None:
    """The type of a lease database: one of ours, or a provider's name.

    Raises ValueError for what looks like a slip of the pen.
    """
    near = "" if value in BACKENDS else suggestion(value, list(BACKENDS))
    if near:
        raise ValueError(f'"{value}" is no lease database{near}')
    return None


def library_name(value: str) -> str:
    """The name of a provider: the base name of a library of Kea's, or what was written."""
    return os.path.basename(value).removesuffix(".so").removeprefix("libdhcp_")


def libraries(value: str) -> Feature | None:
    """A hook library of Kea's, by its file's base name, or a provider by its name or dotted path."""
    name = library_name(value)
    return LIBRARIES.get(name) or (None if name in (*BUILT, *INCLUDED, value) else FOREIGN)
