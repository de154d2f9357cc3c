"""What Prometheus is told of a server: Kea's statistics with labels, and how things are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from platform import python_version
from re import compile as pattern
from typing import Any, Final, NamedTuple, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from twisted import __version__ as twisted_version

from txkea import __version__
from txkea.exchange.figures import ADDRESSES4, ADDRESSES6, PREFIXES6, combined, numbered
from txkea.exchange.site import Site
from txkea.exchange.statistics import CONFLICTS, GLOBAL4, GLOBAL6, RECEIVED4, RECEIVED6, Counted
from txkea.exchange.subnets import LiveSubnet
from txkea.exchange.timing import Timing

__all__ = ["FAMILY", "TYPES", "Answering", "Measured", "ServerFigures", "ServerNow", "SubnetFigures", "metrics"]

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


# -- packets -----------------------------------------------------------------------------------------------------------

PACKETS: Final = pattern(r"pkt[46]-(?:(.+)-(received|sent)|(.+))")
WHOLES: Final = ("received", "sent", "receive-drop", "service-disabled")
"""The statistics of packets that are no part of another one."""


class Parts(NamedTuple):
    """The statistics that make up what one family received, sent and dropped, by label."""

    received: dict[str, str]
    sent: dict[str, str]
    dropped: dict[str, str]

    @classmethod
    def of(cls, names: Iterable[str]) -> Parts:
        """Those among some statistics; the label is the part of the name that tells it from others."""
        parts = cls({}, {}, {})
        for name in names:
            found = PACKETS.fullmatch(name)
            if found is not None and found[1]:
                (parts.received if found[2] == "received" else parts.sent)[found[1]] = name
            elif found is not None and found[3] not in WHOLES:
                parts.dropped[found[3]] = name
        return parts


PARTS: Final = {4: Parts.of(GLOBAL4), 6: Parts.of(GLOBAL6)}
TYPES: Final = {
    family: {kind: name.removeprefix(f"pkt{family}-").removesuffix("-received") for kind, name in names.items()}
    for family, names in ((4, RECEIVED4), (6, RECEIVED6))
}
"""The labels of message types, as Kea's statistics call them, by family and number."""


def _divided(statistics: Mapping[str, int], family: str, total: str, names: Mapping[str, str], rest: str) -> Samples:
    """The parts of a statistic, and as ``rest`` what none of them counts: together they are all of it."""
    parts = [((family, label), statistics[name]) for label, name in names.items() if name in statistics]
    left = statistics.get(total, 0) - sum(value for _, value in parts)
    return [*parts, ((family, rest), max(0, left))]


# -- leases ------------------------------------------------------------------------------------------------------------


def _leased(what: str, metric: str, reuses: str) -> tuple[Figure, ...]:
    """The figures of one type of lease; ``what`` is its name in statistics."""
    names = Counted.of("", what)
    return (
        Figure(names.assigned, f"{metric}_assigned", f"The {metric} in use.", GaugeMetricFamily),
        Figure(names.cumulative, f"{metric}_granted", f"How many {metric} were given to clients that had none."),
        Figure(reuses, f"{metric}_reused", f"How many renewals of {metric} were answered without a write."),
        Figure(names.total, f"{metric}_capacity", f"The {metric} in pools.", GaugeMetricFamily),
    )


