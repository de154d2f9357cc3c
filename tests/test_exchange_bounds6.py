"""What one DHCPv6 client can ask for costs a bounded amount of work and memory, whatever a datagram holds."""

from __future__ import annotations

from struct import pack
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging6 import ADVERTISE, got6, serving6
from txkea.exchange import offers as offers_module
from txkea.exchange.allocate6 import LEASES
from txkea.exchange.associations import MORE
from txkea.exchange.associations import MOST as MOST_ASSOCIATIONS
from txkea.exchange.offers import Offers
from txkea.exchange.search import LEAST_ATTEMPTS, MOST_ATTEMPTS, OFFERS
from txkea.model.configuration import PrefixPool
from txkea.testing.clients6 import Client6, ia_na, ia_pd, packed6
from txkea.testing.stores import CountingLeases
from txkea.wire.dhcp6 import MessageType6, Option6, StatusCode

PD = Option6.IA_PD
WIDE = {"pools": [{"pool": "2001:db8:1::/80"}]}


def addresses(number: int) -> list[str]:
    """So many of subnet 1."""
    return [f"2001:db8:1::{index:x}" for index in range(1, number + 1)]


class DatagramTests(SynchronousTestCase):
    """A datagram full of what takes work."""

    def setUp(self) -> None:
        self.store = CountingLeases()
        self.server = serving6(WIDE, site={"leases": self.store})
        self.client = Client6(self.server)

    def looks(self) -> int:
        """How often the store was asked since the last time."""
        total = sum(self.store.calls.values())
        self.store.calls.clear()
        return total

    def test_addresses(self) -> None:
        """Of thousands of addresses or prefixes in a message only the first ones are looked at, and answered."""
        self.client.lease((ia_na(1, "2001:db8:1::1"),))
        self.looks()
        answer = got6(self.client.renew((ia_na(1, *addresses(2000)),)))
        self.assertEqual(answer.addresses, addresses(MORE + 1))
        prefixes = [f"2001:db8:1000:{index << 8:x}::/56" for index in range(256)] * 8
        got6(self.client.release((ia_pd(1, *prefixes),)))
        for ask in (self.client.solicit, self.client.request, self.client.renew, self.client.rebind):
            ask((ia_na(1, *addresses(2000)), ia_pd(1, *prefixes[2:])))
        self.assertLess(self.looks(), 8 * MORE)

    def test_first_ones(self) -> None:
        """However much an association names, the first wish of each one behind it counts."""
        wishes = (ia_na(1, *addresses(1000)), *(ia_na(number, f"2001:db8:1::{number}:1") for number in range(2, 60)))
        answer = got6(self.client.solicit(wishes), ADVERTISE)
        self.assertEqual([answer.resource(number).address for number in (2, 59)], [
            packed6("2001:db8:1::2:1"), packed6("2001:db8:1::59:1"),
        ])  # fmt: skip

    def test_answer_has_room(self) -> None:
        """A query as large as can be that is granted something is answered: no lease without its client knowing it."""
        wishes = [ia_na(number, *addresses(35)) for number in range(60)]
        answer = got6(self.client.rebind(wishes))
        self.assertEqual(len(answer.ias), 60)
        self.assertLess(len(answer.data), 8192)

    def test_codes(self) -> None:
        """Of tens of thousands of requested codes the first thousand are read."""
        pool = {
            "prefix": "2001:db8:1000::",
            "prefix-len": 48,
            "delegated-len": 56,
            "excluded-prefix": "2001:db8:1000::",
            "excluded-prefix-len": 64,
        }
        options = [{"name": "dns-servers", "data": "2001:db8::53"}, {"name": "sip-server-addr", "data": "2001:db8::54"}]
        self.server = serving6({"pd-pools": [pool]}, option_data=options)
        assert isinstance(self.server.site.subnets.by_id[1].prefix_pools[0].pool, PrefixPool)
        client = Client6(self.server, requested=(23, *[67] * 1022, 67, 22, *range(20000)))
        answer = got6(client.solicit([ia_pd(number) for number in range(64)]), ADVERTISE)
        self.assertIn(23, answer.options)
        self.assertNotIn(22, answer.options)
        self.assertNotEqual(answer.resource(63, PD).options, b"")

    def test_vendors(self) -> None:
        """Of thousands of vendors that a client belongs to the first few dozen are answered."""
        suboptions = [
            {"space": f"vendor-{enterprise}", "code": 1, "csv-format": False, "data": "01", "always-send": True}
            for enterprise in range(1, 201)
        ]
        server = serving6(option_data=suboptions)
        classes = [(Option6.VENDOR_CLASS, pack("!IH", enterprise, 0)) for enterprise in range(1, 6000)]
        answer = got6(Client6(server).solicit(options=classes), ADVERTISE)
        self.assertEqual(len(answer.message.every(Option6.VENDOR_OPTS)), 64)

    def test_reserved_pool(self) -> None:
        """A pool whose addresses are all reserved for others costs a message with many associations little more."""
        hosts: list[dict[str, Any]] = [
            {"duid": f"00:04:{number >> 8:02x}:{number & 255:02x}", "ip-addresses": [f"2001:db8:1::{number:x}"]}
            for number in range(1500)
        ]
        pools = [{"pool": "2001:db8:1::0 - 2001:db8:1::5db"}]
        self.server = serving6({"pools": pools, "reservations": hosts}, site={"leases": self.store})
        answer = got6(Client6(self.server).solicit([ia_na(number) for number in range(64)]), ADVERTISE)
        self.assertEqual(answer.addresses, [])
        most = MOST_ATTEMPTS + MOST_ASSOCIATIONS * (2 * LEAST_ATTEMPTS + OFFERS)
        self.assertLess(self.looks(), most)
        self.assertLess(most, 10_000)


