"""The control channel over real UNIX sockets."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
from collections.abc import Mapping
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.logged import Logged
from txkea.control import channel, crowd, outlet
from txkea.control.answer import Answer, Listing
from txkea.control.channel import ControlChannel
from txkea.control.registry import Registry
from txkea.errors import ConfigError
from txkea.interfaces import ICommands


@implementer(ICommands)
class Commands:
    """Commands with answers of all kinds."""

    def __init__(self) -> None:
        self.waiting: Deferred[Answer] = Deferred()

    def commands(self) -> Mapping[str, Any]:
        return {
            "echo": lambda arguments: Answer(arguments=arguments),
            "wait": lambda arguments: self.waiting,
            "many": lambda arguments: Answer(arguments=Listing("numbers", self.pages(), lambda count: (0, f"{count}"))),
        }

    async def pages(self) -> Any:
        for page in range(200):
            yield [f"{page:01000d}"] * 100


def pause(seconds: float = 0) -> Deferred[None]:
    return deferLater(reactor, seconds)


class ChannelCase(Logged, TestCase):
    """A channel that listens."""

    timeout = 20

    def setUp(self) -> None:
        super().setUp()
        # A UNIX socket's path is short, a test's directory is not.
        self.path = os.path.relpath(self.mktemp())
        self.commands = Commands()
        log = self.logs.logger("commands")
        self.channel = ControlChannel(reactor, self.path, Registry(log, [self.commands]), log)
        self.channel.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.channel.close()))

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(client.close)
        client.settimeout(10)
        client.connect(self.path)
        return client


def everything(client: socket.socket) -> Any:
    """What a client reads up to the end; runs in a thread."""
    data = b""
    with contextlib.suppress(ConnectionResetError):  # what we still sent when it closed was not read
        while piece := client.recv(1 << 16):
            data += piece
    return json.loads(data)


def gone(client: socket.socket) -> bool:
    """Whether the server has closed the connection."""
    try:
        return client.recv(10) == b""
    except ConnectionResetError:
        return True


class RequestTests(ChannelCase):
    """One command, one answer."""

    async def ask(self, *parts: bytes) -> Any:
        client = self.connect()
        for part in parts:
            client.sendall(part)
            await pause(0.01)
        return await deferToThread(everything, client)

    async def test_echo(self) -> None:
        """A command is answered and the connection closed."""
        self.assertEqual(await self.ask(b'{"command": "echo", "arguments": [1]}'), {"arguments": [1], "result": 0})

    async def test_parts(self) -> None:
        """A command may arrive in parts and have comments; what follows it is ignored."""
        answer = await self.ask(b"# hello\n{", b'"command": "ec', b'ho", "arguments": 5 /* } */', b'} {"command": "x"}')
        self.assertEqual(answer, {"arguments": 5, "result": 0})

    async def test_half_closed(self) -> None:
        """A client that has nothing more to send still gets its answer."""
        client = self.connect()
        client.sendall(b'{"command": "wait"}')
        client.shutdown(socket.SHUT_WR)
        await pause(0.05)
        self.commands.waiting.callback(Answer(text="late"))
        self.assertEqual(await deferToThread(everything, client), {"result": 0, "text": "late"})

    async def test_ends_too_early(self) -> None:
        """A client that stops in the middle is told so at once."""
        client = self.connect()
        client.sendall(b'{"command": "ec')
        client.shutdown(socket.SHUT_WR)
        answer = await deferToThread(everything, client)
        self.assertEqual(answer["result"], 1)
        self.assertIn("15 bytes", answer["text"])

    async def test_bad_requests(self) -> None:
        """What is not a command gets result 1 and a reason."""
        for data in (
            b"{bad}",
            b"3 ",
            b"[1]",
            b"{}",
            b'{"command": 3}',
            b'{"command": "echo", "x": 1}',
            b"[" * 200,
            b"\0 ",
        ):
            answer = await self.ask(data)
            self.assertEqual((answer["result"], bool(answer["text"])), (1, True), data)
        self.assertEqual(await self.ask(b'{"command": "nope"}'), {"result": 2, "text": "'nope' command not supported."})

    async def test_too_large(self) -> None:
        """A flood is cut off at the limit, and the next client is served."""
        client = self.connect()

        def flood() -> None:
            client.sendall(b'{"command": "echo", "arguments": "')
            for _ in range(400):
                client.sendall(b"x" * 65536)

        try:
            await deferToThread(flood)
        except OSError:
            pass
        else:
            self.fail("25 MB were taken")
        self.assertEqual((await self.ask(b'{"command": "echo"}'))["result"], 0)

    async def test_large(self) -> None:
        """A command of a megabyte is parsed beside the reactor, and answered whole."""
        arguments = [{"id": number, "text": "x" * 50} for number in range(10000)]
        client = self.connect()
        data = json.dumps({"command": "echo", "arguments": arguments}).encode()
        await deferToThread(client.sendall, data)
        self.assertEqual((await deferToThread(everything, client))["arguments"], arguments)

    async def test_listing(self) -> None:
        """An answer of twenty megabytes leaves in pages, while another client is answered in between."""
        client = self.connect()
        client.sendall(b'{"command": "many"}')
        await pause(0.1)
        self.assertEqual((await self.ask(b'{"command": "echo"}'))["result"], 0)
        answer = await deferToThread(everything, client)
        self.assertEqual((len(answer["arguments"]["numbers"]), answer["text"]), (20000, "20000"))

    async def test_gone_before_answer(self) -> None:
        """A client that went away costs nothing."""
        client = self.connect()
        client.sendall(b'{"command": "wait"}')
        await pause(0.05)
        client.close()
        self.commands.waiting.callback(Answer())
        await pause(0.05)
        self.assertEqual((await self.ask(b'{"command": "echo"}'))["result"], 0)
        self.assertNotIn("ERROR", self.log())


class LimitTests(ChannelCase):
    """Slow and greedy clients."""

    async def test_too_slow(self) -> None:
        """A command that does not arrive in time is discarded with result 1 and a count of its bytes."""
        self.limits(channel, TIME_LIMIT=0.1)
        client = self.connect()
        client.sendall(b'{"com')
        answer = await deferToThread(everything, client)
        self.assertEqual(answer["result"], 1)
        self.assertIn("5 bytes", answer["text"])

    async def test_does_not_read(self) -> None:
        """A client that does not take its answer is dropped, and the answer's pages are no longer read."""
        self.limits(outlet, TIME_LIMIT=0.1)
        client = self.connect()
        client.sendall(b'{"command": "many"}')
        await pause(0.5)

        def rest() -> int:
            size = 0
            try:
                while piece := client.recv(1 << 16):
                    size += len(piece)
            except ConnectionResetError:
                pass
            return size

        self.assertLess(await deferToThread(rest), 10_000_000)

    async def test_too_many(self) -> None:
        """More clients than are allowed take the places of those that only wait; who is served stays."""
        self.limits(crowd, MOST=3)
        served = self.connect()
        served.sendall(b'{"command": "wait"}')
        await pause(0.05)
        clients = [self.connect() for _ in range(4)]
        await pause(0.05)
        self.assertEqual([gone(client) for client in clients[:2]], [True, True])
        clients[3].sendall(b'{"command": "echo"}')
        self.assertEqual((await deferToThread(everything, clients[3]))["result"], 0)
        self.commands.waiting.callback(Answer(text="here"))
        self.assertEqual((await deferToThread(everything, served))["text"], "here")
        self.assertIn("COMMAND_SOCKET_ACCEPT_FAIL", self.log())

    async def test_all_served(self) -> None:
        """When all are being served another client is refused, and these go on."""
        self.limits(crowd, MOST=2)
        for _ in range(2):
            self.connect().sendall(b'{"command": "wait"}')
        await pause(0.05)
        self.assertTrue(await deferToThread(gone, self.connect()))
        self.commands.waiting.callback(Answer())

    async def test_bytes_of_all(self) -> None:
        """Unfinished commands share one limit of memory; small ones are taken whatever others send."""
        self.limits(crowd, HELD=1_000_000)
        first = self.connect()
        await deferToThread(first.sendall, b'{"command": "echo", "arguments": [' + b"{}," * 300_000)
        await pause(0.1)
        second = self.connect()
        await deferToThread(second.sendall, b'{"command": "echo", "arguments": [' + b"{}," * 60_000)
        self.assertIn("too many bytes", (await deferToThread(everything, second))["text"])
        third = self.connect()
        third.sendall(b'{"command": "echo"}')
        self.assertEqual((await deferToThread(everything, third))["result"], 0)
        first.sendall(b"1]}")
        self.assertEqual((await deferToThread(everything, first))["arguments"][-1], 1)


