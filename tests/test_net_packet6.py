"""DHCPv6 in frames on a real cable: what the ring takes, what the kernel's UDP, each datagram once; and what leaves."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

from tests.net_lab import CLIENT_PORT, PEER6, SERVER6, SERVER_PORT, CableTestCase, packed, peer_socket
from txkea.interfaces import ISocket, Origin
from txkea.model.configuration import Interfaces, InterfaceSelection
from txkea.net.filters import LARGEST_PAYLOAD6
from txkea.net.links import readable
from txkea.net.packet6 import LONGEST
from txkea.testing.contracts.network import MULTICAST_GROUPS, Recorder
from txkea.testing.namespaces import wait_for
from txkea.wire.frames import Frame
from txkea.wire.frames6 import FrameTemplate6, parse_frame6

__all__ = ["ArrivingFrames6", "EachOnce", "LeavingFrames6"]

HERE = b"\x02\0\0\0\0\1"
THERE = b"\x02\0\0\0\0\2"
GROUP_HWADDR = bytes.fromhex("333300010002")
"""Of ff02::1:2 (RFC 2464 section 7)."""
ETH_P_ALL = 3
IPV6_HOPOPTS = 54
IPV6_DSTOPTS = 59
PADDING = b"\0\0\1\4\0\0\0\0"
"""An extension header of options that pads (RFC 8200 section 4.2)."""
FRAGMENT = 44


class RawCase6(CableTestCase):
    """A listening bench, and a packet socket at the other end of its cable."""

    def setUp(self) -> None:
        super().setUp()
        self.bench = self.make6("raw")
        self.recorder = Recorder()
        self.sockets = self.listen()
        with self.cable.there.enter():
            self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.addCleanup(self.wire.close)
            self.wire.bind(("eth0", ETH_P_ALL))
        self.wire.settimeout(5)

    def listen(self) -> Sequence[ISocket]:
        selections = (InterfaceSelection("eth0", SERVER6[1]),)
        return self.bench.network.listen6(Interfaces(selections=selections, socket_type="raw"), self.recorder)

    def arrived(self, *frames: bytes) -> list[bytes]:
        """The payloads that arrive when these frames are sent."""
        for frame in frames:
            self.wire.send(frame)
        return [data for data, _ in self.until_the_end()]

    def until_the_end(self) -> list[tuple[bytes, Origin]]:
        """What has arrived before a datagram that takes the ring, and one that takes the kernel's UDP."""
        for length in (1, LARGEST_PAYLOAD6):
            self.bench.transmit(b"\xee" * length, MULTICAST_GROUPS[0])
        wait_for(self._ended, "the last datagrams")
        return [(data, origin) for data, origin in self.recorder.take() if data[:1] != b"\xee"]

    def _ended(self) -> bool:
        self.bench.settle()
        return sum(data[:1] == b"\xee" for data, _ in self.recorder.arrivals) == 2


def query(
    payload: bytes,
    to: bytes = GROUP_HWADDR,
    destination: bytes = MULTICAST_GROUPS[0],
    port: int = SERVER_PORT,
    source: bytes = PEER6,
) -> bytes:
    """What a client sends."""
    return FrameTemplate6(THERE, source, CLIENT_PORT).build(payload, to, destination, port)


def patched(frame: bytes, offset: int, value: bytes) -> bytes:
    """A frame with bytes replaced."""
    return frame[:offset] + value + frame[offset + len(value) :]


def extended(frame: bytes, kind: int, header: bytes) -> bytes:
    """A frame with an extension header of 8 bytes, whose first says that UDP follows."""
    longer = frame[:54] + bytes([socket.IPPROTO_UDP]) + header[1:] + frame[54:]
    return patched(longer, 18, struct.pack("!HB", len(longer) - 54, kind))


