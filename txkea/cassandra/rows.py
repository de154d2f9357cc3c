"""Look-ups of leases by address: what comes together is asked together."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred, gatherResults

from txkea.backend.gathering import Gathering
from txkea.cassandra.connection import Keyspace
from txkea.cassandra.keys import slice_of
from txkea.cassandra.tables import Statements
from txkea.cassandra.text import decode

__all__ = ["Rows", "together"]

T = TypeVar("T")

TOGETHER: Final = 256
"""Addresses that are looked up at once."""
AT_ONCE: Final = 1
"""Such groups."""
IN_ONE: Final = 32
"""Addresses in a statement that names several slices: each of them is searched for each address."""


def together(calls: Iterable[Awaitable[T]]) -> Deferred[list[T]]:
    """Await several at once; raises the first error."""

    async def one(call: Awaitable[T]) -> T:
        return await call

    waiting = gatherResults([Deferred.fromCoroutine(one(call)) for call in calls], consumeErrors=True)

    def unwrapped(failure: Any) -> Any:
        return failure.value.subFailure

    return waiting.addErrback(unwrapped)


class Rows:
    """The leases of one family by their addresses."""

    def __init__(self, keyspace: Keyspace, statements: Statements, reactor: Any) -> None:
        self._keyspace = keyspace
        self._get = statements.get
        self._gathering: Gathering[bytes, Any] = Gathering(self._send, reactor, most=TOGETHER, at_once=AT_ONCE)

    def one(self, address: bytes) -> Deferred[Any]:
        """The lease of an address, or None."""
        return self._gathering.ask(address)

    async def many(self, addresses: Iterable[bytes]) -> Mapping[bytes, Any]:
        """The leases of some addresses, by address."""
        found: dict[bytes, Any] = {}
        answers = await together(self._keyspace.ask(self._get, values) for values in _parts(addresses))
        for answer in answers:
            for address, text in answer.rows:
                if text is not None:
                    found[address] = decode(address, text)
        return found

    async def _send(self, addresses: Sequence[bytes]) -> Sequence[Any]:
        found = await self.many(addresses)
        return [found.get(address) for address in addresses]


def _parts(addresses: Iterable[bytes]) -> Iterable[tuple[list[bytes], list[bytes]]]:
    """Slices and addresses for one statement each."""
    by_slice: dict[bytes, list[bytes]] = {}
    for address in dict.fromkeys(addresses):
        by_slice.setdefault(slice_of(address), []).append(address)
    slices: list[bytes] = []
    wanted: list[bytes] = []
    for key, some in by_slice.items():
        if wanted and len(wanted) + len(some) > IN_ONE:
            yield slices, wanted
            slices, wanted = [], []
        slices.append(key)
        wanted += some
    if wanted:
        yield slices, wanted
