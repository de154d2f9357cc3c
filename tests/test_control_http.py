"""The HTTP channel over real sockets: who is served, who is not, and what it costs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer

from txkea.control import crowd, http_connection, outlet
from txkea.control.access import Access
from txkea.control.agent import ServiceRouter
from txkea.control.answer import Answer, Listing
from txkea.control.http import HttpChannel
from txkea.control.pages import Content
from txkea.control.registry import Registry
from txkea.errors import ConfigError, TxkeaError
from txkea.interfaces import ICommands
from txkea.logs.logs import Logs
from txkea.model.configuration import ControlSocket

CLIENTS = [{"user": "admin", "password": "correct: horse"}, {"user": "guest", "password": "", "role": "watcher"}]
ROLES = [
    {"name": "watcher", "accept-commands": ["*-get", "ech?", "events"], "reject-commands": ["config-get"]},
]
AUTHENTICATION = {"type": "basic", "realm": "here", "clients": CLIENTS, "roles": ROLES}
BODY = b'{"command": "echo", "arguments": 1}'
TYPE = "Content-Type: application/json\r\n"
WORDS = (
    *(b"POST", b"GET", b" ", b"/", b"HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\n", b"\r", b"\t", b"\0", b":", b",", b";"),
    *(b"Host", b"Content-Length", b"Transfer-Encoding", b"chunked", b"Authorization", b"Basic ", b"Expect"),
    *(b"100-continue", b"Connection", b"Upgrade", b"1", b"-", b"+", b"0x", b"f" * 16, b"{", b"[", b'"', b"\xff"),
)


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


class HttpCase(TestCase):
    """A channel that listens."""

    timeout = 30
    parameters: Mapping[str, Any] = {"authentication": AUTHENTICATION}

    def setUp(self) -> None:
        self.log_file = self.mktemp()
        self.logs = Logs(default=self.log_file)
        self.addCleanup(self.logs.close)
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

    def limits(self, module: Any, **limits: float) -> None:
        for name, value in limits.items():
            self.patch(module, name, value)

    def log(self) -> str:
        self.logs.flush()
        with open(self.log_file, encoding="utf-8") as file:
            return file.read()

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


class ServedTests(HttpCase):
    """What is answered."""

    async def test_command(self) -> None:
        """A command is answered by a list of one answer, with its length and its type."""
        found = await self.ask(post(authorization()))
        self.assertEqual((found.status, found.value), (200, [{"arguments": 1, "result": 0}]))
        self.assertEqual((found.headers["content-type"], found.headers["content-length"]), ("application/json", "35"))

    async def test_byte_by_byte(self) -> None:
        """A request may come in any parts."""
        data = post(authorization())
        found = await self.ask(*(data[at : at + 9] for at in range(0, len(data), 9)))
        self.assertEqual(found.value, [{"arguments": 1, "result": 0}])

    async def test_services(self) -> None:
        """There is an answer for each service, one that is not known included."""
        found = await self.ask(post(authorization(), b'{"command": "echo", "service": ["dhcp4", "x"]}'))
        self.assertEqual([each["result"] for each in found.value], [0, 1])

    async def test_comments(self) -> None:
        """A command may have comments, and space behind it (Kea G010)."""
        found = await self.ask(post(authorization(), b'# so\n{"command": "echo" /* } */} \n'))
        self.assertEqual(found.value, [{"result": 0}])

    async def test_http_1_0(self) -> None:
        """HTTP/1.0 is answered, and the connection closed."""
        found = await self.ask(post(authorization(), start="POST / HTTP/1.0"), end=False)
        self.assertEqual((found.status, found.value), (200, [{"arguments": 1, "result": 0}]))

    async def test_chunks(self) -> None:
        """A command may come in chunks."""
        head = f"POST / HTTP/1.1\r\nHost: x\r\n{TYPE}Transfer-Encoding: chunked\r\n{authorization()}\r\n".encode()
        chunks = b"".join(b"%x;x=y\r\n%s\r\n" % (1, bytes([byte])) for byte in BODY)
        found = await self.ask(head, chunks, b"0\r\nX: y\r\n\r\n")
        self.assertEqual(found.value, [{"arguments": 1, "result": 0}])

    async def test_persistent(self) -> None:
        """A connection serves one request after the other, each with its own user."""
        client = self.connect()
        for user, status in (("admin", 200), ("admin", 200)):
            client.sendall(post(authorization(user)))
            found = Response(await deferToThread(client.recv, 1 << 16))
            self.assertEqual((found.status, found.headers.get("connection")), (status, None))
        client.sendall(post())
        self.assertEqual(Response(await deferToThread(received, client)).status, 401)

    async def test_pipelined(self) -> None:
        """A thousand requests in a row are answered in their order, also those that fail and those that wait."""
        bodies = [b'{"command": "echo", "arguments": %d}' % number for number in range(1000)]
        bodies[10], bodies[20], bodies[30] = b'{"command": "nope"}', b'{"command": "wait"}', b"[]"
        client = self.connect()
        sent = deferToThread(client.sendall, b"".join(post(authorization(), body) for body in bodies))
        got = deferToThread(received, client)
        await pause(0.2)
        self.commands.waiting.callback(Answer(text="at last"))
        await sent
        client.shutdown(socket.SHUT_WR)
        data = await got
        found = []
        while data:
            response = Response(data)
            found.append(response.value)
            data = response.rest
        self.assertEqual((found[10][0]["result"], found[20][0]["text"], found[30][0]["result"]), (2, "at last", 1))
        others = [number for number in range(1000) if number not in (10, 20, 30)]
        self.assertEqual([each[0]["arguments"] for each in found if "arguments" in each[0]], others)

    async def test_a_thousand(self) -> None:
        """All of a thousand good requests in a row are answered."""
        data = b"".join(post(authorization(), b'{"command": "echo", "arguments": %d}' % each) for each in range(1000))
        got = await self.raw(data)
        numbers = []
        while got:
            response = Response(got)
            numbers.append(response.value[0]["arguments"])
            got = response.rest
        self.assertEqual(numbers, list(range(1000)))

    async def test_half_closed(self) -> None:
        """A client that has nothing more to send still gets its answer."""
        client = self.connect()
        client.sendall(post(authorization(), b'{"command": "wait"}'))
        client.shutdown(socket.SHUT_WR)
        await pause(0.05)
        self.commands.waiting.callback(Answer(text="late"))
        self.assertEqual(Response(await deferToThread(received, client)).value, [{"result": 0, "text": "late"}])

    async def test_half_a_request(self) -> None:
        """A client that stops in the middle is told so, be it in the headers, the body, or the second request."""
        data = post(authorization())
        for part in (data[:10], data[:-1], data[: data.index(b"\r\n\r\n") + 4]):
            self.assertEqual((await self.ask(part)).status, 400, part)
            found = await self.ask(data + part)
            self.assertEqual((found.status, Response(found.rest).status), (200, 400), part)
        self.assertEqual(await self.raw(b""), b"")

    async def test_listing(self) -> None:
        """An answer of twenty megabytes comes in chunks, while another client is served in between."""
        client = self.connect()
        client.sendall(post(authorization(), b'{"command": "many"}'))
        client.shutdown(socket.SHUT_WR)
        await pause(0.1)
        self.assertEqual((await self.ask(post(authorization()))).status, 200)
        found = Response(await deferToThread(received, client))
        self.assertEqual(found.headers["transfer-encoding"], "chunked")
        self.assertEqual((len(found.value[0]["arguments"]["numbers"]), found.value[0]["text"]), (20000, "20000"))

    async def test_expect(self) -> None:
        """Who waits for 100 Continue gets it once his name is known, and nobody else."""
        client = self.connect()
        data = post(f"Expect: 100-continue\r\n{authorization()}")
        client.sendall(data[: -len(BODY)])
        found = Response(await deferToThread(client.recv, 1 << 16))
        self.assertEqual((found.status, self.commands.ran), (100, 0))
        client.sendall(BODY)
        self.assertEqual(Response(await deferToThread(client.recv, 1 << 16)).status, 200)
        nobody = await self.ask(post("Expect: 100-continue\r\n")[: -len(BODY)])
        self.assertEqual(nobody.status, 401)

    async def test_broken_on_its_way(self) -> None:
        """An answer that fails on its way is cut off, so that nobody takes it for whole; the log says why."""
        data = await self.raw(post(authorization(), b'{"command": "break"}'))
        self.assertFalse(data.endswith(b"0\r\n\r\n"))
        self.assertIn("as it happens", self.log())
        self.assertEqual((await self.ask(post(authorization()))).status, 200)

    async def test_gone_before_answer(self) -> None:
        """A client that went away costs nothing; its command has run."""
        client = self.connect()
        client.sendall(post(authorization(), b'{"command": "wait"}'))
        await pause(0.05)
        client.close()
        self.commands.waiting.callback(Answer())
        await pause(0.05)
        self.assertEqual((await self.ask(post(authorization()))).status, 200)
        self.assertNotIn("ERROR", self.log())


class PageTests(HttpCase):
    """What is read with GET."""

    def get(self, path: str, user: str = "admin", password: str = "correct: horse") -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: x\r\n{authorization(user, password)}\r\n".encode()

    async def test_page(self) -> None:
        """A page is sent in chunks, with its parameters heeded."""
        found = await self.ask(self.get("/metrics?to=3"))
        self.assertEqual((found.status, found.headers["content-type"]), (200, "text/plain"))
        self.assertEqual(found.body, b"0\n1\n2\n")

    async def test_refused(self) -> None:
        """Wrong parameters, unknown pages, strangers and roles without the page get nothing."""
        found = [
            (await self.ask(data)).status
            for data in (
                self.get("/metrics?from=3"),
                self.get("/nothing"),
                self.get("/"),
                self.get("//metrics"),
                self.get("/metrics/../metrics"),
                self.get("/metrics?" + "a=b&" * 100),
                self.get("http://[/"),
                self.get("/metrics?to=1", "nobody"),
                self.get("/metrics?to=1", "guest", ""),
            )
        ]
        self.assertEqual(found, [400, 400, 400, 400, 400, 400, 400, 401, 403])

    async def test_broken(self) -> None:
        """A page that fails before it begins is answered with 500, and the log says why."""
        found = await self.ask(self.get("/metrics?to=x"))
        self.assertEqual((found.status, found.value["result"]), (500, 500))
        self.assertIn("invalid literal for int", self.log())
        self.assertEqual((await self.ask(self.get("/metrics?to=1"))).status, 200)

    async def test_endless(self) -> None:
        """A page without end is sent as it comes, and its pieces are closed when the client is gone."""
        client = self.connect()
        client.sendall(self.get("/events", "guest", ""))
        data = b""
        while data.count(b"tick") < 3:
            data += await deferToThread(client.recv, 1 << 16)
        client.close()
        await pause(0.2)
        self.assertEqual(self.page.closed, 1)

    async def test_endless_at_the_end(self) -> None:
        """A channel that closes waits for nobody who reads a page."""
        client = self.connect()
        client.sendall(self.get("/events"))
        await deferToThread(client.recv, 1)
        began = reactor.seconds()
        await self.channel.close()
        self.assertLess(reactor.seconds() - began, 1.0)
        await pause(0.1)
        self.assertEqual(self.page.closed, 1)

    async def test_too_many_readers(self) -> None:
        """Readers of pages cannot take all connections: commands are answered beside them."""
        clients = []
        for _ in range(http_connection.MOST_READERS):
            clients.append(self.connect())
            clients[-1].sendall(self.get("/events"))
            await deferToThread(clients[-1].recv, 1)
        self.assertEqual((await self.ask(self.get("/events"))).status, 503)
        self.assertEqual((await self.ask(post(authorization()))).status, 200)
        await self.channel.close()
        await pause(0.1)


class RefusedTests(HttpCase):
    """Who and what is turned away."""

    async def test_strangers(self) -> None:
        """Nobody without a known name and password is served; the answer says what is needed."""
        basic = "Authorization: Basic "
        for headers in (
            "",
            authorization("nobody"),
            authorization(password="correct"),
            authorization(password=""),
            authorization("admin:correct"),
            authorization("ADMIN"),
            authorization("guest", " "),
            basic + "\r\n",
            basic + "????\r\n",
            basic + b64encode(b"admin").decode() + "\r\n",
            basic + b64encode(b"admin:correct: horse\0").decode() + "\r\n",
            basic + b64encode(b"\xff:\xff").decode() + "\r\n",
            basic + b64encode(b"a:" + b"b" * 3000).decode() + "\r\n",
            basic + authorization()[len(basic) :].strip() + " more\r\n",
            authorization().replace("Basic", "Bearer"),
        ):
            found = await self.ask(post(headers))
            self.assertEqual(found.status, 401, headers)
            self.assertEqual((found.value["result"], found.headers["connection"]), (401, "close"))
            self.assertEqual(found.headers["www-authenticate"], 'Basic realm="here", charset="UTF-8"')
        self.assertEqual(self.commands.ran, 0)

    async def test_twice(self) -> None:
        """Two names are refused: a proxy might have looked at the other one."""
        for headers in (authorization() + authorization("x"), authorization("x") + authorization()):
            self.assertEqual((await self.ask(post(headers))).status, 400)

    async def test_scheme(self) -> None:
        """The word Basic may be written in any case (RFC 7617)."""
        self.assertEqual((await self.ask(post(authorization().replace("Basic", "bASIC")))).status, 200)

    async def test_logged(self) -> None:
        """A failed attempt is logged with its address, a hundred of them in one or two lines, the password never."""
        for _ in range(100):
            await self.raw(post(authorization(password="secret attempt")))
        lines = [line for line in self.log().splitlines() if "HTTP_CLIENT_REQUEST_NOT_AUTHORIZED" in line]
        self.assertIn("127.0.0.1", lines[0])
        self.assertLess(len(lines), 20)
        for word in ("secret attempt", "correct: horse", b64encode(b"admin:secret attempt").decode()):
            self.assertNotIn(word, self.log())

    async def test_before_the_body(self) -> None:
        """A stranger is answered before he has sent a body, and what he sends is not kept."""
        client = self.connect()
        client.sendall(post("", b"")[:-2].replace(b"Content-Length: 0", b"Content-Length: 300000000") + b"\r\n")
        self.assertEqual(Response(await deferToThread(client.recv, 1 << 16)).status, 401)

        def flood() -> int:
            sent = 0
            with contextlib.suppress(OSError):
                while sent < 300_000_000:
                    sent += client.send(b"x" * 65536)
            return sent

        self.assertLess(await deferToThread(flood), 20_000_000)

    async def test_stays(self) -> None:
        """A client that was refused and stays is cut off, and costs nothing meanwhile."""
        self.limits(http_connection, CLOSING_TIME=0.3)
        turns = 0

        def turn() -> None:
            nonlocal turns
            turns += 1

        client = self.connect()
        client.sendall(post())
        self.assertEqual(Response(await deferToThread(client.recv, 1 << 16)).status, 401)
        self.patch(http_connection.HttpConnection, "writeConnectionLost", lambda connection: turn())
        began = reactor.seconds()
        await pause(0.6)
        self.assertEqual(await deferToThread(client.recv, 10), b"")
        with self.assertRaises(OSError):
            for _ in range(10):
                client.send(b"x")
                await pause(0.02)
        self.assertLess(reactor.seconds() - began, 3)
        self.assertLess(turns, 3)

    async def test_malformed(self) -> None:
        """What is no request of ours gets 400, in JSON, and ends the connection (Kea G013)."""
        known = authorization()
        for data in (
            b"GET /\r\n\r\n",
            b"nonsense\r\n\r\n",
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\r\n\r\n",
            post(known, start="PUT / HTTP/1.1"),
            post(known, start="OPTIONS * HTTP/1.1"),
            post(known, start="TRACE / HTTP/1.1"),
            post(known).replace(b"application/json", b"text/plain"),
            post(known).replace(TYPE.encode(), b""),
            post(known).replace(b"Content-Length", b"X"),
            post(known + "Content-Length: 3\r\n"),
            post(known + "Transfer-Encoding: chunked\r\n"),
            post(known).replace(b"Content-Length: ", b"Content-Length: +"),
            post(known).replace(b"Content-Length: ", b"Content-Length: -"),
            post(known + "X: a\0b\r\n"),
            post(known + "X: a\rb\r\n"),
            post(known + "X : a\r\n"),
            post(known, b"{}}"),
            post(known, b'{"command": "echo"} x'),
            post(known, b'{"command": "echo"'),
            post(known, b"[" * 200),
            post(known, b'{"command": "\xff"}'),
        ):
            found = await self.ask(data)
            self.assertEqual((found.status, found.headers["content-type"]), (400, "application/json"), data)
            self.assertEqual(found.value["result"], 400, data)
            self.assertTrue(found.value["text"])
        self.assertEqual(self.commands.ran, 0)

    async def test_no_command(self) -> None:
        """What is JSON but no command has result 1, as at Kea."""
        for body in (b'{"command": 3}', b"{}", b'{"command": "echo", "x": 1}', b'{"command": "echo", "service": 3}'):
            found = await self.ask(post(authorization(), body))
            self.assertEqual((found.status, found.value[0]["result"]), (200, 1), body)

    async def test_roles(self) -> None:
        """A user with a role may do what its patterns name, and no more; one without may do all."""
        for name, status in (
            ("echo", 200),
            ("status-get", 200),
            ("config-get", 403),
            ("many", 403),
            ("list-commands", 403),
        ):
            body = json.dumps({"command": name}).encode()
            found = await self.ask(post(authorization("guest", ""), body))
            self.assertEqual(found.status, status, name)
        self.assertEqual(found.value["result"], 403)
        self.assertEqual((await self.ask(post(authorization(), b'{"command": "config-get"}'))).status, 200)

    async def test_refused_command_goes_on(self) -> None:
        """A command that a role does not permit does not end the connection."""
        data = post(authorization("guest", ""), b'{"command": "many"}') + post(authorization("guest", ""))
        first = Response(await self.raw(data))
        self.assertEqual((first.status, Response(first.rest).status), (403, 200))


class LimitTests(HttpCase):
    """Slow and greedy clients."""

    async def test_slow_headers(self) -> None:
        """Headers that do not arrive in time get 408 (Kea G012)."""
        self.limits(http_connection, TIME_LIMIT=0.2)
        client = self.connect()
        client.sendall(b"POST / HTTP/1.1\r\n")
        for _ in range(5):
            await pause(0.05)
            with contextlib.suppress(OSError):
                client.sendall(b"X: y\r\n")
        self.assertEqual(Response(await deferToThread(received, client)).status, 408)

    async def test_slow_body(self) -> None:
        """A body that does not arrive in time gets 408."""
        self.limits(http_connection, BODY_TIME=0.2)
        found = await self.ask(post(authorization())[:-5], end=False)
        self.assertEqual((found.status, found.value["result"]), (408, 408))

    async def test_idle(self) -> None:
        """Who says nothing at all is closed without a word, at the beginning and between two requests."""
        self.limits(http_connection, TIME_LIMIT=0.2, IDLE=0.3)
        self.assertEqual(await self.raw(end=False), b"")
        client = self.connect()
        client.sendall(post(authorization()))
        self.assertEqual(Response(await deferToThread(received, client)).rest, b"")

    async def test_slow_second_request(self) -> None:
        """A second request has no more time than the first."""
        self.limits(http_connection, TIME_LIMIT=0.2)
        client = self.connect()
        client.sendall(post(authorization()) + b"POST")
        found = Response(await deferToThread(received, client))
        self.assertEqual((found.status, Response(found.rest).status), (200, 408))

    async def test_does_not_read(self) -> None:
        """A client that does not take its answer is dropped, and the answer's pages are no longer read."""
        self.limits(outlet, TIME_LIMIT=0.2)
        client = self.connect()
        client.sendall(post(authorization(), b'{"command": "many"}'))
        await pause(0.6)
        self.assertLess(len(await deferToThread(received, client)), 10_000_000)

    async def test_too_large(self) -> None:
        """Lengths, chunks and headers beyond the limits are refused before they are there."""
        known = authorization()
        chunked = f"POST / HTTP/1.1\r\nHost: x\r\n{TYPE}Transfer-Encoding: chunked\r\n{known}\r\n".encode()
        big = b"%x\r\n" % (1 << 20) + b"{}, " * (1 << 18) + b"\r\n"
        for data, status in (
            (post(known).replace(b"Length: 35", b"Length: 4000000000"), 413),
            (post(known).replace(b"Length: 35", b"Length: " + b"9" * 400), 400),
            (post(known).replace(b"Length: 35", b"Length: " + b"9" * 5000), 400),
            (chunked + b'10\r\n{"arguments": [ \r\n' + big * 17, 413),
            (chunked + b"1;" + b"x" * (1 << 19), 431),
            (chunked + b"f" * 40 + b"\r\n", 400),
            (post(f"X: {'x' * 20000}\r\n{known}"), 431),
            (post("X: y\r\n" * 200 + known), 431),
            (post(f"X: {'x' * (1 << 19)}\r\n{known}"), 431),
            (post(known, start=f"POST /{'x' * 20000} HTTP/1.1"), 431),
        ):
            found = await self.ask(data)
            self.assertEqual(found.status, status, data[:200])
        self.assertEqual(self.commands.ran, 0)

    async def test_pieces(self) -> None:
        """Whatever a request is made of, it holds the reactor for no more than 20 ms at a time."""
        known = authorization()
        chunked = f"POST / HTTP/1.1\r\nHost: x\r\n{TYPE}Transfer-Encoding: chunked\r\n{known}\r\n".encode()
        requests = {
            "chunks": chunked + b"1\r\n \r\n" * 50_000,
            "headers": post("X: y\r\n" * 50_000 + known),
            "brackets": post(known, b'{"command": "config-get", "arguments": [' + b"[]," * 40_000 + b"1]}"),
            "requests": post(known) * 500,
        }
        for name, data in requests.items():
            held = Held()
            await self.raw(data)
            self.assertLess(held.end(), 0.02, name)

    async def test_behind(self) -> None:
        """What was not looked at yet waits in the sockets: the server holds no megabytes of it."""
        chunked = f"POST / HTTP/1.1\r\nHost: x\r\n{TYPE}Transfer-Encoding: chunked\r\n{authorization()}\r\n".encode()
        most = 0
        looked = http_connection.HttpConnection._digest

        def look(connection: http_connection.HttpConnection) -> None:
            nonlocal most
            looked(connection)
            most = max(most, len(connection._waiting) + len(connection._parser.trailing_data[0]))

        self.patch(http_connection.HttpConnection, "_digest", look)
        await self.raw(chunked + b"1\r\n \r\n" * 100_000)
        self.assertLess(most, 200_000)

    async def test_crowd(self) -> None:
        """Of too many connections those that have waited longest make room, those that are served do not."""
        self.limits(crowd, MOST=4)
        served = self.connect()
        served.sendall(post(authorization(), b'{"command": "wait"}'))
        sending = self.connect()
        sending.sendall(post(authorization())[:-5])
        await pause(0.05)
        idle = [self.connect() for _ in range(50)]
        await pause(0.1)
        self.assertEqual((await self.ask(post(authorization()))).status, 200)
        self.assertEqual(await deferToThread(received, idle[0]), b"")
        sending.sendall(BODY[-5:])
        self.assertEqual(Response(await deferToThread(sending.recv, 1 << 16)).status, 200)
        self.commands.waiting.callback(Answer(text="here"))
        self.assertEqual(Response(await deferToThread(served.recv, 1 << 16)).value[0]["text"], "here")

    async def test_all_served(self) -> None:
        """When all connections are being served, another one is refused and these go on."""
        self.limits(crowd, MOST=2)
        for _ in range(2):
            self.connect().sendall(post(authorization(), b'{"command": "wait"}'))
        await pause(0.05)
        self.assertEqual(await self.raw(post(authorization())), b"")
        self.assertIn("COMMAND_SOCKET_ACCEPT_FAIL", self.log())
        self.commands.waiting.callback(Answer())

    async def test_bytes_of_all(self) -> None:
        """Unfinished commands share one limit of memory; small ones are taken whatever others send."""
        self.limits(crowd, HELD=1_000_000)
        arguments = b"[" + b'{"a": "%s"},' % (b"x" * 1000) * 900 + b"1]"
        data = post(authorization(), b'{"arguments": ' + arguments + b', "command": "echo"}')[:-5]
        first = self.connect()
        await deferToThread(first.sendall, data)
        await pause(0.5)
        self.assertEqual((await self.ask(data)).status, 503)
        self.assertEqual((await self.ask(post(authorization()))).status, 200)
        first.sendall(b'cho"}')
        self.assertEqual(Response(await deferToThread(first.recv, 1 << 16)).status, 200)
        self.assertEqual((await self.ask(data + b'cho"}')).status, 200)


