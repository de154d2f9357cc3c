"""The maps beside subnets, the effective configuration, and the example configurations."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.configuring import SUBNET, complaints, configured, reloaded
from txkea.config.load import configuration, configuration4, families, load4
from txkea.config.text import from_json, load, parse
from txkea.errors import ConfigErrors
from txkea.model.configuration import (
    Configuration,
    ControlSocket,
    Database,
    DdnsClient,
    ExpiryParameters,
    Interfaces,
    InterfaceSelection,
    LoggerConfiguration,
    LogOutput,
    Over6,
    Parameters,
    ReplaceClientName,
)
from txkea.model.identifier import IdentifierKind
from txkea.wire.standard4 import STANDARD4

EXAMPLES = Path(__file__).parent.parent / "config"


class Maps(SynchronousTestCase):
    """The maps of the global scope."""

    def test_defaults(self) -> None:
        """Nothing but an empty map is a configuration: the model's defaults."""
        found = configured()
        self.assertEqual(evolve(found, tree={}), Configuration(family=4))
        self.assertEqual(found.parameters, Parameters())

    def test_interfaces(self) -> None:
        """Interfaces are a star, names, and names with addresses; the rest of the map arrives too."""
        found = configured(
            interfaces_config={
                "interfaces": ["*", "eth0/192.0.2.1", "eth0/192.0.2.2", "eth1"],
                "dhcp-socket-type": "udp",
                "outbound-interface": "use-routing",
                "re-detect": False,
                "service-sockets-require-all": True,
                "service-sockets-max-retries": 5,
                "service-sockets-retry-wait-time": 100,
            }
        )
        selections = (
            InterfaceSelection("*"),
            InterfaceSelection("eth0", bytes([192, 0, 2, 1])),
            InterfaceSelection("eth0", bytes([192, 0, 2, 2])),
            InterfaceSelection("eth1"),
        )
        self.assertEqual(
            found.interfaces,
            Interfaces(
                selections=selections,
                socket_type="udp",
                use_routing=True,
                re_detect=False,
                require_all=True,
                max_retries=5,
                retry_wait_time=100,
            ),
        )

    def test_interfaces_twice(self) -> None:
        """An interface is named once, or with each of its addresses once."""
        for names in (["*", "*"], ["eth0", "eth0"], ["eth0", "eth0/192.0.2.1"], ["eth0/192.0.2.1", "eth0/192.0.2.1"]):
            (line,) = complaints(interfaces_config={"interfaces": names})
            self.assertTrue(line.startswith("interfaces-config.interfaces"), line)
        for name in ("", "/192.0.2.1", "eth0/192.0.2", "*/192.0.2.1"):
            (line,) = complaints(interfaces_config={"interfaces": [name]})
            self.assertTrue(line.startswith("interfaces-config.interfaces[0]: "), line)

    def test_lease_database(self) -> None:
        """The type names the provider, everything else is its own, and what memfile does not use gets a warning."""
        found = configured(lease_database={"type": "memfile", "name": "/a", "lfc-interval": 0, "user": "u"})
        self.assertEqual(
            found.lease_database,
            Database(type="memfile", parameters={"name": "/a", "lfc-interval": 0, "user": "u"}),
        )
        self.assertIn("Dhcp4.lease-database.user: this has no effect", found.warnings[0])
        self.assertEqual(configured(lease_database={"type": "ipam"}).lease_database.type, "ipam")
        own = configured(lease_database={"type": "example.leases.Store", "parameters": {"depth": 3}})
        self.assertEqual(own.lease_database, Database(type="example.leases.Store", parameters={"depth": 3}))
        self.assertEqual(
            complaints(lease_database={"type": "memfiel"}),
            ['lease-database.type: "memfiel" is no lease database; did you mean memfile?'],
        )
        self.assertEqual(complaints(lease_database={}), ['lease-database: "type" is missing; add it'])

    def test_control_sockets(self) -> None:
        """A UNIX socket has a path of at most 107 bytes."""
        sockets = [{"socket-type": "unix", "socket-name": "/run/a", "user-context": {"b": 1}}]
        self.assertEqual(
            configured(control_sockets=sockets).control_sockets,
            (ControlSocket(type="unix", address="/run/a", parameters={"user-context": {"b": 1}}),),
        )
        self.assertEqual(
            complaints(control_socket={"socket-type": "unix", "socket-name": "/" * 108}),
            ["control-socket.socket-name: the string has 108 bytes; at most 107 fit"],
        )
        self.assertEqual(
            complaints(control_socket={"socket-type": "unix"}),
            ['control-socket: "socket-name" is missing; give the path of the socket'],
        )

    def test_loggers(self) -> None:
        """Loggers arrive with Kea's defaults for what they leave open."""
        found = configured(
            loggers=[
                {"name": "kea-dhcp4", "output-options": [{"output": "/log", "flush": False, "maxver": 3}]},
                {"name": "kea-dhcp4.leases", "severity": "Debug", "debuglevel": 99},
            ]
        )
        self.assertEqual(
            found.loggers,
            (
                LoggerConfiguration(name="kea-dhcp4", outputs=(LogOutput(output="/log", flush=False, maxver=3),)),
                LoggerConfiguration(name="kea-dhcp4.leases", severity="DEBUG", debuglevel=99),
            ),
        )
        self.assertEqual(
            [
                line.split(": ")[0]
                for line in complaints(loggers=[{"name": "a", "severity": "LOUD", "debuglevel": 100}])
            ],
            ["loggers[0].severity", "loggers[0].debuglevel"],
        )

    def test_expiry(self) -> None:
        """What expired-leases-processing sets arrives."""
        found = configured(expired_leases_processing={"hold-reclaimed-time": 5, "max-reclaim-time": 0})
        self.assertEqual(found.expiry, ExpiryParameters(hold_reclaimed_time=5, max_reclaim_time=0))

    def test_ddns(self) -> None:
        """How names are chosen is inheritable; where updates go is checked for sense."""
        found = configured(
            ddns_replace_client_name="when-not-present",
            ddns_qualifying_suffix="example.org.",
            dhcp_ddns={"server-ip": "192.0.2.1", "sender-ip": "192.0.2.2", "max-queue-size": 5},
        )
        self.assertEqual(found.parameters.ddns.replace_client_name, ReplaceClientName.WHEN_NOT_PRESENT)
        self.assertEqual(found.ddns, DdnsClient(server_ip="192.0.2.1", sender_ip="192.0.2.2", max_queue_size=5))
        for sender in ({"sender-ip": "2001:db8::1"}, {"sender-ip": "127.0.0.1", "sender-port": 53001}):
            self.assertEqual(len(complaints(dhcp_ddns=sender)), 1)
        self.assertEqual(
            complaints(dhcp_ddns={"ncr-protocol": "TCP"}), ['dhcp-ddns.ncr-protocol: "TCP" is not one of UDP']
        )

    def test_hostname_characters(self) -> None:
        """The set of characters to replace is a regular expression that can be compiled."""
        self.assertEqual(configured(hostname_char_set="").parameters.ddns.hostname_char_set, "")
        for text in ("[a-", "[[:alpha:]]", "("):
            self.assertEqual(len(complaints(hostname_char_set=text)), 1, text)

    def test_host_identifiers(self) -> None:
        """Identifiers are looked up in the order given; auto means all and stands alone."""
        found = configured(host_reservation_identifiers=["flex-id", "hw-address"])
        self.assertEqual(found.host_identifiers, (IdentifierKind.FLEX_ID, IdentifierKind.HW_ADDRESS))
        self.assertEqual(configured(host_reservation_identifiers=["auto"]).host_identifiers, tuple(IdentifierKind))
        for names in ([], ["auto", "duid"], ["duid", "duid"], ["mac"]):
            self.assertEqual(len(complaints(host_reservation_identifiers=names)), 1, names)

    def test_over6(self) -> None:
        """A subnet may say which DHCPv4-over-DHCPv6 queries it serves, and the port to the DHCPv6 server is kept."""
        keywords = {"4o6-interface": "eth0", "4o6-interface-id": "port7", "4o6-subnet": "2001:db8::1/32"}
        found = configured(dhcp4o6_port=6767, subnet4=[{**SUBNET, **keywords}, {"id": 2, "subnet": "10.0.0.0/8"}])
        prefix = bytes.fromhex("20010db8") + bytes(12)
        self.assertEqual(found.subnets[0].over6, Over6(interface="eth0", interface_id=b"port7", prefix=(prefix, 32)))
        self.assertIsNone(found.subnets[1].over6)
        self.assertEqual((found.dhcp4o6_port, found.warnings), (6767, ()))

    def test_compatibility(self) -> None:
        """The leniencies of the compatibility map arrive."""
        found = configured(compatibility={"lenient-option-parsing": True, "exclude-first-last-24": True})
        self.assertTrue(found.lenient_option_parsing and found.exclude_first_last_24)
        self.assertFalse(found.ignore_rai_link_selection or found.ignore_dhcp_server_identifier)


