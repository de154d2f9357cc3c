"""The commands that look at leases (Kea G.5)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from re import fullmatch
from socket import inet_aton, inet_ntoa
from typing import Any, Final

from zope.interface import implementer

from txkea.control.answer import Answer, Listing, Result
from txkea.errors import TxkeaError
from txkea.interfaces import ICommands, ILeaseStore
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import Lease4

__all__ = ["LeaseCommands", "lease4_arguments"]

PAGE: Final = 500
"""Leases that are read and encoded in one turn of the reactor."""

IDENTIFIER_TYPES: Final = {"hw-address": IdentifierKind.HW_ADDRESS, "client-id": IdentifierKind.CLIENT_ID}


def lease4_arguments(lease: Lease4) -> dict[str, Any]:
    """A lease as commands show it (Kea G050)."""
    shown: dict[str, Any] = {
        "ip-address": inet_ntoa(lease.address),
        "subnet-id": lease.subnet_id,
        "hw-address": lease.hwaddr.hex(":"),
        "cltt": lease.cltt,
        "valid-lft": lease.valid_lifetime,
        "fqdn-fwd": lease.fqdn_fwd,
        "fqdn-rev": lease.fqdn_rev,
        "hostname": lease.hostname,
        "state": int(lease.state),
    }
    if lease.client_id:
        shown["client-id"] = lease.client_id.hex(":")
    if lease.pool_id:
        shown["pool-id"] = lease.pool_id
    if lease.user_context:
        shown["user-context"] = json.loads(lease.user_context)
    return shown


@implementer(ICommands)
class LeaseCommands:
    """``lease4-get`` and ``lease4-get-all`` over any store."""

    def __init__(self, leases: ILeaseStore) -> None:
        self._leases = leases

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        return {"lease4-get": self._get, "lease4-get-all": self._get_all}

    async def _get(self, arguments: Any) -> Answer:
        if not isinstance(arguments, dict):
            raise TxkeaError(
                "'arguments' is not a map; name an ip-address, or subnet-id, identifier-type and identifier"
            )
        found = await (self._by_address if "ip-address" in arguments else self._by_identifier)(arguments)
        if found is None:
            return Answer(Result.EMPTY, "Lease not found.")
        return Answer(Result.SUCCESS, "IPv4 lease found.", lease4_arguments(found))

    async def _by_address(self, arguments: Mapping[str, Any]) -> Lease4 | None:
        return await self._leases.get(_address(arguments["ip-address"]))

    async def _by_identifier(self, arguments: Mapping[str, Any]) -> Lease4 | None:
        subnet_id = arguments.get("subnet-id")
        if not _is_subnet_id(subnet_id):
            raise TxkeaError("'subnet-id' is missing or not a number")
        identifier = _identifier(arguments.get("identifier-type"), arguments.get("identifier"))
        for lease in await self._leases.by_client(identifier):
            if lease.subnet_id == subnet_id:
                return lease
        return None

    def _get_all(self, arguments: Any) -> Answer:
        subnets = _subnets(arguments)
        return Answer(arguments=Listing("leases", self._pages(subnets), _conclude))

    async def _pages(self, subnets: frozenset[int] | None) -> AsyncIterator[Sequence[Any]]:
        after = None
        while leases := await self._leases.page(after, PAGE):
            yield [lease4_arguments(lease) for lease in leases if subnets is None or lease.subnet_id in subnets]
            after = leases[-1].address


def _conclude(count: int) -> tuple[int, str]:
    return Result.SUCCESS if count else Result.EMPTY, f"{count} IPv4 lease(s) found."


def _address(value: Any) -> bytes:
    # inet_aton alone takes "1", "0x7f.1" and "127.1 x".
    if not isinstance(value, str) or not fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", value):
        raise TxkeaError(f"'ip-address' {value!r} is not an IPv4 address")
    try:
        return inet_aton(".".join(str(int(part)) for part in value.split(".")))
    except OSError:
        raise TxkeaError(f"'ip-address' {value!r} is not an IPv4 address") from None


def _is_subnet_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _subnets(arguments: Any) -> frozenset[int] | None:
    """The subnets to list; None for all."""
    if arguments is None:
        return None
    if not isinstance(arguments, dict):
        raise TxkeaError("'arguments' is not a map")
    subnets = arguments.get("subnets")
    if subnets is None:
        return None
    if not isinstance(subnets, list) or not all(_is_subnet_id(subnet) for subnet in subnets):
        raise TxkeaError("'subnets' is not a list of subnet ids")
    return frozenset(subnets)


def _identifier(kind: Any, text: Any) -> Identifier:
    if not isinstance(kind, str) or kind not in IDENTIFIER_TYPES:
        raise TxkeaError(f"'identifier-type' {kind!r} is not one of {', '.join(IDENTIFIER_TYPES)}")
    if not isinstance(text, str) or not fullmatch(r"[0-9a-fA-F]{2}((:|-)?[0-9a-fA-F]{2})*", text):
        raise TxkeaError(f"'identifier' {text!r} is not hexadecimal, such as 02:00:5e:10:00:01")
    return Identifier(IDENTIFIER_TYPES[kind], bytes.fromhex(text.replace(":", "").replace("-", "")))
