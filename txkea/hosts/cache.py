"""A cache of hosts, around any source of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping, MutableMapping, Sequence
from itertools import starmap
from typing import Any, Final, NamedTuple

from zope.interface import implementer

from txkea.caching import CachedHost, Held, IHostCacheEntries, IHostCacheLevel, IHostCacheListener, Key
from txkea.errors import Unavailable
from txkea.hosts.cached import CachedSource
from txkea.hosts.entries import ENTERED, NEVER, Entry
from txkea.hosts.flights import Flight
from txkea.hosts.memory import COUNTED, Memory, Outcome, Policy
from txkea.hosts.shared import News, Shared
from txkea.interfaces import IHostCache, IHostSource, IKnowsClients, IRunning, IStatus
from txkea.model.configuration import Configuration, Host
from txkea.model.identifier import Identifier

__all__ = ["HostCache", "cache_of"]

LIBRARY: Final = "host_cache"
SOME: Final = 1000
"""Keys of which others are told at once."""


class Forgotten(NamedTuple):
    """What is remembered no longer."""

    gone: Sequence[Key]
    clients: int
    """How many of them were clients that were remembered."""


@implementer(IHostCacheEntries, IHostCacheListener, IHostSource, IRunning, IStatus)
class HostCache:
    """Remembers in memory what the sources of one configuration found.

    ``seconds`` is the clock; ``statistics`` counts, see `txkea.hosts.memory.COUNTED`. ``around_all`` tells whether it
    stands before all sources, or only before those that know clients by an identifier of their own choice. What is
    remembered is shared with other servers where there is a ``level``, which needs a ``reactor``.
    """

    def __init__(
        self,
        policy: Policy,
        configuration: Configuration,
        *,
        seconds: Callable[[], float],
        statistics: MutableMapping[str, int],
        around_all: bool = True,
        level: IHostCacheLevel | None = None,
        reactor: Any = None,
    ) -> None:
        self.policy = policy
        self.memory = Memory()
        self.now = seconds
        self._statistics = statistics
        self._names = {name: f"host-cache-{name}" for name in COUNTED}
        self._sources: list[str] = []
        self._around_all = around_all
        self._level = level
        self._shared = None if level is None else Shared(level, self._recalled, reactor)
        self._basis = _basis(configuration)
        self._era = object()
        self._doubted = NEVER
        """Until when entries of another era may serve while they are looked up again."""

    # -- of one configuration ------------------------------------------------------------------------------------------

    def around(self, source: IHostSource) -> IHostSource:
        """See `IHostCache`."""
        if source is self or not (self._around_all or IKnowsClients.providedBy(source)):
            return source
        name = plain = str(getattr(source, "name", "") or type(source).__qualname__)
        while name in self._sources:
            name = f"{plain} {len(self._sources) + 1}"
        self._sources.append(name)
        for statistic in self._names.values():
            self._statistics.setdefault(statistic, 0)
        cached: IHostSource = CachedSource(source, name, self)
        return cached

    async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
        """See `IHostSource`: what commands have entered counts also where there is no other source."""
        if not self.memory.clients.entered:
            return None
        now = self.now()
        for identifier in identifiers:
            entry = self.entered(identifier, subnet_id, now)
            if entry is not None and entry.hosts:
                self.count("negative-hits" if entry.negative else "hits")
                return entry.hosts[0]
        return None

    async def at(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        """See `IHostSource`."""
        return self.reserving(address, subnet_id, (ENTERED,)) if self.memory.clients.entered else ()

    def follow(self, before: IHostCache) -> None:
        """See `IHostCache`; where the sources have changed, all is looked up again, and serves meanwhile."""
        if isinstance(before, HostCache):
            self.memory = before.memory
            if before._basis == self._basis:
                self._era, self._doubted = before._era, before._doubted
            else:
                self._doubted = self.now() + self.policy.stale
            self._trim()

    async def start(self) -> None:
        """See `IRunning`; a level that is away keeps no configuration from coming into force."""
        if self._level is not None:
            self._level.open(self)

    async def stop(self) -> None:
        """See `IRunning`."""
        if self._level is not None:
            await self._level.close()

    def status(self) -> Mapping[str, Any]:
        """See `IStatus`."""
        level = self._level
        shared = {} if level is None else {"shared": {"name": level.name, "problem": level.problem}}
        under_way = len(self.memory.flights)
        return {"host-cache": {"size": self.size(), "fetches-under-way": under_way, **shared}}

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
        await self._tell({}, self._forget(host.subnet_id, (host.identifier, *host.reserved)).gone)

    async def insert(self, entry: CachedHost) -> int:
        """See `IHostCacheEntries`."""
        host, hosts = entry.host, () if entry.negative and not entry.host.refused else (entry.host,)
        rivals = self.memory.displace(host, self._all()) if hosts else []
        forgotten = self._forget(host.subnet_id, (host.identifier, *host.reserved))
        entries: dict[Key, Held] = {(ENTERED, host.subnet_id, host.identifier): self.policy.held(hosts)}
        self.remember(entries)
        await self._tell(entries, [*rivals, *forgotten.gone])
        return len(rivals) + forgotten.clients

    async def remove(self, subnet_id: int, sought: Identifier | bytes) -> bool:
        """See `IHostCacheEntries`."""
        clients = () if isinstance(sought, Identifier) else self.memory.clients.reserving(sought, subnet_id)
        forgotten = self._forget(subnet_id, ({key[2] for key, _ in clients} | {sought}))
        await self._tell({}, forgotten.gone)
        return forgotten.clients > 0

    async def flush(self, count: int) -> int:
        """See `IHostCacheEntries`."""
        oldest: list[Key] = []
        while len(oldest) < count and self.size():
            oldest.append(self.memory.clients.oldest)
            self.memory.forget(oldest[-1])
        self._trim()
        await self._tell({}, oldest)
        return len(oldest)

    async def clear(self) -> None:
        """See `IHostCacheEntries`."""
        self.cleared()
        if self._level is not None:
            await self._level.clear()

    async def _tell(self, entries: Mapping[Key, Held], gone: Sequence[Key]) -> None:
        """Tell the other servers of a change that is made here."""
        if self._level is None:
            return
        for at in range(0, max(len(gone), 1), SOME):
            try:
                await self._level.store(entries if at == 0 else {}, gone[at : at + SOME])
            except Unavailable as error:
                text = f"it is done in this server, but {self._level.name} could not be told: {error}"
                raise Unavailable(f"{text}; other servers may remember what was before") from error

    def _all(self) -> Sequence[str]:
        return ENTERED, *self._sources

    def _forget(self, subnet_id: int, sought: Iterable[Identifier | bytes]) -> Forgotten:
        """Remember nothing of these, whoever told of it."""
        keys = [(source, subnet_id, each) for each in sought for source in self._all()]
        clients = sum([self.memory.forget(key) for key in keys])
        self._trim()
        return Forgotten(keys, clients)

    # -- what other servers do -----------------------------------------------------------------------------------------

    def stored(self, keys: Sequence[Key]) -> None:
        """See `IHostCacheListener`."""
        for key in keys:
            self.memory.clients.drop(key)
        self._heard(keys, News.LOOK)

    def gone(self, keys: Sequence[Key]) -> None:
        """See `IHostCacheListener`."""
        for key in keys:
            self.memory.forget(key)
        self._heard(keys, News.LOOK)

    def released(self, key: Key, failed: bool) -> None:
        """See `IHostCacheListener`."""
        self._heard((key,), News.FAILED if failed else News.LOOK)

    def cleared(self) -> None:
        """See `IHostCacheListener`."""
        self.memory.clear()
        self._trim()

    def doubted(self) -> None:
        """See `IHostCacheListener`: all is looked up again, and serves meanwhile."""
        self._era, self._doubted = object(), self.now() + self.policy.stale
        if self._shared is not None:
            self._shared.told_all()

    def _heard(self, keys: Sequence[Key], news: News) -> None:
        self._trim()
        if self._shared is not None:
            self._shared.told(keys, news)

    def entered(self, identifier: Identifier, subnet_id: int, now: float) -> Entry | None:
        """What commands have entered of a client, if its time is not over."""
        entry = self.memory.clients.get((ENTERED, subnet_id, identifier))
        return entry if entry is not None and now < entry.until else None

    def reserving(self, address: bytes, subnet_id: int, sources: Container[str]) -> Sequence[Host]:
        """The clients that have an address as these sources have said."""
        now = self.now()
        return [
            host
            for key, entry in self.memory.clients.reserving(address, subnet_id)
            if key[0] in sources and self.is_usable(entry, now)
            for host in entry.hosts
        ]

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

        async def asked() -> Outcome:
            self.count("fetches")
            return await ask()

        try:
            outcome = await (asked() if self._shared is None else self._shared.fetch(flight, asked))
        except Exception:
            self.count("failures")
            raise
        if not flight.void:
            self.remember(outcome.learnt, displacing)
        return outcome.host

    def _recalled(self, flight: Flight, held: Mapping[Key, Held]) -> None:
        """Keep what other servers have found."""
        if held and not flight.void:
            self.count("shared-hits", len(held))
            self.remember(held)

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
