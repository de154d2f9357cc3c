"""Which address or prefix an identity association gets (Kea B.7; RFC 8415 sections 18.3.1 - 18.3.5)."""

from __future__ import annotations

from collections.abc import Container, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from txkea.errors import Refuse
from txkea.exchange.accounting import counted
from txkea.exchange.associations import KEY_TAIL, Association, Grant6
from txkea.exchange.binding import OVER, TRIES, clear, forestalled, fresh, give_up, is_over, is_running, left, store
from txkea.exchange.hostnames import SUPPLIED
from txkea.exchange.hostnames6 import settle6
from txkea.exchange.pools import LivePool, pool_at
from txkea.exchange.query import Query6
from txkea.exchange.reservations import reserved_resources, reserved_to_another
from txkea.exchange.search import Search
from txkea.exchange.subnets import LiveSubnet
from txkea.exchange.together import together
from txkea.interfaces import Hint, IAllocator
from txkea.model.configuration import Lifetime
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import Lease6, LeaseState, LeaseType
from txkea.wire.dhcp6 import UNSPECIFIED, Option6

__all__ = ["Choice6", "choose6", "grant6", "leases_of", "offer6", "own_lease6"]

NA, PD = int(LeaseType.NA), int(LeaseType.PD)
DEFAULT = int(LeaseState.DEFAULT)
ADDRESS: Final = 128
"""Bits of an address; no prefix of this length is told from one."""
LEASES: Final = 1024
"""Leases and registered addresses that one client may have: what its next query costs is bounded."""
CLEARINGS: Final = 64
"""How often one association has a few old rows out of its way: prefixes were shorter once than they are now."""
BOUND: Final = (DEFAULT, *OVER)
"""The states of rows that tell what a client had by DHCPv6; declined ones are nobody's, registered ones not given."""
DUID = IdentifierKind.DUID


class Choice6(NamedTuple):
    """An address or prefix that an identity association may have."""

    address: bytes
    length: int
    subnet: LiveSubnet
    pool: LivePool | None
    """None for what is reserved outside of pools."""
    was: Lease6 | None
    """The row that it has now, which may be replaced."""
    dead: tuple[Lease6, ...] = ()
    """Rows of other addresses and prefixes that overlap it, whose time is over."""


# -- what the client has -----------------------------------------------------------------------------------------------


async def leases_of(query: Query6) -> Sequence[Lease6]:
    """All rows of the client, on all links and of all types."""
    return await query.leases.by_client(Identifier(DUID, query.duid))


def own_lease6(leases: Sequence[Lease6], wish: Association, subnet: LiveSubnet, now: float) -> Lease6 | None:
    """The lease, even an expired one, that the association has on this link (Kea B054): one that runs, or the last."""
    if not leases:
        return None
    _, kind, iaid, _, _ = wish
    places = [home.id for home in subnet.siblings]
    there = [
        lease
        for lease in leases
        if lease.iaid == iaid and lease.type == kind and lease.subnet_id in places and lease.state in BOUND
    ]
    if len(there) > 1:
        return max(there, key=lambda lease: (is_running(lease, now), lease.expires))
    return there[0] if there else None


# -- what it may have --------------------------------------------------------------------------------------------------


async def choose6(query: Query6, subnet: LiveSubnet, wish: Association, own: Lease6 | None) -> Choice6 | None:
    """A resource for an association: reserved, own, asked for, offered before, or any free one, in this order."""
    if query.host is not None and (choice := await _reserved(query, subnet, wish, own)):
        return choice
    offered = query.site.offers.to(wish.key, query.now)
    # Who was offered something else than the lease that is over shall get that, even if the old one is free again.
    if own is not None and (offered is None or offered == own.address or is_running(own, query.now)):
        choice = await _if_usable(query, subnet, wish, own.address, own.prefix_length, own)
        if choice is not None:
            return choice
    for resource in wish.resources:
        if resource.preferred <= resource.valid and resource.address != UNSPECIFIED:
            choice = await _if_usable(query, subnet, wish, resource.address, resource.length, None)
            if choice is not None:
                return choice
    if offered is not None and (length := _length_at(subnet, query.classes, wish.kind, offered)):
        choice = await _if_usable(query, subnet, wish, offered, length, None)
        if choice is not None:
            return choice
    return await Search6(query, subnet, wish).any()


