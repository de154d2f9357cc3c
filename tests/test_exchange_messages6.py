"""`txkea.exchange.answer6`, `accept6`, `register6`: what DHCPv6 messages are answered (RFC 8415 sections 16, 18.3)."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging6 import ADVERTISE, LINK, got6, serving6
from txkea.model.lease import INFINITE, LeaseState, LeaseType
from txkea.testing.clients6 import SERVER_ID, Client6, LocalServer6, ia_na, ia_pd, packed6, relayed, through
from txkea.wire.dhcp6 import Message6, MessageType6, Option6, StatusCode, encode_message6, option6
from txkea.wire.duid import EMPTY_DUID
from txkea.wire.ia import INFINITY, ia_option, read_pd_exclude

PD = Option6.IA_PD
BOTH = (ia_na(1), ia_pd(1))


class Case(SynchronousTestCase):
    """A server and a client on its link."""

    def setUp(self) -> None:
        self.server = serving6()
        self.client = Client6(self.server)

    def serve(self, **keywords: Any) -> None:
        """Another server in its place."""
        self.server = serving6(keywords)
        self.client = Client6(self.server)

    def rows(self) -> set[str]:
        """What is stored and running."""
        return {text for text, lease in self.server.leases.items() if lease.state == LeaseState.DEFAULT}


class SolicitTests(Case):
    """RFC 8415 section 18.3.1."""

    def test_advertised(self) -> None:
        """A SOLICIT is answered by an ADVERTISE with an address and a prefix, and nothing is stored."""
        answer = got6(self.client.solicit(BOTH), ADVERTISE)
        self.assertEqual(answer.addresses, ["2001:db8:1::10"])
        self.assertEqual(answer.prefixes, ["2001:db8:1000::/56"])
        self.assertEqual(self.server.leases, {})

    def test_again(self) -> None:
        """A client that solicits again is offered the same; another client is offered something else meanwhile."""
        first = got6(self.client.solicit(BOTH), ADVERTISE)
        other = got6(Client6(self.server, 2).solicit(BOTH), ADVERTISE)
        again = got6(self.client.solicit(BOTH), ADVERTISE)
        self.assertEqual((again.addresses, again.prefixes), (first.addresses, first.prefixes))
        self.assertNotEqual(other.addresses, first.addresses)
        self.assertNotEqual(other.prefixes, first.prefixes)

    def test_former_lease(self) -> None:
        """What was advertised is leased, even if a lease that is over becomes free again meanwhile."""
        old, other = "2001:db8:1::10", "2001:db8:1::15"
        self.assertEqual(self.client.lease((ia_na(1),)).addresses, [old])
        self.server.now += 100_000
        self.assertEqual(got6(self.client.solicit((ia_na(2, old),)), ADVERTISE).addresses, [old])
        advertised = got6(self.client.solicit((ia_na(1), ia_na(2, other))), ADVERTISE)
        self.assertEqual(advertised.addresses, ["2001:db8:1::11", other])
        wanted = (ia_na(1, "2001:db8:1::11"), ia_na(2, other))
        self.assertEqual(got6(self.client.solicit(wanted), ADVERTISE).addresses, advertised.addresses)
        got6(self.client.request(wanted))
        self.assertEqual(self.rows(), {*advertised.addresses})

    def test_several(self) -> None:
        """V6-24: each association gets something of its own, and the answer keeps their IAIDs."""
        answer = got6(self.client.solicit((ia_na(7), ia_na(9), ia_pd(7), ia_pd(3))), ADVERTISE)
        self.assertEqual(len(set(answer.addresses)), 2)
        self.assertEqual(len(set(answer.prefixes)), 2)
        self.assertEqual([ia.iaid for ia in answer.ias], [7, 9, 7, 3])

    def test_partial(self) -> None:
        """V6-08, V6-09: what there is none of is told inside its association; the others are served."""
        self.serve(pools=[{"pool": "2001:db8:1::10 - 2001:db8:1::10"}], **{"pd-pools": []})
        answer = got6(self.client.solicit((ia_na(1), ia_na(2), ia_pd(3))), ADVERTISE)
        self.assertEqual(answer.addresses, ["2001:db8:1::10"])
        self.assertIsNone(answer.ia_status(1))
        self.assertEqual(answer.ia_status(2), StatusCode.NO_ADDRS_AVAIL)
        self.assertEqual(answer.ia_status(3, PD), StatusCode.NO_PREFIX_AVAIL)
        self.assertIsNone(answer.status)
        self.assertEqual((answer.ia(2).t1, answer.ia(2).t2), (0, 0))

    def test_rapid(self) -> None:
        """V6-11: with rapid commit on both sides the REPLY comes at once, with option 14, and is stored."""
        self.serve(**{"rapid-commit": True})
        answer = got6(self.client.solicit(BOTH, rapid=True))
        self.assertIn(Option6.RAPID_COMMIT, answer.options)
        self.assertEqual(self.rows(), {"2001:db8:1::10", "2001:db8:1000::/56"})

    def test_rapid_on_one_side(self) -> None:
        """V6-11: rapid commit that only one side wants is an ordinary exchange."""
        answer = got6(self.client.solicit(BOTH, rapid=True), ADVERTISE)
        self.assertNotIn(Option6.RAPID_COMMIT, answer.options)
        self.serve(**{"rapid-commit": True})
        got6(self.client.solicit(BOTH), ADVERTISE)
        self.assertEqual(self.server.leases, {})

    def test_no_subnet(self) -> None:
        """B037, B039: a client on a link without a subnet is told so in each association."""
        relays = through(relayed("2001:db8:ffff::1"))
        answer = got6(self.client.solicit(BOTH, relays=relays), ADVERTISE)
        self.assertEqual(answer.ia_status(1), StatusCode.NO_ADDRS_AVAIL)
        self.assertEqual(answer.ia_status(1, PD), StatusCode.NO_PREFIX_AVAIL)

    def test_repeated_iaid(self) -> None:
        """V6-25: an association that appears twice is served once."""
        answer = got6(self.client.solicit((ia_na(1), ia_na(1))), ADVERTISE)
        self.assertEqual(len(answer.ias), 1)

    def test_contradiction(self) -> None:
        """V6-21: an association with T1 > T2 is ignored, and an address preferred for longer than valid is no wish."""
        answer = got6(self.client.solicit((ia_na(1, t1=9, t2=8), ia_na(2))), ADVERTISE)
        self.assertEqual([ia.iaid for ia in answer.ias], [2])
        self.setUp()
        wish = ia_na(1, "2001:db8:1::15", preferred=9, valid=8)
        self.assertEqual(got6(self.client.solicit((wish,)), ADVERTISE).addresses, ["2001:db8:1::10"])

    def test_storm(self) -> None:
        """V6-52: a thousand associations in one message are bounded work."""
        self.serve(pools=[{"pool": "2001:db8:1::/96"}])
        answer = got6(self.client.solicit([ia_na(number) for number in range(1000)]), ADVERTISE)
        self.assertEqual(len(answer.ias), 64)

    def test_temporary(self) -> None:
        """V6-45: temporary addresses are not given."""
        answer = got6(self.client.solicit((), options=[(Option6.IA_TA, b"\0\0\0\1")]), ADVERTISE)
        self.assertNotIn(Option6.IA_TA, answer.options)


class RequestTests(Case):
    """RFC 8415 section 18.3.2."""

    def test_leased(self) -> None:
        """What was advertised is leased, stored with all that belongs to it."""
        answer = self.client.lease(BOTH)
        self.assertEqual(answer.addresses, ["2001:db8:1::10"])
        lease = self.server.leases["2001:db8:1::10"]
        self.assertEqual((lease.duid, lease.iaid, lease.type), (self.client.duid, 1, LeaseType.NA))
        self.assertEqual((lease.hwaddr, lease.hwtype, lease.subnet_id), (self.client.hwaddr, 1, 1))
        prefix = self.server.leases["2001:db8:1000::/56"]
        self.assertEqual((prefix.type, prefix.prefix_length, prefix.hostname), (LeaseType.PD, 56, ""))

    def test_counted(self) -> None:
        """Assigned addresses and prefixes are counted apart."""
        self.client.lease(BOTH)
        names = ("subnet[1].assigned-nas", "subnet[1].assigned-pds", "assigned-nas", "cumulative-assigned-pds")
        self.assertEqual([self.server.statistic(name) for name in names], [1, 1, 1, 1])
        self.assertEqual(self.server.statistic("subnet[1].total-nas"), 10)
        self.assertEqual(self.server.statistic("subnet[1].total-pds"), 256)

    def test_not_on_link(self) -> None:
        """V6-10: an address that does not fit the link is told so; the prefix beside it is leased."""
        answer = got6(self.client.request((ia_na(1, "2001:db8:9::1"), ia_pd(1))))
        self.assertEqual(answer.ia_status(1), StatusCode.NOT_ON_LINK)
        self.assertEqual(answer.addresses, [])
        self.assertEqual(self.rows(), {"2001:db8:1000::/56"})

    def test_taken(self) -> None:
        """A client that asks for another's address gets one of its own."""
        self.client.lease()
        answer = got6(Client6(self.server, 2).request((ia_na(1, "2001:db8:1::10"),)))
        self.assertEqual(answer.addresses, ["2001:db8:1::11"])

    def test_times(self) -> None:
        """V6-22, B041: T1 and T2 are those configured, the same in all associations."""
        self.serve(**{"renew-timer": 100, "rebind-timer": 160, "preferred-lifetime": 200, "valid-lifetime": 300})
        answer = self.client.lease(BOTH)
        for ia in answer.ias:
            self.assertEqual((ia.t1, ia.t2), (100, 160))
            self.assertEqual((ia.resources[0].preferred, ia.resources[0].valid), (200, 300))

    def test_calculated_times(self) -> None:
        """B002: without timers T1 and T2 are shares of the preferred lifetime."""
        self.serve(**{"preferred-lifetime": 1000, "valid-lifetime": 2000, "calculate-tee-times": True})
        ia = self.client.lease().ia()
        self.assertEqual((ia.t1, ia.t2), (500, 800))

    def test_infinite(self) -> None:
        """V6-23: a lifetime without end is told and stored as such."""
        self.serve(**{"preferred-lifetime": INFINITY, "valid-lifetime": INFINITY, "calculate-tee-times": True})
        resource = self.client.lease().resource()
        self.assertEqual((resource.preferred, resource.valid), (INFINITY, INFINITY))
        self.assertEqual(self.server.leases["2001:db8:1::10"].valid_lifetime, INFINITE)
        self.server.now += 10**9
        self.assertNotEqual(Client6(self.server, 2).lease().addresses, ["2001:db8:1::10"])

    def test_wished_lifetimes(self) -> None:
        """V6-50: what a client wishes is kept within bounds."""
        self.serve(
            **{"min-valid-lifetime": 100, "valid-lifetime": 200, "max-valid-lifetime": 300, "preferred-lifetime": 150}
        )
        for wish, valid in ((50, 100), (250, 250), (10**6, 300), (0, 200)):
            resource = got6(self.client.solicit((ia_na(1, "2001:db8:1::12", valid=wish),)), ADVERTISE).resource()
            self.assertEqual((resource.valid, resource.preferred <= valid), (valid, True))

    def test_other_client_same_iaid(self) -> None:
        """V6-26: an IAID is a client's own: another client's association of that number is another one."""
        first, second = self.client.lease(), Client6(self.server, 2).lease()
        self.assertNotEqual(first.addresses, second.addresses)


