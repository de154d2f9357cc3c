"""The HTTP channel: commands by POST, pages by GET, for those who may (Kea G012, G013, G017).

Who asks, for what and how much is known when the headers are complete; until that is found good, no body is read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from http import HTTPStatus
from traceback import clear_frames
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import h11
from attrs import frozen
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IDelayedCall, IHalfCloseableProtocol, IListeningPort
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from zope.interface import implementer

from txkea.control.access import ANYBODY, Access, User
from txkea.control.agent import Router
from txkea.control.answer import Answer, Result, encode
from txkea.control.channel import CLOSING_TIME, parsed
from txkea.control.crowd import Crowd
from txkea.control.outlet import TIME_LIMIT, Outlet
from txkea.control.pages import Content, Page
from txkea.control.request import MAX_REQUEST, Framing, RequestError, validate
from txkea.control.tls import context
from txkea.errors import ConfigError, TxkeaError
from txkea.interfaces import ILogger
from txkea.model.configuration import ControlSocket

__all__ = ["HttpChannel"]

IDLE: Final = 30.0
"""Seconds for which a connection may wait between two requests (Kea G012)."""
MAX_HEADERS: Final = 16 << 10
"""Bytes of a request line and its headers, and of what may stand before a chunk."""
WAITING: Final = 256 << 10
"""Bytes of further requests that are taken while one is answered."""
WHOLE: Final = 4 << 20
"""Bytes up to which an answer is sent with its length, for the sake of simple clients."""
JSON: Final = "application/json"
SERVES: Final = ("commands", "metrics", "events")
COMMANDS: Final = "commands"
SLOWLY: Final = "a request did not arrive within {:.0f} seconds"


@frozen
class Terms:
    """What a channel demands and serves, from its configuration."""

    access: Access
    serves: frozenset[str]
    headers: Sequence[tuple[str, str]]
    secure: Any
    """What makes connections secure; None for plain HTTP."""


class RefusedError(TxkeaError):
    """A request is not answered as its sender wished; ``status`` is that of HTTP."""

    def __init__(self, status: int, text: str, **headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers


@implementer(IHalfCloseableProtocol)
class HttpConnection(Protocol):
    """One client, and one request after the other."""

    factory: HttpConnections
    transport: Any

    def __init__(self) -> None:
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADERS)
        self._request: h11.Request | None = None
        self._user: User = ANYBODY
        self._body = bytearray()
        self._waiting = bytearray()
        self._timer: IDelayedCall | None = None
        self._unwanted = 0
        self._ended = self._open = self._pausing = self._refused = self._busy = False

    @property
    def answering(self) -> bool:
        """Whether a request of somebody who may ask is being answered."""
        return self._busy and not self._refused

    # -- in ------------------------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """A client connected."""
        self._outlet = Outlet(self.transport, self.factory.reactor)
        if self.factory.crowd.admit(self):
            self._open = True
            self._set_timer(TIME_LIMIT)
        else:
            self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """A part of a request, or of those that come after the one that is being answered."""
        if not self._open or self._ended:
            self._unwanted += len(data)
            if self._unwanted > WAITING:
                self.transport.abortConnection()
        elif self._busy:
            self._waiting += data
            if len(self._waiting) > WAITING and not self._pausing:
                self._pausing = True
                self.transport.pauseProducing()
        else:
            self._receive(data)

    def _receive(self, data: bytes) -> None:
        try:
            if data:  # nothing would mean the end
                self._parser.receive_data(data)
            while not self._busy and self._take(self._parser.next_event()):
                pass
        except h11.RemoteProtocolError as error:
            self._refuse(RefusedError(error.error_status_hint, f"bad request: {error}"))
        except RefusedError as error:
            self._refuse(error)

    def _take(self, event: Any) -> bool:
        """Take what the parser found; whether there may be more."""
        if isinstance(event, h11.Request):
            self._begin(event)
        elif isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > MAX_REQUEST:
                raise RefusedError(413, f"the request is longer than {MAX_REQUEST} bytes")
        elif isinstance(event, h11.EndOfMessage):
            self._run()
        return event is not h11.NEED_DATA and event is not h11.PAUSED

    def _begin(self, request: h11.Request) -> None:
        """The headers are complete: here it is decided whether the body is read."""
        self._request = request
        self._body.clear()
        headers = _headers(request)
        self._user = self._known(headers.get("authorization"))
        _check(request.method.decode("ascii"), headers)
        self._set_timer(TIME_LIMIT)
        if self._parser.they_are_waiting_for_100_continue:
            self.transport.write(self._parser.send(h11.InformationalResponse(status_code=100, headers=[])))

    def _known(self, authorization: str | None) -> User:
        access = self.factory.terms.access
        user = access.user(authorization)
        if user is None:
            peer = getattr(self.transport.getPeer(), "host", "somebody")
            log = self.factory.log
            if log.warn:
                what = "with a wrong name or password" if authorization else "without name and password"
                log.warn("HTTP_CLIENT_REQUEST_NOT_AUTHORIZED", f"{peer} came {what}")
            challenge = f'Basic realm="{access.realm}"'
            raise RefusedError(401, "name and password are needed (HTTP Basic)", **{"WWW-Authenticate": challenge})
        return user

    def readConnectionLost(self) -> None:
        """The client sends no more; it may still wait for answers."""
        self._ended = True
        if not self._busy:
            self._close()

    def writeConnectionLost(self) -> None:
        """The client reads no more."""
        self._close()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone."""
        self._open = False
        self.factory.crowd.leave(self)
        self._set_timer(0)
        self._outlet.lost()

    def _too_slow(self) -> None:
        log = self.factory.log
        if log.info:
            log.info("COMMAND_SOCKET_CONNECTION_TIMEOUT", "a request over HTTP did not arrive in time")
        if self._parser.their_state is h11.IDLE and not self._parser.trailing_data[0]:
            self._close()
        else:
            self._refuse(RefusedError(408, SLOWLY.format(TIME_LIMIT)))

    def _set_timer(self, seconds: float) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self.factory.reactor.callLater(seconds, self._too_slow) if seconds else None

    def _close(self) -> None:
        """End the connection; a client that still sends shall read its answer first, but not for ever."""
        self._open = False
        self._set_timer(0)
        end = getattr(self.transport, "loseWriteConnection", self.transport.loseConnection)
        (end if self._refused else self.transport.loseConnection)()
        self._timer = self.factory.reactor.callLater(CLOSING_TIME, self.transport.abortConnection)

    # -- what is asked -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        assert self._request is not None, "a request begins with its headers"
        self._busy = True
        self._set_timer(0)
        ensureDeferred(self._answer(self._request, bytes(self._body))).addErrback(self._broken)
        self._body = bytearray()

    async def _answer(self, request: h11.Request, body: bytes) -> None:
        try:
            if request.method == b"GET":
                content = await self._page(request.target.decode("ascii"))
                await self._stream(200, content.type, content.pieces)
            else:
                answers = await self._commanded(body)
                await self._stream(200, JSON, _listed(answers))
        except RefusedError as error:
            await self._say(error)
        self._next()

    async def _page(self, target: str) -> Content:
        """A page by its path."""
        address = urlsplit(target)
        name = address.path.strip("/")
        page = self.factory.pages.get(f"/{name}")
        if page is None or name not in self.factory.terms.serves:
            known = ", ".join(self.factory.pages) or "none"
            raise RefusedError(404, f"this channel has no page {address.path[:100]!r}; pages are {known}")
        self._permit(name)
        try:
            return await page.get(dict(parse_qsl(address.query, max_num_fields=64)))
        except ValueError:
            raise RefusedError(400, "the address has too many parameters") from None
        except TxkeaError as error:
            raise RefusedError(400, str(error)) from None

    async def _commanded(self, body: bytes) -> Sequence[Any]:
        """The answers to a command."""
        if COMMANDS not in self.factory.terms.serves:
            raise RefusedError(404, "this channel serves no commands")
        log = self.factory.log
        try:
            value = await parsed(self.factory.reactor, _framed(body))
        except RequestError as error:
            if log.warn:
                log.warn("COMMAND_PROCESS_ERROR1", str(error))
            raise RefusedError(400, str(error)) from None
        try:
            request = validate(value)
        except RequestError as error:
            if log.warn:
                log.warn("COMMAND_PROCESS_ERROR2", str(error))
            return [Answer(Result.ERROR, str(error))]
        self._permit(request.command)
        return await self.factory.router.run(request)

    def _permit(self, name: str) -> None:
        if not self._user.permits(name):
            log = self.factory.log
            if log.warn:
                log.warn("HTTP_COMMAND_REJECTED", f"{self._user.name!r} may not use {name[:100]!r}")
            raise RefusedError(403, f"the role of {self._user.name!r} does not permit {name[:100]!r}")

    # -- out -----------------------------------------------------------------------------------------------------------

    def _refuse(self, error: RefusedError) -> None:
        """Answer a request that is not complete, and end the connection: what else it sends is nobody's."""
        self._ended = self._refused = self._busy = True
        self._set_timer(0)
        ensureDeferred(self._say(error)).addCallback(lambda _: self._close()).addErrback(self._broken)

    async def _say(self, error: RefusedError) -> None:
        if not self._open or self._parser.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        answer = Answer(error.status, str(error))  # no list, as in Kea
        body = "".join([piece async for piece in encode(answer)]).encode()
        headers = {**error.headers, **({"Connection": "close"} if self._ended else {})}
        await self._stream(error.status, JSON, _once(body), headers)

    async def _stream(
        self, status: int, kind: str, pieces: AsyncIterator[bytes], more: Mapping[str, str] | None = None
    ) -> None:
        """Send an answer; with its length, if it ends soon."""
        if not self._open:
            return
        if kind == JSON:
            pieces, length = await _measured(pieces)
        else:
            length = {}
        named = {"Content-Type": kind, "Cache-Control": "no-store", **length, **(more or {})}
        headers = [*named.items(), *self.factory.terms.headers]
        send = self._parser.send
        self.transport.write(send(h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase)))
        if await self._outlet.send(pieces, lambda piece: self.transport.write(send(h11.Data(data=piece)))):
            self.transport.write(send(h11.EndOfMessage()))

    def _next(self) -> None:
        """Go on with the next request, if there may be one."""
        self._busy = False
        if not self._open:
            return
        self.factory.crowd.refresh(self)
        if self._parser.our_state is not h11.DONE or self._parser.their_state is not h11.DONE:
            self._close()
            return
        self._parser.start_next_cycle()
        self._request = None
        self._set_timer(IDLE)
        if self._waiting:  # before anything that comes from now on
            self._parser.receive_data(bytes(self._waiting))
            self._waiting.clear()
        if self._pausing:
            self._pausing = False
            self.transport.resumeProducing()
        # In a turn of its own: a thousand requests in a row must not nest.
        self.factory.turn().addCallback(lambda _: self._resume())

    def _resume(self) -> None:
        if self._open and not self._busy:
            self._receive(b"")
            if self._ended and not self._busy:
                self._close()

    def _broken(self, failure: Failure) -> None:
        """A fault in the channel itself: this client loses its answer, nobody else anything."""
        log = self.factory.log
        if log.error:
            for line in failure.getTraceback().splitlines():
                log.error("COMMAND_FAILED", line)
        self.transport.abortConnection()


