"""`txkea.control.metrics`: what Prometheus reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from attrs import define
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging import serving
from tests.exchanging6 import serving6
from txkea.control.metrics import MetricsPage
from txkea.errors import TxkeaError
from txkea.exchange.figures import Figures
from txkea.exchange.site import Site
from txkea.exchange.statistics import GLOBAL4, GLOBAL6
from txkea.hosts import memory as host_cache
from txkea.launch import launch
from txkea.radius import access, accounting
from txkea.radius.client import COUNTERS as RADIUS_COUNTERS
from txkea.radius.client import RadiusClient
from txkea.radius.factory import RadiusProvider
from txkea.radius.servers import Policy, RadiusServer, health_of
from txkea.server import Server
from txkea.testing.clients4 import Client
from txkea.testing.clients6 import Client6
from txkea.testing.sites import MemoryLogger
from txkea.testing.stores import SharedLeases, WaitingLeases
from txkea.wire.dhcp4 import MessageType4

DASHBOARD: Final = Path(__file__).resolve().parent.parent / "config" / "grafana-dashboard.json"
MANUAL: Final = DASHBOARD.parent.parent / "doc" / "operator" / "metrics.rst"
LONGEST: Final = 0.1
"""Seconds for which nobody may hold the reactor: five times the promise, for other tests share the machine."""
Labels = Mapping[str, str]


@define
class Running:
    """What a page measures."""

    site: Site
    server: Server
    started: float = 1_700_000_000.0
    reloaded: float = 1_700_000_600.0


def running(local: Any) -> Running:
    """A server as its page sees it."""
    return Running(local.site, local.server)


class Scrape:
    """A page, read to its end as an HTTP channel does; ``held`` are the times that its pieces took to make."""

    def __init__(self, page: MetricsPage, clock: Clock, **query: str) -> None:
        content: Any = launch(page.get(query))
        self.type: str = content.type
        self.pieces: list[bytes] = []
        self.held: list[float] = []
        while self._took_one(content.pieces, clock):
            pass
        self.text = b"".join(self.pieces).decode()
        self.families = list((parse_openmetrics if "openmetrics" in self.type else parse_text)(self.text))

    def _took_one(self, pieces: Any, clock: Clock) -> bool:
        began = perf_counter()
        try:
            waiting: Any = launch(pieces.__anext__())
        except StopAsyncIteration:
            return False
        self.held.append(perf_counter() - began)
        if not isinstance(waiting, Deferred):
            self.pieces.append(waiting)
            return True
        came: list[Any] = []
        waiting.addBoth(came.append)
        while not came:
            began = perf_counter()
            clock.advance(0)
            self.held.append(perf_counter() - began)
        if isinstance(came[0], bytes):
            self.pieces.append(came[0])
            return True
        came[0].trap(StopAsyncIteration)
        return False

    def samples(self, name: str) -> dict[tuple[str, ...], float]:
        """The samples of a name by the values of their labels, in the labels' order, without the family."""
        return {
            tuple(value for label, value in sorted(sample.labels.items()) if label != "family"): sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == f"txkea_{name}"
        }

    def value(self, name: str, **labels: str) -> float:
        """The value of the one sample of a name, with these labels among its own."""
        found: float
        (found,) = (
            sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == f"txkea_{name}" and labels.items() <= sample.labels.items()
        )
        return found


class TroubledLeases(WaitingLeases):
    """A store that has a problem when a test says so."""

    problem = ""


