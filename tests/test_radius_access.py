"""RADIUS access as a source of hosts: what a server says of a client, and what becomes of it (Kea I.2, I.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.authorising import Asking, asking4, asking6
from tests.exchanging import ACK, NAK, RELAY, got
from txkea.model.lease import LeaseState
from txkea.radius.packet import Code
from txkea.testing.clients4 import Client
from txkea.testing.clients6 import Client6, ia_na, ia_pd
from txkea.testing.local import START
from txkea.testing.radius import ACCEPT, REJECT, MemoryRadius
from txkea.testing.serving import ON_LINK4, ON_LINK6
from txkea.wire.dhcp6 import StatusCode

MAC = "02:00:00:01:00:{:02x}"
GOLD = {"pool": "192.0.2.50 - 192.0.2.59", "client-class": "gold"}
OPEN = {"pool": "192.0.2.10 - 192.0.2.19"}
OTHER = {"id": 2, "subnet": "198.51.100.0/24", "pools": [{"pool": "198.51.100.10 - 198.51.100.19"}]}


def users(*of: Mapping[str, Any] | tuple[int, Mapping[str, Any]]) -> MemoryRadius:
    """A server that knows the clients 1, 2, ... by their hardware addresses."""
    return MemoryRadius({MAC.format(number): said for number, said in enumerate(of, 1)})


def duid(number: int) -> str:
    """The name of a DHCPv6 client."""
    return f"00:03:00:01:02:00:00:01:00:{number:02x}"


class AcceptTests(SynchronousTestCase):
    """Access-Accept in DHCPv4."""

    def lease(self, said: Mapping[str, Any], **more: Any) -> tuple[str, Asking]:
        found = asking4(users(said), **more)
        return Client(found.server, 1).lease().yiaddr, found

    def test_address(self) -> None:
        """The address of an Access-Accept is the client's, and stays that: one request is enough."""
        address, found = self.lease({"Framed-IP-Address": "192.0.2.200"})
        self.assertEqual(address, "192.0.2.200")
        self.assertEqual(got(Client(found.server, 1).reboot(address), ACK).yiaddr, address)
        self.assertEqual(found.radius.names, [MAC.format(1)])
        self.assertEqual(found.statistics["radius-access-accepted"], 1)

    def test_as_you_like(self) -> None:
        """No address, and what stands for none, leaves the choice to the server."""
        for said in ({}, *({"Framed-IP-Address": f"{each}"} for each in ("255.255.255.254", "255.255.255.255"))):
            address, found = self.lease(said)
            self.assertEqual((address, found.logged("RADIUS_ACCESS_ADDRESS_IGNORED")), ("192.0.2.10", []))

    def test_elsewhere(self) -> None:
        """An address that is not in the client's subnet is ignored, counted and told in the log."""
        address, found = self.lease({"Framed-IP-Address": "198.51.100.7"}, subnet4=[ON_LINK4, OTHER])
        self.assertEqual(address, "192.0.2.10")
        self.assertEqual(found.statistics["radius-access-ignored-addresses"], 1)
        self.assertIn("198.51.100.7", found.logged("RADIUS_ACCESS_ADDRESS_IGNORED")[0])

    def test_network(self) -> None:
        """An address of a subnet beside its own, in the same shared network, is the client's."""
        network = {"name": "net", "interface": "eth0", "subnet4": [ON_LINK4, OTHER]}
        address, _ = self.lease({"Framed-IP-Address": "198.51.100.77"}, shared_networks=[network], subnet4=[])
        self.assertEqual(address, "198.51.100.77")

    def test_pool(self) -> None:
        """The name of a pool is a class: who has it may use what is for its members, and nobody else may."""
        subnet = {"id": 1, "subnet": "192.0.2.0/24", "pools": [GOLD]}
        self.assertEqual(self.lease({"Framed-Pool": "gold"}, subnet4=[subnet])[0], "192.0.2.50")
        found = asking4(users({}, {"Framed-Pool": "silver"}), subnet4=[subnet])
        self.assertIsNone(Client(found.server, 1).discover())
        self.assertIsNone(Client(found.server, 2).discover())

    def test_class(self) -> None:
        """A class of that name that the configuration has gives its options to the client."""
        option = [{"name": "routers", "data": "192.0.2.1"}]
        found = asking4(users({"Framed-Pool": "gold"}), client_classes=[{"name": "gold", "option-data": option}])
        self.assertEqual(Client(found.server, 1).lease().options[3], bytes((192, 0, 2, 1)))

    def test_kept(self) -> None:
        """All attributes are kept with the host, octets in hexadecimal; those of the packet alone are not."""
        said = {"Class": ["0x01", "two"], "Session-Timeout": 60, "Message-Authenticator": "0x" + "00" * 16}
        found = asking4(users(said))
        Client(found.server, 1).lease()
        ((_, entry),) = found.remembered()
        kept = {"Class": ["0x01", "0x74776f"], "Session-Timeout": [60]}
        self.assertEqual(entry.hosts[0].user_context, {"radius": kept})

    def test_own_reservation(self) -> None:
        """A reservation of the configuration by the same identifier comes first, and nobody is asked (Kea I040)."""
        reserved = {"hw-address": MAC.format(1), "ip-address": "192.0.2.99"}
        address, found = self.lease(
            {"Framed-IP-Address": "192.0.2.200"}, subnet4=[{**ON_LINK4, "reservations": [reserved]}]
        )
        self.assertEqual((address, found.radius.names), ("192.0.2.99", []))

    def test_own_reservation_behind(self) -> None:
        """So it does where another identifier would come before it."""
        reserved = {"client-id": "01:02:03", "ip-address": "192.0.2.99"}
        radius = MemoryRadius({"01:02:03": {"Framed-IP-Address": "192.0.2.200"}})
        found = asking4(
            radius,
            {"identifier_type4": "client-id"},
            subnet4=[{**ON_LINK4, "reservations": [reserved]}],
            host_reservation_identifiers=["hw-address", "client-id"],
        )
        self.assertEqual(Client(found.server, 1, client_id=b"\1\2\3").lease().yiaddr, "192.0.2.99")
        self.assertEqual(radius.names, [])

    def test_nobody_elses(self) -> None:
        """What RADIUS has given to one client no other gets, whatever reservations are looked up by."""
        radius = MemoryRadius({"01:01": {"Framed-IP-Address": "192.0.2.10"}, "01:02": {}})
        found = asking4(radius, {"identifier_type4": "client-id"}, host_reservation_identifiers=["hw-address"])
        first, second = (Client(found.server, number, client_id=bytes((1, number))) for number in (1, 2))
        self.assertIsNotNone(first.discover())
        self.assertEqual(second.lease().yiaddr, "192.0.2.11")
        self.assertEqual(first.lease().yiaddr, "192.0.2.10")
        self.assertEqual(got(first.rebind("192.0.2.10"), ACK).yiaddr, "192.0.2.10")
        self.assertEqual(radius.names, ["01:01", "01:02"])

    def test_global(self) -> None:
        """With global reservations alone the host is global, in whatever subnet of its link the address is."""
        address, found = self.lease(
            {"Framed-IP-Address": "192.0.2.200"}, reservations_global=True, reservations_in_subnet=False
        )
        self.assertEqual((address, len(found.radius.names)), ("192.0.2.200", 1))
        (((_, subnet, _), _),) = found.remembered()
        self.assertEqual(subnet, 0)

    def test_one_subnet(self) -> None:
        """There is one request for a client, however many subnets its link has."""
        network = {"name": "net", "interface": "eth0", "subnet4": [ON_LINK4, OTHER]}
        found = asking4(users({}), shared_networks=[network], subnet4=[], reservations_global=True)
        Client(found.server, 1).lease()
        self.assertEqual(len(found.radius.names), 1)


