"""One endpoint for several servers: each command goes to those that its ``service`` names (Kea G014-G016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred, gatherResults

from txkea.control.answer import Answer, Result, Verbatim
from txkea.control.asking import ControlClient
from txkea.control.registry import Registry
from txkea.control.request import Request
from txkea.errors import TxkeaError
from txkea.interfaces import ILogger

__all__ = ["HINT", "Router", "ServiceRouter"]

MOST_SERVICES: Final = 16
"""How many servers one command may name."""
HINT: Final = (
    ' The request names no "service", so that it was not passed on; to send it to a server, name it there, such as'
    ' "service": [ "dhcp4" ].'
)


class Router(Protocol):
    """Answers requests that may be meant for several servers."""

    async def run(self, request: Request) -> Sequence[Answer | Verbatim]:
        """One answer for each service in the order of the request, or a single one; never raises."""


class ServiceRouter:
    """Answers by itself what names no service, and asks others for the rest.

    ``own`` are its commands; ``peers`` the commands of servers in this process by the names of their services, such as
    ``dhcp4``; ``servers`` reach others. Both may change at any time. ``hint`` is told whoever sends a command that is
    not among ``own``.
    """

    def __init__(
        self,
        own: Registry,
        peers: Mapping[str, Registry],
        servers: Mapping[str, ControlClient],
        log: ILogger,
        hint: str = "",
    ) -> None:
        self._own = own
        self._peers = peers
        self._servers = servers
        self._log = log
        self._hint = hint

    async def run(self, request: Request) -> Sequence[Answer | Verbatim]:
        """One answer for each service in their order, or that of the agent itself; never raises."""
        if not request.service:
            return [await self._run_own(request)]
        if len(request.service) > MOST_SERVICES:
            return [Answer(Result.ERROR, f"'service' names more than {MOST_SERVICES} servers; name each once")]
        asked = [Deferred.fromCoroutine(self._ask(service, request)) for service in request.service]
        answers: Sequence[Answer | Verbatim] = await gatherResults(asked)
        return answers

    async def _run_own(self, request: Request) -> Answer:
        answer = await self._own.run(request)
        if answer.result == Result.UNSUPPORTED and answer.text:
            return answer._replace(text=answer.text + self._hint)
        return answer

    async def _ask(self, service: str, request: Request) -> Answer | Verbatim:
        """What one server answers; why it does not is an answer too (Kea G015)."""
        if service in self._peers:
            return await self._peers[service].run(request)
        if service not in self._servers:
            return Answer(Result.ERROR, f"forwarding socket is not configured for the server type {service[:100]}")
        what = f"command {request.command[:100]!r}"
        try:
            answer = await self._servers[service].forward(_command(request))
        except TxkeaError as error:
            text = f"unable to forward command to the {service} service: {error}"
            if self._log.debug:
                self._log.debug("CTRL_AGENT_COMMAND_FORWARD_FAILED", f"{what}: {text}")
            return Answer(Result.ERROR, text)
        if self._log.info:
            self._log.info("CTRL_AGENT_COMMAND_FORWARDED", f"{what} successfully forwarded to the service {service}")
        return answer


def _command(request: Request) -> Mapping[str, Any]:
    """The request as JSON, in the order of Kea's agent: servers tell positions in it."""
    given = {"arguments": request.arguments, "command": request.command, "service": list(request.service)}
    return {name: value for name, value in given.items() if value is not None}
