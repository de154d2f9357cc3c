"""Which configured options a DHCPv6 answer carries, encoded (Kea B.9; RFC 8415 section 21)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import itemgetter
from struct import unpack_from
from typing import Final

from txkea.errors import Malformed
from txkea.exchange.options import DOCSIS, DOCSIS_ORO, Blocks, Scopes, remember, scopes_of
from txkea.exchange.query import Query6
from txkea.wire.dhcp6 import Message6, Option6, option6, parse_options6
from txkea.wire.options import parse_vendor6

__all__ = ["codes_of", "configured6", "requested"]

SPACE: Final = "dhcp6"
ORO, VENDOR_CLASS, VENDOR_OPTS = Option6.ORO, Option6.VENDOR_CLASS, Option6.VENDOR_OPTS
OWN: Final = frozenset(
    {
        Option6.CLIENT_ID,
        Option6.SERVER_ID,
        Option6.IA_NA,
        Option6.IA_TA,
        Option6.IAADDR,
        Option6.RELAY_MSG,
        Option6.STATUS_CODE,
        Option6.RAPID_COMMIT,
        Option6.VENDOR_OPTS,
        Option6.IA_PD,
        Option6.IAPREFIX,
    }
)
"""What the server computes itself: no configured value is taken for these.

Kea 2.2.0 takes one where it computed none: a status or a rapid commit that is not true.
"""
ONLY_ASKED: Final = frozenset({Option6.SOL_MAX_RT, Option6.INF_MAX_RT})
"""What no client gets that did not ask for it, not even always (RFC 8415 sections 21.24, 21.25)."""
DAY, INFINITE = 86400, 0xFFFFFFFF
BOUNDS: Final = {
    Option6.INFORMATION_REFRESH_TIME: (600, INFINITE),
    Option6.SOL_MAX_RT: (60, DAY),
    Option6.INF_MAX_RT: (60, DAY),
}
"""Seconds, of four bytes, that a client believes (RFC 8415 sections 21.23 - 21.25; rfc V6-30)."""

Vendors = tuple[tuple[int, bytes], ...]
"""The enterprises that a client names, and the codes that it asks each for, two bytes each."""

CODES_READ: Final = 2048
"""Bytes of requested codes that are read: a thousand codes are more than there are."""
VENDORS_READ: Final = 64
"""Vendor classes, and vendor options, of one client that are read."""
VENDOR_KEPT: Final = 16
"""Bytes that a vendor counts for among those of the codes that are kept."""
CODES_KEPT: Final = 512
"""Bytes of requested codes beyond which what is encoded for a query is not kept: clients do not fill the memory."""


def configured6(query: Query6) -> Blocks:
    """The options that the configuration has for this query, ascending by code (Kea B060, C058).

    The work is done once for all queries that differ in nothing that matters here. Raises ValueError for an option that
    has become longer than one can be.
    """
    message = query.message
    options = message.options
    host = query.host
    wanted = requested(query)
    vendors = _vendors(message) if VENDOR_OPTS in options or VENDOR_CLASS in options else ()
    known = None if query.site.classes is None else query.site.classes.told(query)
    key = (query.subnet, tuple(query.pools), () if host is None else host.options, wanted, vendors, known)
    cache = query.site.options
    found: Blocks | None = cache.get(key)
    if found is not None:
        return found
    blocks = _assemble(query, wanted, vendors)
    if len(wanted) + sum(VENDOR_KEPT + len(codes) for _, codes in vendors) > CODES_KEPT:
        return blocks
    return remember(query, key, blocks)


def requested(query: Query6) -> bytes:
    """The codes that the client asks for (option 6), two bytes each; of too many the first."""
    return query.message.options.get(ORO, b"")[:CODES_READ]


def codes_of(payload: bytes) -> tuple[int, ...]:
    """Option codes of two bytes; half a code at the end is left out."""
    return unpack_from(f"!{len(payload) // 2}H", payload)


def _assemble(query: Query6, wanted: bytes, vendors: Vendors) -> Blocks:
    # Of two pools that have the same option, the one with the lower addresses tells its value, as in Kea.
    pools = sorted(query.pools, key=lambda live: live.first)
    scopes = scopes_of(query, query.subnet, pools, SPACE, option6)
    asked = dict.fromkeys(codes_of(wanted))
    pairs = [
        (code, option6(code, _bounded(code, scopes.payload(data))))
        for code, data in scopes.chosen(asked)
        if code not in OWN and (code in asked or code not in ONLY_ASKED)
    ]
    # Without a subnet nobody's vendor is known, as in Kea.
    pairs += _vendor_options(scopes, asked, vendors if query.subnet is not None else ())
    pairs.sort(key=itemgetter(0))
    return Blocks(b"".join([block for _, block in pairs]), tuple(pairs))


def _bounded(code: int, payload: bytes) -> bytes:
    bounds = BOUNDS.get(code)
    if bounds is None or len(payload) != 4:
        return payload
    least, most = bounds
    return max(least, min(int.from_bytes(payload, "big"), most)).to_bytes(4, "big")


# -- vendor options (option 17) ----------------------------------------------------------------------------------------


def _vendors(message: Message6) -> Vendors:
    """Which enterprises the client belongs to, by its vendor classes and vendor options (Kea B061)."""
    found = dict.fromkeys(parse_vendor6(message.every(VENDOR_CLASS)[:VENDORS_READ]), b"")
    for enterprise, payload in parse_vendor6(message.every(VENDOR_OPTS)[:VENDORS_READ]).items():
        found[enterprise] = _requested_of(payload) if enterprise == DOCSIS else b""
    return tuple(found.items())


def _requested_of(payload: bytes) -> bytes:
    """DOCSIS's option request option, ``b""`` if there is none or the sub-options cannot be read."""
    try:
        return dict(reversed(parse_options6(payload))).get(DOCSIS_ORO, b"")[:CODES_READ]
    except Malformed:
        return b""


def _vendor_options(scopes: Scopes, asked: Iterable[int], vendors: Vendors) -> Iterator[tuple[int, bytes]]:
    """An option for each enterprise that there is something for: the client's, and the one that is configured.

    The configured option brings along what is always sent to its enterprise, and is sent even when that is nothing.
    """
    wanted = {enterprise: codes_of(codes) for enterprise, codes in vendors}
    configured = {
        int.from_bytes(data.payload[:4], "big"): data.payload[4:]
        for code, data in scopes.chosen(asked)
        if code == VENDOR_OPTS and len(data.payload) >= 4
    }
    for enterprise in configured | wanted:
        block = configured.get(enterprise, b"") + scopes.vendor(enterprise, wanted.get(enterprise, ()))
        if block or enterprise in configured:
            yield VENDOR_OPTS, option6(VENDOR_OPTS, enterprise.to_bytes(4, "big") + block)
