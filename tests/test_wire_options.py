"""`txkea.wire.options`, `fields`, `definitions` and `standard4`: options in text, in values and in bytes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.errors import Malformed
from txkea.testing import malformed
from txkea.testing.strategies import definitions, ipv4, names, option_values, routes
from txkea.wire.definition import OptionDefinition
from txkea.wire.definitions import Definitions, define
from txkea.wire.dhcp4 import decode4
from txkea.wire.names import Name, name_to_text
from txkea.wire.options import (
    Route,
    decode_text,
    encode_hex,
    encode_text,
    parse_suboptions,
    parse_tuples,
    parse_vendor,
    read,
    validate,
    write,
    write_suboptions,
    write_tuples,
    write_vendor,
)
from txkea.wire.standard4 import AGENT_SPACE, STANDARD4

relaxed = settings(deadline=None)


def of_type(kind: str, encapsulates: str = "") -> OptionDefinition:
    """A definition of an option with fields as a table row writes them."""
    return next(iter(define("dhcp4", [(224, "example", kind, encapsulates)])))


def standard(name: str, space: str = "dhcp4") -> OptionDefinition:
    definition = STANDARD4.by_name(space, name)
    assert definition is not None
    return definition


def payloads(definition: OptionDefinition) -> st.SearchStrategy[bytes]:
    """Bytes that may or may not be what a definition says."""
    return st.one_of(st.binary(max_size=40), option_values(definition).map(lambda values: write(definition, values)))


class Values(SynchronousTestCase):
    """Typed reading and writing."""

    @relaxed
    @given(st.data(), definitions(), st.sampled_from((4, 6)))
    def test_round_trip(self, data: st.DataObject, definition: OptionDefinition, family: int) -> None:
        """Values of any valid definition are read as written, in both families."""
        validate(definition)
        values = data.draw(option_values(definition))
        self.assertEqual(read(definition, write(definition, values, family), family), values)

    @relaxed
    @given(st.data(), definitions())
    def test_text_round_trip(self, data: st.DataObject, definition: OptionDefinition) -> None:
        """What is printed from an option gives the same option when it is configured, unless it had to be in hex."""
        payload = data.draw(payloads(definition))
        text = decode_text(definition, payload)
        self.assertTrue(text.isprintable())
        if text == payload.hex():
            return
        try:
            values = read(definition, payload)
        except Malformed:
            self.fail(f"{payload.hex()} was printed as {text}")
        if any(value != value.strip() or value.endswith(b"\\") for value in values if isinstance(value, bytes)):
            return  # blanks around a value and a backslash before a comma cannot be written in text
        if b"" in values:
            return
        self.assertEqual(read(definition, encode_text(definition, text)), values)

    @relaxed
    @given(st.sampled_from(list(STANDARD4)), st.binary(max_size=300))
    def test_any_payload(self, definition: OptionDefinition, payload: bytes) -> None:
        """Whatever a client puts into a standard option is values or `Malformed`, and always printable."""
        try:
            values = read(definition, payload)
        except Malformed:
            self.assertEqual(decode_text(definition, payload), payload.hex())
            return
        self.assertTrue(decode_text(definition, payload).isprintable())
        if definition.kind != "empty" and not definition.encapsulates:
            self.assertEqual(read(definition, write(definition, values)) if values else (), values)

    def test_hostile(self) -> None:
        """The options of every damaged packet that is read at all can be printed and read."""
        seed = bytes.fromhex("0101060000000001") + b"\0" * 20 + bytes.fromhex("020000000001") + b"\0" * 202
        for _, packet in malformed.packets4(seed + bytes.fromhex("638253633501010c04686f73745206010465746830ff")):
            try:
                options = decode4(packet, lenient=True).options
            except Malformed:
                continue
            for code, payload in options.items():
                definition = STANDARD4.by_code("dhcp4", code)
                if definition:
                    self.assertTrue(decode_text(definition, payload).isprintable())

    def test_leftover(self) -> None:
        """Bytes after the fields are malformed, unless they are encapsulated options."""
        self.assertRaises(Malformed, read, of_type("uint8"), b"\1\2")
        self.assertEqual(read(of_type("uint8", "space"), b"\1\2"), (1,))

    def test_malformed_fields(self) -> None:
        """Fields that say what cannot be are malformed."""
        for kind, payload in (
            ("boolean", b"\2"),
            ("uint16", b"\1"),
            ("ipv6-prefix", b"\x81" + b"x" * 17),
            ("psid", b"\x11\0\0"),
            ("tuple", b"\5abc"),
            ("fqdn", b"\1a"),
            ("fqdn", b"\x40" + b"a" * 64 + b"\0"),
            ("fqdn", b"\1a\xc0\0"),
            ("uint8, uint16[]", b"\1\0"),
        ):
            self.assertRaises(Malformed, read, of_type(kind), payload)

    def test_wrong_values(self) -> None:
        """Values that do not fit are refused, not cut."""
        for kind, value in (
            ("uint8", 256),
            ("int8", -129),
            ("ipv4-address", b"abc"),
            ("ipv6-prefix", (b"\xff" * 16, 8)),
            ("psid", (16, 4)),
            ("tuple", b"x" * 256),
            ("fqdn", "a..b"),
        ):
            self.assertRaises(ValueError, write, of_type(kind), [value])
        self.assertRaises(ValueError, write, of_type("uint8"), [1, 2])

    def test_family(self) -> None:
        """A tuple's length has one byte in DHCPv4, two in DHCPv6 (Kea C040)."""
        self.assertEqual(encode_text(of_type("tuple[]"), "ab, c"), b"\2ab\1c")
        self.assertEqual(encode_text(of_type("tuple[]"), "ab, c", family=6), b"\0\2ab\0\1c")

    def test_trailing_nul(self) -> None:
        """A NUL at the end is not part of a string (RFC 2132 section 2)."""
        self.assertEqual(read(of_type("string"), b"host\0\0"), (b"host",))


