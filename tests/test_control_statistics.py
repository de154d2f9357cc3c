"""Statistics as commands show them: samples, resets and limits, whatever they are asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.test_control_request import JSON
from txkea.control import samples as samples_module
from txkea.control import statistics as statistics_module
from txkea.control.answer import Answer, encode
from txkea.control.gradually import gradually
from txkea.control.registry import Registry
from txkea.control.request import Request
from txkea.control.samples import Samples
from txkea.control.stat_leases import LeaseStatisticCommands
from txkea.control.statistics import INTERVAL, Sampling, StatisticCommands
from txkea.exchange.assemble import begin_counting
from txkea.exchange.figures import Figure, Figures
from txkea.exchange.site import Site
from txkea.exchange.statistics import GLOBAL4, GLOBAL6, RARE, SUBNET4, SUBNET6
from txkea.launch import launch
from txkea.leases.memory import MemoryLeases
from txkea.model.lease import Lease4, Lease6, LeaseState, LeaseType
from txkea.testing.configuring import configured, configured6
from txkea.testing.sites import MemoryLogger, memory_site

START = 1000000000.25
POOLS4 = [{"pool": "192.0.2.10 - 192.0.2.19"}, {"pool": "192.0.2.30/31"}, {"pool": "192.0.2.64/28", "pool-id": 7}]
SUBNETS4 = [
    {"id": 1, "subnet": "192.0.2.0/24", "pools": POOLS4},
    {"id": 5, "subnet": "192.0.5.0/24", "pools": []},
    {"id": 9, "subnet": "192.0.9.0/24", "pools": [{"pool": "192.0.9.10/32"}]},
]
PREFIXES6 = {"prefix": "2001:db8:8::", "prefix-len": 56, "delegated-len": 64}
POOLS6 = {"pools": [{"pool": "2001:db8:1::/120"}], "pd-pools": [PREFIXES6]}
SUBNETS6 = [{"id": 1, "subnet": "2001:db8:1::/48", **POOLS6}, {"id": 2, "subnet": "2001:db8:2::/64", "pools": []}]
ANYTHING = ("statistic-", "stat-lease")


def site4(**keywords: Any) -> Site:
    return memory_site(configured(subnet4=keywords.pop("subnet4", SUBNETS4), **keywords))


def site6(**keywords: Any) -> Site:
    return memory_site(configured6(subnet6=keywords.pop("subnet6", SUBNETS6), **keywords))


class StatisticsCase(SynchronousTestCase):
    """The commands over a site without clients, at a time that stands still."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(START)
        self.site = site4()
        self.begin()

    def begin(self) -> None:
        """Commands over the site of the test."""
        family = self.site.configuration.family
        self.samples = Samples(lambda: self.site, self.clock.seconds)
        self.sampling = Sampling(self.samples, self.clock)
        self.registry = Registry(
            MemoryLogger(),
            [StatisticCommands(self.sampling), LeaseStatisticCommands(family, lambda: self.site, self.clock)],
        )

    def ask(self, command: str, arguments: Any = None) -> Any:
        """The answer as a client sees it."""

        async def answer() -> str:
            return "".join([piece async for piece in encode(await self.registry.run(Request(command, arguments)))])

        asked: Deferred[str] = Deferred.fromCoroutine(answer())
        while not asked.called:
            self.clock.advance(0)
        return json.loads(self.successResultOf(asked))

    def look(self) -> None:
        """A second passes, and the statistics are looked at."""
        self.clock.advance(1)
        for _ in self.samples.look():
            pass

    def of(self, name: str) -> list[int]:
        """The values of the samples, the newest first."""
        return [value for value, _ in self.ask("statistic-get", {"name": name})["arguments"][name]]

    def count(self, name: str, *values: int) -> None:
        """A statistic has these values in turn, each for a second."""
        for value in values:
            self.site.statistics[name] = value
            self.look()


