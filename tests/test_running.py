"""`txkea.running`: what is started is stopped once, whatever others do."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txkea.errors import Unavailable
from txkea.interfaces import IRunning
from txkea.running import GRACE, Running
from txkea.testing.sites import MemoryLogger


@implementer(IRunning)
class Provider:
    """Writes down what happens to it."""

    def __init__(self, name: str, history: list[str], **errors: Exception) -> None:
        self.name = name
        self.history = history
        self.errors = errors

    async def start(self) -> None:
        await self._do("start")

    async def stop(self) -> None:
        await self._do("stop")

    async def _do(self, what: str) -> None:
        self.history.append(f"{what} {self.name}")
        if what in self.errors:
            raise self.errors[what]


class RunningTests(SynchronousTestCase):
    """Starting and stopping."""

    def setUp(self) -> None:
        self.history: list[str] = []
        self.log = MemoryLogger()

    def running(self, **errors: dict[str, Exception]) -> Running:
        """Three providers, some of which fail."""
        return Running([Provider(name, self.history, **errors.get(name, {})) for name in "abc"], self.log)

    def wait(self, coro: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(coro))

    def test_order(self) -> None:
        """They start in their order and stop in the reverse, once."""
        running = self.running()
        self.wait(running.stop())
        self.wait(running.start())
        self.wait(running.stop())
        self.wait(running.stop())
        self.assertEqual(self.history, ["start a", "start b", "start c", "stop c", "stop b", "stop a"])

    def test_start_fails(self) -> None:
        """If one cannot start, those before it are stopped, those behind it not started, and the reason is told."""
        for error, wanted in ((Unavailable("no disk"), "no disk"), (OSError(2, "gone"), "Provider could not start")):
            self.history.clear()
            running = self.running(b={"start": error})
            failure = self.failureResultOf(Deferred.fromCoroutine(running.start()), Unavailable)
            self.assertIn(wanted, str(failure.value))
            self.wait(running.stop())
            self.assertEqual(self.history, ["start a", "start b", "stop a"])

    def test_stop_fails(self) -> None:
        """One that cannot stop is logged, and the others are stopped all the same."""
        running = self.running(b={"stop": OSError(2, "gone")})
        self.wait(running.start())
        self.wait(running.stop())
        self.assertEqual(self.history[3:], ["stop c", "stop b", "stop a"])
        ((severity, message, text),) = self.log.lines
        self.assertEqual((severity, message), ("ERROR", "TXKEA_PROVIDER_STOP_FAIL"))
        self.assertIn("gone", text)

    def stopped_after(self, seconds: float) -> float:
        """When they stop whose queries end after so many seconds."""
        clock = Clock()
        running = self.running()
        self.wait(running.start())
        self.history.clear()
        stopped = Deferred.fromCoroutine(running.stop_after(lambda: clock.seconds() < seconds, clock))
        while not stopped.called:
            clock.advance(0.01)
        self.successResultOf(stopped)
        self.assertEqual(self.history, ["stop c", "stop b", "stop a"])
        self.assertEqual(clock.getDelayedCalls(), [])
        return clock.seconds()

    def test_stop_after(self) -> None:
        """They stop as soon as nobody is busy with them, at once if nobody is, and after a while even so."""
        self.assertEqual(self.stopped_after(0.0), 0.0)
        for seconds in (0.5, 100.0):
            self.assertLess(abs(self.stopped_after(seconds) - min(seconds, GRACE)), 0.05)
