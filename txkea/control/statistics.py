"""The commands that look at statistics (Kea G.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from zope.interface import implementer

from txkea.control.answer import Answer, Result
from txkea.control.arguments import AnyArguments
from txkea.control.gradually import gradually
from txkea.control.samples import Limit, Samples
from txkea.errors import TxkeaError
from txkea.interfaces import ICommands
from txkea.launch import launch

__all__ = ["Sampling", "StatisticCommands"]

INTERVAL: Final = 1.0
"""Seconds from the end of one look at the statistics to the next."""
SHARE: Final = 0.01
"""Of a processor's time that looking may take: with very many statistics the intervals are longer."""
LONGEST: Final = 1 << 31
"""Samples, or seconds, that can be asked for."""


class Sampling:
    """Looks at the statistics once a second."""

    def __init__(self, samples: Samples, reactor: Any) -> None:
        self.samples = samples
        self.reactor = reactor
        self._timer: Any = None
        self._running = False

    def start(self) -> None:
        """Look now, and again and again."""
        if not self._running:
            self._running = True
            launch(self._look())

    def stop(self) -> None:
        """Look no more."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _look(self) -> None:
        spent = await gradually(self.reactor, self.samples.look())
        if self._running:
            self._timer = self.reactor.callLater(max(INTERVAL, spent / SHARE), self._again)

    def _again(self) -> None:
        self._timer = None
        launch(self._look())


class Shown(Mapping[str, Any]):
    """All statistics with their samples; they are looked up as somebody comes by them, for they may be very many."""

    def __init__(self, samples: Samples, everywhere_only: bool) -> None:
        self._samples = samples
        self._everywhere_only = everywhere_only
        self._latest: tuple[str, Any] = ("", None)

    def __iter__(self) -> Iterator[str]:
        for place, names, read in self._samples.figures.groups():
            for name, value in zip(names, read(), strict=False):
                whole = place + name
                if value is None or (self._everywhere_only and whole.startswith("subnet[")):
                    continue
                shown = self._samples.shown(whole, value)
                if shown is not None:
                    self._latest = whole, shown
                    yield whole

    def __getitem__(self, name: str) -> Any:
        if name == self._latest[0]:
            return self._latest[1]
        found = self._samples.of(name)
        if found is None:
            raise KeyError(name)
        return found

    def __len__(self) -> int:
        return sum(1 for _ in self)


@implementer(ICommands)
class StatisticCommands:
    """``statistic-get``, ``-reset`` and ``-remove``, of one or all, and how their samples are kept."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        return {
            "statistic-get": self._get,
            "statistic-get-all": lambda arguments: self._all(arguments, False),
            "statistic-global-get-all": lambda arguments: self._all(arguments, True),
            "statistic-reset": self._reset,
            "statistic-reset-all": self._reset_all,
            "statistic-remove": self._remove,
            "statistic-remove-all": self._remove_all,
            "statistic-sample-count-set": self._set_count,
            "statistic-sample-count-set-all": self._set_count_all,
            "statistic-sample-age-set": self._set_age,
            "statistic-sample-age-set-all": self._set_age_all,
        }

    @property
    def _samples(self) -> Samples:
        return self._sampling.samples

    async def _gradually(self, steps: Iterator[None]) -> None:
        await gradually(self._sampling.reactor, steps)

    def _get(self, arguments: Any) -> Answer:
        name = StatisticArguments(arguments).name()
        samples = self._samples.of(name)
        return Answer(arguments={} if samples is None else {name: samples})

    def _all(self, arguments: Any, everywhere_only: bool) -> Answer:
        StatisticArguments(arguments)
        return Answer(arguments=Shown(self._samples, everywhere_only))

    def _reset(self, arguments: Any) -> Answer:
        name = StatisticArguments(arguments).name()
        return told(self._samples.reset(name), name, "reset")

    def _remove(self, arguments: Any) -> Answer:
        name = StatisticArguments(arguments).name()
        return told(self._samples.remove(name), name, "removed")

    async def _reset_all(self, arguments: Any) -> Answer:
        StatisticArguments(arguments)
        await self._gradually(self._samples.reset_all())
        return Answer(text="All statistics reset to neutral values.")

    async def _remove_all(self, arguments: Any) -> Answer:
        StatisticArguments(arguments)
        await self._gradually(self._samples.remove_all())
        return Answer(text="Warning: statistic-remove-all command is deprecated. All statistics removed.")

    def _set_count(self, arguments: Any) -> Answer:
        name, limit = StatisticArguments(arguments).name(), StatisticArguments(arguments).count()
        return told(self._samples.limit(name, limit), name, "count limit is set")

    def _set_count_all(self, arguments: Any) -> Answer:
        self._samples.limit_all(StatisticArguments(arguments).count())
        return Answer(text="All statistics count limit are set.")

    def _set_age(self, arguments: Any) -> Answer:
        name, limit = StatisticArguments(arguments).name(), StatisticArguments(arguments).age()
        return told(self._samples.limit(name, limit), name, "duration limit is set")

    def _set_age_all(self, arguments: Any) -> Answer:
        self._samples.limit_all(StatisticArguments(arguments).age())
        return Answer(text="All statistics duration limit are set.")


def told(found: bool, name: str, what: str) -> Answer:
    """What was done to a statistic, if there is such a one."""
    return Answer(text=f"Statistic '{name}' {what}.") if found else Answer(Result.ERROR, f"No '{name}' statistic found")


class StatisticArguments(AnyArguments):
    """The arguments of a command about statistics."""

    def value(self, name: str) -> Any:
        """A value of any kind, which must be there."""
        if name not in self:
            raise TxkeaError(f"Missing mandatory '{name}' parameter.")
        return super().value(name)

    def name(self) -> str:
        """The name of a statistic; there need not be one like it."""
        value = self.value("name")
        if not isinstance(value, str):
            raise TxkeaError("'name' parameter expected to be a string.")
        return value

    def count(self) -> Limit:
        """How many samples to keep; Kea takes 0, and can no longer be asked then."""
        return Limit(self.number("max-samples", 1, LONGEST))

    def age(self) -> Limit:
        """How long to keep them, in seconds; with 0 only the newest is kept. Kea 2.2 ends at a negative one."""
        return Limit(0, self.number("duration", 0, LONGEST))
