"""The search for any free address, or prefix, on a client's link (Kea A.13, B.7)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

from txkea.exchange.accounting import count_failure, found
from txkea.exchange.binding import is_over
from txkea.exchange.pools import FREE
from txkea.exchange.query import Query
from txkea.exchange.recollection import Recollection
from txkea.exchange.subnets import LiveSubnet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from txkea.exchange.pools import LivePool
    from txkea.interfaces import Hint, IAllocator

__all__ = ["Search"]

ATTEMPTS = 1024
"""Candidates that one search goes through; the next query goes on where it stopped."""
MOST_ATTEMPTS = 2 * ATTEMPTS
"""Candidates that all searches of one query go through; once they are spent, each search has `LEAST_ATTEMPTS` left."""
LEAST_ATTEMPTS = 8
DOUBTS = 16
"""Addresses of a pool believed full that one search looks at again; the next query goes on where it stopped."""
SURVEYS = 3
"""Slices of a pool that one search learns of; in the last one it stays, whoever is there, too."""
REVIEWED = 32
"""Addresses of a pool believed full that one search looks at again together, where the store is shared."""
OFFERS = 64
"""Addresses offered to others that one query looks at."""


C = TypeVar("C")


class Search(Generic[C]):
    """What one client may have of one type of lease on its link; the families say what that means and gives.

    ``key`` is what the client's offers are held by, ``statistics`` the beginning of the failure counters' names.
    """

    __slots__ = ("hint", "key", "query", "subnet")

    statistics = ""

    def __init__(self, query: Query, subnet: LiveSubnet, key: bytes, hint: Hint) -> None:
        self.query = query
        self.subnet = subnet
        self.key = key
        self.hint = hint

    # -- for the families to say ---------------------------------------------------------------------------------------

    def allocation(self, subnet: LiveSubnet) -> tuple[Sequence[LivePool], IAllocator]:
        """The pools of a subnet to look in, and what chooses from them."""
        raise NotImplementedError

    def fits(self, subnet: LiveSubnet, address: bytes) -> bool:
        """Whether such an address may be given at all."""
        return True

    def shares(self, holder: bytes) -> bool:
        """Whether what is offered by this key is offered to the same client, for something else that it wants."""
        return False

    async def look(self, subnet: LiveSubnet, address: bytes) -> C | None:
        """The choice of an address, if the store has it free and it is reserved for nobody else, or None."""
        raise NotImplementedError

    # -- the search ----------------------------------------------------------------------------------------------------

    async def any(self) -> C | None:
        """A free one; if there is none, one after reclaiming what has expired, or one only offered; or None."""
        site = self.query.site
        choice = await self._free()
        if choice is None and await site.reclaim(self.query.now):
            choice = await self._free()
        if choice is None:
            choice = await self._doubted() or await self._offered()
        if choice is None:
            has_pools = any(self.allocation(other)[0] for other in self.subnet.siblings)
            count_failure(site.statistics, self.statistics, self.subnet, has_pools)
        return choice

    def _in_turn(self) -> Iterable[LiveSubnet]:
        """The subnets of the link, beginning with the one that gave an address last (Kea A153)."""
        siblings = self.subnet.neighbours(self.query.classes)
        if len(siblings) == 1:
            return siblings
        first = max(siblings, key=lambda other: (other.recent, other is self.subnet))
        return (first, *(other for other in siblings if other is not first))

    async def _free(self) -> C | None:
        query = self.query
        if query.leases.shared:
            return await self._apart()
        spare = min(ATTEMPTS, max(MOST_ATTEMPTS - query.attempts, LEAST_ATTEMPTS))
        for subnet in self._in_turn():
            pools, allocator = self.allocation(subnet)
            for address in allocator.candidates(pools, self.hint):
                query.attempts += 1
                spare -= 1
                if spare < 0:
                    return None
                if self.fits(subnet, address) and (choice := await self.look(subnet, address)):
                    return choice
        return None

    async def _apart(self) -> C | None:
        """The same where other servers take addresses from the same store: see `Course`."""
        query, surveys = self.query, SURVEYS
        spare = min(ATTEMPTS, max(MOST_ATTEMPTS - query.attempts, LEAST_ATTEMPTS))
        for subnet in self._in_turn():
            for pool in self.allocation(subnet)[0]:
                course = pool.beliefs.course
                assert course is not None, "pools over a shared store have one"
                for offset in course.walk(pool):
                    address = pool.address(offset)
                    if course.strange and surveys:
                        course.strange = False
                        surveys -= 1
                        news, free = await self._survey(pool, course.slice)
                        if not news:
                            course.learn(free, query.now)
                        elif surveys:
                            course.leave(offset)
                            continue
                    if course.knows_free(offset, query.now):
                        assert isinstance(query.leases, Recollection), "queries over a shared store have one"
                        query.leases.presume_free(address, pool.length)
                    query.attempts += 1
                    spare -= 1
                    if spare < 0:
                        return None
                    if not self.fits(subnet, address) or not (choice := await self.look(subnet, address)):
                        continue
                    if not pool.beliefs.marks[offset]:  # else another query of ours has offered or taken it meanwhile
                        return choice
        return None

    async def _survey(self, pool: LivePool, offsets: Iterable[int]) -> tuple[int, set[int]]:
        """Learn what the store has of some addresses.

        Gives how many were believed free and are not, and the offsets of those of which it has nothing.
        """
        query, news, free = self.query, 0, set[int]()
        marks, offers = pool.beliefs.marks, query.site.offers
        wanted = [
            (offset, address, marks[offset])
            for offset in offsets
            if offers.holder(address := pool.address(offset)) is None
        ]
        rows = await query.leases.several([address for _, address, _ in wanted])
        for (offset, address, mark), row in zip(wanted, rows, strict=True):
            if marks[offset] != mark:
                continue  # this server has done something about it meanwhile, and knows better
            if row is None or is_over(row, query.now):
                pool.note(address, FREE)
                if row is None:
                    free.add(offset)
            elif not mark:
                news += 1
                found(query.site.subnets, row)
        return news, free

    async def _doubted(self) -> C | None:
        """One that is believed taken but is not: another server may have ended its lease."""
        query = self.query
        if query.leases.shared:
            return await self._reviewed()
        offers = query.site.offers
        for subnet in self._in_turn():
            for pool in self.allocation(subnet)[0]:
                if query.attempts >= MOST_ATTEMPTS:
                    return None
                for address in pool.doubted(DOUBTS):
                    query.attempts += 1
                    if offers.kept_from(self.key, address) or not self.fits(subnet, address):
                        continue
                    if choice := await self.look(subnet, address):
                        pool.note(address, FREE)
                        return choice
        return None

    async def _reviewed(self) -> C | None:
        """The same, many in one go: it is the rule where others share the store."""
        for subnet in self._in_turn():
            for pool in self.allocation(subnet)[0]:
                await self._survey(pool, [*map(pool.offset, pool.doubted(REVIEWED))])
        return await self._apart()

    async def _offered(self) -> C | None:
        """One that is kept for another client which has not yet requested it: better than none."""
        offers = self.query.site.offers
        for address, home in offers.oldest(OFFERS):
            if home not in self.subnet.siblings or not any(address in pool for pool in self.allocation(home)[0]):
                continue
            if self.shares(offers.holder(address) or b""):
                continue
            if choice := await self.look(home, address):
                return choice
        return None
