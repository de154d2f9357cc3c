"""`txkea.wire.dhcp6` and `txkea.wire.ia`: messages survive the round trip, and nothing a client sends does harm."""

from __future__ import annotations

from time import perf_counter

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.errors import Malformed
from txkea.testing.malformed6 import nested, packets6, relayed
from txkea.testing.strategies import ias, ipv6, messages6, mutations, options6, relays
from txkea.wire import dhcp6
from txkea.wire.dhcp4 import decode4
from txkea.wire.dhcp6 import (
    HEADER6_LENGTH,
    RELAYS_MAXIMUM,
    UNSPECIFIED,
    Message6,
    MessageType6,
    Option6,
    Relay,
    Status,
    StatusCode,
    decode6,
    encode6,
    encode_message6,
    option6,
    parse_options6,
    read_status,
    status_option,
    wrap_replies,
)
from txkea.wire.ia import (
    INFINITY,
    Ia,
    Resource,
    address_option,
    encode_ia,
    ia_option,
    prefix_option,
    read_ia,
    read_pd_exclude,
    write_pd_exclude,
)
from txkea.wire.standard6 import STANDARD6

relaxed = settings(deadline=None)

DUID = bytes.fromhex("00030001020304050607")
SERVER = bytes.fromhex("000200000009aabb")
ADDRESS = bytes.fromhex("20010db8000000000000000000000007")
PREFIX = bytes.fromhex("20010db8001200000000000000000000")
LINK = bytes.fromhex("20010db8000000000000000000000001")
PEER = bytes.fromhex("fe80000000000000020304fffe050607")


def payload(ia: Ia) -> bytes:
    return encode_ia(ia)[4:]


IA_NA = Ia(Option6.IA_NA, 7, 0, 0, (Resource(ADDRESS, 300, 400),))
IA_PD = Ia(Option6.IA_PD, 7, 0, 0, (Resource(PREFIX, 300, 400, 48),))
OPTIONS = [(1, DUID), (2, SERVER), (3, payload(IA_NA)), (25, payload(IA_PD)), (8, b"\0\0"), (6, b"\0\x17\0\x18")]
MESSAGE = Message6(MessageType6.REQUEST, 0x123456, [*OPTIONS, (39, b"\1\4host")])
SEED = encode_message6(MESSAGE)
HEADER = SEED[:HEADER6_LENGTH]


def reference(data: bytes) -> list[tuple[int, bytes]]:
    """The options of a good message read the slow and obvious way."""
    options = []
    while data:
        code, length = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
        options.append((code, data[4 : 4 + length]))
        data = data[4 + length :]
    return options


class RoundTrips(SynchronousTestCase):
    """What is written is read."""

    @relaxed
    @given(messages6(), st.booleans())
    def test_message(self, message: Message6, lenient: bool) -> None:
        """Every message with its relays is the same after encoding and decoding; leniency changes nothing."""
        decoded = decode6(encode_message6(message), lenient)
        self.assertEqual(decoded, message)
        self.assertEqual(list(decoded.pairs()), list(message.pairs()))

    @relaxed
    @given(options6())
    def test_options(self, options: list[tuple[int, bytes]]) -> None:
        """Each code's instances are read in their order, as the obvious way reads them."""
        data = encode6(1, 2, b"".join(option6(code, each) for code, each in options))
        message = decode6(data)
        self.assertEqual(reference(data[HEADER6_LENGTH:]), options)
        self.assertEqual(parse_options6(data[HEADER6_LENGTH:]), options)
        self.assertEqual(list(message.options), list(dict.fromkeys(code for code, _ in options)))
        for code in {code for code, _ in options} | {9}:
            wanted = [each for found, each in options if found == code]
            self.assertEqual(list(message.every(code)), wanted)
            self.assertEqual(message.options.get(code), wanted[0] if wanted else None)
            self.assertEqual(code in message.repeated, len(wanted) > 1)

    @relaxed
    @given(st.lists(relays(), min_size=1, max_size=4), messages6())
    def test_replies(self, path: list[Relay], answer: Message6) -> None:
        """A relayed answer mirrors each relay and is read on the client's side, and there only (rfc V6-31)."""
        inner = encode_message6(Message6(answer.type, answer.transaction_id, answer.pairs()))
        data = wrap_replies(path, inner)
        decoded = decode6(data, relayed=MessageType6.RELAY_REPL)
        self.assertEqual(list(decoded.pairs()), list(answer.pairs()))
        self.assertEqual([relay[:3] for relay in decoded.relays], [relay[:3] for relay in path])
        self.assertRaises(Malformed, decode6, data)

    def test_direct_answer(self) -> None:
        """An answer that passes no relay is not wrapped."""
        self.assertEqual(wrap_replies((), SEED), SEED)

    def test_header(self) -> None:
        """Type and transaction id stand where RFC 8415 puts them."""
        self.assertEqual(encode6(7, 0x010203, b"rest"), b"\x07\x01\x02\x03rest")
        self.assertEqual(SEED[:8].hex(), "031234560001000a")

    def test_value(self) -> None:
        """A message is equal to one with the same parts, and shows them."""
        self.assertNotEqual(MESSAGE, Message6(MESSAGE.type, MESSAGE.transaction_id, OPTIONS))
        self.assertNotEqual(MESSAGE, "message")
        self.assertIn("0x123456", repr(MESSAGE))

    def test_too_long(self) -> None:
        """What does not fit into an option is refused."""
        self.assertEqual(len(option6(17, bytes(65535))), 65539)
        self.assertRaises(ValueError, option6, 17, bytes(65536))
        self.assertRaises(ValueError, wrap_replies, [Relay(0, LINK, PEER, {}, {})], bytes(65536))