class ArrivingFrames6(RawCase6):
    """The filter, the ring and the parser together."""

    def test_origin(self) -> None:
        """A query comes with the hardware address of the frame, to the socket of its address or, by a group, ours."""
        wanted = [(MULTICAST_GROUPS[0], self.sockets[0], True), (MULTICAST_GROUPS[1], self.sockets[0], True)]
        wanted += [(sock.local, sock, False) for sock in self.sockets]
        for destination, sock, broadcast in wanted:
            self.wire.send(query(b"query", HERE, destination))
            [(data, origin)] = self.until_the_end()
            self.assertEqual((b"query", Origin(sock, PEER6, CLIENT_PORT, THERE, broadcast)), (data, origin))

    def test_filtered_in_the_kernel(self) -> None:
        """Other ports, protocols and other hosts' frames never reach the process."""
        good = query(b"x" * 20)
        self.assertEqual(
            [],
            self.arrived(
                query(b"other port", port=SERVER_PORT + 1),
                patched(good, 20, b"\x06"),
                query(b"other host", to=b"\x02\0\0\0\0\x99"),
                patched(good, 12, b"\x08\0"),
                good[:50],
            ),
        )
        traffic = self.bench.network.traffic
        self.assertEqual((2, 0, 0), (traffic.received, traffic.foreign, traffic.malformed))

    def test_vlan_tags(self) -> None:
        """A frame of a VLAN is not ours, one with only a priority is."""
        plain = query(b"x" * 30)
        tagged = [plain[:12] + struct.pack("!HH", 0x8100, tag) + plain[12:] for tag in (0x0005, 0xE005)]
        self.assertEqual([], self.arrived(*tagged))
        self.assertEqual([b"x" * 30], self.arrived(plain[:12] + struct.pack("!HH", 0x8100, 0xE000) + plain[12:]))

    def test_malformed(self) -> None:
        """Lengths that lie (CVE-2015-8605), wrong and absent checksums, and impossible senders are dropped."""
        good = query(b"x" * 20)
        frames = [patched(good, 58, struct.pack("!H", length)) for length in (0, 7, 29, 0xFFFF)]
        frames += [patched(good, 60, b"\1\1"), patched(good, 60, b"\0\0"), patched(good, 18, b"\x01\xff")]
        frames += [query(b"x", source=packed(source)) for source in ("::", "::1", "ff02::1")]
        self.assertEqual([], self.arrived(*frames))
        self.assertEqual(len(frames), self.bench.network.traffic.malformed)

    def test_padding(self) -> None:
        """What pads a short frame is not part of the datagram."""
        self.assertEqual([b"x"], self.arrived(query(b"x") + bytes(17)))

    def test_forwarded(self) -> None:
        """What is sent through us to another server's address is not ours."""
        self.assertEqual([], self.arrived(query(b"x", HERE, packed("2001:db8:9::1"))))
        self.assertEqual(1, self.bench.network.traffic.foreign)

    def test_no_icmp(self) -> None:
        """The kernel does not tell the client that the port is unreachable."""
        client = peer_socket(self.cable.there, "2001:db8::2", 0)
        self.addCleanup(client.close)
        client.settimeout(0.2)
        client.connect((readable(SERVER6[1]), SERVER_PORT))
        client.send(b"x")
        self.assertRaises(TimeoutError, client.recv, 100)
        client.connect((readable(SERVER6[1]), SERVER_PORT + 1))
        client.send(b"the control: nobody listens here")
        self.assertRaises(ConnectionRefusedError, client.recv, 100)

    def test_closed_by_the_receiver(self) -> None:
        """A receiver may close the network while it takes a datagram."""
        bench = self.bench

        class Closing(Recorder):
            def datagram_arrived(self, data: bytes, origin: Origin) -> None:
                super().datagram_arrived(data, origin)
                bench.network.close()

        closing = Closing()
        selections = (InterfaceSelection("eth0"),)
        bench.network.listen6(Interfaces(selections=selections, socket_type="raw"), closing)
        for number in range(3):
            self.wire.send(query(b"%d" % number))
        wait_for(lambda: bench.clock.drain() or closing.arrivals, "the first frame")
        bench.settle()
        self.assertEqual([b"0"], [arrival.data for arrival in closing.arrivals])


