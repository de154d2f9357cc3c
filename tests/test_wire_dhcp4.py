"""`txkea.wire.dhcp4`: messages survive the round trip, and nothing a client sends does harm."""

from __future__ import annotations

from itertools import pairwise
from time import perf_counter

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.errors import Malformed
from txkea.testing.malformed import packets4
from txkea.testing.strategies import messages4, mutations, options4
from txkea.wire import dhcp4
from txkea.wire.dhcp4 import (
    BOOTREPLY,
    END,
    HEADER_LENGTH,
    MINIMUM_LENGTH,
    Message4,
    MessageType4,
    Option4,
    PackedOptions,
    decode4,
    encode4,
    encode_message4,
    header4,
    option,
    options_limit,
    pack_options,
)
from txkea.wire.standard4 import STANDARD4

relaxed = settings(deadline=None)

CHADDR = bytes.fromhex("000c01020304")
OPTIONS = {53: b"\3", 61: b"\1" + CHADDR, 50: b"\xc0\0\2\7", 54: b"\xc0\0\2\1", 12: b"host", 55: bytes((1, 3, 6, 15))}
SEED = encode_message4(Message4(chaddr=CHADDR, giaddr=b"\xc0\0\2\1", options={**OPTIONS, 82: b"\1\4eth0"}), minimum=0)
HEADER = SEED[:HEADER_LENGTH]


def reference(data: bytes) -> dict[int, bytes]:
    """The options field read the slow and obvious way."""
    options: dict[int, bytes] = {}
    rest = data[HEADER_LENGTH:]
    while rest and rest[0] != 255:
        if rest[0] == 0:
            rest = rest[1:]
            continue
        options[rest[0]] = options.get(rest[0], b"") + rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    return options


class RoundTrips(SynchronousTestCase):
    """What is written is read."""

    @relaxed
    @given(messages4(op=1), st.sampled_from((0, 300, 1024)))
    def test_message(self, message: Message4, minimum: int) -> None:
        """Every message is the same after encoding and decoding, however much padding follows."""
        data = encode_message4(message, minimum)
        self.assertEqual(decode4(data), message)
        self.assertGreaterEqual(len(data), minimum)

    @relaxed
    @given(messages4(op=2))
    def test_reply(self, message: Message4) -> None:
        """A client reads what a server wrote; a server takes it for malformed."""
        data = encode_message4(message)
        self.assertEqual(decode4(data, op=BOOTREPLY), message)
        self.assertRaises(Malformed, decode4, data)

    @relaxed
    @given(messages4(op=1), st.booleans())
    def test_lenient_reads_the_same(self, message: Message4, lenient: bool) -> None:
        """Leniency changes nothing in a good message."""
        self.assertEqual(decode4(encode_message4(message), lenient=lenient), message)

    @relaxed
    @given(messages4(op=1), st.data())
    def test_instances_anywhere(self, message: Message4, data: st.DataObject) -> None:
        """Options cut into instances, shuffled between others and padded, are joined in their order (RFC 3396)."""
        pieces: list[tuple[int, bytes]] = []
        for code, payload in message.options.items():
            cuts = sorted(data.draw(st.lists(st.integers(0, len(payload)), max_size=3)))
            bounds = [0, *cuts, len(payload)]
            pieces += [(code, payload[a:b]) for a, b in pairwise(bounds)]
        order = data.draw(st.permutations([code for code, _ in pieces]))
        queues = {code: [piece for each, piece in pieces if each == code] for code in message.options}
        blocks = b"".join(option(code, queues[code].pop(0)) + b"\0" * data.draw(st.integers(0, 2)) for code in order)
        decoded = decode4(encode_message4(message, 0)[:HEADER_LENGTH] + blocks + END)
        self.assertEqual(decoded.options, message.options)
        self.assertEqual(list(decoded.options), list(dict.fromkeys(order)))

    @relaxed
    @given(messages4(op=1))
    def test_fast_is_general(self, message: Message4) -> None:
        """The fast path reads what the obvious way reads."""
        data = encode_message4(message)
        self.assertEqual(decode4(data).options, reference(data))

    def test_type(self) -> None:
        """A message knows its type, BOOTP has none."""
        self.assertEqual(decode4(SEED).type, MessageType4.REQUEST)
        self.assertEqual(decode4(HEADER).type, 0)

    def test_defaults(self) -> None:
        """Raw name and file fields have their wire length whatever was given."""
        message = Message4(sname=b"boot", file=b"kernel")
        self.assertEqual((len(message.sname), len(message.file)), (64, 128))
        self.assertNotEqual(message, "message")
        self.assertIn("xid=0", repr(message))


