"""Raw sockets on a real cable: which frames arrive, what leaves, and what the kernel is kept from doing."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

from tests.net_lab import CLIENT_PORT, PEER, SERVER, SERVER_PORT, CableTestCase, SystemBench, packed
from txkea.interfaces import ISocket, Origin
from txkea.model.configuration import Interfaces, InterfaceSelection
from txkea.testing.contracts.network import LIMITED_BROADCAST, Recorder
from txkea.testing.namespaces import wait_for
from txkea.wire.frames import BROADCAST_HWADDR, Frame, FrameTemplate, parse_frame

__all__ = ["ArrivingFrames", "LeavingFrames", "RingTests"]

HERE = b"\x02\0\0\0\0\1"
THERE = b"\x02\0\0\0\0\2"
CLIENT = b"\x02\0\0\0\0\x77"
NOBODY = b"\0\0\0\0"
ETH_P_ALL = 3


class RawCase(CableTestCase):
    """A listening bench, and a packet socket at the other end of its cable."""

    buffer_size = 1 << 20

    def setUp(self) -> None:
        super().setUp()
        self.bench = self.make("raw", buffer_size=self.buffer_size)
        self.recorder = Recorder()
        self.sockets = self.listen()
        with self.cable.there.enter():
            self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.addCleanup(self.wire.close)
            self.wire.bind(("eth0", ETH_P_ALL))
        self.wire.settimeout(5)

    def listen(self) -> Sequence[ISocket]:
        selections = (InterfaceSelection("eth0"),)
        return self.bench.network.listen4(Interfaces(selections=selections, socket_type="raw"), self.recorder)

    def arrived(self, *frames: bytes) -> list[bytes]:
        """The payloads that arrive when these frames are sent, followed by one that surely does."""
        for frame in (*frames, discover(b"the end")):
            self.wire.send(frame)
        wait_for(self._ended, "the last frame")
        return [arrival.data for arrival in self.recorder.take()[:-1]]

    def _ended(self) -> bool:
        self.bench.settle()
        return bool(self.recorder.arrivals) and self.recorder.arrivals[-1].data == b"the end"

    def origin(self, frame: bytes) -> Origin:
        self.wire.send(frame)
        wait_for(lambda: self.bench.clock.drain() and self.recorder.arrivals, "the frame")
        [arrival] = self.recorder.take()
        return arrival.origin


def discover(payload: bytes, hwaddr: bytes = CLIENT) -> bytes:
    """What a client without an address broadcasts."""
    template = FrameTemplate(hwaddr, NOBODY, CLIENT_PORT)
    return template.build(payload, BROADCAST_HWADDR, LIMITED_BROADCAST, SERVER_PORT)


def request(payload: bytes, to: bytes = HERE, destination: bytes = SERVER[0], port: int = SERVER_PORT) -> bytes:
    """What a client with an address sends to one server."""
    return FrameTemplate(THERE, PEER, CLIENT_PORT).build(payload, to, destination, port)


def patched(frame: bytes, offset: int, *fields: bytes) -> bytes:
    """A frame with bytes replaced, its IP header checksum made right again."""
    value = b"".join(fields)
    changed = bytearray(frame[:offset] + value + frame[offset + len(value) :])
    length = (changed[14] & 15) * 4
    changed[24:26] = b"\0\0"
    changed[24:26] = (0xFFFF - int.from_bytes(changed[14 : 14 + length], "big") % 0xFFFF).to_bytes(2, "big")
    return bytes(changed)


class ArrivingFrames(RawCase):
    """The filter, the ring and the parser together."""

    def test_a_client_without_address(self) -> None:
        """A broadcast from 0.0.0.0 arrives with the client's hardware address."""
        origin = self.origin(discover(b"discover"))
        self.assertEqual(
            (self.sockets[0], NOBODY, CLIENT_PORT, CLIENT, True),
            (origin.socket, origin.source, origin.source_port, origin.source_hwaddr, origin.broadcast),
        )

    def test_subnet_broadcast(self) -> None:
        """What is sent to a subnet's broadcast address belongs to the socket of that subnet, as a broadcast."""
        origin = self.origin(request(b"x", BROADCAST_HWADDR, packed("198.51.100.255")))
        self.assertEqual((self.sockets[1], True), (origin.socket, origin.broadcast))

    def test_unicast_in_a_broadcast_frame(self) -> None:
        """The IP address alone decides whether it was a broadcast."""
        origin = self.origin(request(b"x", BROADCAST_HWADDR, SERVER[1]))
        self.assertEqual((self.sockets[1], False), (origin.socket, origin.broadcast))

    def test_filtered_in_the_kernel(self) -> None:
        """Other ports, protocols, fragments and other hosts' frames never reach the process."""
        good = request(b"x" * 20)
        self.assertEqual(
            [],
            self.arrived(
                request(b"other port", port=SERVER_PORT + 1),
                patched(good, 23, b"\x06"),
                patched(good, 20, b"\x20\0"),
                patched(good, 20, b"\0\1"),
                request(b"other host", to=b"\x02\0\0\0\0\x99"),
                good[:12] + b"\x86\xdd" + good[14:],
                good[:30],
            ),
        )
        traffic = self.bench.network.traffic
        self.assertEqual((1, 0, 0), (traffic.received, traffic.foreign, traffic.malformed))

    def test_vlan_tags(self) -> None:
        """A frame of a VLAN is not ours, one with only a priority is."""
        plain = request(b"x" * 30)
        tagged = [plain[:12] + struct.pack("!HH", 0x8100, tag) + plain[12:] for tag in (0x0005, 0xE005)]
        self.assertEqual([], self.arrived(*tagged))
        self.assertEqual([b"x" * 30], self.arrived(plain[:12] + struct.pack("!HH", 0x8100, 0xE000) + plain[12:]))

    def test_malformed(self) -> None:
        """Wrong checksums and lengths that lie are counted and dropped (CVE-2015-8605)."""
        good = request(b"x" * 20)
        wrong_ip = bytearray(good)
        wrong_ip[24] ^= 0xFF
        lies = [struct.pack("!H", length) for length in (0, 7, 29, 0xFFFF)]
        frames = [patched(good, 38, lie) for lie in lies] + [patched(good, 16, b"\xff\xff"), patched(good, 40, b"\1\1")]
        self.assertEqual([], self.arrived(*frames))
        self.assertEqual(len(frames), self.bench.network.traffic.malformed)

    def test_no_checksum(self) -> None:
        """A datagram without UDP checksum is taken (RFC 768)."""
        self.assertEqual([b"x" * 20], self.arrived(patched(request(b"x" * 20), 40, b"\0\0")))

    def test_ip_options(self) -> None:
        """A longer IP header is walked over."""
        good = request(b"x" * 20)
        longer = good[:14] + b"\x46" + good[15:16] + struct.pack("!H", 52) + good[18:34] + b"\1\1\1\0" + good[34:]
        self.assertEqual([b"x" * 20], self.arrived(patched(longer, 14, b"\x46")))

    def test_padding(self) -> None:
        """What pads a short frame is not part of the datagram."""
        self.assertEqual([b"x"], self.arrived(request(b"x") + bytes(17)))

    def test_forwarded(self) -> None:
        """What is sent through us to another server's address is not ours."""
        self.assertEqual([], self.arrived(request(b"x", destination=packed("203.0.113.9"))))
        self.assertEqual(1, self.bench.network.traffic.foreign)

    def test_offloaded_checksum(self) -> None:
        """A neighbour namespace leaves the UDP checksum to hardware that does not exist; its datagrams arrive."""
        self.bench.transmit(b"offloaded", SERVER[0])
        wait_for(lambda: self.bench.clock.drain() and self.recorder.arrivals, "the datagram")
        self.assertEqual([b"offloaded"], [arrival.data for arrival in self.recorder.take()])
        self.wire.settimeout(5)
        self.assertEqual(0, self.bench.network.traffic.malformed)

    def test_no_icmp(self) -> None:
        """The kernel does not tell the client that the port is unreachable."""
        with self.cable.there.enter():
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.settimeout(0.2)
        client.connect((socket.inet_ntoa(SERVER[0]), SERVER_PORT))
        client.send(b"x")
        self.assertRaises(TimeoutError, client.recv, 100)
        client.connect((socket.inet_ntoa(SERVER[0]), SERVER_PORT + 1))
        client.send(b"the control: nobody listens here")
        self.assertRaises(ConnectionRefusedError, client.recv, 100)


