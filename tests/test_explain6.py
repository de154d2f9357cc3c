"""What explanations say of DHCPv6 clients."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging6 import LINK, serving6
from tests.explaining import explained, members, parts, scopes, told
from txkea.explain.described import described, fields_of
from txkea.explain.explanation import Step
from txkea.leases.memory import MemoryLeases
from txkea.testing.clients6 import LocalServer6
from txkea.wire.client6 import read_ias
from txkea.wire.dhcp6 import MessageType6

HERE = "interface=eth0"
THERE = f"link-address={LINK}"


class SituationTests(SynchronousTestCase):
    """The situations that an operator asks about."""

    def test_vendor_class(self) -> None:
        """A client whose vendor class is not wanted is dropped; the vendor class is a class of its own."""
        server = serving6(client_classes=[{"name": "DROP", "test": "not vendor-class[4491].exists"}])
        found = explained(server, f"class=343:PXE,{HERE}")
        self.assertEqual((found.query, found.answer, found.statistic), ("SOLICIT", "", "pkt6-admin-filtered"))
        self.assertEqual(members(found), ["ALL", "VENDOR_CLASS_PXE", "DROP"])
        self.assertEqual(
            parts(told(found, "DROP").expression),
            {"not vendor-class[4491].exists": "true", "vendor-class[4491].exists": "false"},
        )
        self.assertEqual(explained(server, f"class=4491:docsis3.0,{HERE}").answer, "ADVERTISE")

    def test_phones(self) -> None:
        """Phones have a pool of their own, with lifetimes and an option of their class."""
        server = serving6(
            {
                "pools": [
                    {"pool": "2001:db8:1::10 - 2001:db8:1::19", "client-class": "phones"},
                    {"pool": "2001:db8:1::20 - 2001:db8:1::29"},
                ]
            },
            client_classes=[
                {
                    "name": "phones",
                    "test": "substring(option[15].hex,2,5) == 'phone'",
                    "valid-lifetime": 600,
                    "preferred-lifetime": 500,
                    "option-data": [{"name": "dns-servers", "data": "2001:db8::7"}],
                }
            ],
        )
        phone = explained(server, f"user-class=phone,{HERE}")
        lease = phone.leases[0]
        self.assertEqual((lease.what, lease.valid, lease.preferred), ("2001:db8:1::10", 600, 500))
        self.assertEqual((lease.scope, lease.association), ("class phones", "IA_NA 1"))
        self.assertEqual(scopes(phone)[23], ("2001:db8::7", "class phones"))
        other = explained(server, HERE)
        self.assertEqual(other.leases[0].what, "2001:db8:1::20")
        self.assertEqual(other.pools[0].reason, "passed over: only for members of phones")
        self.assertEqual([(each.code, each.reason) for each in other.missing][:1], [(23, "not configured")])

    def test_member_and_not(self) -> None:
        """A pool of prefixes for members of one class that are not in another."""
        server = serving6(
            {
                "pd-pools": [
                    {
                        "prefix": "2001:db8:1000::",
                        "prefix-len": 48,
                        "delegated-len": 56,
                        "client-class": "routers",
                    }
                ]
            },
            client_classes=[
                {"name": "foo", "test": "option[15].exists"},
                {"name": "bar", "test": "member('ALL') and relay6[0].option[18].exists"},
                {"name": "routers", "test": "member('foo') and not member('bar')"},
            ],
        )
        words = f"ia-na=any,ia-pd=/56,{HERE}"
        without = explained(server, words)
        self.assertEqual([lease.what for lease in without.leases], ["2001:db8:1::10", ""])
        self.assertEqual(without.leases[1].reason, "NoPrefixAvail: No prefix is free.")
        self.assertEqual(
            [(pool.kind, pool.used, pool.reason) for pool in without.pools],
            [("address", True, "used"), ("prefix", False, "passed over: only for members of routers")],
        )
        router = explained(server, f"user-class=x,{words}")
        self.assertEqual([lease.what for lease in router.leases], ["2001:db8:1::10", "2001:db8:1000::/56"])
        self.assertEqual(router.leases[1].pool, "2001:db8:1000::/48, /56 each")

    def test_walled(self) -> None:
        """Unknown clients get the walled pool."""
        server = serving6(
            {
                "pools": [
                    {"pool": "2001:db8:1::10 - 2001:db8:1::19", "client-class": "KNOWN"},
                    {"pool": "2001:db8:1::20 - 2001:db8:1::29", "client-class": "UNKNOWN"},
                ],
                "reservations": [{"duid": "00:03:00:01:02:00:00:00:00:01", "hostname": "desk"}],
            }
        )
        stranger = explained(server, f"hw-address=02:00:00:00:00:09,{HERE}")
        self.assertEqual(stranger.leases[0].what, "2001:db8:1::20")
        self.assertEqual(told(stranger, "UNKNOWN").reason, "it has no reservation")
        known = explained(server, f"hw-address=02:00:00:00:00:01,{HERE}")
        assert known.reservation is not None
        self.assertEqual(known.leases[0].what, "2001:db8:1::10")
        self.assertEqual(known.reservation.identifier, "duid=00:03:00:01:02:00:00:00:00:01")
        self.assertEqual(known.pools[1].reason, "passed over: only for members of UNKNOWN")

    def test_shared_network(self) -> None:
        """A relay selects a network by its interface-id; a reservation lies in the other subnet of it."""
        server = serving6(
            subnet6=[],
            shared_networks=[
                {
                    "name": "floor",
                    "interface-id": "port 7",
                    "subnet6": [
                        {"id": 1, "subnet": "2001:db8:1::/64", "pools": [{"pool": "2001:db8:1::10 - 2001:db8:1::19"}]},
                        {
                            "id": 2,
                            "subnet": "2001:db8:2::/64",
                            "option-data": [{"name": "dns-servers", "data": "2001:db8:2::53"}],
                            "reservations": [{"hw-address": "02:00:00:00:00:07", "ip-addresses": ["2001:db8:2::7"]}],
                        },
                    ],
                }
            ],
        )
        found = explained(server, "hw-address=02:00:00:00:00:07,link-address=2001:db8:9::1,interface-id=port 7")
        assert found.selection is not None and found.reservation is not None
        way = "one with the relay's interface-id, 0x706f72742037"
        self.assertEqual(found.selection.steps, (Step(way=way, subnet=1),))
        self.assertEqual((found.selection.subnet, found.selection.network), (2, "floor"))
        self.assertEqual((found.reservation.scope, found.reservation.reserved), ("subnet 2", ("2001:db8:2::7",)))
        self.assertEqual((found.leases[0].what, found.leases[0].reason), ("2001:db8:2::7", "reserved for the client"))
        self.assertEqual(scopes(found)[23], ("2001:db8:2::53", "subnet 2"))


class NothingChangesTests(SynchronousTestCase):
    """An explanation is what the server then does, and leaves no trace."""

    clients = st.tuples(
        st.sampled_from(["solicit", "request", "renew", "rebind", "release", "confirm", "information-request"]),
        st.integers(1, 3),
        st.sampled_from(["", ",user-class=phone"]),
        st.sampled_from(["", ",ia-na=2001:db8:1::12", ",ia-na=any,ia-pd=any", ",ia-pd=/56", ",ia-na=2001:db8:9::1"]),
        st.sampled_from([HERE, THERE, "link-address=2001:db8:9::1"]),
        st.sampled_from(["", ",rapid-commit=yes"]),
    )

    @settings(deadline=None, max_examples=25)
    @given(st.lists(clients, min_size=1, max_size=8))
    def test_same_as_served(self, clients: list[tuple[str, int, str, str, str, str]]) -> None:
        """Whatever clients ask in turn: the explanation has the answer that follows; without it, it is the same."""
        server = serving6(
            {
                "rapid-commit": True,
                "reservations": [{"hw-address": "02:00:00:00:00:01", "ip-addresses": ["2001:db8:1::200"]}],
            },
            client_classes=[{"name": "phones", "test": "option[15].exists", "valid-lifetime": 600}],
        )
        for kind, number, user, wish, way, rapid in clients:
            words = f"message={kind},hw-address=02:00:00:00:00:0{number}{user}{wish},{way}{rapid}"
            before = self.state(server)
            found = explained(server, words)
            self.assertEqual(self.state(server), before)
            site = server.site
            came = described(site.configuration, fields_of(words), site.server_id)
            server.network.sent.clear()
            server.server.datagram_arrived(came.data, came.origin()._replace(socket=server.network.sockets[0]))
            answers = server.answers()
            self.assertEqual(len(answers), bool(found.answer), words)
            for answer in answers:
                self.assertEqual(found.answer, MessageType6(answer.type).name)
                given = [each.address for ia in read_ias(answer.message) for each in ia.resources]
                self.assertEqual(len([lease for lease in found.leases if lease.what]), len(given), words)
                valid = [each.valid for ia in read_ias(answer.message) for each in ia.resources]
                self.assertEqual([lease.valid for lease in found.leases if lease.what], valid)

    def state(self, server: LocalServer6) -> Any:
        """Everything that a query can change."""
        site = server.site
        pools = [pool for subnet in site.subnets.subnets for pool in (*subnet.pools, *subnet.prefix_pools)]
        free = [[offset for offset in range(pool.size) if pool.free_from(offset) == offset] for pool in pools]
        beliefs = [pool.beliefs.next for pool in pools], free, [subnet.recent for subnet in site.subnets.subnets]
        assert isinstance(site.leases, MemoryLeases)
        leases = site.leases.table.page(None, 100)
        return dict(site.statistics), beliefs, leases, len(site.offers), len(server.log.lines)


class MessageTests(SynchronousTestCase):
    """Messages other than a SOLICIT."""

    def test_request(self) -> None:
        """A REQUEST names the server; what it would store is told, and not stored."""
        server = serving6()
        found = explained(server, f"message=request,ia-na=2001:db8:1::15,{HERE}")
        lease = found.leases[0]
        self.assertEqual((found.answer, lease.what, lease.stored), ("REPLY", "2001:db8:1::15", True))
        self.assertEqual(lease.reason, "the client asks for it")
        self.assertEqual(server.leases, {})

    def test_gone(self) -> None:
        """An address that does not fit is told with its status."""
        found = explained(serving6(), f"message=request,ia-na=2001:db8:9::1,{HERE}")
        self.assertEqual(found.leases[0].reason, "NotOnLink: An address does not fit the link.")

    def test_information(self) -> None:
        """An INFORMATION-REQUEST has options and no pools."""
        server = serving6(option_data=[{"name": "dns-servers", "data": "2001:db8::53"}])
        found = explained(server, f"message=information-request,{HERE},requested=dns-servers sntp-servers")
        self.assertEqual((found.answer, found.pools, found.leases), ("REPLY", (), ()))
        self.assertEqual(scopes(found)[23], ("2001:db8::53", "global"))
        self.assertEqual([each.name for each in found.missing], ["sntp-servers"])

    def test_dhcpv4_inside(self) -> None:
        """A DHCPv4 message inside is not answered here, and it is said who does."""
        server = serving6()

        async def dhcp4(data: bytes, query: object) -> bytes | None:
            raise AssertionError("nobody is asked")

        server.site.dhcp4 = dhcp4
        found = explained(server, f"message=dhcpv4-query,option.87=0x00,{HERE}")
        self.assertIn("explain4", found.reason)

    def test_vendor(self) -> None:
        """Vendor options are told sub-option by sub-option, each with its scope."""
        server = serving6(
            {"option-data": [{"name": "vendor-opts", "data": "4491"}]},
            option_data=[{"name": "tftp-servers", "space": "vendor-4491", "data": "2001:db8::7", "always-send": True}],
        )
        found = explained(server, f"class=4491:docsis3.0,requested=17,{HERE}").options
        option = next(each for each in found if each.code == 17)
        self.assertEqual((option.text, option.scope), ("enterprise 4491", "subnet 1"))
        self.assertEqual([(part.text, part.scope) for part in option.parts], [("2001:db8::7", "global")])