class Relays(SynchronousTestCase):
    """Messages in messages of relay agents (RFC 8415 section 19)."""

    def test_order(self) -> None:
        """The first relay is the one closest to the server (Kea D034)."""
        hops = [relay.hop_count for relay in decode6(relayed(SEED, (0, 1, 2))).relays]
        self.assertEqual(hops, [2, 1, 0])

    def test_fields(self) -> None:
        """Addresses and options of a relay are read, the relayed message is not among them; :: is fine (rfc V6-33)."""
        relay = Relay(3, UNSPECIFIED, PEER, {18: b"eth0", 37: b"\0\0\0\x09id"}, {})
        message = Message6(1, 2, [(1, DUID)], [relay])
        self.assertEqual(decode6(encode_message6(message)).relays, (relay,))

    def test_depth(self) -> None:
        """32 relays are followed, more are refused (rfc V6-32, CVE-2023-28231)."""
        for count in range(41):
            data = relayed(SEED, range(count))
            if count > RELAYS_MAXIMUM:
                self.assertIn("more than 32", str(self.assertRaises(Malformed, decode6, data)))
            else:
                self.assertEqual(len(decode6(data).relays), count)

    def test_hop_counts(self) -> None:
        """A relay's hop count is its own affair."""
        for hop in (0, 8, 31, 32, 255):
            self.assertEqual(decode6(relayed(SEED, (hop,))).relays[0].hop_count, hop)

    def test_refused(self) -> None:
        """A relay brings exactly one message, whole, and no answer (rfc V6-34, hostile.md #4560)."""
        one = relayed(SEED)
        truncated = (
            "0c00fd4a3b1c8d9e00230000000000000001fe80000000000000deadbeefcafe000100120007683031706f7274000900170c00"
            "00000000000000000000000000000000deadbeef02"
        )
        for data, reason in (
            (one[:34], "no message"),
            (one[:34] + option6(18, b"eth0"), "no message"),
            (one + option6(9, SEED), "more than one"),
            (relayed(b""), "no message"),
            (relayed(SEED[:3]), "less than 4 bytes"),
            (relayed(one[:33]), "33 bytes are too short"),
            (bytes.fromhex(truncated), "23 bytes are too short"),
            (relayed(SEED, kind=13), "type 13 in place of 12"),
            (relayed(relayed(SEED, kind=13)), "type 13 in place of 12"),
            (relayed(relayed(SEED), kind=13), "type 13 in place of 12"),
            (one[:33], "33 bytes are too short"),
            (one + b"\0", "past the end"),
            (one[:-1], "past the end"),
        ):
            for lenient in (False, True):
                if lenient and data == one + b"\0":
                    continue
                error = self.assertRaises(Malformed, decode6, data, lenient)
                self.assertIn("no message" if lenient and data == one[:-1] else reason, str(error))

    def test_mirrored(self) -> None:
        """Interface-id and relay source port go back, other options do not (rfc V6-31, V6-35)."""
        relay = Relay(1, LINK, PEER, {18: b"eth0", 135: b"\x30\x39", 37: b"\0\0\0\x09id", 79: b"\0\1abcdef"}, {})
        (mirrored,) = decode6(wrap_replies([relay], SEED), relayed=13).relays
        self.assertEqual(mirrored, relay._replace(options={18: b"eth0", 135: b"\x30\x39"}))

    def test_echoed(self) -> None:
        """What the echo request option asks for goes back, each once (RFC 4994)."""
        asked = b"".join(code.to_bytes(2, "big") for code in (37, 18, 37, 9, 43, 53, 38, 17))
        options = {43: asked, 18: b"eth0", 37: b"\0\0\0\x09id", 38: b"me", 79: b"\0\1abcdef", 17: b"\0\0\0\x01"}
        relay = Relay(0, LINK, PEER, options, {17: [b"\0\0\0\x01", b"\0\0\0\x02"]})
        (mirrored,) = decode6(wrap_replies([relay], SEED), relayed=13).relays
        self.assertEqual(mirrored.options, {code: options[code] for code in (18, 37, 38, 17)})
        self.assertEqual(mirrored.repeated, relay.repeated)


