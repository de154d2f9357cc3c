"""Subnets at run time."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from txkea.exchange.pools import ALLOCATORS, FREE, Beliefs, LivePool, pool_at
from txkea.exchange.statistics import Counted
from txkea.interfaces import IAllocator
from txkea.model.configuration import Configuration, Over6, Pool, PrefixPool, SharedNetwork, Subnet
from txkea.model.lease import LeaseType

if TYPE_CHECKING:
    from txkea.exchange.query import Query6

__all__ = ["LiveSubnet", "SubnetIndex", "arrange"]

ANY = b"\0\0\0\0"
LIMITED_BROADCAST = b"\xff\xff\xff\xff"
CACHED_ADDRESSES = 4096
INTERFACE_ID = 18
PD = int(LeaseType.PD)

Place = tuple[int, bytes, bytes, int]
"""Where a pool is: subnet, first and last address, bits of what it gives."""


class LiveSubnet:
    """A subnet with its pools, and with its neighbours on the same link."""

    __slots__ = (
        "allocator",
        "counted",
        "declined",
        "first_address",
        "guarded",
        "guards",
        "id",
        "last_address",
        "mask",
        "network",
        "order",
        "parameters",
        "pools",
        "pool_starts",
        "prefix",
        "prefix_allocator",
        "prefix_pools",
        "prefix_starts",
        "reclaimed",
        "reclaimed_declined",
        "recent",
        "registered",
        "siblings",
        "subnet",
        "successor",
        "tee_times",
        "times",
    )

    def __init__(
        self,
        subnet: Subnet,
        order: int,
        network: SharedNetwork | None,
        random: Callable[[int], int],
        known: Mapping[Place, Beliefs],
    ) -> None:
        width = len(subnet.network)
        ones = (1 << 8 * width) - 1
        mask = ones ^ (ones >> subnet.length)
        first = int.from_bytes(subnet.network, "big") & mask
        self.subnet = subnet
        self.id = subnet.id
        self.order = order
        """Its place in the order in which subnets are tried (Kea A068)."""
        self.prefix = subnet.prefix
        self.parameters = subnet.parameters
        self.network = network
        self.mask = mask.to_bytes(width, "big")
        self.first_address = first.to_bytes(width, "big")
        self.last_address = (first | (ones >> subnet.length)).to_bytes(width, "big")
        self.allocator = ALLOCATORS[subnet.parameters.allocator](random)
        self.pools = _live(subnet.pools, subnet.id, width, known)
        self.pool_starts = [pool.first_address for pool in self.pools]
        self.prefix_allocator = ALLOCATORS[subnet.parameters.pd_allocator](random)
        self.prefix_pools = _live(subnet.prefix_pools, subnet.id, width, known)
        self.prefix_starts = [pool.first_address for pool in self.prefix_pools]
        above = network.client_classes if network is not None else ()
        self.guards = tuple(guard for guard in (subnet.client_classes, above) if guard)
        """Of each guard, its own and its network's, the classes of which a client must be in one (Kea D019)."""
        self.guarded = any(pool.guard for pool in (*self.pools, *self.prefix_pools))
        """Whether some of its pools have guards of their own."""
        self.siblings: tuple[LiveSubnet, ...] = (self,)
        """All subnets of its shared network in their order, itself among them."""
        self.successor: LiveSubnet | None = None
        """Itself in the configuration that has replaced its own."""
        self.times: dict[int, bytes] = {}
        """Encoded options 51, 58 and 59 by the lifetime that they tell; DHCPv4 only."""
        self.tee_times: dict[tuple[int, int], tuple[int, int]] = {}
        """T1 and T2 by preferred and valid lifetime; DHCPv6 only."""
        self.recent = 0.0
        """When an address was last given from it: where the next client of its network is tried first (Kea A153)."""
        name = f"subnet[{subnet.id}]."
        kinds = {0: "addresses"} if width == 4 else {int(LeaseType.NA): "nas", int(LeaseType.PD): "pds"}
        self.counted = {kind: Counted.of(name, what) for kind, what in kinds.items()}
        """The names of the statistics that tell each type of lease apart."""
        self.declined = name + "declined-addresses"
        self.reclaimed = name + "reclaimed-leases"
        self.reclaimed_declined = name + "reclaimed-declined-addresses"
        self.registered = name + "registered-nas"

    def __contains__(self, address: bytes) -> bool:
        return self.first_address <= address <= self.last_address

    def admits(self, classes: Container[str]) -> bool:
        """Whether clients of these classes may use it."""
        return not self.guards or all(any(name in classes for name in guard) for guard in self.guards)

    def on_link(self, address: bytes, classes: Container[str]) -> LiveSubnet | None:
        """The subnet of its shared network that holds an address and that these classes may use: itself, or else a
        neighbour, or None.
        """
        if self.first_address <= address <= self.last_address:
            return self
        return next((other for other in self.siblings if address in other and other.admits(classes)), None)

    def neighbours(self, classes: Container[str]) -> Sequence[LiveSubnet]:
        """The subnets of its shared network that these classes may use, in their order, itself among them."""
        siblings = self.siblings
        if len(siblings) == 1:
            return siblings
        return [other for other in siblings if other is self or not other.guards or other.admits(classes)]

    def pool_of(self, address: bytes) -> LivePool | None:
        """The pool that holds an address, or None."""
        return pool_at(self.pools, self.pool_starts, address)

    def pool_for(self, address: bytes, classes: Container[str]) -> LivePool | None:
        """The pool that holds an address, if these classes may use it (Kea D020)."""
        pool = pool_at(self.pools, self.pool_starts, address)
        return pool if pool is None or not pool.guard or pool.admits(classes) else None

    def prefix_pool_of(self, address: bytes, length: int) -> LivePool | None:
        """The pool that holds a prefix of this length, or None."""
        pool = pool_at(self.prefix_pools, self.prefix_starts, address)
        return pool if pool is not None and pool.length == length and pool.gives(address) else None

    def allocation(self, kind: int) -> tuple[Sequence[LivePool], IAllocator]:
        """The pools of a type of lease, and what chooses from them."""
        if kind == PD:
            return self.prefix_pools, self.prefix_allocator
        return self.pools, self.allocator

    def allocation_for(self, kind: int, classes: Container[str]) -> tuple[Sequence[LivePool], IAllocator]:
        """Those of the pools that these classes may use."""
        pools, allocator = self.allocation(kind)
        return ([pool for pool in pools if pool.admits(classes)] if self.guarded else pools), allocator

    def holding(self, kind: int, address: bytes) -> LivePool | None:
        """The pool of the configuration in force whose statistics a lease of this type and address counts in."""
        subnet = self if self.successor is None else self._latest()
        if kind == PD:
            return pool_at(subnet.prefix_pools, subnet.prefix_starts, address)
        return pool_at(subnet.pools, subnet.pool_starts, address) if kind in subnet.counted else None

    def _latest(self) -> LiveSubnet:
        subnet = self
        while subnet.successor is not None:
            subnet = subnet.successor
        return subnet

    def note(self, kind: int, address: bytes, mark: int) -> LivePool | None:
        """Know what lease of this type the store has of an address (or prefix); gives the pool that counts it."""
        pool = self.holding(kind, address)
        if pool is None:
            self.mark(address, mark != FREE)  # nobody else can have it, nor the prefix around it
        else:
            pool.note(address, mark)
        return pool

    def mark(self, address: bytes, taken: bool) -> None:
        """Believe that an address (or a prefix) is taken, or free."""
        pool = self.pool_of(address) or pool_at(self.prefix_pools, self.prefix_starts, address)
        if pool is not None:
            pool.mark(address, taken)