class PrecedenceTests(SynchronousTestCase):
    """RADIUS, and other sources of hosts."""

    def test_unlisted_identifier(self) -> None:
        """What RADIUS gives by an identifier that no reservation is looked up by is the client's own all the same."""
        said = {"Framed-IPv6-Address": "2001:db8:1::10", "Delegated-IPv6-Prefix": "2001:db8:1000::/56"}
        radius = MemoryRadius({MAC.format(1): said, MAC.format(2): {}})
        found = asking6(radius, {"identifier_type6": "hw-address"}, host_reservation_identifiers=["duid"])
        first, second = (Client6(found.server, number, ias=[ia_na(1), ia_pd(2)]) for number in (1, 2))
        first.solicit()
        other = second.lease()
        self.assertEqual((other.addresses, other.prefixes), (["2001:db8:1::11"], ["2001:db8:1000:100::/56"]))
        for answer in (first.lease(), first.renew(), first.rebind()):
            assert answer is not None
            self.assertEqual((answer.addresses, answer.prefixes), (["2001:db8:1::10"], ["2001:db8:1000::/56"]))


class RejectTests(SynchronousTestCase):
    """Access-Reject, and what counts as one."""

    def test_reject(self) -> None:
        """Who is rejected gets nothing new, and loses what it had; its queries cost one request."""
        found = asking4(MemoryRadius())
        client = Client(found.server, 1)
        self.assertIsNone(client.discover())
        self.assertEqual(got(client.reboot("192.0.2.10"), NAK).type, NAK)
        self.assertEqual(len(found.radius.names), 1)
        self.assertEqual(found.statistics["radius-access-rejected"], 1)

    def test_reason(self) -> None:
        """The server's message is in the log, its control characters as escapes."""
        found = asking4(users((REJECT, {"Reply-Message": "not\ntoday"})))
        Client(found.server, 1).discover()
        self.assertIn("not\\ntoday", found.logged("RADIUS_ACCESS_REJECT")[0])

    def test_challenge(self) -> None:
        """A challenge, which nobody can answer, is a rejection (RFC 2865 section 4.4)."""
        found = asking4(users((Code.ACCESS_CHALLENGE, {})))
        self.assertIsNone(Client(found.server, 1).discover())

    def test_others(self) -> None:
        """Nobody else suffers."""
        found = asking4(MemoryRadius({MAC.format(2): {}}))
        self.assertIsNone(Client(found.server, 1).discover())
        self.assertEqual(Client(found.server, 2).lease().yiaddr, "192.0.2.10")

    def test_release(self) -> None:
        """A client that leaves is not asked about, and leaves whatever RADIUS says."""
        found = asking4(users({}))
        client = Client(found.server, 1)
        address = client.lease().yiaddr
        found.forget()
        client.release(address)
        self.assertEqual(found.server.leases[address].state, LeaseState.RECLAIMED)
        self.assertEqual(len(found.radius.names), 1)


