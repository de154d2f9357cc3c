"""What a client gets, why that, and for how long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from txkea.exchange.allocate4 import belongs
from txkea.exchange.associations import Association, associations
from txkea.exchange.binding import is_running
from txkea.exchange.query import Query4, Query6
from txkea.exchange.reservations import reserved_address, reserved_resources
from txkea.exchange.subnets import LiveSubnet
from txkea.explain.case import Case
from txkea.explain.explanation import Leased
from txkea.explain.words import parameter_scope, pool_range, scope
from txkea.model.lease import LeaseType
from txkea.wire.client6 import read_ias
from txkea.wire.dhcp4 import NO_ADDRESS, Message4, Option4
from txkea.wire.dhcp6 import Message6, Option6, StatusCode, read_status
from txkea.wire.ia import Ia, Resource
from txkea.wire.text import address_text

__all__ = ["leases4", "leases6", "lifetime_scope"]

NA, PD = int(LeaseType.NA), int(LeaseType.PD)
NAMES: Final = {Option6.IA_NA: "IA_NA", Option6.IA_PD: "IA_PD"}
KINDS: Final = {Option6.IA_NA: NA, Option6.IA_PD: PD}
RESERVED: Final = "reserved for the client"
HAS: Final = "the client has it"
HAD: Final = "the client had it before, and it is free"
OFFERED: Final = "it was offered to the client a moment ago"
NEXT: Final = "the next free one of its pool"


def lifetime_scope(case: Case, subnet: LiveSubnet | None, name: str) -> str:
    """Where a lifetime is from: the first class that has one, else the subnet or who it inherits it from."""
    query = case.query
    classes = query.site.classes
    for each in classes.of(query) if classes is not None else ():
        if getattr(each, name) is not None:
            return scope(each)
    return parameter_scope(query, subnet, name)


# -- DHCPv4 ------------------------------------------------------------------------------------------------------------


def leases4(case: Case) -> tuple[Leased, ...]:
    """The address of the answer, if it has one."""
    query: Query4 = case.query
    answer: Message4 | None = case.answer
    if answer is None or answer.yiaddr == NO_ADDRESS:
        return ()
    subnet, address = query.subnet, answer.yiaddr
    pool = subnet.pool_of(address) if subnet is not None else None
    valid = int.from_bytes(answer.options.get(Option4.LEASE_TIME, b""), "big")
    return (
        Leased(
            what=address_text(address),
            association="",
            reason=_why4(case, address),
            subnet=subnet.id if subnet is not None else 0,
            pool="" if pool is None else pool_range(pool),
            valid=valid,
            scope=_bounded(lifetime_scope(case, subnet, "valid_lifetime"), valid, _wish4(query)),
            stored=case.shadow.leases.written.get(address) is not None,
        ),
    )


def _wish4(query: Query4) -> int | None:
    wish = query.message.options.get(Option4.LEASE_TIME)
    return int.from_bytes(wish, "big") if wish is not None and len(wish) == 4 and any(wish) else None


def _bounded(where: str, seconds: int, wish: int | None) -> str:
    if not wish:
        return where
    return f"{where}: as asked for" if wish == seconds else f"{where}: the bound of the {wish} s that were asked for"


def _why4(case: Case, address: bytes) -> str:
    query: Query4 = case.query
    if reserved_address(query) == address:
        return RESERVED
    row = case.rows.get(address)
    match = query.subnet.parameters.match_client_id if query.subnet is not None else True
    if row is not None and belongs(query, row, match):
        return HAS if is_running(row, query.now) else HAD
    if query.message.options.get(Option4.REQUESTED_ADDRESS) == address:
        return "the client asks for it (option 50)"
    if query.message.ciaddr == address:
        return "the client uses it (ciaddr)"
    if case.site.offers.to(query.key, query.now) == address:
        return OFFERED
    return NEXT


# -- DHCPv6 ------------------------------------------------------------------------------------------------------------


def leases6(case: Case) -> tuple[Leased, ...]:
    """What the identity associations of the answer hold."""
    answer: Message6 | None = case.answer
    if answer is None:
        return ()
    return tuple(each for ia in read_ias(answer) for each in _of_association(case, ia))


def _of_association(case: Case, ia: Ia) -> Iterator[Leased]:
    name = f"{NAMES[ia.code]} {ia.iaid}"
    for resource in ia.resources:
        yield _leased(case, ia, name, resource)
    if ia.status is not None:
        code, text = read_status(ia.status)
        status = StatusCode(code).name if code in StatusCode._value2member_map_ else f"status {code}"
        words = "".join(word.title() for word in status.split("_"))
        yield Leased(what="", association=name, reason=f"{words}: {text.decode('utf-8', 'replace')}".removesuffix(": "))


def _leased(case: Case, ia: Ia, name: str, resource: Resource) -> Leased:
    kind = KINDS[ia.code]
    what = address_text(resource.address) + (f"/{resource.length}" if kind == PD else "")
    if not resource.valid:
        return Leased(what=what, association=name, reason="the client must not use it any longer")
    query: Query6 = case.query
    home = _home(query, kind, resource)
    pool = None
    if home is not None:
        found = home.pool_of(resource.address)
        pool = found if kind == NA else home.prefix_pool_of(resource.address, resource.length)
    where = lifetime_scope(case, home, "valid_lifetime")
    wish = next((asked.valid for asked in _asked(query, ia) if not asked.contradicts), 0)
    row = case.shadow.leases.written.get(resource.address)
    return Leased(
        what=what,
        association=name,
        reason=_why6(case, ia, kind, resource),
        subnet=home.id if home is not None else 0,
        pool="" if pool is None else pool_range(pool),
        valid=resource.valid,
        preferred=resource.preferred,
        scope=_bounded(where, resource.valid, wish),
        stored=row is not None,
    )


def _home(query: Query6, kind: int, resource: Resource) -> LiveSubnet | None:
    """The subnet that a resource is given from."""
    if query.subnet is None:
        return None
    siblings = query.subnet.siblings
    if kind == NA:
        found = (home for home in siblings if resource.address in home)
    else:
        found = (home for home in siblings if home.prefix_pool_of(resource.address, resource.length) is not None)
    return next(found, query.subnet)


def _wish(query: Query6, ia: Ia) -> Association | None:
    """The association of the query that one of the answer is for."""
    for wish in associations(query):
        if (wish.code, query.iaid_sent(wish.code, wish.iaid)) == (ia.code, ia.iaid):
            return wish
    return None


def _asked(query: Query6, ia: Ia) -> Sequence[Resource]:
    wish = _wish(query, ia)
    return () if wish is None else wish.resources


def _why6(case: Case, ia: Ia, kind: int, resource: Resource) -> str:
    query: Query6 = case.query
    if (resource.address, resource.length) in reserved_resources(query, kind):
        return RESERVED
    row: Any = case.rows.get(resource.address)
    wish = _wish(query, ia)
    if row is not None and wish is not None and (row.duid, row.iaid, row.type) == (query.duid, wish.iaid, kind):
        return HAS if is_running(row, query.now) else HAD
    if any(asked.address == resource.address for asked in _asked(query, ia)):
        return "the client asks for it"
    key = b"" if wish is None else wish.key
    return OFFERED if case.site.offers.to(key, query.now) == resource.address else NEXT