class GetTests(StatisticsCase):
    """``statistic-get`` and ``-get-all``."""

    def test_get(self) -> None:
        """G033, G038: value and local time with microseconds; what nobody knows is nothing, and no error."""
        answer = self.ask("statistic-get", {"name": "pkt4-received"})
        ((value, time),) = answer["arguments"]["pkt4-received"]
        self.assertEqual((answer["result"], value), (0, 0))
        self.assertRegex(time, r"^2001-09-\d\d \d\d:\d\d:40\.250000$")
        for name in ("x", "", "subnet[1].x", "subnet[1].pool[1].total-addresses", "subnet[99].total-addresses", "é\0"):
            self.assertEqual(self.ask("statistic-get", {"name": name}), {"arguments": {}, "result": 0})

    def test_missing(self) -> None:
        """Kea's words for what is not there."""
        for arguments, text in (
            ({}, "Missing mandatory 'name' parameter."),
            (None, "Missing mandatory 'name' parameter."),
            ({"name": 3}, "'name' parameter expected to be a string."),
            ([], "'arguments' is not a map"),
        ):
            for command in ("statistic-get", "statistic-reset", "statistic-remove", "statistic-sample-age-set"):
                self.assertEqual(self.ask(command, arguments), {"result": 1, "text": text})

    def test_pools(self) -> None:
        """G088: pools without a number share one; what is written with a number is counted by it."""
        self.assertEqual(self.of("subnet[1].pool[0].total-addresses"), [12])
        self.assertEqual(self.of("subnet[1].pool[7].total-addresses"), [16])
        self.assertEqual(self.of("subnet[1].total-addresses"), [28])

    def test_all(self) -> None:
        """G034: everything at once, and nothing but what belongs to no subnet."""
        arguments = self.ask("statistic-get-all", {"x": 1})["arguments"]
        self.assertEqual(sorted(arguments), sorted(set(arguments)))
        values = {name: samples[0][0] for name, samples in arguments.items()}
        pools = {name: value for name, value in values.items() if ".pool[" in name}
        self.assertEqual({**self.site.statistics, **pools}, values)
        self.assertEqual(len(pools), 6 * 3)
        everywhere = self.ask("statistic-global-get-all")["arguments"]
        self.assertEqual(everywhere.keys(), set(GLOBAL4))

    def test_all6(self) -> None:
        """The same in DHCPv6, with pools of prefixes, in which nothing can be declined."""
        self.site = site6()
        self.begin()
        arguments = self.ask("statistic-get-all")["arguments"]
        pools = {name for name in arguments if "pool[" in name}
        prefix = "subnet[1].pd-pool[0]."
        self.assertEqual(
            {name.removeprefix(prefix) for name in pools if name.startswith(prefix)},
            {"total-pds", "assigned-pds", "cumulative-assigned-pds", "reclaimed-leases"},
        )
        self.assertEqual(len(pools), 6 + 4)
        own = {f"subnet[{number}].{name}" for number in (1, 2) for name in SUBNET6}
        self.assertEqual(arguments.keys() - pools, {*GLOBAL6, *own})
        self.assertEqual(self.of("subnet[1].pd-pool[0].total-pds"), [256])

    def test_view(self) -> None:
        """Whoever reads without names finds the same, place by place."""
        names = {f"subnet[{number}].{name}" for number in (1, 5, 9) for name in SUBNET4}
        found: dict[str, int] = {}
        for scope, subnet, number, name, value in Figures(lambda: self.site):
            place = {"": "", "subnet": f"subnet[{subnet}]."}.get(scope, f"subnet[{subnet}].{scope}[{number}].")
            found[place + name] = value
        arguments = self.ask("statistic-get-all")["arguments"]
        self.assertEqual({name: samples[0][0] for name, samples in arguments.items()}, found)
        self.assertLess(names, found.keys())
        self.assertIn(Figure("pool", 1, 7, "total-addresses", 16), list(Figures(lambda: self.site)))


