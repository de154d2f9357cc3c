"""`txkea.classify`: what class expressions mean (Kea D022-D050)."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests import naive
from tests.asking import DISCOVER, SOLICIT, Asked, agent, asked4, asked6
from tests.evaluated import STRINGS4, STRINGS6
from txkea.classify.expression import compile_string, compile_test
from txkea.errors import EvaluationError, ExpressionError, TxkeaError
from txkea.wire.definitions import Definitions, define
from txkea.wire.dhcp4 import Message4
from txkea.wire.dhcp6 import Message6, Relay, option6
from txkea.wire.standard4 import STANDARD4
from txkea.wire.standard6 import STANDARD6

relaxed = settings(deadline=None, max_examples=100)
DEFINITIONS = {4: STANDARD4, 6: STANDARD6}


def string(text: str, query: Asked | None = None, family: int = 4) -> bytes:
    """The value of a string expression, of the packets of `tests.asking` unless told."""
    query = query or (asked4() if family == 4 else asked6())
    return compile_string(text, family, DEFINITIONS[family])(query)


def holds(text: str, query: Asked | None = None, family: int = 4) -> bool:
    """The value of a test."""
    query = query or (asked4() if family == 4 else asked6())
    return compile_test(text, family, DEFINITIONS[family])(query)


def mistake(text: str, family: int = 4, compile_: Any = compile_test, definitions: Definitions | None = None) -> str:
    """What is wrong with an expression, and where."""
    try:
        compile_(text, family, definitions or DEFINITIONS[family])
    except ExpressionError as error:
        return str(error)
    raise AssertionError(f"{text} is accepted")


class KeaTests(SynchronousTestCase):
    """Kea 2.2.0's own library evaluated these."""

    def check(self, family: int, expected: dict[str, bytes | None]) -> None:
        for text, value in expected.items():
            try:
                found: bytes | None = string(text, family=family)
            except EvaluationError:
                found = None
            self.assertEqual((text, found), (text, value))

    def test_dhcp4(self) -> None:
        """A DHCPv4 packet has the strings that Kea finds in it (D027, D032, D033, D035-D039, D042-D047)."""
        self.check(4, STRINGS4)

    def test_dhcp6(self) -> None:
        """A DHCPv6 packet behind two relays has the strings that Kea finds in it (D034, D037-D039)."""
        self.check(6, STRINGS6)


class OperatorTests(SynchronousTestCase):
    """Tests and how they are joined."""

    def test_one_expression(self) -> None:
        """A test is true or false, a string expression is bytes: neither is taken for the other (D022)."""
        self.assertIn("column 1: this is a string", mistake("option[60].hex"))
        self.assertIn("column 1: this is true or false", mistake("option[60].exists", compile_=compile_string))
        self.assertIn("column 5: this is a string", mistake("not pkt4.mac"))
        self.assertIn("column 8: this is a string", mistake("ifelse('a', 'b', 'c') == 'b'"))
        self.assertIn("column 1: this is true or false", mistake("member('a') == 'a'"))
        self.assertIn("column 21: this is a string", mistake("('a' == 'b') or not 'c'"))

    def test_booleans(self) -> None:
        """Parentheses, not, and, or, ==, .exists and member() make tests (D023, D025)."""
        self.assertTrue(holds("(not (option[99].exists)) and member('a') and ('x' == 'x' or 'x' == 'y')"))
        self.assertTrue(holds("('a') + ('b') == ('ab')"))
        self.assertFalse(holds("member('zz')"))

    def test_precedence(self) -> None:
        """Not binds more than and, and more than or (D024)."""
        self.assertTrue(holds("'a' == 'a' or 'a' == 'b' and 'a' == 'b'"))
        self.assertFalse(holds("('a' == 'a' or 'a' == 'b') and 'a' == 'b'"))
        self.assertFalse(holds("not 'a' == 'a' and 'a' == 'b' or 'a' == 'b'"))
        self.assertTrue(holds("not 'a' == 'b' and 'a' == 'a'"))
        self.assertTrue(holds("'a' == 'a' sor 'a' == 'b' and 'a' == 'b'"))
        self.assertFalse(holds("'a' == 'b' and 'a' == 'b' sand 'a' == 'a'"))

    def test_short_circuit(self) -> None:
        """What the result does not depend on is not evaluated, except by sand, sor and sifelse (D024)."""
        bad = "int8totext('abc') == ''"
        self.assertTrue(holds(f"'a' == 'a' or {bad}"))
        self.assertFalse(holds(f"'a' == 'b' and {bad}"))
        self.assertTrue(holds("ifelse('a' == 'a', 'x', int8totext('abc')) == 'x'"))
        for text in (
            f"'a' == 'a' sor {bad}",
            f"'a' == 'b' sand {bad}",
            "sifelse('a' == 'a', 'x', int8totext('abc')) == 'x'",
        ):
            self.assertRaises(EvaluationError, holds, text)
        self.assertEqual(string("sifelse('a' == 'b', 'x', 'y')"), b"y")

    def test_white_space(self) -> None:
        """White space and newlines are ignored; there are no comments (D029)."""
        self.assertTrue(holds(" option [ 12 ]\n.\thex ==\r\n'host' "))
        self.assertIn("comments have no place here", mistake("'a' == 'a' # yes"))

    def test_known(self) -> None:
        """The shorthands of Kea's manual that no Kea accepts are told how to write (D030)."""
        self.assertIn("column 1: known cannot stand here; write member('KNOWN')", mistake("known"))


