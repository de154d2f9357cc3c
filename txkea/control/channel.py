"""The UNIX control socket: one JSON command in, one JSON answer out, closed (Kea G001-G010)."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from traceback import clear_frames
from typing import Any, Final

from twisted.internet.defer import ensureDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from zope.interface import implementer

from txkea.control.answer import Answer, Result, encode
from txkea.control.crowd import Crowd
from txkea.control.listening import UnixPort
from txkea.control.outlet import TIME_LIMIT, Outlet
from txkea.control.registry import Registry
from txkea.control.request import SLICE, Framing, RequestError, parse, validate
from txkea.control.seldom import Seldom
from txkea.errors import ConfigError
from txkea.interfaces import ILogger
from txkea.model.configuration import ControlSocket

__all__ = ["ControlChannel", "parsed"]

MAX_PATH: Final = 107
"""Bytes of a path that fit into a sockaddr_un with its end (Kea A086)."""
LARGE: Final = 1 << 16
"""A command of more bytes is parsed in a thread."""


@implementer(IHalfCloseableProtocol)
class Connection(Protocol):
    """One client with one command."""

    factory: Connections
    transport: Any
    peer = ""

    def __init__(self) -> None:
        self._framing: Framing | None = Framing()
        self._timer: IDelayedCall | None = None
        self._open = False

    @property
    def answering(self) -> bool:
        """Whether its command has arrived."""
        return self._framing is None

    @property
    def unfinished(self) -> bool:
        """The same: every answer has an end."""
        return self.answering

    # -- in ------------------------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """A client connected."""
        self.transport.bufferSize = SLICE
        self._outlet = Outlet(self.transport, self.factory.reactor)
        if not self.factory.crowd.admit(self):
            self.transport.abortConnection()
            return
        self._open = True
        self._set_timer(self._too_slow)

    def dataReceived(self, data: bytes) -> None:
        """A part of the command, or what a client sends after it."""
        if self._framing is None or not self._open:
            return
        try:
            if not self.factory.crowd.holds(self, len(self._framing) + len(data)):
                raise RequestError("too many bytes of other commands are on their way; try again")
            whole = self._framing.feed(data)
        except RequestError as error:
            self._refuse("COMMAND_PROCESS_ERROR1", str(error))
        else:
            if whole is not None:
                self._run(whole)

    def readConnectionLost(self) -> None:
        """The client sends no more; it may still wait for its answer."""
        if self._framing is not None:
            self._refuse("COMMAND_PROCESS_ERROR1", f"the command ends too early, after {len(self._framing)} bytes")

    def writeConnectionLost(self) -> None:
        """The client reads no more."""
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone."""
        self._open = False
        self.factory.crowd.leave(self)
        self._set_timer(None)
        self._outlet.lost()

    def _too_slow(self) -> None:
        assert self._framing is not None
        log, received = self.factory.log, len(self._framing)
        if log.info:
            log.info("COMMAND_SOCKET_CONNECTION_TIMEOUT", f"{received} bytes of a command are discarded")
        text = f"the command did not arrive within {TIME_LIMIT:.0f} seconds, {received} bytes of it are discarded"
        self._answer(Answer(Result.ERROR, text))

    def _refuse(self, message: str, text: str) -> None:
        log = self.factory.log
        if log.warn:
            log.warn(message, text)
        self._answer(Answer(Result.ERROR, text))

    # -- out -----------------------------------------------------------------------------------------------------------

    def _run(self, data: bytes) -> None:
        self._framing = None
        self._set_timer(None)
        ensureDeferred(self._execute(data)).addErrback(self._broken)

    def _answer(self, answer: Answer) -> None:
        self._framing = None
        self.factory.crowd.holds(self, 0)
        self._set_timer(None)
        ensureDeferred(self._send(answer)).addErrback(self._broken)

    async def _execute(self, data: bytes) -> None:
        try:
            value = await parsed(self.factory.reactor, data)
        except RequestError as error:
            self._refuse("COMMAND_PROCESS_ERROR1", str(error))
            return
        try:
            request = validate(value)
        except RequestError as error:
            self._refuse("COMMAND_PROCESS_ERROR2", str(error))
            return
        await self._send(await self.factory.registry.run(request))

    async def _send(self, answer: Answer) -> None:
        """Write the answer as fast as the client reads, and let others have their turn in between."""
        if self._open and await self._outlet.send(encode(answer), self._write):
            self.transport.loseConnection()
            self._set_timer(self._abort)

    def _write(self, piece: str) -> None:
        self.transport.write(piece.encode("utf-8"))

    def _abort(self) -> None:
        self.transport.abortConnection()

    def _broken(self, failure: Failure) -> None:
        """A fault in the channel itself: this client loses its answer, nobody else anything."""
        log = self.factory.log
        if log.error:
            for line in failure.getTraceback().splitlines():
                log.error("COMMAND_FAILED", line)
        if self._open:
            self.transport.abortConnection()

    def _set_timer(self, expired: Any) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None if expired is None else self.factory.reactor.callLater(TIME_LIMIT, expired)


