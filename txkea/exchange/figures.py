"""All statistics of a site, those of its pools too, for whoever shows them (Kea G.10 - G.12)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from re import compile as pattern
from typing import Final, NamedTuple

from txkea.exchange.pools import LivePool
from txkea.exchange.site import Site
from txkea.exchange.statistics import GAUGES, MOST, Counted
from txkea.exchange.subnets import LiveSubnet
from txkea.model.lease import LeaseType

__all__ = [
    "ADDRESSES4", "ADDRESSES6", "PREFIXES6", "Figure", "Figures", "Group", "combined", "is_gauge", "numbered",
]  # fmt: skip

PD: Final = int(LeaseType.PD)
PLACED: Final = pattern(r"subnet\[([0-9]{1,10})\]\.(?:(pool|pd-pool)\[([0-9]{1,10})\]\.)?([a-z0-9-]+)")
CHUNK: Final = 500
"""Names that are looked at in one go: 25 µs."""
ENDED: Final = ("reclaimed-leases", "declined-addresses", "reclaimed-declined-addresses")
ADDRESSES4: Final = (*Counted.of("", "addresses"), *ENDED)
ADDRESSES6: Final = (*Counted.of("", "nas"), *ENDED)
PREFIXES6: Final = (*Counted.of("", "pds"), ENDED[0])
"""The statistics of pools in the order of `row`; of prefixes none can be declined."""
COUNTERS: Final = {2: "cumulative", 3: "reclaimed", 5: "reclaimed_declined"}
"""What counts events: the place in such a row, and where it is counted (`txkea.exchange.pools.Beliefs`)."""


class Figure(NamedTuple):
    """A statistic and where it belongs."""

    scope: str
    """``""`` everywhere, ``subnet``, ``pool`` or ``pd-pool``."""
    subnet_id: int
    pool_id: int
    """What a pool is called by; several may have the same, and 0 unless they are told (Kea G088)."""
    name: str
    """Without the place, such as ``assigned-addresses``."""
    value: int


class Group(NamedTuple):
    """Some statistics that are read together."""

    place: str
    """What their names begin with, such as ``subnet[1].pool[0].``."""
    names: Sequence[str]
    read: Callable[[], Sequence[int | None]]
    """Gives their values, in this order; None for what is no more."""


def is_gauge(name: str) -> bool:
    """Whether a statistic tells how things are, and not how often something happened."""
    return name.rpartition(".")[2] in GAUGES


class Figures:
    """The statistics of the site that is in force."""

    def __init__(self, site: Callable[[], Site]) -> None:
        self._site = site

    def get(self, name: str) -> int | None:
        """One by its whole name, such as ``subnet[1].pool[0].total-addresses``; None if there is none."""
        found = self._site().statistics.get(name)
        if found is not None:
            return found
        names, pools, what = self._placed(name)
        return combined(pools)[names.index(what)] if what in names else None

    def reset(self, name: str) -> None:
        """Begin again at zero; what tells how things are goes on telling it."""
        if is_gauge(name):
            return
        statistics = self._site().statistics
        if name in statistics:
            statistics[name] = 0
            return
        names, pools, what = self._placed(name)
        if what in names:
            for pool in pools:
                setattr(pool.beliefs, COUNTERS[names.index(what)], 0)

    def _placed(self, name: str) -> tuple[Sequence[str], Sequence[LivePool], str]:
        """Of the statistic of a pool, what others it has, the pools that it is the sum of, and its name there."""
        place = PLACED.fullmatch(name)
        if place is not None and place[2] and (subnet := self._site().subnets.by_id.get(int(place[1]))):
            for scope, number, names, pools in numbered(subnet):
                if (scope, number) == (place[2], int(place[3])):
                    return names, pools, place[4]
        return (), (), ""

    def __iter__(self) -> Iterator[Figure]:
        """All of them; whoever lets others go on between two misses what has come since."""
        site = self._site()
        for name in list(site.statistics):
            value = site.statistics.get(name)
            place = PLACED.fullmatch(name)
            if value is not None and place is None:
                yield Figure("", 0, 0, name, value)
            elif value is not None and place is not None:
                yield Figure("subnet", int(place[1]), 0, place[4], value)
        for subnet in site.subnets.subnets:
            yield from of_pools(subnet)

    def groups(self) -> Iterator[Group]:
        """All of them, in groups small enough to be read in one go."""
        site = self._site()
        names = list(site.statistics)
        for start in range(0, len(names), CHUNK):
            some = names[start : start + CHUNK]
            yield Group("", some, lambda some=some: list(map(site.statistics.get, some)))  # type: ignore[misc]
        for subnet in site.subnets.subnets:
            for scope, number, each, pools in numbered(subnet):
                yield Group(f"subnet[{subnet.id}].{scope}[{number}].", each, partial(combined, pools))


# -- pools -------------------------------------------------------------------------------------------------------------


def of_pools(subnet: LiveSubnet) -> Iterator[Figure]:
    """The statistics of a subnet's pools."""
    for scope, number, names, pools in numbered(subnet):
        for name, value in zip(names, combined(pools), strict=False):
            yield Figure(scope, subnet.id, number, name, value)


def numbered(subnet: LiveSubnet) -> Iterator[tuple[str, int, Sequence[str], Sequence[LivePool]]]:
    """Scope, number, statistics, and the pools of a subnet that have this number."""
    kinds: Sequence[tuple[str, Sequence[LivePool], Sequence[str]]] = (("pool", subnet.pools, ADDRESSES4),)
    if PD in subnet.counted:
        kinds = (("pool", subnet.pools, ADDRESSES6), ("pd-pool", subnet.prefix_pools, PREFIXES6))
    for scope, pools, names in kinds:
        if len(pools) == 1:
            yield scope, pools[0].pool.id, names, pools
            continue
        for number in sorted({pool.pool.id for pool in pools}):
            yield scope, number, names, [pool for pool in pools if pool.pool.id == number]


def combined(pools: Sequence[LivePool]) -> list[int]:
    """The statistics of some pools together."""
    if len(pools) == 1:
        return row(pools[0])
    return [min(sum(values), MOST) for values in zip(*map(row, pools), strict=True)]


def row(pool: LivePool) -> list[int]:
    """The statistics of a pool in a fixed order."""
    beliefs = pool.beliefs
    return [
        min(pool.size, MOST),
        beliefs.assigned,
        beliefs.cumulative,
        beliefs.reclaimed,
        beliefs.declined,
        beliefs.reclaimed_declined,
    ]
