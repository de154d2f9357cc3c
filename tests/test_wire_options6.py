"""What `txkea.wire` has for DHCPv6's options: `standard6`, `dnr`, names, vendors, and addresses in text."""

from __future__ import annotations

from ipaddress import IPv6Address

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.errors import Malformed
from txkea.testing import malformed
from txkea.testing.strategies import ipv4, ipv6, names, option_values
from txkea.wire.definition import OptionDefinition
from txkea.wire.dhcp6 import option6, parse_options6
from txkea.wire.dnr import Dnr6, read_dnr6, write_dnr6
from txkea.wire.duid import EMPTY_DUID, Duid
from txkea.wire.names import FQDN_N, FQDN_O, FQDN_S, Fqdn6, Name, decode_fqdn6, encode_fqdn6, encode_name
from txkea.wire.options import (
    decode_text,
    encode_text,
    parse_codes,
    parse_link_layer,
    parse_tuples,
    parse_vendor6,
    read,
    validate,
    write,
    write_tuples,
    write_vendor6,
)
from txkea.wire.standard6 import DOCSIS6_SPACE, ISC_SPACE, NTP_SPACE, STANDARD6
from txkea.wire.text import address_text

relaxed = settings(deadline=None)


def standard(name: str, space: str = "dhcp6") -> OptionDefinition:
    definition = STANDARD6.by_name(space, name)
    assert definition is not None, name
    return definition


class Tables(SynchronousTestCase):
    """The standard definitions."""

    def test_counts(self) -> None:
        """As many options as Kea has (Kea C002, C003)."""
        counts = {space: sum(each.space == space for each in STANDARD6) for space in STANDARD6.spaces}
        expected = {
            "dhcp6": 76, NTP_SPACE: 3, DOCSIS6_SPACE: 10, ISC_SPACE: 3, "s46-cont-mape-options": 2,
            "s46-cont-mapt-options": 2, "s46-cont-lw-options": 2, "s46-rule-options": 1, "s46-v4v6bind-options": 1,
        }  # fmt: skip
        self.assertEqual(counts, expected)

    def test_lookup(self) -> None:
        """Every definition is found by code and by name."""
        for each in STANDARD6:
            self.assertIs(STANDARD6.by_code(each.space, each.code), each)
            self.assertIs(STANDARD6.by_name(each.space, each.name), each)

    def test_valid(self) -> None:
        """Every standard definition is valid, apart from the one with a syntax of its own."""
        for each in STANDARD6:
            if each.kind != "internal":
                validate(each)

    def test_spaces(self) -> None:
        """What an option encapsulates is a space that is defined, and every inner space is encapsulated (Kea C034)."""
        encapsulated = {each.encapsulates for each in STANDARD6} - {""}
        self.assertEqual(encapsulated, STANDARD6.spaces - {"dhcp6", DOCSIS6_SPACE, ISC_SPACE})

    @relaxed
    @given(st.data(), st.sampled_from([each for each in STANDARD6 if each.kind != "internal"]))
    def test_round_trip(self, data: st.DataObject, definition: OptionDefinition) -> None:
        """Values of every standard option are read as written."""
        if definition.kind == "empty":
            values: tuple[object, ...] = ()
        else:
            values = data.draw(option_values(definition))
        self.assertEqual(read(definition, write(definition, values, 6), 6), values)

    def test_examples(self) -> None:
        """Options as an operator writes them."""
        for name, text, payload in (
            ("dns-servers", "2001:db8::1, 2001:db8::2", "20010db8" + "0" * 23 + "120010db8" + "0" * 23 + "2"),
            ("preference", "255", "ff"),
            ("status-code", "2, none left", "0002" + b"none left".hex()),
            ("domain-search", "a.example, example", "0161076578616d706c6500076578616d706c6500"),
            ("bootfile-param", "root=/dev/sda2, ro", "000e" + b"root=/dev/sda2".hex() + "0002726f"),
            ("pd-exclude", "2001:db8::/60", "3c20010db800000000"),
            ("rapid-commit", "", ""),
            ("vendor-class", "4491, 00096f", "0000118b00096f"),
            ("oro", "23, 24", "00170018"),
        ):
            definition = standard(name)
            self.assertEqual(encode_text(definition, text, 6).hex(), payload, name)
            self.assertEqual(
                encode_text(definition, decode_text(definition, bytes.fromhex(payload), 6), 6).hex(), payload
            )

    def test_refused(self) -> None:
        """What is wrong is refused, and the error says what would be right."""
        for name, text, reason in (
            ("pd-exclude", "::/ce", "from 0 to 128"),
            ("pd-exclude", "::/200", "from 0 to 128"),
            ("dns-servers", "192.0.2.1", "like 2001:db8::1"),
            ("dns-servers", "fe80::1%eth0", "like 2001:db8::1"),
            ("domain-search", "a..b", "1 to 63"),
            ("elapsed-time", "65536", "from 0 to 65535"),
        ):
            self.assertIn(reason, str(self.assertRaises(ValueError, encode_text, standard(name), text, 6)))

    def test_softwires(self) -> None:
        """A MAP-E container is built from its parts and read again (RFC 7598)."""
        ports = encode_text(standard("s46-portparams", "s46-rule-options"), "4, 3/4", 6)
        rule = encode_text(standard("s46-rule", "s46-cont-mape-options"), "1, 8, 24, 192.0.2.0, 2001:db8::/32", 6)
        container = option6(89, rule + option6(93, ports)) + option6(90, bytes(15) + b"\1")
        self.assertEqual(container.hex()[:24], "00590014010818c000020020")
        (_, whole), (_, border) = parse_options6(container)
        definition = standard("s46-rule", "s46-cont-mape-options")
        self.assertEqual(read(definition, whole, 6)[3:], (b"\xc0\0\2\0", (b"\x20\1\x0d\xb8" + bytes(12), 32)))
        self.assertEqual(read(standard("s46-br", "s46-cont-mape-options"), border, 6), (bytes(15) + b"\1",))
        self.assertEqual(read(standard("s46-portparams", "s46-rule-options"), ports, 6), (4, (3, 4)))

    def test_names_uncompressed(self) -> None:
        """A compressed domain name is refused wherever one may stand (rfc V6-40)."""
        for pointer in ("02c001000141c001", "c000", "0161c000"):
            for name in ("domain-search", "sip-server-dns", "aftr-name", "v6-lost", "nis-domain-name"):
                self.assertRaises(Malformed, read, standard(name), bytes.fromhex(pointer), 6)
            self.assertRaises(Malformed, decode_fqdn6, b"\0" + bytes.fromhex(pointer))


