"""Clients known by what an expression makes of their queries (Kea A205)."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.configuring import configured
from tests.exchanging import RELAY, got
from tests.exchanging6 import ADVERTISE, LINK, got6
from tests.explaining import explained
from tests.flexing import flexible, flexible6, hooks, library, mistakes_of
from txkea.explain.leased import HAS
from txkea.flex.identifier import FLEX_ID
from txkea.interfaces import IIdentifierSource, IProviderFactory, IQueryArrived
from txkea.testing.clients4 import Client
from txkea.testing.clients6 import Client6, ia_na, ia_pd, relayed, through
from txkea.wire.dhcp4 import MessageType4

CIRCUIT = "relay4[1].hex"
PORT = "substring(relay6[0].option[18].hex, 0, 5)"
ACK, NAK, OFFER = int(MessageType4.ACK), int(MessageType4.NAK), int(MessageType4.OFFER)


def behind(server: Any, number: int, port: bytes, **more: Any) -> Client:
    """A client behind a port of the relay."""
    return Client(server, number, relay=RELAY, options={82: b"\1" + bytes((len(port),)) + port}, **more)


def behind6(server: Any, number: int, port: bytes, **more: Any) -> Client6:
    """A DHCPv6 client behind a port of the relay."""
    return Client6(server, number, relays=through(relayed(LINK, options={18: port}.items())), **more)


class ReservationTests(SynchronousTestCase):
    """What is reserved for an identifier that an expression makes."""

    SUBNET = {"id": 2, "subnet": "198.51.100.0/24", "pools": [{"pool": "198.51.100.10 - 198.51.100.19"}]}
    HOSTS = (
        {"flex-id": "'port1'", "ip-address": "198.51.100.101"},
        {"flex-id": "706f727432", "ip-address": "198.51.100.102"},
        {"hw-address": "02:00:00:01:00:07", "ip-address": "198.51.100.107"},
    )

    def server(self, identifiers: list[str], **parameters: Any) -> Any:
        parameters = {"identifier_expression": CIRCUIT, **parameters}
        return flexible(
            library("flex_id", **parameters),
            subnet4=[{**self.SUBNET, "reservations": list(self.HOSTS)}],
            host_reservation_identifiers=identifiers,
        )

    def test_reservation(self) -> None:
        """A reservation is found by the expression's value, written as text or in hexadecimal."""
        server = self.server(["hw-address", "flex-id"])
        found = [behind(server, at, port).lease().yiaddr for at, port in ((1, b"port1"), (2, b"port2"), (3, b"port3"))]
        self.assertEqual(found, ["198.51.100.101", "198.51.100.102", "198.51.100.10"])

    def test_order(self) -> None:
        """It is looked for in the place that ``host-reservation-identifiers`` gives it."""
        for identifiers, wanted in (
            (["hw-address", "flex-id"], "198.51.100.107"),
            (["flex-id", "hw-address"], "198.51.100.101"),
            (["hw-address"], "198.51.100.107"),
        ):
            client = behind(self.server(identifiers), 7, b"port1")
            self.assertEqual(client.lease().yiaddr, wanted, identifiers)

    def test_not_listed(self) -> None:
        """Nothing is found by it where ``host-reservation-identifiers`` does not name it."""
        self.assertEqual(behind(self.server(["hw-address"]), 1, b"port1").lease().yiaddr, "198.51.100.10")

    def test_nothing(self) -> None:
        """A client for which the expression gives nothing has no such identifier."""
        client = Client(self.server(["flex-id"]), relay=RELAY)
        self.assertEqual(client.lease().yiaddr, "198.51.100.10")

    def test_no_value(self) -> None:
        """An expression that fails is logged, and the client served without it; so is a value that is too long."""
        long = "concat(relay4[1].hex, relay4[1].hex)"
        for expression, port in (("int32totext(relay4[1].hex)", b"port1"), (long, b"p" * 65)):
            server = self.server(["flex-id"], identifier_expression=expression)
            self.assertEqual(behind(server, 1, port).lease().yiaddr, "198.51.100.10")
            self.assertEqual(
                {line[:2] for line in server.log.lines if line[0] == "ERROR"}, {("ERROR", "FLEX_ID_PROCESS_ERROR")}
            )

    def test_classes(self) -> None:
        """The expression may ask for classes, also for those that are built in when nobody defined any."""
        server = self.server(
            ["flex-id"], identifier_expression="ifelse(member('VENDOR_CLASS_phone'), 'port1', 'nobody')"
        )
        phone = Client(server, relay=RELAY, options={60: b"phone"})
        self.assertEqual(phone.lease().yiaddr, "198.51.100.101")
        self.assertEqual(Client(server, 2, relay=RELAY).lease().yiaddr, "198.51.100.10")

    def test_reservation6(self) -> None:
        """In DHCPv6 too, for addresses and prefixes."""
        server = flexible6(
            library("flex_id", identifier_expression=PORT),
            subnet6=[
                {
                    "id": 2,
                    "subnet": "2001:db8:2::/64",
                    "pools": [{"pool": "2001:db8:2::10 - 2001:db8:2::19"}],
                    "reservations": [
                        {"flex-id": "'port1'", "ip-addresses": ["2001:db8:2::77"], "prefixes": ["2001:db8:77::/56"]}
                    ],
                }
            ],
            host_reservation_identifiers=["duid", "flex-id"],
        )
        reply = behind6(server, 1, b"port1 and more", ias=[ia_na(1), ia_pd(2)]).lease()
        self.assertEqual([*reply.addresses, *reply.prefixes], ["2001:db8:2::77", "2001:db8:77::/56"])
        self.assertEqual(behind6(server, 2, b"port2").lease().addresses, ["2001:db8:2::10"])


