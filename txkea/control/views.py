"""What tells the lease commands of one family from those of the other: how a lease is shown, made, and found."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from txkea.control.entered import HWADDR_MAXIMUM, TYPES6, UINT32, lease4_entered, lease6_entered
from txkea.control.leases_arguments import LeaseArguments
from txkea.errors import TxkeaError
from txkea.exchange.subnets import SubnetIndex
from txkea.model.identifier import IdentifierKind
from txkea.model.lease import Lease4, Lease6, LeaseState, LeaseType
from txkea.wire.text import address_text

__all__ = ["VIEWS", "View", "lease4_arguments", "lease6_arguments"]

Test = Callable[[Any], bool]


@frozen(kw_only=True)
class View:
    """The leases of one family as commands see them; the functions raise `TxkeaError` for what is wrong."""

    number: int
    """4 or 6."""
    show: Callable[[Any], dict[str, Any]]
    enter: Callable[[LeaseArguments, SubnetIndex, int], Any]
    """The lease that the arguments describe, at this second."""
    matches: Callable[[LeaseArguments], Test]
    """From a command's arguments to what they demand of a lease beyond its address, client and subnet."""
    identifiers: Mapping[str, IdentifierKind]
    """The identifiers that name one lease of a subnet."""
    unique: bool
    """Whether such an identifier must not fit several leases (Kea G044: in DHCPv4 the first one is meant)."""
    searches: Mapping[str, IdentifierKind]
    """The identifiers by which all leases of a client are found at once."""
    scans: Mapping[str, Callable[[LeaseArguments], Test]]
    """What all leases must be looked at for."""

    @property
    def label(self) -> str:
        """As Kea's texts begin."""
        return f"IPv{self.number}"

    def named(self, what: str) -> str:
        """The name of a command."""
        return f"lease{self.number}-{what}"


def _hostname(given: LeaseArguments) -> Test:
    hostname = given.text("hostname").lower()
    if not hostname:
        raise TxkeaError("'hostname' is empty; most leases have none, see get-all")
    return lambda lease: bool(lease.hostname.lower() == hostname)


def _state(given: LeaseArguments) -> Test:
    """Leases in a state, of one subnet if it is given and not 0."""
    state = given.number("state", 0, max(LeaseState))
    subnet_id = given.number("subnet-id", 0, UINT32, 0)
    return lambda lease: lease.state == state and subnet_id in (0, lease.subnet_id)


def _hwaddr(given: LeaseArguments) -> Test:
    hwaddr = given.octets("hw-address", 1, HWADDR_MAXIMUM)
    return lambda lease: bool(lease.hwaddr == hwaddr)


# -- DHCPv4 ------------------------------------------------------------------------------------------------------------


def lease4_arguments(lease: Lease4) -> dict[str, Any]:
    """A DHCPv4 lease as commands show it (Kea G050)."""
    shown = {"ip-address": address_text(lease.address), "hw-address": lease.hwaddr.hex(":"), **_common(lease)}
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


def _any_type(given: LeaseArguments) -> Test:
    given.meaning("type", TYPES4, "V4")
    return lambda lease: True


TYPES4: Final = {"V4": None, "3": None, **dict.fromkeys(TYPES6)}
"""What DHCPv4 takes for a type, and does not mind."""

# -- DHCPv6 ------------------------------------------------------------------------------------------------------------


def lease6_arguments(lease: Lease6) -> dict[str, Any]:
    """A DHCPv6 lease as commands show it (Kea G050)."""
    shown = {
        "ip-address": address_text(lease.address),
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


def _of_association(given: LeaseArguments) -> Test:
    """Type, IA_NA unless given, and with an identifier the number of the identity association (Kea G043)."""
    wanted = given.meaning("type", TYPES6, "IA_NA")
    if "ip-address" in given:
        return lambda lease: bool(lease.type == wanted)
    iaid = given.number("iaid", 0, (1 << 32) - 1, 0)
    return lambda lease: bool(lease.type == wanted and lease.iaid == iaid)


VIEWS: Final = {
    4: View(
        number=4,
        show=lease4_arguments,
        enter=lease4_entered,
        matches=_any_type,
        identifiers={"hw-address": IdentifierKind.HW_ADDRESS, "client-id": IdentifierKind.CLIENT_ID},
        unique=False,
        searches={"hw-address": IdentifierKind.HW_ADDRESS, "client-id": IdentifierKind.CLIENT_ID},
        scans={"hostname": _hostname, "state": _state},
    ),
    6: View(
        number=6,
        show=lease6_arguments,
        enter=lease6_entered,
        matches=_of_association,
        identifiers={"duid": IdentifierKind.DUID},
        unique=True,
        searches={"duid": IdentifierKind.DUID},
        scans={"hostname": _hostname, "state": _state, "hw-address": _hwaddr},
    ),
}
"""By the number of the family."""
