"""A connection that is watched, and made again when it is lost (Kea E.7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from twisted.internet import defer
from twisted.internet.defer import Deferred

from txkea.backend.parameters import Reconnect
from txkea.errors import Away, TxkeaError, Unavailable
from txkea.interfaces import IBackends, ILogger
from txkea.launch import launch

__all__ = ["Connection"]

INTERVAL: Final = 1.0
"""Seconds from the answer to one probe to the next probe."""
PATIENCE: Final = 3.0
"""Seconds that a probe may take: together a connection that hangs is noticed within 5 s."""


class Connection:
    """The connection of one backend, whatever it is made of.

    ``connect()`` makes it, and raises `Unavailable` if it cannot; ``probe()`` asks the other side for a sign of life;
    ``disconnect()`` lets go of it at once, whatever it is doing, and never raises. All three are awaited, the first two
    are cancelled when they take too long: a connection that comes after that is let go of by whoever makes it. ``name``
    is how log, status and errors call the backend, such as ``lease-database postgresql``.
    """

    def __init__(
        self,
        name: str,
        policy: Reconnect,
        *,
        connect: Callable[[], Awaitable[None]],
        probe: Callable[[], Awaitable[object]],
        disconnect: Callable[[], Awaitable[None]],
        reactor: Any,
        log: ILogger,
        backends: IBackends,
    ) -> None:
        self.name = name
        self.up = False
        self.problem = "not opened yet"
        """Why it is away."""
        self._policy = policy
        self._connect, self._probe, self._disconnect = connect, probe, disconnect
        self._reactor = reactor
        self._log = log
        self._backends = backends
        self._timer: Any = None
        self._under_way: list[Deferred[None]] = []
        """What was asked of the other side, and has no answer yet."""
        self._tried = 0
        self.age = 0
        """Counts the connections: what happens to a former one is no news."""
        self._closed = False

    def check(self) -> None:
        """Raise `Away` unless it is up."""
        if not self.up:
            raise Away(f"{self.name} is away: {self.problem}")

    async def open(self) -> None:
        """Connect; raises `Unavailable` if that cannot be and the configuration does not say to wait for it."""
        try:
            await self._attempt()
        except Unavailable as error:
            if self._closed:
                raise
            self.problem = str(error)
            policy = self._policy
            if not policy.retry_on_startup or policy.exhausted(0):
                raise Unavailable(f"{self.name}: {error}") from error
            self._tell_lost()
            self._later(policy.wait, self._again)

    async def close(self) -> None:
        """Let go of it for good."""
        self._closed, self.up, self.problem = True, False, "closed"
        self._cancel()
        for asked in [*self._under_way]:
            asked.cancel()
        await self._let_go()

    def lost(self, reason: str, age: int | None = None) -> None:
        """Be told by whoever uses it that it does not work any more; told twice is told once.

        ``age`` is that of the connection which this is about, where it may be a former one by now.
        """
        if not self.up or age not in (None, self.age):
            return
        self.up, self.problem = False, reason
        self._tried = 0
        self._cancel()
        self._tell_lost()
        launch(self._reconnect())

    # -- making it again -----------------------------------------------------------------------------------------------

    async def _attempt(self) -> None:
        self.age += 1
        try:
            await self._in_time(self._connect, self._policy.timeout)
        except Unavailable:
            if not self._closed:
                await self._let_go()
            raise
        if self._closed:
            await self._let_go()
            raise Unavailable(f"{self.name} is closed")
        self.up, self.problem = True, ""
        self._later(INTERVAL, self._look)

    async def _reconnect(self) -> None:
        await self._let_go()
        if self._policy.exhausted(0):
            self._give_up()
        else:
            await self._try()

    def _again(self) -> None:
        launch(self._try())

    async def _try(self) -> None:
        if self._closed:
            return
        try:
            await self._attempt()
        except Unavailable as error:
            self._tried += 1
            self._failed(str(error))
            return
        if self._log.info:
            self._log.info("DATABASE_RECONNECT_SUCCEEDED", f"{self.name} is there again")
        self._backends.back(self.name)

    def _failed(self, reason: str) -> None:
        """Try again later, or give up."""
        if self._closed:
            return
        self.problem = reason
        if self._policy.exhausted(self._tried):
            self._give_up()
            return
        if self._log.warn:
            self._log.warn("DATABASE_RECONNECT_ATTEMPT_FAILED", f"{self.name} is still away: {reason}")
        self._later(self._policy.wait, self._again)

    async def _let_go(self) -> None:
        """Whatever becomes of the former connection, the next is not to wait for it."""
        with suppress(Unavailable):
            await self._in_time(self._disconnect, PATIENCE)

    def _tell_lost(self) -> None:
        if self._log.error:
            self._log.error("DATABASE_CONNECTION_LOST", f"{self.name} is away: {self.problem}")
        self._backends.lost(self.name, self.problem, self._policy.stops)

    def _give_up(self) -> None:
        if self._closed:
            return
        reason = f"{self.name} is away, and max-reconnect-tries are spent: {self.problem}"
        if self._log.error:
            self._log.error("DATABASE_RECONNECT_FAILED", reason)
        self._backends.gave_up(self.name, reason)

    # -- looking after it ----------------------------------------------------------------------------------------------

    def _look(self) -> None:
        launch(self._probed(self.age))

    async def _probed(self, age: int) -> None:
        try:
            await self._in_time(self._probe, PATIENCE)
        except Unavailable as error:
            self.lost(str(error), age)
            return
        if age == self.age and self.up:
            self._later(INTERVAL, self._look)

    async def _in_time(self, call: Callable[[], Awaitable[object]], seconds: float) -> None:
        """Await what may never come; whatever goes wrong is `Unavailable`."""

        async def run() -> None:
            await call()

        asked = Deferred.fromCoroutine(run())
        self._under_way.append(asked)
        try:
            await asked.addTimeout(seconds, self._reactor)
        except defer.TimeoutError:
            raise Unavailable(f"no answer within {seconds:g} s") from None
        except TxkeaError as error:
            raise Unavailable(str(error)) from error
        except Exception as error:
            raise Unavailable(f"{type(error).__name__}: {error}") from error
        finally:
            self._under_way.remove(asked)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self._cancel()
        if not self._closed:
            self._timer = self._reactor.callLater(seconds, self._now, call)

    def _now(self, call: Callable[[], None]) -> None:
        self._timer = None
        call()

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