class LiteralTests(SynchronousTestCase):
    """Literals."""

    def test_strings(self) -> None:
        """Text has no escape, its characters are UTF-8 (D026)."""
        self.assertEqual(string(r"'a\n é'"), r"a\n é".encode())
        self.assertIn("close it with '", mistake("'a' == 'b"))

    def test_numbers(self) -> None:
        """Integers are four bytes, and fit them (D027, D028)."""
        self.assertEqual(string("258"), b"\0\0\1\2")
        self.assertIn("column 1: 4294967296 is out of range for an integer; it is from 0", mistake("4294967296 == 1"))
        self.assertIn("column 6: -1 is out of range", mistake("1 == -1"))
        self.assertIn("out of range", mistake(f"{'9' * 5000} == 1"))

    def test_addresses(self) -> None:
        """Addresses are 4 or 16 bytes, and what is none is refused (D026, D027)."""
        self.assertEqual(string("::1.2.3.4"), bytes(12) + b"\1\2\3\4")
        self.assertIn("column 1: '1.2.3.256' is not an IPv4 address; write one like", mistake("1.2.3.256 == 1"))
        self.assertIn("column 1: '1:2:3' is not an IPv6 address", mistake("1:2:3 == 1"))


class OptionTests(SynchronousTestCase):
    """Options by name and code, at every depth."""

    def test_names(self) -> None:
        """A name is looked up in the family's space, with the operator's own definitions (D031)."""
        definitions = STANDARD4.extended(define("dhcp4", [(222, "colour", "string")]))
        test = compile_test("option[colour].text == 'red'", 4, definitions)
        self.assertTrue(test(asked4(Message4(options={222: b"red"}))))
        self.assertIn("the name 'colour'; define it with option-def", mistake("option[colour].exists"))
        self.assertIn("column 8: no option of the space dhcp4 has the name 'host-nam'; did you mean host-name?",
                      mistake("option[host-nam].exists"))  # fmt: skip
        self.assertTrue(holds("option[clientid].exists", family=6))
        self.assertIn("dhcp6", mistake("option[host-name].exists", 6))

    def test_codes(self) -> None:
        """A code is one of its family (D031)."""
        self.assertFalse(holds("option[255].exists"))
        self.assertIn(
            "column 8: 256 is out of range for an option code; it is from 0 to 255", mistake("option[256].exists")
        )
        self.assertFalse(holds("option[65535].exists", family=6))
        self.assertIn("column 8: 65536", mistake("option[65536].exists", 6))

    def test_absent(self) -> None:
        """What is not there is not, and is the empty string (D040)."""
        query = asked4(Message4(chaddr=b"\1"))
        for path in ("option[12]", "option[43].option[1]", "relay4[1]", "vendor[*].option[1]", "option[82].option[1]"):
            self.assertFalse(holds(f"{path}.exists", query))
            self.assertEqual(string(f"{path}.hex + {path}.text", query), b"")
        for text in ("vendor.enterprise", "vendor-class.enterprise", "vendor-class[*].data"):
            self.assertEqual(string(text, query), b"")
        query = asked6(Message6(1))
        for path in ("option[12]", "option[3].option[5]", "relay6[0].option[18]", "vendor[*].option[1]"):
            self.assertFalse(holds(f"{path}.exists", query, 6))
            self.assertEqual(string(f"{path}.hex + {path}.text", query, 6), b"")
        self.assertEqual(string("relay6[0].peeraddr + relay6[-1].linkaddr", query, 6), b"")

    def test_text_of_strings(self) -> None:
        """A trailing NUL is not part of a string option, neither of its text nor of its bytes (D032)."""
        query = asked4(Message4(options={60: b"phone\0\0", 61: b"phone\0"}))
        self.assertEqual(string("option[60].hex + '|' + option[60].text", query), b"phone|phone")
        self.assertEqual(string("option[61].hex", query), b"phone\0")

    def test_text_of_what_it_is_not(self) -> None:
        """A payload that is not as its definition says is printed in hexadecimal."""
        self.assertEqual(string("option[19].text", asked4(Message4(options={19: b"\7"}))), b"type=019, len=001: 07")

    def test_relay_agent(self) -> None:
        """Sub-options of option 82 are named as relays name them, and found by either way (D033)."""
        for text in ("relay4[circuit-id].hex", "option[82].option[circuit-id].hex", "relay4[1].hex"):
            self.assertEqual(string(text), b"eth0")
        self.assertIn("did you mean circuit-id?", mistake("relay4[circuitid].exists"))

    def test_depth(self) -> None:
        """Options in options in options are found, in relays too, by code or by name (D045)."""
        association = bytes(12) + option6(5, bytes(24) + option6(13, b"\0\2no"))
        message = Message6(1, 0, [(3, association)], [Relay(0, bytes(16), bytes(16), {3: association}, {})])
        query = asked6(message)
        for path in ("option[3].option[5].option[13]", "option[ia-na].option[iaaddr].option[status-code]"):
            self.assertEqual(string(f"{path}.hex", query, 6), b"\0\2no")
            self.assertTrue(holds(f"relay6[-1].{path}.exists", query, 6))
        self.assertFalse(holds("option[3].option[13].exists", query, 6))
        self.assertTrue(holds("option[43].option[1].hex == 'ab'"))
        nested = STANDARD4.extended(
            [
                *define("dhcp4", [(230, "outer", "uint8, fqdn", "inner")]),
                *define("inner", [(1, "middle", "empty", "innermost")]),
                *define("innermost", [(2, "core", "string")]),
            ]
        )
        payload = b"\7\1x\0" + agent((1, agent((2, b"deep"))))
        test = compile_test("option[outer].option[middle].option[core].text == 'deep'", 4, nested)
        self.assertTrue(test(asked4(Message4(options={230: payload}))))
        self.assertFalse(test(asked4(Message4(options={230: payload[:2]}))))
        self.assertIn("nobody knows the names of options here", mistake("option[12].option[x].exists"))

    def test_family(self) -> None:
        """What the other family has is refused, with what to write instead (D041)."""
        for text, family, mend in (
            ("pkt6.msgtype == 1", 4, "in DHCPv4 write pkt4"),
            ("relay6[0].peeraddr == ::1", 4, "in DHCPv4 write pkt4.giaddr or relay4[...]"),
            ("relay6[0].option[18].exists", 4, "in DHCPv4 write relay4[...]"),
            ("pkt4.mac == 1", 6, "in DHCPv6 write pkt6"),
            ("relay4[1].exists", 6, "in DHCPv6 write relay6[0].option[...]"),
        ):
            self.assertIn(f"column 1: {text[:4]}", mistake(text, family))
            self.assertIn(mend, mistake(text, family))

    def test_damage(self) -> None:
        """Options that overrun what they stand in are as if they were not there."""
        query = asked4(Message4(options={43: b"\1\xffab", 124: b"\0\0\0\1\xffab", 125: b"\0\0\0\1\5\1\xffabc"}))
        self.assertFalse(holds("option[43].option[1].exists or vendor[1].option[1].exists", query))
        self.assertEqual(string("vendor-class[1].data", query), b"")
        damaged = Message6(1, 0, [(3, bytes(12) + b"\0\5\0\xff"), (16, b"\0\0\0\1\0\xffab"), (17, b"\0\0")])
        self.assertFalse(holds("option[3].option[5].exists or vendor[*].exists", asked6(damaged), 6))
        self.assertEqual(string("vendor-class[*].data", asked6(damaged), 6), b"")


