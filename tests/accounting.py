"""What tests of RADIUS accounting share: time that stands still beside a thread that does not, and a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from txkea.errors import Unavailable
from txkea.interfaces import IRadiusClient
from txkea.radius.sessions import Attributes
from txkea.testing.local import START

__all__ = ["PATIENCE", "AccountingServer", "ThreadedClock", "by_session", "plain"]

PATIENCE: Final = 30.0
"""Seconds that a thread may take for anything."""


class ThreadedClock(Clock):
    """A clock that shows `START`, and a reactor for threads: what they call waits until `settle`."""

    def __init__(self) -> None:
        super().__init__()
        self.advance(START)
        self._calls: SimpleQueue[tuple[Callable[..., object], Any]] = SimpleQueue()

    def callFromThread(self, call: Callable[..., object], *arguments: Any) -> None:  # noqa: N802 - Twisted's name
        """See `IReactorFromThreads`."""
        self._calls.put((call, arguments))

    def settle(self, until: Callable[[], object], what: str = "it") -> None:
        """Let threads be heard until this is true."""
        end = monotonic() + PATIENCE
        while not until():
            try:
                call, arguments = self._calls.get(timeout=0.02)
            except Empty:
                if monotonic() > end:
                    raise AssertionError(f"{what} did not happen") from None
            else:
                call(*arguments)

    def wait(self, waiting: Any) -> Any:
        """What a Deferred or a coroutine gives, or raises."""
        outcome: list[Any] = []
        Deferred.fromCoroutine(_awaited(waiting)).addBoth(outcome.append)
        self.settle(lambda: outcome, "the answer")
        if hasattr(outcome[0], "raiseException"):
            outcome[0].raiseException()
        return outcome[0]


async def _awaited(waiting: Any) -> Any:
    return await waiting


@implementer(IRadiusClient)
class AccountingServer:
    """A server behind a client: it notes what it is told, and answers unless it is ``away`` or ``holds``."""

    silent = False

    def __init__(self) -> None:
        self.told: list[Mapping[str, Any]] = []
        self.tried = 0
        self.away = False
        self.holds = False
        self.held: list[Deferred[None]] = []
        self.most = 0
        self.refuses: Callable[[Mapping[str, Any]], object] = lambda record: False

    def connected(self, servers: Any, policy: Any, **around: Any) -> AccountingServer:
        """In place of `txkea.radius.client.RadiusClient`."""
        return self

    async def start(self) -> None:
        """As that of a client."""

    async def stop(self) -> None:
        """As that of a client."""

    def describe(self) -> Mapping[str, Any]:
        """As that of a client."""
        return {"waiting": len(self.held)}

    async def request(self, code: int, attributes: Attributes) -> None:
        """See `IRadiusClient`."""
        assert code == 4
        self.tried += 1
        record = plain(attributes)
        if self.holds:
            waiting: Deferred[None] = Deferred()
            self.held.append(waiting)
            self.most = max(self.most, len(self.held))
            await waiting
        if self.away or self.refuses(record):
            raise Unavailable("nobody answers")
        self.told.append(record)

    def release(self) -> None:
        """Answer what is held."""
        held, self.held = self.held, []
        for each in held:
            each.callback(None)


def plain(attributes: Attributes) -> Mapping[str, Any]:
    """Attributes by name; none may be there twice, but Class."""
    found: dict[str, Any] = {}
    for name, value in attributes:
        assert name == "Class" or name not in found, f"{name} is there twice"
        found[name] = value
    return found


def by_session(records: Sequence[Mapping[str, Any]]) -> Mapping[str, list[int]]:
    """The Acct-Status-Type of the records of each session, in their order."""
    found: dict[str, list[int]] = {}
    for record in records:
        found.setdefault(record["Acct-Session-Id"], []).append(record["Acct-Status-Type"])
    return found
