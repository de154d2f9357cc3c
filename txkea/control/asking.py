"""A client of control channels: one command out, one JSON answer back, over a UNIX socket or HTTP (Kea G001, G012)."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.error import TimeoutError as CannotConnect
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IPolicyForHTTPS
from zope.interface import implementer

from txkea.control.answer import Verbatim, pieces
from txkea.control.channel import check_path
from txkea.control.reading import read
from txkea.control.verification import verifying
from txkea.errors import ConfigError, TxkeaError, Unavailable

__all__ = ["TIME_LIMIT", "ControlClient"]

TIME_LIMIT: Final = 60.0
"""Seconds for a command with its answer (Kea G012)."""
LARGEST: Final = 512 << 20
"""Bytes of an answer."""
LARGE: Final = 1 << 16
"""An answer of more bytes is parsed in a thread."""
UNREACHABLE: Final = (ConnectError, DNSLookupError, CannotConnect)
OK: Final = 200
UNAUTHORIZED: Final = 401


class ControlClient:
    """Asks one control channel, with a connection for each command.

    ``where`` is the path of a UNIX socket, or an address that begins with ``http://`` or ``https://``. ``trust_anchor``
    is a file of the authorities that may have signed the server's certificate, ``""`` for those that the system trusts;
    ``certificate`` and ``key`` are files of our own. Raises `ConfigError` for a place or a file that is of no use.
    """

    def __init__(
        self,
        reactor: Any,
        where: str,
        *,
        user: str = "",
        password: str = "",
        trust_anchor: str = "",
        certificate: str = "",
        key: str = "",
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self._reactor = reactor
        self._where = where
        self._time_limit = time_limit
        self._exchange: Callable[[bytes], Any]
        if where.startswith(("http://", "https://")):
            policy = verifying(trust_anchor, certificate, key) if where.startswith("https://") else None
            self._exchange = Web(reactor, where, user, password, policy).exchange
        else:
            check_path(where)
            self._exchange = partial(over_unix, reactor, where)

    async def ask(self, request: Mapping[str, Any]) -> Any:
        """The JSON value of the answer: over HTTP a list with one answer for each service.

        Raises `Unavailable`, with what to do about it, if there is none.
        """
        return await self._judged(read, await self._asked(request))

    async def forward(self, request: Mapping[str, Any]) -> Verbatim:
        """The answer as it came, whatever it holds; raises as `ask`."""
        verbatim: Verbatim = await self._judged(checked, await self._asked(request))
        return verbatim

    async def _asked(self, request: Mapping[str, Any]) -> list[bytes]:
        data = await self._in_thread(encoded, request)
        asked: Deferred[list[bytes]] = Deferred.fromCoroutine(self._exchange(data))
        asked.addTimeout(self._time_limit, self._reactor, self._too_slow)
        try:
            return await asked
        except OversizeError:
            raise Unavailable(f"{self._where}: the answer is longer than {LARGEST} bytes; ask for less") from None

    def _too_slow(self, ended: Any, limit: float) -> Any:
        """What a time that ran out ended in is of no interest."""
        raise Unavailable(f"{self._where}: no answer within {limit:g} seconds; try again")

    async def _judged(self, judge: Callable[[list[bytes]], Any], chunks: list[bytes]) -> Any:
        try:
            if sum(map(len, chunks)) <= LARGE:
                return judge(chunks)
            return await self._in_thread(judge, chunks)
        except (ValueError, RecursionError) as error:
            what = f"what answers is no control channel, or it ended too early: {error}" if chunks else "no answer came"
            raise Unavailable(f"{self._where}: {what}") from None

    def _in_thread(self, call: Callable[..., Any], argument: Any) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), call, argument)


# -- JSON --------------------------------------------------------------------------------------------------------------

TEXT: Final = json.JSONEncoder(ensure_ascii=False)
"""Kea 2.2 understands no escapes of characters beyond Latin-1, and takes UTF-8."""


def encoded(request: Mapping[str, Any]) -> bytes:
    return "".join(pieces(request, dumps=TEXT.encode)).encode("utf-8")


def checked(chunks: list[bytes]) -> Verbatim:
    """The answer if it is a JSON value; nothing of it is kept while it is read. Raises ValueError."""
    read(chunks, lambda pairs: None)
    return Verbatim(tuple(chunks))


# -- what comes --------------------------------------------------------------------------------------------------------


class OversizeError(TxkeaError):
    """More comes than anybody can want."""


class Collected(Protocol):
    """Sends a request, if there is one to send, and collects what comes up to the close.

    However it ends: an answer that lacks its end is no good JSON.
    """

    transport: Any

    def __init__(self, request: bytes = b"") -> None:
        self._request = request
        self._chunks: list[bytes] = []
        self._size = 0
        self.whole: Deferred[list[bytes]] = Deferred(lambda whole: self.transport.loseConnection())

    def connectionMade(self) -> None:
        """The server listens."""
        if self._request:
            self.transport.write(self._request)

    def dataReceived(self, data: bytes) -> None:
        """A part of the answer."""
        self._size += len(data)
        self._chunks.append(data)
        if self._size > LARGEST and not self.whole.called:
            self.whole.errback(OversizeError())
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The end of the answer, or of the server."""
        if not self.whole.called:
            self.whole.callback(self._chunks)


