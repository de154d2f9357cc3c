"""Leases in Cassandra."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txkea.cassandra.clients import Clients
from txkea.cassandra.connection import Keyspace
from txkea.cassandra.ends import Ends
from txkea.cassandra.entries import Entries, Entry
from txkea.cassandra.keys import clients_of, key_of, slice_of
from txkea.cassandra.overlaps import Overlaps
from txkea.cassandra.parameters import Settings
from txkea.cassandra.rows import Rows
from txkea.cassandra.schema import check
from txkea.cassandra.slices import Slices, change
from txkea.cassandra.tables import Statements, Statements6
from txkea.cassandra.tally import RECLAIMED, RUNNING, Tally
from txkea.cassandra.text import decode
from txkea.errors import Unavailable
from txkea.exchange.together import together
from txkea.interfaces import ILeaseStore
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import Lease

__all__ = ["CassandraLeases", "CassandraLeases6"]

PAGE: Final = 500
"""Rows that are read at once."""

FIELDS: Final = {IdentifierKind.HW_ADDRESS: 1, IdentifierKind.CLIENT_ID: 2, IdentifierKind.DUID: 2}
"""The place in a lease of what its client is found by."""


@implementer(ILeaseStore)
class CassandraLeases:
    """The DHCPv4 leases of a keyspace; its pages are in the order of Cassandra's tokens, for it has no other.

    A change is durable when as many replicas have it as ``consistency`` says, and on their disks if ``commitlog_sync``
    is ``batch`` or ``group``. ``site`` is a `txkea.providers.Surroundings`.
    """

    shared = True
    statements = Statements(4)
    kinds: Sequence[IdentifierKind] = (IdentifierKind.HW_ADDRESS, IdentifierKind.CLIENT_ID)
    """What a client is found by."""

    def __init__(self, settings: Settings, site: Any, name: str = "cql") -> None:
        self.name = name
        self._statements = statements = self.statements
        self._keyspace = keyspace = Keyspace(
            settings,
            f"lease-database {name}",
            site,
            statements=statements.texts(),
            probe=statements.probe,
            check=check,
        )
        reactor = site.reactor
        self._slices = Slices(keyspace, statements, reactor)
        self._entries = Entries(keyspace, reactor)
        self._rows = Rows(keyspace, statements, reactor)
        self._clients = Clients(keyspace, statements, self._rows, self._entries, reactor)
        self._ends = Ends(keyspace, statements, reactor)

    @property
    def problem(self) -> str:
        """See `ILeaseStore`."""
        return self._keyspace.connection.problem

    async def open(self) -> None:
        await self._keyspace.connection.open()

    async def close(self) -> None:
        await self._keyspace.connection.close()

    # -- looking

    def get(self, address: bytes) -> Deferred[Any]:
        return self._rows.one(address)

    async def several(self, addresses: Sequence[bytes]) -> Sequence[Any]:
        return await together([self._row(address) for address in addresses])

    async def _row(self, address: bytes) -> Any:
        return await self._rows.one(address)

    async def by_client(self, identifier: Identifier) -> Sequence[Any]:
        if identifier.kind not in self.kinds or not identifier.value:
            return ()
        self._clients.check()  # this is what a query begins with
        found = await self._clients.leases(key_of(identifier))
        place = FIELDS[identifier.kind]
        return [lease for lease in found if lease[place] == identifier.value]

    async def expired(self, now: float, limit: int) -> Sequence[Any]:
        return await self._ends.over(RUNNING, now, limit)

    async def reclaimed(self, before: float, limit: int) -> Sequence[Any]:
        return await self._ends.over(RECLAIMED, before, limit)

    async def overlapping(self, address: bytes, length: int) -> Sequence[Any]:
        """DHCPv4 has none but the one of this very address."""
        lease = await self.get(address)
        return [lease] if lease else []

    async def counts(self) -> Mapping[tuple[int, int, int], int]:
        total: Counter[tuple[int, int, int]] = Counter()
        rows = (await self._keyspace.ask(self._statements.tallies, (PAGE,))).rows
        while rows:
            for _, tally in rows:
                total.update(Tally.read(tally).counts)
            rows = (await self._keyspace.ask(self._statements.next_tallies, (rows[-1][0], PAGE))).rows
        return total

    async def page(self, after: bytes | None, limit: int) -> Sequence[Any]:
        found: list[Any] = []
        if after is None:
            rows = await self._leases(self._statements.first, (min(limit, PAGE),), found)
        else:
            key = slice_of(after)
            await self._rest(key, after, limit, found)
            rows = await self._next(key, limit, found)
        while rows and len(found) < limit:
            # A slice whose leases are all gone is a row without an address; and the last one may go on.
            key, address, _ = rows[-1]
            if address is not None:
                await self._rest(key, address, limit, found)
            rows = await self._next(key, limit, found)
        return found

    async def _rest(self, key: bytes, address: bytes, limit: int, found: list[Any]) -> None:
        """What is left of a slice."""
        while len(found) < limit:
            values = (key, address, min(limit - len(found), PAGE))
            rows = (await self._keyspace.ask(self._statements.behind, values)).rows
            found += [decode(address, text) for address, text in rows]
            if not rows:
                return
            address = rows[-1][0]

    async def _next(self, key: bytes, limit: int, found: list[Any]) -> Sequence[Any]:
        """What is behind a slice."""
        if len(found) >= limit:
            return ()
        return await self._leases(self._statements.next, (key, min(limit - len(found), PAGE)), found)

    async def _leases(self, text: str, values: Sequence[Any], found: list[Any]) -> Sequence[Any]:
        rows = (await self._keyspace.ask(text, values)).rows
        found += [decode(address, lease) for _, address, lease in rows if address is not None]
        return rows

    # -- changing

    async def add(self, lease: Lease) -> bool:
        return await self._put(lease, None)

    async def update(self, lease: Lease, was: Lease) -> bool:
        return lease[0] == was[0] and await self._put(lease, was)

    async def _put(self, lease: Lease, was: Lease | None) -> bool:
        entries = [*self.entries(lease, was)]
        if entries:
            await self._entries.write(entries)
            self.wrote(entries)
        if not await self._slices.ask(change(lease, was)):
            return False
        self._ends.changed(lease)
        return True

    async def remove(self, lease: Lease) -> bool:
        if not await self._slices.ask(change(None, lease)):
            return False
        for client in clients_of(lease):
            # A look at a client's leases removes the entries that lead nowhere.
            self._clients.leases(client).addErrback(_in_vain)
        return True

    def entries(self, lease: Lease, was: Lease | None) -> Iterator[Entry]:
        """What is to be written before a lease."""
        yield from self._clients.entries(lease, was)

    def wrote(self, entries: Sequence[Entry]) -> None:
        """Take note of entries that are written now."""


class CassandraLeases6(CassandraLeases):
    """The same for DHCPv6.

    A lease that overlaps one of another slice cannot be refused in the round that writes it. So whoever adds one looks
    before, and once more when it is written, and takes it back then if there is another: of two that came at the same
    time at least one sees the other, for each has written before it looks.
    """

    statements: Statements6 = Statements6()
    kinds = (IdentifierKind.DUID,)

    def __init__(self, settings: Settings, site: Any, name: str = "cql") -> None:
        super().__init__(settings, site, name)
        self._overlaps = Overlaps(self._keyspace, self.statements, self._rows, self._entries, site.reactor)

    async def overlapping(self, address: bytes, length: int) -> Sequence[Any]:
        return await self._overlaps.find(address, length)

    async def add(self, lease: Any) -> bool:
        if await self._obstructed(lease):
            return False
        return await super().add(lease) and await self._settled(lease, None)

    async def update(self, lease: Any, was: Any) -> bool:
        grows = lease.prefix_length != was.prefix_length
        if grows and await self._obstructed(lease):
            return False
        return await super().update(lease, was) and (not grows or await self._settled(lease, was))

    async def _obstructed(self, lease: Any) -> bool:
        """Whether a lease of another address is in the way."""
        others = await self._overlaps.find(lease.address, lease.prefix_length)
        return any(other.address != lease.address for other in others)

    async def _settled(self, lease: Any, was: Any) -> bool:
        """Whether a lease that was written may stay; if not it is taken back."""
        if not await self._obstructed(lease):
            return True
        await self._slices.ask(change(was, lease))
        return False

    def entries(self, lease: Lease, was: Lease | None) -> Iterator[Entry]:
        yield from super().entries(lease, was)
        yield from self._overlaps.entries(lease, was)

    def wrote(self, entries: Sequence[Entry]) -> None:
        self._overlaps.wrote(entries)


def _in_vain(failure: Any) -> None:
    failure.trap(Unavailable)
