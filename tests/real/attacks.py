"""What hurts HTTP servers and UNIX sockets (hostile.md C20-C22), as bytes and as connections.

Everything here runs in the network namespace of the caller, against a server whose good behaviour the tables tell.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

__all__ = [
    "DOCUMENTS",
    "MAPS",
    "PASSWORD",
    "REQUESTS",
    "USER",
    "Attacked",
    "Place",
    "Raw",
    "allowed",
    "command",
    "flood",
    "idle",
    "post",
    "reset",
    "sized",
    "trickle",
]

USER: Final = "admin"
PASSWORD: Final = "correct horse"
TYPE: Final = "Content-Type: application/json\r\n"
LINGER: Final = struct.pack("ii", 1, 0)
"""A close that resets the connection."""

Place = tuple[str, int] | str
"""An address and a port, or the path of a UNIX socket."""


def allowed(user: str = USER, password: str = PASSWORD) -> str:
    """The header of somebody who may."""
    return f"Authorization: Basic {b64encode(f'{user}:{password}'.encode()).decode()}\r\n"


def command(name: str, arguments: object = None) -> bytes:
    """A command as JSON."""
    return json.dumps({"command": name, **({} if arguments is None else {"arguments": arguments})}).encode()


def post(headers: str, body: bytes = b"", start: str = "POST / HTTP/1.1") -> bytes:
    """A request of somebody who may, with these headers and no others of the body's kind."""
    return f"{start}\r\nHost: x\r\n{allowed()}{headers}\r\n".encode("latin-1") + body


def sized(body: bytes) -> str:
    """The headers of a command that is sent whole."""
    return f"{TYPE}Content-Length: {len(body)}\r\n"


GOOD: Final = command("version-get")
CHUNKED: Final = f"{TYPE}Transfer-Encoding: chunked\r\n"
BAD: Final = (400, 413, 414, 431, 501)
NOBODY: Final = (401,)


class Raw(NamedTuple):
    """A request, and the statuses of HTTP that may be its answer; 0 for none at all."""

    name: str
    data: bytes
    statuses: Sequence[int]


def _nobody(name: str, authorization: bytes) -> Raw:
    head = b"POST / HTTP/1.1\r\nHost: x\r\n" + authorization + sized(GOOD).encode() + b"\r\n"
    return Raw(name, head + GOOD, (*NOBODY, *BAD))


