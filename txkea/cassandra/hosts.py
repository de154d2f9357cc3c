"""Reservations in Cassandra: all those of a subnet in one partition, so that one round of Paxos makes many changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from functools import partial
from secrets import token_hex
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.task import deferLater
from zope.interface import implementer

from txkea.backend.gathering import Gathering
from txkea.cassandra.connection import Answer, Keyspace, Refused
from txkea.cassandra.hosts_changes import Change, Decision, Row, decide, wanted
from txkea.cassandra.hosts_encoding import (
    FIRST_ADDRESS,
    HASHES,
    address_key,
    decode,
    encode,
    entry_of,
    hash_of,
    holders,
    identifier_key,
    name_of,
    number_bound,
)
from txkea.cassandra.hosts_tables import (
    BY_ENTRY,
    BY_NAME,
    BY_NAME_HERE,
    DELETE,
    GET,
    HOST_STATEMENTS,
    INSERT,
    PAGE,
    PROBE,
    REPLACE,
    SUBNETS,
)
from txkea.cassandra.parameters import Settings
from txkea.cassandra.schema import check
from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import HostPage, IHostStore
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier

__all__ = ["CassandraHosts"]

T = TypeVar("T")

MOST_KEYS: Final = 256
"""Keys that are looked up at once."""
LOOKUPS: Final = 4
"""Look-ups under way at once."""
MOST_CHANGES: Final = 64
BYTES: Final = 24_000
"""Of one batch, unless a single change needs more: Cassandra warns at 5 KiB, and refuses what is too large for it."""
LARGEST: Final = 1_000_000
TRIES: Final = 25
"""How often a batch is sent that others get into the way of."""
PAUSE: Final = 0.02
"""Seconds before the second try, and so much more before each further one."""

Request = tuple[int, Sequence[bytes]]
"""A subnet, and the keys of rows in it."""
Values = Mapping[bytes, bytes]


@implementer(IHostStore)
class CassandraHosts:
    """The reservations of one family in a keyspace; ``site`` has ``configuration``, ``reactor``, ``log`` and
    ``backends``.
    """

    name = "cql"

    def __init__(self, given: Settings, site: Any, *, readonly: bool = False) -> None:
        self.readonly = readonly
        self._keyspace = Keyspace(
            given, "hosts-database cql", site, statements=HOST_STATEMENTS, probe=PROBE, check=check
        )
        self._family: int = site.configuration.family
        self._unique: bool = site.configuration.ip_reservations_unique
        self._reactor = reactor = site.reactor
        self._lookups: Gathering[Request, Values] = Gathering(
            self._looked_up, reactor, most=MOST_KEYS // 4, at_once=LOOKUPS
        )
        self._changes: dict[int, Gathering[Change, bool]] = {}
        """One batch at a time for each subnet: two would get into each other's way."""

    async def open(self) -> None:
        """See `IHostStore`."""
        await self._keyspace.connection.open()

    async def close(self) -> None:
        """See `IHostStore`."""
        await self._keyspace.connection.close()

    # -- looking up ----------------------------------------------------------------------------------------------------

    async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
        """See `IHostSource`."""
        keys = [*map(identifier_key, identifiers)]
        if not keys:
            return None
        found = await self._lookups.ask((subnet_id, keys))
        return next((_host(found[key]) for key in keys if key in found), None)

    async def at(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        """See `IHostSource`."""
        key = address_key(address)
        found = await self._lookups.ask((subnet_id, [key]))
        return await self._holding(subnet_id, found[key]) if key in found else ()

    async def _holding(self, subnet_id: int, value: bytes) -> Sequence[Host]:
        keys = holders(value)
        found = await self._lookups.ask((subnet_id, [*keys]))
        return [_host(found[key]) for key in sorted(keys) if key in found]

    async def _looked_up(self, requests: Sequence[Request]) -> Sequence[Values]:
        """One statement for each subnet, in so many as their keys need."""
        keys: dict[int, dict[bytes, None]] = defaultdict(dict)
        for subnet_id, some in requests:
            keys[subnet_id].update(dict.fromkeys(some))
        pieces = [
            (subnet_id, [*some][at : at + MOST_KEYS])
            for subnet_id, some in keys.items()
            for at in range(0, len(some), MOST_KEYS)
        ]
        answers = await _all(self._keyspace.ask(GET, (self._family, *piece)) for piece in pieces)
        values: dict[int, dict[bytes, bytes]] = defaultdict(dict)
        for (subnet_id, _), answer in zip(pieces, answers, strict=True):
            values[subnet_id].update(answer.rows)
        return [
            {key: values[subnet_id][key] for key in some if key in values[subnet_id]} for subnet_id, some in requests
        ]

    # -- searching -----------------------------------------------------------------------------------------------------

    async def by_hostname(self, hostname: str, subnet_id: int | None = None) -> Sequence[Host]:
        """See `IHostStore`."""
        if not hostname:
            return ()
        name = name_of(self._family, hostname)
        if subnet_id is None:
            answer = await self._keyspace.ask(BY_NAME, (name,))
        else:
            answer = await self._keyspace.ask(BY_NAME_HERE, (self._family, subnet_id, name))
        return [_host(value) for _, value in answer.rows]

    async def by_identifier(self, identifier: Identifier) -> Sequence[Host]:
        """See `IHostStore`."""
        answer = await self._keyspace.ask(BY_ENTRY, (entry_of(self._family, identifier),))
        return [_host(value) for _, value in answer.rows]

    async def by_address(self, address: bytes) -> Sequence[Host]:
        """See `IHostStore`."""
        answer = await self._keyspace.ask(BY_ENTRY, (entry_of(self._family, address),))
        found = await _all(self._holding(subnet_id, value) for subnet_id, value in answer.rows)
        return [host for hosts in found for host in hosts]

    async def page(self, after: int, limit: int, subnet_id: int | None = None) -> HostPage:
        """See `IHostStore`; the order is that of subnets, and in a subnet that of `hash_of`."""
        first, hashed = divmod(after, HASHES + 1)
        subnets = await self._subnets(first) if subnet_id is None else [subnet_id] if subnet_id >= first else []
        hosts: list[Host] = []
        for each in subnets:
            found, last = await self._some(each, hashed if each == first else 0, limit - len(hosts), not hosts)
            hosts += found
            if not last or len(hosts) >= limit:
                break
        if not hosts:
            return HostPage((), after)
        return HostPage(hosts, hosts[-1].subnet_id * (HASHES + 1) + hash_of(hosts[-1].identifier))

    async def _subnets(self, first: int) -> Sequence[int]:
        answer = await self._keyspace.ask(SUBNETS)
        return sorted(subnet_id for family, subnet_id in answer.rows if family == self._family and subnet_id >= first)

    async def _some(self, subnet_id: int, hashed: int, limit: int, any_way: bool) -> tuple[Sequence[Host], bool]:
        """Those of a subnet behind a number, and whether these are its last ones.

        None comes without all others that have the same number; ``any_way`` one number may be too many for the limit.
        """
        after = number_bound(hashed + 1)
        answer = await self._keyspace.ask(PAGE, (self._family, subnet_id, after, FIRST_ADDRESS, limit + 1))
        hosts = [_host(value) for _, value in answer.rows]
        if len(hosts) <= limit:
            return hosts, True
        last = hash_of(hosts[-1].identifier)
        whole = [host for host in hosts if hash_of(host.identifier) != last]
        if not whole and any_way:
            values = (self._family, subnet_id, after, number_bound(last + 1), SAME_NUMBER)
            whole = [_host(value) for _, value in (await self._keyspace.ask(PAGE, values)).rows]
        return whole, False

    # -- changing ------------------------------------------------------------------------------------------------------

    async def add(self, host: Host) -> bool:
        """See `IHostStore`."""
        return await self._change(Change(host, stamp=token_hex(8)))

    async def update(self, host: Host, was: Host) -> bool:
        """See `IHostStore`."""
        if (host.subnet_id, host.identifier) != (was.subnet_id, was.identifier):
            return False
        return await self._change(Change(host, was, token_hex(8)))

    async def remove(self, host: Host) -> bool:
        """See `IHostStore`."""
        return await self._change(Change(None, host))

    async def _change(self, change: Change) -> bool:
        if self.readonly:
            raise TxkeaError(f"{self._keyspace.name} is read-only: the configuration says so")
        self._keyspace.connection.check()
        if change.new is not None and len(encode(change.new)) > LARGEST:
            raise TxkeaError("a reservation of more than a million bytes cannot be kept; leave something out")
        subnet_id = change.host.subnet_id
        gathering = self._changes.get(subnet_id)
        if gathering is None:
            gathering = Gathering(partial(self._made, subnet_id), self._reactor, most=MOST_CHANGES)
            self._changes[subnet_id] = gathering
        try:
            return await gathering.ask(change)
        finally:
            if not len(gathering) and self._changes.get(subnet_id) is gathering:
                del self._changes[subnet_id]

    async def _made(self, subnet_id: int, changes: Sequence[Change]) -> Sequence[bool | TxkeaError]:
        """What comes of changes in one subnet; one that Cassandra refuses fails alone."""
        outcomes: list[bool | TxkeaError] = []
        while len(outcomes) < len(changes):
            rest = changes[len(outcomes) :]
            try:
                outcomes += await self._some_made(subnet_id, rest)
            except Refused as error:
                if len(rest) == 1:
                    return [*outcomes, error]
                outcomes += await self._made(subnet_id, rest[:1])
            except TxkeaError as error:
                return [*outcomes, *(error for _ in rest)]
        return outcomes

    async def _some_made(self, subnet_id: int, changes: Sequence[Change]) -> Sequence[bool]:
        """What comes of the first ones, as many as fit into one batch."""
        decided: Decision | None = None
        for attempt in range(TRIES):
            rows = await self._rows(subnet_id, changes)
            if decided is not None and all((rows.get(row.key) or None) == row.now for row in decided.rows):
                return decided.outcomes  # it was made after all
            decided = decide(changes, rows, self._unique, BYTES)
            if not decided.rows or await self._applied(subnet_id, decided.rows):
                return decided.outcomes
            await deferLater(self._reactor, PAUSE * attempt, lambda: None)
        raise Unavailable(f"{self._keyspace.name}: reservations of subnet {subnet_id} change all the time; try again")

    async def _rows(self, subnet_id: int, changes: Sequence[Change]) -> Values:
        """All rows that matter for changes, as they are beyond doubt; ``b""`` for those that are not there."""
        rows: dict[bytes, bytes] = {}
        while keys := [*wanted(changes, rows)]:
            rows.update(dict.fromkeys(keys, b""))
            for at in range(0, len(keys), MOST_KEYS):
                values = (self._family, subnet_id, keys[at : at + MOST_KEYS])
                rows.update((await self._keyspace.ask(GET, values, serial=True)).rows)
        return rows

    async def _applied(self, subnet_id: int, rows: Iterable[Row]) -> bool:
        """Whether a batch was made; False too if nobody knows: then the rows tell."""
        try:
            answer = await self._keyspace.batch(self._statement(subnet_id, row) for row in rows)
        except Refused:
            raise
        except Unavailable:
            self._keyspace.connection.check()
            return False
        return _says_yes(answer)

    def _statement(self, subnet_id: int, row: Row) -> tuple[str, Sequence[Any]]:
        here = (self._family, subnet_id)
        if row.now is None:
            return DELETE, (*here, row.key, row.was)
        columns = (row.now, *self._searched(row))
        if row.was is None:
            return INSERT, (*here, row.key, *columns)
        return REPLACE, (*columns, *here, row.key, row.was)

    def _searched(self, row: Row) -> tuple[bytes, bytes | None]:
        """What a row is searched by."""
        assert row.now is not None, "it is written"
        if row.key.startswith(FIRST_ADDRESS):
            return entry_of(self._family, row.key[len(FIRST_ADDRESS) :]), None
        host = _host(row.now)
        return entry_of(self._family, host.identifier), name_of(self._family, host.hostname) if host.hostname else None


SAME_NUMBER: Final = 10_000
"""Hosts of a subnet that have one number; two are rare."""


def _host(value: bytes) -> Host:
    try:
        return decode(value)
    except (ValueError, KeyError, TypeError) as error:
        raise TxkeaError(f"a reservation in Cassandra is not one of ours: {error!r}") from None


def _says_yes(answer: Answer) -> bool:
    """What a conditional statement tells first."""
    return bool(answer.rows and answer.rows[0][0])


async def _all(awaitables: Iterable[Awaitable[T]]) -> list[T]:
    """What comes of all of them; raises what the first one raises."""
    try:
        found: list[T] = await gatherResults(map(_begun, awaitables), consumeErrors=True)
    except FirstError as first:
        first.subFailure.raiseException()
        raise
    return found


def _begun(awaitable: Awaitable[T]) -> Deferred[T]:
    async def run() -> T:
        return await awaitable

    return awaitable if isinstance(awaitable, Deferred) else Deferred.fromCoroutine(run())
