"""`txkea.exchange.timing`: histograms, the stages of exchanges, and what they ask of the lease store."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging import ACK, got, serving
from tests.observing import Observer, Policy, SlowHosts
from txkea.exchange.timing import STAGES, Histogram, TimedLeases, Timing
from txkea.leases.memory import MemoryLeases
from txkea.leases.table import LeaseTable
from txkea.testing.clients4 import Client, packed
from txkea.testing.contracts.leases import LeaseStoreContract, LeaseStoreContract6
from txkea.testing.stores import FailingLeases, WaitingLeases
from txkea.wire.dhcp4 import MessageType4

DISCOVER, REQUEST = int(MessageType4.DISCOVER), int(MessageType4.REQUEST)


class HistogramTests(SynchronousTestCase):
    """`Histogram`."""

    @given(st.lists(st.floats(0, 20)), st.lists(st.floats(1e-6, 10), min_size=1, unique=True).map(sorted))
    def test_counts(self, durations: list[float], bounds: list[float]) -> None:
        """Each upper limit has as many as took no longer, the last one all; the sum is theirs."""
        histogram = Histogram(tuple(bounds))
        for seconds in durations:
            histogram.observe(seconds)
        cumulative = list(histogram.cumulative())
        self.assertEqual([limit for limit, _ in cumulative], [*bounds, math.inf])
        for limit, count in cumulative:
            self.assertEqual(count, sum(seconds <= limit for seconds in durations))
        self.assertAlmostEqual(histogram.sum, sum(durations))

    def test_limits(self) -> None:
        """The limits that nobody chose ascend, and 20 ms, for which nobody may hold the reactor, is among them."""
        bounds = Histogram().bounds
        self.assertTrue(all(one < other for one, other in pairwise(bounds)))
        self.assertIn(0.02, bounds)


class Ticks:
    """A clock on which each look takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


class TimedTests(SynchronousTestCase):
    """A server that is timed."""

    def setUp(self) -> None:
        self.clock = Ticks()
        self.timing = Timing(self.clock, one_in=1)
        self.server = serving()
        self.server.server.timing = self.timing

    def counts(self) -> dict[str, int]:
        """How often each stage was timed."""
        return {stage: sum(histogram.counts) for stage, histogram in self.timing.stages.items()}

    def test_stages(self) -> None:
        """An exchange is timed from its first stage to its last, and as a whole by its type."""
        Client(self.server).lease()
        self.assertEqual(self.counts(), dict.fromkeys(STAGES, 2))
        self.assertEqual({kind: sum(each.counts) for kind, each in self.timing.exchanges.items()}, {1: 1, 3: 1})
        whole = sum(each.sum for each in self.timing.exchanges.values())
        stages = sum(each.sum for each in self.timing.stages.values())
        self.assertEqual(whole, stages, "no time is lost between two stages")

    def test_calls(self) -> None:
        """What the store is asked is timed, by its name and the method, and the leases are there."""
        client = Client(self.server)
        client.lease()
        self.assertEqual(sum(self.timing.calls["memory", "add"].counts), 1)
        self.assertGreater(sum(self.timing.calls["memory", "by_client"].counts), 0)
        self.assertEqual(list(self.server.leases), [client.address])

    def test_one_in(self) -> None:
        """Of so many exchanges the first is timed, and the one after as many again."""
        timing = self.server.server.timing = Timing(self.clock, one_in=5)
        for number in range(11):
            Client(self.server, number).discover()
        self.assertEqual(sum(timing.exchanges[DISCOVER].counts), 3)

    def test_pairs(self) -> None:
        """Queries that come in pairs are both timed, the first as often as the second."""
        timing = self.server.server.timing = Timing(self.clock)
        for _ in range(timing.one_in * 2):
            Client(self.server).lease()
        self.assertEqual([sum(timing.exchanges[kind].counts) for kind in (DISCOVER, REQUEST)], [2, 2])

    def test_dropped(self) -> None:
        """A query without an answer is timed up to where it ended; one that is not accepted has no type."""
        self.server.deliver(b"nonsense")
        self.assertEqual((self.counts()["accept"], dict(self.timing.exchanges)), (1, {}))
        Client(self.server).send(MessageType4.RELEASE, ciaddr=packed("192.0.2.10"), broadcast=False)
        self.assertEqual(self.counts(), {"accept": 2, "prepare": 1, "answer": 1, "observers": 0, "reply": 0})
        self.assertEqual(list(self.timing.exchanges), [MessageType4.RELEASE])

    def test_waits(self) -> None:
        """The time that an exchange waits for its store is in the call, in the stage and in the whole."""
        store = WaitingLeases()
        self.server = serving(site={"leases": store})
        self.server.server.timing = self.timing
        Client(self.server).select("192.0.2.15")
        while store.waiting:
            waiting = store.waiting[0][0]
            self.clock.now += 1000 if waiting == "add" else 0
            store.go_on()
        self.assertGreater(self.timing.calls["double", "add"].sum, 1000)
        self.assertLess(self.timing.calls["double", "get"].sum, 1000)
        self.assertGreater(self.timing.stages["answer"].sum, 1000)
        self.assertGreater(self.timing.exchanges[REQUEST].sum, 1000)
        self.assertEqual([answer.type for answer in self.server.answers()], [ACK])

    def test_failures(self) -> None:
        """A call that fails is timed too, and fails as it would."""
        self.server = serving(site={"leases": FailingLeases("add")})
        self.server.server.timing = self.timing
        self.assertIsNone(Client(self.server).select("192.0.2.15"))
        self.assertEqual(self.server.statistic("pkt4-processing-failed"), 1)
        self.assertEqual(sum(self.timing.calls["double", "add"].counts), 1)

    def test_third_parties(self) -> None:
        """Those who have a say, and those who are told, have it and are told as ever."""
        policy, observer, later = Policy(), Observer(answer_waits=True), Observer(answer_waits=False)
        policy.more = {15: b"example.org"}
        self.server = serving(site={**policy.site, "observers": [observer, later]})
        self.server.server.timing = self.timing
        ack = got(Client(self.server).select("192.0.2.15"), ACK)
        self.assertEqual(ack.options[15], b"example.org")
        self.assertEqual(policy.seen, ["received", "subnet", "filter", "lease", "answer"])
        for each in (observer, later):
            self.assertEqual(each.committed, [([packed("192.0.2.15")], [])])

    def test_reservations(self) -> None:
        """The time that a reservation takes to be found is that of the stage before the answer."""
        hosts = SlowHosts()
        self.server = serving(site={"hosts": hosts})
        self.server.site.has_hosts = True
        self.server.server.timing = self.timing
        Client(self.server).discover()
        self.assertEqual(self.server.answers(), [])
        self.clock.now += 1000
        hosts.gate.callback(None)
        self.assertGreater(self.timing.stages["prepare"].sum, 1000)
        self.assertLess(self.timing.stages["answer"].sum, 1000)


class Timed(TimedLeases):
    """A timed store as the contract looks into it."""

    inner: MemoryLeases

    @property
    def table(self) -> LeaseTable:
        """The leases themselves."""
        return self.inner.table


class TimedLeasesTests(LeaseStoreContract, SynchronousTestCase):
    """`TimedLeases` keeps the contract of the store that it is around."""

    def make_store(self) -> Timed:
        return Timed(MemoryLeases(), Timing(Ticks()))


class TimedLeases6Tests(LeaseStoreContract6, TimedLeasesTests):
    """The same for DHCPv6."""