def _headers(request: h11.Request) -> Mapping[str, str]:
    """The headers by their names in small letters; of a repeated one the last."""
    return {name.decode("ascii"): value.decode("latin-1") for name, value in request.headers}


def _check(method: str, headers: Mapping[str, str]) -> None:
    """Raise `RefusedError` for what is no request of ours (Kea G013)."""
    length = int(headers.get("content-length", "0"))
    if method == "GET":
        if length or "transfer-encoding" in headers:
            raise RefusedError(400, "a GET has no body")
        return
    if method != "POST":
        raise RefusedError(400, f"the method {method[:20]} is not supported: commands come by POST, pages by GET")
    if ("content-length" in headers) == ("transfer-encoding" in headers):
        raise RefusedError(400, "a POST has either a Content-Length or a Transfer-Encoding")
    if headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise RefusedError(400, f"the Content-Type of a command is {JSON}")
    if length > MAX_REQUEST:
        raise RefusedError(413, f"the request is longer than {MAX_REQUEST} bytes; use a file and config-reload")


def _framed(body: bytes) -> bytes:
    """The JSON object of a body, without comments (Kea G010). Raises `RequestError`."""
    whole = Framing().feed(body)
    if whole is None:
        raise RequestError(f"the command ends too early, after {len(body)} bytes")
    return whole