class SilenceTests(SynchronousTestCase):
    """No server answers."""

    def test_drop(self) -> None:
        """A client of which nothing is known gets no answer, and is served as soon as a server answers."""
        found = asking4(users({}))
        found.radius.silent = True
        client = Client(found.server, 1)
        self.assertIsNone(client.discover())
        self.assertEqual(found.statistics["radius-access-dropped"], 1)
        self.assertEqual(found.statistics["pkt4-receive-drop"], 1)
        found.radius.silent = False
        self.assertEqual(client.lease().yiaddr, "192.0.2.10")

    def test_continue(self) -> None:
        """It is served as if nobody were asked, if the operator wants that; the next time it is asked about again."""
        found = asking4(MemoryRadius(), {"on_timeout": "continue"})
        found.radius.silent = True
        self.assertIsNotNone(Client(found.server, 1).discover())
        self.assertEqual(found.statistics["radius-access-continued"], 1)
        found.radius.silent = False
        self.assertIsNone(Client(found.server, 1).discover())

    def test_rejected_before(self) -> None:
        """Who was rejected stays so, also where unknown clients are served."""
        found = asking4(MemoryRadius(), {"on_timeout": "continue"})
        self.assertIsNone(Client(found.server, 1).discover())
        found.server.now += 120  # long enough to be asked about again
        found.radius.silent = True
        self.assertIsNone(Client(found.server, 1).discover())
        self.assertEqual(len(found.radius.names), 2)

    def test_known(self) -> None:
        """Clients with leases keep them: from open and guarded pools, and reserved ones, also after a restart."""
        subnet = {"id": 1, "subnet": "192.0.2.0/24", "pools": [OPEN, GOLD]}
        found = asking4(
            users({}, {"Framed-Pool": "gold"}, {"Framed-IP-Address": "192.0.2.200"}),
            subnet4=[{**subnet, "pools": [GOLD, OPEN]}],
        )
        clients = [Client(found.server, number) for number in (1, 2, 3)]
        had = [client.lease().yiaddr for client in clients]
        found.radius.silent = True
        found.forget()  # as when the server starts anew
        for client, address in zip(clients, had, strict=True):
            self.assertEqual(got(client.renew(address), ACK).yiaddr, address)
            self.assertEqual(client.lease().yiaddr, address)
        self.assertEqual(found.statistics["radius-access-known-leases"], 9)
        self.assertEqual(found.remembered(), [])

    def test_known_do_not_wait(self) -> None:
        """While all servers were silent the last time clients with leases are answered at once; others wait."""
        found = asking4(users({}, {}))
        client, other = Client(found.server, 1), Client(found.server, 2)
        address = client.lease().yiaddr
        found.radius.silent = found.radius.holds = True
        found.forget()
        self.assertEqual(got(client.renew(address), ACK).yiaddr, address)
        self.assertIsNone(other.discover())
        found.server.answers()
        found.radius.silent = False
        found.radius.release()
        self.assertEqual(["192.0.2.11"], [answer.yiaddr for answer in found.server.answers()])
        self.assertEqual(2, len(found.remembered()))

    def test_not_known_any_longer(self) -> None:
        """A lease that is over makes nobody known."""
        found = asking4(users({}))
        client = Client(found.server, 1)
        client.lease()
        found.radius.silent = True
        found.forget()
        found.server.now = START + 7201
        self.assertIsNone(client.discover())

    def test_known_elsewhere(self) -> None:
        """A client that RADIUS has brought to another subnet keeps what it has there, not what it had before."""
        subnets = [{**each, "interface": "eth0"} for each in (ON_LINK4, OTHER)]
        found = asking4(
            users({"Framed-IP-Address": "198.51.100.200"}), {"reselect_subnet_address": True}, subnet4=subnets
        )
        said, found.radius.users[MAC.format(1)] = found.radius.users[MAC.format(1)], {}
        client = Client(found.server, 1)
        self.assertEqual(client.lease().yiaddr, "192.0.2.10")
        found.server.now += 1
        found.forget()
        found.radius.users[MAC.format(1)] = said
        self.assertEqual(client.lease().yiaddr, "198.51.100.200")
        found.radius.silent = True
        found.forget()
        self.assertEqual(client.lease().yiaddr, "198.51.100.200")

    def test_known6(self) -> None:
        """So do DHCPv6 clients, with addresses and prefixes."""
        said = {"Framed-IPv6-Address": "2001:db8:1::7", "Delegated-IPv6-Prefix": "2001:db8:77::/56"}
        found = asking6(MemoryRadius({duid(1): said, duid(2): {}}))
        clients = [Client6(found.server, number, ias=[ia_na(1), ia_pd(2)]) for number in (1, 2)]
        had = [client.lease() for client in clients]
        found.radius.silent = True
        found.forget()
        for client, before in zip(clients, had, strict=True):
            answer = client.renew()
            assert answer is not None
            self.assertEqual((answer.addresses, answer.prefixes), (before.addresses, before.prefixes))
        self.assertIsNone(Client6(found.server, 3).solicit())
        found.server.now += 7201
        self.assertIsNone(clients[0].solicit())

    def test_roaming(self) -> None:
        """A lease of where the client cannot be now makes it known nowhere else."""
        far = "203.0.113.1"
        subnets = [
            {**ON_LINK4, "relay": {"ip-addresses": [RELAY]}},
            {"id": 3, "subnet": "203.0.113.0/24", "pools": [{"pool": "203.0.113.10 - 203.0.113.19"}]},
        ]
        found = asking4(users({}), {"reselect_subnet_address": True}, subnet4=subnets)
        client = Client(found.server, 1, relay=far)
        self.assertEqual(client.lease().yiaddr, "203.0.113.10")
        found.radius.silent = True
        found.forget()
        client.relay = RELAY
        self.assertIsNone(client.discover())
        client.relay = far
        self.assertEqual(client.lease().yiaddr, "203.0.113.10")

    def test_own_class(self) -> None:
        """A known client is put in no class for a pool that it may use anyway."""
        pool = {"pool": "192.0.2.50 - 192.0.2.59", "client-classes": ["gold", "vip"]}
        option = [{"name": "routers", "data": "192.0.2.1"}]
        found = asking4(
            users({}),
            subnet4=[{"id": 1, "subnet": "192.0.2.0/24", "pools": [pool]}],
            client_classes=[{"name": "gold", "option-data": option}, {"name": "vip", "test": "option[60].exists"}],
        )
        client = Client(found.server, 1, options={60: b"x"})
        client.lease()
        found.radius.silent = True
        found.forget()
        self.assertNotIn(3, client.lease().options)

    def test_one_request(self) -> None:
        """Retransmissions wait for the same answer, and so does nobody else."""
        found = asking4(users({}, {}))
        found.radius.holds = True
        client = Client(found.server, 1)
        for _ in range(3):
            self.assertIsNone(client.discover())
        self.assertEqual(found.radius.names, [MAC.format(1)])
        found.radius.holds = False
        self.assertEqual(Client(found.server, 2).lease().yiaddr, "192.0.2.10")
        found.radius.release()
        self.assertTrue(found.server.answers())
        self.assertEqual(len(found.radius.names), 2)


