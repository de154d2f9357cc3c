"""Addresses that clients chose themselves and tell the server of (RFC 9686)."""

from __future__ import annotations

from txkea.errors import Drop
from txkea.exchange.accounting import registered
from txkea.exchange.allocate6 import LEASES, leases_of
from txkea.exchange.binding import outlived
from txkea.exchange.query import Query6
from txkea.exchange.reply import Reply
from txkea.exchange.reply6 import answer6
from txkea.exchange.subnets import LiveSubnet
from txkea.model.lease import Lease6, LeaseState
from txkea.wire.dhcp6 import MessageType6, Option6, option6
from txkea.wire.text import address_text

__all__ = ["register"]

DROPPED = "DHCP6_ADDR_REG_INFORM_FAIL"
VIOLATION = "pkt6-rfc-violation"
ADDRESS = 16
SHORTEST = 24
REGISTERED = int(LeaseState.REGISTERED)
FREE = (REGISTERED, int(LeaseState.RECLAIMED), int(LeaseState.RELEASED))


async def register(query: Query6) -> Reply | None:
    """Note a client's own address, and say so (section 4.2)."""
    payload = _checked(query)
    address = payload[:ADDRESS]
    preferred, valid = int.from_bytes(payload[16:20], "big"), int.from_bytes(payload[20:24], "big")
    subnet = query.subnet.on_link(address, query.classes) if query.subnet is not None else None
    if subnet is None:
        raise Drop(f"{address_text(address)} does not fit the client's link", "", DROPPED)
    await _note(query, subnet, address, preferred, valid)
    said_back = (Option6.IAADDR, option6(Option6.IAADDR, payload))
    return answer6(query, MessageType6.ADDR_REG_REPLY, [said_back], with_options=False)


def _checked(query: Query6) -> bytes:
    """The IA Address option's payload, of a message in order (section 4.2.1)."""
    message = query.message
    if not query.site.configuration.allow_address_registration:
        raise Drop("addresses are not registered here: allow-address-registration is false", "", DROPPED)
    if Option6.ORO in message.options:
        raise Drop("a registration requests no options", VIOLATION, DROPPED)
    payload = message.options.get(Option6.IAADDR)
    if payload is None or Option6.IAADDR in message.repeated or len(payload) < SHORTEST:
        raise Drop("a registration has one address (option 5)", VIOLATION, DROPPED)
    source = message.relays[-1].peer_address if message.relays else query.origin.source
    if payload[:ADDRESS] != source:
        raise Drop(f"{address_text(payload[:ADDRESS])} is not where the registration came from", VIOLATION, DROPPED)
    return payload


async def _note(query: Query6, subnet: LiveSubnet, address: bytes, preferred: int, valid: int) -> None:
    """Add or renew the row of a registered address; a lifetime of 0 ends it. A leased one is left alone."""
    was: Lease6 | None = await query.leases.get(address)
    if was is not None and was.state not in FREE and not was.expired(query.now):
        raise Drop(f"{address_text(address)} is leased", "", DROPPED)
    if (was is None or was.duid != query.duid) and len(await leases_of(query)) >= LEASES:
        raise Drop(f"the client has {LEASES} leases and registered addresses already", "", DROPPED)
    lease = Lease6(
        address,
        query.hwaddr,
        query.duid,
        valid,
        int(query.now) + valid,
        subnet.id,
        state=REGISTERED,
        preferred_lifetime=min(preferred, valid),
        hwtype=query.hwtype,
        hwaddr_source=query.hwaddr_source,
    )
    if not valid:
        done = was is not None and await query.leases.remove(was)
    else:
        done = await (query.leases.add(lease) if was is None else query.leases.update(lease, was))
    if not done:
        raise Drop("the address changed hands meanwhile", "", DROPPED)
    if was is not None and was.state != REGISTERED:
        outlived(query, was)
    _tell(query, subnet, lease, was)


def _tell(query: Query6, subnet: LiveSubnet, lease: Lease6, was: Lease6 | None) -> None:
    site = query.site
    known = was if was is not None and was.state == REGISTERED else None
    registered(site.statistics, site.subnets, lease, known)
    if known is not None and known.duid == lease.duid:
        query.renewed = (lease,)
    if lease.valid_lifetime:
        query.granted.append(lease)
    else:
        query.removed.append(was)
    if site.log.leases.info:
        holder = f", formerly of {was.duid.hex(':')}" if was is not None and was.duid != lease.duid else ""
        text = f"{query}: address {address_text(lease.address)} registered for {lease.valid_lifetime} seconds{holder}"
        site.log.leases.info("DHCP6_ADDR_REG", text)