class PageTests(SynchronousTestCase):
    """The page of a DHCPv4 server."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.server = serving()
        self.measured = running(self.server)
        self.page = MetricsPage(self.measured, self.clock, self.clock.seconds)
        self.addCleanup(self.page.stop)

    def scrape(self, **query: str) -> Scrape:
        return Scrape(self.page, self.clock, **query)

    def test_packets(self) -> None:
        """Packets by type are Kea's statistics; together they are all that arrived and all that left."""
        client = Client(self.server)
        client.lease()
        client.renew(client.address)
        client.send(MessageType4.DISCOVER, {54: b"\0\0\0\1"})
        self.server.deliver(b"nonsense")
        scrape, statistic = self.scrape(), self.server.statistic
        received, sent = scrape.samples("packets_received_total"), scrape.samples("packets_sent_total")
        self.assertEqual(received["discover",], statistic("pkt4-discover-received"))
        self.assertEqual(received["request",], 2)
        self.assertEqual(received["unreadable",], 1)
        self.assertEqual(sum(received.values()), statistic("pkt4-received"))
        self.assertEqual({kind: count for kind, count in sent.items() if count}, {("offer",): 1, ("ack",): 2})
        dropped = scrape.samples("packets_dropped_total")
        self.assertEqual(
            {reason: count for (reason,), count in dropped.items() if count}, {"parse-failed": 1, "rfc-violation": 1}
        )
        self.assertEqual(sum(dropped.values()), statistic("pkt4-receive-drop"))

    def test_other_drops(self) -> None:
        """What is dropped for no reason that has a statistic is dropped for another."""
        Client(self.server, relay="203.0.113.1").discover()
        self.assertEqual(self.scrape().value("packets_dropped_total", reason="other"), 1)

    def test_subnets(self) -> None:
        """The figures of a subnet are its statistics, with its id, its network and its family."""
        self.server = serving(
            shared_networks=[
                {"name": "campus", "subnet4": [{"id": 7, "subnet": "10.0.7.0/24", "pools": [{"pool": "10.0.7.8/29"}]}]}
            ]
        )
        self.measured.site = self.server.site
        Client(self.server).lease()
        Client(self.server, 2, relay="10.0.7.1").lease()
        Client(self.server, 3, relay="10.0.7.1").lease()
        scrape = self.scrape()
        self.assertEqual(scrape.samples("subnet_addresses_assigned"), {("", "1"): 1, ("", "2"): 0, ("campus", "7"): 2})
        self.assertEqual(
            scrape.samples("subnet_addresses_capacity"), {("", "1"): 10, ("", "2"): 10, ("campus", "7"): 8}
        )
        self.assertEqual(scrape.value("subnet_addresses_granted_total", subnet="7", network="campus", family="4"), 2)
        self.assertEqual(scrape.value("subnet_info", subnet="7", prefix="10.0.7.0/24"), 1)
        self.assertEqual(scrape.value("addresses_assigned"), 3)

    def test_every_statistic(self) -> None:
        """Whatever a server counts from its start on is in the page: each statistic moves a sample.

        All but those of classes: they are the sums of others.
        """
        for local, names in ((serving(), GLOBAL4), (serving6(), GLOBAL6)):
            page = MetricsPage(running(local), self.clock, self.clock.seconds)
            for name in (name for name in names if not name.endswith("-classes")):
                before = Scrape(page, self.clock).text
                local.site.statistics[name] += 1000
                after = Scrape(page, self.clock).text
                local.site.statistics[name] -= 1000
                self.assertNotEqual(_ours(before), _ours(after), name)
            page.stop()

    def test_every_subnet_statistic(self) -> None:
        """So is whatever it counts of a subnet or a pool."""
        for local in (serving(), serving6()):
            page = MetricsPage(running(local), self.clock, self.clock.seconds)
            names = [name for name in local.site.statistics if name.startswith("subnet[1].")]
            self.assertGreater(len(names), 5)
            for name in names:
                before = Scrape(page, self.clock).text
                local.site.statistics[name] += 1000
                after = Scrape(page, self.clock).text
                local.site.statistics[name] -= 1000
                self.assertNotEqual(_ours(before), _ours(after), name)
            page.stop()

    def test_pools(self) -> None:
        """The figures of pools are Kea's statistics of them: those of one number together, 0 unless told otherwise."""
        pools = [
            {"pool": "192.0.2.10 - 192.0.2.11"},
            {"pool": "192.0.2.12 - 192.0.2.15"},
            {"pool": "192.0.2.20 - 192.0.2.22", "pool-id": 7},
        ]
        self.server = serving({"pools": pools})
        self.measured.site = self.server.site
        for number, address in enumerate(("192.0.2.10", "192.0.2.12", "192.0.2.22")):
            Client(self.server, number).select(address)
        scrape = self.scrape()
        found = {labels: value for labels, value in scrape.samples("pool_addresses_assigned").items() if value}
        self.assertEqual(found, {("", "0", "1"): 2, ("", "7", "1"): 1})
        self.assertEqual(scrape.value("pool_addresses_capacity", subnet="1", pool="0"), 6)
        for figure in Figures(lambda: self.server.site):
            if figure.scope == "pool" and figure.name == "cumulative-assigned-addresses":
                labels = {"subnet": str(figure.subnet_id), "pool": str(figure.pool_id)}
                self.assertEqual(scrape.value("pool_addresses_granted_total", **labels), figure.value)

    def test_now(self) -> None:
        """What the server is and does now: versions, times, whether it serves and can write, how many queries wait."""
        store = TroubledLeases()
        self.server = serving(site={"leases": store})
        self.measured = running(self.server)
        self.page = MetricsPage(self.measured, self.clock, self.clock.seconds)
        Client(self.server).discover()
        self.server.server.enabled = False
        scrape = self.scrape()
        self.assertEqual(scrape.value("exchanges_waiting"), 1)
        self.assertEqual(scrape.value("service_enabled"), 0)
        self.assertEqual(scrape.value("lease_store_up", backend="double"), 1)
        self.assertEqual(scrape.value("start_time_seconds"), 1_700_000_000)
        self.assertEqual(scrape.value("configured_time_seconds"), 1_700_000_600)
        self.assertEqual(scrape.value("info", family="4"), 1)
        self.assertEqual(scrape.value("subnets"), 2)
        store.problem = "the disk is full"
        self.assertEqual(self.scrape().value("lease_store_up"), 0)
        store.finish()

    def test_providers(self) -> None:
        """What RADIUS and the host cache count is there with its service; refusals have a kind, servers their state."""
        self.server = asking_radius(self.clock)
        self.page = MetricsPage(running(self.server), self.clock, self.clock.seconds)
        statistics = self.server.site.statistics
        for name in ("radius-access-answers", "radius-access-refused-unsigned", "radius-accounting-queued"):
            statistics[name] += 5
        statistics["host-cache-negative-hits"] += 7
        scrape = self.scrape()
        self.assertEqual(scrape.value("radius_answers_total", service="access"), 5)
        self.assertEqual(scrape.value("radius_answers_total", service="accounting"), 0)
        self.assertEqual(scrape.value("radius_answers_refused_total", service="access", kind="unsigned"), 5)
        self.assertEqual(scrape.value("radius_queued", service="accounting"), 5)
        self.assertEqual(scrape.value("host_cache_negative_hits_total"), 7)
        self.assertEqual(scrape.value("radius_server_up", service="access", server="192.0.2.1:1812"), 1)
        health_of(self.clock, "access", RadiusServer(host="192.0.2.1", port=1812, secret=b"")).failed(0, 60, "silent")
        self.assertEqual(self.scrape().value("radius_server_up", server="192.0.2.1:1812"), 0)

    def test_durations(self) -> None:
        """From the first reading on exchanges are timed: as a whole by type, by stage, by call of the store."""
        self.assertIsNone(self.server.server.timing, "who is not measured does without")
        scrape = self.scrape()
        self.assertEqual(scrape.samples("exchange_duration_seconds_count"), {})
        Client(self.server).lease()
        scrape = self.scrape()
        self.assertEqual(scrape.samples("exchange_duration_seconds_count"), {("discover",): 1})
        self.assertEqual(scrape.value("exchange_duration_seconds_bucket", type="discover", le="+Inf"), 1)
        self.assertEqual(set(scrape.samples("exchange_stage_duration_seconds_count").values()), {1})
        self.assertGreater(
            scrape.value("lease_store_call_duration_seconds_count", backend="memory", method="by_client"), 0
        )
        self.assertEqual(scrape.value("timed_one_in"), self.page.timing.one_in)
        self.page.stop()
        self.assertIsNone(self.server.server.timing)

    def test_reactor_delay(self) -> None:
        """How late the reactor calls is measured while the page is read, by a clock that never goes back."""
        now = [0.0]
        page = MetricsPage(self.measured, self.clock, lambda: now[0])
        Scrape(page, self.clock)
        for late in (0.0, 0.015, 0.3):
            now[0] += 0.1 + late
            self.clock.advance(0.1)
        delays = Scrape(page, self.clock)
        self.assertEqual(delays.value("reactor_delay_seconds_count"), 3)
        self.assertEqual(delays.value("reactor_delay_seconds_bucket", le="0.02"), 2)
        self.assertAlmostEqual(delays.value("reactor_delay_seconds_sum"), 0.315)
        page.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_process(self) -> None:
        """The process is measured too: memory, descriptors, processor time, and the Python that runs it."""
        names = {family.name for family in self.scrape().families}
        self.assertLessEqual({"process_resident_memory_bytes", "process_open_fds", "python_info"}, names)

    def test_own_registry(self) -> None:
        """Each server has a registry of its own, to which others may add."""
        other = MetricsPage(running(serving6()), self.clock, self.clock.seconds)
        self.page.registry.register(Thermometer())
        self.assertIn("temperature_celsius 21.0", self.scrape().text)
        self.assertNotIn("temperature_celsius", Scrape(other, self.clock).text)
        self.assertIsInstance(other.registry, CollectorRegistry)
        other.stop()

    # -- formats -------------------------------------------------------------------------------------------------------

    def test_formats(self) -> None:
        """Both formats say the same; each is whole, with the head of a metric once."""
        Client(self.server).lease()
        text, openmetrics = self.scrape(), self.scrape(format="openmetrics")
        self.assertEqual(text.type, "text/plain; version=0.0.4; charset=utf-8")
        self.assertTrue(openmetrics.type.startswith("application/openmetrics-text"))
        self.assertTrue(openmetrics.text.endswith("\n# EOF\n"))
        self.assertEqual(openmetrics.text.count("# EOF"), 1)
        for name in ("packets_received_total", "subnet_addresses_assigned", "exchange_stage_duration_seconds_bucket"):
            self.assertEqual(text.samples(name), openmetrics.samples(name), name)
        for scrape in (text, openmetrics):
            heads = re.findall(r"(?m)^# TYPE (\S+)", scrape.text)
            self.assertEqual(len(heads), len(set(heads)))

    def test_names(self) -> None:
        """Names are as Prometheus wants them: counters alone end in _total, and every sample has its family."""
        Client(self.server).lease()
        for family in self.scrape().families:
            if family.name.startswith("txkea_"):
                for sample in family.samples:
                    self.assertEqual(sample.name.endswith("_total"), family.type == "counter", sample)
                    self.assertEqual(sample.labels["family"], "4")
                    self.assertTrue(family.documentation.endswith("."), family)

    @given(st.text(min_size=1).filter(lambda name: name.isprintable()))
    def test_labels(self, name: str) -> None:
        """Whatever a shared network is called, it is called so in the page."""
        site = serving(shared_networks=[{"name": "x", "subnet4": [{"id": 9, "subnet": "10.9.0.0/24"}]}]).site
        network: Any = site.subnets.by_id[9].network
        object.__setattr__(network, "name", name)
        self.measured.site = site
        self.assertEqual(self.scrape().samples("subnet_addresses_assigned")[name, "9"], 0)

    def test_parameters(self) -> None:
        """A parameter or a format that there is not is refused, and nothing is timed because of it."""
        for query in ({"format": "xml"}, {"name[]": "up"}, {"format": "text", "x": ""}):
            with self.assertRaises(TxkeaError) as caught:
                launch(self.page.get(query))
            self.assertIn("'format'", str(caught.exception))
        self.assertIsNone(self.server.server.timing)

    def test_closed(self) -> None:
        """A page may be closed at any time, also while its next piece is on the way; then it ends."""
        content: Any = launch(self.page.get({}))
        waiting: Any = launch(content.pieces.__anext__())
        launch(content.pieces.aclose())
        self.clock.advance(0)
        self.failureResultOf(waiting, StopAsyncIteration)

    # -- many subnets --------------------------------------------------------------------------------------------------

    def test_many_subnets(self) -> None:
        """A page of thousands of subnets comes in pieces: none is large, none takes long, together they are whole."""
        subnets = [{"id": 1 + number, "subnet": f"10.{number >> 8}.{number & 255}.0/24"} for number in range(3000)]
        self.server = serving(subnet4=subnets)
        self.measured.site = self.server.site
        statistics = self.server.site.statistics
        for number in range(3000):
            statistics[f"subnet[{number + 1}].assigned-addresses"] = number
        scrape = self.scrape()
        found = scrape.samples("subnet_addresses_assigned")
        self.assertEqual(found, {("", str(number + 1)): number for number in range(3000)})
        self.assertEqual(scrape.text.count("# TYPE txkea_subnet_addresses_assigned gauge"), 1)
        self.assertLess(max(map(len, scrape.pieces)), 100_000)
        # Sorted, for somebody else may hold the processor now and then.
        self.assertLess(sorted(scrape.held)[-3], LONGEST)

    def test_reconfigured_meanwhile(self) -> None:
        """A page that is read while another configuration comes into force is still in order."""
        after = serving(subnet4=[{"id": 50, "subnet": "10.0.0.0/24"}]).site
        content: Any = launch(self.page.get({}))
        text = b""
        pieces = content.pieces
        for _ in range(10_000):
            waiting: Any = launch(pieces.__anext__())
            self.clock.advance(0)
            piece = waiting if isinstance(waiting, bytes) else self._came(waiting)
            if piece is None:
                break
            text += piece
            if b"txkea_subnet_info" in piece:
                self.measured.site = after
        found = {
            sample.labels["subnet"]
            for each in parse_text(text.decode())
            for sample in each.samples
            if "subnet" in sample.labels
        }
        self.assertEqual(found, {"1", "2", "50"})

    def _came(self, waiting: Deferred[bytes]) -> bytes | None:
        came: list[Any] = []
        waiting.addBoth(came.append)
        while not came:
            self.clock.advance(0)
        return came[0] if isinstance(came[0], bytes) else None