class PacketTests(SynchronousTestCase):
    """What is not an option."""

    def test_datagram(self) -> None:
        """Interface, addresses and length of the datagram (D035)."""
        self.assertEqual(string("pkt.iface"), b"eth0")
        self.assertTrue(holds("pkt.len == 300"))
        self.assertTrue(holds("pkt.dst == 255.255.255.255", asked4(broadcast=True)))
        self.assertTrue(holds("pkt.dst == ff02::1:2", asked6(broadcast=True), 6))

    def test_no_hardware_address(self) -> None:
        """A client without a hardware address has an empty one, as in Kea 2.2.0 (D036)."""
        self.assertEqual(string("pkt4.mac + pkt4.hlen", asked4(Message4())), b"\0\0\0\0")

    def test_relays(self) -> None:
        """Relays are counted from the server, negative numbers from the client; there are 32 (D034)."""
        self.assertTrue(holds("relay6[0].linkaddr == ::1 and relay6[-1].linkaddr == ::2", family=6))
        self.assertTrue(holds("relay6[1].peeraddr == relay6[-1].peeraddr", family=6))
        self.assertIn(
            "column 8: 32 is out of range for a relay; it is from -32 to 31", mistake("relay6[32].peeraddr == ::", 6)
        )
        self.assertIn("column 8: -33", mistake("relay6[-33].option[1].exists", 6))

    def test_vendor(self) -> None:
        """0 and * are any vendor, and mean the first; a number is that vendor wherever it stands (D038)."""
        second = b"\0\0\0\7" + b"\3\1\1x"
        query = asked4(Message4(options={125: b"\0\0\0\5\3\1\1y" + second}))
        self.assertEqual(string("vendor[7].option[1].hex + vendor[0].option[1].hex", query), b"xy")
        self.assertTrue(holds("vendor[7].exists and vendor[*].exists and not vendor[8].exists", query))
        self.assertTrue(holds("vendor.enterprise == 5", query))
        several = Message6(1, 0, [(17, b"\0\0\0\5" + option6(1, b"y")), (17, b"\0\0\0\7" + option6(1, b"x"))])
        self.assertEqual(string("vendor[7].option[1].hex + vendor[*].option[1].hex", asked6(several), 6), b"xy")
        self.assertTrue(holds("vendor[4491].option[tftp-servers].exists"))
        self.assertIn("write the code", mistake("vendor[*].option[tftp-servers].exists"))

    def test_vendor_class(self) -> None:
        """Data of a vendor class by number; beyond them there are none (D039)."""
        self.assertTrue(holds("vendor-class[4491].exists and vendor-class[0].exists and not vendor-class[9].exists"))
        self.assertEqual(string("vendor-class[4491].data[255]"), b"")
        self.assertIn("column 25: 256 is out of range", mistake("vendor-class[4491].data[256] == ''"))