class ExcludedTests(Case):
    """RFC 6603."""

    POOLS = [
        {
            "prefix": "2001:db8:1000::",
            "prefix-len": 48,
            "delegated-len": 56,
            "excluded-prefix": "2001:db8:1000:f::",
            "excluded-prefix-len": 64,
        }
    ]

    def test_requested(self) -> None:
        """V6-29: a client that asks for option 67 is told what its prefix lacks, inside that prefix."""
        self.serve(**{"pd-pools": self.POOLS})
        Client6(self.server, 2, ias=(ia_pd(1),)).lease()
        self.client.requested = (67,)
        resource = self.client.lease((ia_pd(1),)).resource(1, PD)
        self.assertEqual(resource.address, packed6("2001:db8:1000:100::"))
        self.assertEqual(resource.options[:2], b"\0\x43")
        excluded = read_pd_exclude(resource.address, 56, resource.options[4:])
        self.assertEqual(excluded, (packed6("2001:db8:1000:10f::"), 64))

    def test_not_requested(self) -> None:
        """V6-29: nobody else is."""
        self.serve(**{"pd-pools": self.POOLS})
        self.assertEqual(self.client.lease((ia_pd(1),)).resource(1, PD).options, b"")


class ConfirmTests(Case):
    """RFC 8415 section 18.3.3."""

    def test_fits(self) -> None:
        """V6-12, V6-13: addresses of the link are confirmed, whoever has them, and no lease is extended."""
        self.client.lease()
        before = self.server.leases
        self.server.now += 60
        self.assertEqual(got6(self.client.confirm()).status, StatusCode.SUCCESS)
        self.assertEqual(self.server.leases, before)

    def test_does_not_fit(self) -> None:
        """V6-12: one address of another link is enough for NotOnLink."""
        answer = got6(self.client.confirm((ia_na(1, "2001:db8:1::10"), ia_na(2, "2001:db8:2::10"))))
        self.assertEqual(answer.status, StatusCode.NOT_ON_LINK)
        self.assertEqual(answer.ias, [])

    def test_silence(self) -> None:
        """V6-12: without an address, and on a link that we do not know, there is no answer."""
        self.assertIsNone(self.client.confirm((ia_na(1),)))
        self.assertIsNone(self.client.confirm(()))
        self.assertIsNone(self.client.confirm((ia_pd(1, "2001:db8:1000::/56"),)))
        relays = through(relayed("2001:db8:ffff::1"))
        self.assertIsNone(self.client.confirm((ia_na(1, "2001:db8:1::10"),), relays=relays))


