"""Entries of the indexes: written many at once, before the lease that they lead to; removed when they lead nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txkea.backend.gathering import Gathering
from txkea.cassandra.connection import Keyspace
from txkea.errors import Unavailable

__all__ = ["GRACE", "MICROSECONDS", "Entries", "Entry"]

Entry = tuple[str, Sequence[Any]]
"""A statement and its values."""

LEASES: Final = 48
"""Whose entries go together: some 100 of them, of some 100 bytes, are far below what Cassandra refuses."""
AT_ONCE: Final = 1
MICROSECONDS: Final = 1_000_000
GRACE: Final = 300
"""Seconds for which an entry may lead nowhere: somebody may be about to write its lease."""


class Entries:
    """Writes entries, and tells how old they may be."""

    def __init__(self, keyspace: Keyspace, reactor: Any) -> None:
        self._keyspace = keyspace
        self._reactor = reactor
        self._last = 0
        self._gathering: Gathering[Sequence[Entry], None] = Gathering(
            self._send, reactor, most=LEASES, at_once=AT_ONCE, pace=keyspace.pace
        )

    def since(self) -> int:
        """The time stamp of an entry that is written now: later than all before."""
        self._last = max(self._last + 1, int(self._reactor.seconds() * MICROSECONDS))
        return self._last

    def old(self, since: int) -> bool:
        """Whether nobody can be about to write the lease of an entry of that time."""
        seconds: float = self._reactor.seconds()
        return since < (seconds - GRACE) * MICROSECONDS

    def write(self, entries: Sequence[Entry]) -> Deferred[None]:
        """Write, or delete, what belongs to one lease."""
        return self._gathering.ask(entries)

    def forget(self, entry: Entry) -> None:
        """Delete an entry that leads nowhere, some time; if that fails the next one who meets it does it."""

        def failed(failure: Failure) -> None:
            failure.trap(Unavailable)

        self.write((entry,)).addErrback(failed)

    async def _send(self, groups: Sequence[Sequence[Entry]]) -> Sequence[None]:
        await self._keyspace.batch(chain.from_iterable(groups))
        return [None] * len(groups)