class Text(SynchronousTestCase):
    """Options as an operator writes them (Kea C037-C042)."""

    def test_examples(self) -> None:
        """Each kind takes the forms that Kea documents."""
        for kind, text, payload in (
            ("boolean", "True", "01"),
            ("boolean", "0", "00"),
            ("int8", "-1", "ff"),
            ("int32", " -3600 ", "fffff1f0"),
            ("uint16", "0xFF", "00ff"),
            ("uint8[]", "32,42 , 1", "202a01"),
            ("ipv4-address[]", "192.0.2.1,10.0.0.1", "c00002010a000001"),
            ("ipv6-address", "2001:db8::1", "20010db8000000000000000000000001"),
            ("ipv6-prefix", "2001:db8:8000::/33", "2120010db880"),
            ("ipv6-prefix", "::/0", "00"),
            ("psid", "3/4", "043000"),
            ("psid", "0/0", "000000"),
            ("psid", "65535/16", "10ffff"),
            ("string", r"EST5EDT4\,M3.2.0/02:00", b"EST5EDT4,M3.2.0/02:00".hex()),
            ("string", r"C:\boot", rb"C:\boot".hex()),
            ("tuple", "ab", "026162"),
            ("fqdn", "example.org", "076578616d706c65036f726700"),
            ("uint8, binary", "0, 1A BB a:d".replace("a:d", "0d"), "001abb0d"),
            ("boolean, string", "true, slp-scope", "01" + b"slp-scope".hex()),
            ("uint8, ipv4-address[]", "1, 192.0.2.1, 192.0.2.2", "01c0000201c0000202"),
            ("empty", "", ""),
        ):
            self.assertEqual(encode_text(of_type(kind), text).hex(), payload, (kind, text))

    def test_refused(self) -> None:
        """What is wrong is refused, and the error says what would be right."""
        for kind, text, reason in (
            ("boolean", "yes", "true, false, 1 or 0"),
            ("uint8", "256", "from 0 to 255"),
            ("uint8", "-1", "from 0 to 255"),
            ("int8", "-129", "from -128 to 127"),
            ("uint8", "0x", "0x number"),
            ("uint8", "\uff11", "0x number"),
            ("uint32", "1_0", "0x number"),
            ("uint32", "9" * 5000, "0x number"),
            ("ipv4-address", "192.0.2", "like 192.0.2.1"),
            ("ipv4-address", "2001:db8::1", "like 192.0.2.1"),
            ("ipv6-address", "fe80::1%eth0", "like 2001:db8::1"),
            ("ipv6-prefix", "2001:db8::1/32", "write 2001:db8::/32"),
            ("ipv6-prefix", "2001:db8::", "like 2001:db8::/32"),
            ("ipv6-prefix", "::/129", "from 0 to 128"),
            ("psid", "16/4", "from 0 to 15"),
            ("psid", "1/0", "from 0 to 0"),
            ("psid", "1/17", "from 0 to 16"),
            ("psid", "1", "like 3/4"),
            ("binary", "xy", "digits 0-9 and a-f"),
            ("string", "a, b", r"\\,"),
            ("string", "", "no values"),
            ("uint8[]", " ", "no values"),
            ("uint8, uint8", "1", "takes uint8, uint8"),
            ("uint8, uint8", "1, 2, 3", "3 values"),
            ("tuple", "x" * 256, "at most 255"),
            ("fqdn", "a..b", "1 to 63"),
            ("empty", "text", "no data"),
        ):
            error = self.assertRaises(ValueError, encode_text, of_type(kind), text)
            self.assertIn(reason, str(error), (kind, text))

    def test_hex(self) -> None:
        """Hexadecimal comes as digits, as octets with colons or spaces, or as quoted text (Kea C042)."""
        for text, payload in (
            ("", b""),
            ("0x", b""),
            ("abc", b"\x0a\xbc"),
            ("0xABCD", b"\xab\xcd"),
            ("a:b:0c", b"\x0a\x0b\x0c"),
            (" C0 0 2 01 ", b"\xc0\0\2\1"),
            ("'text, with'", b"text, with"),
            ("''", b""),
            ("'caf\xe9'", "caf\xe9".encode()),
        ):
            self.assertEqual(encode_hex(text), payload, text)
        for text in ("xyz", "abc:de", "a::b", "a  b", "0xab:cd", "'", "'abc", "\uff11", ":"):
            self.assertRaises(ValueError, encode_hex, text)

    @relaxed
    @given(st.binary(max_size=300))
    def test_hex_round_trip(self, payload: bytes) -> None:
        """Bytes survive every form of hexadecimal."""
        for text in (payload.hex(), "0x" + payload.hex(), payload.hex(":"), payload.hex(" ").upper()):
            self.assertEqual(encode_hex(text), payload)

    def test_unprintable(self) -> None:
        """What cannot be printed is shown in hexadecimal: no control character reaches a log."""
        self.assertEqual(decode_text(of_type("string"), b"a\nb"), "610a62")
        self.assertEqual(decode_text(of_type("string"), b"\xff"), "ff")
        self.assertEqual(decode_text(of_type("uint8"), b""), "")
        self.assertEqual(decode_text(of_type("empty"), b"ab"), "6162")