class RenewTests(Case):
    """RFC 8415 sections 18.3.4 and 18.3.5."""

    def test_extended(self) -> None:
        """RENEW and REBIND extend both leases, from now."""
        self.client.ias = BOTH
        self.client.lease()
        for again in (self.client.renew, self.client.rebind):
            self.server.now += 100
            answer = got6(again())
            self.assertEqual((answer.addresses, answer.prefixes), (["2001:db8:1::10"], ["2001:db8:1000::/56"]))
            self.assertEqual({lease.cltt for lease in self.server.leases.values()}, {int(self.server.now)})
        self.assertEqual(self.server.statistic("assigned-nas"), 1)

    def test_unknown(self) -> None:
        """V6-14: a binding that we do not know is made, with the address that the client has."""
        answer = got6(self.client.renew((ia_na(1, "2001:db8:1::15"),)))
        self.assertEqual(answer.addresses, ["2001:db8:1::15"])
        self.assertEqual(self.rows(), {"2001:db8:1::15"})

    def test_no_longer_valid(self) -> None:
        """V6-15, B043: what the client must not use any longer has lifetimes of 0 beside what it gets."""
        answer = got6(self.client.renew((ia_na(1, "2001:db8:9::15"), ia_pd(2, "2001:db8:9000::/56"))))
        old, new = sorted(answer.ia(1).resources, key=lambda each: each.valid)
        self.assertEqual((old.address, old.preferred, old.valid), (packed6("2001:db8:9::15"), 0, 0))
        self.assertEqual(new.address, packed6("2001:db8:1::10"))
        self.assertIn("2001:db8:9000::/56", answer.prefixes)

    def test_reserved_meanwhile(self) -> None:
        """B042: a new reservation moves the client at its next renewal."""
        self.client.lease()
        host = {"duid": self.client.duid.hex(":"), "ip-addresses": ["2001:db8:1::77"]}
        server = serving6({"reservations": [host]}, site={"leases": self.server.site.leases})
        client = Client6(server)
        answer = got6(client.renew((ia_na(1, "2001:db8:1::10"),)))
        lifetimes = {each.address: each.valid for each in answer.ia().resources}
        self.assertEqual(lifetimes[packed6("2001:db8:1::10")], 0)
        self.assertGreater(lifetimes[packed6("2001:db8:1::77")], 0)
        self.assertEqual(set(server.leases), {"2001:db8:1::77"})

    def test_nothing_left(self) -> None:
        """B044: a client for which there is nothing is told so in its association."""
        self.serve(pools=[])
        answer = got6(self.client.renew((ia_na(1, "2001:db8:1::10"),)))
        self.assertEqual(answer.ia_status(), StatusCode.NO_ADDRS_AVAIL)

    def test_no_subnet(self) -> None:
        """B045: on a link that we do not know RENEW finds no binding, and prefixes are not rebound at all."""
        relays = through(relayed("2001:db8:ffff::1"))
        answer = got6(self.client.renew((ia_na(1, "2001:db8:1::10"), ia_pd(1)), relays=relays))
        self.assertEqual((answer.ia_status(), answer.ia_status(1, PD)), (StatusCode.NO_BINDING, StatusCode.NO_BINDING))
        self.assertEqual(
            got6(self.client.rebind((ia_na(1, "2001:db8:1::10"),), relays=relays)).ia_status(), StatusCode.NO_BINDING
        )
        self.assertIsNone(self.client.rebind(BOTH, relays=relays))

    def test_from_the_cache(self) -> None:
        """V6-50: a renewal so soon that nothing is written tells what is left, not more."""
        self.server = serving6(cache_threshold=0.25, valid_lifetime=1000, preferred_lifetime=600)
        client = Client6(self.server)
        client.lease()
        before = self.server.leases
        self.server.now += 100
        resource = got6(client.renew()).resource()
        self.assertEqual((resource.preferred, resource.valid), (500, 900))
        self.assertEqual(self.server.leases, before)
        self.assertEqual(self.server.statistic("v6-ia-na-lease-reuses"), 1)


