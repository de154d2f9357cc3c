"""The maps of ``Dhcp6`` beside subnets, and its effective configuration."""

from __future__ import annotations

import json
import time
from ipaddress import IPv6Address
from typing import Any

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.configuring import SUBNET, SUBNET6, complaints6, configured6, mistakes, reloaded
from txkea.config.load import configuration4, configuration6, families, load6
from txkea.config.text import from_json, parse
from txkea.errors import ConfigErrors
from txkea.model.configuration import (
    Configuration,
    Interfaces,
    InterfaceSelection,
    Lifetime,
    OptionData,
    Parameters,
    ServerId,
)
from txkea.model.identifier import IdentifierKind


def server_id(**keywords: Any) -> ServerId:
    """What a server's DUID is made of, by these keywords."""
    return configured6(server_id={name.replace("_", "-"): value for name, value in keywords.items()}).server_id


class Maps(SynchronousTestCase):
    """The maps of the global scope."""

    def test_defaults(self) -> None:
        """Nothing but an empty map is a configuration: Kea's defaults."""
        found = configured6()
        parameters = Parameters(calculate_tee_times=True, t2_percent=0.8)
        identifiers = (IdentifierKind.HW_ADDRESS, IdentifierKind.DUID)
        sockets = Interfaces(socket_type="udp")
        expected = Configuration(family=6, parameters=parameters, host_identifiers=identifiers, interfaces=sockets)
        self.assertEqual(evolve(found, tree={}), expected)
        self.assertEqual(parameters.preferred_lifetime, Lifetime(3600, 3600, 3600))

    def test_globals(self) -> None:
        """What DHCPv6 has for itself arrives."""
        found = configured6(
            data_directory="/var/lib/elsewhere",
            allow_address_registration=False,
            dhcp4o6_port=6767,
            parked_packet_limit=9,
            decline_probation_period=5,
            compatibility={"lenient-option-parsing": True},
            host_reservation_identifiers=["flex-id", "duid"],
        )
        self.assertEqual((found.data_directory, found.allow_address_registration), ("/var/lib/elsewhere", False))
        self.assertEqual((found.dhcp4o6_port, found.parked_packet_limit), (6767, 9))
        self.assertEqual((found.decline_probation_period, found.lenient_option_parsing), (5, True))
        self.assertEqual(found.host_identifiers, (IdentifierKind.FLEX_ID, IdentifierKind.DUID))
        everything = configured6(host_reservation_identifiers=["auto"]).host_identifiers
        self.assertEqual(everything, (IdentifierKind.HW_ADDRESS, IdentifierKind.DUID, IdentifierKind.FLEX_ID))

    def test_interfaces(self) -> None:
        """Interfaces are a star, names, and names with an address, also beside the bare name."""
        names = ["*", "eth0", "eth0/2001:db8::1", " eth1 / fe80::1 "]
        found = configured6(interfaces_config={"interfaces": names, "re-detect": False})
        selections = (
            InterfaceSelection("*"),
            InterfaceSelection("eth0"),
            InterfaceSelection("eth0", IPv6Address("2001:db8::1").packed),
            InterfaceSelection("eth1", IPv6Address("fe80::1").packed),
        )
        self.assertEqual(found.interfaces, Interfaces(selections=selections, re_detect=False, socket_type="udp"))

    def test_socket_type(self) -> None:
        """Sockets are UDP as Kea's, unless they are wanted otherwise."""
        self.assertEqual(configured6().interfaces.socket_type, "udp")
        for name in ("raw", "udp"):
            found = configured6(interfaces_config={"dhcp-socket-type": name})
            self.assertEqual(found.interfaces.socket_type, name)
        (line,) = complaints6(interfaces_config={"dhcp-socket-type": "tcp"})
        self.assertTrue(line.startswith("interfaces-config.dhcp-socket-type: "), line)

    def test_bad_interfaces(self) -> None:
        """An interface, or one of its addresses, is named once, and an address is one that it may have."""
        for names in (["*", "*"], ["eth0", "eth0"], ["eth0/::1", "eth0/0::1"]):
            self.assertEqual(
                complaints6(interfaces_config={"interfaces": names}),
                [f"interfaces-config.interfaces[1]: {names[1]} is named twice; name it once"],
            )
        for name in ("", "/::1", "eth0/", "eth0/192.0.2.1", "eth0/ff02::1:2", "eth0/::", "*/::1"):
            (line,) = complaints6(interfaces_config={"interfaces": [name]})
            self.assertTrue(line.startswith("interfaces-config.interfaces[0]: "), line)
        (line,) = complaints6(interfaces_config={"outbound-interface": "use-routing"})
        self.assertTrue(line.startswith("interfaces-config.outbound-interface: unknown keyword"), line)

    def test_server_id(self) -> None:
        """A DUID of each type is made of its parts; what is left out is chosen later."""
        self.assertEqual(server_id(type="LLT"), ServerId())
        llt = ServerId(type="LLT", htype=8, identifier=b"\xa6\x5d", time=257, persist=False)
        self.assertEqual(server_id(type="LLT", htype=8, identifier="A65D", time=257, persist=False), llt)
        en = ServerId(type="EN", enterprise_id=2495, identifier=b"\1\2")
        self.assertEqual(server_id(type="EN", enterprise_id=2495, identifier="01:02"), en)
        self.assertEqual(server_id(type="UUID", identifier="00" * 16), ServerId(type="UUID", identifier=bytes(16)))

    def test_bad_server_id(self) -> None:
        """An identifier is hexadecimal, two digits a byte, and not longer than a DUID can hold."""
        for kind, text in (("EN", "xyz"), ("EN", "010"), ("LL", "00" * 127), ("LLT", "00" * 123), ("UUID", "00" * 15)):
            (line,) = complaints6(server_id={"type": kind, "identifier": text})
            self.assertTrue(line.startswith("server-id.identifier: "), line)
        for kind, size in (("LL", 126), ("LLT", 122), ("EN", 124)):
            self.assertEqual(complaints6(server_id={"type": kind, "identifier": "00" * size}), [])
        self.assertEqual(complaints6(server_id={}), ['server-id: "type" is missing; add it'])
        (line,) = complaints6(server_id={"type": "llt"})
        self.assertEqual(line, 'server-id.type: "llt" is not one of LLT, EN, LL, UUID')

    def test_unused_server_id(self) -> None:
        """What a DUID of the type has no place for is accepted with a warning."""
        found = configured6(server_id={"type": "EN", "htype": 1, "time": 5, "enterprise-id": 9})
        self.assertEqual(
            [line.split(": ", 1)[1] for line in found.warnings],
            [f"Dhcp6.server-id.{name}: this has no effect: a DUID of type EN has none" for name in ("htype", "time")],
        )

    def test_mac_sources(self) -> None:
        """Sources of hardware addresses keep their order, and the RFCs' names mean the others; none stands twice."""
        found = configured6(mac_sources=["rfc4649", "duid", "rfc6939", "any"])
        self.assertEqual(found.mac_sources, ("remote-id", "duid", "client-link-addr-option", "any"))
        self.assertEqual(found.tree["Dhcp6"]["mac-sources"], list(found.mac_sources))
        self.assertEqual(
            complaints6(mac_sources=["rfc6939", "client-link-addr-option"]),
            ["mac-sources[1]: client-link-addr-option is named twice; name it once"],
        )
        for names in ([], ["mac"]):
            self.assertEqual(len(complaints6(mac_sources=names)), 1, names)

    def test_relay_supplied_options(self) -> None:
        """What relays may supply is named by name or code, the operator's own too; 65 always is among it."""
        own = {"name": "own", "code": 300, "type": "uint8"}
        found = configured6(option_def=[own], relay_supplied_options=["own", "110", "dns-servers", "23"])
        self.assertEqual(found.relay_supplied_options, (23, 65, 110, 300))
        self.assertEqual(found.tree["Dhcp6"]["relay-supplied-options"], ["23", "65", "110", "300"])
        self.assertEqual(configured6(relay_supplied_options=[]).relay_supplied_options, (65,))
        self.assertEqual(
            complaints6(relay_supplied_options=["23", "dns-server"]),
            ['relay-supplied-options[1]: "dns-server" is no option of the space dhcp6; did you mean dns-servers?'],
        )
        for text in ("0", "65536", "-1", "\uff12\uff13", "0x17"):
            self.assertEqual(len(complaints6(relay_supplied_options=[text])), 1, text)

    def test_options(self) -> None:
        """Options are those of DHCPv6, by names, codes up to 65535 and types of its own."""
        data = [
            {"name": "dns-servers", "data": "2001:db8::1, 2001:db8::2"},
            {"code": 65535, "csv-format": False, "data": "0a"},
            {"name": "s46-br", "space": "s46-cont-mape-options", "data": "2001:db8::1"},
        ]
        servers, last, relay = configured6(option_data=data).options
        addresses = IPv6Address("2001:db8::1").packed + IPv6Address("2001:db8::2").packed
        self.assertEqual(servers, OptionData(code=23, space="dhcp6", payload=addresses, name="dns-servers"))
        self.assertEqual((last.code, last.payload, relay.code), (65535, b"\n", 90))
        (line,) = complaints6(option_data=[{"name": "routers", "data": "192.0.2.1"}])
        self.assertTrue(line.startswith('option-data[0].name: there is no option "routers" in the space dhcp6'), line)
        (line,) = complaints6(option_data=[{"code": 3, "space": "dhcp4", "csv-format": False, "data": "00"}])
        self.assertEqual(line, "option-data[0].space: the options of dhcp4 are not sent in Dhcp6; use dhcp6")
        (line,) = complaints6(option_def=[{"name": "x", "code": 43, "type": "uint8"}])
        self.assertTrue(line.startswith("option-def[0].code: ero (43) is a standard option"), line)

    def test_vendor_class(self) -> None:
        """What follows the enterprise number in a vendor class are strings with lengths, in text and hexadecimal."""
        for data in ({"data": "4491, 0003616263"}, {"data": "0000118b0003616263", "csv-format": False}):
            (found,) = configured6(option_data=[{"name": "vendor-class", **data}]).options
            self.assertEqual(found.payload[4:], b"\0\3abc")
        for data in ({"data": "4491, 616263"}, {"data": "0000118b616263", "csv-format": False}):
            (line,) = complaints6(option_data=[{"name": "vendor-class", **data}])
            self.assertTrue(line.startswith("option-data[0].data: after the enterprise number come strings"), line)


