"""DHCPv4: what a server answers to each message (RFC 2131 section 4.3; Kea A.10)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from txkea.errors import Drop, Refuse
from txkea.exchange import accounting
from txkea.exchange.allocate import Grant, belongs, choose, grant, lifetime_for, own_lease
from txkea.exchange.hostnames import settle
from txkea.exchange.options4 import value
from txkea.exchange.query import Query
from txkea.exchange.reply import Reply, lease_answer, negative_answer, plain_answer
from txkea.exchange.reservations import find_host
from txkea.exchange.subnets import ANY, LiveSubnet
from txkea.model.lease import Lease4, LeaseState
from txkea.wire.dhcp4 import MessageType4
from txkea.wire.text import address_text

__all__ = ["exchange"]

V6_ONLY_PREFERRED = 108
REQUESTED = 50


async def exchange(query: Query) -> Reply | None:
    """The whole way of a query from its acceptance to its answer; raises `Drop` for a query without one."""
    site = query.site
    for received in site.received:
        await received.query_received(query)
    if site.selected and query.subnet is not None:
        for selected in site.selected:
            await selected.subnet_selected(query)
    if query.identifiers:
        await find_host(query)
    for query_filter in site.filters:
        if not query_filter.serves(query):
            raise Drop("another server of the pair serves this client", "pkt4-not-for-us")
    reply = await ANSWERS[query.type](query)
    if site.observers and (query.granted or query.removed):
        for observer in site.observers:
            told = observer.leases_committed(query, query.granted, query.removed)
            if observer.answer_waits:
                await told
    return reply


# -- DISCOVER ----------------------------------------------------------------------------------------------------------


async def discover(query: Query) -> Reply | None:
    """Offer an address (RFC 2131 section 4.3.1); nothing is stored unless ``offer-lifetime`` says so (Kea A117)."""
    subnet = query.subnet
    if subnet is None:
        raise Drop("no subnet for it", "", "DHCP4_SUBNET_SELECTION_FAILED")
    if _prefers_ipv6_only(query, subnet):
        return plain_answer(query, MessageType4.OFFER, subnet)
    choice = await choose(query, subnet)
    if choice is None:
        _count_failure(query, subnet)
        raise Drop("no address is free", "", "ALLOC_ENGINE_V4_ALLOC_FAIL")
    query.subnet = subnet = choice.subnet
    if choice.was is None or not belongs(query, choice.was, subnet.parameters.match_client_id):
        query.site.offers.hold(query.key, choice.address, subnet, query.now)
    settle(query, subnet, choice.address)
    log = query.site.log.leases.info
    if log:
        log("DHCP4_LEASE_ADVERT", f"{query}: lease {address_text(choice.address)} will be advertised")
    lifetime = lifetime_for(query, subnet)
    return lease_answer(query, MessageType4.OFFER, subnet, choice.address, lifetime)


def _prefers_ipv6_only(query: Query, subnet: LiveSubnet) -> bool:
    """Whether client and configuration agree on doing without IPv4 (RFC 8925 section 3.3)."""
    return (
        V6_ONLY_PREFERRED in query.message.options.get(55, b"") and value(query, subnet, V6_ONLY_PREFERRED) is not None
    )


def _count_failure(query: Query, subnet: LiveSubnet) -> None:
    """Say why there was no address (Kea A161)."""
    statistics = query.site.statistics
    statistics["v4-allocation-fail"] += 1
    if not any(other.pools for other in subnet.siblings):
        statistics["v4-allocation-fail-no-pools"] += 1
    elif len(subnet.siblings) > 1:
        statistics["v4-allocation-fail-shared-network"] += 1
    else:
        statistics["v4-allocation-fail-subnet"] += 1


# -- REQUEST -----------------------------------------------------------------------------------------------------------


async def request(query: Query) -> Reply | None:
    """Lease the requested address, or say no (RFC 2131 section 4.3.2)."""
    subnet = query.subnet
    options = query.message.options
    wanted = options.get(REQUESTED)
    if subnet is None:
        return _refused(query, "no subnet for the client's link")
    try:
        if wanted is not None and 54 not in options:
            await _check_reboot(query, subnet, wanted)
        elif wanted is None and query.message.ciaddr != ANY:
            wanted = query.message.ciaddr
        granted = await grant(query, subnet, wanted)
    except Refuse as no:
        return _refused(query, str(no))
    return _acknowledged(query, granted)


async def _check_reboot(query: Query, subnet: LiveSubnet, wanted: bytes) -> None:
    """INIT-REBOOT: be silent about a client that we do not know, unless we are authoritative (Kea A121, A122)."""
    lease = await own_lease(query, subnet, match_client_id=True)
    if lease is None:
        if subnet.parameters.authoritative:
            raise Refuse("the client is not known here")
        raise Drop("INIT-REBOOT of a client that is not known here", "", "DHCP4_NO_LEASE_INIT_REBOOT")
    if lease.address != wanted:
        raise Refuse("the client has another address than it believes")


def _acknowledged(query: Query, granted: Grant) -> Reply:
    lease, subnet = granted.lease, query.subnet
    assert subnet is not None, "a lease was granted in a subnet"
    log = query.site.log.leases.info
    if log:
        text = f"{query}: lease {address_text(lease.address)} has been allocated for {granted.lifetime} seconds"
        log("DHCP4_LEASE_ALLOC", text)
    return lease_answer(query, MessageType4.ACK, subnet, lease.address, granted.lifetime)


def _refused(query: Query, why: str) -> Reply:
    log = query.site.log.leases.debug
    if log:
        log("DHCP4_LEASE_NAK", f"{query}: {why}")
    return negative_answer(query)


# -- RELEASE and DECLINE -----------------------------------------------------------------------------------------------


async def _claimed(query: Query, address: bytes) -> Lease4:
    """The client's running lease of this address, or `Drop`."""
    lease = await query.site.leases.get(address)
    if lease is None or lease.state != LeaseState.DEFAULT or lease.expired(query.now):
        raise Drop(f"no running lease of {address_text(address)}", "", "DHCP4_RELEASE_FAIL_NO_LEASE")
    subnet = query.site.subnets.by_id.get(lease.subnet_id)
    match = subnet.parameters.match_client_id if subnet is not None else True
    if not belongs(query, lease, match):
        raise Drop(f"{address_text(address)} is leased to another client", "", "DHCP4_RELEASE_FAIL_WRONG_CLIENT")
    return lease


