"""The queue of one file, which all configurations of a server share that are in force one after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred

from txkea.interfaces import ILogger
from txkea.radius.delivery import Delivery
from txkea.radius.sessions import Record
from txkea.radius.spool import Spool

__all__ = ["Queue", "User"]

_OPEN: Final[dict[str, Queue]] = {}
"""By path: the providers of a configuration start before those of the one before it stop."""


class User(NamedTuple):
    """What one configuration does with records."""

    send: Callable[[Record], Awaitable[object]]
    """Have one told; see `Delivery`."""
    heard: Callable[[Sequence[Record]], object]
    """Hear of those that are new."""
    most: int
    """How many may wait."""


class Queue:
    """A spool, and what delivers from it."""

    def __init__(self, path: str, *, reactor: Any, log: ILogger) -> None:
        self.spool = Spool(path, reactor=reactor, log=log)
        self.delivery = Delivery(self.spool, reactor=reactor, log=log)
        self._users: list[User] = []
        self._closed: Deferred[None] | None = None

    @classmethod
    async def of(cls, path: str, *, reactor: Any, log: ILogger) -> Queue:
        """The one of this file, open, for someone who will `join`. Raises `Unavailable`."""
        while (queue := _OPEN.get(path)) is not None and queue._closed is not None:
            await queue._gone()
        if queue is None:
            queue = cls(path, reactor=reactor, log=log)
            queue.spool.open()
            _OPEN[path] = queue
        return queue

    def __len__(self) -> int:
        """How many use it."""
        return len(self._users)

    def join(self, user: User) -> None:
        """Have records sent and counted by this one, as long as it is the last that came."""
        self._users.append(user)
        self._follow(user)

    def _follow(self, user: User) -> None:
        self.spool.told = user.heard
        self.spool.limit(user.most)
        self.delivery.use(user.send)

    async def _gone(self) -> None:
        waiting: Deferred[None] = Deferred()
        assert self._closed is not None
        self._closed.chainDeferred(waiting)
        await waiting

    async def leave(self, user: User) -> None:
        """Use it no longer; the last one closes it."""
        self._users.remove(user)
        if self._users:
            self._follow(self._users[-1])
            return
        self.delivery.stop()
        self._closed = Deferred()
        await self.spool.close()
        _OPEN.pop(self.spool.path, None)
        self._closed.callback(None)