class Tolerance(SynchronousTestCase):
    """What is odd but legal (rfc V4-36, V4-42)."""

    def test_no_end(self) -> None:
        """A missing END is tolerated."""
        self.assertEqual(decode4(HEADER + option(53, b"\1")).options, {53: b"\1"})

    def test_after_end(self) -> None:
        """Bytes after END are ignored, whatever they are."""
        self.assertEqual(decode4(HEADER + option(53, b"\1") + END + b"\x0c\xff").options, {53: b"\1"})

    def test_pad(self) -> None:
        """PAD may stand anywhere."""
        self.assertEqual(decode4(HEADER + b"\0\0" + option(53, b"\1") + b"\0").options, {53: b"\1"})

    def test_bootp(self) -> None:
        """A request without any option is BOOTP."""
        self.assertEqual(decode4(HEADER).options, {})

    def test_no_hardware_address(self) -> None:
        """A client without hardware address is known by its client identifier (RFC 4390)."""
        message = Message4(htype=32, hlen=0, options={53: b"\1", 61: b"\xff" + b"x" * 20})
        self.assertEqual(decode4(encode_message4(message)).chaddr, b"")


class Overload(SynchronousTestCase):
    """Option 52 (RFC 2132 section 9.3, RFC 3396)."""

    FILE = (option(12, b"fi") + option(52, b"\2") + option(60, b"class") + END).ljust(128, b"\0")
    SNAME = (option(12, b"sn") + END).ljust(64, b"\0")

    def _decoded(self, payload: bytes, lenient: bool = False) -> dict[int, bytes]:
        message = Message4(chaddr=CHADDR, file=self.FILE, sname=self.SNAME)
        header = encode_message4(message)[:HEADER_LENGTH]
        return decode4(header + option(12, b"op") + option(52, payload) + END, lenient).options

    def test_fields_in_order(self) -> None:
        """Options come from the options, file and sname fields in this order; 52 inside the fields means nothing."""
        self.assertEqual(self._decoded(b"\1"), {12: b"opfi", 60: b"class", 52: b"\1"})
        self.assertEqual(self._decoded(b"\2"), {12: b"opsn", 52: b"\2"})
        self.assertEqual(self._decoded(b"\3"), {12: b"opfisn", 60: b"class", 52: b"\3"})

    def test_nonsense(self) -> None:
        """Any other value makes the message malformed, or is ignored when lenient."""
        for payload in (b"", b"\0", b"\4", b"\xff", b"\1\1"):
            self.assertRaises(Malformed, self._decoded, payload)
            self.assertEqual(self._decoded(payload, lenient=True), {12: b"op"})