class Special(SynchronousTestCase):
    """Options with a syntax of their own."""

    ROUTES = standard("classless-static-route")
    SEARCH = standard("domain-search")

    def test_routes(self) -> None:
        """Routes are written as 'subnet - router' and carry significant octets only (RFC 3442, Kea C004)."""
        text = "0.0.0.0/0 - 192.0.2.1, 10.0.0.0/8 - 192.0.2.2, 10.17.0.0/16 - 192.0.2.2, 10.27.129.128/25 - 192.0.2.3"
        payload = encode_text(self.ROUTES, text.replace(" - ", "-", 1))
        self.assertEqual(payload.hex(), "00c0000201080ac0000202100a11c0000202190a1b8180c0000203")
        self.assertEqual(decode_text(self.ROUTES, payload), text)

    @relaxed
    @given(st.lists(routes, min_size=1, max_size=6))
    def test_routes_round_trip(self, many: list[Route]) -> None:
        """Every route survives, as value and as text."""
        payload = write(self.ROUTES, many)
        self.assertEqual(read(self.ROUTES, payload), tuple(many))
        self.assertEqual(encode_text(self.ROUTES, decode_text(self.ROUTES, payload)), payload)

    def test_routes_refused(self) -> None:
        """Masks beyond 32 and host bits are refused (rfc V4-56)."""
        for text, reason in (
            ("10.0.0.0/33 - 192.0.2.1", "at most 32"),
            ("10.0.0.0/64 - 192.0.2.1", "at most 32"),
            ("10.1.0.0/8 - 192.0.2.1", "write 10.0.0.0/8 - 192.0.2.1"),
            ("10.0.0.0 - 192.0.2.1", "like 10.0.0.0/8 - 192.0.2.1"),
            ("10.0.0.0/8", "like 10.0.0.0/8 - 192.0.2.1"),
            ("", "like 10.0.0.0/8 - 192.0.2.1"),
        ):
            self.assertIn(reason, str(self.assertRaises(ValueError, encode_text, self.ROUTES, text)))
        for payload in (b"\x40\x0a\2\3\4", b"\x08\x0a\1\2\3", b"\x21" + b"x" * 9):
            self.assertRaises(Malformed, read, self.ROUTES, payload)
            self.assertEqual(decode_text(self.ROUTES, payload), payload.hex())

    def test_routes_by_operator(self) -> None:
        """An operator's own definition of 121, as older Kea needed it, is taken as it stands."""
        own = next(define("dhcp4", [(121, "routes", "uint8[]")]))
        self.assertEqual(encode_text(own, "8, 10, 192, 0, 2, 1"), b"\x08\x0a\xc0\0\2\1")

    @relaxed
    @given(st.lists(names(), min_size=1, max_size=6))
    def test_search_round_trip(self, many: list[Name]) -> None:
        """A search list is written compressed as one and read back (Kea C039, rfc V4-57)."""
        texts = tuple(name_to_text(name) for name in many)
        self.assertEqual(read(self.SEARCH, write(self.SEARCH, texts)), texts)

    def test_search(self) -> None:
        """Common tails are written once."""
        payload = encode_text(self.SEARCH, "eng.example.com, example.com")
        self.assertEqual(payload, b"\3eng\7example\3com\0\xc0\4")
        self.assertEqual(decode_text(self.SEARCH, payload), "eng.example.com., example.com.")
        self.assertRaises(ValueError, encode_text, self.SEARCH, "")

    def test_dnr(self) -> None:
        """Option 162 has no text form yet, and says so."""
        for text in ("100, dot.example.org", ""):
            error = self.assertRaises(ValueError, encode_text, standard("v4-dnr"), text)
            self.assertIn('"csv-format": false', str(error))
        self.assertEqual(decode_text(standard("v4-dnr"), b"\0\1"), "0001")


