"""The commands that tell a DHCP server to do something now (Kea G.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from zope.interface import implementer

from txkea.control.answer import Answer, Result
from txkea.control.commands import Daemon
from txkea.control.duty import USER, Duty
from txkea.errors import TxkeaError
from txkea.interfaces import ICommands

__all__ = ["Operated", "OperationCommands"]

LONGEST: Final = (1 << 32) - 1
"""Seconds for which the service may be switched off."""
NAMED: Final = {"user": USER, "ha-partner": 2000}
"""The origins that older releases call by names."""


class Operated(Daemon, Protocol):
    """What these commands need of a server."""

    duty: Duty

    def reclaim_leases(self, remove: bool) -> Awaitable[int]:
        """Reclaim all leases whose time is over, or delete them; gives how many. *Waits.*"""

    def clean_up(self) -> Awaitable[bool | None]:
        """Rid the lease file of superseded rows; False if that is under way, None without such a file. *Waits.*"""


@implementer(ICommands)
class OperationCommands:
    """``dhcp-disable`` and its kin."""

    def __init__(self, server: Operated) -> None:
        self._server = server

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        return {
            "config-backend-pull": self._backend_pull,
            "dhcp-disable": self._disable,
            "dhcp-enable": self._enable,
            "kea-lfc-start": self._clean_up,
            "leases-reclaim": self._reclaim,
            "libreload": self._libreload,
            "server-tag-get": self._server_tag,
        }

    # -- the service ---------------------------------------------------------------------------------------------------

    def _disable(self, arguments: Any) -> Answer:
        given = _map(arguments, {"max-period", "origin", "origin-id"})
        period = given.get("max-period", 0)
        if "max-period" in given and not (_is_integer(period) and 1 <= period <= LONGEST):
            raise TxkeaError(f"'max-period' is not a number of seconds from 1 to {LONGEST}")
        self._server.duty.disable(_origin(given), period)
        limit = f" for {period} seconds" if period else ""
        return Answer(text=f"DHCPv{self._server.configuration.family} service disabled{limit}")

    def _enable(self, arguments: Any) -> Answer:
        self._server.duty.enable(_origin(_map(arguments, {"origin", "origin-id"})))
        return Answer(text="DHCP service successfully enabled")

    # -- leases --------------------------------------------------------------------------------------------------------

    async def _reclaim(self, arguments: Any) -> Answer:
        remove = arguments.get("remove") if isinstance(arguments, dict) else None
        if not isinstance(remove, bool):
            raise TxkeaError("'remove' is missing or not a boolean: whether to delete the leases rather than keep them")
        await self._server.reclaim_leases(remove)
        return Answer(text="Reclamation of expired leases is complete.")

    async def _clean_up(self, arguments: Any) -> Answer:
        done = await self._server.clean_up()
        if done is None:
            raise TxkeaError("the leases are not in a lease file, so that there is nothing to clean up")
        return Answer(text="The lease file was cleaned up." if done else "The lease file is being cleaned up already.")

    # -- the configuration ---------------------------------------------------------------------------------------------

    async def _libreload(self, arguments: Any) -> Answer:
        """Make all providers of ``hooks-libraries`` anew."""
        await self._server.change(lambda written: None)
        return Answer(text="Hooks libraries successfully reloaded.")

    def _server_tag(self, arguments: Any) -> Answer:
        return Answer(arguments={"server-tag": self._server.configuration.server_tag})

    def _backend_pull(self, arguments: Any) -> Answer:
        return Answer(Result.EMPTY, "No config backend.")


def _map(arguments: Any, known: set[str]) -> Mapping[str, Any]:
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        raise TxkeaError("'arguments' is not a map")
    for name in sorted(arguments.keys() - known):
        raise TxkeaError(f"there is no argument {name!r}; known are {', '.join(sorted(known))}")
    return arguments


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _origin(given: Mapping[str, Any]) -> int:
    """Who switches the service; a number goes before a name, as in newer releases."""
    origin = given.get("origin-id", given.get("origin", USER))
    if isinstance(origin, str) and origin in NAMED:
        return NAMED[origin]
    if not _is_integer(origin) or origin < 1:
        raise TxkeaError(f"the origin {origin!r} is not a number from 1 on, nor one of {', '.join(NAMED)}")
    number: int = origin
    return number
