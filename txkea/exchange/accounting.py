"""What each change of a lease does to the statistics and to the pools' beliefs (Kea G.12)."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Final

from txkea.exchange import pools
from txkea.exchange.statistics import CONFLICTS, EVERYWHERE4, EVERYWHERE6, Counted
from txkea.exchange.subnets import ANY, LiveSubnet, SubnetIndex
from txkea.model.lease import Lease4, Lease6, LeaseState

__all__ = [
    "BELIEVED", "TAKEN", "assigned", "conflicted", "count_failure", "counted", "declined", "ended", "found",
    "reclaimed", "registered", "replaced",
]  # fmt: skip

Lease = Lease4 | Lease6
Statistics = MutableMapping[str, int]

TAKEN: Final = (LeaseState.DEFAULT, LeaseState.DECLINED)
"""The states of a lease that counts as assigned."""
BELIEVED: Final = (*TAKEN, LeaseState.REGISTERED)
"""The states in which nobody else may have the address."""
MARKS: Final = {
    int(LeaseState.DEFAULT): pools.LEASED,
    int(LeaseState.DECLINED): pools.DECLINED,
    int(LeaseState.REGISTERED): pools.REGISTERED,
}
"""How pools mark leases in these states."""
DECLINED: Final = "declined-addresses"


def _everywhere(lease: Lease) -> Mapping[int, Counted]:
    return EVERYWHERE4 if len(lease.address) == len(ANY) else EVERYWHERE6


# -- leases ------------------------------------------------------------------------------------------------------------


def assigned(statistics: Statistics, subnet: LiveSubnet, lease: Lease) -> None:
    """An address or prefix that nobody had was given to a client."""
    kind = lease.type
    here, everywhere = subnet.counted[kind], _everywhere(lease)[kind]
    statistics[everywhere.cumulative] += 1
    if here.assigned in statistics:  # or else the subnet was removed since the query came
        statistics[here.assigned] += 1
        statistics[here.cumulative] += 1
        statistics[everywhere.assigned] += 1
    pool = subnet.note(kind, lease.address, pools.LEASED)
    if pool is not None:
        pool.beliefs.cumulative += 1


def ended(statistics: Statistics, subnet: LiveSubnet | None, lease: Lease) -> None:
    """A lease was released or removed before its time."""
    if subnet is not None:
        _step(statistics, subnet, lease, -1)


def declined(statistics: Statistics, subnet: LiveSubnet, lease: Lease) -> None:
    """A client found its address in use; the address still counts as assigned (Kea G090)."""
    _move(statistics, DECLINED, subnet.declined, 1)
    subnet.note(lease.type, lease.address, pools.DECLINED)


def reclaimed(statistics: Statistics, subnets: SubnetIndex, lease: Lease) -> None:
    """A lease's time was over, or a declined address's probation (Kea A163, A164)."""
    subnet = subnets.by_id.get(lease.subnet_id)
    pool = subnet.holding(lease.type, lease.address) if subnet is not None else None
    counted(statistics, "reclaimed-leases", subnet)
    if pool is not None:
        pool.beliefs.reclaimed += 1
    if lease.state == LeaseState.DECLINED:
        counted(statistics, "reclaimed-declined-addresses", subnet)
        if pool is not None:
            pool.beliefs.reclaimed_declined += 1
    if lease.state != LeaseState.RELEASED:  # its release ended it (Kea A125)
        ended(statistics, subnet, lease)


def registered(statistics: Statistics, subnets: SubnetIndex, lease: Lease6, was: Lease6 | None) -> None:
    """A client told of an address that it chose itself; ``was`` is its row before, if it was registered already.

    Without a lifetime it uses the address no more.
    """
    if was is None and lease.valid_lifetime:
        counted(statistics, "cumulative-registered-nas", subnets.by_id.get(lease.subnet_id))
    replaced(statistics, subnets, lease if lease.valid_lifetime else None, was)


def replaced(statistics: Statistics, subnets: SubnetIndex, lease: Lease | None, was: Lease | None) -> None:
    """An operator put a lease in the place of another, or of nothing, or nothing in its place.

    What was given so far does not grow: nobody was given anything (Kea's lease commands).
    """
    for each, step in ((was, -1), (lease, 1)):
        subnet = subnets.by_id.get(each.subnet_id) if each is not None else None
        if each is not None and subnet is not None:
            _step(statistics, subnet, each, step)


def found(subnets: SubnetIndex, lease: Lease) -> None:
    """A lease that is counted in its subnet was found in the store, at the start of a site."""
    subnet = subnets.by_id.get(lease.subnet_id)
    if subnet is not None and lease.state in MARKS:
        subnet.note(lease.type, lease.address, MARKS[lease.state])


def _step(statistics: Statistics, subnet: LiveSubnet, lease: Lease, step: int) -> None:
    """Count a lease that has appeared, or with -1 vanished, as `txkea.exchange.assemble.recount` would."""
    kind, mark = lease.type, MARKS.get(lease.state)
    if mark is None:
        return
    here = subnet.counted.get(kind)  # what was read from a file may be of a type that is never given
    if here is not None and mark >= pools.LEASED:
        _move(statistics, _everywhere(lease)[kind].assigned, here.assigned, step)
        if mark == pools.DECLINED:
            _move(statistics, DECLINED, subnet.declined, step)
    elif mark == pools.REGISTERED and subnet.registered in statistics:
        statistics[subnet.registered] += step
    subnet.note(kind, lease.address, mark if step > 0 else pools.FREE)


def _move(statistics: Statistics, everywhere: str, here: str, step: int) -> None:
    """Change what there is in a subnet, and so in all; of one that was removed meanwhile nothing is counted."""
    if here in statistics:
        statistics[here] += step
        statistics[everywhere] += step


# -- events ------------------------------------------------------------------------------------------------------------


def counted(statistics: Statistics, name: str, subnet: LiveSubnet | None) -> None:
    """Count something that happened, in all and in its subnet."""
    statistics[name] += 1
    if subnet is not None and subnet.declined in statistics:
        here = f"subnet[{subnet.id}].{name}"
        statistics[here] = statistics.get(here, 0) + 1


def conflicted(statistics: Statistics, subnet: LiveSubnet, kind: int, address: bytes) -> None:
    """Another server was faster: there are better places to look for addresses than near this one."""
    counted(statistics, CONFLICTS, subnet)
    pool = subnet.holding(kind, address)
    if pool is not None and pool.beliefs.course is not None:
        pool.beliefs.course.leave(pool.offset(address))


def count_failure(statistics: Statistics, name: str, subnet: LiveSubnet, has_pools: bool) -> None:
    """Count a search on the link of a subnet that found nothing, and why; ``name`` such as ``v4-allocation-fail``.

    Kea counts thrice: there were pools to look in or not, the link is a shared network or not, and always for the
    client's classes, for every client is in ``ALL``.
    """
    counted(statistics, name if has_pools else f"{name}-no-pools", subnet)
    counted(statistics, f"{name}-shared-network" if len(subnet.siblings) > 1 else f"{name}-subnet", subnet)
    counted(statistics, f"{name}-classes", subnet)
