"""Make a `Site` from a configuration and the providers that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from txkea.exchange.accounting import TAKEN, found
from txkea.exchange.classes import classes_of
from txkea.exchange.site import Loggers, Site
from txkea.exchange.statistics import (
    CONFLICTS,
    EVERYWHERE4,
    EVERYWHERE6,
    GLOBAL4,
    GLOBAL6,
    MOST,
    RARE,
    SUBNET4,
    SUBNET6,
)
from txkea.exchange.subnets import LiveSubnet, SubnetIndex, arrange
from txkea.interfaces import IHostSource, ILeaseStore
from txkea.model.configuration import Configuration, OptionData
from txkea.model.lease import Lease4, Lease6, LeaseState, LeaseType

__all__ = [
    "assemble",
    "begin_counting",
    "believe",
    "forget",
    "recount",
    "recounted",
    "server_addresses",
    "unknown_pools",
]

SERVER_IDENTIFIER = 54
SOME = 200
"""Subnets that are counted in less than a millisecond."""
ASKING = ("identifier_sources", "received", "selected", "lease_selected", "filters", "answer_ready")
"""The fields of a site with third parties who may ask for the classes of a query."""


def assemble(
    configuration: Configuration,
    *,
    leases: ILeaseStore,
    hosts: IHostSource,
    statistics: MutableMapping[str, int],
    log: Loggers,
    random: Callable[[int], int],
    known: Iterable[LiveSubnet] = (),
    anew: bool = False,
    **more: Any,
) -> Site:
    """A site; ``known`` are the subnets of the site that it replaces, ``more`` are further fields of `Site`.

    All subnets are made ``anew``, or those of which something has changed, see `txkea.exchange.subnets.arrange`.
    ``random`` gives a number from 0 up to, but without, its argument.
    """
    subnets = arrange(configuration, random, known, anew, leases.shared)
    configured = bool(configuration.hosts) or any(subnet.hosts for subnet in configuration.subnets)
    for name in GLOBAL4 if configuration.family == 4 else GLOBAL6:
        statistics.setdefault(name, 0)
    if leases.shared:
        statistics.setdefault(CONFLICTS, 0)
    return Site(
        configuration=configuration,
        subnets=subnets,
        leases=leases,
        hosts=hosts,
        has_hosts=configured or bool(more.get("host_sources") or more.get("host_stores")),
        statistics=statistics,
        log=log,
        classes=classes_of(configuration, log.server, asked=any(more.get(name) for name in ASKING)),
        server_identifiers=_server_identifiers(configuration),
        **more,
    )


def _server_identifiers(configuration: Configuration) -> dict[int, bytes]:
    networks = {network.name: network.options for network in configuration.networks}
    everywhere = _identifier(configuration.options)
    found = {0: everywhere} if everywhere else {}
    for subnet in configuration.subnets:
        inherited = _identifier(networks.get(subnet.network_name, ())) or everywhere
        identifier = _identifier(subnet.options) or inherited
        if identifier:
            found[subnet.id] = identifier
    return found


def _identifier(options: Iterable[OptionData]) -> bytes | None:
    for data in options:
        if data.space == "dhcp4" and data.code == SERVER_IDENTIFIER:
            return data.payload
    return None


def server_addresses(site: Site, sockets: Iterable[bytes]) -> frozenset[bytes]:
    """Everything by which a client may address this server (Kea A099)."""
    return frozenset((*sockets, *site.server_identifiers.values()))


def begin_counting(site: Site, before: SubnetIndex | None = None) -> None:
    """Set the sizes of pools, and what was not counted before to zero: from now on the site is in force."""
    statistics = site.statistics
    names = SUBNET4 if site.configuration.family == 4 else SUBNET6
    for subnet in site.subnets.subnets:
        if before is not None and before.by_id.get(subnet.id) is subnet:
            continue
        for name in names:
            statistics.setdefault(f"subnet[{subnet.id}].{name}", 0)
        for kind, counted in subnet.counted.items():
            pools, _ = subnet.allocation(kind)
            statistics[counted.total] = min(sum(pool.size for pool in pools), MOST)


def recount(site: Site, counts: Mapping[tuple[int, int, int], int], before: SubnetIndex | None = None) -> None:
    """Begin counting, with the leases that the store has now (Kea G083).

    Subnets that were counted ``before`` go on: the store may know of a change already that is counted in a moment. All
    subnets together are always their sum. A declined address counts as assigned too, as it does while the server runs
    (Kea G090), so that its recovery brings the count back to where it was; Kea's own recount leaves it out.
    """
    begin_counting(site, before)
    for subnet in site.subnets.subnets:
        if before is None or subnet.id not in before.by_id:
            _count(subnet, counts, site.statistics)
    _sum(site)


def recounted(site: Site, counts: Mapping[tuple[int, int, int], int]) -> Iterator[None]:
    """Count anew what the store has, which other servers change too; pauses after each `SOME` subnets."""
    for place, subnet in enumerate(site.subnets.subnets, 1):
        if subnet.declined in site.statistics:
            _count(subnet, counts, site.statistics)
        if not place % SOME:
            yield
    _sum(site)


def _sum(site: Site) -> None:
    """All subnets together."""
    statistics, subnets = site.statistics, site.subnets.subnets
    statistics["declined-addresses"] = sum(statistics[subnet.declined] for subnet in subnets)
    for kind, counted in (EVERYWHERE4 if site.configuration.family == 4 else EVERYWHERE6).items():
        statistics[counted.assigned] = sum(statistics[subnet.counted[kind].assigned] for subnet in subnets)


def _count(
    subnet: LiveSubnet, counts: Mapping[tuple[int, int, int], int], statistics: MutableMapping[str, int]
) -> None:
    number = subnet.id
    statistics[subnet.declined] = sum(counts.get((number, LeaseState.DECLINED, kind), 0) for kind in subnet.counted)
    for kind, counted in subnet.counted.items():
        statistics[counted.assigned] = sum(counts.get((number, state, kind), 0) for state in TAKEN)
    if subnet.registered in statistics:
        statistics[subnet.registered] = counts.get((number, LeaseState.REGISTERED, LeaseType.NA), 0)


def forget(statistics: MutableMapping[str, int], before: SubnetIndex, after: SubnetIndex) -> None:
    """Drop the statistics of subnets that are gone (Kea G086); exchanges that began before count in the others."""
    for subnet in before.subnets:
        now = after.by_id.get(subnet.id)
        subnet.successor = None if now is subnet else now
    for number in before.by_id.keys() - after.by_id.keys():
        for name in (*SUBNET4, *SUBNET6, *RARE):
            statistics.pop(f"subnet[{number}].{name}", None)


def believe(site: Site, leases: Iterable[Lease4 | Lease6]) -> None:
    """Tell the pools of leases in the store, at the start of a site."""
    for lease in leases:
        found(site.subnets, lease)


def unknown_pools(after: SubnetIndex, before: SubnetIndex) -> bool:
    """Whether some pools are new, so that they know of no lease yet."""
    return not _beliefs(after) <= _beliefs(before)


def _beliefs(index: SubnetIndex) -> set[int]:
    return {id(pool.beliefs) for subnet in index.subnets for pool in (*subnet.pools, *subnet.prefix_pools)}