class Refusals(SynchronousTestCase):
    """What is dropped (rfc V6-07, V6-38)."""

    def assertMalformed(self, data: bytes, reason: str, lenient: bool = False) -> None:
        error = self.assertRaises(Malformed, decode6, data, lenient)
        self.assertIn(reason, str(error))

    def test_short(self) -> None:
        """No message is shorter than its header; one without options is for others to judge."""
        for length in range(4):
            self.assertMalformed(SEED[:length], f"{length} bytes are too short")
        self.assertEqual(decode6(SEED[:4]).options, {})

    def test_unknown_type(self) -> None:
        """An unknown type is no damage: the exchange counts and drops it."""
        for kind in (0, 38, 255):
            self.assertEqual(decode6(encode6(kind, 1, b"")).type, kind)

    def test_identifiers(self) -> None:
        """Identifiers have 3 to 130 bytes and are not the empty DUID, whatever the leniency (CVE-2019-6472, #4533)."""
        for code in (1, 2):
            for length in (0, 1, 2, 131, 300, 400, 65000):
                for lenient in (False, True):
                    self.assertMalformed(HEADER + option6(code, b"\1" * length), f"option {code} has {length}", lenient)
            for lenient in (False, True):
                self.assertMalformed(HEADER + option6(code, bytes(3)), "empty DUID", lenient)
            for length in (3, 130):
                decode6(HEADER + option6(code, b"\1" * length))
            self.assertMalformed(relayed(HEADER + option6(code, bytes(131))), "131")

    def test_twice(self) -> None:
        """Two identifiers are visible to who decides (rfc V6-02)."""
        message = decode6(HEADER + option6(1, DUID) + option6(1, SERVER))
        self.assertEqual(message.repeated, {1: [DUID, SERVER]})
        self.assertEqual(message.options, {1: DUID})

    def test_past_the_end(self) -> None:
        """An option past the end drops the message; lenient reading ends before it (Kea C059)."""
        good = HEADER + option6(1, DUID)
        for tail in (b"\0", b"\0\x17\0", b"\0\x17\0\1", b"\0\x17\xff\xff" + bytes(100), b"\0\1\0\x0a\0"):
            self.assertMalformed(good + tail, "past the end")
            self.assertEqual(decode6(good + tail, lenient=True).options, {1: DUID})

    def test_lengths(self) -> None:
        """An option of a wrong length drops the message; lenient reading leaves it out (hostile.md #4626)."""
        for code, length in (
            (32, 5), (82, 3), (83, 0), (7, 2), (8, 1), (8, 3), (14, 1), (6, 3), (3, 11), (25, 11), (4, 3),
            (16, 3), (17, 0), (37, 3), (39, 0), (13, 1), (79, 1), (79, 23), (80, 15), (135, 0), (12, 4), (148, 1),
        ):  # fmt: skip
            data = HEADER + option6(code, bytes(length)) + option6(1, DUID)
            self.assertMalformed(data, f"option {code} has {length} bytes")
            self.assertEqual(decode6(data, lenient=True).options, {1: DUID})

    def test_every_scalar_is_checked(self) -> None:
        """Lengths are demanded of all standard options that have one and may stand in a message."""
        sizes = {"uint8": 1, "uint16": 2, "uint32": 4, "ipv6-address": 16}
        nothing = (14, 20, 148)
        for each in STANDARD6:
            if each.space != "dhcp6" or each.array:
                continue
            size = 0 if each.code in nothing else sizes.get(each.kind)
            if size is not None and each.code not in (4, 17):  # further options follow
                self.assertEqual(dhcp6._LENGTHS[each.code], range(size, size + 1), each.name)

    def test_misplaced(self) -> None:
        """An option in the wrong place is no damage (rfc V6-39)."""
        self.assertEqual(decode6(HEADER + option6(5, b"") + option6(26, b"x")).options, {5: b"", 26: b"x"})

    def test_nesting(self) -> None:
        """Ten options may stand in one another, more are refused without recursion (hostile.md #4565)."""
        for codes in ((45,), (94,), (3, 5), (25, 26), (3, 5, 25, 26, 45)):
            for depth in (1, 9, 10, 11, 12, 1000):
                data = HEADER + nested((codes * depth)[:depth])
                if depth > 10:
                    self.assertMalformed(data, "more than 10 deep")
                    self.assertMalformed(data, "more than 10 deep", lenient=True)
                else:
                    decode6(data)
        self.assertMalformed(relayed(HEADER + nested((45,) * 11)), "more than 10 deep")
        self.assertMalformed(HEADER + nested((45,) * 15000), "more than 10 deep")

    def test_in_dhcpv6(self) -> None:
        """An empty or blank DHCPv4 message in a DHCPV4-QUERY is damage to DHCPv4 (hostile.md #4576)."""
        for inner in (b"", bytes(50), bytes(300)):
            message = decode6(encode6(MessageType6.DHCPV4_QUERY, 0, option6(Option6.DHCPV4_MESSAGE, inner)))
            self.assertRaises(Malformed, decode4, message.options[Option6.DHCPV4_MESSAGE])


