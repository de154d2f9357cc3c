"""RADIUS over TLS from servers that write in odd ways, or nonsense: what no FreeRADIUS would do for a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from twisted.internet import reactor as running
from twisted.internet import ssl
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from tests.certifying import certified
from tests.radius_udp import ACCEPT, answer, attribute
from txkea.backend.parameters import Parameters
from txkea.backend.tls import context
from txkea.errors import Unavailable
from txkea.radius.client import Answer, RadiusClient
from txkea.radius.packet import Code
from txkea.radius.servers import RADSEC, Policy, RadiusServer
from txkea.testing.sites import MemoryLogger

__all__ = ["OddServerTests"]

reactor: Any = running
HOST: Final = "127.0.0.1"
Write = Callable[["OddServer", list[bytes]], None]


class OddServer(Protocol):
    """Gives each request to its factory's ``write`` with all others that came with it."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._buffer = b""

    def dataReceived(self, data: bytes) -> None:
        self._buffer += data
        whole = []
        while len(self._buffer) >= 4 and len(self._buffer) >= int.from_bytes(self._buffer[2:4], "big"):
            length = int.from_bytes(self._buffer[2:4], "big")
            whole.append(self._buffer[:length])
            self._buffer = self._buffer[length:]
        if whole:
            self._write(self, whole)

    def say(self, data: bytes) -> None:
        """Write now."""
        assert self.transport is not None, "it is connected"
        self.transport.write(data)

    def abort(self) -> None:
        """End it."""
        transport: Any = self.transport
        transport.abortConnection()


def right(request: bytes) -> bytes:
    """The answer that the client wants, which names it."""
    return answer(request, ACCEPT, attribute(18, request[20:]), secret=RADSEC, sign=False)


