"""The commands that look at statistics (Kea G.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import localtime, strftime, time
from typing import Any

from zope.interface import implementer

from txkea.control.answer import Answer
from txkea.errors import TxkeaError
from txkea.interfaces import ICommands

__all__ = ["StatisticCommands"]


@implementer(ICommands)
class StatisticCommands:
    """``statistic-get`` and ``statistic-get-all``: one sample each, taken when the command is run."""

    def __init__(self, statistics: Mapping[str, int], clock: Callable[[], float] = time) -> None:
        self._statistics = statistics
        self._clock = clock

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        return {"statistic-get": self._get, "statistic-get-all": self._get_all}

    def _get(self, arguments: Any) -> Answer:
        name = arguments.get("name") if isinstance(arguments, dict) else None
        if not isinstance(name, str) or not name:
            raise TxkeaError("'name' is missing: the statistic to get, such as pkt4-received")
        value = self._statistics.get(name)
        return Answer(arguments={} if value is None else {name: [[value, self._now()]]})

    def _get_all(self, arguments: Any) -> Answer:
        now = self._now()
        return Answer(arguments={name: [[value, now]] for name, value in sorted(self._statistics.items())})

    def _now(self) -> str:
        """Local time with microseconds (Kea G038)."""
        now = self._clock()
        return f"{strftime('%Y-%m-%d %H:%M:%S', localtime(now))}.{int(now % 1 * 1000000):06d}"
