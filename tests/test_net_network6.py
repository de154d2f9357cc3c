"""What `SystemNetwork` does for DHCPv6: groups, scopes, several links, relays, addresses that are not usable yet."""

from __future__ import annotations

import contextlib
import socket
from functools import partial
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net_lab import (
    CLIENT_PORT,
    PEER6,
    SERVER6,
    SERVER_PORT,
    CableTestCase,
    SystemBench6,
    open_files,
    packed,
    peer_socket,
    read_all,
)
from txkea.errors import ConfigError
from txkea.interfaces import ISocket
from txkea.model.configuration import Interfaces, InterfaceSelection
from txkea.net.links import readable
from txkea.net.network import PASSING_INTERVAL, PATIENCE, WATCH_INTERVAL, SystemNetwork
from txkea.testing.contracts.network import MULTICAST_GROUPS, Received, Recorder
from txkea.testing.namespaces import Lab, Namespace, Port, requires_root, wait_for
from txkea.testing.network import ReaderClock
from txkea.testing.sites import MemoryLogger

__all__ = [
    "Both",
    "BusyPorts6",
    "Groups",
    "Links6",
    "Loopback6",
    "Routers",
    "Tentative",
]

OPEN_FAILED = "DHCPSRV_OPEN_SOCKET_FAIL"
NOTHING_OPEN = "DHCPSRV_NO_SOCKETS_OPEN"
AGENTS, SERVERS = MULTICAST_GROUPS


class Case6:
    """What says which sockets are tried: here UDP ones, in `tests.test_net_network6_raw` the same with raw ones."""

    socket_type = "udp"

    def interfaces(self, *names: str, **more: Any) -> Interfaces:
        """An ``interfaces`` list of names, and of names with an address behind a slash."""
        parts = [name.partition("/") for name in names]
        selections = tuple(InterfaceSelection(name, packed(address) if address else None) for name, _, address in parts)
        return Interfaces(selections=selections, socket_type=self.socket_type, **more)


class NetworkCase6(Case6, CableTestCase):
    """Helpers around a bench."""

    def delivers(self, bench: SystemBench6, recorder: Recorder, destination: bytes = AGENTS) -> bool:
        """Whether a query from the other machine arrives."""
        bench.transmit(b"query", destination)
        bench.settle()
        return [arrival.data for arrival in recorder.take()] == [b"query"]

    def waits_for_delivery(self, bench: SystemBench6, recorder: Recorder) -> None:
        """A query arrives at last."""
        wait_for(lambda: self.delivers(bench, recorder), "a query")

    def occupy(self, address: str, port: int = SERVER_PORT) -> socket.socket:
        """Another program has the server port."""
        sock = peer_socket(self.cable.here, address, port, "eth0")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        self.addCleanup(sock.close)
        return sock