class RefreshTests(SynchronousTestCase):
    """What is looked up again while it is used."""

    def test_moved_meanwhile(self) -> None:
        """A new answer counts although its query has had its own, and was moved to another subnet by the old one."""
        subnets = [{**each, "interface": "eth0"} for each in (ON_LINK4, OTHER)]
        subnets[1]["pools"] = [{"pool": "198.51.100.10 - 198.51.100.19", "client-class": "there"}]
        found = asking4(
            users({"Framed-Pool": "there"}),
            {"reselect_subnet_pool": True},
            subnet4=[{**subnets[0], "pools": [GOLD]}, subnets[1]],
            hooks_libraries=[{"library": "libdhcp_host_cache.so", "parameters": {"positive-ttl": 10}}],
        )
        client = Client(found.server, 1)
        self.assertEqual(client.lease().yiaddr, "198.51.100.10")
        found.server.now += 11
        found.radius.users[MAC.format(1)] = {"Framed-IP-Address": "192.0.2.200"}
        found.radius.holds = True
        self.assertEqual(client.lease().yiaddr, "198.51.100.10")
        found.radius.holds = False
        found.radius.release()
        self.assertEqual(client.lease().yiaddr, "192.0.2.200")
        self.assertEqual(len(found.radius.names), 2)


class ReselectionTests(SynchronousTestCase):
    """Clients come to the subnets where what RADIUS gives them is (Kea I029)."""

    BOTH = {"reselect_subnet_address": True, "reselect_subnet_pool": True}
    SUBNETS = (
        {**ON_LINK4, "relay": {"ip-addresses": [RELAY]}, "pools": [{**OPEN, "client-class": "here"}]},
        {
            **OTHER,
            "relay": {"ip-addresses": [RELAY]},
            "pools": [{"pool": "198.51.100.10 - 198.51.100.19", "client-class": "there"}],
        },
        {"id": 3, "subnet": "203.0.113.0/24", "pools": [{"pool": "203.0.113.0/25", "client-class": "far"}]},
    )

    def lease(self, said: Mapping[str, Any], parameters: Mapping[str, Any] | None = None) -> str:
        """What a client behind the relay gets."""
        found = asking4(users(said), self.BOTH if parameters is None else parameters, subnet4=[*self.SUBNETS])
        client = Client(found.server, 1, relay=RELAY)
        if client.discover() is None:
            return ""
        return client.lease().yiaddr

    def test_pool(self) -> None:
        """The pool's subnet, if the client's has none of this name."""
        self.assertEqual(self.lease({"Framed-Pool": "here"}), "192.0.2.10")
        self.assertEqual(self.lease({"Framed-Pool": "there"}), "198.51.100.10")
        self.assertEqual(self.lease({"Framed-Pool": "there"}, {"reselect_subnet_address": True}), "")

    def test_address(self) -> None:
        """The address's subnet, if the client's does not hold it."""
        self.assertEqual(self.lease({"Framed-IP-Address": "198.51.100.77"}), "198.51.100.77")
        self.assertEqual(self.lease({"Framed-IP-Address": "192.0.2.77"}), "192.0.2.77")
        self.assertEqual(self.lease({"Framed-IP-Address": "198.51.100.77"}, {"reselect_subnet_pool": True}), "")

    def test_pool_first(self) -> None:
        """The pool comes first; an address that is not in its subnet is ignored."""
        both = {"Framed-Pool": "there", "Framed-IP-Address": "198.51.100.77"}
        self.assertEqual(self.lease(both), "198.51.100.77")
        self.assertEqual(self.lease({**both, "Framed-IP-Address": "203.0.113.200"}), "198.51.100.10")

    def test_unreachable(self) -> None:
        """Where the client cannot be it does not come: it has no service."""
        self.assertEqual(self.lease({"Framed-Pool": "far"}), "")
        self.assertEqual(self.lease({"Framed-Pool": "nowhere"}), "")
        self.assertEqual(self.lease({"Framed-IP-Address": "203.0.113.7"}), "")
        self.assertEqual(self.lease({"Framed-IP-Address": "10.0.0.1"}), "")

    def test_unreachable_with_address(self) -> None:
        """Nor does an address of its own subnet help then: that is told as a refusal."""
        said = {"Framed-Pool": "far", "Framed-IP-Address": "192.0.2.77"}
        found = asking4(users(said), self.BOTH, subnet4=[*self.SUBNETS])
        self.assertIsNone(Client(found.server, 1, relay=RELAY).discover())
        self.assertIn("192.0.2.77", found.logged("RADIUS_ACCESS_REJECT")[0])

    def test_guarded_subnet(self) -> None:
        """A subnet that is for members of the class only is opened by it."""
        subnets = [self.SUBNETS[0], {**OTHER, "relay": {"ip-addresses": [RELAY]}, "client-class": "there"}]
        found = asking4(users({"Framed-Pool": "there"}), self.BOTH, subnet4=subnets)
        client = Client(found.server, 1, relay=RELAY)
        self.assertEqual(client.lease().yiaddr, "198.51.100.10")
        found.radius.silent = True
        found.forget()
        self.assertEqual(client.lease().yiaddr, "198.51.100.10")


