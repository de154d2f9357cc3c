"""The connections of one listening socket: a few at a time, and whoever only waits makes room for others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Protocol

from txkea.interfaces import ILogger

__all__ = ["MOST", "Crowd", "Guest"]

MOST: Final = 64
"""Connections of one socket: far fewer than a process may have descriptors, and more than administrators are."""


class Guest(Protocol):
    """A connection."""

    transport: Any

    @property
    def answering(self) -> bool:
        """Whether a command of somebody who may give one is under way."""


class Crowd:
    """Who is connected, in the order in which they came or were last answered."""

    def __init__(self, log: ILogger) -> None:
        self._log = log
        self._guests: dict[Guest, None] = {}

    def __len__(self) -> int:
        return len(self._guests)

    def __iter__(self) -> Iterator[Guest]:
        return iter(tuple(self._guests))

    def admit(self, guest: Guest) -> bool:
        """Let a connection in; if there are too many, in the place of the one that has waited longest.

        False if all are being answered.
        """
        if len(self._guests) >= MOST:
            idle = next((each for each in self._guests if not each.answering), None)
            if self._log.warn:
                what = "the one that has waited longest is closed" if idle is not None else "another one is refused"
                self._log.warn("COMMAND_SOCKET_ACCEPT_FAIL", f"{MOST} connections are open already; {what}")
            if idle is None:
                return False
            del self._guests[idle]
            idle.transport.abortConnection()
        self._guests[guest] = None
        return True

    def refresh(self, guest: Guest) -> None:
        """A connection was answered, and may wait for as long as a new one."""
        if self._guests.pop(guest, guest) is None:
            self._guests[guest] = None

    def leave(self, guest: Guest) -> None:
        """A connection is gone."""
        self._guests.pop(guest, None)
