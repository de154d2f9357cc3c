"""Leases on their way into the store and out of it, in both families."""

from __future__ import annotations

from typing import Final, NamedTuple

from txkea.exchange import accounting
from txkea.exchange.query import Query
from txkea.exchange.subnets import LiveSubnet
from txkea.model.lease import INFINITE, Lease4, Lease6, LeaseState

__all__ = [
    "TRIES",
    "Grant",
    "clear",
    "forestalled",
    "fresh",
    "give_back",
    "give_up",
    "is_over",
    "is_running",
    "left",
    "outlived",
    "set_aside",
    "store",
]

# Plain integers: looking up a member of an enumeration costs as much as calling a function.
DEFAULT = int(LeaseState.DEFAULT)
COUNTED = (DEFAULT, int(LeaseState.DECLINED))
OVER = (int(LeaseState.RECLAIMED), int(LeaseState.RELEASED))
TRIES: Final = 4
"""How often a query looks again after another one was faster."""

Lease = Lease4 | Lease6


class Grant(NamedTuple):
    """What a client was given."""

    lease: Lease4
    lifetime: int
    """Seconds from now: less than the lease's own where a renewal was answered from the cache (Kea A159)."""


def is_running(lease: Lease, now: float) -> bool:
    """Whether somebody may use the address by this lease."""
    return lease.state == DEFAULT and not lease.expired(now)


def is_over(lease: Lease, now: float) -> bool:
    """Whether the row may give way to anybody's (Kea A149, A151)."""
    return lease.state in OVER or lease.expired(now)


def fresh(query: Query, subnet: LiveSubnet, was: Lease, lease: Lease) -> int | None:
    """Seconds since a lease was last written, if so few that its renewal needs no write; or None (Kea A159)."""
    parameters = subnet.parameters
    if not parameters.cache_threshold or was.state != DEFAULT:
        return None
    age = int(query.now) - was.cltt
    if not 0 <= age < parameters.cache_threshold * was.valid_lifetime or 0 < parameters.cache_max_age < age:
        return None
    return age if lease._replace(expires=was.expires, user_context=was.user_context) == was else None


def left(lifetime: int, age: int) -> int:
    """Seconds left of a lifetime."""
    return INFINITE if lifetime == INFINITE else max(0, lifetime - age)


async def store(query: Query, key: bytes, subnet: LiveSubnet, lease: Lease, was: Lease | None) -> bool:
    """Make a lease durable; False if the address's row is no longer ``was``. ``key`` is that of its offer."""
    site = query.site
    if not await (query.leases.add(lease) if was is None else query.leases.update(lease, was)):
        if query.leases.shared and not _same_client(await query.leases.get(lease.address), lease):
            _beaten(query, key, subnet, lease.type, lease.address)
        return False
    site.offers.redeem(key, lease.address)
    query.granted.append(lease)
    subnet.recent = query.now
    if was is not None and was.state in COUNTED and not was.expired(query.now):
        query.renewed = (*query.renewed, lease)
        return True
    outlived(query, was)
    accounting.assigned(site.statistics, subnet, lease)
    return True


def _same_client(row: Lease | None, lease: Lease) -> bool:
    """Whether it was a query of the client's own that was faster, such as one that it has repeated."""
    return row is not None and row[2] == lease[2] and (bool(row[2]) or row[1] == lease[1])


def forestalled(query: Query, key: bytes, subnet: LiveSubnet, kind: int, address: bytes) -> None:
    """Another client has what this one wants: if it was offered to it, another server gave it away since."""
    site = query.site
    if query.leases.shared and site.offers.to(key, query.now) == address:
        _beaten(query, key, subnet, kind, address)


def _beaten(query: Query, key: bytes, subnet: LiveSubnet, kind: int, address: bytes) -> None:
    """Another client was faster: what was offered by this key is not offered any more."""
    site = query.site
    if site.offers.to(key, query.now) == address:
        site.offers.drop(key)
        subnet.mark(address, True)
    accounting.conflicted(site.statistics, subnet, kind, address)


def outlived(query: Query, was: Lease | None) -> None:
    """Account for a row that gave way because its time was over, if nobody did before."""
    if was is not None and was.state not in OVER:
        site = query.site
        accounting.reclaimed(site.statistics, site.subnets, was)
        query.expired.append(was)


async def clear(query: Query, lease: Lease) -> bool:
    """Remove a row whose time is over, which stands in the way of another; False if it is no longer as it was."""
    if not await query.leases.remove(lease):
        return False
    outlived(query, lease)
    return True


async def give_up(query: Query, lease: Lease) -> None:
    """Remove the lease that the client had before it got another."""
    site = query.site
    if await query.leases.remove(lease):
        query.removed.append(lease)
        if lease.state == DEFAULT and lease.expired(query.now):
            accounting.reclaimed(site.statistics, site.subnets, lease)
        elif lease.state == DEFAULT:
            accounting.ended(site.statistics, site.subnets.by_id.get(lease.subnet_id), lease)


async def give_back(query: Query, lease: Lease) -> bool:
    """End a lease that its client gives back; False if it is no longer as it was.

    With affinity the row is kept, so that the client gets the same again.
    """
    site = query.site
    if site.configuration.expiry.hold_reclaimed_time:
        now = int(query.now)
        kept = lease._replace(
            valid_lifetime=max(1, now - lease.cltt),
            expires=now,
            state=LeaseState.RECLAIMED,
            hostname="",
            fqdn_fwd=False,
            fqdn_rev=False,
        )
        done = await query.leases.update(kept, lease)
    else:
        done = await query.leases.remove(lease)
    if done:
        query.removed.append(lease)
        accounting.ended(site.statistics, site.subnets.by_id.get(lease.subnet_id), lease)
    return bool(done)


async def set_aside(query: Query, lease: Lease, kept: Lease) -> bool:
    """Let a declined row take the place of its client's lease; False if that is no longer as it was."""
    site = query.site
    if not await query.leases.update(kept, lease):
        return False
    query.removed.append(lease)
    query.declined.append(kept)
    subnet = site.subnets.by_id.get(lease.subnet_id)
    if subnet is not None:
        accounting.declined(site.statistics, subnet, kept)
    return True
