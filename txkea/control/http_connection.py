"""One client of an HTTP channel (Kea G012, G013).

Who asks, for what and how much is known when the headers are complete; until that is found good, no body is read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import h11
from attrs import frozen
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import IAddress, IDelayedCall, IHalfCloseableProtocol, ISSLTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from zope.interface import implementer

from txkea.control.access import ANYBODY, Access, User
from txkea.control.agent import Router
from txkea.control.answer import Answer, Result, Verbatim
from txkea.control.asking import words
from txkea.control.channel import parsed
from txkea.control.crowd import CLOSING_TIME, MOST, Crowd
from txkea.control.http_messages import JSON, MAX_HEADERS, RefusedError, check, headers_of, listed, measured, one
from txkea.control.outlet import TIME_LIMIT, Outlet
from txkea.control.pages import Content, Page
from txkea.control.request import MAX_REQUEST, SLICE, Framing, RequestError, validate
from txkea.control.seldom import Seldom
from txkea.errors import TxkeaError
from txkea.interfaces import ILogger

__all__ = ["HttpConnection", "HttpConnections", "Terms"]

BODY_TIME: Final = 30.0
"""Seconds for a body to arrive."""
IDLE: Final = 30.0
"""Seconds for which a connection may wait between two requests (Kea G012)."""
MOST_EVENTS: Final = 200
"""Pieces of a request, such as chunks of its body, that are looked at in one turn of the reactor."""
WAITING: Final = 64 << 10
"""Bytes that are taken before they are looked at, such as further requests while one is answered."""
MOST_UNWANTED: Final = 1 << 20
"""Bytes of what a refused client still sends, so that it comes to read why."""
MOST_READERS: Final = MOST // 4
"""Pages, some of which have no end, that are sent at a time."""
COMMANDS: Final = "commands"
SPACE: Final = b" \t\r\n"


@frozen
class Terms:
    """What a channel demands and serves, from its configuration."""

    access: Access
    serves: frozenset[str]
    """``commands``, and the names of pages."""
    headers: Sequence[tuple[str, str]]
    secure: Any
    """What makes connections secure; None for plain HTTP."""


@implementer(IHalfCloseableProtocol)
class HttpConnection(Protocol):
    """One client, and one request after the other."""

    factory: HttpConnections
    transport: Any

    def __init__(self) -> None:
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADERS)
        self._user: User = ANYBODY
        self._request: h11.Request | None = None
        self._framing = Framing()
        self._command: bytes | None = None
        self._waiting = bytearray()
        self._unwanted = 0
        self._timer: IDelayedCall | None = None
        self._seconds = 0.0
        """What the timer was set to."""
        self._open = False
        """Whether more can be answered."""
        self._ended = False
        """Whether nothing more is read."""
        self._busy = False
        """Whether an answer is under way."""
        self._behind = False
        """Whether the parser still has what was not looked at."""
        self._refused = self._retired = self._idle = self._pausing = self._digests = self._reads_page = False

    @property
    def answering(self) -> bool:
        """Whether somebody who may ask is being served, the body of his request included."""
        return not self._refused and (self._busy or (self._request is not None and self._user is not ANYBODY))

    @property
    def unfinished(self) -> bool:
        """Whether a command is being answered; a page may have no end."""
        return self.answering and not self._reads_page

    # -- in ------------------------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """A client connected; what TLS needs is part of its time."""
        self._outlet = Outlet(self.transport, self.factory.reactor)
        self.peer = str(getattr(self.transport.getPeer(), "host", ""))
        if self.factory.crowd.admit(self):
            self._open = True
            self._set_timer(TIME_LIMIT)
        else:
            self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """A part of a request, or of those that come after the one that is being answered."""
        if not self._open or self._ended:
            self._unwanted += len(data)
            if self._unwanted > MOST_UNWANTED:
                self.transport.abortConnection()
            return
        self._waiting += data
        if len(self._waiting) > WAITING and not self._pausing:
            self._pausing = True
            self.transport.pauseProducing()
        if not self._busy and not self._digests:
            self._digest()

    def _digest(self) -> None:
        """Look at a little of what waits: however it was made, that takes no long time."""
        self._digests = False
        if not self._open or self._busy:
            return
        data = b"" if self._behind else bytes(self._waiting[:SLICE])
        del self._waiting[: len(data)]
        self._behind = False
        if self._idle and data:
            self._idle = False
            self._set_timer(TIME_LIMIT)
        try:
            if data:  # nothing would mean the end
                self._parser.receive_data(data)
            events = 0
            while not self._busy and events < MOST_EVENTS and self._take(self._parser.next_event()):
                events += 1
            self._behind = events == MOST_EVENTS
        except h11.RemoteProtocolError as error:
            self._refuse(RefusedError(error.error_status_hint, f"bad request: {error}"))
        except ValueError:  # of h11 0.14, which does not mind how many digits a length has
            self._refuse(RefusedError(400, "bad request: bad Content-Length"))
        except RefusedError as error:
            self._refuse(error)
        if self._pausing and len(self._waiting) <= WAITING:
            self._pausing = False
            self.transport.resumeProducing()
        if self._busy:
            return
        if self._waiting or self._behind:
            self._digest_later()
        elif self._ended:
            self._finish()

    def _digest_later(self) -> None:
        self._digests = True
        self.factory.turn().addCallback(lambda _: self._digest())

    def _take(self, event: Any) -> bool:
        """Take what the parser found; whether there may be more."""
        if isinstance(event, h11.Request):
            self._begin(event)
        elif isinstance(event, h11.Data):
            self._collect(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            self._run()
        return event is not h11.NEED_DATA and event is not h11.PAUSED

    def _begin(self, request: h11.Request) -> None:
        """The headers are complete: here it is decided whether the body is read."""
        headers = headers_of(request)
        self._user = self._known(headers.get("authorization"))
        check(request.method.decode("ascii"), headers)
        if request.method == b"POST" and COMMANDS not in self.factory.terms.serves:
            raise RefusedError(404, "this channel serves no commands")
        self._request, self._framing, self._command = request, Framing(), None
        self._set_timer(BODY_TIME)
        if self._parser.they_are_waiting_for_100_continue:
            self.transport.write(self._parser.send(h11.InformationalResponse(status_code=100, headers=[])))

    def _known(self, authorization: str | None) -> User:
        access = self.factory.terms.access
        user = access.user(authorization)
        if user is not None:
            return user
        what = "without name and password" if authorization is None else "with a name and password that nobody has"
        self.factory.strangers.warn("HTTP_CLIENT_REQUEST_NOT_AUTHORIZED", f"{self.peer} came {what}")
        raise RefusedError(401, "name and password are needed (HTTP Basic)", **{"WWW-Authenticate": access.challenge})

    def _collect(self, data: bytes) -> None:
        """A part of a command. Raises `RefusedError` as soon as it can be none."""
        size = len(self._framing) + len(data)
        if size > MAX_REQUEST:
            raise RefusedError(413, f"the request is longer than {MAX_REQUEST} bytes; use a file and config-reload")
        if not self.factory.crowd.holds(self, size):
            raise RefusedError(503, "too many bytes of other commands are on their way; try again")
        rest = data
        if self._command is None:
            try:
                self._command = self._framing.feed(data)
            except RequestError as error:
                raise self._malformed(error) from None
            rest = b"" if self._command is None else self._framing.rest
        if rest.strip(SPACE):
            raise self._malformed(RequestError("more follows behind the command"))

    def _malformed(self, error: RequestError) -> RefusedError:
        self.factory.malformed.warn("COMMAND_PROCESS_ERROR1", str(error))
        return RefusedError(400, str(error))

    def retire(self) -> None:
        """Other terms apply from now on: answer what is under way, and end."""
        self._retired = True
        if not self._busy:
            self._close()
        elif self._reads_page:
            self._outlet.stop()

    # -- the end -------------------------------------------------------------------------------------------------------

    def readConnectionLost(self) -> None:
        """The client sends no more; it may still wait for answers."""
        self._ended = True
        if not self._busy and not self._digests:
            self._finish()

    def _finish(self) -> None:
        """All is looked at that will come."""
        if self._parser.their_state is h11.IDLE and not self._parser.trailing_data[0]:
            self._close()
        else:
            self._refuse(RefusedError(400, "the request ends too early"))

    def writeConnectionLost(self) -> None:
        """The client was told that no more comes, see `_close`."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone."""
        self._open = False
        if not reason.check(ConnectionClosed):
            failed = f"a handshake with {self.peer} failed: {words(reason.value)}"
            self.factory.handshakes.warn("HTTP_CONNECTION_HANDSHAKE_FAILED", failed)
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
            self._refuse(RefusedError(408, f"the request did not arrive within {self._seconds:.0f} seconds"))

    def _set_timer(self, seconds: float) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._seconds = seconds
        self._timer = self.factory.reactor.callLater(seconds, self._too_slow) if seconds else None

    def _close(self) -> None:
        """End the connection; a refused client that still sends shall read why first, but not for ever."""
        self._open = False
        self._set_timer(0)
        self._timer = self.factory.reactor.callLater(CLOSING_TIME, self.transport.abortConnection)
        if self._refused and not ISSLTransport.providedBy(self.transport):
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()

    # -- what is asked -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        assert self._request is not None, "a request begins with its headers"
        self._busy = True
        self._set_timer(0)
        ensureDeferred(self._answer(self._request)).addErrback(self._broken)

    async def _answer(self, request: h11.Request) -> None:
        try:
            if request.method == b"GET":
                await self._read_page(request.target.decode("ascii"))
            else:
                await self._stream(200, JSON, listed(await self._commanded()))
        except RefusedError as error:
            await self._say(error)
        self._next()

    async def _commanded(self) -> Sequence[Answer | Verbatim]:
        """The answers to a command."""
        command, self._command, self._framing = self._command, None, Framing()
        try:
            if command is None:
                raise RequestError("the command ends too early")
            value = await parsed(self.factory.reactor, command)
        except RequestError as error:
            raise self._malformed(error) from None
        try:
            request = validate(value)
        except RequestError as error:
            self.factory.malformed.warn("COMMAND_PROCESS_ERROR2", str(error))
            return [Answer(Result.ERROR, str(error))]
        self._permit(request.command)
        return await self.factory.router.run(request)

    async def _read_page(self, target: str) -> None:
        """Send a page, of which only so many are sent at a time."""
        if self.factory.readers >= MOST_READERS:
            raise RefusedError(503, f"{MOST_READERS} pages are being read already; try again")
        self.factory.readers += 1
        self._reads_page = True
        try:
            content = await self._page(target)
            await self._stream(200, content.type, content.pieces)
        finally:
            self._reads_page = False
            self.factory.readers -= 1

    async def _page(self, target: str) -> Content:
        """A page by its path. Raises `RefusedError`."""
        try:
            address = urlsplit(target)
            query = dict(parse_qsl(address.query, max_num_fields=64))
        except ValueError:
            raise RefusedError(400, "the address is none") from None
        name = address.path.removeprefix("/")
        served = [each for each in sorted(self.factory.pages) if each[1:] in self.factory.terms.serves]
        if address.path not in served:
            raise RefusedError(400, f"a GET is for a page, such as {' or '.join(served) or 'none of this channel'}")
        self._permit(name)
        try:
            return await self.factory.pages[address.path].get(query)
        except TxkeaError as error:
            raise RefusedError(400, str(error)) from None

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
        self._framing, self._command = Framing(), None
        self.factory.crowd.holds(self, 0)
        ensureDeferred(self._say(error)).addCallback(lambda _: self._close()).addErrback(self._broken)

    async def _say(self, error: RefusedError) -> None:
        if self._parser.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            await self._stream(error.status, JSON, one(error.body), error.headers)

    async def _stream(
        self, status: int, kind: str, pieces: AsyncIterator[bytes], more: Mapping[str, str] | None = None
    ) -> None:
        """Send an answer; with its length, if it ends soon."""
        named = {"Content-Type": kind, "Cache-Control": "no-store", **(more or {})}
        named["Date"] = formatdate(self.factory.reactor.seconds(), usegmt=True)
        if kind == JSON:
            pieces, length = await measured(pieces, self.factory.turn)
            if length is not None:
                named["Content-Length"] = str(length)
        if self._refused or self._retired:
            named["Connection"] = "close"
        send = self._parser.send
        headers = [*named.items(), *self.factory.terms.headers]
        if self._open:
            start = h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase)
            self.transport.write(send(start))
        if await self._outlet.send(pieces, lambda piece: self.transport.write(send(h11.Data(data=piece)))):
            self.transport.write(send(h11.EndOfMessage()))

    def _next(self) -> None:
        """Go on with the next request, in a turn of its own: a thousand of them in a row must not nest."""
        if self._open:
            self.factory.crowd.refresh(self)
            self.factory.turn().addCallback(lambda _: self._resume())

    def _resume(self) -> None:
        self._busy, self._request = False, None
        if not self._open:
            return
        if self._retired or self._parser.our_state is not h11.DONE or self._parser.their_state is not h11.DONE:
            self._close()
            return
        self._parser.start_next_cycle()
        self._idle = not self._parser.trailing_data[0]
        self._set_timer(IDLE if self._idle else TIME_LIMIT)
        self._digest()

    def _broken(self, failure: Failure) -> None:
        """A fault in a page, or in the channel itself: this client loses its answer, nobody else anything."""
        log = self.factory.log
        if log.error:
            for line in failure.getTraceback().splitlines():
                log.error("COMMAND_FAILED", line)
        if self._open and not self._refused and self._parser.our_state is h11.SEND_RESPONSE:
            self._refuse(RefusedError(500, "this failed inside the server; its log has the details"))
        else:
            self.transport.abortConnection()


class HttpConnections(Factory):
    """The connections of one socket."""

    noisy = False

    def __init__(self, reactor: Any, terms: Terms, router: Router, pages: Mapping[str, Page], log: ILogger) -> None:
        self.reactor = reactor
        self.terms = terms
        self.router = router
        self.pages = pages
        self.readers = 0
        self.log = log
        self.strangers = Seldom(log, reactor.seconds)
        self.malformed = Seldom(log, reactor.seconds)
        self.handshakes = Seldom(log, reactor.seconds)
        self.crowd: Crowd[HttpConnection] = Crowd(Seldom(log, reactor.seconds))

    def buildProtocol(self, addr: IAddress | None) -> HttpConnection:  # type: ignore[override]
        """Somebody connects."""
        connection = HttpConnection()
        connection.factory = self
        return connection

    def turn(self) -> Deferred[None]:
        """Fires in the next turn of the reactor."""
        return deferLater(self.reactor, 0)