class Option39(SynchronousTestCase):
    """The FQDN option (RFC 4704; rfc V6-41)."""

    FLAGS = (FQDN_S, FQDN_O, FQDN_N)

    @relaxed
    @given(names(), st.sets(st.sampled_from(FLAGS)).map(sum), st.booleans())
    def test_round_trip(self, name: Name, flags: int, partial: bool) -> None:
        """Every name survives, partial or not, and so do the flags."""
        fqdn = Fqdn6(flags, name, partial)
        self.assertEqual(decode_fqdn6(encode_fqdn6(fqdn)), fqdn)

    def test_examples(self) -> None:
        """The forms that clients send, N being the third bit."""
        for field, flags, text in (
            (b"\0\4host", 0, "host"),
            (b"\1\4host\3lan\0", FQDN_S, "host.lan."),
            (b"\4\4host", FQDN_N, "host"),
            (b"\xff", FQDN_S | FQDN_O | FQDN_N, ""),
            (b"\2\0", FQDN_O, "."),
        ):
            fqdn = decode_fqdn6(field)
            self.assertEqual((fqdn.flags, fqdn.text), (flags, text))
        self.assertEqual(encode_fqdn6(Fqdn6(FQDN_N | FQDN_O, (b"a",), False)), b"\6\1a\0")

    def test_refused(self) -> None:
        """Labels beyond 63 bytes, names beyond 255 and bytes after the name are refused."""
        long = b"".join(encode_name((b"x" * 63,))[:-1] for _ in range(4))
        for field in (b"", b"\0\x40" + b"x" * 64, b"\0\xff", b"\0\5host", b"\0\1a\0\1b\0", b"\0" + long):
            self.assertRaises(Malformed, decode_fqdn6, field)

    def test_hostile(self) -> None:
        """Class C14 raises nothing but `Malformed`, and what is read is printable and can be written again."""
        for _, payload in malformed.names():
            try:
                fqdn = decode_fqdn6(b"\0" + payload)
            except Malformed:
                continue
            self.assertEqual(decode_fqdn6(encode_fqdn6(fqdn)), fqdn)
            self.assertTrue(fqdn.text.isprintable())

    @relaxed
    @given(st.binary(max_size=300))
    def test_any_bytes(self, payload: bytes) -> None:
        """Any payload is an option that can be written again, or `Malformed`."""
        try:
            fqdn = decode_fqdn6(payload)
        except Malformed:
            return
        self.assertEqual(decode_fqdn6(encode_fqdn6(fqdn)), fqdn)


