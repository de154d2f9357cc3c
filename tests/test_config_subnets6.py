"""DHCPv6 subnets, pools of addresses and of prefixes, shared networks and reservations in a configuration."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.configuring import SUBNET6, complaints6, configured6, in_subnet6, written
from txkea.model.configuration import Host, Lifetime, PrefixPool, Subnet
from txkea.model.identifier import Identifier, IdentifierKind

PREFIXES = {"prefix": "2001:db8:8::", "prefix-len": 48, "delegated-len": 56}


def packed(text: str) -> bytes:
    return IPv6Address(text).packed


def subnet(**keywords: Any) -> Subnet:
    """The one subnet that these keywords configure."""
    (found,) = configured6(subnet6=[{**SUBNET6, **written(**keywords)}]).subnets
    return found


def host(**keywords: Any) -> Host:
    """The one reservation in a subnet that these keywords configure."""
    (found,) = subnet(reservations=[written(**keywords)]).hosts
    return found


def reserved(*reservations: dict[str, Any], **more: Any) -> list[str]:
    """What is wrong with reservations in one subnet."""
    found = complaints6(subnet6=[{**SUBNET6, "reservations": list(reservations)}], **more)
    return [line.removeprefix("subnet6[0].") for line in found]


def excluding(**keywords: Any) -> list[str]:
    """What is wrong with a pool of prefixes that lacks something."""
    return in_subnet6(pd_pools=[{**PREFIXES, **written(**keywords)}])


class Subnets(SynchronousTestCase):
    """``subnet6``."""

    def test_prefix(self) -> None:
        """Host bits are kept as written and cleared in the network."""
        (found,) = configured6(subnet6=[{"id": 9, "subnet": "2001:DB8::77/33"}]).subnets
        self.assertEqual((found.prefix, found.network, found.length), ("2001:DB8::77/33", packed("2001:db8::"), 33))

    @settings(deadline=None)
    @given(st.integers(0, 2**128 - 1), st.integers(0, 128))
    def test_any_prefix(self, address: int, length: int) -> None:
        """Of any address and length the network is what ipaddress says it is."""
        text = f"{IPv6Address(address)}/{length}"
        (found,) = configured6(subnet6=[{"id": 1, "subnet": text}]).subnets
        self.assertEqual(found.network, IPv6Network(text, strict=False).network_address.packed)
        self.assertEqual(found.length, length)

    def test_bad_prefixes(self) -> None:
        """What is no prefix is refused."""
        for text in ("2001:db8::", "::/129", "::/-1", "::/", "::/01", "2001:db8::%eth0/64", "192.0.2.0/24", "x/64", ""):
            (line,) = complaints6(subnet6=[{"id": 1, "subnet": text}])
            self.assertEqual(line, f'subnet6[0].subnet: "{text}" is not an IPv6 prefix; write it like 2001:db8::/32')

    def test_duplicates(self) -> None:
        """No two subnets have a prefix in common, however it is written; host bits tell them apart."""
        prefixes = ("2001:db8::/32", "2001:0DB8:: / 32", "2001:db8::1/32", "2001:db8::/33")
        lines = complaints6(subnet6=[{"id": n + 1, "subnet": text} for n, text in enumerate(prefixes)])
        self.assertEqual(
            lines,
            ["subnet6[1].subnet: 2001:0DB8::/32 is the prefix of Dhcp6.subnet6[0] already; choose another"],
        )

    def test_reach(self) -> None:
        """A subnet is reached by an interface of the server or by one of a relay, not by both."""
        self.assertEqual(subnet(interface_id="port7").parameters.interface_id, b"port7")
        self.assertEqual(subnet(interface="eth0").parameters.interface, "eth0")
        self.assertEqual(subnet().parameters.interface_id, b"")
        self.assertEqual(
            in_subnet6(interface="eth0", interface_id="port7"),
            ["interface-id: the interface eth0 is named too; a client is heard directly or by a relay"],
        )
        for more in ({"interface": "", "interface_id": "a"}, {"interface": "eth0", "interface_id": ""}):
            self.assertEqual(in_subnet6(**more), [])

    def test_interface_id(self) -> None:
        """An interface-id is text, or bytes in hexadecimal; text beyond ASCII gets a warning."""
        for text, value in (("0x0a1bFF", b"\x0a\x1b\xff"), ("0x0a1", b"0x0a1"), ("0xzz", b"0xzz"), ("0x", b"0x")):
            self.assertEqual(subnet(interface_id=text).parameters.interface_id, value)
        found = configured6(subnet6=[{**SUBNET6, "interface-id": "\u00e9"}])
        self.assertEqual(found.subnets[0].parameters.interface_id, b"\xc3\xa9")
        (warning,) = found.warnings
        self.assertIn("Dhcp6.subnet6[0].interface-id: this is taken as UTF-8", warning)

    def test_relay(self) -> None:
        """Relays are named by their addresses, each once."""
        self.assertEqual(
            subnet(relay={"ip-addresses": ["2001:db8::1", "fe80::1"]}).parameters.relay_addresses,
            (packed("2001:db8::1"), packed("fe80::1")),
        )
        self.assertEqual(
            in_subnet6(relay={"ip-addresses": ["2001:db8::1", "fe80::1", "2001:db8:0::1"]}),
            ["relay.ip-addresses[2]: 2001:db8:0::1 is named twice; name it once"],
        )
        (line,) = in_subnet6(relay={"ip-addresses": ["192.0.2.1"]})
        self.assertTrue(line.startswith('relay.ip-addresses[0]: "192.0.2.1" is not an IPv6 address'), line)


class Pools(SynchronousTestCase):
    """``pools`` and ``pd-pools``."""

    def test_addresses(self) -> None:
        """A pool is two addresses with blanks as one likes, or a prefix all of whose addresses count, up to 2^128."""
        pools = [{"pool": "2001:db8::10-2001:db8::1f", "pool-id": 7}, {"pool": "2001:db8:1::5/64"}]
        one, two = subnet(pools=pools).pools
        base = int.from_bytes(packed("2001:db8::"), "big")
        self.assertEqual((one.first - base, one.last - base, one.size, one.id), (16, 31, 16, 7))
        self.assertEqual((two.first, two.size), (int.from_bytes(packed("2001:db8:1::"), "big"), 2**64))
        (everything,) = configured6(subnet6=[{"id": 1, "subnet": "::/0", "pools": [{"pool": "::/0"}]}]).subnets
        self.assertEqual(everything.pools[0].size, 2**128)

    def test_bad_addresses(self) -> None:
        """What is no pool, or not in the subnet, is refused."""
        for text in (
            "2001:db8::1",
            "2001:db8::9-2001:db8::1",
            "2001:db8::1-2-3",
            "2001:db8::/129",
            "192.0.2.0/24",
            "x",
        ):
            (line,) = in_subnet6(pools=[{"pool": text}])
            self.assertTrue(line.startswith("pools[0].pool: "), line)
        for text in ("2001:db7:ffff::-2001:db8::1", "2001:db8::1-2001:db9::", "2001::/16"):
            self.assertEqual(
                in_subnet6(pools=[{"pool": text}]),
                ["pools[0].pool: the pool is outside of the subnet 2001:db8::/32; it must lie in it"],
            )

    def test_prefixes(self) -> None:
        """A pool of prefixes may lie anywhere, and host bits are cleared; options, context and id arrive."""
        options = [{"name": "dns-servers", "data": "2001:db8::1"}]
        more = {"pool-id": 3, "option-data": options, "user-context": {"a": 1}, "comment": "c"}
        (found,) = subnet(pd_pools=[{**PREFIXES, "prefix": "3000:1:2:3::", **more}]).prefix_pools
        self.assertEqual((found.network, found.length, found.delegated_length), (packed("3000:1:2::"), 48, 56))
        self.assertEqual((found.size, found.id), (256, 3))
        self.assertEqual([option.payload for option in found.options], [packed("2001:db8::1")])
        self.assertEqual(found.user_context, {"a": 1, "comment": "c"})

    def test_lengths(self) -> None:
        """Prefixes that are delegated are as long as the one that they are cut from, or longer: 1 to 128 bits."""
        self.assertEqual(in_subnet6(pd_pools=[{**PREFIXES, "delegated-len": 48}]), [])
        self.assertEqual(
            in_subnet6(pd_pools=[{**PREFIXES, "delegated-len": 47}]),
            ["pd-pools[0].delegated-len: 47 is shorter than prefix-len 48; it must be at least as long"],
        )
        for name in ("prefix-len", "delegated-len"):
            for length in (0, 129):
                (line,) = in_subnet6(pd_pools=[{**PREFIXES, name: length}])
                self.assertTrue(line.startswith(f"pd-pools[0].{name}: {length} is out of range"), line)
        self.assertEqual(
            in_subnet6(pd_pools=[{}]),
            [f'pd-pools[0]: "{name}" is missing; add it' for name in ("prefix", "prefix-len", "delegated-len")],
        )

    def test_excluded(self) -> None:
        """What prefixes lack is inside of each and longer (RFC 6603); it is kept as it is in the first one."""
        keywords = {"excluded-prefix": "2001:db8:8:80:1::", "excluded-prefix-len": 57}
        (found,) = subnet(pd_pools=[{**PREFIXES, **keywords}]).prefix_pools
        expected = PrefixPool(
            network=packed("2001:db8:8::"),
            length=48,
            delegated_length=56,
            excluded_prefix=packed("2001:db8:8:80::"),
            excluded_length=57,
        )
        self.assertEqual(found, expected)
        (nothing,) = subnet(pd_pools=[{**PREFIXES, "excluded-prefix": "::", "excluded-prefix-len": 0}]).prefix_pools
        self.assertEqual((nothing.excluded_prefix, nothing.excluded_length), (b"", 0))

    def test_bad_excluded(self) -> None:
        """What cannot be lacking is refused, with the reason."""
        self.assertEqual(
            excluding(excluded_prefix="2001:db8:8::", excluded_prefix_len=56),
            [
                "pd-pools[0].excluded-prefix-len: the excluded prefix has 56 bits;"
                " it has more than the 56 of what is delegated"
            ],
        )
        self.assertEqual(
            excluding(excluded_prefix="2001:db8:8:100::", excluded_prefix_len=64),
            [
                "pd-pools[0].excluded-prefix: the excluded prefix is outside of the delegated one;"
                " its first bits are the same"
            ],
        )
        for name, value in (("excluded-prefix", "2001:db8:8::"), ("excluded-prefix-len", 64)):
            self.assertEqual(
                excluding(**{name: value}),
                [f"pd-pools[0].{name}: excluded-prefix and excluded-prefix-len go together; add the other one"],
            )

    @settings(deadline=None)
    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 15), st.integers(0, 15)), max_size=5))
    def test_overlaps(self, ranges: list[tuple[bool, int, int]]) -> None:
        """Pools of a subnet, of either kind, are accepted exactly if no address is in two of them."""
        pools: list[dict[str, Any]] = []
        prefixes: list[dict[str, Any]] = []
        taken: list[int] = []
        for delegated, start, more in ranges:
            if delegated:
                prefixes.append({"prefix": f"2001:db8:{start:x}::", "prefix-len": 48, "delegated-len": 56})
                taken.append(start)
            else:
                last = min(start + more, 15)
                pools.append({"pool": f"2001:db8:{start:x}::-2001:db8:{last:x}::1"})
                taken += range(start, last + 1)
        self.assertEqual(not in_subnet6(pools=pools, pd_pools=prefixes), len(taken) == len(set(taken)))

    def test_overlap_named(self) -> None:
        """The pool that overlaps is named at its own place, with the one that it overlaps."""
        self.assertEqual(
            in_subnet6(pools=[{"pool": "2001:db8:8:ff::/64"}], pd_pools=[PREFIXES]),
            ["pools[0].pool: the pool overlaps 2001:db8:8::/48; an address belongs to one pool"],
        )
        self.assertEqual(
            in_subnet6(pools=[{"pool": "2001:db8::/36"}], pd_pools=[PREFIXES]),
            ["pd-pools[0].prefix: the pool overlaps 2001:db8::/36; an address belongs to one pool"],
        )


class Networks(SynchronousTestCase):
    """``shared-networks`` and inheritance."""

    def test_inheritance(self) -> None:
        """The innermost scope that sets a value wins: subnet, network, global, default."""
        found = configured6(
            preferred_lifetime=1000,
            min_preferred_lifetime=500,
            renew_timer=100,
            pd_allocator="random",
            shared_networks=[
                {
                    "name": "n",
                    "valid-lifetime": 3000,
                    "preferred-lifetime": 2000,
                    "max-preferred-lifetime": 2500,
                    "interface-id": "port7",
                    "rapid-commit": True,
                    "relay": {"ip-address": "2001:db8::3"},
                    "subnet6": [
                        {"id": 1, "subnet": "2001:db8:1::/48", "preferred-lifetime": 2200, "interface-id": "port8"},
                        {"id": 2, "subnet": "2001:db8:2::/48", "pd-allocator": "iterative", "interface": "eth0"},
                    ],
                }
            ],
            subnet6=[{"id": 3, "subnet": "2001:db8:3::/48"}],
        )
        one, two, three = (each.parameters for each in found.subnets)
        network = found.networks[0].parameters
        self.assertEqual(found.parameters.preferred_lifetime, Lifetime(1000, 500, 1000))
        self.assertEqual(network.preferred_lifetime, Lifetime(2000, 500, 2500))
        self.assertEqual(one.preferred_lifetime, Lifetime(2200, 500, 2500))
        self.assertEqual(three, found.parameters)
        self.assertEqual(
            [each.interface_id for each in (network, one, two, three)], [b"port7", b"port8", b"port7", b""]
        )
        self.assertEqual([each.interface for each in (one, two)], ["", "eth0"])
        self.assertEqual([each.rapid_commit for each in (one, two, three)], [True, True, False])
        self.assertEqual([each.pd_allocator for each in (one, two, three)], ["random", "iterative", "random"])
        self.assertEqual(two.relay_addresses, (packed("2001:db8::3"),))
        self.assertEqual({each.renew_timer for each in (one, two, three)}, {100})
        self.assertEqual((found.networks[0].subnet_ids, found.subnets[1].network_name), ((1, 2), "n"))

    def test_rapid_commit(self) -> None:
        """A network's subnets have the same rapid-commit, of their own or the network's."""

        def judged(network: bool | None, *subnets: bool | None) -> list[str]:
            members = [
                {"id": n + 1, "subnet": f"2001:db8:{n}::/48", **({} if each is None else {"rapid-commit": each})}
                for n, each in enumerate(subnets)
            ]
            more = {} if network is None else {"rapid-commit": network}
            return complaints6(shared_networks=[{"name": "n", "subnet6": members, **more}])

        for good in ((None, None, False), (True, True, None), (True, False, False), (True, False), (None, True, True)):
            self.assertEqual(judged(*good), [], good)
        for bad in ((None, True, None), (None, None, True), (True, False, None), (False, None, True)):
            (line,) = judged(*bad)
            self.assertTrue(line.startswith("shared-networks[0].subnet6[1]"), line)
            self.assertIn("rapid-commit", line)

    def test_one_interface(self) -> None:
        """All of a network that names an interface names the same."""
        members = [{"id": n, "subnet": f"2001:db8:{n}::/48", "interface": f"eth{n}"} for n in (1, 2)]
        (line,) = complaints6(shared_networks=[{"name": "n", "subnet6": members}])
        self.assertTrue(line.startswith("shared-networks[0].subnet6[1].interface: eth2 is not eth1"), line)

    def test_lifetimes(self) -> None:
        """Bounds that do not enclose the preferred lifetime are refused where they are set, or where it is."""
        self.assertEqual(
            complaints6(min_preferred_lifetime=8000),
            ["min-preferred-lifetime: min-preferred-lifetime 8000 is above preferred-lifetime 3600; lower it"],
        )
        self.assertEqual(
            in_subnet6(preferred_lifetime=5000, max_preferred_lifetime=4000),
            ["max-preferred-lifetime: max-preferred-lifetime 4000 is below preferred-lifetime 5000; raise it"],
        )

    def test_preferred_within_valid(self) -> None:
        """A lease is not preferred for longer than it is valid; saying so is accepted with a warning."""
        found = configured6(valid_lifetime=1000, min_preferred_lifetime=600)
        self.assertEqual(found.parameters.preferred_lifetime, Lifetime(1000, 600, 3600))
        self.assertEqual(found.warnings, ())
        found = configured6(subnet6=[{**SUBNET6, "preferred-lifetime": 8000}])
        self.assertEqual(found.subnets[0].parameters.preferred_lifetime.default, 7200)
        (warning,) = found.warnings
        self.assertIn("Dhcp6.subnet6[0].preferred-lifetime: this is longer than valid-lifetime 7200", warning)

    def test_timers(self) -> None:
        """Timers out of order are accepted with a warning; shares out of order are refused where they are used."""
        found = configured6(renew_timer=900, rebind_timer=800)
        (warning,) = found.warnings
        self.assertIn("Dhcp6.renew-timer: renew-timer 900 is not below 800, so it is sent as 0", warning)
        self.assertEqual(len(configured6(rebind_timer=7200).warnings), 1)
        for shares in ((0.8, 0.8), (0.9, 0.8), (0.0, 0.5), (0.5, 1.0)):
            (line,) = in_subnet6(t1_percent=shares[0], t2_percent=shares[1])
            self.assertIn("must be between 0 and 1, the first one smaller", line)
            found = configured6(calculate_tee_times=False, t1_percent=shares[0], t2_percent=shares[1])
            self.assertFalse(found.parameters.calculate_tee_times)


class Reservations(SynchronousTestCase):
    """``reservations``."""

    def test_identifiers(self) -> None:
        """Clients are known by DUID, hardware address or flexible identifier, and by exactly one of them."""
        table = [("duid", "0102aBcD", b"\1\2\xab\xcd"), ("hw-address", "1:2", b"\1\2"), ("flex-id", "'a'", b"a")]
        for keyword, text, value in table:
            kind = IdentifierKind[keyword.upper().replace("-", "_")]
            self.assertEqual(host(**{keyword: text}), Host(identifier=Identifier(kind, value), subnet_id=1))
        wanted = "reservations[{}]: a reservation has exactly one of hw-address, duid, flex-id; {}"
        self.assertEqual(
            reserved({"duid": "01", "flex-id": "'a'"}, {"hostname": "a"}),
            [wanted.format(0, "duid and flex-id are given"), wanted.format(1, "none is given")],
        )
        lines = reserved({"client-id": "01"})
        self.assertTrue(any(line.startswith("reservations[0].client-id: unknown keyword") for line in lines), lines)

    def test_several(self) -> None:
        """A client may have several addresses and prefixes, and each prefix may lack something."""
        found = host(
            duid="01",
            ip_addresses=["2001:db8::9", "2001:db8:ffff::1"],
            prefixes=["3000:1::5/56", "3000:2::/48"],
            excluded_prefixes=["3000:1:0:80::/64", ""],
            hostname="a.example.org",
            option_data=[{"name": "dns-servers", "data": "2001:db8::1"}],
            comment="c",
        )
        self.assertEqual(found.addresses, (packed("2001:db8::9"), packed("2001:db8:ffff::1")))
        self.assertEqual(found.prefixes, ((packed("3000:1::"), 56), (packed("3000:2::"), 48)))
        self.assertEqual(found.excluded_prefixes, ((packed("3000:1:0:80::"), 64), None))
        self.assertEqual(
            (found.hostname, len(found.options), found.user_context), ("a.example.org", 1, {"comment": "c"})
        )
        self.assertEqual(host(duid="01", prefixes=["3000::/56"], excluded_prefixes=[""]).excluded_prefixes, ())

    def test_addresses(self) -> None:
        """A reserved address lies in its subnet, in a pool or not; a prefix, and what is global, may lie anywhere."""
        self.assertEqual(reserved({"duid": "01", "ip-addresses": ["2001:db8::"], "prefixes": ["3000::/64"]}), [])
        self.assertEqual(complaints6(reservations=[{"duid": "01", "ip-addresses": ["3000::1"]}]), [])
        self.assertEqual(
            reserved({"duid": "01", "ip-addresses": ["2001:db8::1", "2001:db9::"]}),
            [
                "reservations[0].ip-addresses[1]: 2001:db9:: is outside of the subnet;"
                " reserve an address in it, or reserve globally"
            ],
        )
        for keyword, text in (
            ("ip-addresses", "::"),
            ("ip-addresses", "ff02::1"),
            ("ip-addresses", "192.0.2.1"),
            ("ip-addresses", "2001:db8::1/128"),
            ("prefixes", "ff00::/64"),
            ("prefixes", "::/0"),
            ("prefixes", "3000::"),
            ("prefixes", "3000::/129"),
        ):
            (line,) = complaints6(reservations=[{"duid": "01", keyword: [text]}])
            self.assertTrue(line.startswith(f"reservations[0].{keyword}[0]: "), line)

    def test_duplicates(self) -> None:
        """Addresses and prefixes are reserved once in a subnet, unless ip-reservations-unique is off; twice for one
        client they never are.
        """
        one = {"duid": "01", "ip-addresses": ["2001:db8::1"], "prefixes": ["3000::/56"]}
        two = {"duid": "02", "ip-addresses": ["2001:db8::2", "2001:db8:0::1"], "prefixes": ["3000::/64"]}
        already = "is reserved here already; choose another"
        self.assertEqual(
            reserved(one, two),
            [
                f"reservations[1].ip-addresses[1]: this address {already}, or set ip-reservations-unique to false",
                f"reservations[1].prefixes[0]: this address {already}, or set ip-reservations-unique to false",
            ],
        )
        self.assertEqual(reserved(one, two, ip_reservations_unique=False), [])
        twice = {"duid": "01", "prefixes": ["3000::/56", "3000::/64"]}
        self.assertEqual(
            reserved(twice, ip_reservations_unique=False), [f"reservations[0].prefixes[1]: this {already}"]
        )
        self.assertEqual(
            reserved(one, {"duid": "0:1"}, {"duid": "1"}),
            ["reservations[2].duid: duid=01 has a reservation here already; keep one of the two"],
        )

    def test_bad_excluded(self) -> None:
        """What prefixes lack is given for each, and is inside of it."""
        given_two = {"duid": "01", "prefixes": ["3000::/56"], "excluded-prefixes": ["3000::/64", ""]}
        self.assertEqual(
            reserved(given_two),
            ['reservations[0].excluded-prefixes: 2 entries for 1 prefixes; give one for each, "" if it lacks nothing'],
        )
        for text in ("3000::/56", "3000:0:0:100::/64"):
            (line,) = reserved({"duid": "01", "prefixes": ["3000::/56"], "excluded-prefixes": [text]})
            self.assertTrue(line.startswith("reservations[0].excluded-prefixes[0]: the excluded prefix "), line)
