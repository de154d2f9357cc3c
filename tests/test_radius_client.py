"""The RADIUS client, with time and network in the hands of the test."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.radius_udp import ACCEPT, REJECT, SECRET, MemoryUDP, Said, answer, attribute, attributes_of
from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import IRadiusClient
from txkea.radius.client import COUNTERS, Answer, RadiusClient
from txkea.radius.packet import Code
from txkea.radius.servers import Policy, RadiusServer, local_address
from txkea.testing.sites import MemoryLogger

__all__ = [
    "AskingTests",
    "ClientCase",
    "FailOverTests",
    "OperatorTests",
    "StatusServerTests",
    "WithoutDeadTime",
]

FIRST, SECOND = ("192.0.2.1", 1812), ("192.0.2.2", 1812)
TIMEOUT, RETRIES, DEADTIME = 2.0, 1, 60.0


class ClientCase(SynchronousTestCase):
    """A client of two servers, without a network."""

    servers: tuple[tuple[str, int], ...] = (FIRST, SECOND)
    deadtime = DEADTIME
    policy = Policy(service="access", timeout=TIMEOUT, retries=RETRIES)

    def setUp(self) -> None:
        self.reactor = MemoryUDP()
        self.log = MemoryLogger()
        self.statistics: dict[str, int] = {}
        self.asked_for: list[Deferred[Answer]] = []
        self.addCleanup(self.nothing_left)
        self.client = self.started()

    def started(self, policy: Policy | None = None) -> RadiusClient:
        """A client that is open."""
        made = RadiusClient(
            [RadiusServer(host=host, port=port, secret=SECRET, deadtime=self.deadtime) for host, port in self.servers],
            policy or self.policy,
            reactor=self.reactor,
            log=self.log,
            statistics=self.statistics,
        )
        self.successResultOf(Deferred.fromCoroutine(made.start()))
        self.addCleanup(self.stop, made)
        return made

    def stop(self, client: RadiusClient) -> None:
        """Stop a client; it may be stopped already."""
        self.successResultOf(Deferred.fromCoroutine(client.stop()))

    def nothing_left(self) -> None:
        """Clients that were stopped leave nothing behind, and let nobody wait."""
        self.assertEqual([], self.reactor.getDelayedCalls())
        for waiting in self.asked_for:
            self.assertTrue(waiting.called)
            waiting.addErrback(lambda failure: None)

    def ask(self, name: str = "somebody", client: RadiusClient | None = None) -> Deferred[Answer]:
        """Ask for access."""
        asked = (client or self.client).request(Code.ACCESS_REQUEST, [("User-Name", name)])
        self.asked_for.append(Deferred.fromCoroutine(asked))
        return self.asked_for[-1]

    def sent(self) -> Said:
        """The one datagram that was sent since the last look."""
        (said,) = self.reactor.taken()
        return said

    def reply(self, said: Said, code: int = ACCEPT, body: bytes = b"") -> None:
        """The right answer to what was sent."""
        self.reactor.deliver(answer(said.data, code, body), said.port, said.place)

    def kill(self) -> None:
        """The first server is found dead by one request that the second then answers."""
        waiting = self.ask()
        self.reactor.pump([TIMEOUT] * (RETRIES + 1))
        (*_, said) = self.reactor.taken()
        self.assertEqual(SECOND, said.place)
        self.reply(said)
        self.successResultOf(waiting)

    def count(self, what: str) -> int:
        """A counter."""
        return self.statistics[f"radius-access-{what}"]


class AskingTests(ClientCase):
    """One request."""

    def test_interface(self) -> None:
        """The client is what its interface says."""
        verifyObject(IRadiusClient, self.client)

    def test_answer(self) -> None:
        """The first server is asked, and its answer comes by names of attributes."""
        waiting = self.ask("02:00:00:00:00:01")
        said = self.sent()
        self.assertEqual((FIRST, (1, b"02:00:00:00:00:01")), (said.place, attributes_of(said.data)[1]))
        self.reply(said, ACCEPT, attribute(8, b"\x0a\0\0\5") + attribute(88, b"gold"))
        found = self.successResultOf(waiting)
        self.assertEqual((2, "192.0.2.1:1812"), (found.code, found.server))
        self.assertEqual(
            (["10.0.0.5"], ["gold"]), (found.attributes["Framed-IP-Address"], found.attributes["Framed-Pool"])
        )
        self.assertEqual((1, 1, 0), (self.count("requests"), self.count("answers"), self.count("timeouts")))

    def test_reject(self) -> None:
        """A reject is an answer too."""
        waiting = self.ask()
        self.reply(self.sent(), REJECT)
        self.assertEqual(Code.ACCESS_REJECT, self.successResultOf(waiting).code)

    def test_retransmission(self) -> None:
        """What gets no answer is sent again as it was, from the same port, as often as may be."""
        waiting = self.ask()
        said = self.sent()
        self.reactor.advance(TIMEOUT - 0.1)
        self.assertEqual([], self.reactor.taken())
        self.reactor.advance(0.1)
        self.assertEqual(said, self.sent())
        self.reply(said)
        self.assertEqual(ACCEPT, self.successResultOf(waiting).code)
        self.assertEqual(1, self.count("retransmissions"))

    def test_nobody_answers(self) -> None:
        """When no server answers the request fails, with the reason of each, after the time of all."""
        waiting = self.ask()
        self.reactor.pump([TIMEOUT] * 3)
        self.assertNoResult(waiting)
        self.reactor.advance(TIMEOUT)
        failure = self.failureResultOf(waiting, Unavailable)
        self.assertIn("192.0.2.1:1812: no answer within 4 s; 192.0.2.2:1812: no answer", failure.getErrorMessage())
        self.assertEqual((2, 2, 1), (self.count("timeouts"), self.count("retransmissions"), self.count("unavailable")))

    def test_random(self) -> None:
        """No two requests have an authenticator in common."""
        for number in range(100):
            self.ask(str(number))
            self.reactor.turn()
        self.assertEqual(100, len({said.data[4:20] for said in self.reactor.taken()}))

    def test_attributes_that_cannot_be_sent(self) -> None:
        """Attributes that cannot be sent are the asker's error: nothing is sent, and no server is blamed."""
        for attributes in ([("No-Such", 1)], [("Framed-IP-Address", "x")], [(18, bytes(250))] * 17):
            waiting = Deferred.fromCoroutine(self.client.request(Code.ACCESS_REQUEST, attributes))
            failure = self.failureResultOf(waiting, TxkeaError)
            self.assertFalse(failure.check(Unavailable))
        self.assertEqual([], self.reactor.taken())
        self.ask()
        self.assertEqual(FIRST, self.sent().place)

    def test_cancelled(self) -> None:
        """Who does not want to know any more is not answered, and the identifier is used again only later."""
        waiting = self.ask()
        said = self.sent()
        waiting.cancel()
        self.failureResultOf(waiting)
        self.reply(said)
        self.assertEqual((0, 1), (self.client.describe()["waiting"], self.count("refused-late")))

    def test_network_down(self) -> None:
        """A network that is down is like one that loses all: the request is sent again."""
        self.reactor.fails = True
        waiting = self.ask()
        self.reactor.fails = False
        self.reactor.advance(TIMEOUT)
        self.reply(self.sent())
        self.successResultOf(waiting)

    def test_accounting(self) -> None:
        """Accounting has counters of its own, and answers need no signature unless that is wished."""
        client = self.started(Policy(service="accounting", timeout=TIMEOUT, retries=0, sign=False, require=False))
        waiting = Deferred.fromCoroutine(client.request(Code.ACCOUNTING_REQUEST, [("Acct-Status-Type", "Start")]))
        said = self.sent()
        self.assertEqual([(40, b"\0\0\0\1")], attributes_of(said.data))
        self.reactor.deliver(answer(said.data, 5, sign=False), said.port, said.place)
        self.assertEqual(Code.ACCOUNTING_RESPONSE, self.successResultOf(waiting).code)
        self.assertEqual((1, 0), (self.statistics["radius-accounting-answers"], self.count("answers")))


