"""What Prometheus is told of a server: Kea's statistics with labels, how things are, and how long they take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from platform import python_version
from typing import Any, Final, NamedTuple, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from twisted import __version__ as twisted_version

from txkea import __version__
from txkea.exchange.site import Site
from txkea.exchange.statistics import RECEIVED4, RECEIVED6, SENT4, SENT6, Counted
from txkea.exchange.subnets import LiveSubnet
from txkea.exchange.timing import Timing
from txkea.wire.dhcp4 import MessageType4
from txkea.wire.dhcp6 import MessageType6

__all__ = ["CHUNK", "Answering", "Measured", "ServerFigures", "ServerNow", "SubnetFigures", "metrics", "named_type"]

CHUNK: Final = 250
"""Samples that are made in one go."""
FAMILY: Final = ("family",)

Samples = Iterable[tuple[Sequence[str], float | None]]
"""Values of labels, and the value of a sample; None where there is none."""


class Answering(Protocol):
    """What is asked of a `txkea.server.Server`."""

    enabled: bool
    timing: Timing | None

    def __len__(self) -> int: ...


class Measured(Protocol):
    """What is asked of a running server."""

    started: float
    reloaded: float

    @property
    def site(self) -> Site:
        """The site in force."""

    @property
    def server(self) -> Answering:
        """What answers its queries."""


class Figure(NamedTuple):
    """A statistic, with ``{}`` for the number of the family, and the metric that it is."""

    statistic: str
    metric: str
    help: str
    kind: Callable[..., Any] = CounterMetricFamily


def metrics(
    kind: Callable[..., Any], name: str, text: str, labels: Sequence[str], samples: Samples
) -> Iterator[Metric]:
    """One metric in parts of at most `CHUNK` samples, all of the same name; some may be empty."""
    samples = iter(samples)
    while part := list(islice(samples, CHUNK)):
        metric = kind(f"txkea_{name}", text, labels=labels)
        for values, value in part:
            if value is not None:
                metric.add_metric(values, value)
        yield metric


# -- packets, and what else is counted once ----------------------------------------------------------------------------


MESSAGES: Final = {4: MessageType4, 6: MessageType6}


class Parts(NamedTuple):
    """The statistics that make up what one family received, sent and dropped, by label."""

    received: Mapping[str, str]
    sent: Mapping[str, str]
    dropped: Mapping[str, str]

    @classmethod
    def of(cls, family: int, received: Mapping[int, str], sent: Mapping[int, str]) -> Parts:
        """From message types to statistics, with the types' names as labels."""
        types = MESSAGES[family]
        return cls(
            {
                **{named_type(types, kind): name for kind, name in received.items()},
                "unknown": f"pkt{family}-unknown-received",
            },
            {named_type(types, kind): name for kind, name in sent.items()},
            {reason: f"pkt{family}-{reason}" for reason in DROPS},
        )


def named_type(types: Any, kind: int) -> str:
    """The label of a message type, such as ``discover`` or ``information-request``."""
    return str(types(kind).name).lower().replace("_", "-")


DROPS: Final = (
    "parse-failed",
    "rfc-violation",
    "admin-filtered",
    "duplicate",
    "limit-exceeded",
    "not-for-us",
    "processing-failed",
    "queue-full",
)
"""Why queries are dropped; each is counted beside ``receive-drop``."""
PARTS: Final = {4: Parts.of(4, RECEIVED4, SENT4), 6: Parts.of(6, RECEIVED6, SENT6)}
FAILURES: Final = ("shared-network", "subnet", "no-pools", "classes")
IGNORED: Final = Figure(
    "pkt{}-service-disabled", "packets_ignored", "Packets that came while the service was switched off."
)


