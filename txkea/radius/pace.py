"""How much is done in one turn of the reactor, so that nobody else waits while thousands are asked or answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

__all__ = ["Turn"]

MOST: Final = 50
"""Packets; an answer may go on with the exchange of a client at once, which takes a tenth of a millisecond or two."""


class Turn:
    """What may still be done in this turn; what may not is called in the next one."""

    def __init__(self, reactor: Any, most: int = MOST) -> None:
        self._reactor = reactor
        self._most = self._left = most
        self._later: list[Callable[[], None]] = []
        self._timer: Any = None

    def take(self) -> bool:
        """Whether one more packet may be dealt with now."""
        if self._left == 0:
            return False
        self._left -= 1
        self._wake()
        return True

    def again(self, call: Callable[[], None]) -> None:
        """Call it in the next turn, once however often this is said."""
        if call not in self._later:
            self._later.append(call)
        self._wake()

    def stop(self) -> None:
        """Call nothing any more."""
        self._later = []
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _wake(self) -> None:
        if self._timer is None:
            self._timer = self._reactor.callLater(0, self._next)

    def _next(self) -> None:
        self._timer = None
        self._left = self._most
        calls, self._later = self._later, []
        for call in calls:
            call()
