"""The identity associations of a query, and what the answer says of each (RFC 8415 section 21)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from txkea.exchange.options6 import codes_of, requested
from txkea.exchange.pools import LivePool
from txkea.exchange.query import Query6
from txkea.exchange.reply6 import Block
from txkea.exchange.subnets import LiveSubnet
from txkea.model.configuration import PrefixPool
from txkea.model.lease import INFINITE, Lease6, LeaseType
from txkea.wire.dhcp6 import Option6, StatusCode, option6, status_option
from txkea.wire.ia import (
    Resource,
    address_option,
    ia_option,
    one_address,
    one_prefix,
    prefix_option,
    read_ia,
    write_pd_exclude,
)  # fmt: skip

__all__ = ["KEY_TAIL", "Association", "Grant6", "Outcome", "associations", "encoded"]

MOST: Final = 64
"""Associations of one message that are served: work for one datagram is bounded (rfc V6-52)."""
MORE: Final = 128
"""Addresses and prefixes of one message that are looked at, beside the first of each association, for that reason; so
its answer is never too long for a datagram because of them.
"""
NA, PD = int(LeaseType.NA), int(LeaseType.PD)
KINDS: Final = ((Option6.IA_NA, NA, b"\0\3"), (Option6.IA_PD, PD, b"\0\x19"))
"""Option code, type of lease, and the code again as it distinguishes keys."""
KEY_TAIL: Final = 6
"""Bytes of an association's key behind the client's DUID."""
TIMES: Final = 256
"""Lifetimes for which T1 and T2 are remembered, in each subnet."""

TEXTS: Final[dict[int, str]] = {
    StatusCode.SUCCESS: "",
    StatusCode.NO_ADDRS_AVAIL: "No address is free.",
    StatusCode.NO_BINDING: "No such binding.",
    StatusCode.NOT_ON_LINK: "An address does not fit the link.",
    StatusCode.NO_PREFIX_AVAIL: "No prefix is free.",
}


class Association(NamedTuple):
    """An identity association of a query."""

    code: int
    """`Option6.IA_NA` or `Option6.IA_PD`."""
    kind: int
    """The type of lease that it holds (`LeaseType`)."""
    iaid: int
    resources: tuple[Resource, ...]
    """What the client says that it has, or wishes."""
    key: bytes
    """What offers to it are held by."""


class Grant6(NamedTuple):
    """What an association is given; times in seconds from now."""

    kind: int
    address: bytes
    length: int
    preferred: int
    valid: int
    subnet: LiveSubnet
    pool: LivePool | None
    """None for what is reserved outside of pools."""
    former: Lease6 | None = None
    """What it had to give up for it."""


class Outcome(NamedTuple):
    """What the answer says of one association."""

    association: Association
    grant: Grant6 | None
    status: int | None = None
    """A `StatusCode`, or None when what it was given says enough."""
    gone: tuple[tuple[bytes, int], ...] = ()
    """Addresses and prefixes with their lengths that the client must not use any longer: told with lifetimes of 0."""


def associations(query: Query6) -> list[Association]:
    """The IA_NA and IA_PD of a query, addresses first; a repeated IAID, and one whose times contradict, left out.

    Temporary addresses are not given (RFC 9915). Raises `Malformed`.
    """
    message = query.message
    options, repeated, duid = message.options, message.repeated, query.duid
    lenient = query.site.configuration.lenient_option_parsing
    found: dict[bytes, Association] = {}
    room = MORE
    for code, kind, mark in KINDS:
        if code in options:
            for payload in repeated[code] if code in repeated else (options[code],):
                _, iaid, t1, t2, resources, _ = read_ia(code, payload, lenient)
                key = duid + mark + payload[:4]
                if not t1 > t2 > 0 and len(found) < MOST and key not in found:
                    if len(resources) > 1:
                        resources = resources[: 1 + room]
                        room -= len(resources) - 1
                    found[key] = Association(code, kind, iaid, resources, key)
    return list(found.values())


# -- what the answer says ----------------------------------------------------------------------------------------------


def encoded(query: Query6, outcomes: Sequence[Outcome]) -> list[Block]:
    """The encoded associations of an answer; tells `query` which pools' options it carries.

    T1 and T2 are the same in all associations of a message: the earliest (RFC 8415 section 18.3; rfc V6-22).
    """
    t1 = t2 = -1
    for outcome in outcomes:
        grant = outcome.grant
        if grant is None:
            continue
        if t1 < 0:
            query.subnet = grant.subnet
            t1, t2 = tee_times(grant.subnet, grant.preferred, grant.valid)
        else:
            other1, other2 = tee_times(grant.subnet, grant.preferred, grant.valid)
            t1, t2 = min(t1, other1), min(t2, other2)
        if grant.pool is not None and grant.pool not in query.pools:
            query.pools.append(grant.pool)
    return [(outcome.association.code, _encoded(query, outcome, t1, t2)) for outcome in outcomes]


def _encoded(query: Query6, outcome: Outcome, t1: int, t2: int) -> bytes:
    association, grant, status, gone = outcome
    iaid = association.iaid
    if query.replaced:
        iaid = query.iaid_sent(association.code, iaid)
    if grant is None:
        inner, t1, t2 = b"", 0, 0
    elif grant.kind == NA:
        if not gone:
            return one_address(iaid, t1, t2, grant.address, grant.preferred, grant.valid)
        inner = address_option(grant.address, grant.preferred, grant.valid)
    else:
        excluded = _pd_exclude(query, grant)
        if not gone and not excluded:
            return one_prefix(iaid, t1, t2, grant.address, grant.length, grant.preferred, grant.valid)
        inner = prefix_option(grant.address, grant.length, grant.preferred, grant.valid, excluded)
    for address, length in gone:
        inner += address_option(address, 0, 0) if association.kind == NA else prefix_option(address, length, 0, 0)
    if status is not None:
        inner += status_option(status, TEXTS[status])
    return ia_option(association.code, iaid, t1, t2, inner)


def tee_times(subnet: LiveSubnet, preferred: int, valid: int) -> tuple[int, int]:
    """T1 and T2 in seconds, 0 where the client is to choose (Kea B002, B041)."""
    known = subnet.tee_times
    found = known.get((preferred, valid))
    if found is None:
        if len(known) >= TIMES:
            known.clear()
        found = known[preferred, valid] = _tee_times(subnet, preferred, valid)
    return found


def _tee_times(subnet: LiveSubnet, preferred: int, valid: int) -> tuple[int, int]:
    parameters = subnet.parameters
    base = preferred or valid
    t2 = parameters.rebind_timer
    if t2 is None:
        t2 = _share(base, parameters.t2_percent) if parameters.calculate_tee_times else 0
    t1 = parameters.renew_timer
    if t1 is None:
        t1 = _share(base, parameters.t1_percent) if parameters.calculate_tee_times else 0
    return (t1, t2) if not 0 < t2 < t1 else (0, t2)


def _share(lifetime: int, share: float) -> int:
    return INFINITE if lifetime == INFINITE else int(share * lifetime + 0.5)


def _pd_exclude(query: Query6, grant: Grant6) -> bytes:
    """Option 67, if the client asks for it and the prefix lacks a part (RFC 6603 section 4.2; Kea B062)."""
    excluded = _excluded(query, grant)
    if excluded is None or Option6.PD_EXCLUDE not in codes_of(requested(query)):
        return b""
    return option6(Option6.PD_EXCLUDE, write_pd_exclude(grant.address, grant.length, *excluded))


def _excluded(query: Query6, grant: Grant6) -> tuple[bytes, int] | None:
    """What a delegated prefix lacks: by its reservation, or by its pool."""
    host = query.host
    if host is not None and (grant.address, grant.length) in host.prefixes:
        place = host.prefixes.index((grant.address, grant.length))
        return host.excluded_prefixes[place] if place < len(host.excluded_prefixes) else None
    pool = grant.pool.pool if grant.pool is not None else None
    if not isinstance(pool, PrefixPool) or not pool.excluded_length:
        return None
    offset = int.from_bytes(pool.excluded_prefix, "big") - pool.first
    return (int.from_bytes(grant.address, "big") + offset).to_bytes(16, "big"), pool.excluded_length