class Resolvers(SynchronousTestCase):
    """Option 144 (RFC 9463; rfc V6-49)."""

    DNR = standard("v6-dnr")
    FULL = r"100, dot1.example.org., 2001:db8::1 2001:db8::2, alpn=dot\,doq port=8530 dohpath=/q{?dns} key65280=x"

    parameters = st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=20), max_size=4)

    @relaxed
    @given(st.integers(0, 0xFFFF), names(), st.lists(ipv6, max_size=3), parameters)
    def test_round_trip(self, priority: int, name: Name, addresses: list[bytes], parameters: dict[int, bytes]) -> None:
        """Every resolver is read as written; without addresses it has no parameters."""
        pairs = tuple(sorted(parameters.items())) if addresses else ()
        dnr = Dnr6(priority, name, tuple(addresses), pairs)
        self.assertEqual(read_dnr6(write_dnr6(dnr)), dnr)
        text = decode_text(self.DNR, write_dnr6(dnr), 6)
        self.assertTrue(text.isprintable())

    def test_text(self) -> None:
        """A resolver is written as in Kea."""
        payload = encode_text(self.DNR, self.FULL, 6)
        self.assertEqual(
            payload.hex(),
            "0064001204646f7431076578616d706c65036f7267000020"
            + "20010db8"
            + "0" * 23
            + "1"
            + "20010db8"
            + "0" * 23
            + "2"
            "0001000803646f7403646f71" + "000300022152" + "000700082f717b3f646e737d" + "ff00000178",
        )
        self.assertEqual(decode_text(self.DNR, payload, 6), self.FULL)
        alone = encode_text(self.DNR, "200, resolver.example.", 6)
        self.assertEqual(alone, b"\0\xc8" + b"\0\x12" + b"\x08resolver\7example\0")
        self.assertEqual(decode_text(self.DNR, alone, 6), "200, resolver.example.")

    def test_text_refused(self) -> None:
        """What is wrong is refused, and the error says what would be right."""
        for text, reason in (
            ("", "2 to 4 parts"),
            ("100", "2 to 4 parts"),
            ("100, a., ::1, alpn=dot, port=1", "2 to 4 parts"),
            ("x, a.", "0x number"),
            ("70000, a.", "from 0 to 65535"),
            ("100, a..b", "1 to 63"),
            ("100, a., 192.0.2.1", "like 2001:db8::1"),
            ("100, a., , alpn=dot", "has addresses too"),
            ("100, a., ::1, alpn=", "without a name"),
            ("100, a., ::1, port=x", "0x number"),
            ("100, a., ::1, port", "0x number"),
            ("100, a., ::1, tls=yes", "not a service parameter"),
            ("100, a., ::1, key1=x", "not a service parameter"),
            ("100, a., ::1, key65536=x", "not a service parameter"),
            ("100, a., ::1, key6=x", "address hint"),
            ("100, a., ::1, alpn=dot alpn=doq", "given twice"),
        ):
            error = self.assertRaises(ValueError, encode_text, self.DNR, text, 6)
            self.assertIn(reason, str(error), text)

    def test_hex(self) -> None:
        """What has no text form is shown in hexadecimal."""
        for parameters in (
            ((1, b"\3a,b"),),
            ((9, b"\xff"),),
            ((9, b"a b"),),
            ((9, b"\n"),),
            ((3, b"\0"),),
            ((1, b"\5a"),),
        ):
            payload = write_dnr6(Dnr6(1, (b"a",), (bytes(16),), parameters))
            self.assertEqual(decode_text(self.DNR, payload, 6), payload.hex())

    def test_refused(self) -> None:
        """Lengths that lie, addresses that are none and parameters out of order are refused."""
        name = "0001" + "0003016100"
        for tail in ("00", "0000", "000f" + "00" * 15, "0010" + "00" * 15, "0010" + "00" * 16 + "0001",
                     "0010" + "00" * 16 + "00010005", "0010" + "00" * 16 + "0003000000010000",
                     "0010" + "00" * 16 + "0001000000010000"):  # fmt: skip
            self.assertRaises(Malformed, read_dnr6, bytes.fromhex(name + tail))
        for text in ("", "0001", "00010003", "0001000301", "000100040161" + "0000", "00010002c000"):
            self.assertRaises(Malformed, read_dnr6, bytes.fromhex(text))

    @relaxed
    @given(st.binary(max_size=80))
    def test_any_bytes(self, payload: bytes) -> None:
        """Any payload is a resolver that can be written again, or `Malformed`."""
        try:
            dnr = read_dnr6(payload)
        except Malformed:
            return
        self.assertEqual(write_dnr6(dnr), payload)


