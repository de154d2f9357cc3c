"""Clients that have a lease are known, also while no RADIUS server tells of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from txkea.exchange.allocate4 import own_lease
from txkea.exchange.allocate6 import leases_of
from txkea.exchange.binding import is_running
from txkea.exchange.pools import LivePool
from txkea.exchange.query import Query, Query4, Query6
from txkea.exchange.subnets import LiveSubnet
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import Lease, Lease6, LeaseType
from txkea.radius.reselect import selectable

__all__ = ["known_host"]


async def known_host(query: Query, own: Identifier, moves: bool) -> Host | None:
    """A host with all that the client has now, so that it may go on; None for a client that has nothing.

    Of what it has on several links that counts which it was given last. ``moves`` tells whether its leases may be of
    another link than the one that was selected.
    """
    found = dict.fromkeys([lease for home in await _homes(query, moves) for lease in await _leases(query, home)])
    if not found:
        return None
    newest = max(found, key=lambda lease: lease.expires)
    link = {live.id for live in query.site.subnets.by_id[newest.subnet_id].siblings}
    leases = [lease for lease in found if lease.subnet_id in link]
    reserved = [lease for lease in leases if _pool(query, lease) is None]
    return Host(
        identifier=own,
        subnet_id=newest.subnet_id,
        addresses=tuple(each.address for each in reserved if not _is_prefix(each)),
        prefixes=tuple((each.address, _length(each)) for each in reserved if _is_prefix(each)),
        client_classes=tuple(dict.fromkeys(name for lease in leases for name in _keys(query, lease))),
    )


async def _homes(query: Query, moves: bool) -> Sequence[LiveSubnet]:
    """The subnet that was selected, with its link, and maybe others where the client has leases."""
    if query.subnet is None:
        return ()
    if not moves:
        return (query.subnet,)
    by_id = query.site.subnets.by_id
    others = [by_id[lease.subnet_id] for lease in await _everywhere(query) if lease.subnet_id in by_id]
    return (query.subnet, *(live for live in others if selectable(query, [live], _admitted(query, live)) is not None))


def _admitted(query: Query, live: LiveSubnet) -> dict[str, None]:
    """The client's classes, and those that it needs to be in a subnet."""
    return {**query.classes, **{guard[0]: None for guard in live.guards}}


async def _everywhere(query: Query) -> Sequence[Lease]:
    if isinstance(query, Query6):
        return await leases_of(query)
    known = [Identifier(IdentifierKind.HW_ADDRESS, query.hwaddr)]
    if isinstance(query, Query4):
        known.append(Identifier(IdentifierKind.CLIENT_ID, query.client_id))
    return [lease for identifier in known for lease in await query.leases.by_client(identifier)]


async def _leases(query: Query, home: LiveSubnet) -> Sequence[Lease]:
    """What the client has on the link of a subnet."""
    if isinstance(query, Query4):
        lease = await own_lease(query, home)
        return () if lease is None or not is_running(lease, query.now) else (lease,)
    assert isinstance(query, Query6)
    places = {live.id for live in home.siblings}
    return [lease for lease in await leases_of(query) if lease.subnet_id in places and is_running(lease, query.now)]


def _is_prefix(lease: Lease) -> bool:
    return lease.type == LeaseType.PD


def _length(lease: Lease) -> int:
    return lease.prefix_length if isinstance(lease, Lease6) else 32


def _pool(query: Query, lease: Lease) -> LivePool | None:
    """The pool that a lease is from; None for one that was reserved."""
    home = query.site.subnets.by_id[lease.subnet_id]
    if _is_prefix(lease):
        return home.prefix_pool_of(lease.address, _length(lease))
    return home.pool_of(lease.address)


def _keys(query: Query, lease: Lease) -> Iterator[str]:
    """The classes that a client needs to have this lease, as far as it is not in one of them."""
    home, pool = query.site.subnets.by_id[lease.subnet_id], _pool(query, lease)
    for guard in (*home.guards, *([pool.guard] if pool is not None else ())):
        if guard and not any(name in query.classes for name in guard):
            yield guard[0]
