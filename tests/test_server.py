"""`txkea.server`: exchanges that wait, that race, that fail; and those whom it tells."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.exchanging import ACK, NAK, OFFER, RELAY, got, serving
from tests.observing import FACETS, Observer, Policy, SlowHosts
from txkea.errors import Busy, Drop, Refuse, Unavailable
from txkea.interfaces import IDatagramReceiver, ILeaseObserver, ILeaseStore
from txkea.model.lease import LeaseState
from txkea.server import Server
from txkea.testing.clients4 import RAW, Client, LocalServer, packed
from txkea.testing.malformed import packets4
from txkea.testing.stores import CountingLeases, FailingLeases, WaitingLeases
from txkea.wire.dhcp4 import MessageType4, encode_message4

FREE = "192.0.2.15"
REQUEST = MessageType4.REQUEST


def asked(client: Client, address: str) -> None:
    """REQUEST an address; what comes back is found among the server's answers later."""
    client.send(REQUEST, {50: packed(address), 54: packed("192.0.2.1")})


class DoubleTests(SynchronousTestCase):
    """The doubles are what they stand for."""

    def test_stores(self) -> None:
        """The stores that count, wait and fail provide ILeaseStore."""
        for store in (CountingLeases(), WaitingLeases(), FailingLeases()):
            self.assertTrue(verifyObject(ILeaseStore, store))

    def test_server(self) -> None:
        """A server takes what sockets receive."""
        self.assertTrue(verifyObject(IDatagramReceiver, serving().server))


