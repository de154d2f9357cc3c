"""Long work in steps, so that nobody waits for its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any, Final

from twisted.internet.task import deferLater

__all__ = ["gradually"]

TURN: Final = 0.001
"""Seconds of work between two turns of the reactor."""


async def gradually(reactor: Any, steps: Iterator[Any], clock: Callable[[], float] = perf_counter) -> float:
    """Go through all steps, and let others have the reactor every millisecond; gives the seconds that they took."""
    spent = 0.0
    done = False
    while not done:
        began = clock()
        while clock() - began < TURN:
            if next(steps, steps) is steps:
                done = True
                break
        spent += clock() - began
        if not done:
            await deferLater(reactor, 0, lambda: None)
    return spent
