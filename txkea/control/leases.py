"""The commands that look at leases, and that delete one (Kea G.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from re import fullmatch
from typing import Any, Final

from zope.interface import implementer

from txkea.control.answer import Answer, Listing, Result
from txkea.control.views import View
from txkea.errors import TxkeaError
from txkea.interfaces import ICommands, ILeaseStore
from txkea.model.identifier import Identifier, IdentifierKind

__all__ = ["LeaseCommands"]

PAGE: Final = 500
"""Leases that are read and encoded in one turn of the reactor."""
MOST: Final = (1 << 32) - 1
"""Leases that one command may ask for."""

Arguments = Mapping[str, Any]


@implementer(ICommands)
class LeaseCommands:
    """``leaseX-get`` and its kin over any store, for one family.

    ``deleted(lease)`` is told of each lease that a command has deleted.
    """

    def __init__(self, leases: ILeaseStore, view: View, deleted: Callable[[Any], object]) -> None:
        self._leases = leases
        self._view = view
        self._deleted = deleted

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        named = self._view.named
        searches = {named(f"get-by-{name}"): partial(self._search, name) for name in self._view.searches}
        return {
            named("get"): self._get,
            named("get-all"): self._get_all,
            named("get-page"): self._get_page,
            named("del"): self._delete,
            **searches,
        }

    # -- one lease -----------------------------------------------------------------------------------------------------

    async def _get(self, arguments: Any) -> Answer:
        found = await self._one(arguments)
        if found is None:
            return Answer(Result.EMPTY, "Lease not found.")
        return Answer(Result.SUCCESS, f"{self._view.label} lease found.", self._view.show(found))

    async def _delete(self, arguments: Any) -> Answer:
        """Delete a lease; one that changed meanwhile is looked up again."""
        while (found := await self._one(arguments)) is not None:
            if await self._leases.remove(found):
                self._deleted(found)
                return Answer(Result.SUCCESS, f"{self._view.label} lease deleted.")
        return Answer(Result.EMPTY, f"{self._view.label} lease not found.")

    async def _one(self, arguments: Any) -> Any:
        """The lease that the arguments name, or None (Kea G042, G043)."""
        kinds = " or ".join(self._view.identifiers)
        what = f"an ip-address, or subnet-id, identifier-type ({kinds}) and identifier"
        found = await self._candidates(_map(arguments, what))
        matches = self._view.matches(arguments)
        return next((lease for lease in found if matches(lease)), None)

    async def _candidates(self, arguments: Arguments) -> Sequence[Any]:
        if "ip-address" in arguments:
            lease = await self._leases.get(self._view.address(arguments["ip-address"], "ip-address"))
            return () if lease is None else (lease,)
        subnet_id = arguments.get("subnet-id")
        if not _is_number(subnet_id):
            raise TxkeaError("'subnet-id' is missing or not a number")
        kind = arguments.get("identifier-type")
        if not isinstance(kind, str) or kind not in self._view.identifiers:
            raise TxkeaError(f"'identifier-type' {kind!r} is not one of {', '.join(self._view.identifiers)}")
        identifier = _identifier(arguments, "identifier", self._view.identifiers[kind])
        return [lease for lease in await self._leases.by_client(identifier) if lease.subnet_id == subnet_id]

    # -- several -------------------------------------------------------------------------------------------------------

    async def _search(self, name: str, arguments: Any) -> Answer:
        identifier = _identifier(_map(arguments, name), name, self._view.searches[name])
        found = await self._leases.by_client(identifier)
        result, text = self._conclude(len(found))
        return Answer(result, text, {"leases": [self._view.show(lease) for lease in found]})

    def _get_all(self, arguments: Any) -> Answer:
        return Answer(arguments=Listing("leases", self._pages(None, MOST, _subnets(arguments)), self._conclude))

    def _get_page(self, arguments: Any) -> Answer:
        given = _map(arguments, "from ('start' or an address) and limit")
        limit, start = given.get("limit", 0), given.get("from")
        if not _is_number(limit) or not 1 <= limit <= MOST:
            raise TxkeaError(f"'limit' is missing or not a number from 1 to {MOST}")
        if not isinstance(start, str):
            raise TxkeaError("'from' is missing: it is 'start', or the last address of the page before")
        after = None if start == "start" else self._view.address(start, "from")
        return Answer(arguments=Listing("leases", self._pages(after, limit, None), self._conclude, counted=True))

    async def _pages(
        self, after: bytes | None, limit: int, subnets: frozenset[int] | None
    ) -> AsyncIterator[Sequence[Any]]:
        """Leases above an address, page by page, not more than ``limit``; of these subnets, or of all."""
        while limit and (leases := await self._leases.page(after, min(limit, PAGE))):
            yield [self._view.show(lease) for lease in leases if subnets is None or lease.subnet_id in subnets]
            limit -= len(leases)
            after = leases[-1].address

    def _conclude(self, count: int) -> tuple[int, str]:
        return Result.SUCCESS if count else Result.EMPTY, f"{count} {self._view.label} lease(s) found."


def _map(arguments: Any, what: str) -> Arguments:
    if not isinstance(arguments, dict):
        raise TxkeaError(f"'arguments' is not a map; name {what}")
    return arguments


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _subnets(arguments: Any) -> frozenset[int] | None:
    """The subnets to list; None for all."""
    if arguments is None:
        return None
    subnets = _map(arguments, "subnets, or give none at all").get("subnets")
    if subnets is None:
        return None
    if not isinstance(subnets, list) or not all(_is_number(subnet) for subnet in subnets):
        raise TxkeaError("'subnets' is not a list of subnet ids")
    return frozenset(subnets)


def _identifier(arguments: Arguments, name: str, kind: IdentifierKind) -> Identifier:
    text = arguments.get(name)
    if not isinstance(text, str) or not fullmatch(r"[0-9a-fA-F]{2}((:|-)?[0-9a-fA-F]{2})*", text):
        raise TxkeaError(f"{name!r} {text!r} is not hexadecimal, such as 02:00:5e:10:00:01")
    return Identifier(kind, bytes.fromhex(text.replace(":", "").replace("-", "")))
