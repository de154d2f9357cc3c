"""Providers that hold something open, started and stopped with the configuration that names them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.internet.task import deferLater

from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import ILogger, IRunning

__all__ = ["GRACE", "Running"]

GRACE: Final = 3.0
"""Seconds that exchanges in flight have to end."""
LOOK: Final = 0.01
"""Seconds between two looks whether they have."""


class Running:
    """Those of one configuration; each that was started is stopped once."""

    def __init__(self, providers: Sequence[IRunning], log: ILogger) -> None:
        self._providers = providers
        self._log = log
        self._started: list[IRunning] = []

    async def start(self) -> None:
        """Start all, one after the other; if one cannot, those that run already are stopped again.

        Raises what that one raised, as a `TxkeaError`.
        """
        for each in self._providers:
            try:
                await each.start()
            except Exception as error:
                await self.stop()
                if isinstance(error, TxkeaError):
                    raise
                raise Unavailable(f"the provider {type(each).__qualname__} could not start: {error!r}") from error
            self._started.append(each)

    async def stop(self) -> None:
        """Stop all, the last first; one that cannot keeps no other from it."""
        while self._started:
            each = self._started.pop()
            try:
                await each.stop()
            except Exception as error:  # noqa: BLE001 - nobody could do anything about it
                if self._log.error:
                    text = f"the provider {type(each).__qualname__} could not be stopped: {error!r}"
                    self._log.error("TXKEA_PROVIDER_STOP_FAIL", text)

    async def stop_after(self, busy: Callable[[], bool], reactor: Any) -> None:
        """Stop all once nobody is busy with what they do, but wait no longer than `GRACE`."""
        end = reactor.seconds() + GRACE
        while self._started and busy() and reactor.seconds() < end:
            await deferLater(reactor, LOOK, lambda: None)
        await self.stop()
