"""The control channels that a configuration asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from txkea.control.channel import ControlChannel
from txkea.control.registry import Registry
from txkea.errors import TxkeaError
from txkea.interfaces import ILogger
from txkea.model.configuration import ControlSocket

__all__ = ["Channels"]


class Channels:
    """All listening control channels of a server; ``place`` makes a configured name a path."""

    def __init__(self, reactor: Any, registry: Registry, log: ILogger, place: Callable[[str], str]) -> None:
        self._reactor = reactor
        self._registry = registry
        self._log = log
        self._place = place
        self._open: dict[str, ControlChannel] = {}

    def apply(self, sockets: Sequence[ControlSocket]) -> None:
        """Listen on these and on no others; one that stays wanted stays open.

        Raises `ConfigError` if one cannot be opened; then nothing has changed.
        """
        wanted = [self._place(sock.address) for sock in sockets]
        fresh: dict[str, ControlChannel] = {}
        try:
            for path in wanted:
                if path not in self._open:
                    fresh[path] = channel = ControlChannel(self._reactor, path, self._registry, self._log)
                    channel.open()
        except TxkeaError:
            fresh.popitem()
            for channel in fresh.values():
                Deferred.fromCoroutine(channel.close())
            raise
        for path in [path for path in self._open if path not in wanted]:
            Deferred.fromCoroutine(self._open.pop(path).close())
        self._open.update(fresh)

    async def close(self) -> None:
        """Close all; answers under way still leave."""
        while self._open:
            await self._open.popitem()[1].close()
