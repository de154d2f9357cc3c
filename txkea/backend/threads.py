"""Calls that block, in threads of their own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

__all__ = ["Workers", "threaded"]

T = TypeVar("T")
Job = tuple[Callable[..., Any], tuple[Any, ...], "Deferred[Any]"]


class Workers:
    """Up to ``most`` threads, of which the one that was free last does the next call: few are awake at a time.

    A thread ends with a call of ``farewell``. All but the calls themselves happens in the reactor's thread: at half the
    cost of a pool that anybody may use.
    """

    def __init__(self, most: int, name: str, reactor: Any, farewell: Callable[[], object]) -> None:
        self._most = most
        self._name = name
        self._reactor = reactor
        self._farewell = farewell
        self._free: list[SimpleQueue[Job | None]] = []
        self._waiting: deque[Job] = deque()
        self._running = 0
        self._ended: Deferred[None] | None = None

    def ask(self, call: Callable[..., T], *args: Any) -> Deferred[T]:
        """What a call gives or raises, made as soon as a thread is free."""
        answer: Deferred[T] = Deferred()
        job = call, args, answer
        if self._free:
            self._free.pop().put(job)
        elif self._running < self._most:
            self._running += 1
            jobs: SimpleQueue[Job | None] = SimpleQueue()
            jobs.put(job)
            Thread(target=self._work, args=(jobs,), name=self._name, daemon=True).start()
        else:
            self._waiting.append(job)
        return answer

    def stop(self) -> Deferred[None]:
        """Let all threads end that have nothing to do, and the others when they have done it; nobody may ask more."""
        ended: Deferred[None] = Deferred()
        self._ended = ended
        for jobs in self._free:
            jobs.put(None)
        self._free.clear()
        if not self._running:
            ended.callback(None)
        return ended

    def _work(self, jobs: SimpleQueue[Job | None]) -> None:
        """Runs in a thread."""
        while (job := jobs.get()) is not None:
            call, args, answer = job
            tell: Callable[[Any], None] = answer.callback
            try:
                came = call(*args)
            except Exception:  # noqa: BLE001 - whoever asked hears it
                tell, came = answer.errback, Failure()
            self._reactor.callFromThread(self._done, jobs, tell, came)
            del job, call, args, answer, tell, came
        self._farewell()
        self._reactor.callFromThread(self._gone)

    def _done(self, jobs: SimpleQueue[Job | None], tell: Callable[[Any], None], came: Any) -> None:
        if self._waiting:
            jobs.put(self._waiting.popleft())
        elif self._ended is not None:
            jobs.put(None)
        else:
            self._free.append(jobs)
        tell(came)

    def _gone(self) -> None:
        self._running -= 1
        if not self._running and self._ended is not None:
            self._ended.callback(None)


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
