"""What each change of a lease does to the statistics and to the pools' beliefs (Kea G.12)."""

from __future__ import annotations

from collections.abc import MutableMapping

from txkea.exchange.subnets import LiveSubnet, SubnetIndex
from txkea.model.lease import Lease4, LeaseState

__all__ = ["assigned", "declined", "ended", "reclaimed"]

Statistics = MutableMapping[str, int]


def assigned(statistics: Statistics, subnet: LiveSubnet, lease: Lease4) -> None:
    """An address that nobody had was given to a client."""
    statistics[subnet.assigned] += 1
    statistics["assigned-addresses"] += 1
    statistics[subnet.cumulative] += 1
    statistics["cumulative-assigned-addresses"] += 1
    subnet.mark(lease.address, True)


def ended(statistics: Statistics, subnet: LiveSubnet | None, lease: Lease4) -> None:
    """A lease was released or removed before its time."""
    statistics["assigned-addresses"] -= 1
    if subnet is not None:
        statistics[subnet.assigned] -= 1
        subnet.mark(lease.address, False)


def declined(statistics: Statistics, subnet: LiveSubnet) -> None:
    """A client found its address in use; the address still counts as assigned (Kea G090)."""
    statistics["declined-addresses"] += 1
    statistics[subnet.declined] += 1


def reclaimed(statistics: Statistics, subnets: SubnetIndex, lease: Lease4) -> None:
    """A lease's time was over, or a declined address's probation (Kea A163, A164)."""
    subnet = subnets.by_id.get(lease.subnet_id)
    statistics["reclaimed-leases"] += 1
    if subnet is not None:
        statistics[subnet.reclaimed] += 1
    if lease.state == LeaseState.DECLINED:
        statistics["declined-addresses"] -= 1
        statistics["reclaimed-declined-addresses"] += 1
        if subnet is not None:
            statistics[subnet.declined] -= 1
            statistics[subnet.reclaimed_declined] += 1
    if lease.state != LeaseState.RELEASED:  # its release ended it (Kea A125)
        ended(statistics, subnet, lease)
