"""The configurations that Kea and txkea are both started with, as data."""

from __future__ import annotations

import json
from typing import Any, Final

__all__ = ["GROUPS", "configuration"]

Tree = dict[str, Any]


def data(name: str, value: str, **more: Any) -> Tree:
    return {"name": name, "data": value, **more}


def subnet(number: int, *pools: str, **more: Any) -> Tree:
    """Subnet 10.NUMBER.0.0/16; pools are given by the ends of their addresses, ``-`` for none."""
    pools = tuple(end for end in pools or ("16.1", "31.254") if end != "-")
    ends = [f"10.{number}.{end}" for end in pools]
    ranges = [{"pool": f"{first} - {last}"} for first, last in zip(ends[::2], ends[1::2], strict=True)]
    return {"id": number or 100, "subnet": f"10.{number}.0.0/16", "pools": ranges, **more}


RESERVATIONS: Final = [
    {"hw-address": "02:07:00:00:00:01", "ip-address": "10.7.16.101", "hostname": "in-pool"},
    {"hw-address": "02:07:00:00:00:02", "ip-address": "10.7.200.2", "hostname": "out.of.pool.example.net"},
    {"client-id": "01:02:07:00:00:00:03", "ip-address": "10.7.200.3"},
    {"client-id": "'by-text'", "ip-address": "10.7.200.4"},
    {"circuit-id": "'port-5'", "ip-address": "10.7.200.5", "hostname": "port5"},
    {"duid": "00:03:00:01:02:07:00:00:00:06", "ip-address": "10.7.200.6"},
    {
        "hw-address": "02:07:00:00:00:07",
        "ip-address": "10.7.200.7",
        "next-server": "192.0.2.77",
        "server-hostname": "host-server.example.org",
        "boot-file-name": "/host/boot.img",
        "option-data": [data("domain-name-servers", "10.7.0.53"), data("tftp-server-name", "tftp.host")],
    },
    {"hw-address": "02:07:00:00:00:08", "option-data": [data("ntp-servers", "10.7.0.123", **{"always-send": True})]},
    {"hw-address": "02:07:00:00:00:09", "hostname": "only-a-name"},
    {"hw-address": "02:07:00:00:00:0b", "ip-address": "10.7.16.111"},
    {"client-id": "01:02:07:00:00:00:0b", "ip-address": "10.7.16.112"},
    {"hw-address": "02:07:00:00:00:0c", "hostname": "dotted.example.com."},
]

DEFINITIONS: Final = [
    {"name": "colour", "code": 222, "type": "string"},
    {"name": "novel", "code": 223, "type": "string"},
    {"name": "triple", "code": 224, "type": "record", "record-types": "uint8, ipv4-address, string"},
    {"name": "numbers", "code": 225, "type": "uint16", "array": True},
    {"name": "container", "code": 226, "type": "empty", "encapsulate": "inner"},
    {"name": "inner-one", "code": 1, "type": "uint32", "space": "inner"},
    {"name": "inner-two", "code": 2, "type": "ipv4-address", "space": "inner", "array": True},
    {"name": "maker", "code": 1, "type": "string", "space": "vendor-encapsulated-options-space"},
    {"name": "firmware", "code": 5, "type": "string", "space": "vendor-9999"},
]

OPTIONS: Final = [
    data("domain-name-servers", "192.0.2.53, 192.0.2.54"),
    data("domain-name", "example.org"),
    data("ntp-servers", "192.0.2.123"),
    data("domain-search", "one.example.org, two.example.org, three.example.net"),
    data("interface-mtu", "1400"),
    data("ip-forwarding", "true"),
    data("time-offset", "-3600"),
    data("classless-static-route", "0A 0A 0A 01 02 03 04", **{"csv-format": False, "code": 121}),
    data("sip-ua-cs-domains", "sip.example.org, voice.example.org"),
    data("uuid-guid", "0, 0123456789", **{"csv-format": True}),
    data("tcp-keepalive-interval", "75", **{"always-send": True}),
    data("colour", "blue"),
    data("novel", "It was a dark and stormy night; " * 13),
    data("triple", "7, 192.0.2.224, three"),
    data("numbers", "1, 513, 65535"),
    data("container", ""),
    data("inner-one", "305419896", space="inner"),
    data("inner-two", "192.0.2.1, 192.0.2.2", space="inner"),
    data("maker", "acme", space="vendor-encapsulated-options-space"),
    data("vendor-encapsulated-options", ""),
    data("tftp-servers", "192.0.2.44", space="vendor-4491", code=2),
    data("vivso-suboptions", "4491"),
    {"code": 230, "data": "c0ffee", "csv-format": False},
    data("boot-size", "512"),
    data("root-path", "/export/root"),
    data("policy-filter", "192.0.2.0, 255.255.255.0"),
    data("netbios-node-type", "8"),
    data("slp-service-scope", "true, scope"),
    data("capwap-ac-v4", "192.0.2.138"),
    data("v4-lost", "lost.example.org"),
    data("name-service-search", "6, 44"),
    data("vivco-suboptions", "4491, 020b0c"),
]