class FailOverTests(ClientCase):
    """Servers that are silent, and come back."""

    def test_one_time_out(self) -> None:
        """One request finds the first server dead; the next ones go to the second at once."""
        self.kill()
        self.assertEqual(1, self.count("timeouts"))
        self.assertFalse(self.client.silent)
        for _ in range(3):
            waiting = self.ask()
            self.assertEqual(SECOND, self.reactor.sent[-1].place)
            self.reply(self.sent())
            self.successResultOf(waiting)
        self.assertEqual("dead", self.client.describe()["servers"][0]["state"])
        self.assertEqual(["RADIUS_SERVER_DEAD"], [message for _, message, _ in self.log.lines])

    def test_others_move(self) -> None:
        """Those who wait for a server when it is found dead ask the next one now, not after their own time."""
        first = self.ask("1")
        self.reactor.pump([TIMEOUT, TIMEOUT - 0.5])
        others = [self.ask(str(number)) for number in range(2, 120)]
        self.reactor.turn(5)
        self.reactor.taken()
        self.reactor.advance(0.5)
        self.reactor.turn(10)
        moved = [said for said in self.reactor.taken() if said.place == SECOND]
        self.assertEqual(1 + len(others), len(moved))
        for said in moved:
            self.reply(said)
            self.reactor.turn()
        for waiting in (first, *others):
            self.assertEqual("192.0.2.2:1812", self.successResultOf(waiting).server)

    def test_return(self) -> None:
        """After its dead time one request tries the first server, the others do not wait for it, until it answers."""
        self.kill()
        self.reactor.advance(DEADTIME)
        trial, *others = (self.ask() for _ in range(3))
        said, *rest = self.reactor.taken()
        self.assertEqual((FIRST, [SECOND, SECOND]), (said.place, [each.place for each in rest]))
        self.reply(said)
        self.assertEqual("192.0.2.1:1812", self.successResultOf(trial).server)
        for each, waiting in zip(rest, others, strict=True):
            self.reply(each)
            self.successResultOf(waiting)
        self.ask()
        self.assertEqual(FIRST, self.sent().place)
        self.assertIn("RADIUS_SERVER_BACK", [message for _, message, _ in self.log.lines])

    def test_still_dead(self) -> None:
        """A server that does not answer its trial is dead for its dead time again, and that is not told anew."""
        self.kill()
        self.reactor.advance(DEADTIME)
        trial = self.ask()
        self.reactor.pump([TIMEOUT] * 2)
        self.assertEqual([FIRST, FIRST, SECOND], [said.place for said in self.reactor.sent])
        self.reply(self.reactor.taken()[-1])
        self.successResultOf(trial)
        self.reactor.advance(DEADTIME - 1)
        self.ask()
        self.assertEqual(SECOND, self.sent().place)
        self.assertEqual(1, len(self.log.lines))

    def test_cancelled_trial(self) -> None:
        """A trial that is given up leaves the next one to another request."""
        self.kill()
        self.reactor.advance(DEADTIME)
        trial = self.ask()
        self.assertEqual(FIRST, self.sent().place)
        trial.cancel()
        self.failureResultOf(trial)
        self.ask()
        self.assertEqual(FIRST, self.sent().place)

    def test_all_dead(self) -> None:
        """When all are dead they are asked all the same, in their order."""
        waiting = self.ask()
        self.reactor.pump([TIMEOUT] * 4)
        self.failureResultOf(waiting, Unavailable)
        self.reactor.taken()
        waiting = self.ask()
        self.assertEqual(FIRST, self.reactor.sent[-1].place)
        self.reply(self.sent())
        self.successResultOf(waiting)
        self.assertEqual("alive", self.client.describe()["servers"][0]["state"])

    def test_one_lost_request(self) -> None:
        """A request that one server loses goes to the next; a server that answers others is not dead."""
        lost = self.ask("lost")
        self.sent()
        self.reactor.advance(TIMEOUT)
        self.reactor.taken()
        other = self.ask("other")
        self.reply(self.sent())
        self.successResultOf(other)
        self.reactor.advance(TIMEOUT)
        said = self.sent()
        self.assertEqual(SECOND, said.place)
        self.reply(said)
        self.successResultOf(lost)
        self.ask()
        self.assertEqual(FIRST, self.sent().place)

    def test_new_configuration(self) -> None:
        """A configuration that changes does not forget which server is dead."""
        self.kill()
        self.ask(client=self.started())
        self.assertEqual(SECOND, self.sent().place)

    def test_late_answers(self) -> None:
        """A late answer is counted and bewares nobody; it brings no dead server back."""
        waiting = self.ask()
        said = self.sent()
        self.reactor.pump([TIMEOUT] * 2)
        self.reply(said, REJECT)
        self.assertNoResult(waiting)
        self.assertEqual(1, self.count("refused-late"))
        self.reply(self.reactor.taken()[-1])
        self.assertEqual("192.0.2.2:1812", self.successResultOf(waiting).server)
        self.ask()
        self.assertEqual(SECOND, self.sent().place)


