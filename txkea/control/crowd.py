"""The connections of one listening socket: a few at a time, and whoever only waits makes room for others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, Generic, Protocol, TypeVar

from twisted.internet.task import deferLater

from txkea.control.request import MAX_REQUEST
from txkea.control.seldom import Seldom

__all__ = ["CLOSING_TIME", "MOST", "Crowd", "Guest"]

MOST: Final = 128
"""Connections of one socket.

Far fewer than a process may have descriptors, more than administrators are, and more than come in one turn of the
reactor: whoever says at once what he wants is heard before others have taken his place.
"""
HELD: Final = MAX_REQUEST + (MAX_REQUEST >> 2)
"""Bytes of unfinished commands of all connections."""
CLOSING_TIME: Final = 2.0
"""Seconds that answers under way get when the socket closes."""
SMALL: Final = 1 << 14
"""A command of no more bytes is taken whatever others send."""


class Guest(Protocol):
    """A connection."""

    transport: Any
    peer: str
    """The address that it comes from; ``""`` on a UNIX socket."""

    @property
    def answering(self) -> bool:
        """Whether somebody who may ask is being served."""

    @property
    def unfinished(self) -> bool:
        """Whether an answer is under way that has an end."""


G = TypeVar("G", bound=Guest)


class Crowd(Generic[G]):
    """Who is connected, in the order in which they came or were last answered."""

    def __init__(self, turned_away: Seldom) -> None:
        self._turned_away = turned_away
        self._guests: dict[G, int] = {}
        """With the bytes that each has sent of a command."""

    def __len__(self) -> int:
        return len(self._guests)

    def __iter__(self) -> Iterator[G]:
        return iter(tuple(self._guests))

    def admit(self, guest: G) -> bool:
        """Let a connection in; if there are too many, in the place of one that only waits.

        That is the one that has waited longest of the address with most connections: a flood from one address does not
        touch those who come from others. False if all are being answered.
        """
        if len(self._guests) >= MOST:
            together = Counter(each.peer for each in self._guests)
            waiting = [each for each in self._guests if not each.answering]
            idle = max(waiting, key=lambda each: together[each.peer], default=None)
            what = "the one that has waited longest is closed" if idle is not None else "another one is refused"
            self._turned_away.warn("COMMAND_SOCKET_ACCEPT_FAIL", f"{MOST} connections are open already; {what}")
            if idle is None:
                return False
            del self._guests[idle]
            idle.transport.abortConnection()
        self._guests[guest] = 0
        return True

    def holds(self, guest: G, size: int) -> bool:
        """Whether a command may have so many bytes, given what others have sent; then they count."""
        others = sum(self._guests.values()) - self._guests.get(guest, 0)
        if guest not in self._guests or (size > SMALL and others + size > HELD):
            return False
        self._guests[guest] = size
        return True

    def refresh(self, guest: G) -> None:
        """A connection was answered, and may wait for as long as a new one."""
        if self._guests.pop(guest, None) is not None:
            self._guests[guest] = 0

    def leave(self, guest: G) -> None:
        """A connection is gone."""
        self._guests.pop(guest, None)

    async def dismiss(self, reactor: Any) -> None:
        """Let answers under way end, and drop everybody else."""
        end = reactor.seconds() + CLOSING_TIME
        while any(each.unfinished for each in self) and reactor.seconds() < end:
            await deferLater(reactor, 0.02)
        for each in self:
            each.transport.abortConnection()
        await deferLater(reactor, 0)
