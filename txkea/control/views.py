"""What tells the lease commands of one family from those of the other: how a lease is shown, and what finds it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from re import fullmatch
from socket import AF_INET6, inet_aton, inet_ntoa, inet_ntop, inet_pton
from typing import Any, Final

from attrs import frozen

from txkea.errors import TxkeaError
from txkea.model.identifier import IdentifierKind
from txkea.model.lease import Lease4, Lease6, LeaseType

__all__ = ["VIEWS", "View", "lease4_arguments", "lease6_arguments"]

TYPES: Final = {f"IA_{kind.name}": kind for kind in LeaseType}
"""The types of a DHCPv6 lease in commands."""


@frozen(kw_only=True)
class View:
    """The leases of one family as commands see them; the functions raise `TxkeaError` for what is wrong."""

    number: int
    """4 or 6."""
    show: Callable[[Any], dict[str, Any]]
    address: Callable[[Any, str], bytes]
    """The packed form of an argument, which has this name."""
    matches: Callable[[Mapping[str, Any]], Callable[[Any], bool]]
    """From a command's arguments to what they demand of a lease beyond its address, client and subnet."""
    identifiers: Mapping[str, IdentifierKind]
    """The identifiers that name one lease of a subnet."""
    searches: Mapping[str, IdentifierKind]
    """The identifiers by which all leases of a client are found."""

    @property
    def label(self) -> str:
        """As Kea's texts begin."""
        return f"IPv{self.number}"

    def named(self, what: str) -> str:
        """The name of a command."""
        return f"lease{self.number}-{what}"


# -- DHCPv4 ------------------------------------------------------------------------------------------------------------


def lease4_arguments(lease: Lease4) -> dict[str, Any]:
    """A DHCPv4 lease as commands show it (Kea G050)."""
    shown = {"ip-address": inet_ntoa(lease.address), "hw-address": lease.hwaddr.hex(":"), **_common(lease)}
    if lease.client_id:
        shown["client-id"] = lease.client_id.hex(":")
    return shown


def _common(lease: Lease4 | Lease6) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "subnet-id": lease.subnet_id,
        "cltt": lease.cltt,
        "valid-lft": lease.valid_lifetime,
        "fqdn-fwd": lease.fqdn_fwd,
        "fqdn-rev": lease.fqdn_rev,
        "hostname": lease.hostname,
        "state": int(lease.state),
    }
    if lease.pool_id:
        shown["pool-id"] = lease.pool_id
    if lease.user_context:
        shown["user-context"] = json.loads(lease.user_context)
    return shown


def _address4(value: Any, name: str) -> bytes:
    # inet_aton alone takes "1", "0x7f.1" and "127.1 x".
    if not isinstance(value, str) or not fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", value):
        raise TxkeaError(f"{name!r} {value!r} is not an IPv4 address")
    try:
        return inet_aton(".".join(str(int(part)) for part in value.split(".")))
    except OSError:
        raise TxkeaError(f"{name!r} {value!r} is not an IPv4 address") from None


def _anything(arguments: Mapping[str, Any]) -> Callable[[Any], bool]:
    return lambda lease: True


# -- DHCPv6 ------------------------------------------------------------------------------------------------------------


def lease6_arguments(lease: Lease6) -> dict[str, Any]:
    """A DHCPv6 lease as commands show it (Kea G050)."""
    shown = {
        "ip-address": inet_ntop(AF_INET6, lease.address),
        "type": f"IA_{LeaseType(lease.type).name}",
        "iaid": lease.iaid,
        "duid": lease.duid.hex(":"),
        "preferred-lft": lease.preferred_lifetime,
        **_common(lease),
    }
    if lease.type == LeaseType.PD:
        shown["prefix-len"] = lease.prefix_length
    if lease.hwaddr:
        shown["hw-address"] = lease.hwaddr.hex(":")
    return shown


def _address6(value: Any, name: str) -> bytes:
    try:
        # inet_pton itself stops at a NUL and refuses what it cannot encode with ValueError.
        return inet_pton(AF_INET6, value)
    except (OSError, TypeError, ValueError):
        raise TxkeaError(f"{name!r} {value!r} is not an IPv6 address") from None


def _of_association(arguments: Mapping[str, Any]) -> Callable[[Any], bool]:
    """Type, IA_NA unless given, and with an identifier the number of the identity association (Kea G043)."""
    kind = arguments.get("type", "IA_NA")
    if not isinstance(kind, str) or kind not in TYPES:
        raise TxkeaError(f"'type' {kind!r} is not one of {', '.join(TYPES)}")
    wanted = TYPES[kind]
    if "ip-address" in arguments:
        return lambda lease: bool(lease.type == wanted)
    iaid = arguments.get("iaid", 0)
    if not isinstance(iaid, int) or isinstance(iaid, bool) or not 0 <= iaid < 1 << 32:
        raise TxkeaError(f"'iaid' {iaid!r} is not a number from 0 to 4294967295")
    return lambda lease: bool(lease.type == wanted and lease.iaid == iaid)


VIEWS: Final = {
    4: View(
        number=4,
        show=lease4_arguments,
        address=_address4,
        matches=_anything,
        identifiers={"hw-address": IdentifierKind.HW_ADDRESS, "client-id": IdentifierKind.CLIENT_ID},
        searches={"hw-address": IdentifierKind.HW_ADDRESS, "client-id": IdentifierKind.CLIENT_ID},
    ),
    6: View(
        number=6,
        show=lease6_arguments,
        address=_address6,
        matches=_of_association,
        identifiers={"duid": IdentifierKind.DUID},
        searches={"duid": IdentifierKind.DUID},
    ),
}
"""By the number of the family."""
