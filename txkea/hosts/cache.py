"""A cache of hosts, around any source of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping, MutableMapping, Sequence
from itertools import islice, starmap
from typing import Any

from zope.interface import implementer

from txkea.hosts.cached import CachedSource
from txkea.hosts.entries import ENTERED, NEVER, Entry, Key, reserved
from txkea.hosts.flights import Flight
from txkea.hosts.memory import COUNTED, Memory, Outcome, Policy
from txkea.interfaces import CachedHost, Held, IHostCache, IHostCacheEntries, IHostSource, IKnowsClients, IStatus
from txkea.model.configuration import Configuration, Host
from txkea.model.identifier import Identifier

__all__ = ["HostCache", "cache_of"]

LIBRARY = "host_cache"


@implementer(IHostCacheEntries, IStatus)
class HostCache:
    """Remembers in memory what the sources of one configuration found.

    ``seconds`` is the clock; ``statistics`` counts, see `txkea.hosts.memory.COUNTED`. ``around_all`` tells whether it
    stands before all sources, or only before those that know clients by an identifier of their own choice.
    """

    def __init__(
        self,
        policy: Policy,
        configuration: Configuration,
        *,
        seconds: Callable[[], float],
        statistics: MutableMapping[str, int],
        around_all: bool = True,
    ) -> None:
        self.policy = policy
        self.memory = Memory()
        self.now = seconds
        self._statistics = statistics
        self._names = {name: f"host-cache-{name}" for name in COUNTED}
        self._sources: list[str] = []
        self._around_all = around_all
        self._basis = _basis(configuration)
        self._era = object()
        self._doubted = NEVER
        """Until when entries of another era may serve while they are looked up again."""

    # -- of one configuration ------------------------------------------------------------------------------------------

    def around(self, source: IHostSource) -> IHostSource:
        """See `IHostCache`."""
        if not self._around_all and not IKnowsClients.providedBy(source):
            return source
        name = plain = str(getattr(source, "name", "") or type(source).__qualname__)
        while name in self._sources:
            name = f"{plain} {len(self._sources) + 1}"
        self._sources.append(name)
        for statistic in self._names.values():
            self._statistics.setdefault(statistic, 0)
        cached: IHostSource = CachedSource(source, name, self)
        return cached

    def follow(self, before: IHostCache) -> None:
        """See `IHostCache`; where the sources have changed, all is looked up again, and serves meanwhile."""
        if isinstance(before, HostCache):
            self.memory = before.memory
            if before._basis == self._basis:
                self._era, self._doubted = before._era, before._doubted
            else:
                self._doubted = self.now() + self.policy.stale
            self._trim()

    def status(self) -> Mapping[str, Any]:
        """See `IStatus`."""
        return {"host-cache": {"size": len(self.memory.clients), "fetches-under-way": len(self.memory.flights)}}

    # -- what commands do ----------------------------------------------------------------------------------------------

    def size(self) -> int:
        """See `IHostCacheEntries`."""
        return len(self.memory.clients)

    def entries(self) -> Iterator[CachedHost]:
        """See `IHostCacheEntries`."""
        return starmap(_shown, self.memory.clients)

    def entries_of(self, identifier: Identifier, subnet_ids: Iterable[int]) -> Sequence[CachedHost]:
        """See `IHostCacheEntries`."""
        keys: list[Key] = [(source, number, identifier) for number in subnet_ids for source in self._all()]
        return [_shown(key, entry) for key in keys if (entry := self.memory.clients.get(key)) is not None]

    async def forget(self, host: Host) -> None:
        """See `IHostCache`."""
        self._forget(host.subnet_id, (host.identifier, *reserved(host)))

    async def insert(self, entry: CachedHost) -> int:
        """See `IHostCacheEntries`."""
        host, hosts = entry.host, () if entry.negative and not entry.host.refused else (entry.host,)
        rivals = self.memory.displace(host, self._all()) if hosts else []
        overwritten = len(rivals) + self._forget(host.subnet_id, (host.identifier, *reserved(host)))
        self.remember({(ENTERED, host.subnet_id, host.identifier): self.policy.held(hosts)})
        return overwritten

    async def remove(self, subnet_id: int, sought: Identifier | bytes) -> bool:
        """See `IHostCacheEntries`."""
        if isinstance(sought, Identifier):
            return self._forget(subnet_id, (sought,)) > 0
        clients = {key[2] for key, _ in [*self.memory.clients.reserving(sought, subnet_id)]}
        return self._forget(subnet_id, (*clients, sought)) > 0

    async def flush(self, count: int) -> int:
        """See `IHostCacheEntries`."""
        oldest = [*islice(self.memory.clients, count)]
        for key, _ in oldest:
            self.memory.forget(key)
        self._trim()
        return len(oldest)

    async def clear(self) -> None:
        """See `IHostCacheEntries`."""
        self.memory.clear()
        self._trim()

    def _all(self) -> Sequence[str]:
        return ENTERED, *self._sources

    def _forget(self, subnet_id: int, sought: Iterable[Identifier | bytes]) -> int:
        """Remember nothing of these, whoever told of it; gives how many entries of clients there were."""
        keys = [(source, subnet_id, each) for each in sought for source in self._all()]
        forgotten = sum([self.memory.forget(key) for key in keys])
        self._trim()
        return forgotten

    # -- what cached sources do ----------------------------------------------------------------------------------------

    def count(self, name: str, by: int = 1) -> None:
        """Count in a statistic."""
        name = self._names[name]
        self._statistics[name] = self._statistics.get(name, 0) + by

    async def fetch(
        self, flight: Flight, ask: Callable[[], Awaitable[Outcome]], displacing: Container[str] = ()
    ) -> Host | None:
        """The host that a source is asked for; what comes is remembered.

        Clients of the sources ``displacing`` have no longer what it has: each address has been given to one of them.
        """
        self.count("fetches")
        try:
            outcome = await ask()
        except Exception:
            self.count("failures")
            raise
        if not flight.void:
            self.remember(outcome.learnt, displacing)
        return outcome.host

    def remember(self, learnt: Mapping[Key, Held], displacing: Container[str] = ()) -> None:
        """Keep what was found of clients."""
        now = self.now()
        for key, held in learnt.items():
            for host in held.hosts if displacing else ():
                self.memory.displace(host, displacing)
            self.memory.clients.put(key, self._entry(held, now))
        self._trim()

    def remember_address(self, key: Key, hosts: Sequence[Host]) -> None:
        """Keep for whom an address is reserved."""
        now = self.now()
        self.memory.addresses.put(key, self._entry(self.policy.held(hosts), now))
        self.memory.addresses.trim(self.policy.maximum, now)

    def is_fresh(self, entry: Entry, now: float) -> bool:
        """Whether it need not be looked up again."""
        return now < entry.until and entry.era is self._era

    def is_usable(self, entry: Entry, now: float) -> bool:
        """Whether it serves, at least while it is looked up again."""
        return now < entry.over and (entry.era is self._era or now < self._doubted)

    def _entry(self, held: Held, now: float) -> Entry:
        until = NEVER if held.fresh is None else now + held.fresh
        return Entry(held.hosts, until, until + self.policy.stale, self._era)

    def _trim(self) -> None:
        evicted = self.memory.clients.trim(self.policy.maximum, self.now())
        if evicted:
            self.count("evictions", evicted)
        self._statistics[self._names["size"]] = len(self.memory.clients)


def cache_of(
    configuration: Configuration, named: Iterable[IHostCache], sources: Iterable[IHostSource], **surroundings: Any
) -> IHostCache | None:
    """The cache that a configuration names; if it names none, one for sources that know clients, such as RADIUS."""
    found = next(iter(named), None)
    if found is None and any(map(IKnowsClients.providedBy, sources)):
        found = HostCache(Policy(), configuration, around_all=False, **surroundings)
    return found


def _shown(key: Key, entry: Entry) -> CachedHost:
    source, subnet_id, identifier = key
    assert isinstance(identifier, Identifier), "it is an entry of a client"
    host = entry.hosts[0] if entry.hosts else Host(identifier=identifier, subnet_id=subnet_id)
    return CachedHost(host, entry.negative, source, None if host.subnet_id == subnet_id else subnet_id)


def _basis(configuration: Configuration) -> object:
    """What the answers of sources depend on."""
    hooks = [(each.name, each.parameters) for each in configuration.hooks if each.name != LIBRARY]
    stores = [(each.type, each.parameters) for each in configuration.hosts_databases]
    return hooks, stores, configuration.option_definitions
