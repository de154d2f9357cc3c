"""Reclamation of leases whose time is over, for any lease store (Kea A.14)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from txkea.errors import TxkeaError
from txkea.interfaces import ILeaseObserver, ILeaseStore, ILogger
from txkea.model.configuration import ExpiryParameters
from txkea.model.lease import Lease4, LeaseState

__all__ = ["Reclamation"]

TOGETHER: Final = 64
"""Leases that are reclaimed at once, so that they share a commit."""


class Reclamation:
    """Ends leases on its timers, on command, and when addresses run out.

    A reclaimed lease stays as a row in state RECLAIMED for ``hold_reclaimed_time``, so that a client that comes back
    gets its address again (Kea A168); a declined address is forgotten (Kea A164). ``reclaimed(lease)`` is told of each
    lease that was running until now, and the observers after it.
    """

    def __init__(
        self,
        store: ILeaseStore,
        parameters: ExpiryParameters,
        *,
        reactor: Any,
        log: ILogger,
        observers: Sequence[ILeaseObserver] = (),
        reclaimed: Callable[[Lease4], object] = lambda lease: None,
    ) -> None:
        self._store = store
        self._parameters = parameters
        self._reactor = reactor
        self._log = log
        self._observers = observers
        self._reclaimed = reclaimed
        self._timers: dict[str, IDelayedCall] = {}
        self._running = False
        self._incomplete = 0

    # -- timers --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin the cycles; each interval counts from the end of one to the start of the next (Kea A165)."""
        self._running = True
        self._arm("reclaim", self._parameters.reclaim_timer_wait_time, self._cycle)
        self._arm("flush", self._parameters.flush_reclaimed_timer_wait_time, self.flush)

    def stop(self) -> None:
        """Begin no more cycles."""
        self._running = False
        while self._timers:
            self._timers.popitem()[1].cancel()

    def _arm(self, name: str, interval: int, cycle: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        if not self._running or not interval:
            return

        def run() -> None:
            del self._timers[name]
            done = Deferred.fromCoroutine(cycle())
            done.addErrback(self._failed)
            done.addCallback(lambda ignored: self._arm(name, interval, cycle))

        self._timers[name] = self._reactor.callLater(interval, run)

    def _failed(self, failure: Failure) -> None:
        if self._log.error:
            self._log.error("ALLOC_ENGINE_V4_LEASES_RECLAMATION_FAILED", f"reclamation failed: {failure.value}")

    # -- cycles --------------------------------------------------------------------------------------------------------

    async def _cycle(self) -> None:
        parameters = self._parameters
        limit = parameters.max_reclaim_leases
        complete = await self.reclaim(limit, parameters.max_reclaim_time / 1000)
        self._incomplete = 0 if complete else self._incomplete + 1
        if self._incomplete >= parameters.unwarned_reclaim_cycles > 0:
            self._incomplete = 0
            if self._log.warn:
                text = (
                    f"leases expire faster than they are reclaimed: {parameters.unwarned_reclaim_cycles} cycles in a "
                    "row left some; raise max-reclaim-leases or max-reclaim-time, or lower reclaim-timer-wait-time"
                )
                self._log.warn("ALLOC_ENGINE_V4_LEASES_RECLAMATION_SLOW", text)

    async def reclaim(self, limit: int = 0, seconds: float = 0.0, remove: bool = False) -> bool:
        """Reclaim up to ``limit`` leases in about ``seconds`` (0: no bound); whether none is left.

        ``remove`` deletes the rows, whatever is configured.
        """
        end = self._reactor.seconds() + seconds if seconds else None
        left = limit or None
        while True:
            size = TOGETHER if left is None else min(TOGETHER, left)
            expired = await self._store.expired(self._reactor.seconds(), size)
            if await self._end(expired, remove) < size:
                return True
            left = None if left is None else left - size
            if left == 0 or (end is not None and self._reactor.seconds() >= end):
                return not await self._store.expired(self._reactor.seconds(), 1)

    async def on_demand(self, now: float) -> int:
        """Reclaim a few leases at once, for a client that finds no free address; gives how many."""
        return await self._end(await self._store.expired(now, TOGETHER), False)

    async def _end(self, leases: Sequence[Lease4], remove: bool) -> int:
        return await self._together(self._end_one(lease, remove) for lease in leases)

    @staticmethod
    async def _together(changes: Iterable[Coroutine[Any, Any, bool]]) -> int:
        """Make several changes so that they share a commit; gives how many were made."""
        return sum(await gatherResults([Deferred.fromCoroutine(change) for change in changes], True))

    async def _end_one(self, lease: Lease4, remove: bool) -> bool:
        """Reclaim one lease; False if it changed meanwhile, or the store refused."""
        try:
            done = await self._put_down(lease, remove)
        except TxkeaError as error:
            self._failed(Failure(error))
            return False
        if done and lease.state != LeaseState.RELEASED:
            self._reclaimed(lease)
            for observer in self._observers:
                await observer.lease_expired(lease)
        return done

    async def _put_down(self, lease: Lease4, remove: bool) -> bool:
        if remove or lease.state == LeaseState.DECLINED or not self._parameters.hold_reclaimed_time:
            return await self._store.remove(lease)
        kept = lease._replace(state=LeaseState.RECLAIMED, hostname="", fqdn_fwd=False, fqdn_rev=False)
        return await self._store.update(kept, lease)

    async def flush(self) -> None:
        """Delete the rows of leases that were reclaimed long enough ago (Kea A167)."""
        before = self._reactor.seconds() - self._parameters.hold_reclaimed_time
        while leases := await self._store.reclaimed(before, TOGETHER):
            if not await self._together(self._forget(lease) for lease in leases):
                return

    async def _forget(self, lease: Lease4) -> bool:
        return await self._store.remove(lease)
