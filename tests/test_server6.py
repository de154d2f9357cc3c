"""`txkea.server` with DHCPv6: exchanges that wait, that race, that fail; and those whom it tells."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging6 import ADVERTISE, LINK, REPLY, got6, serving6
from tests.observing import Observer, Policy, SlowHosts
from txkea.errors import Drop, Refuse, Unavailable
from txkea.model.configuration import Interfaces, InterfaceSelection
from txkea.model.lease import LeaseState
from txkea.server import Server
from txkea.testing.clients6 import Client6, LocalServer6, ia_na, ia_pd, packed6, relayed, through
from txkea.testing.malformed6 import packets6
from txkea.testing.malformed6 import relayed as in_relays
from txkea.testing.stores import FailingLeases, WaitingLeases
from txkea.wire.dhcp6 import MessageType6, Option6, StatusCode, encode_message6

FREE, OTHER = "2001:db8:1::15", "2001:db8:1::16"
PREFIX = "2001:db8:1000:500::/56"
WANTED = (ia_na(1, FREE), ia_pd(2, PREFIX))


def asked(client: Client6, *wanted: Any) -> None:
    """REQUEST an address and a prefix; what comes back is found among the server's answers later."""
    client.request(wanted or WANTED)


class WaitingTests(SynchronousTestCase):
    """Exchanges that wait for their store."""

    def setUp(self) -> None:
        self.store = WaitingLeases()
        self.server = serving6(site={"leases": self.store})
        self.client, self.other = Client6(self.server, 1), Client6(self.server, 2)

    def statuses(self) -> list[int | None]:
        """What became of the first address of each answer."""
        return [answer.ia_status() for answer in self.server.answers()]

    def test_later(self) -> None:
        """What must wait is answered once all of it is durable, and holds nothing up until then."""
        asked(self.client)
        asked(self.other, ia_na(1, OTHER))
        self.assertEqual(len(self.server.server), 2)
        while any(name == "add" for name, _ in self.store.waiting) or len(self.store.waiting) > 1:
            self.assertLess(len(self.server.leases), 3)
            self.store.go_on()
            if len(self.server.leases) < 3:
                self.assertLess(len(self.server.network.sent), 2)
        self.store.finish()
        answers = self.server.answers()
        self.assertEqual([answer.type for answer in answers], [REPLY, REPLY])
        whole = next(answer for answer in answers if answer.prefixes)
        self.assertEqual((whole.addresses, whole.prefixes), ([FREE], [PREFIX]))
        self.assertEqual((len(self.server.server), self.server.statistic("pkt6-reply-sent")), (0, 2))

    def test_race(self) -> None:
        """Of two clients that race for one address and one prefix, in whatever order the store answers, each lease has
        one owner, and every lease that an answer names is stored for whom it was sent to.
        """
        for turns in range(64):
            self.setUp()
            asked(self.client)
            asked(self.other)
            while self.store.waiting:
                turn = (turns & 1) % len(self.store.waiting)
                turns >>= 1
                self.store.go_on(turn)
            told = {
                text: answer.options[Option6.CLIENT_ID]
                for answer in self.server.answers()
                for text in (*answer.addresses, *answer.prefixes)
            }
            self.assertEqual({text: lease.duid for text, lease in self.server.leases.items()}, told)
            self.assertLessEqual({FREE, PREFIX}, told.keys())
            self.assertEqual(self.server.statistic("assigned-nas"), len([each for each in told if "/" not in each]))

    def test_same_client(self) -> None:
        """V6: a query of a client whose earlier one is still in flight is dropped and counted; the next is heard."""
        asked(self.client)
        for number in range(1, 4):
            asked(self.client)
            self.assertEqual(self.server.statistic("pkt6-duplicate"), number)
            self.assertEqual(self.server.statistic("pkt6-receive-drop"), number)
        self.store.finish()
        self.assertEqual(self.statuses(), [None])
        self.client.renew(WANTED)
        self.store.finish()
        self.assertEqual(self.statuses(), [None])

    def test_nameless(self) -> None:
        """Clients that do not say who they are do not stand in each other's way."""
        for number in (1, 2):
            Client6(self.server, number, duid=b"").information_request()
        asked(self.client)
        self.assertEqual(self.server.statistics.get("pkt6-duplicate"), None)
        self.assertEqual(len(self.server.answers()), 2)

    def test_full(self) -> None:
        """Of more exchanges than may wait at once the last ones are dropped and counted; the others are answered."""
        self.server = serving6(site={"leases": self.store}, parked_packet_limit=3)
        for number in range(5):
            asked(Client6(self.server, number), ia_na(1))
        self.assertEqual((len(self.server.server), self.server.statistic("pkt6-queue-full")), (3, 2))
        self.store.finish()
        self.assertEqual(self.statuses(), [None, None, None])

    def test_failure(self) -> None:
        """A store that fails after any number of waits: no answer, and the next query gets everything."""
        failures = 0
        while True:
            self.setUp()
            asked(self.client)
            for _ in range(failures):
                if self.store.waiting:
                    self.store.go_on()
            if not self.store.waiting:
                break
            self.store.fail()
            self.store.finish()
            self.assertEqual((self.server.answers(), len(self.server.server)), ([], 0))
            self.assertEqual(self.server.statistic("pkt6-processing-failed"), 1)
            self.assertEqual(self.server.log.lines[-1][:2], ("ERROR", "DHCP6_LEASE_STORE_UNAVAILABLE"))
            stored = self.server.leases
            self.assertEqual(self.server.statistic("assigned-nas"), int(FREE in stored))
            self.assertEqual(self.server.statistic("assigned-pds"), int(PREFIX in stored))
            asked(self.client)
            self.store.finish()
            (answer,) = self.server.answers()
            self.assertEqual((answer.addresses, answer.prefixes), ([FREE], [PREFIX]))
            failures += 1
        self.assertGreaterEqual(failures, 3)

    def test_old_site(self) -> None:
        """An exchange ends with the site that it began with; the next one begins with the new one."""
        asked(self.client, ia_na(1, FREE))
        after = serving6({"pools": [{"pool": "2001:db8:1::100/127"}]}, site={"leases": self.store})
        self.server.server.site = after.site
        self.store.finish()
        (answer,) = self.server.answers()
        self.assertEqual(answer.addresses, [FREE])
        asked(self.other, ia_na(1, OTHER))
        self.store.finish()
        (answer,) = self.server.answers()
        self.assertIn(answer.addresses, (["2001:db8:1::100"], ["2001:db8:1::101"]))


