"""What `SystemNetwork` does when the machine is not as wished: busy ports, links that come and go, few rights."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.net_lab import (
    CLIENT_PORT,
    PEER,
    SERVER,
    SERVER_PORT,
    Cable,
    CableTestCase,
    SystemBench,
    open_files,
    packed,
    peer_socket,
    read_all,
)
from txkea.errors import ConfigError
from txkea.model.configuration import Interfaces, InterfaceSelection
from txkea.net.network import WATCH_INTERVAL, SystemNetwork
from txkea.net.reader import BATCH, CYCLE
from txkea.testing.contracts.network import LIMITED_BROADCAST, Recorder
from txkea.testing.namespaces import Lab, Port, requires_root, wait_for
from txkea.testing.network import ReaderClock
from txkea.testing.sites import MemoryLogger

__all__ = ["BusyPorts", "FewRights", "Links", "Loopback", "Reading", "Routing"]

OPEN_FAILED = "DHCPSRV_OPEN_SOCKET_FAIL"
NOTHING_OPEN = "DHCPSRV_NO_SOCKETS_OPEN"


def interfaces(*names: str, **more: Any) -> Interfaces:
    """An ``interfaces`` list."""
    return Interfaces(selections=tuple(InterfaceSelection(name) for name in names), **more)


class NetworkCase(CableTestCase):
    """Helpers around a bench."""

    def delivers(self, bench: SystemBench, recorder: Recorder, destination: bytes = SERVER[0]) -> bool:
        """Whether a query from the other machine arrives."""
        bench.transmit(b"query", destination)
        bench.settle()
        return [arrival.data for arrival in recorder.take()] == [b"query"]

    def waits_for_delivery(self, bench: SystemBench, recorder: Recorder) -> None:
        """A query arrives at last; the other machine may still have to learn our address."""
        wait_for(lambda: self.delivers(bench, recorder), "a query")

    def occupy(self, address: str) -> socket.socket:
        """Another program has the server port."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.bind((address, SERVER_PORT))
        return sock