class LeavingFrames(RawCase):
    """What is sent, seen at the other end."""

    def sent(self, address: bytes, hwaddr: bytes) -> Frame:
        """The frame that arrives when the first socket sends."""
        self.sockets[0].send(b"offer", address, CLIENT_PORT, hwaddr)
        self.bench.clock.advance(0)
        while (frame := parse_frame(self.wire.recv(2000), CLIENT_PORT)) is None:
            pass
        return frame

    def test_to_a_client_without_address(self) -> None:
        """With a hardware address the frame goes there, checksums right, and nobody is asked by ARP."""
        frame = self.sent(packed("192.0.2.77"), CLIENT)
        expected = Frame(b"offer", SERVER[0], SERVER_PORT, packed("192.0.2.77"), HERE, CLIENT)
        self.assertEqual(expected, frame)
        neighbours = self.cable.here.run(["ip", "neigh", "show", "dev", "eth0"]).stdout
        self.assertNotIn("192.0.2.77", neighbours)

    def test_broadcast(self) -> None:
        """255.255.255.255 goes to everyone on the link, whatever the hardware address."""
        for hwaddr in (b"", CLIENT):
            frame = self.sent(LIMITED_BROADCAST, hwaddr)
            self.assertEqual((BROADCAST_HWADDR, LIMITED_BROADCAST), (frame.destination_hwaddr, frame.destination))

    def test_impossible(self) -> None:
        """What cannot be sent is counted and logged, once a second, and does not raise."""
        for data, hwaddr in ((b"x", b"\1\2"), (b"x" * 3000, CLIENT), (b"x" * 70000, CLIENT), (b"x" * 70000, b"")):
            self.sockets[0].send(data, PEER, CLIENT_PORT, hwaddr)
        self.bench.clock.advance(0)
        self.assertEqual((4, 0), (self.bench.network.traffic.send_failures, self.bench.network.traffic.sent))
        self.assertEqual(1, len(self.bench.messages("DHCP4_PACKET_SEND_FAIL")))
        self.bench.clock.advance(1)
        self.sockets[0].send(b"x" * 3000, PEER, CLIENT_PORT, CLIENT)
        self.bench.clock.advance(0)
        self.assertIn("192.0.2.2 port 6768", self.bench.messages("DHCP4_PACKET_SEND_FAIL")[1])

    def test_own_frames_do_not_return(self) -> None:
        """What is broadcast to the server port does not arrive at the sender."""
        self.sockets[0].send(b"x", LIMITED_BROADCAST, SERVER_PORT, b"")
        self.bench.clock.advance(0)
        self.bench.settle()
        self.assertEqual([], self.recorder.take())


