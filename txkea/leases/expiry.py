"""Leases whose time is over are reclaimed (Kea A.14)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import ILeaseObserver, ILeaseStore, ILogger
from txkea.launch import launch
from txkea.leases.names import name_of
from txkea.model.configuration import ExpiryParameters
from txkea.model.lease import Lease, LeaseState

__all__ = ["Reclamation"]

_TOGETHER: Final = 64
"""How many leases are changed at once: they share a commit, and the reactor is held for less than a millisecond."""
_ON_DEMAND: Final = 100
"""How many leases are reclaimed when addresses run out and ``max-reclaim-leases`` sets no limit."""


def _nothing(lease: Lease) -> None:
    """For those who do not count."""


def _never() -> bool:
    return False


class Reclamation:
    """Reclaims expired leases and deletes old reclaimed ones, on timers and when asked.

    A reclaimed lease is kept for ``hold_reclaimed_time``, so that its client may get the address again (Kea A168);
    one that was declined is always deleted (Kea A164). ``reclaimed(lease)`` is told of each, as it was, for the
    statistics; then the observers are, in their order and in that of the leases. Nobody waits for what they do then: an
    observer that never comes back keeps no lease from its end. While ``postponed()`` is true the timers do nothing
    (Kea A169).
    """

    def __init__(
        self,
        leases: ILeaseStore,
        parameters: ExpiryParameters,
        *,
        reactor: Any,
        log: ILogger,
        family: int = 4,
        observers: Sequence[ILeaseObserver] = (),
        reclaimed: Callable[[Lease], object] = _nothing,
        postponed: Callable[[], bool] = _never,
    ) -> None:
        self._leases = leases
        self._parameters = parameters
        self._reactor = reactor
        self._log = log
        self._message: Callable[[str], str] = lambda identifier: identifier.format(family)
        self._observers = observers
        self._reclaimed = reclaimed
        self._postponed = postponed
        self._timers: dict[str, Any] = {}
        self._stopped = False
        self._incomplete = 0

    # -- timers

    def start(self) -> None:
        """Begin the two timers; the time between runs counts from the end of one to the start of the next."""
        self._stopped = False
        self._later("reclaim", self._parameters.reclaim_timer_wait_time, self._cycle)
        self._later("flush", self._parameters.flush_reclaimed_timer_wait_time, self._flush)

    def stop(self) -> None:
        """End the timers; a run under way ends after the leases that it has in hand."""
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _later(self, name: str, seconds: float, run: Callable[[], Any]) -> None:
        if seconds > 0 and not self._stopped:
            self._timers[name] = self._reactor.callLater(seconds, self._due, name, seconds, run)

    def _due(self, name: str, seconds: float, run: Callable[[], Any]) -> None:
        del self._timers[name]
        launch(self._run(name, seconds, run))

    async def _run(self, name: str, seconds: float, run: Callable[[], Any]) -> None:
        try:
            if not self._postponed():
                await run()
        except TxkeaError as error:
            if self._log.error:
                text = f"reclamation could not go on: {error}"
                self._log.error(self._message("ALLOC_ENGINE_V{}_LEASES_RECLAMATION_FAILED"), text)
        finally:
            self._later(name, seconds, run)

    async def _cycle(self) -> None:
        parameters = self._parameters
        if self._log.debug:
            text = "starting reclamation of expired leases"
            self._log.debug(self._message("ALLOC_ENGINE_V{}_LEASES_RECLAMATION_START"), text)
        now = self._reactor.seconds()
        end = now + parameters.max_reclaim_time / 1000 if parameters.max_reclaim_time else None
        count = await self._reclaim(now, parameters.max_reclaim_leases, not parameters.hold_reclaimed_time, end)
        if self._log.debug:
            text = f"completed reclamation of expired leases: {count}"
            self._log.debug(self._message("ALLOC_ENGINE_V{}_LEASES_RECLAMATION_COMPLETE"), text)
        self._warn_if_slow(bool(await self._leases.expired(now, 1)))

    def _warn_if_slow(self, left: bool) -> None:
        """Warn after so many cycles in a row that left something (Kea A166)."""
        self._incomplete = self._incomplete + 1 if left else 0
        cycles = self._parameters.unwarned_reclaim_cycles
        if cycles and self._incomplete >= cycles:
            self._incomplete = 0
            if self._log.warn:
                text = f"expired leases still exist after {cycles} reclamations: raise max-reclaim-leases"
                self._log.warn(self._message("ALLOC_ENGINE_V{}_LEASES_RECLAMATION_SLOW"), text)

    async def _flush(self) -> None:
        await self.flush(self._reactor.seconds() - self._parameters.hold_reclaimed_time)

    # -- when asked

    async def reclaim(self, now: float, limit: int = 0, remove: bool = False) -> int:
        """Reclaim at most ``limit`` leases (0: all) that have expired; gives how many.

        ``remove`` deletes them rather than keep them for their clients. Raises `Unavailable`.
        """
        return await self._reclaim(now, limit, remove, None)

    async def on_demand(self, now: float) -> int:
        """Reclaim some leases because addresses have run out; gives how many."""
        parameters = self._parameters
        return await self.reclaim(now, parameters.max_reclaim_leases or _ON_DEMAND, not parameters.hold_reclaimed_time)

    async def flush(self, before: float) -> int:
        """Delete the reclaimed leases that expired before ``before`` (Kea A167); gives how many."""
        count = 0
        while leases := await self._leases.reclaimed(before, _TOGETHER):
            removed = sum(await _together([self._leases.remove(lease) for lease in leases]))
            count += removed
            if not removed or self._stopped:
                break
            await self._breathe()
        if count and self._log.debug:
            text = f"deleted {count} reclaimed leases"
            self._log.debug(self._message("ALLOC_ENGINE_V{}_RECLAIMED_LEASES_DELETE_COMPLETE"), text)
        return count

    # -- the work

    async def _reclaim(self, now: float, limit: int, remove: bool, end: float | None) -> int:
        """Some at a time, until ``limit`` or the time ``end``; stops when nothing moves."""
        count = 0
        while not limit or count < limit:
            leases = await self._leases.expired(now, min(_TOGETHER, limit - count) if limit else _TOGETHER)
            done = sum(await _together([self._reclaim_one(lease, remove) for lease in leases]))
            count += done
            if not done or self._stopped or (end is not None and self._reactor.seconds() >= end):
                break
            await self._breathe()
        return count

    async def _breathe(self) -> None:
        """Let others have the reactor."""
        await deferLater(self._reactor, 0, lambda: None)

    async def _reclaim_one(self, lease: Lease, remove: bool) -> bool:
        """False if the lease was changed meanwhile: renewed, most likely."""
        declined = lease.state == LeaseState.DECLINED
        if remove or declined:
            done = await self._leases.remove(lease)
        else:
            kept = lease._replace(state=LeaseState.RECLAIMED, hostname="", fqdn_fwd=False, fqdn_rev=False)
            done = await self._leases.update(kept, lease)
        if not done:
            return False
        self._tell(lease, declined)
        if lease.state == LeaseState.RELEASED:
            return True  # it was accounted for when its client gave it back
        self._reclaimed(lease)
        for observer in self._observers:
            launch(self._observe(observer, lease))
        return True

    def _tell(self, lease: Lease, declined: bool) -> None:
        if declined:
            if self._log.info:
                text = f"declined address {name_of(lease)} is free again"
                self._log.info(self._message("ALLOC_ENGINE_V{}_DECLINED_RECOVERED"), text)
        elif self._log.debug:
            text = f"reclaimed expired lease {name_of(lease)}"
            self._log.debug(self._message("ALLOC_ENGINE_V{}_LEASE_RECLAIM"), text)

    async def _observe(self, observer: ILeaseObserver, lease: Lease) -> None:
        """The lease is reclaimed, whether its observers like it or not."""
        try:
            await observer.lease_expired(lease)
        except Exception as error:  # noqa: BLE001 - a third party's bug must not end reclamation
            if self._log.error:
                text = f"an observer of the expired lease {name_of(lease)} failed: {error!r}"
                self._log.error(self._message("ALLOC_ENGINE_V{}_LEASES_RECLAMATION_FAILED"), text)


async def _together(calls: Sequence[Any]) -> list[bool]:
    """Await several; raises the first error, after all have ended."""
    outcomes = await gatherResults([Deferred.fromCoroutine(_caught(each)) for each in calls])
    for outcome in outcomes:
        if isinstance(outcome, Unavailable):
            raise outcome
    return [outcome is True for outcome in outcomes]


async def _caught(waiting: Any) -> bool | Unavailable:
    try:
        result: bool = await waiting
    except Unavailable as error:
        return error
    return result
