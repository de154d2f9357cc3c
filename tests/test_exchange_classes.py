"""`txkea.exchange.classes` and the guards: who is in which class, may use what, and gets what (Kea D.2, D.3, A.16)."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging import ACK, OFFER, got
from tests.exchanging6 import ADVERTISE, got6
from txkea.model.configuration import (
    ClientClass,
    Configuration,
    Host,
    Lifetime,
    OptionData,
    Parameters,
    Pool,
    PrefixPool,
    SharedNetwork,
    Subnet,
)
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.testing.clients4 import Answer, Client, LocalServer, packed
from txkea.testing.clients6 import Client6, LocalServer6, ia_na, ia_pd, packed6, relayed, through
from txkea.wire.dhcp6 import Option6, StatusCode

HWADDR = b"\x02\0\0\1\0\1"
"""Client 1's."""
PHONE = "option[60].hex == 'phone'"
PHONES = ClientClass(name="phones", test=PHONE)


def first(address: str) -> int:
    return int.from_bytes(packed(address), "big")


def pool4(start: str, end: str, *guard: str, **more: Any) -> Pool:
    return Pool(first=first(start), last=first(end), client_classes=guard, **more)


def subnet4(number: int, *pools: Pool, guard: tuple[str, ...] = (), **more: Any) -> Subnet:
    network = f"192.0.{number}.0"
    parameters = more.pop("parameters", Parameters(interface="eth0"))
    return Subnet(
        id=number,
        prefix=f"{network}/24",
        network=packed(network),
        length=24,
        pools=pools,
        client_classes=guard,
        parameters=parameters,
        **more,
    )


def data(code: int, payload: bytes, **more: Any) -> OptionData:
    return OptionData(code=code, space="dhcp4", payload=payload, **more)


class Case4(SynchronousTestCase):
    """DHCPv4 servers from values."""

    def serve(self, *subnets: Subnet, classes: tuple[ClientClass, ...] = (PHONES,), **more: Any) -> None:
        configuration = Configuration(family=4, subnets=subnets, client_classes=classes, **more)
        self.server = LocalServer(configuration)

    def offered(
        self, number: int = 1, vendor: bytes = b"", asked: bytes = b"", more: dict[int, bytes] | None = None
    ) -> str | None:
        """What a client is offered."""
        options = {60: vendor} if vendor else {}
        if asked:
            options[55] = asked
        self.answer = Client(self.server, number).discover({**options, **(more or {})})
        return None if self.answer is None else got(self.answer, OFFER).yiaddr

    def leased(self, number: int, vendor: bytes = b"") -> Answer:
        """What a client is leased."""
        client, options = Client(self.server, number), {60: vendor} if vendor else {}
        return got(client.select(got(client.discover(options), OFFER).yiaddr, options), ACK)