class Nested(SynchronousTestCase):
    """What stands inside options."""

    @relaxed
    @given(st.dictionaries(st.integers(1, 254), st.binary(max_size=600), max_size=6), st.booleans())
    def test_suboptions(self, options: dict[int, bytes], padded: bool) -> None:
        """Sub-options survive, split where they are longer than 255 bytes."""
        self.assertEqual(parse_suboptions(write_suboptions(options), padded), options)

    def test_padding(self) -> None:
        """0 and 255 are PAD and END in option 43, and codes like others in option 82."""
        payload = b"\0\1\1a\xff\2\1b"
        self.assertEqual(parse_suboptions(payload, padded=True), {1: b"a"})
        self.assertEqual(parse_suboptions(b"\0\1a\xff\1b"), {0: b"a", 255: b"b"})

    def test_overrun(self) -> None:
        """A sub-option past the end is malformed (rfc V4-46)."""
        for payload in (b"\1", b"\1\5ab", b"\1\1a\2", b"\1\xffab"):
            self.assertRaises(Malformed, parse_suboptions, payload)

    def test_split_anywhere(self) -> None:
        """Instances of one code are joined in their order (RFC 3396)."""
        self.assertEqual(parse_suboptions(b"\1\2ab\2\1x\1\1c"), {1: b"abc", 2: b"x"})

    @relaxed
    @given(st.dictionaries(st.integers(0, 0xFFFFFFFF), st.binary(max_size=600), max_size=5))
    def test_vendors(self, vendors: dict[int, bytes]) -> None:
        """The data of several enterprises survive (RFC 3925)."""
        self.assertEqual(parse_vendor(write_vendor(vendors)), vendors)

    def test_vendor_overrun(self) -> None:
        """What runs past the end is skipped, what stood before is kept (rfc V4-66)."""
        good = write_vendor({4491: b"\1\1a"})
        for tail in (b"\0", b"\0\0\0\1", b"\0\0\0\1\5ab"):
            self.assertEqual(parse_vendor(good + tail), {4491: b"\1\1a"})
        self.assertEqual(parse_vendor(b""), {})

    @relaxed
    @given(st.lists(st.binary(max_size=255), max_size=6).map(tuple), st.sampled_from((4, 6)))
    def test_tuples(self, tuples: tuple[bytes, ...], family: int) -> None:
        """Byte strings with lengths survive in both families."""
        self.assertEqual(parse_tuples(write_tuples(tuples, family), family), tuples)

    @relaxed
    @given(st.binary(max_size=100))
    def test_any_bytes(self, payload: bytes) -> None:
        """Any bytes are sub-options, vendors and tuples, or malformed."""
        parse_vendor(payload)
        for parse in (parse_suboptions, parse_tuples):
            try:
                parse(payload)
            except Malformed as error:
                self.assertIn("bytes wanted", str(error))