class Associations(SynchronousTestCase):
    """IA_NA and IA_PD (RFC 8415 sections 21.4, 21.6, 21.21, 21.22)."""

    @relaxed
    @given(st.sampled_from((3, 25)).flatmap(ias), st.booleans())
    def test_round_trip(self, ia: Ia, lenient: bool) -> None:
        """Every identity association is read as written; leniency changes nothing."""
        encoded = encode_ia(ia)
        self.assertEqual(int.from_bytes(encoded[2:4], "big"), len(encoded) - 4)
        self.assertEqual(read_ia(ia.code, encoded[4:], lenient), ia)

    def test_written(self) -> None:
        """The parts stand where RFC 8415 puts them."""
        block = ia_option(3, 1, 1000, INFINITY, address_option(ADDRESS, 3000, 4000, status_option(0)))
        expected = "0003002e00000001000003e8ffffffff0005001e" + ADDRESS.hex() + "00000bb800000fa0" + "000d00020000"
        self.assertEqual(block.hex(), expected)
        block = ia_option(25, 2, 0, 0, prefix_option(PREFIX, 48, 3000, 4000))
        expected = "00190029000000020000000000000000001a001900000bb800000fa030" + PREFIX.hex()
        self.assertEqual(block.hex(), expected)

    def test_short(self) -> None:
        """An identity association, address or prefix shorter than its fields is refused (CVE-2025-54318)."""
        for code, ia in ((3, IA_NA), (25, IA_PD)):
            whole = payload(ia)
            for length in range(len(whole)):
                if length == 12:
                    continue
                self.assertRaises(Malformed, read_ia, code, whole[:length])
                if length < 12:
                    self.assertRaises(Malformed, read_ia, code, whole[:length], lenient=True)
                else:
                    self.assertEqual(read_ia(code, whole[:length], lenient=True).resources, ())
            inner = option6(26 if code == 25 else 5, bytes(23))
            self.assertRaises(Malformed, read_ia, code, bytes(12) + inner)
            self.assertEqual(read_ia(code, bytes(12) + inner, lenient=True).resources, ())

    def test_others(self) -> None:
        """An option that does not belong inside is ignored, also the other kind's resource (rfc V6-39)."""
        inner = prefix_option(PREFIX, 48, 1, 2) + option6(3, b"") + address_option(ADDRESS, 1, 2)
        self.assertEqual(read_ia(3, bytes(12) + inner).resources, (Resource(ADDRESS, 1, 2),))
        self.assertEqual(read_ia(25, bytes(12) + inner).resources, (Resource(PREFIX, 1, 2, 48),))

    def test_prefix_length(self) -> None:
        """A prefix length beyond 128 is refused, or taken for 128 (rfc V6-28, hostile.md #4545)."""
        for length in (129, 200, 255):
            inner = bytes(12) + prefix_option(ADDRESS, length, 1, 2)
            self.assertRaises(Malformed, read_ia, 25, inner)
            self.assertEqual(read_ia(25, inner, lenient=True).resources, (Resource(ADDRESS, 1, 2, 128),))

    def test_host_bits(self) -> None:
        """Bits beyond a prefix's length are not part of it; a length alone is a hint too."""
        inner = bytes(12) + prefix_option(ADDRESS, 32, 1, 2) + prefix_option(UNSPECIFIED, 56, 0, 0)
        first, second = read_ia(25, inner).resources
        self.assertEqual(first.address, ADDRESS[:4] + bytes(12))
        self.assertEqual((second.address, second.length), (UNSPECIFIED, 56))

    def test_contradictions(self) -> None:
        """T1 beyond T2 and preferred beyond valid are told to who decides (rfc V6-21)."""
        for t1, t2, contradicts in ((0, 0, False), (1, 2, False), (2, 2, False), (3, 2, True), (3, 0, False)):
            self.assertEqual(Ia(3, 1, t1, t2).contradicts, contradicts)
        for preferred, valid, contradicts in ((0, 0, False), (1, 1, False), (2, 1, True), (INFINITY, INFINITY, False)):
            self.assertEqual(Resource(ADDRESS, preferred, valid).contradicts, contradicts)

    @relaxed
    @given(st.sampled_from((3, 25)), st.binary(max_size=120), st.booleans())
    def test_any_bytes(self, code: int, data: bytes, lenient: bool) -> None:
        """Any bytes are an identity association that can be written and read again, or `Malformed`."""
        try:
            ia = read_ia(code, data, lenient)
        except Malformed:
            return
        self.assertEqual(read_ia(code, payload(ia)), ia)

    def test_status(self) -> None:
        """A status has a code and any text (rfc V6-42)."""
        option = status_option(StatusCode.NO_BINDING, "gr\xfc\xdfe")
        self.assertEqual(read_status(option[4:]), Status(3, "gr\xfc\xdfe".encode()))
        self.assertEqual(read_status(b"\xff\xff\xff"), Status(0xFFFF, b"\xff"))
        for short in (b"", b"\0"):
            self.assertRaises(Malformed, read_status, short)
        ia = read_ia(3, bytes(12) + status_option(StatusCode.NO_ADDRS_AVAIL))
        self.assertEqual(ia.status, b"\0\2")


