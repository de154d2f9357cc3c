"""What every `INetwork` and its `ISocket` promise, for DHCPv4 and DHCPv6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, Protocol

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txkea.errors import ConfigError
from txkea.interfaces import IDatagramReceiver, INetwork, ISocket, Origin
from txkea.model.configuration import Interfaces, InterfaceSelection
from txkea.net.sockets import LIMITED_BROADCAST, MULTICAST_GROUPS

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase
else:
    SynchronousTestCase = object

__all__ = [
    "ALL_NODES",
    "LIMITED_BROADCAST",
    "MULTICAST_GROUPS",
    "Arrival",
    "Bench",
    "Network4Contract",
    "Network6Contract",
    "Received",
    "Recorder",
]

ALL_NODES: Final = bytes.fromhex("ff020000000000000000000000000001")
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
    """A network to try, with one link that has two addresses and a machine at the other end of it.

    In DHCPv6 the first address and the other machine's are link-local.
    """

    @property
    def network(self) -> INetwork:
        """What is tested."""

    @property
    def socket_type(self) -> str:
        """As the configuration calls it."""

    @property
    def interface(self) -> str:
        """The link's name."""

    @property
    def addresses(self) -> Sequence[bytes]:
        """Both addresses of the link, the primary one first."""

    @property
    def peer(self) -> bytes:
        """The other machine's address."""

    server_port: int
    client_port: int
    """Where the other machine listens, on its address and for what is sent to everybody."""

    def transmit(self, data: bytes, destination: bytes) -> None:
        """The other machine sends to the server port, from its address and client port."""

    def settle(self) -> None:
        """Let everything arrive that is under way to us."""

    def received(self) -> list[Received]:
        """What the other machine has received since the last call."""


class Choice(NamedTuple):
    """A configuration that selects one of the bench's addresses and not the other."""

    interfaces: Interfaces
    chosen: bytes
    other: bytes


