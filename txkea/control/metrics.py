"""The page that Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from twisted.internet.task import deferLater

from txkea.control.collectors import Measured, ServerFigures, ServerNow, SubnetFigures
from txkea.control.durations import Durations, ReactorDelay
from txkea.control.pages import Content
from txkea.control.provided import ProvidedFigures
from txkea.errors import TxkeaError
from txkea.exchange.timing import Timing

__all__ = ["MetricsPage"]

HEAD: Final = 2
"""Lines in front of a metric's samples: what it is, and of what type."""


class Format(NamedTuple):
    """A text format: its media type, what writes it, and what it writes behind everything."""

    type: str
    written: Callable[[Any], bytes]
    end: bytes = b""


FORMATS: Final = {
    "text": Format("text/plain; version=0.0.4; charset=utf-8", generate_latest),
    "openmetrics": Format(openmetrics.CONTENT_TYPE_LATEST, openmetrics.generate_latest, b"# EOF\n"),
}


class MetricsPage:
    """``/metrics``: the figures of one server, in a registry of its own; whoever has more adds a collector to it.

    The parameter ``format`` is ``text``, unless it is ``openmetrics``. From the first reading on the server's exchanges
    are timed; a server that nobody measures does without. ``clock`` gives seconds and never goes back.
    """

    def __init__(self, measured: Measured, reactor: Any, clock: Callable[[], float] = perf_counter) -> None:
        self._measured = measured
        self._reactor = reactor
        family = measured.site.configuration.family
        self.timing = Timing(clock)
        self.delay = ReactorDelay(reactor, clock, str(family))
        self.registry = CollectorRegistry()
        PlatformCollector(self.registry)
        ProcessCollector(registry=self.registry)
        GCCollector(self.registry)
        for collect in (ServerNow, ServerFigures, ProvidedFigures, SubnetFigures):
            self.registry.register(collect(measured))
        self.registry.register(Durations(self.timing, family))
        self.registry.register(self.delay)

    def stop(self) -> None:
        """Measure no more."""
        self._measured.server.timing = None
        self.delay.stop()

    async def get(self, query: Mapping[str, str]) -> Content:
        """See `txkea.control.pages.Page`."""
        wanted = query.get("format", "text")
        if query.keys() - {"format"} or wanted not in FORMATS:
            raise TxkeaError("the page of metrics has no other parameter than 'format': text or openmetrics")
        self._measured.server.timing = self.timing
        self.delay.start()
        form = FORMATS[wanted]
        return Content(form.type, _Pieces(self._reactor, self._texts(form)))

    def _texts(self, form: Format) -> Iterator[bytes]:
        """The page metric by metric, a large one in parts; some are empty."""
        before = ""
        for metric in self.registry.collect():
            if metric.samples:
                text = form.written(_Alone(metric)).removesuffix(form.end)
                yield text.split(b"\n", HEAD)[HEAD] if metric.name == before else text
                before = metric.name
            else:
                yield b""
        yield form.end


class _Pieces:
    """Texts one at a time, none of them empty; others have the reactor before each. May be closed at any time."""

    def __init__(self, reactor: Any, texts: Iterator[bytes]) -> None:
        self._reactor = reactor
        self._texts = texts

    def __aiter__(self) -> _Pieces:
        return self

    async def __anext__(self) -> bytes:
        text: bytes | None = b""
        while text == b"":
            await deferLater(self._reactor, 0, lambda: None)
            text = next(self._texts, None)
        if text is None:
            raise StopAsyncIteration
        return text

    async def aclose(self) -> None:
        """Nobody reads any longer."""
        self._texts = iter(())


class _Alone(Collector):
    """A registry with nothing but one metric, or a part of it."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        yield self._metric