class Reading(NetworkCase):
    """How datagrams are taken."""

    def test_turns(self) -> None:
        """A socket delivers at most a batch before it lets others have their turn; nothing is lost by that."""
        for socket_type in ("raw", "udp"):
            bench, recorder = self.make(socket_type), Recorder()
            bench.network.listen4(interfaces("eth0", socket_type=socket_type), recorder)
            for number in range(BATCH + 10):
                bench.transmit(b"%d" % number, SERVER[0])
            [reader] = [reader for reader in bench.clock.readers if reader.fileno() in bench.clock.readable()]
            reader.doRead()
            self.assertEqual(BATCH, len(recorder.arrivals))
            bench.settle()
            self.assertEqual([b"%d" % number for number in range(BATCH + 10)], [a.data for a in recorder.take()])
            bench.close()

    def test_by_the_clock(self) -> None:
        """A lone query is read at once; one soon readable again is read by the clock until nothing comes."""
        for socket_type in ("raw", "udp"):
            bench, recorder = self.make(socket_type), Recorder()
            bench.network.listen4(interfaces("eth0", socket_type=socket_type), recorder)
            bench.clock.advance(1)
            reader = self.reader(bench)
            self.assertEqual(b"query", recorder.take()[0].data)
            self.assertIn(reader, bench.clock.readers)
            bench.clock.advance(0.001)
            self.assertIs(reader, self.reader(bench))
            self.assertNotIn(reader, bench.clock.readers)
            bench.transmit(b"later", SERVER[0])
            self.assertTrue(select.select([reader], [], [], 5)[0])
            self.assertEqual([b"query"], [arrival.data for arrival in recorder.take()])
            bench.clock.advance(CYCLE)
            self.assertEqual([b"later"], [arrival.data for arrival in recorder.take()])
            bench.clock.advance(CYCLE)
            self.assertIn(reader, bench.clock.readers)
            bench.close()

    def test_a_receiver_that_raises(self) -> None:
        """A receiver that raises against its promise loses a datagram, but does not make us deaf."""
        for socket_type in ("raw", "udp"):
            bench, recorder = self.make(socket_type), Recorder()
            bench.network.listen4(interfaces("eth0", socket_type=socket_type), recorder)
            reader = self.reader(bench)
            self.assertNotIn(reader, bench.clock.readers)
            bench.network.listen4(interfaces("eth0", socket_type=socket_type), Raising())
            bench.transmit(b"bad", SERVER[0])
            self.assertTrue(select.select([reader], [], [], 5)[0])
            self.assertRaises(ZeroDivisionError, bench.clock.advance, CYCLE)
            bench.network.listen4(interfaces("eth0", socket_type=socket_type), recorder)
            recorder.take()
            self.waits_for_delivery(bench, recorder)
            bench.close()

    def reader(self, bench: SystemBench) -> Any:
        """What reads a query, and has read it."""
        bench.transmit(b"query", SERVER[0])
        wait_for(bench.clock.readable, "a query")
        [reader] = [reader for reader in bench.clock.readers if reader.fileno() in bench.clock.readable()]
        reader.doRead()
        return reader

    def test_nothing_is_lost_in_a_reconfiguration(self) -> None:
        """What waits in a socket when the server is reconfigured reaches the new receiver."""
        for socket_type in ("raw", "udp"):
            bench, recorder = self.make(socket_type), Recorder()
            bench.network.listen4(interfaces("eth0", socket_type=socket_type), Recorder())
            for destination in (*SERVER, LIMITED_BROADCAST):
                bench.transmit(b"query", destination)
            bench.network.listen4(interfaces("*", socket_type=socket_type), recorder)
            bench.settle()
            self.assertEqual([b"query"] * 3, [arrival.data for arrival in recorder.take()])
            bench.close()

    def test_no_descriptors_leak(self) -> None:
        """Opening, changing, failing and closing leave no file descriptor open."""
        bench = self.make("raw")
        bench.network.links()
        before = open_files()
        for _ in range(3):
            for socket_type in ("raw", "udp"):
                for use_routing in (False, True):
                    wanted = interfaces("eth0", socket_type=socket_type, use_routing=use_routing)
                    bench.network.listen4(wanted, Recorder())
            self.assertGreater(open_files(), before)
            bench.network.listen4(Interfaces(), Recorder())
            self.assertEqual(before, open_files())
        for address in ("192.0.2.1", "0.0.0.0", "255.255.255.255"):
            with self.occupy(address):
                for socket_type in ("raw", "udp"):
                    bench.network.listen4(interfaces("eth0", socket_type=socket_type), Recorder())
                    bench.network.close()
        self.assertEqual(before, open_files())
        self.assertEqual([], bench.clock.readers)
        self.assertEqual([], bench.clock.getDelayedCalls())


