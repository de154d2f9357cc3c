"""What Kea and txkea are started with to be sent commands, and what the commands are about, for both families."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any, Final, NamedTuple

from tests.real import configuration4, configuration6
from tests.real.commands import Scene

__all__ = ["KINS", "PREFIX", "Kin", "document", "rich", "scene"]

Tree = dict[str, Any]

HOOKS: Final = "/usr/lib/x86_64-linux-gnu/kea/hooks"
COMMON: Final[Tree] = {
    "interfaces-config": {"interfaces": []},
    "control-socket": {"socket-type": "unix", "socket-name": "@SOCKET@"},
    "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0},
    "expired-leases-processing": {"reclaim-timer-wait-time": 0, "flush-reclaimed-timer-wait-time": 0},
    "hooks-libraries": [{"library": f"{HOOKS}/libdhcp_{name}_cmds.so"} for name in ("lease", "stat")],
    "valid-lifetime": 4000,
    "server-tag": "north",
}
PLACES4: Final[Tree] = {
    "subnet4": [
        {
            "id": 1,
            "subnet": "192.0.2.0/24",
            "pools": [{"pool": "192.0.2.10 - 192.0.2.20"}, {"pool": "192.0.2.32/28"}],
            "reservations": [{"hw-address": "02:00:00:00:00:aa", "ip-address": "192.0.2.200", "hostname": "kept"}],
        },
        {"id": 7, "subnet": "198.51.100.0/24", "valid-lifetime": 7200},
    ],
    "shared-networks": [
        {
            "name": "floor",
            "subnet4": [{"id": 11, "subnet": "203.0.113.0/25", "pools": [{"pool": "203.0.113.10/32"}]}],
        }
    ],
}
PLACES6: Final[Tree] = {
    "data-directory": "@DIRECTORY@",
    "server-id": {"type": "EN", "enterprise-id": 1, "identifier": "0102", "persist": False},
    "preferred-lifetime": 3000,
    "subnet6": [
        {
            "id": 1,
            "subnet": "2001:db8:1::/48",
            "pools": [{"pool": "2001:db8:1::/120"}],
            "pd-pools": [{"prefix": "2001:db8:8::", "prefix-len": 56, "delegated-len": 64}],
            "reservations": [{"duid": "00:01:aa", "ip-addresses": ["2001:db8:1::cc00"], "hostname": "kept"}],
        },
        {"id": 7, "subnet": "2001:db8:7::/64", "valid-lifetime": 7200, "preferred-lifetime": 6000},
    ],
    "shared-networks": [
        {
            "name": "floor",
            "subnet6": [{"id": 11, "subnet": "2001:db8:b::/64", "pools": [{"pool": "2001:db8:b::10/128"}]}],
        }
    ],
}
PREFIX: Final[Tree] = {"type": "IA_PD", "ip-address": "2001:db8:8:1::", "prefix-len": 64}
"""What makes a prefix of a lease of subnet 1."""
RICH: Final = {4: configuration4.configuration, 6: configuration6.configuration}


class Kin(NamedTuple):
    """The words of one family."""

    number: int
    inside: str
    """Addresses of subnet 1 begin so; those from 10 to 20 are in a pool."""
    other: str
    """Addresses of subnet 7, which has no pool."""
    shared: str
    """Addresses of subnet 11."""
    outside: str
    """Addresses of no subnet."""
    foreign: str
    """An address of the other family."""
    name: str
    """The argument that says whose a lease is."""

    @property
    def top(self) -> str:
        """The map of a configuration."""
        return f"Dhcp{self.number}"

    @property
    def subnets(self) -> str:
        """The list of subnets in it."""
        return f"subnet{self.number}"

    def owner(self, number: int) -> Tree:
        """Whose a lease is."""
        if self.number == 4:
            return {"hw-address": f"02:00:00:00:00:{number:02x}"}
        return {"duid": f"00:03:00:01:02:00:00:00:00:{number:02x}", "iaid": number}

    def lease(self, number: int = 10, **more: Any) -> Tree:
        """The least that a lease of subnet 1 needs."""
        return {"subnet-id": 1, "ip-address": f"{self.inside}{number}", **self.owner(number), **more}

    def command(self, what: str) -> str:
        """The name of a command about leases."""
        return f"lease{self.number}-{what}"


KINS: Final = {
    4: Kin(4, "192.0.2.", "198.51.100.", "203.0.113.", "10.1.2.", "2001:db8:1::10", "hw-address"),
    6: Kin(6, "2001:db8:1::", "2001:db8:7::", "2001:db8:b::", "2001:db8:ff::", "192.0.2.10", "duid"),
}


def document(family: int, **more: Any) -> Tree:
    """A configuration as ``config-set`` takes it."""
    loggers = [
        {
            "name": f"kea-dhcp{family}",
            "severity": "INFO",
            "output_options": [{"output": "@DIRECTORY@/server.log"}],
        }
    ]
    places = PLACES4 if family == 4 else PLACES6
    return {f"Dhcp{family}": deepcopy({**COMMON, **places, "loggers": loggers, **more})}


def rich(family: int) -> Tree:
    """The configuration of the differential test of packets: most of what can be configured; no interfaces."""
    tree = _ashore(json.loads(RICH[family]("main")))
    whole = {name: value for name, value in COMMON.items() if name not in ("valid-lifetime", "server-tag")}
    return {f"Dhcp{family}": {**tree[f"Dhcp{family}"], **whole}}


def _ashore(value: Any) -> Any:
    """A configuration without the names of interfaces, which the machine must have."""
    if isinstance(value, dict):
        return {name: _ashore(member) for name, member in value.items() if name != "interface"}
    return [_ashore(member) for member in value] if isinstance(value, list) else value


def scene(family: int, **more: Any) -> Scene:
    """The servers of the test."""
    return Scene(family, json.dumps(document(family, **more), indent=1))