def _live(
    configured: Iterable[Pool | PrefixPool], subnet_id: int, width: int, known: Mapping[Place, Beliefs]
) -> tuple[LivePool, ...]:
    """The pools of a subnet, in order; of one that was there before is believed what was believed."""
    pools = tuple(LivePool(pool, width) for pool in sorted(configured, key=lambda each: each.first))
    for pool in pools:
        pool.beliefs = known.get(_place(subnet_id, pool), pool.beliefs)
    return pools


def _place(subnet_id: int, pool: LivePool) -> Place:
    return subnet_id, pool.first_address, pool.last_address, pool.length


class SubnetIndex:
    """All subnets, so arranged that finding one of ten thousand costs as much as finding one of ten."""

    def __init__(self, subnets: Sequence[LiveSubnet]) -> None:
        self.subnets = tuple(subnets)
        self.by_id = {subnet.id: subnet for subnet in subnets}
        self._by_relay: dict[bytes, list[LiveSubnet]] = {}
        self._by_link: dict[str, list[LiveSubnet]] = {}
        self._by_interface_id: dict[bytes, list[LiveSubnet]] = {}
        self._by_network: dict[int, dict[bytes, list[LiveSubnet]]] = {}
        self._found: dict[bytes, Sequence[LiveSubnet]] = {}
        self._over6 = tuple(subnet for subnet in subnets if subnet.subnet.over6 is not None)
        for subnet in subnets:
            self._enter(subnet)

    def _enter(self, subnet: LiveSubnet) -> None:
        parameters = subnet.parameters
        for relay in parameters.relay_addresses:
            self._by_relay.setdefault(relay, []).append(subnet)
        if parameters.interface:
            self._by_link.setdefault(parameters.interface, []).append(subnet)
        if parameters.interface_id:
            self._by_interface_id.setdefault(parameters.interface_id, []).append(subnet)
        same_length = self._by_network.setdefault(subnet.subnet.length, {})
        same_length.setdefault(subnet.first_address, []).append(subnet)

    def forget(self) -> None:
        """Believe nothing of the pools any more: the leases are elsewhere now. What was counted stays."""
        for subnet in self.subnets:
            for pool in (*subnet.pools, *subnet.prefix_pools):
                pool.beliefs = pool.beliefs.emptied()

    # Each gives the first subnet in order that the classes may use (Kea D018, A174).

    def by_relay(self, address: bytes, classes: Container[str]) -> LiveSubnet | None:
        """One whose relay list (its own, or else its network's) names the address."""
        return _first(self._by_relay.get(address, ()), classes)

    def by_link(self, name: str, classes: Container[str]) -> LiveSubnet | None:
        """One that is tied to a network interface."""
        return _first(self._by_link.get(name, ()), classes)

    def by_interface_id(self, identifier: bytes, classes: Container[str]) -> LiveSubnet | None:
        """One whose relays give this interface-id (option 18)."""
        return _first(self._by_interface_id.get(identifier, ()), classes)

    def over6(self, query: Query6, classes: Container[str]) -> LiveSubnet | None:
        """One for DHCPv4 that serves what came in a DHCPV4-QUERY like this (Kea A175)."""
        return _first([subnet for subnet in self._over6 if _serves(subnet.subnet.over6, query)], classes)

    def by_address(self, address: bytes, classes: Container[str]) -> LiveSubnet | None:
        """One that holds an address: the first in order, not the narrowest (Kea A174)."""
        found = self._found.get(address)
        if found is None:
            if len(self._found) >= max(CACHED_ADDRESSES, 2 * len(self.subnets)):
                self._found.clear()
            found = self._found[address] = self._search(address)
        return _first(found, classes)

    def _search(self, address: bytes) -> Sequence[LiveSubnet]:
        width = 8 * len(address)
        number = int.from_bytes(address, "big")
        hits: list[LiveSubnet] = []
        for length, networks in self._by_network.items():
            host_bits = width - length
            start = (number >> host_bits << host_bits).to_bytes(len(address), "big")
            hits += networks.get(start, ())
        return sorted(hits, key=lambda subnet: subnet.order)


