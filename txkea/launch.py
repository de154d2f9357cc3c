"""Run a coroutine now, and go on later only with what must wait."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

__all__ = ["drive", "launch"]

T = TypeVar("T")
S = TypeVar("S")


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


def drive(
    coro: Coroutine[Any, Any, T],
    done: Callable[[S, T], None],
    failed: Callable[[S, Exception], None],
    subject: S,
    came: object = None,
) -> None:
    """Run ``coro`` and tell ``done(subject, result)`` or ``failed(subject, error)``, at once or later.

    What `launch` and two callbacks do too, at half the cost: every query passes here, and half of them wait for a lease
    to become durable. Neither callback may raise. ``came`` is what an earlier wait brought.
    """
    try:
        waiting: Deferred[Any] = coro.throw(_error(came)) if isinstance(came, Failure) else coro.send(None)
    except StopIteration as stop:
        done(subject, stop.value)
    except Exception as error:  # noqa: BLE001 - whoever asked hears it
        failed(subject, error)
    else:
        waiting.addBoth(_resume, coro, done, failed, subject)


def _error(failure: Failure) -> BaseException:
    error = failure.value
    assert error is not None, "a Failure has an exception"
    return error


def _resume(
    came: object,
    coro: Coroutine[Any, Any, T],
    done: Callable[[S, T], None],
    failed: Callable[[S, Exception], None],
    subject: S,
) -> None:
    drive(coro, done, failed, subject, came)
