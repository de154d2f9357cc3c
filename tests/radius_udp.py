"""For tests of RADIUS: UDP in memory, and answers made octet by octet, right and wrong, without any code of ours."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock

__all__ = [
    "ACCEPT",
    "REJECT",
    "SECRET",
    "SERVER",
    "MemoryUDP",
    "Said",
    "answer",
    "attribute",
    "attributes_of",
    "finish",
]

SECRET: Final = b"it's a secret"
SERVER: Final = ("192.0.2.1", 1812)
ACCEPT, REJECT = 2, 3
SIGNATURE: Final = 80
FIRST_PORT: Final = 40_000


class Said(NamedTuple):
    """A datagram that was sent."""

    port: int
    """Of ours."""
    data: bytes
    place: tuple[str, int]


class Port:
    """A port of ours, and the transport of its protocol."""

    def __init__(self, reactor: MemoryUDP, number: int, protocol: Any) -> None:
        self._reactor = reactor
        self.number = number
        self.protocol = protocol
        self.open = True

    def write(self, data: bytes, place: tuple[str, int]) -> None:
        if self._reactor.fails:
            raise OSError("network is unreachable")
        self._reactor.sent.append(Said(self.number, data, place))

    def getHandle(self) -> Any:  # noqa: N802 - Twisted's name
        raise OSError("there is no socket")

    def stopListening(self) -> None:  # noqa: N802 - Twisted's name
        self.open = False


class MemoryUDP(Clock):
    """A reactor whose UDP ports are lists: what was ``sent`` since it was ``taken``."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Said] = []
        self.ports: dict[int, Port] = {}
        self.fails = False
        """Whether nothing can be sent."""
        self.most = 1 << 16
        """Ports that can be opened."""
        self.interfaces: list[str] = []

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> Port:  # noqa: N803
        """See `IReactorUDP`."""
        if len(self.ports) >= self.most:
            raise CannotListenError(interface, port, OSError("too many"))
        number = FIRST_PORT + len(self.ports)
        self.interfaces.append(interface)
        made = self.ports[number] = Port(self, number, protocol)
        protocol.transport = made
        protocol.startProtocol()
        return made

    def taken(self) -> list[Said]:
        """What was sent since the last time."""
        sent, self.sent = self.sent, []
        return sent

    def deliver(self, data: bytes, port: int, source: tuple[str, int] = SERVER) -> None:
        """A datagram comes to a port of ours."""
        if self.ports[port].open:
            self.ports[port].protocol.datagramReceived(data, source)

    def advance(self, amount: float) -> None:
        """Time goes on, and the reactor turns once: what is put off for no time at all waits for the next turn."""
        self.rightNow += amount
        for call in sorted(self.calls, key=lambda call: call.getTime()):
            if call.active() and call.getTime() <= self.rightNow:
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)

    def turn(self, turns: int = 1) -> None:
        """Let the reactor turn."""
        for _ in range(turns):
            self.advance(0)


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute."""
    return bytes((kind, len(value) + 2)) + value


def attributes_of(data: bytes) -> list[tuple[int, bytes]]:
    """The attributes of a packet."""
    found, place = [], 20
    while place < len(data):
        found.append((data[place], data[place + 2 : place + data[place + 1]]))
        place += data[place + 1]
    return found


def answer(
    request: bytes,
    code: int = ACCEPT,
    body: bytes = b"",
    *,
    secret: bytes = SECRET,
    sign: bool = True,
    last: bool = False,
    identifier: int | None = None,
) -> bytes:
    """The right answer to a request; signed unless told otherwise, with the signature as the first or ``last``."""
    number = request[1] if identifier is None else identifier
    signature = attribute(SIGNATURE, bytes(16)) if sign else b""
    whole = body + signature if last else signature + body
    head = bytes((code, number)) + (20 + len(whole)).to_bytes(2, "big")
    if sign:
        mac = hmac.new(secret, head + request[4:20] + whole, hashlib.md5).digest()
        whole = body + attribute(SIGNATURE, mac) if last else attribute(SIGNATURE, mac) + body
    return finish(head, request, whole, secret)


def finish(head: bytes, request: bytes, body: Sequence[int] | bytes, secret: bytes = SECRET) -> bytes:
    """A packet with the Response Authenticator that belongs to it, whatever its four first octets say."""
    return head + hashlib.md5(head + request[4:20] + bytes(body) + secret).digest() + bytes(body)
