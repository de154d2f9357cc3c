"""Kea 2.2.0 itself as the judge of what is a configuration of DHCPv6."""

from __future__ import annotations

from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.verdicts import IN_ADDITION, LAX, NEWER, Judges, Snippet, definition, differences, maps, option
from txkea.config.load import configuration6
from txkea.config.text import from_json


def subnet(text: str) -> str:
    """Members of a subnet as members of the global map."""
    return maps("subnet6", f'"id": 1, "subnet": "2001:db8::/32"{text and ", "}{text}')


def beside(text: str) -> str:
    """Members of a second subnet as members of the global map."""
    return maps("subnet6", '"id": 1, "subnet": "2001:db8::/32"', text)


def pools(*texts: str) -> str:
    """A subnet with pools of addresses as members of the global map."""
    return subnet(maps("pools", *(f'"pool": "{text}"' for text in texts)))


def prefixes(*texts: str) -> str:
    """A subnet with pools of prefixes as members of the global map."""
    return subnet(maps("pd-pools", *texts))


def both(pool: str, length: int) -> str:
    """A subnet with a pool of addresses and one of prefixes as members of the global map."""
    delegated = f'"prefix": "2001:db8::", "prefix-len": {length}, "delegated-len": 64'
    return subnet(maps("pools", f'"pool": "{pool}"') + ", " + maps("pd-pools", delegated))


PREFIXES: Final = '"prefix": "3000::", "prefix-len": 48, "delegated-len": 64'


def delegated(text: str = "") -> str:
    """A subnet with one pool of prefixes of 64 bits as members of the global map."""
    return prefixes(f"{PREFIXES}{text and ', '}{text}")


def reservation(*texts: str) -> str:
    """Members of reservations in one subnet as members of the global map."""
    return subnet(maps("reservations", *texts))


def network(text: str, *texts: str) -> str:
    """Members of a shared network, and of its subnets, as members of the global map."""
    inner = [f'"id": {n + 2}, "subnet": "300{n}::/64"{text and ", "}{text}' for n, text in enumerate(texts)]
    return maps("shared-networks", f'"name": "a"{text and ", "}{text}, {maps("subnet6", *inner)}')


COLONS: Final = "bytes may have colons between them, here as everywhere"
LATER: Final = "refused by name: a later issue builds it"

