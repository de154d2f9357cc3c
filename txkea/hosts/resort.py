"""What is done where a source of hosts cannot be asked, and nothing is remembered of what it said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zope.interface import implementer

from txkea.errors import Unavailable
from txkea.interfaces import IHostSource, IKnowsClients
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier

__all__ = ["LastResort"]


@implementer(IHostSource)
class LastResort:
    """Asks ``held``, which is ``source`` or a cache around it; where that fails, ``source`` says what counts then.

    It is not asked at all where a host is known already by an identifier that does not stand behind its own (Kea I040).
    """

    def __init__(self, source: IKnowsClients, held: IHostSource) -> None:
        self._source = source
        self._held = held
        self.at = held.at

    async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
        """See `IHostSource`."""
        known = query is not None and len(identifiers) < len(query.identifiers)  # by one that is not among these
        if known and self._source.identifier_of(query, subnet_id) not in identifiers:
            return None
        host: Host | None
        try:
            host = await self._held.find(identifiers, subnet_id, query)
        except Unavailable as failure:
            if query is None:
                raise
            host = await self._source.without(query, subnet_id, failure)
        return host
