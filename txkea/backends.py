"""The databases of a running server: which of them are away, and how long each is kept open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from zope.interface import implementer

from txkea.control.duty import Duty
from txkea.interfaces import IBackends, IHostStore, IRunning

__all__ = ["Backend", "Backends", "HostDatabase", "HostDatabases"]

DATABASE: Final = "database"
"""The origin in `Duty` of backends without which nobody is to be served (Kea G025)."""


def _nothing() -> None:
    """For those whom a return does not concern."""


class Backends:
    """All backends of a server; ``ended(reason)`` is told when one gave up that the server cannot do without."""

    def __init__(self, duty: Duty, ended: Callable[[str], object]) -> None:
        self._duty = duty
        self._ended = ended
        self._watched: list[Backend] = []

    def watch(self, back: Callable[[], object] = _nothing) -> Backend:
        """What a new backend tells about itself; ``back()`` is called when it was away and can be used again."""
        backend = Backend(self, back)
        self._watched.append(backend)
        return backend

    def shown(self) -> Sequence[Mapping[str, Any]]:
        """Those that are away, as ``status-get`` shows them."""
        return [{"name": each.name, "problem": each.problem} for each in self._watched if each.problem]

    def forget(self, backend: Backend) -> None:
        """A backend is not used any more."""
        if backend in self._watched:
            self._watched.remove(backend)
            self.changed()

    def changed(self) -> None:
        """Serve, or do not."""
        if any(each.stops for each in self._watched):
            self._duty.disable(DATABASE)
        else:
            self._duty.enable(DATABASE)

    def ended(self, reason: str) -> None:
        """One gave up."""
        self._ended(reason)


@implementer(IBackends)
class Backend:
    """One of them."""

    def __init__(self, backends: Backends, back: Callable[[], object]) -> None:
        self._backends = backends
        self._back = back
        self.name = ""
        self.problem = ""
        """Why it is away; empty while it is not."""
        self.stops = False
        """Whether nobody is served because of it."""

    def lost(self, name: str, problem: str, stop: bool) -> None:
        """See `IBackends`."""
        self.name, self.problem, self.stops = name, problem or "away", stop
        self._backends.changed()

    def back(self, name: str) -> None:
        """See `IBackends`."""
        self.problem, self.stops = "", False
        self._backends.changed()
        self._back()

    def gave_up(self, name: str, reason: str) -> None:
        """See `IBackends`."""
        self._backends.ended(reason)

    def forget(self) -> None:
        """It is not used any more."""
        self._backends.forget(self)


@implementer(IRunning)
class HostDatabase:
    """A host store that is open as long as any configuration with it runs."""

    def __init__(self, store: IHostStore, backend: Backend, ended: Callable[[], object]) -> None:
        self.store = store
        self._backend = backend
        self._ended = ended
        self._users = 0

    async def start(self) -> None:
        """Open it for the first configuration."""
        if not self._users:
            await self.store.open()
        self._users += 1

    async def stop(self) -> None:
        """Close it after the last one."""
        self._users -= 1
        if not self._users:
            self._ended()
            await self.store.close()
            self._backend.forget()


class HostDatabases:
    """The host stores that configurations name; one that does not change is not opened again.

    ``make(configuration, index, backend)`` makes the store of one of ``hosts-databases``.
    """

    def __init__(self, backends: Backends, make: Callable[[Any, int, Backend], IHostStore]) -> None:
        self._backends = backends
        self._make = make
        self._open: dict[str, HostDatabase] = {}

    def of(self, configuration: Any) -> Sequence[HostDatabase]:
        """Those of a configuration, in their order; they open when they are started. Raises `ConfigError`."""
        return [self._one(configuration, index) for index in range(len(configuration.hosts_databases))]

    def _one(self, configuration: Any, index: int) -> HostDatabase:
        # Options of hosts are read by the definitions of the configuration (Kea F012), and it says what is refused.
        rules = configuration.option_definitions, configuration.ip_reservations_unique
        key = repr((index, configuration.hosts_databases[index], *rules))
        found = self._open.get(key)
        if found is None:
            backend = self._backends.watch()
            store = self._make(configuration, index, backend)
            found = self._open[key] = HostDatabase(store, backend, lambda: self._open.pop(key, None))
        return found
