"""Whether a stored lease fits the configured subnets (Kea A034, ``sanity-checks``)."""

from __future__ import annotations

from collections.abc import Callable

from txkea.interfaces import ILogger
from txkea.model.configuration import Configuration, Subnet
from txkea.model.lease import Lease4
from txkea.wire.text import address_text

__all__ = ["LeaseCheck", "lease_check"]

LeaseCheck = Callable[[Lease4], "Lease4 | None"]
"""Gives the lease as it is to be loaded, or None to leave it out."""


def lease_check(configuration: Configuration, log: ILogger) -> LeaseCheck | None:
    """What ``lease-checks`` asks for, or None for ``none``: a loader need not call what does nothing.

    ``warn`` only tells, ``fix`` corrects the subnet id where it can, ``fix-del`` deletes what it cannot correct,
    ``del`` deletes.
    """
    mode = configuration.lease_checks
    if mode == "none":
        return None
    by_id = {subnet.id: _bounds(subnet) for subnet in configuration.subnets}

    def check(lease: Lease4) -> Lease4 | None:
        bounds = by_id.get(lease.subnet_id)
        if bounds is not None and bounds[0] <= lease.address <= bounds[1]:
            return lease
        right = _subnet_of(lease.address) if mode in ("fix", "fix-del") else None
        if right is not None:
            _tell(log, "DHCPSRV_LEASE_SANITY_FIXED", lease, f"moved from subnet {lease.subnet_id} to {right}")
            return lease._replace(subnet_id=right)
        if mode in ("del", "fix-del"):
            _tell(log, "DHCPSRV_LEASE_SANITY_FAIL_DISCARD", lease, f"not in subnet {lease.subnet_id}: discarded")
            return None
        _tell(log, "DHCPSRV_LEASE_SANITY_FAIL", lease, f"not in subnet {lease.subnet_id}, which it names")
        return lease

    def _subnet_of(address: bytes) -> int | None:
        for number, (first, last) in by_id.items():
            if first <= address <= last:
                return number
        return None

    return check


def _bounds(subnet: Subnet) -> tuple[bytes, bytes]:
    width = len(subnet.network)
    first = int.from_bytes(subnet.network, "big")
    last = first | ((1 << (8 * width - subnet.length)) - 1)
    return subnet.network, last.to_bytes(width, "big")


def _tell(log: ILogger, message: str, lease: Lease4, text: str) -> None:
    if log.warn:
        log.warn(message, f"lease {address_text(lease.address)}: {text}")
