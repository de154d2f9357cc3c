"""Who waits for the disk, so that the reactor need not."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

__all__ = ["InlineWriter", "Writer", "WriterThread", "call"]

T = TypeVar("T")


class Writer(Protocol):
    """Does work in the order in which it is given."""

    def submit(self, work: Callable[[], None]) -> None:
        """Have ``work`` done; it never raises, and brings its result back through `tell`."""

    def tell(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Called from within work: have a function called in the reactor."""

    def stop(self) -> None:
        """Nothing more will be given; does not wait."""


class WriterThread:
    """One thread that does what it is given, in order, so that the reactor never waits for a disk."""

    def __init__(self, call_from_thread: Callable[..., Any], name: str = "leases") -> None:
        self.tell = call_from_thread
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A daemon: what waits here was not acknowledged, so a process that ends need not wait for it.
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._begun = False

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()

    def submit(self, work: Callable[[], None]) -> None:
        """Have ``work`` done in the thread; it never raises, and brings its result back through ``tell``."""
        if not self._begun:
            # Not earlier: twistd makes the store before it forks, and a thread does not survive that.
            self._begun = True
            self._thread.start()
        self._work.put(work)

    def stop(self) -> None:
        """Let the thread end after what it was given; does not wait."""
        self._work.put(None)


class InlineWriter:
    """A writer without a thread, for tests and for sites that would rather wait: work is done when it is given."""

    def tell(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call it here and now."""
        function(*arguments)

    def submit(self, work: Callable[[], None]) -> None:
        """Do it."""
        work()

    def stop(self) -> None:
        """Nothing runs."""


def call(writer: Writer, function: Callable[[], T]) -> Deferred[T]:
    """Have a function run by a writer; gives its result."""
    done: Deferred[T] = Deferred()

    def work() -> None:
        try:
            result = function()
        except Exception:  # noqa: BLE001 - whatever it is belongs to whoever waits for the result
            writer.tell(done.errback, Failure())
        else:
            writer.tell(done.callback, result)

    writer.submit(work)
    return done
