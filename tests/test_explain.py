"""What explanations say of DHCPv4 clients: readable oracles, each with the answer that the server gives."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging import LOCAL, RELAY, serving
from tests.explaining import explained, members, parts, scopes, told
from txkea.errors import TxkeaError
from txkea.explain.arrival import arrival
from txkea.explain.described import described, fields_of
from txkea.explain.explain import explain
from txkea.explain.explanation import Explanation, Step
from txkea.launch import launch
from txkea.leases.memory import MemoryLeases
from txkea.model.lease import Lease4
from txkea.testing.clients4 import Client, LocalServer

PHONES = {
    "name": "phones",
    "test": "substring(option[60].hex,0,5) == 'phone'",
    "valid-lifetime": 600,
    "option-data": [{"name": "routers", "data": "192.0.2.77"}],
}
POOLS = [
    {"pool": "192.0.2.10 - 192.0.2.19", "client-class": "phones"},
    {"pool": "192.0.2.30 - 192.0.2.39"},
]
GIADDR = "192.0.2.2"
HERE = f"relay={GIADDR}"


def stored(server: LocalServer) -> list[Lease4]:
    """All rows of the store."""
    assert isinstance(server.site.leases, MemoryLeases)
    return list(server.site.leases.table.page(None, 100))


class SituationTests(SynchronousTestCase):
    """The situations that an operator asks about."""

    def test_vendor_class(self) -> None:
        """A client that a test keeps out is dropped, by a class whose test can be followed down to the option."""
        server = serving(
            client_classes=[
                {"name": "boot", "test": "substring(option[60].hex,0,9) == 'PXEClient'"},
                {"name": "DROP", "test": "not member('boot')"},
            ]
        )
        found = explained(server, f"class=MSFT,{HERE}")
        self.assertEqual(
            (found.query, found.answer, found.statistic, found.reason),
            ("DISCOVER", "", "pkt4-admin-filtered", "the client is in the class DROP"),
        )
        self.assertEqual(members(found), ["ALL", "VENDOR_CLASS_MSFT", "DROP"])
        self.assertEqual(
            parts(told(found, "boot").expression),
            {
                "substring(option[60].hex,0,9) == 'PXEClient'": "false",
                "substring(option[60].hex,0,9)": "'MSFT'",
                "option[60].hex": "'MSFT'",
            },
        )
        self.assertEqual(explained(server, f"class=PXEClient:x,{HERE}").answer, "OFFER")

    def test_phones(self) -> None:
        """Phones have a pool of their own, a router of their class and its lifetime; others are told that it is not
        theirs.
        """
        server = serving({"pools": POOLS}, client_classes=[PHONES])
        phone = explained(server, f"class=phone 7,{HERE},requested=3,6")
        self.assertEqual([(pool.used, pool.reason) for pool in phone.pools], [(True, "used"), (False, "not needed")])
        lease = phone.leases[0]
        self.assertEqual((lease.what, lease.valid, lease.scope), ("192.0.2.10", 600, "class phones"))
        self.assertEqual(scopes(phone)[3], ("192.0.2.77", "class phones"))
        self.assertEqual([(each.code, each.reason) for each in phone.missing], [(6, "not configured")])
        other = explained(server, HERE)
        self.assertEqual(
            [(pool.used, pool.reason) for pool in other.pools],
            [(False, "passed over: only for members of phones"), (True, "used")],
        )
        self.assertEqual((other.leases[0].what, other.leases[0].scope), ("192.0.2.30", "global"))

    def test_member_and_not(self) -> None:
        """A subnet for members of one class that are not in another is passed over, and it is said why."""
        server = serving(
            {"client-class": "staff"},
            client_classes=[
                {"name": "foo", "test": "option[77].hex == 'foo'"},
                {"name": "bar", "test": "relay4[1].hex == 'port 7'"},
                {"name": "staff", "test": "member('foo') and not member('bar')"},
            ],
        )
        found = explained(server, f"user-class=foo,circuit-id=port 7,{HERE}")
        assert found.selection is not None
        self.assertEqual((found.answer, found.reason), ("", "no subnet for it"))
        self.assertEqual(
            found.selection.steps[-1],
            Step(
                way=f"one that contains {GIADDR}, the relay's address (giaddr)",
                subnet=0,
                passed=((1, "it is only for members of staff"),),
            ),
        )
        self.assertEqual(
            parts(told(found, "staff").expression),
            {
                "member('foo') and not member('bar')": "false",
                "member('foo')": "true",
                "not member('bar')": "false",
                "member('bar')": "true",
            },
        )
        self.assertEqual(explained(server, f"user-class=foo,{HERE}").answer, "OFFER")

    def test_walled(self) -> None:
        """Unknown clients get the walled pool, known ones do not; that is known after the look-up only."""
        server = serving(
            {
                "pools": [
                    {"pool": "192.0.2.10 - 192.0.2.19", "client-class": "KNOWN"},
                    {"pool": "192.0.2.30 - 192.0.2.39", "client-class": "walled"},
                ],
                "reservations": [{"hw-address": "02:00:00:00:00:01", "hostname": "desk"}],
            },
            client_classes=[{"name": "walled", "test": "member('UNKNOWN')", "valid-lifetime": 300}],
        )
        stranger = explained(server, f"hw-address=02:00:00:00:00:09,{HERE}")
        self.assertEqual(members(stranger), ["ALL", "UNKNOWN", "walled"])
        self.assertEqual((stranger.leases[0].what, stranger.leases[0].scope), ("192.0.2.30", "class walled"))
        assert stranger.reservation is not None
        self.assertEqual(stranger.reservation.scope, "")
        self.assertEqual(stranger.reservation.looked_up[0], "hw-address=02:00:00:00:00:09")
        known = explained(server, f"hw-address=02:00:00:00:00:01,{HERE}")
        self.assertEqual(members(known), ["ALL", "KNOWN"])
        self.assertEqual(known.leases[0].what, "192.0.2.10")
        self.assertEqual(known.pools[1].reason, "passed over: only for members of walled")

    def test_shared_network(self) -> None:
        """A relay selects a network; the reservation moves its client to another subnet of it, and brings a class."""
        server = serving(
            subnet4=[],
            shared_networks=[
                {
                    "name": "floor",
                    "relay": {"ip-addresses": ["10.0.0.1"]},
                    "option-data": [{"name": "domain-name", "data": "floor.example.org"}],
                    "subnet4": [
                        {"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10 - 192.0.2.19"}]},
                        {
                            "id": 2,
                            "subnet": "198.51.100.0/24",
                            "reservations": [
                                {
                                    "hw-address": "02:00:00:00:00:07",
                                    "ip-address": "198.51.100.7",
                                    "client-classes": ["printers"],
                                    "option-data": [{"name": "routers", "data": "198.51.100.1"}],
                                }
                            ],
                        },
                    ],
                }
            ],
            client_classes=[{"name": "printers", "next-server": "192.0.2.9"}],
        )
        found = explained(server, "hw-address=02:00:00:00:00:07,relay=10.0.0.1")
        assert found.selection is not None and found.reservation is not None
        self.assertEqual((found.selection.subnet, found.selection.network), (2, "floor"))
        self.assertEqual([step.subnet for step in found.selection.steps], [1])
        self.assertIn("the client's reservation is here", found.selection.moved)
        self.assertEqual(found.reservation.scope, "subnet 2")
        self.assertEqual(found.reservation.reserved, ("198.51.100.7", "classes printers"))
        self.assertEqual(told(found, "printers").reason, "its reservation says so")
        self.assertEqual((found.leases[0].what, found.leases[0].reason), ("198.51.100.7", "reserved for the client"))
        self.assertEqual([(field.name, field.text, field.scope) for field in found.fields],
                         [("next-server", "192.0.2.9", "class printers")])  # fmt: skip
        self.assertEqual(scopes(found)[15], ("floor.example.org", "shared network floor"))
        self.assertEqual(scopes(found)[3], ("198.51.100.1", "reservation hw-address=02:00:00:00:00:07"))


class LeaseTests(SynchronousTestCase):
    """Why an address, and why not another."""

    def reason(self, server: LocalServer, client: str) -> tuple[str, str]:
        lease = explained(server, client).leases[0]
        return lease.what, lease.reason

    def test_own(self) -> None:
        """A client that has a lease is offered that; once it is over, the same if it is free."""
        server = serving()
        client = Client(server, hwaddr=b"\2\0\0\0\0\1")
        client.lease()
        words = f"hw-address=02:00:00:00:00:01,interface=eth0/{LOCAL}"
        self.assertEqual(self.reason(server, words), ("192.0.2.10", "the client has it"))
        server.now += 10000
        self.assertEqual(self.reason(server, words), ("192.0.2.10", "the client had it before, and it is free"))

    def test_asked(self) -> None:
        """A free address that the client asks for, one that was offered to it, and any."""
        server = serving()
        self.assertEqual(
            self.reason(server, f"address=192.0.2.15,{HERE}"), ("192.0.2.15", "the client asks for it (option 50)")
        )
        self.assertEqual(self.reason(server, HERE), ("192.0.2.10", "the next free one of its pool"))
        Client(server, hwaddr=b"\2\0\0\0\0\1").discover()
        words = f"hw-address=02:00:00:00:00:01,interface=eth0/{LOCAL}"
        self.assertEqual(self.reason(server, words), ("192.0.2.10", "it was offered to the client a moment ago"))
        self.assertEqual(self.reason(server, HERE)[0], "192.0.2.11")

    def test_full(self) -> None:
        """A pool without a free address is full, and a query that gets nothing is told so."""
        server = serving({"pools": [{"pool": "192.0.2.10 - 192.0.2.10"}]})
        Client(server, hwaddr=b"\2\0\0\0\0\1").lease()
        found = explained(server, f"hw-address=02:00:00:00:00:02,{HERE}")
        self.assertEqual((found.answer, found.reason), ("", "no address is free"))
        self.assertEqual([pool.reason for pool in found.pools], ["full"])

    def test_reserved_for_others(self) -> None:
        """Addresses of a pool that are reserved for others are counted."""
        reservation = {"hw-address": "02:00:00:00:00:01", "ip-address": "192.0.2.10"}
        server = serving({"pools": [{"pool": "192.0.2.10 - 192.0.2.10"}], "reservations": [reservation]})
        found = explained(server, f"hw-address=02:00:00:00:00:02,{HERE}")
        self.assertEqual(
            [pool.reason for pool in found.pools],
            ["nothing to have in it; 1 of those looked at is reserved for others"],
        )

    def test_request(self) -> None:
        """A REQUEST is explained with the lease that it would make, and a NAK with why."""
        server = serving()
        found = explained(server, f"message=request,address=192.0.2.12,server={LOCAL},interface=eth0/{LOCAL}")
        self.assertEqual((found.answer, found.leases[0].what, found.leases[0].stored), ("ACK", "192.0.2.12", True))
        refused = explained(server, f"message=request,address=192.0.2.99,server={LOCAL},interface=eth0/{LOCAL}")
        self.assertEqual((refused.answer, refused.reason), ("NAK", "the requested address is in no pool"))
        self.assertEqual(stored(server), [])

    def test_lifetime(self) -> None:
        """Where a lifetime is from, and whether it is what was asked for or a bound of that."""
        server = serving({"min-valid-lifetime": 100, "valid-lifetime": 200, "max-valid-lifetime": 300})
        for wish, seconds, scope in (
            (250, 250, "subnet 1: as asked for"),
            (999, 300, "subnet 1: the bound of the 999 s that were asked for"),
        ):
            lease = explained(server, f"option.dhcp-lease-time={wish},{HERE}").leases[0]
            self.assertEqual((lease.valid, lease.scope), (seconds, scope))
        self.assertEqual(explained(server, f"{HERE}").leases[0].scope, "subnet 1")


class OptionTests(SynchronousTestCase):
    """Whose each option is."""

    def test_scopes(self) -> None:
        """The narrowest scope that has an option is told: pool, subnet, class, global; and what the server adds."""
        server = serving(
            {
                "pools": [
                    {
                        "pool": "192.0.2.10 - 192.0.2.19",
                        "option-data": [{"name": "routers", "data": "192.0.2.2"}],
                    }
                ],
                "option-data": [{"name": "routers", "data": "192.0.2.1"}, {"name": "ntp-servers", "data": "192.0.2.4"}],
            },
            client_classes=[
                {"name": "c", "test": "pkt4.htype == 1", "option-data": [{"name": "log-servers", "data": "192.0.2.7"}]}
            ],
            option_data=[
                {"name": "routers", "data": "192.0.2.9"},
                {"name": "domain-name-servers", "data": "192.0.2.53"},
            ],
        )
        found = scopes(explained(server, f"interface=eth0/{LOCAL},requested=3,6,7,42,client-id=01:02"))
        self.assertEqual(
            found,
            {
                54: (LOCAL, "the server"),
                51: ("7200", "global"),
                1: ("255.255.255.0", "subnet 1"),
                3: ("192.0.2.2", "pool 192.0.2.10 - 192.0.2.19"),
                6: ("192.0.2.53", "global"),
                7: ("192.0.2.7", "class c"),
                42: ("192.0.2.4", "subnet 1"),
                61: ("0102", "as the client sent it"),
            },
        )

    def test_suboptions(self) -> None:
        """Sub-options of one option can be of several scopes, each told apart."""
        server = serving(
            {
                "option-data": [
                    {"name": "one", "space": "things", "data": "11"},
                    {"name": "container"},
                ]
            },
            option_def=[
                {"name": "container", "code": 230, "type": "empty", "encapsulate": "things"},
                {"name": "one", "code": 1, "type": "uint8", "space": "things"},
                {"name": "two", "code": 2, "type": "uint8", "space": "things"},
            ],
            option_data=[{"name": "two", "space": "things", "data": "22"}],
        )
        found = explained(server, f"{HERE},requested=230").options
        option = next(each for each in found if each.code == 230)
        self.assertEqual((option.name, option.scope), ("container", "subnet 1"))
        self.assertEqual(
            [(part.name, part.text, part.scope) for part in option.parts],
            [("one", "11", "subnet 1"), ("two", "22", "global")],
        )

    def test_missing(self) -> None:
        """What was asked for and is not given: not configured, never sent, or for members only."""
        server = serving(
            {"option-data": [{"name": "routers", "data": "192.0.2.1", "never-send": True}]},
            option_data=[
                {"name": "ntp-servers", "data": "192.0.2.4", "client-classes": ["VENDOR_CLASS_x"]},
            ],
        )
        found = explained(server, f"{HERE},requested=3,6,42")
        self.assertEqual(
            {each.code: each.reason for each in found.missing},
            {3: "never sent: subnet 1", 6: "not configured", 42: "only for members of VENDOR_CLASS_x: global"},
        )
        self.assertEqual(scopes(explained(server, f"{HERE},requested=42,class=x"))[42][0], "192.0.2.4")


class ClassTests(SynchronousTestCase):
    """How classes are told."""

    def test_additional(self) -> None:
        """A class that is evaluated where a subnet asks for it tells who asked, and one that nobody asks for that."""
        server = serving(
            {"evaluate-additional-classes": ["late"]},
            client_classes=[
                {"name": "late", "test": "member('ALL')", "only-in-additional-list": True},
                {"name": "never", "test": "member('ALL')", "only-in-additional-list": True},
                {"name": "empty"},
            ],
        )
        found = explained(server, HERE)
        self.assertEqual(told(found, "late").reason, "its test is true, for subnet 1 asks for it")
        self.assertFalse(told(found, "never").member)
        self.assertIn("here it was not", told(found, "never").reason)
        self.assertIn("no test", told(found, "empty").reason)

    def test_template(self) -> None:
        """A template's value and the class that it makes."""
        server = serving(client_classes=[{"name": "port", "template-test": "relay4[1].hex"}])
        found = explained(server, f"circuit-id=7,{HERE}")
        self.assertEqual(members(found), ["ALL", "SPAWN_port_7", "port", "UNKNOWN"])
        self.assertEqual(told(found, "port").reason, "its template gives a value")

    def test_reserved_class(self) -> None:
        """A test that asks for a class which the reservation gives has the value that it has then."""
        server = serving(
            {
                "reservations": [
                    {"hw-address": "02:00:00:00:00:01", "ip-address": "192.0.2.9", "client-classes": ["paper"]}
                ]
            },
            client_classes=[{"name": "paper"}, {"name": "printers", "test": "member('paper')"}],
        )
        found = explained(server, f"hw-address=02:00:00:00:00:01,{HERE}")
        self.assertEqual(members(found), ["ALL", "paper", "printers", "KNOWN"])
        self.assertEqual(parts(told(found, "printers").expression), {"member('paper')": "true"})

    def test_many(self) -> None:
        """Of too many tests that are not true the value alone is told."""
        classes = [{"name": f"c{number}", "test": f"option[60].hex == '{number}'"} for number in range(10)]
        site = serving(client_classes=classes).site
        came = described(site.configuration, fields_of(f"class=7,{HERE}"))
        for most, count in ((0, 10), (3, 4)):
            found = launch(explain(site, came, 1.0, most))
            assert isinstance(found, Explanation)
            tests = [each.expression for each in found.classes if each.expression is not None]
            self.assertEqual([part.value for part in tests].count("false"), 9)
            self.assertEqual(sum(bool(part.parts) for part in tests), count)

    def test_failed(self) -> None:
        """A test without a value is told with why, and with what the server logs: in its own log nothing stands."""
        server = serving(client_classes=[{"name": "odd", "test": "not uint32totext(option[60].hex) == '1'"}])
        before = list(server.log.lines)
        found = explained(server, f"class=x,{HERE}")
        self.assertEqual((told(found, "odd").member, told(found, "odd").reason), (False, "its test has no value"))
        self.assertIn("no value: ", parts(told(found, "odd").expression)["uint32totext(option[60].hex)"])
        self.assertEqual(len(found.log), 1)
        self.assertIn("odd", found.log[0])
        self.assertEqual(server.log.lines, before)


