"""`txkea.radius.accounting`: what clients and commands do to leases, as an accounting server is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.accounting import AccountingServer, ThreadedClock, by_session
from txkea.control.replacements import Replacements
from txkea.interfaces import IAnswerReady, IHostSource, ILeaseObserver, ILocalObserver, IRunning, IStatus
from txkea.launch import launch
from txkea.leases.expiry import Reclamation
from txkea.model.configuration import ExpiryParameters, Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.paths import Paths
from txkea.providers import Surroundings
from txkea.radius.factory import RadiusFactory, RadiusProvider
from txkea.radius.queue import Queue
from txkea.radius.spool import Spool
from txkea.testing.clients4 import Client, packed
from txkea.testing.clients6 import Client6, ia_na, ia_pd
from txkea.testing.configuring import configured, configured6
from txkea.testing.local import START
from txkea.testing.serving import ON_LINK6, serve, serve6
from txkea.testing.sites import MemoryLogger

__all__ = ["Accounting4Tests", "Accounting6Tests", "LifeTests", "OwnTests"]

FIRST = "192.0.2.10"
BEGIN, STOP, INTERIM, ON, OFF = 1, 2, 3, 7, 8


@implementer(IHostSource)
class GoldHosts:
    """A source that knows one client, as RADIUS access does."""

    def __init__(self, hwaddr: bytes, said: Mapping[str, Any]) -> None:
        identifier = Identifier(IdentifierKind.HW_ADDRESS, hwaddr)
        self.host: Host | None = Host(identifier=identifier, subnet_id=1, user_context={"radius": said})

    async def find(self, identifiers: Any, subnet_id: int, query: Any = None) -> Host | None:
        """See `IHostSource`."""
        return self.host if query is not None and query.hwaddr == b"\2\0\0\1\0\1" else None

    async def at(self, address: bytes, subnet_id: int) -> tuple[Host, ...]:
        """See `IHostSource`."""
        return ()


class AccountingCase(SynchronousTestCase):
    """A DHCP server in memory, whose leases are accounted for."""

    family = 4

    def setUp(self) -> None:
        self.clock = ThreadedClock()
        self.radius = AccountingServer()
        self.log = MemoryLogger()
        self.statistics: dict[str, int] = {}
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.server: Any = None

    def provider(self, accounting: Mapping[str, Any] = {}, **parameters: Any) -> RadiusProvider:
        """What a configuration makes of ``accounting`` and other parameters."""
        servers = {"servers": [{"name": "127.0.0.1", "secret": "s"}], "attributes": [], **accounting}
        around = Surroundings(
            configuration=configured() if self.family == 4 else configured6(),
            reactor=self.clock,
            log=self.log,
            paths=Paths(data=str(self.directory)),
            statistics=self.statistics,
        )
        words = {name.replace("_", "-"): value for name, value in parameters.items()}
        connect: Any = self.radius.connected
        return RadiusFactory(connect).make({"accounting": servers, **words}, around)

    def start(
        self, accounting: Mapping[str, Any] = {}, *others: Any, dhcp: Mapping[str, Any] = {}, **parameters: Any
    ) -> Any:
        """Begin to serve."""
        self.made = self.provider(accounting, **parameters)
        make = serve if self.family == 4 else serve6
        dhcp = {"cache_threshold": 0, **dhcp}
        self.server = make(self.made, *others, clock=self.clock, paths=Paths(data=str(self.directory)), **dhcp)
        self.clock.settle(lambda: len(self.server.running._started) == 1, "the start")
        self.addCleanup(self.stop)
        return self.server

    def stop(self) -> None:
        """End in order."""
        stopped: list[Any] = []
        Deferred.fromCoroutine(self.server.running.stop()).addBoth(stopped.append)
        self.clock.settle(lambda: stopped, "the end")

    @property
    def queue(self) -> Queue:
        """That of the server."""
        accounting: Any = self.made._accounting
        found: Queue = accounting._queue
        return found

    @property
    def spool(self) -> Spool:
        """The queue's."""
        return self.queue.spool

    def told(self, number: int) -> list[Mapping[str, Any]]:
        """The records, as soon as there are so many."""
        self.clock.settle(lambda: len(self.radius.told) >= number, f"{number} records")
        self.assertEqual(len(self.radius.told), number, self.radius.told)
        return self.radius.told

    def expire(self, seconds: float) -> None:
        """Let time go on, and leases be reclaimed."""
        self.clock.advance(seconds)
        site = self.server.site
        expiry = Reclamation(
            site.leases,
            ExpiryParameters(),
            reactor=self.clock,
            log=self.log,
            family=self.family,
            observers=site.observers,
        )
        self.clock.pump([0])
        ended = launch(expiry.reclaim(self.clock.seconds()))
        while isinstance(ended, Deferred) and not ended.called:
            self.clock.advance(0)