async def _reserved(query: Query6, subnet: LiveSubnet, wish: Association, own: Lease6 | None) -> Choice6 | None:
    """The first resource reserved for the client that none of its other associations has (Kea B052)."""
    resources = reserved_resources(query, wish.kind)
    if own is not None and is_running(own, query.now) and (own.address, own.prefix_length) in resources:
        home = next((home for home in subnet.siblings if home.id == own.subnet_id), subnet)
        return Choice6(own.address, own.prefix_length, home, _pool_in(home, own.address, own.prefix_length), own)
    for address, length in resources:
        if query.site.offers.kept_from(wish.key, address):
            continue
        home = (subnet.on_link(address, query.classes) if length == ADDRESS else None) or subnet
        rows = await query.leases.overlapping(address, length)
        if choice := _if_free(query, home, _pool_in(home, address, length), wish, address, length, rows):
            return choice
    return None


def _pool_in(home: LiveSubnet, address: bytes, length: int) -> LivePool | None:
    """The pool of a subnet that gives an address, or a prefix of this length."""
    return home.pool_of(address) if length == ADDRESS else home.prefix_pool_of(address, length)


def _place(
    subnet: LiveSubnet, classes: Container[str], kind: int, address: bytes, length: int
) -> tuple[LiveSubnet, LivePool] | tuple[None, None]:
    """The subnet of the link, and its pool, that give an address, or a prefix of this length."""
    if kind == NA:
        home = subnet.on_link(address, classes)
        pool = home.pool_for(address, classes) if home is not None else None
        return (home, pool) if home is not None and pool is not None else (None, None)
    for home in subnet.neighbours(classes):
        pool = home.prefix_pool_of(address, length)
        if pool is not None and pool.admits(classes):
            return home, pool
    return None, None


def _length_at(subnet: LiveSubnet, classes: Container[str], kind: int, address: bytes) -> int:
    """The length of what a pool of the link gives that begins with this address; 0 if none does."""
    pools = (pool for home in subnet.neighbours(classes) for pool in home.allocation(kind)[0] if pool.gives(address))
    return next((pool.length for pool in pools), 0)


async def _if_usable(
    query: Query6, subnet: LiveSubnet, wish: Association, address: bytes, length: int, own: Lease6 | None
) -> Choice6 | None:
    """The resource, if it is in a pool on this link, free (or the association's) and reserved for nobody else."""
    home, pool = _place(subnet, query.classes, wish.kind, address, length)
    if home is None or (query.site.has_hosts and await _is_reserved(query, home, address, length)):
        return None
    if own is not None and is_running(own, query.now):
        return Choice6(address, length, home, pool, own)
    rows = await query.leases.overlapping(address, length)
    if query.site.offers.kept_from(wish.key, address):
        return None
    choice = _if_free(query, home, pool, wish, address, length, rows)
    if choice is None:
        forestalled(query, wish.key, home, wish.kind, address)
    return choice


async def _is_reserved(query: Query6, home: LiveSubnet, address: bytes, length: int) -> bool:
    """Whether it is reserved for another client; or a part of it for this one, which shall get that and not this."""
    host = query.host
    if host is not None and any(start == address and other != length for start, other in host.prefixes):
        return True
    return await reserved_to_another(query, home, address)


def _if_free(
    query: Query6,
    home: LiveSubnet,
    pool: LivePool | None,
    wish: Association,
    address: bytes,
    length: int,
    rows: Sequence[Lease6],
) -> Choice6 | None:
    """The resource, unless somebody has it, or a part of it, or a prefix that it is a part of: ``rows`` tell."""
    if not rows:
        return Choice6(address, length, home, pool, None)
    was, dead = None, []
    for row in rows:
        if row.address != address:
            if not is_over(row, query.now):
                return None
            dead.append(row)
        elif is_over(row, query.now) or _is_own(query, row, wish, length):
            was = row
        else:
            return None
    return Choice6(address, length, home, pool, was, tuple(dead))


