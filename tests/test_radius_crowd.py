"""Many RADIUS requests at a time, and lanes that have no room for them, with time and network in the test's hands."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from twisted.internet.defer import Deferred

from tests.radius_udp import SECRET
from tests.test_radius_client import FIRST, RETRIES, TIMEOUT, ClientCase
from txkea.errors import Busy, Unavailable
from txkea.radius import client as clients
from txkea.radius import datagrams, pace
from txkea.radius.client import Answer, RadiusClient
from txkea.radius.lane import Lane
from txkea.radius.pace import Turn
from txkea.radius.packet import Code
from txkea.radius.path import Path, Silent
from txkea.radius.servers import Health, Policy, RadiusServer

__all__ = ["CrowdTests", "LateLaneTests"]


class CrowdTests(ClientCase):
    """Many requests at a time."""

    def asked(self, number: int, client: RadiusClient | None = None) -> list[Deferred[Answer]]:
        """So many requests, all sent that can be."""
        waiting = [self.ask(str(each), client) for each in range(number)]
        self.reactor.turn(number // pace.MOST + 2)
        return waiting

    def answered(self) -> int:
        """Answer all that was sent; gives how many that were."""
        sent = self.reactor.taken()
        for said in sent:
            self.reply(said)
        self.reactor.turn(len(sent) // pace.MOST * 2 + 2)
        return len(sent)

    def test_ports(self) -> None:
        """Of each port 256 requests are under way, and more take another port; none has another's identifier."""
        waiting = self.asked(600)
        sent = self.reactor.sent
        self.assertEqual((600, 3), (len(sent), len(self.reactor.ports)))
        self.assertEqual(600, len({(said.port, said.data[1]) for said in sent}))
        self.answered()
        for each in waiting:
            self.successResultOf(each)
        self.asked(600)
        self.assertEqual(3, len(self.reactor.ports))

    def test_bounded_ports(self) -> None:
        """Ports are bounded: what has no place waits, and is sent as soon as an answer makes room."""
        self.patch(datagrams, "MOST", 2)
        waiting = self.asked(1000)
        self.assertEqual((512, 2), (len(self.reactor.sent), len(self.reactor.ports)))
        self.assertEqual([512, 488], [self.answered(), self.answered()])
        for each in waiting:
            self.successResultOf(each)

    def test_no_more_ports(self) -> None:
        """A machine that gives no more ports is as if that were the bound."""
        self.reactor.most = 1
        waiting = self.asked(300)
        self.assertEqual([256, 44], [self.answered(), self.answered()])
        for each in waiting:
            self.successResultOf(each)

    def test_time_of_those_that_waited(self) -> None:
        """The time of a request that waited for room begins when it is sent, and is not forgotten for others'."""
        self.reactor.most = 1
        waiting = self.asked(257)
        self.reactor.advance(0.5)
        first = self.reactor.taken()[0]
        self.reply(first)
        self.reactor.turn()
        late = self.sent()
        self.reactor.advance(TIMEOUT - 0.5)
        self.reactor.turn(10)
        self.assertNotIn(late.data, [said.data for said in self.reactor.taken()])
        self.reactor.advance(0.5)
        self.assertEqual([late], self.reactor.taken())
        self.assertTrue(waiting[0].called)

    def test_no_room_in_time(self) -> None:
        """What waits for room as long as a server may take fails then, though it was never sent."""
        self.reactor.most = 1
        waiting = self.asked(300)
        for _ in range(4):
            self.reactor.advance(TIMEOUT)
            self.reactor.turn(30)
        for each in waiting:
            self.failureResultOf(each, Unavailable)

    def test_identifiers_rest(self) -> None:
        """An identifier to which a late or second answer may come is not used again before that is over."""
        self.reactor.most = 1
        waiting = self.ask()
        said = self.sent()
        self.reactor.advance(TIMEOUT)
        self.reply(said)
        self.successResultOf(waiting)
        self.reactor.taken()
        self.asked(256)
        self.assertNotIn(said.data[1], [each.data[1] for each in self.reactor.sent])
        self.reply(said)
        self.assertEqual((255, 1), (len(self.reactor.taken()), self.count("refused-duplicate")))
        self.reactor.advance(TIMEOUT)
        self.reactor.turn(20)
        self.assertIn(said.data[1], [each.data[1] for each in self.reactor.taken()])

    def test_forgotten(self) -> None:
        """What a request was whose identifier has rested is forgotten: an answer to it is nobody's."""
        waiting = self.ask()
        said = self.sent()
        waiting.cancel()
        self.failureResultOf(waiting)
        self.ask()
        self.reactor.advance(TIMEOUT)
        self.reply(said)
        self.assertEqual((0, 1), (self.count("refused-late"), self.count("refused-identifier")))

    def test_bounded_requests(self) -> None:
        """Who asks when too many wait already hears so at once, and it is counted."""
        client = self.started(Policy(service="access", timeout=TIMEOUT, retries=0, most=10))
        waiting = [self.ask(str(number), client) for number in range(10)]
        self.failureResultOf(self.ask("one more", client), Busy)
        self.assertEqual((10, 1, 10), (client.describe()["waiting"], self.count("busy"), len(self.reactor.sent)))
        self.answered()
        for each in waiting:
            self.successResultOf(each)
        self.ask("again", client)
        self.assertEqual(1, len(self.reactor.sent))
        self.assertEqual(20_000, clients.MOST)

    def test_pace(self) -> None:
        """Ten thousand requests and answers take many turns of the reactor, each of which does a bounded part."""
        waiting = [self.ask(str(number)) for number in range(10_000)]
        steps = [len(self.reactor.sent)]
        while steps[-1] < 10_000:
            self.reactor.turn()
            steps.append(len(self.reactor.sent))
        self.assertLessEqual(max(after - before for before, after in pairwise(steps)), pace.MOST)
        for said in self.reactor.taken():
            self.reply(said)
        done = [sum(each.called for each in waiting)]
        while done[-1] < 10_000:
            self.reactor.turn()
            done.append(sum(each.called for each in waiting))
        self.assertLessEqual(max(after - before for before, after in pairwise(done)), pace.MOST)

    def test_all_late(self) -> None:
        """Thousands that are late at the same moment are sent again in many turns, too."""
        self.asked(3000)
        self.reactor.taken()
        self.reactor.advance(TIMEOUT)
        steps = [0, len(self.reactor.sent)]
        while steps[-1] < 3000:
            self.reactor.turn()
            steps.append(len(self.reactor.sent))
        self.assertLessEqual(max(after - before for before, after in pairwise(steps)), pace.MOST)

    def test_stop(self) -> None:
        """Who waits when the client is stopped hears it, and so does who asks later."""
        waiting = self.asked(300)
        self.stop(self.client)
        for each in (*waiting, self.ask()):
            self.failureResultOf(each, Unavailable)
        self.assertFalse(any(port.open for port in self.reactor.ports.values()))


class LateLaneTests(ClientCase):
    """A way to a server that opens only when somebody waits already, as a connection does."""

    retransmits = False

    def more(self, path: Any) -> Lane | None:
        """See `ICarrier`: not now."""
        return None

    def renew(self) -> None:
        """See `ICarrier`."""

    def test_time(self) -> None:
        """The time of a request begins when it is sent."""
        sent: list[bytes] = []
        path = Path(
            RadiusServer(host=FIRST[0], port=FIRST[1], secret=SECRET),
            self.policy,
            Health(),
            self,  # type: ignore[arg-type]
            self.client,
            reactor=self.reactor,
            turn=Turn(self.reactor),
            random=bytes,
        )
        waiting = path.ask(Code.ACCESS_REQUEST, ())
        self.reactor.advance(0.5)
        path.opened(Lane(sent.append, path.arrived))
        self.reactor.pump([TIMEOUT] * RETRIES + [TIMEOUT - 0.1])
        self.assertEqual(1, len(sent))
        self.assertNoResult(waiting)
        self.reactor.advance(0.1)
        self.failureResultOf(waiting, Silent)
        self.reactor.turn()
