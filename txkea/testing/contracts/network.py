"""What every `INetwork` and its `ISocket` promise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txkea.errors import ConfigError
from txkea.interfaces import IDatagramReceiver, INetwork, ISocket, Origin
from txkea.model.configuration import Interfaces, InterfaceSelection

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase
else:
    SynchronousTestCase = object

__all__ = ["LIMITED_BROADCAST", "Arrival", "Bench", "NetworkContract", "Received", "Recorder"]

LIMITED_BROADCAST: Final = b"\xff\xff\xff\xff"
PATIENCE: Final = 100
"""How often a bench is settled in the hope for what is still missing."""


class Received(NamedTuple):
    """What the machine at the other end got."""

    data: bytes
    source: bytes
    source_port: int


class Arrival(NamedTuple):
    """What a receiver was handed."""

    data: bytes
    origin: Origin


@implementer(IDatagramReceiver)
class Recorder:
    """A receiver that keeps what arrives."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []

    def datagram_arrived(self, data: bytes, origin: Origin) -> None:
        """See `IDatagramReceiver`."""
        self.arrivals.append(Arrival(data, origin))

    def take(self) -> list[Arrival]:
        """What has arrived since the last call."""
        taken, self.arrivals = self.arrivals, []
        return taken


class Bench(Protocol):
    """A network to try, with one link that has two addresses and a machine at the other end of it."""

    @property
    def network(self) -> INetwork:
        """What is tested."""

    socket_type: str
    interface: str
    addresses: Sequence[bytes]
    """Both addresses of the link, the primary one first."""
    peer: bytes
    """The other machine's address."""
    server_port: int
    client_port: int
    """Where the other machine listens, on its address and for broadcasts."""

    def transmit(self, data: bytes, destination: bytes) -> None:
        """The other machine sends to the server port, from its address and client port."""

    def settle(self) -> None:
        """Let everything arrive that is under way to us."""

    def received(self) -> list[Received]:
        """What the other machine has received since the last call."""


