"""The configurations that Kea's and txkea's DHCPv6 servers are both started with, as data."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.real.dialect6 import ll, text_duid

__all__ = ["GROUPS", "HOST", "configuration", "host"]

Tree = dict[str, Any]
HOST: Final = bytes((2, 7, 0, 0, 0))
"""Begins the hardware address of a client with a reservation in subnet 7."""


def host(number: int) -> bytes:
    """The DUID of a client with a reservation in subnet 7."""
    return ll(HOST + bytes((number,)))


def data(name: str, value: str, **more: Any) -> Tree:
    return {"name": name, "data": value, **more}


def always(name: str, value: str, **more: Any) -> Tree:
    return data(name, value, **{"always-send": True, **more})


def subnet(number: int, **more: Any) -> Tree:
    """Subnet 2001:db8:NUMBER::/48 with a pool of addresses, and one of 2^24 prefixes of 56 bits."""
    return {
        "id": number,
        "subnet": f"2001:db8:{number}::/48",
        "pools": [{"pool": f"2001:db8:{number}:1::/64"}],
        "pd-pools": [{"prefix": f"3001:{number}::", "prefix-len": 32, "delegated-len": 56}],
        **more,
    }


def reserved(number: int, *addresses: str, prefixes: Any = (), **more: Any) -> Tree:
    return {
        "duid": text_duid(host(number)),
        "ip-addresses": [f"2001:db8:7:{each}" for each in addresses],
        "prefixes": list(prefixes),
        **more,
    }


RESERVATIONS: Final = [
    reserved(1, "1::aaa1", hostname="in-pool"),
    reserved(2, "9::2", hostname="out.of.pool.example.net"),
    reserved(3, "9::31", "9::32", prefixes=("3001:7:aa00:100::/56", "3002:7::/48")),
    {"hw-address": "02:07:00:00:00:04", "ip-addresses": ["2001:db8:7:9::4"]},
    reserved(5, **{"option-data": [data("dns-servers", "2001:db8::75"), always("sntp-servers", "2001:db8::76")]}),
    reserved(6, hostname="only-a-name"),
    reserved(7, prefixes=("3001:7:ff:ee00::/56",)),
    reserved(8, "1::aaa8", hostname="dotted.example.com."),
    {"hw-address": "02:07:00:00:00:09", "ip-addresses": ["2001:db8:7:1::aaa9"], "prefixes": ["3003:7:9::/48"]},
    reserved(9, "1::bbb9"),
    {"hw-address": "02:07:00:00:00:0a", "ip-addresses": ["2001:db8:7:9::a"]},
    {"hw-address": "02:08:00:00:00:01", "ip-addresses": ["2001:db8:7:8::1"], "hostname": "by-duid"},
    {"hw-address": "00:08:00:00:00:02", "ip-addresses": ["2001:db8:7:8::2"], "hostname": "by-link-local"},
    {"hw-address": "02:08:00:00:00:03", "ip-addresses": ["2001:db8:7:8::3"], "hostname": "by-79"},
    {"hw-address": "02:08:00:00:00:04", "ip-addresses": ["2001:db8:7:8::4"], "hostname": "by-remote-id"},
    {"hw-address": "02:08:00:00:00:05", "ip-addresses": ["2001:db8:7:8::5"], "hostname": "by-modem"},
    {"hw-address": "02:08:00:00:00:06", "ip-addresses": ["2001:db8:7:8::6"], "hostname": "by-cmts"},
    {"hw-address": "02:08:00:00:00:07", "ip-addresses": ["2001:db8:7:8::7"], "hostname": "by-subscriber"},
    {"hw-address": "02:08:00:00:00:08", "ip-addresses": ["2001:db8:7:8::8"], "hostname": "by-local-link-local"},
]

DEFINITIONS: Final = [
    {"name": "colour", "code": 1222, "type": "string"},
    {"name": "novel", "code": 1223, "type": "string"},
    {"name": "triple", "code": 1224, "type": "record", "record-types": "uint8, ipv6-address, string"},
    {"name": "numbers", "code": 1225, "type": "uint16", "array": True},
    {"name": "container", "code": 1226, "type": "empty", "encapsulate": "inner"},
    {"name": "inner-one", "code": 1, "type": "uint32", "space": "inner"},
    {"name": "inner-two", "code": 2, "type": "ipv6-address", "space": "inner", "array": True},
    {"name": "flag", "code": 1227, "type": "boolean"},
    {"name": "network", "code": 1228, "type": "ipv6-prefix"},
    {"name": "firmware", "code": 5, "type": "string", "space": "vendor-9999"},
    {"name": "insistent", "code": 6, "type": "string", "space": "vendor-9999"},
]

OPTIONS: Final = [
    data("dns-servers", "2001:db8::53, 2001:db8::54"),
    data("domain-search", "one.example.org, two.example.org"),
    data("sntp-servers", "2001:db8::123"),
    data("sip-server-dns", "sip.example.org, voice.example.org"),
    data("sip-server-addr", "2001:db8::60"),
    data("nis-servers", "2001:db8::27"),
    data("nis-domain-name", "nis.example.org"),
    data("unicast", "2001:db8:f::1"),
    data("information-refresh-time", "3600"),
    {"code": 82, "data": "00000078", "csv-format": False},
    {"code": 83, "data": "00001C20", "csv-format": False},
    data("new-posix-timezone", "EST5EDT4"),
    data("new-tzdb-timezone", "Europe/Zurich"),
    data("bootfile-url", "tftp://[2001:db8::69]/boot.img"),
    data("bootfile-param", "root=/dev/nfs, ro"),
    data("v6-captive-portal", "https://portal.example.org/"),
    data("aftr-name", "aftr.example.org"),
    data("pana-agent", "2001:db8::40"),
    data("v6-lost", "lost.example.org"),
    data("erp-local-domain-name", "erp.example.org"),
    data("colour", "blue"),
    data("novel", "It was a dark and stormy night; " * 13),
    data("triple", "7, 2001:db8::224, three"),
    data("numbers", "1, 513, 65535"),
    data("container", ""),
    data("inner-one", "305419896", space="inner"),
    data("inner-two", "2001:db8::1, 2001:db8::2", space="inner"),
    data("flag", "true"),
    data("network", "2001:db8:77::/48"),
    {"code": 1230, "data": "c0ffee", "csv-format": False},
    data("tftp-servers", "2001:db8::44", space="vendor-4491", code=32),
    data("config-file", "modem.cfg", space="vendor-4491", code=33),
    data("firmware", "v1", space="vendor-9999"),
    always("insistent", "yes", space="vendor-9999"),
    {"code": 7, "data": "200"},
    data("s46-cont-mape", ""),
    data("s46-rule", "1, 16, 24, 192.0.2.0, 2001:db8:8000::/40", space="s46-cont-mape-options"),
    data("s46-portparams", "2, 3/4", space="s46-rule-options"),
    data("s46-br", "2001:db8:cafe::1", space="s46-cont-mape-options"),
    data("s46-cont-mapt", ""),
    data("s46-rule", "1, 16, 24, 192.0.2.0, 2001:db8:8000::/40", space="s46-cont-mapt-options"),
    data("s46-dmr", "2001:db8:cafe::/64", space="s46-cont-mapt-options"),
    data("s46-cont-lw", ""),
    data("s46-br", "2001:db8:3333::1", space="s46-cont-lw-options"),
    data("s46-v4v6bind", "192.0.2.7, 2001:db8:9999::/64", space="s46-cont-lw-options"),
]

CAMPUS: Final = {
    "name": "campus",
    "interface-id": "campus-port",
    "relay": {"ip-addresses": ["2001:db8:c::c"]},
    "option-data": [data("dns-servers", "2001:db8::5"), data("colour", "red")],
    "subnet6": [
        subnet(
            5,
            pools=[{"pool": "2001:db8:5:1::1 - 2001:db8:5:1::2"}],
            **{"pd-pools": [{"prefix": "3001:5::", "prefix-len": 55, "delegated-len": 56}]},
        ),
        subnet(6, **{"option-data": [data("dns-servers", "2001:db8::6")]}),
    ],
}

TEN: Final = {
    **subnet(10),
    "valid-lifetime": 3000,
    "preferred-lifetime": 2000,
    "renew-timer": 700,
    "rebind-timer": 1400,
    "option-data": [
        data("dns-servers", "2001:db8:10::53"),
        data("domain-search", "ten.example.org"),
        always("sntp-servers", "2001:db8:10::123"),
        always("preference", "77"),
    ],
    "pools": [
        {
            "pool": "2001:db8:10:1::/64",
            "option-data": [data("domain-search", "pool.ten.example.org"), data("colour", "green")],
        },
        {"pool": "2001:db8:10:2::/64", "option-data": [data("colour", "gold")]},
    ],
    "pd-pools": [
        {
            "prefix": "3001:10::",
            "prefix-len": 32,
            "delegated-len": 56,
            "option-data": [data("colour", "purple"), data("nis-domain-name", "pd.example.org")],
        }
    ],
}

BASE: Final[Tree] = {
    "interfaces-config": {"interfaces": ["eth0", "eth0/2001:db8:1::1", "eth1", "eth1/2001:db8:f::1", "eth2"]},
    "multi-threading": {"enable-multi-threading": False},
    "server-id": {"type": "EN", "enterprise-id": 2496, "identifier": "C0FFEE0123456789", "persist": False},
    "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0},
    "expired-leases-processing": {"reclaim-timer-wait-time": 0, "flush-reclaimed-timer-wait-time": 0},
    "preferred-lifetime": 3000,
    "valid-lifetime": 4000,
    "renew-timer": 1000,
    "rebind-timer": 2000,
    "decline-probation-period": 3600,
    "option-def": DEFINITIONS,
    "option-data": OPTIONS,
    "shared-networks": [CAMPUS],
    "subnet6": [
        subnet(1, interface="eth0", **{"rapid-commit": True}),
        subnet(2, **{"rapid-commit": True}),
        subnet(3),
        subnet(
            4,
            pools=[{"pool": "2001:db8:4:1::1 - 2001:db8:4:1::2"}],
            **{"pd-pools": [{"prefix": "3001:4::", "prefix-len": 55, "delegated-len": 56}]},
        ),
        subnet(7, reservations=RESERVATIONS),
        subnet(8, pools=[], **{"pd-pools": []}),
        subnet(9, interface="eth2"),
        TEN,
        subnet(11, **{"interface-id": "port-11"}),
        subnet(
            12,
            **{
                "preferred-lifetime": 3000,
                "min-preferred-lifetime": 1000,
                "max-preferred-lifetime": 5000,
                "valid-lifetime": 4000,
                "min-valid-lifetime": 2000,
                "max-valid-lifetime": 8000,
            },
        ),
        subnet(
            13,
            **{
                "pd-pools": [
                    {
                        "prefix": "3001:13::",
                        "prefix-len": 32,
                        "delegated-len": 56,
                        "excluded-prefix": "3001:13:0:80::",
                        "excluded-prefix-len": 60,
                    },
                    {"prefix": "3004:13::", "prefix-len": 40, "delegated-len": 48},
                    {"prefix": "3005:13::", "prefix-len": 48, "delegated-len": 64},
                ]
            },
        ),
        subnet(14, relay={"ip-addresses": ["2001:db8:c::14", "2001:db8:c::15"]}),
        subnet(15, **{"valid-lifetime": 4294967295, "preferred-lifetime": 4294967295}),
        subnet(16, pools=[]),
        subnet(17, **{"pd-pools": []}),
        subnet(18, **{"calculate-tee-times": True, "t1-percent": 0.4, "t2-percent": 0.8}),
        subnet(19, **{"renew-timer": 2500, "rebind-timer": 4500}),
    ],
    "loggers": [
        {"name": "kea-dhcp6", "severity": "INFO", "output_options": [{"output": "@DIRECTORY@/server.log"}]},
    ],
}

GROUPS: Final[dict[str, Tree]] = {
    "main": {},
    "global": {
        "reservations-global": True,
        "reservations-in-subnet": False,
        "host-reservation-identifiers": ["hw-address", "duid"],
        "reservations": [
            {"duid": "00:03:00:01:02:0d:00:00:00:01", "ip-addresses": ["2001:db8:2:9::1"], "hostname": "global-host"},
            {"duid": "00:03:00:01:02:0d:00:00:00:02", "option-data": [data("colour", "global")]},
            {"duid": "00:03:00:01:02:0d:00:00:00:03", "prefixes": ["3001:2:ff00:0::/56"]},
            {"hw-address": "02:0d:00:00:00:01", "hostname": "hardware-first"},
            {"hw-address": "02:0d:00:00:00:04", "ip-addresses": ["2001:db8:2:9::4"]},
        ],
    },
    "times": {
        "preferred-lifetime": 0,
        "valid-lifetime": 7200,
        "renew-timer": 0,
        "rebind-timer": 0,
        "calculate-tee-times": True,
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
    "rsoo": {"relay-supplied-options": ["dns-servers", "1222", "110", "bootfile-url"]},
    "by duid": {"mac-sources": ["duid"]},
    "by link-local": {"mac-sources": ["ipv6-link-local"]},
    "by 79": {"mac-sources": ["rfc6939"]},
    "by remote-id": {"mac-sources": ["remote-id"]},
    "by modem": {"mac-sources": ["docsis-modem", "raw"]},
    "by cmts": {"mac-sources": ["docsis-cmts", "subscriber-id"]},
}


def configuration(group: str) -> str:
    """The text of a group's configuration file."""
    return json.dumps({"Dhcp6": {**BASE, **GROUPS[group]}}, indent=1)
