"""The identity associations of a query, and what the answer says of each (RFC 8415 section 21)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from txkea.exchange.binding import Grant
from txkea.exchange.query import Query6
from txkea.exchange.subnets import LiveSubnet
from txkea.model.configuration import PrefixPool
from txkea.model.lease import INFINITE, Lease6, LeaseType
from txkea.wire.dhcp6 import Option6, StatusCode, option6, status_option
from txkea.wire.ia import Ia, address_option, ia_option, prefix_option, read_ia, write_pd_exclude

__all__ = ["Outcome", "associations", "encoded", "status"]

MOST: Final = 64
"""Associations of one message that are served: work for one datagram is bounded (rfc V6-52)."""
CODES: Final = (Option6.IA_NA, Option6.IA_PD)
PD = int(LeaseType.PD)

TEXTS: Final = {
    StatusCode.SUCCESS: "",
    StatusCode.NO_ADDRS_AVAIL: "No address is free.",
    StatusCode.NO_BINDING: "No such binding.",
    StatusCode.NOT_ON_LINK: "An address does not fit the link.",
    StatusCode.NO_PREFIX_AVAIL: "No prefix is free.",
}


class Outcome(NamedTuple):
    """What the answer says of one association."""

    ia: Ia
    grant: Grant | None
    status: int | None = None
    """A `StatusCode`, or None when what it was given says enough."""
    gone: tuple[tuple[bytes, int], ...] = ()
    """Addresses and prefixes with their lengths that the client must not use any longer: told with lifetimes of 0."""


def associations(query: Query6) -> list[Ia]:
    """The IA_NA and IA_PD of a query, addresses first; a repeated IAID, and one whose times contradict, left out.

    Temporary addresses are not given (RFC 9915). Raises `Malformed`.
    """
    message = query.message
    lenient = query.site.configuration.lenient_option_parsing
    found: dict[tuple[int, int], Ia] = {}
    for code in CODES:
        for payload in message.every(code):
            ia = read_ia(code, payload, lenient)
            if not ia.contradicts and len(found) < MOST:
                found.setdefault((code, ia.iaid), ia)
    return list(found.values())


# -- what the answer says ----------------------------------------------------------------------------------------------


def status(code: int, text: str) -> bytes:
    """An encoded status code option at the top of a message, or in an association."""
    return status_option(code, text)


def encoded(query: Query6, outcomes: Sequence[Outcome]) -> bytes:
    """The encoded associations of an answer; tells `query` which pools' options it carries."""
    grants = [outcome.grant for outcome in outcomes if outcome.grant is not None]
    for grant in grants:
        if grant.pool is not None and grant.pool not in query.pools:
            query.pools.append(grant.pool)
    if grants and grants[0].subnet is not None:
        query.subnet = grants[0].subnet
    t1, t2 = _tee_times(grants)
    return b"".join([_association(query, outcome, t1, t2) for outcome in outcomes])


def _association(query: Query6, outcome: Outcome, t1: int, t2: int) -> bytes:
    ia, grant = outcome.ia, outcome.grant
    inner = b""
    if grant is not None:
        lease = grant.lease
        inner = (
            prefix_option(
                lease.address, lease.prefix_length, grant.preferred, grant.lifetime, _pd_exclude(query, grant, lease)
            )
            if lease.type == PD
            else address_option(lease.address, grant.preferred, grant.lifetime)
        )
    else:
        t1 = t2 = 0
    for address, length in outcome.gone:
        inner += address_option(address, 0, 0) if ia.code == Option6.IA_NA else prefix_option(address, length, 0, 0)
    if outcome.status is not None:
        inner += status_option(outcome.status, TEXTS[StatusCode(outcome.status)])
    return ia_option(ia.code, ia.iaid, t1, t2, inner)


def _tee_times(grants: Iterable[Grant]) -> tuple[int, int]:
    """T1 and T2, the same for all associations of a message (RFC 8415 section 18.3; rfc V6-22): the earliest."""
    earliest: tuple[int, int] | None = None
    for grant in grants:
        if grant.subnet is not None:
            times = tee_times(grant.subnet, grant.preferred, grant.lifetime)
            earliest = times if earliest is None else (min(earliest[0], times[0]), min(earliest[1], times[1]))
    return earliest or (0, 0)


def tee_times(subnet: LiveSubnet, preferred: int, valid: int) -> tuple[int, int]:
    """T1 and T2 in seconds, 0 where the client is to choose (Kea B002, B041)."""
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
    return INFINITE if lifetime == INFINITE else round(share * lifetime)


def _pd_exclude(query: Query6, grant: Grant, lease: Lease6) -> bytes:
    """Option 67, if the client asks for it and the prefix lacks a part (RFC 6603 section 4.2; Kea B062)."""
    requested = query.message.options.get(Option6.ORO, b"")
    if PD_EXCLUDE not in [requested[place : place + 2] for place in range(0, len(requested), 2)]:
        return b""
    excluded = _excluded(query, grant, lease)
    if excluded is None:
        return b""
    return option6(Option6.PD_EXCLUDE, write_pd_exclude(lease.address, lease.prefix_length, *excluded))


PD_EXCLUDE: Final = Option6.PD_EXCLUDE.to_bytes(2, "big")


def _excluded(query: Query6, grant: Grant, lease: Lease6) -> tuple[bytes, int] | None:
    """What a delegated prefix lacks: by its reservation, or by its pool."""
    host = query.host
    if host is not None and (lease.address, lease.prefix_length) in host.prefixes:
        place = host.prefixes.index((lease.address, lease.prefix_length))
        return host.excluded_prefixes[place] if place < len(host.excluded_prefixes) else None
    pool = grant.pool.pool if grant.pool is not None else None
    if not isinstance(pool, PrefixPool) or not pool.excluded_length:
        return None
    first = int.from_bytes(lease.address, "big")
    offset = int.from_bytes(pool.excluded_prefix, "big") - pool.first
    return (first + offset).to_bytes(16, "big"), pool.excluded_length
