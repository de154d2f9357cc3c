"""A connection that is watched: what is done when it is lost, hangs, comes late, or is not wanted any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.logged import Logged
from txkea.backend.connection import INTERVAL, PATIENCE, Connection
from txkea.backend.parameters import CONTINUE, EXIT, STOP, Reconnect
from txkea.errors import Away, Unavailable
from txkea.interfaces import IBackends

NAME = "lease-database test"


@implementer(IBackends)
class Watching:
    """A server that is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []
        self.on_lost: Callable[[], object] = lambda: None

    def lost(self, name: str, problem: str, stop: bool) -> None:
        self.told.append(("lost", problem, "stop" if stop else "serve"))
        self.on_lost()

    def back(self, name: str) -> None:
        self.told.append(("back",))

    def gave_up(self, name: str, reason: str) -> None:
        self.told.append(("gave up",))


class Remote:
    """The other side: what is asked of it waits until the test answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting: list[Deferred[None]] = []
        self.answers = True
        """Whether it answers at once."""
        self.refuses = ""

    async def connect(self) -> None:
        await self._ask("connect")

    async def probe(self) -> None:
        await self._ask("probe")

    async def disconnect(self) -> None:
        self.asked.append("disconnect")

    async def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.refuses:
            raise Unavailable(self.refuses)
        if not self.answers:
            answer: Deferred[None] = Deferred()
            self.waiting.append(answer)
            await answer

    def answer(self, came: Any = None) -> None:
        """Answer the oldest request."""
        self.waiting.pop(0).callback(came)


class ConnectionTests(Logged):
    """`Connection`."""

    def setUp(self) -> None:
        super().setUp()
        self.clock, self.remote, self.watching = Clock(), Remote(), Watching()

    def connection(self, **policy: Any) -> Connection:
        return Connection(
            NAME,
            Reconnect(**policy),
            connect=self.remote.connect,
            probe=self.remote.probe,
            disconnect=self.remote.disconnect,
            reactor=self.clock,
            log=self.logs.logger("dhcpsrv"),
            backends=self.watching,
        )

    def opened(self, **policy: Any) -> Connection:
        """One that is up."""
        connection = self.connection(**policy)
        self.successResultOf(Deferred.fromCoroutine(connection.open()))
        self.remote.asked.clear()
        return connection

    def opening(self, connection: Connection) -> Deferred[None]:
        return Deferred.fromCoroutine(connection.open())

    def close(self, connection: Connection) -> None:
        self.successResultOf(Deferred.fromCoroutine(connection.close()))
        self.assertEqual([], self.clock.getDelayedCalls())

    # -- opening

    def test_open(self) -> None:
        """Up once it is open, not before, and nobody is told."""
        connection = self.connection()
        self.assertRaises(Away, connection.check)
        self.successResultOf(self.opening(connection))
        connection.check()
        self.assertEqual([], self.watching.told)
        self.close(connection)
        self.assertRaises(Away, connection.check)

    def test_refused_at_start(self) -> None:
        """A backend that is away at the start is an error, unless it is to be waited for."""
        self.remote.refuses = "connection refused"
        connection = self.connection(on_fail=CONTINUE)
        self.assertIn("refused", str(self.failureResultOf(self.opening(connection), Unavailable).value))
        self.assertEqual(["connect", "disconnect"], self.remote.asked)
        self.assertEqual(([], []), (self.watching.told, self.clock.getDelayedCalls()))

    def test_waited_for_at_start(self) -> None:
        """With ``retry-on-startup`` it is tried again and again, and its return is told."""
        self.remote.refuses = "connection refused"
        connection = self.connection(retry_on_startup=True, wait=2.0)
        self.successResultOf(self.opening(connection))
        self.assertEqual([("lost", "connection refused", "stop")], self.watching.told)
        self.clock.advance(2)
        self.remote.refuses = ""
        self.assertRaises(Away, connection.check)
        self.clock.advance(2)
        connection.check()
        self.assertEqual(("back",), self.watching.told[-1])
        self.close(connection)

    def test_no_tries_at_start(self) -> None:
        """No tries at all end a start at once, whatever ``retry-on-startup`` says; as Kea has it (E063)."""
        self.remote.refuses = "connection refused"
        self.failureResultOf(self.opening(self.connection(retry_on_startup=True, tries=0)), Unavailable)

    def test_hangs_at_start(self) -> None:
        """A connection that hangs ends a start after its time-out; what was begun is let go of."""
        self.remote.answers = False
        opening = self.opening(self.connection(timeout=5))
        self.clock.advance(4.9)
        self.assertNoResult(opening)
        self.clock.advance(0.1)
        self.assertIn("5 s", str(self.failureResultOf(opening, Unavailable).value))
        self.assertEqual(["connect", "disconnect"], self.remote.asked)

    # -- losing

    def test_lost(self) -> None:
        """A lost connection is let go of and made again at once; what was told twice is told once."""
        for on_fail, how in ((STOP, "stop"), (EXIT, "serve"), (CONTINUE, "serve")):
            connection = self.opened(on_fail=on_fail)
            self.remote.answers = False
            connection.lost("reset by peer")
            connection.lost("reset by peer")
            self.assertIn("reset by peer", str(self.assertRaises(Away, connection.check)))
            self.assertEqual(["disconnect", "connect"], self.remote.asked)
            self.remote.answer()
            connection.check()
            self.assertEqual([("lost", "reset by peer", how), ("back",)], self.watching.told)
            self.remote.answers = True
            self.close(connection)
            self.watching.told.clear()
        self.assertIn("DATABASE_CONNECTION_LOST", self.log())
        self.assertIn("DATABASE_RECONNECT_SUCCEEDED", self.log())

    def test_gives_up(self) -> None:
        """After so many tries the server is told that it is in vain, unless its configuration says to go on."""
        for on_fail, tries, attempts in ((STOP, 3, 3), (EXIT, 3, 3), (STOP, 0, 0), (CONTINUE, 3, None)):
            connection = self.opened(on_fail=on_fail, tries=tries, wait=1.0)
            self.remote.refuses = "refused"
            connection.lost("gone")
            for _ in range(10):
                self.clock.advance(1)
            gave_up = ("gave up",) in self.watching.told
            self.assertEqual(attempts is not None, gave_up, on_fail)
            self.assertEqual(11 if attempts is None else attempts, self.remote.asked.count("connect"))
            self.remote.refuses = ""
            self.close(connection)
            self.watching.told.clear()

    def test_tries_count_anew(self) -> None:
        """Each loss has all its tries: those before the last return are forgotten."""
        connection = self.opened(tries=3)
        for _ in range(5):
            self.remote.refuses = "refused"
            connection.lost("gone")
            self.clock.advance(1)
            self.remote.refuses = ""
            self.clock.advance(1)
            connection.check()
        self.assertNotIn(("gave up",), self.watching.told)
        self.close(connection)

    def test_hangs(self) -> None:
        """An attempt that hangs is given up in time, let go of, and the next one follows after the wait."""
        connection = self.opened(timeout=5, wait=1.0)
        self.remote.answers = False
        connection.lost("gone")
        self.clock.advance(5)
        self.assertEqual(["disconnect", "connect", "disconnect"], self.remote.asked)
        self.remote.answers = True
        self.clock.advance(1)
        connection.check()
        self.close(connection)

    def test_late_success(self) -> None:
        """An attempt that succeeds after its time-out is no news: neither a second return, nor an error."""
        connection = self.opened(timeout=5, wait=1.0)
        late: Deferred[None] = Deferred()
        ended: list[str] = []

        async def connect() -> None:
            try:
                await late
            finally:
                ended.append("let go")

        before, connection._connect = connection._connect, connect
        connection.lost("gone")
        self.clock.advance(5)
        self.assertEqual(["let go"], ended)
        connection._connect = before
        self.clock.advance(1)
        self.assertEqual([("lost", "gone", "stop"), ("back",)], self.watching.told)
        late.callback(None)
        self.assertEqual(2, len(self.watching.told))
        self.close(connection)

    def test_lost_while_connecting(self) -> None:
        """What former users complain about while the next connection is made begins nothing anew."""
        connection = self.opened()
        self.remote.answers = False
        connection.lost("gone")
        connection.lost("gone too")
        self.assertEqual(1, self.remote.asked.count("connect"))
        self.remote.answer()
        connection.check()
        self.close(connection)

    def test_former(self) -> None:
        """A complaint about a former connection does not end the one that is up now."""
        connection = self.opened()
        age = connection.age
        connection.lost("gone", age)
        connection.check()
        connection.lost("a statement of then failed", age)
        connection.check()
        connection.lost("gone again", connection.age)
        self.assertEqual(2, self.watching.told.count(("back",)))
        self.close(connection)

    def test_fault_of_ours(self) -> None:
        """An error that nobody meant in connecting counts as away, and is told by its name."""
        connection = self.opened()

        async def fail() -> None:
            raise ZeroDivisionError("by nothing")

        connection._connect = fail
        connection.lost("gone")
        self.assertIn("ZeroDivisionError: by nothing", str(self.assertRaises(Away, connection.check)))
        self.close(connection)

    def test_disconnect_fails(self) -> None:
        """Letting go that fails, or hangs, keeps no new connection from being made."""
        connection = self.opened()
        hanging: Deferred[None] = Deferred()

        async def fail() -> None:
            raise OSError("bad file descriptor")

        async def hang() -> None:
            await hanging

        for disconnect in (fail, hang):
            connection._disconnect = disconnect
            connection.lost("gone")
            self.clock.advance(PATIENCE)
            connection.check()
        connection._disconnect = self.remote.disconnect
        self.close(connection)

    # -- looking after it

    def test_probed(self) -> None:
        """While it is up it is asked for a sign of life, each time an interval after the last one."""
        connection = self.opened()
        for number in range(1, 4):
            self.clock.advance(INTERVAL)
            self.assertEqual(["probe"] * number, self.remote.asked)
        self.remote.answers = False
        self.clock.advance(INTERVAL)
        self.clock.advance(INTERVAL)
        self.assertEqual(4, len(self.remote.asked))
        self.remote.answer()
        self.clock.advance(INTERVAL)
        self.assertEqual(5, len(self.remote.asked))
        self.close(connection)

    def test_half_open(self) -> None:
        """One that does not answer any more is noticed within 5 s."""
        connection = self.opened()
        self.remote.answers = False
        self.clock.pump([0.1] * 49)
        self.assertRaises(Away, connection.check)
        self.assertEqual("lost", self.watching.told[0][0])
        self.close(connection)

    def test_probe_fails(self) -> None:
        """A probe that fails is a loss."""
        connection = self.opened()
        self.remote.refuses = "terminating connection due to administrator command"
        self.clock.advance(INTERVAL)
        self.assertEqual([("lost", self.remote.refuses, "stop")], self.watching.told)
        self.close(connection)

    def test_probe_answers_late(self) -> None:
        """What comes of a probe of a former connection, good or bad, concerns the present one in nothing."""
        outcomes: tuple[Any, ...] = (None, Failure(Unavailable("of then")))
        for came in outcomes:
            connection = self.opened()
            self.remote.answers = False
            self.clock.advance(INTERVAL)
            self.remote.answers = True
            connection.lost("gone")
            connection.check()
            self.remote.asked.clear()
            self.remote.answer(came)
            connection.check()
            self.clock.advance(INTERVAL)
            self.assertEqual(["probe"], self.remote.asked)
            self.close(connection)

    def test_probe_notices_itself(self) -> None:
        """A probe in which the store says ``lost`` before it raises is one loss."""
        connection = self.opened()

        async def probe() -> None:
            connection.lost("broken pipe")
            raise Unavailable("not done")

        connection._probe = probe
        self.clock.advance(INTERVAL)
        self.assertEqual([("lost", "broken pipe", "stop"), ("back",)], self.watching.told)
        self.close(connection)

    # -- closing

    def test_closed_while_connecting(self) -> None:
        """Closed while it is made: the attempt is given up, nothing is left that would make it again."""
        for how in ("opening", "again"):
            connection = self.connection() if how == "opening" else self.opened()
            self.remote.answers = False
            opening = self.opening(connection) if how == "opening" else None
            connection.lost("gone")
            self.close(connection)
            if opening is not None:
                self.failureResultOf(opening, Unavailable)
            self.assertEqual("disconnect", self.remote.asked[-1])
            self.assertRaises(Away, connection.check)
            self.assertNotIn(("back",), self.watching.told)
            self.remote.answers, self.remote.waiting = True, []

    def test_closed_while_waiting(self) -> None:
        """Closed between two attempts: there is no next one."""
        connection = self.opened()
        self.remote.refuses = "refused"
        connection.lost("gone")
        self.close(connection)
        self.remote.asked.clear()
        self.clock.advance(60)
        self.assertEqual([], self.remote.asked)

    def test_closed_while_probing(self) -> None:
        """Closed while a probe waits: its silence is no loss."""
        connection = self.opened()
        self.remote.answers = False
        self.clock.advance(INTERVAL)
        self.close(connection)
        self.assertEqual([], self.watching.told)

    def test_closed_when_told(self) -> None:
        """A server that closes it as soon as it hears of the loss is not told of anything else."""
        for tries in (0, None):
            connection = self.opened(tries=tries)
            self.watching.on_lost = lambda closing=connection: self.close(closing)  # type: ignore[misc]
            connection.lost("gone")
            self.clock.advance(60)
            self.assertEqual([("lost", "gone", "stop")], self.watching.told)
            self.assertNotIn("connect", self.remote.asked)
            self.watching.told.clear()

    def test_success_while_closing(self) -> None:
        """A connection that is made in spite of having been given up is let go of."""
        connection = self.connection()
        made: Deferred[None] = Deferred(lambda deferred: deferred.callback(None))

        async def connect() -> None:
            await made

        connection._connect = connect
        opening = self.opening(connection)
        self.remote.asked.clear()
        self.close(connection)
        self.failureResultOf(opening, Unavailable)
        self.assertEqual(["disconnect", "disconnect"], self.remote.asked)
        self.assertRaises(Away, connection.check)
