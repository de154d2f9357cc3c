"""Leases as an operator enters them: what ``leaseX-add`` and ``leaseX-update`` take (Kea G039, G040)."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from txkea.control.leases_arguments import LeaseArguments
from txkea.errors import TxkeaError
from txkea.exchange.subnets import LiveSubnet, SubnetIndex
from txkea.model.lease import Lease4, Lease6, LeaseState, LeaseType
from txkea.wire.duid import DUID_MAXIMUM
from txkea.wire.text import address_text

__all__ = ["HWADDR_MAXIMUM", "LAST_SECOND", "TYPES6", "UINT32", "Common", "lease4_entered", "lease6_entered"]

HWADDR_MAXIMUM: Final = 20
CLIENT_ID_MINIMUM: Final = 2
CLIENT_ID_MAXIMUM: Final = 255
HOSTNAME_MAXIMUM: Final = 255
UINT32: Final = (1 << 32) - 1
LAST_SECOND: Final = (1 << 63) - 1
ETHERNET: Final = 1
TYPES6: Final = {
    **{f"IA_{kind.name}": kind for kind in LeaseType},
    **{str(int(kind)): kind for kind in LeaseType},
}
"""The types of a DHCPv6 lease in commands, by name or number."""


class Everything:
    """All classes: an operator may enter a lease where no client would get one."""

    def __contains__(self, name: object) -> bool:
        return True


class Common(NamedTuple):
    """What leases of both families have."""

    valid_lifetime: int
    expires: int
    subnet_id: int
    fqdn_fwd: bool
    fqdn_rev: bool
    hostname: str
    state: int
    user_context: str
    pool_id: int


def lease4_entered(given: LeaseArguments, subnets: SubnetIndex, now: int) -> Lease4:
    """The DHCPv4 lease that the arguments describe; ``now`` in seconds. Raises `TxkeaError`."""
    address = given.address("ip-address", 4)
    hwaddr = given.octets("hw-address", 0, HWADDR_MAXIMUM)
    subnet = _subnet(given, subnets, address, 4)
    client_id = given.octets("client-id", CLIENT_ID_MINIMUM, CLIENT_ID_MAXIMUM) if "client-id" in given else b""
    common = _common(given, subnet, now, LeaseState.RELEASED)
    if not hwaddr and not client_id and common.state != LeaseState.DECLINED:
        raise TxkeaError("'hw-address' is empty and there is no 'client-id': nobody could have the lease")
    return Lease4(address, hwaddr, client_id, *common)


def lease6_entered(given: LeaseArguments, subnets: SubnetIndex, now: int) -> Lease6:
    """The DHCPv6 lease that the arguments describe; ``now`` in seconds. Raises `TxkeaError`.

    Where none is given, its preferred lifetime is that of the subnet; Kea takes the valid one (Kea G040).
    """
    address = given.address("ip-address", 6)
    duid = given.octets("duid", 1, DUID_MAXIMUM)
    kind = given.meaning("type", TYPES6, "IA_NA")
    length = _prefix_length(given, address, kind)
    subnet = _delegating(given, subnets) if kind == LeaseType.PD else _subnet(given, subnets, address, 6)
    iaid = given.number("iaid", 0, UINT32)
    hwaddr = given.octets("hw-address", 0, HWADDR_MAXIMUM) if "hw-address" in given else b""
    last_state = LeaseState.REGISTERED if kind == LeaseType.NA else LeaseState.RELEASED
    common = _common(given, subnet, now, last_state)
    if not any(duid) and common.state != LeaseState.DECLINED:
        raise TxkeaError("'duid' consists of zeros, which is nobody's: only a declined lease has it")
    usual = min(subnet.parameters.preferred_lifetime.default, common.valid_lifetime)
    return Lease6(
        address,
        hwaddr,
        duid,
        *common,
        type=int(kind),
        iaid=iaid,
        prefix_length=length,
        preferred_lifetime=given.number("preferred-lft", 0, UINT32, usual),
        hwtype=ETHERNET if hwaddr else 0,
    )


def _subnet(given: LeaseArguments, subnets: SubnetIndex, address: bytes, family: int) -> LiveSubnet:
    """The subnet that the arguments name, or the first one with the address (Kea G041)."""
    number = given.number("subnet-id", 0, UINT32, 0)
    if not number:
        found = subnets.by_address(address, Everything())
        if found is None:
            raise TxkeaError(f"'subnet-id' is not given, and {address_text(address)} is in none of the subnets")
        return found
    subnet = _configured(subnets, number)
    if address not in subnet:
        raise TxkeaError(f"{address_text(address)} is not in the subnet {subnet.prefix}, which is 'subnet-id' {number}")
    return subnet


def _configured(subnets: SubnetIndex, number: int) -> LiveSubnet:
    subnet = subnets.by_id.get(number)
    if subnet is None:
        raise TxkeaError(f"'subnet-id' {number} is none of the configured subnets")
    return subnet


def _delegating(given: LeaseArguments, subnets: SubnetIndex) -> LiveSubnet:
    """The subnet of a prefix, which need not be inside it."""
    number = given.number("subnet-id", 0, UINT32, 0)
    if not number:
        raise TxkeaError("'subnet-id' is missing or 0: that of a prefix cannot be found by its address")
    return _configured(subnets, number)


def _prefix_length(given: LeaseArguments, address: bytes, kind: LeaseType) -> int:
    """128 for an address, whatever is said."""
    if kind != LeaseType.PD:
        given.number("prefix-len", 0, 128, 128)
        return 128
    length = given.number("prefix-len", 1, 128)
    if int.from_bytes(address, "big") & (1 << 128 - length) - 1:
        raise TxkeaError(f"'ip-address' {address_text(address)} is not the first address of a prefix of {length} bits")
    return length


def _common(given: LeaseArguments, subnet: LiveSubnet, now: int, last_state: int) -> Common:
    lifetime = given.number("valid-lft", 0, UINT32, subnet.parameters.valid_lifetime.default)
    expires = given.number("expire", 1, LAST_SECOND, now + lifetime)
    if expires < lifetime:
        raise TxkeaError(f"'expire' {expires} is before the end of 'valid-lft' {lifetime}")
    forward, reverse = given.flag("fqdn-fwd"), given.flag("fqdn-rev")
    hostname = given.text("hostname", "").lower()
    if len(hostname) > HOSTNAME_MAXIMUM:
        raise TxkeaError(f"'hostname' has {len(hostname)} characters; it has at most {HOSTNAME_MAXIMUM}")
    if not hostname and (forward or reverse):
        raise TxkeaError("'hostname' is missing or empty, but 'fqdn-fwd' or 'fqdn-rev' is true")
    state = given.number("state", 0, last_state, 0)
    pool_id = given.number("pool-id", 0, UINT32, 0)
    return Common(lifetime, expires, subnet.id, forward, reverse, hostname, state, _remarks(given), pool_id)


def _remarks(given: LeaseArguments) -> str:
    """``user-context`` as JSON text, with ``comment`` in it; ``""`` when there is neither."""
    remarks: dict[str, Any] = dict(given.map("user-context")) if "user-context" in given else {}
    if "comment" in given:
        if "comment" in remarks:
            raise TxkeaError("'comment' is given twice: in 'user-context' too")
        remarks["comment"] = given.text("comment")
    return json.dumps(remarks) if remarks else ""