def _first(subnets: Iterable[LiveSubnet], classes: Container[str]) -> LiveSubnet | None:
    for subnet in subnets:
        if not subnet.guards or subnet.admits(classes):
            return subnet
    return None


def _serves(over6: Over6 | None, query: Query6) -> bool:
    """Whether everything that is given matches."""
    if over6 is None:
        return False
    relays = query.message.relays
    if over6.interface and over6.interface != query.origin.socket.link:
        return False
    if over6.interface_id and over6.interface_id not in [relay.options.get(INTERFACE_ID) for relay in relays]:
        return False
    if over6.prefix is None:
        return True
    network, length = over6.prefix
    source = relays[-1].peer_address if relays else query.origin.source
    differing = int.from_bytes(source, "big") ^ int.from_bytes(network, "big")
    return not differing >> 128 - length


def arrange(
    configuration: Configuration,
    random: Callable[[int], int],
    known: Iterable[LiveSubnet] = (),
    anew: bool = False,
    shared: bool = False,
) -> SubnetIndex:
    """Make the run-time subnets of a configuration.

    What was believed and counted of pools that ``known`` subnets of an earlier configuration have in the same place
    goes on. A subnet without neighbours that nothing was changed of is the same one, unless all are made ``anew``.
    ``shared`` tells whether other servers give addresses of these pools, too.
    """
    earlier = tuple(known)
    same = {(id(live.subnet), live.order): live for live in earlier if live.network is None and not anew}
    pools = {
        _place(subnet.id, pool): pool.beliefs for subnet in earlier for pool in (*subnet.pools, *subnet.prefix_pools)
    }
    networks = {network.name: network for network in configuration.networks}
    live = [
        same.get((id(subnet), order)) or LiveSubnet(subnet, order, networks.get(subnet.network_name), random, pools)
        for order, subnet in enumerate(configuration.subnets)
    ]
    if shared:
        for subnet in live:
            for pool in (*subnet.pools, *subnet.prefix_pools):
                pool.share(random)
    index = SubnetIndex(live)
    for network in configuration.networks:
        members = tuple(index.by_id[number] for number in sorted(network.subnet_ids))
        for member in members:
            member.siblings = members
    return index
