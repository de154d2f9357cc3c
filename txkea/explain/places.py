"""Where a query belongs: its subnet, its reservation, and the pools that it may have something from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from txkea.exchange.query import Query, Query4, Query6
from txkea.exchange.subnets import ANY, LiveSubnet
from txkea.explain.case import Case
from txkea.explain.explanation import PoolUse, Reservation, Selection, Step
from txkea.explain.shadow import Consulted, Shadow
from txkea.explain.words import any_of, kind_of, pool_range
from txkea.model.configuration import Host
from txkea.model.lease import LeaseType
from txkea.wire.dhcp6 import Option6
from txkea.wire.text import address_text

__all__ = ["asked_kinds", "pool_uses", "reservation_of", "selection_of", "steps_of"]

LINK_SELECTION: Final = 5
SUBNET_SELECTION: Final = 118


# -- the subnet --------------------------------------------------------------------------------------------------------


def selection_of(case: Case) -> Selection:
    """The subnet of the answer, and how it was found."""
    subnet: LiveSubnet | None = case.query.subnet
    steps = steps_of(case.shadow, case.query)
    if subnet is None:
        return Selection(subnet=0, prefix="", network="", steps=steps)
    network = subnet.network.name if subnet.network is not None else ""
    return Selection(subnet=subnet.id, prefix=subnet.prefix, network=network, steps=steps, moved=_moved(case, subnet))


def steps_of(shadow: Shadow, query: Query | None) -> tuple[Step, ...]:
    """What the index of subnets was asked, and what it found."""
    return tuple(_step(shadow, query, question) for question in shadow.subnets.questions)


def _step(shadow: Shadow, query: Query | None, question: Consulted) -> Step:
    key, found = question.key, question.found
    if question.way == "interface":
        way = f"one that is tied to the interface {key}"
    elif question.way == "interface-id":
        way = f"one with the relay's interface-id, 0x{key.hex()}"
    elif question.way == "over6":
        way = "one that serves what comes in DHCPv6 messages like this"
    else:
        verb = "whose relay list has" if question.way == "relay" else "that contains"
        way = f"one {verb} {address_text(key)}{_role(query, key)}"
    passed = tuple((each.id, _guard(each, query)) for each in question.passed)
    return Step(way=way, subnet=found.id if found is not None else 0, passed=passed)


def _role(query: Query | None, address: bytes) -> str:
    """What an address is to the query."""
    if query is None:
        return ""
    return next((f", {role}" for role, value in _addresses(query) if value == address), "")


def _addresses(query: Query) -> Iterator[tuple[str, bytes | None]]:
    """The addresses that tell where a client is."""
    origin = query.origin
    if isinstance(query, Query4):
        message = query.message
        if query.suboptions:
            yield "the relay's link selection (option 82.5)", query.suboptions.get(LINK_SELECTION)
        yield "the client's subnet selection (option 118)", message.options.get(SUBNET_SELECTION)
        if message.giaddr != ANY:
            yield "the relay's address (giaddr)", message.giaddr
        yield "the client's address (ciaddr)", message.ciaddr
    elif isinstance(query, Query6):
        for relay in reversed(query.message.relays):
            yield "the relay's link address", relay.link_address
    yield "the address that it came from", origin.source
    yield f"the server's own address on {origin.socket.link}", origin.socket.local


def _guard(subnet: LiveSubnet, query: Query | None) -> str:
    """Which guard a client does not pass; ``""`` if it passes all."""
    classes = query.classes if query is not None else {}
    for guard in subnet.guards:
        if not any(name in classes for name in guard):
            own = guard == subnet.subnet.client_classes
            whose = "it is" if own or subnet.network is None else f"its network {subnet.network.name} is"
            return f"{whose} only for members of {any_of(guard)}"
    return ""


def _moved(case: Case, subnet: LiveSubnet) -> str:
    found = (question.found.id for question in case.shadow.subnets.questions if question.found is not None)
    selected = next(found, subnet.id)
    if selected == subnet.id:
        return ""
    query: Query = case.query
    if query.host is not None and query.host_subnet_id == subnet.id:
        return f"subnet {selected} was selected at first; the client's reservation is here"
    if case.answer is not None:
        return f"subnet {selected} was selected at first; what the client gets is from here"
    return f"subnet {selected} was selected at first"


# -- the reservation ---------------------------------------------------------------------------------------------------


def reservation_of(case: Case) -> Reservation | None:
    """What is reserved for the client; None where nothing was looked up."""
    query: Query = case.query
    places = case.shadow.hosts.places
    if not query.identifiers or not places:
        return None
    host = query.host
    return Reservation(
        scope="" if host is None else _place(query.host_subnet_id),
        identifier="" if host is None else str(host.identifier),
        reserved=() if host is None else tuple(_reserved(host)),
        looked_up=tuple(map(str, query.identifiers)),
        places=tuple(dict.fromkeys(map(_place, places))),
    )


def _place(subnet_id: int) -> str:
    return f"subnet {subnet_id}" if subnet_id else "global"


def _reserved(host: Host) -> Iterator[str]:
    yield from map(address_text, host.addresses)
    yield from (f"{address_text(first)}/{length}" for first, length in host.prefixes)
    if host.hostname:
        yield f"hostname {host.hostname}"
    if host.client_classes:
        yield f"classes {', '.join(host.client_classes)}"


# -- pools -------------------------------------------------------------------------------------------------------------


def pool_uses(case: Case, kinds: Sequence[int], given: Sequence[tuple[int, bytes]]) -> tuple[PoolUse, ...]:
    """The pools of the client's link that give these types of leases; ``given`` are types and addresses that it got."""
    query: Query = case.query
    if query.subnet is None:
        return ()
    return tuple(
        PoolUse(subnet=subnet.id, kind=kind_of(pool), range=pool_range(pool), used=used, reason=reason)
        for subnet in query.subnet.siblings
        for kind in kinds
        for pool in subnet.allocation(kind)[0]
        for used, reason in [_use(case, subnet, pool, [address for what, address in given if what == kind])]
    )


def _use(case: Case, subnet: LiveSubnet, pool: Any, given: Sequence[bytes]) -> tuple[bool, str]:
    query: Query = case.query
    if any(address in pool for address in given):
        return True, "used"
    if subnet is not query.subnet and (guard := _guard(subnet, query)):
        return False, f"passed over: subnet {subnet.id}: {guard}"
    if not pool.admits(query.classes):
        return False, f"passed over: only for members of {any_of(pool.guard)}"
    if pool.free_from(0) is None:
        return False, "full"
    taken = _taken(case, pool)
    if given or not taken:
        return False, f"not needed{taken}" if given else "not looked at"
    return False, f"nothing to have in it{taken}"


def _taken(case: Case, pool: Any) -> str:
    """How many of its addresses the search came by in vain."""
    reserved = [address for address in case.shadow.hosts.reserved if address in pool]
    leased = [
        address
        for address, row in case.shadow.leases.seen.items()
        if row is not None and address in pool and address not in reserved
    ]
    found = [(len(reserved), "reserved for others"), (len(leased), "leased")]
    told = [f"{number} of those looked at {'is' if number == 1 else 'are'} {what}" for number, what in found if number]
    return f"; {', '.join(told)}" if told else ""


def asked_kinds(query: Query) -> Sequence[int]:
    """The types of leases that a message asks for."""
    if isinstance(query, Query4):
        return (0,)
    assert isinstance(query, Query6)
    wanted = ((Option6.IA_NA, int(LeaseType.NA)), (Option6.IA_PD, int(LeaseType.PD)))
    return tuple(kind for code, kind in wanted if code in query.message.options)