class Connections(Factory):
    """The connections of one socket."""

    noisy = False

    def __init__(self, reactor: Any, registry: Registry, log: ILogger) -> None:
        self.reactor = reactor
        self.registry = registry
        self.log = log
        self.crowd: Crowd[Connection] = Crowd(Seldom(log, reactor.seconds))

    def buildProtocol(self, addr: IAddress | None) -> Connection:  # type: ignore[override]
        """Somebody connects."""
        connection = Connection()
        connection.factory = self
        return connection


class ControlChannel:
    """A listening control socket."""

    def __init__(self, reactor: Any, path: str, registry: Registry, log: ILogger) -> None:
        self.path = path
        self._reactor = reactor
        self._log = log
        self._connections = Connections(reactor, registry, log)
        self._port: UnixPort | None = None

    def open(self) -> None:
        """Listen, readable and writable for owner and group; a socket that a dead server left behind is replaced.

        Raises `ConfigError` if the path cannot be used or a live server listens there.
        """
        check_path(self.path)
        try:
            remove_stale(self.path)
            port = UnixPort(self._reactor, self.path, self._connections)
            port.startListening()
        except (OSError, CannotListenError) as error:
            clear_frames(error.__traceback__)  # or else the socket that could not be bound stays open with them
            reason = getattr(error, "socketError", error)
            where = os.path.dirname(self.path) or "."
            mend = f"see that {where} exists and that this user may write there, or name another socket"
            raise ConfigError(f"the control socket {self.path} cannot be opened: {reason}; {mend}") from None
        self._port = port
        if self._log.info:
            self._log.info("COMMAND_ACCEPTOR_START", f"listening for commands on the UNIX socket {self.path}")

    def revised(self, configured: ControlSocket) -> Callable[[], object]:
        """Nothing of a socket can be changed but its path, and that makes it another one."""
        return lambda: None

    async def close(self) -> None:
        """Stop listening, remove the socket, let answers under way end, and drop everybody else."""
        port, self._port = self._port, None
        if port is not None:
            with suppress(FileNotFoundError):  # somebody has removed the socket
                await port.stopListening()
        await self._connections.crowd.dismiss(self._reactor)


async def parsed(reactor: Any, data: bytes) -> Any:
    """The value of a command; a large one costs others little. Raises `RequestError`."""
    if len(data) <= LARGE:
        return parse(data)
    return await deferToThreadPool(reactor, reactor.getThreadPool(), parse, data)


def check_path(path: str) -> None:
    """Raise `ConfigError` for a path that the kernel does not take."""
    length = len(os.fsencode(path))
    if not path or "\0" in path:
        raise ConfigError("the control socket needs a path; set socket-name")
    if length > MAX_PATH:
        raise ConfigError(f"the control socket's path {path} has {length} bytes, {MAX_PATH} are the most; shorten it")


def remove_stale(path: str) -> None:
    """Remove a socket that nobody listens on. Raises OSError if somebody does, or if it is something else."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, "it is there already and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        if probe.connect_ex(path) != errno.ECONNREFUSED:
            raise OSError(errno.EADDRINUSE, "another server listens on it")
    os.unlink(path)