class FailingTests(SynchronousTestCase):
    """Stores that fail at once."""

    def test_unavailable(self) -> None:
        """A store that cannot work: no answer, nothing changed, and the next query works."""
        for failing in ("by_client", "add"):
            store = FailingLeases(failing)
            server = serving6(site={"leases": store})
            client = Client6(server)
            self.assertIsNone(client.request(WANTED))
            self.assertEqual((server.leases, server.statistic("assigned-nas")), ({}, 0))
            self.assertEqual(server.statistic("pkt6-receive-drop"), 1)
            store.failing.clear()
            self.assertEqual(got6(client.request(WANTED)).addresses, [FREE])

    def test_release(self) -> None:
        """A RELEASE or DECLINE that cannot be stored changes neither lease nor statistics, and is not answered."""
        for name in ("release", "decline"):
            store = FailingLeases()
            server = serving6(site={"leases": store})
            client = Client6(server)
            client.lease()
            before, statistics = server.leases, server.statistic("assigned-nas")
            store.failing = {"update", "remove"}
            self.assertIsNone(getattr(client, name)())
            self.assertEqual((server.leases, server.statistic("assigned-nas")), (before, statistics))
            self.assertEqual(server.statistic("declined-addresses"), 0)

    def test_any_error(self) -> None:
        """An error that nobody foresaw is logged with its traceback and counted, and never raised into the network."""
        store = FailingLeases("by_client")
        store.error = ZeroDivisionError("a mistake")
        server = serving6(site={"leases": store})
        self.assertIsNone(Client6(server).request(WANTED))
        severity, message, text = server.log.lines[-1]
        self.assertEqual((severity, message), ("ERROR", "DHCP6_PACKET_PROCESS_EXCEPTION"))
        self.assertIn("ZeroDivisionError: a mistake", text)