class WaitingTests(SynchronousTestCase):
    """Exchanges that wait for their store."""

    def setUp(self) -> None:
        self.store = WaitingLeases()
        self.server = serving(site={"leases": self.store})
        self.client, self.other = Client(self.server, 1), Client(self.server, 2)

    def types(self) -> list[int]:
        return [answer.type for answer in self.server.answers()]

    def test_later(self) -> None:
        """What must wait is answered when what it waits for has come, and holds nothing up until then."""
        asked(self.client, FREE)
        self.assertEqual((self.types(), len(self.server.server)), ([], 1))
        asked(self.other, "192.0.2.16")
        self.assertEqual(len(self.server.server), 2)
        self.store.finish()
        self.assertEqual((self.types(), len(self.server.server)), ([ACK, ACK], 0))
        self.assertEqual(self.server.statistic("pkt4-ack-sent"), 2)

    def test_race(self) -> None:
        """V4-13: of two clients that race for one address, in whatever order the store answers, one wins."""
        for turns in range(32):
            self.setUp()
            self.client.options = self.other.options = {12: b"name"}
            asked(self.client, FREE)
            asked(self.other, FREE)
            while self.store.waiting:
                turn = turns & 1 if len(self.store.waiting) > 1 else 0
                turns >>= 1
                self.store.go_on(turn)
            ack, nak = sorted(self.server.answers(), key=lambda answer: answer.type)
            self.assertEqual((ack.type, nak.type, set(nak.options)), (ACK, NAK, {53, 54}))
            self.assertEqual(len(self.server.leases), 1)
            self.assertEqual(self.server.statistic("assigned-addresses"), 1)

    def test_race_for_offers(self) -> None:
        """V4-25: of two clients that are offered the same address while the store thinks, one gets it, one a NAK."""
        self.client.send(MessageType4.DISCOVER)
        self.other.send(MessageType4.DISCOVER)
        self.store.finish()
        offers = {answer.message.chaddr: answer.yiaddr for answer in self.server.answers()}
        self.assertEqual(len(offers), 2)
        for client in (self.client, self.other):
            asked(client, offers[client.hwaddr])
        self.store.finish()
        owners = {lease.hwaddr: address for address, lease in self.server.leases.items()}
        acknowledged = {each.message.chaddr: each.yiaddr for each in self.server.answers() if each.type == ACK}
        self.assertEqual(owners, acknowledged)

    def test_same_client(self) -> None:
        """V4-68: a query of a client whose earlier one is still in flight is dropped and counted."""
        asked(self.client, FREE)
        for number in range(1, 4):
            asked(self.client, FREE)
            self.assertEqual(self.server.statistic("pkt4-duplicate"), number)
            self.assertEqual(self.server.statistic("pkt4-receive-drop"), number)
        self.store.finish()
        self.assertEqual((self.types(), len(self.server.leases)), ([ACK], 1))
        asked(self.client, FREE)
        self.store.finish()
        self.assertEqual(self.types(), [ACK], "and once the first was answered the next one is heard")

    def test_same_hardware(self) -> None:
        """V4-68, A142: where hardware addresses decide, another identifier does not make another client."""
        self.server = serving({"match-client-id": False}, site={"leases": self.store}, cache_threshold=0.25)
        for client_id in (b"", b"\1one", b"\1two"):
            asked(Client(self.server, 1, client_id=client_id), FREE)
        self.assertEqual((self.server.statistic("pkt4-duplicate"), len(self.server.server)), (2, 1))
        while self.store.waiting[0][0] != "add":
            self.store.go_on()
        self.assertEqual(self.types(), [], "nothing is acknowledged before it is stored")
        self.store.finish()
        self.assertEqual(self.types(), [ACK])

    def test_full(self) -> None:
        """Of more exchanges than may wait at once the last ones are dropped and counted; the others are answered."""
        self.server = serving(site={"leases": self.store}, parked_packet_limit=3)
        for number in range(5):
            asked(Client(self.server, 10 + number), f"192.0.2.{10 + number}")
        self.assertEqual((len(self.server.server), self.server.statistic("pkt4-queue-full")), (3, 2))
        self.store.finish()
        self.assertEqual(self.types(), [ACK, ACK, ACK])
        self.server = serving(site={"leases": self.store}, parked_packet_limit=0)
        for number in range(5):
            asked(Client(self.server, 10 + number), f"192.0.2.{10 + number}")
        self.assertEqual(len(self.server.server), 5, "0 is no limit")

    def test_busy(self) -> None:
        """What a store has no time for is counted as what waits in vain, and not logged query by query."""
        store = FailingLeases("by_client")
        store.error = Busy("others wait")
        server = serving(site={"leases": store})
        self.assertIsNone(Client(server, 1).discover())
        self.assertEqual(
            (1, 0), tuple(server.statistic(f"pkt4-{name}") for name in ("queue-full", "processing-failed"))
        )
        self.assertEqual([], [line for line in server.log.lines if line[0] == "ERROR"])

    def test_failure(self) -> None:
        """A store that fails after a wait: no answer, nothing changed, and the next query works."""
        failures = 0
        while True:
            self.setUp()
            asked(self.client, FREE)
            for _ in range(failures):
                if self.store.waiting:
                    self.store.go_on()
            if not self.store.waiting:
                break
            self.store.fail()
            self.assertEqual((self.types(), self.server.leases, len(self.server.server)), ([], {}, 0))
            self.assertEqual(self.server.statistic("pkt4-processing-failed"), 1)
            self.assertEqual(self.server.log.lines[-1][:2], ("ERROR", "DHCP4_LEASE_STORE_UNAVAILABLE"))
            asked(self.client, FREE)
            self.store.finish()
            self.assertEqual((self.types(), self.server.statistic("assigned-addresses")), ([ACK], 1))
            failures += 1
        self.assertGreaterEqual(failures, 3, "own lease, the address's row, and the row to add")

    def test_offer_is_kept_until_it_is_a_lease(self) -> None:
        """V4-25: an offered address is kept from others until its lease is durable, and after a failure too."""
        self.client.send(MessageType4.DISCOVER)
        self.store.finish()
        (offer,) = self.server.answers()
        asked(self.client, offer.yiaddr)
        while self.store.waiting[0][0] != "add":
            self.store.go_on()
        self.other.send(MessageType4.DISCOVER, {50: packed(offer.yiaddr)})
        while len(self.store.waiting) > 1:
            self.store.go_on(1)
        (second,) = self.server.answers()
        self.assertNotEqual(second.yiaddr, offer.yiaddr)

    def test_release_during_a_request(self) -> None:
        """A RELEASE that finds its lease changed meanwhile does nothing."""
        asked(self.client, FREE)
        self.store.finish()
        self.server.answers()
        self.client.release(FREE)
        self.store.go_on()
        before = self.server.leases[FREE]
        self.store.table.update(before._replace(hostname="changed"), before)
        self.store.finish()
        self.assertEqual(self.server.leases[FREE].state, 0)
        self.assertEqual(self.server.statistic("assigned-addresses"), 1)

    def test_old_site(self) -> None:
        """An exchange ends with the site that it began with; the next one begins with the new one."""
        asked(self.client, FREE)
        after = serving({"pools": [{"pool": "192.0.2.100/31"}]}, site={"leases": self.store})
        self.server.server.site = after.site
        self.store.finish()
        self.assertEqual(self.types(), [ACK])
        asked(self.other, "192.0.2.16")
        self.store.finish()
        self.assertEqual(self.types(), [NAK])


