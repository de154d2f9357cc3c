"""Finds the one lease that a command names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from txkea.control.entered import UINT32
from txkea.control.leases_arguments import LeaseArguments
from txkea.control.views import View
from txkea.errors import TxkeaError
from txkea.exchange.site import Site
from txkea.interfaces import ILeaseStore
from txkea.model.identifier import Identifier, IdentifierKind

__all__ = ["Finder", "Selector", "identifier"]

LONGEST: Final = 255
"""Bytes of an identifier."""


class Selector(NamedTuple):
    """What names a lease: its address, or a client's identifier and a subnet."""

    address: bytes
    identifier: Identifier | None
    subnet_id: int
    matches: Callable[[Any], bool]
    told: Mapping[str, Any]
    """What of the arguments says which lease was meant."""

    async def candidates(self, store: ILeaseStore) -> Sequence[Any]:
        """The leases that may be meant."""
        if self.identifier is None:
            lease = await store.get(self.address)
            return () if lease is None else (lease,)
        return [lease for lease in await store.by_client(self.identifier) if lease.subnet_id == self.subnet_id]


class Finder:
    """Looks in the store of the site in force, for leases of one family."""

    def __init__(self, site: Callable[[], Site], view: View) -> None:
        self._site = site
        self._view = view

    def selector(self, arguments: Any) -> Selector:
        """What a command's arguments name. Raises `TxkeaError`."""
        view = self._view
        kinds = " or ".join(view.identifiers)
        given = LeaseArguments(arguments, f"an ip-address, or subnet-id, identifier-type ({kinds}) and identifier")
        given.flag("update-ddns")
        matches = view.matches(given)
        kind = {"type": given.text("type", "IA_NA")} if view.number == 6 else {}
        if "ip-address" in given:
            address = given.address("ip-address", view.number)
            return Selector(address, None, 0, matches, {**kind, "ip-address": given.text("ip-address")})
        subnet_id = given.number("subnet-id", 0, UINT32)
        of_kind = given.meaning("identifier-type", view.identifiers)
        sought = identifier(given, "identifier", of_kind)
        told = {**kind, given.text("identifier-type"): given.text("identifier")}
        return Selector(b"", sought, subnet_id, matches, told)

    async def one(self, selector: Selector) -> Any:
        """The lease that is meant, or None (Kea G042, G043). Raises `TxkeaError` if it could be one of several."""
        found = [lease for lease in await selector.candidates(self._site().leases) if selector.matches(lease)]
        if len(found) > 1 and self._view.unique:
            raise TxkeaError(f"{len(found)} leases have this 'identifier'; name the 'ip-address' of one")
        return found[0] if found else None


def identifier(given: LeaseArguments, name: str, kind: IdentifierKind) -> Identifier:
    """An identifier in hexadecimal."""
    return Identifier(kind, given.octets(name, 1, LONGEST))
