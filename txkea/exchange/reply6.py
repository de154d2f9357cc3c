"""The DHCPv6 answer: its options in order, its relays, and where it is sent (Kea B.4; RFC 8415 sections 18.3, 19.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final

from txkea.errors import Drop, Malformed
from txkea.exchange.hostnames6 import settle6
from txkea.exchange.options import Blocks
from txkea.exchange.options6 import configured6
from txkea.exchange.query import Query6
from txkea.exchange.reply import Reply
from txkea.wire.dhcp6 import (
    HEADER6_LENGTH,
    MessageType6,
    Option6,
    Relay,
    encode6,
    option6,
    parse_options6,
    wrap_replies,
)

__all__ = ["CLIENT_PORT6", "SERVER_PORT6", "Block", "answer6", "revised6", "wrapped6"]

SERVER_PORT6: Final = 547
CLIENT_PORT6: Final = 546
LONGEST: Final = 65535 - 8
"""Bytes of a UDP payload in IPv6, at most."""
RELAY_HEADER: Final = 34
NOTHING: Final = Blocks(b"", ())
CLIENT_ID, SERVER_ID, RSOO = Option6.CLIENT_ID, Option6.SERVER_ID, Option6.RSOO
FQDN, RELAY_PORT = Option6.CLIENT_FQDN, Option6.RELAY_SOURCE_PORT
NAMING: Final = (MessageType6.SOLICIT, MessageType6.REQUEST, MessageType6.RENEW, MessageType6.REBIND)
"""The messages whose answer tells the client its name."""

_by_code = itemgetter(0)

Block = tuple[int, bytes]
"""An option's code, and the option encoded."""


def answer6(query: Query6, kind: int, blocks: Sequence[Block] = (), with_options: bool = True) -> Reply:
    """An answer of this type to the client, through the relays that its query came through.

    ``blocks`` are options, such as the identity associations, those of one code in the order in which they shall
    stand; ``with_options`` adds what is configured. Raises `Drop` for an answer that no datagram holds.
    """
    if query.name is None and query.type in NAMING and query.subnet is not None and _may_have_name(query):
        settle6(query, query.subnet, None)  # it got no address to begin with
    if query.site.classes is not None:
        query.site.classes.add(query, query.subnet, query.pools)
    try:
        options = _options(query, blocks, configured6(query) if with_options else NOTHING)
    except ValueError as error:
        raise _too_long(error) from None
    return wrapped6(query, kind, encode6(kind, query.message.transaction_id, options))


def _may_have_name(query: Query6) -> bool:
    return FQDN in query.message.options or query.host is not None


def wrapped6(query: Query6, kind: int, data: bytes) -> Reply:
    """A whole message of this type on its way to the client. Raises `Drop` if it is too long.

    A client listens on its own port, whatever port it sends from (RFC 8415 section 7.2), as in Kea; a relay on the
    servers' port, unless it says that it listens where it sends from (RFC 8357 section 5.2).
    """
    origin, relays = query.origin, query.message.relays
    port = CLIENT_PORT6
    if relays:
        try:
            data = wrap_replies(relays, data)
        except ValueError as error:
            raise _too_long(error) from None
        port = origin.source_port if RELAY_PORT in relays[0].options else SERVER_PORT6
    if len(data) > LONGEST:
        raise _too_long(f"{len(data)} bytes are too many for a datagram, which has at most {LONGEST}")
    return Reply(kind, data, origin.source, port, origin.source_hwaddr)


def _too_long(why: object) -> Drop:
    return Drop(f"the answer cannot be encoded: {why}", "", "DHCP6_PACK_FAIL")


async def revised6(query: Query6, reply: Reply) -> Reply:
    """The answer after third parties had their say about its options (`IAnswerReady`).

    Of options with one code they see the first; the others stay as long as that one is not changed. What they add takes
    its place by its code.
    """
    found: dict[int, list[bytes]] = {}
    message = _innermost(reply.data, len(query.message.relays))
    for code, payload in parse_options6(message[HEADER6_LENGTH:]):
        found.setdefault(code, []).append(payload)
    options = {code: payloads[0] for code, payloads in found.items()}
    for facet in query.site.answer_ready:
        await facet.answer_ready(query, options)
    try:
        blocks = b"".join(_revised(found, options))
    except ValueError as error:
        raise _too_long(error) from None
    return wrapped6(query, reply.type, message[:HEADER6_LENGTH] + blocks)


def _innermost(data: bytes, relays: int) -> bytes:
    """The message in so many relays' messages."""
    for _ in range(relays):
        data = dict(parse_options6(data[RELAY_HEADER:]))[Option6.RELAY_MSG]
    return data


def _revised(before: Mapping[int, list[bytes]], after: Mapping[int, bytes]) -> Iterable[bytes]:
    for code, payload in sorted(after.items()):
        same = code in before and before[code][0] == payload
        for each in before[code] if same else (payload,):
            yield option6(code, each)


# -- the options -------------------------------------------------------------------------------------------------------


def _options(query: Query6, blocks: Sequence[Block], configured: Blocks) -> bytes:
    """All options, ascending by code (Kea C058)."""
    duid = query.replaced.get(CLIENT_ID, query.duid)
    front = option6(CLIENT_ID, duid) if duid else b""
    front += _encoded_server(query.site.server_id)
    pairs = configured.pairs
    relays = query.message.relays
    more: list[Block] = []
    if query.name is not None:
        code, payload = query.name
        pairs = tuple(pair for pair in pairs if pair[0] != code)  # the client's own name goes before a configured one
        more.append((code, option6(code, payload)))
    if relays and any(RSOO in relay.options for relay in relays):
        more += _supplied(query, {code for code, _ in (*pairs, *more)})
    if not more and len(blocks) < 2 and not (pairs and blocks and blocks[0][0] > pairs[0][0]):
        return front + (blocks[0][1] if blocks else b"") + configured.joined
    ordered = sorted((*blocks, *pairs, *more), key=_by_code)
    return front + b"".join([block for _, block in ordered])


@lru_cache(maxsize=8)
def _encoded_server(server_id: bytes) -> bytes:
    return option6(SERVER_ID, server_id)


def _supplied(query: Query6, present: set[int]) -> list[Block]:
    """What relays supply for the client, the nearest to it first, and the answer does not have (RFC 6422; Kea B065)."""
    allowed = query.site.configuration.relay_supplied_options
    present |= {CLIENT_ID, SERVER_ID, Option6.IA_NA, Option6.IA_PD, Option6.STATUS_CODE, Option6.RAPID_COMMIT}
    found = []
    for relay in reversed(query.message.relays):
        for code, payload in _supplies(relay):
            if (code in allowed or code == Option6.ERP_LOCAL_DOMAIN_NAME) and code not in present:
                present.add(code)
                found.append((code, option6(code, payload)))
    return found


def _supplies(relay: Relay) -> Iterable[tuple[int, bytes]]:
    payload = relay.options.get(RSOO)
    if payload is None:
        return ()
    try:
        return parse_options6(payload)
    except Malformed:
        return ()