class FunctionTests(SynchronousTestCase):
    """Functions of strings."""

    def test_case(self) -> None:
        """Only the letters of ASCII have cases (D048)."""
        self.assertEqual(string("lcase('AbÄ') + ucase('aBä')"), "abÄABä".encode())

    def test_match(self) -> None:
        """A regular expression matches as a whole, and a wrong one is refused where it is wrong (D048)."""
        self.assertTrue(holds("match('PXEClient:.*[0-9]+', option[60].text)"))
        self.assertFalse(holds("match('PXEClient', option[60].text)"))
        self.assertIn("column 9: the regular expression ends too early", mistake("match('(', pkt4.mac)"))
        self.assertIn("column 8: nothing stands in front", mistake("match('*', pkt4.mac)"))

    def test_wrong_length(self) -> None:
        """An integer or address of a wrong length has no value, and says why (D046)."""
        error = self.assertRaises(EvaluationError, string, "int16totext('abc')")
        self.assertEqual(str(error), "an integer of 16 bits has 2 bytes, this has 3")
        self.assertIsInstance(error, TxkeaError)

    def test_ranges(self) -> None:
        """Places in strings are numbers of 32 bits (D028, D042)."""
        self.assertIn("column 16: 2147483648 is out of range", mistake("substring('a', 2147483648, 1) == ''"))
        self.assertEqual(string("substring('abc', -2147483648, 2147483647)"), b"")

    def test_substrings(self) -> None:
        """Every start and length of a substring are what the plainest way finds (D042)."""
        for start in range(-5, 6):
            for length in (None, *range(-5, 6)):
                shown = "all" if length is None else length
                found = string(f"substring('abcd', {start}, {shown})")
                self.assertEqual((start, length, found), (start, length, naive.substring(b"abcd", start, length)))