class Accounting4Tests(AccountingCase):
    """DHCPv4."""

    def test_life(self) -> None:
        """I030, I032: a client obtains, renews and releases; who it is, what it has and when stands in all records."""
        attributes = [{"name": "NAS-Identifier", "data": "lab"}, {"vendor": "9", "type": 1, "raw": "6869"}]
        self.start({"attributes": attributes}, nas_ports=[{"port": 77, "subnet-id": 1}])
        client = Client(self.server, client_id=b"\1abc")
        client.lease()
        self.told(1)
        self.clock.advance(30)
        client.renew(FIRST)
        self.told(2)
        self.clock.advance(12.5)
        client.release(FIRST)
        start, interim, stop = self.told(3)
        same = {
            "User-Name": "01:61:62:63",
            "Calling-Station-Id": "02:00:00:01:00:01",
            "NAS-Port": 77,
            "NAS-IP-Address": "127.0.0.1",
            "NAS-Identifier": b"lab",
            (9, 1): b"hi",
            "Framed-IP-Address": packed(FIRST),
            "Acct-Session-Id": start["Acct-Session-Id"],
            "Acct-Delay-Time": 0,
        }
        now = int(START)
        self.assertEqual(start, {**same, "Acct-Status-Type": BEGIN, "Event-Timestamp": now})
        times = {"Event-Timestamp": now + 30, "Acct-Session-Time": 30}
        self.assertEqual(interim, {**same, "Acct-Status-Type": INTERIM, **times})
        times = {"Event-Timestamp": now + 42, "Acct-Session-Time": 42, "Acct-Terminate-Cause": 1}
        self.assertEqual(stop, {**same, "Acct-Status-Type": STOP, **times})
        self.assertTrue(str(start["Acct-Session-Id"]).startswith(f"{FIRST}@179579600.000-"))
        self.clock.settle(lambda: not self.statistics["radius-accounting-queued"], "the end of the queue")
        counted = {name: value for name, value in self.statistics.items() if value}
        names = ("starts", "interims", "stops")
        self.assertEqual(counted, {f"radius-accounting-{name}": 1 for name in names})

    def test_ends(self) -> None:
        """Each way in which a lease ends has its cause: expiry, decline, another address, a command."""
        self.start()
        one, two, three, four = (Client(self.server, number) for number in (1, 2, 3, 4))
        one.select("192.0.2.11")
        two.select("192.0.2.12")
        two.decline("192.0.2.12")
        three.select("192.0.2.13")
        three.select("192.0.2.14")
        four.select("192.0.2.15")
        four.renew("192.0.2.15")
        Replacements(lambda: self.server.site)(None, self.server.leases["192.0.2.15"], False)
        three.release("192.0.2.14")
        self.told(10)
        lifetime = self.server.leases["192.0.2.11"].valid_lifetime
        self.expire(lifetime + 100)
        records = self.told(11)
        stops = [each for each in records if each["Acct-Status-Type"] == STOP]
        causes = {each["Framed-IP-Address"][3]: each["Acct-Terminate-Cause"] for each in stops}
        self.assertEqual(causes, {11: 5, 12: 8, 13: 10, 14: 1, 15: 6})
        last = records[-1]
        self.assertEqual(last["Acct-Session-Time"], lifetime)
        self.assertEqual(last["Event-Timestamp"], int(START) + lifetime)
        self.assertEqual(last["Acct-Delay-Time"], 100)
        self.assertEqual({*map(tuple, by_session(records).values())}, {(1, 2), (1, 3, 2)})

    def test_gives_way(self) -> None:
        """An expired lease that gives way to another client's ends before that one's begins."""
        self.start(dhcp={"subnet4": [{"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10/32"}]}]})
        Client(self.server, 1).lease()
        self.clock.advance(self.server.leases[FIRST].valid_lifetime + 5)
        Client(self.server, 2).lease()
        records = self.told(3)
        order = [(each["Acct-Status-Type"], each["User-Name"]) for each in records]
        one, two = "02:00:00:01:00:01", "02:00:00:01:00:02"
        self.assertEqual(order, [(BEGIN, one), (STOP, one), (BEGIN, two)])

    def test_offered(self) -> None:
        """An address that is only offered is nobody's, whether the offer is stored or not; who accepts it gets it."""
        self.start(dhcp={"offer_lifetime": 60})
        client = Client(self.server)
        client.discover()
        self.assertIn(FIRST, self.server.leases)
        client.select(FIRST)
        self.assertEqual(self.told(1)[0]["Acct-Status-Type"], BEGIN)

    def test_commands(self) -> None:
        """I031: commands add, change and delete leases; a lease that changes hands ends and begins."""
        self.start()
        replaced = Replacements(lambda: self.server.site)
        Client(self.server).lease()
        lease = self.server.leases[FIRST]
        other = lease._replace(hwaddr=b"\2\2\2\2\2\2", address=packed("192.0.2.99"))
        replaced(other, None, True)
        replaced(other._replace(hostname="x"), other, False)
        taken = other._replace(hwaddr=b"\3\3\3\3\3\3")
        replaced(taken, other, False)
        replaced(taken._replace(state=1, hwaddr=b""), taken, False)
        replaced(None, taken._replace(state=1, hwaddr=b""), False)
        records = self.told(6)
        of_other = [each for each in records if each["Framed-IP-Address"] == other.address]
        self.assertEqual([each["Acct-Status-Type"] for each in of_other], [BEGIN, INTERIM, STOP, BEGIN, STOP])
        self.assertEqual(of_other[0]["User-Name"], "02:02:02:02:02:02")
        self.assertEqual([of_other[number]["Acct-Terminate-Cause"] for number in (2, 4)], [6, 6])

    def test_class(self) -> None:
        """I024: what RADIUS access says for accounting stands in all records, also when nobody asks any more."""
        said = {"Class": ["0x00ff", "0x01"], "User-Name": ["alice"]}
        hosts = GoldHosts(b"\2\0\0\1\0\1", said)
        self.start({}, hosts)
        client = Client(self.server)
        client.lease()
        hosts.host = None
        client.renew(FIRST)
        self.expire(100_000)
        for record in self.told(3):
            self.assertEqual((record["Class"], record["User-Name"]), ("0x01", "alice"), record)

    def test_reused(self) -> None:
        """A renewal that the lease cache answers is told only where that is asked for."""
        for asked, wanted in ((False, [BEGIN]), (True, [BEGIN, INTERIM])):
            self.setUp()
            self.start({"reused-leases": asked}, dhcp={"cache_threshold": 0.5})
            self.assertEqual(IAnswerReady.providedBy(self.made), asked)
            client = Client(self.server)
            client.lease()
            client.renew(FIRST)
            self.assertEqual(self.server.statistic("v4-lease-reuses"), 1)
            self.assertEqual([each["Acct-Status-Type"] for each in self.told(len(wanted))], wanted)
            self.stop()

    def test_peers(self) -> None:
        """I031: what the partner of a pair does here is told unless peer-updates is false."""
        self.assertFalse(ILocalObserver.providedBy(self.provider()))
        self.start({"peer-updates": False})
        for interface in (ILocalObserver, ILeaseObserver, IRunning, IStatus):
            verifyObject(interface, self.made)
        Client(self.server).lease()
        lease = self.server.leases[FIRST]._replace(address=packed("192.0.2.99"))
        Replacements(lambda: self.server.site)(lease, None, True)
        Client(self.server).renew(FIRST)
        self.assertEqual([each["Framed-IP-Address"] for each in self.told(2)], [packed(FIRST)] * 2)

    def test_late(self) -> None:
        """While no server answers clients are; their records come later, with the delay, under the same session."""
        self.start()
        self.radius.away = True
        client = Client(self.server)
        client.lease()
        self.clock.settle(lambda: self.radius.tried, "an attempt")
        self.clock.advance(100)
        self.assertIsNotNone(client.renew(FIRST))
        self.clock.settle(lambda: self.statistics["radius-accounting-queued"] == 2, "the queue")
        status: Any = self.made.status()
        self.assertEqual(status["radius"]["accounting"], {"waiting": 0, "queued": 2, "dropped": 0, "answers": False})
        self.radius.away = False
        self.clock.advance(10)
        start, interim = self.told(2)
        self.assertEqual((start["Acct-Delay-Time"], interim["Acct-Delay-Time"]), (110, 10))
        self.assertEqual(start["Acct-Session-Id"], interim["Acct-Session-Id"])

    def test_full(self) -> None:
        """More records than may wait are given up, counted, and told of, but not each time."""
        self.start({"max-queued-records": 20})
        self.radius.holds = True
        client = Client(self.server)
        client.lease()
        for number in range(40):
            client.renew(FIRST)
            if number % 10 == 0:
                self.clock.wait(self.spool.flushed())
        self.clock.settle(lambda: self.statistics["radius-accounting-interims"] == 40, "the records")
        self.assertEqual(self.statistics["radius-accounting-queued"], 20)
        self.assertEqual(self.statistics["radius-accounting-dropped"], 21)
        lines = [message for _, message, _ in self.log.lines].count("RADIUS_ACCOUNTING_QUEUE_FULL")
        self.assertIn(lines, range(1, 6))
        self.radius.holds = False
        self.radius.release()
        self.assertEqual([each["Acct-Status-Type"] for each in self.told(20)], [BEGIN, *[INTERIM] * 19])

    def test_history(self) -> None:
        """I034: sessions that Kea has begun go on under their names, and are taken over once."""
        path = self.directory / "sessions.csv"
        path.write_text(f"address,seconds,milliseconds\n{FIRST},179579500,42\n")
        for _ in range(2):
            self.start(session_history=str(path))
            self.assertEqual(self.clock.wait(self.spool.sessions()), 1)
            self.stop()
        told = [message for _, message, _ in self.log.lines]
        self.assertEqual(told, ["RADIUS_SESSION_HISTORY_LOADED"])
        self.start(session_history=str(path))
        Client(self.server).lease()
        stop, start = self.told(2)
        self.assertEqual((stop["Acct-Session-Id"], stop["Acct-Session-Time"]), (f"{FIRST}@179579500.42", 100))
        self.assertEqual(start["Acct-Status-Type"], BEGIN)

    def test_no_history(self) -> None:
        """A file of sessions that cannot be read is told of, and keeps nobody from being served."""
        self.start(session_history=str(self.directory / "none"))
        Client(self.server).lease()
        self.told(1)
        ((severity, message, text),) = self.log.lines
        self.assertEqual((severity, message), ("WARN", "RADIUS_SESSION_HISTORY_LOAD_FAILED"))
        self.assertIn("No such file", text)