class ReplacementTests(SynchronousTestCase):
    """``replace-client-id``: leases belong to the identifier."""

    def server(self, **dhcp4: Any) -> Any:
        return flexible(library("flex_id", identifier_expression=CIRCUIT, replace_client_id=True), **dhcp4)

    def test_lease(self) -> None:
        """The lease has the identifier behind a zero byte for a client identifier; answers have its own."""
        server = self.server()
        client = behind(server, 1, b"port1", client_id=b"\1own")
        offer = got(client.discover(), OFFER)
        ack = got(client.select(offer.yiaddr), ACK)
        self.assertEqual([offer.options[61], ack.options[61]], [b"\1own", b"\1own"])
        self.assertEqual(server.leases[ack.yiaddr].client_id, b"\0port1")

    def test_another_device(self) -> None:
        """Another device behind the same port has the same address, with a client identifier or without."""
        server = self.server()
        first = behind(server, 1, b"port1", client_id=b"\1own").lease().yiaddr
        other = behind(server, 2, b"port1").lease()
        self.assertEqual(other.yiaddr, first)
        self.assertNotIn(61, other.options)
        self.assertEqual(server.leases[first].hwaddr, b"\2\0\0\1\0\2")
        self.assertNotEqual(behind(server, 2, b"port2").lease().yiaddr, first)

    def test_not_echoed(self) -> None:
        """``echo-client-id`` says nothing any longer: the client's own is always in the answer, as in Kea."""
        client = behind(self.server(echo_client_id=False), 1, b"port1", client_id=b"\1own")
        self.assertEqual(client.lease().options[61], b"\1own")

    def test_nothing(self) -> None:
        """A client for which the expression gives nothing keeps its own."""
        server = self.server()
        ack = Client(server, relay=RELAY, client_id=b"\1own").lease()
        self.assertEqual(server.leases[ack.yiaddr].client_id, b"\1own")

    def test_given_back(self) -> None:
        """What it was leased, it can release."""
        server = self.server()
        client = behind(server, 1, b"port1", client_id=b"\1own")
        address = client.lease().yiaddr
        client.send(MessageType4.RELEASE, source=RELAY, ciaddr=bytes(map(int, address.split("."))))
        self.assertLessEqual(server.leases[address].expires if address in server.leases else 0, server.now)

    def test_classes(self) -> None:
        """Classes are told by the identifier as if the client had sent it (Kea A205)."""
        server = self.server(
            client_classes=[{"name": "first", "test": "option[61].hex == 0x00706f727431"}],
            option_data=[
                {"name": "domain-name", "data": "example.org", "client-classes": ["first"], "always-send": True}
            ],
        )
        self.assertEqual(behind(server, 1, b"port1").lease().options.get(15), b"example.org")
        self.assertNotIn(15, behind(server, 2, b"port2").lease(options={55: b"\x0f", 82: b"\1\5port2"}).options)

    def test_reservation(self) -> None:
        """Reservations are found by the value that the expression had first, even where it reads what it replaced."""
        server = flexible(
            library("flex_id", identifier_expression="substring(option[61].hex, 1, all)", replace_client_id=True),
            reservations=[{"flex-id": "'own'", "hostname": "known"}],
            host_reservation_identifiers=["flex-id"],
            reservations_global=True,
        )
        ack = Client(server, client_id=b"\1own").lease(options={55: b"\x0c"})
        self.assertEqual(ack.options.get(12), b"known")
        self.assertEqual(server.leases[ack.yiaddr].client_id, b"\0own")

    def test_duid(self) -> None:
        """In DHCPv6 the DUID is two zero bytes and the identifier; the answers have the client's own."""
        server = flexible6(library("flex_id", identifier_expression=PORT, replace_client_id=True))
        client = behind6(server, 1, b"port1")
        advertise, reply = got6(client.solicit(), ADVERTISE), client.lease()
        self.assertEqual([advertise.options[1], reply.options[1]], [client.duid, client.duid])
        self.assertEqual([lease.duid for lease in server.leases.values()], [b"\0\0port1"])
        self.assertEqual(behind6(server, 2, b"port1").lease().addresses, reply.addresses)
        self.assertNotEqual(behind6(server, 2, b"port2").lease().addresses, reply.addresses)

    def test_empty_duid(self) -> None:
        """What would be the DUID of nobody (three zero bytes) replaces none."""
        server = flexible6(library("flex_id", identifier_expression="0x00", replace_client_id=True))
        client = Client6(server)
        client.lease()
        self.assertEqual([lease.duid for lease in server.leases.values()], [client.duid])


