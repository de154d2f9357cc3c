"""What a cache of hosts has in common with those of other servers: one of them fetches for all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final

from twisted.internet.defer import Deferred

from txkea.caching import Held, IHostCacheLevel, Key, Recall
from txkea.errors import Unavailable
from txkea.hosts.entries import ENTERED
from txkea.hosts.flights import Flight
from txkea.hosts.memory import Outcome
from txkea.launch import drive

__all__ = ["News", "Shared"]

LOOK: Final = 1.0
"""Seconds after which one looks whether news has been missed."""


class News(Enum):
    """What has become of what another server fetches."""

    LOOK = "it may be there now, or nobody fetches it any more"
    FAILED = "it has had no answer"


class Shared:
    """The talk with a level; ``remember(flight, held)`` keeps in memory what is found there."""

    def __init__(
        self, level: IHostCacheLevel, remember: Callable[[Flight, Mapping[Key, Held]], None], reactor: Any
    ) -> None:
        self._level = level
        self._remember = remember
        self._reactor = reactor
        self._expected: dict[Key, list[Deferred[News]]] = {}

    async def fetch(self, flight: Flight, ask: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """What another server has found, or finds now; or what ``ask`` does, for all servers.

        Raises `Unavailable` where another server has asked in vain.
        """
        keys, first = flight.keys, flight.keys[0]
        while True:
            expected = self._expect(first)
            try:
                found: Recall = await self._level.recall([*_entered(keys), *keys], first)
            except Unavailable:
                self._no_more(first, expected)
                return await ask()
            self._remember(flight, found.held)
            outcome = settled(flight, found.held)
            if outcome is None and not found.claimed:
                if await self._wait(first, expected) is News.FAILED:
                    raise Unavailable("another server, which has asked for both, has had no answer")
                continue
            self._no_more(first, expected)
            if outcome is None:
                return await self._for_all(flight, ask)
            if found.claimed:
                self._say(first, self._level.store({}, claim=first))
            return outcome

    async def _for_all(self, flight: Flight, ask: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Ask, and tell the others, for whom nobody waits here."""
        claim = flight.keys[0]
        try:
            outcome = await ask()
        except Exception:
            self._say(claim, self._level.release(claim, failed=True))
            raise
        if outcome.host is None and not outcome.learnt:
            self._say(claim, self._level.release(claim, failed=False))
        else:
            self._say(claim, self._level.store({} if flight.void else outcome.learnt, claim=claim))
        return outcome

    def _say(self, claim: Key, said: Awaitable[None]) -> None:
        """Let go of a claim: others hear of it through the level, and those here who wait for it at once."""

        async def run() -> None:
            await said

        drive(run(), _nothing, _nothing, None)
        self.told((claim,), News.LOOK)

    # -- news ----------------------------------------------------------------------------------------------------------

    def told(self, keys: Sequence[Key], news: News) -> None:
        """There is news from other servers."""
        for key in keys:
            for each in self._expected.pop(key, ()):
                each.callback(news)

    def told_all(self) -> None:
        """Whoever waits is to look."""
        self.told([*self._expected], News.LOOK)

    def _expect(self, key: Key) -> Deferred[News]:
        expected: Deferred[News] = Deferred()
        self._expected.setdefault(key, []).append(expected)
        return expected

    def _no_more(self, key: Key, expected: Deferred[News]) -> None:
        waiting = self._expected.get(key, [])
        if expected in waiting:
            waiting.remove(expected)
            if not waiting:
                del self._expected[key]

    async def _wait(self, key: Key, expected: Deferred[News]) -> News:
        timer = self._reactor.callLater(LOOK, self.told, (key,), News.LOOK)
        try:
            return await expected
        finally:
            self._no_more(key, expected)
            if timer.active():
                timer.cancel()


def settled(flight: Flight, held: Mapping[Key, Held]) -> Outcome | None:
    """What the source would say, if all that is needed for that is there and fresh enough."""
    for entered, key in zip(_entered(flight.keys), flight.keys, strict=True):
        one = held.get(entered) or held.get(key)
        if one is None or (_is_aged(one) and (flight.refresh or not one.hosts or one.hosts[0].refused)):
            return None
        if one.hosts:
            return Outcome(one.hosts[0])
    return Outcome(None)


def _is_aged(held: Held) -> bool:
    return held.fresh is not None and held.fresh <= 0


def _entered(keys: Sequence[Key]) -> list[Key]:
    """What commands may have entered of the same."""
    return [(ENTERED, *key[1:]) for key in keys]


def _nothing(subject: None, outcome: object) -> None:
    """Nobody wants to know."""