class Accounting6Tests(AccountingCase):
    """DHCPv6."""

    family = 6

    def test_life(self) -> None:
        """An address and a prefix are a session each, which the same messages begin, go on with and end."""
        self.start()
        client = Client6(self.server, ias=(ia_na(1), ia_pd(2)))
        client.lease()
        self.clock.advance(30)
        client.renew()
        client.rebind()
        client.release()
        records = self.told(8)
        sessions = by_session(records)
        self.assertEqual([*sessions.values()], [[BEGIN, INTERIM, INTERIM, STOP]] * 2)
        address = next(each for each in records if "Framed-IPv6-Address" in each)
        prefix = next(each for each in records if "Delegated-IPv6-Prefix" in each)
        self.assertEqual(len(address["Framed-IPv6-Address"]), 16)
        self.assertEqual(prefix["Delegated-IPv6-Prefix"], "2001:db8:1000::/56")
        self.assertEqual(address["User-Name"], client.duid.hex(":"))
        self.assertNotIn("Framed-IP-Address", address)

    def test_ends(self) -> None:
        """Declined and expired addresses end with their causes."""
        self.start()
        one, two = Client6(self.server, 1), Client6(self.server, 2)
        one.lease()
        two.lease()
        one.decline()
        self.told(3)
        self.expire(100_000)
        causes = [each["Acct-Terminate-Cause"] for each in self.told(4)[2:]]
        self.assertEqual(causes, [8, 5])

    def test_rapid(self) -> None:
        """A SOLICIT that is answered by a REPLY begins a session."""
        subnet = {**ON_LINK6, "rapid-commit": True}
        self.start(dhcp={"subnet6": [subnet]})
        answer = Client6(self.server, rapid=True).solicit()
        assert answer is not None and answer.addresses
        self.assertEqual(self.told(1)[0]["Acct-Status-Type"], BEGIN)


