"""A copy of a running site for one query: it answers as the site would, and tells what it was asked on the way.

Nothing that happens in it is seen outside: leases are written to a layer over the store, pools and offers are copies,
statistics and log lines go nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from copy import copy
from typing import Any, Final, NamedTuple, Protocol

from attrs import evolve
from zope.interface import implementer

from txkea.errors import Drop, TxkeaError
from txkea.exchange.classes import Classes
from txkea.exchange.offers import Offers
from txkea.exchange.pools import FREE, LivePool
from txkea.exchange.query import Query, Query6
from txkea.exchange.site import Loggers, Site
from txkea.exchange.subnets import LiveSubnet, SubnetIndex
from txkea.explain.explanation import Inquiry
from txkea.explain.overlay import Overlay
from txkea.interfaces import IHostSource, IKnowsClients, ILogger
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier

__all__ = ["Consulted", "ExplainsClasses", "Notes", "Shadow", "shadow_of"]

RECLAIMED: Final = 100
"""Leases that are reclaimed at once when addresses run out."""


class Shadow(NamedTuple):
    """The copy, and its parts that can tell."""

    site: Site
    subnets: WatchedSubnets
    leases: Overlay
    hosts: WatchedHosts
    classes: WatchedClasses | None
    log: Notes


class ExplainsClasses(Protocol):
    """Who is told when classes have been evaluated: as far as then, tests have the values that they had."""

    def first(self, query: Query, classes: Classes) -> None:
        """Before the subnet was selected."""

    def second(self, query: Query, classes: Classes) -> None:
        """Once the client's reservation was known."""

    def additional(self, query: Query, classes: Classes, subnet: LiveSubnet | None, pools: Sequence[LivePool]) -> None:
        """Before the answer was put together: those that these ask for."""


def shadow_of(site: Site, explained: ExplainsClasses) -> Shadow:
    """A copy of a site, its subnets not copied yet."""
    notes = Notes()
    offers = Offers()
    subnets = WatchedSubnets(site.subnets, lambda twins: offers.copy(site.offers, twins))
    leases = Overlay(site.leases)
    hosts = WatchedHosts(site.hosts, site.host_sources)
    classes = None if site.classes is None else WatchedClasses(site.classes, notes, explained)

    async def reclaim(now: float) -> int:
        over = await leases.expired(now, RECLAIMED)
        for lease in over:
            home = subnets.by_id.get(lease.subnet_id)
            if home is not None:
                home.note(lease.type, lease.address, FREE)
        return len(over)

    twin = evolve(
        site,
        subnets=subnets,
        leases=leases,
        hosts=hosts,
        statistics=Counter(),
        log=Loggers(server=notes, packets=notes, bad_packets=notes, leases=notes, alloc_engine=notes, ddns=notes),
        classes=classes,
        reclaim=reclaim,
        offers=offers,
        dhcp4=None if site.dhcp4 is None else _elsewhere,
        observers=[],
        options={},
    )
    return Shadow(twin, subnets, leases, hosts, classes, notes)


async def _elsewhere(data: bytes, query: Query6) -> bytes | None:
    raise Drop("the DHCPv4 message in it is the DHCPv4 server's to answer: explain that message with explain4")


@implementer(ILogger)
class Notes:
    """Keeps what is logged: message identifier and text."""

    name = "explain"
    info: Callable[[str, str], None] | None = None

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        """Warnings and errors."""
        self.details: list[tuple[str, str]] = []
        self.debug: Callable[[str, str], None] | None = lambda message, text: self.details.append((message, text))
        note = lambda message, text: self.lines.append((message, text))  # noqa: E731
        self.warn: Callable[[str, str], None] | None = note
        self.error: Callable[[str, str], None] | None = note
        self.fatal: Callable[[str, str], None] | None = note


# -- subnets -----------------------------------------------------------------------------------------------------------


class Consulted(NamedTuple):
    """A question to the index of subnets, and its answer."""

    way: str
    """``relay``, ``interface``, ``interface-id``, ``over6`` or ``address``."""
    key: Any
    found: LiveSubnet | None
    passed: tuple[LiveSubnet, ...]
    """Those that came before, but whose guards the client did not pass."""


Made = Callable[[Mapping[LiveSubnet, LiveSubnet]], object]


class Twins(dict[int, LiveSubnet]):
    """Copies of subnets by id, those of one link made together when the first of them is wanted.

    ``made`` is told of each such lot: originals and copies.
    """

    def __init__(self, originals: Mapping[int, LiveSubnet], made: Made) -> None:
        super().__init__()
        self._originals = originals
        self._made = made

    def __missing__(self, number: int) -> LiveSubnet:
        siblings = self._originals[number].siblings
        twins = tuple(_twin(each) for each in siblings)
        for twin in twins:
            twin.siblings = twins
            self[twin.id] = twin
        self._made(dict(zip(siblings, twins, strict=True)))
        return self[number]

    def get(self, number: int, default: Any = None) -> Any:
        return self[number] if number in self._originals else default