SNIPPETS: Final = [
    # Global.
    Snippet('"preferred-lifetime": 5000, "valid-lifetime": 4000'),
    Snippet('"valid-lifetime": 1000'),
    Snippet('"min-preferred-lifetime": 5000'),
    Snippet('"max-preferred-lifetime": 500'),
    Snippet('"min-preferred-lifetime": 500, "max-preferred-lifetime": 9000'),
    Snippet('"renew-timer": 900, "rebind-timer": 800'),
    Snippet('"calculate-tee-times": true, "t1-percent": 0.9', LAX),
    Snippet('"mac-sources": []'),
    Snippet('"mac-sources": ["foo"]'),
    Snippet('"mac-sources": ["duid", "duid"]'),
    Snippet('"mac-sources": ["rfc6939", "client-link-addr-option"]'),
    Snippet('"relay-supplied-options": []'),
    Snippet('"relay-supplied-options": ["foo"]'),
    Snippet('"relay-supplied-options": ["dns-servers", "23"]'),
    Snippet('"relay-supplied-options": ["0"]'),
    Snippet('"relay-supplied-options": ["65536"]'),
    Snippet('"relay-supplied-options": [""]'),
    Snippet('"data-directory": "/nonexistent"', "a directory is looked for by txkea check and when the server starts"),
    Snippet('"data-directory": "/tmp"'),
    Snippet('"data-directory": ""'),
    Snippet('"server-id": {}'),
    Snippet('"server-id": {"type": "LLT"}'),
    Snippet('"server-id": {"type": "UUID"}', "a DUID may be made of a UUID (RFC 6355)"),
    Snippet('"server-id": {"type": "llt"}'),
    Snippet('"server-id": {"type": "EN", "enterprise-id": 9, "identifier": "01:02"}', COLONS),
    Snippet('"server-id": {"type": "EN", "enterprise-id": 9, "identifier": "0102"}'),
    Snippet('"server-id": {"type": "EN", "enterprise-id": 9, "identifier": "xyz"}'),
    Snippet('"server-id": {"type": "EN", "enterprise-id": 9, "identifier": ""}'),
    Snippet('"server-id": {"type": "EN", "htype": 1}'),
    Snippet('"server-id": {"type": "LLT", "time": 4294967296}'),
    Snippet('"server-id": {"type": "LLT", "htype": 8, "identifier": "0102"}'),
    Snippet('"server-id": {"type": "LL", "identifier": "A65DC7410F05A65DC7410F05A65DC7410F05A65DC7410F05"}'),
    Snippet('"server-id": {"type": "LL", "comment": "a", "user-context": {}}'),
    Snippet('"server-id": {"enterprise-id": 9}'),
    Snippet('"server-id": {"type": "EN", "enterprise-id": 9, "identifier": "010"}'),
    Snippet('"server-id": {"type": "EN", "enterprise-id": 9, "identifier": "01 02"}'),
    Snippet('"host-reservation-identifiers": ["client-id"]'),
    Snippet('"host-reservation-identifiers": ["flex-id", "duid", "hw-address"]'),
    Snippet('"host-reservation-identifiers": ["duid", "duid"]'),
    Snippet('"host-reservation-identifiers": ["auto"]', IN_ADDITION),
    Snippet('"dhcp4o6-port": 786'),
    Snippet('"allow-address-registration": true', NEWER),
    Snippet('"pd-allocator": "random"', NEWER),
    Snippet('"allocator": "random"', NEWER),
    Snippet('"authoritative": true'),
    Snippet('"compatibility": {"lenient-option-parsing": true}'),
    Snippet('"compatibility": {"ignore-rai-link-selection": true}'),
    Snippet('"interface-id": "a"'),
    Snippet('"rapid-commit": true'),
    Snippet('"parked-packet-limit": 0'),
    Snippet('"sanity-checks": {"extended-info-checks": "fix"}', NEWER),
    Snippet('"server-tag": "x"'),
    Snippet('"store-extended-info": true', LATER),
    Snippet('"reservations": [{"duid": "010203", "ip-addresses": ["9999::1"]}], ' + subnet("")),
    Snippet('"subnet4": []'),
    Snippet(maps("subnet6", *(f'"id": {n}, "subnet": "300{n}::/64", {maps("pd-pools", PREFIXES)}' for n in (1, 2)))),
    Snippet('"host-reservation-identifiers": []'),
    Snippet('"t1-percent": 0.9, ' + subnet("")),
    Snippet('"calculate-tee-times": false, "t1-percent": 0.9, ' + subnet("")),
    Snippet('"valid-lifetime": 1000, "max-valid-lifetime": 500, ' + subnet("")),
    Snippet('"client-classes": [{"name": "a", "test": "member(\'ALL\')", "preferred-lifetime": 5}]'),
    Snippet('"client-classes": [{"name": "a", "next-server": "1.2.3.4"}]'),
    Snippet('"ddns-conflict-resolution-mode": "check-with-dhcid"', NEWER),
    Snippet('"reservations-global": true, "reservations-in-subnet": false'),
    Snippet('"hosts-database": {"type": "memfile"}', LATER),
    Snippet('"dhcp-queue-control": {"enable-queue": true, "queue-type": "kea-ring6"}'),
    Snippet('"dhcp-ddns": {"enable-updates": false, "server-ip": "::1", "sender-ip": "::2"}'),
    Snippet('"control-socket": {"socket-type": "unix", "socket-name": "/tmp/s"}'),
    Snippet('"subnet6": [{"subnet": "2001:db8::/32"}, {"subnet": "2001:db9::/32"}]'),
    Snippet('"subnet6": [{"id": 1}]'),
    Snippet('"subnet6": [{"id": 1, "subnet": ""}]'),
    Snippet('"user-context": {"a": 1}, "comment": "x"'),
    Snippet('"mac-sources": ["duid", "any"]'),
    Snippet('"mac-sources": ["docsis-cmts", "docsis-modem", "raw", "ipv6-link-local", "remote-id", "subscriber-id"]'),
    # Subnets.
    Snippet(subnet('"preferred-lifetime": 5000, "valid-lifetime": 4000')),
    Snippet(subnet('"min-preferred-lifetime": 5000')),
    Snippet(subnet('"t1-percent": 0.9')),
    Snippet(subnet('"t1-percent": 1.5')),
    Snippet(subnet('"t1-percent": 0.0')),
    Snippet(subnet('"interface": "lo", "interface-id": "a"')),
    Snippet(subnet('"interface": "lo", "interface-id": ""')),
    Snippet(subnet('"interface": "", "interface-id": "a"')),
    Snippet(subnet('"interface": "nope0"'), "interfaces are looked for by txkea check and when the server starts"),
    Snippet(subnet('"interface-id": ""')),
    Snippet(subnet('"interface-id": "a\\u00ff"')),
    Snippet(subnet('"rapid-commit": true')),
    Snippet(subnet('"rapid-commit": "a"')),
    Snippet(subnet('"relay": {"ip-address": "2001:db8::1"}')),
    Snippet(subnet('"relay": {"ip-addresses": ["192.0.2.1"]}')),
    Snippet(subnet('"relay": {"ip-addresses": ["2001:db8::1", "2001:db8::1"]}')),
    Snippet(subnet('"relay": {"ip-addresses": ["::"]}')),
    Snippet(subnet('"relay": {}'), "no relay is an empty list of relays"),
    Snippet(beside('"id": 1, "subnet": "2001:db9::/32"')),
    Snippet(beside('"id": 2, "subnet": "2001:db8::/32"')),
    Snippet(beside('"id": 2, "subnet": "2001:db8::/48"')),
    Snippet(beside('"id": 2, "subnet": "2001:db8::1/32"')),
    Snippet(beside('"id": 2, "subnet": "2001:0db8::/32"')),
    Snippet(beside('"id": 2, "subnet": "192.0.2.0/24"')),
    Snippet(beside('"id": 2, "subnet": "2001:db8::"')),
    Snippet(beside('"id": 2, "subnet": "2001:db8::/129"')),
    Snippet(beside('"id": 2, "subnet": "::/0"')),
    Snippet(beside('"id": 2, "subnet": "2001:db9::/0"')),
    Snippet(beside('"id": 2, "subnet": "::ffff:1.2.3.4/128"')),
    Snippet(beside('"id": 2, "subnet": " 2001:db9:: / 64 "')),
    Snippet(network("", '"interface-id": "x"', '"interface-id": "x"')),
    Snippet(subnet('"client-class": "a", "require-client-classes": ["b"]')),
    Snippet(subnet('"valid-lifetime": -1'), LAX),
    Snippet(subnet('"calculate-tee-times": true, "t1-percent": 0.5, "t2-percent": 0.5')),
    Snippet(subnet('"calculate-tee-times": false, "t1-percent": 0.9')),
    Snippet(subnet('"t2-percent": 1.0')),
    Snippet(subnet('"4o6-interface": "lo"')),
    Snippet(subnet('"option-data": [{"name": "dns-servers", "data": "2001:db8::1"}]')),
    Snippet(subnet('"interface-id": "abc", "relay": {"ip-addresses": ["2001:db8::1"]}')),
    # Pools of addresses.
    Snippet(pools("2001:db8::/112")),
    Snippet(pools("2001:db8::5/112")),
    Snippet(pools("2001:db8::9")),
    Snippet(pools("2001:db8::9-2001:db8::1")),
    Snippet(pools("2001:db9::/64")),
    Snippet(pools("2001::/16")),
    Snippet(pools("2001:db8::/64", "2001:db8::/112")),
    Snippet(pools("2001:db8::/129")),
    Snippet(pools("192.0.2.0/24")),
    Snippet(pools("2001:db8::1 - 2001:db8::9 ")),
    Snippet(pools("  2001:db8:: / 112")),
    Snippet(pools("2001:db8::1-2001:db8::9-2001:db8::10")),
    Snippet(subnet('"pools": [{"pool": "2001:db8::/64", "pool-id": 1}]'), NEWER),
    Snippet(subnet('"pools": [{}]')),
    Snippet(pools("2001:db8::1 - 2001:db8::9", "2001:db8::9 - 2001:db8::10")),
    Snippet(subnet('"pools": [{"pool": "2001:db8::/64", "client-class": "a"}]')),
    # Pools of prefixes.
    Snippet(prefixes('"prefix": "2001:db8::", "prefix-len": 48, "delegated-len": 64')),
    Snippet(prefixes('"prefix": "2001:db8::", "prefix-len": 64, "delegated-len": 48')),
    Snippet(prefixes('"prefix": "2001:db8::", "prefix-len": 48, "delegated-len": 48')),
    Snippet(prefixes('"prefix": "2001:db8::", "prefix-len": 48, "delegated-len": 129'), LAX),
    Snippet(prefixes('"prefix": "2001:db8::", "prefix-len": 48, "delegated-len": 128')),
    Snippet(prefixes('"prefix": "2001:db8::", "prefix-len": 0, "delegated-len": 64')),
    Snippet(prefixes('"prefix": "2001:db8::", "prefix-len": 48, "delegated-len": 0')),
    Snippet(prefixes('"prefix": "2001:db8::5", "prefix-len": 48, "delegated-len": 64')),
    Snippet(delegated()),
    Snippet(prefixes('"prefix": "192.0.2.0", "prefix-len": 48, "delegated-len": 64')),
    Snippet(prefixes('"prefix": "3000::", "prefix-len": 48')),
    Snippet(prefixes('"prefix": "3000::", "delegated-len": 48')),
    Snippet(prefixes('"prefix-len": 48, "delegated-len": 64')),
    Snippet(prefixes('"prefix": "", "prefix-len": 48, "delegated-len": 64')),
    Snippet(prefixes('"prefix": "ff00::", "prefix-len": 48, "delegated-len": 64')),
    Snippet(
        prefixes(
            '"prefix": "3000::", "prefix-len": 48, "delegated-len": 64',
            '"prefix": "3000::", "prefix-len": 56, "delegated-len": 64',
        )
    ),
    Snippet(
        prefixes(
            '"prefix": "3000::", "prefix-len": 48, "delegated-len": 64',
            '"prefix": "3000::", "prefix-len": 48, "delegated-len": 56',
        )
    ),
    Snippet(both("2001:db8::/64", 48)),
    Snippet(both("2001:db8::/48", 48)),
    Snippet(both("2001:db8::/48", 56)),
    Snippet(delegated('"excluded-prefix": "3000::", "excluded-prefix-len": 72')),
    Snippet(delegated('"excluded-prefix": "3000::", "excluded-prefix-len": 64')),
    Snippet(delegated('"excluded-prefix": "3000::", "excluded-prefix-len": 56')),
    Snippet(delegated('"excluded-prefix": "3000::", "excluded-prefix-len": 129')),
    Snippet(delegated('"excluded-prefix": "3000::"')),
    Snippet(delegated('"excluded-prefix-len": 72')),
    Snippet(delegated('"excluded-prefix-len": 0')),
    Snippet(delegated('"excluded-prefix": "::", "excluded-prefix-len": 0')),
    Snippet(delegated('"excluded-prefix": "3000:0:0:1:8000::", "excluded-prefix-len": 72')),
    Snippet(delegated('"excluded-prefix": "3000:0:0:0:8000::", "excluded-prefix-len": 72')),
    Snippet(delegated('"excluded-prefix": "0:0:0:0:8000::", "excluded-prefix-len": 72')),
    Snippet(delegated('"excluded-prefix": "192.0.2.1", "excluded-prefix-len": 72')),
    Snippet(delegated('"excluded-prefix": "", "excluded-prefix-len": 0')),
    Snippet(delegated('"client-class": "a", "require-client-classes": []')),
    Snippet(delegated('"pool-id": 1'), NEWER),
    # Shared networks.
    Snippet(subnet('"rapid-commit": true') + ", " + network("", "", '"rapid-commit": false')),
    Snippet(network("", '"rapid-commit": true', "")),
    Snippet(network('"rapid-commit": true', '"rapid-commit": true', "")),
    Snippet(network('"rapid-commit": true', '"rapid-commit": false')),
    Snippet(network('"rapid-commit": true', "")),
    Snippet(network('"rapid-commit": true', '"rapid-commit": false', '"rapid-commit": false')),
    Snippet(network("", '"rapid-commit": false', "")),
    Snippet(network('"interface": "lo"', '"interface-id": "x"')),
    Snippet(network('"interface": "lo", "interface-id": "x"', "")),
    Snippet(network('"interface-id": "x"', '"interface": "lo"')),
    Snippet(network('"interface-id": "x"', '"interface-id": "y"')),
    Snippet(network("", '"interface": "lo"', '"interface": "eth0"')),
    Snippet(network("", '"interface-id": "x"', '"interface-id": "y"')),
    Snippet(network("", '"interface": "lo"', '"interface-id": "y"')),
    Snippet(network('"relay": {"ip-addresses": ["2001:db8::1"]}')),
    Snippet('"shared-networks": [{"name": "a", "subnet4": []}]'),
    Snippet(network("", *[maps("pd-pools", PREFIXES)] * 2)),
    # Reservations.
    Snippet(reservation('"duid": "01:02:03", "ip-addresses": ["2001:db8::1"]')),
    Snippet(reservation('"duid": "01:02:03", "ip-addresses": ["2001:db9::1"]')),
    Snippet(reservation('"duid": "01:02:03", "ip-address": "2001:db8::1"')),
    Snippet(reservation('"duid": "01:02:03", "ip-addresses": ["192.0.2.1"]')),
    Snippet(reservation('"duid": "01:02:03", "ip-addresses": ["::"]')),
    Snippet(reservation('"duid": "01:02:03", "ip-addresses": ["ff02::1"]')),
    Snippet(reservation('"duid": "01:02:03", "ip-addresses": ["2001:db8::1", "2001:db8::1"]')),
    Snippet(reservation('"duid": "01:02:03", "ip-addresses": ["2001:db8::1", "2001:db8:0::1"]')),
    Snippet(reservation('"duid": "01:02:03", "prefixes": ["2001:db9::/64"]')),
    Snippet(reservation('"duid": "01:02:03", "prefixes": ["2001:db9::1/64"]')),
    Snippet(reservation('"duid": "01:02:03", "prefixes": ["2001:db9::"]')),
    Snippet(reservation('"duid": "01:02:03", "prefixes": ["2001:db9::/0"]'), LAX),
    Snippet(reservation('"duid": "01:02:03", "prefixes": ["2001:db9::/129"]')),
    Snippet(reservation('"duid": "01:02:03", "prefixes": ["::/64"]')),
    Snippet(reservation('"duid": "01:02:03", "prefixes": ["ff00::/64"]')),
    Snippet(reservation('"duid": "01:02:03", "prefixes": ["2001:db9::/64", "2001:db9::/64"]')),
    Snippet(reservation('"duid": "01:02:03", "prefixes": ["2001:db9::/64", "2001:db9::/56"]')),
    Snippet(reservation('"duid": "01:02:03", "hostname": ""'), NEWER),
    Snippet(reservation('"duid": "01:02:03"'), NEWER),
    Snippet(reservation('"duid": "01:02:03", "hostname": "a", "next-server": "1.2.3.4"')),
    Snippet(reservation('"client-id": "01:02:03", "hostname": "a"')),
    Snippet(reservation('"flex-id": "\'x\'", "hostname": "a"')),
    Snippet(
        reservation(
            '"hw-address": "01:02:03:04:05:06", "ip-addresses": ["2001:db8::1"]',
            '"duid": "010203", "ip-addresses": ["2001:db8::1"]',
        )
    ),
    Snippet(
        reservation(
            '"hw-address": "01:02:03:04:05:06", "prefixes": ["3000::/64"]',
            '"duid": "010203", "prefixes": ["3000::/64"]',
        )
    ),
    Snippet(
        reservation(
            '"hw-address": "01:02:03:04:05:06", "prefixes": ["3000::/64"]',
            '"duid": "010203", "prefixes": ["3000::/56"]',
        )
    ),
    Snippet(
        reservation('"duid": "010203", "prefixes": ["3000::/64"]', '"duid": "010203", "prefixes": ["3000:1::/64"]')
    ),
    Snippet(reservation('"duid": "0102", "hostname": "a"')),
    Snippet(reservation('"duid": "010203", "prefixes": ["3000::/64"], "excluded-prefixes": ["3000::/72"]'), NEWER),
    Snippet('"reservations": [{"duid": "010203", "hostname": "a", "client-classes": ["x"]}]'),
    Snippet(
        '"reservations": [{"duid": "010203", "hostname": "a", "option-data": [{"name": "dns-servers", "data": "::1"}]}]'
    ),
    Snippet('"reservations": [{"hw-address": "01:02:03:04:05:06", "duid": "010203", "hostname": "a"}]'),
    Snippet('"reservations": [{"duid": "xyz", "hostname": "a"}]'),
    Snippet('"reservations": [{"duid": "\'abc\'", "hostname": "a"}]'),
    Snippet('"reservations": [{"duid": "0x010203", "hostname": "a"}]'),
    Snippet(maps("reservations", *(f'"duid": "{n}", "prefixes": ["2001:db8::/64"]' for n in ("01", "02")))),
    Snippet(maps("reservations", *(f'"duid": "{n}", "ip-addresses": ["2001:db8::1"]' for n in ("01", "02")))),
    Snippet(
        '"ip-reservations-unique": false, '
        + reservation(*(f'"duid": "{n}", "ip-addresses": ["2001:db8::1"]' for n in ("01", "02")))
    ),
    Snippet(
        '"ip-reservations-unique": false, '
        + reservation('"duid": "010203", "ip-addresses": ["2001:db8::1", "2001:db8::1"]')
    ),
    Snippet(
        reservation('"duid": "010203", "prefixes": ["3000::/56"]', '"duid": "010204", "prefixes": ["3000:0:0:1::/64"]')
    ),
    Snippet(reservation('"duid": "010203", "ip-addresses": ["2001:db8::1"], "prefixes": ["2001:db8::1/128"]')),
    # Options.
    Snippet(
        '"relay-supplied-options": ["own"], "option-def": [{"name": "own", "code": 300, "type": "uint8"}]',
        "the operator's own options have names too",
    ),
    Snippet(option('"name": "dns-servers", "data": "192.0.2.1"')),
    Snippet(option('"name": "dns-servers"')),
    Snippet(option('"name": "dns-server", "data": "::1"')),
    Snippet(option('"code": 23, "data": "::1"')),
    Snippet(option('"code": 23, "csv-format": false, "data": "20010db8000000000000000000000001"')),
    Snippet(option('"code": 23, "csv-format": false, "data": "2001"')),
    Snippet(option('"code": 65536, "csv-format": false, "data": "2001"')),
    Snippet(option('"code": 65535, "csv-format": false, "data": "2001"')),
    Snippet(option('"code": 0, "csv-format": false, "data": "2001"')),
    Snippet(option('"code": 2345, "data": "2001"')),
    Snippet(option('"name": "domain-search", "data": "a.example, b.example"')),
    Snippet(
        maps(
            "option-data",
            '"name": "vendor-opts", "data": "4491"',
            '"name": "tftp-servers", "space": "vendor-4491", "data": "3000::1"',
        )
    ),
    Snippet(option('"name": "bootfile-param", "data": "root=/dev/sda2, quiet, splash"')),
    Snippet(option('"name": "preference", "data": "256"')),
    Snippet(option('"name": "rapid-commit"')),
    Snippet(option('"name": "pd-exclude", "data": "2001:db8::/64"')),
    Snippet(option('"name": "vendor-class", "data": "4491, 0a0b"')),
    Snippet(option('"name": "status-code", "data": "2, text"')),
    Snippet(option('"name": "new-posix-timezone", "data": "EST5EDT4\\\\,M3.2.0/02:00\\\\,M11.1.0/02:00"')),
    Snippet(
        maps(
            "option-data",
            '"name": "s46-cont-mape"',
            '"name": "s46-br", "space": "s46-cont-mape-options", "data": "2001:db8::1"',
        )
    ),
    Snippet(
        maps(
            "option-data",
            '"name": "s46-rule", "space": "s46-cont-mape-options", "data": "128, 0, 24, 192.0.2.0, 2001:db8::/32"',
            '"name": "s46-portparams", "space": "s46-rule-options", "data": "0, 3/4"',
        )
    ),
    Snippet(option('"name": "dns-servers", "data": "::1", "never-send": true'), NEWER),
    Snippet(option('"name": "captive-portal", "data": "http://a"')),
    Snippet(option('"name": "v6-captive-portal", "data": "http://a"')),
    Snippet(option('"name": "ntp-server", "data": ""'), NEWER),
    Snippet(option('"name": "v6-dnr", "data": "1, a.example."'), NEWER),
    Snippet(option('"name": "routers", "space": "dhcp4", "data": "192.0.2.1"')),
    Snippet(option('"code": 224, "csv-format": false, "data": "01"')),
    Snippet(option('"name": "x", "data": "7"', '"name": "x", "code": 224, "type": "uint8"')),
    Snippet(
        option('"name": "x", "data": "::1, ::2"', '"name": "x", "code": 300, "type": "ipv6-address", "array": true')
    ),
    Snippet(option('"name": "x", "data": "2001:db8::/32"', '"name": "x", "code": 300, "type": "ipv6-prefix"')),
    Snippet(
        option(
            '"name": "x", "data": "1, ::2, abc"',
            '"name": "x", "code": 300, "type": "record", "record-types": "uint16, ipv6-address, string"',
        )
    ),
    Snippet(option('"name": "x", "data": "3/4"', '"name": "x", "code": 300, "type": "psid"')),
    Snippet(option('"name": "x", "data": "abc"', '"name": "x", "code": 300, "type": "tuple"')),
    Snippet(option('"name": "x", "data": "a.b"', '"name": "x", "code": 300, "type": "fqdn"')),
    Snippet(option('"name": "x", "data": "a.b, c"', '"name": "x", "code": 300, "type": "fqdn", "array": true')),
    Snippet(definition('"name": "dns-servers", "code": 300, "type": "uint8"')),
    Snippet(definition('"name": "x", "code": 23, "type": "uint8"')),
    Snippet(definition('"name": "x", "code": 65535, "type": "uint8"')),
    Snippet(definition('"name": "x", "code": 65536, "type": "uint8"')),
    Snippet(definition('"name": "x", "code": 255, "type": "uint8"')),
    Snippet(definition('"name": "x", "code": 0, "type": "uint8"')),
    Snippet(definition('"name": "x", "code": 43, "type": "uint8"')),
    Snippet(definition('"name": "x", "code": 35, "type": "uint8"')),
    Snippet(definition('"name": "x", "code": 300, "type": "empty", "encapsulate": "dhcp6"')),
    Snippet(definition('"name": "x", "code": 300, "type": "uint8", "space": "dhcp4"')),
    Snippet(definition('"name": "x", "code": 300, "type": "uint8", "space": "vendor-9"')),
    Snippet('"option-def": [{"name": "x", "code": 300, "type": "uint8"}, {"name": "x", "code": 301, "type": "uint8"}]'),
    Snippet('"option-def": [{"name": "x", "code": 300, "type": "uint8"}, {"name": "y", "code": 300, "type": "uint8"}]'),
    Snippet('"client-classes": [{"name": "a", "option-def": []}]'),
    Snippet(option('"name": "user-class", "data": "0102"')),
    Snippet(option('"name": "user-class", "data": ""')),
    Snippet(option('"name": "vendor-class", "data": "4491, 00020102"')),
    Snippet(option('"name": "vendor-class", "data": "4491"')),
    Snippet(option('"name": "vendor-class", "csv-format": false, "data": "000011890102"')),
    Snippet(option('"name": "vendor-class", "csv-format": false, "data": "0000118900020102"')),
    Snippet(option('"name": "vendor-class", "data": "4491, 0001020001"')),
    Snippet(option('"name": "remote-id", "data": "4491, 0102"')),
    Snippet(option('"name": "client-fqdn", "data": "1, a.b"')),
    Snippet(option('"name": "geoconf-civic", "data": "1,2,00"')),
    Snippet(option('"name": "rdnss-selection", "data": "2001:db8::1, 3, a.b"')),
    Snippet(option('"name": "iaprefix", "data": "1,2,64,2001:db8::"')),
    Snippet(option('"name": "erp-local-domain-name", "data": "a.b"')),
    Snippet(option('"name": "s46-br", "data": "::1", "space": "s46-cont-lw-options"')),
    Snippet(option('"name": "s46-dmr", "data": "2001:db8::/64", "space": "s46-cont-mapt-options"')),
    Snippet(option('"name": "s46-v4v6bind", "data": "192.0.2.1, 2001:db8::/64", "space": "s46-cont-lw-options"')),
    Snippet(option('"name": "bootfile-param", "data": ""')),
    Snippet(option('"name": "device-type", "data": "a", "space": "vendor-4491"')),
    Snippet(option('"name": "4o6-interface", "data": "a", "space": "vendor-2495"')),
    Snippet(option('"code": 5, "space": "vendor-9", "csv-format": false, "data": "00"')),
    Snippet(option('"code": 5, "space": "nope", "csv-format": false, "data": "00"')),
    Snippet(option('"name": "dns-servers", "code": 24, "data": "::1"')),
    Snippet('"option-data": [{"name": "dns-servers", "data": "::1"}, {"name": "dns-servers", "data": "::2"}]'),
    Snippet(option('"name": "dns-servers", "data": "::1,"'), "the comma separates nothing"),
    Snippet(option('"name": "sip-server-addr", "data": "::1, 2"')),
]


