"""Calls that block, in threads of their own."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

__all__ = ["threaded"]

T = TypeVar("T")


def threaded(call: Callable[[], T], reactor: Any, late: Callable[[T], object] = lambda result: None) -> Deferred[T]:
    """What a call that blocks gives, in a thread of its own; ``late`` takes what comes when nobody wants it any more.

    The reactor's own threads are for others: they may all hang in one database.
    """
    answer: Deferred[T] = Deferred()

    def arrived(result: Any) -> None:
        if not answer.called:
            answer.callback(result)
        elif not isinstance(result, Failure):
            late(result)

    def run() -> None:
        result: Any
        try:
            result = call()
        except Exception:  # noqa: BLE001 - whoever asked hears it
            result = Failure()
        reactor.callFromThread(arrived, result)

    Thread(target=run, name="database", daemon=True).start()
    return answer