class Families(SynchronousTestCase):
    """A file for both servers."""

    def test_apart(self) -> None:
        """Each family reads its own map, whatever stands in the other one."""
        both = parse(json.dumps({"Dhcp4": {"subnet4": [SUBNET]}, "Dhcp6": {"subnet6": [SUBNET6]}}))
        self.assertEqual(families(both), (4, 6))
        self.assertEqual([found.family for found in (configuration4(both), configuration6(both))], [4, 6])
        self.assertEqual(configuration6(parse('{"Dhcp6": {}, "Dhcp4": {"x": 1}}')).subnets, ())
        self.assertEqual(mistakes('{"Dhcp4": {}}', 6), ['file:1:1: "Dhcp6" is missing; add it'])

    def test_keywords_of_the_other(self) -> None:
        """A keyword of the other family is no keyword."""
        for name in ("subnet4", "echo-client-id", "match-client-id", "next-server", "authoritative", "offer-lifetime"):
            (line,) = complaints6(**{name: []})
            self.assertTrue(line.startswith(f"{name}: unknown keyword"), line)

    def test_logging(self) -> None:
        """Of an old Logging map each server takes its own loggers and those of nobody."""
        loggers = [{"name": name} for name in ("kea-dhcp4", "kea-dhcp6.leases", "kea-dhcp6", "kea-ctrl-agent", "*")]
        both = parse(json.dumps({"Dhcp4": {}, "Dhcp6": {}, "Logging": {"loggers": loggers}}))
        self.assertEqual([each.name for each in configuration4(both).loggers], ["kea-dhcp4", "*"])
        self.assertEqual([each.name for each in configuration6(both).loggers], ["kea-dhcp6.leases", "kea-dhcp6", "*"])

    def test_position(self) -> None:
        """An element of a list is named with its own line and column."""
        relay = '"relay": {"ip-addresses": ["::1",\n "0::1"]}'
        text = '{"Dhcp6": {"subnet6": [{"id": 1, "subnet": "2001:db8::/32",\n%s}]}}' % relay
        self.assertEqual(
            mistakes(text, 6),
            ["file:3:2: Dhcp6.subnet6[0].relay.ip-addresses[1]: 0::1 is named twice; name it once"],
        )


