"""Where an answer is sent (RFC 2131 section 4.1; Kea A.11), and through which relay it goes."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging import ACK, LOCAL, NAK, OFFER, RELAY, got, serving
from txkea.model.configuration import Interfaces, InterfaceSelection
from txkea.testing.clients4 import Client, LocalServer, packed
from txkea.wire.dhcp4 import BROADCAST, MINIMUM_LENGTH, MessageType4

EVERYBODY = "255.255.255.255"
FREE = "192.0.2.15"
RELAYED = "198.51.100.15"
SUBOPTION_11 = b"\x0b\4" + packed("198.51.100.2")


class DirectTests(SynchronousTestCase):
    """Answers to clients on the server's own link."""

    def setUp(self) -> None:
        self.client = Client(serving())

    def test_broadcast_flag(self) -> None:
        """V4-04, A137: without giaddr and ciaddr, B=1 is answered to 255.255.255.255:68, no hardware address named."""
        offer = got(self.client.discover(flags=BROADCAST), OFFER)
        self.assertEqual((offer.address, offer.port, offer.hwaddr), (EVERYBODY, 68, b""))

    def test_unicast(self) -> None:
        """V4-05, A137: B=0 is answered to yiaddr and chaddr, without ARP."""
        offer = got(self.client.discover(), OFFER)
        self.assertEqual((offer.address, offer.port, offer.hwaddr), (offer.yiaddr, 68, self.client.hwaddr))

    def test_udp_socket(self) -> None:
        """A137: a socket that cannot reach a client without an address broadcasts."""
        interfaces = Interfaces(selections=(InterfaceSelection("eth0"),), socket_type="udp")
        configuration = self.client.server.site.configuration
        offer = got(Client(LocalServer(configuration, interfaces=interfaces)).discover(), OFFER)
        self.assertEqual((offer.address, offer.hwaddr), (EVERYBODY, b""))

    def test_renewal(self) -> None:
        """V4-06, A135: an ACK to a client that has its address goes to ciaddr:68."""
        self.client.lease(FREE)
        for way in (self.client.renew, self.client.rebind):
            ack = got(way(FREE), ACK)
            self.assertEqual((ack.address, ack.port), (FREE, 68))

    def test_nak(self) -> None:
        """V4-08, A136: a NAK without giaddr is broadcast, even if ciaddr is set (A135 says otherwise of Kea)."""
        Client(self.client.server, 2).lease(FREE)
        for nak in (self.client.renew(FREE), self.client.select(FREE), self.client.renew("192.0.2.200")):
            refusal = got(nak, NAK)
            self.assertEqual((refusal.address, refusal.port, refusal.hwaddr), (EVERYBODY, 68, b""))
            self.assertEqual(refusal.message.ciaddr, bytes(4))

    def test_not_ethernet(self) -> None:
        """V4-36: a client without a hardware address of 6 bytes is known by option 61 and answered by broadcast."""
        for hwaddr, htype in ((b"", 32), (bytes(8), 27)):
            client = Client(serving(), hwaddr=hwaddr, client_id=b"\xff\0\0\0\1\0\3\0\1abcdef")
            offer = got(client.discover(htype=htype, flags=BROADCAST), OFFER)
            self.assertEqual((offer.address, offer.message.htype, offer.message.hlen), (EVERYBODY, htype, len(hwaddr)))
            offer = got(client.discover(htype=htype), OFFER)
            self.assertEqual((offer.address, offer.hwaddr), (EVERYBODY, b""))

    def test_source(self) -> None:
        """A138: an answer without giaddr, ciaddr and yiaddr goes to the query's source address."""
        server = serving(option_data=[{"name": "v6-only-preferred", "data": "300"}])
        offer = got(Client(server).discover({55: bytes((108,))}, source="192.0.2.77", broadcast=False), OFFER)
        self.assertEqual((offer.address, offer.port), ("192.0.2.77", 68))

    def test_local_address(self) -> None:
        """A111, A139: option 54 is the receiving socket's own address, also for what came by broadcast."""
        offer = got(self.client.discover(), OFFER)
        self.assertEqual(offer.options[54], packed(LOCAL))
        self.assertEqual(self.client.server.network.sent[-1].socket.local, packed(LOCAL))

    def test_padding(self) -> None:
        """V4-38: an answer has at least 300 bytes."""
        self.assertEqual(len(got(self.client.discover(), OFFER).data), MINIMUM_LENGTH)


