"""The text held against the tables of keywords."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.configuring import SUBNET, complaints, configured, in_subnet, mistakes
from txkea.config.features import NotBuilt
from txkea.config.keywords4 import MAPS4
from txkea.config.keywords6 import MAPS6
from txkea.config.kinds import Each, In
from txkea.config.load import configuration, configuration4, families
from txkea.config.text import from_json, parse
from txkea.errors import ConfigErrors

names = st.sampled_from(sorted({name for maps in (MAPS4, MAPS6) for table in maps.values() for name in table}))
texts = st.sampled_from(["", "x", "192.0.2.1", "2001:db8::/32", "0a"])
scalars = st.none() | st.booleans() | st.integers(-2, 70000) | st.floats() | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4))


class Messages(SynchronousTestCase):
    """What an operator reads."""

    def test_all_at_once(self) -> None:
        """All errors of a file come at once, in its order, each with position, path and mend."""
        text = """{
  "Dhcp4": {
    "valid-lifetime": "3600",
    "subnet4": [
      { "id": 1, "subnet": "192.0.2.0/24",
        "pools": [ { "pool": "192.0.3.1 - 192.0.3.9" } ],
        "renew-timer": -1 },
      { "id": 1, "subnet": "198.51.100.0/33" }
    ],
    "interfaces-config": { "interfaces": [ "*/192.0.2.1" ], "dhcp-socket-typ": "raw" },
    "pools": []
  }
}"""
        self.assertEqual(
            mistakes(text),
            [
                "file:3:23: Dhcp4.valid-lifetime: a string cannot stand here;"
                " a whole number from 0 to 4294967295 would be right",
                "file:6:30: Dhcp4.subnet4[0].pools[0].pool: the pool is outside of the subnet 192.0.2.0/24;"
                " it must lie in it",
                "file:7:24: Dhcp4.subnet4[0].renew-timer: -1 is out of range;"
                " a number from 0 to 4294967295 would be right",
                "file:8:15: Dhcp4.subnet4[1].id: the id 1 is taken by Dhcp4.subnet4[0] already; choose another",
                'file:8:28: Dhcp4.subnet4[1].subnet: "198.51.100.0/33" is not an IPv4 prefix;'
                " write it like 192.0.2.0/24",
                'file:10:44: Dhcp4.interfaces-config.interfaces[0]: "*" takes no address;'
                " name the interface that has it",
                "file:10:61: Dhcp4.interfaces-config.dhcp-socket-typ: unknown keyword; did you mean dhcp-socket-type?",
                "file:11:5: Dhcp4.pools: this keyword is misplaced; it belongs in subnet4",
            ],
        )

    def test_missing(self) -> None:
        """What is missing is named at the map that lacks it."""
        self.assertEqual(mistakes("{}"), ['file:1:1: "Dhcp4" is missing; add it'])
        self.assertEqual(in_subnet(pools=[{}]), ['pools[0]: "pool" is missing; add it'])

    def test_shapes(self) -> None:
        """A map, a list and a scalar do not pass for each other."""
        self.assertEqual(mistakes("[]"), ["file:1:1: a configuration is a map: {...} would be right"])
        self.assertEqual(mistakes('{"Dhcp4": []}'), ["file:1:11: Dhcp4: a map would be right: {...}"])
        self.assertEqual(complaints(subnet4={}), ["subnet4: a list would be right: [...]"])
        self.assertEqual(complaints(user_context=[]), ["user-context: a list cannot stand here; a map would be right"])
        self.assertEqual(
            complaints(authoritative=1), ["authoritative: a number cannot stand here; true or false would be right"]
        )

    def test_enumerations(self) -> None:
        """A word that is none of those known is refused with all of them, and the nearest."""
        self.assertEqual(
            complaints(ddns_replace_client_name="when_present"),
            [
                'ddns-replace-client-name: "when_present" is not one of never, always, when-present, when-not-present;'
                " did you mean when-present?"
            ],
        )

    def test_lengths(self) -> None:
        """The fixed fields of a message hold 63 and 127 bytes, and not one more."""
        self.assertEqual(complaints(server_hostname="h" * 63, boot_file_name="b" * 127), [])
        self.assertEqual(
            complaints(server_hostname="h" * 64, boot_file_name="b" * 126 + "\u00e9"),
            [
                "server-hostname: the string has 64 bytes; at most 63 fit",
                "boot-file-name: the string has 128 bytes; at most 127 fit",
            ],
        )

    def test_unwritable_strings(self) -> None:
        """Half characters and zero bytes, which only a command can bring, are refused."""
        for text in ("a\0", "\ud800"):
            with self.assertRaises(ConfigErrors) as caught:
                configuration4(from_json({"Dhcp4": {"server-tag": text}}))
            self.assertEqual([error.path for error in caught.exception.errors], ["Dhcp4.server-tag"])


class OldSpellings(SynchronousTestCase):
    """What earlier releases of Kea called it."""

    def test_same_meaning(self) -> None:
        """An old spelling configures what the new one does."""
        socket = {"socket-type": "unix", "socket-name": "/run/kea/socket"}
        output = {"output": "stdout", "maxsize": 5}
        pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [
            ({"control-socket": socket}, {"control-sockets": [socket]}),
            (
                {"reservation-mode": "out-of-pool"},
                {"reservations-in-subnet": True, "reservations-out-of-pool": True, "reservations-global": False},
            ),
            ({"reservation-mode": "global"}, {"reservations-in-subnet": False, "reservations-global": True}),
            ({"reservation-mode": "disabled"}, {"reservations-in-subnet": False}),
            ({"ddns-use-conflict-resolution": False}, {"ddns-conflict-resolution-mode": "no-check-with-dhcid"}),
            (
                {"dhcp-ddns": {"qualifying-suffix": "example.org", "replace-client-name": "always"}},
                {"ddns-qualifying-suffix": "example.org", "ddns-replace-client-name": "always"},
            ),
            (
                {"subnet4": [{**SUBNET, "relay": {"ip-address": "192.0.2.9"}}]},
                {"subnet4": [{**SUBNET, "relay": {"ip-addresses": ["192.0.2.9"]}}]},
            ),
            (
                {"loggers": [{"name": "kea-dhcp4", "output_options": [output]}]},
                {"loggers": [{"name": "kea-dhcp4", "output-options": [output]}]},
            ),
            ({"subnet4": [{**SUBNET, "client-class": ""}]}, {"subnet4": [SUBNET]}),
        ]
        for old, new in pairs:
            self.assertEqual(*(configuration4(parse(json.dumps({"Dhcp4": each}))) for each in (old, new)))

    def test_logging(self) -> None:
        """The loggers of a top-level Logging map are those of the server."""
        logger = {"name": "kea-dhcp4", "severity": "debug", "debuglevel": 40}
        old = configuration4(parse(json.dumps({"Dhcp4": {}, "Logging": {"loggers": [logger]}})))
        self.assertEqual(old, configured(loggers=[logger]))
        self.assertEqual(old.loggers[0].severity, "DEBUG")

    def test_both(self) -> None:
        """The old spelling and the new one together are refused, with the name that was written."""
        self.assertEqual(
            complaints(reservations_global=True, reservation_mode="all"),
            ['reservation-mode: this says the same as "reservations-global" at text:1:12; keep one of the two'],
        )
        both = {"ip-address": "192.0.2.1", "ip-addresses": ["192.0.2.2"]}
        self.assertEqual(
            in_subnet(relay=both),
            ['relay.ip-addresses: this says the same as "ip-address" at text:1:70; keep one of the two'],
        )

    def test_global_wins(self) -> None:
        """What both dhcp-ddns and the global scope say is as the global scope says it."""
        found = configured(dhcp_ddns={"qualifying-suffix": "old"}, ddns_qualifying_suffix="new")
        self.assertEqual(found.parameters.ddns.qualifying_suffix, "new")


class NotBuiltYet(SynchronousTestCase):
    """What is understood, and refused by name."""

    def test_by_name(self) -> None:
        """Every feature that is not built is refused with its name and the issue that builds it."""
        table: list[tuple[dict[str, Any], str, int]] = [
            ({"dhcp-ddns": {"enable-updates": True}}, "DNS updates", 0),
            ({"store-extended-info": True}, "extended information in leases", 0),
            ({"allocator": "flq"}, "the free lease queue allocator", 0),
            ({"hooks-libraries": [{"library": "/usr/lib/kea/hooks/libdhcp_ha.so"}]}, "High Availability", 9),
            ({"hooks-libraries": [{"library": "/opt/quarantine.so"}]}, "libraries that are not Kea's own", 0),
            ({"config-control": {"config-databases": [{"type": "mysql"}]}}, "configuration from a database", 0),
            ({"stash-agent-options": True}, "stashed relay agent options", 0),
            (
                {"subnet4": [{**SUBNET, "pools": [{"pool": "192.0.2.0/28", "ddns-send-updates": False}]}]},
                "DNS settings of a pool",
                0,
            ),
        ]
        for keywords, name, issue in table:
            with self.assertRaises(ConfigErrors, msg=str(keywords)) as caught:
                configuration4(parse(json.dumps({"Dhcp4": keywords})))
            found = [error.feature for error in caught.exception.errors if isinstance(error, NotBuilt)]
            self.assertEqual([(each.name, each.issue) for each in found], [(name, issue)], keywords)
            self.assertIn(name, str(caught.exception))

    def test_harmless_values(self) -> None:
        """The value that turns a missing feature off is accepted without a word."""
        found = configured(
            client_classes=[],
            hosts_databases=[],
            hooks_libraries=[],
            dhcp_ddns={"enable-updates": False},
            dhcp4o6_port=0,
            store_extended_info=False,
            allocator="random",
            config_control={},
            subnet4=[{**SUBNET, "client-class": "", "4o6-interface": "", "4o6-subnet": ""}],
        )
        self.assertEqual(found.warnings, ())
        self.assertEqual(found.parameters.allocator, "random")

    def test_without_effect(self) -> None:
        """A keyword that only tunes Kea's insides is accepted, with a warning where it would have had an effect."""
        found = configured(
            multi_threading={"enable-multi-threading": True, "thread-pool-size": 4},
            dhcp_queue_control={"enable-queue": False, "capacity": 64},
            server_tag="one",
        )
        self.assertEqual(
            [warning.split(": ", 1)[1] for warning in found.warnings],
            [
                "Dhcp4.multi-threading.enable-multi-threading: this has no effect:"
                " txkea uses one thread and no packet queue",
                "Dhcp4.multi-threading.thread-pool-size: this has no effect: txkea uses one thread and no packet queue",
                "Dhcp4.server-tag: this has no effect: txkea reads no configuration from databases yet",
            ],
        )


