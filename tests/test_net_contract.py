"""All networks keep the one contract: in memory, over UDP sockets, over raw sockets."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from tests.net_lab import CLIENT_PORT, PEER, SERVER, SERVER_PORT, CableTestCase, SystemBench
from txkea.interfaces import LinkAddress
from txkea.testing.contracts.network import LIMITED_BROADCAST, NetworkContract, Received
from txkea.testing.network import ETH0, LOOPBACK, MemoryNetwork

__all__ = ["MemoryNetworkTests", "PacketNetworkTests", "UdpNetworkTests"]


class MemoryBench:
    """A `MemoryNetwork` and an imagined machine."""

    interface = "eth0"
    socket_type = "raw"
    addresses: Sequence[bytes] = SERVER
    peer = PEER
    server_port = SERVER_PORT
    client_port = CLIENT_PORT

    def __init__(self) -> None:
        link = ETH0._replace(addresses=tuple(LinkAddress(address, 24) for address in SERVER))
        self.network = MemoryNetwork([LOOPBACK, link])

    def transmit(self, data: bytes, destination: bytes) -> None:
        """The imagined machine sends."""
        broadcast = destination == LIMITED_BROADCAST
        local = None if broadcast else destination
        self.network.deliver(data, PEER, CLIENT_PORT, broadcast=broadcast, local=local)

    def settle(self) -> None:
        """Memory is quick."""

    def received(self) -> list[Received]:
        """What was sent since the last call."""
        sent, self.network.sent[:] = self.network.sent[:], []
        return [Received(one.data, one.socket.local, SERVER_PORT) for one in sent]


class MemoryNetworkTests(NetworkContract, SynchronousTestCase):
    """The double."""

    def bench(self) -> MemoryBench:
        return MemoryBench()


class UdpNetworkTests(NetworkContract, CableTestCase):
    """UDP sockets."""

    def bench(self) -> SystemBench:
        return self.make("udp")


class PacketNetworkTests(NetworkContract, CableTestCase):
    """Raw sockets."""

    def bench(self) -> SystemBench:
        return self.make("raw")
