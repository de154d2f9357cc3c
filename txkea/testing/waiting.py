"""Wait in a synchronous test for what the real reactor brings: for contract suites over real servers."""

from __future__ import annotations

from collections.abc import Awaitable
from time import monotonic
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

__all__ = ["wait"]

T = TypeVar("T")


def wait(awaitable: Awaitable[T], reactor: Any, seconds: float = 30.0) -> T:
    """What a call gives, or raises, with a reactor that does not run: it is turned here. Raises TimeoutError."""
    outcome: list[Any] = []

    async def run() -> T:
        return await awaitable

    waiting = Deferred.fromCoroutine(run())
    waiting.addBoth(outcome.append)
    end = monotonic() + seconds
    while not outcome:
        if monotonic() > end:
            raise TimeoutError(f"nothing came within {seconds:g} s")
        reactor.iterate(0.005)
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    return outcome[0]  # type: ignore[no-any-return]
