"""The control channels that a configuration asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred

from txkea.errors import TxkeaError
from txkea.model.configuration import ControlSocket

__all__ = ["Channel", "Channels", "Prepared"]


class Channel(Protocol):
    """A listening control channel."""

    def open(self) -> None:
        """Listen. Raises `ConfigError` if that cannot be."""

    def revised(self, configured: ControlSocket) -> Callable[[], object]:
        """What puts other parameters of the same socket into force, such as users; raises `ConfigError` before."""

    async def close(self) -> None:
        """Stop listening; answers under way still leave."""


Make = Callable[[ControlSocket], Channel]
Place = tuple[str, str, int]


class Prepared:
    """Channels that are ready to take the place of others: `commit` or `cancel` them."""

    def __init__(self, fresh: Mapping[Place, Channel]) -> None:
        self.fresh = fresh
        self.revisions: list[Callable[[], object]] = []

    def cancel(self) -> None:
        """Close what was opened."""
        for channel in self.fresh.values():
            Deferred.fromCoroutine(channel.close())


class Channels:
    """All listening control channels of a server.

    ``make`` maps a type of socket to what makes its channel; ``place`` makes a configured name a path.
    """

    def __init__(self, make: Mapping[str, Make], place: Callable[[str], str]) -> None:
        self._make = make
        self._place = place
        self._open: dict[Place, Channel] = {}

    def prepare(self, sockets: Sequence[ControlSocket]) -> Prepared:
        """Open those of these sockets that are not open; nothing else changes before `commit`.

        Raises `ConfigError` if one cannot be opened; then nothing has changed.
        """
        fresh: dict[Place, Channel] = {}
        prepared = Prepared(fresh)
        try:
            for configured in sockets:
                place = self._where(configured)
                if place in self._open:
                    # Also if nothing was changed here: files that it names may have been.
                    prepared.revisions.append(self._open[place].revised(configured))
                elif place not in fresh:
                    channel = self._make[configured.type](configured)
                    channel.open()
                    fresh[place] = channel
        except TxkeaError:
            prepared.cancel()
            raise
        return prepared

    def commit(self, sockets: Sequence[ControlSocket], prepared: Prepared) -> None:
        """Serve on these sockets, and on no others any more; what stays wanted stays open."""
        for revise in prepared.revisions:
            revise()
        wanted = {self._where(configured) for configured in sockets}
        for place in [place for place in self._open if place not in wanted]:
            Deferred.fromCoroutine(self._open.pop(place).close())
        self._open.update(prepared.fresh)

    def _where(self, configured: ControlSocket) -> Place:
        if configured.type == "unix":
            return configured.type, self._place(configured.address), 0
        return "tcp", configured.address, configured.port

    async def close(self) -> None:
        """Close all; answers under way still leave."""
        while self._open:
            await self._open.popitem()[1].close()