class BusyPorts(NetworkCase):
    """Another program has the port (Kea A055, A056)."""

    def test_left_out(self) -> None:
        """A socket that cannot be opened is logged with its mend; the others serve."""
        self.occupy("192.0.2.1")
        for socket_type in ("raw", "udp"):
            bench, recorder = self.make(socket_type), Recorder()
            sockets = bench.network.listen4(interfaces("eth0", socket_type=socket_type), recorder)
            self.assertEqual([SERVER[1]], [sock.local for sock in sockets])
            [text] = bench.messages(OPEN_FAILED)
            self.assertIn("eth0/192.0.2.1", text)
            self.assertIn("stop the other DHCP server", text)
            self.assertEqual([text], [f"failed to open socket: {problem}" for problem in bench.network.problems])
            self.assertTrue(self.delivers(bench, recorder, SERVER[1]))
            bench.close()

    def test_nothing_opens(self) -> None:
        """When nothing at all can be opened, that is said."""
        self.occupy("0.0.0.0")
        bench = self.make("raw")
        self.assertEqual([], list(bench.network.listen4(interfaces("eth0"), Recorder())))
        self.assertEqual(1, len(bench.messages(NOTHING_OPEN)))

    def test_retry(self) -> None:
        """With retries the socket is opened when the port is free, and then nothing is retried any more."""
        other, recorder = self.occupy("192.0.2.1"), Recorder()
        bench = self.make("raw")
        bench.network.listen4(interfaces("eth0", max_retries=3, retry_wait_time=200), recorder)
        bench.clock.advance(0.2)
        self.assertFalse(self.delivers(bench, recorder))
        other.close()
        bench.clock.advance(0.2)
        self.assertTrue(self.delivers(bench, recorder))
        self.assertEqual(list(SERVER), [sock.local for sock in bench.network.sockets])
        bench.clock.advance(1)
        self.assertEqual([], bench.messages("DHCP4_OPEN_SOCKETS_FAILED"))
        self.assertEqual(1, len(bench.messages(OPEN_FAILED)))

    def test_giving_up(self) -> None:
        """After the last retry that is logged; where all sockets are required, the server is told to stop."""
        self.occupy("192.0.2.1")
        for require_all in (False, True):
            reasons: list[str] = []
            bench = self.make("udp", gave_up=reasons.append)
            wanted = interfaces("eth0", socket_type="udp", max_retries=2, retry_wait_time=1000, require_all=require_all)
            bench.network.listen4(wanted, Recorder())
            bench.clock.pump([1.0])
            self.assertEqual([], bench.messages("DHCP4_OPEN_SOCKETS_FAILED"))
            bench.clock.pump([1.0] * 5)
            self.assertEqual(1, len(bench.messages("DHCP4_OPEN_SOCKETS_FAILED")))
            self.assertEqual(int(require_all), len(reasons))
            bench.close()

    def test_all_required(self) -> None:
        """Where all sockets are required and none may be retried, one failure is an error that changes nothing."""
        bench, recorder = self.make("raw"), Recorder()
        selections = (InterfaceSelection("eth0", SERVER[1]),)
        bench.network.listen4(Interfaces(selections=selections), recorder)
        self.occupy("192.0.2.1")
        wanted = interfaces("eth0", socket_type="udp", require_all=True)
        error = self.assertRaises(ConfigError, bench.network.listen4, wanted, Recorder())
        self.assertIn("eth0/192.0.2.1", error.message)
        self.assertTrue(self.delivers(bench, recorder, SERVER[1]))
        self.assertEqual([True], [sock.direct for sock in bench.network.sockets])


class Links(NetworkCase):
    """Links that come and go (hostile F13)."""

    def test_every_says_what_it_skips(self) -> None:
        """``*`` logs each link that it leaves out; loopback only at debug."""
        self.cable.lab.veth(Port(self.cable.here, "idle0"), Port(self.cable.there, "idle0"))
        bench = self.make("raw")
        bench.network.listen4(interfaces("*"), Recorder())
        levels = {(level, text.split(":")[0]) for level, message, text in bench.log.lines if message == OPEN_FAILED}
        self.assertEqual({("DEBUG", "not listening on lo"), ("WARN", "not listening on idle0")}, levels)

    def test_loopback_raw(self) -> None:
        """Raw sockets on the loopback interface are refused with a reason."""
        bench = self.make("raw")
        self.assertEqual([], list(bench.network.listen4(interfaces("lo"), Recorder())))
        self.assertIn("dhcp-socket-type udp", bench.messages(OPEN_FAILED)[0])

    def test_re_detect(self) -> None:
        """Without re-detect a link is seen as it was at first, with it as it is."""
        bench = self.make("raw")
        bench.network.listen4(interfaces("eth0"), Recorder())
        self.cable.here.run(["ip", "addr", "del", "198.51.100.1/24", "dev", "eth0"])
        for re_detect, expected in ((False, 2), (True, 1)):
            sockets = bench.network.listen4(interfaces("eth0", re_detect=re_detect), Recorder())
            self.assertEqual(expected, len(sockets))

    def test_down_and_up(self) -> None:
        """A link that went down delivers again when it is back, and its error is logged."""
        for socket_type in ("raw", "udp"):
            bench, recorder = self.make(socket_type), Recorder()
            bench.network.listen4(interfaces("eth0", socket_type=socket_type), recorder)
            self.cable.here.run(["ip", "link", "set", "eth0", "down"])
            bench.settle()
            self.cable.here.run(["ip", "link", "set", "eth0", "up"])
            wait_for(self.cable.running, "the carrier")
            bench.clock.advance(0.2)
            self.waits_for_delivery(bench, recorder)
            bench.close()

    def test_replaced(self) -> None:
        """A link that is deleted and made anew is served again within seconds; nothing else is touched."""
        for socket_type in ("raw", "udp"):
            bench, recorder = self.make(socket_type), Recorder()
            bench.network.listen4(interfaces("eth0", socket_type=socket_type), recorder)
            self.cable.here.run(["ip", "link", "del", "eth0"])
            bench.settle()
            bench.clock.advance(WATCH_INTERVAL)
            self.assertEqual([], list(bench.network.sockets))
            self.assertEqual(["failed to open socket: eth0 does not exist"], bench.messages(OPEN_FAILED))
            self.cable.lay()
            bench.clock.advance(WATCH_INTERVAL)
            self.assertEqual(list(SERVER), [sock.local for sock in bench.network.sockets])
            bench.connect(self.cable)
            self.waits_for_delivery(bench, recorder)
            bench.close()