# Subnets with everything that can be inherited, given or not.
flags = st.booleans()
inheritable = st.fixed_dictionaries(
    {},
    optional={
        "valid-lifetime": st.integers(1000, 9000),
        "renew-timer": st.integers(0, 900),
        "authoritative": flags,
        "match-client-id": flags,
        "next-server": st.sampled_from(["192.0.2.1", "0.0.0.0", ""]),
        "boot-file-name": st.sampled_from(["", "/a", "\u00e9"]),
        "t1-percent": st.sampled_from([0.25, 0.5]),
        "cache-max-age": st.integers(0, 5),
        "reservations-global": flags,
        "ddns-qualifying-suffix": st.sampled_from(["", "example.org"]),
        "ddns-use-conflict-resolution": flags,
        "allocator": st.sampled_from(["iterative", "random"]),
        "option-data": st.just([{"name": "routers", "data": "192.0.2.1"}]),
        "user-context": st.just({"a": [None]}),
        "comment": st.just("c"),
    },
)
linked = st.fixed_dictionaries(
    {},
    optional={
        "interface": st.just("eth0"),
        "relay": st.sampled_from([{"ip-address": "192.0.2.3"}, {"ip-addresses": []}]),
    },
)


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """A configuration of networks and subnets; ids are given, or left to their order."""
    counter = iter(range(200))

    def subnet() -> dict[str, Any]:
        number = next(counter)
        named = {"id": number + 1} if draw(flags) else {}
        pools = [{"pool": f"10.{number}.1.0/24", "option-data": []}] if draw(flags) else []
        hosts = [{"hw-address": "'a'", "ip-address": f"10.{number}.0.1"}] if draw(flags) else []
        parts = {**draw(inheritable), **draw(linked)}
        return {**named, "subnet": f"10.{number}.0.0/16", "pools": pools, "reservations": hosts, **parts}

    def subnets() -> list[dict[str, Any]]:
        return [subnet() for _ in range(draw(st.integers(0, 2)))]

    networks = [
        {"name": name, "subnet4": subnets(), **draw(inheritable), **draw(linked)}
        for name in draw(st.sampled_from([(), ("a",), ("a", "b")]))
    ]
    own = {"name": "own", "code": 224, "type": "record", "record-types": "uint8, string"}
    return {
        **draw(inheritable),
        "option-def": [own],
        "shared-networks": networks,
        "subnet4": subnets(),
        "reservations": [{"duid": "01", "option-data": [{"name": "own", "data": "1, b"}]}],
    }


