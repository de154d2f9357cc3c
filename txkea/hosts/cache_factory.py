"""The cache of hosts that a configuration asks for (Kea J001)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from zope.interface import implementer

from txkea.caching import IHostCacheLevel
from txkea.config.keywords import CONTEXT, KeywordMap, keyword, keywords
from txkea.config.kinds import ANYTHING, In, Integer
from txkea.config.parameters import judged
from txkea.config.structure import Section
from txkea.errors import ConfigError, NoSuchProvider
from txkea.hosts.cache import HostCache
from txkea.hosts.memory import Policy
from txkea.interfaces import IProviderFactory

__all__ = ["HOST_CACHE"]

MOST: Final = 1_000_000_000
SECONDS: Final = Integer(0, 0xFFFFFFFF)
REDIS: Final = (
    "host", "port", "user", "password", "password-file", "name", "prefix", "tls", "trust-anchor", "cert-file",
    "key-file", "connect-timeout", "timeout",
)  # fmt: skip
"""What the map of the shared level may have; whoever makes it looks at the values."""
LEVEL: Final = "txkea.redis.factory", "REDIS_LEVEL"
"""Where its factory is, which needs packages that not everybody has installed."""
TABLES: Final[Mapping[str, KeywordMap]] = {
    "host_cache": keywords(
        keyword("maximum", Integer(0, MOST), 0),
        keyword("positive-ttl", SECONDS, 0),
        keyword("negative-ttl", SECONDS, 60),
        keyword("stale", SECONDS, 3600),
        keyword("redis", In("redis")),
        CONTEXT,
    ),
    "redis": keywords(*(keyword(name, ANYTHING) for name in REDIS), CONTEXT),
}


@implementer(IProviderFactory)
class _HostCacheFactory:
    """Makes it of the parameters of Kea's library, and of our own."""

    name = "host_cache"
    parameters = tuple(TABLES["host_cache"])

    def make(self, parameters: Mapping[str, Any], site: Any) -> HostCache:
        """See `IProviderFactory`."""
        with judged(parameters, self.name, TABLES) as section:
            policy = Policy(
                maximum=section.get("maximum"),
                positive_ttl=section.get("positive-ttl"),
                negative_ttl=section.get("negative-ttl"),
                stale=section.get("stale"),
            )
            shared = section.section("redis")
        return HostCache(
            policy,
            site.configuration,
            seconds=site.reactor.seconds,
            statistics=site.statistics,
            level=None if shared is None else _level(shared, policy, site),
            reactor=site.reactor,
        )


def _level(shared: Section, policy: Policy, site: Any) -> IHostCacheLevel:
    module, name = LEVEL
    try:
        factory = getattr(import_module(module), name)
    except ImportError as error:
        text = f"a package is not installed ({error}); mend: pip install 'txkea[redis]'"
        raise NoSuchProvider(text, "redis") from error
    given: dict[str, Any] = {name: shared.values[name] for name in REDIS if name in shared.values}
    try:
        level: IHostCacheLevel = factory.make({**given, "stale": 1000 * policy.stale}, site)
    except ConfigError as error:
        raise ConfigError(error.message, f"redis.{error.path}") from None
    return level


HOST_CACHE: Final = _HostCacheFactory()
"""The factory for ``libdhcp_host_cache.so``."""