def _twin(subnet: LiveSubnet) -> LiveSubnet:
    twin = copy(subnet)
    twin.successor = None
    twin.pools = tuple(pool.copy() for pool in subnet.pools)
    twin.prefix_pools = tuple(pool.copy() for pool in subnet.prefix_pools)
    return twin


class WatchedSubnets(SubnetIndex):
    """Gives copies of an index's subnets, and remembers what it was asked."""

    def __init__(self, watched: SubnetIndex, made: Made) -> None:
        vars(self).update(vars(watched))
        self.by_id = Twins(watched.by_id, made)
        self.questions: list[Consulted] = []

    def _answered(
        self, way: str, key: Any, candidates: Iterable[LiveSubnet], found: LiveSubnet | None
    ) -> LiveSubnet | None:
        before = []
        for each in candidates:
            if each is found:
                break
            before.append(each)
        twin = None if found is None else self.by_id[found.id]
        self.questions.append(Consulted(way, key, twin, tuple(before)))
        return twin

    def by_relay(self, address: bytes, classes: Container[str]) -> LiveSubnet | None:
        found = super().by_relay(address, classes)
        return self._answered("relay", address, self._by_relay.get(address, ()), found)

    def by_link(self, name: str, classes: Container[str]) -> LiveSubnet | None:
        return self._answered("interface", name, self._by_link.get(name, ()), super().by_link(name, classes))

    def by_interface_id(self, identifier: bytes, classes: Container[str]) -> LiveSubnet | None:
        found = super().by_interface_id(identifier, classes)
        return self._answered("interface-id", identifier, self._by_interface_id.get(identifier, ()), found)

    def over6(self, query: Query6, classes: Container[str]) -> LiveSubnet | None:
        return self._answered("over6", None, (), super().over6(query, classes))

    def by_address(self, address: bytes, classes: Container[str]) -> LiveSubnet | None:
        found = super().by_address(address, classes)
        return self._answered("address", address, self._search(address), found)


# -- hosts -------------------------------------------------------------------------------------------------------------


@implementer(IHostSource)
class WatchedHosts:
    """Finds what a source finds, and remembers what it was asked."""

    def __init__(self, watched: IHostSource, sources: Iterable[IHostSource] = ()) -> None:
        self._watched = watched
        self._sources: list[Any] = [source for source in sources if IKnowsClients.providedBy(source)]
        self.inquiries: list[Inquiry] = []
        """What others were asked about the client."""
        self.places: list[int] = []
        """The subnets in which the client's reservation was looked for; 0 is global."""
        self.reserved: dict[bytes, Sequence[Host]] = {}
        """For whom addresses are reserved that the search came by."""

    async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
        self.places.append(subnet_id)
        asked = self._asked(query, subnet_id)
        found: Host | None = None
        try:
            found = await self._watched.find(identifiers, subnet_id, query)
        except TxkeaError as error:
            self.inquiries += [Inquiry(source, sent, str(error)) for source, sent in asked]
            raise
        self.inquiries += [_answered(source, sent, found) for source, sent in asked]
        return found

    def _asked(self, query: Any, subnet_id: int) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
        """What sources that know clients by themselves tell others about this one, by their names."""
        told = [(source.name, tuple(source.asks(query, subnet_id))) for source in self._sources if query is not None]
        return [(name, sent) for name, sent in told if sent]

    async def at(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        hosts = await self._watched.at(address, subnet_id)
        if hosts:
            self.reserved[address] = hosts
        return hosts


def _answered(source: str, sent: tuple[tuple[str, str], ...], host: Host | None) -> Inquiry:
    said = (host.user_context or {}).get(source) if host is not None else None
    if host is None or said is None:
        return Inquiry(source, sent, "not asked")
    received = tuple((name, str(value)) for name, values in said.items() for value in values)
    return Inquiry(source, sent, "refused" if host.refused else "accepted", received)


# -- classes -----------------------------------------------------------------------------------------------------------


class WatchedClasses(Classes):
    """Evaluates the classes of a site, and has it explained each time, also when that ends the query."""

    def __init__(self, watched: Classes, log: ILogger, explained: ExplainsClasses) -> None:
        vars(self).update(vars(watched))
        self._log = log
        self._explained = explained
        self.query: Query | None = None
        """What is being explained, from the moment on at which anything is known of it."""

    def begin(self, query: Query) -> None:
        self.query = query
        try:
            super().begin(query)
        finally:
            self._explained.first(query, self)

    def go_on(self, query: Query) -> None:
        try:
            super().go_on(query)
        finally:
            self._explained.second(query, self)

    def add(self, query: Query, subnet: LiveSubnet | None, pools: Iterable[LivePool]) -> None:
        pools = tuple(pools)
        super().add(query, subnet, pools)
        self._explained.additional(query, self, subnet, pools)
