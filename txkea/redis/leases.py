"""Leases in Redis, shared by servers: a group of changes is one call of one script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from struct import Struct
from typing import Any, Final

from attrs import frozen
from zope.interface import implementer

from txkea.backend.connection import Connection
from txkea.backend.gathering import Gathering, Pace
from txkea.backend.parameters import Reconnect
from txkea.errors import Away, TxkeaError, Unavailable
from txkea.interfaces import IBackends, ICommands, ILeaseStore, ILogger
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import Lease
from txkea.redis.codec import CODECS, leases_of
from txkea.redis.keeper import Keeper, LostWrites
from txkea.redis.script import keys
from txkea.redis.suitable import doubt, unsuitable
from txkea.redis.wire import Place, Wire, dial

__all__ = ["Options", "RedisLeases"]

GROUP: Final = 256
"""Changes, or look-ups, in one call: a script of so many holds Redis for about 3 ms."""
LANES: Final = 2
"""Calls under way at once: the next one is made ready while Redis syncs."""
PAGE: Final = 500
"""Leases in one answer."""
KINDS: Final[Mapping[int, Mapping[IdentifierKind, int]]] = {
    4: {IdentifierKind.HW_ADDRESS: 0, IdentifierKind.CLIENT_ID: 1},
    6: {IdentifierKind.DUID: 1},
}
"""What clients are found by, and how the index of clients calls it."""
MADE: Final = ord("1")
ELSEWHERE: Final = ("READONLY", "MASTERDOWN")
"""Errors of a server that is the master no more."""
NUMBER: Final = Struct(">I")
SIZE: Final = Struct(">H")
CLIENT: Final = Struct(">BH")


@frozen(kw_only=True)
class Options:
    """How a store is used."""

    prefix: str = "txkea"
    """The beginning of all keys."""
    server: str = "txkea"
    """What tells this server from others that share the store."""
    replicas: int = 0
    """How many replicas must have a change before it is acknowledged."""
    replica_timeout: float = 1.0
    """Seconds that they may take."""
    accept_loss: bool = False
    """Whether a Redis that may lose what it acknowledged will do."""


@implementer(ILeaseStore, ICommands)
class RedisLeases:
    """A lease store in a Redis server; see the scripts for what is kept, and `Keeper` for what is watched."""

    shared = True

    def __init__(
        self,
        place: Place,
        options: Options,
        policy: Reconnect,
        *,
        family: int,
        reactor: Any,
        log: ILogger,
        backends: IBackends,
        name: str = "redis",
    ) -> None:
        self.name = name
        self._place, self._options = place, options
        self._codec = CODECS[family]
        self._reactor, self._log = reactor, log
        self._keeper = Keeper(place, keys(options.prefix, family), self._codec.width, options.server)
        self._writer: Wire | None = None
        self._reader: Wire | None = None
        lanes: dict[str, Any] = {"most": GROUP, "at_once": LANES, "pace": Pace(reactor)}
        self._writes: Gathering[bytes, bool] = Gathering(self._write, reactor, **lanes)
        self._reads: Gathering[bytes, list[Any]] = Gathering(self._read, reactor, **lanes)
        self.connection = Connection(
            f"lease-database {name}",
            policy,
            connect=self._connect,
            probe=self._probe,
            disconnect=self._disconnect,
            reactor=reactor,
            log=log,
            backends=backends,
        )

    @property
    def problem(self) -> str:
        """Why no lease can be written now; ``""`` if it can."""
        return self.connection.problem

    # -- the connection ------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """See `ILeaseStore`."""
        await self.connection.open()

    async def close(self) -> None:
        """See `ILeaseStore`."""
        await self.connection.close()

    async def _connect(self) -> None:
        writer = self._writer = await dial(self._place, self._reactor, self.connection.lost)
        self._reader = await dial(self._place, self._reactor, self.connection.lost)
        if problem := await unsuitable(writer):
            raise Unavailable(f"{self._place} cannot keep leases: {problem}")
        if problem := await doubt(writer):
            self._doubted(problem)
        await self._keeper.load(writer)
        if self._keeper.made and self._log.warn:
            self._log.warn("TXKEA_REDIS_CREATED", f"{self._place} had no leases: a new, empty store was made")

    def _doubted(self, problem: str) -> None:
        text = f"{self._place} may lose leases that were acknowledged: {problem}"
        if not self._options.accept_loss:
            raise Unavailable(f"{text}, or accept that with accept-loss: true")
        if self._log.warn:
            self._log.warn("TXKEA_REDIS_NOT_DURABLE", text)

    async def _probe(self) -> None:
        writer, reader = self._wires()
        await self._keeper.read(reader, b"")
        if problem := await unsuitable(writer):
            raise Unavailable(f"{self._place} cannot keep leases any more: {problem}")

    async def _disconnect(self) -> None:
        for wire in (self._writer, self._reader):
            if wire is not None:
                wire.let_go()
        self._writer = self._reader = None
        away = Away(f"{self.connection.name} is away: {self.connection.problem}")
        self._writes.fail(away)
        self._reads.fail(away)

    def _wires(self) -> tuple[Wire, Wire]:
        if self._writer is None or self._reader is None:
            self.connection.check()
            raise Unavailable(f"{self.connection.name} is being connected")
        return self._writer, self._reader

    # -- groups --------------------------------------------------------------------------------------------------------

    async def _write(self, changes: Sequence[bytes]) -> Sequence[bool | TxkeaError]:
        writer, _ = self._wires()
        sure = self._replicated if self._options.replicas else None
        outcomes = await self._watched(self._keeper.write(writer, b"".join(changes), sure))
        return [outcome == MADE for outcome in outcomes]

    async def _replicated(self) -> None:
        """Raise `Unavailable` unless so many replicas have what was written."""
        writer, _ = self._wires()
        wanted, seconds = self._options.replicas, self._options.replica_timeout
        there = int(await writer.ask("WAIT", wanted, int(seconds * 1000)))
        if there < wanted:
            raise Unavailable(f"{there} of {wanted} replicas had the change within {seconds:g} s")

    async def _read(self, requests: Sequence[bytes]) -> Sequence[list[Any] | TxkeaError]:
        return list(leases_of(self._codec, await self._ask(b"".join(requests))))

    async def _ask(self, requests: bytes) -> bytes:
        _, reader = self._wires()
        return await self._watched(self._keeper.read(reader, requests))

    async def _watched(self, answer: Awaitable[bytes]) -> bytes:
        """What comes; an error that says that this is not the place any more is one of the connection's."""
        try:
            return await answer
        except Unavailable as error:
            if isinstance(error, LostWrites) or str(error).startswith(ELSEWHERE):
                self.connection.lost(str(error))
            raise

    # -- looking -------------------------------------------------------------------------------------------------------

    async def _find(self, request: bytes) -> list[Any]:
        self.connection.check()
        return await self._reads.ask(request)

    async def get(self, address: bytes) -> Any:
        """See `ILeaseStore`."""
        found = await self._find(b"g" + address)
        return found[0] if found else None

    async def several(self, addresses: Sequence[bytes]) -> Sequence[Any]:
        """See `ILeaseStore`."""
        found = await self._find(b"m" + NUMBER.pack(len(addresses)) + b"".join(addresses))
        there = {lease.address: lease for lease in found}
        return [there.get(address) for address in addresses]

    async def by_client(self, identifier: Identifier) -> Sequence[Any]:
        """See `ILeaseStore`."""
        kind = KINDS[self._codec.family].get(identifier.kind)
        if kind is None or not identifier.value:
            return ()
        self._reads.check()  # this is what a query begins with
        client = b"c" + _sized(CLIENT.pack(kind, len(identifier.value)) + identifier.value)
        return await self._paged(lambda after, limit: client + _sized(after) + NUMBER.pack(limit), b"", 0)

    async def overlapping(self, address: bytes, length: int) -> Sequence[Any]:
        """See `ILeaseStore`."""
        return await self._find(b"o" + address + bytes((length,)))

    async def expired(self, now: float, limit: int) -> Sequence[Any]:
        """See `ILeaseStore`."""
        return await self._due(b"e", now, limit)

    async def reclaimed(self, before: float, limit: int) -> Sequence[Any]:
        """See `ILeaseStore`."""
        return await self._due(b"r", before, limit)

    async def _due(self, which: bytes, before: float, limit: int) -> Sequence[Any]:
        """In pages that begin where the one before ended; who changes leases meanwhile looks again anyway."""
        request = which + _sized(repr(float(before)).encode())
        found: list[Any] = []
        while True:
            wanted = min(PAGE, limit - len(found)) if limit else PAGE
            leases = await self._find(request + NUMBER.pack(len(found)) + NUMBER.pack(wanted))
            found += leases
            if len(leases) < wanted or len(found) == limit:
                return found

    async def counts(self) -> Mapping[tuple[int, int, int], int]:
        """See `ILeaseStore`."""
        self.connection.check()
        counts = {}
        for line in (await self._ask(b"n")).decode().splitlines():
            key, _, number = line.partition("=")
            subnet, state, kind = map(int, key.split(":"))
            counts[subnet, state, kind] = int(number)
        return counts

    async def page(self, after: bytes | None, limit: int) -> Sequence[Any]:
        """See `ILeaseStore`."""
        return await self._paged(lambda last, most: b"p" + _sized(last) + NUMBER.pack(most), after or b"", limit)

    async def _paged(self, request: Callable[[bytes, int], bytes], after: bytes, limit: int) -> Sequence[Any]:
        """Leases in the order of their addresses, so many or (0) all."""
        found: list[Any] = []
        while True:
            wanted = min(PAGE, limit - len(found)) if limit else PAGE
            leases = await self._find(request(after, wanted))
            found += leases
            if len(leases) < wanted or len(found) == limit:
                return found
            after = leases[-1].address

    # -- changing ------------------------------------------------------------------------------------------------------

    async def _change(self, address: bytes, was: Lease | None, lease: Lease | None) -> bool:
        self.connection.check()
        encode = self._codec.encode
        before = b"" if was is None else encode(was)
        after = b"" if lease is None else encode(lease)
        change = b"".join((address, NUMBER.pack(len(before)), before, NUMBER.pack(len(after)), after))
        return await self._writes.ask(change)

    async def add(self, lease: Lease) -> bool:
        """See `ILeaseStore`."""
        return await self._change(lease.address, None, lease)

    async def update(self, lease: Lease, was: Lease) -> bool:
        """See `ILeaseStore`."""
        return await self._change(was.address, was, lease)

    async def remove(self, lease: Lease) -> bool:
        """See `ILeaseStore`."""
        return await self._change(lease.address, lease, None)

    # -- what an operator says -----------------------------------------------------------------------------------------

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """See `ICommands`."""
        return {"lease-store-accept": self._accept}

    async def _accept(self, arguments: Any) -> str:
        """Go on with a store that has lost writes; the connection finds it so at its next try."""
        if self.connection.up:
            raise TxkeaError(f"{self.connection.name} has lost nothing that this server knows of")
        wire = await dial(self._place, self._reactor, lambda reason: None)
        try:
            await self._keeper.accept(wire)
        finally:
            wire.let_go()
        text = f"the store in {self._place} is accepted as it is"
        if self._log.warn:
            self._log.warn("TXKEA_REDIS_ACCEPTED", text)
        return text


def _sized(text: bytes) -> bytes:
    return SIZE.pack(len(text)) + text
