"""What each change of a lease does to the statistics and to the pools' beliefs (Kea G.12)."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Final

from txkea.exchange.statistics import EVERYWHERE4, EVERYWHERE6, Counted
from txkea.exchange.subnets import ANY, LiveSubnet, SubnetIndex
from txkea.model.lease import Lease4, Lease6, LeaseState

__all__ = ["BELIEVED", "TAKEN", "assigned", "declined", "ended", "reclaimed", "replaced"]

Statistics = MutableMapping[str, int]

TAKEN: Final = (LeaseState.DEFAULT, LeaseState.DECLINED)
"""The states of a lease that counts as assigned."""
BELIEVED: Final = (*TAKEN, LeaseState.REGISTERED)
"""The states in which nobody else may have the address."""


def _everywhere(lease: Lease4 | Lease6) -> Mapping[int, Counted]:
    return EVERYWHERE4 if len(lease.address) == len(ANY) else EVERYWHERE6


def assigned(statistics: Statistics, subnet: LiveSubnet, lease: Lease4 | Lease6) -> None:
    """An address or prefix that nobody had was given to a client."""
    kind = lease.type
    here, everywhere = subnet.counted[kind], _everywhere(lease)[kind]
    statistics[here.assigned] += 1
    statistics[everywhere.assigned] += 1
    statistics[here.cumulative] += 1
    statistics[everywhere.cumulative] += 1
    subnet.mark(lease.address, True)


def ended(statistics: Statistics, subnet: LiveSubnet | None, lease: Lease4 | Lease6) -> None:
    """A lease was released or removed before its time."""
    kind = lease.type
    everywhere = _everywhere(lease)
    if kind in everywhere:  # what was read from a file may be of a type that is never given
        statistics[everywhere[kind].assigned] -= 1
        if subnet is not None:
            statistics[subnet.counted[kind].assigned] -= 1
    if subnet is not None:
        subnet.mark(lease.address, False)


def declined(statistics: Statistics, subnet: LiveSubnet) -> None:
    """A client found its address in use; the address still counts as assigned (Kea G090)."""
    statistics["declined-addresses"] += 1
    statistics[subnet.declined] += 1


def replaced(
    statistics: Statistics, subnets: SubnetIndex, lease: Lease4 | Lease6 | None, was: Lease4 | Lease6 | None
) -> None:
    """An operator put a lease in the place of another, or of nothing, or nothing in its place.

    What was given so far does not grow: nobody was given anything (Kea's lease commands).
    """
    if was is not None:
        _count(statistics, subnets, was, -1)
    if lease is not None:
        _count(statistics, subnets, lease, 1)


def _count(statistics: Statistics, subnets: SubnetIndex, lease: Lease4 | Lease6, step: int) -> None:
    """Count a lease that has appeared or vanished, as `txkea.exchange.assemble.recount` would."""
    subnet = subnets.by_id.get(lease.subnet_id)
    everywhere = _everywhere(lease)
    kind = lease.type if lease.type in everywhere else None
    if lease.state in TAKEN and kind is not None:
        statistics[everywhere[kind].assigned] += step
        if subnet is not None:
            statistics[subnet.counted[kind].assigned] += step
    if lease.state == LeaseState.DECLINED:
        statistics["declined-addresses"] += step
        if subnet is not None and kind is not None:
            statistics[subnet.declined] += step
    if lease.state in BELIEVED and subnet is not None:
        subnet.mark(lease.address, step > 0)


def reclaimed(statistics: Statistics, subnets: SubnetIndex, lease: Lease4 | Lease6) -> None:
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
    if lease.state == LeaseState.REGISTERED:  # it was never given to anybody
        if subnet is not None:
            subnet.mark(lease.address, False)
    elif lease.state != LeaseState.RELEASED:  # its release ended it (Kea A125)
        ended(statistics, subnet, lease)