class Refusals(SynchronousTestCase):
    """What is dropped (rfc V4-33, V4-34, V4-36, V4-43, V4-65)."""

    def assertMalformed(self, data: bytes, reason: str, lenient: bool = False) -> None:
        error = self.assertRaises(Malformed, decode4, data, lenient)
        self.assertIn(reason, str(error))

    def test_short(self) -> None:
        """No message is shorter than its header and cookie."""
        self.assertMalformed(HEADER[:-1], "239 bytes")
        self.assertMalformed(b"", "0 bytes")

    def test_header(self) -> None:
        """A wrong cookie, direction or hardware address length is told."""
        self.assertMalformed(SEED.replace(b"\x63\x82\x53\x63", b"\x63\x82\x53\x64"), "magic cookie 63825364")
        self.assertMalformed(b"\2" + SEED[1:], "op is 2")
        self.assertMalformed(SEED[:2] + b"\x11" + SEED[3:], "hardware address of 17 bytes")

    def test_anonymous(self) -> None:
        """A client with neither hardware address nor client identifier is nobody (CVE-2019-6474)."""
        self.assertMalformed(encode_message4(Message4(options={53: b"\1"})), "neither")

    def test_client_identifier(self) -> None:
        """A client identifier has 2 to 255 bytes, whatever the leniency (CVE-2010-2156, CVE-2012-3571)."""
        for payload in (b"", b"\1", b"x" * 256):
            for lenient in (False, True):
                self.assertMalformed(HEADER + option(61, payload), f"client identifier of {len(payload)}", lenient)

    def test_past_the_end(self) -> None:
        """An option past the end drops the message; lenient reading ends before it."""
        for tail in (b"\x0c", b"\x0c\x05host", b"\xfe\xff"):
            self.assertMalformed(HEADER + option(53, b"\1") + tail, "past the end of the options field")
            self.assertEqual(decode4(HEADER + option(53, b"\1") + tail, lenient=True).options, {53: b"\1"})

    def test_scalars(self) -> None:
        """A scalar option of a wrong length drops the message; lenient reading leaves it out (Kea #4626)."""
        for text in ("1303010203", "3305aabbccddee", "0105ffffff0000", "3300", "3902ff00390100"):
            tail = bytes.fromhex(text)
            self.assertMalformed(HEADER + option(53, b"\1") + tail, "in place of")
            self.assertEqual(decode4(HEADER + option(53, b"\1") + tail, lenient=True).options, {53: b"\1"})

    def test_message_type(self) -> None:
        """A message type is one byte from 1 to 18: a wrong one is never taken for BOOTP."""
        for payload in (b"\0", b"\x13", b"\xff", b"", b"\1\1"):
            for lenient in (False, True):
                self.assertRaises(Malformed, decode4, HEADER + option(53, payload) + END, lenient)

    def test_every_scalar_is_checked(self) -> None:
        """Lengths are demanded of exactly the standard options that have one."""
        sizes = {"boolean": 1, "uint8": 1, "uint16": 2, "int32": 4, "uint32": 4, "ipv4-address": 4}
        standard = {
            each.code: sizes[each.kind]
            for each in STANDARD4
            if each.space == "dhcp4" and each.kind in sizes and not each.array
        }
        del standard[125]  # an enterprise number, and then options
        checked = {code: length for length, codes in dhcp4._SCALARS.items() for code in codes}
        self.assertEqual(checked, standard)


class Hostility(SynchronousTestCase):
    """Whatever comes is read or refused, never anything else, and never slowly."""

    def test_classes(self) -> None:
        """Classes C01 to C09 raise nothing but `Malformed`, and what is read can be written and read again."""
        seen = set()
        for name, data in packets4(SEED):
            seen.add(name)
            for lenient in (False, True):
                try:
                    message = decode4(data, lenient)
                except Malformed:
                    continue
                again = decode4(encode_message4(message))
                again.options.update({52: message.options[52]} if 52 in message.options else {})
                self.assertEqual(again, message)
        self.assertEqual(seen, {f"C0{number}" for number in range(1, 10)})

    @settings(deadline=None, max_examples=300)
    @given(mutations(SEED), st.booleans())
    def test_mutations(self, data: bytes, lenient: bool) -> None:
        """Random damage raises nothing but `Malformed`."""
        try:
            decode4(data, lenient)
        except Malformed as error:
            self.assertTrue(str(error).isprintable())

    @relaxed
    @given(st.binary(max_size=700))
    def test_any_options(self, tail: bytes) -> None:
        """Any bytes may follow the header; what is read strictly is what the obvious way reads."""
        data = HEADER + tail
        try:
            message = decode4(data)
        except Malformed:
            return
        if 52 not in message.options:
            self.assertEqual(message.options, reference(data))

    def test_bounded(self) -> None:
        """The largest datagrams take milliseconds: 65507 bytes of the most expensive options each."""
        for unit in (
            b"\0",
            b"\x0c\1a",
            b"\x0c\0",
            bytes((43, 255)) + b"x" * 255,
            b"".join(map(dhcp4.option, range(1, 255), [b""] * 254)),
        ):
            data = (HEADER + unit * 65507)[:65507]
            start = perf_counter()
            try:
                decode4(data, lenient=True)
            except Malformed:
                pass
            self.assertLess(perf_counter() - start, 0.5)