class Thermometer(Collector):
    """A third party's figure."""

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        yield GaugeMetricFamily("temperature_celsius", "How warm it is.", 21.0)


def _ours(text: str) -> list[str]:
    """The lines that are the server's and not the process's."""
    return [line for line in text.splitlines() if line.startswith("txkea_")]


class Page6Tests(SynchronousTestCase):
    """The page of a DHCPv6 server."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.server = serving6()
        self.page = MetricsPage(running(self.server), self.clock, self.clock.seconds)
        self.addCleanup(self.page.stop)

    def test_leases(self) -> None:
        """Addresses and prefixes have metrics of their own; the type of a message is named as in Kea's statistics."""
        Client6(self.server).lease()
        Client6(self.server).information_request()
        scrape = Scrape(self.page, self.clock)
        self.assertEqual(scrape.value("subnet_addresses_assigned", family="6", subnet="1"), 1)
        self.assertEqual(scrape.value("subnet_prefixes_assigned", family="6", subnet="1"), 0)
        self.assertEqual(scrape.value("subnet_prefixes_capacity", subnet="2"), 256)
        self.assertEqual(scrape.value("pd_pool_prefixes_capacity", subnet="2", pool="0"), 256)
        self.assertEqual(scrape.value("pool_addresses_assigned", subnet="1", pool="0"), 1)
        self.assertEqual(scrape.value("packets_received_total", type="infrequest"), 1)
        self.assertEqual(scrape.value("packets_sent_total", type="reply"), 2)