class DoorTests(SynchronousTestCase):
    """What comes in and what goes out."""

    def test_disabled(self) -> None:
        """While service is disabled queries are dropped and counted apart."""
        server = serving6()
        server.server.enabled = False
        self.assertIsNone(Client6(server).solicit())
        self.assertEqual(server.statistics.get("pkt6-service-disabled"), 1)
        self.assertEqual((server.statistic("pkt6-received"), server.statistic("pkt6-receive-drop")), (0, 0))

    def test_statistics(self) -> None:
        """G078, G079: each query is counted as received and by its type, each answer as sent and by its type."""
        server = serving6()
        client = Client6(server)
        client.lease()
        client.renew()
        client.rebind()
        client.confirm()
        client.information_request()
        client.release()
        client.request([ia_na(1, FREE)])
        client.decline()
        expected = {
            "received": 9,
            "solicit-received": 1,
            "request-received": 2,
            "renew-received": 1,
            "rebind-received": 1,
            "confirm-received": 1,
            "infrequest-received": 1,
            "release-received": 1,
            "decline-received": 1,
            "sent": 9,
            "advertise-sent": 1,
            "reply-sent": 8,
        }
        found = {name[5:]: number for name, number in server.statistics.items() if name.startswith("pkt6-")}
        self.assertEqual(found, expected)

    def test_ports(self) -> None:
        """A001, A002: other ports than 547 and 546 can be used, for tests; a relay's own port stays what it is."""
        local = serving6()
        local.server = Server(local.site, lambda: local.now, server_port=10547, client_port=10546)
        local.network.listen6(Interfaces(selections=(InterfaceSelection("*"),)), local.server)
        self.assertEqual(got6(Client6(local).solicit(), ADVERTISE).port, 10546)
        plain = Client6(local, 2, relays=through(relayed(LINK)))
        self.assertEqual(got6(plain.solicit(), ADVERTISE).port, 10547)
        own = Client6(local, 3, relays=through(relayed(LINK, options=[(Option6.RELAY_SOURCE_PORT, b"\0\0")])))
        self.assertEqual(got6(own.solicit(source_port=999), ADVERTISE).port, 999)

    def test_malformed(self) -> None:
        """Every kind of damage to a packet is answered or dropped and counted once, and is nobody's fault."""
        server = serving6()
        client = Client6(server, 1, requested=(23, 24))
        message = client.message(MessageType6.SOLICIT, ias=WANTED, options=[(Option6.CLIENT_FQDN, b"\0\1a")])
        good = Client6(server, 2)
        seed = encode_message6(message)
        for relays in (False, True):
            for name, damaged in packets6(seed):
                data = in_relays(damaged, (0, 1)) if relays else damaged
                dropped, sent = server.statistic("pkt6-receive-drop"), server.statistic("pkt6-sent")
                server.deliver(data, LINK if relays else "", broadcast=not relays)
                server.network.sent.clear()
                counted = server.statistic("pkt6-receive-drop") - dropped + server.statistic("pkt6-sent") - sent
                self.assertLessEqual(counted, 1, (name, data))
                self.assertEqual((server.leases, server.statistic("pkt6-processing-failed")), ({}, 0), (name, data))
        self.assertGreater(server.statistic("pkt6-parse-failed"), 100)
        got6(good.solicit(), ADVERTISE)


