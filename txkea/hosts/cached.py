"""A host source that is asked only for what is not remembered of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from zope.interface import implementer

from txkea.caching import Key
from txkea.hosts.entries import ENTERED, Entry
from txkea.hosts.flights import Flight
from txkea.hosts.memory import Outcome
from txkea.interfaces import IHostSource, IKnowsClients
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier

if TYPE_CHECKING:
    from txkea.hosts.cache import HostCache

__all__ = ["CachedSource"]

Identifiers = Sequence[Identifier]


class Recalled(NamedTuple):
    """What is remembered of a client."""

    host: Host | None
    unknown: tuple[Identifier, ...] = ()
    """By what it must be sought before that counts."""
    aged: tuple[Identifier, ...] = ()
    """What is to be looked up again meanwhile."""


@implementer(IHostSource)
class CachedSource:
    """A source, and what its cache remembers of it under the name ``name``."""

    def __init__(self, source: IHostSource, name: str, cache: HostCache) -> None:
        self._source = source
        self._name = name
        self._cache = cache
        self._identifier_of = source.identifier_of if IKnowsClients.providedBy(source) else None
        self._displacing = (ENTERED, name) if self._identifier_of is not None else ()

    async def find(self, identifiers: Identifiers, subnet_id: int, query: Any = None) -> Host | None:
        """See `IHostSource`."""
        if self._identifier_of is not None:
            own = None if query is None else self._identifier_of(query, subnet_id)
            if own is None:
                found: Host | None = await self._source.find(identifiers, subnet_id, query)
                return found
            identifiers = (own,)
        cache = self._cache
        if identifiers and not cache.memory.clients.entered:  # the shortest way, which most go
            entry = cache.memory.clients.get((self._name, subnet_id, identifiers[0]))
            if entry is not None and entry.hosts and cache.is_fresh(entry, cache.now()):
                cache.count("negative-hits" if entry.negative else "hits")
                return entry.hosts[0]
        recalled = self._recall(identifiers, subnet_id)
        if recalled.unknown:
            self._cache.count("misses")
            return await self._find(identifiers, recalled.unknown, subnet_id, query)
        host = recalled.host
        if recalled.aged:
            self._cache.count("stale-hits")
            self._refresh(recalled.aged, subnet_id, query)
        else:
            self._cache.count("negative-hits" if host is None or host.refused else "hits")
        return host

    async def at(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        """See `IHostSource`."""
        hosts = await self._listed(address, subnet_id)
        more = self._cache.reserving(address, subnet_id, (ENTERED, self._name))
        return [*{host.identifier: host for host in (*more, *hosts)}.values()] if more else hosts

    # -- what is remembered of clients ---------------------------------------------------------------------------------

    def _key(self, sought: Identifier | bytes, subnet_id: int) -> Key:
        return self._name, subnet_id, sought

    def _recall(self, identifiers: Iterable[Identifier], subnet_id: int, lenient: bool = False) -> Recalled:
        """What is remembered; ``lenient`` takes for known what is not over yet, and should be looked up again."""
        now = self._cache.now()
        unknown, aged = [], []
        for identifier in identifiers:
            entry = self._entry(identifier, subnet_id, now)
            fresh = entry is not None and self._cache.is_fresh(entry, now)
            if entry is None or (entry.negative and not fresh and not lenient):
                unknown.append(identifier)
                continue
            if not fresh:
                aged.append(identifier)
            if entry.hosts:
                return Recalled(entry.hosts[0], tuple(unknown), tuple(aged))
        return Recalled(None, tuple(unknown), tuple(aged))

    def _entry(self, identifier: Identifier, subnet_id: int, now: float) -> Entry | None:
        """What holds for a client, if it is not over."""
        clients = self._cache.memory.clients
        if clients.entered:
            entered = self._cache.entered(identifier, subnet_id, now)
            if entered is not None:
                return entered
        entry = clients.get((self._name, subnet_id, identifier))
        return entry if entry is not None and self._cache.is_usable(entry, now) else None

    # -- what is not ---------------------------------------------------------------------------------------------------

    async def _find(
        self, identifiers: Identifiers, unknown: tuple[Identifier, ...], subnet_id: int, query: Any
    ) -> Host | None:
        """Seek a client by what is unknown; if that fails, what should have been looked up again will do."""
        flights = self._cache.memory.flights
        keys = tuple([self._key(each, subnet_id) for each in unknown])
        flight = flights.of(keys) or self._begin(keys, unknown, subnet_id, query)
        try:
            host: Host | None = await flight.wait()
        except Exception:
            recalled = self._recall(identifiers, subnet_id, lenient=True)
            if recalled.unknown:
                raise
            self._cache.count("stale-hits")
            return recalled.host
        if flight.keys != keys or (host is None and self._identifier_of is not None and flight.query is not query):
            # It was another client's, with something in common; or another query's, such as a RELEASE, of which the
            # source has nothing to say.
            return await self.find(identifiers, subnet_id, query)
        return host if host is not None else self._recall(identifiers, subnet_id, lenient=True).host

    def _refresh(self, aged: tuple[Identifier, ...], subnet_id: int, query: Any) -> None:
        """Look up again what is used meanwhile."""
        keys = tuple([self._key(each, subnet_id) for each in aged])
        if self._cache.memory.flights.of(keys) is None:
            self._cache.count("refreshes")
            self._begin(keys, aged, subnet_id, query, refresh=True)

    def _begin(
        self, keys: tuple[Key, ...], wanted: Identifiers, subnet_id: int, query: Any, refresh: bool = False
    ) -> Flight:
        flight = Flight(keys, query, refresh)
        fetch = self._cache.fetch(flight, lambda: self._ask(wanted, subnet_id, query), self._displacing)
        return self._cache.memory.flights.begin(flight, fetch)

    async def _ask(self, wanted: Identifiers, subnet_id: int, query: Any) -> Outcome:
        """What the source says, and what may be remembered of it.

        Of one that knows clients by its own identifier that is a host, for with nothing it says that it cannot tell
        (Kea I027); and of any other nothing, if it answers with something that nobody has asked for, as a rule does.
        """
        host: Host | None = await self._source.find(wanted, subnet_id, query)
        found: dict[Identifier, tuple[Host, ...]] = {}
        if self._identifier_of is not None:
            found = {} if host is None else {wanted[0]: (host,)}
        elif host is None:
            found = dict.fromkeys(wanted, ())
        elif host.identifier in wanted:
            found = dict.fromkeys(wanted[: wanted.index(host.identifier)], ())
            found[host.identifier] = (host,)
        held = self._cache.policy.held
        return Outcome(host, {self._key(each, subnet_id): held(hosts) for each, hosts in found.items()})

    # -- addresses -----------------------------------------------------------------------------------------------------

    async def _listed(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        """For whom the source itself has an address.

        It is not remembered of one that knows clients by its own identifier: it has no list.
        """
        if self._identifier_of is not None:
            hosts: Sequence[Host] = await self._source.at(address, subnet_id)
            return hosts
        cache, now = self._cache, self._cache.now()
        key = self._key(address, subnet_id)
        entry = cache.memory.addresses.get(key)
        if entry is not None and cache.is_fresh(entry, now):
            return entry.hosts
        usable = entry is not None and cache.is_usable(entry, now)
        flight = cache.memory.flights.of([key]) or self._begin_listing(key, address, subnet_id)
        if entry is not None and usable and entry.hosts:
            return entry.hosts
        try:
            hosts = await flight.wait()
        except Exception:
            if entry is None or not usable:
                raise
            return entry.hosts
        return hosts

    def _begin_listing(self, key: Key, address: bytes, subnet_id: int) -> Flight:
        flight = Flight((key,))
        return self._cache.memory.flights.begin(flight, self._list(flight, address, subnet_id))

    async def _list(self, flight: Flight, address: bytes, subnet_id: int) -> Sequence[Host]:
        hosts: Sequence[Host] = await self._source.at(address, subnet_id)
        if not flight.void:
            self._cache.remember_address(flight.keys[0], hosts)
        return hosts