def asking_radius(clock: Clock) -> Any:
    """A server that asks RADIUS for access, tells it of leases and remembers what it heard: with all their counters."""
    statistics = {f"radius-accounting-{name}": 0 for name in (*RADIUS_COUNTERS, "queued", "dropped")}
    statistics.update(dict.fromkeys((*access.COUNTERS, *accounting.COUNTERS.values()), 0))
    statistics.update({f"host-cache-{name}": 0 for name in host_cache.COUNTED})
    known = RadiusServer(host="192.0.2.1", port=1812, secret=b"x")
    policy = Policy(service="access")
    client = RadiusClient([known], policy, reactor=clock, log=MemoryLogger(), statistics=statistics)
    server = serving(site={"leases": SharedLeases(), "statuses": [RadiusProvider({"access": client}, None, None)]})
    server.site.statistics.update(statistics)
    return server


def everything() -> list[Metric]:
    """The pages of a server of each family that has leased something, and shares its leases with others."""
    clock, found = Clock(), list[Metric]()
    four, six = asking_radius(clock), serving6()
    for local, lease in ((four, Client(four).lease), (six, Client6(six).lease)):
        page = MetricsPage(running(local), clock, clock.seconds)
        Scrape(page, clock)
        lease()
        found += Scrape(page, clock).families
        page.stop()
    return found


