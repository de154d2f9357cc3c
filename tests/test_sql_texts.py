"""`txkea.sql.texts` and `txkea.sql.prefixes`: what stands in columns that cannot hold everything."""

from __future__ import annotations

import json
import re
from socket import AF_INET6, inet_ntop
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.model.lease import Lease6
from txkea.sql.prefixes import Prefixes, bounds, patterns, truncations
from txkea.sql.texts import expand, fitting, pack, unpack

any_bytes: Final = st.binary(max_size=40).map(lambda data: data.decode("utf-8", "surrogateescape"))
texts: Final = st.text() | any_bytes | st.text("\\0123456789\0é", max_size=12)
objects: Final = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=3)


class TextTests(SynchronousTestCase):
    """Host names in columns."""

    @given(texts, st.booleans())
    def test_there_and_back(self, text: str, unicode: bool) -> None:
        """Every text comes back as it was; the column gets none of what it does not hold."""
        fitted = fitting(unicode)(text)
        self.assertEqual(text, expand(fitted))
        self.assertNotIn("\0", fitted)
        fitted.encode("utf-8" if unicode else "ascii")

    def test_plain(self) -> None:
        """A plain name stands there as it is, and one that another server wrote is read as it is."""
        for name in ("", "host.example.org.", "a b'c\"d%s", "\r\n\t"):
            self.assertEqual(name, fitting(False)(name))
        self.assertEqual("größe", fitting(True)("größe"))
        for name in ("a\\b", "\\999", "\\", "C:\\x"):
            self.assertEqual(name, expand(name))

    def test_escapes(self) -> None:
        """NUL, bytes that are no UTF-8 and backslashes are written as RFC 1035 does."""
        self.assertEqual("a\\000\\255\\\\", fitting(True)("a\0\udcff\\"))
        self.assertEqual("gr\\195\\182", fitting(False)("grö"))


class ContextTests(SynchronousTestCase):
    """What is kept in a user context."""

    @given(st.integers(), objects.map(json.dumps) | st.sampled_from(("", "{}", "{ }", '{"txkea":{"expires":7},"a":1}')))
    def test_there_and_back(self, second: int, context: str) -> None:
        """A second beside any user context comes back with it, and both together are JSON that Kea reads."""
        packed = pack({"expires": second}, context)
        self.assertEqual(({"expires": second}, context), unpack(packed))
        self.assertIsInstance(json.loads(packed), dict)

    @given(objects.map(json.dumps))
    def test_nothing_kept(self, context: str) -> None:
        """A user context of somebody else's is not touched."""
        if not context.startswith('{"txkea":'):
            self.assertEqual(({}, context), unpack(context))

    def test_not_ours(self) -> None:
        """What looks like ours and is not, whoever wrote it, is somebody else's."""
        for text in (
            '{"txkea":{"expires":"soon"}}',
            '{"txkea":{"expires":1.5},"a":1}',
            '{"txkea":{"of":"xyz"}}',
            '{"txkea":{"of":7}}',
            '{"txkea":{broken}}',
            '{"txkea":[]}',
        ):
            self.assertEqual(({}, text), unpack(text))


numbers: Final = st.integers(0, (1 << 128) - 1) | st.lists(
    st.sampled_from((0, 0, 0, 1, 0x20, 0x300, 0xDB8, 0x2001, 0xFFFF)), min_size=8, max_size=8
).map(lambda groups: sum(group << 16 * place for place, group in enumerate(groups)))


def packed(number: int) -> bytes:
    return number.to_bytes(16, "big")


class PrefixTests(SynchronousTestCase):
    """Addresses in prefixes."""

    @given(numbers, st.integers(0, 128), numbers)
    def test_patterns(self, number: int, length: int, other: int) -> None:
        """The text of each address in a prefix is like one of the prefix's patterns."""
        beyond = 128 - length
        first = number >> beyond << beyond
        inside = first | (other & (1 << beyond) - 1)
        ways = patterns(packed(first), length)
        text = inet_ntop(AF_INET6, packed(inside))
        self.assertTrue(any(_like(way, text) for way in ways), f"{text} in {ways}")
        self.assertLess(len(ways), 40)

    def test_patterns_are_narrow(self) -> None:
        """The patterns of a delegated prefix leave out its neighbours."""
        ways = patterns(bytes.fromhex("20010db8000a1200").ljust(16, b"\0"), 56)
        self.assertTrue(any(_like(way, "2001:db8:a:12ff::1") for way in ways))
        for text in ("2001:db8:a:1300::1", "2001:db8:a:1::1", "2001:db8:b:1200::"):
            self.assertFalse(any(_like(way, text) for way in ways), text)

    @given(numbers, st.integers(0, 128))
    def test_truncations(self, number: int, length: int) -> None:
        """The first address of every prefix around an address is among its truncations."""
        beyond = 128 - length
        self.assertIn(packed(number >> beyond << beyond), {*truncations(packed(number))})

    @given(st.lists(st.tuples(numbers, st.integers(0, 128)), max_size=6), numbers, st.integers(0, 128))
    def test_overlapping(self, there: list[tuple[int, int]], number: int, length: int) -> None:
        """Prefixes that share an address are found, whichever holds the other, until they are dropped."""
        leases: dict[bytes, Any] = {}
        for each, bits in there:
            address = packed(each >> 128 - bits << 128 - bits)
            leases[address] = Lease6(address, b"", b"123", 1, 1, 1, type=2, prefix_length=bits)
        address = packed(number >> 128 - length << 128 - length)
        prefixes = Prefixes([])
        for lease in leases.values():
            prefixes.put(lease)
        expected = [lease for lease in leases.values() if _overlap(lease.address, lease.prefix_length, address, length)]
        self.assertEqual(sorted(expected), sorted(prefixes.overlapping(address, length)))
        for lease in expected:
            prefixes.drop(lease.address)
        self.assertEqual([], prefixes.overlapping(address, length))


def _overlap(one: bytes, bits: int, other: bytes, length: int) -> bool:
    first, last = bounds(one, bits)
    begin, end = bounds(other, length)
    return first <= end and begin <= last


def _like(pattern: str, text: str) -> bool:
    expression = "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, text) is not None