flags = st.booleans()
inheritable = st.fixed_dictionaries(
    {},
    optional={
        "valid-lifetime": st.integers(4000, 9000),
        "preferred-lifetime": st.integers(1000, 12000),
        "renew-timer": st.integers(0, 900),
        "calculate-tee-times": flags,
        "t1-percent": st.sampled_from([0.25, 0.5]),
        "pd-allocator": st.sampled_from(["iterative", "random"]),
        "reservations-global": flags,
        "ddns-qualifying-suffix": st.sampled_from(["", "example.org"]),
        "option-data": st.just([{"name": "dns-servers", "data": "2001:db8::1"}]),
        "user-context": st.just({"a": [None]}),
        "comment": st.just("c"),
    },
)
linked = st.one_of(
    st.fixed_dictionaries({}, optional={"interface": st.just("eth0")}),
    st.fixed_dictionaries({"interface-id": st.sampled_from(["port7", "0x0a", ""])}),
    st.fixed_dictionaries({"relay": st.sampled_from([{"ip-address": "2001:db8::3"}, {"ip-addresses": []}])}),
)


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """A configuration of networks and subnets; ids are given, or left to their order."""
    counter = iter(range(200))

    def subnet() -> dict[str, Any]:
        number = next(counter)
        prefix = f"2001:db8:{number}:"
        named = {"id": number + 1} if draw(flags) else {}
        pools = [{"pool": f"{prefix}:/112", "option-data": []}] if draw(flags) else []
        lacking = {"excluded-prefix": f"3000:{number}::1:0:0:0", "excluded-prefix-len": 64} if draw(flags) else {}
        delegated = [{"prefix": f"3000:{number}::", "prefix-len": 48, "delegated-len": 56, **lacking}]
        host = {"duid": "'a'", "ip-addresses": [f"{prefix}1::1", f"{prefix}1::2"], "prefixes": ["4000::/56"]}
        return {
            **named,
            "subnet": f"{prefix}:/48",
            "pools": pools,
            "pd-pools": delegated if draw(flags) else [],
            "reservations": [host] if draw(flags) else [],
            **draw(inheritable),
            **draw(linked),
        }

    def subnets() -> list[dict[str, Any]]:
        return [subnet() for _ in range(draw(st.integers(0, 2)))]

    networks = [
        {"name": name, "subnet6": subnets(), "rapid-commit": draw(flags), **draw(inheritable), **draw(linked)}
        for name in draw(st.sampled_from([(), ("a",), ("a", "b")]))
    ]
    return {
        **draw(inheritable),
        "server-id": {"type": draw(st.sampled_from(["LLT", "EN"])), "identifier": "0102"},
        "mac-sources": ["rfc6939", "duid"],
        "relay-supplied-options": ["dns-servers"],
        "shared-networks": networks,
        "subnet6": subnets(),
        "reservations": [{"hw-address": "01", "ip-addresses": ["2001:db8:f000::1"]}],
    }


