"""What caches of hosts share in a Redis server: entries with their time, claims, and news of both."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from secrets import token_hex
from typing import Any, Final, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from zope.interface import implementer

from txkea.backend.connection import Connection
from txkea.backend.parameters import CONTINUE, Reconnect
from txkea.caching import Held, IHostCacheLevel, IHostCacheListener, Key, Recall
from txkea.errors import Unavailable
from txkea.exchange.together import together
from txkea.interfaces import IBackends, ILogger
from txkea.launch import drive
from txkea.redis.host_codec import key_of, key_text, opened, written, written_key
from txkea.redis.script import EXTEND, STORE, call
from txkea.redis.subscriber import Subscriber
from txkea.redis.wire import Place, Wire, connected, dial

__all__ = ["LevelOptions", "RedisLevel"]

T = TypeVar("T")

CLAIM: Final = 3.0
"""Seconds that a claim lasts if its server does not say again that it is alive."""
SOME: Final = 500
"""Keys in one call."""
GLOB: Final = {ord(mark): f"\\{mark}" for mark in "*?[]\\"}


@frozen(kw_only=True)
class LevelOptions:
    """How a level is used."""

    prefix: str = "txkea"
    """The beginning of all keys."""
    limit: float = 0.05
    """Seconds that it may take before it is gone on without."""
    stale: float = 3600
    """Seconds that entries serve longer than they are good."""


@implementer(IHostCacheLevel)
class RedisLevel:
    """The level of one family's servers.

    A server that is slow is not asked any more until it answers a probe in time.
    """

    def __init__(
        self,
        place: Place,
        options: LevelOptions,
        timeout: float,
        *,
        family: int,
        reactor: Any,
        log: ILogger,
        backends: IBackends,
    ) -> None:
        self.name = f"redis on {place}"
        self._place, self._options, self._reactor = place, options, reactor
        self._prefix = f"{{{options.prefix}{family}}}:hosts:"
        self._channel = f"{self._prefix}news"
        self._token = token_hex(8)
        self._listener: IHostCacheListener | None = None
        self._wire: Wire | None = None
        self._subscriber: Subscriber | None = None
        self._slow = ""
        self._claims: set[Key] = set()
        self._extending = LoopingCall(self._extend)
        self._extending.clock = reactor
        self._opening: Deferred[None] | None = None
        self.connection = Connection(
            f"host-cache {self.name}",
            Reconnect(timeout=timeout, on_fail=CONTINUE, retry_on_startup=True),  # nobody needs it
            connect=self._connect,
            probe=self._probe,
            disconnect=self._disconnect,
            reactor=reactor,
            log=log,
            backends=backends,
        )

    @property
    def problem(self) -> str:
        """Why it is not used now; ``""`` if it is."""
        return self._slow if self.connection.up else self.connection.problem

    # -- the connection ------------------------------------------------------------------------------------------------

    def open(self, listener: IHostCacheListener) -> None:
        """See `IHostCacheLevel`."""
        self._listener = listener
        drive(self.connection.open(), _ended, _ended, None)
        self._extending.start(CLAIM / 3, now=False)

    async def close(self) -> None:
        """See `IHostCacheLevel`."""
        self._listener = None
        if self._extending.running:
            self._extending.stop()
        await self.connection.close()

    async def _connect(self) -> None:
        again = self.connection.age > 1
        self._wire = await dial(self._place, self._reactor, self.connection.lost)
        hearing = partial(Subscriber, self.connection.lost, self._heard)
        self._subscriber = await connected(self._place, self._reactor, hearing)
        await self._subscriber.ask("SUBSCRIBE", self._channel)
        self._slow = ""
        if again and self._listener is not None:
            self._listener.doubted()

    async def _probe(self) -> None:
        wire, subscriber, began = self._usable(), self._subscriber, self._reactor.seconds()
        assert subscriber is not None, "both are there, or none"
        await wire.ask("PING")
        if self._reactor.seconds() - began < self._options.limit:
            self._slow = ""
        await subscriber.ask("PING")

    async def _disconnect(self) -> None:
        for each in (self._wire, self._subscriber):
            if each is not None:
                each.let_go()
        self._wire = self._subscriber = None

    def _usable(self) -> Wire:
        self.connection.check()
        if self._wire is None:
            raise Unavailable(f"{self.name} is being connected")
        return self._wire

    # -- in time -------------------------------------------------------------------------------------------------------

    async def _in_time(self, work: Callable[[Wire], Coroutine[Any, Any, T]]) -> T:
        """What work on the wire gives; if that takes too long, nobody waits for it, and the others do not begin."""
        wire = self._usable()
        if self._slow:
            raise Unavailable(f"{self.name}: {self._slow}")
        outcome: Deferred[T] = Deferred()
        drive(work(wire), _came, _failed, outcome)
        if not outcome.called:
            # What has arrived is looked at only after what the clock says: so it has one more turn.
            later = self._reactor.callLater
            timer = later(self._options.limit, lambda: outcome.called or later(0, self._late, outcome))
            outcome.addBoth(_off, timer)
        return await outcome

    def _late(self, outcome: Deferred[Any]) -> None:
        if not outcome.called:
            self._slow = f"it takes longer than {1000 * self._options.limit:g} ms"
            outcome.errback(Unavailable(f"{self.name}: {self._slow}"))

    # -- entries -------------------------------------------------------------------------------------------------------

    def _named(self, key: Key, what: str = "entry") -> str:
        return f"{self._prefix}{what}:{key_text(key)}"

    async def recall(self, keys: Sequence[Key], claim: Key) -> Recall:
        """See `IHostCacheLevel`; the claim goes first, so that what another one has stored before is seen."""
        names = [self._named(key) for key in keys]

        async def work(wire: Wire) -> Recall:
            asked = [
                wire.ask("SET", self._named(claim, "claim"), self._token, "NX", "PX", int(1000 * CLAIM)),
                wire.ask("MGET", *names),
                *(wire.ask("PTTL", name) for name in names),
            ]
            claimed, values, *left = await together(asked)
            found = {
                key: held
                for key, value, time in zip(keys, values, left, strict=True)
                if value is not None and int(time) > -2 and (held := opened(value, int(time))) is not None
            }
            return Recall(found, claimed is not None)

        recalled = await self._in_time(work)
        if recalled.claimed:  # one that comes too late lapses
            self._claims.add(claim)
        return recalled

    async def store(self, entries: Mapping[Key, Held], gone: Sequence[Key] = (), claim: Key | None = None) -> None:
        """See `IHostCacheLevel`."""
        values: dict[Key, tuple[bytes, int]] = dict.fromkeys(gone, (b"", 0))
        for key, held in entries.items():
            time = 0 if held.fresh is None else max(int(1000 * (held.fresh + self._options.stale)), 1)
            values[key] = written(held, self._options.stale), time
        stored = [*entries] if claim is None or claim in entries else [*entries, claim]
        await self._change(claim, values, "changed", stored, gone)

    async def release(self, claim: Key, failed: bool) -> None:
        """See `IHostCacheLevel`."""
        await self._change(claim, {}, "failed" if failed else "released", [claim])

    async def _change(
        self,
        claim: Key | None,
        values: Mapping[Key, tuple[bytes, int]],
        verb: str,
        stored: Sequence[Key],
        gone: Sequence[Key] = (),
    ) -> None:
        news = [self._token, verb, [*map(written_key, stored)], [*map(written_key, gone)]]
        keys = [f"{self._prefix}nothing" if claim is None else self._named(claim, "claim"), *map(self._named, values)]
        words = [self._token, self._channel, json.dumps(news), *(word for pair in values.values() for word in pair)]
        if claim is not None:
            self._claims.discard(claim)

        async def work(wire: Wire) -> None:
            await call(wire, STORE, keys, *words)

        await self._in_time(work)

    async def clear(self) -> None:
        """See `IHostCacheLevel`."""
        wire = self._usable()
        cursor: Any = b"0"
        while True:
            pattern = f"{self._prefix.translate(GLOB)}entry:*"
            cursor, names = await wire.ask("SCAN", cursor, "MATCH", pattern, "COUNT", SOME)
            if names:
                await wire.ask("UNLINK", *names)
            if int(cursor) == 0:
                break
        await wire.ask("PUBLISH", self._channel, json.dumps([self._token, "cleared", [], []]))

    # -- claims --------------------------------------------------------------------------------------------------------

    def _extend(self) -> None:
        """Say of all that is being fetched that it still is; where that cannot be said, others will fetch it."""
        if self._claims and not self.problem:
            drive(self._extended([*self._claims]), _ended, _ended, None)

    async def _extended(self, claims: Sequence[Key]) -> None:
        wire = self._usable()
        for at in range(0, len(claims), SOME):
            names = [self._named(key, "claim") for key in claims[at : at + SOME]]
            await call(wire, EXTEND, names, self._token, int(1000 * CLAIM))

    # -- news ----------------------------------------------------------------------------------------------------------

    def _heard(self, message: bytes) -> None:
        """Somebody says something; what we do not understand, or have said ourselves, is nothing."""
        try:
            token, verb, *lists = json.loads(message)
            stored, gone = ([key_of(*each) for each in some] for some in lists)
        except (ValueError, TypeError, RecursionError):
            return
        listener = self._listener
        if listener is None or token == self._token:
            return
        if verb == "cleared":
            listener.cleared()
        elif verb == "changed":
            listener.gone(gone)
            listener.stored(stored)
        else:
            for key in stored:
                listener.released(key, verb == "failed")


def _ended(subject: None, outcome: object) -> None:
    """Nobody waits for it."""


def _came(outcome: Deferred[Any], result: Any) -> None:
    if not outcome.called:
        outcome.callback(result)


def _failed(outcome: Deferred[Any], error: Exception) -> None:
    if not outcome.called:
        outcome.errback(error)


def _off(outcome: Any, timer: Any) -> Any:
    if timer.active():
        timer.cancel()
    return outcome