class ObserverTests(SynchronousTestCase):
    """Those who are told of changes (Kea A102)."""

    def observed(self, observer: Observer, **site: Any) -> LocalServer6:
        return serving6(site={"observers": [observer], **site})

    def test_told(self) -> None:
        """A102: observers of either kind are told of what a query changed, all of it at once, and of nothing else."""
        both = [packed6(FREE), packed6(PREFIX.partition("/")[0])]
        for waits in (True, False):
            observer = Observer(waits)
            client = Client6(self.observed(observer), ias=WANTED)
            client.solicit()
            client.information_request()
            self.assertEqual(observer.committed, [])
            client.request()
            client.renew()
            client.confirm()
            client.release()
            self.assertEqual(observer.committed, [(both, []), (both, []), ([], both)])
            client.request([WANTED[0]])
            client.decline()
            self.assertEqual([lease.address for lease in observer.declined], both[:1])

    def test_answer_waits(self) -> None:
        """The answer leaves only after an observer that it waits for; that nobody waits for may take its time."""
        for waits in (True, False):
            gate: Deferred[None] = Deferred()
            server = self.observed(Observer(waits, gate))
            self.assertEqual(Client6(server).request(WANTED) is None, waits)
            gate.callback(None)
            self.assertEqual([answer.type for answer in server.answers()], [REPLY])

    def test_declined(self) -> None:
        """A DECLINE is over without an observer that nobody waits for, however long that takes."""
        for waits in (True, False):
            gate: Deferred[None] = Deferred()
            gate.callback(None)
            observer = Observer(waits, gate)
            server = self.observed(observer)
            client = Client6(server)
            client.lease([ia_na(1, FREE)])
            observer.waits = Deferred()
            self.assertEqual(client.decline([ia_na(1, FREE)]) is None, waits)
            self.assertEqual((len(server.server), server.leases[FREE].state), (int(waits), LeaseState.DECLINED))
            observer.waits.callback(None)
            self.assertEqual((len(server.server), len(observer.declined)), (0, 1))

    def test_failing(self) -> None:
        """An observer that fails costs the answer only if the answer waits for it; the log says so either way."""
        for waits in (True, False):
            server = self.observed(Observer(waits, error=Unavailable("the partner is gone")))
            self.assertEqual(Client6(server).request(WANTED) is None, waits)
            self.assertEqual(server.log.lines[-1][1], "DHCP6_LEASE_STORE_UNAVAILABLE")

    def test_nothing_free(self) -> None:
        """Nobody is told of an answer that grants nothing."""
        observer = Observer(True)
        server = serving6({"pools": []}, site={"observers": [observer]})
        self.assertEqual(got6(Client6(server).request([ia_na(1)])).ia_status(), StatusCode.NO_ADDRS_AVAIL)
        self.assertEqual(observer.committed, [])

    def test_expired(self) -> None:
        """A lease whose time was over and that gave way to another client's is told, before what was granted."""
        observer = Observer(True)
        server = self.observed(observer)
        Client6(server, 1).lease(WANTED)
        server.now += 100_000
        Client6(server, 2).request(WANTED)
        self.assertEqual([lease.duid for lease in observer.expired], [Client6(server, 1).duid] * 2)
        self.assertEqual(len(observer.committed), 2)

    def test_registered(self) -> None:
        """A registered address is told like a lease."""
        observer = Observer(True)
        got6(Client6(self.observed(observer)).register(FREE), MessageType6.ADDR_REG_REPLY)
        self.assertEqual(observer.committed, [([packed6(FREE)], [])])

    def test_told_in_spite_of_failure(self) -> None:
        """What became durable is told even if the answer fails afterwards."""
        policy = Policy()
        policy.more = {224: bytes(0xFFFF)}
        for waits in (True, False):
            observer = Observer(waits)
            server = self.observed(observer, answer_ready=[policy])
            self.assertIsNone(Client6(server).request(WANTED))
            self.assertEqual((len(observer.committed), len(server.leases)), (1, 2))


