"""What Prometheus is told of providers: what they count, and how the servers are that they ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from re import compile as pattern
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from txkea.control.collectors import FAMILY, Measured, Samples, metrics

__all__ = ["ProvidedFigures"]

COUNTED: Final = pattern(r"radius-(access|accounting)-(?:refused-(.+)|(.+))")
CACHED: Final = pattern(r"host-cache-(.+)")
GAUGES: Final = ("size", "queued")
"""What is no count of events: how many there are now."""


class ProvidedFigures(Collector):
    """The statistics of RADIUS and of the host cache, where there are some."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        site = self._measured.site
        family = str(site.configuration.family)
        yield from self._counted(family, site.statistics)
        servers = [*self._servers(family)]
        labels = (*FAMILY, "service", "server")
        text = "1 if a RADIUS server answers as far as is known, 0 if it was silent the last time."
        up = [(place, float(server["state"] != "dead")) for place, server in servers]
        yield from metrics(GaugeMetricFamily, "radius_server_up", text, labels, up)
        text = "Requests that wait for an answer of a RADIUS server."
        waiting = [(place, float(server["in-flight"])) for place, server in servers]
        yield from metrics(GaugeMetricFamily, "radius_requests_waiting", text, labels, waiting)

    def _counted(self, family: str, statistics: Mapping[str, int]) -> Iterator[Metric]:
        """One metric for each statistic, with the service as a label; refusals are one, with their kind."""
        refused: list[tuple[tuple[str, ...], float | None]] = []
        others: dict[str, list[tuple[tuple[str, ...], float | None]]] = {}
        for name, value in statistics.items():
            counted, cached = COUNTED.fullmatch(name), CACHED.fullmatch(name)
            if counted and counted[2]:
                refused.append(((family, counted[1], counted[2]), value))
            elif counted:
                others.setdefault(f"radius_{counted[3]}", []).append(((family, counted[1]), value))
            elif cached:
                others.setdefault(f"host_cache_{cached[1]}", []).append(((family,), value))
        text = "Answers of RADIUS servers that were not believed."
        labels = (*FAMILY, "service", "kind")
        yield from metrics(CounterMetricFamily, "radius_answers_refused", text, labels, refused)
        for name, samples in others.items():
            yield from self._one(name, samples)

    def _one(self, name: str, samples: Samples) -> Iterator[Metric]:
        kind = GaugeMetricFamily if name.endswith(GAUGES) else CounterMetricFamily
        labels = (*FAMILY, "service") if name.startswith("radius_") else FAMILY
        text = f"The statistics {name.replace('_', '-')}."
        yield from metrics(kind, name.replace("-", "_"), text, labels, samples)

    def _servers(self, family: str) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
        """Labels and state of the RADIUS servers, as ``status-get`` has them."""
        for each in self._measured.site.statuses:
            for service, shown in each.status().get("radius", {}).items():
                for server in shown["servers"]:
                    yield (family, service, server["server"]), server