class Groups(Case6, SynchronousTestCase):
    """A server on two links that look the same: their far ends have the same hardware and link-local addresses."""

    skip = requires_root()
    client_hwaddr = b""
    """As far as it is shown."""

    def setUp(self) -> None:
        lab = Lab()
        self.addCleanup(lab.close)
        self.server = lab.namespace("server", dad=False)
        self.clients = [lab.namespace(name, dad=False) for name in ("red", "blue")]
        for number, client in enumerate(self.clients):
            here = Port(self.server, f"eth{number}", [f"2001:db8:{number}::1/64"], f"02:00:00:00:00:1{number}")
            lab.veth(here, Port(client, "eth0", [f"2001:db8:{number}::2/64"], "02:00:00:00:00:02"))
        for namespace, name in ((self.server, "eth0"), (self.server, "eth1"), *((c, "eth0") for c in self.clients)):
            namespace.link_local(name)
            namespace.wait_for_addresses()
        self.recorder, self.clock = Recorder(), ReaderClock()
        self.network = SystemNetwork(self.clock, MemoryLogger(), SERVER_PORT, CLIENT_PORT)
        self.addCleanup(self.network.close)

    def listen(self, *names: str) -> dict[tuple[str, str], ISocket]:
        """Listen; the sockets by link and local address."""
        with self.server.enter():
            sockets = self.network.listen6(self.interfaces(*names), self.recorder)
        return {(sock.link, readable(sock.local)): sock for sock in sockets}

    def client(self, number: int, address: str = "fe80::ff:fe00:2", port: int = CLIENT_PORT) -> socket.socket:
        """A client's socket on the link with this number."""
        sock = peer_socket(self.clients[number], address, port, "eth0")
        self.addCleanup(sock.close)
        return sock

    def arrivals(self, expected: int) -> list[tuple[bytes, str, str, bool]]:
        """What came, over which link, to which local address, and whether to a group."""
        wait_for(lambda: self.clock.drain() is not None and len(self.recorder.arrivals) >= expected, "datagrams")
        found = self.recorder.take()
        return [(data, o.socket.link, readable(o.socket.local), o.broadcast) for data, o in found]

    def test_one_link_each(self) -> None:
        """What is sent to a group arrives once, as from the link-local socket of the link on which it came."""
        self.listen("eth0", "eth1")
        for number in (0, 1):
            for group in MULTICAST_GROUPS:
                self.client(number, port=0).sendto(b"from %d" % number, (readable(group), SERVER_PORT))
                expected = (b"from %d" % number, f"eth{number}", f"fe80::ff:fe00:1{number}", True)
                self.assertEqual([expected], self.arrivals(1))

    def test_only_served_links(self) -> None:
        """A link that is not served is not heard, on no group and no address."""
        self.listen("eth1/2001:db8:1::1")
        for destination in (*map(readable, MULTICAST_GROUPS), "fe80::ff:fe00:10", "2001:db8:0::1"):
            self.client(0, port=0).sendto(b"not ours", (destination, SERVER_PORT))
        self.client(1).sendto(b"ours", (readable(AGENTS), SERVER_PORT))
        self.assertEqual([b"ours"], [data for data, *_ in self.arrivals(1)])
        self.assertEqual(0, self.clock.drain())

    def test_scopes(self) -> None:
        """An answer to a link-local address goes out of its own socket's link, though both links know the address."""
        sockets = self.listen("eth0", "eth1/2001:db8:1::1")
        ends = [self.client(0), self.client(1)]
        for (link, local), sock in sockets.items():
            sock.send(link.encode(), PEER6, CLIENT_PORT, b"")
            self.clock.advance(0)
            near = int(link[-1])
            wait_for(partial(read_ready, ends[near]), "the answer")
            self.assertEqual([Received(link.encode(), packed(local), SERVER_PORT)], [*read_all(ends[near])])
            self.assertEqual([], [*read_all(ends[1 - near])])

    def test_any_source_port(self) -> None:
        """A query may come from any port, and the answer goes back to it (RFC 8357)."""
        self.listen("eth0")
        client = self.client(0, port=0)
        client.sendto(b"query", (readable(AGENTS), SERVER_PORT))
        wait_for(lambda: self.clock.drain() is not None and self.recorder.arrivals, "the query")
        [(_, origin)] = self.recorder.take()
        self.assertEqual(
            (PEER6, client.getsockname()[1], self.client_hwaddr),
            (origin.source, origin.source_port, origin.source_hwaddr),
        )
        origin.socket.send(b"answer", origin.source, origin.source_port, b"")
        self.clock.advance(0)
        wait_for(lambda: read_ready(client), "the answer")
        self.assertEqual([Received(b"answer", packed("fe80::ff:fe00:10"), SERVER_PORT)], [*read_all(client)])

    def test_relayed_unicast(self) -> None:
        """A relay's unicast between global addresses arrives at the configured address and is answered from there."""
        self.listen("eth0/2001:db8:0::1", "eth1")
        relay = self.client(0, "2001:db8:0::2", SERVER_PORT)
        relay.sendto(b"relayed", ("2001:db8:0::1", SERVER_PORT))
        wait_for(lambda: self.clock.drain() is not None and self.recorder.arrivals, "the query")
        [(_, origin)] = self.recorder.take()
        self.assertEqual(
            (packed("2001:db8::2"), SERVER_PORT, False), (origin.source, origin.source_port, origin.broadcast)
        )
        origin.socket.send(b"answer", origin.source, origin.source_port, b"")
        self.clock.advance(0)
        wait_for(lambda: read_ready(relay), "the answer")
        self.assertEqual([Received(b"answer", packed("2001:db8:0::1"), SERVER_PORT)], [*read_all(relay)])

    def test_every(self) -> None:
        """``*`` means the link-local address of every link but loopback."""
        expected = {("eth0", "fe80::ff:fe00:10"), ("eth1", "fe80::ff:fe00:11")}
        self.assertEqual(expected, set(self.listen("*")))

    def test_groups_are_left(self) -> None:
        """The memberships end with the sockets, and those of links still served stay."""
        self.listen("eth0", "eth1")
        self.listen("eth1")
        self.assertEqual([set(), {"ff02::1:2", "ff05::1:3"}], [memberships(self.server, f"eth{n}") for n in (0, 1)])
        self.network.close()
        self.assertEqual(set(), memberships(self.server, "eth1"))


