"""`txkea.wire.cursor` and `txkea.wire.names`: reading in bounds, domain names, the FQDN option."""

from __future__ import annotations

from time import perf_counter

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.errors import Malformed
from txkea.testing import malformed
from txkea.testing.strategies import names
from txkea.wire.cursor import Cursor
from txkea.wire.names import (
    FQDN_E,
    FQDN_N,
    FQDN_S,
    Fqdn4,
    Name,
    decode_fqdn4,
    decode_name,
    decode_names,
    encode_fqdn4,
    encode_name,
    encode_names,
    name_from_text,
    name_to_text,
)

relaxed = settings(deadline=None)


class Cursors(SynchronousTestCase):
    """A cursor reads what is there and not one byte more."""

    @relaxed
    @given(st.binary(max_size=40), st.lists(st.integers(0, 12), max_size=8))
    def test_takes(self, data: bytes, lengths: list[int]) -> None:
        """Taking gives the bytes in order, and refuses exactly what runs past the end."""
        cursor = Cursor(data)
        position = 0
        for length in lengths:
            if position + length > len(data):
                self.assertRaises(Malformed, cursor.take, length)
                continue
            self.assertEqual(cursor.take(length), data[position : position + length])
            position += length
        self.assertEqual(cursor.remaining, len(data) - position)
        self.assertEqual(cursor.rest(), data[position:])

    def test_numbers(self) -> None:
        """Integers are unsigned and in network order, prefixed bytes follow their length."""
        cursor = Cursor(b"..\xff\x01\x02\x02ab\0\1c", 2)
        self.assertEqual(
            (cursor.uint(1), cursor.uint(2), cursor.prefixed(1), cursor.prefixed(2)), (255, 258, b"ab", b"c")
        )

    def test_within(self) -> None:
        """Within n bytes nothing beyond can be read, and all of them must be."""
        cursor = Cursor(b"abcdef")
        with cursor.within(4):
            self.assertEqual((cursor.take(2), cursor.remaining), (b"ab", 2))
            with cursor.within(2):
                self.assertRaises(Malformed, cursor.take, 3)
                self.assertEqual(cursor.rest(), b"cd")
        self.assertEqual(cursor.rest(), b"ef")

    def test_within_leaves_nothing(self) -> None:
        """Leaving bytes behind is an error, and so is wanting more than there are."""
        cursor = Cursor(b"abcdef")
        with self.assertRaises(Malformed), cursor.within(4):
            cursor.take(3)
        with self.assertRaises(Malformed), Cursor(b"abc").within(4):
            self.fail("entered")


class Text(SynchronousTestCase):
    """Names in presentation format."""

    @relaxed
    @given(names())
    def test_round_trip(self, name: Name) -> None:
        """Every name is printable text that reads as the same name, with or without its final dot."""
        text = name_to_text(name)
        self.assertTrue(text.isascii() and text.isprintable())
        self.assertEqual(name_from_text(text), name)
        if name:
            self.assertEqual(name_from_text(text[:-1]), name)

    @relaxed
    @given(st.text(max_size=80))
    def test_any_text(self, text: str) -> None:
        """Any text is a name that can be encoded, or a ValueError."""
        try:
            name = name_from_text(text)
        except ValueError:
            return
        self.assertEqual(decode_name(encode_name(name))[0], name)

    def test_escapes(self) -> None:
        """Dots and bytes can be escaped."""
        self.assertEqual(name_from_text(r"a\.b.\099\255"), (b"a.b", b"c\xff"))
        self.assertEqual(name_to_text((b"a.b", b" ")), r"a\.b.\032.")

    def test_refused(self) -> None:
        """What is no name is refused with the reason."""
        for text, reason in (
            ("", "empty"),
            ("a..b", "label of 0 bytes"),
            (".a", "label of 0 bytes"),
            ("x" * 64, "label of 64 bytes"),
            (".".join(["x" * 63] * 4), "257 bytes"),
            ("caf\xe9", "not ASCII"),
            ("a\\", "escapes nothing"),
            ("a\\\xe9", "escapes nothing"),
            ("\\256", "three digits"),
            ("\\25", "three digits"),
            ("\\\u0661\u0661\u0661", "three digits"),
        ):
            self.assertIn(reason, str(self.assertRaises(ValueError, name_from_text, text)), text)

    def test_longest(self) -> None:
        """255 bytes on the wire are allowed."""
        text = ".".join(["x" * 63] * 3 + ["y" * 61])
        self.assertEqual(len(encode_name(name_from_text(text))), 255)


