"""Which configured options a DHCPv4 answer carries, encoded (Kea A.16; RFC 2132 section 9.8)."""

from __future__ import annotations

from collections.abc import Mapping

from txkea.errors import Malformed
from txkea.exchange.options import DOCSIS, DOCSIS_ORO, Blocks, Scopes, remember, scopes_of
from txkea.exchange.pools import LivePool
from txkea.exchange.query import Query4
from txkea.exchange.subnets import LiveSubnet
from txkea.model.configuration import OptionData
from txkea.wire.dhcp4 import option
from txkea.wire.options import parse_suboptions, parse_vendor, write_vendor

__all__ = ["configured", "value"]

SPACE = "dhcp4"
BASIC = (3, 6, 15)
"""Routers, name servers and domain name are sent unasked (Kea A113)."""
OWN = frozenset({0, 1, 50, 51, 52, 53, 54, 55, 57, 58, 59, 61, 82, 125, 255})
"""What the server computes itself: no configured value is taken for these (Kea C023)."""
VENDOR_OPTIONS = 125


def configured(query: Query4, subnet: LiveSubnet | None, pool: LivePool | None, leasing: bool) -> Blocks:
    """The options that the configuration has for this query, requested ones first in the order of the request.

    The work is done once for all queries that differ in nothing that matters here.
    """
    options = query.message.options
    host = query.host
    key = (
        subnet,
        pool,
        () if host is None else host.options,
        options.get(55),
        options.get(VENDOR_OPTIONS),
        leasing,
        None if query.site.classes is None else query.site.classes.told(query),
    )
    cache = query.site.options
    found: Blocks | None = cache.get(key)
    return found if found is not None else remember(query, key, _assemble(query, subnet, pool, leasing))


def _scopes(query: Query4, subnet: LiveSubnet | None, pool: LivePool | None) -> Scopes:
    return scopes_of(query, subnet, () if pool is None else (pool,), SPACE, option)


def _assemble(query: Query4, subnet: LiveSubnet | None, pool: LivePool | None, leasing: bool) -> Blocks:
    scopes = _scopes(query, subnet, pool)
    requested = query.message.options.get(55, b"")
    mask = subnet is not None and (leasing or 1 in requested)
    pairs: list[tuple[int, bytes]] = []
    if mask and subnet is not None:
        pairs.append((1, option(1, subnet.mask)))
    pairs += [
        (code, option(code, scopes.payload(data)))
        for code, data in scopes.chosen((*requested, *BASIC))
        if code not in OWN
    ]
    vendor = _vendor_options(query, scopes)
    if vendor:
        pairs.append((VENDOR_OPTIONS, option(VENDOR_OPTIONS, vendor)))
    return Blocks(b"".join(block for _, block in pairs), tuple(pairs))


def _vendor_options(query: Query4, scopes: Scopes) -> bytes:
    """The payload of option 125: what the client's vendors get (Kea A181; RFC 3925)."""
    wanted = {
        int(space.removeprefix("vendor-")): dict[int, None]()
        for space in scopes.always
        if space.startswith("vendor-") and space.removeprefix("vendor-").isdecimal()
    }
    data = scopes.first.get(SPACE, {}).get(VENDOR_OPTIONS)
    if data is not None and len(data.payload) >= 4 and _asked(query, data):
        enterprise = int.from_bytes(data.payload[:4], "big")
        wanted[enterprise] = dict.fromkeys(scopes.first.get(f"vendor-{enterprise}", ()))
    for enterprise, payload in _sent_vendor_options(query).items():
        wanted.setdefault(enterprise, {}).update(dict.fromkeys(_requested_by_vendor(enterprise, payload)))
    blocks = {enterprise: scopes.vendor(enterprise, codes) for enterprise, codes in wanted.items()}
    return write_vendor({enterprise: block for enterprise, block in blocks.items() if block})


def _asked(query: Query4, data: OptionData) -> bool:
    return data.always_send or VENDOR_OPTIONS in query.message.options.get(55, b"")


def _sent_vendor_options(query: Query4) -> Mapping[int, bytes]:
    payload = query.message.options.get(VENDOR_OPTIONS)
    return parse_vendor(payload) if payload else {}


def _requested_by_vendor(enterprise: int, payload: bytes) -> bytes:
    """The codes in DOCSIS's option request option."""
    if enterprise != DOCSIS:
        return b""
    try:
        return parse_suboptions(payload).get(DOCSIS_ORO, b"")
    except Malformed:
        return b""


def value(query: Query4, subnet: LiveSubnet | None, code: int) -> bytes | None:
    """The payload that the configuration has for one option of this query, or None."""
    scopes = _scopes(query, subnet, None)
    data = scopes.find(code)
    return None if data is None else scopes.payload(data)
