"""What was looked up for an offer need not be looked up again for the request that accepts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from txkea.exchange.around import LeasesAround
from txkea.interfaces import ILeaseStore
from txkea.model.identifier import Identifier
from txkea.model.lease import Lease

if TYPE_CHECKING:
    from txkea.exchange.query import Query

__all__ = ["Recollection", "Recollections", "recollecting"]

SECONDS: Final = 10.0
"""How long what was looked up is remembered."""
MOST: Final = 16
"""Look-ups of one query that are remembered: who made more went through pools."""
CLIENTS: Final = 1 << 15
"""Clients of whom something is remembered at once; of more the oldest are forgotten."""
ASKS, ACCEPTS = 1, 3
"""DISCOVER and SOLICIT, and REQUEST in both families."""
SERVER_IDENTIFIER: Final = {4: 54, 6: 2}
"""The option that makes a REQUEST the answer to an offer of this server's."""
ABSENT: Final = object()

Known = dict[Any, Any]
"""What was found, by what was sought."""


class Recollections:
    """What was looked up for clients that were made an offer."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[float, Known]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def keep(self, key: bytes, known: Known, now: float) -> None:
        """Remember it of a client."""
        remembered = self._known
        remembered.pop(key, None)
        if len(known) > MOST:
            return
        while remembered and ((oldest := next(iter(remembered.items())))[1][0] < now or len(remembered) >= CLIENTS):
            del remembered[oldest[0]]
        remembered[key] = (now + SECONDS, known)

    def take(self, key: bytes, now: float) -> Known:
        """What is remembered of a client, from now on no longer."""
        end, known = self._known.pop(key, (now, {}))
        return known if end >= now else {}


class Recollection(LeasesAround):
    """A lease store as one query sees it: what it has once looked up it knows, until it changes something.

    That may be old, as every look-up is by the time of the change that follows from it: the change is made only if the
    row is as it was believed to be, and when it is not the look-ups are made anew.
    """

    def __init__(self, inner: ILeaseStore, known: Known) -> None:
        super().__init__(inner)
        self.known = known

    async def get(self, address: bytes) -> Any:
        found = self.known.get(address, ABSENT)
        if found is ABSENT:
            found = self.known[address] = await self.inner.get(address)
        return found

    async def several(self, addresses: Sequence[bytes]) -> Sequence[Any]:
        return await self.inner.several(addresses)

    def presume_free(self, address: bytes, length: int) -> None:
        """Take it that nothing is stored of a prefix, or address, without a look."""
        self.known[address] = None
        self.known[address, length] = ()

    async def by_client(self, identifier: Identifier) -> Sequence[Any]:
        found = self.known.get(identifier)
        if found is None:
            found = self.known[identifier] = await self.inner.by_client(identifier)
        return found

    async def overlapping(self, address: bytes, length: int) -> Sequence[Any]:
        sought = (address, length)
        found = self.known.get(sought)
        if found is None:
            found = self.known[sought] = await self.inner.overlapping(address, length)
        return found

    async def add(self, lease: Lease) -> bool:
        self.known.clear()
        return await self.inner.add(lease)

    async def update(self, lease: Lease, was: Lease) -> bool:
        self.known.clear()
        return await self.inner.update(lease, was)

    async def remove(self, lease: Lease) -> bool:
        self.known.clear()
        return await self.inner.remove(lease)

    def keep(self, query: Query) -> None:
        """Remember it all, if the query was answered with an offer."""
        if query.type == ASKS:
            query.site.offers.recollections.keep(query.key, self.known, query.now)


def recollecting(query: Any) -> Recollection:
    """The store as a query sees it from now on: a REQUEST that accepts an offer knows what its client's offer knew."""
    site = query.site
    known: Known = {}
    if query.type == ACCEPTS and SERVER_IDENTIFIER[site.configuration.family] in query.message.options:
        known = site.offers.recollections.take(query.key, query.now)
    query.leases = leases = Recollection(query.leases, known)
    return leases
