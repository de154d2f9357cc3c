"""A DHCPv6 client's side of a message: what it writes in a query, and what it demands of an answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from struct import pack
from typing import Final

from txkea.errors import Malformed
from txkea.wire.dhcp6 import Message6, MessageType6, Option6, Relay
from txkea.wire.ia import Ia, encode_ia, read_ia

__all__ = ["ANSWERS", "accepted", "granted", "is_answer", "link_local", "objections", "query6", "read_ias"]

ANSWERS: Final[dict[int, int]] = {
    MessageType6.SOLICIT: MessageType6.ADVERTISE,
    MessageType6.ADDR_REG_INFORM: MessageType6.ADDR_REG_REPLY,
    MessageType6.DHCPV4_QUERY: MessageType6.DHCPV4_RESPONSE,
}
"""The type of the answer to a query; of those that are not here it is a REPLY."""
_NAMELESS: Final = (MessageType6.ADDR_REG_REPLY, MessageType6.DHCPV4_RESPONSE)
"""Answers that need no identifiers (RFC 9686 section 4.3, RFC 7341 section 6.3)."""
_HEADER: Final = 4


def query6(
    kind: int,
    transaction_id: int,
    *,
    duid: bytes = b"",
    server_id: bytes = b"",
    ias: Iterable[Ia] = (),
    requested: Sequence[int] = (),
    rapid: bool = False,
    elapsed: int = 0,
    options: Iterable[tuple[int, bytes]] = (),
    relays: Iterable[Relay] = (),
) -> Message6:
    """A client's message; what is empty is left out.

    ``requested`` are the codes of the option request option, ``elapsed`` is in hundredths of a second, ``options`` come
    behind all others.
    """
    pairs: list[tuple[int, bytes]] = [(Option6.CLIENT_ID, duid)] if duid else []
    if server_id:
        pairs.append((Option6.SERVER_ID, server_id))
    pairs.append((Option6.ELAPSED_TIME, min(elapsed, 0xFFFF).to_bytes(2, "big")))
    if requested:
        pairs.append((Option6.ORO, pack(f"!{len(requested)}H", *requested)))
    if rapid:
        pairs.append((Option6.RAPID_COMMIT, b""))
    pairs += [(ia.code, encode_ia(ia)[_HEADER:]) for ia in ias]
    return Message6(kind, transaction_id, [*pairs, *options], relays)


def read_ias(message: Message6) -> list[Ia]:
    """The IA_NA and IA_PD of a message in their order, those of one kind together. Raises `Malformed`."""
    return [read_ia(code, payload) for code, payload in message.pairs() if code in (Option6.IA_NA, Option6.IA_PD)]


def accepted(wanted: Iterable[Ia], advertise: Message6) -> list[Ia]:
    """What a client requests: what was advertised, in the place of what it wanted. Raises `Malformed`."""
    offered = {(ia.code, ia.iaid): ia._replace(status=None) for ia in read_ias(advertise) if ia.resources}
    return [offered.get((ia.code, ia.iaid), ia) for ia in wanted]


def link_local(hwaddr: bytes) -> bytes:
    """The address that a client with this hardware address of 6 bytes gives itself (RFC 4291 appendix A)."""
    return b"\xfe\x80" + bytes(6) + bytes((hwaddr[0] ^ 2,)) + hwaddr[1:3] + b"\xff\xfe" + hwaddr[3:]


def granted(ia: Ia) -> Ia | None:
    """What a client may use of an identity association in an answer; None when that is nothing."""
    resources = tuple(each for each in ia.resources if each.valid and not each.contradicts)
    return ia._replace(resources=resources, status=None) if resources and not ia.contradicts else None


def is_answer(query: Message6, answer: Message6) -> bool:
    """Whether a message belongs to the query at all."""
    if query.type == MessageType6.DHCPV4_QUERY:
        return answer.type == MessageType6.DHCPV4_RESPONSE  # flags stand in the transaction's place (RFC 7341)
    return answer.transaction_id == query.transaction_id


def objections(query: Message6, answer: Message6) -> list[str]:
    """Why a client discards an answer, or something in it; empty when it takes it.

    RFC 8415 sections 16.3, 16.10 and 18.2.10.1, 21.4 to 21.22.
    """
    try:
        found = read_ias(answer)
    except Malformed as error:
        return [str(error)]
    return [*_object_to_message(query, answer), *_object_to_ias(read_ias(query), found)]


def _object_to_message(query: Message6, answer: Message6) -> Iterator[str]:
    if not is_answer(query, answer):
        yield f"transaction {answer.transaction_id:#x} in place of {query.transaction_id:#x}"
    asked, given = Option6.RAPID_COMMIT in query.options, Option6.RAPID_COMMIT in answer.options
    if given and not (asked and answer.type == MessageType6.REPLY):
        yield "rapid commit (option 14) unasked, or in something else than a REPLY"
    expected = ANSWERS.get(query.type, MessageType6.REPLY)
    if answer.type != expected and not (query.type == MessageType6.SOLICIT and asked and given):
        yield f"message type {answer.type} in place of {int(expected)}"
    if expected in _NAMELESS:
        return
    if len(answer.every(Option6.SERVER_ID)) != 1:
        yield "not one server identifier (option 2)"
    elif query.options.get(Option6.SERVER_ID, answer.options[Option6.SERVER_ID]) != answer.options[Option6.SERVER_ID]:
        yield "the identifier of another server than the one that was asked (option 2)"
    if answer.every(Option6.CLIENT_ID) != query.every(Option6.CLIENT_ID):
        yield "not the client's own identifier (option 1)"


def _object_to_ias(asked: Sequence[Ia], found: Sequence[Ia]) -> Iterator[str]:
    keys = [(ia.code, ia.iaid) for ia in found]
    known = {(ia.code, ia.iaid) for ia in asked}
    for ia in found:
        place = f"{'IA_NA' if ia.code == Option6.IA_NA else 'IA_PD'} {ia.iaid}"
        if (ia.code, ia.iaid) not in known:
            yield f"{place} was not asked for"
        if keys.count((ia.code, ia.iaid)) > 1:
            yield f"{place} more than once"
        if ia.contradicts:
            yield f"{place}: T1 {ia.t1} after T2 {ia.t2}"
        for each in ia.resources:
            if each.contradicts:
                yield f"{place}: preferred for {each.preferred} s, valid for {each.valid} s"