class SampleTests(StatisticsCase):
    """What is remembered."""

    def test_newest_first(self) -> None:
        """G034: each change that was seen is a sample, and so is what is there now."""
        self.look()
        self.count("pkt4-received", 3, 3, 7)
        self.site.statistics["pkt4-received"] = 9
        self.assertEqual(self.of("pkt4-received"), [9, 7, 3, 0])
        self.assertEqual(self.of("pkt4-received"), [9, 7, 3, 0])
        self.assertEqual(self.of("pkt4-sent"), [0])
        times = [time for _, time in self.ask("statistic-get", {"name": "pkt4-received"})["arguments"]["pkt4-received"]]
        self.assertEqual([time[-9:] for time in times], ["44.250000", "44.250000", "42.250000", "40.250000"])

    def test_count(self) -> None:
        """The latest twenty are kept, or as many as the configuration or a command says."""
        self.look()
        self.count("pkt4-received", *range(1, 40))
        self.assertEqual(self.of("pkt4-received"), [*range(39, 19, -1)])
        arguments = {"name": "pkt4-received", "max-samples": 3}
        text = "Statistic 'pkt4-received' count limit is set."
        self.assertEqual(self.ask("statistic-sample-count-set", arguments), {"result": 0, "text": text})
        self.assertEqual(self.of("pkt4-received"), [39, 38, 37])
        self.ask("statistic-sample-count-set-all", {"max-samples": 2})
        self.count("pkt4-sent", 1, 2, 3)
        self.assertEqual((self.of("pkt4-received"), self.of("pkt4-sent")), ([39, 38], [3, 2]))
        self.site = site4(statistic_default_sample_count=4)
        self.count("pkt4-sent", *range(10))
        self.assertEqual(self.of("pkt4-sent"), [9, 8, 7, 6], "another configuration, other limits")

    def test_age(self) -> None:
        """With a time limit what is older is dropped, but never the newest; 0 keeps nothing else."""
        self.look()
        self.count("pkt4-received", 1, 2, 3, 4)
        self.ask("statistic-sample-age-set", {"name": "pkt4-received", "duration": 2})
        self.assertEqual(self.of("pkt4-received"), [4, 3, 2])
        self.clock.advance(100)
        self.assertEqual(self.of("pkt4-received"), [4])
        self.ask("statistic-sample-age-set-all", {"duration": 0})
        self.count("pkt4-sent", 1, 2)
        self.assertEqual(self.of("pkt4-sent"), [2])
        self.site = site4(statistic_default_sample_count=0, statistic_default_sample_age=3)
        self.count("pkt4-sent", *range(10))
        self.assertEqual(self.of("pkt4-sent"), [9, 8, 7, 6])

    def test_limits(self) -> None:
        """Limits that no statistic has, or that mean nothing, are refused."""
        for command, arguments in (
            ("statistic-sample-count-set", {"name": "x", "max-samples": 3}),
            ("statistic-sample-count-set", {"name": "pkt4-received", "max-samples": 0}),
            ("statistic-sample-count-set", {"name": "pkt4-received", "max-samples": -1}),
            ("statistic-sample-count-set", {"name": "pkt4-received", "max-samples": "3"}),
            ("statistic-sample-count-set", {"name": "pkt4-received"}),
            ("statistic-sample-count-set-all", {"max-samples": 0}),
            ("statistic-sample-age-set", {"name": "pkt4-received", "duration": -3}),
            ("statistic-sample-age-set", {"name": "x", "duration": 3}),
            ("statistic-sample-age-set-all", {}),
            ("statistic-sample-age-set-all", {"duration": True}),
        ):
            self.assertEqual(self.ask(command, arguments)["result"], 1, arguments)

    def test_bounded(self) -> None:
        """However many statistics change, and however often, so many samples are kept and no more."""
        self.patch(samples_module, "MOST", 100)
        self.ask("statistic-sample-count-set-all", {"max-samples": 1000})
        self.look()
        names = [*self.site.statistics]
        self.count(names[0], *range(1, 200))
        self.assertEqual(len(self.of(names[0])), 100)
        for turn in range(1, 20):
            for name in names:
                self.site.statistics[name] = turn
            self.look()
        self.assertLessEqual(sum(len(self.of(name)) for name in names), 2 * 100)
        self.assertEqual({self.of(name)[0] for name in names}, {19})

    def test_gone(self) -> None:
        """G086: of what is gone nothing is kept."""
        self.look()
        self.count("subnet[9].declined-addresses", 1)
        self.ask("statistic-remove", {"name": "subnet[9].total-addresses"})
        self.site = site4(subnet4=SUBNETS4[:2])
        self.look()
        self.assertNotIn("subnet[9]", "".join(self.ask("statistic-get-all")["arguments"]))
        for table in (self.samples._last, self.samples._histories, self.samples._removed):
            self.assertEqual([name for name in table if "subnet[9]" in name], [])

    def test_come(self) -> None:
        """What comes later, such as the first failure in a subnet, has its own first sample."""
        self.look()
        self.count("subnet[1].v4-allocation-fail", 1)
        self.assertEqual(self.of("subnet[1].v4-allocation-fail"), [1])

    def test_pools(self) -> None:
        """Statistics of pools have samples too."""
        self.look()
        subnet = self.site.subnets.by_id[1]
        for last in (10, 30, 64):
            pool = subnet.pools[[10, 30, 64].index(last)]
            pool.beliefs.cumulative += 1
            self.look()
        self.assertEqual(self.of("subnet[1].pool[0].cumulative-assigned-addresses"), [2, 1, 0])
        self.assertEqual(self.of("subnet[1].pool[7].cumulative-assigned-addresses"), [1, 0])


