"""Group commit: what waits while one group is on its way becomes the next group."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txkea.errors import Busy, TxkeaError, Unavailable
from txkea.launch import drive

__all__ = ["CROWD", "PATIENCE", "Gathering", "Pace"]

A = TypeVar("A")
R = TypeVar("R")
Asked = tuple[A, Deferred[R], float]
"""A request, what comes of it, and when it was made."""

PATIENCE: Final = 0.4
"""Seconds that may pass before what was asked is sent: so an answer is there before its client asks again."""
CROWD: Final = 64
"""Where fewer wait the other side is far away, or slow with everybody: to refuse some helps no others."""
TURN: Final = 500
"""How many hear in one turn of the reactor that they waited in vain."""


class Pace:
    """Whether a store does in time what it is asked, whichever of its gatherings that goes through."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._late = float("-inf")
        """When something was sent that had waited for too long."""

    def sent(self, since: float, waiting: int) -> None:
        """Note that something is sent which was asked for at this time, and how many waited by now."""
        now = self._reactor.seconds()
        if waiting >= CROWD and now - since > PATIENCE:
            self._late = now

    def check(self) -> None:
        """Raise `Busy` if something was sent too late a moment ago."""
        if self._reactor.seconds() - self._late < PATIENCE:
            raise Busy(f"what is asked of it waits for more than {PATIENCE:g} s")


class Gathering(Generic[A, R]):
    """Sends requests in groups of at most ``most``, at most ``at_once`` groups at a time.

    ``send(requests)`` gives, in their order, what came of each: a result, or the `TxkeaError` that its asker is to
    hear. What it raises all of them hear, as `Unavailable`. A group holds what came in one turn of the reactor, or
    while all lanes were busy. ``pace`` is told how long it waited, if anybody wants to know.
    """

    def __init__(
        self,
        send: Callable[[Sequence[A]], Awaitable[Sequence[R | TxkeaError]]],
        reactor: Any,
        *,
        most: int,
        at_once: int = 1,
        pace: Pace | None = None,
    ) -> None:
        self._send = send
        self._reactor = reactor
        self._most = most
        self._at_once = at_once
        self._pace = pace
        self._waiting: deque[Asked[A, R]] = deque()
        self._under_way: list[list[Asked[A, R]]] = []
        self._due: Any = None
        self._going = False
        """Whether `_go` is at it: an answer that comes at once does not begin it anew, one in the other."""

    def __len__(self) -> int:
        """How many requests have no answer yet."""
        return len(self._waiting) + sum(map(len, self._under_way))

    def check(self) -> None:
        """Raise `Busy` if many wait here and the first for too long, or did a moment ago anywhere in the store.

        For those who only begin to ask.

        Without that every client waits longer than it is patient as soon as more is asked than can be done, and
        nobody is served.
        """
        waiting = self._waiting
        if len(waiting) >= CROWD and self._reactor.seconds() - waiting[0][2] > PATIENCE:
            raise Busy(f"{len(waiting)} look-ups wait, the first of them for more than {PATIENCE:g} s")
        if self._pace is not None:
            self._pace.check()

    def ask(self, request: A) -> Deferred[R]:
        """What comes of a request; raises `TxkeaError`."""
        answer: Deferred[R] = Deferred()
        self._waiting.append((request, answer, self._reactor.seconds()))
        if self._due is None and len(self._under_way) < self._at_once:
            self._due = self._reactor.callLater(0, self._go)
        return answer

    def _go(self) -> None:
        self._due = None
        self._going = True
        while self._waiting and len(self._under_way) < self._at_once:
            waiting = self._waiting
            group = [waiting.popleft() for _ in range(min(self._most, len(waiting)))]
            self._under_way.append(group)
            if self._pace is not None:
                self._pace.sent(group[0][2], len(group) + len(waiting))
            drive(self._sent([request for request, _, _ in group]), self._came, self._failed, group)
        self._going = False

    async def _sent(self, requests: Sequence[A]) -> Sequence[R | TxkeaError]:
        outcomes = await self._send(requests)
        if len(outcomes) != len(requests):
            raise Unavailable(f"{len(requests)} requests got {len(outcomes)} answers")
        return outcomes

    def _came(self, group: list[Asked[A, R]], outcomes: Sequence[R | TxkeaError]) -> None:
        if not self._ended(group):
            return
        for (_, answer, _), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, TxkeaError):
                answer.errback(_failure(outcome))
            else:
                answer.callback(outcome)
        self._go_on()

    def _failed(self, group: list[Asked[A, R]], error: Exception) -> None:
        if self._ended(group):
            told = error if isinstance(error, TxkeaError) else Unavailable(f"{type(error).__name__}: {error}")
            self._fail(group, told)
            self._go_on()

    def _ended(self, group: list[Asked[A, R]]) -> bool:
        """Whether anybody still wants to hear of a group."""
        for place, one in enumerate(self._under_way):
            if one is group:
                del self._under_way[place]
                return True
        return False

    def _go_on(self) -> None:
        if self._waiting and self._due is None and not self._going:
            self._go()

    def fail(self, error: TxkeaError) -> None:
        """Let all who wait hear that it is in vain; what groups under way bring is not heard any more."""
        groups, self._under_way = [*self._under_way, [*self._waiting]], []
        self._waiting.clear()
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self._fail([each for group in groups for each in group], error)

    def _fail(self, those: Sequence[Asked[A, R]], error: TxkeaError) -> None:
        """Thousands may have waited: nobody else waits while they hear it."""
        if len(those) > TURN:
            self._reactor.callLater(0, self._fail, those[TURN:], error)
        for _, answer, _ in those[:TURN]:
            answer.errback(_failure(error))


def _failure(error: TxkeaError) -> Failure:
    """What many hear of one error: each without the way that it took through those before."""
    return Failure(error.with_traceback(None))
