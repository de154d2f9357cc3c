"""The thread in which sessions and records are written down, many in one transaction; the reactor never waits."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event as Signal
from threading import Thread
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import ILogger
from txkea.radius.ledger import Ledger
from txkea.radius.sessions import Change, Event, Record, Session

__all__ = ["MOST", "Spool"]

MOST: Final = 100_000
"""Records that wait for the accounting server, unless it is said."""
AHEAD: Final = 50_000
"""Events that wait for a disk that hangs; of more, renewals are forgotten, and of twice as many all."""
TOGETHER: Final = 500
"""What is written in one transaction."""
RETRY: Final = 1.0
"""Seconds after which a disk that is full is tried again."""


class Job(NamedTuple):
    """A call in the thread; those that change something share a transaction, and the others come after it."""

    call: Callable[[Ledger], Any]
    changes: bool
    answer: Deferred[Any] | None = None


class Spool:
    """A `Ledger` in a thread of its own.

    ``told(records)`` hears in the reactor of those that are new, ``ready()`` that there may be something to `take`.
    """

    def __init__(self, path: str, *, reactor: Any, log: ILogger) -> None:
        self.path = path
        self.log = log
        self.waiting = 0
        """Records that are not acknowledged, as the thread saw it last."""
        self.dropped = 0
        """Records and events that were given up, ever since."""
        self.left = self.opened = 0.0
        """When the last event happened before the file was opened, and when that was; seconds since the epoch."""
        self.problem = ""
        """Why nothing can be written; empty while all is well."""
        self.told: Callable[[Sequence[Record]], object] = lambda records: None
        self.ready: Callable[[], object] = lambda: None
        self._reactor = reactor
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._ledger: Ledger | None = None
        self._closing = Signal()
        self._closed: Deferred[None] = Deferred()
        self._forgotten = 0

    # -- in the reactor ------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the file, and begin. Raises `Unavailable` if it cannot be used.

        One that is no database any more is put aside, and an empty one takes its place.
        """
        try:
            self._ledger = Ledger(self.path, MOST)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise self._unavailable(str(error)) from None
            self._ledger = self._anew(error)
        except (OSError, TxkeaError) as error:
            raise self._unavailable(getattr(error, "strerror", None) or str(error)) from None
        self.waiting, self.left = self._ledger.waiting, self._ledger.left
        self.opened = self._reactor.seconds()
        Thread(target=self._run, name="accounting", daemon=True).start()

    def _unavailable(self, reason: str) -> Unavailable:
        mend = "let this user write there, and no other server use the same data-directory"
        return Unavailable(f"the queue of accounting records {self.path} cannot be used: {reason}; mend: {mend}")

    def _anew(self, error: sqlite3.Error) -> Ledger:
        aside = f"{self.path}.damaged"
        if self.log.error:
            text = f"{self.path} is damaged ({error}): it is kept as {aside}, and sessions are begun anew"
            self.log.error("RADIUS_ACCOUNTING_SPOOL_DAMAGED", text)
        try:
            os.replace(self.path, aside)
            for end in ("-wal", "-journal"):
                with suppress(FileNotFoundError):
                    os.unlink(self.path + end)
            return Ledger(self.path, MOST)
        except (OSError, sqlite3.Error) as again:
            raise self._unavailable(str(again)) from None

    def account(self, event: Event) -> None:
        """Write down what happened to a lease; never waits."""
        ahead = self._jobs.qsize()
        if ahead >= AHEAD and (event.change == Change.RENEWED or ahead >= 2 * AHEAD):
            self._forgotten += 1
            return
        self._jobs.put(Job(lambda ledger: ledger.account(event), True))

    def found(self, addresses: Sequence[bytes], events: Sequence[Event]) -> None:
        """See `Ledger.found`."""
        self._jobs.put(Job(lambda ledger: ledger.found(addresses, events), True))

    def all_found(self, before: float, now: float) -> None:
        """See `Ledger.all_found`."""
        self._jobs.put(Job(lambda ledger: ledger.all_found(before, now), True))

    def append(self, record: Record) -> None:
        """Write down a record of the server itself."""
        self._jobs.put(Job(lambda ledger: ledger.append(record), True))

    def acknowledged(self, record: Record) -> None:
        """A record was told."""
        self._jobs.put(Job(lambda ledger: ledger.acknowledged(record.number), True))

    def take(self, limit: int) -> Deferred[Sequence[Record]]:
        """See `Ledger.take`."""
        return self._asked(lambda ledger: ledger.take(limit), False)

    def limit(self, most: int) -> None:
        """How many records may wait from now on."""
        self._jobs.put(Job(lambda ledger: setattr(ledger, "most", most), True))

    def flushed(self) -> Deferred[None]:
        """Fires when all is written that is to be so far."""
        return self._asked(lambda ledger: None, True)

    def sessions(self) -> Deferred[int]:
        """How many are open."""
        return self._asked(lambda ledger: ledger.sessions(), False)

    def remember(self, path: str, read: Callable[[], Iterable[Session]]) -> Deferred[None]:
        """See `Ledger.remember`; ``read`` is called in the thread, unless that was done before."""
        return self._asked(lambda ledger: ledger.remember(path, read()) if not ledger.remembers(path) else None, True)

    def _asked(self, call: Callable[[Ledger], Any], changes: bool) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        self._jobs.put(Job(call, changes, answer))
        return answer

    def close(self) -> Deferred[None]:
        """Write down what waits, and let go of the file."""
        self._closing.set()
        self._jobs.put(None)
        return self._closed

    def _settled(self, records: Sequence[Record], waiting: int, dropped: int) -> None:
        """Something was written."""
        self.waiting, self.dropped = waiting, dropped + self._forgotten
        self.told(records)
        self.ready()

    def _troubled(self, problem: str) -> None:
        """Nothing can be written, or it can again."""
        before, self.problem = self.problem, problem
        if problem and not before and self.log.error:
            text = f"accounting records wait in memory, for {self.path} cannot be written: {problem}"
            self.log.error("RADIUS_ACCOUNTING_SPOOL_FAILED", text)

    def _failed(self, error: Exception) -> None:
        if self.log.error:
            self.log.error("RADIUS_ACCOUNTING_SPOOL_FAILED", f"an accounting event is lost: {error!r}")

    # -- in the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        ledger = self._ledger
        assert ledger is not None, "open it first"
        more = True
        while more:
            jobs, more = self._next()
            while jobs and not self._done(ledger, jobs):
                if self._closing.wait(RETRY):
                    break
        with suppress(sqlite3.Error):
            ledger.close()
        self._reactor.callFromThread(self._closed.callback, None)

    def _next(self) -> tuple[list[Job], bool]:
        """What waits, some at a time, and whether there will be more."""
        jobs = [self._jobs.get()]
        with suppress(Empty):
            while jobs[-1] is not None and len(jobs) < TOGETHER:
                jobs.append(self._jobs.get_nowait())
        return [job for job in jobs if job is not None], jobs[-1] is not None

    def _done(self, ledger: Ledger, jobs: Sequence[Job]) -> bool:
        """Whether all was written, in one transaction, and looked up after that."""
        try:
            self._write(ledger, [job for job in jobs if job.changes])
        except sqlite3.Error as error:
            self._reactor.callFromThread(self._troubled, str(error))
            with suppress(sqlite3.Error):
                ledger.rollback()
            return False
        if self.problem:
            self._reactor.callFromThread(self._troubled, "")
        for job in jobs:
            if not job.changes:
                self._answer(job, self._result(ledger, job))
        return True

    def _write(self, ledger: Ledger, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        ledger.begin()
        results = [(job, self._result(ledger, job)) for job in jobs]
        ledger.commit()
        records = [record for _, result in results if isinstance(result, list) for record in result]
        self._reactor.callFromThread(self._settled, records, ledger.waiting, ledger.dropped)
        for job, result in results:
            self._answer(job, result)

    def _result(self, ledger: Ledger, job: Job) -> Any:
        """What a call gives, or what it raises if it was not the database."""
        try:
            return job.call(ledger)
        except sqlite3.Error as error:
            if job.changes:
                raise
            return Failure(Unavailable(f"{self.path} cannot be read: {error}"))
        except Exception as error:  # noqa: BLE001 - what cannot be written down must not stop what can
            return Failure(error)

    def _answer(self, job: Job, result: Any) -> None:
        if job.answer is not None:
            self._reactor.callFromThread(job.answer.callback, result)
        elif isinstance(result, Failure):
            self._reactor.callFromThread(self._failed, result.value)
