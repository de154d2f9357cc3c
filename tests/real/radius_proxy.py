"""Between a server and its RADIUS: a proxy of UDP that delays answers, or drops all.

It listens in the network of the server and speaks to RADIUS in the caller's, in a process of its own:
``python -m tests.real.radius_proxy DESCRIPTOR HOST PORT`` takes orders as `Ordered` gives them.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tests.real.ordered import Ordered, obey
from txkea.testing.namespaces import Namespace

__all__ = ["RadiusProxy", "Relayed"]

HOST: Final = "127.0.0.1"
SO_RCVBUFFORCE, BUFFER = 33, 1 << 22
Address = tuple[str, int]


class Relayed(NamedTuple):
    """What a proxy has done so far."""

    requests: int
    """That came from the server."""
    answers: int
    """That went back to it."""


class RadiusProxy(Ordered):
    """A proxy to a port of the loopback interface here, that listens at ``host`` and ``port`` of a namespace."""

    host = HOST

    def __init__(self, port: int, namespace: Namespace | None = None, upstream: str = HOST) -> None:
        with _bound() if namespace is None else _bound_in(namespace) as bound:
            self.port: int = bound.getsockname()[1]
            super().__init__("tests.real.radius_proxy", [bound.fileno(), upstream, port], [bound.fileno()])
        self.tell()

    def tell(self, **orders: Any) -> Relayed:
        """Give orders, see `Orders`, or none; gives what was done so far."""
        return Relayed(*self.order(orders))


def _bound() -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    found.bind((HOST, 0))
    return found


def _bound_in(namespace: Namespace) -> socket.socket:
    with namespace.enter():
        return _bound()


class Orders(NamedTuple):
    """What is to be done with datagrams."""

    delay: float = 0.0
    """Seconds that each answer takes longer."""
    drop: bool = False
    """Let nothing through, neither way; what was sent meanwhile is lost."""


class Front(asyncio.DatagramProtocol):
    """The program: what the server sends comes here."""

    def __init__(self, upstream: Address) -> None:
        self._upstream = upstream
        self._orders = Orders()
        self._requests = self._answers = 0
        self._backs: dict[Address, asyncio.Future[asyncio.DatagramTransport]] = {}
        self.transport: asyncio.DatagramTransport

    async def order(self, orders: Mapping[str, Any]) -> Relayed:
        """Do as is told."""
        self._orders = self._orders._replace(**orders)
        return Relayed(self._requests, self._answers)

    def connection_made(self, transport: Any) -> None:
        """See `asyncio.BaseProtocol`."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """A request, from one of the server's ports: each has one of ours, as identifiers are its own."""
        self._requests += 1
        if self._orders.drop:
            return
        back = self._backs.get(addr)
        if back is None:
            back = self._backs[addr] = asyncio.ensure_future(self._open(addr))
        back.add_done_callback(lambda opened: opened.result().sendto(data))

    async def _open(self, client: Address) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: Back(self, client), remote_addr=self._upstream)
        return transport

    def answered(self, data: bytes, client: Address) -> None:
        """An answer for one of the server's ports."""
        if not self._orders.drop:
            asyncio.get_running_loop().call_later(self._orders.delay, self._give, data, client)

    def _give(self, data: bytes, client: Address) -> None:
        if not self._orders.drop:
            self._answers += 1
            self.transport.sendto(data, client)


class Back(asyncio.DatagramProtocol):
    """What RADIUS answers to one of the server's ports."""

    def __init__(self, front: Front, client: Address) -> None:
        self._front, self._client = front, client

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """See `asyncio.DatagramProtocol`."""
        self._front.answered(data, self._client)


async def _serve(descriptor: int, host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    front = Front((host, port))
    await loop.create_datagram_endpoint(lambda: front, sock=socket.socket(fileno=descriptor))
    await obey(front.order)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