class WithoutDeadTime(ClientCase):
    """Kea's default."""

    deadtime = 0.0

    def test_in_its_place(self) -> None:
        """Without a dead time the first server is asked first by every request."""
        self.kill()
        self.ask()
        self.assertEqual(FIRST, self.sent().place)
        self.assertEqual("unknown", self.client.describe()["servers"][0]["state"])


class StatusServerTests(ClientCase):
    """Servers that are asked how they are."""

    servers = (FIRST,)
    policy = Policy(service="access", timeout=TIMEOUT, retries=0, idle=10.0)

    def test_idle(self) -> None:
        """A server that has not answered for a while is asked by a signed Status-Server; one that has is not."""
        self.reactor.advance(10)
        said = self.sent()
        self.assertEqual((12, [80]), (said.data[0], [kind for kind, _ in attributes_of(said.data)]))
        self.reactor.deliver(answer(said.data, ACCEPT, sign=False), said.port, said.place)
        self.assertEqual((1, "alive"), (self.count("status-requests"), self.client.describe()["servers"][0]["state"]))
        self.reactor.advance(5)
        waiting = self.ask()
        self.reply(self.sent())
        self.successResultOf(waiting)
        self.reactor.advance(5)
        self.assertEqual([], self.reactor.taken())

    def test_always_signed(self) -> None:
        """A Status-Server is signed, be it that requests are not (RFC 5997 section 3)."""
        self.started(Policy(service="accounting", timeout=TIMEOUT, retries=0, sign=False, idle=1.0))
        self.reactor.advance(1)
        self.assertEqual([80], [kind for kind, _ in attributes_of(self.sent().data)])

    def test_back_early(self) -> None:
        """A dead server that answers a Status-Server is back before its dead time is over."""
        self.failureResultOf(self.after(TIMEOUT, self.ask()), Unavailable)
        self.reactor.taken()
        self.assertEqual("dead", self.client.describe()["servers"][0]["state"])
        self.reactor.advance(10 - TIMEOUT)
        said = self.sent()
        self.reply(said)
        self.assertEqual("alive", self.client.describe()["servers"][0]["state"])

    def test_found_dead(self) -> None:
        """A server that answers no Status-Server is dead before a client has to wait for it, and is asked again."""
        self.reactor.pump([10, TIMEOUT])
        self.assertEqual("dead", self.client.describe()["servers"][0]["state"])
        self.reactor.taken()
        self.reactor.advance(10)
        self.assertEqual(12, self.sent().data[0])

    def test_one_at_a_time(self) -> None:
        """A Status-Server that waits for its answer is not followed by another one."""
        client = self.started(Policy(service="other", timeout=TIMEOUT, retries=4, idle=1.0))
        self.reactor.pump([1.0] * 10)
        self.assertEqual(1, self.statistics["radius-other-status-requests"])
        self.stop(client)

    def after(self, seconds: float, waiting: Deferred[Any]) -> Deferred[Any]:
        self.reactor.advance(seconds)
        return waiting


