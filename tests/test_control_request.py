"""Where a request ends and what it says, against everything that JSON parsers stumble over."""

from __future__ import annotations

import json
import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.control.request import DEPTH, MAX_REQUEST, Framing, Request, RequestError, parse, validate

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


TOKENS = (
    b"{",
    b"}",
    b"[",
    b"]",
    b" ",
    b"\n",
    b"/",
    b"a",
    b'""',
    b'"{"',
    b'"\\""',
    b'"\\\\"',
    b'"//"',
    b"#}\n",
    b'//{"\n',
    b"/*}*/",
    b"/**/",
)
"""What requests are made of, and what looks like it."""


def slowly(data: bytes) -> bytes | None:
    """What `Framing` gives, the slow way."""
    text, depth, at = bytearray(data), 0, 0
    while at < len(data):
        ends = next(
            (end for mark, end in ((b"#", b"\n"), (b"//", b"\n"), (b"/*", b"*/")) if data.startswith(mark, at)), b""
        )
        if data[at : at + 1] == b'"':
            at += 1
            while data[at : at + 1] not in (b'"', b""):
                at += 2 if data[at : at + 1] == b"\\" else 1
            at += 1
        elif ends:
            end = data.find(ends, at + (2 if ends == b"*/" else 1))
            if end < 0:
                return None
            for index in range(at, end + len(ends)):
                text[index] = ord(" ") if text[index] != ord("\n") else text[index]
            at = end + len(ends)
        else:
            depth += {b"{": 1, b"[": 1, b"}": -1, b"]": -1}.get(data[at : at + 1], 0)
            at += 1
            if depth <= 0:
                return bytes(text[:at])
    return None


def frame(data: bytes, *, size: int = 1 << 20) -> bytes | None:
    """Feed in pieces; gives what came out, None if nothing did."""
    framing = Framing()
    for start in range(0, len(data), size):
        whole = framing.feed(data[start : start + size])
        if whole is not None:
            return whole
    return None