class Loopback(SynchronousTestCase):
    """UDP on the loopback interface: needs no rights."""

    def test_there_and_back(self) -> None:
        """A query on loopback is answered, without any right of root."""
        clock, recorder = ReaderClock(), Recorder()
        network = SystemNetwork(clock, MemoryLogger(), 0, CLIENT_PORT)
        self.addCleanup(network.close)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        network = SystemNetwork(clock, MemoryLogger(), port, CLIENT_PORT)
        self.addCleanup(network.close)
        [sock] = network.listen4(interfaces("lo", socket_type="udp"), recorder)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind(("127.0.0.1", 0))
            client.settimeout(5)
            client.sendto(b"query", ("127.0.0.1", port))
            wait_for(lambda: clock.drain() and recorder.arrivals, "the query")
            [(data, origin)] = recorder.take()
            self.assertEqual((b"query", packed("127.0.0.1"), False), (data, origin.source, origin.broadcast))
            self.assertEqual((sock, b""), (origin.socket, origin.source_hwaddr))
            origin.socket.send(b"answer", origin.source, origin.source_port, b"")
            clock.advance(0)
            self.assertEqual((b"answer", ("127.0.0.1", port)), client.recvfrom(100))
        self.assertEqual((1, 1), (network.traffic.received, network.traffic.sent))


class Routing(SynchronousTestCase):
    """``outbound-interface`` (Kea A052, A139)."""

    skip = requires_root()

    def setUp(self) -> None:
        lab = Lab()
        self.addCleanup(lab.close)
        self.server, self.near, self.far = (lab.namespace(name) for name in ("server", "near", "far"))
        lab.veth(Port(self.server, "eth0", ["192.0.2.1/24"]), Port(self.near, "eth0", ["192.0.2.2/24"]))
        lab.veth(Port(self.server, "eth1", ["198.51.100.1/24"]), Port(self.far, "eth0", ["198.51.100.2/24"]))
        self.relay = peer_socket(self.far, "198.51.100.2", SERVER_PORT)
        self.client = peer_socket(self.far, "198.51.100.2", CLIENT_PORT)
        self.addCleanup(self.relay.close)
        self.addCleanup(self.client.close)

    def reached(self, use_routing: bool) -> list[tuple[bytes, bytes]]:
        """What a relay and a client that only ``eth1`` leads to receive from a socket on ``eth0``, and from where."""
        network = SystemNetwork(ReaderClock(), MemoryLogger(), SERVER_PORT, CLIENT_PORT)
        with self.server.enter():
            wait_for(lambda: all(link.running for link in network.links()), "the carriers")
            wanted = interfaces("eth0", socket_type="udp", use_routing=use_routing)
            [sock] = network.listen4(wanted, Recorder())
            sock.send(b"to relay", packed("198.51.100.2"), SERVER_PORT, b"")
            sock.send(b"to client", packed("198.51.100.2"), CLIENT_PORT, b"")
            network.close()
        received = [*read_all(self.relay), *read_all(self.client)]
        return [(one.data, one.source) for one in received]

    def test_same_as_inbound(self) -> None:
        """By default answers leave where the query came in, even if no way leads there."""
        self.assertEqual([], self.reached(use_routing=False))

    def test_use_routing(self) -> None:
        """With use-routing a relayed answer takes the way, and the source address, that routing finds."""
        self.assertEqual([(b"to relay", packed("198.51.100.1"))], self.reached(use_routing=True))