class CompiledTests(SynchronousTestCase):
    """What a compiled expression tells of itself."""

    def test_members(self) -> None:
        """An expression names the classes it asks for, each once."""
        test = compile_test("member('b') and not (member('a') or member('b')) or option[1].exists", 4, STANDARD4)
        self.assertEqual(test.members, ("b", "a"))
        self.assertEqual(test.text, "member('b') and not (member('a') or member('b')) or option[1].exists")

    def test_explain(self) -> None:
        """An explanation has the text and the value of each part, also of what fails (D050)."""
        text = "option[12].hex == 'host' and (member('zz') or int8totext('ab') == '1')"
        found = compile_test("not " + f"({text})", 4, STANDARD4)
        self.assertRaises(EvaluationError, found, asked4())
        whole = found.explain(asked4())
        self.assertIsInstance(whole.value, EvaluationError)
        (both,) = whole.parts
        self.assertEqual(both.text, text.removesuffix(")"))
        first, second = both.parts
        self.assertEqual((first.text, first.value), ("option[12].hex == 'host'", True))
        self.assertEqual([(part.text, part.value) for part in first.parts], [("option[12].hex", b"host")])
        self.assertEqual((second.parts[0].text, second.parts[0].value), ("member('zz')", False))

    def test_nothing_but_literals_is_taken_over(self) -> None:
        """Text of an expression is never anything but data, whatever it looks like."""
        for data in ("\\", "{query}", '"', '"""', "\\x41", "#", "%s"):
            self.assertEqual(string(f"'{data}'"), data.encode())
            self.assertFalse(holds(f"member('{data}')"))