class FramingTests(SynchronousTestCase):
    """The end of a request."""

    @given(st.dictionaries(st.text(), JSON, max_size=4), st.integers(1, 7), st.booleans())
    def test_any_object_in_any_pieces(self, value: dict[str, object], size: int, escaped: bool) -> None:
        """Every object is found whole, however its bytes arrive, and whatever follows it."""
        data = json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
        self.assertEqual(frame(b" \n" + data + b'{"next": 1}', size=size), b" \n" + data)
        self.assertIsNone(frame(data[:-1], size=size))

    def test_comments(self) -> None:
        """Comments of all three kinds may stand anywhere, braces in them count for nothing."""
        text = b'# {\n// }\n/* " */{ "command": /* }} */ "a//b#c/*" // "\n, "arguments": 1 # }\n}'
        for size in (1, 2, 3, 1000):
            whole = frame(text, size=size)
            assert whole is not None
            self.assertEqual(parse(whole), {"command": "a//b#c/*", "arguments": 1})

    @given(st.lists(st.sampled_from(TOKENS), max_size=40), st.integers(1, 9))
    def test_any_tokens(self, tokens: list[bytes], size: int) -> None:
        """The end is where somebody finds it who reads character by character, however the bytes arrive."""
        data = b"".join([b"{", *tokens, b"}"])
        self.assertEqual(frame(data, size=size), slowly(data), data)

    def test_lines(self) -> None:
        """Comments do not change where an error is found."""
        whole = frame(b'# one\n/* two\nthree */ {\n"command" // four\n1 }')
        assert whole is not None
        with self.assertRaisesRegex(RequestError, "line 5, column 1"):
            parse(whole)

    def test_time(self) -> None:
        """Each byte costs about the same, whatever came before it: half a megabyte takes seconds nowhere."""
        for start, piece in (
            (b"", b"#\n"),
            (b"", b"/**/"),
            (b"", b"//\n \n"),
            (b"{", b"[],"),
            (b"{", b'"",'),
            (b'{"', b'\\"'),
            (b"{", b"/ "),
            (b"{/*", b"*"),
        ):
            framing, began = Framing(), time.process_time()
            framing.feed(start + piece * (120_000 // len(piece)))
            self.assertLess(time.process_time() - began, 1, piece)

    def test_unfinished_comment(self) -> None:
        """A comment without end is waited for, not taken for an end."""
        self.assertIsNone(frame(b'{"command": "x" /* }'))

    def test_depth(self) -> None:
        """A hundred levels are taken; the one above is refused while it arrives, as are a million."""
        deepest = b'{"a":' * DEPTH + b"1" + b"}" * DEPTH
        whole = frame(deepest)
        assert whole is not None
        self.assertIsInstance(parse(whole), dict)
        for opening in (b"[", b'{"a":'):
            with self.assertRaises(RequestError):
                frame(b'{"a":' + opening * DEPTH)
            with self.assertRaises(RequestError):
                frame(opening * 1_000_000)

    def test_size(self) -> None:
        """A request that never ends is refused at the limit."""
        framing = Framing()
        framing.feed(b'{"a": "')
        with self.assertRaises(RequestError):
            for _ in range(MAX_REQUEST // 65536 + 1):
                framing.feed(b"x" * 65536)
        self.assertLess(len(framing), MAX_REQUEST + 1)

    def test_stretch(self) -> None:
        """So much without the end of a map is refused as would hold others up while it is read; maps are none of it."""
        start, end = b'{"command": "x", "arguments": [', b"1]}"
        self.assertIsNotNone(frame(start + b"{}," * 1_000_000 + end))
        for piece in (b"[],", b'"",', b'"}",', b"null,", b" ", b"/**/", b"# }\n"):
            self.assertIsNotNone(frame(start + piece * (100_000 // len(piece)) + end))
            with self.assertRaises(RequestError, msg=str(piece)):
                frame(start + piece * (200_000 // len(piece)) + end)

    def test_no_object(self) -> None:
        """What begins with anything else than a map or a list is refused at once: it has no end."""
        for data in (b"3 ", b'"abc"', b"true", b"\xff\xfe{\0", b"\xef\xbb\xbf{", b"GET / HTTP/1.1\r\n"):
            with self.assertRaises(RequestError, msg=data):
                frame(data)

    def test_lonely_close(self) -> None:
        """A closing bracket with nothing open is a complete, and wrong, request."""
        whole = frame(b"}")
        assert whole is not None
        with self.assertRaises(RequestError):
            parse(whole)


class ParseTests(SynchronousTestCase):
    """The value of a request."""

    def refused(self, data: bytes, *words: str) -> None:
        with self.assertRaises(RequestError) as caught:
            parse(data)
        for word in words:
            self.assertIn(word, str(caught.exception))

    @given(JSON)
    def test_round_trip(self, value: object) -> None:
        """What a sane client means is what arrives."""
        try:
            data = json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return
        self.assertEqual(parse(data), value)

    def test_refused(self) -> None:
        """No key twice, no NaN, no number beyond 64 bits or a double, no half surrogate, no other encoding."""
        self.refused(b'{"a": 1, "b": 2, "a": 3}', "'a'", "twice")
        for constant in (b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e999", b"9223372036854775808", b"1" * 5000):
            self.refused(b'{"a": ' + constant + b"}")
        self.refused(
            json.dumps({str(number): 0 for number in range(100_000)}).encode()[:-1] + b', "99999": 1}', "'99999'"
        )
        self.refused(rb'{"a": "\ud800"}', "surrogate")
        self.refused(b'{"a": "\xed\xa0\x80"}', "UTF-8")
        self.refused('{"a": 1}'.encode("utf-16"), "UTF-8")
        self.refused(b'{"a": 1,}', "line 1", "column")
        self.refused(b'{"a": 01}')
        self.refused(b'{"a": +1}')
        self.refused(b'{"a": "\x01"}')
        self.refused(b"[" * 100000)

    def test_taken(self) -> None:
        """Surrogate pairs and the extremes of 64 bits are what they are."""
        self.assertEqual(parse(rb'{"a": "\ud83d\ude00"}'), {"a": "\U0001f600"})
        self.assertEqual(parse(b"[9223372036854775807, -9223372036854775808]"), [2**63 - 1, -(2**63)])


class ValidateTests(SynchronousTestCase):
    """From a value to a command."""

    def test_request(self) -> None:
        """Command, arguments and service arrive."""
        request = validate({"command": "x", "arguments": [1], "service": ["dhcp4"]})
        self.assertEqual(request, Request("x", [1], ("dhcp4",)))
        self.assertEqual(validate({"command": "x"}), Request("x", None))

    @given(JSON)
    def test_anything(self, value: object) -> None:
        """Any other value is refused with a text, never with another exception."""
        try:
            validate(value)
        except RequestError as error:
            self.assertTrue(str(error))

    def test_unknown_key(self) -> None:
        """A key that is not of a request is named."""
        with self.assertRaisesRegex(RequestError, "argument'"):
            validate({"command": "x", "argument": {}})
