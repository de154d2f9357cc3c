"""What the tests of the HTTP channel share: a channel that listens, and clients that send what they like."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.logged import Logged
from txkea.control.agent import ServiceRouter
from txkea.control.answer import Answer, Listing
from txkea.control.http import HttpChannel
from txkea.control.pages import Content
from txkea.control.registry import Registry
from txkea.errors import TxkeaError
from txkea.interfaces import ICommands
from txkea.model.configuration import ControlSocket

__all__ = [
    "AUTHENTICATION",
    "BODY",
    "TYPE",
    "Held",
    "HttpCase",
    "Response",
    "answered",
    "authorization",
    "pause",
    "post",
    "received",
]

CLIENTS = [{"user": "admin", "password": "correct: horse"}, {"user": "guest", "password": "", "role": "watcher"}]
ROLES = [
    {"name": "watcher", "accept-commands": ["*-get", "ech?", "events"], "reject-commands": ["config-get"]},
]
AUTHENTICATION = {"type": "basic", "realm": "here", "clients": CLIENTS, "roles": ROLES}
BODY = b'{"command": "echo", "arguments": 1}'
TYPE = "Content-Type: application/json\r\n"


@implementer(ICommands)
class Commands:
    """Commands with answers of all kinds."""

    def __init__(self) -> None:
        self.waiting: Deferred[Answer] = Deferred()
        self.ran = 0

    def commands(self) -> Mapping[str, Any]:
        return {
            "echo": self.echo,
            "config-get": lambda arguments: Answer(),
            "wait": lambda arguments: self.waiting,
            "many": lambda arguments: Answer(arguments=Listing("numbers", self.pages(), lambda count: (0, f"{count}"))),
            "break": lambda arguments: Answer(arguments=Listing("numbers", self.broken(), lambda count: (0, ""))),
        }

    def echo(self, arguments: Any) -> Answer:
        self.ran += 1
        return Answer(arguments=arguments)

    async def pages(self) -> Any:
        for page in range(200):
            yield [f"{page:01000d}"] * 100

    async def broken(self) -> Any:
        yield ["x" * 1000] * 10_000
        raise RuntimeError("as it happens")


class Numbers:
    """A page without end, or with one."""

    def __init__(self) -> None:
        self.closed = 0
        self.more: Deferred[None] = Deferred()

    async def get(self, query: Mapping[str, str]) -> Content:
        if query.keys() - {"to"}:
            raise TxkeaError("to is the only parameter")
        pieces = self.upto(int(query["to"])) if "to" in query else Endless(self)
        return Content("text/plain", pieces)

    async def upto(self, end: int) -> AsyncIterator[bytes]:
        for number in range(end):
            yield b"%d\n" % number


class Endless:
    """Pieces without end; how often they are closed is counted."""

    def __init__(self, page: Numbers) -> None:
        self.page = page

    def __aiter__(self) -> Endless:
        return self

    async def __anext__(self) -> bytes:
        await deferLater(reactor, 0.01)
        if self.page.closed:
            raise StopAsyncIteration
        return b"tick\n"

    async def aclose(self) -> None:
        self.page.closed += 1


class Held:
    """How long the reactor was held; the second longest time counts, for this machine is shared."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.began = time.perf_counter()
        self.call = LoopingCall(self.tick)
        self.call.start(0.001)

    def tick(self) -> None:
        now = time.perf_counter()
        self.times.append(now - self.began)
        self.began = now

    def end(self) -> float:
        self.call.stop()
        return sorted(self.times)[-2]


def pause(seconds: float = 0) -> Deferred[None]:
    return deferLater(reactor, seconds)


def authorization(user: str = "admin", password: str = "correct: horse") -> str:
    return f"Authorization: Basic {b64encode(f'{user}:{password}'.encode()).decode()}\r\n"


def post(headers: str = "", body: bytes = BODY, start: str = "POST / HTTP/1.1") -> bytes:
    return f"{start}\r\nHost: x\r\n{TYPE}Content-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def received(client: socket.socket) -> bytes:
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(1 << 16):
            data += piece
    return data


class Response:
    """What came: ``status``, ``headers`` in small letters, ``body`` without its chunks, and the ``rest`` behind it."""

    def __init__(self, data: bytes) -> None:
        head, _, rest = data.partition(b"\r\n\r\n")
        start, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(start.split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if self.status == 100:
            self.body, self.rest = b"", rest
        elif self.headers.get("transfer-encoding") == "chunked":
            self.body, self.rest = unchunked(rest)
        else:
            length = int(self.headers.get("content-length", len(rest)))
            self.body, self.rest = rest[:length], rest[length:]

    @property
    def value(self) -> Any:
        return json.loads(self.body)


def answered(client: socket.socket) -> Response:
    """One whole answer with a length, or an interim one; runs in a thread. Raises OSError if it does not come."""
    data = b""
    while piece := client.recv(1 << 16):
        data += piece
        head, end, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)|^HTTP/1.1 100 ", head)
        if end and length is not None and len(body) >= int(length[1] or 0):
            return Response(data)
    raise ConnectionResetError(f"no answer, but {data!r}")


def unchunked(data: bytes) -> tuple[bytes, bytes]:
    body = bytearray()
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        body += data[:length]
        data = data[length + 2 :]
        if not length:
            return bytes(body), data
    raise AssertionError("a chunk of no length is missing")


class HttpCase(Logged, TestCase):
    """A channel that listens."""

    timeout = 30
    parameters: Mapping[str, Any] = {"authentication": AUTHENTICATION}

    def setUp(self) -> None:
        super().setUp()
        self.commands, self.page = Commands(), Numbers()
        self.channel = self.made(self.parameters)
        self.port = self.channel.port

    def configured(self, parameters: Mapping[str, Any], kind: str = "http") -> ControlSocket:
        return ControlSocket(type=kind, address="127.0.0.1", port=0, parameters=dict(parameters))

    def made(self, parameters: Mapping[str, Any], kind: str = "http") -> HttpChannel:
        log = self.logs.logger("commands")
        registry = Registry(log, [self.commands])
        router = ServiceRouter(registry, {"dhcp4": registry}, {}, log)
        pages = {"/metrics": self.page, "/events": self.page}
        configured = self.configured(parameters, kind)
        channel = HttpChannel(reactor, configured, router, pages, log, partial(os.path.join, self.id()))
        channel.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(channel.close()))
        return channel

    def connect(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), 10)
        self.addCleanup(client.close)
        return client

    async def raw(self, *parts: bytes, end: bool = True) -> bytes:
        """All that comes back up to the close; ``end`` tells that no more is sent."""
        client = self.connect()
        for part in parts:
            with contextlib.suppress(OSError):
                await deferToThread(client.sendall, part)
            await pause(0.01)
        if end:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_WR)
        return await deferToThread(received, client)

    async def ask(self, *parts: bytes, end: bool = True) -> Response:
        return Response(await self.raw(*parts, end=end))