class OwnTests(AccountingCase):
    """Starts and ends of the server itself."""

    def test_silent(self) -> None:
        """Unless asked for neither is told: sessions go on over a restart, under their names."""
        self.start()
        Client(self.server).lease()
        (start,) = self.told(1)
        leases = self.server.site.leases
        self.stop()
        self.start()
        self.server.site.leases = leases
        Client(self.server).renew(FIRST)
        _, interim = self.told(2)
        self.assertEqual(interim["Acct-Session-Id"], start["Acct-Session-Id"])
        self.assertEqual(interim["Acct-Status-Type"], INTERIM)

    def test_crash(self) -> None:
        """What a crash kept from being written down is told after the next start: leases begun, and sessions ended."""
        self.start()
        one, two, three = (Client(self.server, number) for number in (1, 2, 3))
        one.select("192.0.2.11")
        two.select("192.0.2.12")
        self.told(2)
        self.clock.wait(self.queue.delivery.idle())
        self.stop()
        self.clock.advance(1)
        two.release("192.0.2.12")
        three.select("192.0.2.13")
        leases = [*self.server.leases.values()]
        self.clock.advance(5)
        self.start()
        for _ in range(2):
            self.made.leases_found(leases[:1], True)
            self.made.leases_found(leases[1:], False)
        start, stop = self.told(4)[2:]
        self.assertEqual((start["Framed-IP-Address"][3], start["Acct-Status-Type"]), (13, BEGIN))
        self.assertEqual((start["Event-Timestamp"], start["Acct-Delay-Time"]), (int(START) + 1, 5))
        self.assertEqual((stop["Framed-IP-Address"][3], stop["Acct-Status-Type"]), (12, STOP))
        self.assertEqual(stop["Acct-Terminate-Cause"], 3)
        self.assertEqual(self.clock.wait(self.spool.sessions()), 2)

    def test_found_at_first(self) -> None:
        """Leases from before there was accounting begin no session before they are renewed."""
        self.start()
        Client(self.server).lease()
        self.told(1)
        leases = [lease._replace(address=packed("192.0.2.99")) for lease in self.server.leases.values()]
        self.made.leases_found(leases, False)
        self.clock.wait(self.spool.flushed())
        self.assertEqual((self.spool.waiting, len(self.told(1)), self.clock.wait(self.spool.sessions())), (0, 1, 1))

    def test_told(self) -> None:
        """Where it is asked for a start is told before all leases, and an orderly end after them."""
        self.start({"accounting-on-off": True})
        Client(self.server).lease()
        self.told(2)
        self.stop()
        self.assertEqual([each["Acct-Status-Type"] for each in self.told(3)], [ON, BEGIN, OFF])
        own = self.radius.told[0]
        self.assertEqual({"Event-Timestamp", "NAS-IP-Address", "Acct-Session-Id"} - {*own}, set())

    def test_reconfigured(self) -> None:
        """A change of the configuration is neither an end nor a start, and nothing is lost on the way, nor told of."""
        self.start({"accounting-on-off": True})
        before = self.radius
        before.holds = True
        Client(self.server).lease()
        self.clock.settle(lambda: before.held, "an attempt")
        self.radius = AccountingServer()
        after = self.provider({"accounting-on-off": True})
        self.clock.wait(after.start())
        self.stop()
        before.away = True  # its client is stopped
        before.release()
        self.assertEqual([each["Acct-Status-Type"] for each in self.told(2)], [ON, BEGIN])
        self.assertEqual((before.told, self.log.lines), ([], []))
        self.clock.wait(after.stop())
        self.assertEqual([each["Acct-Status-Type"] for each in self.told(3)], [ON, BEGIN, OFF])

    def test_silent_end(self) -> None:
        """An end waits for no server that does not answer; what it has not got it gets after the next start."""
        self.start({"accounting-on-off": True})
        self.told(1)
        self.radius.holds = True
        Client(self.server).lease()
        self.clock.settle(lambda: self.radius.held, "an attempt")
        ended: list[Any] = []
        Deferred.fromCoroutine(self.server.running.stop()).addBoth(ended.append)
        for _ in range(5):
            self.clock.advance(1)
        self.clock.settle(lambda: ended, "the end")
        self.radius.holds = False
        self.start({"accounting-on-off": True})
        self.assertEqual([each["Acct-Status-Type"] for each in self.told(4)], [ON, BEGIN, OFF, ON])