def read_ready(sock: socket.socket) -> bool:
    """Whether something waits on a socket."""
    with contextlib.suppress(BlockingIOError):
        sock.recv(1, socket.MSG_PEEK)
        return True
    return False


def memberships(namespace: Namespace, link: str) -> set[str]:
    """The DHCP groups that a link has joined."""
    words = namespace.run(["ip", "-6", "maddr", "show", "dev", link]).stdout.split()
    return {word for word in words if word.startswith(("ff02::1:2", "ff05::1:3"))}


class Routers(Case6, SynchronousTestCase):
    """A relay behind a router that has sent to the site's group: it cannot be answered from a link-local address."""

    skip = requires_root()

    def setUp(self) -> None:
        lab = Lab()
        self.addCleanup(lab.close)
        self.server, self.router, self.relay = (
            lab.namespace(name, dad=False) for name in ("server", "router", "relay")
        )
        lab.veth(Port(self.server, "eth0", ["2001:db8:1::1/64"]), Port(self.router, "eth0", ["2001:db8:1::9/64"]))
        lab.veth(Port(self.relay, "eth0", ["2001:db8:2::1/64"]), Port(self.router, "eth1", ["2001:db8:2::9/64"]))
        self.router.set("ipv6.conf.all.forwarding", 1)
        for namespace, number in ((self.server, 1), (self.relay, 2)):
            namespace.run(["ip", "-6", "route", "add", "default", "via", f"2001:db8:{number}::9"])
            namespace.link_local("eth0")
            namespace.wait_for_addresses()
        self.router.link_local("eth1")
        self.router.wait_for_addresses()
        self.clock = ReaderClock()
        self.network = SystemNetwork(self.clock, MemoryLogger(), SERVER_PORT, CLIENT_PORT)
        self.addCleanup(self.network.close)

    def test_answered(self) -> None:
        """What the link-local socket sends beyond its link comes from a global address of the link."""
        there = peer_socket(self.relay, "2001:db8:2::1", SERVER_PORT)
        self.addCleanup(there.close)
        with self.server.enter():
            [sock] = self.network.listen6(self.interfaces("eth0"), Recorder())
        sock.send(b"answer", packed("2001:db8:2::1"), SERVER_PORT, b"")
        self.clock.advance(0)
        wait_for(lambda: read_ready(there), "the answer")
        self.assertEqual([Received(b"answer", packed("2001:db8:1::1"), SERVER_PORT)], [*read_all(there)])

    def test_without_that_address(self) -> None:
        """When the link has lost its global address, a relay on the link is still answered, from the link-local one."""
        near = peer_socket(self.router, "2001:db8:1::9", SERVER_PORT)
        self.addCleanup(near.close)
        with self.server.enter():
            [sock] = self.network.listen6(self.interfaces("eth0"), Recorder())
        self.server.run(["ip", "addr", "del", "2001:db8:1::1/64", "dev", "eth0"])
        self.server.run(["ip", "route", "add", "2001:db8:1::/64", "dev", "eth0"])
        sock.send(b"answer", packed("2001:db8:1::9"), SERVER_PORT, b"")
        self.clock.advance(0)
        wait_for(lambda: read_ready(near), "the answer")
        self.assertEqual([Received(b"answer", sock.local, SERVER_PORT)], [*read_all(near)])


