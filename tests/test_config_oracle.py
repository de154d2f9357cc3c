"""Kea 2.2.0 itself as the judge of what is a configuration."""

from __future__ import annotations

from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.verdicts import IN_ADDITION, LAX, NEWER, Judges, Snippet, definition, maps, option


def subnet(text: str) -> str:
    """Members of a subnet as members of the global map."""
    return maps("subnet4", f'"id": 1, "subnet": "192.0.2.0/24"{text and ", "}{text}')


def reservation(*texts: str) -> str:
    """Members of reservations in one subnet as members of the global map."""
    return subnet(maps("reservations", *texts))


SNIPPETS: Final = [
    Snippet('"valid-lifetime": 4000'),
    Snippet('"valid-lifetime": "4000"'),
    Snippet('"valid-lifetime": -1', LAX),
    Snippet('"valid-lifetime": 4294967295'),
    Snippet('"valid-lifetime": 4294967296', LAX),
    Snippet('"valid-lifetime": 4000,'),
    Snippet('"valid-lifetime": 4000, "valid-lifetime": 4000'),
    Snippet('"valid-lifetime": 04000', "Kea 3.1.9 refuses leading zeros"),
    Snippet('"valid-lifetime": 4e3'),
    Snippet('"valid-lifetme": 4000'),
    Snippet('"min-valid-lifetime": 8000'),
    Snippet('"min-valid-lifetime": 1000, "max-valid-lifetime": 9000'),
    Snippet('"max-valid-lifetime": 7000'),
    Snippet('"renew-timer": 900, "rebind-timer": 800'),
    Snippet('"calculate-tee-times": true, "t1-percent": .4, "t2-percent": .7'),
    Snippet('"t1-percent": 1', "a whole number is a number too"),
    Snippet('"t1-percent": 1.5', LAX),
    Snippet('"authoritative": True'),
    Snippet('"authoritative": "true"'),
    Snippet('"next-server": "192.0.2.1"'),
    Snippet('"next-server": "192.0.2.256"', LAX),
    Snippet('"next-server": ""'),
    Snippet(f'"server-hostname": "{"h" * 63}"'),
    Snippet(f'"server-hostname": "{"h" * 64}"', LAX),
    Snippet(f'"boot-file-name": "{"b" * 128}"', LAX),
    Snippet('"boot-file-name": "\\u00e9"'),
    Snippet('"boot-file-name": "\\u20ac"', "any character of JSON may be escaped"),
    Snippet('"echo-client-id": false, "match-client-id": false'),
    Snippet('"decline-probation-period": 0'),
    Snippet('"host-reservation-identifiers": ["duid", "hw-address"]'),
    Snippet('"host-reservation-identifiers": ["duid", "duid"]'),
    Snippet('"host-reservation-identifiers": ["auto", "duid"]'),
    Snippet('"host-reservation-identifiers": []'),
    Snippet('"user-context": {"a": [1, null, {"b": .5}]}, "comment": "c"'),
    Snippet('"user-context": "a"'),
    Snippet('"reservation-mode": "global"'),
    Snippet('"reservation-mode": "global", "reservations-global": true'),
    Snippet('"reservation-mode": "none"'),
    Snippet('"offer-lifetime": 60', NEWER),
    Snippet('"allocator": "random"', NEWER),
    Snippet('"sanity-checks": {"lease-checks": "fix-del"}'),
    Snippet('"sanity-checks": {"lease-checks": "fix-all"}'),
    Snippet('"compatibility": {"lenient-option-parsing": true}'),
    Snippet('"cache-threshold": .25, "cache-max-age": 600'),
    Snippet('"ddns-replace-client-name": "when-present"'),
    Snippet('"ddns-replace-client-name": "sometimes"'),
    Snippet('"ddns-conflict-resolution-mode": "no-check-with-dhcid"', NEWER),
    Snippet('"dhcp-ddns": {"enable-updates": false, "qualifying-suffix": "a."}'),
    Snippet('"dhcp-ddns": {"enable-updates": false, "ncr-protocol": "TCP"}'),
    Snippet('"dhcp-ddns": {"enable-updates": false, "server-ip": "::1", "sender-ip": "192.0.2.1"}'),
    Snippet('"dhcp-ddns": {"enable-updates": false, "always-include-fqdn": true}', IN_ADDITION),
    Snippet('"control-socket": {"socket-type": "unix", "socket-name": "/tmp/s"}'),
    Snippet('"control-socket": {"socket-type": "tcp", "socket-name": "/tmp/s"}', LAX),
    Snippet('"control-socket": {"socket-type": "unix"}', LAX),
    Snippet('"control-sockets": [{"socket-type": "unix", "socket-name": "/tmp/s"}]', NEWER),
    Snippet('"expired-leases-processing": {"max-reclaim-leases": 0, "hold-reclaimed-time": 0}'),
    Snippet('"expired-leases-processing": {"max-reclaim-time": 65536}'),
    Snippet('"loggers": [{"name": "kea-dhcp4", "output_options": [{"output": "stdout"}], "severity": "DEBUG"}]'),
    Snippet('"loggers": [{"name": "kea-dhcp4", "severity": "LOUD"}]', LAX),
    Snippet('"loggers": [{"severity": "INFO"}]', LAX),
    # Subnets.
    Snippet(subnet('"next-server": "192.0.2.256"')),
    Snippet(subnet(f'"server-hostname": "{"h" * 64}"')),
    Snippet('"calculate-tee-times": true, "t1-percent": 1.5, ' + subnet("")),
    Snippet(subnet("")),
    Snippet('"subnet4": [{"subnet": "192.0.2.0/24"}, {"subnet": "192.0.3.0/24"}]'),
    Snippet('"subnet4": [{"id": 1, "subnet": "192.0.2.0/24"}, {"id": 1, "subnet": "192.0.3.0/24"}]'),
    Snippet('"subnet4": [{"id": 1, "subnet": "192.0.2.0/24"}, {"id": 2, "subnet": "192.0.2.0/24"}]'),
    Snippet('"subnet4": [{"id": 1, "subnet": "192.0.2.1/24"}, {"id": 2, "subnet": "192.0.2.2/24"}]'),
    Snippet('"subnet4": [{"id": 4294967295, "subnet": "192.0.2.0/24"}]'),
    Snippet('"subnet4": [{"id": 1, "subnet": "192.0.2.0"}]'),
    Snippet('"subnet4": [{"id": 1, "subnet": "192.0.2.0/33"}]'),
    Snippet('"subnet4": [{"id": 1, "subnet": "2001:db8::/64"}]'),
    Snippet('"subnet4": [{"id": 1}]'),
    Snippet(subnet('"pools": [{"pool": "192.0.2.1-192.0.2.9"}, {"pool": " 192.0.2.16/28 "}]')),
    Snippet(subnet('"pools": [{"pool": "192.0.2.1-192.0.2.9"}, {"pool": "192.0.2.9-192.0.2.10"}]')),
    Snippet(subnet('"pools": [{"pool": "192.0.2.9-192.0.2.1"}]')),
    Snippet(subnet('"pools": [{"pool": "192.0.2.9"}]')),
    Snippet(subnet('"pools": [{"pool": "192.0.3.0/28"}]')),
    Snippet(subnet('"pools": [{"pool": "192.0.0.0/16"}]')),
    Snippet(subnet('"pools": [{}]')),
    Snippet(subnet('"relay": {"ip-address": "192.0.3.1"}')),
    Snippet(subnet('"relay": {"ip-addresses": ["192.0.3.1", "192.0.3.2"]}')),
    Snippet(subnet('"relay": {"ip-addresses": ["192.0.3.1"], "ip-address": "192.0.3.1"}')),
    Snippet(subnet('"relay": {"ip-addresses": ["2001:db8::1"]}')),
    Snippet(subnet('"interface-id": "a"'), IN_ADDITION),
    Snippet(subnet('"preferred-lifetime": 5')),
    Snippet('"shared-networks": [{"name": "a"}, {"name": "b", "subnet4": []}]'),
    Snippet('"shared-networks": [{"name": "a"}, {"name": "a"}]'),
    Snippet('"shared-networks": [{"subnet4": []}]'),
    Snippet('"shared-networks": [{"name": ""}]'),
    # Reservations.
    Snippet(reservation('"hw-address": "1:2:3:4:5:6", "ip-address": "192.0.2.1"')),
    Snippet(reservation('"hw-address": "010203040506", "hostname": "a"')),
    Snippet(reservation('"circuit-id": "\'a b\'", "hostname": "a"')),
    Snippet(reservation('"circuit-id": "\'\'", "hostname": "a"')),
    Snippet(reservation('"client-id": "xyz", "hostname": "a"')),
    Snippet(reservation('"duid": "01:02", "hw-address": "01", "hostname": "a"')),
    Snippet(reservation('"hostname": "a"')),
    Snippet(reservation('"duid": "01:02:03"'), NEWER),
    Snippet(reservation('"duid": "01:02:03", "ip-address": "192.0.3.1"')),
    Snippet(reservation('"duid": "01:02:03", "ip-address": "0.0.0.0"')),
    Snippet(reservation('"duid": "01:02:03", "hostname": "a"', '"duid": "010203", "hostname": "b"')),
    Snippet(reservation('"duid": "010203", "ip-address": "192.0.2.1"', '"duid": "010204", "ip-address": "192.0.2.1"')),
    Snippet('"reservations": [{"duid": "010203", "ip-address": "203.0.113.1"}], ' + subnet("")),
    # Options.
    Snippet(option('"name": "routers", "data": "192.0.2.1, 192.0.2.2"')),
    Snippet(option('"name": "routers"')),
    Snippet(option('"name": "ip-forwarding"')),
    Snippet(option('"name": "router", "data": "192.0.2.1"')),
    Snippet(option('"name": "Routers", "data": "192.0.2.1"')),
    Snippet(option('"code": 3, "name": "time-servers", "data": "192.0.2.1"')),
    Snippet(option('"code": 3, "csv-format": false, "data": "c0000201"')),
    Snippet(option('"code": 3, "csv-format": false, "data": "c00002"')),
    Snippet(option('"code": 3, "csv-format": false, "data": "c0 00 02 01"')),
    Snippet(option('"code": 12, "csv-format": false, "data": "\'abc\'"')),
    Snippet(option('"code": 230, "data": "01"')),
    Snippet(option('"code": 230, "csv-format": false, "data": "01"')),
    Snippet(option('"code": 230, "csv-format": false, "name": "x", "data": "01"')),
    Snippet(option('"code": 256, "csv-format": false, "data": "01"')),
    Snippet(option('"code": 1, "space": "a b", "csv-format": false, "data": "01"')),
    Snippet(option('"code": 1, "space": "vendor-9", "csv-format": false, "data": "01"')),
    Snippet(option('"data": "01"')),
    Snippet(option('"name": "default-ip-ttl", "data": "256"')),
    Snippet(option('"name": "default-ip-ttl", "data": "0x40"')),
    Snippet(option('"name": "domain-search", "data": "a.example, b.example"')),
    Snippet(option('"name": "domain-name", "data": "a\\\\,b"')),
    Snippet(option('"name": "x", "data": "7"', '"name": "x", "code": 224, "type": "uint8"')),
    Snippet(option('"name": "x", "data": "1, a"', '"name": "x", "code": 224, "type": "uint8"')),
    Snippet(definition('"name": "x", "code": 224, "type": "record", "record-types": "uint8, string"')),
    Snippet(definition('"name": "x", "code": 224, "type": "record", "record-types": "uint8"')),
    Snippet(definition('"name": "x", "code": 224, "type": "uint8", "record-types": "uint8, uint8"')),
    Snippet(definition('"name": "x", "code": 224, "type": "uint9"')),
    Snippet(definition('"name": "x", "code": 224, "type": "empty", "encapsulate": "x"')),
    Snippet(definition('"name": "x", "code": 224, "type": "uint8", "array": true, "encapsulate": "x"')),
    Snippet(definition('"name": "x", "code": 224, "type": "empty", "encapsulate": "dhcp4"')),
    Snippet(definition('"name": "x", "code": 43, "type": "uint8"')),
    Snippet(definition('"name": "x", "code": 3, "type": "uint8"')),
    Snippet(definition('"name": "routers", "code": 224, "type": "uint8"')),
    Snippet(definition('"name": "x", "code": 255, "type": "uint8"')),
    Snippet(definition('"name": "a b", "code": 224, "type": "uint8"')),
    Snippet(definition('"name": "x", "code": 224')),
    Snippet('"option-def": [' + ", ".join(['{"name": "x", "code": 224, "type": "uint8"}'] * 2) + "]"),
]


class Oracle(SynchronousTestCase):
    """Both judge alike."""

    def test_snippets(self) -> None:
        """What Kea accepts is accepted, what it refuses is refused, but for a list of differences with reasons."""
        self.assertEqual(Judges(4, self.mktemp()).disagreements(SNIPPETS), {})