async def release(query: Query) -> Reply | None:
    """End the lease of ``ciaddr`` (RFC 2131 section 4.3.4; Kea A125).

    With affinity the row is kept, so that the client gets its address again.
    """
    lease = await _claimed(query, query.message.ciaddr)
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
        done = await site.leases.update(kept, lease)
    else:
        done = await site.leases.remove(lease)
    if done:
        query.removed.append(lease)
        accounting.ended(site.statistics, site.subnets.by_id.get(lease.subnet_id), lease)
        if site.log.leases.info:
            site.log.leases.info("DHCP4_RELEASE", f"{query}: address {address_text(lease.address)} was released")
    return None


async def decline(query: Query) -> Reply | None:
    """Keep an address that the client found in use from everybody for a while (RFC 2131 section 4.3.3; Kea A127)."""
    address = query.message.options.get(REQUESTED)
    if address is None:
        raise Drop("a DECLINE must name an address (option 50)", "pkt4-rfc-violation")
    lease = await _claimed(query, address)
    site = query.site
    period = site.configuration.decline_probation_period
    kept = Lease4(address, b"", b"", period, int(query.now) + period, lease.subnet_id, state=LeaseState.DECLINED)
    if await site.leases.update(kept, lease):
        query.removed.append(lease)
        subnet = site.subnets.by_id.get(lease.subnet_id)
        if subnet is not None:
            accounting.declined(site.statistics, subnet)
        for observer in site.observers:
            await observer.lease_declined(query, kept)
        if site.log.leases.info:
            text = f"{query}: {address_text(address)} was declined and is not used for {period} seconds"
            site.log.leases.info("DHCP4_DECLINE_LEASE", text)
    return None


# -- INFORM ------------------------------------------------------------------------------------------------------------


async def inform(query: Query) -> Reply | None:
    """Options for a client that has its address from elsewhere (RFC 2131 section 4.3.5; Kea A128)."""
    message = query.message
    if message.ciaddr == ANY and message.giaddr == ANY and query.origin.source == ANY:
        raise Drop("an INFORM must say where its answer goes", "pkt4-rfc-violation")
    if query.subnet is None:
        raise Drop("no subnet for it", "", "DHCP4_SUBNET_SELECTION_FAILED")
    settle(query, query.subnet, message.ciaddr)
    return plain_answer(query, MessageType4.ACK, query.subnet)


ANSWERS: dict[int, Callable[[Query], Awaitable[Reply | None]]] = {
    MessageType4.DISCOVER: discover,
    MessageType4.REQUEST: request,
    MessageType4.RELEASE: release,
    MessageType4.DECLINE: decline,
    MessageType4.INFORM: inform,
}
