"""Run a coroutine now; hand back a Deferred only for what must wait."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

__all__ = ["launch"]

T = TypeVar("T")


def launch(coro: Coroutine[Any, Any, T]) -> T | Deferred[T]:
    """Run ``coro`` up to its end, or to its first real wait.

    Gives its result, or a Deferred of it. An unfired Deferred yields itself again when sent ``None``, so that
    `Deferred.fromCoroutine` resumes in place.
    """
    try:
        coro.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    return Deferred.fromCoroutine(coro)
