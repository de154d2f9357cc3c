"""The client of control channels: over real UNIX sockets and real HTTP, with servers of every temper."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet import reactor as running
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall, deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer

from tests.certifying import certified
from txkea.control import asking
from txkea.control.agent import ServiceRouter
from txkea.control.answer import Answer, encode
from txkea.control.asking import ControlClient
from txkea.control.channel import ControlChannel
from txkea.control.http import HttpChannel
from txkea.control.registry import Registry
from txkea.errors import ConfigError, Unavailable
from txkea.interfaces import ICommands
from txkea.logs.logs import Logs
from txkea.model.configuration import ControlSocket

reactor: Any = running

LONGEST_PAUSE = 0.1
"""Seconds that the reactor may be held: five times the promise, for other tests share the machine."""


@implementer(ICommands)
class Echo:
    """Gives back what it is given."""

    def commands(self) -> Mapping[str, Any]:
        return {"echo": lambda arguments: Answer(arguments=arguments)}


class Canned(Protocol):
    """Reads a request up to its last bracket, then sends what it was told to, and closes unless told not to."""

    factory: Can
    transport: Any

    def connectionMade(self) -> None:
        self.received = b""
        self.factory.open.append(self)

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        if self.received.endswith(b"}"):
            self.factory.requests.append(self.received)
            self.transport.write(self.factory.answer)
            if self.factory.closes:
                self.transport.loseConnection()

    def connectionLost(self, reason: Any = None) -> None:
        self.factory.open.remove(self)


class Can(Factory):
    """A server with one answer for everything."""

    noisy = False
    protocol = Canned  # type: ignore[assignment]

    def __init__(self, answer: bytes, closes: bool = True) -> None:
        self.answer = answer
        self.closes = closes
        self.requests: list[bytes] = []
        self.open: list[Canned] = []


class AskingCase(TestCase):
    """Somewhere to listen, and a client."""

    timeout = 20

    def unix(self, can: Can, **more: Any) -> ControlClient:
        """A client of a server on a UNIX socket."""
        path = os.path.relpath(self.mktemp())
        port = reactor.listenUNIX(path, can)
        self.addCleanup(port.stopListening)
        return ControlClient(reactor, path, **more)

    def http(self, can: Can, **more: Any) -> ControlClient:
        """A client of a server on a TCP port."""
        port = reactor.listenTCP(0, can, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return ControlClient(reactor, f"http://127.0.0.1:{port.getHost().port}/", **more)

    async def refused(self, client: ControlClient) -> str:
        """Why there is no answer."""
        with self.assertRaises(Unavailable) as raised:
            await client.ask({"command": "x"})
        return str(raised.exception)


def page(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


class UnixTests(AskingCase):
    """Over a UNIX socket."""

    async def test_our_own_channel(self) -> None:
        """What a channel of ours answers comes back, large requests and answers too."""
        path = os.path.relpath(self.mktemp())
        logs = Logs(default=self.mktemp())
        self.addCleanup(logs.close)
        log = logs.logger("commands")
        channel = ControlChannel(reactor, path, Registry(log, [Echo()]), log)
        channel.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(channel.close()))
        for arguments in ({}, {"name": "ü€𝄞"}, {"list": [{"n": number} for number in range(50000)]}):
            answer = await ControlClient(reactor, path).ask({"command": "echo", "arguments": arguments})
            self.assertEqual(answer, {"arguments": arguments, "result": 0})

    async def test_request(self) -> None:
        """A request is one JSON object, whose characters Kea 2.2 can read."""
        can = Can(b"{}")
        await self.unix(can).ask({"command": "x", "arguments": {"comment": "ü€"}})
        self.assertEqual(json.loads(can.requests[0]), {"command": "x", "arguments": {"comment": "ü€"}})
        self.assertIn("ü€".encode(), can.requests[0])

    async def test_verbatim(self) -> None:
        """An answer that is passed on keeps what it holds to the letter."""
        text = b'{ "result": 0, "odd": 1.50, "hostname": "a\xff", "text":"\\u00e9" }'
        verbatim = await self.unix(Can(text)).forward({"command": "x"})
        self.assertEqual(b"".join(verbatim.chunks), text)
        sent = "".join([piece async for piece in encode(verbatim)])
        self.assertEqual(sent, text.decode("utf-8", "replace"))

    async def test_nobody_there(self) -> None:
        """A socket that is absent and one that nobody listens on are told apart, each with its place."""
        path = os.path.relpath(self.mktemp())
        self.assertEqual(
            await self.refused(ControlClient(reactor, path)),
            f"{path}: No such file or directory; the server is likely to be offline",
        )
        port = reactor.listenUNIX(path, Can(b""), wantPID=False)
        os.link(path, f"{path}l")
        await port.stopListening()
        self.assertIn("Connection refused", await self.refused(ControlClient(reactor, f"{path}l")))

    async def test_no_answer(self) -> None:
        """A server that only closes, and one that says nothing, give errors; the connection does not stay open."""
        self.assertIn("no answer came", await self.refused(self.unix(Can(b""))))
        silent = Can(b"", closes=False)
        self.assertIn("no answer within 0.1 seconds", await self.refused(self.unix(silent, time_limit=0.1)))
        await closed(silent)

    async def test_no_json(self) -> None:
        """What is no JSON, and an answer without its end, are not taken for answers."""
        for text in (b"SSH-2.0-x\r\n", b'{"result": 0', b'{"result": 0} {}'):
            self.assertIn("no control channel", await self.refused(self.unix(Can(text))))

    async def test_too_large(self) -> None:
        """Nobody fills our memory."""
        self.patch(asking, "LARGEST", 1000)
        self.assertIn("longer than 1000 bytes", await self.refused(self.unix(Can(b"[" + b" " * 5000))))

    async def test_large_answers(self) -> None:
        """An answer of many megabytes holds nobody up, whether it is read or passed on."""
        lease = {"ip-address": "192.0.2.1", "hostname": "h" * 100, "state": 0}
        answer = json.dumps({"arguments": {"leases": [lease] * 100000}, "result": 0}).encode()
        client = self.unix(Can(answer))
        pauses: list[float] = []
        before = [reactor.seconds()]

        def tick() -> None:
            pauses.append(reactor.seconds() - before[0])
            before[0] = reactor.seconds()

        ticking = LoopingCall(tick)
        ticking.start(0.001)
        verbatim = await client.forward({"command": "x"})
        value = await client.ask({"command": "x"})
        ticking.stop()
        self.assertEqual(sum(map(len, verbatim.chunks)), len(answer))
        self.assertEqual(len(value["arguments"]["leases"]), 100000)
        # One pause may be the machine's.
        self.assertLess(sorted(pauses)[-2], LONGEST_PAUSE)


class HttpTests(AskingCase):
    """Over HTTP."""

    async def test_answer(self) -> None:
        """The answer is the body; the request has a length, a type, and what identifies the user."""
        can = Can(page(b'[ { "result": 0 } ]'))
        self.assertEqual(await self.http(can, user="ü", password="p:w").ask({"command": "x"}), [{"result": 0}])
        head, _, body = can.requests[0].partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"POST / HTTP/1.1\r\n"))
        for header in (b"Content-Type: application/json", b"Authorization: Basic w7w6cDp3", b"Connection: close"):
            self.assertIn(header.lower(), head.lower())
        self.assertIn(f"content-length: {len(body)}".encode(), head.lower())
        self.assertEqual(json.loads(body), {"command": "x"})

    async def test_refusals(self) -> None:
        """A user who is not let in is told so, and any other status is told."""
        body = b'{ "result": 401, "text": "Unauthorized" }'
        denied = Can(page(body, "401 Unauthorized", 'WWW-Authenticate: Basic realm="x"\r\n'))
        self.assertIn("user and password", await self.refused(self.http(denied)))
        self.assertIn("400 Bad Request", await self.refused(self.http(Can(page(b"", "400 Bad Request")))))

    async def test_no_http(self) -> None:
        """What is no HTTP, an answer without its end, and a close without an answer are errors."""
        for text in (b"SSH-2.0-x\r\n\r\n", page(b'{"result": 0}')[:-1], b""):
            self.assertTrue(await self.refused(self.http(Can(text))))

    async def test_nobody_there(self) -> None:
        """A port that nobody listens on is told, and a name that nobody has."""
        port = reactor.listenTCP(0, Can(b""), interface="127.0.0.1")
        number = port.getHost().port
        await port.stopListening()
        self.assertIn("refused", await self.refused(ControlClient(reactor, f"http://127.0.0.1:{number}/")))
        self.assertIn("DNS", await self.refused(ControlClient(reactor, "http://no-such-name.invalid/")))

    async def test_silence(self) -> None:
        """A server that says nothing, or stops in the middle of its answer, is not waited for."""
        for text in (b"", page(b'{"result": 0}')[:-1]):
            silent = Can(text, closes=False)
            self.assertIn("no answer within 0.2 seconds", await self.refused(self.http(silent, time_limit=0.2)))
            await closed(silent)


async def closed(can: Can) -> None:
    """Wait until nobody is connected."""
    while can.open:
        await deferLater(reactor, 0.01)


class TlsTests(AskingCase):
    """Over HTTPS, with a channel of ours."""

    def setUp(self) -> None:
        (directory := Path(self.mktemp())).mkdir()
        self.files = certified(directory)
        logs = Logs(default=self.mktemp())
        self.addCleanup(logs.close)
        log = logs.logger("commands")
        parameters = {
            "trust-anchor": self.files.authority,
            "cert-file": self.files.server,
            "key-file": self.files.server_key,
            "authentication": {"clients": [{"user": "admin", "password": "1234"}]},
        }
        configured = ControlSocket(type="https", address="127.0.0.1", port=0, parameters=parameters)
        router = ServiceRouter(Registry(log, [Echo()]), {}, {}, log)
        channel = HttpChannel(reactor, configured, router, {}, log, str)
        channel.open()
        self.addCleanup(lambda: Deferred.fromCoroutine(channel.close()))
        self.address = f"https://127.0.0.1:{channel.where.rpartition(' ')[2]}/"

    def client(self, **more: str) -> ControlClient:
        """A client of the channel that knows its authority and itself unless told otherwise."""
        known = {
            "user": "admin",
            "password": "1234",
            "trust_anchor": self.files.authority,
            "certificate": self.files.client,
            "key": self.files.client_key,
        }
        return ControlClient(reactor, self.address, **{**known, **more})  # type: ignore[arg-type]

    async def test_answer(self) -> None:
        """Who shows a certificate and a password is answered."""
        answer = await self.client().ask({"command": "echo", "arguments": ["ü"]})
        self.assertEqual(answer, [{"arguments": ["ü"], "result": 0}])

    async def test_large(self) -> None:
        """Large requests and answers come through."""
        arguments = [{"n": number, "text": "x" * 50} for number in range(20000)]
        answer = await self.client().ask({"command": "echo", "arguments": arguments})
        self.assertEqual(answer, [{"arguments": arguments, "result": 0}])

    async def test_refused(self) -> None:
        """A server of an unknown authority is not believed; without a certificate or a password nobody is answered."""
        self.assertIn("certificate verify failed", await self.refused(self.client(trust_anchor="")))
        self.assertTrue(await self.refused(self.client(certificate="", key="")))
        self.assertIn("user and password", await self.refused(self.client(password="4321")))
        plain = ControlClient(reactor, self.address.replace("https", "http"))
        self.assertTrue(await self.refused(plain))


class PlaceTests(SynchronousTestCase):
    """What is no place."""

    def test_refused(self) -> None:
        """A place that cannot be, and files that are no certificates, are errors before anything is sent."""
        empty = self.mktemp()
        with open(empty, "wb"):
            pass
        for where, files in (
            ("", {}),
            ("/" + "x" * 200, {}),
            ("http://127.0.0.1:x/", {}),
            ("http://ü/", {}),
            ("https://127.0.0.1/", {"trust_anchor": "/nowhere"}),
            ("https://127.0.0.1/", {"trust_anchor": empty}),
            ("https://127.0.0.1/", {"certificate": empty, "key": empty}),
        ):
            self.assertRaises(ConfigError, ControlClient, reactor, where, **files)
