"""A server's and a client's network namespace with a cable between them, for the tests of `txkea.net`."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from txkea.net.links import links, readable
from txkea.net.network import SystemNetwork
from txkea.net.opening import endpoint
from txkea.testing.contracts.network import ALL_NODES, LIMITED_BROADCAST, Received
from txkea.testing.namespaces import Lab, Namespace, Port, requires_root, wait_for
from txkea.testing.network import ReaderClock
from txkea.testing.sites import MemoryLogger

__all__ = [
    "CLIENT_PORT",
    "PEER",
    "PEER6",
    "SERVER",
    "SERVER6",
    "SERVER_PORT",
    "Cable",
    "CableTestCase",
    "SystemBench",
    "SystemBench6",
    "open_files",
    "packed",
    "peer_socket",
    "read_all",
]

SERVER_PORT: Final = 6767
CLIENT_PORT: Final = 6768
PEER_HWADDR: Final = "02:00:00:00:00:02"
SERVER_HWADDR: Final = "02:00:00:00:00:01"
SO_BINDTODEVICE: Final = 25


def packed(text: str) -> bytes:
    """An address as bytes."""
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


SERVER: Final = (packed("192.0.2.1"), packed("198.51.100.1"))
PEER: Final = packed("192.0.2.2")
SERVER6: Final = (packed("fe80::ff:fe00:1"), packed("2001:db8::1"))
PEER6: Final = packed("fe80::ff:fe00:2")
"""What the kernel makes of the hardware addresses."""


def open_files() -> int:
    """How many file descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


class Cable:
    """Two namespaces: ``eth0`` at 192.0.2.1 and 198.51.100.1 here, 192.0.2.2 and 198.51.100.2 there.

    And at 2001:db8::1 and fe80::ff:fe00:1 here, 2001:db8::2 and fe80::ff:fe00:2 there. With ``dad`` the kernel looks
    for duplicates of the IPv6 addresses here before they can be used.
    """

    def __init__(self, dad: bool = False) -> None:
        self.dad = dad
        self.lab = Lab()
        self.here = self.lab.namespace("here", dad)
        self.there = self.lab.namespace("there", dad=False)
        self.lay()

    def lay(self) -> None:
        """Lay the cable (again)."""
        self.lab.veth(
            Port(self.here, "eth0", ["192.0.2.1/24", "198.51.100.1/24", "2001:db8::1/64"], SERVER_HWADDR),
            Port(self.there, "eth0", ["192.0.2.2/24", "198.51.100.2/24", "2001:db8::2/64"], PEER_HWADDR),
        )
        wait_for(self.running, "the carrier of eth0")  # the kernel tells it a little later
        for namespace in (self.there,) if self.dad else (self.here, self.there):
            namespace.link_local("eth0")
            namespace.wait_for_addresses()

    def running(self) -> bool:
        """Whether the link here is up and has its carrier."""
        with self.here.enter():
            return any(link.name == "eth0" and link.running for link in links())

    def close(self) -> None:
        """Remove everything."""
        self.lab.close()


def peer_socket(namespace: Namespace, address: str, port: int, device: str = "") -> socket.socket:
    """A UDP socket in a namespace; a link-local address or a group is that of ``device``."""
    with namespace.enter():
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        index = socket.if_nametoindex(device) if device else 0
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if device:
        sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, device.encode())
    sock.bind(endpoint(packed(address), port, index))
    return sock


class SystemBench:
    """A `SystemNetwork` here and a machine there: the `Bench` of the contract for real sockets."""

    everybody = LIMITED_BROADCAST
    interface = "eth0"
    addresses: Sequence[bytes] = SERVER
    peer = PEER
    server_port = SERVER_PORT
    client_port = CLIENT_PORT

    def __init__(self, cable: Cable, socket_type: str, buffer_size: int = 1 << 20, **more: Any) -> None:
        self.socket_type = socket_type
        self.clock = ReaderClock()
        self.log = MemoryLogger()
        self.network = SystemNetwork(self.clock, self.log, SERVER_PORT, CLIENT_PORT, buffer_size, **more)
        self.connect(cable)

    def connect(self, cable: Cable) -> None:
        """Open the other machine's sockets; again after the cable was laid anew."""
        self._from = peer_socket(cable.there, readable(self.peer), CLIENT_PORT, "eth0")
        self._to = peer_socket(cable.there, readable(self.everybody), CLIENT_PORT, "eth0")

    def transmit(self, data: bytes, destination: bytes) -> None:
        """The other machine sends."""
        self._from.sendto(data, (readable(destination), SERVER_PORT))

    def settle(self) -> None:
        """Read everything."""
        self.clock.drain()

    def received(self) -> list[Received]:
        """What the other machine got; a cable between namespaces delivers at once."""
        return [*read_all(self._from), *read_all(self._to)]

    def messages(self, identifier: str) -> list[str]:
        """The texts logged under an identifier."""
        return [text for _, message, text in self.log.lines if message == identifier]

    def close(self) -> None:
        """Close everything."""
        self.network.close()
        self._from.close()
        self._to.close()


class SystemBench6(SystemBench):
    """The same for DHCPv6."""

    everybody = ALL_NODES
    addresses = SERVER6
    peer = PEER6


def read_all(sock: socket.socket) -> Iterator[Received]:
    """What waits on a socket."""
    while True:
        try:
            data, (address, port, *_) = sock.recvfrom(65535)
        except BlockingIOError:
            return
        yield Received(data, packed(address), port)


class CableTestCase(SynchronousTestCase):
    """Tests that live in the server's namespace."""

    skip = requires_root()
    dad = False

    def setUp(self) -> None:
        self.cable = Cable(self.dad)
        self.addCleanup(self.cable.close)
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        stack.enter_context(self.cable.here.enter())

    def make(self, socket_type: str, **more: Any) -> SystemBench:
        """A bench that closes with the test."""
        bench = SystemBench(self.cable, socket_type, **more)
        self.addCleanup(bench.close)
        return bench

    def make6(self, socket_type: str, **more: Any) -> SystemBench6:
        """A bench for DHCPv6."""
        bench = SystemBench6(self.cable, socket_type, **more)
        self.addCleanup(bench.close)
        return bench