class ManualTests(SynchronousTestCase):
    """The page of the manual."""

    def test_metrics(self) -> None:
        """Every metric of a server is explained, and no other."""
        text = MANUAL.read_text(encoding="utf-8")
        explained = {
            name for line in re.findall(r"(?m)^``txkea_.*$", text) for name in re.findall(r"``(txkea_\w+)``", line)
        }
        found = set()
        for family in everything():
            name = f"{family.name}_total" if family.type == "counter" else family.name
            found.add(re.sub(r"^txkea_(subnet|pool|pd_pool)_(?!info)", "txkea_", name))
        self.assertEqual({name for name in found if name.startswith("txkea_")} ^ explained, set())


class DashboardTests(SynchronousTestCase):
    """``config/grafana-dashboard.json``."""

    def test_metrics(self) -> None:
        """Every metric that the dashboard names is in the page, with every label that it names."""
        dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
        queries = sorted(set(_queries(dashboard)))
        self.assertGreater(len(queries), 10)
        known: dict[str, set[str]] = {}
        for family in everything():
            for sample in family.samples:
                known.setdefault(sample.name, set()).update(sample.labels)
        for query in queries:
            for name, labels in re.findall(r"\b((?:txkea|process|python)_\w+)(?:\{([^}]*)\})?", query):
                self.assertIn(name, known, query)
                used = set(re.findall(r"(\w+)\s*[=!]~?", labels)) - {"instance", "job"}
                self.assertLessEqual(used, known[name], query)

    def test_places(self) -> None:
        """No two panels share a number or a place."""
        panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken: set[tuple[int, int]] = set()
        for panel in panels:
            place = panel["gridPos"]
            cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
            self.assertEqual(taken & cells, set(), panel["title"])
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            taken |= cells


def _queries(value: Any) -> Iterator[str]:
    """Every expression and every query of a variable in a dashboard."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name in ("expr", "query") and isinstance(member, str):
                yield member
            yield from _queries(member)
    elif isinstance(value, list):
        for member in value:
            yield from _queries(member)