class Tentative(NetworkCase6):
    """Addresses of which the kernel still looks for duplicates (RFC 4862 section 5.4)."""

    dad = True

    def tentative(self) -> bool:
        """Whether the link-local address here cannot be used yet; without one nothing is known."""
        return "tentative" in self.cable.here.run(["ip", "-6", "addr", "show", "scope", "link", "dev", "eth0"]).stdout

    def test_served_when_usable(self) -> None:
        """A server that starts at boot serves a link as soon as its address is usable, without being told to retry."""
        bench, recorder = self.make6(self.socket_type), Recorder()
        self.assertTrue(self.tentative())
        self.assertEqual([], list(bench.network.listen6(self.interfaces("eth0/2001:db8::1"), recorder)))
        self.assertEqual(2, len(bench.network.problems))
        self.assertIn("looks for a duplicate", bench.network.problems[0])
        self.assertEqual({"INFO"}, {level for level, message, _ in bench.log.lines if message == OPEN_FAILED})
        bench.clock.advance(PASSING_INTERVAL)
        self.assertEqual([], list(bench.network.sockets))
        self.cable.here.wait_for_addresses()
        bench.clock.advance(PASSING_INTERVAL)
        self.assertEqual([*SERVER6], [sock.local for sock in bench.network.sockets])
        self.assertTrue(self.delivers(bench, recorder))
        self.assertEqual(([], ()), (bench.messages(NOTHING_OPEN), bench.network.problems))

    def test_required(self) -> None:
        """Where all sockets are required a tentative address is no error yet."""
        bench = self.make6(self.socket_type, gave_up=self.fail)
        bench.network.listen6(self.interfaces("eth0", require_all=True), Recorder())
        self.cable.here.wait_for_addresses()
        bench.clock.advance(PASSING_INTERVAL)
        self.assertEqual([SERVER6[0]], [sock.local for sock in bench.network.sockets])

    def test_duplicate(self) -> None:
        """An address that another machine has is reported after some seconds as what it is: a failure."""
        address = f"{readable(SERVER6[0])}/64"
        self.cable.there.run(["ip", "addr", "add", address, "dev", "eth0", "nodad"])
        for change in ("del", "add"):  # on a busy machine the kernel may have seen no duplicate in time
            self.cable.here.run(["ip", "addr", change, address, "dev", "eth0"])
        reasons: list[str] = []
        for require_all in (False, True):
            bench = self.make6(self.socket_type, gave_up=reasons.append)
            bench.network.listen6(self.interfaces("eth0", require_all=require_all), Recorder())
            wait_for(self.duplicate, "the duplicate")
            bench.clock.pump([PASSING_INTERVAL] * (PATIENCE - 1))
            self.assertEqual([], [text for level, _, text in bench.log.lines if level == "WARN"])
            bench.clock.advance(PASSING_INTERVAL)
            [text] = [text for level, message, text in bench.log.lines if (level, message) == ("WARN", OPEN_FAILED)]
            self.assertIn("eth0/fe80::ff:fe00:1", text)
            self.assertEqual(1, len(bench.messages(NOTHING_OPEN)))
            bench.clock.pump([WATCH_INTERVAL] * 3)
            self.assertEqual(1, len(bench.messages(NOTHING_OPEN)))
            self.assertEqual(int(require_all), len(reasons))
            bench.close()

    def duplicate(self) -> bool:
        """Whether the kernel has found the duplicate."""
        return "dadfailed" in self.cable.here.run(["ip", "-6", "addr", "show", "dev", "eth0"]).stdout

    def test_replaced(self) -> None:
        """A link that is deleted and made anew is served again when its address is usable; nothing else is needed."""
        bench, recorder = self.make6(self.socket_type), Recorder()
        self.cable.here.wait_for_addresses()
        bench.network.listen6(self.interfaces("eth0"), recorder)
        self.cable.here.run(["ip", "link", "del", "eth0"])
        bench.settle()
        bench.clock.advance(WATCH_INTERVAL)
        self.assertEqual([], list(bench.network.sockets))
        self.cable.lay()
        bench.clock.advance(WATCH_INTERVAL)
        self.assertEqual([], list(bench.network.sockets))
        self.cable.here.wait_for_addresses()
        bench.clock.advance(PASSING_INTERVAL)
        self.assertEqual([SERVER6[0]], [sock.local for sock in bench.network.sockets])
        bench.connect(self.cable)
        self.waits_for_delivery(bench, recorder)


