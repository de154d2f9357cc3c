"""Whether a server answers queries, and who has switched that off (Kea G025, G026)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["USER", "Duty"]

USER: Final = 1
"""The origin of an operator's command."""
LOCAL: Final = range(1000, 2000)
"""The origins of High Availability's own decisions, one a relationship."""
REMOTE: Final = range(2000, 3000)
"""The origins of a partner's commands."""


class Duty:
    """Off duty while anybody wants it; ``changed(on_duty)`` is told when that becomes or ceases to be so.

    An origin is a number as Kea has them, or a name that nobody can send, for what the server itself does.
    """

    def __init__(self, reactor: Any, changed: Callable[[bool], object]) -> None:
        self._reactor = reactor
        self._changed = changed
        self._off: dict[int | str, Any] = {}

    @property
    def on(self) -> bool:
        """Whether queries are answered."""
        return not self._off

    def disable(self, origin: int | str, seconds: float = 0) -> None:
        """Answer no queries until this origin enables it again, or for so many seconds (0: no limit)."""
        was_on = self.on
        self._cancel(self._off.get(origin))
        self._off[origin] = self._reactor.callLater(seconds, self.enable, origin) if seconds else None
        if was_on:
            self._changed(False)

    def enable(self, origin: int | str) -> None:
        """Answer queries again, as far as this origin is concerned."""
        was_on = self.on
        self._cancel(self._off.pop(origin, None))
        if self.on and not was_on:
            self._changed(True)

    def end(self) -> None:
        """Forget all limits: the server ends."""
        for origin, timer in self._off.items():
            self._cancel(timer)
            self._off[origin] = None

    def _cancel(self, timer: Any) -> None:
        if timer is not None and timer.active():
            timer.cancel()

    def shown(self) -> Mapping[str, Any]:
        """As ``status-get`` shows it."""
        numbers = sorted(origin for origin in self._off if isinstance(origin, int))
        return {
            "disabled-by-db-connection": "database" in self._off,
            "disabled-by-local-command": [number for number in numbers if number in LOCAL],
            "disabled-by-remote-command": [number for number in numbers if number in REMOTE],
            "disabled-by-user": USER in self._off,
            "globally-disabled": not self.on,
        }
