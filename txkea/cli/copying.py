"""Copy things from one place to another, many at a time, so that it can be done again and goes on where it ended."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

import click
from attrs import define, field, frozen
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.task import deferLater

from txkea.cli.progress import progress
from txkea.cli.waiting import Wait, reactor
from txkea.errors import Busy, TxkeaError, Unavailable

__all__ = ["BATCH", "Batch", "Copying", "Fate", "Source", "Tally", "Target", "Verdict", "copied"]

T = TypeVar("T")
BATCH: Final = 1000
"""Things under way at once: a store makes groups of them."""
PAUSE: Final = 0.1
"""Seconds before a store that has too much to do is asked again."""


class Verdict(Enum):
    """What became of one thing; the values are what a summary calls them."""

    COPIED = "copied"
    REPLACED = "replaced"
    SAME = "there already"
    CONFLICT = "not copied"


class Fate(NamedTuple):
    """What became of one thing, and why."""

    verdict: Verdict
    reason: str = ""


@frozen
class Batch(Generic[T]):
    """What a source gives at once; ``wrong`` are lines about what it had beside that."""

    things: Sequence[T]
    wrong: Sequence[str] = ()
    looked_at: int = 0
    """How many it looked at for them."""
    behind: str = ""
    """What ``--after`` would begin behind it."""


class Source(Protocol[T]):
    """Where things come from."""

    total: int | None
    """About how many there are, if it can tell."""

    async def next(self) -> Batch[T] | None:
        """The next ones, None at the end. Raises `TxkeaError`."""


class Target(Protocol[T]):
    """Where things go to; what it awaits raises `Unavailable` if the store is away."""

    @property
    def word(self) -> str:
        """What people call a thing."""

    async def there(self, thing: T) -> T | None:
        """What is in its place."""

    async def add(self, thing: T) -> bool:
        """Take it in; False if it cannot be."""

    async def update(self, thing: T, was: T) -> bool:
        """Put it in the place of another; False if it cannot be."""

    async def in_the_way(self, thing: T) -> str:
        """Which other one keeps it out; empty if none does."""

    def differences(self, there: T, thing: T) -> str:
        """The fields that differ, as they are there and as they would be; empty if none does."""


async def put(target: Target[T], update: bool, dry_run: bool, thing: T) -> Fate:
    """Copy one thing; with ``update`` in the place of the one that is there. Raises `Unavailable`."""
    try:
        there = await target.there(thing)
        if there is not None and not (differences := target.differences(there, thing)):
            return Fate(Verdict.SAME)
        if there is not None and not update:
            return Fate(Verdict.CONFLICT, f"another {target.word} is there: {differences}")
        verdict = Verdict.COPIED if there is None else Verdict.REPLACED
        if not dry_run and await (target.add(thing) if there is None else target.update(thing, there)):
            return Fate(verdict)
        if reason := await target.in_the_way(thing):
            return Fate(Verdict.CONFLICT, reason)
        return Fate(verdict) if dry_run else Fate(Verdict.CONFLICT, "it changes at this very time; do it again")
    except Unavailable:
        raise
    except TxkeaError as error:
        return Fate(Verdict.CONFLICT, str(error))


@define
class Tally:
    """How far it came."""

    counts: dict[Verdict, int] = field(factory=lambda: dict.fromkeys(Verdict, 0))

    def __str__(self) -> str:
        return ", ".join(f"{count} {verdict.value}" for verdict, count in self.counts.items() if self._told(verdict))

    def _told(self, verdict: Verdict) -> bool:
        return verdict != Verdict.REPLACED or self.counts[verdict] > 0


class Step(NamedTuple):
    """What came of one batch."""

    looked_at: int
    lines: Sequence[str]


class Copying(Generic[T]):
    """Gets the next batch while the one before is put; ``name`` is how people call one thing."""

    def __init__(
        self,
        source: Source[T],
        target: Target[T],
        name: Callable[[T], str],
        *,
        update: bool = False,
        dry_run: bool = False,
    ) -> None:
        self.tally = Tally()
        self.total = source.total
        self.behind = ""
        """Where to go on: of what is before that is known what became."""
        self._source = source
        self._target = target
        self._update, self._dry_run = update, dry_run
        self._name = name
        self._ahead: Deferred[Batch[T] | None] | None = None

    async def step(self) -> Step | None:
        """Copy one batch; None at the end. Raises `TxkeaError` if a place cannot be used any more."""
        batch = await (self._ahead or self._source.next())
        if batch is None:
            return None
        self._ahead = Deferred.fromCoroutine(self._source.next())
        try:
            fates = await _all([self._fate(thing) for thing in batch.things])
        except BaseException:
            self._ahead.addErrback(lambda failure: None)  # nobody will ask
            raise
        counts = self.tally.counts
        for fate in fates:
            counts[fate.verdict] += 1
        counts[Verdict.CONFLICT] += len(batch.wrong)
        self.behind = batch.behind or self.behind
        said = [
            f"{self._name(one)}: {fate.reason}" for one, fate in zip(batch.things, fates, strict=True) if fate.reason
        ]
        return Step(batch.looked_at or len(batch.things), [*batch.wrong, *said])

    async def _fate(self, thing: T) -> Fate:
        while True:
            try:
                return await put(self._target, self._update, self._dry_run, thing)
            except Busy:  # for clients that would ask again; here nobody is in a hurry
                await deferLater(reactor, PAUSE, lambda: None)


async def _all(coros: Sequence[Coroutine[Any, Any, Fate]]) -> Sequence[Fate]:
    """What comes of all of them; the first error of one, if there is any."""
    try:
        found: Sequence[Fate] = await gatherResults(map(Deferred.fromCoroutine, coros), consumeErrors=True)
    except FirstError as first:
        first.subFailure.raiseException()
        raise
    return found


def copied(copying: Copying[T], wait: Wait, what: str, dry_run: bool) -> int:
    """Copy all, and tell; the exit status is 0 if all of it is there now."""
    with summary(copying, what, dry_run), progress(what, copying.total) as bar:
        while (step := wait(copying.step)) is not None:
            bar.advance(step.looked_at)
            for line in step.lines:
                bar.say(line)
    return 1 if copying.tally.counts[Verdict.CONFLICT] else 0


@contextmanager
def summary(copying: Copying[T], what: str, dry_run: bool) -> Iterator[None]:
    """Tell how far it came, however it ends."""
    ended = False
    try:
        yield
        ended = True
    finally:
        would = " (nothing was changed: a trial)" if dry_run else ""
        with suppress(BrokenPipeError):
            click.echo(f"{what}: {copying.tally}{would}", err=True)
            if not ended and copying.behind and not dry_run:
                click.echo(f"it can be done again, or goes on with --after {copying.behind}", err=True)