class RelayTests(SynchronousTestCase):
    """Answers through a relay."""

    def client(self, server: LocalServer | None = None, number: int = 1, **more: Any) -> Client:
        return Client(server or serving(), number, relay=RELAY, **more)

    def test_giaddr(self) -> None:
        """V4-07, A134: with giaddr an answer goes to giaddr:67, giaddr and hops copied."""
        client = self.client()
        for answer in (client.discover(flags=BROADCAST), client.lease(), client.rebind("198.51.100.10")):
            assert answer is not None
            self.assertEqual((answer.address, answer.port), (RELAY, 67))
            self.assertEqual((answer.message.giaddr, answer.message.hops), (packed(RELAY), 1))

    def test_nak(self) -> None:
        """V4-09: a NAK through a relay has the broadcast bit set."""
        client = self.client()
        nak = got(client.select("203.0.113.1"), NAK)
        self.assertEqual((nak.address, nak.port, nak.message.flags), (RELAY, 67, BROADCAST))
        self.assertEqual(got(client.discover(), OFFER).message.flags, 0)

    def test_relay_port(self) -> None:
        """V4-51, A134: with sub-option 19 the answer goes to the relay's source port, and the sub-option back."""
        server = serving()
        agent = b"\1\1x\x13\0"
        message = self.client(server, options={82: agent}).message(MessageType4.DISCOVER)
        offer = got(server.ask(message, RELAY, source_port=5067, broadcast=False), OFFER)
        self.assertEqual((offer.address, offer.port, offer.options[82]), (RELAY, 5067, agent))
        without = self.client(server, 2, options={82: b"\1\1x"}).message(MessageType4.DISCOVER)
        self.assertEqual(got(server.ask(without, RELAY, source_port=5067, broadcast=False), OFFER).port, 67)

    def test_option_82(self) -> None:
        """V4-44, V4-46, A107: option 82 comes back byte for byte and last, unknown sub-options and all."""
        agent = b"\1\4port\x97\3\0ab\xfe\0\2\6remote"
        client = self.client(options={82: agent, 118: packed(RELAY)}, client_id=b"\1abc")
        answers = (client.discover(), client.lease(), client.select("203.0.113.1"))
        for answer, kind in zip(answers, (OFFER, ACK, NAK), strict=True):
            options = got(answer, kind).options
            self.assertEqual((options[82], list(options)[-1]), (agent, 82))

    def test_option_82_unasked(self) -> None:
        """V4-44: nobody gets an option 82 that did not send one, even if the parameter request list names it."""
        self.assertNotIn(82, got(self.client().discover({55: bytes((82,))}), OFFER).options)

    def test_option_82_without_giaddr(self) -> None:
        """V4-45: option 82 of a client on the link is given back; the lease is the same as without."""
        client = Client(serving(), options={82: b"\1\1x"})
        self.assertEqual(client.lease(FREE).options[82], b"\1\1x")
        self.assertEqual(got(client.renew(FREE), ACK).options[82], b"\1\1x")

    def test_overrunning_suboption(self) -> None:
        """V4-46: an option 82 whose sub-options overrun it chooses nothing."""
        server = serving()
        broken = b"\5\4" + packed(LOCAL) + b"\1\x40x"
        offer = got(self.client(server, options={82: broken}).discover(), OFFER)
        self.assertIn(packed(offer.yiaddr)[:3], packed(RELAY))

    def test_server_id_override(self) -> None:
        """V4-49: with sub-option 11 option 54 is what the relay says, and a REQUEST that names it is accepted."""
        client = self.client(options={82: SUBOPTION_11})
        offer = got(client.discover(), OFFER)
        self.assertEqual(offer.options[54], packed("198.51.100.2"))
        ack = got(client.select(offer.yiaddr, server="198.51.100.2"), ACK)
        self.assertEqual(ack.options[54], packed("198.51.100.2"))
        self.assertIsNone(self.client(client.server, 2).select(RELAYED, server="198.51.100.2"), "not so without")

    def test_flags_suboption(self) -> None:
        """V4-50: sub-option 10 (how the relay got the query) comes back and changes nothing."""
        for flags in (b"\x0a\1\0", b"\x0a\1\x80"):
            offer = got(self.client(options={82: flags}).discover(), OFFER)
            self.assertEqual((offer.options[82], offer.address, offer.message.flags), (flags, RELAY, 0))

    def test_spoofed_giaddr(self) -> None:
        """V4-69: a giaddr that is our own, loopback, multicast or class E is dropped and counted."""
        for giaddr in (LOCAL, "127.0.0.1", "224.0.0.1", "240.0.0.1", EVERYBODY):
            client = Client(serving(), relay=giaddr)
            self.assertIsNone(client.discover())
            self.assertEqual(client.server.statistic("pkt4-rfc-violation"), 1, giaddr)

    def test_hops(self) -> None:
        """V4-69, A104: any number of hops is accepted and copied."""
        for hops in (0, 1, 16, 255):
            self.assertEqual(got(self.client().discover(hops=hops), OFFER).message.hops, hops)