class Tables(SynchronousTestCase):
    """The tables themselves."""

    def test_maps(self) -> None:
        """Every map that a keyword holds is in the tables, and every default is a value of its kind."""
        for maps in (MAPS4, MAPS6):
            for row in (row for table in maps.values() for row in table.values()):
                kind = row.kind.kind if isinstance(row.kind, Each) else row.kind
                if isinstance(kind, In):
                    self.assertIn(kind.name, maps, row.name)
                elif not isinstance(kind, Each) and isinstance(row.default, (str, int, float)):
                    kind.check(row.default)
                if row.becomes:
                    self.assertFalse(row.required, row.name)

    @settings(deadline=None)
    @given(st.sampled_from([4, 6]), st.dictionaries(names, values, max_size=6))
    def test_anything(self, family: int, keywords: dict[str, Any]) -> None:
        """Whatever the values, a configuration is built or refused with a path for every error."""
        try:
            configuration(from_json({f"Dhcp{family}": keywords}), family)
        except ConfigErrors as errors:
            self.assertTrue(all(error.path.startswith(f"Dhcp{family}") for error in errors.errors))

    def test_families(self) -> None:
        """A file may configure several servers, and only those it names."""
        text = '{"Dhcp6": {"nonsense": 1}, "Dhcp4": {}, "Control-agent": {}, "DhcpDdns": {"ip-address": 5}}'
        self.assertEqual(families(parse(text)), (4, 6))
        self.assertEqual(configuration4(parse(text)).family, 4)
        self.assertEqual(families(parse("[]")), ())
