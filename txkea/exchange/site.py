"""What a running server is made of; replaced as a whole at a reconfiguration."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, field

from txkea.exchange.offers import Offers
from txkea.exchange.subnets import SubnetIndex
from txkea.interfaces import (
    IAnswerReady,
    ICommands,
    IHostCache,
    IHostSource,
    IHostStore,
    IIdentifierSource,
    ILeaseObserver,
    ILeaseSelected,
    ILeaseStore,
    ILogger,
    IQueryArrived,
    IQueryFilter,
    IQueryReceived,
    IRunning,
    IStatus,
    ISubnetSelected,
)
from txkea.model.configuration import Configuration

if TYPE_CHECKING:
    from txkea.exchange.classes import Classes
    from txkea.exchange.query import Query6

__all__ = ["Loggers", "Site", "no_reclamation"]


@define(kw_only=True)
class Loggers:
    """The loggers of the request path, by Kea's names (Kea K021)."""

    server: ILogger
    packets: ILogger
    bad_packets: ILogger
    leases: ILogger
    alloc_engine: ILogger
    ddns: ILogger


async def no_reclamation(now: float) -> int:
    """Reclaim nothing."""
    return 0


@define(kw_only=True)
class Site:
    """One configuration in force; an exchange ends with the site that it began with."""

    configuration: Configuration
    subnets: SubnetIndex
    leases: ILeaseStore
    hosts: IHostSource
    has_hosts: bool
    """Whether anything could be found in ``hosts``: a server without reservations never asks."""
    statistics: MutableMapping[str, int]
    """Counters by Kea's names; shared by all sites of a process."""
    log: Loggers
    classes: Classes | None = None
    """The client classes, or None where there are none: then nobody evaluates any."""
    reclaim: Callable[[float], Any] = no_reclamation
    """Reclaims some expired leases when addresses run out; awaitable of their number."""
    offers: Offers = field(factory=Offers)
    server_addresses: frozenset[bytes] = frozenset()
    """What option 54 of a query for us may hold (Kea A099)."""
    server_id: bytes = b""
    """The server's DUID, in DHCPv6 (option 2)."""
    dhcp4: Callable[[bytes, Query6], Awaitable[bytes | None]] | None = None
    """In DHCPv6, what answers the DHCPv4 message of a DHCPV4-QUERY (RFC 7341); None where nothing does."""
    server_identifiers: Mapping[int, bytes] = field(factory=dict)
    """The configured ``dhcp-server-identifier`` by subnet id; 0 is the global one."""
    arrived: Sequence[IQueryArrived] = ()
    identifier_sources: Sequence[IIdentifierSource] = ()
    filters: Sequence[IQueryFilter] = ()
    observers: list[ILeaseObserver] = field(factory=list)
    """One list as long as the site is in force: who observes only for a while comes to its end, and leaves it."""
    received: Sequence[IQueryReceived] = ()
    selected: Sequence[ISubnetSelected] = ()
    lease_selected: Sequence[ILeaseSelected] = ()
    answer_ready: Sequence[IAnswerReady] = ()
    host_sources: Sequence[IHostSource] = ()
    """Those that ``hosts`` asks beside the configuration's own reservations."""
    host_stores: Sequence[IHostStore] = ()
    """Those of ``hosts-databases``, which ``hosts`` asks last."""
    host_cache: IHostCache | None = None
    """What ``hosts`` has around sources that are slow."""
    commands: Sequence[ICommands] = ()
    """What third parties add to the control channel."""
    running: Sequence[IRunning] = ()
    """What is started before the site comes into force, and stopped after."""
    statuses: Sequence[IStatus] = ()
    """Of whom ``status-get`` tells."""
    options: dict[Any, Any] = field(factory=dict)
    """Encoded option blocks by what they depend on: see `txkea.exchange.options`."""
