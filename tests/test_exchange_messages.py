"""What the server answers to each message, and when it is silent (RFC 2131 sections 4.1 and 4.3)."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging import ACK, LOCAL, NAK, OFFER, OTHER, RELAY, got, prl, serving
from txkea.model.lease import LeaseState
from txkea.testing.clients4 import NOWHERE, Client, LocalServer, packed
from txkea.testing.network import LOOPBACK
from txkea.wire.dhcp4 import BOOTREPLY, BROADCAST, MessageType4, encode_message4

WITH_ROUTER = {"option-data": [{"name": "routers", "data": LOCAL}]}
HOLD_NOTHING: dict[str, Any] = {"expired_leases_processing": {"hold-reclaimed-time": 0}}
FREE = "192.0.2.15"
"""An address of subnet 1's pool."""


class DiscoverTests(SynchronousTestCase):
    """DISCOVER -> OFFER."""

    def test_offer(self) -> None:
        """V4-01, A104, A105: an OFFER copies xid, htype, hlen, chaddr, flags and giaddr, and says 53, 54 and 51."""
        client = Client(serving(), relay=RELAY)
        query = client.message(MessageType4.DISCOVER, flags=BROADCAST, secs=7, ciaddr=packed(FREE))
        offer = got(client.server.ask(query, RELAY, broadcast=False), OFFER)
        for name in ("xid", "htype", "hlen", "chaddr", "flags", "giaddr", "hops"):
            self.assertEqual(getattr(offer.message, name), getattr(query, name), name)
        self.assertEqual((offer.message.op, offer.message.secs, offer.message.ciaddr), (BOOTREPLY, 0, bytes(4)))
        self.assertEqual(list(offer.options)[:3], [53, 54, 51])

    def test_type_comes_first(self) -> None:
        """A112: option 53 stands first in every answer."""
        server = serving()
        client, other = Client(server), Client(server, 2)
        for answer in (client.discover(), client.lease(), client.inform(FREE), other.renew("192.0.2.200")):
            assert answer is not None
            self.assertEqual(next(iter(answer.options)), 53)

    def test_nothing_is_stored(self) -> None:
        """A117: an OFFER stores nothing."""
        client = Client(serving())
        got(client.discover(), OFFER)
        self.assertEqual(client.server.leases, {})
        self.assertEqual(client.server.statistic("assigned-addresses"), 0)

    def test_offer_lifetime(self) -> None:
        """A117, V4-25: with offer-lifetime an OFFER stores a lease of that many seconds, and the ACK the whole one."""
        client = Client(serving(offer_lifetime=60))
        offer = got(client.discover(), OFFER)
        self.assertEqual(offer.number(51), 7200)
        self.assertEqual(client.server.leases[offer.yiaddr].valid_lifetime, 60)
        self.assertEqual(client.server.statistic("assigned-addresses"), 1)
        ack = got(client.select(offer.yiaddr), ACK)
        self.assertEqual(client.server.leases[ack.yiaddr].valid_lifetime, 7200)
        self.assertEqual(client.server.statistic("assigned-addresses"), 1)

    def test_offer_lifetime_never_shortens(self) -> None:
        """A117: with offer-lifetime a DISCOVER of a client that has a lease leaves the lease as it is."""
        client = Client(serving(offer_lifetime=60))
        ack = client.lease()
        before = client.server.leases
        self.assertEqual(got(client.discover(), OFFER).yiaddr, ack.yiaddr)
        self.assertEqual(client.server.leases, before)

    def test_offer_lifetime_keeps_from_others(self) -> None:
        """A117: with offer-lifetime an address that was offered is not offered to another until that time is over."""
        server = serving({"pools": [{"pool": "192.0.2.10 - 192.0.2.10"}]}, offer_lifetime=60)
        got(Client(server, 1).discover(), OFFER)
        server.now += 59
        self.assertIsNone(Client(server, 2).discover())
        server.now += 2
        got(Client(server, 2).discover({50: packed("192.0.2.10")}), OFFER)

    def test_server_identifier(self) -> None:
        """V4-24, A115: a DISCOVER that names a server is dropped, whatever compatibility says."""
        for compatibility in ({}, {"ignore-dhcp-server-identifier": True}):
            client = Client(serving(compatibility=compatibility))
            self.assertIsNone(client.discover({54: packed(LOCAL)}))
            self.assertEqual(client.server.statistic("pkt4-receive-drop"), 1)

    def test_same_offer_twice(self) -> None:
        """V4-25: a client that repeats its DISCOVER is offered the same address."""
        server = serving()
        client, other = Client(server), Client(server, 2)
        first = got(client.discover(), OFFER)
        got(other.discover(), OFFER)
        self.assertEqual(got(client.discover(), OFFER).yiaddr, first.yiaddr)

    def test_no_subnet(self) -> None:
        """A116: a DISCOVER without a subnet is dropped, relayed, broadcast or unicast (CVE-2025-40779)."""
        for relay in ("10.9.9.9", ""):
            client = Client(serving(), relay=relay)
            self.assertIsNone(client.discover(prl(108), source="10.9.9.9", broadcast=False))
            self.assertEqual(client.server.statistic("pkt4-receive-drop"), 1)
            self.assertEqual(client.server.statistic("pkt4-processing-failed"), 0)

    def test_no_address(self) -> None:
        """A116, A161: with a subnet but no address there is no OFFER, and the statistics say why."""
        for pools, statistic in (([], "-no-pools"), ([{"pool": "192.0.2.10/32"}], "")):
            server = serving({"pools": pools})
            if pools:
                Client(server, 1).lease()
            self.assertIsNone(Client(server, 2).discover())
            for name in (statistic, "-subnet", "-classes"):
                self.assertEqual(server.statistic(f"v4-allocation-fail{name}"), 1)
                self.assertEqual(server.statistic(f"subnet[1].v4-allocation-fail{name}"), 1)
            self.assertEqual(sum(server.statistic(f"v4-allocation-fail{name}") for name in ("", "-no-pools")), 1)

    def test_rapid_commit(self) -> None:
        """A118: option 80 (rapid commit) changes nothing."""
        client = Client(serving())
        offer = got(client.discover({80: b""}), OFFER)
        self.assertNotIn(80, offer.options)
        self.assertEqual(client.server.leases, {})