class Tables(SynchronousTestCase):
    """The standard definitions."""

    def test_counts(self) -> None:
        """As many options as Kea has (Kea C003, C036)."""
        counts = {space: sum(each.space == space for each in STANDARD4) for space in STANDARD4.spaces}
        expected = {"dhcp4": 125, AGENT_SPACE: 20, "cablelabs-client-conf": 9, "vendor-4491": 2}
        self.assertEqual(counts, expected)

    def test_lookup(self) -> None:
        """Every definition is found by code and by name, names being case sensitive (Kea C051)."""
        for each in STANDARD4:
            self.assertIs(STANDARD4.by_code(each.space, each.code), each)
            self.assertIs(STANDARD4.by_name(each.space, each.name), each)
        self.assertIsNone(STANDARD4.by_name("dhcp4", "Routers"))
        self.assertIsNone(STANDARD4.by_code("dhcp4", 255))

    def test_valid(self) -> None:
        """Every standard definition is valid, apart from the two with a syntax of their own."""
        for each in STANDARD4:
            if each.kind != "internal":
                validate(each)

    def test_extended(self) -> None:
        """An operator's definition takes the place of option 43's of last resort, and leaves the table alone (C046)."""
        own = OptionDefinition(code=43, name="own", space="dhcp4", kind="uint8")
        extended = STANDARD4.extended([own])
        self.assertIs(extended.by_code("dhcp4", 43), own)
        self.assertIs(extended.by_name("dhcp4", "own"), own)
        self.assertIs(extended.by_name("dhcp4", "routers"), standard("routers"))
        self.assertEqual(len(extended), len(STANDARD4))
        self.assertEqual(standard("vendor-encapsulated-options").encapsulates, "vendor-encapsulated-options-space")
        self.assertEqual(len(Definitions()), 0)

    def test_replaced(self) -> None:
        """What is replaced is still found by its name, however often, unless another has that."""
        own = OptionDefinition(code=43, name="own", space="dhcp4", kind="uint8")
        other = OptionDefinition(code=43, name="other", space="dhcp4", kind="string")
        extended = STANDARD4.extended([own]).extended([other])
        self.assertIs(extended.by_code("dhcp4", 43), other)
        self.assertIs(extended.by_name("dhcp4", "own"), own)
        self.assertIs(extended.by_name("dhcp4", "vendor-encapsulated-options"), standard("vendor-encapsulated-options"))
        moved = OptionDefinition(code=225, name="own", space="dhcp4", kind="uint8")
        self.assertIs(extended.extended([moved]).by_name("dhcp4", "own"), moved)

    def test_rows(self) -> None:
        """A row's type says record and array."""
        for kind, expected in (
            ("uint8", ("uint8", (), False)),
            ("uint8[]", ("uint8", (), True)),
            ("uint8, fqdn[]", ("record", ("uint8", "fqdn"), True)),
        ):
            definition = of_type(kind)
            self.assertEqual((definition.kind, definition.fields, definition.array), expected)

    def test_invalid(self) -> None:
        """A definition that could not be read back is refused with the reason (Kea C037, C041, C045)."""
        for kind, fields, array, encapsulates, reason in (
            ("uint64", (), False, "", "one of empty, binary"),
            ("internal", (), False, "", "unknown option type"),
            ("record", ("uint8",), False, "", "at least two fields"),
            ("record", ("uint8", "record"), False, "", "unknown option type 'record'"),
            ("record", ("uint8", "empty"), False, "", "type empty"),
            ("uint8", ("uint8",), False, "", "record-types is for records"),
            ("record", ("string", "uint8"), False, "", "only be a record's last"),
            ("string", (), True, "", "cannot repeat"),
            ("empty", (), True, "", "cannot repeat"),
            ("record", ("uint8", "binary"), True, "", "cannot repeat"),
            ("uint8", (), True, "other", "an array cannot encapsulate"),
            ("uint8", (), False, "dhcp4", "cannot encapsulate the space"),
        ):
            definition = OptionDefinition(
                code=224, name="own", space="dhcp4", kind=kind, fields=fields, array=array, encapsulates=encapsulates
            )
            self.assertIn(reason, str(self.assertRaises(ValueError, validate, definition)))

    @relaxed
    @given(ipv4)
    def test_agent_names(self, address: bytes) -> None:
        """Relay agent sub-options are known by name."""
        self.assertEqual(read(standard("link-selection", AGENT_SPACE), address), (address,))
        self.assertEqual(read(standard("relay-port", AGENT_SPACE), b""), ())