CAMPUS: Final = {
    "name": "campus",
    "relay": {"ip-addresses": ["172.16.99.99"]},
    "option-data": [data("routers", "10.5.0.254"), data("domain-name", "campus.example.org")],
    "subnet4": [
        subnet(5, "16.1", "16.2"),
        subnet(6, "16.1", "31.254", **{"option-data": [data("routers", "10.6.0.1")]}),
    ],
}

BASE: Final[Tree] = {
    "interfaces-config": {"interfaces": ["eth0", "eth1", "eth2"], "dhcp-socket-type": "raw"},
    "multi-threading": {"enable-multi-threading": False},
    "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0},
    "expired-leases-processing": {"reclaim-timer-wait-time": 0, "flush-reclaimed-timer-wait-time": 0},
    "valid-lifetime": 4000,
    "min-valid-lifetime": 1000,
    "max-valid-lifetime": 8000,
    "renew-timer": 1000,
    "rebind-timer": 2000,
    "decline-probation-period": 3600,
    "option-def": DEFINITIONS,
    "option-data": OPTIONS,
    "shared-networks": [CAMPUS],
    "subnet4": [
        subnet(0, "16.1", "47.254", **{"option-data": [data("routers", "10.0.0.254")]}),
        {
            **subnet(2, "16.1", "47.254", **{"option-data": [data("routers", "10.2.0.254, 10.2.0.253")]}),
            "reservations": [{"hw-address": "02:02:00:00:00:01", "ip-address": "10.2.17.77", "hostname": "taken"}],
        },
        subnet(3, authoritative=True),
        subnet(4, **{"match-client-id": False}),
        subnet(7, reservations=RESERVATIONS),
        subnet(8, "-"),
        subnet(9, "16.1", "47.254", interface="eth2"),
        {
            **subnet(10),
            "valid-lifetime": 3000,
            "renew-timer": 1500,
            "rebind-timer": 3500,
            "next-server": "192.0.2.10",
            "server-hostname": "ten.example.org",
            "boot-file-name": "ten.img",
            "option-data": [
                data("domain-name-servers", "10.10.0.53"),
                data("domain-name", "ten.example.org"),
                data("dhcp-server-identifier", "10.10.0.67"),
            ],
            "pools": [
                {
                    "pool": "10.10.16.1 - 10.10.31.254",
                    "option-data": [data("domain-name", "pool.ten.example.org"), data("colour", "green")],
                },
                {"pool": "10.10.40.0/24", "option-data": [data("colour", "gold")]},
            ],
        },
        subnet(11, "16.1", "16.1"),
        {**subnet(12), "calculate-tee-times": True, "t1-percent": 0.4, "t2-percent": 0.8, "valid-lifetime": 5000},
        subnet(14, relay={"ip-addresses": ["172.16.14.14", "172.16.14.15"]}),
        {**subnet(15), "valid-lifetime": 4294967295, "max-valid-lifetime": 4294967295},
    ],
    "loggers": [
        {
            "name": "kea-dhcp4",
            "severity": "INFO",
            "output_options": [{"output": "@DIRECTORY@/server.log"}],
        }
    ],
}

GROUPS: Final[dict[str, Tree]] = {
    "main": {},
    "quiet": {"echo-client-id": False, "authoritative": True, "match-client-id": False},
    "udp": {"interfaces-config": {"interfaces": ["eth1"], "dhcp-socket-type": "udp"}},
    "global": {
        "reservations-global": True,
        "reservations-in-subnet": False,
        "host-reservation-identifiers": ["circuit-id", "hw-address"],
        "reservations": [
            {"hw-address": "02:0d:00:00:00:01", "ip-address": "10.2.200.1", "hostname": "global-host"},
            {"hw-address": "02:0d:00:00:00:02", "option-data": [data("colour", "global")]},
            {"circuit-id": "'port-5'", "ip-address": "10.2.200.3"},
            {"hw-address": "02:0d:00:00:00:04", "ip-address": "10.2.200.4"},
        ],
    },
    "names": {
        "ddns-qualifying-suffix": "example.net",
        "hostname-char-set": "[^A-Za-z0-9.-]",
        "hostname-char-replacement": "x",
    },
    "override": {"ddns-override-no-update": True, "ddns-override-client-update": True},
    "replace": {"ddns-replace-client-name": "when-present", "ddns-generated-prefix": "box"},
    "always": {"ddns-replace-client-name": "always", "ddns-qualifying-suffix": "example.net"},
    "lenient": {"compatibility": {"lenient-option-parsing": True}},
}


def configuration(group: str) -> str:
    """The text of a group's configuration file."""
    return json.dumps({"Dhcp4": {**BASE, **GROUPS[group]}}, indent=1)