class AnswerOptionTests(SynchronousTestCase):
    """What may stand in an answer and what may not."""

    def test_forbidden(self) -> None:
        """V4-03: OFFER and ACK never contain 50, 55 and 57."""
        client = Client(serving(), options={57: b"\x05\xdc", 55: bytes(range(1, 255))})
        for answer in (client.discover({50: packed(FREE)}), client.lease()):
            assert answer is not None
            self.assertFalse({50, 55, 57} & answer.options.keys())

    def test_nak(self) -> None:
        """V4-03, A119: a NAK has nothing but 53, 54, 56, 60, 61 and 82, and no use of the fixed fields."""
        server = serving(
            {**WITH_ROUTER, "next-server": OTHER, "server-hostname": "boot", "boot-file-name": "file"}, valid_lifetime=9
        )
        client = Client(server, client_id=b"\1abc", options={12: b"name", 81: b"\1\0\0name", **prl(1, 3, 12, 51)})
        nak = got(client.select("192.0.2.200"), NAK)
        self.assertEqual(set(nak.options), {53, 54, 61})
        message = nak.message
        for field in (message.ciaddr, message.yiaddr, message.siaddr, message.sname, message.file):
            self.assertEqual(field.strip(b"\0"), b"")

    def test_client_id(self) -> None:
        """V4-31, A106: option 61 is echoed in OFFER, ACK and NAK, unless echo-client-id is off."""
        for echo in (True, False):
            client = Client(serving(echo_client_id=echo), client_id=b"\1abc")
            for answer in (client.discover(), client.lease(), client.select("192.0.2.200"), client.inform(FREE)):
                assert answer is not None
                self.assertEqual(answer.options.get(61), b"\1abc" if echo else None)

    def test_basic_options(self) -> None:
        """A113: routers, name servers and domain name are sent unasked, others are not."""
        data = [
            {"name": "routers", "data": LOCAL},
            {"name": "domain-name-servers", "data": LOCAL},
            {"name": "domain-name", "data": "example.org"},
            {"name": "ntp-servers", "data": LOCAL},
        ]
        offer = got(Client(serving(option_data=data)).discover(), OFFER)
        self.assertEqual(set(offer.options), {53, 54, 51, 1, 3, 6, 15})

    def test_subnet_mask(self) -> None:
        """A110: the subnet mask is the subnet's, whatever is configured or asked for."""
        for options in ({}, prl(3), prl(1)):
            self.assertEqual(got(Client(serving()).discover(options), OFFER).options[1], packed("255.255.255.0"))


