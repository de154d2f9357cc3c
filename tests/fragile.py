"""Stores of a third party that go away and come back when a test says so: they tell the server as a database does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, TypeVar

from zope.interface import implementer

from txkea.errors import Away
from txkea.exchange.around import LeasesAround
from txkea.interfaces import ICommands, IProviderFactory
from txkea.leases.memory import MemoryLeases

__all__ = ["FRAGILE", "FragileLeases"]

T = TypeVar("T")


@implementer(ICommands)
class FragileLeases(LeasesAround):
    """Leases in memory; while it is ``away`` every call raises."""

    def __init__(self, inner: MemoryLeases, backends: Any, away: bool, shared: bool) -> None:
        super().__init__(inner)
        self.shared = shared
        self.name = "fragile"
        self.backends = backends
        self.away = away

    async def _call(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        if self.away:
            raise Away("fragile is away")
        return await call()

    async def open(self) -> None:
        """Open; may be away from the start."""
        if self.away:
            self.lose(stop=False)

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """One of its own."""
        return {"fragile-look": lambda arguments: None}

    def lose(self, stop: bool) -> None:
        """Go away."""
        self.away = True
        self.backends.lost(self.name, "out of reach", stop)

    def find(self) -> None:
        """Come back."""
        self.away = False
        self.backends.back(self.name)

    def give_up(self) -> None:
        """Stay away."""
        self.backends.gave_up(self.name, "tried in vain")


@implementer(IProviderFactory)
class _Factory:
    """Makes them around the same leases, as a database outlasts its server."""

    name = "tests.fragile.FRAGILE"
    parameters = ("away", "shared")
    leases: ClassVar[MemoryLeases] = MemoryLeases()
    made: ClassVar[list[FragileLeases]] = []

    def forget(self) -> None:
        """Begin anew."""
        type(self).leases = MemoryLeases()
        self.made.clear()

    def make(self, parameters: Mapping[str, Any], site: Any) -> FragileLeases:
        store = FragileLeases(self.leases, site.backends, bool(parameters.get("away")), bool(parameters.get("shared")))
        self.made.append(store)
        return store


FRAGILE = _Factory()
"""The factory."""
