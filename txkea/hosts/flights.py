"""One fetch for all who want the same."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from txkea.caching import Key
from txkea.launch import drive

__all__ = ["Flight", "Flights"]


class Flight:
    """A fetch that is under way for some keys; it goes on whoever stops waiting for it.

    ``query`` is the one that it began with; ``refresh`` tells that nobody needs it: what it fetches again is used
    meanwhile.
    """

    def __init__(self, keys: Sequence[Key], query: Any = None, refresh: bool = False) -> None:
        self.keys = tuple(keys)
        self.query = query
        self.refresh = refresh
        self.void = False
        """Whether what it brings is not to be remembered: what it asks for has changed meanwhile."""
        self._ended = False
        self._result: Any = None
        self._error: Exception | None = None
        self._waiting: list[Deferred[None]] = []

    async def wait(self) -> Any:
        """What it brings, or raises."""
        if not self._ended:
            waiter: Deferred[None] = Deferred(self._waiting.remove)
            self._waiting.append(waiter)
            await waiter
        if self._error is not None:
            raise self._error.with_traceback(None)
        return self._result

    def end(self, result: Any, error: Exception | None = None) -> None:
        """Tell all who wait."""
        self._ended, self._result, self._error = True, result, error
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)


class Flights:
    """The fetches under way, at most one for each key."""

    def __init__(self) -> None:
        self._flights: dict[Key, Flight] = {}

    def __len__(self) -> int:
        """Of how many keys."""
        return len(self._flights)

    def of(self, keys: Sequence[Key]) -> Flight | None:
        """One that fetches one of these, if any does."""
        flights = self._flights
        return next((flights[key] for key in keys if key in flights), None) if flights else None

    def begin(self, flight: Flight, fetch: Coroutine[Any, Any, Any]) -> Flight:
        """Let one fetch what nobody fetches yet; it may have ended when this returns."""
        self._flights.update(dict.fromkeys(flight.keys, flight))
        drive(fetch, self._came, self._failed, flight)
        return flight

    def void(self, key: Key) -> None:
        """What is fetched for a key now is not to be remembered; who comes from now on has it fetched again."""
        flight = self._flights.get(key)
        if flight is not None:
            flight.void = True
            self._remove(flight)

    def void_all(self) -> None:
        """The same of all keys."""
        for key in [*self._flights]:
            self.void(key)

    def _came(self, flight: Flight, result: Any) -> None:
        self._remove(flight)
        flight.end(result)

    def _failed(self, flight: Flight, error: Exception) -> None:
        self._remove(flight)
        flight.end(None, error)

    def _remove(self, flight: Flight) -> None:
        for key in flight.keys:
            if self._flights.get(key) is flight:
                del self._flights[key]