class ReleaseTests(Case):
    """RFC 8415 section 18.3.7."""

    def test_released(self) -> None:
        """What was leased is free again, told for each association and for the whole."""
        self.client.lease(BOTH)
        self.client.ias = BOTH
        answer = got6(self.client.release())
        self.assertEqual((answer.status, answer.ia_status(), answer.ia_status(1, PD)), (0, 0, 0))
        self.assertEqual((self.rows(), self.server.statistic("assigned-nas")), (set(), 0))
        self.assertEqual(answer.addresses, [])

    def test_same_again(self) -> None:
        """A client that comes back gets what it had."""
        Client6(self.server, 2).lease()
        first = self.client.lease(BOTH)
        self.client.release(first.ias)
        self.assertEqual(Client6(self.server).lease(BOTH).addresses, first.addresses)

    def test_not_ours(self) -> None:
        """V6-17, V6-18: what the client does not have is NoBinding, success on the whole, and nothing is touched."""
        self.client.lease(BOTH)
        before = self.server.leases
        other = Client6(self.server, 2)
        for ias in ((ia_na(1, "2001:db8:1::10"),), (ia_na(1, "2001:db8:1::19"),), (ia_na(1),)):
            answer = got6(other.release(ias))
            self.assertEqual((answer.status, answer.ia_status()), (StatusCode.SUCCESS, StatusCode.NO_BINDING))
            self.assertEqual(answer.addresses, [])
        got6(self.client.release((ia_na(2, "2001:db8:1::10"), ia_pd(1, "2001:db8:1000::/57"))))
        self.assertEqual(self.server.leases, before)