class Links6(NetworkCase6):
    """Links that come and go, and change (hostile F13)."""

    descriptors = 4
    """Of a link with two addresses."""

    def test_no_link_local(self) -> None:
        """A link without a link-local address is a failure that says so, until it has one."""
        bench, recorder = self.make6(self.socket_type), Recorder()
        self.cable.here.run(["ip", "addr", "del", f"{readable(SERVER6[0])}/64", "dev", "eth0"])
        self.assertEqual([], list(bench.network.listen6(self.interfaces("eth0"), recorder)))
        self.assertIn("eth0 has no link-local address", bench.network.problems[0])
        self.cable.here.run(["ip", "addr", "add", "fe80::77/64", "dev", "eth0", "nodad"])
        bench.clock.advance(PASSING_INTERVAL)
        self.assertEqual([packed("fe80::77")], [sock.local for sock in bench.network.sockets])
        self.assertTrue(self.delivers(bench, recorder))

    def test_unicast_alone(self) -> None:
        """A link that has no link-local address serves the address that it is named with, and hears no group."""
        bench, recorder = self.make6(self.socket_type), Recorder()
        self.cable.here.run(["ip", "addr", "del", f"{readable(SERVER6[0])}/64", "dev", "eth0"])
        [sock] = bench.network.listen6(self.interfaces("eth0/2001:db8::1"), recorder)
        wait_for(partial(self.delivers, bench, recorder, sock.local), "a query")
        for group in MULTICAST_GROUPS:
            self.assertFalse(self.delivers(bench, recorder, group))

    def test_link_local_of_loopback(self) -> None:
        """Even loopback can have a link-local address, which is served and sends within its scope."""
        self.cable.here.run(["ip", "addr", "add", "fe80::1/64", "dev", "lo", "nodad"])
        bench, recorder = self.make6(self.socket_type), Recorder()
        [sock] = bench.network.listen6(self.interfaces("lo/fe80::1"), recorder)
        with peer_socket(self.cable.here, "fe80::1", CLIENT_PORT, "lo") as client:
            client.sendto(b"query", ("fe80::1", SERVER_PORT))
            wait_for(lambda: bench.clock.drain() and recorder.arrivals, "the query")
            [(_, origin)] = recorder.take()
            origin.socket.send(b"answer", origin.source, origin.source_port, b"")
            bench.clock.advance(0)
            wait_for(partial(read_ready, client), "the answer")
            self.assertEqual([Received(b"answer", sock.local, SERVER_PORT)], [*read_all(client)])

    def test_readdressed(self) -> None:
        """When a link gets another link-local address, that one is served, and hears the groups."""
        bench, recorder = self.make6(self.socket_type), Recorder()
        bench.network.listen6(self.interfaces("eth0/2001:db8::1"), recorder)
        unicast = bench.network.sockets[1]
        self.cable.here.run(["ip", "addr", "del", f"{readable(SERVER6[0])}/64", "dev", "eth0"])
        bench.clock.advance(WATCH_INTERVAL)
        self.assertEqual([*SERVER6], [sock.local for sock in bench.network.sockets])
        self.cable.here.run(["ip", "addr", "add", "fe80::77/64", "dev", "eth0", "nodad"])
        bench.clock.advance(WATCH_INTERVAL)
        self.assertEqual([packed("fe80::77"), SERVER6[1]], [sock.local for sock in bench.network.sockets])
        self.assertIs(unicast, bench.network.sockets[1])
        bench.transmit(b"query", SERVERS)
        bench.settle()
        self.assertEqual([packed("fe80::77")], [arrival.origin.socket.local for arrival in recorder.take()])

    def test_down_and_up(self) -> None:
        """A link that went down hears its groups and addresses again when it is back, with the same sockets."""
        bench, recorder = self.make6(self.socket_type), Recorder()
        before = bench.network.listen6(self.interfaces("eth0"), recorder)
        self.cable.here.run(["ip", "link", "set", "eth0", "down"])
        bench.settle()
        bench.clock.advance(WATCH_INTERVAL)
        self.cable.here.run(["ip", "link", "set", "eth0", "up"])
        wait_for(self.cable.running, "the carrier")
        self.cable.here.link_local("eth0")
        for destination in (*MULTICAST_GROUPS, SERVER6[0]):
            wait_for(partial(self.delivers, bench, recorder, destination), "a query")
        self.assertEqual(before, bench.network.sockets)

    def test_replaced(self) -> None:
        """After a link is made anew the groups are joined on the new one."""
        bench, recorder = self.make6(self.socket_type), Recorder()
        bench.network.listen6(self.interfaces("eth0/2001:db8::1"), recorder)
        self.cable.here.run(["ip", "link", "del", "eth0"])
        bench.settle()
        bench.clock.advance(WATCH_INTERVAL)
        self.assertIn("eth0 does not exist", bench.network.problems[0])
        self.cable.lay()
        bench.clock.advance(WATCH_INTERVAL)
        bench.connect(self.cable)
        for destination in (*MULTICAST_GROUPS, *SERVER6):
            wait_for(partial(self.delivers, bench, recorder, destination), "a query")

    def test_absent(self) -> None:
        """An IPv6 address that the link does not have is an error that says which it has."""
        error = self.assertRaises(
            ConfigError, self.make6(self.socket_type).network.listen6, self.interfaces("eth0/2001:db8::7"), Recorder()
        )
        self.assertEqual("Dhcp6.interfaces-config.interfaces[0]", error.path)
        for text in ("eth0 has no address 2001:db8::7", "eth0 (2001:db8::1 fe80::ff:fe00:1)", "lo (::1)"):
            self.assertIn(text, error.message)

    def test_large_datagrams(self) -> None:
        """A datagram of many fragments arrives whole, and leaves whole."""
        bench, recorder = self.make6(self.socket_type), Recorder()
        [sock] = bench.network.listen6(self.interfaces("eth0"), recorder)
        large = bytes(range(256)) * 250
        bench.transmit(large, AGENTS)
        wait_for(lambda: bench.clock.drain() is not None and recorder.arrivals, "the datagram")
        self.assertEqual([large], [arrival.data for arrival in recorder.take()])
        sock.send(large, PEER6, CLIENT_PORT, b"")
        self.assertEqual([large], [one.data for one in wait_for(self.receiving(bench), "the answer")])
        self.assertEqual((1, 1), (bench.network.traffic.received, bench.network.traffic.sent))

    def receiving(self, bench: SystemBench6) -> Any:
        """What settles a bench and gives what the other machine received."""

        def receive() -> list[Received]:
            bench.settle()
            return bench.received()

        return receive

    def test_failure_to_send(self) -> None:
        """What cannot be sent is counted and logged with both addresses."""
        bench = self.make6(self.socket_type)
        [sock] = bench.network.listen6(self.interfaces("eth0"), Recorder())
        sock.send(bytes(70000), PEER6, CLIENT_PORT, b"")
        bench.clock.advance(0)
        [text] = bench.messages("DHCP6_PACKET_SEND_FAIL")
        self.assertIn("from eth0/fe80::ff:fe00:1 to fe80::ff:fe00:2 port 6768", text)
        self.assertEqual(1, bench.network.traffic.send_failures)

    def test_no_descriptors_leak(self) -> None:
        """Opening, failing and closing leave no file descriptor open."""
        bench = self.make6(self.socket_type)
        bench.network.links()
        before = open_files()
        for _ in range(3):
            bench.network.listen6(self.interfaces("eth0/2001:db8::1"), Recorder())
            self.assertEqual(before + self.descriptors, open_files())
            bench.network.listen6(Interfaces(), Recorder())
            self.assertEqual(before, open_files())
        for address in ("fe80::ff:fe00:1", "ff02::1:2", "ff05::1:3"):
            with self.occupy(address):
                self.assertEqual([], list(bench.network.listen6(self.interfaces("eth0"), Recorder())))
                bench.network.close()
        self.assertEqual(before, open_files())
        self.assertEqual(([], []), (bench.clock.readers, bench.clock.getDelayedCalls()))