class FailingTests(SynchronousTestCase):
    """Stores that fail at once."""

    def test_unavailable(self) -> None:
        """A store that cannot write: no answer, nothing changed, and the next query works."""
        for failing in ("get", "by_client", "add"):
            store = FailingLeases(failing)
            server = serving(site={"leases": store})
            client = Client(server)
            self.assertIsNone(client.select(FREE))
            self.assertEqual((server.leases, server.statistic("assigned-addresses")), ({}, 0))
            self.assertEqual(server.statistic("pkt4-receive-drop"), 1)
            store.failing.clear()
            got(client.select(FREE), ACK)

    def test_release(self) -> None:
        """A RELEASE or DECLINE that cannot be stored changes neither lease nor statistics."""
        for name in ("release", "decline"):
            store = FailingLeases()
            server = serving(site={"leases": store})
            client = Client(server)
            client.lease(FREE)
            before, statistics = server.leases, server.statistic("assigned-addresses")
            store.failing = {"update", "remove"}
            self.assertIsNone(getattr(client, name)(FREE))
            self.assertEqual((server.leases, server.statistic("assigned-addresses")), (before, statistics))
            self.assertEqual(server.statistic("declined-addresses"), 0)

    def test_moving(self) -> None:
        """A client that moves while its old row cannot be removed gets no answer, and one lease at its next try."""
        store = FailingLeases()
        server = serving(site={"leases": store}, expired_leases_processing={"hold-reclaimed-time": 0})
        client = Client(server)
        client.lease(FREE)
        store.failing = {"remove"}
        self.assertIsNone(client.select("192.0.2.16"))
        store.failing.clear()
        got(client.select("192.0.2.16"), ACK)
        self.assertEqual(list(server.leases), ["192.0.2.16"])
        self.assertEqual(server.statistic("assigned-addresses"), 1)

    def test_any_error(self) -> None:
        """An error that nobody foresaw is logged with its traceback and counted, and never raised into the network."""
        store = FailingLeases("by_client")
        store.error = ZeroDivisionError("a mistake")
        server = serving(site={"leases": store})
        self.assertIsNone(Client(server).discover())
        severity, message, text = server.log.lines[-1]
        self.assertEqual((severity, message), ("ERROR", "DHCP4_PACKET_PROCESS_EXCEPTION"))
        self.assertIn("ZeroDivisionError: a mistake", text)
        self.assertEqual(server.statistic("pkt4-processing-failed"), 1)


class DoorTests(SynchronousTestCase):
    """What comes in and what goes out."""

    def test_disabled(self) -> None:
        """A095: while service is disabled queries are dropped and counted apart."""
        server = serving()
        server.server.enabled = False
        self.assertIsNone(Client(server).discover())
        self.assertEqual(server.statistics.get("pkt4-service-disabled"), 1)
        self.assertEqual((server.statistic("pkt4-received"), server.statistic("pkt4-receive-drop")), (0, 0))

    def test_statistics(self) -> None:
        """A092: each query is counted as received and by its type, each answer as sent and by its type."""
        server = serving()
        client = Client(server)
        client.lease(FREE)
        client.select("192.0.2.200")
        client.inform(FREE)
        client.release(FREE)
        expected = {
            "received": 5,
            "discover-received": 1,
            "request-received": 2,
            "inform-received": 1,
            "release-received": 1,
            "sent": 4,
            "offer-sent": 1,
            "ack-sent": 2,
            "nak-sent": 1,
        }
        found = {name[5:]: number for name, number in server.statistics.items() if name.startswith("pkt4-")}
        self.assertEqual(found, expected)

    def test_ports(self) -> None:
        """A001, A002: other ports than 67 and 68 can be used, for tests; a relay's own port stays what it is."""
        local = serving()
        local.server = Server(local.site, lambda: local.now, server_port=6767, client_port=6868)
        local.network.listen4(RAW, local.server)
        self.assertEqual(got(Client(local).discover(), OFFER).port, 6868)
        self.assertEqual(got(Client(local, 2, relay=RELAY).discover(), OFFER).port, 6767)
        message = Client(local, 3, relay=RELAY, options={82: b"\x13\0"}).message(1)
        self.assertEqual(got(local.ask(message, RELAY, source_port=999, broadcast=False), OFFER).port, 999)

    def test_malformed(self) -> None:
        """Every kind of damage to a packet is answered or dropped and counted once, and stores nothing."""
        server = serving()
        seed = encode_message4(
            Client(server, 1, client_id=b"\1abc", relay=RELAY, options={82: b"\1\4port", 81: b"\5\0\0\1a\0"}).message(
                1
            ),
            minimum=0,
        )
        good = Client(server, 2)
        for name, data in packets4(seed):
            dropped, sent = server.statistic("pkt4-receive-drop"), server.statistic("pkt4-sent")
            server.ask(data, RELAY, broadcast=False)
            counted = server.statistic("pkt4-receive-drop") - dropped + server.statistic("pkt4-sent") - sent
            self.assertLessEqual(counted, 1, (name, data))
            self.assertEqual((server.leases, server.statistic("pkt4-processing-failed")), ({}, 0), (name, data))
        got(good.discover(), OFFER)