def _is_own(query: Query6, row: Lease6, wish: Association, length: int) -> bool:
    """Whether a row is this very association's."""
    return (
        row.state == DEFAULT
        and row.duid == query.duid
        and row.iaid == wish.iaid
        and row.type == wish.kind
        and row.prefix_length == length
    )


class Search6(Search[Choice6]):
    """A search for an address, or for a prefix, if possible of the length that the client asks for."""

    __slots__ = ("_length", "_wish")

    statistics = "v6-allocation-fail"
    query: Query6

    def __init__(self, query: Query6, subnet: LiveSubnet, wish: Association) -> None:
        hint = wish.resources[0] if wish.resources else None
        super().__init__(query, subnet, wish.key, Hint(hint.address if hint is not None else None, wish.key))
        self._wish = wish
        self._length = hint.length if hint is not None else 0

    def allocation(self, subnet: LiveSubnet) -> tuple[Sequence[LivePool], IAllocator]:
        """The pools, those nearest to the wanted length first, rather longer prefixes than shorter ones."""
        pools, allocator = subnet.allocation_for(self._wish.kind, self.query.classes)
        if self._wish.kind == PD and self._length and len(pools) > 1:
            pools = sorted(pools, key=self._distance)
        return pools, allocator

    def _distance(self, pool: LivePool) -> tuple[bool, int]:
        return pool.length < self._length, abs(pool.length - self._length)

    def shares(self, holder: bytes) -> bool:
        return holder[:-KEY_TAIL] == self.query.duid

    async def look(self, subnet: LiveSubnet, address: bytes) -> Choice6 | None:
        """See `Search.look`; marks what is taken in the pool."""
        if self._wish.kind == NA:
            pool, length = subnet.pool_of(address), ADDRESS
        else:
            pool = pool_at(subnet.prefix_pools, subnet.prefix_starts, address)
            length = pool.length if pool is not None and pool.gives(address) else 0
        if pool is None or not length:
            return None
        query = self.query
        rows = await query.leases.overlapping(address, length)
        choice = _if_free(query, subnet, pool, self._wish, address, length, rows)
        if choice is None:
            pool.mark(address, True)
        elif query.site.has_hosts and await _is_reserved(query, subnet, address, length):
            return None
        return choice


# -- what it gets ------------------------------------------------------------------------------------------------------


async def offer6(query: Query6, link: LiveSubnet, wish: Association, leases: Sequence[Lease6]) -> Grant6 | None:
    """What a SOLICIT's association is offered: kept for the client for a moment, not stored."""
    own = own_lease6(leases, wish, link, query.now)
    choice = await choose6(query, link, wish, own) if own is not None or len(leases) < LEASES else None
    if choice is None:
        return None
    _, _, subnet, pool, was, _ = choice
    valid, preferred = _lifetimes(query, subnet, wish)
    _settle(query, choice, wish)
    if query.site.lease_selected:
        lease = await _draft(query, choice, wish, valid, preferred)
        if lease is None:
            return None
        valid, preferred = lease.valid_lifetime, lease.preferred_lifetime
    if was is None or not (is_running(was, query.now) and _is_own(query, was, wish, choice.length)):
        query.site.offers.hold(wish.key, choice.address, subnet, query.now)
    return Grant6(wish.kind, choice.address, choice.length, preferred, valid, subnet, pool)