class ChangeTests(StatisticsCase):
    """``statistic-reset`` and ``-remove``."""

    def setUp(self) -> None:
        super().setUp()
        self.look()
        self.count("pkt4-received", 1, 2)

    def test_reset(self) -> None:
        """G035: a counter begins again at 0, with no past; what is unknown is an error."""
        answer = self.ask("statistic-reset", {"name": "pkt4-received"})
        self.assertEqual(answer, {"result": 0, "text": "Statistic 'pkt4-received' reset."})
        self.assertEqual(self.of("pkt4-received"), [0])
        self.count("pkt4-received", 1)
        self.assertEqual(self.of("pkt4-received"), [1, 0])
        self.assertEqual(self.ask("statistic-reset", {"name": "x"}), {"result": 1, "text": "No 'x' statistic found"})

    def test_gauge(self) -> None:
        """What tells how things are is not changed by a reset: it loses its past only."""
        for name, value in (("subnet[1].total-addresses", 28), ("subnet[1].pool[7].total-addresses", 16)):
            self.assertEqual(self.ask("statistic-reset", {"name": name})["result"], 0)
            self.assertEqual(self.of(name), [value])
        self.count("subnet[1].assigned-addresses", 3)
        self.ask("statistic-reset-all")
        self.assertEqual(self.of("subnet[1].assigned-addresses"), [3])
        self.assertEqual(self.of("pkt4-received"), [0])

    def test_pool(self) -> None:
        """All counters of pools can be reset."""
        beliefs = self.site.subnets.by_id[1].pools[0].beliefs
        beliefs.cumulative = beliefs.reclaimed = beliefs.reclaimed_declined = 4
        for name in ("cumulative-assigned-addresses", "reclaimed-leases", "reclaimed-declined-addresses"):
            self.assertEqual(self.of(f"subnet[1].pool[0].{name}")[0], 4)
            self.ask("statistic-reset", {"name": f"subnet[1].pool[0].{name}"})
            self.assertEqual(self.of(f"subnet[1].pool[0].{name}"), [0])

    def test_remove(self) -> None:
        """G036: what was removed is not shown until it changes, and goes on from 0."""
        answer = self.ask("statistic-remove", {"name": "pkt4-received"})
        self.assertEqual(answer, {"result": 0, "text": "Statistic 'pkt4-received' removed."})
        self.assertEqual(self.ask("statistic-get", {"name": "pkt4-received"})["arguments"], {})
        self.assertEqual(self.ask("statistic-remove", {"name": "pkt4-received"})["result"], 1)
        self.look()
        self.assertNotIn("pkt4-received", self.ask("statistic-get-all")["arguments"])
        self.site.statistics["pkt4-received"] += 1
        self.assertEqual(self.of("pkt4-received")[0], 1)

    def test_remove_all(self) -> None:
        """All at once, with Kea's warning; the server goes on counting."""
        answer = self.ask("statistic-remove-all")
        self.assertEqual(answer["result"], 0)
        self.assertIn("deprecated", answer["text"])
        self.assertEqual(self.ask("statistic-get-all"), {"arguments": {}, "result": 0})
        self.site.statistics["pkt4-sent"] += 5
        self.assertEqual(self.ask("statistic-get-all")["arguments"].keys(), {"pkt4-sent"})