class NothingChangesTests(SynchronousTestCase):
    """An explanation is what the server then does, and leaves no trace."""

    clients = st.tuples(
        st.sampled_from(["discover", "request", "inform", "release"]),
        st.integers(1, 4),
        st.sampled_from(["", ",class=phone", ",class=other"]),
        st.sampled_from(["", ",address=192.0.2.12", ",address=192.0.2.31", ",address=10.0.0.1"]),
        st.sampled_from([HERE, f"relay={RELAY}", f"interface=eth0/{LOCAL}", "relay=10.1.1.1"]),
    )

    @settings(deadline=None, max_examples=25)
    @given(st.lists(clients, min_size=1, max_size=8))
    def test_same_as_served(self, clients: list[tuple[str, int, str, str, str]]) -> None:
        """Whatever clients ask in turn: the explanation has the answer that follows; without it, it is the same."""
        reservation = {"hw-address": "02:00:00:00:00:01", "ip-address": "192.0.2.200", "hostname": "desk"}
        server = serving({"pools": POOLS, "reservations": [reservation]}, client_classes=[PHONES])
        for kind, number, vendor, address, way in clients:
            words = f"message={kind},hw-address=02:00:00:00:00:0{number}{vendor}{address},{way}"
            before = self.state(server)
            found = explained(server, words)
            self.assertEqual(self.state(server), before)
            came = described(server.site.configuration, fields_of(words))
            server.network.sent.clear()
            origin = came.origin()._replace(socket=server.network.sockets[0])
            server.server.datagram_arrived(came.data, origin)
            answers = server.answers()
            self.assertEqual(len(answers), bool(found.answer), words)
            for answer in answers:
                self.assertEqual(found.answer, ["", "", "OFFER", "", "", "ACK", "NAK"][answer.type])
                self.assertEqual([lease.what for lease in found.leases] or ["0.0.0.0"], [answer.yiaddr])
                self.assertEqual([each.code for each in found.options], [code for code in answer.options if code != 53])

    def state(self, server: LocalServer) -> Any:
        """Everything that a query can change."""
        site = server.site
        pools = [pool for subnet in site.subnets.subnets for pool in subnet.pools]
        beliefs = [
            (pool.beliefs.next, [offset for offset in range(pool.size) if pool.free_from(offset) == offset])
            for pool in pools
        ]
        recent = [subnet.recent for subnet in site.subnets.subnets]
        leases = stored(server)
        return dict(site.statistics), beliefs, recent, leases, len(site.offers), len(server.log.lines)