class EachOnce(RawCase6):
    """Whatever way a datagram takes, it arrives, and once."""

    def sent(self, client: socket.socket, sizes: Sequence[int], destination: bytes) -> list[tuple[int, bool]]:
        """Datagrams of these sizes are sent: the sizes that arrive, and whether by the ring."""
        for size in sizes:
            client.sendto(b"\xdd" * size, (readable(destination), SERVER_PORT))
        return [(len(data), bool(origin.source_hwaddr)) for data, origin in self.until_the_end()]

    def client(self) -> socket.socket:
        client = peer_socket(self.cable.there, readable(PEER6), 0, "eth0")
        self.addCleanup(client.close)
        return client

    def test_sizes(self) -> None:
        """Datagrams of all sizes: up to what every link carries by the ring, longer ones by the kernel."""
        sizes = (0, 1, 100, LONGEST - 1, LONGEST, LONGEST + 1, 1400, 1452, 1453, 3000, 65000)
        for destination in (*MULTICAST_GROUPS, *SERVER6):
            found = self.sent(self.client(), sizes, destination)
            self.assertCountEqual([(size, size <= LONGEST) for size in sizes], found)
        self.assertEqual((0, 0), (self.bench.network.traffic.foreign, self.bench.network.traffic.malformed))

    def test_fragmented_for_the_smallest_link(self) -> None:
        """A sender may fragment what is longer than 1280 bytes, for it does not know what is on the way."""
        self.cable.there.run(["ip", "link", "set", "eth0", "mtu", "1280"])
        sizes = (LONGEST - 1, LONGEST, LONGEST + 1, 1300, 3000)
        found = self.sent(self.client(), sizes, SERVER6[0])
        self.assertCountEqual([(size, size <= LONGEST) for size in sizes], found)

    def test_extension_headers(self) -> None:
        """What has options for hops or for the destination is left to the kernel, whatever its length."""
        for option in (IPV6_HOPOPTS, IPV6_DSTOPTS):
            client = self.client()
            client.setsockopt(socket.IPPROTO_IPV6, option, PADDING)
            sizes = (1, LONGEST - 8, LONGEST, 3000)
            for destination in (MULTICAST_GROUPS[0], SERVER6[0]):
                self.assertCountEqual([(size, False) for size in sizes], self.sent(client, sizes, destination))

    def test_atomic_fragment(self) -> None:
        """A fragment that is the whole datagram (RFC 6946) is one datagram."""
        self.assertEqual([b"whole"], self.arrived(extended(query(b"whole"), FRAGMENT, bytes(8))))

    def test_bridge(self) -> None:
        """A bridge is as good a link as the card that is its port, which is heard no longer."""
        for words in ("add br0 type bridge forward_delay 0", "set eth0 master br0", "set br0 up"):
            self.cable.here.run(["ip", "link", *words.split()])
        self.cable.here.link_local("br0")
        wait_for(self.carrier, "the bridge's carrier")
        selections = (InterfaceSelection("eth0"), InterfaceSelection("br0"))
        self.bench.network.listen6(Interfaces(selections=selections, socket_type="raw"), self.recorder)
        client = self.client()
        for size in (100, 1400, 3000):
            client.sendto(b"b" * size, (readable(MULTICAST_GROUPS[0]), SERVER_PORT))
        found = [(len(data), origin.socket.link, origin.source_hwaddr) for data, origin in self.until_the_end()]
        self.assertCountEqual([(100, "br0", THERE), (1400, "br0", b""), (3000, "br0", b"")], found)

    def carrier(self) -> bool:
        """Whether the bridge has one."""
        return any(link.name == "br0" and link.running for link in self.bench.network.links())

    def test_this_machine(self) -> None:
        """What this machine sends itself, to a group or to its address, never was a frame."""
        client = peer_socket(self.cable.here, readable(SERVER6[0]), 0, "eth0")
        self.addCleanup(client.close)
        for destination in (MULTICAST_GROUPS[0], *SERVER6):
            self.assertCountEqual([(20, False), (3000, False)], self.sent(client, (20, 3000), destination))

    def test_needlessly_fragmented(self) -> None:
        """The one exception: fragments of what one frame would carry everywhere arrive not at all, and not twice."""
        whole = query(b"p" * 64)[54:]
        parts = ((whole[:32], 1), (whole[32:], 32))
        template = query(b"")[:54]
        for payload, place in parts:
            header = struct.pack("!BBHI", socket.IPPROTO_UDP, 0, place, 7)
            length = struct.pack("!HB", len(payload) + 8, FRAGMENT)
            self.wire.send(patched(template, 18, length) + header + payload)
        self.assertEqual([], self.until_the_end())


