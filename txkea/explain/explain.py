"""What a server would do with a datagram, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import evolve

from txkea.errors import Drop, Malformed, TxkeaError
from txkea.exchange.families import FAMILIES
from txkea.exchange.options6 import codes_of, requested
from txkea.exchange.query import Query4
from txkea.exchange.reply import Reply
from txkea.exchange.site import Site
from txkea.explain.answer import fields4, missing, options4, options6
from txkea.explain.arrival import Arrival
from txkea.explain.case import Case
from txkea.explain.explanation import Explanation, Selection
from txkea.explain.leased import leases4, leases6
from txkea.explain.membership import Memberships
from txkea.explain.places import asked_kinds, pool_uses, reservation_of, selection_of, steps_of
from txkea.explain.shadow import Shadow, shadow_of
from txkea.wire.client6 import read_ias
from txkea.wire.dhcp4 import BOOTREPLY, NO_ADDRESS, Message4, MessageType4, decode4
from txkea.wire.dhcp6 import Message6, MessageType6, decode6
from txkea.wire.text import address_text

__all__ = ["explain"]

ALLOCATING: Final = {
    4: (MessageType4.DISCOVER, MessageType4.REQUEST),
    6: (MessageType6.SOLICIT, MessageType6.REQUEST, MessageType6.RENEW, MessageType6.REBIND),
}
"""The messages whose answer may have an address from a pool."""


async def explain(site: Site, arrival: Arrival, now: float, most: int = 0) -> Explanation:
    """Explain the answer of a site to a datagram that comes ``now``, in seconds since the epoch; nothing is changed.

    Third parties in the site are asked as always, observers of leases are not told. ``most`` is how many tests of
    classes that are not true are taken apart, 0 for all.
    """
    told = Memberships(site.configuration.family, most)
    shadow = shadow_of(site, told)
    family = FAMILIES[site.configuration.family]
    query: Any = None
    reply: Reply | None = None
    error: TxkeaError | None = None
    try:
        query = family.accept(shadow.site, arrival.data, arrival.origin(), now)
        reply = await family.exchange(query)
    except TxkeaError as failure:
        error = failure
    if query is None and shadow.classes is not None:
        query = shadow.classes.query
    found = _inquired(_outline(site, shadow, arrival, query, reply, error), shadow)
    found = evolve(found, classes=told.result(query, shadow.classes) if query is not None else ())
    if query is None or (error is not None and query.subnet is None):
        steps = steps_of(shadow, query)
        return evolve(found, selection=Selection(subnet=0, prefix="", network="", steps=steps) if steps else None)
    answer = None if reply is None else _decoded(family.number, reply.data)
    rows = {address: await site.leases.get(address) for address in _given(answer)}
    case = Case(site=site, shadow=shadow, query=query, answer=answer, rows=rows)
    found = evolve(found, selection=selection_of(case), reservation=reservation_of(case))
    return (_details4 if family.number == 4 else _details6)(case, found)


def _outline(
    site: Site, shadow: Shadow, arrival: Arrival, query: Any, reply: Reply | None, error: TxkeaError | None
) -> Explanation:
    """What is known of any datagram."""
    family = site.configuration.family
    kind, client, relays = _seen(site, arrival)
    reason = "" if error is None else str(error)
    if not reason and reply is None:
        reason = "such a message has no answer"
    if isinstance(error, Malformed):
        statistic = f"pkt{family}-parse-failed"
    else:
        statistic = error.statistic if isinstance(error, Drop) else ""
    return Explanation(
        family=family,
        query=kind,
        client=client,
        way=arrival.way(relays),
        answer="" if reply is None else _type(family, reply.type),
        reason=reason or _refusal(shadow, query),
        destination="" if reply is None else f"{address_text(reply.address)} port {reply.port}",
        statistic=statistic,
        log=tuple(f"{message} {text}" for message, text in shadow.log.lines),
    )


def _inquired(found: Explanation, shadow: Shadow) -> Explanation:
    """The same with what others were asked, who may be the reason."""
    inquiries = tuple(dict.fromkeys(shadow.hosts.inquiries))
    refused = [f"{each.source} refuses the client" for each in inquiries if each.outcome == "refused"]
    reason = ": ".join((*refused, found.reason)) if found.reason else ", ".join(refused)
    return evolve(found, inquiries=inquiries, reason=reason)


def _seen(site: Site, arrival: Arrival) -> tuple[str, str, Sequence[bytes]]:
    """What a datagram says of itself, its client and its relays; nothing, if it cannot be read."""
    lenient = site.configuration.lenient_option_parsing
    try:
        if site.configuration.family == 4:
            message4 = decode4(arrival.data, lenient)
            known = {"hw-address": message4.chaddr, "client-id": message4.options.get(61)}
            relays = [message4.giaddr] if message4.giaddr != NO_ADDRESS else []
            return _type(4, message4.type), _told(known), relays
        message6 = decode6(arrival.data, lenient)
    except Malformed:
        return "", "", ()
    links = [relay.link_address for relay in reversed(message6.relays)]
    return _type(6, message6.type), _told({"duid": message6.options.get(1)}), links


def _told(known: Mapping[str, bytes | None]) -> str:
    return ", ".join(f"{name}={value.hex(':')}" for name, value in known.items() if value)


def _type(family: int, number: int) -> str:
    """The name of a message type."""
    types: Any = MessageType4 if family == 4 else MessageType6
    return types(number).name if number in types._value2member_map_ else f"type {number}"


def _refusal(shadow: Shadow, query: Any) -> str:
    """Why a NAK says no: it stands in the log alone."""
    for message, text in shadow.log.details:
        if message == "DHCP4_LEASE_NAK":
            return text.removeprefix(f"{query}: ")
    return ""


def _decoded(family: int, data: bytes) -> Message4 | Message6:
    """An answer; what relays have around it is the query's own."""
    if family == 4:
        return decode4(data, lenient=True, op=BOOTREPLY)
    return decode6(data, lenient=True, relayed=MessageType6.RELAY_REPL)


def _given(answer: Message4 | Message6 | None) -> Sequence[bytes]:
    """The addresses, and first addresses of prefixes, in an answer."""
    if isinstance(answer, Message6):
        return [each.address for ia in read_ias(answer) for each in ia.resources if each.valid]
    return [answer.yiaddr] if answer is not None and answer.yiaddr != NO_ADDRESS else []


def _details4(case: Case, found: Explanation) -> Explanation:
    query: Query4 = case.query
    answer: Message4 | None = case.answer
    given = [(0, address) for address in _given(answer)]
    if query.type in ALLOCATING[4]:
        found = evolve(found, pools=pool_uses(case, asked_kinds(query), given))
    if answer is None:
        return found
    asked = {} if answer.type == MessageType4.NAK else dict.fromkeys(query.message.options.get(55, b""))
    return evolve(
        found,
        leases=leases4(case),
        fields=fields4(case),
        options=options4(case),
        missing=missing(case, asked, answer.options),
    )


def _details6(case: Case, found: Explanation) -> Explanation:
    query, answer = case.query, case.answer
    leases = leases6(case)
    if query.type in ALLOCATING[6]:
        ias = () if answer is None else read_ias(answer)
        given = [(int(ia.code == 25) * 2, each.address) for ia in ias for each in ia.resources if each.valid]
        found = evolve(found, pools=pool_uses(case, asked_kinds(query), given))
    if answer is None:
        return found
    return evolve(
        found,
        leases=leases,
        options=options6(case),
        missing=missing(case, dict.fromkeys(codes_of(requested(query))), answer.options),
    )