RICH: Final[dict[str, Any]] = {
    "valid-lifetime": 4000,
    "preferred-lifetime": 3000,
    "min-preferred-lifetime": 2000,
    "server-id": {"type": "EN", "enterprise-id": 2495, "identifier": "0A0B0C", "persist": False},
    "mac-sources": ["duid", "rfc6939"],
    "relay-supplied-options": ["110", "dns-servers"],
    "host-reservation-identifiers": ["duid"],
    "option-def": [{"name": "own", "code": 300, "type": "record", "record-types": "uint8, ipv6-address"}],
    "option-data": [{"name": "dns-servers", "data": "2001:db8::1"}, {"code": 300, "data": "1, 2001:db8::2"}],
    "reservations": [{"flex-id": "'a'", "ip-addresses": ["2001:db8:ffff::1"]}],
    "subnet6": [
        {
            "id": 5,
            "subnet": "2001:db8:1::/48",
            "interface-id": "port7",
            "rapid-commit": True,
            "valid-lifetime": 5000,
            "relay": {"ip-addresses": ["2001:db8::9"]},
            "pools": [{"pool": "2001:db8:1::/112"}, {"pool": "2001:db8:1:1::a-2001:db8:1:1::f"}],
            "pd-pools": [
                {
                    "prefix": "2001:db8:8::",
                    "prefix-len": 48,
                    "delegated-len": 64,
                    "excluded-prefix": "2001:db8:8::",
                    "excluded-prefix-len": 72,
                },
                {"prefix": "2001:db8:9::", "prefix-len": 48, "delegated-len": 56},
            ],
            "reservations": [
                {
                    "duid": "01:02:03:04:05",
                    "ip-addresses": ["2001:db8:1::9", "2001:db8:1::a"],
                    "prefixes": ["2001:db8:7::/56"],
                    "hostname": "h",
                    "option-data": [{"name": "nis-servers", "data": "2001:db8::3"}],
                },
                {"hw-address": "01:02:03:04:05:06", "hostname": "i", "user-context": {"a": 1}},
            ],
        },
    ],
    "shared-networks": [
        {
            "name": "n",
            "interface-id": "abc",
            "rapid-commit": True,
            "renew-timer": 100,
            "subnet6": [{"id": 7, "subnet": "2001:db8:3::5/48"}, {"id": 8, "subnet": "2001:db8:4::/48"}],
        }
    ],
}

