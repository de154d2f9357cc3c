"""All networks keep the one contract for both families: in memory, over UDP sockets, over raw sockets."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.net_lab import (
    CLIENT_PORT,
    PEER,
    PEER6,
    SERVER,
    SERVER6,
    SERVER_PORT,
    CableTestCase,
    SystemBench,
    SystemBench6,
)
from txkea.interfaces import LinkAddress
from txkea.testing.contracts.network import (
    LIMITED_BROADCAST,
    MULTICAST_GROUPS,
    Network4Contract,
    Network6Contract,
    Received,
)
from txkea.testing.network import ETH0, LOOPBACK, MemoryNetwork

__all__ = [
    "MemoryNetwork4Tests",
    "MemoryNetwork6Tests",
    "PacketNetwork4Tests",
    "PacketNetwork6Tests",
    "UdpNetwork4Tests",
    "UdpNetwork6Tests",
]


class MemoryBench:
    """A `MemoryNetwork` and an imagined machine."""

    interface = "eth0"
    socket_type = "raw"
    addresses: Sequence[bytes] = SERVER
    peer = PEER
    server_port = SERVER_PORT
    client_port = CLIENT_PORT

    def __init__(self) -> None:
        link = ETH0._replace(addresses=tuple(LinkAddress(address, 24) for address in self.addresses))
        self.network = MemoryNetwork([LOOPBACK, link])

    def transmit(self, data: bytes, destination: bytes) -> None:
        """The imagined machine sends."""
        broadcast = destination in (LIMITED_BROADCAST, *MULTICAST_GROUPS)
        local = None if broadcast else destination
        self.network.deliver(data, self.peer, CLIENT_PORT, broadcast=broadcast, local=local)

    def settle(self) -> None:
        """Memory is quick."""

    def received(self) -> list[Received]:
        """What was sent since the last call."""
        sent, self.network.sent[:] = self.network.sent[:], []
        return [Received(one.data, one.socket.local, SERVER_PORT) for one in sent]


class MemoryBench6(MemoryBench):
    """The same for DHCPv6."""

    socket_type = "udp"
    addresses = SERVER6
    peer = PEER6


class MemoryNetwork4Tests(Network4Contract, SynchronousTestCase):
    """The double."""

    def bench(self) -> MemoryBench:
        return MemoryBench()


class MemoryNetwork6Tests(Network6Contract, SynchronousTestCase):
    """The double, for DHCPv6."""

    def bench(self) -> MemoryBench6:
        return MemoryBench6()


class UdpNetwork4Tests(Network4Contract, CableTestCase):
    """UDP sockets."""

    def bench(self) -> SystemBench:
        return self.make("udp")


class UdpNetwork6Tests(Network6Contract, CableTestCase):
    """UDP sockets of IPv6."""

    def bench(self) -> SystemBench6:
        return self.make6("udp")


class PacketNetwork4Tests(Network4Contract, CableTestCase):
    """Raw sockets."""

    def bench(self) -> SystemBench:
        return self.make("raw")


class PacketNetwork6Tests(Network6Contract, CableTestCase):
    """Raw sockets of DHCPv6."""

    def bench(self) -> SystemBench6:
        return self.make6("raw")