class AnonymousTests(HttpCase):
    """A channel that asks nobody who he is."""

    parameters: Mapping[str, Any] = {"serves": ["metrics"], "http-headers": [{"name": "X-Frame", "value": "deny"}]}

    async def test_serves(self) -> None:
        """A channel serves what it is configured for, and says its headers with each answer."""
        found = await self.ask(b"GET /metrics?to=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual((found.status, found.body, found.headers["x-frame"]), (200, b"0\n", "deny"))
        self.assertEqual((await self.ask(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")).status, 400)
        found = await self.ask(post())
        self.assertEqual((found.status, found.headers["x-frame"]), (404, "deny"))


class RevisedTests(HttpCase):
    """Other parameters for the same place."""

    async def test_users(self) -> None:
        """Other users are known from then on, also on connections that are open."""
        client = self.connect()
        client.sendall(post(authorization(), b'{"command": "wait"}'))
        idle = self.connect()
        await pause(0.05)
        clients = [{"user": "new", "password": "one"}]
        revise = self.channel.revised(self.configured({"authentication": {**AUTHENTICATION, "clients": clients}}))
        self.assertEqual((await self.ask(post(authorization()))).status, 200)
        revise()
        self.assertEqual((await self.ask(post(authorization()))).status, 401)
        self.assertEqual((await self.ask(post(authorization("new", "one")))).status, 200)
        self.assertEqual(await deferToThread(idle.recv, 10), b"")
        self.commands.waiting.callback(Answer(text="done"))
        found = Response(await deferToThread(received, client))
        self.assertEqual((found.value[0]["text"], found.headers["connection"]), ("done", "close"))

    async def test_readers(self) -> None:
        """Who reads a page is sent away too: he may be one whom nobody knows any more."""
        client = self.connect()
        client.sendall(f"GET /events HTTP/1.1\r\nHost: x\r\n{authorization()}\r\n".encode())
        await deferToThread(client.recv, 1)
        self.channel.revised(self.configured({"authentication": {"clients": [{"user": "new", "password": "1"}]}}))()
        self.assertTrue((await deferToThread(received, client)).endswith(b"0\r\n\r\n"))
        self.assertEqual(self.page.closed, 1)

    async def test_changed_file(self) -> None:
        """A password in a file is read again; a file that is of no use leaves everything as it was, with a warning."""
        os.makedirs(self.id())
        path = os.path.join(self.id(), "file")
        parameters = {"authentication": {"clients": [{"user": "admin", "password-file": "file"}]}}
        for text, password in ((b"one\n", "one"), (b"two\n", "two"), (b"\xff", "two"), (None, "two"), (b"six", "six")):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            if text is not None:
                with open(path, "wb") as file:
                    file.write(text)
            self.channel.revised(self.configured(parameters))()
            self.assertEqual((await self.ask(post(authorization("admin", password)))).status, 200, text)
        self.assertEqual(self.log().count("HTTP_FILES_NOT_USED"), 2)

    async def test_not_readable(self) -> None:
        """A file of a password that cannot be read is an error, and everything stays."""
        clients = [{"user": "new", "password-file": "nothing"}]
        with self.assertRaisesRegex(ConfigError, "nothing cannot be read"):
            self.channel.revised(self.configured({"authentication": {"clients": clients}}))
        self.assertEqual((await self.ask(post(authorization()))).status, 200)

    async def test_taken(self) -> None:
        """A place where somebody listens is an error with the mend."""
        taken = ControlSocket(type="http", address="127.0.0.1", port=self.port)
        log = self.logs.logger("commands")
        other = HttpChannel(reactor, taken, ServiceRouter(Registry(log), {}, {}, log), {}, log, str)
        with self.assertRaisesRegex(ConfigError, f"port {self.port} cannot be opened: .*; stop who listens there"):
            other.open()

    async def test_closed(self) -> None:
        """Closing lets an answer under way leave, drops everybody else, and frees the place."""
        client, idle = self.connect(), self.connect()
        client.sendall(post(authorization(), b'{"command": "wait"}'))
        await pause(0.05)
        closed = Deferred.fromCoroutine(self.channel.close())
        await pause(0.05)
        with self.assertRaises(ConnectionRefusedError):
            self.connect()
        self.commands.waiting.callback(Answer(text="bye"))
        self.assertEqual(Response(await deferToThread(client.recv, 1 << 16)).value[0]["text"], "bye")
        await closed
        self.assertEqual(received(idle), b"")


class HostileTests(HttpCase):
    """Whatever comes."""

    async def test_anything(self) -> None:
        """No bytes make the channel fail; whatever is answered has a status and is no answer to a command."""

        def hostile(data: bytes) -> None:
            with socket.create_connection(("127.0.0.1", self.port), 10) as client:
                with contextlib.suppress(OSError):
                    client.sendall(data)
                    client.shutdown(socket.SHUT_WR)
                got = received(client)
            if got:
                self.assertIn(Response(got).status, (400, 401, 413, 431, 501))

        words = st.sampled_from(WORDS)
        heads = st.lists(words | st.binary(max_size=9), max_size=40).map(b"".join)
        starts = st.sampled_from([b"", b"POST / HTTP/1.1\r\nHost: x\r\n", b"GET /events HTTP/1.1\r\nHost: x\r\n"])

        @settings(max_examples=200, deadline=None)
        @given(starts, heads, st.booleans())
        def run(start: bytes, head: bytes, end: bool) -> None:
            hostile(start + head + b"\r\n\r\n" * end)

        await deferToThread(run)
        self.assertEqual((await self.ask(post(authorization()))).status, 200)
        self.assertNotIn("COMMAND_FAILED", self.log())


class AccessTests(SynchronousTestCase):
    """Names, passwords and roles."""

    def file(self, text: bytes) -> str:
        path: str = self.mktemp()
        with open(path, "wb") as file:
            file.write(text)
        return path

    def access(self, **client: str) -> Access:
        return Access({"clients": [client]}, str)

    def knows(self, access: Access, credentials: bytes) -> bool:
        return access.user("Basic " + b64encode(credentials).decode()) is not None

    def test_files(self) -> None:
        """Name and password may stand in files, together or apart, with an end of line or without."""
        both = self.access(**{"password-file": self.file(b"ann:b:c\n")})
        self.assertTrue(self.knows(both, b"ann:b:c"))
        apart = self.access(**{"user-file": self.file(b"ann"), "password-file": self.file(b"b\r\n")})
        self.assertTrue(self.knows(apart, b"ann:b"))
        self.assertFalse(self.knows(apart, b"ann:b\r"))

    def test_directory(self) -> None:
        """The files may be named within a directory."""
        path = self.file(b"secret")
        client = {"user": "ann", "password-file": path}
        access = Access({"directory": "/nowhere", "clients": [client]}, lambda name: name.removeprefix("/nowhere"))
        self.assertTrue(self.knows(access, b"ann:secret"))

    def test_useless_files(self) -> None:
        """A file without a name, with a colon in it, that is no text or that is not there is an error."""
        for client in (
            {"password-file": self.file(b"nobody")},
            {"password-file": self.file(b":secret")},
            {"user-file": self.file(b""), "password": "x"},
            {"user-file": self.file(b"a:b"), "password": "x"},
            {"user": "x", "password-file": self.file(b"\xff")},
            {"user": "x", "password-file": self.mktemp()},
            {"user": "x", "password-file": "/"},
        ):
            with self.assertRaises(ConfigError, msg=str(client)):
                self.access(**client)

    @given(st.binary(max_size=60))
    def test_nobody(self, data: bytes) -> None:
        """No other credentials than those of a user are his."""
        access = self.access(user="ann", password="bob")
        self.assertEqual(self.knows(access, data), data == b"ann:bob")
        self.assertIsNone(access.user(data.decode("latin-1")))
