"""Which address a client gets (Kea A.12, A.13; RFC 2131 section 4.3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from txkea.errors import Drop, Refuse
from txkea.exchange.accounting import counted
from txkea.exchange.binding import TRIES, Grant, forestalled, fresh, give_up, is_running, left, store
from txkea.exchange.hostnames4 import settle4
from txkea.exchange.pools import LivePool
from txkea.exchange.query import Query4
from txkea.exchange.reservations import reserved_address, reserved_to_another
from txkea.exchange.search import Search
from txkea.exchange.subnets import LiveSubnet
from txkea.exchange.together import together
from txkea.interfaces import Hint, IAllocator, ILeaseStore
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import Lease4, LeaseState

__all__ = ["Choice", "belongs", "choose", "grant", "hold", "lease_offer", "offer_lifetime", "own_lease"]

# Plain integers: looking up a member of an enumeration costs as much as calling a function.
DECLINED = int(LeaseState.DECLINED)
DEFAULT = int(LeaseState.DEFAULT)
RECLAIMED = int(LeaseState.RECLAIMED)
VALID = attrgetter("valid_lifetime")
OFFER = attrgetter("offer_lifetime")
NO_TIME = bytes(4)
"""A wish for no seconds at all is none: the client gets the default, as in Kea."""


class Choice(NamedTuple):
    """An address that a client may have."""

    address: bytes
    subnet: LiveSubnet
    was: Lease4 | None
    """The row that it has now, which may be replaced."""


# -- whose lease is it -------------------------------------------------------------------------------------------------


def belongs(query: Query4, lease: Lease4, match_client_id: bool) -> bool:
    """Whether a lease is this client's: by client identifiers if both have one, else by hardware address (Kea A141).

    Two absent identifiers do not make a match by themselves, as they do in Kea: the hardware addresses decide.
    """
    if (match_client_id or not query.hwaddr) and query.client_id and lease.client_id:
        return query.client_id == lease.client_id
    return bool(query.hwaddr) and query.hwaddr == lease.hwaddr


async def own_lease(query: Query4, subnet: LiveSubnet) -> Lease4 | None:
    """The lease, even an expired one, that the client has on this link (Kea A140, A144)."""
    leases = await _own_leases(query, subnet)
    return leases[0] if leases else None


async def _own_leases(query: Query4, subnet: LiveSubnet) -> Sequence[Lease4]:
    """The leases that the client has on this link: first the running one that it names, then those that end last.

    There may be two that run: what a server stored just before it was killed, and what another one gave in its place.
    """
    match = subnet.parameters.match_client_id
    store = query.leases
    by_id = query.client_id if match or not query.hwaddr else b""
    if by_id and query.hwaddr and store.shared:  # both on one way there and back
        known = (IdentifierKind.CLIENT_ID, by_id), (IdentifierKind.HW_ADDRESS, query.hwaddr)
        found, leases = await together([_leases_of(store, Identifier(*each)) for each in known])
        if found and (own := _on_link(query, found, subnet)):
            return own
    else:
        if by_id:
            leases = await store.by_client(Identifier(IdentifierKind.CLIENT_ID, by_id))
            if leases and (own := _on_link(query, leases, subnet)):
                return own
        if not query.hwaddr:
            return ()
        leases = await store.by_client(Identifier(IdentifierKind.HW_ADDRESS, query.hwaddr))
    return _on_link(query, [lease for lease in leases if belongs(query, lease, match)], subnet) if leases else ()


async def _leases_of(store: ILeaseStore, identifier: Identifier) -> Sequence[Lease4]:
    return await store.by_client(identifier)


def _on_link(query: Query4, leases: Sequence[Lease4], subnet: LiveSubnet) -> Sequence[Lease4]:
    """Those on the link, in the order of `_own_leases`."""
    if len(leases) == 1 and leases[0].subnet_id == subnet.id:
        return leases if leases[0].state != DECLINED else ()
    places = {home.id for home in subnet.siblings}
    there = [lease for lease in leases if lease.subnet_id in places and lease.state != DECLINED]
    named, now = (query.message.ciaddr, query.message.options.get(50)), query.now
    there.sort(key=lambda lease: (lease.address in named and is_running(lease, now), lease.expires), reverse=True)
    return there


# -- an address to offer -----------------------------------------------------------------------------------------------


async def choose(query: Query4, subnet: LiveSubnet) -> Choice | None:
    """An address for a DISCOVER: reserved, own, asked for, or any free one, in this order (Kea A146)."""
    query.site.offers.forget(query.now)
    own = await own_lease(query, subnet)
    reserved = reserved_address(query)
    if reserved is not None:
        choice = await _if_free(query, subnet, reserved)
        if choice is not None:
            return choice
        counted(query.site.statistics, "v4-reservation-conflicts", subnet)
    if own is not None and (choice := await _if_usable(query, own.address, subnet, own)):
        return choice
    for hint in (query.message.options.get(50), query.site.offers.to(query.key, query.now)):
        if hint is not None and (choice := await _if_usable(query, hint, subnet, None)):
            return choice
    return await _walk(query, subnet)


async def _if_usable(query: Query4, address: bytes, subnet: LiveSubnet, own: Lease4 | None) -> Choice | None:
    """The address, if it is in a pool on this link, free (or the client's) and reserved for nobody else."""
    home = subnet.on_link(address, query.classes)
    if home is None or home.pool_for(address, query.classes) is None or await reserved_to_another(query, home, address):
        return None
    if own is not None and is_running(own, query.now):
        return Choice(address, home, own)
    choice = Choice(address, home, own) if own is not None else await _if_free(query, home, address)
    return None if query.site.offers.kept_from(query.key, address) else choice


async def _if_free(query: Query4, subnet: LiveSubnet, address: bytes) -> Choice | None:
    row = await query.leases.get(address)
    if row is None or _replaceable(query, row, subnet):
        return Choice(address, subnet, row)
    return None


def _replaceable(query: Query4, row: Lease4, subnet: LiveSubnet) -> bool:
    """Whether the row may give way: its time is over (Kea A149, A151), or it is the client's own."""
    if row.state >= RECLAIMED or row.expired(query.now):
        return True
    return row.state == DEFAULT and belongs(query, row, subnet.parameters.match_client_id)


async def _walk(query: Query4, subnet: LiveSubnet) -> Choice | None:
    """Any free address on the link."""
    hint = Hint(query.message.options.get(50), query.key)
    return await Search4(query, subnet, query.key, hint).any()


class Search4(Search[Choice]):
    """A search for an IPv4 address."""

    __slots__ = ()

    statistics = "v4-allocation-fail"
    query: Query4

    def allocation(self, subnet: LiveSubnet) -> tuple[Sequence[LivePool], IAllocator]:
        return subnet.allocation_for(0, self.query.classes)

    def fits(self, subnet: LiveSubnet, address: bytes) -> bool:
        """Not if some devices take it for a network's or a broadcast address (Kea A160)."""
        if not self.query.site.configuration.exclude_first_last_24:
            return True
        return subnet.subnet.length > 24 or address[3] not in (0, 255)

    async def look(self, subnet: LiveSubnet, address: bytes) -> Choice | None:
        choice = await _if_free(self.query, subnet, address)
        if choice is None:
            subnet.mark(address, True)
        elif await reserved_to_another(self.query, subnet, address):
            return None
        return choice


# -- a lease to store --------------------------------------------------------------------------------------------------


async def grant(query: Query4, subnet: LiveSubnet, requested: bytes | None) -> Grant:
    """Give the client the address that it requests, or raise `Refuse` (Kea A147)."""
    for _ in range(TRIES):
        owned = await _own_leases(query, subnet)
        choice = await _entitled(query, subnet, requested, owned[0] if owned else None)
        query.subnet = choice.subnet
        lease = await _draft(query, choice)
        if choice.was is not None and (age := fresh(query, choice.subnet, choice.was, lease)) is not None:
            counted(query.site.statistics, "v4-lease-reuses", choice.subnet)
            query.reused = (*query.reused, choice.was)
            return Grant(choice.was, left(choice.was.valid_lifetime, age))
        if await store(query, query.key, choice.subnet, lease, choice.was):
            for other in owned:
                if other.address != lease.address and (other is owned[0] or is_running(other, query.now)):
                    await give_up(query, other)
            return Grant(lease, lease.valid_lifetime)
    raise Refuse("others kept taking the address")


async def _entitled(query: Query4, subnet: LiveSubnet, requested: bytes | None, own: Lease4 | None) -> Choice:
    reserved = reserved_address(query)
    if reserved is not None and reserved != requested and (choice := await _if_free(query, subnet, reserved)):
        if requested is None:
            return choice
        raise Refuse("another address is reserved for the client")
    if requested is None:
        return await _any(query, subnet, own)
    home = subnet.on_link(requested, query.classes)
    if home is None:
        raise Refuse("the requested address does not belong to the client's link")
    if reserved != requested:
        if home.pool_for(requested, query.classes) is None:
            raise Refuse("the requested address is in no pool")
        if await reserved_to_another(query, home, requested):
            raise Refuse("the requested address is reserved for another client")
    choice = await _if_free(query, home, requested)
    if choice is None:
        forestalled(query, query.key, home, 0, requested)
        raise Refuse("the requested address is leased to another client")
    return choice


async def _any(query: Query4, subnet: LiveSubnet, own: Lease4 | None) -> Choice:
    """An address for a REQUEST that names none."""
    choice = await _if_usable(query, own.address, subnet, own) if own is not None else None
    choice = choice or await _walk(query, subnet)
    if choice is None:
        raise Refuse("no address is free")
    return choice


def hold(query: Query4, choice: Choice) -> int:
    """Keep the address that is offered for the client for a moment; gives the lifetime to offer in seconds."""
    subnet = choice.subnet
    settle4(query, subnet, choice.address)
    if choice.was is None or not _has_it(query, choice):
        query.site.offers.hold(query.key, choice.address, subnet, query.now)
    return lifetime_for(query, subnet)


async def lease_offer(query: Query4, choice: Choice) -> int:
    """The same where third parties have a say, or where ``offer-lifetime`` wants a lease of so many seconds (A117)."""
    site, subnet = query.site, choice.subnet
    lease = await _draft(query, choice)
    seconds = offer_lifetime(query, subnet)
    if _has_it(query, choice):
        return lease.valid_lifetime
    if not seconds:
        site.offers.hold(query.key, choice.address, subnet, query.now)
    elif not await store(query, query.key, subnet, _shortened(lease, query, seconds), choice.was):
        raise Drop("another client was faster", "", "ALLOC_ENGINE_V4_ALLOC_FAIL")
    return lease.valid_lifetime


def _shortened(lease: Lease4, query: Query4, seconds: int) -> Lease4:
    return lease._replace(valid_lifetime=seconds, expires=int(query.now) + seconds)


def _has_it(query: Query4, choice: Choice) -> bool:
    """Whether the client has a running lease of the address, so that nobody else can get it."""
    was = choice.was
    return (
        was is not None and is_running(was, query.now) and belongs(query, was, choice.subnet.parameters.match_client_id)
    )


async def _draft(query: Query4, choice: Choice) -> Lease4:
    """The lease as it is to be stored."""
    subnet, was = choice.subnet, choice.was
    now = int(query.now)
    lifetime = lifetime_for(query, subnet)
    pool = subnet.pool_of(choice.address)
    settle4(query, subnet, choice.address)
    lease = Lease4(
        choice.address,
        query.hwaddr,
        query.client_id if subnet.parameters.match_client_id or not query.hwaddr else b"",
        lifetime,
        now + lifetime,
        subnet.id,
        query.fqdn[0],
        query.fqdn[1],
        query.hostname,
        DEFAULT,
        was.user_context if was is not None and was.state == DEFAULT else "",
        pool.pool.id if pool is not None else 0,
    )
    for facet in query.site.lease_selected:
        lease = await facet.lease_selected(query, lease)
    return lease


def offer_lifetime(query: Query4, subnet: LiveSubnet) -> int:
    """Seconds for which an offer is stored as a lease; 0 when it is not (Kea A117)."""
    seconds, classes = subnet.parameters.offer_lifetime, query.site.classes
    return seconds if classes is None else classes.lifetime(query, OFFER, seconds)


def lifetime_for(query: Query4, subnet: LiveSubnet) -> int:
    """Seconds: what the client asks for (option 51) within bounds, else the default (Kea A037)."""
    lifetime, classes = subnet.parameters.valid_lifetime, query.site.classes
    if classes is not None:
        lifetime = classes.lifetime(query, VALID, lifetime)
    wish = query.message.options.get(51)
    if wish is None or len(wish) != 4 or wish == NO_TIME:
        return lifetime.default
    return max(lifetime.minimum, min(int.from_bytes(wish, "big"), lifetime.maximum))