class NetworkContract(SynchronousTestCase):
    """What both families promise; a test asks for its `bench` once."""

    shared: ClassVar[Sequence[bytes]]
    """The addresses on which a server hears clients that do not know its own."""
    everybody: ClassVar[bytes]
    """The address at which a server reaches all machines of a link."""

    def bench(self) -> Bench:
        """A fresh bench, cleaned up with the test."""
        raise NotImplementedError

    def listen(self, bench: Bench, interfaces: Interfaces, recorder: Recorder) -> Sequence[ISocket]:
        """Listen for this family."""
        raise NotImplementedError

    def everything(self, bench: Bench) -> Interfaces:
        """The configuration that selects both addresses."""
        raise NotImplementedError

    def one(self, bench: Bench) -> Choice:
        """The configuration that selects one address only."""
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
        for sock in self.listen(bench, self.everything(bench), Recorder()):
            verifyObject(ISocket, sock)

    def test_shows_the_link(self) -> None:
        """links() shows the interface, up and with its addresses."""
        bench = self.bench()
        link = next(link for link in bench.network.links() if link.name == bench.interface)
        size = len(bench.peer)
        self.assertCountEqual(bench.addresses, [e.address for e in link.addresses if len(e.address) == size])
        self.assertTrue(link.up and link.running and link.broadcast and link.multicast and not link.loopback)

    def test_one_socket_per_address(self) -> None:
        """Each selected address has a socket that says where it is, the first that of what is sent to all."""
        bench = self.bench()
        sockets = self.listen(bench, self.everything(bench), Recorder())
        self.assertEqual(
            [(bench.interface, address) for address in bench.addresses], [(s.link, s.local) for s in sockets]
        )
        self.assertEqual({bench.socket_type == "raw"}, {sock.direct for sock in sockets})

    def test_unicast_arrives(self) -> None:
        """A datagram arrives once, whole, at the socket of the address it was sent to, with its source."""
        bench, recorder = self.bench(), Recorder()
        self.listen(bench, self.everything(bench), recorder)
        for address in bench.addresses:
            bench.transmit(b"query", address)
            [(data, origin)] = self.arrived(bench, recorder)
            self.assertEqual(b"query", data)
            self.assertEqual(address, origin.socket.local)
            self.assertEqual(
                (bench.peer, bench.client_port, False), (origin.source, origin.source_port, origin.broadcast)
            )

    def test_broadcast_arrives_once(self) -> None:
        """A broadcast, or what is sent to a group, arrives once, at the first socket, and is known to be that."""
        bench, recorder = self.bench(), Recorder()
        first = self.listen(bench, self.everything(bench), recorder)[0]
        for address in self.shared:
            bench.transmit(b"query", address)
            [(data, origin)] = self.arrived(bench, recorder)
            self.assertEqual((b"query", first, True), (data, origin.socket, origin.broadcast))

    def test_only_the_selected_address(self) -> None:
        """What is sent to an address that was not selected does not arrive; a broadcast does, at the selected one."""
        bench, recorder = self.bench(), Recorder()
        choice = self.one(bench)
        self.listen(bench, choice.interfaces, recorder)
        bench.transmit(b"not ours", choice.other)
        bench.transmit(b"for all", self.shared[0])
        [(data, origin)] = self.arrived(bench, recorder)
        self.assertEqual((b"for all", choice.chosen), (data, origin.socket.local))

    def test_way_back(self) -> None:
        """An answer through the origin's socket, to the origin's source, comes from where the query was sent to."""
        bench, recorder = self.bench(), Recorder()
        sockets = self.listen(bench, self.everything(bench), recorder)
        for destination, local in [*((a, a) for a in bench.addresses), (self.shared[0], sockets[0].local)]:
            bench.transmit(b"query", destination)
            [(_, origin)] = self.arrived(bench, recorder)
            origin.socket.send(b"answer", origin.source, origin.source_port, origin.source_hwaddr)
            self.assertEqual([Received(b"answer", local, bench.server_port)], self.received(bench, 1))

    def test_any_bytes_pass(self) -> None:
        """Any payload that fits a frame passes unchanged, in both directions and in order."""
        bench, recorder = self.bench(), Recorder()
        [_, second] = self.listen(bench, self.everything(bench), recorder)

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
        for sock in self.listen(bench, self.everything(bench), Recorder()):
            sock.send(b"one", bench.peer, bench.client_port, b"")
            sock.send(b"all", self.everybody, bench.client_port, b"")
            here = (sock.local, bench.server_port)
            self.assertEqual([Received(b"one", *here), Received(b"all", *here)], self.received(bench, 2))

    def test_names_what_does_not_exist(self) -> None:
        """An interface or address that does not exist is an error that names it and what there is instead."""
        bench = self.bench()
        interfaces = Interfaces(selections=(InterfaceSelection("absent0"),), socket_type=bench.socket_type)
        error = self.assertRaises(ConfigError, self.listen, bench, interfaces, Recorder())
        for text in ("absent0", bench.interface, "interfaces[0]"):
            self.assertIn(text, str(error))
        wrong = self.interfaces(bench, bench.addresses[0], bench.peer)
        error = self.assertRaises(ConfigError, self.listen, bench, wrong, Recorder())
        self.assertIn("interfaces[1]", str(error))

    def test_an_error_changes_nothing(self) -> None:
        """After an error the sockets that were open still deliver to their receiver."""
        bench, recorder = self.bench(), Recorder()
        self.listen(bench, self.everything(bench), recorder)
        self.assertRaises(ConfigError, self.listen, bench, self.interfaces(bench, bench.peer), Recorder())
        bench.transmit(b"query", bench.addresses[0])
        self.assertEqual([b"query"], [arrival.data for arrival in self.arrived(bench, recorder)])

    def test_listening_again_keeps_sockets(self) -> None:
        """Sockets wanted again stay the same and lose nothing; the new receiver gets what arrives from now on."""
        bench, former, recorder = self.bench(), Recorder(), Recorder()
        choice = self.one(bench)
        before = self.listen(bench, self.everything(bench), former)
        [kept] = [sock for sock in before if sock.local == choice.chosen]
        self.assertEqual([kept], list(self.listen(bench, choice.interfaces, recorder)))
        bench.transmit(b"query", choice.chosen)
        self.assertEqual([b"query"], [arrival.data for arrival in self.arrived(bench, recorder)])
        after = self.listen(bench, self.everything(bench), recorder)
        self.assertEqual(list(bench.addresses), [sock.local for sock in after])
        self.assertIn(kept, after)
        self.assertEqual([], former.take())

    def test_the_other_socket_type(self) -> None:
        """Sockets can be exchanged for those of the other type on the same addresses."""
        bench, recorder = self.bench(), Recorder()
        self.listen(bench, self.everything(bench), Recorder())
        other = "udp" if bench.socket_type == "raw" else "raw"
        sockets = self.listen(bench, evolve(self.everything(bench), socket_type=other), recorder)
        self.assertEqual([other == "raw"] * 2, [sock.direct for sock in sockets])
        bench.transmit(b"query", bench.addresses[1])
        self.assertEqual([b"query"], [arrival.data for arrival in self.arrived(bench, recorder)])

    def test_no_interfaces_no_sockets(self) -> None:
        """An empty list closes every socket."""
        bench, recorder = self.bench(), Recorder()
        self.listen(bench, self.everything(bench), recorder)
        self.assertEqual([], list(self.listen(bench, Interfaces(), recorder)))
        bench.transmit(b"query", bench.addresses[0])
        self.assertEqual([], self.arrived(bench, recorder, 0))

    def test_close(self) -> None:
        """Once closed nothing arrives any more, sending does no harm, and closing again neither."""
        bench, recorder = self.bench(), Recorder()
        [sock, _] = self.listen(bench, self.everything(bench), recorder)
        bench.network.close()
        bench.network.close()
        bench.transmit(b"query", bench.addresses[0])
        self.assertEqual([], self.arrived(bench, recorder, 0))
        sock.send(b"late answer", bench.peer, bench.client_port, b"")


