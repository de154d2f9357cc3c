"""`txkea.over6`, `txkea.exchange.over6`: DHCPv4 inside DHCPv6 (RFC 7341)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.configuring import configured
from tests.exchanging6 import LINK, got6, serving6
from txkea.interfaces import ISocket
from txkea.over6 import InsideQuery6, answers_from
from txkea.testing.clients4 import LocalServer
from txkea.testing.clients6 import Client6, relayed, through
from txkea.testing.stores import WaitingLeases
from txkea.wire.dhcp4 import Message4, MessageType4, decode4, encode_message4
from txkea.wire.dhcp6 import UNICAST_FLAG, MessageType6, Option6

RESPONSE = MessageType6.DHCPV4_RESPONSE


class Case(SynchronousTestCase):
    """Both servers in one process."""

    def setUp(self) -> None:
        self.serve({"4o6-interface": "eth0"})

    def serve(self, which: dict[str, Any], **site: Any) -> None:
        """A DHCPv4 subnet that serves the DHCPv6 queries which match."""
        subnet = {"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10-192.0.2.19"}], **which}
        plain = {"id": 2, "subnet": "198.51.100.0/24", "interface": "eth0", "pools": [{"pool": "198.51.100.0/26"}]}
        self.server4 = LocalServer(configured(subnet4=[plain, subnet], dhcp4o6_port=6767), **site)
        self.server6 = serving6(dhcp4o6_port=6767)
        self.server6.site.dhcp4 = answers_from(self.server4.server)
        self.client = Client6(self.server6)

    def query(self, kind: int, options: dict[int, bytes] | None = None, **more: Any) -> Any:
        """Send a DHCPv4 message inside a DHCPV4-QUERY; give the DHCPv4 answer and the DHCPv6 one."""
        message = Message4(xid=7, chaddr=self.client.hwaddr, options={53: bytes((kind,)), **(options or {})})
        payload = encode_message4(message)
        answer = self.client.send(MessageType6.DHCPV4_QUERY, options=[(Option6.DHCPV4_MESSAGE, payload)], **more)
        if answer is None:
            return None, None
        got6(answer, RESPONSE)
        return decode4(answer.options[Option6.DHCPV4_MESSAGE], op=2), answer


class ExchangeTests(Case):
    """A DHCPv4 client in an IPv6 network."""

    def test_leased(self) -> None:
        """V6-47: OFFER and ACK come back inside DHCPV4-RESPONSEs, from the subnet that names the interface."""
        offer, _ = self.query(MessageType4.DISCOVER)
        self.assertEqual(offer.yiaddr, bytes((192, 0, 2, 10)))
        wanted = {50: offer.yiaddr, 54: offer.options[54]}
        ack, answer = self.query(MessageType4.REQUEST, wanted)
        self.assertEqual((ack.options[53][0], ack.yiaddr), (MessageType4.ACK, offer.yiaddr))
        self.assertEqual(list(answer.options), [Option6.DHCPV4_MESSAGE])
        self.assertEqual(answer.message.transaction_id, 0)
        self.assertEqual(len(self.server4.leases), 1)
        self.assertEqual(self.server4.network.sent, [])

    def test_counted(self) -> None:
        """Both servers count what passed through them."""
        self.query(MessageType4.DISCOVER)
        self.assertEqual(self.server4.statistic("pkt4-offer-sent"), 1)
        self.assertEqual(self.server6.statistic("pkt6-dhcpv4-query-received"), 1)
        self.assertEqual(self.server6.statistic("pkt6-dhcpv4-response-sent"), 1)

    def test_relayed(self) -> None:
        """A relayed query is answered the way it came."""
        _, answer = self.query(MessageType4.DISCOVER, relays=through(relayed(LINK)))
        self.assertEqual((len(answer.message.relays), answer.port), (1, 547))

    def test_unicast(self) -> None:
        """RFC 7341 section 9: a DHCPV4-QUERY may come to the server's own address."""
        offer, _ = self.query(MessageType4.DISCOVER, broadcast=False, transaction_id=UNICAST_FLAG)
        self.assertIsNotNone(offer)

    def test_waits(self) -> None:
        """A DHCPv4 store that takes its time delays this answer and no other."""
        store = WaitingLeases()
        self.serve({"4o6-interface": "eth0"}, leases=store)
        self.assertEqual(self.query(MessageType4.DISCOVER), (None, None))
        self.assertIsNotNone(Client6(self.server6, 2).solicit())
        self.server6.answers()
        store.finish()
        (answer,) = self.server6.answers()
        self.assertEqual(answer.type, RESPONSE)

    def test_broken(self) -> None:
        """V6-47: a DHCPv4 message that is none, or that has no answer, leaves nothing waiting."""
        for payload in (b"", b"\1", bytes(300)):
            options = [(Option6.DHCPV4_MESSAGE, payload)]
            self.assertIsNone(self.client.send(MessageType6.DHCPV4_QUERY, options=options))
        self.assertIsNone(self.client.send(MessageType6.DHCPV4_QUERY))
        self.assertIsNone(self.client.send(MessageType6.DHCPV4_QUERY, options=[(87, b"a"), (87, b"b")]))
        self.assertEqual((len(self.server4.server), len(self.server6.server)), (0, 0))
        self.assertEqual(self.server4.statistic("pkt4-parse-failed"), 3)

    def test_off(self) -> None:
        """Without a DHCPv4 server beside it a DHCPv6 server has no answer."""
        self.server6.site.dhcp4 = None
        self.assertEqual(self.query(MessageType4.DISCOVER), (None, None))


class SubnetTests(Case):
    """Kea A175: all that a subnet gives must match."""

    def offered(self, **more: Any) -> str | None:
        offer, _ = self.query(MessageType4.DISCOVER, **more)
        return None if offer is None else ".".join(map(str, offer.yiaddr))

    def test_interface(self) -> None:
        """Another interface's queries are not served, not even by a subnet of that interface itself."""
        self.serve({"4o6-interface": "eth9"})
        self.assertIsNone(self.offered())

    def test_interface_id(self) -> None:
        """The relay's interface-id counts."""
        self.serve({"4o6-interface-id": "port 7"})
        self.assertIsNone(self.offered())
        relays = through(relayed(LINK, options=[(18, b"port 7")]))
        self.assertEqual(self.offered(relays=relays), "192.0.2.10")

    def test_prefix(self) -> None:
        """The client's IPv6 address counts, not a relay's."""
        self.serve({"4o6-subnet": "2001:db8:5::/48"})
        self.assertIsNone(self.offered())
        self.assertEqual(self.offered(relays=through(relayed(LINK, "2001:db8:5:9::1"))), "192.0.2.10")

    def test_all(self) -> None:
        """Of two that are given one is not enough."""
        self.serve({"4o6-subnet": "2001:db8:5::/48", "4o6-interface": "eth9"})
        self.assertIsNone(self.offered(relays=through(relayed(LINK, "2001:db8:5:9::1"))))


class SocketTests(SynchronousTestCase):
    """`InsideQuery6`."""

    def test_provides_the_interface(self) -> None:
        """It is a socket, to which nothing is sent."""
        query = SimpleNamespace(origin=SimpleNamespace(socket=SimpleNamespace(link="eth0")))
        socket = InsideQuery6(cast(Any, query), bytes(4))
        verifyObject(ISocket, socket)
        self.assertRaises(AssertionError, socket.send, b"", b"", 0, b"")