async def grant6(query: Query6, link: LiveSubnet, wish: Association, leases: Sequence[Lease6]) -> Grant6 | None:
    """Give an association a resource, durably; None if there is none.

    ``link`` is any subnet of the client's link, ``leases`` all rows of the client.
    """
    for _ in range(TRIES):
        own = own_lease6(leases, wish, link, query.now)
        if own is None and len(leases) >= LEASES:
            return None
        choice = await choose6(query, link, wish, own)
        if choice is not None and choice.dead:
            choice = await _unobstructed(query, link, wish, own, choice)
        if choice is None:
            return None
        address, length, subnet, pool, was, _ = choice
        valid, preferred = _lifetimes(query, subnet, wish)
        _settle(query, choice, wish)
        lease = await _draft(query, choice, wish, valid, preferred)
        if lease is None:
            return None
        if was is not None and (age := fresh(query, subnet, was, lease)) is not None:
            counted(query.site.statistics, REUSES[wish.kind], subnet)
            query.reused = (*query.reused, was)
            valid, preferred = left(was.valid_lifetime, age), left(was.preferred_lifetime, age)
            return Grant6(wish.kind, address, length, preferred, valid, subnet, pool)
        if await store(query, wish.key, subnet, lease, was):
            former = own if own is not None and own.address != address else None
            if former is not None:
                await give_up(query, former)
            valid, preferred = lease.valid_lifetime, lease.preferred_lifetime
            return Grant6(wish.kind, address, length, preferred, valid, subnet, pool, former)
        leases = await leases_of(query)
    return None


async def _unobstructed(
    query: Query6, link: LiveSubnet, wish: Association, own: Lease6 | None, choice: Choice6 | None
) -> Choice6 | None:
    """A choice with nothing in its way: rows of what overlaps it, whose time is over, are removed first."""
    for _ in range(CLEARINGS):
        if choice is None or not choice.dead:
            return choice
        await together([clear(query, row) for row in choice.dead])
        # Whether that worked or not, others had time to take the resource: choose again.
        choice = await choose6(query, link, wish, own)
    return None


VALID: Final = attrgetter("valid_lifetime")
PREFERRED: Final = attrgetter("preferred_lifetime")
REUSES: Final = {NA: "v6-ia-na-lease-reuses", PD: "v6-ia-pd-lease-reuses"}


def _settle(query: Query6, choice: Choice6, wish: Association) -> None:
    """Settle the client's name with its first address."""
    if wish.kind == NA and query.name is None:
        named = query.host is not None or Option6.CLIENT_FQDN in query.message.options
        if named or choice.subnet.parameters.ddns.replace_client_name in SUPPLIED:
            settle6(query, choice.subnet, choice.address)


def _lifetimes(query: Query6, subnet: LiveSubnet, wish: Association) -> tuple[int, int]:
    """Valid and preferred lifetime in seconds: what the client wishes within bounds (Kea B002)."""
    parameters = subnet.parameters
    bounds, preferred = parameters.valid_lifetime, parameters.preferred_lifetime
    classes = query.site.classes
    if classes is not None:
        bounds, preferred = classes.lifetime(query, VALID, bounds), classes.lifetime(query, PREFERRED, preferred)
    for asked in wish.resources:
        if asked.preferred <= asked.valid:
            valid = _lifetime(bounds, asked.valid)
            return valid, min(valid, _lifetime(preferred, asked.preferred))
    return bounds.default, min(bounds.default, preferred.default)


def _lifetime(bounds: Lifetime, wish: int) -> int:
    """A wish for no seconds at all is none."""
    return max(bounds.minimum, min(wish, bounds.maximum)) if wish else bounds.default


async def _draft(query: Query6, choice: Choice6, wish: Association, valid: int, preferred: int) -> Lease6 | None:
    """The lease as it is to be stored; None if a third party withholds it."""
    address, length, subnet, pool, was, _ = choice
    named = wish.kind == NA
    lease = Lease6(
        address,
        query.hwaddr,
        query.duid,
        valid,
        int(query.now) + valid,
        subnet.id,
        named and query.fqdn[0],
        named and query.fqdn[1],
        query.hostname if named else "",
        DEFAULT,
        was.user_context if was is not None and was.state == DEFAULT else "",
        pool.pool.id if pool is not None else 0,
        wish.kind,
        wish.iaid,
        length,
        preferred,
        query.hwtype,
        query.hwaddr_source,
    )
    try:
        for facet in query.site.lease_selected:
            lease = await facet.lease_selected(query, lease)
    except Refuse:
        return None
    return lease