class Network4Contract(NetworkContract):
    """Mix into a test case whose `bench` makes what is tested for DHCPv4."""

    shared = (LIMITED_BROADCAST,)
    everybody = LIMITED_BROADCAST

    def listen(self, bench: Bench, interfaces: Interfaces, recorder: Recorder) -> Sequence[ISocket]:
        return bench.network.listen4(interfaces, recorder)

    def everything(self, bench: Bench) -> Interfaces:
        """A bare name means all addresses."""
        return self.interfaces(bench)

    def one(self, bench: Bench) -> Choice:
        return Choice(self.interfaces(bench, bench.addresses[1]), bench.addresses[1], bench.addresses[0])


class Network6Contract(NetworkContract):
    """Mix into a test case whose `bench` makes what is tested for DHCPv6."""

    shared = MULTICAST_GROUPS
    everybody = ALL_NODES

    def listen(self, bench: Bench, interfaces: Interfaces, recorder: Recorder) -> Sequence[ISocket]:
        return bench.network.listen6(interfaces, recorder)

    def everything(self, bench: Bench) -> Interfaces:
        """A name with an address means the link-local address too (Kea B012)."""
        return self.interfaces(bench, bench.addresses[1])

    def one(self, bench: Bench) -> Choice:
        """A bare name means the link-local address only (Kea B013)."""
        return Choice(self.interfaces(bench), bench.addresses[0], bench.addresses[1])

    def test_every(self) -> None:
        """``*`` means the link-local address of the link too, and never a loopback link."""
        bench = self.bench()
        every = Interfaces(selections=(InterfaceSelection("*"),), socket_type=bench.socket_type)
        sockets = self.listen(bench, every, Recorder())
        self.assertEqual([(bench.interface, bench.addresses[0])], [(sock.link, sock.local) for sock in sockets])
