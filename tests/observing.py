"""What the tests of both families' servers share: those who are told, who have a say, and who take their time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txkea.exchange.query import Query
from txkea.interfaces import (
    IAnswerReady,
    IHostSource,
    ILeaseObserver,
    ILeaseSelected,
    ILocalObserver,
    IQueryFilter,
    IQueryReceived,
    ISubnetSelected,
)
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier

__all__ = ["FACETS", "LocalObserver", "Observer", "Policy", "SlowHosts"]

FACETS: Final = (IQueryReceived, ISubnetSelected, ILeaseSelected, IQueryFilter, IAnswerReady)


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

    async def leases_committed(self, query: Query | None, granted: Sequence[Any], removed: Sequence[Any]) -> None:
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


@implementer(ILocalObserver)
class LocalObserver(Observer):
    """One that is not told of what the partner of a pair does here."""


@implementer(*FACETS)
class Policy:
    """A third party with a say everywhere."""

    def __init__(self, *less: int) -> None:
        self.less = less
        """Codes of options that it takes out of answers."""
        self.error: Exception | None = None
        """What it raises when a lease is selected."""
        self.refused = b""
        """The address of that lease; of any, if empty."""
        self.serving = True
        self.lifetime = 0
        self.subnet_id = 0
        self.more: dict[int, bytes] = {}
        self.seen: list[str] = []

    @property
    def site(self) -> dict[str, Any]:
        """The keywords of a site in which it has its say."""
        one = [self]
        return {"received": one, "selected": one, "lease_selected": one, "filters": one, "answer_ready": one}

    async def query_received(self, query: Query) -> None:
        self.seen.append("received")

    async def subnet_selected(self, query: Query) -> None:
        self.seen.append("subnet")
        if self.subnet_id:
            query.subnet = query.site.subnets.by_id.get(self.subnet_id)

    async def lease_selected(self, query: Query, lease: Any) -> Any:
        self.seen.append("lease")
        if self.error is not None and lease.address.startswith(self.refused):
            raise self.error
        now = int(query.now)
        return lease._replace(valid_lifetime=self.lifetime, expires=now + self.lifetime) if self.lifetime else lease

    def serves(self, query: Query) -> bool:
        self.seen.append("filter")
        return self.serving

    async def answer_ready(self, query: Query, options: dict[int, bytes]) -> None:
        self.seen.append("answer")
        options.update(self.more)
        for code in self.less:
            options.pop(code, None)


@implementer(IHostSource)
class SlowHosts:
    """Reservations that come when the test says so."""

    def __init__(self) -> None:
        self.gate: Deferred[Host | None] = Deferred()

    async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
        return await self.gate

    async def at(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        return ()
