"""What a configuration keeps in Redis: leases, and what caches of hosts share."""

from __future__ import annotations

from collections.abc import Mapping
from socket import gethostname
from typing import Any, Final

from zope.interface import implementer

from txkea.backend.parameters import RECONNECT, Parameters
from txkea.backend.tls import TLS, context
from txkea.caching import IHostCacheLevel
from txkea.interfaces import IDatabaseAdmin, IProviderFactory
from txkea.redis.admin import RedisAdmin
from txkea.redis.host_cache import LevelOptions, RedisLevel
from txkea.redis.leases import Options, RedisLeases
from txkea.redis.wire import Place

__all__ = ["REDIS_ADMIN", "REDIS_LEASES", "REDIS_LEVEL"]

PLACE: Final = ("host", "port", "user", "password", "password-file", "name", "prefix", *TLS)
DATABASES: Final = 1 << 14
"""More than any Redis has."""


def _place(given: Parameters) -> Place:
    host = given.text("host") or "localhost"
    name = given.values.get("name", 0)
    if isinstance(name, str):
        if name and not (name.isascii() and name.isdigit()):
            raise given.wrong(f"must be the number of a database, such as 0, not {name!r}", "name")
        given = Parameters({**given.values, "name": int(name or 0)})
    return Place(
        host=host,
        port=int(given.number("port", 0, most=0xFFFF)) or 6379,
        user=given.text("user"),
        password=given.password(),
        database=int(given.number("name", 0, most=DATABASES)),
        tls=context(given, host),
        timeout=given.reconnect().timeout,
    )


def _prefix(given: Parameters) -> str:
    prefix = given.text("prefix", "txkea")
    if not prefix or any(mark in prefix for mark in "{}") or not prefix.isprintable():
        raise given.wrong(f"must be a printable text without braces, not {prefix!r}", "prefix")
    return prefix


@implementer(IProviderFactory)
class _LeasesFactory:
    """Makes a lease store of the ``lease-database`` map; the parameters that Kea has no word for are our own."""

    name = "redis"
    parameters = (*PLACE, *RECONNECT, "wait-replicas", "wait-replicas-timeout", "accept-loss")

    def make(self, parameters: Mapping[str, Any], site: Any) -> RedisLeases:
        """See `IProviderFactory`; ``site`` has ``configuration``, ``reactor``, ``log``, ``paths``, ``backends``."""
        given = Parameters(parameters)
        options = Options(
            prefix=_prefix(given),
            server=f"{gethostname()}:{site.paths.data}:{site.paths.pid}",
            replicas=int(given.number("wait-replicas", 0, most=64)),
            replica_timeout=given.number("wait-replicas-timeout", 1000, least=1) / 1000,
            accept_loss=given.flag("accept-loss", False),
        )
        return RedisLeases(
            _place(given),
            options,
            given.reconnect(),
            family=site.configuration.family,
            reactor=site.reactor,
            log=site.log,
            backends=site.backends,
        )


@implementer(IProviderFactory)
class _AdminFactory:
    """Makes what ``txkea db`` uses, of the same map."""

    name = "redis"
    parameters = _LeasesFactory.parameters

    def make(self, parameters: Mapping[str, Any], site: Any) -> IDatabaseAdmin:
        """See `IProviderFactory`."""
        given = Parameters(parameters)
        admin: IDatabaseAdmin = RedisAdmin(_place(given), _prefix(given), reactor=site.reactor)
        return admin


@implementer(IProviderFactory)
class _LevelFactory:
    """Makes what caches of hosts share, of a map like that of leases; times are in milliseconds, and ``stale`` too."""

    name = "redis"
    parameters = (*PLACE, "connect-timeout", "timeout", "stale")

    def make(self, parameters: Mapping[str, Any], site: Any) -> IHostCacheLevel:
        """See `IProviderFactory`."""
        given = Parameters(parameters)
        options = LevelOptions(
            prefix=_prefix(given),
            limit=given.number("timeout", 50, least=1) / 1000,
            stale=given.number("stale", 0) / 1000,
        )
        level: IHostCacheLevel = RedisLevel(
            _place(given),
            options,
            given.reconnect().timeout,
            family=site.configuration.family,
            reactor=site.reactor,
            log=site.log,
            backends=site.backends,
        )
        return level


REDIS_LEASES: Final = _LeasesFactory()
"""The factory of lease stores that the configuration calls ``redis``."""
REDIS_ADMIN: Final = _AdminFactory()
REDIS_LEVEL: Final = _LevelFactory()
"""The factory of what caches of hosts share."""