class GuardTests(Case4):
    """D018-D021."""

    def test_pools(self) -> None:
        """D018, D020: a guarded pool is passed over by whom it is not for, and is the members' as others are."""
        phones, rest = pool4("192.0.2.10", "192.0.2.10", "phones"), pool4("192.0.2.20", "192.0.2.20")
        self.serve(subnet4(2, phones, rest))
        self.assertEqual(self.leased(1).yiaddr, "192.0.2.20")
        self.assertEqual(self.leased(2, b"phone").yiaddr, "192.0.2.10")
        self.assertIsNone(self.offered(3))

    def test_asked_for(self) -> None:
        """D020: asking for an address of a guarded pool does not help, nor does having had it."""
        self.serve(subnet4(2, pool4("192.0.2.10", "192.0.2.19", "phones"), pool4("192.0.2.20", "192.0.2.29")))
        wish = {50: packed("192.0.2.10")}
        self.assertEqual(got(Client(self.server).discover(wish), OFFER).yiaddr, "192.0.2.20")
        self.assertEqual(self.leased(2, b"phone").yiaddr, "192.0.2.10")
        self.assertEqual(got(Client(self.server, 2).discover(), OFFER).yiaddr, "192.0.2.21")

    def test_subnets(self) -> None:
        """D018, A174: the first subnet that the client may use is selected; one that may use none gets nothing."""
        phones = subnet4(2, pool4("192.0.2.10", "192.0.2.19"), guard=("phones",))
        printers = subnet4(3, pool4("192.0.3.10", "192.0.3.19"), guard=("printers",))
        self.serve(printers, phones, classes=(PHONES, ClientClass(name="printers", test="option[60].hex == 'printer'")))
        self.assertEqual(self.offered(1, b"phone"), "192.0.2.10")
        self.assertEqual(self.offered(2, b"printer"), "192.0.3.10")
        self.assertIsNone(self.offered(3))

    def test_any_of(self) -> None:
        """D018: of a list of classes one is enough."""
        guarded = pool4("192.0.2.10", "192.0.2.19", "printers", "phones")
        self.serve(subnet4(2, guarded), classes=(PHONES, ClientClass(name="printers")))
        self.assertEqual(self.offered(1, b"phone"), "192.0.2.10")

    def test_network_and_subnet(self) -> None:
        """D019: the guards of network and subnet are cumulative."""
        new = ClientClass(name="new", test="option[12].exists")
        subnet = subnet4(2, pool4("192.0.2.10", "192.0.2.19"), guard=("new",), network_name="floor")
        network = SharedNetwork(name="floor", subnet_ids=(2,), client_classes=("phones",))
        self.serve(subnet, classes=(PHONES, new), networks=(network,))
        self.assertIsNone(self.offered(1, b"phone"))
        self.assertIsNone(self.offered(2, more={12: b"new"}))
        self.assertEqual(self.offered(3, b"phone", more={12: b"new"}), "192.0.2.10")

    def test_neighbours(self) -> None:
        """Within a shared network the subnets that a client may not use are passed over."""
        phones = subnet4(2, pool4("192.0.2.10", "192.0.2.19"), guard=("phones",), network_name="floor")
        rest = subnet4(3, pool4("192.0.3.10", "192.0.3.10"), network_name="floor")
        network = SharedNetwork(name="floor", subnet_ids=(2, 3), parameters=Parameters(interface="eth0"))
        self.serve(phones, rest, networks=(network,))
        self.assertEqual(self.leased(1).yiaddr, "192.0.3.10")
        self.assertIsNone(self.offered(2))
        self.assertEqual(self.offered(3, b"phone"), "192.0.2.10")

    def test_complement(self) -> None:
        """D021: not member(...) is how members are excluded."""
        rest = ClientClass(name="rest", test="not member('phones')")
        self.serve(subnet4(2, pool4("192.0.2.10", "192.0.2.19", "rest")), classes=(PHONES, rest))
        self.assertIsNone(self.offered(1, b"phone"))
        self.assertEqual(self.offered(2), "192.0.2.10")

    def test_vendor_class(self) -> None:
        """D002, D006: the class that a vendor class names needs no definition."""
        self.serve(subnet4(2, pool4("192.0.2.10", "192.0.2.19", "VENDOR_CLASS_MSFT 5.0")), classes=())
        self.assertEqual(self.offered(1, b"MSFT 5.0"), "192.0.2.10")
        self.assertIsNone(self.offered(2, b"MSFT"))


