"""What both kinds of DHCP socket share: opening, reading in the reactor, counting."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from txkea.interfaces import IDatagramReceiver, ILogger, ISocket, Link
from txkea.net.filters import DROP_ALL, attach

__all__ = [
    "BATCH",
    "LIMITED_BROADCAST",
    "Context",
    "LinkSockets",
    "Reactor",
    "Reader",
    "SendSide",
    "Traffic",
    "bound_udp",
    "explain",
    "silent_udp",
]

LIMITED_BROADCAST: Final = b"\xff\xff\xff\xff"
BATCH: Final = 64
"""Datagrams that one socket may deliver before the reactor's other work gets its turn."""
BUSY: Final = 0.002
"""Seconds: a socket that becomes readable again so soon is read by the clock for as long as something comes."""
CYCLE: Final = 0.001
"""Seconds between two readings by the clock."""
PAUSE: Final = 0.1
"""Seconds without reading after an error, so that an error that stays cannot take the whole processor."""
LOG_INTERVAL: Final = 1.0
"""Seconds between two log lines about failures to send, per socket."""
SO_BINDTODEVICE: Final = 25
SO_SNDBUFFORCE: Final = 32
SO_RCVBUFFORCE: Final = 33

MENDS: Final = {
    errno.EPERM: "raw sockets need CAP_NET_RAW: start as root or grant it (AmbientCapabilities in a systemd unit)",
    errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE: start as root or grant it",
    errno.EADDRINUSE: "another program has the port: stop the other DHCP server or relay",
    errno.EADDRNOTAVAIL: "the interface has lost this address",
    errno.ENODEV: "the interface has vanished",
}


class Reactor(Protocol):
    """What is needed of a reactor: `IReactorFDSet`'s readers and `IReactorTime`."""

    def addReader(self, reader: Any) -> Any:
        """Watch ``reader``."""

    def removeReader(self, reader: Any) -> Any:
        """Watch it no longer."""

    def seconds(self) -> float:
        """The time."""

    def callLater(self, delay: float, call: Callable[[], object], /) -> IDelayedCall:
        """Call after ``delay`` seconds."""


class Traffic:
    """What passed through a network's sockets since it was made; every attribute counts datagrams."""

    __slots__ = ("foreign", "lost", "malformed", "received", "send_failures", "sent", "truncated")

    def __init__(self) -> None:
        self.received = 0
        self.truncated = 0
        """Longer than a slot of the receive ring, hence dropped."""
        self.lost = 0
        """Dropped by the kernel because a receive ring was full; as far as a full batch has made us ask."""
        self.malformed = 0
        """Raw frames that hold no whole UDP datagram with a right checksum."""
        self.foreign = 0
        """Raw frames to addresses that are not served, such as what this machine forwards."""
        self.sent = 0
        self.send_failures = 0


class Context:
    """What every socket of one network works with; ``receiver`` changes when the server is reconfigured."""

    def __init__(self, reactor: Reactor, log: ILogger, server_port: int, client_port: int, buffer_size: int) -> None:
        self.reactor = reactor
        self.log = log
        self.server_port = server_port
        self.client_port = client_port
        self.buffer_size = buffer_size
        self.traffic = Traffic()
        self.receiver: IDatagramReceiver
        self._outbox: list[tuple[SendSide, bytes, bytes, int, bytes]] = []

    def send_soon(self, sock: SendSide, data: bytes, address: bytes, port: int, hwaddr: bytes) -> None:
        """Send with all that is to be sent in this turn of the reactor.

        In one go they wake their receivers once, and not one after the other: waking costs more than sending.
        """
        if not self._outbox:
            self.reactor.callLater(0, self.flush)
        self._outbox.append((sock, data, address, port, hwaddr))

    def flush(self) -> None:
        """Send what waits now."""
        outbox, self._outbox = self._outbox, []
        for sock, data, address, port, hwaddr in outbox:
            sock.transmit(data, address, port, hwaddr)


@implementer(IReadDescriptor)
class Reader:
    """A socket whose datagrams the reactor delivers until `stop`; outlives errors of its link.

    Under load it is read by the clock rather than whenever something arrives, as network cards moderate their
    interrupts: a turn of the reactor costs as much as answering a query, and so many queries share one, and one
    write of their leases. A lone client's queries are read at once.

    Subclasses write `deliver`.
    """

    def __init__(self, context: Context, sock: socket.socket, name: str) -> None:
        self.context = context
        self.name = name
        self._socket = sock
        self._timer: IDelayedCall | None = None
        self._latest = 0.0

    def start(self) -> None:
        """Begin to read."""
        self._timer = None
        self.context.reactor.addReader(self)

    def stop(self) -> None:
        """Read no more and close the socket."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.context.reactor.removeReader(self)
        self._socket.close()

    def fileno(self) -> int:
        """The reactor's name for it."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Twisted's name for it."""
        return self.name

    def deliver(self) -> int:
        """Deliver at most `BATCH` datagrams, never waiting; gives how many were taken."""
        raise NotImplementedError

    def doRead(self) -> None:
        """The socket is readable."""
        reactor = self.context.reactor
        taken = self.deliver()
        now = reactor.seconds()
        before, self._latest = self._latest, now
        if now - before < BUSY and self.fileno() >= 0:
            reactor.removeReader(self)
            self._read_later(taken)

    def _read_later(self, taken: int) -> None:
        self._timer = self.context.reactor.callLater(0 if taken == BATCH else CYCLE, self._read_by_clock)

    def _read_by_clock(self) -> None:
        self._timer = None
        taken = 0
        try:
            taken = self.deliver()
        finally:  # a receiver that breaks its promise and raises must not make us deaf
            if self.fileno() >= 0:
                if taken:
                    self._read_later(taken)
                else:
                    self.start()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor saw an error and has dropped us: the link went down, say. Read on after a pause."""
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # reading the error clears it
        if warn := self.context.log.warn:
            text = errno.errorcode.get(number, reason.getErrorMessage())
            warn("DHCP4_BUFFER_RECEIVE_FAIL", f"{self.name}: error {text}; reading on")
        self._timer = self.context.reactor.callLater(PAUSE, self.start)


