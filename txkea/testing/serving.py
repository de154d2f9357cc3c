"""One call: a server with this configuration and these providers, on a network in memory and a clock.

``serve`` and ``serve6`` take the keywords of ``Dhcp4`` and ``Dhcp6`` with ``_`` for ``-``; without a subnet, `ON_LINK4`
or `ON_LINK6` is served. What ``hooks-libraries`` name is made, and has its say; so have, behind that, the providers
that a test has made itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from twisted.internet.task import Clock

from txkea.exchange.site import Loggers
from txkea.hosts.cache import cache_of
from txkea.hosts.chain import hosts_of
from txkea.launch import launch
from txkea.model.configuration import Configuration
from txkea.paths import Paths
from txkea.providers import by_facet, hook_providers
from txkea.testing.clients4 import LocalServer
from txkea.testing.clients6 import LocalServer6
from txkea.testing.configuring import configured, configured6
from txkea.testing.local import Local, clock_now
from txkea.testing.sites import MemoryLogger

__all__ = ["ON_LINK4", "ON_LINK6", "hooks", "serve", "serve6"]

AnyServer = TypeVar("AnyServer", bound="Local[Any, Any]")

ON_LINK4: Final[Mapping[str, Any]] = {
    "id": 1,
    "subnet": "192.0.2.0/24",
    "pools": [{"pool": "192.0.2.10 - 192.0.2.19"}],
}
ON_LINK6: Final[Mapping[str, Any]] = {
    "id": 1,
    "subnet": "2001:db8:1::/64",
    "interface": "eth0",
    "pools": [{"pool": "2001:db8:1::10 - 2001:db8:1::19"}],
    "pd-pools": [{"prefix": "2001:db8:1000::", "prefix-len": 48, "delegated-len": 56}],
}


def serve(
    *providers: Any,
    clock: Clock | None = None,
    paths: Paths | None = None,
    statistics: dict[str, int] | None = None,
    **dhcp4: Any,
) -> LocalServer:
    """A DHCPv4 server; ``paths`` is where its providers keep their files, ``statistics`` where all count.

    Raises `ConfigErrors`.
    """
    configuration = configured(**_with_subnet(dhcp4, subnet4=[ON_LINK4]))
    clock = clock or clock_now()
    return _started(
        LocalServer(configuration, clock=clock, **_site(configuration, providers, clock, paths, statistics))
    )


def serve6(
    *providers: Any,
    clock: Clock | None = None,
    paths: Paths | None = None,
    statistics: dict[str, int] | None = None,
    **dhcp6: Any,
) -> LocalServer6:
    """A DHCPv6 server, as `serve` makes one of DHCPv4."""
    configuration = configured6(**_with_subnet(dhcp6, subnet6=[ON_LINK6]))
    clock = clock or clock_now()
    return _started(
        LocalServer6(configuration, clock=clock, **_site(configuration, providers, clock, paths, statistics))
    )


def hooks(
    configuration: Configuration,
    log: MemoryLogger | None = None,
    clock: Clock | None = None,
    paths: Paths | None = None,
    statistics: dict[str, int] | None = None,
) -> dict[str, Any]:
    """The providers that a configuration names, by the fields of a site; raises `ConfigErrors`."""
    log = log or MemoryLogger()
    paths = paths or Paths.from_environment({})
    counters = {} if statistics is None else statistics
    around: dict[str, Any] = {"reactor": clock or clock_now(), "logger": lambda name: log, "paths": paths}
    return {**hook_providers(configuration, statistics=counters, **around)}


def _with_subnet(keywords: Mapping[str, Any], **default: Any) -> dict[str, Any]:
    return {**({} if "shared_networks" in keywords else default), **keywords}


def _site(
    configuration: Configuration,
    providers: Iterable[Any],
    clock: Clock,
    paths: Paths | None,
    statistics: dict[str, int] | None,
) -> Mapping[str, Any]:
    """The keywords of a site whose providers log where it does."""
    log = MemoryLogger()
    statistics = {} if statistics is None else statistics
    found = hooks(configuration, log, clock, paths, statistics)
    for provider in providers:
        for field in by_facet(provider, type(provider).__name__):
            found.setdefault(field, []).append(provider)
    loggers = Loggers(server=log, packets=log, bad_packets=log, leases=log, alloc_engine=log, ddns=log)
    caches, sources = found.pop("host_caches", ()), found.get("host_sources", ())
    cache = cache_of(configuration, caches, sources, seconds=clock.seconds, statistics=statistics)
    hosts = hosts_of(configuration, sources, cache)
    return {**found, "log": loggers, "statistics": statistics, "hosts": hosts, "host_cache": cache}


def _started(server: AnyServer) -> AnyServer:
    """The server, once its providers have begun to start."""
    launch(server.running.start())
    return server
