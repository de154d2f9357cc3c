"""`txkea.wire.frames` and `txkea.wire.duid`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.errors import Malformed
from txkea.testing import malformed
from txkea.testing.strategies import duids, hwaddrs, ipv4, mutations
from txkea.wire.duid import Duid, DuidType, NodeIdentifier, node_identifier
from txkea.wire.frames import BROADCAST_HWADDR, Frame, FrameTemplate, parse_frame

relaxed = settings(deadline=None)

SERVER, CLIENT = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"
SOURCE, DESTINATION = b"\xc0\0\2\1", b"\xc0\0\2\7"
TEMPLATE = FrameTemplate(SERVER, SOURCE, 67)
SEED = TEMPLATE.build(b"payload", CLIENT, DESTINATION, 68)
FRAME = Frame(b"payload", SOURCE, 67, DESTINATION, SERVER, CLIENT)


def words(data: bytes) -> int:
    """The ones-complement sum of 16-bit words, the slow and obvious way (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(data[place] << 8 | data[place + 1] for place in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def with_options(frame: bytes, options: bytes) -> bytes:
    """The frame with IP options, its header mended."""
    header = bytearray(frame[14:34] + options)
    header[0] = 0x40 | len(header) // 4
    header[2:4] = (len(header) + len(frame) - 34).to_bytes(2, "big")
    header[10:12] = b"\0\0"
    header[10:12] = (words(bytes(header)) ^ 0xFFFF).to_bytes(2, "big")
    return frame[:14] + bytes(header) + frame[34:]


class Frames(SynchronousTestCase):
    """Raw frames."""

    @relaxed
    @given(
        st.binary(max_size=600),
        hwaddrs,
        hwaddrs,
        ipv4,
        ipv4,
        st.integers(0, 65535),
        st.integers(0, 65535),
        st.booleans(),
    )
    def test_round_trip(
        self,
        payload: bytes,
        here: bytes,
        there: bytes,
        source: bytes,
        destination: bytes,
        sport: int,
        dport: int,
        view: bool,
    ) -> None:
        """What is built is parsed, from bytes or a memoryview, and has right lengths and checksums."""
        frame = FrameTemplate(here, source, sport).build(payload, there, destination, dport)
        expected = Frame(payload, source, sport, destination, here, there)
        self.assertEqual(parse_frame(memoryview(frame) if view else frame, dport), expected)
        self.assertEqual(words(frame[14:34]), 0xFFFF)
        length = len(payload) + 8
        self.assertEqual(words(frame[26:34] + b"\0\x11" + length.to_bytes(2, "big") + frame[34:]), 0xFFFF)
        self.assertNotEqual(frame[40:42], b"\0\0")
        self.assertEqual(frame[20:22], b"\x40\0")

    def test_checksum_that_would_be_zero(self) -> None:
        """A checksum of zero is sent as 0xffff, for zero says that there is none (RFC 768)."""
        frame = TEMPLATE.build(b"\0\0", CLIENT, DESTINATION, 68)
        odd = (0xFFFF - int.from_bytes(frame[40:42], "big")) ^ 0xFFFF
        zeroed = TEMPLATE.build(odd.to_bytes(2, "big"), CLIENT, DESTINATION, 68)
        self.assertEqual(zeroed[40:42], b"\xff\xff")
        self.assertIsNotNone(parse_frame(zeroed, 68))

    def test_padding(self) -> None:
        """What Ethernet pads behind the datagram is not payload."""
        self.assertEqual(parse_frame(SEED + b"\0" * 20, 68), FRAME)

    def test_ip_options(self) -> None:
        """A header with options is passed over, its checksum and the datagram's checked."""
        for length in (4, 8, 40):
            frame = with_options(SEED, b"\1" * length)
            self.assertEqual(parse_frame(frame, 68), FRAME)
            self.assertRaises(Malformed, parse_frame, frame[:-1] + b"?", 68)
            self.assertRaises(Malformed, parse_frame, frame[:34] + b"\0" + frame[35:], 68)

    def test_not_ours(self) -> None:
        """Other ports, protocols, tags and fragments are none of our business."""
        self.assertIsNone(parse_frame(SEED, 67))
        for place, change in (
            (12, b"\x86\xdd"),
            (12, b"\x81\0"),
            (23, b"\6"),
            (14, b"\x65"),
            (20, b"\x20\0"),
            (20, b"\0\1"),
        ):
            frame = SEED[:place] + change + SEED[place + len(change) :]
            self.assertIsNone(parse_frame(frame, 68))
        self.assertIsNone(parse_frame(b"", 68))

    def test_lengths_that_lie(self) -> None:
        """Lengths that contradict each other are malformed (CVE-2015-8605)."""
        for place, change in (
            (14, b"\x44"),
            (14, b"\x4f"),
            (16, b"\0\x1b"),
            (16, b"\xff\xff"),
            (38, b"\0\0"),
            (38, b"\0\7"),
            (38, b"\xff\xff"),
            (38, b"\0\x10"),
        ):
            frame = SEED[:place] + change + SEED[place + len(change) :]
            self.assertRaises(Malformed, parse_frame, frame, 68)

    def test_checksums(self) -> None:
        """A wrong checksum is malformed; none, or one that is still to be made by hardware, is not looked at."""
        wrong = SEED[:40] + b"\0\1" + SEED[42:]
        self.assertRaises(Malformed, parse_frame, wrong, 68)
        self.assertEqual(parse_frame(wrong, 68, checksum_ready=False), FRAME)
        self.assertEqual(parse_frame(SEED[:40] + b"\0\0" + SEED[42:], 68), FRAME)
        self.assertRaises(Malformed, parse_frame, SEED[:24] + b"\0\1" + SEED[26:], 68)

    def test_hostile(self) -> None:
        """Class C17 gives a frame, nothing, or `Malformed`; never a payload that was not sent."""
        for _, data in malformed.frames(SEED):
            for ready in (True, False):
                try:
                    frame = parse_frame(data, 68, ready)
                except Malformed:
                    continue
                self.assertTrue(frame is None or b"payload".startswith(frame.payload))

    @settings(deadline=None, max_examples=300)
    @given(mutations(SEED), st.booleans())
    def test_mutations(self, data: bytes, ready: bool) -> None:
        """Random damage raises nothing but `Malformed`."""
        try:
            parse_frame(data, 68, ready)
        except Malformed as error:
            self.assertTrue(str(error))

    def test_template(self) -> None:
        """A template is for Ethernet and IPv4 addresses only."""
        self.assertRaises(ValueError, FrameTemplate, b"", SOURCE, 67)
        self.assertRaises(ValueError, FrameTemplate, SERVER, SOURCE * 4, 67)
        self.assertEqual(len(BROADCAST_HWADDR), 6)


class Duids(SynchronousTestCase):
    """DUIDs."""

    @relaxed
    @given(duids)
    def test_text(self, value: bytes) -> None:
        """A DUID is the same after printing and reading."""
        self.assertEqual(Duid.from_text(str(Duid(value))).value, value)
        self.assertEqual(Duid.from_text(value.hex()), Duid(value))

    def test_lengths(self) -> None:
        """A DUID has 3 to 130 bytes (CVE-2019-6472)."""
        for length in (0, 1, 2, 131, 300):
            self.assertRaises(Malformed, Duid, b"x" * length)

    def test_types(self) -> None:
        """Each type is built as its RFC says, and those with a hardware address give it."""
        for duid, text, kind, hwaddr in (
            (
                Duid.llt(1, 0x1_0000_0002, CLIENT),
                "00:01:00:01:00:00:00:02:02:00:00:00:00:02",
                DuidType.LLT,
                (1, CLIENT),
            ),
            (Duid.en(2495, b"abc"), "00:02:00:00:09:bf:61:62:63", DuidType.EN, None),
            (Duid.ll(1, CLIENT), "00:03:00:01:02:00:00:00:00:02", DuidType.LL, (1, CLIENT)),
            (Duid.uuid(b"u" * 16), "00:04" + ":75" * 16, DuidType.UUID, None),
            (Duid(b"\xff\xff\1"), "ff:ff:01", 65535, None),
            (Duid(b"\0\1\0\1\0"), "00:01:00:01:00", DuidType.LLT, None),
        ):
            self.assertEqual((str(duid), duid.type, duid.hwaddr), (text, kind, hwaddr))
        self.assertRaises(Malformed, Duid.uuid, b"short")

    @relaxed
    @given(ipv4, duids)
    def test_in_client_identifier(self, iaid: bytes, duid: bytes) -> None:
        """A client identifier of RFC 4361 shows its DUID (rfc V4-35, Kea A080)."""
        self.assertEqual(node_identifier(b"\xff" + iaid + duid), NodeIdentifier(iaid, duid))
        self.assertIsNone(node_identifier(b"\1" + iaid + duid))

    def test_no_duid_inside(self) -> None:
        """One that is too short or too long for a DUID is just a client identifier."""
        for client_id in (b"", b"\xff", b"\xffiaid", b"\xffiaidxx", b"\xffiaid" + b"x" * 131):
            self.assertIsNone(node_identifier(client_id))