class ObserverTests(SynchronousTestCase):
    """Those who are told of changes (Kea A102)."""

    def observed(self, observer: Observer, **site: Any) -> LocalServer:
        self.assertTrue(verifyObject(ILeaseObserver, observer))
        return serving(site={"observers": [observer], **site})

    def test_told(self) -> None:
        """A102: observers of either kind are told of what REQUEST, RELEASE and DECLINE changed, and of nothing else."""
        address = packed(FREE)
        for waits in (True, False):
            observer = Observer(waits)
            client = Client(self.observed(observer))
            client.discover({50: address})
            client.inform(FREE)
            self.assertEqual(observer.committed, [])
            client.select(FREE)
            client.renew(FREE)
            client.release(FREE)
            client.release(FREE)
            self.assertEqual(observer.committed, [([address], []), ([address], []), ([], [address])])
            client.select(FREE)
            client.decline(FREE)
            self.assertEqual([lease.address for lease in observer.declined], [address])

    def test_answer_waits(self) -> None:
        """The answer leaves only after an observer that it waits for; that nobody waits for may take its time."""
        for waits in (True, False):
            gate: Deferred[None] = Deferred()
            server = self.observed(Observer(waits, gate))
            client = Client(server)
            self.assertEqual(client.select(FREE) is None, waits)
            gate.callback(None)
            self.assertEqual([answer.type for answer in server.answers()], [ACK])

    def test_declined(self) -> None:
        """A DECLINE is over without an observer that nobody waits for, however long that takes."""
        for waits in (True, False):
            gate: Deferred[None] = Deferred()
            gate.callback(None)
            observer = Observer(waits, gate)
            server = self.observed(observer)
            client = Client(server)
            client.lease(FREE)
            observer.waits = Deferred()
            client.decline(FREE)
            self.assertEqual((len(server.server), server.leases[FREE].state), (int(waits), LeaseState.DECLINED))
            observer.waits.callback(None)
            self.assertEqual((len(server.server), len(observer.declined)), (0, 1))

    def test_failing(self) -> None:
        """An observer that fails costs the answer only if the answer waits for it; the log says so either way."""
        for waits in (True, False):
            server = self.observed(Observer(waits, error=Unavailable("the partner is gone")))
            self.assertEqual(Client(server).select(FREE) is None, waits)
            self.assertEqual(server.log.lines[-1][1], "DHCP4_LEASE_STORE_UNAVAILABLE")

    def test_told_in_spite_of_failure(self) -> None:
        """A lease that was stored is told of even if the exchange fails after it."""
        store, observer = FailingLeases(), Observer(False)
        client = Client(self.observed(observer, leases=store))
        client.lease(FREE)
        store.failing = {"remove"}
        self.assertIsNone(client.select("192.0.2.16"))
        self.assertEqual(observer.committed[-1], ([packed("192.0.2.16")], []))

    def test_waiting_store(self) -> None:
        """An observer is told after the answer of an exchange that waited for its store, too."""
        store, observer = WaitingLeases(), Observer(False)
        server = self.observed(observer, leases=store)
        asked(Client(server), FREE)
        store.finish()
        self.assertEqual((len(server.answers()), len(observer.committed)), (1, 1))

    def test_expired(self) -> None:
        """A150: observers are told of an expired lease whose row is reused."""
        observer = Observer(False)
        server = self.observed(observer)
        Client(server, 1).lease(FREE)
        server.now += 7201
        got(Client(server, 2).select(FREE), ACK)
        self.assertEqual([lease.hwaddr for lease in observer.expired], [Client(server, 1).hwaddr])


