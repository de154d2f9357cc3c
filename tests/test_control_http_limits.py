"""The HTTP channel over real sockets: what it costs at most, and what changes while it is open."""

from __future__ import annotations

import contextlib
import os

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from tests.http_channel import (
    AUTHENTICATION,
    BODY,
    TYPE,
    Held,
    HttpCase,
    Response,
    answered,
    authorization,
    pause,
    post,
    received,
)
from txkea.control import crowd, http_connection, outlet
from txkea.control.agent import ServiceRouter
from txkea.control.answer import Answer
from txkea.control.http import HttpChannel
from txkea.control.registry import Registry
from txkea.errors import ConfigError
from txkea.model.configuration import ControlSocket

LONGEST = 0.1
"""Seconds for which the reactor may be held: five times the promise, for other tests share the machine."""


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
            self.assertLess(held.end(), LONGEST, name)

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
        self.assertEqual((await deferToThread(answered, sending)).status, 200)
        self.commands.waiting.callback(Answer(text="here"))
        self.assertEqual((await deferToThread(answered, served)).value[0]["text"], "here")

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
        self.assertEqual((await deferToThread(answered, first)).status, 200)
        self.assertEqual((await self.ask(data + b'cho"}')).status, 200)


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
        self.assertEqual((await deferToThread(answered, client)).value[0]["text"], "bye")
        await closed
        self.assertEqual(received(idle), b"")
