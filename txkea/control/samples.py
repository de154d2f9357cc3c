"""The latest values of every statistic, each with the time at which it was first seen (Kea G034)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from time import localtime, strftime
from typing import Any, Final, NamedTuple

from txkea.exchange.figures import Figures
from txkea.exchange.site import Site

__all__ = ["Limit", "Samples", "time_text"]

MOST: Final = 200_000
"""Samples of all statistics together, in round figures: 10 MB. If many change, each keeps fewer than it may."""
MOST_EACH: Final = 4096
CHUNK: Final = 500
"""Names that are looked through in one go."""

History = list[Any]
"""Values and times by turns, the newest last: half of what a list of pairs takes."""


class Limit(NamedTuple):
    """How long samples are kept: at most so many, or with 0 for so many seconds; the newest for ever."""

    most: int
    age: float = 0.0


class Samples:
    """What the statistics of the site in force were, as often as somebody looked; ``seconds`` is the clock.

    Counters are plain integers that know nothing of samples: whoever changes one pays nothing, and two changes between
    two looks are one sample.
    """

    def __init__(self, site: Callable[[], Site], seconds: Callable[[], float]) -> None:
        self.figures = Figures(site)
        self._site = site
        self._seconds = seconds
        self._begun = seconds()
        self._complete = False
        self._last: dict[str, int] = {}
        """The latest values by name."""
        self._histories: dict[str, History] = {}
        """Of the statistics that have changed."""
        self._removed: dict[str, int] = {}
        """Names that are not shown until their values are others than these."""
        self._configured: object = None
        self._default = Limit(0)
        self._limits: dict[str, Limit] = {}

    # -- looking -------------------------------------------------------------------------------------------------------

    def look(self) -> Iterator[None]:
        """Note what has changed; others may go on after each step, which takes less than a millisecond."""
        now = self._seconds()
        last, count = self._last, 0
        for place, names, read in self.figures.groups():
            names = [place + name for name in names] if place else names
            values = read()
            count += len(names)
            if list(map(last.get, names)) != values:
                for name, value in zip(names, values, strict=False):
                    if value is not None and last.get(name) != value:
                        self._note(name, value, now)
            yield
        self._complete = True
        if len(last) > count:
            yield from self._forget()

    def _forget(self) -> Iterator[None]:
        """Drop what there is no more."""
        names = iter(list(self._last))
        while some := list(islice(names, CHUNK)):
            for name in some:
                if self.figures.get(name) is None:
                    for table in (self._last, self._histories, self._removed, self._limits):
                        table.pop(name, None)
            yield

    def _note(self, name: str, value: int, now: float) -> None:
        """Remember a value that was not there before."""
        before = self._last.get(name)
        self._last[name] = value
        history = self._histories.get(name)
        if history is None:
            if before is None and not self._complete:
                return  # all began together
            history = self._histories[name] = [] if before is None else [before, self._begun]
        history += (value, now)
        self._trim(name, history, now)

    def _trim(self, name: str, history: History, now: float) -> None:
        limit = self._limit(name)
        most = 2 * min(limit.most or MOST_EACH, MOST_EACH, max(1, MOST // len(self._histories)))
        if len(history) > most:
            del history[:-most]
        if not limit.most:
            kept = next((place for place in range(1, len(history), 2) if history[place] >= now - limit.age), None)
            del history[: kept - 1 if kept is not None else -2]

    # -- reading -------------------------------------------------------------------------------------------------------

    def of(self, name: str) -> list[list[Any]] | None:
        """The samples of a statistic as Kea shows them, the newest first, or None if there is no such statistic."""
        value = self.figures.get(name)
        return None if value is None else self.shown(name, value)

    def shown(self, name: str, value: int) -> list[list[Any]] | None:
        """The same, of a statistic that has this value now."""
        if name in self._removed:
            if self._removed[name] == value:
                return None
            del self._removed[name]
        now = self._seconds()
        if self._last.get(name) != value:
            self._note(name, value, now)
        history = self._histories.get(name)
        if history is None:
            return [[value, time_text(self._begun)]]
        self._trim(name, history, now)
        return [[history[place - 1], time_text(history[place])] for place in range(len(history) - 1, 0, -2)]

    # -- changing ------------------------------------------------------------------------------------------------------

    def reset(self, name: str) -> bool:
        """Let a counter begin again at zero, and forget what it was; False if there is none to be seen."""
        if self.of(name) is None:
            return False
        self._reset(name)
        return True

    def remove(self, name: str) -> bool:
        """The same, and show nothing of it until it changes."""
        found = self.reset(name)
        if found:
            self._hide(name)
        return found

    def reset_all(self) -> Iterator[None]:
        """Reset every one, in steps like those of `look`."""
        return self._with_all(self._reset)

    def remove_all(self) -> Iterator[None]:
        """Remove every one, in steps like those of `look`."""

        def remove(name: str) -> None:
            self._reset(name)
            self._hide(name)

        return self._with_all(remove)

    def _with_all(self, change: Callable[[str], None]) -> Iterator[None]:
        for place, names, _ in self.figures.groups():
            for name in names:
                change(place + name)
            yield

    def _reset(self, name: str) -> None:
        self.figures.reset(name)
        value = self.figures.get(name)
        if value is not None:
            self._last[name] = value
            self._histories[name] = [value, self._seconds()]

    def _hide(self, name: str) -> None:
        value = self.figures.get(name)
        if value is not None:
            self._removed[name] = value
            self._limits.pop(name, None)

    # -- limits --------------------------------------------------------------------------------------------------------

    def limit(self, name: str, limit: Limit) -> bool:
        """Keep the samples of one statistic like this from now on; False if there is none to be seen."""
        if self.of(name) is None:
            return False
        self._limits[name] = limit
        return True

    def limit_all(self, limit: Limit) -> None:
        """Keep those of all statistics like this, until another configuration says otherwise."""
        self._limit("")
        self._default = limit
        self._limits.clear()

    def _limit(self, name: str) -> Limit:
        configuration = self._site().configuration
        if configuration is not self._configured:
            self._configured = configuration
            self._default = Limit(configuration.sample_count, configuration.sample_age)
            self._limits.clear()
        return self._limits.get(name, self._default)


@lru_cache(4096)
def _second(second: int) -> str:
    return strftime("%Y-%m-%d %H:%M:%S", localtime(second))


def time_text(seconds: float) -> str:
    """Local time with microseconds (Kea G038)."""
    return f"{_second(int(seconds))}.{int(seconds % 1 * 1000000):06d}"
