"""`txkea.wire.frames6`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.test_wire_frames import words
from txkea.errors import Malformed
from txkea.testing.strategies import hwaddrs, mutations
from txkea.wire.frames import Frame
from txkea.wire.frames6 import FrameTemplate6, parse_frame6

SERVER, CLIENT = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"
SOURCE, DESTINATION = b"\xfe\x80" + bytes(13) + b"\1", b"\xfe\x80" + bytes(13) + b"\2"
TEMPLATE = FrameTemplate6(SERVER, SOURCE, 547)
SEED = TEMPLATE.build(b"payload", CLIENT, DESTINATION, 546)
FRAME = Frame(b"payload", SOURCE, 547, DESTINATION, SERVER, CLIENT)

ports = st.integers(0, 65535)
senders = st.binary(min_size=16, max_size=16).filter(lambda value: bytes(15) + b"\1" < value < b"\xff")


def changed(place: int, value: bytes) -> bytes:
    """The seed with bytes replaced."""
    return SEED[:place] + value + SEED[place + len(value) :]


class Frames6(SynchronousTestCase):
    """Raw frames of IPv6."""

    @settings(deadline=None)
    @given(st.binary(max_size=1300), hwaddrs, hwaddrs, senders, st.binary(min_size=16, max_size=16), ports, ports)
    def test_round_trip(
        self, payload: bytes, here: bytes, there: bytes, source: bytes, destination: bytes, sport: int, dport: int
    ) -> None:
        """What is built is parsed, and has right lengths and a right checksum."""
        frame = FrameTemplate6(here, source, sport).build(payload, there, destination, dport)
        self.assertEqual(parse_frame6(frame, dport), Frame(payload, source, sport, destination, here, there))
        length = (len(payload) + 8).to_bytes(2, "big")
        self.assertEqual(words(frame[22:54] + b"\0\x11" + length + frame[54:]), 0xFFFF)
        self.assertEqual(frame[14:22], b"\x60\0\0\0" + length + b"\x11\x40")
        self.assertNotEqual(frame[60:62], b"\0\0")

    def test_checksum_that_would_be_zero(self) -> None:
        """A checksum of zero is sent as 0xffff (RFC 8200 section 8.1)."""
        plain = TEMPLATE.build(b"\0\0", CLIENT, DESTINATION, 546)
        zeroed = TEMPLATE.build(plain[60:62], CLIENT, DESTINATION, 546)
        self.assertEqual(zeroed[60:62], b"\xff\xff")
        self.assertIsNotNone(parse_frame6(zeroed, 546))

    def test_padding(self) -> None:
        """What Ethernet pads behind the datagram is not payload."""
        self.assertEqual(parse_frame6(SEED + b"\0" * 20, 546), FRAME)

    def test_not_ours(self) -> None:
        """Other ports, protocols, tags, versions and extension headers are none of our business."""
        self.assertIsNone(parse_frame6(SEED, 547))
        for place, value in ((12, b"\x08\0"), (12, b"\x81\0"), (20, b"\6"), (20, b"\0"), (20, b"\x2c"), (14, b"\x45")):
            self.assertIsNone(parse_frame6(changed(place, value), 546))
        for length in range(62):
            self.assertIsNone(parse_frame6(SEED[:length], 546))

    def test_lengths_that_lie(self) -> None:
        """Lengths that contradict each other are malformed."""
        for place, value in ((18, b"\0\x0e"), (18, b"\xff\xff"), (58, b"\0\0"), (58, b"\0\7"), (58, b"\0\x10")):
            self.assertRaises(Malformed, parse_frame6, changed(place, value), 546, False)

    def test_checksums(self) -> None:
        """A wrong checksum is malformed unless hardware is still to make it; no checksum always is."""
        wrong = changed(60, b"\0\1")
        self.assertRaises(Malformed, parse_frame6, wrong, 546)
        self.assertEqual(parse_frame6(wrong, 546, checksum_ready=False), FRAME)
        for ready in (True, False):
            self.assertRaises(Malformed, parse_frame6, changed(60, b"\0\0"), 546, ready)

    def test_senders(self) -> None:
        """Nothing comes from no address, from loopback or from a group."""
        for source in (bytes(16), bytes(15) + b"\1", b"\xff\2" + bytes(13) + b"\1"):
            frame = FrameTemplate6(SERVER, source, 547).build(b"payload", CLIENT, DESTINATION, 546)
            self.assertRaises(Malformed, parse_frame6, frame, 546)

    @settings(deadline=None, max_examples=300)
    @given(mutations(SEED), st.booleans())
    def test_mutations(self, data: bytes, ready: bool) -> None:
        """Random damage gives a frame, nothing, or `Malformed`; never more payload than the frame has."""
        try:
            frame = parse_frame6(data, 546, ready)
        except Malformed as error:
            self.assertTrue(str(error))
        else:
            self.assertTrue(frame is None or frame.payload in data)

    def test_template(self) -> None:
        """A template is for Ethernet and IPv6 addresses only."""
        self.assertRaises(ValueError, FrameTemplate6, b"", SOURCE, 547)
        self.assertRaises(ValueError, FrameTemplate6, SERVER, b"\xc0\0\2\1", 547)