class OperatorTests(ClientCase):
    """What an operator sees."""

    def test_described(self) -> None:
        """Each server's state, and what it is at, can be shown."""
        first, second = self.client.describe()["servers"]
        self.assertEqual({"server": "192.0.2.1:1812", "protocol": "UDP", "state": "unknown", "in-flight": 0}, first)
        self.kill()
        self.ask()
        self.reactor.advance(1)
        first, second = self.client.describe()["servers"]
        self.assertEqual(("dead", "no answer within 4 s", 59.0), (first["state"], first["problem"], first["retry-in"]))
        self.assertEqual(("alive", 1, 1.0), (second["state"], second["in-flight"], second["last-answer-age"]))

    def test_counters(self) -> None:
        """All counters are there from the beginning."""
        self.assertEqual({f"radius-access-{name}": 0 for name in COUNTERS}, self.statistics)

    def test_warned(self) -> None:
        """Who forgot the signature, or has another secret, is told the mend: once a minute."""
        self.ask()
        said = self.sent()
        for wrong in (answer(said.data, sign=False), answer(said.data, secret=b"another")):
            for _ in range(3):
                self.reactor.deliver(wrong, said.port)
        warned = [text for severity, _, text in self.log.lines if severity == "WARN"]
        self.assertEqual(2, len(warned))
        self.assertIn("Message-Authenticator := 0x00", warned[0])
        self.assertIn("the same secret", warned[1])
        self.reactor.advance(60)
        self.ask()
        said = self.reactor.taken()[-1]
        self.reactor.deliver(answer(said.data, secret=b"another"), said.port, said.place)
        self.assertIn("secret", [text for severity, _, text in self.log.lines if severity == "WARN"][-1])

    def test_reason(self) -> None:
        """A request that failed because its answers were refused says so."""
        waiting = self.ask()
        said = self.sent()
        self.reactor.deliver(answer(said.data, sign=False), said.port)
        self.reactor.pump([TIMEOUT] * 4)
        self.assertIn("it has no Message-Authenticator", self.failureResultOf(waiting).getErrorMessage())

    def test_addresses(self) -> None:
        """Requests leave from the address that is configured, for servers of both families from one of each."""
        self.servers = (("2001:db8::1", 1812),)
        waiting = self.ask(client=self.started())
        said = self.sent()
        self.assertEqual(("2001:db8::1", 1812), said.place)
        self.reply(said)
        self.assertEqual("[2001:db8::1]:1812", self.successResultOf(waiting).server)
        self.assertEqual(["", "::"], self.reactor.interfaces)
        self.servers = (FIRST,)
        self.started(Policy(service="access", bind="192.0.2.9"))
        self.assertEqual("192.0.2.9", self.reactor.interfaces[-1])
        self.assertEqual(("192.0.2.9", ""), (local_address("192.0.2.1", "192.0.2.9"), local_address("a.example")))
        self.assertEqual(("127.0.0.1", "::1"), (local_address("127.0.0.1"), local_address("::1")))

    def test_cannot_start(self) -> None:
        """A client that cannot have a port, or not for its server, does not start."""
        for policy in (Policy(service="access", bind="2001:db8::9"), Policy(service="access")):
            self.reactor.most = len(self.reactor.ports) + (policy.bind != "*")
            client = RadiusClient(
                [RadiusServer(host="192.0.2.1", port=1, secret=b"x")],
                policy,
                reactor=self.reactor,
                log=self.log,
                statistics=self.statistics,
            )
            self.failureResultOf(Deferred.fromCoroutine(client.start()), Unavailable)
            self.stop(client)
