"""A reactor beside the command line: what must wait for the network is waited for, and Ctrl-C ends the waiting."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar

from twisted.internet import reactor as running
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

__all__ = ["Wait", "reactor", "waiting"]

T = TypeVar("T")
reactor: Any = running


class Wait(Protocol):
    """Waits for a coroutine that a call in the reactor's thread makes; raises what it raises."""

    def __call__(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The coroutine's result. KeyboardInterrupt ends it."""


@contextmanager
def waiting() -> Iterator[Wait]:
    """Run the reactor in another thread meanwhile, unless it runs already; it can be run once in a process."""
    if reactor.running:
        yield _wait
        return
    thread = Thread(target=reactor.run, kwargs={"installSignalHandlers": False}, daemon=True)
    thread.start()
    try:
        yield _wait
    finally:
        reactor.callFromThread(reactor.stop)
        thread.join()


def _wait(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    outcome: SimpleQueue[Any] = SimpleQueue()
    begun: list[Deferred[T]] = []

    def begin() -> None:
        begun.append(Deferred.fromCoroutine(make()))
        begun[0].addBoth(outcome.put)

    def give_up() -> None:
        begun[0].cancel()

    reactor.callFromThread(begin)
    try:
        found = outcome.get()
    except KeyboardInterrupt:
        reactor.callFromThread(give_up)
        raise
    if isinstance(found, Failure):
        found.raiseException()
    result: T = found
    return result
