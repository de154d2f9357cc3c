"""The HTTP channel: commands by POST, pages by GET, for those who may (Kea G012, G013, G017)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from traceback import clear_frames
from typing import Any, Final

from twisted.internet.error import CannotListenError

from txkea.control.access import Access
from txkea.control.agent import Router
from txkea.control.http_connection import COMMANDS, HttpConnections, Terms
from txkea.control.listening import TcpPort
from txkea.control.pages import Page
from txkea.control.tls import context
from txkea.errors import ConfigError
from txkea.interfaces import ILogger
from txkea.model.configuration import ControlSocket

__all__ = ["HttpChannel"]

SERVES: Final = (COMMANDS, "metrics", "events")


class HttpChannel:
    """A listening HTTP channel; ``place`` makes the names of files with secrets and certificates paths."""

    def __init__(
        self,
        reactor: Any,
        configured: ControlSocket,
        router: Router,
        pages: Mapping[str, Page],
        log: ILogger,
        place: Callable[[str], str],
    ) -> None:
        self._reactor = reactor
        self._configured = configured
        self._log = log
        self._place = place
        self._connections = HttpConnections(reactor, self._terms(configured), router, pages, log)
        self._port: TcpPort | None = None

    def _terms(self, configured: ControlSocket) -> Terms:
        parameters = configured.parameters
        return Terms(
            access=Access(parameters.get("authentication") or {}, self._place),
            serves=frozenset(parameters.get("serves", SERVES)),
            headers=[(each["name"], each["value"]) for each in parameters.get("http-headers", ())],
            secure=context(parameters, self._place) if configured.type == "https" else None,
        )

    @property
    def port(self) -> int:
        """Where it listens: the configured port, or if that is 0 the one that the kernel chose."""
        return self._port.getHost().port if self._port is not None else self._configured.port

    @property
    def where(self) -> str:
        """The place where it listens, for people."""
        return f"{self._configured.type.upper()} channel on {self._configured.address} port {self.port}"

    def open(self) -> None:
        """Listen. Raises `ConfigError` if that cannot be."""
        configured = self._configured
        try:
            port = TcpPort(self._reactor, configured.port, self._factory(), configured.address)
            port.startListening()
        except CannotListenError as error:
            clear_frames(error.__traceback__)  # or else the socket that could not be bound stays open with them
            mend = "stop who listens there, or give another socket-address or socket-port"
            raise ConfigError(f"the {self.where} cannot be opened: {error.socketError}; {mend}") from None
        self._port = port
        if self._log.info:
            self._log.info("COMMAND_ACCEPTOR_START", f"listening for commands on the {self.where}")

    def _factory(self) -> Any:
        secure = self._connections.terms.secure
        if secure is None:
            return self._connections
        from twisted.protocols.tls import TLSMemoryBIOFactory  # needs more than plain txkea

        return TLSMemoryBIOFactory(secure, False, self._connections)

    def revised(self, configured: ControlSocket) -> Callable[[], object]:
        """What puts other users, certificates and headers into force for whoever connects from then on.

        Raises `ConfigError`. But if only files have changed, those that are of no use leave everything as it was: a
        certificate that is being renewed must not stand in the way of other changes.
        """
        try:
            terms = self._terms(configured)
        except ConfigError as error:
            if configured != self._configured:
                raise
            if self._log.warn:
                self._log.warn("HTTP_FILES_NOT_USED", f"the {self.where} goes on as before: {error}")
            return lambda: None

        def revise() -> None:
            changed = configured != self._configured
            self._configured = configured
            self._connections.terms = terms
            for connection in self._connections.crowd if changed else ():
                connection.retire()
            port: Any = self._port
            factory = self._factory()
            factory.doStart()
            port.factory.doStop()
            port.factory = factory

        return revise

    async def close(self) -> None:
        """Stop listening, let answers under way end, and drop everybody else."""
        port, self._port = self._port, None
        if port is not None:
            await port.stopListening()
        await self._connections.crowd.dismiss(self._reactor)
