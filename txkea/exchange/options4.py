"""Which configured options an answer carries, encoded (Kea A.16; RFC 2132 section 9.8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from txkea.errors import Malformed
from txkea.exchange.pools import LivePool
from txkea.exchange.query import Query4
from txkea.exchange.subnets import LiveSubnet
from txkea.model.configuration import OptionData
from txkea.wire.dhcp4 import option
from txkea.wire.options import parse_suboptions, parse_vendor, write_vendor

__all__ = ["Blocks", "configured", "value"]

SPACE = "dhcp4"
BASIC = (3, 6, 15)
"""Routers, name servers and domain name are sent unasked (Kea A113)."""
OWN = frozenset({0, 1, 50, 51, 52, 53, 54, 55, 57, 58, 59, 61, 82, 125, 255})
"""What the server computes itself: no configured value is taken for these (Kea C023)."""
VENDOR_OPTIONS = 125
DOCSIS = 4491
ORO = 1
DEPTH = 8
CACHED = 4096


class Blocks(NamedTuple):
    """Encoded options in the order of the answer."""

    joined: bytes
    pairs: tuple[tuple[int, bytes], ...]
    """Code and encoded option, in order of importance."""


class _Scopes:
    """The options of all scopes of one answer, the narrowest scope first (Kea A178)."""

    def __init__(self, scopes: Iterable[Sequence[OptionData]]) -> None:
        self.first: dict[str, dict[int, OptionData]] = {}
        self.always: dict[str, dict[int, None]] = {}
        self.never: set[tuple[str, int]] = set()
        for scope in scopes:
            for data in scope:
                self.first.setdefault(data.space, {}).setdefault(data.code, data)
                if data.always_send:
                    self.always.setdefault(data.space, {})[data.code] = None
                if data.never_send:
                    self.never.add((data.space, data.code))

    def payload(self, data: OptionData, depth: int = 0) -> bytes:
        """An option's bytes with the sub-options that its encapsulated space holds (Kea C048)."""
        inner = self.first.get(data.encapsulates) if data.encapsulates and depth < DEPTH else None
        if not inner:
            return data.payload
        return data.payload + b"".join(
            option(code, self.payload(sub, depth + 1))
            for code, sub in sorted(inner.items())
            if (sub.space, code) not in self.never
        )

    def vendor(self, enterprise: int, wanted: Iterable[int]) -> bytes:
        """The sub-options for one enterprise: those wanted and those always sent."""
        space = f"vendor-{enterprise}"
        known = self.first.get(space, {})
        codes = dict.fromkeys(wanted) | self.always.get(space, {})
        return b"".join(
            option(code, self.payload(known[code]))
            for code in sorted(codes)
            if code in known and (space, code) not in self.never
        )


def _scopes(query: Query4, subnet: LiveSubnet | None, pool: LivePool | None) -> _Scopes:
    scopes: list[Sequence[OptionData]] = []
    if query.host is not None:
        scopes.append(query.host.options)
    if pool is not None:
        scopes.append(pool.pool.options)
    if subnet is not None:
        scopes.append(subnet.subnet.options)
        if subnet.network is not None:
            scopes.append(subnet.network.options)
    scopes.append(query.site.configuration.options)
    return _Scopes(scopes)


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
    )
    cache = query.site.options
    found: Blocks | None = cache.get(key)
    if found is None:
        if len(cache) >= CACHED:
            cache.clear()
        found = cache[key] = _assemble(query, subnet, pool, leasing)
    return found


def _assemble(query: Query4, subnet: LiveSubnet | None, pool: LivePool | None, leasing: bool) -> Blocks:
    scopes = _scopes(query, subnet, pool)
    requested = query.message.options.get(55, b"")
    known = scopes.first.get(SPACE, {})
    mask = subnet is not None and (leasing or 1 in requested)
    pairs: list[tuple[int, bytes]] = []
    if mask and subnet is not None:
        pairs.append((1, option(1, subnet.mask)))
    pairs += [
        (code, option(code, scopes.payload(known[code])))
        for code in dict.fromkeys((*requested, *BASIC, *scopes.always.get(SPACE, {})))
        if code in known and code not in OWN and (SPACE, code) not in scopes.never
    ]
    vendor = _vendor_options(query, scopes)
    if vendor:
        pairs.append((VENDOR_OPTIONS, option(VENDOR_OPTIONS, vendor)))
    return Blocks(b"".join(block for _, block in pairs), tuple(pairs))


def _vendor_options(query: Query4, scopes: _Scopes) -> bytes:
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
        return parse_suboptions(payload).get(ORO, b"")
    except Malformed:
        return b""


def value(query: Query4, subnet: LiveSubnet | None, code: int) -> bytes | None:
    """The payload that the configuration has for one option of this query, or None."""
    scopes = _scopes(query, subnet, None)
    data = scopes.first.get(SPACE, {}).get(code)
    return None if data is None or (SPACE, code) in scopes.never else scopes.payload(data)