class OddServerTests(TestCase):
    """One client, one such server."""

    def setUp(self) -> None:
        directory = Path(self.mktemp())
        directory.mkdir()
        self.files = certified(directory)
        self.connections: list[OddServer] = []
        self.statistics: dict[str, int] = {}

    def serve(self, write: Write) -> RadiusServer:
        """A server that writes so."""

        def connected() -> OddServer:
            self.connections.append(OddServer(write))
            return self.connections[-1]

        pem = Path(self.files.server).read_bytes() + b"\n" + Path(self.files.server_key).read_bytes()
        certificate = ssl.PrivateCertificate.loadPEM(pem)
        port = reactor.listenSSL(0, Factory.forProtocol(connected), certificate.options(), interface=HOST)
        self.addCleanup(port.stopListening)
        tls = context(Parameters({"trust-anchor": self.files.authority}), HOST)
        return RadiusServer(host=HOST, port=port.getHost().port, secret=RADSEC, tls=tls)

    async def client(self, write: Write, **policy: Any) -> RadiusClient:
        """A client of a server that writes so."""
        wanted = Policy(**{"service": "access", "timeout": 5.0, "retries": 1, "sign": False, **policy})
        made = RadiusClient(
            [self.serve(write)], wanted, reactor=reactor, log=MemoryLogger(), statistics=self.statistics
        )
        await made.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(made.stop()))
        return made

    async def ask(self, client: RadiusClient, number: int) -> list[Answer]:
        """What so many are told that ask at once."""
        asked = [client.request(Code.ACCESS_REQUEST, [("User-Name", f"{each}")]) for each in range(number)]
        return list(await gatherResults([Deferred.fromCoroutine(each) for each in asked], consumeErrors=True))

    def assert_their_own(self, answers: list[Answer]) -> None:
        """Each has the answer to its own question."""
        said = [found.attributes["Reply-Message"][0] for found in answers]
        expected = [attribute(1, b"%d" % each).decode() for each in range(len(answers))]
        self.assertEqual(expected, said)

    async def test_piecemeal(self) -> None:
        """Answers that come in pieces of a few octets are put together."""
        pieces: list[bytes] = []

        def write(server: OddServer, requests: list[bytes]) -> None:
            whole = b"".join(map(right, requests))
            idle = not pieces
            pieces.extend(whole[start : start + 7] for start in range(0, len(whole), 7))
            if idle:
                go_on(server)

        def go_on(server: OddServer) -> None:
            server.say(pieces.pop(0))
            if pieces:
                reactor.callLater(0.001, go_on, server)

        self.assert_their_own(await self.ask(await self.client(write), 10))

    async def test_sent_once(self) -> None:
        """A request is not sent again on the connection that has it, which loses nothing (RFC 6613 section 2.2)."""
        came: list[bytes] = []

        def write(server: OddServer, requests: list[bytes]) -> None:
            came.extend(requests)
            reactor.callLater(0.7, lambda: server.say(b"".join(map(right, requests))))

        self.assert_their_own(await self.ask(await self.client(write, timeout=0.5, retries=9), 1))
        self.assertEqual((1, 1), (len(came), len(self.connections)))

    async def test_glued(self) -> None:
        """Answers that come all in one piece, in any order, are told apart."""
        waiting: list[bytes] = []

        def write(server: OddServer, requests: list[bytes]) -> None:
            waiting.extend(requests)
            if len(waiting) == 200:
                server.say(b"".join(map(right, reversed(waiting))))

        self.assert_their_own(await self.ask(await self.client(write), 200))
        self.assertEqual(1, len(self.connections))

    async def test_more_connections(self) -> None:
        """More than 256 at a time take another connection."""
        waiting: list[tuple[OddServer, bytes]] = []

        def write(server: OddServer, requests: list[bytes]) -> None:
            waiting.extend((server, each) for each in requests)
            if len(waiting) == 600:
                for each, request in waiting:
                    each.say(right(request))

        self.assert_their_own(await self.ask(await self.client(write), 600))
        self.assertEqual(3, len(self.connections))

    async def test_nonsense(self) -> None:
        """What is no packet ends its connection, and is counted; the request goes on another one."""
        for nonsense in (b"\2\0\0\0", b"\2\0\0\x13", b"\2\0\x10\x01", b"HTTP/1.1 400 Bad Request\r\n"):
            said: list[bytes] = []

            def write(
                server: OddServer, requests: list[bytes], said: list[bytes] = said, nonsense: bytes = nonsense
            ) -> None:
                server.say(b"".join(map(right, requests)) if said else nonsense)
                said.append(nonsense)

            before = len(self.connections)
            self.assert_their_own(await self.ask(await self.client(write), 3))
            self.assertEqual(2, len(self.connections) - before, nonsense)
        self.assertEqual(4, self.statistics["radius-access-refused-malformed"])

    async def test_hangs_up(self) -> None:
        """A request with which the server hangs up each time fails after its tries, not before and not never."""
        client = await self.client(lambda server, requests: server.abort(), retries=2)
        failure = await self.assertFailure(
            Deferred.fromCoroutine(client.request(Code.ACCESS_REQUEST, [("User-Name", "x")])), Unavailable
        )
        self.assertIn("connection was lost", str(failure))
        self.assertEqual(3, len(self.connections))

    async def test_other_end_gone(self) -> None:
        """A connection on which nothing comes within the time is given up: the next request goes on a new one."""

        def write(server: OddServer, requests: list[bytes]) -> None:
            if server is not self.connections[0]:
                server.say(b"".join(map(right, requests)))

        client = await self.client(write, timeout=0.5, retries=0)
        await self.assertFailure(
            Deferred.fromCoroutine(client.request(Code.ACCESS_REQUEST, [("User-Name", "x")])), Unavailable
        )
        self.assert_their_own(await self.ask(client, 3))
        self.assertEqual(2, len(self.connections))

    async def test_forged(self) -> None:
        """An answer that is not right is none over TLS either, and the right one after it is taken."""

        def write(server: OddServer, requests: list[bytes]) -> None:
            for request in requests:
                wrong = bytearray(right(request))
                wrong[8] ^= 1
                server.say(bytes(wrong) + right(request))

        self.assert_their_own(await self.ask(await self.client(write), 3))
        self.assertEqual(3, self.statistics["radius-access-refused-authenticator"])