class NetworkContract(SynchronousTestCase):
    """Mix into a test case whose `bench` makes what is tested; a test asks for it once."""

    def bench(self) -> Bench:
        """A fresh bench, cleaned up with the test."""
        raise NotImplementedError

    def interfaces(self, bench: Bench, *addresses: bytes | None, **more: object) -> Interfaces:
        """The configuration that selects the bench's interface, with these of its addresses or (none given) bare."""
        selections = tuple(InterfaceSelection(bench.interface, address) for address in addresses or (None,))
        return Interfaces(selections=selections, socket_type=bench.socket_type, **more)  # type: ignore[arg-type]

    def arrived(self, bench: Bench, recorder: Recorder, expected: int = 1) -> list[Arrival]:
        """What has arrived by now; a loaded machine gets its time to deliver what is expected."""
        bench.settle()
        for _ in range(PATIENCE):
            if len(recorder.arrivals) < expected:
                bench.settle()
        return recorder.take()

    def received(self, bench: Bench, expected: int) -> list[Received]:
        """What the other machine has received by now; it gets its time too."""
        received = bench.received()
        for _ in range(PATIENCE):
            if len(received) < expected:
                bench.settle()
                received += bench.received()
        return received

    def test_provides_the_interfaces(self) -> None:
        """The network provides INetwork, its sockets ISocket."""
        bench = self.bench()
        verifyObject(INetwork, bench.network)
        for sock in bench.network.listen4(self.interfaces(bench), Recorder()):
            verifyObject(ISocket, sock)

    def test_shows_the_link(self) -> None:
        """links() shows the interface, up and with its addresses in the kernel's order."""
        bench = self.bench()
        link = next(link for link in bench.network.links() if link.name == bench.interface)
        self.assertEqual(list(bench.addresses), [entry.address for entry in link.addresses if len(entry.address) == 4])
        self.assertTrue(link.up and link.running and link.broadcast and not link.loopback)

    def test_one_socket_per_address(self) -> None:
        """A bare interface name means all its addresses, and each socket says where it is."""
        bench = self.bench()
        sockets = bench.network.listen4(self.interfaces(bench), Recorder())
        self.assertEqual(
            [(bench.interface, address) for address in bench.addresses], [(s.link, s.local) for s in sockets]
        )
        self.assertEqual({bench.socket_type == "raw"}, {sock.direct for sock in sockets})

    def test_unicast_arrives(self) -> None:
        """A datagram arrives once, whole, at the socket of the address it was sent to, with its source."""
        bench, recorder = self.bench(), Recorder()
        bench.network.listen4(self.interfaces(bench), recorder)
        for address in bench.addresses:
            bench.transmit(b"query", address)
            [(data, origin)] = self.arrived(bench, recorder)
            self.assertEqual(b"query", data)
            self.assertEqual(address, origin.socket.local)
            self.assertEqual(
                (bench.peer, bench.client_port, False), (origin.source, origin.source_port, origin.broadcast)
            )

    def test_broadcast_arrives_once(self) -> None:
        """A broadcast arrives once, at the first socket, and is known to be one."""
        bench, recorder = self.bench(), Recorder()
        first = bench.network.listen4(self.interfaces(bench), recorder)[0]
        bench.transmit(b"query", LIMITED_BROADCAST)
        [(data, origin)] = self.arrived(bench, recorder)
        self.assertEqual((b"query", first, True), (data, origin.socket, origin.broadcast))

    def test_only_the_selected_address(self) -> None:
        """What is sent to an address that was not selected does not arrive; a broadcast does, at the selected one."""
        bench, recorder = self.bench(), Recorder()
        bench.network.listen4(self.interfaces(bench, bench.addresses[1]), recorder)
        bench.transmit(b"not ours", bench.addresses[0])
        bench.transmit(b"for all", LIMITED_BROADCAST)
        [(data, origin)] = self.arrived(bench, recorder)
        self.assertEqual((b"for all", bench.addresses[1]), (data, origin.socket.local))

    def test_any_bytes_pass(self) -> None:
        """Any payload that fits a frame passes unchanged, in both directions and in order."""
        bench, recorder = self.bench(), Recorder()
        [_, second] = bench.network.listen4(self.interfaces(bench), recorder)

        @given(st.lists(st.binary(max_size=1400), min_size=1, max_size=8))
        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        def passes(payloads: list[bytes]) -> None:
            for payload in payloads:
                bench.transmit(payload, bench.addresses[0])
                second.send(payload, bench.peer, bench.client_port, b"")
            self.assertEqual(payloads, [arrival.data for arrival in self.arrived(bench, recorder, len(payloads))])
            self.assertEqual(payloads, [received.data for received in self.received(bench, len(payloads))])

        passes()

    def test_sends_from_its_own_address(self) -> None:
        """What a socket sends, to one or to all, comes from its own address and the server port."""
        bench = self.bench()
        for sock in bench.network.listen4(self.interfaces(bench), Recorder()):
            sock.send(b"one", bench.peer, bench.client_port, b"")
            sock.send(b"all", LIMITED_BROADCAST, bench.client_port, b"")
            here = (sock.local, bench.server_port)
            self.assertEqual([Received(b"one", *here), Received(b"all", *here)], self.received(bench, 2))

    def test_names_what_does_not_exist(self) -> None:
        """An interface or address that does not exist is an error that names it and what there is instead."""
        bench = self.bench()
        interfaces = Interfaces(selections=(InterfaceSelection("absent0"),), socket_type=bench.socket_type)
        error = self.assertRaises(ConfigError, bench.network.listen4, interfaces, Recorder())
        for text in ("absent0", bench.interface, "interfaces[0]"):
            self.assertIn(text, str(error))
        wrong = self.interfaces(bench, bench.addresses[0], bench.peer)
        error = self.assertRaises(ConfigError, bench.network.listen4, wrong, Recorder())
        self.assertIn("interfaces[1]", str(error))

    def test_an_error_changes_nothing(self) -> None:
        """After an error the sockets that were open still deliver to their receiver."""
        bench, recorder = self.bench(), Recorder()
        bench.network.listen4(self.interfaces(bench), recorder)
        self.assertRaises(ConfigError, bench.network.listen4, self.interfaces(bench, bench.peer), Recorder())
        bench.transmit(b"query", bench.addresses[0])
        self.assertEqual([b"query"], [arrival.data for arrival in self.arrived(bench, recorder)])

    def test_listening_again_keeps_sockets(self) -> None:
        """Sockets wanted again stay the same and lose nothing; the new receiver gets what arrives from now on."""
        bench, former, recorder = self.bench(), Recorder(), Recorder()
        before = bench.network.listen4(self.interfaces(bench), former)
        after = bench.network.listen4(self.interfaces(bench, bench.addresses[1]), recorder)
        self.assertEqual([before[1]], list(after))
        bench.transmit(b"query", bench.addresses[1])
        self.assertEqual([b"query"], [arrival.data for arrival in self.arrived(bench, recorder)])
        self.assertEqual(before[1], bench.network.listen4(self.interfaces(bench), recorder)[1])
        self.assertEqual([], former.take())

    def test_no_interfaces_no_sockets(self) -> None:
        """An empty list closes every socket."""
        bench, recorder = self.bench(), Recorder()
        bench.network.listen4(self.interfaces(bench), recorder)
        self.assertEqual([], list(bench.network.listen4(Interfaces(), recorder)))
        bench.transmit(b"query", bench.addresses[0])
        self.assertEqual([], self.arrived(bench, recorder, 0))

    def test_the_other_socket_type(self) -> None:
        """Sockets can be exchanged for those of the other type on the same addresses."""
        bench, recorder = self.bench(), Recorder()
        bench.network.listen4(self.interfaces(bench), Recorder())
        other = "udp" if bench.socket_type == "raw" else "raw"
        selections = (InterfaceSelection(bench.interface),)
        sockets = bench.network.listen4(Interfaces(selections=selections, socket_type=other), recorder)
        self.assertEqual([other == "raw"] * 2, [sock.direct for sock in sockets])
        bench.transmit(b"query", bench.addresses[1])
        self.assertEqual([b"query"], [arrival.data for arrival in self.arrived(bench, recorder)])

    def test_close(self) -> None:
        """Once closed nothing arrives any more, sending does no harm, and closing again neither."""
        bench, recorder = self.bench(), Recorder()
        [sock, _] = bench.network.listen4(self.interfaces(bench), recorder)
        bench.network.close()
        bench.network.close()
        bench.transmit(b"query", bench.addresses[0])
        self.assertEqual([], self.arrived(bench, recorder, 0))
        sock.send(b"late answer", bench.peer, bench.client_port, b"")