class SubnetSelectionTests(SynchronousTestCase):
    """Which subnet a query belongs to (Kea A.15)."""

    def chosen(self, server: LocalServer, options: dict[int, bytes] | None = None, **fields: Any) -> str:
        """The prefix of the offered address, as far as the third dot, or ``""``."""
        offer = Client(server).discover(options, **fields)
        return offer.yiaddr.rpartition(".")[0] if offer is not None else ""

    def test_giaddr(self) -> None:
        """V4-70, A172: giaddr selects the subnet, not the source address or the link."""
        for source in (RELAY, "192.0.2.77", "203.0.113.1"):
            self.assertEqual(self.chosen(serving(), giaddr=packed(RELAY), source=source, broadcast=False), "198.51.100")

    def test_relay_list(self) -> None:
        """A172: a subnet's list of relays comes before the subnet that holds giaddr."""
        for relay in ({"ip-addresses": ["203.0.113.9", RELAY]}, {"ip-address": RELAY}):
            self.assertEqual(self.chosen(serving({"relay": relay}), giaddr=packed(RELAY)), "192.0.2")

    def test_relay_list_of_network(self) -> None:
        """A172: a shared network's list of relays is that of its subnets which have none."""
        network = {
            "name": "n",
            "relay": {"ip-addresses": [RELAY]},
            "subnet4": [{"id": 7, "subnet": "203.0.113.0/24", "pools": [{"pool": "203.0.113.10/32"}]}],
        }
        self.assertEqual(self.chosen(serving(shared_networks=[network]), giaddr=packed(RELAY)), "203.0.113")

    def test_link_selection(self) -> None:
        """V4-47, A170: sub-option 5 selects the subnet, and the answer still goes to giaddr."""
        offer = got(Client(serving(), relay=RELAY).discover({82: b"\5\4" + packed("192.0.2.0")}), OFFER)
        self.assertEqual((offer.yiaddr, offer.address), ("192.0.2.10", RELAY))

    def test_link_selection_elsewhere(self) -> None:
        """A170: a sub-option 5 that no subnet holds leaves the query without one."""
        self.assertEqual(self.chosen(serving(), {82: b"\5\4" + packed("203.0.113.0")}, giaddr=packed(RELAY)), "")

    def test_ignored_link_selection(self) -> None:
        """A177: with ignore-rai-link-selection giaddr selects."""
        server = serving(compatibility={"ignore-rai-link-selection": True})
        self.assertEqual(self.chosen(server, {82: b"\5\4" + packed("192.0.2.0")}, giaddr=packed(RELAY)), "198.51.100")

    def test_subnet_selection(self) -> None:
        """V4-48, A171, A108: option 118 selects the subnet and is echoed."""
        offer = got(Client(serving()).discover({118: packed("198.51.100.0")}), OFFER)
        self.assertEqual((offer.yiaddr, offer.options[118]), ("198.51.100.10", packed("198.51.100.0")))

    def test_link_selection_wins(self) -> None:
        """V4-48, A171: the relay's choice wins over the client's; without one the client's holds (as in Kea 2.2)."""
        for agent, chosen in ((b"\5\4" + packed("192.0.2.0"), "192.0.2"), (b"\1\1x", "198.51.100")):
            options = {118: packed("198.51.100.0"), 82: agent}
            self.assertEqual(self.chosen(serving(), options, giaddr=packed("192.0.2.7")), chosen)

    def test_direct(self) -> None:
        """A173: unicast goes by ciaddr, then by its source address; broadcast by the link and its address."""
        other = "198.51.100.77"
        for fields, chosen in (
            ({"ciaddr": packed(other), "source": LOCAL, "broadcast": False}, "198.51.100"),
            ({"source": other, "broadcast": False}, "198.51.100"),
            ({"ciaddr": packed(other), "source": other, "broadcast": True}, "192.0.2"),
            ({"source": other, "broadcast": True}, "192.0.2"),
            ({}, "192.0.2"),
        ):
            self.assertEqual(self.chosen(serving(), None, **fields), chosen, fields)

    def test_interface(self) -> None:
        """A173: a subnet or network that names the receiving interface comes before the interface's own address."""
        pools = [{"pool": "203.0.113.10/32"}]
        for more in (
            {"subnet4": [{"id": 7, "subnet": "203.0.113.0/24", "pools": pools, "interface": "eth0"}]},
            {
                "shared_networks": [
                    {
                        "name": "n",
                        "interface": "eth0",
                        "subnet4": [{"id": 7, "subnet": "203.0.113.0/24", "pools": pools}],
                    }
                ]
            },
        ):
            self.assertEqual(self.chosen(serving(**more)), "203.0.113")

    def test_first_in_order(self) -> None:
        """A174, A068: of subnets that overlap the one with the lowest id is chosen, not the narrowest."""
        wide = {"id": 1, "subnet": "192.0.0.0/16", "pools": [{"pool": "192.0.9.9/32"}]}
        narrow = {"id": 2, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10/32"}]}
        for first, second, chosen in ((wide, narrow, "192.0.9"), (narrow, wide, "192.0.2")):
            subnets = [{**second, "id": 5}, {**first, "id": 4}]
            self.assertEqual(self.chosen(serving(subnet4=subnets)), chosen)
