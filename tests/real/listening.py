"""Waiting for the messages that arrive at an interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from tests.real.tap import Seen, Tap, sniff
from txkea.testing.namespaces import Namespace, wait_for

__all__ = ["Listener"]

M = TypeVar("M")


class Listener(Generic[M]):
    """What arrives at one interface, message by message; ``read`` makes one of a datagram, None of another's."""

    def __init__(self, namespace: Namespace, interface: str, read: Callable[[Seen], M | None]) -> None:
        self.tap = Tap(namespace, interface)
        self.past: list[M] = []
        self._read = read
        self._waiting: list[M] = []

    def expect(self, what: str, condition: Callable[[M], bool], timeout: float = 20.0) -> M:
        """The next message of this kind; skips others. Raises `TimeoutError` that tells what came instead."""
        try:
            return wait_for(lambda: self._next(condition), what, timeout)
        except TimeoutError as error:
            came = "\n  ".join(str(message) for message in self.past)
            raise TimeoutError(f"{error}; at {self.tap.interface} came\n  {came}") from None

    def rest(self) -> None:
        """Take note of all that has arrived, in ``past``."""
        self._next(lambda message: False)

    def _next(self, condition: Callable[[M], bool]) -> M | None:
        for _, seen in sniff([self.tap], 0.02):
            if (message := self._read(seen)) is not None:
                self._waiting.append(message)
        while self._waiting:
            self.past.append(self._waiting.pop(0))
            if condition(self.past[-1]):
                return self.past[-1]
        return None
