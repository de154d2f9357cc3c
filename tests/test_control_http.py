"""The HTTP channel over real sockets: who is served, and who is not."""

from __future__ import annotations

import contextlib
import json
import socket
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from tests.http_channel import (
    BODY,
    TYPE,
    HttpCase,
    Response,
    answered,
    authorization,
    pause,
    post,
    received,
)
from txkea.control import http_connection
from txkea.control.answer import Answer

WORDS = (
    *(b"POST", b"GET", b" ", b"/", b"HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\n", b"\r", b"\t", b"\0", b":", b",", b";"),
    *(b"Host", b"Content-Length", b"Transfer-Encoding", b"chunked", b"Authorization", b"Basic ", b"Expect"),
    *(b"100-continue", b"Connection", b"Upgrade", b"1", b"-", b"+", b"0x", b"f" * 16, b"{", b"[", b'"', b"\xff"),
)


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
            found = await deferToThread(answered, client)
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
        found = await deferToThread(answered, client)
        self.assertEqual((found.status, self.commands.ran), (100, 0))
        client.sendall(BODY)
        self.assertEqual((await deferToThread(answered, client)).status, 200)
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
        self.assertEqual((await deferToThread(answered, client)).status, 401)

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
        self.assertEqual((await deferToThread(answered, client)).status, 401)
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