def unreachable(where: str, error: Any) -> Unavailable:
    """What is told of a server that cannot be reached."""
    number = getattr(error, "osError", None)
    reason = os.strerror(number) if isinstance(number, int) else str(error)
    return Unavailable(f"{where}: {reason}; the server is likely to be offline")


# -- over a UNIX socket ------------------------------------------------------------------------------------------------


async def over_unix(reactor: Any, path: str, data: bytes) -> list[bytes]:
    """What comes back for a request, up to the close. Raises `Unavailable`."""
    try:
        collected = await UNIXClientEndpoint(reactor, path).connect(Factory.forProtocol(partial(Collected, data)))
        chunks: list[bytes] = await collected.whole
    except UNREACHABLE as error:
        raise unreachable(path, error) from None
    return chunks


# -- over HTTP ---------------------------------------------------------------------------------------------------------


@implementer(IBodyProducer)
class Body:
    """A request whose length is known before, without which Kea takes none (Kea G013)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        """Send it."""
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:
        """It is sent already."""

    def resumeProducing(self) -> None:
        """It is sent already."""

    def stopProducing(self) -> None:
        """It is sent already."""


class Web:
    """A control channel over HTTP; ``policy`` tells which servers are believed, None without TLS."""

    def __init__(self, reactor: Any, url: str, user: str, password: str, policy: IPolicyForHTTPS | None) -> None:
        if not good(url):
            raise ConfigError(f"{url} is no address; write it like http://127.0.0.1:8000/")
        self._url = url
        self._agent = Agent(reactor, policy or BrowserLikePolicyForHTTPS())
        self._headers = Headers({"Content-Type": ["application/json"], "User-Agent": ["txkea"]})
        if user:
            credentials = b64encode(f"{user}:{password}".encode()).decode("ascii")
            self._headers.addRawHeader("Authorization", f"Basic {credentials}")

    async def exchange(self, data: bytes) -> list[bytes]:
        """What comes back for a request. Raises `Unavailable`."""
        try:
            response = await self._agent.request(b"POST", self._url.encode("ascii"), self._headers, Body(data))
        except UNREACHABLE as error:
            raise unreachable(self._url, error) from None
        except ResponseFailed as error:
            reasons = ", ".join(words(each.value) for each in error.reasons)
            raise Unavailable(f"{self._url}: no answer came: {reasons}") from None
        body = Collected()
        response.deliverBody(body)
        collected = await body.whole
        if response.code == UNAUTHORIZED:
            raise Unavailable(f"{self._url}: user and password are not accepted (401); give others")
        if response.code != OK:
            raise Unavailable(f"{self._url}: {response.code} {response.phrase.decode('ascii', 'replace')}")
        return collected


def good(url: str) -> bool:
    """Whether an address can be one."""
    try:
        parts = urlsplit(url)
        return url.isascii() and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def words(error: Any) -> str:
    """An error in words; those of OpenSSL are lists of tuples, whose last members are what people understand."""
    details = error.args[0] if error.args else ""
    if isinstance(details, list):
        return ", ".join(str(detail[-1]) for detail in details) or type(error).__name__
    return str(error)