class IaidTests(SynchronousTestCase):
    """``ignore-iaid``: a client's only association of a type has any IAID."""

    def setUp(self) -> None:
        self.server = flexible6(library("flex_id", ignore_iaid=True))

    def test_one(self) -> None:
        """A client that changes its IAID keeps its address and prefix; leases have 0, answers what it sent."""
        first = Client6(self.server, ias=[ia_na(5), ia_pd(6)]).lease()
        again = Client6(self.server, ias=[ia_na(7), ia_pd(8)]).lease()
        self.assertEqual((again.addresses, again.prefixes), (first.addresses, first.prefixes))
        self.assertEqual([ia.iaid for ia in (*first.ias, *again.ias)], [5, 6, 7, 8])
        self.assertEqual({lease.iaid for lease in self.server.leases.values()}, {0})

    def test_several(self) -> None:
        """Where there are several of a type, they are told apart."""
        reply = Client6(self.server, ias=[ia_na(5), ia_na(6), ia_pd(7)]).lease()
        self.assertEqual([ia.iaid for ia in reply.ias], [5, 6, 7])
        self.assertEqual(sorted(lease.iaid for lease in self.server.leases.values()), [0, 5, 6])

    def test_nothing_left(self) -> None:
        """An association that gets nothing has its own IAID too."""
        empty = {"id": 1, "subnet": "2001:db8:1::/64", "interface": "eth0"}
        server = flexible6(library("flex_id", ignore_iaid=True), subnet6=[empty])
        answer = Client6(server, ias=[ia_na(9)]).solicit()
        self.assertEqual([ia.iaid for ia in got6(answer, ADVERTISE).ias], [9])

    def test_explained(self) -> None:
        """An explanation finds what the client has under another IAID, and names that as the client does."""
        client = Client6(self.server, 1, ias=[ia_na(5)])
        given = client.lease().addresses[0]
        duid = client.duid.hex(":")
        found = explained(self.server, f"duid={duid},interface=eth0,ia-na=any")
        self.assertEqual(
            [(each.what, each.association, each.reason) for each in found.leases], [(given, "IA_NA 1", HAS)]
        )

    def test_dhcp4(self) -> None:
        """It says nothing in DHCPv4."""
        self.assertEqual(mistakes_of(library("flex_id", ignore_iaid=True)), [])


class ParameterTests(SynchronousTestCase):
    """The parameters of flex_id."""

    def test_interfaces(self) -> None:
        """The factory and what it makes keep the shape of their interfaces."""
        self.assertTrue(verifyObject(IProviderFactory, FLEX_ID))
        configuration = configured(hooks_libraries=[library("flex_id", identifier_expression=CIRCUIT)])
        found = hooks(configuration)
        self.assertEqual(sorted(found), ["arrived", "identifier_sources"])
        for interface, field in ((IIdentifierSource, "identifier_sources"), (IQueryArrived, "arrived")):
            self.assertTrue(verifyObject(interface, found[field][0]))

    def test_mistakes(self) -> None:
        """A mistake is told with its place, one in an expression with the character."""
        table: list[tuple[dict[str, Any], str]] = [
            (
                {"identifier_expression": "relay4[1].hx"},
                "identifier-expression: hx cannot stand here; did you mean hex? (char",
            ),
            ({"identifier_expression": "member('x')"}, "identifier-expression: "),
            ({"identifier_expression": 7}, "identifier-expression: a number cannot stand here"),
            ({"replace_client_id": "yes"}, "replace-client-id: a string cannot stand here"),
            ({"replace_client": True}, "replace-client: unknown keyword; did you mean replace-client-id?"),
        ]
        for parameters, wanted in table:
            found = mistakes_of(library("flex_id", **parameters))
            self.assertEqual(len(found), 1, parameters)
            self.assertTrue(found[0].startswith(wanted), found)