class PhaseTests(Case4):
    """D007-D017."""

    HOST = Host(
        identifier=Identifier(IdentifierKind.HW_ADDRESS, HWADDR),
        subnet_id=2,
        client_classes=("gold",),
    )

    def test_known(self) -> None:
        """D008: KNOWN and UNKNOWN, and what depends on them, come once the reservation is looked up."""
        guest = ClientClass(name="guest", test="member('UNKNOWN')")
        walled, open_ = pool4("192.0.2.10", "192.0.2.19", "guest"), pool4("192.0.2.20", "192.0.2.29", "KNOWN")
        self.serve(subnet4(2, walled, open_, hosts=(self.HOST,)), classes=(guest,))
        self.assertEqual(self.offered(1), "192.0.2.20")
        self.assertEqual(self.offered(2), "192.0.2.10")

    def test_reservation(self) -> None:
        """D017: the classes of a reservation count before a pool is chosen."""
        gold, rest = pool4("192.0.2.10", "192.0.2.19", "gold"), pool4("192.0.2.20", "192.0.2.29")
        self.serve(subnet4(2, rest, gold, hosts=(self.HOST,)), classes=(ClientClass(name="gold"),))
        self.assertIn(self.offered(1), ("192.0.2.10", "192.0.2.20"))
        self.serve(subnet4(2, gold, hosts=(self.HOST,)), classes=(ClientClass(name="gold"),))
        self.assertEqual(self.offered(1), "192.0.2.10")
        self.assertIsNone(self.offered(2))

    def test_reservation_of_others(self) -> None:
        """What a message alone made a member of is asked again once the reservation is known, behind its classes."""
        golden = ClientClass(name="golden", test="member('gold')", options=(data(66, b"golden"),))
        rest = ClientClass(name="rest", test="not member('gold')", options=(data(66, b"rest"),))
        everybody = ClientClass(name="everybody", test="member('ALL')", options=(data(67, b"everybody"),))
        gold = ClientClass(name="gold", options=(data(67, b"gold"),))
        subnet = subnet4(2, pool4("192.0.2.10", "192.0.2.19"), hosts=(self.HOST,))
        self.serve(subnet, classes=(gold, golden, rest, everybody))
        for number, name, of_all in ((1, b"golden", b"gold"), (2, b"rest", b"everybody")):
            self.offered(number, b"phone", bytes((66, 67)))
            assert self.answer is not None
            self.assertEqual((self.answer.options[66], self.answer.options[67]), (name, of_all))
        self.serve(subnet, classes=(gold, ClientClass(name="DROP", test="member('gold')")))
        self.assertIsNone(self.offered(1))

    def test_additional_in_order(self) -> None:
        """D009: the classes that a subnet asks for come before those of its pool."""
        classes = [
            ClientClass(name=name, test=PHONE, only_if_additional=True, options=(data(66, name.encode()),))
            for name in ("pool", "subnet")
        ]
        pool = pool4("192.0.2.10", "192.0.2.19", additional_classes=("pool",))
        self.serve(evolve(subnet4(2, pool), additional_classes=("subnet",)), classes=tuple(classes))
        self.offered(1, b"phone", bytes((66,)))
        assert self.answer is not None
        self.assertEqual(self.answer.options[66], b"subnet")

    def test_drop(self) -> None:
        """D004: a member of DROP gets no answer, whether the message or the reservation says so."""
        for test in (PHONE, "member('UNKNOWN') and option[60].hex == 'phone'"):
            self.serve(subnet4(2, pool4("192.0.2.10", "192.0.2.19")), classes=(ClientClass(name="DROP", test=test),))
            self.assertIsNone(self.offered(1, b"phone"))
            self.assertEqual(self.offered(2), "192.0.2.10")
            self.assertEqual(self.server.statistic("pkt4-admin-filtered"), 1)
            self.assertEqual(len(self.server.server), 0)

    def test_only_if_additional(self) -> None:
        """D009, D016: a class that is only for those who ask counts for no guard, and for the options of who asks."""
        late = ClientClass(name="late", test=PHONE, only_if_additional=True, options=(data(66, b"boot"),))
        asks = pool4("192.0.2.10", "192.0.2.19", additional_classes=("late",))
        self.serve(subnet4(2, asks), classes=(late,))
        self.offered(1, b"phone", bytes((66,)))
        assert self.answer is not None
        self.assertEqual(self.answer.options[66], b"boot")
        self.serve(subnet4(2, pool4("192.0.2.10", "192.0.2.19", "late")), classes=(late,))
        self.assertIsNone(self.offered(1, b"phone"))

    def test_failing(self) -> None:
        """D012: a test that fails is no match, is logged, and never drops the query."""
        odd = ClientClass(name="odd", test="not (uint32totext(option[60].hex) == '1')")
        self.serve(subnet4(2, pool4("192.0.2.10", "192.0.2.19")), classes=(odd,))
        self.assertEqual(self.offered(1, b"xyz"), "192.0.2.10")
        self.assertIn("odd", str(self.server.log.lines))

    def test_spawned(self) -> None:
        """D049: a template makes a class for each value."""
        template = ClientClass(name="port", template_test="option[60].hex")
        self.serve(subnet4(2, pool4("192.0.2.10", "192.0.2.19", "SPAWN_port_7")), classes=(template,))
        self.assertEqual(self.offered(1, b"7"), "192.0.2.10")
        self.assertIsNone(self.offered(2, b"8"))
        self.assertIsNone(self.offered(3))