class SelectingTests(SynchronousTestCase):
    """REQUEST after an OFFER."""

    def test_ack(self) -> None:
        """V4-02, A120: a REQUEST with 54 and 50 is acknowledged, and the lease says whose it is."""
        client = Client(serving(), client_id=b"\1abc")
        ack = client.lease(FREE)
        lease = client.server.leases[FREE]
        self.assertEqual((ack.yiaddr, ack.message.ciaddr), (FREE, bytes(4)))
        self.assertEqual((lease.hwaddr, lease.client_id, lease.subnet_id), (client.hwaddr, b"\1abc", 1))
        self.assertEqual((lease.cltt, lease.valid_lifetime, lease.state), (int(client.server.now), 7200, 0))

    def test_other_server(self) -> None:
        """V4-12: a REQUEST for another server is not answered, and the offered address is free again."""
        for match in (True, False):
            self.assert_given_up(serving(match_client_id=match))

    def assert_given_up(self, server: LocalServer) -> None:
        client, other = Client(server, client_id=b"\1one"), Client(server, 2)
        offer = got(client.discover(), OFFER)
        self.assertNotEqual(got(other.discover({50: packed(offer.yiaddr)}), OFFER).yiaddr, offer.yiaddr)
        self.assertIsNone(client.select(offer.yiaddr, server=OTHER))
        self.assertEqual((server.statistic("pkt4-not-for-us"), server.leases), (1, {}))
        self.assertEqual(got(other.discover({50: packed(offer.yiaddr)}), OFFER).yiaddr, offer.yiaddr)

    def test_ignored_server_identifier(self) -> None:
        """A099: with ignore-dhcp-server-identifier a REQUEST that names another server is answered."""
        server = serving(compatibility={"ignore-dhcp-server-identifier": True})
        got(Client(server).select(FREE, server=OTHER), ACK)

    def test_configured_server_identifier(self) -> None:
        """A099, A111: a configured dhcp-server-identifier stands in option 54 and is accepted in a REQUEST."""
        server = serving({"option-data": [{"name": "dhcp-server-identifier", "data": OTHER}]})
        client = Client(server)
        self.assertEqual(got(client.discover(), OFFER).options[54], packed(OTHER))
        self.assertEqual(client.lease().options[54], packed(OTHER))
        self.assertEqual(got(Client(server, 3, relay=RELAY).discover(), OFFER).options[54], packed(LOCAL))

    def test_taken(self) -> None:
        """V4-13: a REQUEST for an address that another client took meanwhile is refused."""
        server = serving()
        client, other = Client(server), Client(server, 2)
        offer = got(client.discover(), OFFER)
        got(other.select(offer.yiaddr), ACK)
        got(client.select(offer.yiaddr), NAK)
        self.assertEqual(server.leases[offer.yiaddr].hwaddr, other.hwaddr)

    def test_outside(self) -> None:
        """V4-27, A147: a REQUEST for an address outside the link or outside the pools is refused."""
        for address in ("203.0.113.5", "192.0.2.200", "198.51.100.10"):
            server = serving()
            got(Client(server).select(address), NAK)
            self.assertEqual(server.leases, {})

    def test_no_subnet(self) -> None:
        """A119: a relayed REQUEST without a subnet is refused."""
        nak = got(Client(serving(), relay="10.9.9.9").select("10.9.9.10"), NAK)
        self.assertEqual((nak.address, nak.port), ("10.9.9.9", 67))

    def test_moves(self) -> None:
        """A147: a client that is granted another address gives up its former one, and is counted once."""
        client = Client(serving(**HOLD_NOTHING))
        client.lease(FREE)
        got(client.select("192.0.2.16"), ACK)
        self.assertEqual(list(client.server.leases), ["192.0.2.16"])
        self.assertEqual(client.server.statistic("assigned-addresses"), 1)
        self.assertEqual(client.server.statistic("subnet[1].assigned-addresses"), 1)
        self.assertEqual(client.server.statistic("cumulative-assigned-addresses"), 2)


