"""Between a server and its database: a proxy that delays, hangs, and cuts at the moment when it hurts.

It listens in the network of the server and connects to the database in the caller's, in a process of its own:
``python -m tests.real.proxies DESCRIPTOR HOST PORT KIND`` takes orders as lines of JSON, and answers each with what it
has done so far. Plain asyncio: the judge shares nothing with the judged.
"""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from tests.real.ordered import Ordered, obey
from txkea.testing.namespaces import Namespace

__all__ = ["AFTER", "BEFORE", "COMMITS", "Proxy", "Told"]

COMMITS: Final[Mapping[str, bytes]] = {
    "postgresql": rb"COMMIT|INSERT INTO lease",
    "mysql": rb"(?<!AUTO)COMMIT|INSERT INTO lease",
    "redis": rb"(?i)EVALSHA",
    # The header of an EXECUTE or a BATCH at the front of what is sent; since protocol 5 behind that of a segment.
    "cql": rb"(?s)\A(?:.{6}|.{8})?[\x03-\x05].[\x00-\x7f].[\x0a\x0d]",
}
"""What in a request makes a change durable, by the type of the database."""
BEFORE, AFTER = "before", "after"
"""Cut before a commit reaches the database; or after it did, when its answer is on the way back."""
PREPARED: Final = re.compile(rb"(?s)P.{4}(\w+)\0INSERT INTO lease")
"""How a change is prepared in PostgreSQL, which goes by its name from then on."""
OVERLAP: Final = 32
"""Octets of an earlier piece in which a commit may have begun."""
PIECE: Final = 1 << 16
HOST: Final = "127.0.0.1"


class Told(NamedTuple):
    """What a proxy has done so far."""

    connections: int
    """That are open now."""
    made: int
    """That were ever made."""
    cuts: int
    """At commits, or after so many octets."""


class Proxy(Ordered):
    """A proxy to a port of the loopback interface here, that listens at ``host`` and ``port`` of a namespace.

    ``kind`` is a key of `COMMITS`.
    """

    host = HOST

    def __init__(self, kind: str, port: int, namespace: Namespace | None = None, upstream: str = HOST) -> None:
        listening = _listening() if namespace is None else _listening_in(namespace)
        self.port: int = listening.getsockname()[1]
        with listening:
            super().__init__("tests.real.proxies", [listening.fileno(), upstream, port, kind], [listening.fileno()])
        self.tell()

    def tell(self, **orders: Any) -> Told:
        """Give orders, see `Orders`, or none; gives what was done so far.

        ``sever`` cuts all connections now.
        """
        return Told(*self.order(orders))


def _listening() -> socket.socket:
    """Bound to a port that is named: the kernel lets go of one of its own choice when nobody listens any more."""
    with socket.create_server((HOST, 0)) as found:
        port = found.getsockname()[1]
    return socket.create_server((HOST, port))


def _listening_in(namespace: Namespace) -> socket.socket:
    with namespace.enter():
        return _listening()


class Orders(NamedTuple):
    """What is to be done with connections."""

    delay: float = 0.0
    """Seconds that each answer takes longer."""
    cut: str = ""
    """At the next commit, `BEFORE` or `AFTER`: all connections, as a router that restarts does."""
    octets: int = 0
    """Of answers, after which all connections are cut; 0 is never."""
    hang: bool = False
    """Let nothing through, and what comes meanwhile only afterwards."""
    refuse: bool = False
    """Do not listen, as a machine without a database."""


class Between:
    """The program: all connections, and what is to be done with them."""

    def __init__(self, listening: socket.socket, upstream: tuple[str, int], mark: bytes) -> None:
        self._listening = listening
        self._server: asyncio.Server | None = None
        self._upstream = upstream
        self._mark = re.compile(mark)
        self._orders = Orders()
        self._through = asyncio.Event()
        self._through.set()
        self._pairs = set[Pair]()
        self._made = self._cuts = 0

    async def order(self, orders: Mapping[str, Any]) -> Told:
        """Do as is told."""
        self._orders = self._orders._replace(**{name: value for name, value in orders.items() if name != "sever"})
        if self._orders.hang:
            self._through.clear()
        else:
            self._through.set()
        if "sever" in orders:
            self._cut()
        await self._listen(not self._orders.refuse)
        return Told(len(self._pairs), self._made, self._cuts)

    async def _listen(self, listen: bool) -> None:
        """Open and close the port, which stays ours."""
        if listen and self._server is None:
            self._listening.listen(100)
            self._server = await asyncio.start_server(self._connected, sock=self._listening.dup())
        elif not listen and self._server is not None:
            self._server.close()
            self._server = None
            self._listening.shutdown(socket.SHUT_RDWR)

    async def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Somebody wants to speak to the database."""
        self._made += 1
        try:
            others = await asyncio.open_connection(*self._upstream)
        except OSError:
            writer.transport.abort()
            return
        pair = Pair(reader, writer, *others)
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._ask(pair), self._answer(pair))
        except (OSError, EOFError):
            pass
        finally:
            pair.cut()
            self._pairs.discard(pair)

    async def _ask(self, pair: Pair) -> None:
        before = b""
        while data := await pair.client.read(PIECE):
            await self._through.wait()
            names = pair.prepared
            committing = any(self._mark.search(each) for each in (data, before + data)) or any(
                name in data for name in names
            )
            names.update(b"\0%s\0" % name for name in PREPARED.findall(data))
            before = b"" if committing else data[-OVERLAP:]
            if committing and self._orders.cut == BEFORE:
                self._cut_here()
                return
            pair.committing |= committing and self._orders.cut == AFTER
            pair.to_server.write(data)
            await pair.to_server.drain()
        raise EOFError

    async def _answer(self, pair: Pair) -> None:
        loop = asyncio.get_running_loop()
        while data := await pair.server.read(PIECE):
            await self._through.wait()
            octets = self._orders.octets
            if (pair.committing and self._orders.cut == AFTER) or (octets and octets <= len(data)):
                pair.to_client.write(data[:octets])
                self._cut_here()
                return
            self._orders = self._orders._replace(octets=max(octets - len(data), 0))
            if self._orders.delay:
                loop.call_later(self._orders.delay, pair.to_client.write, data)
            else:
                pair.to_client.write(data)
                await pair.to_client.drain()
        raise EOFError

    def _cut_here(self) -> None:
        self._cuts += 1
        self._orders = self._orders._replace(cut="", octets=0)
        self._cut()

    def _cut(self) -> None:
        for pair in self._pairs:
            pair.cut()


class Pair:
    """Both sides of a connection."""

    def __init__(
        self, client: StreamReader, to_client: StreamWriter, server: StreamReader, to_server: StreamWriter
    ) -> None:
        self.client, self.to_client, self.server, self.to_server = client, to_client, server, to_server
        self.prepared: set[bytes] = set()
        """How a request names a change that was prepared."""
        self.committing = False
        """Whether a commit is on its way, whose answer shall not come back."""
        for each in (to_client, to_server):
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def cut(self) -> None:
        """End both, whatever is on its way."""
        for each in (self.to_client, self.to_server):
            with suppress(OSError):
                each.transport.abort()


async def _serve(descriptor: int, host: str, port: int, kind: str) -> None:
    between = Between(socket.socket(fileno=descriptor), (host, port), COMMITS[kind])
    await obey(between.order)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]))
