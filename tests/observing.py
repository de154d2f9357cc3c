"""What the tests of both families' servers share: an observer of leases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txkea.exchange.query import Query
from txkea.interfaces import ILeaseObserver

__all__ = ["Observer"]


@implementer(ILeaseObserver)
class Observer:
    """Keeps what it is told; ``waits`` is what it gives back, if it is not done at once."""

    def __init__(self, answer_waits: bool, waits: Deferred[None] | None = None, error: Exception | None = None) -> None:
        self.answer_waits = answer_waits
        self.waits = waits
        self.error = error
        self.committed: list[tuple[list[bytes], list[bytes]]] = []
        self.expired: list[Any] = []
        self.declined: list[Any] = []

    async def leases_committed(self, query: Query, granted: Sequence[Any], removed: Sequence[Any]) -> None:
        self.committed.append(([lease.address for lease in granted], [lease.address for lease in removed]))
        if self.waits is not None:
            await self.waits
        if self.error is not None:
            raise self.error

    async def lease_expired(self, lease: Any) -> None:
        self.expired.append(lease)

    async def lease_declined(self, query: Query, lease: Any) -> None:
        self.declined.append(lease)
        if self.waits is not None:
            await self.waits