class Reselection6Tests(SynchronousTestCase):
    """So do DHCPv6 clients."""

    SUBNETS = (
        {**ON_LINK6, "pd-pools": [], "pools": [{**ON_LINK6["pools"][0], "client-class": "here"}]},
        {
            "id": 2,
            "subnet": "2001:db8:2::/64",
            "interface": "eth0",
            "pools": [{"pool": "2001:db8:2::10 - 2001:db8:2::19", "client-class": "there"}],
        },
    )

    def test_reselection(self) -> None:
        """By the pool or the address; where there is none, there is no address."""
        parameters = {"reselect_subnet_pool": True, "reselect_subnet_address": True}
        for said, wanted in (
            ({"Framed-IPv6-Pool": "here"}, ["2001:db8:1::10"]),
            ({"Framed-IPv6-Pool": "there"}, ["2001:db8:2::10"]),
            ({"Framed-IPv6-Address": "2001:db8:2::77"}, ["2001:db8:2::77"]),
            ({"Framed-IPv6-Address": "2001:db8:3::77"}, []),
        ):
            found = asking6(MemoryRadius({duid(1): said}), parameters, subnet6=list(self.SUBNETS))
            answer = Client6(found.server, 1).solicit()
            assert answer is not None
            self.assertEqual(answer.addresses, wanted)