class RobustTests(StatisticsCase):
    """Whatever is sent."""

    @given(JSON, st.sampled_from(("name", "max-samples", "duration", "subnet-id", "subnet-range")), JSON)
    def test_anything(self, arguments: Any, key: str, value: Any) -> None:
        """C20: arguments of every wrong type are an answer, never a fault; 1 says what was wrong."""
        for command in self.registry._commands:
            for given_arguments in (arguments, {key: value, "name": "pkt4-received"}):
                if command.startswith(ANYTHING):
                    answer = self.ask(command, given_arguments)
                    self.assertIn(answer["result"], (0, 1, 3))
                    self.assertNotIn("failed inside", answer.get("text", ""))

    def test_changed_meanwhile(self) -> None:
        """While a long list is on its way subnets come and go."""
        self.site = site4(subnet4=[{"id": n, "subnet": f"10.{n}.0.0/16"} for n in range(1, 200)])
        answer = launch(self.registry.run(Request("statistic-get-all")))
        assert isinstance(answer, Answer)
        pieces: list[str] = []

        async def collect() -> None:
            async for piece in encode(answer):
                pieces.append(piece)
                self.site = site4()

        launch(collect())
        self.assertGreater(len(pieces), 1)
        self.assertEqual(json.loads("".join(pieces))["result"], 0)


class SamplingTests(SynchronousTestCase):
    """How the statistics are looked at."""

    def test_timer(self) -> None:
        """Once a second, from the start to the stop."""
        clock = Clock()
        site = site4()
        samples = Samples(lambda: site, clock.seconds)
        sampling = Sampling(samples, clock)
        sampling.start()
        sampling.start()
        for value in (1, 2, 3):
            site.statistics["pkt4-sent"] = value
            clock.advance(INTERVAL)
            clock.advance(0)
        self.assertEqual([value for value, _ in samples.of("pkt4-sent") or ()], [3, 2, 1, 0])
        sampling.stop()
        sampling.stop()
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_gradually(self) -> None:
        """Others have the reactor every millisecond, however long it takes."""
        time = 0.0
        turns: list[float] = []

        class Busy(Clock):
            """A reactor with much else to do."""

            def callLater(self, delay: float, *call: Any, **keywords: Any) -> Any:
                nonlocal time
                turns.append(time)
                time += 7.0
                return super().callLater(delay, *call, **keywords)

        def steps() -> Iterator[None]:
            nonlocal time
            for _ in range(1000):
                time += 0.0001
                yield

        clock = Busy()
        spent: Deferred[float] = Deferred.fromCoroutine(gradually(clock, steps(), lambda: time))
        clock.advance(0)
        self.assertAlmostEqual(self.successResultOf(spent), 0.1)
        held = [later - before - 7.0 for before, later in pairwise(turns)]
        self.assertLess(max(held), 0.0012)
        self.assertGreater(len(turns), 80)

    def test_share(self) -> None:
        """With very many statistics the looks are rarer: at most a hundredth of the time goes into them."""
        clock = Clock()
        samples = Samples(lambda: site, clock.seconds)
        site = site4()
        sampling = Sampling(samples, clock)

        async def slow(reactor: Any, steps: Iterator[None]) -> float:
            return 0.25

        self.patch(statistics_module, "gradually", slow)
        sampling.start()
        (call,) = clock.getDelayedCalls()
        self.assertEqual(call.getTime(), 0.25 / 0.01)
        sampling.stop()