@implementer(ISocket)
class SendSide:
    """An `ISocket` without its way of sending: where it is, and what failed."""

    direct = False

    def __init__(self, context: Context, link: str, local: bytes) -> None:
        self.link = link
        self.local = local
        self._context = context
        self._traffic = context.traffic
        self._silent_until = 0.0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.link}/{socket.inet_ntoa(self.local)}>"

    def send(self, data: bytes, address: bytes, port: int, hwaddr: bytes) -> None:
        """See `ISocket`."""
        self._context.send_soon(self, data, address, port, hwaddr)

    def transmit(self, data: bytes, address: bytes, port: int, hwaddr: bytes) -> None:
        """Send at once."""
        raise NotImplementedError

    def _failed(self, error: Exception, address: bytes, port: int) -> None:
        self._traffic.send_failures += 1
        now = self._context.reactor.seconds()
        if now >= self._silent_until and self._context.log.error:
            self._silent_until = now + LOG_INTERVAL
            self._context.log.error(
                "DHCP4_PACKET_SEND_FAIL",
                f"cannot send from {self.link}/{socket.inet_ntoa(self.local)} to {socket.inet_ntoa(address)}:{port}: "
                f"{error} ({self._traffic.send_failures} failures so far)",
            )


class LinkSockets:
    """The DHCP sockets of one link, one per served address, and whatever receives for them."""

    def __init__(self, context: Context, link: Link) -> None:
        self.context = context
        self.link = link
        self.sockets: dict[bytes, SendSide] = {}
        """By packed local address; the first one answers broadcasts."""

    def serve(self, addresses: Sequence[bytes]) -> dict[bytes, OSError]:
        """Serve exactly these packed addresses; what is open and still wanted stays untouched.

        Gives the addresses that cannot be served, each with what the kernel said.
        """
        for address in [known for known in self.sockets if known not in addresses]:
            del self.sockets[address]
            self._close(address)
        attempts = {address: self._attempt(address) for address in addresses if address not in self.sockets}
        self.sockets = {address: self.sockets[address] for address in addresses if address in self.sockets}
        self._settle()
        return {address: error for address, error in attempts.items() if error is not None}

    def _attempt(self, address: bytes) -> OSError | None:
        try:
            self.sockets[address] = self._open(address)
        except OSError as error:
            return error
        return None

    def broadcasts(self) -> dict[bytes, SendSide]:
        """The broadcast addresses that clients and relays may send to, and which socket takes them."""
        found: dict[bytes, SendSide] = {}
        for address, sock in self.sockets.items():
            for target in self.broadcasts_of(address):
                found.setdefault(target, sock)
        return found

    def broadcasts_of(self, address: bytes) -> Sequence[bytes]:
        """The limited broadcast address, and that of the subnet of ``address`` if its subnet has one."""
        if not self.link.broadcast:
            return ()
        lengths = [entry.prefix_length for entry in self.link.addresses if entry.address == address]
        return (LIMITED_BROADCAST, *(_last(address, length) for length in lengths if length < 31))

    def _open(self, address: bytes) -> SendSide:
        """Open what one more address needs. Raises `OSError`; then nothing has changed."""
        raise NotImplementedError

    def _close(self, address: bytes) -> None:
        """Close what only this address needed."""
        raise NotImplementedError

    def _settle(self) -> None:
        """``sockets`` has changed: make what receives for them follow."""
        raise NotImplementedError


def _last(address: bytes, length: int) -> bytes:
    return (int.from_bytes(address, "big") | (0xFFFFFFFF >> length)).to_bytes(4, "big")


def bound_udp(address: bytes, port: int, device: str, buffer_size: int, reuse: bool = False) -> socket.socket:
    """A UDP socket on one packed address of one device (``""``: any), that does not block and may broadcast.

    Raises `OSError`. With ``reuse`` the port may be shared with others that ask for it too.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reuse))
        if device:
            sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, device.encode())
        enlarge(sock, buffer_size)
        sock.bind((socket.inet_ntoa(address), port))
    except OSError:
        sock.close()
        raise
    return sock


def silent_udp(address: bytes, port: int, device: str, buffer_size: int, reuse: bool = False) -> socket.socket:
    """A `bound_udp` that only sends: it keeps the port, so that no ICMP error leaves, and receives nothing."""
    sock = bound_udp(address, port, device, buffer_size, reuse)
    attach(sock, DROP_ALL)
    return sock


def enlarge(sock: socket.socket, size: int) -> None:
    """Ask for buffers of ``size`` bytes; without CAP_NET_ADMIN the system's limits (net.core.*mem_max) hold."""
    _enlarge(sock, SO_RCVBUFFORCE, socket.SO_RCVBUF, size)
    _enlarge(sock, SO_SNDBUFFORCE, socket.SO_SNDBUF, size)


def _enlarge(sock: socket.socket, forced: int, plain: int, size: int) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, forced, size)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, plain, size)


def explain(error: OSError) -> str:
    """An error of a socket with its mend."""
    mend = MENDS.get(error.errno or 0)
    return f"{error.strerror or error}; {mend}" if mend else f"{error.strerror or error}"
