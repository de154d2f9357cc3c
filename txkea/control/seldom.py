"""What may happen ten thousand times a second, and deserves no line in the log each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from txkea.interfaces import ILogger

__all__ = ["Seldom"]

PAUSE: Final = 1.0
"""Seconds between two lines."""


class Seldom:
    """Writes a warning at most once a second, with how often it was left out; ``count`` is how often it was due."""

    def __init__(self, log: ILogger, seconds: Callable[[], float]) -> None:
        self._log = log
        self._seconds = seconds
        self._next = 0.0
        self._told = 0
        self.count = 0

    def warn(self, message: str, text: str) -> None:
        """It happened once more."""
        self.count += 1
        now = self._seconds()
        if now < self._next or not self._log.warn:
            return
        others = self.count - self._told - 1
        self._log.warn(message, f"{text} ({others} more since the last such line)" if others else text)
        self._next, self._told = now + PAUSE, self.count
