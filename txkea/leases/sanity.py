"""Do loaded leases fit the configured subnets? (Kea's ``sanity-checks``)"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from txkea.interfaces import ILogger
from txkea.leases.names import name_of
from txkea.model.configuration import Configuration
from txkea.model.lease import Lease, LeaseType

__all__ = ["sanity_check"]

_PD: Final = int(LeaseType.PD)
_LOGGED: Final = 100
"""How many leases are told of one by one."""


class _Networks:
    """The subnets of addresses; the longest prefix wins."""

    def __init__(self, configuration: Configuration) -> None:
        self._by_id: dict[int, tuple[int, int]] = {}
        self._by_prefix: dict[int, dict[int, int]] = {}
        for subnet in configuration.subnets:
            shift = 8 * len(subnet.network) - subnet.length
            prefix = int.from_bytes(subnet.network, "big") >> shift
            self._by_id[subnet.id] = (prefix, shift)
            self._by_prefix.setdefault(shift, {})[prefix] = subnet.id
        self._shifts = sorted(self._by_prefix)

    def holds(self, lease: Lease) -> bool:
        """Whether the lease's address lies in the subnet that it names; a prefix need not (Kea 2.2.0 never asks)."""
        there = self._by_id.get(lease[5])
        if there is not None and int.from_bytes(lease[0], "big") >> there[1] == there[0]:
            return True
        return lease.type == _PD

    def find(self, address: bytes) -> int | None:
        """The id of the subnet that an address lies in."""
        number = int.from_bytes(address, "big")
        for shift in self._shifts:
            found = self._by_prefix[shift].get(number >> shift)
            if found is not None:
                return found
        return None


class _Told:
    """Tells of the first leases of each kind."""

    def __init__(self, log: ILogger) -> None:
        self._log = log
        self._counts: dict[str, int] = {}

    def __call__(self, message: str, lease: Lease, text: str) -> None:
        count = self._counts[message] = self._counts.get(message, 0) + 1
        if self._log.warn and count <= _LOGGED:
            more = "; further ones are not told" if count == _LOGGED else ""
            name = f"the lease {name_of(lease)} names subnet {lease.subnet_id}"
            self._log.warn(message, f"{name}{text}{more}")


def _warn(networks: _Networks, tell: _Told, lease: Lease) -> Lease | None:
    tell("DHCPSRV_LEASE_SANITY_FAIL", lease, ", in which it is not; it is kept")
    return lease


def _fix(networks: _Networks, tell: _Told, lease: Lease) -> Lease | None:
    found = networks.find(lease.address)
    if found is None:
        return _warn(networks, tell, lease)
    tell("DHCPSRV_LEASE_SANITY_FIXED", lease, f", corrected to {found}")
    return lease._replace(subnet_id=found)


def _fix_or_delete(networks: _Networks, tell: _Told, lease: Lease) -> Lease | None:
    if networks.find(lease.address) is None:
        return _delete(networks, tell, lease)
    return _fix(networks, tell, lease)


def _delete(networks: _Networks, tell: _Told, lease: Lease) -> Lease | None:
    tell("DHCPSRV_LEASE_SANITY_FAIL_DISCARD", lease, ", in which it is not; it is discarded")
    return None


_VERDICTS: Final[Mapping[str, Callable[[_Networks, _Told, Lease], Lease | None]]] = {
    "warn": _warn,
    "fix": _fix,
    "fix-del": _fix_or_delete,
    "del": _delete,
}


def sanity_check(configuration: Configuration, log: ILogger) -> Callable[[Any], Any] | None:
    """What is done at loading with a lease whose address is not in its subnet (Kea A034); None: nothing."""
    verdict = _VERDICTS.get(configuration.lease_checks)
    if verdict is None:
        return None
    networks, tell = _Networks(configuration), _Told(log)
    holds = networks.holds

    def check(lease: Lease) -> Lease | None:
        return lease if holds(lease) else verdict(networks, tell, lease)

    return check
