"""DHCPv4: what a server answers to each message (RFC 2131 section 4.3; Kea A.10)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from txkea.errors import Drop, Refuse
from txkea.exchange.allocate4 import (
    belongs,
    choose,
    grant,
    hold,
    lease_offer,
    offer_lifetime,
    own_lease,
)
from txkea.exchange.binding import Grant, give_back, is_running, set_aside
from txkea.exchange.options4 import value
from txkea.exchange.query import Query4
from txkea.exchange.reply import Reply
from txkea.exchange.reply4 import lease_answer, negative_answer, plain_answer
from txkea.exchange.reservations import reserved_address
from txkea.exchange.subnets import ANY, LiveSubnet
from txkea.model.lease import Lease4, LeaseState
from txkea.wire.dhcp4 import MessageType4
from txkea.wire.text import address_text

__all__ = ["ANSWERS4"]

REQUESTED = 50
V6_ONLY_PREFERRED = 108
AUTO_CONFIGURE = 116


# -- DISCOVER ----------------------------------------------------------------------------------------------------------


async def discover(query: Query4) -> Reply | None:
    """Offer an address (RFC 2131 section 4.3.1); nothing is stored unless ``offer-lifetime`` says so (Kea A117)."""
    subnet = query.subnet
    if subnet is None:
        raise Drop("no subnet for it", "", "DHCP4_SUBNET_SELECTION_FAILED")
    if _prefers_ipv6_only(query, subnet):
        return plain_answer(query, MessageType4.OFFER, subnet)
    choice = await choose(query, subnet)
    if choice is None:
        return _without_address(query, subnet)
    query.subnet = subnet = choice.subnet
    stored = offer_lifetime(query, subnet) or query.site.lease_selected
    lifetime = await lease_offer(query, choice) if stored else hold(query, choice)
    log = query.site.log.leases.info
    if log:
        log("DHCP4_LEASE_ADVERT", f"{query}: lease {address_text(choice.address)} will be advertised")
    return lease_answer(query, MessageType4.OFFER, subnet, choice.address, lifetime)


def _prefers_ipv6_only(query: Query4, subnet: LiveSubnet) -> bool:
    """Whether client and configuration agree on doing without IPv4 (RFC 8925 section 3.3)."""
    return (
        V6_ONLY_PREFERRED in query.message.options.get(55, b"") and value(query, subnet, V6_ONLY_PREFERRED) is not None
    )


def _without_address(query: Query4, subnet: LiveSubnet) -> Reply:
    """No OFFER, or one that tells whether the client may choose an address of its own (RFC 2563 section 2.2)."""
    told = value(query, subnet, AUTO_CONFIGURE) if AUTO_CONFIGURE in query.message.options else None
    if told is None:
        raise Drop("no address is free", "", "ALLOC_ENGINE_V4_ALLOC_FAIL")
    query.name = (AUTO_CONFIGURE, told)
    return plain_answer(query, MessageType4.OFFER, subnet)


# -- REQUEST -----------------------------------------------------------------------------------------------------------


async def request(query: Query4) -> Reply | None:
    """Lease the requested address, or say no (RFC 2131 section 4.3.2)."""
    subnet = query.subnet
    message = query.message
    wanted = message.options.get(REQUESTED)
    if subnet is None:
        return _refused(query, "no subnet for the client's link")
    try:
        if wanted is None and message.ciaddr != ANY:
            wanted = message.ciaddr
            if query.origin.broadcast or message.giaddr != ANY:
                await _check_rebinding(query, subnet, wanted)
        elif 54 not in message.options:
            await _check_reboot(query, subnet, wanted)
        granted = await grant(query, subnet, wanted)
    except Refuse as no:
        return _refused(query, str(no))
    return _acknowledged(query, granted)


async def _check_reboot(query: Query4, subnet: LiveSubnet, wanted: bytes | None) -> None:
    """INIT-REBOOT: be silent about a client that we do not know, unless we are authoritative (Kea A121, A122)."""
    lease = await own_lease(query, subnet) if wanted is not None else None
    if lease is None:
        if subnet.parameters.authoritative or await _moved(query, subnet, wanted):
            raise Refuse("the client is not known here")
        raise Drop("INIT-REBOOT of a client that is not known here", "", "DHCP4_NO_LEASE_INIT_REBOOT")
    if lease.address != wanted:
        raise Refuse("the client has another address than it believes")


async def _check_rebinding(query: Query4, subnet: LiveSubnet, wanted: bytes) -> None:
    """REBINDING: the lease of a client that we do not know is another server's (RFC 2131 section 4.3.2).

    Kea leases the address to it all the same, and refuses it on a wrong network even without authority.
    """
    if await own_lease(query, subnet) or reserved_address(query) == wanted:
        return
    if subnet.on_link(wanted, query.classes) is not None:
        row = await query.leases.get(wanted)
        if row is not None and row.state < LeaseState.RECLAIMED and not row.expired(query.now):
            raise Refuse("the address is leased to another client, or declined")
    elif subnet.parameters.authoritative or await _moved(query, subnet, wanted):
        raise Refuse("the address does not belong to the client's link")
    raise Drop("REBINDING of a client that is not known here", "", "DHCP4_NO_LEASE_REBINDING")


async def _moved(query: Query4, subnet: LiveSubnet, wanted: bytes | None) -> bool:
    """Whether we leased the address to this client on another network than the one where it is now."""
    if wanted is None or subnet.on_link(wanted, query.classes) is not None:
        return False
    lease = await query.leases.get(wanted)
    match = subnet.parameters.match_client_id
    return lease is not None and is_running(lease, query.now) and belongs(query, lease, match)


def _acknowledged(query: Query4, granted: Grant) -> Reply:
    lease, subnet = granted.lease, query.subnet
    assert subnet is not None, "a lease was granted in a subnet"
    log = query.site.log.leases.info
    if log:
        text = f"{query}: lease {address_text(lease.address)} has been allocated for {granted.lifetime} seconds"
        log("DHCP4_LEASE_ALLOC", text)
    return lease_answer(query, MessageType4.ACK, subnet, lease.address, granted.lifetime)


def _refused(query: Query4, why: str) -> Reply:
    log = query.site.log.leases.debug
    if log:
        log("DHCP4_LEASE_NAK", f"{query}: {why}")
    return negative_answer(query)


# -- RELEASE and DECLINE -----------------------------------------------------------------------------------------------


async def _claimed(query: Query4, address: bytes) -> Lease4:
    """The client's running lease of this address, or `Drop`."""
    lease: Lease4 | None = await query.leases.get(address)
    if lease is None or not is_running(lease, query.now):
        raise Drop(f"no running lease of {address_text(address)}", "", "DHCP4_RELEASE_FAIL_NO_LEASE")
    subnet = query.site.subnets.by_id.get(lease.subnet_id)
    match = subnet.parameters.match_client_id if subnet is not None else True
    if not belongs(query, lease, match):
        raise Drop(f"{address_text(address)} is leased to another client", "", "DHCP4_RELEASE_FAIL_WRONG_CLIENT")
    return lease


