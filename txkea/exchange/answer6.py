"""DHCPv6: what a server answers to each message (RFC 8415 section 18.3; RFC 9686; Kea B.6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from txkea.errors import Drop
from txkea.exchange.allocate6 import grant6, leases_of, offer6
from txkea.exchange.associations import Association, Grant6, Outcome, associations, encoded
from txkea.exchange.binding import give_back, is_running, set_aside
from txkea.exchange.over6 import dhcpv4_query
from txkea.exchange.query import Query6
from txkea.exchange.register6 import register
from txkea.exchange.reply import Reply
from txkea.exchange.reply6 import Block, answer6
from txkea.exchange.subnets import LiveSubnet
from txkea.exchange.together import together
from txkea.model.lease import Lease6, LeaseState, LeaseType
from txkea.wire.dhcp6 import UNSPECIFIED, MessageType6, Option6, StatusCode, option6, status_option
from txkea.wire.duid import EMPTY_DUID
from txkea.wire.ia import Resource
from txkea.wire.text import address_text

__all__ = ["ANSWERS6"]

ADVERTISE, REQUEST, REPLY = int(MessageType6.ADVERTISE), int(MessageType6.REQUEST), int(MessageType6.REPLY)
NA, PD = int(LeaseType.NA), int(LeaseType.PD)
SUCCESS = int(StatusCode.SUCCESS)
NO_BINDING = int(StatusCode.NO_BINDING)
NOT_ON_LINK = int(StatusCode.NOT_ON_LINK)
NONE_LEFT: Final = {NA: int(StatusCode.NO_ADDRS_AVAIL), PD: int(StatusCode.NO_PREFIX_AVAIL)}
RAPID: Final[Block] = (Option6.RAPID_COMMIT, option6(Option6.RAPID_COMMIT, b""))


# -- SOLICIT (section 18.3.1) ------------------------------------------------------------------------------------------


async def solicit(query: Query6) -> Reply | None:
    """Offer what the client asks for; with rapid commit on both sides, lease it at once."""
    subnet = query.subnet
    if subnet is not None and subnet.parameters.rapid_commit and Option6.RAPID_COMMIT in query.message.options:
        query.rapid = True
        outcomes = await _assigned(query, associations(query))
        return answer6(query, REPLY, [*encoded(query, outcomes), RAPID])
    query.site.offers.forget(query.now)
    wishes = associations(query)
    leases = await leases_of(query)
    # One after the other: no two associations may be offered the same.
    outcomes = [_outcome(wish, await offer6(query, subnet, wish, leases) if subnet else None) for wish in wishes]
    _tell(query, outcomes, ("DHCP6_LEASE_ADVERT", "DHCP6_PD_LEASE_ADVERT"), "will be advertised")
    return answer6(query, ADVERTISE, encoded(query, outcomes))


def _outcome(wish: Association, grant: Grant6 | None) -> Outcome:
    """What an association gets, or that there is nothing for it (Kea B037, B039)."""
    if grant is None:
        return Outcome(wish, None, NONE_LEFT[wish.kind])
    former = grant.former
    return Outcome(wish, grant, None, ((former.address, former.prefix_length),) if former is not None else ())


# -- REQUEST (section 18.3.2) ------------------------------------------------------------------------------------------


async def request(query: Query6) -> Reply | None:
    """Lease what the client asks for, or something else of the kind."""
    return answer6(query, REPLY, encoded(query, await _assigned(query, associations(query))))


async def _assigned(query: Query6, wishes: Sequence[Association]) -> list[Outcome]:
    """What the associations are leased; addresses that a REQUEST names must fit the link."""
    subnet = query.subnet
    if subnet is None:
        return [_outcome(wish, None) for wish in wishes]
    leases = await leases_of(query)
    astray = (
        [wish for wish in wishes if wish.resources and not _on_link(query, subnet, wish)]
        if query.type == REQUEST
        else ()
    )
    grants = await together([grant6(query, subnet, wish, leases) for wish in wishes if wish not in astray])
    found = iter(grants)
    outcomes = [Outcome(wish, None, NOT_ON_LINK) if wish in astray else _outcome(wish, next(found)) for wish in wishes]
    _tell(query, outcomes, ("DHCP6_LEASE_ALLOC", "DHCP6_PD_LEASE_ALLOC"), "has been allocated")
    return outcomes


def _on_link(query: Query6, subnet: LiveSubnet, wish: Association) -> bool:
    """Whether all addresses that the client names could be used where it is; prefixes are of no link."""
    if wish.kind == NA:
        for resource in wish.resources:
            if subnet.on_link(resource.address, query.classes) is None and resource.address != UNSPECIFIED:
                return False
    return True


# -- CONFIRM (section 18.3.3) ------------------------------------------------------------------------------------------


async def confirm(query: Query6) -> Reply | None:
    """Tell whether the client's addresses fit the link that it is on now; silence when nobody can tell."""
    subnet = query.subnet
    wishes = [wish for wish in associations(query) if wish.kind == NA and wish.resources]
    if not wishes:
        raise Drop("a CONFIRM without an address")
    if subnet is None:
        raise Drop("no subnet for the client's link", "", "DHCP6_SUBNET_SELECTION_FAILED")
    if all(_on_link(query, subnet, wish) for wish in wishes):
        return answer6(query, REPLY, [_status(SUCCESS, "All addresses fit the link.")])
    return answer6(query, REPLY, [_status(NOT_ON_LINK, "An address does not fit the link.")])


