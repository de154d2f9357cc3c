"""The cache of hosts that a configuration asks for (Kea J001)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from zope.interface import implementer

from txkea.config.keywords import CONTEXT, KeywordMap, keyword, keywords
from txkea.config.kinds import Integer
from txkea.config.parameters import judged
from txkea.hosts.cache import HostCache
from txkea.hosts.memory import Policy
from txkea.interfaces import IProviderFactory

__all__ = ["HOST_CACHE"]

MOST: Final = 1_000_000_000
SECONDS: Final = Integer(0, 0xFFFFFFFF)
TABLES: Final[Mapping[str, KeywordMap]] = {
    "host_cache": keywords(
        keyword("maximum", Integer(0, MOST), 0),
        keyword("positive-ttl", SECONDS, 0),
        keyword("negative-ttl", SECONDS, 60),
        keyword("stale", SECONDS, 3600),
        CONTEXT,
    ),
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
        return HostCache(policy, site.configuration, seconds=site.reactor.seconds, statistics=site.statistics)


HOST_CACHE: Final = _HostCacheFactory()
"""The factory for ``libdhcp_host_cache.so``."""
