"""What caches of hosts of several servers share, in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from zope.interface import implementer

from txkea.caching import Held, IHostCacheLevel, IHostCacheListener, Key, Recall
from txkea.errors import Unavailable

__all__ = ["Common", "MemoryLevel"]


class Common:
    """What is shared: entries with the times at which they age and end, claims by their owners, and the levels."""

    def __init__(self, seconds: Callable[[], float], stale: float = 3600) -> None:
        self.seconds = seconds
        self.stale = stale
        self.entries: dict[Key, tuple[Held, float | None]] = {}
        self.claims: dict[Key, MemoryLevel] = {}
        self.levels: list[MemoryLevel] = []


@implementer(IHostCacheLevel)
class MemoryLevel:
    """One server's way to it; ``problem`` may be set."""

    name = "memory"

    def __init__(self, common: Common) -> None:
        self.problem = ""
        self._common = common
        self._listener: IHostCacheListener | None = None

    def open(self, listener: IHostCacheListener) -> None:
        """See `IHostCacheLevel`."""
        self._listener = listener
        self._common.levels.append(self)

    async def close(self) -> None:
        """See `IHostCacheLevel`."""
        self._common.levels.remove(self)
        for claim in [key for key, owner in self._common.claims.items() if owner is self]:
            del self._common.claims[claim]

    def _check(self) -> None:
        if self.problem:
            raise Unavailable(self.problem)

    def _others(self) -> Sequence[IHostCacheListener]:
        return [each._listener for each in self._common.levels if each is not self and each._listener is not None]

    async def recall(self, keys: Sequence[Key], claim: Key) -> Recall:
        """See `IHostCacheLevel`."""
        self._check()
        now, found = self._common.seconds(), {}
        for key in keys:
            held, until = self._common.entries.get(key, (None, None))
            if held is not None and (until is None or now < until + self._common.stale):
                found[key] = held._replace(fresh=None if until is None else until - now)
        claimed = claim not in self._common.claims
        if claimed:
            self._common.claims[claim] = self
        return Recall(found, claimed)

    async def store(self, entries: Mapping[Key, Held], gone: Sequence[Key] = (), claim: Key | None = None) -> None:
        """See `IHostCacheLevel`."""
        self._check()
        now = self._common.seconds()
        for key in gone:
            self._common.entries.pop(key, None)
        for key, held in entries.items():
            self._common.entries[key] = held, None if held.fresh is None else now + held.fresh
        self._let_go(claim)
        for each in self._others():
            each.gone(gone)
            each.stored([*entries, *([] if claim is None else [claim])])

    async def release(self, claim: Key, failed: bool) -> None:
        """See `IHostCacheLevel`."""
        self._check()
        self._let_go(claim)
        for each in self._others():
            each.released(claim, failed)

    async def clear(self) -> None:
        """See `IHostCacheLevel`."""
        self._check()
        self._common.entries.clear()
        for each in self._others():
            each.cleared()

    def _let_go(self, claim: Key | None) -> None:
        if claim is not None and self._common.claims.get(claim) is self:
            del self._common.claims[claim]