class BusyPorts6(NetworkCase6):
    """Another program has the port (Kea A055, A056)."""

    def test_left_out(self) -> None:
        """A socket that cannot be opened is logged with its mend; the others serve."""
        self.occupy("fe80::ff:fe00:1")
        bench, recorder = self.make6(self.socket_type), Recorder()
        [sock] = bench.network.listen6(self.interfaces("eth0/2001:db8::1"), recorder)
        self.assertEqual(SERVER6[1], sock.local)
        [text] = bench.messages(OPEN_FAILED)
        self.assertIn("eth0/fe80::ff:fe00:1 cannot be opened", text)
        self.assertIn("stop the other DHCP server", text)
        self.assertTrue(self.delivers(bench, recorder, SERVER6[1]))

    def test_retry(self) -> None:
        """With retries the socket is opened when the port is free."""
        other, recorder = self.occupy("ff02::1:2"), Recorder()
        bench = self.make6(self.socket_type)
        bench.network.listen6(self.interfaces("eth0", max_retries=3, retry_wait_time=2000), recorder)
        bench.clock.advance(2)
        self.assertEqual([], list(bench.network.sockets))
        other.close()
        bench.clock.advance(2)
        self.assertTrue(self.delivers(bench, recorder))

    def test_all_required(self) -> None:
        """Where all sockets are required one failure is an error that changes nothing."""
        bench, recorder = self.make6(self.socket_type), Recorder()
        bench.network.listen6(self.interfaces("eth0"), recorder)
        self.occupy("2001:db8::1")
        wanted = self.interfaces("eth0/2001:db8::1", require_all=True)
        error = self.assertRaises(ConfigError, bench.network.listen6, wanted, Recorder())
        self.assertEqual("Dhcp6.interfaces-config.interfaces", error.path)
        self.assertTrue(self.delivers(bench, recorder))