OTHERWISE: Final = {
    "control-socket": "control-sockets now",
    "ddns-use-conflict-resolution": "ddns-conflict-resolution-mode now",
    "dhcp-ddns.sender-ip": "nothing is said of what nobody chose",
    "data-directory": "the test's own",
    "parked-packet-limit": "another default, for more is counted",
    "reservations[0].flex-id": "as it was written, not in hexadecimal",
}
SERVED: Final = {"interfaces-config": {"interfaces": []}, "lease-database": {"type": "memfile", "persist": False}}


class Oracle(SynchronousTestCase):
    """Both judge alike."""

    def test_snippets(self) -> None:
        """What Kea accepts is accepted, what it refuses is refused, but for a list of differences with reasons."""
        self.assertEqual(Judges(6, self.mktemp()).disagreements(SNIPPETS), {})

    def test_effective(self) -> None:
        """The effective configuration has all that Kea's has, with the same values, but for a list with reasons."""
        found: set[str] = set()
        for keywords in (RICH, {}):
            kea = Judges(6, self.mktemp()).effective(keywords)
            ours = configuration6(from_json({"Dhcp6": {**keywords, **SERVED}})).tree["Dhcp6"]
            found.update(differences(kea, ours))
        self.assertEqual(found, set(OTHERWISE))