class DeclineTests(Case):
    """RFC 8415 section 18.3.8."""

    def test_declined(self) -> None:
        """V6-19, B048: the address is kept from everybody, in nobody's name."""
        self.client.lease()
        answer = got6(self.client.decline())
        self.assertEqual(answer.ia_status(), StatusCode.SUCCESS)
        row = self.server.leases["2001:db8:1::10"]
        self.assertEqual((row.state, row.duid, row.hwaddr), (LeaseState.DECLINED, EMPTY_DUID, b""))
        self.assertEqual((row.valid_lifetime, row.preferred_lifetime), (86400, 0))
        self.assertEqual(self.server.statistic("subnet[1].declined-addresses"), 1)
        self.assertNotEqual(Client6(self.server).lease().addresses, ["2001:db8:1::10"])

    def test_not_ours(self) -> None:
        """V6-19: another client's address cannot be declined, nor can a prefix."""
        self.client.lease(BOTH)
        before = self.server.leases
        answer = got6(Client6(self.server, 2).decline((ia_na(1, "2001:db8:1::10"),)))
        self.assertEqual(answer.ia_status(), StatusCode.NO_BINDING)
        got6(self.client.decline((ia_pd(1, "2001:db8:1000::/56"),)))
        self.assertEqual(self.server.leases, before)