class Both(NetworkCase6):
    """DHCPv4 and DHCPv6 in one process."""

    def test_both(self) -> None:
        """Two networks serve both families, even on the same port number."""
        four, six = self.make("raw"), self.make6(self.socket_type)
        heard4, heard6 = Recorder(), Recorder()
        four.network.listen4(self.interfaces("eth0"), heard4)
        six.network.listen6(self.interfaces("eth0"), heard6)
        four.transmit(b"four", b"\xff\xff\xff\xff")
        six.transmit(b"six", AGENTS)
        four.settle()
        six.settle()
        self.assertEqual(([b"four"], [b"six"]), ([a.data for a in heard4.take()], [a.data for a in heard6.take()]))

    def test_one_after_the_other(self) -> None:
        """One network serves the family that it was told last, and closes the other's sockets."""
        bench = self.make6(self.socket_type)
        bench.network.listen4(self.interfaces("eth0"), Recorder())
        self.assertEqual(
            [SERVER6[0]], [sock.local for sock in bench.network.listen6(self.interfaces("eth0"), Recorder())]
        )


class Loopback6(Case6, SynchronousTestCase):
    """DHCPv6 on the loopback interface: needs no rights."""

    def test_there_and_back(self) -> None:
        """``lo/::1`` is one unicast socket, which hears and answers without any right of root."""
        clock, recorder = ReaderClock(), Recorder()
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as free:
            free.bind(("::1", 0))
            port = free.getsockname()[1]
        network = SystemNetwork(clock, MemoryLogger(), port, CLIENT_PORT)
        self.addCleanup(network.close)
        [sock] = network.listen6(self.interfaces("lo/::1"), recorder)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
            client.bind(("::1", 0))
            client.settimeout(5)
            client.sendto(b"query", ("::1", port))
            wait_for(lambda: clock.drain() and recorder.arrivals, "the query")
            [(data, origin)] = recorder.take()
            self.assertEqual((b"query", packed("::1"), False), (data, origin.source, origin.broadcast))
            self.assertEqual((sock, b""), (origin.socket, origin.source_hwaddr))
            origin.socket.send(b"answer", origin.source, origin.source_port, b"")
            clock.advance(0)
            self.assertEqual((b"answer", ("::1", port, 0, 0)), client.recvfrom(100))

    def test_bare_name(self) -> None:
        """Loopback without its address is refused with what to write instead."""
        log = MemoryLogger()
        network = SystemNetwork(ReaderClock(), log, 5547, CLIENT_PORT)
        self.addCleanup(network.close)
        self.assertEqual([], list(network.listen6(self.interfaces("lo"), Recorder())))
        self.assertIn("lo/::1", network.problems[0])