class Wire(SynchronousTestCase):
    """Names in bytes."""

    @relaxed
    @given(st.lists(names(), max_size=6).map(tuple), st.booleans(), st.booleans())
    def test_round_trip(self, many: tuple[Name, ...], compress: bool, compressed: bool) -> None:
        """Lists of names are read as written, compressed or not; compression never makes them longer."""
        wire = encode_names(many, compress)
        if compress <= compressed:
            self.assertEqual(decode_names(wire, compressed), many)
        self.assertLessEqual(len(wire), len(encode_names(many)))

    def test_compression(self) -> None:
        """The example of RFC 3397: the second name points into the first."""
        wire = encode_names([name_from_text("eng.apple.com."), name_from_text("marketing.apple.com.")], compress=True)
        self.assertEqual(wire, b"\3eng\5apple\3com\0\tmarketing\xc0\4")

    def test_where_it_ends(self) -> None:
        """A name says where it ends, behind its pointer if it has one."""
        wire = b"\1a\0\1b\xc0\0rest"
        self.assertEqual(decode_name(wire, 3, compressed=True), ((b"b", b"a"), 7))

    def test_pointers(self) -> None:
        """A pointer to itself, forward, in a circle or where none is allowed is refused (CVE-2020-7461)."""
        for text in ("c000", "c002c000", "0161c000", "02c001000141c001", "c0", "0161c00401620001"):
            self.assertRaises(Malformed, decode_names, bytes.fromhex(text), compressed=True)
        self.assertRaises(Malformed, decode_names, b"\1a\0\xc0\0")

    def test_hostile(self) -> None:
        """Class C14 raises nothing but `Malformed`, in text or as names, and takes no time to speak of."""
        start = perf_counter()
        for _, data in malformed.names():
            for compressed in (False, True):
                try:
                    many = decode_names(data, compressed)
                except Malformed:
                    continue
                for name in many:
                    self.assertEqual(name_from_text(name_to_text(name)), name)
        self.assertLess(perf_counter() - start, 1)

    @settings(deadline=None, max_examples=300)
    @given(st.binary(max_size=60), st.booleans())
    def test_any_bytes(self, data: bytes, compressed: bool) -> None:
        """Any bytes are names that can be written again, or `Malformed`."""
        try:
            many = decode_names(data, compressed)
        except Malformed:
            return
        self.assertEqual(decode_names(encode_names(many)), many)

    def test_many_pointers(self) -> None:
        """64 KB of pointers do not stand for a million labels."""
        chain = b"\1a" * 120 + b"\0" + b"\xc0\0" * 30000
        start = perf_counter()
        self.assertRaises(Malformed, decode_names, chain, compressed=True)
        self.assertLess(perf_counter() - start, 0.5)


class Option81(SynchronousTestCase):
    """The FQDN option (RFC 4702; rfc V4-58, V4-59)."""

    @relaxed
    @given(names(), st.integers(0, 15), st.booleans(), st.integers(0, 255))
    def test_wire_form(self, name: Name, flags: int, partial: bool, rcode: int) -> None:
        """In wire form (E=1) every name survives, partial or not."""
        fqdn = Fqdn4(flags | FQDN_E, name, partial, rcode, 255 - rcode)
        self.assertEqual(decode_fqdn4(encode_fqdn4(fqdn)), fqdn)

    @relaxed
    @given(st.lists(st.from_regex(rb"[a-z0-9-]{1,20}", fullmatch=True), max_size=4).map(tuple), st.booleans())
    def test_ascii_form(self, name: Name, partial: bool) -> None:
        """In ASCII (E=0) every host name survives; a final dot says that it is complete."""
        fqdn = Fqdn4(FQDN_S, name, partial)
        self.assertEqual(decode_fqdn4(encode_fqdn4(fqdn)), fqdn)

    def test_examples(self) -> None:
        """The forms that clients send."""
        for field, text in (
            (b"\4\0\0\4host", "host"),
            (b"\4\0\0\4host\3lan\0", "host.lan."),
            (b"\0\0\0host.lan", "host.lan"),
        ):
            self.assertEqual(decode_fqdn4(field).text, text)
        self.assertEqual(decode_fqdn4(b"\0\0\0host\0").text, "host")
        self.assertEqual(decode_fqdn4(b"\4\0\0").text, "")
        self.assertEqual(decode_fqdn4(b"\0\0\0").text, "")

    def test_flags_as_sent(self) -> None:
        """N with S is contradictory, and visible to who decides; bits that must be zero are ignored."""
        self.assertEqual(decode_fqdn4(b"\xf9\0\0").flags, FQDN_N | FQDN_S)

    def test_refused(self) -> None:
        """Labels beyond 63 bytes, empty ones, pointers and bytes after the name are refused (CVE-2022-2929)."""
        for field in (
            b"",
            b"\4\0",
            b"\4\0\0\x40" + b"x" * 64,
            b"\4\0\0\xff",
            b"\4\0\0\5host",
            b"\4\0\0\1a\xc0\0",
            b"\4\0\0\1a\0\1b\0",
            b"\0\0\0a..b",
            b"\0\0\0.a",
            b"\0\0\0" + b"x" * 64,
            b"\0\0\0" + b".".join([b"x" * 63] * 4),
        ):
            self.assertRaises(Malformed, decode_fqdn4, field)

    @relaxed
    @given(st.binary(max_size=300))
    def test_any_bytes(self, payload: bytes) -> None:
        """Any payload is an option that can be written again, or `Malformed`."""
        try:
            fqdn = decode_fqdn4(payload)
        except Malformed:
            return
        self.assertEqual(decode_fqdn4(encode_fqdn4(fqdn)), fqdn)
        self.assertTrue(fqdn.text.isprintable())