class InformationTests(Case):
    """RFC 8415 section 18.3.6."""

    DNS = {"option-data": [{"name": "dns-servers", "data": "2001:db8::53"}]}

    def test_answered(self) -> None:
        """V6-20, B049: options without anything leased, also for a client without an identifier."""
        self.serve(**self.DNS)
        for duid in (self.client.duid, b""):
            answer = got6(self.client.information_request(requested=(23,), duid=duid))
            self.assertEqual(answer.options[Option6.DNS_SERVERS], packed6("2001:db8::53"))
            self.assertEqual(Option6.CLIENT_ID in answer.options, bool(duid))
        self.assertEqual(self.server.leases, {})

    def test_dropped(self) -> None:
        """V6-20: one that asks for addresses, or another server, is not answered."""
        self.assertIsNone(self.client.information_request(ias=(ia_na(1),)))
        self.assertIsNone(self.client.information_request(server_id=b"\0\3\0\1\2\2\2\2\2\2"))
        self.assertIsNotNone(self.client.information_request(server_id=SERVER_ID))


class AcceptedTests(Case):
    """RFC 8415 section 16: what is no query of a client's to this server."""

    def test_identifiers(self) -> None:
        """V6-01..03: each message carries just the identifiers that it should."""
        other = b"\0\3\0\1\2\2\2\2\2\2"
        kinds = MessageType6
        named = (kinds.REQUEST, kinds.RENEW, kinds.RELEASE, kinds.DECLINE)
        for kind in (kinds.SOLICIT, kinds.CONFIRM, kinds.REBIND):
            self.assertIsNone(self.client.send(kind, ias=(ia_na(1),), server_id=SERVER_ID), kind)
            self.assertIsNone(self.client.send(kind, ias=(ia_na(1),), duid=b""), kind)
        for kind in named:
            self.assertIsNone(self.client.send(kind, ias=(ia_na(1),)), kind)
            self.assertIsNone(self.client.send(kind, ias=(ia_na(1),), server_id=SERVER_ID, duid=b""), kind)
            self.assertIsNone(self.client.send(kind, ias=(ia_na(1),), server_id=other), kind)
        self.assertEqual(self.server.statistic("pkt6-not-for-us"), len(named))
        twice = [(Option6.CLIENT_ID, other)]
        self.assertIsNone(self.client.solicit(options=twice))

    def test_length(self) -> None:
        """V6-07: identifiers that are too short, too long or empty are nobody's."""
        for duid in (b"\0\1", bytes(131), EMPTY_DUID):
            self.assertIsNone(self.client.solicit(duid=duid), duid)
        for duid in (b"\0\1\2", bytes(129) + b"\1"):
            self.assertIsNotNone(self.client.solicit(duid=duid), duid)

    def test_unicast(self) -> None:
        """V6-04: what a client sends to a server's own address is not answered; what a relay sends there is."""
        self.assertIsNone(self.client.solicit(broadcast=False))
        self.assertIsNone(self.client.request(broadcast=False))
        self.assertIsNotNone(self.client.solicit(relays=through(relayed(LINK))))

    def test_types(self) -> None:
        """V6-38, V6-44: messages of servers and unknown ones are counted, and not answered."""
        for kind in (2, 7, 10, 13, 14, 21, 37, 99):
            self.assertIsNone(self.server.ask(Message6(kind, 1, [(1, self.client.duid)])))
        self.assertEqual(self.server.statistic("pkt6-unknown-received"), 2)
        self.assertEqual(self.server.statistic("pkt6-reply-received"), 1)
        for data in (b"", b"\1", b"\1\0\0"):
            self.assertIsNone(self.server.ask(data))

    def test_damaged_association(self) -> None:
        """An association that runs past its end ends the query, counted, with nothing stored."""
        message = self.client.message(MessageType6.SOLICIT)
        data = encode_message6(message) + ia_option(3, 1, 0, 0, option6(5, bytes(23)))
        self.assertIsNone(self.server.ask(data))
        self.assertEqual(self.server.statistic("pkt6-parse-failed"), 1)
        self.assertEqual(len(self.server.server), 0)