class ServerFigures(Collector):
    """The statistics that a server has once."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        site = self._measured.site
        number, statistics = site.configuration.family, site.statistics
        family, parts_of = str(number), PARTS[number]
        for name, text, label, total, parts, rest in (
            ("packets_received", "Packets that arrived.", "type", "received", parts_of.received, "unreadable"),
            ("packets_sent", "Answers that left.", "type", "sent", parts_of.sent, "other"),
            ("packets_dropped", "Queries that got no answer.", "reason", "receive-drop", parts_of.dropped, "other"),
        ):
            samples = _divided(statistics, family, f"pkt{number}-{total}", parts, rest)
            yield from _counted(name, text, label, samples)
        failures = {reason: f"v{number}-allocation-fail-{reason}" for reason in FAILURES}
        text = "Of the searches that found nothing, where and why; one may count twice."
        yield from _counted("allocation_failures_by_reason", text, "reason", _valued(statistics, family, failures))
        for statistic, metric, text, kind in (IGNORED, *SERVER[number]):
            value = statistics.get(statistic.format(number))
            yield from metrics(kind, metric, text, FAMILY, [((family,), value)])


def _counted(name: str, text: str, label: str, samples: Samples) -> Iterator[Metric]:
    return metrics(CounterMetricFamily, name, text, ("family", label), samples)


def _valued(statistics: Mapping[str, int], family: str, names: Mapping[str, str]) -> list[tuple[Sequence[str], int]]:
    return [((family, label), statistics[name]) for label, name in names.items() if name in statistics]


def _divided(statistics: Mapping[str, int], family: str, total: str, names: Mapping[str, str], rest: str) -> Samples:
    """The parts of a statistic, and as ``rest`` what none of them counts: together they are all of it."""
    parts = _valued(statistics, family, names)
    left = statistics.get(total, 0) - sum(value for _, value in parts)
    return [*parts, ((family, rest), max(0, left))]


# -- subnets and pools -------------------------------------------------------------------------------------------------


def _leased(what: str, metric: str, reuses: str) -> tuple[Figure, ...]:
    """The figures of one type of lease; ``what`` is its name in statistics."""
    names = Counted.of("", what)
    return (
        Figure(names.assigned, f"{metric}_assigned", f"The {metric} in use.", GaugeMetricFamily),
        Figure(names.cumulative, f"{metric}_granted", f"How many {metric} were given to clients that had none."),
        Figure(reuses, f"{metric}_reused", f"How many renewals of {metric} were answered without a write."),
        Figure(names.total, f"{metric}_capacity", f"The {metric} in pools.", GaugeMetricFamily),
    )


ENDED: Final = (
    Figure("declined-addresses", "addresses_declined", "Addresses that clients found in use.", GaugeMetricFamily),
    Figure("reclaimed-declined-addresses", "declined_addresses_recovered", "Declined addresses that are free again."),
    Figure("reclaimed-leases", "leases_reclaimed", "Leases whose time was over."),
)
"""What became of leases in the end."""
MISSED: Final = (
    Figure("v{}-allocation-fail", "allocation_failures", "Searches for a free address or prefix that found none."),
    Figure("v{}-reservation-conflicts", "reservation_conflicts", "Reserved addresses that another client had."),
)
ADDRESSES4: Final = _leased("addresses", "addresses", "v4-lease-reuses")
ADDRESSES6: Final = _leased("nas", "addresses", "v6-ia-na-lease-reuses")
PREFIXES6: Final = _leased("pds", "prefixes", "v6-ia-pd-lease-reuses")
REGISTERED: Final = Figure("cumulative-registered-nas", "addresses_registered", "Addresses that clients chose themselves.")
SUBNETS: Final = {4: (*ADDRESSES4, *ENDED, *MISSED), 6: (*ADDRESSES6, *PREFIXES6, REGISTERED, *ENDED, *MISSED)}
"""The figures of subnets, by family."""
SERVER: Final = SUBNETS
"""Those of a server, but for packets."""
POOLS: Final = {
    4: (("pool", (*ADDRESSES4, *ENDED)),),
    6: (("pool", (*ADDRESSES6, *ENDED)), ("pd-pool", (*PREFIXES6, *ENDED))),
}
"""The figures of pools by family, and how statistics call the pools."""


class SubnetFigures(Collector):
    """The statistics of subnets and pools; each metric comes in parts."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        text = "The prefix of a subnet; always 1."
        labels = ("family", "subnet", "network", "prefix")
        yield from metrics(GaugeMetricFamily, "subnet_info", text, labels, self._prefixes())
        family = self._measured.site.configuration.family
        for figure in SUBNETS[family]:
            yield from _of(figure, "subnet", labels[:3], self._subnets(figure.statistic.format(family)))
        labels = ("family", "subnet", "network", "pool")
        for scope, figures in POOLS[family]:
            for figure in figures:
                yield from _of(figure, scope.replace("-", "_"), labels, self._pools(scope, figure.statistic))

    def _prefixes(self) -> Samples:
        for labels, subnet in self._labelled():
            yield (*labels, subnet.prefix), 1

    def _subnets(self, statistic: str) -> Samples:
        statistics = self._measured.site.statistics
        for labels, subnet in self._labelled():
            yield labels, statistics.get(f"subnet[{subnet.id}].{statistic}")

    def _pools(self, scope: str, statistic: str) -> Samples:
        statistics = self._measured.site.statistics
        for labels, subnet in self._labelled():
            pools = subnet.pools if scope == "pool" else subnet.prefix_pools
            for number in sorted({pool.pool.id for pool in pools}):
                yield (*labels, str(number)), statistics.get(f"subnet[{subnet.id}].{scope}[{number}].{statistic}")

    def _labelled(self) -> Iterator[tuple[tuple[str, str, str], LiveSubnet]]:
        """The subnets of the site in force, each with its family, its id and the name of its shared network."""
        site = self._measured.site
        family = str(site.configuration.family)
        for subnet in site.subnets.subnets:
            yield (family, str(subnet.id), subnet.network.name if subnet.network is not None else ""), subnet


def _of(figure: Figure, scope: str, labels: Sequence[str], samples: Samples) -> Iterator[Metric]:
    return metrics(figure.kind, f"{scope}_{figure.metric}", figure.help, labels, samples)


# -- now --------------------------------------------------------------------------------------------------------------


class ServerNow(Collector):
    """What a server is, and what it does at the moment."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        measured, site = self._measured, self._measured.site
        family, store = str(site.configuration.family), site.leases
        versions = (family, __version__, python_version(), str(twisted_version))
        now: tuple[tuple[str, str, float], ...] = (
            ("start_time_seconds", "When the server was started, in seconds since the epoch.", measured.started),
            ("configured_time_seconds", "When its configuration came into force.", measured.reloaded),
            ("service_enabled", "1 if queries are answered, 0 if not.", measured.server.enabled),
            ("exchanges_waiting", "Queries that wait for reservation, lease store or observer.", len(measured.server)),
            ("subnets", "Subnets of the configuration.", len(site.subnets.subnets)),
        )
        labels = ("family", "version", "python", "twisted")
        yield from metrics(GaugeMetricFamily, "info", "Versions; always 1.", labels, [(versions, 1)])
        for name, text, value in now:
            yield from metrics(GaugeMetricFamily, name, text, FAMILY, [((family,), float(value))])
        text = "1 if leases can be written, 0 if not."
        well = float(not getattr(store, "problem", ""))
        yield from metrics(
            GaugeMetricFamily, "lease_store_up", text, ("family", "backend"), [((family, store.name), well)]
        )