async def release(query: Query4) -> Reply | None:
    """End the lease of ``ciaddr`` (RFC 2131 section 4.3.4; Kea A125).

    With affinity the row is kept, so that the client gets its address again.
    """
    lease = await _claimed(query, query.message.ciaddr)
    site = query.site
    if await give_back(query, lease) and site.log.leases.info:
        site.log.leases.info("DHCP4_RELEASE", f"{query}: address {address_text(lease.address)} was released")
    return None


async def decline(query: Query4) -> Reply | None:
    """Keep an address that the client found in use from everybody for a while (RFC 2131 section 4.3.3; Kea A127)."""
    address = query.message.options.get(REQUESTED)
    if address is None:
        raise Drop("a DECLINE must name an address (option 50)", "pkt4-rfc-violation")
    lease = await _claimed(query, address)
    site = query.site
    period = site.configuration.decline_probation_period
    kept = Lease4(address, b"", b"", period, int(query.now) + period, lease.subnet_id, state=LeaseState.DECLINED)
    if await set_aside(query, lease, kept) and site.log.leases.info:
        text = f"{query}: {address_text(address)} was declined and is not used for {period} seconds"
        site.log.leases.info("DHCP4_DECLINE_LEASE", text)
    return None


# -- INFORM ------------------------------------------------------------------------------------------------------------


async def inform(query: Query4) -> Reply | None:
    """Options for a client that has its address from elsewhere (RFC 2131 section 4.3.5; Kea A128)."""
    message = query.message
    if message.ciaddr == ANY and message.giaddr == ANY and query.origin.source == ANY:
        raise Drop("an INFORM must say where its answer goes", "pkt4-rfc-violation")
    return plain_answer(query, MessageType4.ACK, query.subnet)


ANSWERS4: dict[int, Callable[[Query4], Awaitable[Reply | None]]] = {
    MessageType4.DISCOVER: discover,
    MessageType4.REQUEST: request,
    MessageType4.RELEASE: release,
    MessageType4.DECLINE: decline,
    MessageType4.INFORM: inform,
}