class RebootTests(SynchronousTestCase):
    """REQUEST of a client that remembers its address (INIT-REBOOT)."""

    def test_known(self) -> None:
        """A120, A121: a client gets its address confirmed if its subnet knows it (as in Kea 2.2)."""
        for match, known in ((True, True), (False, False)):
            client = Client(serving({"match-client-id": match}), client_id=b"\1abc")
            client.lease(FREE)
            got(client.reboot(FREE), ACK)
            other_hardware = Client(client.server, 9, client_id=b"\1abc")
            self.assertEqual(other_hardware.reboot(FREE) is not None, known, match)

    def test_unknown(self) -> None:
        """V4-14, A122: a client that is not known gets no answer; from an authoritative server it gets a NAK."""
        for authoritative in (False, True):
            server = serving(authoritative=authoritative)
            answer = Client(server).reboot(FREE)
            self.assertEqual(answer and answer.type, NAK if authoritative else None)
            self.assertEqual(server.leases, {})

    def test_anothers(self) -> None:
        """A122: an unknown client that asks for another's address gets no answer, and the owner keeps it."""
        server = serving()
        owner = Client(server)
        owner.lease(FREE)
        before = server.leases
        self.assertIsNone(Client(server, 2).reboot(FREE))
        self.assertEqual(server.leases, before)

    def test_other_address(self) -> None:
        """A122: a known client that believes in another address than its own is refused."""
        client = Client(serving())
        client.lease(FREE)
        got(client.reboot("192.0.2.16"), NAK)
        self.assertEqual(list(client.server.leases), [FREE])

    def test_one_of_two(self) -> None:
        """A client with two leases, as after a server was killed in giving one, keeps the one that it names, alone."""
        client = Client(serving())
        client.lease(FREE)
        store: Any = client.server.site.leases
        (lease,) = store.table.page(None, 2)
        for other, later in ((b"\xc0\0\2\x10", 0), (b"\xc0\0\2\x11", 5)):
            self.assertTrue(store.table.add(lease._replace(address=other, expires=lease.expires + later)))
            got(client.reboot(FREE), ACK)
            self.assertEqual(list(client.server.leases), [FREE])

    def test_wrong_network(self) -> None:
        """V4-15: a known client that wakes up on another network than its address belongs to is refused."""
        server = serving()
        client = Client(server)
        client.lease(FREE)
        moved = Client(server, relay=RELAY)
        got(moved.reboot(FREE), NAK)
        self.assertEqual(list(server.leases), [FREE])
        self.assertIsNone(Client(server, 7, relay=RELAY).reboot(FREE), "a stranger")

    def test_reservation_only(self) -> None:
        """A121: a client that has a reservation but no lease yet gets no answer."""
        hosts = [{"hw-address": "02:00:00:01:00:01", "ip-address": "192.0.2.50"}]
        self.assertIsNone(Client(serving({"reservations": hosts})).reboot("192.0.2.50"))

    def test_reserved_meanwhile(self) -> None:
        """A123: a client whose reserved address differs from the one it remembers is refused."""
        hosts = [{"hw-address": "02:00:00:01:00:01", "ip-address": "192.0.2.50"}]
        server = serving()
        Client(server).lease(FREE)
        after = serving({"reservations": hosts}, site={"leases": server.site.leases})
        got(Client(after).reboot(FREE), NAK)

    def test_without_address(self) -> None:
        """V4-16: a REQUEST that names no address at all leases nothing; an authoritative server refuses it."""
        for authoritative in (False, True):
            server = serving(authoritative=authoritative)
            answer = Client(server).send(MessageType4.REQUEST)
            self.assertEqual(answer and answer.type, NAK if authoritative else None)
            self.assertEqual(server.leases, {})