class PolicyTests(SynchronousTestCase):
    """Third parties on a query's way (Kea B.9)."""

    def setUp(self) -> None:
        self.policy = Policy()
        self.server = serving6(option_data=[{"name": "dns-servers", "data": "2001:db8::53"}], site=self.policy.site)
        self.client = Client6(self.server, ias=WANTED, requested=(23,))

    def test_order(self) -> None:
        """B.9: query received, subnet selected, filter, each lease selected, answer ready: for all that give leases."""
        for ask in (self.client.solicit, self.client.request, self.client.renew, self.client.rebind):
            self.policy.seen.clear()
            got6(ask(), ADVERTISE if ask == self.client.solicit else REPLY)
            self.assertEqual(self.policy.seen, ["received", "subnet", "filter", "lease", "lease", "answer"])

    def test_no_lease(self) -> None:
        """What gives no lease passes all the others."""
        self.client.lease()
        for ask in (self.client.confirm, self.client.information_request, self.client.release):
            self.policy.seen.clear()
            got6(ask())
            self.assertEqual(self.policy.seen, ["received", "subnet", "filter", "answer"])

    def test_changed_lease(self) -> None:
        """A lease that a third party changed is what is offered and stored."""
        self.policy.lifetime = 7777
        for answer in (got6(self.client.solicit(), ADVERTISE), got6(self.client.request())):
            self.assertEqual([ia.resources[0].valid for ia in answer.ias], [7777, 7777])
        self.assertEqual({lease.valid_lifetime for lease in self.server.leases.values()}, {7777})

    def test_refused_lease(self) -> None:
        """A lease that a third party withholds is not there for the client; the other associations get theirs."""
        self.policy.error = Refuse("no prefixes")
        self.policy.refused = packed6(PREFIX.partition("/")[0])
        for answer in (got6(self.client.solicit(), ADVERTISE), got6(self.client.request())):
            self.assertEqual((answer.addresses, answer.prefixes), ([FREE], []))
            self.assertEqual(answer.ia_status(2, Option6.IA_PD), StatusCode.NO_PREFIX_AVAIL)
        self.assertEqual(list(self.server.leases), [FREE])

    def test_dropped(self) -> None:
        """A third party may leave a query without an answer; that is no failure."""
        self.policy.error = Drop("no")
        for ask in (self.client.solicit, self.client.request):
            self.assertIsNone(ask())
        self.assertEqual((self.server.leases, self.server.statistic("pkt6-processing-failed")), ({}, 0))
        self.assertEqual(self.server.statistic("pkt6-receive-drop"), 2)

    def test_subnet(self) -> None:
        """A third party may choose another subnet, or none."""
        self.policy.subnet_id = 2
        self.assertEqual(got6(self.client.solicit([ia_na(1)]), ADVERTISE).addresses, ["2001:db8:2::10"])
        self.policy.subnet_id = 99
        answer = got6(self.client.solicit(), ADVERTISE)
        self.assertEqual(answer.ia_status(), StatusCode.NO_ADDRS_AVAIL)
        self.assertEqual(self.server.statistic("pkt6-processing-failed"), 0)

    def test_answer(self) -> None:
        """A third party may add, change and take out options, through relays too; the rest stays, several of a code."""
        self.policy.more, self.policy.less = {7: b"\xff", 21: b"\3sip\0"}, (23,)
        self.client.ias = (ia_na(1, FREE), ia_na(2))
        for relays in ((), through(relayed(LINK), relayed("2001:db8:9::1", options=[(18, b"port")]))):
            self.server.now += 20
            self.client.relays = relays
            answer = got6(self.client.solicit([ia_na(1), ia_na(2)]), ADVERTISE)
            self.assertEqual(list(answer.options), [1, 2, 3, 7, 21])
            self.assertEqual((len(answer.ias), answer.options[7]), (2, b"\xff"))

    def test_large_answer(self) -> None:
        """An answer that became too long for a datagram is not sent, and nothing fails."""
        self.policy.more = {224: bytes(0xFFFF)}
        self.assertIsNone(self.client.information_request())
        self.policy.more = {224: bytes(0x10000)}
        self.assertIsNone(self.client.information_request())
        self.assertEqual(self.server.statistic("pkt6-processing-failed"), 0)
        self.assertEqual(self.server.statistic("pkt6-receive-drop"), 2)

    def test_filter(self) -> None:
        """A query that a filter does not serve is dropped, and counted as not for us."""
        self.policy.serving = False
        self.assertIsNone(self.client.solicit())
        self.assertEqual(self.server.statistic("pkt6-not-for-us"), 1)


class SlowHostTests(SynchronousTestCase):
    """Host sources that wait."""

    def test_others_go_on(self) -> None:
        """A slow host source holds up the queries that need it; of one client only the first."""
        hosts = SlowHosts()
        server = serving6(site={"hosts": hosts})
        server.site.has_hosts = True
        client = Client6(server)
        self.assertIsNone(client.solicit())
        self.assertIsNone(client.rebind(WANTED))
        self.assertEqual(server.statistic("pkt6-duplicate"), 1)
        hosts.gate.callback(None)
        self.assertEqual([answer.type for answer in server.answers()], [ADVERTISE])
