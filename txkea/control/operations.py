"""The commands that tell a DHCP server to do something now (Kea G.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from zope.interface import implementer

from txkea.control.answer import Answer, Result
from txkea.control.arguments import AnyArguments, Arguments
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
        given = Arguments(arguments, ("max-period", "origin", "origin-id"))
        period = given.number("max-period", 1, LONGEST) if "max-period" in given else 0
        self._server.duty.disable(_origin(given), period)
        limit = f" for {period} seconds" if period else ""
        return Answer(text=f"DHCPv{self._server.configuration.family} service disabled{limit}")

    def _enable(self, arguments: Any) -> Answer:
        self._server.duty.enable(_origin(Arguments(arguments, ("origin", "origin-id"))))
        return Answer(text="DHCP service successfully enabled")

    # -- leases --------------------------------------------------------------------------------------------------------

    async def _reclaim(self, arguments: Any) -> Answer:
        await self._server.reclaim_leases(AnyArguments(arguments).flag("remove"))
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


def _origin(given: Arguments) -> int:
    """Who switches the service; a number goes before a name, as in newer releases."""
    name = "origin-id" if "origin-id" in given else "origin"
    origin = given.value(name) if name in given else USER
    if isinstance(origin, str) and origin in NAMED:
        return NAMED[origin]
    if isinstance(origin, bool) or not isinstance(origin, int) or origin < 1:
        raise TxkeaError(f"{name!r} is not a number from 1 on, nor one of {', '.join(NAMED)}")
    return origin