REQUESTS: Final = (
    Raw("good", post(sized(GOOD), GOOD), (200,)),
    Raw("HTTP/1.0", post(sized(GOOD), GOOD, "POST / HTTP/1.0"), (200,)),
    Raw("absolute URI", post(sized(GOOD), GOOD, "POST http://x/ HTTP/1.1"), (200,)),
    Raw("chunks", post(CHUNKED, b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD)), (200,)),
    Raw("obs-fold", post(f"X-Folded: a\r\n b\r\n{sized(GOOD)}", GOOD), (200, *BAD)),
    Raw("twice the same length", post(f"{sized(GOOD)}Content-Length: {len(GOOD)}\r\n", GOOD), (200, *BAD)),
    Raw("length of 4 GB", post(f"{TYPE}Content-Length: 4000000000\r\n", GOOD), BAD),
    Raw("length of 400 digits", post(f"{TYPE}Content-Length: {'9' * 400}\r\n", GOOD), BAD),
    Raw("length of 10000 digits", post(f"{TYPE}Content-Length: {'9' * 10000}\r\n", GOOD), BAD),
    Raw("negative length", post(f"{TYPE}Content-Length: -1\r\n", GOOD), BAD),
    Raw("length with a plus", post(f"{TYPE}Content-Length: +{len(GOOD)}\r\n", GOOD), BAD),
    Raw("length in other digits", post(f"{TYPE}Content-Length: \xb2\r\n", GOOD), BAD),
    Raw("length with an underscore", post(f"{TYPE}Content-Length: 1_0\r\n", GOOD), BAD),
    Raw("two lengths", post(f"{sized(GOOD)}Content-Length: 5\r\n", GOOD), BAD),
    Raw("a list of lengths", post(f"{TYPE}Content-Length: 5, 6\r\n", GOOD), BAD),
    Raw("no length", post(TYPE), BAD),
    Raw("length and chunks", post(f"{CHUNKED}Content-Length: 5\r\n", b"0\r\n\r\n"), BAD),
    Raw("unknown coding", post(f"{TYPE}Transfer-Encoding: gzip\r\n", GOOD), BAD),
    Raw("two codings", post(f"{TYPE}Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), BAD),
    Raw("endless chunk", post(CHUNKED, b"ffffffffffffffff\r\n" + GOOD), (0, *BAD)),
    Raw("more than endless chunk", post(CHUNKED, b"f" * 40 + b"\r\n" + GOOD), BAD),
    Raw("negative chunk", post(CHUNKED, b"-1\r\n"), BAD),
    Raw("chunk extension of 1 MB", post(CHUNKED, b"1;" + b"x" * (1 << 20) + b"\r\n"), (0, *BAD)),
    Raw("chunks of nothing", post(CHUNKED, b"0\r\n\r\n"), BAD),
    Raw("trailers of 64 KB", post(CHUNKED, b"0\r\n" + b"X: y\r\n" * 12000 + b"\r\n"), (0, *BAD)),
    Raw("header of 64 KB", post(f"X: {'x' * 65536}\r\n{sized(GOOD)}", GOOD), (0, *BAD)),
    Raw("10000 headers", post("X: y\r\n" * 10000 + sized(GOOD), GOOD), (0, *BAD)),
    Raw("address of 64 KB", post(sized(GOOD), GOOD, f"POST /{'x' * 65536} HTTP/1.1"), (0, *BAD)),
    Raw("NUL in a header", post(f"X: a\0b\r\n{sized(GOOD)}", GOOD), BAD),
    Raw("NUL in a name", post(f"X\0: a\r\n{sized(GOOD)}", GOOD), BAD),
    Raw("CR in a header", post(f"X: a\rY: b\r\n{sized(GOOD)}", GOOD), BAD),
    Raw("space before the colon", post(f"{TYPE}Content-Length : {len(GOOD)}\r\n", GOOD), BAD),
    Raw("header without a name", post(f": x\r\n{sized(GOOD)}", GOOD), BAD),
    Raw("no host", b"POST / HTTP/1.1\r\n\r\n", BAD),
    Raw("HTTP/0.9", b"GET /\r\n\r\n", BAD),
    Raw("HTTP/9.9", post(sized(GOOD), GOOD, "POST / HTTP/9.9"), (200, *BAD, 505)),
    Raw("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", BAD),
    Raw("OPTIONS", post("", start="OPTIONS * HTTP/1.1"), BAD),
    Raw("TRACE", post("", start="TRACE / HTTP/1.1"), BAD),
    Raw("CONNECT", post("", start="CONNECT x:80 HTTP/1.1"), BAD),
    Raw("PUT", post(sized(GOOD), GOOD, "PUT / HTTP/1.1"), BAD),
    Raw("wrong type", post(f"Content-Type: text/plain\r\nContent-Length: {len(GOOD)}\r\n", GOOD), BAD),
    Raw("no type", post(f"Content-Length: {len(GOOD)}\r\n", GOOD), BAD),
    Raw("no such page", post("", start="GET /../../etc/passwd HTTP/1.1"), (*BAD, 404)),
    Raw("no page at all", post("", start="GET http://[ HTTP/1.1"), (*BAD, 404)),
    Raw("upgrade", post(f"Upgrade: h2c\r\nConnection: Upgrade\r\n{sized(GOOD)}", GOOD), (200, *BAD)),
    Raw("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (*NOBODY, *BAD, 505)),
    _nobody("no credentials", b""),
    _nobody("not base64", b"Authorization: Basic ?????\r\n"),
    _nobody("no colon", b"Authorization: Basic " + b64encode(b"admin") + b"\r\n"),
    _nobody("nothing", b"Authorization: Basic \r\n"),
    _nobody("no words", b"Authorization:\r\n"),
    _nobody("a wrong password", allowed(password="wrong").encode()),
    _nobody("an empty password", allowed(password="").encode()),
    _nobody("another user", allowed(user="nobody").encode()),
    _nobody("another scheme", b"Authorization: Bearer " + b64encode(b"admin:correct horse") + b"\r\n"),
    _nobody("more behind it", allowed().strip().encode() + b"AAAA\r\n"),
    _nobody("credentials of 12 KB", b"Authorization: Basic " + b64encode(b"a:" + b"b" * 9000) + b"\r\n"),
    _nobody("credentials with NUL", b"Authorization: Basic " + b64encode(b"admin:correct horse\0") + b"\r\n"),
    _nobody("credentials that are no text", b"Authorization: Basic " + b64encode(b"\xff\xfe:\xff") + b"\r\n"),
    _nobody("right and wrong ones", allowed().encode() + b"Authorization: Basic eDp5\r\n"),
)
"""Requests that are answered, or refused; none is served that should not be."""

DOCUMENTS: Final = {
    "depth 101": b"[" * 101,
    "depth 1000": b'{"command": ' + b"[" * 1000 + b"]" * 1000 + b"}",
    "depth 20000": b'{"command": ' + b'{"a":' * 20000 + b"1" + b"}" * 20001,
    "depth 1000000": b"[" * 1_000_000,
    "3 MB of empty maps": b'{"command": "x", "arguments": [' + b",".join([b"{}"] * 1_000_000) + b"]}",
    "a key twice": b'{"command": "version-get", "command": "shutdown"}',
    "NaN": b'{"command": "version-get", "arguments": NaN}',
    "Infinity": b'{"command": "version-get", "arguments": -Infinity}',
    "1e400": b'{"command": "version-get", "arguments": 1e400}',
    "leading zero": b'{"command": "version-get", "arguments": 01}',
    "leading plus": b'{"command": "version-get", "arguments": +1}',
    "4301 digits": b'{"command": "version-get", "arguments": ' + b"9" * 4301 + b"}",
    "lone surrogate": b'{"command": "\\ud800"}',
    "UTF-16": '{"command": "version-get"}'.encode("utf-16"),
    "UTF-32": '{"command": "version-get"}'.encode("utf-32"),
    "byte order mark": b'\xef\xbb\xbf{"command": "version-get"}',
    "not UTF-8": b'{"command": "\xff"}',
    "NUL": b'{"command": "version-get"\0}',
    "unterminated comment": b'{"command": "version-get" /* }',
    "unterminated string": b'{"command": "version-get}',
    "no command": b'{"arguments": 1}',
    "a list of commands": b'[{"command": "version-get"}]',
    "a number": b"42 ",
    "service is no list": b'{"command": "version-get", "service": "dhcp4"}',
    "unknown command": b'{"command": "\\u0000; DROP TABLE lease4"}',
    "unknown parameter": b'{"command": "version-get", "x": 1}',
}
"""What is no command, or none that anybody has."""


class Attacked:
    """Connections to one place."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def connect(self, timeout: float = 15.0) -> socket.socket:
        """A connection; it may be closed at once."""
        family = socket.AF_UNIX if isinstance(self._place, str) else socket.AF_INET
        client = socket.socket(family, socket.SOCK_STREAM)
        if family == socket.AF_INET:  # a UNIX socket whose queue is full would refuse who does not want to wait
            client.settimeout(timeout)
        try:
            client.connect(self._place)
        except OSError:
            client.close()
            raise
        client.settimeout(timeout)
        return client

    def tell(self, data: bytes, end: bool = False, timeout: float = 15.0) -> bytes:
        """What comes back up to the close for bytes that may not all be taken; ``end`` tells that no more come."""
        with self.connect(timeout) as client:
            with suppress(BrokenPipeError, ConnectionResetError):
                client.sendall(data)
                if end:
                    client.shutdown(socket.SHUT_WR)
            return b"".join(_received(client))

    def ask(self, name: str) -> object:
        """The answer to a command, as an administrator asks for it."""
        if isinstance(self._place, str):
            return json.loads(self.tell(command(name)))
        body = command(name)
        head, _, answer = self.tell(post(f"Connection: close\r\n{sized(body)}", body)).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise ConnectionError(head.decode("latin-1"))
        return json.loads(answer)[0]

    def status(self, request: Raw) -> int:
        """The status of the answer to a request; 0 if there is none."""
        answer = self.tell(request.data, end=True)
        return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else 0


def _received(client: socket.socket) -> Iterator[bytes]:
    with suppress(ConnectionResetError):
        while data := client.recv(1 << 16):
            yield data


# -- at length ---------------------------------------------------------------------------------------------------------


HEADER: Final = b"x: " + b"y" * 16379 + b"\r\n"
MAPS: Final = b"{}, " * 4096


def flood(attacked: Attacked, head: bytes, size: int, piece: bytes = HEADER) -> int:
    """Send so many bytes behind a head, whatever is answered; gives how many were taken."""
    sent = 0
    with attacked.connect() as client, suppress(OSError):
        client.sendall(head)
        while sent < size:
            sent += client.send(piece)
    return sent


def trickle(attacked: Attacked, head: bytes, count: int, seconds: float) -> Callable[[], None]:
    """Connections that send a byte every half second; gives what closes them."""
    clients = [_opened(attacked, head) for _ in range(count)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for client in clients:
            with suppress(OSError):
                client.send(b"x")
        time.sleep(0.5)
    return lambda: _close(clients)


def idle(attacked: Attacked, count: int) -> Callable[[], None]:
    """Connections that say nothing, each opened again when it is closed by the server's choice or not; closes them."""
    clients = [_opened(attacked, b"") for _ in range(count)]
    return lambda: _close(clients)


def reset(attacked: Attacked, head: bytes, count: int) -> None:
    """Connections that are reset in the middle."""
    for _ in range(count):
        with suppress(OSError), attacked.connect() as client:
            client.sendall(head)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)


def _opened(attacked: Attacked, head: bytes) -> socket.socket:
    while True:
        with suppress(OSError):
            client = attacked.connect(2)
            client.send(head) if head else None
            return client
        time.sleep(0.01)


def _close(clients: Sequence[socket.socket]) -> None:
    for client in clients:
        client.close()