class RenewTests(SynchronousTestCase):
    """REQUEST of a client that has its address (RENEWING, REBINDING)."""

    def test_extends(self) -> None:
        """V4-02, A105, A120, A124: RENEWING and REBINDING copy ciaddr and begin the lifetime anew."""
        client = Client(serving())
        client.lease(FREE)
        for way in (client.renew, client.rebind):
            client.server.now += 3600
            ack = got(way(FREE), ACK)
            self.assertEqual((ack.message.ciaddr, ack.yiaddr), (packed(FREE), FREE))
            self.assertEqual(client.server.leases[FREE].cltt, int(client.server.now))
        self.assertEqual(client.server.statistic("assigned-addresses"), 1)

    def test_anothers(self) -> None:
        """V4-18: RENEWING an address that another client owns is refused, and the owner's lease stays as it is."""
        server = serving()
        Client(server).lease(FREE)
        before = server.leases
        got(Client(server, 2).renew(FREE), NAK)
        self.assertEqual(server.leases, before)

    def test_unknown_renews(self) -> None:
        """A147: a client whose lease was lost, and that asks this server itself, gets its free address again."""
        client = Client(serving())
        got(client.renew(FREE), ACK)
        self.assertEqual(list(client.server.leases), [FREE])

    def test_unknown_rebinds(self) -> None:
        """V4-17: REBINDING of an unknown client gets no answer, and on a wrong network a NAK if authoritative."""
        for authoritative in (False, True):
            for relay in ("", RELAY):
                server = serving(authoritative=authoritative)
                client = Client(server, relay=relay)
                self.assertIsNone(client.rebind("198.51.100.10" if relay else FREE))
                elsewhere = client.rebind("203.0.113.5")
                self.assertEqual(elsewhere and elsewhere.type, NAK if authoritative else None)
                self.assertEqual(server.leases, {})

    def test_reserved_rebinds(self) -> None:
        """V4-17: a reservation of the very address makes a client known: it is acknowledged."""
        hosts = [{"hw-address": "02:00:00:01:00:01", "ip-address": "192.0.2.50"}]
        got(Client(serving({"reservations": hosts})).rebind("192.0.2.50"), ACK)

    def test_moved_rebinds(self) -> None:
        """V4-17, A173: where a rebinding client is, not where its address is from, decides: a known one is refused."""
        server = serving({"interface": "eth0"})
        client = Client(server, relay=RELAY)
        client.lease("198.51.100.10")
        moved = Client(server)
        got(moved.rebind("198.51.100.10"), NAK)


class LeavingTests(SynchronousTestCase):
    """RELEASE and DECLINE."""

    def setUp(self) -> None:
        self.server = serving(decline_probation_period=100)
        self.client = Client(self.server, client_id=b"\1abc")
        self.client.lease(FREE)

    def counts(self) -> tuple[int, int]:
        return self.server.statistic("assigned-addresses"), self.server.statistic("subnet[1].assigned-addresses")

    def test_release(self) -> None:
        """V4-19, A125: RELEASE ends the lease of ciaddr without an answer, and the address is free."""
        self.assertIsNone(self.client.release(FREE))
        self.assertEqual(self.counts(), (0, 0))
        self.assertEqual(Client(self.server, 2).lease(FREE).yiaddr, FREE)

    def test_affinity(self) -> None:
        """A125, A168: the row of a released lease is kept for its client to come back to, over and reclaimed."""
        self.client.release(FREE)
        lease = self.server.leases[FREE]
        self.assertEqual((lease.state, lease.client_id), (LeaseState.RECLAIMED, b"\1abc"))
        self.assertEqual((lease.expires, lease.hostname), (int(self.server.now), ""))
        Client(self.server, 2).lease()
        self.assertEqual(self.client.lease().yiaddr, FREE)

    def test_no_affinity(self) -> None:
        """A125: without affinity RELEASE deletes the row."""
        server = serving(**HOLD_NOTHING)
        client = Client(server)
        client.lease(FREE)
        client.release(FREE)
        self.assertEqual((server.leases, server.statistic("assigned-addresses")), ({}, 0))

    def test_release_of_another(self) -> None:
        """V4-19, V4-21: RELEASE by another client changes nothing, even if it says the owner's address everywhere."""
        before = self.server.leases
        thief = Client(self.server, 2, client_id=b"\1xyz")
        self.assertIsNone(thief.release(FREE, {50: packed(FREE)}, yiaddr=packed(FREE)))
        spoof = Client(self.server, hwaddr=self.client.hwaddr, client_id=b"\1xyz")
        self.assertIsNone(spoof.release(FREE))
        self.assertEqual((self.server.leases, self.counts()), (before, (1, 1)))

    def test_release_without_ciaddr(self) -> None:
        """A125: RELEASE goes by ciaddr, not by option 50."""
        before = self.server.leases
        self.assertIsNone(self.client.send(MessageType4.RELEASE, {50: packed(FREE)}))
        self.assertEqual(self.server.leases, before)

    def test_release_twice(self) -> None:
        """V4-20: a second RELEASE changes neither lease nor statistics."""
        self.client.release(FREE)
        before = self.server.leases
        self.client.release(FREE)
        self.assertEqual((self.server.leases, self.counts()), (before, (0, 0)))

    def test_release_of_the_past(self) -> None:
        """V4-20: RELEASE of a lease whose time is over changes nothing: reclaiming it is counted once."""
        self.server.now += 7201
        before = self.server.leases
        self.client.release(FREE)
        self.assertEqual((self.server.leases, self.counts()), (before, (1, 1)))

    def test_decline_wrong(self) -> None:
        """V4-22, A126: DECLINE without option 50, of a foreign address or of one without a lease changes nothing."""
        before = self.server.leases
        self.assertIsNone(self.client.send(MessageType4.DECLINE, ciaddr=packed(FREE)))
        self.assertIsNone(Client(self.server, 2).decline(FREE))
        self.assertIsNone(self.client.decline("192.0.2.16"))
        self.assertEqual(self.server.leases, before)
        self.assertEqual(self.server.statistic("declined-addresses"), 0)
        self.assertEqual(self.server.statistic("pkt4-processing-failed"), 0)

    def test_decline(self) -> None:
        """V4-23, A127: DECLINE empties the lease, which is kept from all for the probation period."""
        self.assertIsNone(self.client.decline(FREE))
        lease = self.server.leases[FREE]
        self.assertEqual((lease.hwaddr, lease.client_id, lease.hostname), (b"", b"", ""))
        self.assertEqual((lease.fqdn_fwd, lease.fqdn_rev, lease.state), (False, False, LeaseState.DECLINED))
        self.assertEqual((lease.valid_lifetime, lease.cltt), (100, int(self.server.now)))

    def test_decline_statistics(self) -> None:
        """A127: DECLINE counts the address as declined, and still as assigned."""
        self.client.decline(FREE)
        self.assertEqual(self.counts(), (1, 1))
        self.assertEqual(self.server.statistic("declined-addresses"), 1)
        self.assertEqual(self.server.statistic("subnet[1].declined-addresses"), 1)
        self.client.decline(FREE)
        self.assertEqual(self.server.statistic("declined-addresses"), 1)

    def test_declined_is_kept(self) -> None:
        """V4-23, A151: a declined address is given to nobody, not even its last owner, until its probation ends."""
        self.client.decline(FREE)
        for client in (self.client, Client(self.server, 2)):
            self.assertNotEqual(got(client.discover({50: packed(FREE)}), OFFER).yiaddr, FREE)
            got(client.select(FREE), NAK)
        self.server.now += 101
        self.assertEqual(Client(self.server, 3).lease(FREE).yiaddr, FREE)
        self.assertEqual(self.server.statistic("declined-addresses"), 0)
        self.assertEqual(self.server.statistic("reclaimed-declined-addresses"), 1)
        self.assertEqual(self.server.statistic("assigned-addresses"), 1)


