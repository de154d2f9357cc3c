"""Sources of hosts that keep what they are asked, that wait until a test lets them go on, and that fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txkea.interfaces import IHostSource, IKnowsClients
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier
from txkea.testing.hosts import MemoryHosts

__all__ = ["AskedHosts", "KnowingHosts"]


@implementer(IHostSource)
class AskedHosts:
    """Reservations in memory; ``asked`` has the identifiers, or the address, of each question."""

    name = "asked"

    def __init__(self, *hosts: Host) -> None:
        self.hosts = MemoryHosts(hosts)
        """May be replaced."""
        self.asked: list[Any] = []
        self.waiting: list[Deferred[None]] | None = None
        """Where calls wait; None lets them go on at once."""
        self.error: Exception | None = None
        """What calls raise that go on."""

    async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
        """See `IHostSource`."""
        await self.ask(tuple(identifiers))
        return await self.hosts.find(identifiers, subnet_id)

    async def at(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        """See `IHostSource`."""
        await self.ask(address)
        return await self.hosts.at(address, subnet_id)

    async def ask(self, what: Any) -> None:
        """Keep a question, and wait or fail as is wished."""
        self.asked.append(what)
        if self.waiting is not None:
            waiting: Deferred[None] = Deferred()
            self.waiting.append(waiting)
            await waiting
        if self.error is not None:
            raise self.error

    def go_on(self) -> None:
        """Let all calls go on, and those that come."""
        waiting, self.waiting = self.waiting or [], None
        for each in waiting:
            each.callback(None)


@implementer(IKnowsClients)
class KnowingHosts(AskedHosts):
    """The same of a source that knows clients by something of its own, here by what their query is; it has no list."""

    name = "knowing"

    def identifier_of(self, query: Any, subnet_id: int) -> Identifier | None:
        """See `IKnowsClients`; it has a say in subnet 1."""
        return query if subnet_id == 1 else None

    async def at(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        """See `IHostSource`."""
        return ()

    def is_silent(self) -> bool:
        """See `IKnowsClients`."""
        return False

    async def known(self, query: Any, subnet_id: int) -> Host | None:
        """See `IKnowsClients`."""
        return None

    def asks(self, query: Any, subnet_id: int) -> Sequence[tuple[str, str]]:
        """See `IKnowsClients`."""
        return ()

    async def without(self, query: Any, subnet_id: int, failure: Exception) -> Host | None:
        """See `IKnowsClients`."""
        raise failure