class RingTests(RawCase):
    """The memory shared with the kernel; here only 32 frames large."""

    buffer_size = 1 << 16

    def test_goes_round(self) -> None:
        """Many times as many frames as there are slots arrive, all of them and in order."""
        expected = [b"%d" % number for number in range(100)]
        for payload in expected:
            if int(payload) % 20 == 0:
                self.bench.settle()
            self.wire.send(request(payload))
        wait_for(lambda: self.bench.clock.drain() and len(self.recorder.arrivals) == 100, "100 frames")
        self.assertEqual(expected, [arrival.data for arrival in self.recorder.take()])

    def test_overflow(self) -> None:
        """A full ring loses the frames that come then, and works on."""
        for number in range(50):
            self.wire.send(request(b"%d" % number))
        wait_for(lambda: self.bench.clock.drain() and len(self.recorder.arrivals) >= 32, "a ring of frames")
        self.assertEqual([b"%d" % number for number in range(32)], [arrival.data for arrival in self.recorder.take()])
        self.assertEqual([b"next"], self.arrived(request(b"next")))

    def test_too_long(self) -> None:
        """A frame longer than a slot is dropped and counted; the next one arrives."""
        for namespace in (self.cable.here, self.cable.there):
            namespace.run(["ip", "link", "set", "eth0", "mtu", "4000"])
        self.assertEqual([b"next"], self.arrived(request(b"x" * 3000), request(b"next")))
        self.assertEqual(1, self.bench.network.traffic.truncated)

    def test_closed_by_the_receiver(self) -> None:
        """A receiver may close the network while it takes a datagram."""
        for number in range(3):
            self.wire.send(request(b"%d" % number))
        closing = ClosingReceiver(self.bench)
        self.bench.network.listen4(Interfaces(selections=(InterfaceSelection("eth0"),)), closing)
        wait_for(lambda: self.bench.clock.drain() or closing.arrivals, "the first frame")
        self.bench.settle()
        self.assertEqual([b"0"], [arrival.data for arrival in closing.arrivals])


class ClosingReceiver(Recorder):
    """Closes the network at the first datagram."""

    def __init__(self, bench: SystemBench) -> None:
        super().__init__()
        self._bench = bench

    def datagram_arrived(self, data: bytes, origin: Origin) -> None:
        super().datagram_arrived(data, origin)
        self._bench.network.close()