COMMON: Final = (
    Figure("declined-addresses", "addresses_declined", "Addresses that clients found in use.", GaugeMetricFamily),
    Figure("reclaimed-declined-addresses", "declined_addresses_recovered", "Declined addresses that are free again."),
    Figure("reclaimed-leases", "leases_reclaimed", "Leases whose time was over."),
    Figure(
        CONFLICTS, "lease_conflicts", "Choices that another server which shares the leases was faster to give away."
    ),
    Figure("v{}-allocation-fail", "allocation_failures", "Searches in pools that found nothing free."),
    Figure("v{}-allocation-fail-no-pools", "allocation_failures_no_pools", "Searches for which there was no pool."),
)
SUBNETS: Final = {
    4: (
        *_leased("addresses", "addresses", "v4-lease-reuses"),
        Figure("v4-reservation-conflicts", "reservation_conflicts", "Reserved addresses that another client had."),
        *COMMON,
    ),
    6: (
        *_leased("nas", "addresses", "v6-ia-na-lease-reuses"),
        *_leased("pds", "prefixes", "v6-ia-pd-lease-reuses"),
        Figure("registered-nas", "addresses_registered", "Addresses that clients chose, now.", GaugeMetricFamily),
        Figure("cumulative-registered-nas", "registrations", "Addresses that clients chose, so far."),
        *COMMON,
    ),
}
"""The figures of subnets, by family."""
SERVER: Final = (
    Figure("pkt{}-service-disabled", "packets_ignored", "Packets that came while the service was switched off."),
    Figure("v{}-allocation-fail-shared-network", "allocation_failures_shared_network", "Failures in shared networks."),
    Figure("v{}-allocation-fail-subnet", "allocation_failures_subnet", "Failures in subnets of no shared network."),
)
"""What the server as a whole has beside those."""
POOLS: Final[Mapping[int, Mapping[str, Sequence[str]]]] = {
    4: {"pool": ADDRESSES4},
    6: {"pool": ADDRESSES6, "pd-pool": PREFIXES6},
}
"""Which of them pools have, by family, and how statistics call the pools."""


class ServerFigures(Collector):
    """The statistics that a server has once."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        site = self._measured.site
        number, statistics = site.configuration.family, site.statistics
        family, parts = str(number), PARTS[number]
        for name, text, label, total, names, rest in (
            ("packets_received", "Packets that arrived.", "type", "received", parts.received, "unreadable"),
            ("packets_sent", "Answers that left.", "type", "sent", parts.sent, "other"),
            ("packets_dropped", "Queries that got no answer.", "reason", "receive-drop", parts.dropped, "other"),
        ):
            samples = _divided(statistics, family, f"pkt{number}-{total}", names, rest)
            yield from metrics(CounterMetricFamily, name, text, (*FAMILY, label), samples)
        for statistic, metric, text, kind in (*SERVER, *SUBNETS[number]):
            value = statistics.get(statistic.format(number))
            yield from metrics(kind, metric, text, FAMILY, [((family,), value)])


class SubnetFigures(Collector):
    """The statistics of subnets and pools; each metric comes in parts."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        family = self._measured.site.configuration.family
        labels = ("family", "subnet", "network")
        prefixes = (((*values, subnet.prefix), 1.0) for values, subnet in self._labelled())
        text = "The prefix of a subnet; always 1."
        yield from metrics(GaugeMetricFamily, "subnet_info", text, (*labels, "prefix"), prefixes)
        for statistic, metric, text, kind in SUBNETS[family]:
            yield from metrics(kind, f"subnet_{metric}", text, labels, self._subnets(statistic.format(family)))
        for scope, names in POOLS[family].items():
            prefix = scope.replace("-", "_")
            for statistic, metric, text, kind in SUBNETS[family]:
                if statistic in names:
                    samples = self._pools(scope, statistic)
                    yield from metrics(kind, f"{prefix}_{metric}", text, (*labels, "pool"), samples)

    def _subnets(self, statistic: str) -> Samples:
        statistics = self._measured.site.statistics
        for labels, subnet in self._labelled():
            yield labels, statistics.get(f"subnet[{subnet.id}].{statistic}")

    def _pools(self, scope: str, statistic: str) -> Samples:
        for labels, subnet in self._labelled():
            yield labels, None  # a subnet without pools is a step too
            for where, number, names, pools in numbered(subnet):
                if where == scope:
                    yield (*labels, str(number)), combined(pools)[names.index(statistic)]

    def _labelled(self) -> Iterator[tuple[tuple[str, str, str], LiveSubnet]]:
        """The subnets of the site in force, each with its family, its id and the name of its shared network."""
        site = self._measured.site
        family = str(site.configuration.family)
        for subnet in site.subnets.subnets:
            yield (family, str(subnet.id), subnet.network.name if subnet.network is not None else ""), subnet


# -- now ---------------------------------------------------------------------------------------------------------------


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
        well = float(not store.problem)
        place = ("family", "backend")
        yield from metrics(GaugeMetricFamily, "lease_store_up", text, place, [((family, store.name), well)])