class MemberTests(Case4):
    """What members get (A.16, A182)."""

    def test_precedence(self) -> None:
        """A178: an option of a class wins over a global one, and gives way to a subnet's; classes in their order."""
        one = ClientClass(name="one", test="member('ALL')", options=(data(66, b"one"), data(67, b"one")))
        two = ClientClass(name="two", test="member('ALL')", options=(data(67, b"two"), data(42, b"\1\2\3\4")))
        subnet = subnet4(2, pool4("192.0.2.10", "192.0.2.19"), options=(data(66, b"subnet"),))
        self.serve(subnet, classes=(one, two), options=(data(67, b"global"), data(42, b"\4\3\2\1")))
        self.offered(1, asked=bytes((66, 67, 42)))
        assert self.answer is not None
        self.assertEqual([self.answer.options[code] for code in (66, 67, 42)], [b"subnet", b"one", b"\1\2\3\4"])

    def test_others(self) -> None:
        """Options of a class are its members' alone, also when both ask for the same."""
        boot = ClientClass(name="phones", test=PHONE, options=(data(66, b"boot"),))
        self.serve(subnet4(2, pool4("192.0.2.10", "192.0.2.19")), classes=(boot,))
        for vendor, has in ((b"phone", True), (b"", False), (b"phone", True)):
            self.offered(1, vendor, bytes((66,)))
            assert self.answer is not None
            self.assertEqual(66 in self.answer.options, has)

    def test_tagged(self) -> None:
        """A185: an option that is for some classes is passed over for others."""
        tagged, plain = data(66, b"phones", client_classes=("phones",)), data(66, b"all")
        self.serve(subnet4(2, pool4("192.0.2.10", "192.0.2.19"), options=(tagged, plain)))
        for vendor, expected in ((b"phone", b"phones"), (b"", b"all")):
            self.offered(1, vendor, bytes((66,)))
            assert self.answer is not None
            self.assertEqual(self.answer.options[66], expected)

    def test_lifetime(self) -> None:
        """A member's lease lasts as long as its class says."""
        short = ClientClass(name="phones", test=PHONE, valid_lifetime=Lifetime(60, 30, 90))
        self.serve(subnet4(2, pool4("192.0.2.10", "192.0.2.19")), classes=(short,))
        client = Client(self.server)
        self.assertEqual(self.leased(1, b"phone").number(51), 60)
        self.assertEqual(got(client.discover({60: b"phone", 51: bytes((0, 0, 9, 9))}), OFFER).number(51), 90)
        self.assertEqual(got(Client(self.server, 2).discover(), OFFER).number(51), 7200)

    def test_fixed_fields(self) -> None:
        """A182: next server and boot file are the first class's that has them, else the subnet's."""
        one = ClientClass(name="one", test=PHONE, boot_file_name="one")
        two = ClientClass(name="two", test=PHONE, boot_file_name="two", next_server=packed("192.0.2.1"))
        self.serve(subnet4(2, pool4("192.0.2.10", "192.0.2.19")), classes=(one, two))
        self.offered(1, b"phone")
        assert self.answer is not None
        message = self.answer.message
        self.assertEqual((message.file.rstrip(b"\0"), message.siaddr), (b"one", packed("192.0.2.1")))

    def test_inform(self) -> None:
        """An INFORM's answer has the options of the client's classes."""
        boot = ClientClass(name="phones", test=PHONE, options=(data(66, b"boot"),))
        self.serve(subnet4(2, pool4("192.0.2.10", "192.0.2.19")), classes=(boot,))
        answer = got(Client(self.server).inform("192.0.2.50", {60: b"phone", 55: bytes((66,))}), ACK)
        self.assertEqual(answer.options[66], b"boot")