class PolicyTests(SynchronousTestCase):
    """Third parties on a query's way (Kea A156, A176)."""

    def setUp(self) -> None:
        self.policy = Policy(3)
        routers = [{"name": "routers", "data": "192.0.2.1"}]
        self.server = serving({"option-data": routers}, site=self.policy.site)
        self.client = Client(self.server)

    def test_order(self) -> None:
        """A092: query received, subnet selected, filter, lease selected, answer ready: for OFFER and ACK alike."""
        for ask in (self.client.discover, lambda: self.client.select(FREE)):
            self.policy.seen.clear()
            ask()
            self.assertEqual(self.policy.seen, ["received", "subnet", "filter", "lease", "answer"])

    def test_interfaces(self) -> None:
        """The policy of these tests provides what it is used as."""
        for interface in FACETS:
            self.assertTrue(verifyObject(interface, self.policy))

    def test_changed_lease(self) -> None:
        """A156: a lease that a third party changed is what is offered and stored."""
        self.policy.lifetime = 77
        self.assertEqual(got(self.client.discover(), OFFER).number(51), 77)
        self.assertEqual(got(self.client.select(FREE), ACK).number(51), 77)
        self.assertEqual(self.server.leases[FREE].valid_lifetime, 77)

    def test_refused_lease(self) -> None:
        """A156: a lease that a third party refuses is not stored: no OFFER, and a NAK."""
        for error, refusal in ((Refuse("no"), NAK), (Drop("no"), None)):
            self.policy.error = error
            self.assertIsNone(self.client.discover())
            answer = self.client.select(FREE)
            self.assertEqual(answer and answer.type, refusal)
            self.assertEqual((self.server.leases, self.server.statistic("pkt4-processing-failed")), ({}, 0))

    def test_subnet(self) -> None:
        """A176: a third party may choose another subnet, or none."""
        self.policy.subnet_id = 2
        self.assertEqual(got(self.client.discover(), OFFER).yiaddr, "198.51.100.10")
        self.policy.subnet_id = 99
        self.assertIsNone(self.client.discover())
        self.assertEqual(self.server.statistic("pkt4-processing-failed"), 0)

    def test_answer(self) -> None:
        """A092: a third party may add, change and take out options; option 82 stays last, the rest as it was."""
        self.policy.more = {7: packed(FREE), 224: bytes(300)}
        client = Client(self.server, relay=RELAY, options={82: b"\1\4port"})
        for answer in (client.discover(), client.lease()):
            assert answer is not None
            self.assertEqual(list(answer.options), [53, 54, 51, 1, 7, 224, 82])
            self.assertEqual((answer.options[224], answer.address, answer.message.hops), (bytes(300), RELAY, 1))

    def test_large_answer(self) -> None:
        """V4-37: what third parties add must fit into what the client takes, header fields included."""
        self.policy.more = {7: bytes(200), 224: bytes(120), 225: bytes(60), 226: bytes(200)}
        answer = got(self.client.discover({57: b"\2\x40"}), OFFER)
        self.assertLessEqual(len(answer.data) + 28, 576)
        self.assertEqual({7, 224, 225} & answer.options.keys(), {7, 224, 225})
        self.policy.more = {}
        self.assertEqual(got(self.client.discover({57: b"\2\x40"}), OFFER).options.keys(), {53, 54, 51, 1})

    def test_filter(self) -> None:
        """A query that a filter does not serve is dropped, and counted as not for us."""
        self.policy.serving = False
        self.assertIsNone(self.client.discover())
        self.assertEqual(self.server.statistic("pkt4-not-for-us"), 1)


class SlowHostTests(SynchronousTestCase):
    """Host sources that wait."""

    def test_others_go_on(self) -> None:
        """A slow host source holds up only the queries that need it."""
        hosts = SlowHosts()
        server = serving(site={"hosts": hosts})
        server.site.has_hosts = True
        client = Client(server)
        self.assertIsNone(client.discover())
        self.assertIsNone(client.release(FREE))
        self.assertEqual(server.statistic("pkt4-duplicate"), 1)
        hosts.gate.callback(None)
        self.assertEqual([answer.type for answer in server.answers()], [OFFER])