class RelayedTests(Case):
    """RFC 8415 sections 13.1 and 19.3."""

    def test_link_address(self) -> None:
        """The link-address of the relay nearest to the client says where it is; the answer goes the same way back."""
        answer = got6(self.client.solicit(relays=through(relayed(LINK))), ADVERTISE)
        self.assertEqual(answer.addresses, ["2001:db8:2::10"])
        self.assertEqual((answer.address, answer.port), (LINK, 547))

    def test_nested(self) -> None:
        """V6-31, V6-32: up to 32 relays, mirrored one by one; beyond there is no answer."""
        for depth in (2, 8, 9, 32):
            relays = through(relayed(LINK), *(relayed("::", "fe80::9") for _ in range(depth - 1)))
            answer = got6(self.client.solicit(relays=relays), ADVERTISE)
            self.assertEqual((len(answer.message.relays), answer.addresses), (depth, ["2001:db8:2::10"]))
        message = self.client.message(MessageType6.SOLICIT, relays=[relayed(LINK)] * 33, ias=(ia_na(1),))
        self.assertIsNone(self.server.ask(message, LINK))

    def test_unspecified_inside(self) -> None:
        """V6-33: a relay without a link-address (LDRA) leaves it to the next one."""
        relays = through(relayed("::", options=[(18, b"port 7")]), relayed(LINK))
        self.assertEqual(got6(self.client.solicit(relays=relays), ADVERTISE).addresses, ["2001:db8:2::10"])

    def test_interface_id(self) -> None:
        """B033, B035: an interface-id that a subnet is configured with decides, where some relay tells a link."""
        second = {
            "id": 3,
            "subnet": "2001:db8:3::/64",
            "interface-id": "port 7",
            "pools": [{"pool": "2001:db8:3::/80"}],
        }
        first = {"id": 2, "subnet": "2001:db8:2::/64", "pools": [{"pool": "2001:db8:2::10-2001:db8:2::19"}]}
        self.server = serving6(subnet6=[first, second])
        self.client.server = self.server
        for relays, network in (
            (through(relayed(LINK, options=[(18, b"port 7")])), "2001:db8:3::"),
            (through(relayed(LINK, options=[(18, b"port 8")])), "2001:db8:2::"),
            (through(relayed("::", options=[(18, b"port 7")]), relayed(LINK)), "2001:db8:3::"),
        ):
            (address,) = got6(self.client.solicit(relays=relays), ADVERTISE).addresses
            self.assertTrue(address.startswith(network), address)

    def test_source_port(self) -> None:
        """V6-35: a relay that says so is answered where it sent from, and told so."""
        relays = through(relayed(LINK, options=[(135, b"\0\0")]))
        answer = got6(self.client.solicit(relays=relays, source_port=4711), ADVERTISE)
        self.assertEqual(answer.port, 4711)

    def test_moved(self) -> None:
        """B054: on another link the client's lease of the first link is not extended, and stays."""
        self.client.lease()
        answer = got6(self.client.rebind(relays=through(relayed(LINK))))
        lifetimes = {each.address: each.valid for each in answer.ia().resources}
        self.assertEqual(lifetimes[packed6("2001:db8:1::10")], 0)
        self.assertIn("2001:db8:2::10", answer.addresses)