# -- RENEW and REBIND (sections 18.3.4 and 18.3.5) ---------------------------------------------------------------------


async def renew(query: Query6) -> Reply | None:
    """Extend what the client has; give it something where it has nothing (RFC 8415 section 18.3.4)."""
    subnet, wishes = query.subnet, associations(query)
    if subnet is None:
        return answer6(query, REPLY, encoded(query, [Outcome(wish, None, NO_BINDING) for wish in wishes]))
    leases = await leases_of(query)
    grants = await together([grant6(query, subnet, wish, leases) for wish in wishes])
    outcomes = [_extended(wish, _outcome(wish, grant)) for wish, grant in zip(wishes, grants, strict=True)]
    _tell(query, outcomes, ("DHCP6_LEASE_RENEW", "DHCP6_PD_LEASE_RENEW"), "has been renewed")
    return answer6(query, REPLY, encoded(query, outcomes))


def _extended(wish: Association, outcome: Outcome) -> Outcome:
    """An outcome that also tells the client what it must not use any longer (Kea B043)."""
    grant = outcome.grant
    has = (grant.address, grant.length) if grant is not None else None
    named = ((each.address, each.length) for each in wish.resources if each.address != UNSPECIFIED)
    gone = dict.fromkeys(each for each in named if each != has)
    return outcome._replace(gone=tuple({**gone, **dict.fromkeys(outcome.gone)})) if gone else outcome


async def rebind(query: Query6) -> Reply | None:
    """As `renew`; for prefixes of a link that we do not know another server may speak (Kea B045)."""
    if query.subnet is None and any(wish.kind == PD for wish in associations(query)):
        raise Drop("no subnet for the client's link", "", "DHCP6_SUBNET_SELECTION_FAILED")
    return await renew(query)


# -- RELEASE (section 18.3.7) ------------------------------------------------------------------------------------------


async def release(query: Query6) -> Reply | None:
    """End the client's leases; with affinity the rows are kept, so that it gets the same again."""
    outcomes = await together([_released(query, wish) for wish in associations(query)])
    return answer6(query, REPLY, [*encoded(query, outcomes), _status(SUCCESS, "All released.")], with_options=False)


async def _released(query: Query6, wish: Association) -> Outcome:
    # What is not the association's is ignored beside what is (RFC 8415 section 18.3.7).
    done = [await _release(query, wish, resource) for resource in wish.resources]
    return Outcome(wish, None, SUCCESS if any(done) else NO_BINDING)