STEPS = st.lists(st.tuples(st.sampled_from("lrsdxt"), st.integers(1, 3)), max_size=15)


class LifeTests(AccountingCase):
    """Random lives."""

    @settings(max_examples=25)
    @given(STEPS)
    def test_well_formed(self, steps: list[tuple[str, int]]) -> None:
        """Whatever three clients do, each session begins, goes on and ends once, and those open have leases."""
        self.setUp()
        server = self.start()
        clients = {number: Client(server, number) for number in (1, 2, 3)}
        for what, number in steps:
            self.clock.advance(1)
            client = clients[number]
            if what == "l":
                client.discover() and client.lease()
            elif what == "t":
                self.expire(3000)
            elif client.address != "0.0.0.0":
                {"r": client.renew, "s": client.release, "d": client.decline, "x": client.reboot}[what](client.address)
        self.clock.wait(self.queue.delivery.idle())
        running = [lease for lease in server.leases.values() if lease.state == 0]
        sessions = by_session(self.radius.told)
        for statuses in sessions.values():
            self.assertEqual(statuses[0], BEGIN)
            self.assertEqual({*statuses[1:-1]} - {INTERIM}, set())
        opened = [name for name, statuses in sessions.items() if statuses[-1] != STOP]
        self.assertEqual(len(opened), len(running))
        self.assertEqual(self.clock.wait(self.spool.sessions()), len(running))
        self.stop()