class SocketTests(ChannelCase):
    """The socket itself."""

    def another(self, path: str) -> ControlChannel:
        log = self.logs.logger("commands")
        another = ControlChannel(reactor, path, Registry(log), log)
        self.addCleanup(lambda: Deferred.fromCoroutine(another.close()))
        return another

    def test_mode(self) -> None:
        """Owner and group may use it, nobody else."""
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o660)

    async def test_closed(self) -> None:
        """Closing removes the socket and lets an answer under way leave."""
        client = self.connect()
        client.sendall(b'{"command": "wait"}')
        idle = self.connect()
        await pause(0.05)
        closed = Deferred.fromCoroutine(self.channel.close())
        await pause(0.05)
        self.assertFalse(os.path.exists(self.path))
        self.commands.waiting.callback(Answer(text="bye"))
        self.assertEqual(await deferToThread(everything, client), {"result": 0, "text": "bye"})
        await closed
        self.assertEqual(idle.recv(10), b"")

    def test_live(self) -> None:
        """A path on which a live server listens is refused, and that server not disturbed."""
        with self.assertRaisesRegex(ConfigError, "another server"):
            self.another(self.path).open()
        self.connect()

    def test_stale(self) -> None:
        """A socket that a dead server left is replaced."""
        path = os.path.relpath(self.mktemp())
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(path)
        dead.listen()
        dead.close()
        self.another(path).open()
        self.path = path
        self.connect()

    def test_not_a_socket(self) -> None:
        """A file that is no socket is not removed."""
        path = os.path.relpath(self.mktemp())
        with open(path, "w") as file:
            file.write("precious")
        with self.assertRaisesRegex(ConfigError, "not a socket"):
            self.another(path).open()
        with open(path) as file:
            self.assertEqual(file.read(), "precious")

    def test_impossible_paths(self) -> None:
        """A path that is too long, empty, has a NUL, or whose directory is missing is refused with the mend."""
        for path, word in (("x" * 108, "shorten"), ("", "socket-name"), ("a\0b", "socket-name"), ("no/such", "exists")):
            with self.assertRaisesRegex(ConfigError, word):
                self.another(path).open()
        longest = "y" * 107
        self.another(longest).open()
        self.assertTrue(os.path.exists(longest))