class Tree(SynchronousTestCase):
    """The effective configuration, which ``config-get`` prints."""

    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(configurations())
    def test_loads_again(self, dhcp6: dict[str, Any]) -> None:
        """Loaded again it gives the same configuration, its own effective configuration included."""
        first = configuration6(from_json({"Dhcp6": dhcp6}))
        self.assertEqual(evolve(reloaded(first), warnings=()), evolve(first, warnings=()))

    def test_reach(self) -> None:
        """A subnet with an interface in a network with an interface-id is not said to have both of its own."""
        member = {"id": 1, "subnet": "2001:db8::/48", "interface": "eth0"}
        found = configured6(shared_networks=[{"name": "n", "interface-id": "port7", "subnet6": [member]}])
        parameters = found.subnets[0].parameters
        self.assertEqual((parameters.interface, parameters.interface_id), ("eth0", b"port7"))
        (subnet,) = found.tree["Dhcp6"]["shared-networks"][0]["subnet6"]
        self.assertEqual((subnet["interface"], subnet.get("interface-id")), ("eth0", None))
        self.assertEqual(reloaded(found), found)


class Size(SynchronousTestCase):
    """Large configurations."""

    def test_many_subnets(self) -> None:
        """The time to load grows with the number of subnets and not with its square."""

        def seconds(count: int) -> float:
            subnets = [
                {
                    "id": n + 1,
                    "subnet": f"2001:db8:{n:x}::/48",
                    "pools": [{"pool": f"2001:db8:{n:x}::/112"}],
                    "pd-pools": [{"prefix": f"3000:{n:x}::", "prefix-len": 48, "delegated-len": 56}],
                    "reservations": [{"duid": "01", "ip-addresses": [f"2001:db8:{n:x}::1:1"]}],
                }
                for n in range(count)
            ]
            text = json.dumps({"Dhcp6": {"subnet6": subnets}})
            start = time.process_time()
            self.assertEqual(len(configuration6(parse(text)).subnets), count)
            return time.process_time() - start

        few, many = min(seconds(200) for _ in range(3)), seconds(2000)
        self.assertLess(many, 30 * few)

    def test_file(self) -> None:
        """A file is read as a text is, and one that is not there is named."""
        path = self.mktemp()
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"Dhcp6": {"subnet6": [SUBNET6]}}, file)
        self.assertEqual(load6(path).subnets[0].prefix, "2001:db8::/32")
        with self.assertRaisesRegex(ConfigErrors, f"cannot read {path}x"):
            load6(f"{path}x")