class InformTests(SynchronousTestCase):
    """INFORM -> ACK with options only."""

    def test_options_only(self) -> None:
        """V4-10, A105, A128: INFORM gives options, no address, no times, and touches no lease."""
        client = Client(serving(WITH_ROUTER))
        ack = got(client.inform("192.0.2.77", prl(1, 3, 51, 58, 59)), ACK)
        self.assertFalse({51, 58, 59} & ack.options.keys())
        self.assertEqual(ack.options[3], packed(LOCAL))
        self.assertEqual((ack.yiaddr, ack.message.ciaddr), (NOWHERE, packed("192.0.2.77")))
        self.assertEqual((client.server.leases, ack.address, ack.port), ({}, "192.0.2.77", 68))

    def test_someone_elses_lease(self) -> None:
        """V4-10: INFORM with the address of a lease leaves the lease as it is."""
        server = serving()
        Client(server).lease(FREE)
        before = server.leases
        got(Client(server, 2).inform(FREE), ACK)
        self.assertEqual(server.leases, before)

    def test_no_way_back(self) -> None:
        """V4-11, A098: INFORM without ciaddr and source address is not answered."""
        self.assertIsNone(Client(serving()).inform(NOWHERE, source=NOWHERE))

    def test_source(self) -> None:
        """A129: INFORM without ciaddr is answered to its source address."""
        ack = got(Client(serving()).inform(NOWHERE, source="192.0.2.77"), ACK)
        self.assertEqual((ack.address, ack.port), ("192.0.2.77", 68))

    def test_relayed(self) -> None:
        """A129, A107: an answer to INFORM that goes past the relay has neither giaddr nor hops nor option 82."""
        client = Client(serving(), relay=RELAY, options={82: b"\1\1x"})
        ack = got(client.inform("198.51.100.77"), ACK)
        self.assertEqual((ack.address, ack.message.giaddr, ack.message.hops), ("198.51.100.77", bytes(4), 0))
        self.assertNotIn(82, ack.options)

    def test_relayed_without_ciaddr(self) -> None:
        """A129, A107: INFORM without ciaddr goes back to the relay with the broadcast flag and option 82."""
        client = Client(serving(), relay=RELAY, options={82: b"\1\1x"})
        ack = got(client.inform(NOWHERE), ACK)
        self.assertEqual((ack.address, ack.port, ack.message.flags), (RELAY, 67, BROADCAST))
        self.assertEqual((ack.options[82], ack.message.giaddr), (b"\1\1x", packed(RELAY)))

    def test_no_name(self) -> None:
        """A128: an INFORM changes no name, and its answer carries none."""
        server = serving(ddns_replace_client_name="always", ddns_qualifying_suffix="example.org")
        for address in ("192.0.2.77", NOWHERE):
            ack = got(Client(server).inform(address, {12: b"me"}, source="192.0.2.77"), ACK)
            self.assertNotIn(12, ack.options)

    def test_nowhere(self) -> None:
        """An INFORM from no configured subnet is answered with nothing but who answers, as in Kea."""
        ack = got(Client(serving(), relay="203.0.113.1").inform("203.0.113.77", prl(6, 3)), ACK)
        self.assertEqual(set(ack.options), {53, 54})


