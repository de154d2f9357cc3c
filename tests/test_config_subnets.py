"""Subnets, pools, shared networks and reservations in a configuration."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.configuring import SUBNET, complaints, configured, in_subnet
from txkea.model.configuration import Host, Lifetime
from txkea.model.identifier import Identifier, IdentifierKind

small = st.integers(0, 255)


def host(**keywords: Any) -> Host:
    """The one reservation in a subnet that these keywords configure."""
    data = {name.replace("_", "-"): value for name, value in keywords.items()}
    (found,) = configured(subnet4=[{**SUBNET, "reservations": [data]}]).subnets[0].hosts
    return found


def reserved(*reservations: dict[str, Any], **more: Any) -> list[str]:
    """What is wrong with reservations in one subnet."""
    found = complaints(subnet4=[{**SUBNET, "reservations": list(reservations)}], **more)
    return [line.removeprefix("subnet4[0].") for line in found]


class Subnets(SynchronousTestCase):
    """``subnet4``."""

    def test_prefix(self) -> None:
        """Host bits are kept as written and cleared in the network."""
        (subnet,) = configured(subnet4=[{"id": 9, "subnet": "192.0.2.77/25"}]).subnets
        self.assertEqual((subnet.prefix, subnet.network, subnet.length), ("192.0.2.77/25", bytes([192, 0, 2, 0]), 25))

    def test_bad_prefixes(self) -> None:
        """What is no prefix is refused."""
        for text in ("192.0.2.0", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2/24", "192.0.2.0/255.255.255.0", "::/0", ""):
            (line,) = complaints(subnet4=[{"id": 1, "subnet": text}])
            self.assertEqual(line, f'subnet4[0].subnet: "{text}" is not an IPv4 prefix; write it like 192.0.2.0/24')

    def test_order(self) -> None:
        """Subnets come in the order of their ids, those of networks among the others."""
        found = configured(
            subnet4=[{"id": 3, "subnet": "10.3.0.0/16"}, {"id": 1, "subnet": "10.1.0.0/16"}],
            shared_networks=[{"name": "n", "subnet4": [{"id": 2, "subnet": "10.2.0.0/16"}]}],
        )
        self.assertEqual([(each.id, each.network_name) for each in found.subnets], [(1, ""), (2, "n"), (3, "")])
        self.assertEqual(found.networks[0].subnet_ids, (2,))

    def test_ids(self) -> None:
        """Subnets without an id, or with 0, get the lowest free ones in their order, and one warning."""
        found = configured(
            subnet4=[
                {"id": 2, "subnet": "10.0.0.0/16"},
                {"subnet": "10.1.0.0/16"},
                {"id": 0, "subnet": "10.2.0.0/16"},
            ]
        )
        self.assertEqual([(each.id, each.prefix[3]) for each in found.subnets], [(1, "1"), (2, "0"), (3, "2")])
        (warning,) = found.warnings
        self.assertIn("Dhcp4.subnet4[1]: without an id it is 1 by its order (and 1 more without one)", warning)

    def test_duplicates(self) -> None:
        """No two subnets have an id or a prefix in common, in networks or not."""
        lines = complaints(
            shared_networks=[{"name": "n", "subnet4": [{"id": 1, "subnet": "10.0.0.0/16"}]}],
            subnet4=[{"id": 1, "subnet": " 10.0.0.0 / 16"}, {"id": 5, "subnet": "10.0.0.0/17"}],
        )
        self.assertEqual(
            lines,
            [
                "subnet4[0].id: the id 1 is taken by Dhcp4.shared-networks[0].subnet4[0] already; choose another",
                "subnet4[0].subnet: 10.0.0.0/16 is the prefix of Dhcp4.shared-networks[0].subnet4[0] already;"
                " choose another",
            ],
        )


class Pools(SynchronousTestCase):
    """``pools``."""

    def test_forms(self) -> None:
        """A pool is two addresses with blanks as one likes, or a prefix all of whose addresses count."""
        (subnet,) = configured(
            subnet4=[
                {**SUBNET, "pools": [{"pool": " 192.0.2.10-192.0.2.20 ", "pool-id": 7}, {"pool": "192.0.2.70/26"}]}
            ]
        ).subnets
        base = int.from_bytes(subnet.network, "big")
        self.assertEqual(
            [(pool.first - base, pool.last - base, pool.size, pool.id) for pool in subnet.pools],
            [(10, 20, 11, 7), (64, 127, 64, 0)],
        )

    def test_bad_forms(self) -> None:
        """What is no pool is refused."""
        for text in (
            "192.0.2.1",
            "192.0.2.9-192.0.2.1",
            "192.0.2.1-192.0.2.2-192.0.2.3",
            "192.0.2.1-",
            "192.0.2.0/40",
            "x",
        ):
            (line,) = in_subnet(pools=[{"pool": text}])
            self.assertTrue(line.startswith("pools[0].pool: "), line)

    @settings(deadline=None)
    @given(st.lists(st.tuples(small, small).map(sorted), max_size=5))
    def test_overlaps(self, ranges: list[list[int]]) -> None:
        """Pools of one subnet are accepted exactly if no address is in two of them."""
        pools = [{"pool": f"192.0.2.{first} - 192.0.2.{last}"} for first, last in ranges]
        addresses = [address for first, last in ranges for address in range(first, last + 1)]
        self.assertEqual(not in_subnet(pools=pools), len(addresses) == len(set(addresses)))

    def test_all_overlaps(self) -> None:
        """Every pool that runs into an earlier one is reported, however far that one reaches."""
        pools = [
            {"pool": f"192.0.2.{first} - 192.0.2.{last}"} for first, last in ((1, 100), (5, 6), (50, 60), (101, 102))
        ]
        self.assertEqual([line.split(":")[0] for line in in_subnet(pools=pools)], ["pools[1].pool", "pools[2].pool"])

    def test_outside(self) -> None:
        """A pool that reaches out of its subnet on either side is refused."""
        for text in ("192.0.1.255 - 192.0.2.9", "192.0.2.9 - 192.0.3.0", "192.0.0.0/16"):
            (line,) = in_subnet(pools=[{"pool": text}])
            self.assertEqual(line, "pools[0].pool: the pool is outside of the subnet 192.0.2.0/24; it must lie in it")


class Networks(SynchronousTestCase):
    """``shared-networks`` and inheritance."""

    def test_inheritance(self) -> None:
        """The innermost scope that sets a value wins: subnet, network, global, default."""
        found = configured(
            valid_lifetime=1000,
            min_valid_lifetime=500,
            renew_timer=100,
            next_server="192.0.2.1",
            shared_networks=[
                {
                    "name": "n",
                    "valid-lifetime": 2000,
                    "max-valid-lifetime": 9000,
                    "interface": "eth1",
                    "relay": {"ip-addresses": ["192.0.2.3", "192.0.2.4"]},
                    "boot-file-name": "/network",
                    "subnet4": [
                        {"id": 1, "subnet": "10.1.0.0/16", "valid-lifetime": 3000, "boot-file-name": ""},
                        {"id": 2, "subnet": "10.2.0.0/16", "relay": {"ip-addresses": []}, "renew-timer": 7},
                    ],
                }
            ],
            subnet4=[{"id": 3, "subnet": "10.3.0.0/16"}],
        )
        one, two, three = (each.parameters for each in found.subnets)
        network = found.networks[0].parameters
        self.assertEqual(found.parameters.valid_lifetime, Lifetime(1000, 500, 1000))
        self.assertEqual(network.valid_lifetime, Lifetime(2000, 500, 9000))
        self.assertEqual(one.valid_lifetime, Lifetime(3000, 500, 9000))
        self.assertEqual(three, found.parameters)
        self.assertEqual((one.boot_file_name, two.boot_file_name), ("", "/network"))
        self.assertEqual((one.interface, two.interface, three.interface), ("eth1", "eth1", ""))
        self.assertEqual([len(each.relay_addresses) for each in (network, one, two, three)], [2, 2, 0, 0])
        self.assertEqual([each.renew_timer for each in (network, one, two)], [100, 100, 7])
        self.assertEqual({each.next_server for each in (one, two, three)}, {bytes([192, 0, 2, 1])})

    def test_lifetimes(self) -> None:
        """Bounds that do not enclose the lifetime are refused where they are set, or where it is."""
        self.assertEqual(
            complaints(min_valid_lifetime=8000),
            ["min-valid-lifetime: min-valid-lifetime 8000 is above valid-lifetime 7200; lower it"],
        )
        self.assertEqual(
            complaints(max_valid_lifetime=8000, subnet4=[{**SUBNET, "valid-lifetime": 8001}]),
            ["subnet4[0].valid-lifetime: max-valid-lifetime 8000 is below valid-lifetime 8001; raise it"],
        )

    def test_timers(self) -> None:
        """Timers out of order are accepted with a warning, once, where they are set."""
        found = configured(valid_lifetime=100, renew_timer=90, rebind_timer=80, subnet4=[SUBNET])
        self.assertEqual(
            [line.split(": ", 1)[1] for line in found.warnings],
            ["Dhcp4.renew-timer: renew-timer 90 is not below 80, so it is not sent"],
        )
        self.assertEqual(len(configured(valid_lifetime=100, renew_timer=100, rebind_timer=100).warnings), 2)
        self.assertEqual(len(configured(t1_percent=0.9).warnings), 1)

    def test_one_interface(self) -> None:
        """All of a network that names an interface names the same."""
        self.assertEqual(
            complaints(
                shared_networks=[
                    {
                        "name": "n",
                        "subnet4": [
                            {"id": 1, "subnet": "10.1.0.0/16", "interface": "eth1"},
                            {"id": 2, "subnet": "10.2.0.0/16"},
                            {"id": 3, "subnet": "10.3.0.0/16", "interface": "eth2"},
                        ],
                    }
                ]
            ),
            [
                "shared-networks[0].subnet4[2].interface: eth2 is not eth1 as in Dhcp4.shared-networks[0].subnet4[0];"
                " a network has one interface"
            ],
        )

    def test_names(self) -> None:
        """A network has a name that no other has."""
        self.assertEqual(
            complaints(shared_networks=[{"name": "n"}, {"name": "n"}, {}, {"name": ""}]),
            [
                'shared-networks[1].name: "n" is the name of Dhcp4.shared-networks[0] already; choose another',
                'shared-networks[2]: "name" is missing; add it',
                "shared-networks[3].name: the string is empty; write a name",
            ],
        )


class Reservations(SynchronousTestCase):
    """``reservations``."""

    def test_identifiers(self) -> None:
        """All kinds of identifiers, in hexadecimal with or without colons or as quoted text."""
        table = [
            ("hw-address", "02:00:5e:10:0:1", b"\2\0\x5e\x10\0\1"),
            ("duid", "0102aBcD", b"\1\2\xab\xcd"),
            ("circuit-id", "'port 7'", b"port 7"),
            ("client-id", "0x01ff", b"\1\xff"),
            ("flex-id", "  'it''s'  ", b"it''s"),
        ]
        for keyword, text, value in table:
            kind = IdentifierKind[keyword.upper().replace("-", "_")]
            self.assertEqual(host(**{keyword: text}), Host(identifier=Identifier(kind, value), subnet_id=1))

    def test_bad_identifiers(self) -> None:
        """An identifier that is no hexadecimal, empty or too long is refused."""
        for keyword, text in (
            ("hw-address", "zz"),
            ("hw-address", ":".join(["01"] * 21)),
            ("duid", "01" * 129),
            ("circuit-id", "''"),
            ("client-id", ""),
            ("flex-id", " "),
        ):
            (line,) = reserved({keyword: text})
            self.assertTrue(line.startswith(f"reservations[0].{keyword}: "), line)

    def test_one_identifier(self) -> None:
        """A reservation has exactly one identifier."""
        self.assertEqual(
            reserved({"hw-address": "01", "duid": "02"}, {"hostname": "a"}),
            [
                "reservations[0]: a reservation has exactly one of hw-address, duid, circuit-id, client-id, flex-id;"
                " hw-address and duid are given",
                "reservations[1]: a reservation has exactly one of hw-address, duid, circuit-id, client-id, flex-id;"
                " none is given",
            ],
        )

    def test_all_keywords(self) -> None:
        """Everything a reservation may hold arrives, its comment in the user context."""
        found = host(
            hw_address="01",
            ip_address="192.0.2.9",
            hostname="a.example.org",
            next_server="192.0.2.1",
            server_hostname="tftp",
            boot_file_name="/boot",
            option_data=[{"name": "routers", "data": "192.0.2.3"}],
            comment="c",
            user_context={"x": [1]},
            client_classes=[],
        )
        self.assertEqual(found.address, bytes([192, 0, 2, 9]))
        self.assertEqual(
            (found.hostname, found.server_hostname, found.boot_file_name), ("a.example.org", "tftp", "/boot")
        )
        self.assertEqual(found.next_server, bytes([192, 0, 2, 1]))
        self.assertEqual(found.user_context, {"x": [1], "comment": "c"})
        self.assertEqual(len(found.options), 1)

    def test_addresses(self) -> None:
        """A reserved address lies in its subnet, in a pool or not; a global one may lie anywhere."""
        self.assertEqual(reserved({"duid": "01", "ip-address": "192.0.2.0"}), [])
        self.assertEqual(complaints(reservations=[{"duid": "01", "ip-address": "203.0.113.1"}]), [])
        self.assertEqual(
            reserved({"duid": "01", "ip-address": "192.0.3.0"}),
            [
                "reservations[0].ip-address: 192.0.3.0 is outside of the subnet;"
                " reserve an address in it, or reserve globally"
            ],
        )
        for address in ("0.0.0.0", "255.255.255.255", "192.0.2.300", "2001:db8::1"):
            self.assertEqual(len(complaints(reservations=[{"duid": "01", "ip-address": address}])), 1)

    def test_duplicates(self) -> None:
        """An identifier is reserved once in a subnet; an address too, unless ip-reservations-unique is off."""
        one, two = {"duid": "01", "ip-address": "192.0.2.1"}, {"duid": "02", "ip-address": "192.0.2.1"}
        self.assertEqual(
            reserved(one, two),
            [
                "reservations[1].ip-address: this address is reserved here already;"
                " choose another, or set ip-reservations-unique to false"
            ],
        )
        self.assertEqual(reserved(one, two, ip_reservations_unique=False), [])
        self.assertEqual(
            reserved(one, {"duid": "0:1"}, {"duid": "1"}, {"client-id": "01"}),
            ["reservations[2].duid: duid=01 has a reservation here already; keep one of the two"],
        )
        self.assertEqual(reserved(one, reservations=[one]), [])
