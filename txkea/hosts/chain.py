"""Several host sources that are asked as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from zope.interface import implementer

from txkea.hosts.configured import configured_hosts
from txkea.hosts.resort import LastResort
from txkea.interfaces import IHostCache, IHostSource, IKnowsClients
from txkea.model.configuration import Configuration, Host
from txkea.model.identifier import Identifier

__all__ = ["HostChain", "hosts_of"]


@implementer(IHostSource)
class HostChain:
    """Asks one source after the other, in their order.

    The order of the identifiers comes before that of the sources, as in Kea (Kea F025): once a source has a host, those
    behind it are asked only by the identifiers that come before the host's. What a source raises is raised.
    """

    def __init__(self, sources: Iterable[IHostSource]) -> None:
        self._sources = tuple(sources)

    async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
        """See `IHostSource`."""
        best: Host | None = None
        for source in self._sources:
            host = await source.find(identifiers, subnet_id, query)
            if host is None:
                continue
            best = host
            identifiers = _before(identifiers, host.identifier)
            if not identifiers:
                break
        return best

    async def at(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        """See `IHostSource`."""
        found: list[Host] = []
        for source in self._sources:
            found += await source.at(address, subnet_id)
        return found


def _before(identifiers: Sequence[Identifier], one: Identifier) -> Sequence[Identifier]:
    """Those in front of one; none if it is not among them: then nobody knows better."""
    for place, each in enumerate(identifiers):
        if each == one:
            return identifiers[:place]
    return ()


def hosts_of(
    configuration: Configuration, others: Iterable[IHostSource] = (), cache: IHostCache | None = None
) -> IHostSource:
    """The reservations of a configuration, and behind them those of other sources, which a cache may remember."""
    ours = configured_hosts(configuration)
    others = [_held(each, cache) for each in others]
    return HostChain((ours, *others)) if others else ours


def _held(source: IHostSource, cache: IHostCache | None) -> IHostSource:
    held = source if cache is None else cache.around(source)
    return LastResort(source, held) if IKnowsClients.providedBy(source) else held