class Answers(SynchronousTestCase):
    """What the server writes."""

    def test_header(self) -> None:
        """The header's fields stand where RFC 2131 puts them."""
        header = header4(
            2, 1, 6, 3, 0x01020304, 5, 0x8000, b"cccc", b"yyyy", b"ssss", b"gggg", CHADDR, b"name", b"file"
        )
        self.assertEqual(
            header,
            bytes.fromhex("0201060301020304000580006363636379797979737373736767676700")
            + CHADDR[1:]
            + b"\0" * 10
            + b"name".ljust(64, b"\0")
            + b"file".ljust(128, b"\0")
            + b"\x63\x82\x53\x63",
        )

    def test_padding(self) -> None:
        """An answer has at least 300 bytes (rfc V4-38)."""
        self.assertEqual(encode4(HEADER, b""), (HEADER + END).ljust(MINIMUM_LENGTH, b"\0"))
        self.assertEqual(encode4(HEADER, b"x" * 100), HEADER + b"x" * 100 + END)

    def test_long_option(self) -> None:
        """More than 255 bytes become consecutive instances (rfc V4-41)."""
        self.assertEqual(option(12, b""), b"\x0c\0")
        self.assertEqual(option(12, b"x" * 255), b"\x0c\xff" + b"x" * 255)
        self.assertEqual(option(12, b"x" * 256), b"\x0c\xff" + b"x" * 255 + b"\x0c\1x")

    def test_limit(self) -> None:
        """A client's size counts from 576 up to the link's; a client that tells none takes what the link does."""
        for size, mtu, limit in ((None, 1500, 1231), (0, 1500, 307), (576, 1500, 307), (1000, 1500, 731)):
            self.assertEqual(options_limit(size, mtu), limit)
        self.assertEqual(options_limit(65535), options_limit(None))
        self.assertEqual(options_limit(65535, 9000), 8731)

    def test_agent_last(self) -> None:
        """Option 82 comes last wherever it stood (rfc V4-44)."""
        blocks = [(code, option(code, payload)) for code, payload in {82: b"\1\1a", **OPTIONS}.items()]
        packed = pack_options(blocks, 1000)
        self.assertEqual(list(reference(HEADER + packed.blocks)), [*OPTIONS, 82])
        self.assertEqual(packed[1:], (b"", b"", ()))

    @relaxed
    @given(options4(), st.integers(307, 1000), st.booleans(), st.booleans())
    def test_packing(self, options: dict[int, bytes], limit: int, file_free: bool, sname_free: bool) -> None:
        """Packed options fit, keep what must stay, put 82 last, and are read as they were but for what was dropped."""
        options.pop(61, None)
        options.update({53: b"\5", 54: b"\1\2\3\4", 51: b"\0\0\0\1"})
        agent = options.get(82, b"")[:200]
        blocks = [(code, option(code, payload)) for code, payload in {**options, 82: agent}.items()]
        packed = pack_options(blocks, limit, file_free, sname_free)
        self.assertLessEqual(len(packed.blocks), limit)
        self.assertFalse({51, 53, 54, 82} & set(packed.dropped))
        self.assertTrue(packed.blocks.endswith(option(82, agent)))
        self.assertTrue(file_free or not packed.file)
        self.assertTrue(sname_free or not packed.sname)
        self.assertTrue(packed.dropped or sum(map(len, options.values())) < 2 * limit)
        self.assertEqual(
            self._read(packed), {k: v for k, v in {**options, 82: agent}.items() if k not in packed.dropped}
        )

    def _read(self, packed: PackedOptions) -> dict[int, bytes]:
        header = HEADER[:44] + packed.sname.ljust(64, b"\0") + packed.file.ljust(128, b"\0") + HEADER[236:]
        options = decode4(encode4(header, packed.blocks)).options
        options.pop(Option4.OVERLOAD, None)
        return options

    def test_later_gives_way(self) -> None:
        """What stands later is dropped first; the fields are used before anything is dropped (rfc V4-37, V4-67)."""
        blocks = [(53, option(53, b"\5")), *((code, option(code, b"x" * 90)) for code in (3, 6, 15, 17, 66))]
        self.assertEqual(pack_options(blocks, 307).dropped, (17, 66))
        packed = pack_options(blocks, 307, file_free=True)
        self.assertEqual(packed.dropped, (66,))
        self.assertEqual(packed.file, option(17, b"x" * 90) + END)
        self.assertTrue(packed.blocks.endswith(option(52, b"\1")))

    def test_overload_in_use(self) -> None:
        """Option 52 says which fields carry options."""
        blocks = [
            (53, option(53, b"\5")),
            (3, option(3, b"x" * 200)),
            (6, option(6, b"y" * 88)),
            (15, option(15, b"z" * 60)),
        ]
        packed = pack_options(blocks, 307, sname_free=True)
        self.assertEqual(packed.sname, option(15, b"z" * 60) + END)
        self.assertEqual(packed.dropped, ())
        self.assertTrue(packed.blocks.endswith(option(52, b"\2")))