class Tree(SynchronousTestCase):
    """The effective configuration, which ``config-get`` prints."""

    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(configurations())
    def test_loads_again(self, dhcp4: dict[str, Any]) -> None:
        """Loaded again it gives the same configuration, its own effective configuration included."""
        first = configuration4(from_json({"Dhcp4": dhcp4}))
        self.assertEqual(evolve(reloaded(first), warnings=()), evolve(first, warnings=()))

    def test_complete(self) -> None:
        """It names defaults and what is inherited, ids and option names, and new spellings only."""
        found = configured(
            valid_lifetime=100,
            dhcp_ddns={"generated-prefix": "p"},
            reservation_mode="disabled",
            option_data=[{"code": 3, "data": "192.0.2.1"}],
            shared_networks=[{"name": "n", "renew-timer": 5, "subnet4": [{"subnet": "192.0.2.0/24"}]}],
        ).tree["Dhcp4"]
        self.assertEqual(
            found["option-data"],
            [
                {
                    "name": "routers",
                    "code": 3,
                    "space": "dhcp4",
                    "data": "192.0.2.1",
                    "csv-format": True,
                    "always-send": False,
                    "never-send": False,
                }
            ],
        )
        (subnet,) = found["shared-networks"][0]["subnet4"]
        self.assertEqual(
            [subnet[name] for name in ("id", "valid-lifetime", "max-valid-lifetime", "renew-timer", "next-server")],
            [1, 100, 100, 5, "0.0.0.0"],
        )
        self.assertNotIn("max-valid-lifetime", found)
        self.assertNotIn("reservation-mode", found)
        self.assertEqual([found["ddns-generated-prefix"], subnet["ddns-generated-prefix"]], ["p", "p"])
        self.assertNotIn("generated-prefix", found["dhcp-ddns"])
        self.assertEqual(found["expired-leases-processing"]["max-reclaim-leases"], 100)


