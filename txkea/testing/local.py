"""What servers of both families have in common that run on a network in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from txkea.control.registry import Answer as CommandAnswer
from txkea.control.registry import Registry
from txkea.control.request import Request
from txkea.exchange.site import Site
from txkea.interfaces import Link
from txkea.launch import launch
from txkea.running import Running
from txkea.server import Server
from txkea.testing.network import MemoryNetwork, Sent
from txkea.testing.sites import MemoryLogger

__all__ = ["START", "Local", "clock_now"]

START: Final = 1_700_000_000.0
"""Seconds since the epoch at which the time of every local server begins."""
Message = TypeVar("Message")
Answer = TypeVar("Answer")


def clock_now() -> Clock:
    """A clock that shows `START`."""
    clock = Clock()
    clock.advance(START)
    return clock


class Local(ABC, Generic[Message, Answer]):
    """A `Server` on a network in memory, its leases in memory too; time stands still until its ``clock`` is moved."""

    def __init__(self, site: Site, links: Sequence[Link], clock: Clock | None = None) -> None:
        self.clock = clock or clock_now()
        self.site = site
        self.server = Server(site, self.clock.seconds)
        self.network = MemoryNetwork(links)
        self.registry = Registry(MemoryLogger(), site.commands)
        """The commands of its providers."""
        self.running = Running(site.running, MemoryLogger())

    @property
    def now(self) -> float:
        """Seconds since the epoch; may be set."""
        return self.clock.seconds()

    @now.setter
    def now(self, seconds: float) -> None:
        self.clock.advance(seconds - self.clock.seconds())

    @abstractmethod
    def deliver(self, message: Message | bytes, source: str, **way: Any) -> None:
        """Let a message arrive; ``way`` is that of `MemoryNetwork.deliver`."""

    @abstractmethod
    def answer(self, sent: Sent) -> Answer:
        """What a client makes of a datagram."""

    def ask(self, message: Message | bytes, source: str = "", **way: Any) -> Answer | None:
        """Deliver a message and give the answer that it had at once, if any."""
        before = len(self.network.sent)
        self.deliver(message, source, **way)
        assert len(self.network.sent) <= before + 1, "a query has at most one answer"
        return self.answer(self.network.sent[-1]) if len(self.network.sent) > before else None

    def answers(self) -> list[Answer]:
        """Everything that was sent since the last call."""
        found = [self.answer(sent) for sent in self.network.sent]
        self.network.sent.clear()
        return found

    def command(self, name: str, arguments: Any = None) -> CommandAnswer:
        """The answer to a command of a provider, which must not have to wait."""
        answer = launch(self.registry.run(Request(name, arguments)))
        assert not isinstance(answer, Deferred), "the command waits; `registry` gives a Deferred of its answer"
        return answer

    def close(self) -> None:
        """Stop the providers that run."""
        launch(self.running.stop())

    def statistic(self, name: str) -> int:
        """A counter's value."""
        return self.site.statistics[name]

    @property
    def statistics(self) -> Mapping[str, int]:
        """All counters that are not zero."""
        return {name: value for name, value in self.site.statistics.items() if value}

    @property
    def log(self) -> MemoryLogger:
        """What the request path has logged."""
        log = self.site.log.server
        assert isinstance(log, MemoryLogger)
        return log
