"""The leases of a client: an index from its identifiers to addresses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final
from zlib import crc32

from twisted.internet.defer import Deferred

from txkea.backend.gathering import Gathering
from txkea.cassandra.connection import Keyspace
from txkea.cassandra.entries import Entries, Entry
from txkea.cassandra.keys import clients_of
from txkea.cassandra.rows import Rows
from txkea.cassandra.tables import Statements
from txkea.model.lease import Lease

__all__ = ["Clients"]

TOGETHER: Final = 64
"""Clients that are looked for at once."""
AT_ONCE: Final = 1
SHARDS: Final = 8
"""Of the index; never to be changed. Ten million clients make some 80 MB of each."""


class Clients:
    """The index by client of one family. An entry counts only if the lease is that client's."""

    def __init__(self, keyspace: Keyspace, statements: Statements, rows: Rows, entries: Entries, reactor: Any) -> None:
        self._keyspace = keyspace
        self._statements = statements
        self._rows = rows
        self._entries = entries
        self._gathering: Gathering[bytes, Sequence[Any]] = Gathering(
            self._send, reactor, most=TOGETHER, at_once=AT_ONCE, pace=keyspace.pace
        )

    def check(self) -> None:
        """Raise `Busy` if too many wait already, and `Away` if it would be in vain."""
        self._keyspace.connection.check()
        self._gathering.check()

    def leases(self, client: bytes) -> Deferred[Sequence[Any]]:
        """The leases of a client, by its `key_of`."""
        return self._gathering.ask(client)

    def entries(self, lease: Lease, was: Lease | None) -> Iterable[Entry]:
        """What is to be written before a lease; nothing where its client had it already."""
        known = clients_of(was) if was else ()
        for client in clients_of(lease):
            if client not in known:
                since = self._entries.since()
                yield self._statements.note_client, (_shard(client), client, lease[0], since, since)

    async def _send(self, clients: Sequence[bytes]) -> Sequence[Sequence[Any]]:
        shards = [*{_shard(client) for client in clients}]
        answer = await self._keyspace.ask(self._statements.clients, (shards, [*dict.fromkeys(clients)]))
        leases = await self._rows.many(address for _, address, _ in answer.rows)
        found: dict[bytes, list[Any]] = {}
        for client, address, since in answer.rows:
            lease = leases.get(address)
            if lease is not None and client in clients_of(lease):
                found.setdefault(client, []).append(lease)
            elif self._entries.old(since):
                self._entries.forget((self._statements.forget_client, (since, _shard(client), client, address)))
        return [found.get(client, []) for client in clients]


def _shard(client: bytes) -> int:
    """The partition of a client's entries: many clients in one are written and looked for at the cost of a few."""
    return crc32(client) % SHARDS