class RegistrationTests(Case):
    """RFC 9686."""

    OWN = "2001:db8:1::abcd"

    def test_registered(self) -> None:
        """V6-46: an address that a client chose itself is noted, said back, and given to nobody."""
        answer = got6(self.client.register(self.OWN), MessageType6.ADDR_REG_REPLY)
        self.assertEqual(answer.address, self.OWN)
        row = self.server.leases[self.OWN]
        self.assertEqual((row.state, row.duid, row.valid_lifetime), (LeaseState.REGISTERED, self.client.duid, 7200))
        self.assertEqual(self.server.statistic("cumulative-registered-nas"), 1)

    def test_in_a_pool(self) -> None:
        """A registered address of a pool is leased to nobody else, until its time is over."""
        got6(self.client.register("2001:db8:1::10"), MessageType6.ADDR_REG_REPLY)
        self.assertEqual(Client6(self.server, 2).lease().addresses, ["2001:db8:1::11"])
        self.server.now += 7201
        wish = (ia_na(1, "2001:db8:1::10"),)
        self.assertEqual(Client6(self.server, 3).lease(wish).addresses, ["2001:db8:1::10"])

    def test_not_its_own(self) -> None:
        """V6-46: an address that the message did not come from, that is off the link, or leased, is not registered."""
        self.assertIsNone(self.client.register(self.OWN, source="2001:db8:1::1"))
        self.assertIsNone(self.client.register("2001:db8:9::1"))
        Client6(self.server, 2).lease()
        before = self.server.leases
        self.assertIsNone(self.client.register("2001:db8:1::10"))
        self.assertEqual(self.server.leases, before)

    def test_relayed(self) -> None:
        """V6-46: behind a relay it is the relay's word that counts."""
        address = "2001:db8:2::abcd"
        relays = through(relayed(LINK, address))
        got6(self.client.register(address, relays=relays, source=LINK), MessageType6.ADDR_REG_REPLY)
        self.assertIsNone(self.client.register(address, relays=through(relayed(LINK)), source=LINK))

    def test_ended(self) -> None:
        """A registration for no time at all ends it."""
        got6(self.client.register(self.OWN), MessageType6.ADDR_REG_REPLY)
        got6(self.client.register(self.OWN, 0, 0), MessageType6.ADDR_REG_REPLY)
        self.assertEqual(self.server.leases, {})

    def test_off(self) -> None:
        """Nothing is registered where the configuration says so."""
        self.server = serving6(allow_address_registration=False)
        self.client.server = self.server
        self.assertIsNone(self.client.register(self.OWN))


class ReservedPrefixTests(Case):
    """Prefixes that are reserved inside of what a pool delegates."""

    def test_part(self) -> None:
        """A prefix that begins where a longer one is reserved is given to nobody, not even to its owner: what is
        advertised can be requested, even if the reserved one was offered before the pool's prefixes became shorter.
        """
        host = {"duid": self.client.duid.hex(":"), "prefixes": ["2001:db8:1000::/64"]}
        for length, iaid, expected in ((56, 1, "2001:db8:1000::/64"), (48, 2, "2001:db8:1001::/48")):
            pools = [{"prefix": "2001:db8:1000::", "prefix-len": 47, "delegated-len": length}]
            known = {"offers": self.server.site.offers, "leases": self.server.site.leases}
            self.server = serving6({"pd-pools": pools, "reservations": [host]}, site=known)
            self.client.server = self.server
            self.assertEqual(got6(self.client.solicit((ia_pd(iaid),)), ADVERTISE).prefixes, [expected])
        self.assertEqual(self.client.lease((ia_pd(2),)).prefixes, ["2001:db8:1001::/48"])
        self.assertEqual(got6(Client6(self.server, 2).solicit((ia_pd(1),)), ADVERTISE).ia_status(1, PD), 6)


class SharedTests(SynchronousTestCase):
    """Shared networks."""

    def test_next_subnet(self) -> None:
        """When one subnet of a network is full the next one gives; options are those of the subnet that gave."""
        subnets = [
            {"id": number, "subnet": f"2001:db8:{number}::/64", "pools": [{"pool": f"2001:db8:{number}::1/128"}]}
            for number in (1, 2)
        ]
        network: Any = {"name": "floor", "interface": "eth0", "subnet6": subnets}
        server: LocalServer6 = serving6(subnet6=[], shared_networks=[network])
        found = {Client6(server, number).lease().addresses[0] for number in (1, 2)}
        self.assertEqual(found, {"2001:db8:1::1", "2001:db8:2::1"})
        answer = got6(Client6(server, 3).solicit(), ADVERTISE)
        self.assertEqual(answer.ia_status(), StatusCode.NO_ADDRS_AVAIL)
