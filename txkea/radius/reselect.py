"""Where a client belongs that RADIUS gives an address or a pool (Kea I029)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from typing import NamedTuple

from attrs import evolve

from txkea.exchange.query import Query, Query4, Query6
from txkea.exchange.select4 import select4
from txkea.exchange.select6 import select6
from txkea.exchange.subnets import LiveSubnet, SubnetIndex

__all__ = ["Place", "Reselection"]


class Place(NamedTuple):
    """Where a client belongs."""

    subnet: LiveSubnet | None
    """None: nowhere, so that it has no service."""
    holds: bool
    """Whether the address is of this link."""


class Reselection:
    """Finds the subnet for what RADIUS says: the one that was selected, one of its link, or another one.

    Another one is looked for if nothing of the link has a pool for the class (``by_pool``), or holds the address
    (``by_address``); it must be one that the query could have selected.
    """

    def __init__(self, *, by_pool: bool = False, by_address: bool = False) -> None:
        self._by_pool = by_pool
        self._by_address = by_address
        self._index: SubnetIndex | None = None
        self._guarded: Mapping[str, Sequence[LiveSubnet]] = {}

    @property
    def moves(self) -> bool:
        """Whether clients may come to another link at all."""
        return self._by_pool or self._by_address

    def place(self, query: Query, pools: Collection[str], address: bytes | None) -> Place:
        """The subnet of a client that has one selected, by the pools' names and the address that it is given."""
        subnet = query.subnet
        assert subnet is not None, "RADIUS is asked for the client of a subnet"
        classes = {**query.classes, **dict.fromkeys(pools)}
        lacking = next((name for name in pools if not _usable(subnet, name, classes)), None)
        if self._by_pool and lacking is not None:
            subnet = selectable(query, self._for_members(query.site.subnets, lacking), classes)
            if subnet is None:
                return Place(None, False)
        if address is None:
            return Place(subnet, True)
        home = subnet.on_link(address, classes)
        if home is not None:
            return Place(home, True)
        if not self._by_address or subnet is not query.subnet:
            return Place(subnet, False)
        index = query.site.subnets
        found = index.by_address(address, classes)
        holding = () if found is None else [each for each in index.subnets if address in each]
        return Place(selectable(query, holding, classes), True)

    def _for_members(self, index: SubnetIndex, name: str) -> Sequence[LiveSubnet]:
        """The subnets that are for members of a class, or have a pool that is."""
        if self._index is not index:
            guarded: dict[str, list[LiveSubnet]] = {}
            for subnet in index.subnets:
                for each in dict.fromkeys(_guards(subnet)):
                    guarded.setdefault(each, []).append(subnet)
            self._index, self._guarded = index, guarded
        return self._guarded.get(name, ())


def selectable(query: Query, subnets: Sequence[LiveSubnet], classes: Mapping[str, None]) -> LiveSubnet | None:
    """The one of some subnets that a query selects if there are no others, and if it is in these classes."""
    if not subnets:
        return None
    twin = copy(query)
    twin.site = evolve(query.site, subnets=SubnetIndex(subnets))
    twin.classes = dict(classes)
    found = None
    if isinstance(twin, Query4):
        found = select4(twin)
    elif isinstance(twin, Query6):
        found = select6(twin)
    return None if found is None else query.site.subnets.by_id[found.id]


def _usable(subnet: LiveSubnet, name: str, classes: Mapping[str, None]) -> bool:
    """Whether something of the link has a pool for members of a class."""
    return any(
        pool.admits((name,)) for each in subnet.neighbours(classes) for pool in (*each.pools, *each.prefix_pools)
    )


def _guards(subnet: LiveSubnet) -> Iterable[str]:
    for guard in subnet.guards:
        yield from guard
    for pool in (*subnet.pools, *subnet.prefix_pools):
        yield from pool.guard
