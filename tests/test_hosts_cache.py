"""`txkea.hosts.cache`: what is remembered of host sources, for how long, and that nothing is fetched twice at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txkea.errors import Drop, Unavailable
from txkea.hosts.cache import HostCache, cache_of
from txkea.hosts.configured import ConfiguredHosts
from txkea.hosts.memory import Policy
from txkea.interfaces import IHostCache, IHostSource, IKnowsClients, IStatus
from txkea.model.configuration import Configuration, Database, Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.testing.contracts.hosts import HostSourceContract, HostSourceContract6
from txkea.testing.hosts import MemoryHosts
from txkea.testing.local import clock_now

ONE, TWO, THREE = (Identifier(IdentifierKind.HW_ADDRESS, bytes((last,))) for last in (1, 2, 3))
ADDRESS = b"\xc0\0\2\1"


def host(identifier: Identifier = ONE, *addresses: bytes, **more: Any) -> Host:
    return Host(identifier=identifier, addresses=addresses, **{"subnet_id": 1, **more})


@implementer(IHostSource)
class Asked:
    """A source that keeps what it is asked, waits where the test says so, and fails."""

    name = "asked"

    def __init__(self, *hosts: Host) -> None:
        self.hosts = MemoryHosts(hosts)
        self.asked: list[Any] = []
        self.waiting: list[Deferred[None]] | None = None
        self.error: Exception | None = None

    async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
        await self._ask(tuple(identifiers))
        return await self.hosts.find(identifiers, subnet_id)

    async def at(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        await self._ask(address)
        return await self.hosts.at(address, subnet_id)

    async def _ask(self, what: Any) -> None:
        self.asked.append(what)
        if self.waiting is not None:
            waiting: Deferred[None] = Deferred()
            self.waiting.append(waiting)
            await waiting
        if self.error is not None:
            raise self.error

    def go_on(self) -> None:
        """Let all calls go on."""
        waiting, self.waiting = self.waiting or [], None
        for each in waiting:
            each.callback(None)


@implementer(IKnowsClients)
class Knowing(Asked):
    """A source that knows a client by what its query is, as RADIUS does."""

    name = "knowing"

    def identifier_of(self, query: Any, subnet_id: int) -> Identifier | None:
        return query if subnet_id == 1 else None


class Cached:
    """A cache around one source, and a clock."""

    def __init__(self, source: Any, configuration: Configuration | None = None, **policy: Any) -> None:
        self.clock: Clock = clock_now()
        self.statistics: dict[str, int] = {}
        self.source = source
        self.cache = self.make(configuration, **policy)
        self.cached = self.cache.around(source)

    def make(self, configuration: Configuration | None = None, **policy: Any) -> HostCache:
        """Another cache of the same surroundings."""
        given = configuration or Configuration(family=4)
        return HostCache(Policy(**policy), given, seconds=self.clock.seconds, statistics=self.statistics)

    def find(self, *identifiers: Identifier, subnet_id: int = 1, query: Any = None) -> Deferred[Host | None]:
        """What is found."""

        async def run() -> Host | None:
            found: Host | None = await self.cached.find(identifiers, subnet_id, query)
            return found

        return Deferred.fromCoroutine(run())

    def at(self, address: bytes, subnet_id: int = 1) -> Deferred[Sequence[Host]]:
        """For whom an address is."""

        async def run() -> Sequence[Host]:
            found: Sequence[Host] = await self.cached.at(address, subnet_id)
            return found

        return Deferred.fromCoroutine(run())

    def counted(self, *names: str) -> list[int]:
        """Some statistics."""
        return [self.statistics[f"host-cache-{name}"] for name in names]


class ContractTests(HostSourceContract, SynchronousTestCase):
    """A cache around a source is a source."""

    def make_source(self, hosts: Sequence[Host]) -> Any:
        return Cached(ConfiguredHosts(hosts)).cached


class Contract6Tests(HostSourceContract6, ContractTests):
    """The same in DHCPv6."""
