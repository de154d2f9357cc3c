"""What the tests of caches of hosts share: a cache around one source, on a clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from txkea.hosts.cache import HostCache
from txkea.hosts.memory import Policy
from txkea.interfaces import IHostCache, IHostSource
from txkea.model.configuration import Configuration, Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.testing.local import clock_now

__all__ = ["ADDRESS", "ONE", "THREE", "TWO", "Cached", "Elsewhere", "host"]

ONE, TWO, THREE = (Identifier(IdentifierKind.HW_ADDRESS, bytes((last,))) for last in (1, 2, 3))
ADDRESS = b"\xc0\0\2\1"


def host(identifier: Identifier = ONE, *addresses: bytes, **more: Any) -> Host:
    return Host(identifier=identifier, addresses=addresses, **{"subnet_id": 1, **more})


@implementer(IHostCache)
class Elsewhere:
    """Somebody else's cache."""

    def around(self, source: IHostSource) -> IHostSource:
        return source

    def follow(self, before: IHostCache) -> None:
        pass

    async def forget(self, host: Host) -> None:
        pass


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

    def find(
        self, *identifiers: Identifier, subnet_id: int = 1, query: Any = None, source: Any = None
    ) -> Deferred[Host | None]:
        """What is found, there or in another cached source."""

        async def run() -> Host | None:
            found: Host | None = await (source or self.cached).find(identifiers, subnet_id, query)
            return found

        return Deferred.fromCoroutine(run())

    def at(self, address: bytes, subnet_id: int = 1, source: Any = None) -> Deferred[Sequence[Host]]:
        """For whom an address is."""

        async def run() -> Sequence[Host]:
            found: Sequence[Host] = await (source or self.cached).at(address, subnet_id)
            return found

        return Deferred.fromCoroutine(run())

    def counted(self, *names: str) -> list[int]:
        """Some statistics."""
        return [self.statistics[f"host-cache-{name}"] for name in names]