class LeaseStatisticTests(StatisticsCase):
    """``stat-lease4-get`` and ``stat-lease6-get``."""

    def setUp(self) -> None:
        super().setUp()
        store = self.site.leases
        assert isinstance(store, MemoryLeases)
        rows = ((1, 10, 0), (1, 11, 0), (1, 12, 1), (1, 13, 2), (1, 14, 3), (9, 10, 1), (77, 9, 0))
        for subnet, last, state in rows:
            store.table.add(Lease4(bytes((192, 0, subnet, last)), bytes((last,)), b"", 100, 200, subnet, state=state))
        self.site.statistics["subnet[1].cumulative-assigned-addresses"] = 12

    def rows(self, arguments: Any = None) -> Any:
        return self.ask(f"stat-lease{self.site.configuration.family}-get", arguments)["arguments"]["result-set"]["rows"]

    def test_all(self) -> None:
        """G066 - G070: what the store counts; a declined address counts as assigned."""
        answer = self.ask("stat-lease4-get")
        self.assertEqual(answer["text"], "stat-lease4-get[all subnets]: 3 rows found")
        found = answer["arguments"]["result-set"]
        columns = [
            "subnet-id",
            *(f"{what}-addresses" for what in ("total", "cumulative-assigned", "assigned", "declined")),
        ]
        self.assertEqual(found["columns"], columns)
        self.assertEqual(found["rows"], [[1, 28, 12, 3, 1], [5, 0, 0, 0, 0], [9, 1, 0, 1, 1]])
        self.assertRegex(found["timestamp"], r"^2001-09-\d\d \d\d:\d\d:40\.250000$")

    def test_some(self) -> None:
        """G065: one subnet, or those from a first to a last one."""
        self.assertEqual(self.rows({"subnet-id": 9}), [[9, 1, 0, 1, 1]])
        limits = {"first-subnet-id": 2, "last-subnet-id": 9}
        self.assertEqual([row[0] for row in self.rows({"subnet-range": limits, "x": 1})], [5, 9])
        answer = self.ask("stat-lease4-get", {"subnet-range": limits})
        self.assertEqual(answer["text"], "stat-lease4-get[subnets 2 through 9]: 2 rows found")

    def test_none(self) -> None:
        """G070: a subnet that is not configured has no row, whatever the store holds."""
        text = "stat-lease4-get[subnet-id=77]: no matching data, subnet-id: 77 does not exist"
        self.assertEqual(self.ask("stat-lease4-get", {"subnet-id": 77}), {"arguments": {}, "result": 3, "text": text})
        answer = self.ask("stat-lease4-get", {"subnet-range": {"first-subnet-id": 70, "last-subnet-id": 80}})
        self.assertEqual((answer["result"], answer["arguments"]), (3, {}))
        self.assertIn("selected ID range: 70 through 80 includes no known subnets", answer["text"])

    def test_wrong(self) -> None:
        """Both at once, limits that are none, and an end before the beginning are errors."""
        limits = {"first-subnet-id": 1, "last-subnet-id": 9}
        for arguments, named in (
            ({"subnet-id": 1, "subnet-range": limits}, "cannot specify both subnet-id and subnet-range"),
            ({"subnet-id": 0}, "'subnet-id'"),
            ({"subnet-id": "1"}, "'subnet-id'"),
            ({"subnet-range": []}, "'subnet-range'"),
            ({"subnet-range": {"first-subnet-id": 1}}, "'last-subnet-id'"),
            ({"subnet-range": {**limits, "first-subnet-id": 0}}, "'first-subnet-id'"),
            ({"subnet-range": {**limits, "last-subnet-id": True}}, "'last-subnet-id'"),
            ({"subnet-range": {"first-subnet-id": 9, "last-subnet-id": 1}}, "'last-subnet-id' must be greater"),
            ([], "'arguments'"),
        ):
            answer = self.ask("stat-lease4-get", arguments)
            self.assertEqual(answer["result"], 1, arguments)
            self.assertIn(named, answer["text"])

    def test_addresses_and_prefixes(self) -> None:
        """G067: in DHCPv6 addresses and prefixes are told apart; temporary and registered addresses are not counted."""
        self.site = site6()
        self.begin()
        store = self.site.leases
        assert isinstance(store, MemoryLeases)
        kinds = (
            (LeaseType.NA, LeaseState.DEFAULT), (LeaseType.NA, LeaseState.DECLINED), (LeaseType.TA, LeaseState.DEFAULT),
            (LeaseType.PD, LeaseState.DEFAULT), (LeaseType.PD, LeaseState.RECLAIMED),
            (LeaseType.NA, LeaseState.REGISTERED),
        )  # fmt: skip
        for number, (kind, state) in enumerate(kinds):
            address = bytes((0x20, 1, 0xD, 0xB8, 0, 1, number, *bytes(9)))
            length = 64 if kind == LeaseType.PD else 128
            duid = b"\0\3\0\1" + bytes((number,))
            store.table.add(Lease6(address, b"", duid, 9, 99, 1, state=state, type=kind, prefix_length=length))
        found = self.ask("stat-lease6-get")["arguments"]["result-set"]
        self.assertEqual(
            found["columns"],
            ["subnet-id", "total-nas", "cumulative-assigned-nas", "assigned-nas", "declined-nas", "total-pds",
             "cumulative-assigned-pds", "assigned-pds"],
        )  # fmt: skip
        self.assertEqual(found["rows"], [[1, 256, 0, 2, 1, 256, 0, 1], [2, 0, 0, 0, 0, 0, 0, 0]])

    def test_no_subnets(self) -> None:
        """A server without subnets has nothing to tell."""
        self.site = site4(subnet4=[])
        self.assertEqual(self.ask("stat-lease4-get")["result"], 3)


class NameTests(SynchronousTestCase):
    """Which statistics there are."""

    def test_rare(self) -> None:
        """Each name is there once, and what a subnet may have later is nothing that it has from the start."""
        for names in (GLOBAL4, GLOBAL6, SUBNET4, SUBNET6, RARE):
            self.assertEqual(len(names), len(set(names)))
        self.assertFalse(set(RARE) & {*SUBNET4, *SUBNET6})

    def test_large(self) -> None:
        """G037: the size of a pool may need 127 bits, and no more are told."""
        subnet = {"id": 1, "subnet": "::/0", "pools": [{"pool": "::/1"}, {"pool": "8000::/1"}]}
        site = site6(subnet6=[subnet])
        figures = Figures(lambda: site)
        for name in ("subnet[1].total-nas", "subnet[1].pool[0].total-nas"):
            self.assertEqual(figures.get(name), 2**127 - 1)

    def test_begin(self) -> None:
        """Beginning again changes no counter."""
        site = site4()
        site.statistics["subnet[1].reclaimed-leases"] = 3
        begin_counting(site)
        self.assertEqual(site.statistics["subnet[1].reclaimed-leases"], 3)
