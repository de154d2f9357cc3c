"""How long the stages of an exchange take, and what it asks of the lease store."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import accumulate
from typing import Any, Final, TypeVar

from txkea.exchange.around import LeasesAround
from txkea.exchange.exchange import exchange
from txkea.exchange.query import Query
from txkea.exchange.reply import Reply
from txkea.interfaces import ILeaseStore

__all__ = ["ONE_IN", "STAGES", "Histogram", "TimedLeases", "Timing", "Watch", "timed"]

T = TypeVar("T")

BOUNDS: Final = (
    25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
)  # fmt: skip
"""Upper limits in seconds; a class more has what took longer."""
ONE_IN: Final = 61
"""How many exchanges there are to one that is timed: an odd number, for the queries of a busy server come in pairs."""
ACCEPT, PREPARE, ANSWER, OBSERVE, REPLY = STAGES = ("accept", "prepare", "answer", "observers", "reply")
"""Decode, classify and find the subnet; third parties and reservations; allocation and lease store; those who are told
before the answer leaves; third parties who change the answer, and sending it.
"""


class Histogram:
    """How many durations fell into each class, and their sum in seconds."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...] = BOUNDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one; a class includes its upper limit."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Each upper limit, and how many took no longer; infinity is the last."""
        return zip((*self.bounds, float("inf")), accumulate(self.counts), strict=True)


class Timing:
    """The durations of a server's exchanges, of which every ``one_in``-th is looked at, the first one at once.

    ``clock`` gives seconds, and never goes back.
    """

    def __init__(self, clock: Callable[[], float], one_in: int = ONE_IN) -> None:
        self.clock = clock
        self.one_in = one_in
        self.stages: Mapping[str, Histogram] = {stage: Histogram() for stage in STAGES}
        self.exchanges: dict[int, Histogram] = defaultdict(Histogram)
        """From arrival to answer, or to the end without one, by the type of the query."""
        self.calls: dict[tuple[str, str], Histogram] = defaultdict(Histogram)
        """What queries waited for, by the name of the lease store and the method."""
        self._left = 1

    def is_due(self) -> bool:
        """Whether the exchange that begins now is one to be timed."""
        self._left -= 1
        if self._left:
            return False
        self._left = self.one_in
        return True

    def around(self, leases: ILeaseStore) -> TimedLeases:
        """A store whose calls are timed."""
        return TimedLeases(leases, self)


class Watch:
    """Times one exchange, from its first stage on."""

    __slots__ = ("_began", "_entered", "_stage", "_timing")

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._stage = ACCEPT
        self._began = self._entered = timing.clock()

    def enter(self, stage: str) -> None:
        """One stage is over, and this one begins, unless it has begun."""
        if stage != self._stage:
            now = self._timing.clock()
            self._timing.stages[self._stage].observe(now - self._entered)
            self._stage, self._entered = stage, now

    def stop(self, kind: int | None) -> None:
        """The exchange is over; ``kind`` is the type of its query, None if that was not even accepted."""
        now = self._timing.clock()
        self._timing.stages[self._stage].observe(now - self._entered)
        if kind is not None:
            self._timing.exchanges[kind].observe(now - self._began)


class TimedLeases(LeasesAround):
    """A lease store whose calls are timed, waits and all."""

    def __init__(self, inner: ILeaseStore, timing: Timing) -> None:
        super().__init__(inner)
        self._timing = timing

    async def _call(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        clock = self._timing.clock
        began = clock()
        try:
            return await call()
        finally:
            self._timing.calls[self.name, name].observe(clock() - began)


async def timed(
    answers: Mapping[int, Callable[[Any], Awaitable[Reply | None]]],
    revised: Callable[[Any, Reply], Awaitable[Reply]],
    place: Callable[[Any], None],
    not_for_us: str,
    query: Query,
    timing: Timing,
    watch: Watch,
) -> Reply | None:
    """`exchange`, with a watch that is told of each stage."""

    async def answer(query: Query) -> Reply | None:
        watch.enter(ANSWER)
        reply = await answers[query.type](query)
        watch.enter(OBSERVE)
        return reply

    async def revise(query: Query, reply: Reply) -> Reply:
        watch.enter(REPLY)
        return await revised(query, reply)

    watch.enter(PREPARE)
    query.leases = timing.around(query.leases)
    reply = await exchange({query.type: answer}, revise, place, not_for_us, query)
    watch.enter(REPLY)
    return reply