class MistakeTests(SynchronousTestCase):
    """Mistakes, where they are and what to do."""

    def test_places(self) -> None:
        """A mistake is told with its column and what would be right."""
        for text, expected in {
            "": "column 1: the expression ends too early; a value such as",
            "option[60].foo": "column 12: foo cannot stand here; one of hex, text, exists, option[...] would be right",
            "opton[60].hex == 1": "column 1: opton cannot stand here; did you mean option?",
            "'a' = 'b'": "column 5: = cannot stand here; to compare, write ==",
            "'a' != 'b'": "column 5: ! cannot stand here; for what is not equal, write not",
            'option[60].hex == "x"': 'column 19: " cannot stand here; a string stands in single quotes',
            "member('a') member('b')": "column 13: member cannot stand here; one of ==, +, and, or, the end",
            "'a' 'b'": "column 5: 'b' cannot stand here; one of ==, +, and, or",
            "member('a'": "column 11: the expression ends too early; ) would be right",
            "substring(pkt4.mac, 1)": "column 22: ) cannot stand here; , would be right",
            "pkt4.len == 1": "column 6: len cannot stand here; one of mac, hlen",
            "vendor.exists": "column 8: exists cannot stand here; enterprise would be right",
        }.items():
            self.assertIn(expected, mistake(text))

    def test_depth_and_length(self) -> None:
        """Expressions are bounded in depth and length, and chains of any length are not deep."""
        self.assertIn("deeper than 50 levels", mistake("not " * 60 + "member('a')"))
        self.assertIn("deeper than 50 levels", mistake("concat(" * 60 + "'a'" + ",'a')" * 60 + " == 'a'"))
        self.assertIn("more than 65536 characters", mistake("'" + "a" * 70000 + "' == 'a'"))
        self.assertTrue(holds(" or ".join(f"option[12].hex == 'host{i or ''}'" for i in range(1000))))
        self.assertTrue(holds("(" * 1000 + "member('a')" + ")" * 1000))
        self.assertTrue(holds("not (" * 48 + "member('a')" + ")" * 48))


class PropertyTests(SynchronousTestCase):
    """Random expressions."""

    @given(naive.tests, naive.queries())
    @relaxed
    def test_tests(self, tree: naive.Tree, query: Asked) -> None:
        """A compiled test is what the plainest way finds."""
        self.assertIs(compile_test(naive.text(tree), 4, STANDARD4)(query), naive.value(tree, query))

    @given(naive.strings, naive.queries())
    @relaxed
    def test_strings(self, tree: naive.Tree, query: Asked) -> None:
        """A compiled string expression is what the plainest way finds."""
        self.assertEqual(compile_string(naive.text(tree), 4, STANDARD4)(query), naive.value(tree, query))

    @given(st.text(max_size=30) | st.lists(st.sampled_from(
        ["option", "[", "]", "12", ".", "hex", "'a'", "(", ")", "==", "not", " and ", "member", "vendor", "*", "+"]
    )).map("".join), st.sampled_from((4, 6)))  # fmt: skip
    @example("'\ud800' == 'a'", 4)
    @relaxed
    def test_any_text(self, text: str, family: int) -> None:
        """Any text is an expression, or is refused with a column that is in it."""
        try:
            compile_test(text, family, DEFINITIONS[family])
        except ExpressionError as error:
            self.assertTrue(1 <= error.column <= len(text) + 1)

    @given(st.dictionaries(st.sampled_from((43, 82, 124, 125)), st.binary(max_size=20)))
    @relaxed
    def test_any_packet(self, options: dict[int, bytes]) -> None:
        """Whatever clients send in options that hold others, evaluation goes on."""
        query = asked4(Message4(options={code: data for code, data in options.items() if code != 82}))
        for text in (
            "option[43].option[1].hex + option[43].text + vendor[1].option[2].text + vendor-class[0].data[1]",
            "vendor.enterprise + vendor-class.enterprise + option[124].text + option[125].text",
        ):
            self.assertIsInstance(string(text, query), bytes)

    @given(st.lists(st.tuples(st.sampled_from((3, 16, 17, 25)), st.binary(max_size=24)), max_size=4))
    @relaxed
    def test_any_packet6(self, options: list[tuple[int, bytes]]) -> None:
        """The same of DHCPv6."""
        text = (
            "option[3].option[5].text + option[25].option[26].hex + vendor[*].option[1].hex + vendor-class[*].data[1]"
        )
        self.assertIsInstance(string(text, asked6(Message6(1, 0, options)), 6), bytes)


class PacketsOfTheseTests(SynchronousTestCase):
    """The packets these tests ask of."""

    def test_they_are_untouched(self) -> None:
        """Evaluation changes nothing in a message."""
        before = repr(DISCOVER), repr(SOLICIT)
        string("option[60].text + option[43].option[1].hex")
        string("option[3].option[5].text", family=6)
        self.assertEqual((repr(DISCOVER), repr(SOLICIT)), before)
