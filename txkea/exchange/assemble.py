"""Make a `Site` from a configuration and the providers that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any

from txkea.exchange.accounting import BELIEVED, TAKEN
from txkea.exchange.classes import classes_of
from txkea.exchange.site import Loggers, Site
from txkea.exchange.statistics import EVERYWHERE4, EVERYWHERE6, GLOBAL4, GLOBAL6
from txkea.exchange.subnets import LiveSubnet, SubnetIndex, arrange
from txkea.interfaces import IHostSource, ILeaseStore
from txkea.model.configuration import Configuration, OptionData
from txkea.model.lease import Lease4, Lease6, LeaseState

__all__ = ["assemble", "believe", "forget", "recount", "server_addresses", "unknown_pools"]

SERVER_IDENTIFIER = 54
MOST = 2**63 - 1
"""Where a statistic stops (Kea G087)."""
DECLINED = LeaseState.DECLINED
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
    **more: Any,
) -> Site:
    """A site; ``known`` are the subnets of the site that it replaces, ``more`` are further fields of `Site`.

    ``random`` gives a number from 0 up to, but without, its argument.
    """
    subnets = arrange(configuration, random, known)
    has_hosts = bool(configuration.hosts) or any(subnet.hosts for subnet in configuration.subnets)
    for name in GLOBAL4 if configuration.family == 4 else GLOBAL6:
        statistics.setdefault(name, 0)
    for subnet in subnets.subnets:
        _begin_counting(subnet, statistics)
    return Site(
        configuration=configuration,
        subnets=subnets,
        leases=leases,
        hosts=hosts,
        has_hosts=has_hosts,
        statistics=statistics,
        log=log,
        classes=classes_of(configuration, log.server, asked=any(more.get(name) for name in ASKING)),
        server_identifiers=_server_identifiers(configuration),
        **more,
    )


def _begin_counting(subnet: LiveSubnet, statistics: MutableMapping[str, int]) -> None:
    """Set the sizes of a subnet's pools, and what was not counted before to zero."""
    names = [subnet.declined, subnet.reclaimed, subnet.reclaimed_declined]
    for kind, counted in subnet.counted.items():
        pools, _ = subnet.allocation(kind)
        statistics[counted.total] = min(sum(pool.size for pool in pools), MOST)
        names += [counted.assigned, counted.cumulative]
    for name in names:
        statistics.setdefault(name, 0)


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


def recount(site: Site, counts: Mapping[tuple[int, int, int], int]) -> None:
    """Set the statistics of leases to what the store counts (Kea G083).

    A declined address counts as assigned too, as it does while the server runs (Kea G090), so that its recovery
    brings the count back to where it was; Kea's own recount leaves it out.
    """
    statistics = site.statistics
    for subnet in site.subnets.subnets:
        number = subnet.id
        statistics[subnet.declined] = sum(counts.get((number, DECLINED, kind), 0) for kind in subnet.counted)
        for kind, counted in subnet.counted.items():
            statistics[counted.assigned] = sum(counts.get((number, state, kind), 0) for state in TAKEN)
    statistics["declined-addresses"] = sum(count for (_, state, _), count in counts.items() if state == DECLINED)
    for kind, counted in (EVERYWHERE4 if site.configuration.family == 4 else EVERYWHERE6).items():
        taken = (count for (_, state, which), count in counts.items() if state in TAKEN and which == kind)
        statistics[counted.assigned] = sum(taken)


def forget(statistics: MutableMapping[str, int], before: SubnetIndex, after: SubnetIndex) -> None:
    """Drop the statistics of subnets that are gone (Kea G086)."""
    for number in before.by_id.keys() - after.by_id.keys():
        prefix = f"subnet[{number}]."
        for name in [name for name in statistics if name.startswith(prefix)]:
            del statistics[name]


def believe(site: Site, leases: Iterable[Lease4 | Lease6]) -> None:
    """Tell the pools of leases in the store, at the start of a site."""
    by_id = site.subnets.by_id
    for lease in leases:
        subnet = by_id.get(lease.subnet_id)
        if subnet is not None and lease.state in BELIEVED:
            subnet.mark(lease.address, True)


def unknown_pools(after: SubnetIndex, before: SubnetIndex) -> bool:
    """Whether some pools are new, so that they know of no lease yet."""
    known = {id(pool) for subnet in before.subnets for pool in (*subnet.pools, *subnet.prefix_pools)}
    return any(id(pool) not in known for subnet in after.subnets for pool in (*subnet.pools, *subnet.prefix_pools))