class ClassTests6(SynchronousTestCase):
    """The same for DHCPv6."""

    MODEM = b"\0\0\x11\x8b\0\x09docsis3.0"

    def serve(self, *classes: ClientClass, **more: Any) -> LocalServer6:
        modems = Pool(first=self.first("2001:db8::10"), last=self.first("2001:db8::10"), client_classes=("modems",))
        rest = Pool(first=self.first("2001:db8::20"), last=self.first("2001:db8::2f"))
        prefixes = PrefixPool(
            network=packed6("2001:db8:1000::"), length=48, delegated_length=56, client_classes=("modems",)
        )
        subnet = Subnet(
            id=1,
            prefix="2001:db8::/64",
            network=packed6("2001:db8::"),
            length=64,
            pools=(modems, rest),
            prefix_pools=(prefixes,),
            parameters=Parameters(interface="eth0"),
            **more,
        )
        return LocalServer6(Configuration(family=6, subnets=(subnet,), client_classes=classes))

    def first(self, address: str) -> int:
        return int.from_bytes(packed6(address), "big")

    def test_guards(self) -> None:
        """D018, D020: guarded pools of addresses and of prefixes are the members' only."""
        modems = ClientClass(name="modems", test="member('VENDOR_CLASS_docsis3.0')")
        server = self.serve(modems)
        both = (ia_na(1), ia_pd(1))
        answer = got6(Client6(server, 1).solicit(both), ADVERTISE)
        self.assertEqual(answer.addresses, ["2001:db8::20"])
        self.assertEqual(answer.ia_status(1, Option6.IA_PD), StatusCode.NO_PREFIX_AVAIL)
        member = Client6(server, 2, options=[(Option6.VENDOR_CLASS, self.MODEM)])
        answer = got6(member.solicit(both), ADVERTISE)
        self.assertEqual((answer.addresses, answer.prefixes), (["2001:db8::10"], ["2001:db8:1000::/56"]))

    def test_hint(self) -> None:
        """D020: neither a hint nor a former lease opens a guarded pool."""
        server = self.serve(ClientClass(name="modems", test="option[16].exists"))
        wish = (ia_na(1, "2001:db8::10"), ia_pd(1, "2001:db8:1000:5500::/56"))
        answer = got6(Client6(server, 1).request(wish))
        self.assertEqual((answer.addresses, answer.prefixes), (["2001:db8::20"], []))

    def test_options_and_lifetimes(self) -> None:
        """Options and both lifetimes of a class are its members'."""
        dns = OptionData(code=23, space="dhcp6", payload=packed6("2001:db8::53"))
        modems = ClientClass(
            name="modems",
            test="option[16].exists",
            options=(dns,),
            valid_lifetime=Lifetime(400, 400, 400),
            preferred_lifetime=Lifetime(300, 300, 300),
        )
        server = self.serve(modems)
        member = Client6(server, 1, options=[(Option6.VENDOR_CLASS, self.MODEM)], requested=(23,))
        answer = member.lease()
        self.assertEqual(answer.options[23], packed6("2001:db8::53"))
        self.assertEqual((answer.resource().preferred, answer.resource().valid), (300, 400))
        self.assertNotIn(23, Client6(server, 2, requested=(23,)).lease().options)

    def test_drop(self) -> None:
        """D004: a member of DROP gets no answer."""
        server = self.serve(ClientClass(name="DROP", test="option[16].exists"))
        self.assertIsNone(Client6(server, 1, options=[(Option6.VENDOR_CLASS, self.MODEM)]).solicit())
        self.assertEqual(server.statistic("pkt6-admin-filtered"), 1)

    def test_link_address(self) -> None:
        """D034: expressions see relays."""
        server = self.serve(ClientClass(name="modems", test="relay6[0].linkaddr == 2001:db8::1"))
        answer = got6(Client6(server, relays=through(relayed("2001:db8::1"))).solicit(), ADVERTISE)
        self.assertEqual(answer.addresses, ["2001:db8::10"])


class EarlyTests(Case4):
    """D017: early-global-reservations-lookup."""

    def test_known_before_the_subnet(self) -> None:
        """A global reservation, found before the subnet is selected, decides which subnet that is."""
        host = Host(identifier=Identifier(IdentifierKind.HW_ADDRESS, HWADDR), client_classes=("gold",))
        gold = subnet4(2, pool4("192.0.2.10", "192.0.2.19"), guard=("KNOWN",))
        rest = subnet4(3, pool4("192.0.3.10", "192.0.3.19"))
        for early, address in ((True, "192.0.2.10"), (False, "192.0.3.11")):
            self.serve(gold, rest, hosts=(host,), early_global_reservations_lookup=early)
            self.assertEqual(self.offered(2), "192.0.3.10")
            self.assertEqual(self.offered(1), address)

    def test_no_subnet(self) -> None:
        """A client that may use no subnet is not answered, and nothing stays in flight."""
        self.serve(
            subnet4(2, pool4("192.0.2.10", "192.0.2.19"), guard=("KNOWN",)), early_global_reservations_lookup=True
        )
        self.assertIsNone(self.offered(1))
        self.assertEqual(len(self.server.server), 0)
