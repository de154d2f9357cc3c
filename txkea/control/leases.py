"""The commands that look at leases (Kea G.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from zope.interface import implementer

from txkea.control.answer import Answer, Listing, Result
from txkea.control.entered import UINT32
from txkea.control.finder import Finder, identifier
from txkea.control.leases_arguments import LeaseArguments
from txkea.control.views import View
from txkea.exchange.site import Site
from txkea.interfaces import ICommands

__all__ = ["PAGE", "LeaseCommands"]

PAGE: Final = 500
"""Leases that are read and encoded in one turn of the reactor."""

Pages = AsyncIterator[Sequence[Any]]
Test = Callable[[Any], bool]


@implementer(ICommands)
class LeaseCommands:
    """``leaseX-get`` and its kin over any store, for one family.

    What may be long is given page by page; whoever sends it lets others have their turn in between.
    """

    def __init__(self, site: Callable[[], Site], view: View) -> None:
        self._site = site
        self._view = view
        self._finder = Finder(site, view)

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        named = self._view.named
        return {
            named("get"): self._get,
            named("get-all"): self._get_all,
            named("get-page"): self._get_page,
            **{named(f"get-by-{name}"): partial(self._search, name) for name in self._view.searches},
            **{named(f"get-by-{name}"): partial(self._scan, name) for name in self._view.scans},
        }

    async def _get(self, arguments: Any) -> Answer:
        found = await self._finder.one(self._finder.selector(arguments))
        if found is None:
            return Answer(Result.EMPTY, "Lease not found.")
        return Answer(Result.SUCCESS, f"{self._view.label} lease found.", self._view.show(found))

    # -- several -------------------------------------------------------------------------------------------------------

    async def _search(self, name: str, arguments: Any) -> Answer:
        """All leases of a client."""
        sought = identifier(LeaseArguments(arguments, name), name, self._view.searches[name])
        return self._listed(_portions(await self._site().leases.by_client(sought)))

    def _scan(self, name: str, arguments: Any) -> Answer:
        """All leases that pass a test."""
        return self._listed(self._pages(None), self._view.scans[name](LeaseArguments(arguments, name)))

    def _get_all(self, arguments: Any) -> Answer:
        given = LeaseArguments({} if arguments is None else arguments, "subnets, or give none at all")
        if "subnets" not in given:
            return self._listed(self._pages(None))
        subnets = given.numbers("subnets")
        return self._listed(self._pages(None), lambda lease: lease.subnet_id in subnets)

    def _get_page(self, arguments: Any) -> Answer:
        given = LeaseArguments(arguments, "from ('start' or an address) and limit")
        start = given.text("from")
        after = None if start == "start" else given.address("from", self._view.number)
        limit = given.number("limit", 1, UINT32)
        return self._listed(self._pages(after, limit), counted=True)

    async def _pages(self, after: bytes | None, limit: int = UINT32) -> Pages:
        """Leases above an address, page by page, not more than ``limit``."""
        store = self._site().leases
        while limit and (leases := await store.page(after, min(limit, PAGE))):
            yield leases
            limit -= len(leases)
            after = leases[-1].address

    def _listed(self, pages: Pages, test: Test | None = None, counted: bool = False) -> Answer:
        return Answer(arguments=Listing("leases", self._shown(pages, test), self._conclude, counted))

    async def _shown(self, pages: Pages, test: Test | None) -> Pages:
        show = self._view.show
        async for leases in pages:
            yield [show(lease) for lease in leases if test is None or test(lease)]

    def _conclude(self, count: int) -> tuple[int, str]:
        return Result.SUCCESS if count else Result.EMPTY, f"{count} {self._view.label} lease(s) found."


async def _portions(leases: Sequence[Any]) -> Pages:
    """A hostile client may have a hundred thousand leases."""
    for start in range(0, len(leases), PAGE):
        yield leases[start : start + PAGE]