class Nested(SynchronousTestCase):
    """What stands inside options of DHCPv6."""

    @relaxed
    @given(st.dictionaries(st.integers(0, 0xFFFFFFFF), st.binary(max_size=300), max_size=5))
    def test_vendors(self, vendors: dict[int, bytes]) -> None:
        """The data of several enterprises survive, one instance each."""
        instances = write_vendor6(vendors)
        self.assertEqual(len(instances), len(vendors))
        self.assertEqual(parse_vendor6(instances), vendors)

    def test_vendor_options(self) -> None:
        """Sub-options of vendor options have codes of two bytes; an enterprise's instances are joined."""
        modem = option6(1, b"\0\x20\0\x21") + option6(36, b"\0\x0c\1\2\3\4")
        joined = parse_vendor6(
            [b"\0\0\x11\x8b" + modem, b"\0\0\0\1x", b"\0\0\x11\x8b" + option6(1026, b"abcdef"), b"\0"]
        )
        self.assertEqual([code for code, _ in parse_options6(joined[4491])], [1, 36, 1026])
        self.assertEqual(joined[1], b"x")

    def test_vendor_class(self) -> None:
        """A vendor class holds strings after lengths of two bytes; one that runs past the end is malformed."""
        classes = (b"docsis3.0", b"")
        (payload,) = write_vendor6({4491: write_tuples(classes, 6)})
        self.assertEqual(payload.hex(), "0000118b0009" + b"docsis3.0".hex() + "0000")
        self.assertEqual(parse_tuples(parse_vendor6([payload])[4491], 6), classes)
        self.assertRaises(Malformed, parse_tuples, payload[4:-3], 6)

    def test_overrun(self) -> None:
        """An option in an option that runs past the end is malformed."""
        for payload in (b"\0", b"\0\1\0", b"\0\1\0\1", b"\0\1\0\5ab", b"\0\1\0\1a\0\2", b"\0\1\xff\xffab"):
            self.assertRaises(Malformed, parse_options6, payload)

    @relaxed
    @given(st.lists(st.integers(0, 0xFFFF), max_size=20).map(tuple))
    def test_codes(self, codes: tuple[int, ...]) -> None:
        """An option request is read as a sequence of codes; half a code is malformed."""
        payload = b"".join(code.to_bytes(2, "big") for code in codes)
        self.assertEqual(parse_codes(payload), codes)
        self.assertRaises(Malformed, parse_codes, payload + b"\0")

    def test_link_layer(self) -> None:
        """A link-layer address has up to 20 bytes after its type (rfc V6-36, CVE-2017-14493)."""
        self.assertEqual(parse_link_layer(b"\0\1abcdef"), (1, b"abcdef"))
        self.assertEqual(parse_link_layer(b"\0\x20" + b"x" * 20), (32, b"x" * 20))
        self.assertEqual(parse_link_layer(b"\0\1"), (1, b""))
        for payload in (b"", b"\0", b"\0\1" + b"x" * 21, b"\0\1" + b"x" * 300):
            self.assertRaises(Malformed, parse_link_layer, payload)

    def test_empty_duid(self) -> None:
        """The empty DUID is as short as a DUID may be, so that leases of nobody can be read (Kea B048)."""
        self.assertEqual(str(Duid(EMPTY_DUID)), "00:00:00")


class Addresses(SynchronousTestCase):
    """Packed addresses as text."""

    groups = st.lists(
        st.sampled_from((b"\0\0", b"\0\0", b"\0\1", b"\0\x10", b"\x20\1", b"\xff\xff")), min_size=8, max_size=8
    )

    @settings(deadline=None, max_examples=500)
    @given(groups.map(b"".join) | ipv6)
    def test_ipv6(self, address: bytes) -> None:
        """An IPv6 address is written as RFC 5952 says: the first of the longest runs of zeros is left out."""
        if IPv6Address(address).ipv4_mapped is None:
            self.assertEqual(address_text(address), str(IPv6Address(address)))

    @relaxed
    @given(ipv4)
    def test_mapped(self, address: bytes) -> None:
        """An IPv4 address in an IPv6 address stays legible (RFC 5952 section 5), on every Python alike."""
        mapped = bytes(10) + b"\xff\xff" + address
        self.assertEqual(address_text(mapped), "::ffff:" + address_text(address))
        self.assertEqual(IPv6Address(address_text(mapped)).packed, mapped)

    def test_examples(self) -> None:
        """The corner cases of RFC 5952."""
        for text in (
            "::", "::1", "1::", "2001:db8::1", "2001:db8:0:1:1:1:1:1", "2001:0:0:1::1", "2001:db8::1:0:0:1",
            "1:2:3:4:5:6:7:8", "fe80::1", "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8",
        ):  # fmt: skip
            packed = IPv6Address(text).packed
            self.assertEqual(address_text(packed), str(IPv6Address(packed)))
