"""What the tests of RADIUS access share: servers of both families that ask a server in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.task import Clock

from tests.configuring import configured, configured6
from txkea.errors import ConfigErrors
from txkea.radius.factory import RadiusProvider
from txkea.testing.clients4 import LocalServer
from txkea.testing.clients6 import LocalServer6
from txkea.testing.local import clock_now
from txkea.testing.radius import MemoryRadius, radius_provider
from txkea.testing.serving import ON_LINK4, ON_LINK6, serve, serve6
from txkea.testing.sites import MemoryLogger

__all__ = ["Asking", "asking4", "asking6", "mistakes"]


class Asking:
    """A server and what it asks; ``log`` is that of the library."""

    def __init__(self, radius: MemoryRadius, provider: RadiusProvider, server: Any, log: MemoryLogger) -> None:
        self.radius = radius
        self.provider = provider
        self.server = server
        """`LocalServer` or `LocalServer6`."""
        self.log = log

    @property
    def statistics(self) -> Mapping[str, int]:
        """All counters that are not zero."""
        found: Mapping[str, int] = self.server.statistics
        return found

    def remembered(self) -> list[tuple[Any, Any]]:
        """What the cache remembers of clients: keys and entries."""
        return list(self.server.site.host_cache.memory.clients)

    def forget(self) -> None:
        """Remember nothing, as a server that has just been started."""
        self.server.site.host_cache.memory.clear()

    def logged(self, message: str) -> list[str]:
        """The texts of a log message."""
        return [text for _, identifier, text in self.log.lines if identifier == message]


def _asking(family: int, radius: MemoryRadius, parameters: Mapping[str, Any], keywords: Mapping[str, Any]) -> Asking:
    clock: Clock = clock_now()
    configuration = (configured if family == 4 else configured6)(**keywords)
    log, statistics = MemoryLogger(), dict[str, int]()
    provider = radius_provider(radius, configuration, clock=clock, log=log, statistics=statistics, **parameters)
    make: Callable[..., Any] = serve if family == 4 else serve6
    return Asking(radius, provider, make(provider, clock=clock, statistics=statistics, **keywords), log)


def asking4(radius: MemoryRadius, parameters: Mapping[str, Any] = {}, **dhcp4: Any) -> Asking:
    """A DHCPv4 server whose clients are known by hardware addresses, unless the ``parameters`` say otherwise."""
    keywords = {"subnet4": [ON_LINK4], "cache_threshold": 0.0, **dhcp4}
    found = _asking(4, radius, {"identifier_type4": "hw-address", **parameters}, keywords)
    assert isinstance(found.server, LocalServer)
    return found


def asking6(radius: MemoryRadius, parameters: Mapping[str, Any] = {}, **dhcp6: Any) -> Asking:
    """A DHCPv6 server."""
    found = _asking(6, radius, parameters, {"subnet6": [ON_LINK6], "cache_threshold": 0.0, **dhcp6})
    assert isinstance(found.server, LocalServer6)
    return found


def mistakes(family: int = 4, **parameters: Any) -> dict[str, str]:
    """What is wrong with parameters, by place."""
    keywords: dict[str, Any] = {"subnet4": [ON_LINK4]} if family == 4 else {"subnet6": [ON_LINK6]}
    configuration = (configured if family == 4 else configured6)(**keywords)
    try:
        radius_provider(MemoryRadius(), configuration, **parameters)
    except ConfigErrors as wrong:
        return {error.path: error.message for error in wrong.errors}
    return {}