class UnacceptableTests(SynchronousTestCase):
    """What is dropped at the door."""

    def assert_dropped(self, server: LocalServer, answer: object, statistic: str = "") -> None:
        self.assertIsNone(answer)
        self.assertEqual((server.leases, server.statistic("pkt4-receive-drop")), ({}, 1))
        if statistic:
            self.assertEqual(server.statistic(statistic), 1)

    def test_server_messages(self) -> None:
        """A130, V4-65: what only servers send is counted by its type and dropped."""
        for kind, name in ((2, "offer"), (5, "ack"), (6, "nak"), (9, "unknown"), (10, "unknown"), (18, "unknown")):
            server = serving()
            self.assert_dropped(server, Client(server).send(kind), f"pkt4-{name}-received")

    def test_no_type(self) -> None:
        """A097: a message without a type (BOOTP) is dropped."""
        server = serving()
        message = Client(server).message(1)
        del message.options[53]
        self.assert_dropped(server, server.ask(message), "pkt4-unknown-received")

    def test_bad_header(self) -> None:
        """V4-65, V4-36: op 2, a bad cookie, under 240 bytes, type 0 or 19, hlen 17: a parse error is counted."""
        server = serving()
        good = encode_message4(Client(server).message(1))
        damaged = (
            b"\2" + good[1:],
            good[:236] + b"\x63\x82\x53\x64" + good[240:],
            good[:239],
            b"",
            good[:242] + b"\0" + good[243:],
            good[:242] + b"\x13" + good[243:],
            good[:2] + b"\x11" + good[3:],
        )
        for number, data in enumerate(damaged, 1):
            self.assertIsNone(server.ask(data))
            self.assertEqual(server.statistic("pkt4-parse-failed"), number)
            self.assertEqual(server.statistic("pkt4-receive-drop"), number)
        got(server.ask(good), OFFER)

    def test_nobody(self) -> None:
        """V4-34, A115: a client with neither hardware address nor identifier is dropped (CVE-2019-6474)."""
        for kind in (1, 3, 8):
            server = serving()
            self.assert_dropped(server, Client(server, hwaddr=b"").send(kind), "pkt4-parse-failed")

    def test_short_client_id(self) -> None:
        """V4-33: a client identifier of 0 or 1 byte is dropped (CVE-2010-2156, CVE-2012-3571)."""
        for payload in (b"", b"\1"):
            server = serving()
            self.assert_dropped(server, Client(server, options={61: payload}).discover(), "pkt4-parse-failed")

    def test_wrong_link(self) -> None:
        """A098: a broadcast from a link that no subnet belongs to is dropped."""
        server = serving({"subnet": "203.0.113.0/24", "pools": []})
        self.assert_dropped(server, Client(server).discover())

    def test_loopback_is_left_out(self) -> None:
        """A098: the server's own links decide, and loopback is none that ``*`` opens."""
        server = serving()
        self.assertEqual([each.link for each in server.network.sockets], ["eth0"])
        self.assertTrue(LOOPBACK.loopback)
