"""Providers that hold something open, started and stopped with the configuration that names them."""

from __future__ import annotations

from collections.abc import Sequence

from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import ILogger, IRunning

__all__ = ["start", "stop"]


async def start(running: Sequence[IRunning], log: ILogger) -> None:
    """Start all, one after the other; if one cannot, those that run already are stopped again.

    Raises what that one raised, as a `TxkeaError`.
    """
    for number, each in enumerate(running):
        try:
            await each.start()
        except Exception as error:  # whatever it is, the configuration does not come into force
            await stop(running[:number], log)
            if isinstance(error, TxkeaError):
                raise
            raise Unavailable(f"the provider {type(each).__qualname__} could not start: {error!r}") from error


async def stop(running: Sequence[IRunning], log: ILogger) -> None:
    """Stop all, the last first; one that cannot keeps no other from it."""
    for each in reversed(running):
        try:
            await each.stop()
        except Exception as error:  # noqa: BLE001 - nobody could do anything about it
            if log.error:
                text = f"the provider {type(each).__qualname__} could not be stopped: {error!r}"
                log.error("TXKEA_PROVIDER_STOP_FAIL", text)