class Examples(SynchronousTestCase):
    """The files that come with txkea."""

    def test_load(self) -> None:
        """Every example loads without a warning, and its effective configuration gives the same."""
        seen: Counter[int] = Counter()
        for path in (*EXAMPLES.glob("*.json"), *EXAMPLES.glob("*.conf")):
            document = load(str(path))
            for family in families(document):
                found = configuration(document, family)
                self.assertEqual(found.warnings, (), path)
                self.assertEqual(reloaded(found), found, path)
                seen[family] += 1
        self.assertGreater(seen[4], 4)
        self.assertGreater(seen[6], 2)

    def test_all_options(self) -> None:
        """The example of options has every standard option that an operator configures."""
        left_to_the_server = {1, 50, 51, 52, 53, 54, 55, 57, 58, 59, 61, 81, 82, 90, 91, 92, 93, 94, 97, 118}
        left_to_the_server |= {116, 151, 152, 153, 154, 155, 156, 157}
        codes = {each.code for each in STANDARD4 if each.space == "dhcp4"} - left_to_the_server
        found = {each.code for each in load4(str(EXAMPLES / "options.json")).options if each.space == "dhcp4"}
        self.assertEqual(codes - found, set())


class Size(SynchronousTestCase):
    """Large configurations."""

    def test_many_subnets(self) -> None:
        """The time to load grows with the number of subnets and not with its square."""

        def seconds(count: int) -> float:
            subnets = [
                {
                    "id": n + 1,
                    "subnet": f"10.{n >> 8}.{n & 255}.0/24",
                    "pools": [{"pool": f"10.{n >> 8}.{n & 255}.0/25"}],
                }
                for n in range(count)
            ]
            text = json.dumps({"Dhcp4": {"subnet4": subnets}})
            start = time.process_time()
            self.assertEqual(len(configuration4(parse(text)).subnets), count)
            return time.process_time() - start

        few, many = min(seconds(500) for _ in range(3)), seconds(5000)
        self.assertLess(many, 30 * few)

    def test_position_of_last(self) -> None:
        """An error at the end of a long file has its position all the same."""
        path = self.mktemp()
        lines = "\n".join(f'{{"id": {n}, "subnet": "10.{n >> 8}.{n & 255}.0/24"}},' for n in range(1, 2000))
        Path(path).write_text(f'{{"Dhcp4": {{"subnet4": [\n{lines}\n{{"id": 5, "subnet": "192.0.2.0/24"}}]}}}}')
        error = self.assertRaises(ConfigErrors, load4, path)
        self.assertEqual(str(error).split(": Dhcp4")[0], f"{path}:2001:8")