async def _once(piece: bytes) -> AsyncIterator[bytes]:
    yield piece


async def _listed(answers: Sequence[Any]) -> AsyncIterator[bytes]:
    """Answers as one JSON list (Kea G014)."""
    yield b"[ "
    for number, answer in enumerate(answers):
        if number:
            yield b", "
        async for piece in encode(answer):
            yield piece.encode("utf-8")
    yield b" ]"


async def _measured(pieces: AsyncIterator[bytes]) -> tuple[AsyncIterator[bytes], Mapping[str, str]]:
    """An answer again, and its length if it ends before `WHOLE`."""
    first: list[bytes] = []
    size = 0
    async for piece in pieces:
        first.append(piece)
        size += len(piece)
        if size > WHOLE:
            return _chain(first, pieces), {}
    return _chain(first, None), {"Content-Length": str(size)}


async def _chain(first: Sequence[bytes], rest: AsyncIterator[bytes] | None) -> AsyncIterator[bytes]:
    for piece in first:
        yield piece
    if rest is not None:
        async for piece in rest:
            yield piece


class HttpConnections(Factory):
    """The connections of one socket."""

    noisy = False

    def __init__(self, reactor: Any, terms: Terms, router: Router, pages: Mapping[str, Page], log: ILogger) -> None:
        self.reactor = reactor
        self.terms = terms
        self.router = router
        self.pages = pages
        self.log = log
        self.crowd = Crowd(log)

    def buildProtocol(self, addr: IAddress | None) -> HttpConnection:  # type: ignore[override]
        """Somebody connects."""
        connection = HttpConnection()
        connection.factory = self
        return connection

    def turn(self) -> Deferred[None]:
        """Fires in the next turn of the reactor."""
        return deferLater(self.reactor, 0)


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
        self._port: IListeningPort | None = None

    def _terms(self, configured: ControlSocket) -> Terms:
        parameters = configured.parameters
        return Terms(
            access=Access(parameters.get("authentication") or {}, self._place),
            serves=frozenset(parameters.get("serves", SERVES)),
            headers=[(each["name"], each["value"]) for each in parameters.get("http-headers", ())],
            secure=context(parameters, self._place) if configured.type == "https" else None,
        )

    @property
    def where(self) -> str:
        """The place where it listens, for people; with the port that the kernel chose if that was left to it."""
        here: Any = self._port.getHost() if self._port is not None else self._configured
        return f"{self._configured.type.upper()} channel on {self._configured.address} port {here.port}"

    def open(self) -> None:
        """Listen. Raises `ConfigError` if that cannot be."""
        configured = self._configured
        try:
            self._port = self._reactor.listenTCP(configured.port, self._factory(), interface=configured.address)
        except CannotListenError as error:
            clear_frames(error.__traceback__)  # or else the socket that could not be bound stays open with them
            mend = "stop who listens there, or give another socket-address or socket-port"
            raise ConfigError(f"the {self.where} cannot be opened: {error.socketError}; {mend}") from None
        if self._log.info:
            self._log.info("COMMAND_ACCEPTOR_START", f"listening for commands on the {self.where}")

    def _factory(self) -> Any:
        secure = self._connections.terms.secure
        if secure is None:
            return self._connections
        from twisted.protocols.tls import TLSMemoryBIOFactory  # needs more than plain txkea

        return TLSMemoryBIOFactory(secure, False, self._connections)

    def revised(self, configured: ControlSocket) -> Callable[[], object]:
        """What puts other users, certificates and headers into force for whoever connects from then on."""
        terms = self._terms(configured)

        def revise() -> None:
            self._configured = configured
            self._connections.terms = terms
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
            await port.stopListening()  # type: ignore[misc]
        waited, crowd = 0.0, self._connections.crowd
        while any(each.answering for each in crowd) and waited < CLOSING_TIME:
            await deferLater(self._reactor, 0.02)
            waited += 0.02
        for connection in crowd:
            connection.transport.abortConnection()
        await self._connections.turn()