class Accept6Tests(SynchronousTestCase):
    """Access-Accept in DHCPv6."""

    def lease(self, said: Mapping[str, Any], **more: Any) -> tuple[list[str], list[str]]:
        found = asking6(MemoryRadius({duid(1): said}), **more)
        answer = Client6(found.server, 1).lease([ia_na(1), ia_pd(2)])
        return answer.addresses, answer.prefixes

    def test_resources(self) -> None:
        """An address and a prefix; or one of them, and the other from a pool."""
        address, prefix = {"Framed-IPv6-Address": "2001:db8:1::7"}, {"Delegated-IPv6-Prefix": "2001:db8:77::/48"}
        self.assertEqual(self.lease({**address, **prefix}), (["2001:db8:1::7"], ["2001:db8:77::/48"]))
        self.assertEqual(self.lease(address), (["2001:db8:1::7"], ["2001:db8:1000::/56"]))
        self.assertEqual(self.lease(prefix), (["2001:db8:1::10"], ["2001:db8:77::/48"]))
        self.assertEqual(self.lease({}), (["2001:db8:1::10"], ["2001:db8:1000::/56"]))

    def test_pools(self) -> None:
        """Pools of addresses and of prefixes have attributes of their own; Framed-Pool is for both, as in Kea."""
        subnet = {
            **ON_LINK6,
            "pools": [{"pool": "2001:db8:1::50 - 2001:db8:1::59", "client-class": "gold"}],
            "pd-pools": [{**ON_LINK6["pd-pools"][0], "client-class": "office"}],
        }
        found = self.lease({"Framed-IPv6-Pool": "gold", "Delegated-IPv6-Prefix-Pool": "office"}, subnet6=[subnet])
        self.assertEqual(found, (["2001:db8:1::50"], ["2001:db8:1000::/56"]))
        self.assertEqual(self.lease({"Framed-Pool": "gold"}, subnet6=[subnet]), (["2001:db8:1::50"], []))
        self.assertEqual(self.lease({"Framed-Pool": "office"}, subnet6=[subnet]), ([], ["2001:db8:1000::/56"]))

    def test_reject(self) -> None:
        """Who is rejected is told that there are no addresses."""
        answer = Client6(asking6(MemoryRadius()).server, 1).solicit()
        assert answer is not None
        self.assertEqual(answer.addresses, [])
        self.assertEqual(answer.ia_status() or answer.status, StatusCode.NO_ADDRS_AVAIL)

    def test_without_duid(self) -> None:
        """Of a client that tells no DUID nobody is asked."""
        found = asking6(MemoryRadius())
        self.assertIsNotNone(Client6(found.server, 1).information_request(duid=b""))
        self.assertEqual(found.radius.names, [])


VALUES = st.dictionaries(
    st.sampled_from(["Framed-IP-Address", "Framed-Pool", "Class", "Reply-Message", "Session-Timeout", "Filter-Id"]),
    st.binary(min_size=1, max_size=40),
)


class AnyAnswerTests(SynchronousTestCase):
    """Whatever a server says."""

    @given(st.sampled_from([ACCEPT, REJECT, Code.ACCESS_CHALLENGE]), st.binary(min_size=4, max_size=4), VALUES)
    def test_any(self, code: int, address: bytes, said: dict[str, bytes]) -> None:
        """A client gets an address of its own subnet, or nothing, and the server goes on."""
        said = {**said, "Framed-IP-Address": address}
        said.pop("Session-Timeout", None)
        found = asking4(users((code, said), {}))
        answer = Client(found.server, 1).discover()
        if answer is not None:
            self.assertTrue(answer.yiaddr.startswith("192.0.2."))
            self.assertEqual(code, ACCEPT)
        self.assertEqual(Client(found.server, 2).lease().yiaddr[:8], "192.0.2.")