async def _release(query: Query6, wish: Association, resource: Resource) -> bool:
    lease = await _claimed(query, wish, resource)
    if lease is None:
        return False
    site = query.site
    done = await give_back(query, lease)
    if done and site.log.leases.info:
        what = _resource_text(lease.type, lease.address, lease.prefix_length)
        text = f"{query}: {what} and iaid={lease.iaid} was released properly"
        site.log.leases.info("DHCP6_RELEASE_PD" if lease.type == PD else "DHCP6_RELEASE_NA", text)
    return done


async def _claimed(query: Query6, wish: Association, resource: Resource) -> Lease6 | None:
    """The running lease of a resource, if it is this association's."""
    lease: Lease6 | None = await query.leases.get(resource.address)
    if lease is None or not is_running(lease, query.now):
        return None
    ours = lease.duid == query.duid and lease.iaid == wish.iaid and lease.type == wish.kind
    return lease if ours and lease.prefix_length == resource.length else None


# -- DECLINE (section 18.3.8) ------------------------------------------------------------------------------------------


async def decline(query: Query6) -> Reply | None:
    """Keep addresses that the client found in use from everybody for a while; prefixes cannot be declined."""
    wishes = [wish for wish in associations(query) if wish.kind == NA]
    outcomes = await together([_declined(query, wish) for wish in wishes])
    return answer6(query, REPLY, [*encoded(query, outcomes), _status(SUCCESS, "Noted.")], with_options=False)


async def _declined(query: Query6, wish: Association) -> Outcome:
    done = [await _decline(query, wish, resource) for resource in wish.resources]
    return Outcome(wish, None, SUCCESS if done and all(done) else NO_BINDING)


async def _decline(query: Query6, wish: Association, resource: Resource) -> bool:
    lease = await _claimed(query, wish, resource)
    if lease is None:
        return False
    site = query.site
    period = site.configuration.decline_probation_period
    kept = Lease6(
        lease.address,
        b"",
        EMPTY_DUID,
        period,
        int(query.now) + period,
        lease.subnet_id,
        state=LeaseState.DECLINED,
        pool_id=lease.pool_id,
        iaid=lease.iaid,
    )
    if not await set_aside(query, lease, kept):
        return False
    if site.log.leases.info:
        text = f"{query}: {address_text(lease.address)} was declined and is not used for {period} seconds"
        site.log.leases.info("DHCP6_DECLINE_LEASE", text)
    return True


# -- INFORMATION-REQUEST (section 18.3.6) ------------------------------------------------------------------------------


async def information_request(query: Query6) -> Reply | None:
    """Options for a client that has its addresses from elsewhere."""
    return answer6(query, REPLY)


def _status(code: int, text: str) -> Block:
    """What is told of a message as a whole."""
    return Option6.STATUS_CODE, status_option(code, text)


# -- the log -----------------------------------------------------------------------------------------------------------


def _tell(query: Query6, outcomes: Sequence[Outcome], messages: tuple[str, str], what: str) -> None:
    """A line for each lease; ``messages`` are those of an address and of a prefix."""
    log = query.site.log.leases.info
    if log:
        for wish, grant, _, _ in outcomes:
            if grant is not None:
                text = _resource_text(grant.kind, grant.address, grant.length)
                for_seconds = f"iaid={wish.iaid} {what} for {grant.valid} seconds"
                log(messages[grant.kind == PD], f"{query}: lease for {text} and {for_seconds}")


def _resource_text(kind: int, address: bytes, length: int) -> str:
    if kind == PD:
        return f"prefix {address_text(address)}/{length}"
    return f"address {address_text(address)}"


ANSWERS6: dict[int, Callable[[Query6], Awaitable[Reply | None]]] = {
    MessageType6.SOLICIT: solicit,
    MessageType6.REQUEST: request,
    MessageType6.CONFIRM: confirm,
    MessageType6.RENEW: renew,
    MessageType6.REBIND: rebind,
    MessageType6.RELEASE: release,
    MessageType6.DECLINE: decline,
    MessageType6.INFORMATION_REQUEST: information_request,
    MessageType6.DHCPV4_QUERY: dhcpv4_query,
    MessageType6.ADDR_REG_INFORM: register,
}
