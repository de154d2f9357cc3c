"""What is done where a source of hosts cannot be asked, and nothing is remembered of what it said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from txkea.errors import TxkeaError, Unavailable
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
        asked: Any = self._held.find(identifiers, subnet_id, query)
        if query is not None and self._source.is_silent():
            # To ask again shows whether somebody answers by now; a client that has its leases does not wait for that.
            asked = Deferred.fromCoroutine(asked)
            kept: Host | None = None if asked.called else await self._source.known(query, subnet_id)
            if kept is not None:
                asked.addErrback(_heard)
                return kept
        host: Host | None
        try:
            host = await asked
        except Unavailable as failure:
            if query is None:
                raise
            host = await self._source.without(query, subnet_id, failure)
        return host


def _heard(failure: Failure) -> None:
    """Nobody waits for it any more."""
    failure.trap(TxkeaError)