class ExcludedPrefixes(SynchronousTestCase):
    """Option 67 (RFC 6603; rfc V6-29)."""

    @relaxed
    @given(ipv6, st.integers(0, 127), st.data())
    def test_round_trip(self, address: bytes, length: int, data: st.DataObject) -> None:
        """Every longer prefix inside a delegated one is written in as few bytes as it takes, and read again."""
        excluded_length = data.draw(st.integers(length + 1, 128))
        value = int.from_bytes(address, "big")
        prefix = (value >> 128 - length << 128 - length).to_bytes(16, "big")
        excluded = (value >> 128 - excluded_length << 128 - excluded_length).to_bytes(16, "big")
        written = write_pd_exclude(prefix, length, excluded, excluded_length)
        self.assertEqual(len(written), 1 + (excluded_length - length - 1) // 8 + 1)
        self.assertEqual(read_pd_exclude(prefix, length, written), (excluded, excluded_length))

    def test_example(self) -> None:
        """The bits behind the delegated prefix's stand at the left."""
        prefix = bytes.fromhex("20010db8000000000000000000000000")
        excluded = bytes.fromhex("20010db800ab45600000000000000000")
        self.assertEqual(write_pd_exclude(prefix, 40, excluded, 60).hex(), "3cab4560")
        longer = prefix[:5] + b"\x80" + bytes(10)
        self.assertEqual(write_pd_exclude(longer, 41, excluded, 60).hex(), "3c568ac0")

    def test_refused(self) -> None:
        """A prefix that is not longer, or not inside, excludes nothing."""
        for excluded, length in ((PREFIX, 48), (PREFIX, 47), (PREFIX, 129), (LINK, 64)):
            self.assertRaises(ValueError, write_pd_exclude, PREFIX, 48, excluded, length)
        for written in ("", "38", "30", "3000", "2f00", "8100", "380000", "4000", "81" + "00" * 11):
            self.assertRaises(Malformed, read_pd_exclude, PREFIX, 48, bytes.fromhex(written))

    @relaxed
    @given(ipv6, st.integers(0, 128), st.binary(max_size=20))
    def test_any_bytes(self, address: bytes, length: int, written: bytes) -> None:
        """What is read lies inside the delegated prefix."""
        prefix = (int.from_bytes(address, "big") >> 128 - length << 128 - length).to_bytes(16, "big")
        try:
            excluded, excluded_length = read_pd_exclude(prefix, length, written)
        except Malformed:
            return
        again = write_pd_exclude(prefix, length, excluded, excluded_length)
        self.assertEqual(read_pd_exclude(prefix, length, again), (excluded, excluded_length))


class Hostility(SynchronousTestCase):
    """Whatever comes is read or refused, never anything else, and never slowly."""

    def test_classes(self) -> None:
        """Classes C01-C03 and C10-C15 raise nothing but `Malformed`; what is read can be written and read again."""
        seen = set()
        for name, data in packets6(SEED):
            seen.add(name)
            for lenient in (False, True):
                try:
                    message = decode6(data, lenient)
                except Malformed as error:
                    self.assertTrue(str(error).isprintable())
                    continue
                self.assertEqual(decode6(encode_message6(message)), message)
                self._read(message)
        self.assertEqual(seen, {"C01", "C02", "C03", "C10", "C11", "C12", "C13", "C14", "C15"})

    def _read(self, message: Message6) -> None:
        """Everything that is read of a message on its way."""
        wrap_replies(message.relays, b"answer")
        for code in (3, 25):
            for each in message.every(code)[:50]:
                try:
                    read_ia(code, each)
                except Malformed:
                    continue

    @settings(deadline=None, max_examples=300)
    @given(mutations(relayed(SEED, (0, 1))), st.booleans())
    def test_mutations(self, data: bytes, lenient: bool) -> None:
        """Random damage raises nothing but `Malformed`."""
        try:
            self._read(decode6(data, lenient))
        except Malformed as error:
            self.assertTrue(str(error).isprintable())

    @relaxed
    @given(st.binary(max_size=300))
    def test_any_options(self, tail: bytes) -> None:
        """Any bytes may follow the header; what is read strictly is what the obvious way reads."""
        try:
            message = decode6(HEADER + tail)
        except Malformed:
            return
        self.assertEqual(sorted(message.pairs()), sorted(reference(tail)))

    @relaxed
    @given(st.binary(max_size=60))
    def test_any_nested(self, data: bytes) -> None:
        """Any bytes are options in an option that can be written again, or `Malformed`."""
        try:
            options = parse_options6(data)
        except Malformed:
            return
        self.assertEqual(b"".join(option6(code, each) for code, each in options), data)

    def test_bounded(self) -> None:
        """The largest datagrams take milliseconds: 65527 bytes of the most expensive options each."""
        for unit in (
            option6(65535, b""),
            option6(3, bytes(12)),
            option6(3, bytes(12) + option6(5, bytes(24)) * 2),
            b"".join(option6(code, b"x" * 20) for code in range(200, 3000)),
            option6(6, b"\0\x17" * 30000),
            relayed(b"", range(32))[:-4],
        ):
            data = (HEADER + unit * (65527 // len(unit) + 1))[:65527]
            start = perf_counter()
            try:
                self._read(decode6(data, lenient=True))
            except Malformed:
                pass
            self.assertLess(perf_counter() - start, 0.5)
