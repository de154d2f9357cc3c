"""How long things take, for Prometheus: exchanges and their stages, calls of the lease store, the reactor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from txkea.control.collectors import FAMILY, TYPES, metrics
from txkea.exchange.timing import Histogram, Timing

__all__ = ["Durations", "ReactorDelay"]

INTERVAL: Final = 0.1
"""Seconds from one look at the reactor to the next."""


class Durations(Collector):
    """How long exchanges take, of which one in so many is timed, and their stages, and calls of the lease store."""

    def __init__(self, timing: Timing, family: int) -> None:
        self._timing = timing
        self._number = family

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        timing, family = self._timing, str(self._number)
        types = TYPES[self._number]
        text = "How many exchanges there are to one that is timed."
        yield from metrics(GaugeMetricFamily, "timed_one_in", text, FAMILY, [((family,), float(timing.one_in))])
        yield histograms(
            "exchange_duration_seconds",
            "From the arrival of a query to its answer.",
            ("family", "type"),
            {(family, types[kind]): each for kind, each in timing.exchanges.items()},
        )
        yield histograms(
            "exchange_stage_duration_seconds",
            "The stages of an exchange, in their order: accept, prepare, answer, observers, reply.",
            ("family", "stage"),
            {(family, stage): each for stage, each in timing.stages.items()},
        )
        yield histograms(
            "lease_store_call_duration_seconds",
            "How long exchanges waited for the lease store.",
            ("family", "backend", "method"),
            {(family, *call): each for call, each in timing.calls.items()},
        )


def histograms(name: str, text: str, labels: Sequence[str], found: Mapping[tuple[str, ...], Histogram]) -> Metric:
    """A metric of histograms."""
    metric = HistogramMetricFamily(f"txkea_{name}", text, labels=labels)
    for values, histogram in found.items():
        buckets = [("+Inf" if limit == float("inf") else str(limit), count) for limit, count in histogram.cumulative()]
        metric.add_metric(values, buckets, histogram.sum)
    return metric


class ReactorDelay(Collector):
    """How late the reactor calls what is due: what holds it, holds every query for as long."""

    def __init__(self, reactor: Any, clock: Callable[[], float], family: str) -> None:
        self._reactor = reactor
        self._clock = clock
        self._family = family
        self._timer: Any = None
        self._due = 0.0
        self.delays = Histogram()

    def start(self) -> None:
        """Look now and then, from now on."""
        if self._timer is None:
            self._later()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _later(self) -> None:
        self._due = self._clock() + INTERVAL
        self._timer = self._reactor.callLater(INTERVAL, self._called)

    def _called(self) -> None:
        self.delays.observe(max(0.0, self._clock() - self._due))
        self._later()

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        text = "How late the reactor calls what is due."
        yield histograms("reactor_delay_seconds", text, ("family",), {(self._family,): self.delays})