class DescriptionTests(SynchronousTestCase):
    """Clients in words."""

    def test_fields(self) -> None:
        """A comma that no name follows belongs to the value."""
        self.assertEqual(
            fields_of("requested=1,3,6,class=a,b,relay=192.0.2.1"),
            {"requested": "1,3,6", "class": "a,b", "relay": "192.0.2.1"},
        )
        self.assertEqual(fields_of(""), {})

    def test_mistakes(self) -> None:
        """What is not understood is told by name, and with what would be right."""
        server = serving()
        for words, text in (
            ("hwaddr=02:00", "a DHCPv4 client has no 'hwaddr'; it may have hw-address"),
            ("relay=here", "the client's relay: 'here' is not an IPv4 address"),
            ("requested=routers,nonsense", "no option is called 'nonsense'"),
            ("message=solicit", "there is no 'solicit'"),
            ("option.routers=x", "the client's option.routers"),
            ("option.250=x", "option 250 has no definition; write 0x and hexadecimal"),
            ("nothing", "the client's 'nothing' is no NAME=VALUE"),
            ("class=a,class=b", "the client's class is given twice"),
            ("hw-address=" + "02" * 17, "at most 16 bytes"),
        ):
            error = self.assertRaises(TxkeaError, explained, server, words)
            self.assertIn(text, str(error), words)

    def test_unreadable(self) -> None:
        """A packet that cannot be read is explained as that."""
        server = serving()
        found = launch(explain(server.site, arrival(4, b"\1\2\3"), server.now))
        self.assertEqual((found.query, found.answer, found.statistic), ("", "", "pkt4-parse-failed"))  # type: ignore[union-attr]