class FewRights(NetworkCase):
    """Started without the rights of root."""

    skip = requires_root("setpriv")

    def listening(self, capabilities: str, port: int, family: int = 4, sockets: str = "raw") -> str:
        """What a process with no more than these capabilities says after trying to listen."""
        kept = ["setpriv", "--inh-caps=-all", f"--bounding-set=-all,{capabilities}"]
        command = [*kept, sys.executable, "-c", SCRIPT, str(port), str(family), sockets]
        env = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=env)
        return done.stdout + done.stderr

    def test_two_capabilities_suffice(self) -> None:
        """CAP_NET_RAW and CAP_NET_BIND_SERVICE are all that raw sockets on port 67 need."""
        self.assertEqual("[True, True]\n", self.listening("+net_raw,+net_bind_service", 67))

    def test_without_them(self) -> None:
        """What is missing is named."""
        self.assertIn("CAP_NET_BIND_SERVICE", self.listening("+net_raw", 67))
        self.assertIn("CAP_NET_RAW", self.listening("+net_bind_service", 67))

    def test_dhcpv6(self) -> None:
        """The same two are enough for DHCPv6 on port 547; without the one for the port, it is named."""
        for sockets, direct in (("udp", False), ("raw", True)):
            both = self.listening("+net_raw,+net_bind_service", 547, 6, sockets)
            self.assertEqual(f"[{direct}]\n", both)
            self.assertIn("CAP_NET_BIND_SERVICE", self.listening("+net_raw", 547, 6, sockets))
        self.assertIn("CAP_NET_RAW", self.listening("+net_bind_service", 547, 6, "raw"))


class Raising(Recorder):
    """Breaks its promise."""

    def datagram_arrived(self, data: bytes, origin: Any) -> None:
        raise ZeroDivisionError


SCRIPT = """
import sys
from txkea.model.configuration import Interfaces, InterfaceSelection
from txkea.net.network import SystemNetwork
from txkea.testing.contracts.network import Recorder
from txkea.testing.network import ReaderClock
from txkea.testing.sites import MemoryLogger

log = MemoryLogger()
network = SystemNetwork(ReaderClock(), log, int(sys.argv[1]))
listen = network.listen4 if sys.argv[2] == "4" else network.listen6
sockets = listen(Interfaces(selections=(InterfaceSelection("eth0"),), socket_type=sys.argv[3]), Recorder())
print([sock.direct for sock in sockets] or log.lines)
"""


class OneDatagram(Recorder):
    """Fires when something arrives."""

    def __init__(self) -> None:
        super().__init__()
        self.came: Deferred[None] = Deferred()

    def datagram_arrived(self, data: bytes, origin: Any) -> None:
        super().datagram_arrived(data, origin)
        self.came.callback(None)


class InTheReactor(TestCase):
    """The same with a real reactor."""

    skip = requires_root()
    timeout = 20

    async def test_down_and_up(self) -> None:
        """The reactor reads a raw socket, drops it when the link goes down, and reads it again afterwards."""
        cable = Cable()
        self.addCleanup(cable.close)
        log = MemoryLogger()
        network = SystemNetwork(reactor, log, SERVER_PORT, CLIENT_PORT)
        self.addCleanup(network.close)
        client = peer_socket(cable.there, "192.0.2.2", CLIENT_PORT)
        self.addCleanup(client.close)
        first, second = OneDatagram(), OneDatagram()
        with cable.here.enter():
            network.listen4(interfaces("eth0"), first)
        client.sendto(b"one", ("192.0.2.1", SERVER_PORT))
        await first.came
        cable.here.run(["ip", "link", "set", "eth0", "down"])
        await deferLater(reactor, 0.05)
        self.assertIn("ENETDOWN", str(log.lines))
        cable.here.run(["ip", "link", "set", "eth0", "up"])
        wait_for(cable.running, "the carrier")
        with cable.here.enter():
            network.listen4(interfaces("eth0"), second)
        while not second.arrivals:
            client.sendto(b"two", ("192.0.2.1", SERVER_PORT))
            await deferLater(reactor, 0.1)
        self.assertEqual((PEER, b"two"), (second.arrivals[0].origin.source, second.arrivals[0].data))
