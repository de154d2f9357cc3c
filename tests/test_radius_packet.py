"""RADIUS packets and dictionaries."""

from __future__ import annotations

import hashlib
import hmac
import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.radius_udp import SECRET, answer, attribute, attributes_of
from txkea.errors import TxkeaError
from txkea.radius.dictionary import Dictionary
from txkea.radius.files import dictionary
from txkea.radius.packet import Attribute, Code, Refused, Request, encode, verify
from txkea.radius.standard import STANDARD

__all__ = ["AnswerTests", "DictionaryFileTests", "DictionaryTests", "RequestTests"]

RANDOM = bytes(range(16))
NAME = Attribute(0, 1, b"02:00:00:00:00:01")
FREERADIUS = Path("/usr/share/freeradius/dictionary")


def access(*attributes: Attribute, sign: bool = True) -> Request:
    return encode(Code.ACCESS_REQUEST, 7, attributes or (NAME,), SECRET, random=RANDOM, sign=sign)


class RequestTests(SynchronousTestCase):
    """What is sent."""

    def test_signature_is_first(self) -> None:
        """The first attribute of an Access-Request is a Message-Authenticator, and it is right (RFC 2869 5.14)."""
        data = access().data
        (kind, signature), *rest = attributes_of(data)
        self.assertEqual((80, [(1, NAME.value)]), (kind, rest))
        zeroed = data.replace(signature, bytes(16))
        self.assertEqual(hmac.new(SECRET, zeroed, hashlib.md5).digest(), signature)
        self.assertEqual((1, 7, len(data), RANDOM), (data[0], data[1], int.from_bytes(data[2:4], "big"), data[4:20]))

    def test_unsigned(self) -> None:
        """Who does not want a Message-Authenticator has none."""
        self.assertEqual([(1, NAME.value)], attributes_of(access(sign=False).data))

    def test_accounting(self) -> None:
        """The authenticator of an Accounting-Request is computed, over a signature that was computed before."""
        for sign in (False, True):
            data = encode(Code.ACCOUNTING_REQUEST, 9, (NAME,), SECRET, random=RANDOM, sign=sign).data
            self.assertEqual(hashlib.md5(data[:4] + bytes(16) + data[20:] + SECRET).digest(), data[4:20])
            if sign:
                signature = attributes_of(data)[0][1]
                zeroed = (data[:4] + bytes(16) + data[20:]).replace(signature, bytes(16))
                self.assertEqual(hmac.new(SECRET, zeroed, hashlib.md5).digest(), signature)

    def test_password(self) -> None:
        """A User-Password does not travel as it is, and whoever has the secret finds it (RFC 2865 section 5.2)."""
        for password in (b"", b"x", b"sixteen octets!!", b"longer than sixteen octets"):
            (_, hidden), *_ = attributes_of(access(Attribute(0, 2, password), sign=False).data)
            self.assertEqual(max(-(-len(password) // 16) * 16, 16), len(hidden))
            found, last = b"", RANDOM
            for start in range(0, len(hidden), 16):
                block = hidden[start : start + 16]
                key = hashlib.md5(SECRET + last).digest()
                found += bytes(a ^ b for a, b in zip(block, key, strict=True))
                last = block
            self.assertEqual(password, found.rstrip(b"\0"))

    def test_too_long(self) -> None:
        """What does not fit into an attribute or a packet is not sent."""
        for wrong in ([Attribute(0, 1, bytes(254))], [Attribute(9, 1, bytes(248))], [Attribute(0, 1, bytes(253))] * 17):
            self.assertRaises(TxkeaError, access, *wrong)
        access(Attribute(9, 1, bytes(247)), *[Attribute(0, 1, bytes(253))] * 14)


class AnswerTests(SynchronousTestCase):
    """What is believed; what is not stands in test_radius_hostile."""

    def test_signatures(self) -> None:
        """A signed answer is believed wherever its signature stands; one without only where none is required."""
        request = access()
        body = attribute(8, b"\x0a\0\0\5")
        for last in (False, True):
            received = verify(answer(request.data, 2, body, last=last), request, SECRET, required=True)
            self.assertEqual(2, received.code)
            self.assertIn(Attribute(0, 8, b"\x0a\0\0\5"), received.attributes)
        unsigned = answer(request.data, 3, body, sign=False)
        self.assertEqual(3, verify(unsigned, request, SECRET, required=False).code)
        refused = self.assertRaises(Refused, verify, unsigned, request, SECRET, required=True)
        self.assertEqual("unsigned", refused.kind)

    def test_padding(self) -> None:
        """What follows the packet in a datagram is ignored (RFC 2865 section 3)."""
        request = access()
        for padding in (b"\0", b"\x08\x06\x0a\0\0\1", bytes(4000)):
            self.assertEqual(1, len(verify(answer(request.data) + padding, request, SECRET, required=True).attributes))

    def test_another_request(self) -> None:
        """What answers one request answers no other, be it that their authenticators are the same."""
        request = access()
        another = request._replace(identifier=8)
        refused = self.assertRaises(Refused, verify, answer(request.data), another, SECRET, required=True)
        self.assertEqual("identifier", refused.kind)

    def test_vendors(self) -> None:
        """Attributes of vendors are found, several in one too; what is written in another manner is kept whole."""
        request = access()
        inner = attribute(1, b"one") + attribute(250, b"two")
        odd = attribute(26, b"\0\0\1\x37" + b"\0\1\0\4")
        body = attribute(26, b"\0\0\0\x09" + inner) + odd + attribute(26, b"\0\0\0\x09") + attribute(26, b"x")
        found = verify(answer(request.data, 2, body, sign=False), request, SECRET, required=False).attributes
        self.assertEqual((Attribute(9, 1, b"one"), Attribute(9, 250, b"two")), found[:2])
        self.assertEqual([(0, 26)] * 3, [(each.vendor, each.type) for each in found[2:]])

    def test_accounting_signatures(self) -> None:
        """An Accounting-Response may be signed over what the request had, or over zeros, as FreeRADIUS does it."""
        request = encode(Code.ACCOUNTING_REQUEST, 9, (NAME,), SECRET, random=RANDOM, sign=True)
        head = b"\5\x09" + (38).to_bytes(2, "big")
        for vector, right in ((request.authenticator, True), (bytes(16), True), (b"x" * 16, False)):
            mac = hmac.new(SECRET, head + vector + attribute(80, bytes(16)), hashlib.md5).digest()
            body = attribute(80, mac)
            data = head + hashlib.md5(head + request.authenticator + body + SECRET).digest() + body
            if right:
                self.assertEqual(5, verify(data, request, SECRET, required=True).code)
            else:
                self.assertRaises(Refused, verify, data, request, SECRET, required=True)

    @given(st.data())
    def test_noise(self, data: st.DataObject) -> None:
        """Whatever comes is believed, or refused, and nothing else; and what was changed by one bit is refused."""
        request = access()
        noise = data.draw(st.binary(max_size=200))
        self.assertRaises(Refused, verify, noise, request, SECRET, required=False)
        right = bytearray(answer(request.data, 2, attribute(18, b"hello") + attribute(8, b"\x0a\0\0\5")))
        right[data.draw(st.integers(0, len(right) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        self.assertRaises(Refused, verify, bytes(right), request, SECRET, required=True)

    @given(st.lists(st.tuples(st.sampled_from([0, 9, 311]), st.integers(1, 255), st.binary(max_size=40)), max_size=8))
    def test_round_trip(self, given_: list[tuple[int, int, bytes]]) -> None:
        """Attributes come back as they were written, in their order."""
        attributes = [Attribute(*each) for each in given_ if each[0] or each[1] not in (26, 33, 80, 2)]
        request = access()
        body = b"".join(each.wire for each in attributes)
        received = verify(answer(request.data, 2, body, sign=False), request, SECRET, required=False)
        self.assertEqual(attributes, list(received.attributes))


VALUES = {
    "User-Name": ("hé", "h\u00e9".encode()),
    "Service-Type": ("framed-user", b"\0\0\0\2"),
    "Acct-Status-Type": (3, b"\0\0\0\3"),
    "Session-Timeout": ("0x10", b"\0\0\0\x10"),
    "Event-Timestamp": (1_700_000_000, (1_700_000_000).to_bytes(4, "big")),
    "Framed-IP-Address": ("10.0.0.5", b"\x0a\0\0\5"),
    "NAS-IPv6-Address": ("2001:db8::1", bytes.fromhex("20010db8000000000000000000000001")),
    "Delegated-IPv6-Prefix": ("2001:db8::/56", bytes.fromhex("003820010db8000000000000000000000000")),
    "Class": ("0x0102", b"\1\2"),
    "State": ("text", b"text"),
    "Tunnel-Medium-Type": ("IEEE-802", b"\0\0\0\6"),
}
WRONG = [
    ("Service-Type", "Nonsense"), ("Service-Type", -1), ("Framed-IP-Address", "10.0.0"), ("Framed-IP-Address", b"123"),
    ("Class", "0x012"), ("Delegated-IPv6-Prefix", "2001:db8::/129"), ("User-Name", "x" * 254), ("User-Name", None),
    ("NAS-IPv6-Address", "10.0.0.1"), ("No-Such-Attribute", "x"), (("Nobody", "x"), "x"), (0, b""), (256, b""),
    (("9", 256), b""), ("Session-Timeout", 1 << 32), ("Session-Timeout", True),
]  # fmt: skip


class DictionaryTests(SynchronousTestCase):
    """Names and values."""

    def test_values(self) -> None:
        """A value is encoded as its attribute's type says, from a text or a number; the name may have any case."""
        for name, (value, wire) in VALUES.items():
            definition = STANDARD.definition(name)
            self.assertEqual(wire, STANDARD.attribute(name.upper(), value).value, name)
            self.assertEqual((0, definition.type, wire), STANDARD.attribute(definition.type, wire))

    def test_octets_stay(self) -> None:
        """Octets are sent as they are, also those that look like something else."""
        for value in (b"0x41", b"12", b"\0", bytes(253)):
            self.assertEqual(value, STANDARD.attribute("Class", value).value)

    def test_wrong_values(self) -> None:
        """What does not fit is not sent, and the error says why."""
        for key, value in WRONG:
            error = self.assertRaises(TxkeaError, STANDARD.attribute, key, value)
            self.assertTrue(str(error), key)

    def test_suggestion(self) -> None:
        """Who mistypes a name hears the right one."""
        self.assertIn("Framed-Pool", str(self.assertRaises(TxkeaError, STANDARD.definition, "Framed-Pol")))

    def test_decoded(self) -> None:
        """Answers come by name, several values of one in their order, numbers as numbers; shown they have names."""
        given_ = [
            *((name, wire) for name, (_, wire) in VALUES.items()),
            ("Class", b"\xff"),
            (("9", 1), b"av"),
            (200, b"?"),
        ]
        found = STANDARD.decoded(STANDARD.attributes(given_))
        self.assertEqual([b"\1\2", b"\xff"], found["Class"])
        self.assertEqual(["10.0.0.5"], found["Framed-IP-Address"])
        self.assertEqual(["2001:db8::/56"], found["Delegated-IPv6-Prefix"])
        self.assertEqual(([2], [b"av"], [b"?"]), (found["Service-Type"], found["Attr-26.9.1"], found["Attr-200"]))
        shown = STANDARD.shown(found)
        self.assertEqual((["0x0102", "0xff"], ["Framed-User"]), (shown["Class"], shown["Service-Type"]))

    def test_tags(self) -> None:
        """The tag of a tagged attribute is no part of its value (RFC 2868 section 3.1)."""
        found = STANDARD.decoded(
            [Attribute(0, 64, b"\1\0\0\x0d"), Attribute(0, 81, b"\x01twelve"), Attribute(0, 81, b"100")]
        )
        self.assertEqual({"Tunnel-Type": [13], "Tunnel-Private-Group-Id": ["twelve", "100"]}, found)

    def test_wrong_lengths(self) -> None:
        """A standard attribute that is not as its type says spoils its answer; a vendor's is given as it is."""
        for name, octets in (("Framed-IP-Address", 5), ("Session-Timeout", 3), ("Framed-IPv6-Address", 10)):
            wrong = Attribute(0, STANDARD.definition(name).type, bytes(octets))
            self.assertEqual("malformed", self.assertRaises(Refused, STANDARD.decoded, [wrong]).kind, name)
        long_prefix = Attribute(0, 123, b"\0\x81" + bytes(16))
        self.assertRaises(Refused, STANDARD.decoded, [long_prefix])
        ours = STANDARD.copy()
        ours.define("Their-Number", 1, "integer", vendor=9)
        self.assertEqual({"Their-Number": [b"\1"]}, ours.decoded([Attribute(9, 1, b"\1")]))

    def test_not_utf8(self) -> None:
        """A text that is none is given as its octets."""
        self.assertEqual({"Reply-Message": [b"\xff"]}, STANDARD.decoded([Attribute(0, 18, b"\xff")]))


class DictionaryFileTests(SynchronousTestCase):
    """Files of an operator."""

    def read(self, text: str, **others: str) -> Dictionary:
        directory = Path(self.mktemp())
        directory.mkdir()
        for name, content in {"dictionary": text, **others}.items():
            (directory / name).write_text(content)
        return dictionary(str(directory / "dictionary"))

    def test_own(self) -> None:
        """Attributes of vendors, of all ways to write them, are known beside the standard ones."""
        found = self.read(
            "VENDOR Acme 9999 # a vendor\n"
            "VALUE Acme-Mode Fast 2\n"
            "$INCLUDE more\n$INCLUDE- absent\n"
            "ATTRIBUTE Acme-Old 7 string Acme\n"
            "ATTRIBUTE Local-Thing 0xdc octets\n",
            more="BEGIN-VENDOR Acme\nATTRIBUTE Acme-Mode 1 integer\nATTRIBUTE Acme-Tree 2 tlv\n"
            "ATTRIBUTE Acme-Leaf 2.1 string\nBEGIN-TLV Acme-Tree\nATTRIBUTE Acme-Twig 9 string\nEND-TLV Acme-Tree\n"
            "END-VENDOR Acme\n",
        )
        self.assertEqual(Attribute(9999, 1, b"\0\0\0\2"), found.attribute("acme-mode", "fast"))
        self.assertEqual(Attribute(9999, 1, b"\0\0\0\2"), found.attribute(("ACME", "Acme-Mode"), 2))
        self.assertEqual(Attribute(9999, 7, b"x"), found.attribute((9999, "Acme-Old"), "x"))
        self.assertEqual(Attribute(0, 220, b"x"), found.attribute("Local-Thing", "x"))
        self.assertEqual("octets", found.definition("Acme-Tree").kind)
        for name in ("Acme-Leaf", "Acme-Twig"):
            self.assertRaises(TxkeaError, found.definition, name)
        self.assertEqual(1, found.definition("User-Name").type)
        self.assertEqual({"Acme-Mode": ["Fast"]}, found.shown(found.decoded([Attribute(9999, 1, b"\0\0\0\2")])))

    def test_the_standard_stands(self) -> None:
        """A file changes nothing of the standard attributes, on which the server relies, nor for other servers."""
        found = self.read(
            "ATTRIBUTE Framed-Address 8 ipaddr\nATTRIBUTE User-Name 1 octets\nVALUE Service-Type Ours 99\n"
        )
        self.assertEqual(["Framed-IP-Address"], list(found.decoded([Attribute(0, 8, b"\x0a\0\0\1")])))
        self.assertEqual("string", found.definition("User-Name").kind)
        self.assertEqual(8, found.definition("Framed-Address").type)
        self.assertEqual(b"\0\0\0\x63", found.attribute("Service-Type", "Ours").value)
        self.assertRaises(TxkeaError, STANDARD.attribute, "Service-Type", "Ours")

    def test_faults(self) -> None:
        """What is wrong in a file is told with file and line."""
        for text, line in (
            ("\nATTRIBUTE x y string\n", 2),
            ("ATTRIBUTE x\n", 1),
            ("ATTRIBUTE x 1 string Nobody\n", 1),
            ("BEGIN-VENDOR Nobody\n", 1),
            ("NONSENSE\n", 1),
            ("VENDOR x y\n", 1),
            ("\n\n$INCLUDE absent\n", 3),
        ):
            error = self.assertRaises(TxkeaError, self.read, text)
            self.assertIn(f"dictionary:{line}: ", str(error))
        self.assertIn("cannot be read", str(self.assertRaises(TxkeaError, dictionary, "/no/such/dictionary")))

    def test_loop(self) -> None:
        """Files that include each other are told, and do not hang."""
        error = self.assertRaises(TxkeaError, self.read, "$INCLUDE dictionary\n")
        self.assertIn("include each other", str(error))

    def test_read_once(self) -> None:
        """A file is read again when it, or one that it includes, has changed, and not before."""
        directory = Path(self.mktemp())
        directory.mkdir()
        for name, text in (("dictionary", "$INCLUDE more\n"), ("more", "ATTRIBUTE One 201 string\n")):
            (directory / name).write_text(text)
        first = dictionary(str(directory / "dictionary"))
        self.assertIs(first, dictionary(str(directory / "dictionary")))
        (directory / "more").write_text("ATTRIBUTE Another 201 string\n")
        self.assertEqual(201, dictionary(str(directory / "dictionary")).definition("Another").type)

    def test_freeradius(self) -> None:
        """FreeRADIUS's own dictionary can be used as it is."""
        found = dictionary(str(FREERADIUS))
        self.assertGreater(len(found), 5000)
        self.assertEqual(Attribute(9, 1, b"a=b"), found.attribute("Cisco-AVPair", "a=b"))
        self.assertEqual(Attribute(311, 28, b"\x0a\0\0\1"), found.attribute("MS-Primary-DNS-Server", "10.0.0.1"))
        names = random.Random(1).sample(sorted(each.name for each in found._by_name.values()), 200)
        for name in names:
            definition = found.definition(name)
            self.assertEqual(definition, found.definition((definition.vendor, name)))
