"""What servers of both families have in common that run on a network in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from txkea.exchange.site import Site
from txkea.interfaces import Link
from txkea.server import Server
from txkea.testing.network import MemoryNetwork, Sent
from txkea.testing.sites import MemoryLogger

__all__ = ["START", "Local"]

START: Final = 1_700_000_000.0
"""Seconds since the epoch at which the time of every local server begins."""
Message = TypeVar("Message")
Answer = TypeVar("Answer")


class Local(ABC, Generic[Message, Answer]):
    """A `Server` on a network in memory, its leases in memory too; time stands still until ``now`` is moved."""

    def __init__(self, site: Site, links: Sequence[Link]) -> None:
        self.now = START
        self.site = site
        self.server = Server(site, lambda: self.now)
        self.network = MemoryNetwork(links)

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