class ClientTests(SynchronousTestCase):
    """A client that never has enough."""

    def setUp(self) -> None:
        self.server = serving6(WIDE)
        self.client = Client6(self.server)
        self.bound = 0

    def bind(self, number: int) -> None:
        """Lease so many more addresses."""
        while number > 0:
            some = range(self.bound, self.bound + min(number, 64))
            answer = got6(
                Client6(self.server).request([ia_na(iaid) for iaid in some], server_id=self.server.site.server_id)
            )
            self.assertEqual(len(answer.addresses), len(some))
            self.bound += len(some)
            number -= 64

    def test_leases(self) -> None:
        """A client has so many leases at most, for each of its queries looks at all; those it keeps."""
        self.bind(LEASES)
        self.assertEqual(len(self.server.leases), LEASES)
        for ask in (self.client.solicit, self.client.request, self.client.rebind):
            answer = got6(ask((ia_na(LEASES + 7), ia_na(5))), ADVERTISE if ask == self.client.solicit else 7)
            self.assertEqual(answer.ia_status(LEASES + 7), StatusCode.NO_ADDRS_AVAIL)
            self.assertEqual(len(answer.ia(5).resources), 1)
        self.client.release((ia_na(5, answer.addresses[0]),))
        self.assertEqual(Client6(self.server, 2).lease().ia_status(), None)

    def test_registrations(self) -> None:
        """What it registers counts with what it leases; what it has registered it may renew."""
        own, another = "2001:db8:1::ffff:1", "2001:db8:1::ffff:2"
        got6(self.client.register(own), MessageType6.ADDR_REG_REPLY)
        got6(Client6(self.server, 2).register(another), MessageType6.ADDR_REG_REPLY)
        self.bind(LEASES - 1)
        before = self.server.leases
        self.assertIsNone(self.client.register("2001:db8:1::ffff:3"))
        self.assertIsNone(self.client.register(another, source=another))
        self.assertEqual(self.server.leases, before)
        got6(self.client.register(own), MessageType6.ADDR_REG_REPLY)


class OffersTests(SynchronousTestCase):
    """A flood of SOLICITs from ever new clients."""

    def test_oldest_forgotten(self) -> None:
        """Of too many offers the oldest ends before its time, and its address is free; renewed ones are not old."""
        self.patch(offers_module, "MOST", 4)
        subnet = serving6().site.subnets.by_id[1]
        offers = Offers()
        for number, key in enumerate((b"a", b"b", b"a", b"c", b"d", b"e")):
            offers.hold(key, packed6(f"2001:db8:1::{key.decode()}"), subnet, float(number))
        self.assertEqual(
            [offers.to(key, 6.0) is not None for key in (b"a", b"b", b"c", b"d", b"e")], [True, False, True, True, True]
        )
        self.assertFalse(offers.kept_from(b"x", packed6("2001:db8:1::b")))
        offers.forget(100.0)
        self.assertEqual(len(offers), 0)

    def test_flood(self) -> None:
        """Clients that never request what they are offered leave nothing behind once their time is over."""
        server = serving6(WIDE)
        for number in range(500):
            got6(Client6(server, number).solicit([ia_na(iaid) for iaid in range(4)]), ADVERTISE)
        self.assertEqual(len(server.site.offers), 2000)
        server.now += 11
        got6(Client6(server, 1).solicit(), ADVERTISE)
        self.assertEqual(len(server.site.offers), 1)
