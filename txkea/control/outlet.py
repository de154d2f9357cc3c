"""Sends what is long to a reader who may be slow, and lets others have their turn in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from inspect import isasyncgen
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.task import deferLater
from zope.interface import implementer

from txkea.launch import launch

__all__ = ["TIME_LIMIT", "Outlet"]

TIME_LIMIT: Final = 10.0
"""Seconds for a command to arrive, and for each part of the answer to be taken (Kea G002)."""


@implementer(IPushProducer)
class Outlet:
    """The way out of one connection."""

    def __init__(self, transport: Any, reactor: Any) -> None:
        self._transport = transport
        self._reactor = reactor
        self._room: Deferred[None] | None = None
        self._pieces: AsyncIterator[Any] | None = None
        self._lost = False

    async def send(self, pieces: AsyncIterator[Any], write: Callable[[Any], object]) -> bool:
        """Write each piece when there is room for it; whether the reader was there to the end.

        A reader that takes nothing for `TIME_LIMIT` seconds is cut off. The pieces are closed if nobody wants the rest.
        """
        self._pieces = pieces
        if not self._lost:
            self._transport.registerProducer(self, True)
        try:
            async for piece in pieces:
                if self._lost:
                    break
                write(piece)
                await self._next_turn()
        finally:
            if self._lost:
                await self._close_pieces()
            else:
                self._pieces = None
                self._transport.unregisterProducer()
        return not self._lost

    async def _next_turn(self) -> None:
        await deferLater(self._reactor, 0)
        if self._room is not None:
            timer: IDelayedCall = self._reactor.callLater(TIME_LIMIT, self._transport.abortConnection)
            await self._room
            if timer.active():
                timer.cancel()

    def lost(self) -> None:
        """The connection is gone."""
        if self._lost:
            return
        self._lost = True
        self.resumeProducing()
        self.stop()

    def stop(self) -> None:
        """End what has no end of its own; what has one comes to it."""
        if not isasyncgen(self._pieces):  # one that waits cannot be closed
            launch(self._close_pieces())

    async def _close_pieces(self) -> None:
        pieces, self._pieces = self._pieces, None
        close: Callable[[], Awaitable[object]] | None = getattr(pieces, "aclose", None)
        if close is not None:
            await close()

    def pauseProducing(self) -> None:
        """The reader does not read as fast as we write."""
        if self._room is None:
            self._room = Deferred()

    def resumeProducing(self) -> None:
        """There is room again, or nobody to write to."""
        room, self._room = self._room, None
        if room is not None:
            room.callback(None)

    def stopProducing(self) -> None:
        """The reader is gone."""
        self.lost()
