"""Several coroutines under way at once, without a reactor."""

from __future__ import annotations

from collections.abc import Coroutine, Generator, Sequence
from typing import Any, Generic, TypeVar

__all__ = ["together"]

T = TypeVar("T")


class _Started(Generic[T]):
    """A coroutine that has run up to its first wait, or to its end; awaited once, for the rest."""

    __slots__ = ("_coro", "_error", "_result", "_waiting")

    def __init__(self, coro: Coroutine[Any, Any, T]) -> None:
        self._coro: Coroutine[Any, Any, T] | None = coro
        self._error: Exception | None = None
        self._run(None)

    def _run(self, error: Exception | None) -> None:
        coro = self._coro
        assert coro is not None, "it has not ended"
        try:
            self._waiting = coro.send(None) if error is None else coro.throw(error)
        except StopIteration as done:
            self._coro, self._result = None, done.value
        except Exception as failure:  # noqa: BLE001 - whoever awaits it hears it
            self._coro, self._error = None, failure

    def __await__(self) -> Generator[Any, Any, T]:
        # What it waits for may have come before anybody asked: then it goes on by itself, else it says so again.
        error: Exception | None = None
        while self._coro is not None:
            self._run(error)
            error = None
            if self._coro is not None:
                try:
                    yield self._waiting
                except Exception as failure:  # noqa: BLE001 - it belongs to the coroutine
                    error = failure
        if self._error is not None:
            raise self._error
        result: T = self._result
        return result


async def together(coros: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Start all, then wait for each; gives their results in order.

    What they wait for goes on meanwhile: two leases of one message share a commit. Raises the first error, after all
    have ended.
    """
    if len(coros) == 1:
        return [await coros[0]]
    results, errors = [], []
    for started in [_Started(coro) for coro in coros]:
        try:
            results.append(await started)
        except Exception as error:  # noqa: BLE001 - raised below
            errors.append(error)
    if errors:
        raise errors[0]
    return results
