"""JSON read in steps, against Python's own reader."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.test_control_request import JSON
from txkea.control.reading import read

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers()


def chunks(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def text(value: Any, escaped: bool, indent: int | None) -> bytes:
    return json.dumps(value, ensure_ascii=escaped, indent=indent).encode("utf-8", "surrogatepass")


class ReadingTests(SynchronousTestCase):
    """What comes in chunks."""

    @given(JSON | NUMBERS, st.integers(1, 9), st.booleans(), st.sampled_from([None, 1]))
    def test_any_value_in_any_chunks(self, value: Any, size: int, escaped: bool, indent: int | None) -> None:
        """Every value is read as Python reads it, wherever its text is cut."""
        data = text(value, escaped, indent)
        self.assertEqual(read(chunks(b" \n" + data + b"\n", size)), json.loads(data))

    @given(JSON, st.integers(1, 9), st.data())
    def test_what_lacks_its_end(self, value: Any, size: int, data: st.DataObject) -> None:
        """A text without its end is refused, as is one with more behind it."""
        whole = text([value], True, None)
        end = data.draw(st.integers(0, len(whole) - 1))
        self.assertRaises(ValueError, read, chunks(whole[:end], size))
        self.assertRaises(ValueError, read, chunks(whole + b" 1", size))

    @given(st.binary(max_size=30), st.integers(1, 5))
    def test_anything(self, data: bytes, size: int) -> None:
        """Whatever comes, it is read as Python reads it or refused."""
        try:
            expected = json.loads(data.decode("utf-8", "replace"))
        except ValueError:
            self.assertRaises(ValueError, read, chunks(data, size))
        else:
            self.assertEqual(read(chunks(data, size)), expected)

    def test_no_json(self) -> None:
        """What Python lets pass and JSON does not have is refused; so is what nests without end."""
        for bad in (b"NaN", b'{"a": -Infinity}', b"{a: 1}", b'{"a" 1}', b"[1,]", b"[1 2]", b'{"a": 1,}', b"[1}"):
            self.assertRaises(ValueError, read, [bad])
            self.assertRaises(ValueError, read, chunks(bad, 1))
        self.assertRaises(RecursionError, read, [b"[" * 100000])

    def test_octets_of_clients(self) -> None:
        """Octets that are no UTF-8 do not keep the rest from being read."""
        self.assertEqual(read([b'{"hostname": "a\xff"}']), {"hostname": "a\ufffd"})

    def test_nothing_kept(self) -> None:
        """Whoever only wants to know whether it is good JSON need not keep its maps."""
        self.assertEqual(read([b'{"a": [{"b": 1}, 2]}'], lambda pairs: None), None)
        self.assertEqual(read(chunks(b'[{"b": 1}, 2]', 1), lambda pairs: None), [None, 2])