class LeavingFrames6(RawCase6):
    """What is sent, seen at the other end."""

    def sent(self, sock: ISocket, address: bytes, hwaddr: bytes, size: int = 5) -> Frame:
        """The frame that arrives when a socket sends."""
        sock.send(b"a" * size, address, CLIENT_PORT, hwaddr)
        self.bench.clock.advance(0)
        while (frame := parse_frame6(self.wire.recv(2000), CLIENT_PORT, bool(hwaddr))) is None:
            pass
        return frame

    def test_back_where_it_came_from(self) -> None:
        """With a hardware address the frame goes there, its checksum right, and nobody is asked for it."""
        for number, sock in enumerate(self.sockets):
            address = packed(f"fe80::77:{number}")
            frame = self.sent(sock, address, b"\x02\0\0\0\0\x77")
            expected = Frame(b"aaaaa", sock.local, SERVER_PORT, address, HERE, b"\x02\0\0\0\0\x77")
            self.assertEqual(expected, frame)
        self.assertNotIn("fe80::77:", self.cable.here.run(["ip", "neigh", "show", "dev", "eth0"]).stdout)

    def test_beyond_the_link(self) -> None:
        """The link-local socket answers a global address from a global address of the link, as over UDP."""
        self.assertEqual(SERVER6[1], self.sent(self.sockets[0], packed("2001:db8:7::1"), THERE).source)

    def test_by_the_kernel(self) -> None:
        """Without a hardware address the kernel finds the way, and it carries longer answers, whole."""
        self.assertEqual(THERE, self.sent(self.sockets[0], PEER6, b"").destination_hwaddr)
        self.assertEqual(1, len(self.bench.received()))
        for size in (LONGEST, LONGEST + 1, 1400, 3000, 60000):
            self.sockets[0].send(b"a" * size, PEER6, CLIENT_PORT, THERE)
            self.bench.clock.advance(0)
            received = wait_for(self.bench.received, "the answer")
            self.assertEqual([(b"a" * size, SERVER6[0])], [(one.data, one.source) for one in received])

    def test_frames_fit_everywhere(self) -> None:
        """The longest answer in a frame is as long as the smallest link of IPv6 carries."""
        self.sockets[0].send(b"a" * LONGEST, PEER6, CLIENT_PORT, THERE)
        self.bench.clock.advance(0)
        frames = iter(lambda: self.wire.recv(2000), b"")
        self.assertEqual(14 + 1280, next(len(frame) for frame in frames if parse_frame6(frame, CLIENT_PORT)))

    def test_impossible(self) -> None:
        """What cannot be sent is counted and logged."""
        self.cable.here.run(["ip", "link", "set", "eth0", "down"])
        self.sockets[0].send(b"x", PEER6, CLIENT_PORT, THERE)
        self.bench.clock.advance(0)
        self.assertEqual((1, 0), (self.bench.network.traffic.send_failures, self.bench.network.traffic.sent))
        self.assertIn("to fe80::ff:fe00:2 port 6768", self.bench.messages("DHCP6_PACKET_SEND_FAIL")[0])

    def test_fallback(self) -> None:
        """On a link that is no Ethernet, such as loopback, sockets are UDP even if they should be raw."""
        selections = (InterfaceSelection("eth0"), InterfaceSelection("lo", packed("::1")))
        interfaces = Interfaces(selections=selections, socket_type="raw")
        sockets = self.bench.network.listen6(interfaces, self.recorder)
        self.assertEqual({"eth0": True, "lo": False}, {sock.link: sock.direct for sock in sockets})
        self.assertIn("on interface lo (udp)", str(self.bench.log.lines))
