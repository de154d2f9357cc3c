"""What the leases in Cassandra are made of: keys, texts, tallies, parameters."""

from __future__ import annotations

from ipaddress import IPv6Network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.backend.parameters import Parameters
from txkea.cassandra.keys import clients_of, key_of, last_of, slice_of, slices_beside, slices_inside, truncated
from txkea.cassandra.parameters import settings
from txkea.cassandra.tally import EMPTY, WRITERS, Tally
from txkea.cassandra.text import decode, encode
from txkea.errors import ConfigError
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.testing.contracts.samples import SAMPLES4, SAMPLES6

__all__ = ["KeyTests", "ParameterTests", "TallyTests", "TextTests"]

ADDRESSES = st.binary(min_size=16, max_size=16) | st.builds(
    lambda begin, end: begin + bytes(16 - len(begin) - len(end)) + end, st.binary(max_size=12), st.binary(max_size=4)
)
"""Any, and those that operators give: few bytes, zeros, few bytes."""


class KeyTests(SynchronousTestCase):
    """Under which keys leases are."""

    @given(address=ADDRESSES, length=st.integers(0, 128), host=st.integers(0, (1 << 128) - 1))
    def test_inside(self, address: bytes, length: int, host: int) -> None:
        """Whatever is inside a prefix is in one of the slices that are looked at, or is the prefix's first address."""
        first = truncated(address, length)
        inside = (int.from_bytes(first, "big") | host & (1 << 128 - length) - 1).to_bytes(16, "big")
        key, bounds = slice_of(inside), slices_inside(first, length)
        between = bounds is not None and bounds[0] <= key <= bounds[1]
        self.assertTrue(inside == first or between or key in slices_beside(first, length))

    @given(address=ADDRESSES, length=st.integers(0, 128))
    def test_bounds(self, address: bytes, length: int) -> None:
        """The first and last address of a prefix are what the standard library says."""
        network = IPv6Network((address, length), strict=False)
        first = truncated(address, length)
        self.assertEqual(network.network_address.packed, first)
        self.assertEqual(network.broadcast_address.packed, last_of(first, length))

    @given(address=ADDRESSES)
    def test_slices(self, address: bytes) -> None:
        """A slice has a key that Cassandra takes: not empty; and an address is in the slice of its neighbours."""
        key = slice_of(address)
        self.assertTrue(0 < len(key) < 16)
        if address[15] and not any(address[8:12]):
            self.assertEqual(key, slice_of(address[:15] + b"\xff"))
        self.assertEqual(b"\x0a\0\1", slice_of(b"\x0a\0\1\7"))

    def test_prefixes_share_slices(self) -> None:
        """256 prefixes in a row that end on the boundary of a byte are in one slice or two, the first by itself."""
        keys = {slice_of(bytes.fromhex("20010db80000") + bytes((number,)) + bytes(9)) for number in range(1, 256)}
        self.assertEqual({bytes.fromhex("20010db80000")}, keys)

    def test_clients(self) -> None:
        """A client identifier made of the hardware address has the key of that, any other one its own."""
        hwaddr = b"\2\0\0\0\0\1"
        lease = SAMPLES4.example._replace(hwaddr=hwaddr, client_id=b"\1" + hwaddr)
        self.assertEqual([b"\0" + hwaddr], clients_of(lease))
        self.assertEqual([b"\0" + hwaddr, b"\3\1\2"], clients_of(lease._replace(client_id=b"\1\2")))
        self.assertEqual([], clients_of(lease._replace(client_id=b"", hwaddr=b"")))
        self.assertEqual(b"\3" + hwaddr, key_of(Identifier(IdentifierKind.CLIENT_ID, hwaddr)))


class TextTests(SynchronousTestCase):
    """Leases as texts."""

    @given(lease=SAMPLES4.every | SAMPLES6.every)
    def test_there_and_back(self, lease: Any) -> None:
        """A lease comes back whole, its text is ASCII, and fields that a later version appends do no harm."""
        text = encode(lease)
        self.assertTrue(text.isascii())
        self.assertEqual(lease, decode(lease.address, text))
        self.assertEqual(lease, decode(lease.address, text[:-1] + ',"more"]'))

    @given(one=SAMPLES4.every, other=SAMPLES4.every)
    def test_equal(self, one: Any, other: Any) -> None:
        """Leases of one address have the same text if they are equal, and only then."""
        other = other._replace(address=one.address)
        self.assertEqual(one == other, encode(one) == encode(other))
        self.assertEqual(encode(one), encode(one._replace(state=int(one.state))))


class TallyTests(SynchronousTestCase):
    """What a slice holds."""

    @given(st.lists(SAMPLES6.few, max_size=9))
    def test_counts(self, leases: list[Any]) -> None:
        """Leases that come and go again leave nothing behind but who wrote."""
        tally = Tally.read(EMPTY.after([], leases, "a", 1).text())
        self.assertEqual(len(leases), sum(tally.counts.values()))
        again = tally.after(leases, [], "b", 2)
        self.assertEqual({}, again.counts)
        self.assertEqual({"a": 1, "b": 2}, again.writers)

    def test_writers(self) -> None:
        """The latest writers are remembered with their latest batch, so many of them, and no more."""
        tally = EMPTY
        for number in range(WRITERS + 3):
            tally = tally.after([], [], "always", number).after([], [], f"w{number}", number)
        self.assertEqual(WRITERS, len(tally.writers))
        self.assertEqual(WRITERS + 2, tally.writers["always"])
        self.assertEqual(tally, Tally.read(tally.text()))

    def test_nothing(self) -> None:
        """A slice that nobody has written to is empty."""
        self.assertEqual(EMPTY, Tally.read(None))


class ParameterTests(SynchronousTestCase):
    """What a configuration may say."""

    def test_wrong(self) -> None:
        """A value that cannot be used is refused by its name."""
        for name, value in {
            "contact-points": "10.0.0.1,,10.0.0.2",
            "port": 65536,
            "keyspace": "a; DROP KEYSPACE b",
            "consistency": "most",
            "serial-consistency": "quorum",
            "request-timeout": 0,
            "connect-timeout": 0,
            "tcp-nodelay": 1,
            "trust-anchor": "/nowhere/ca.pem",
            "cert-file": "/nowhere/cert.pem",
            "password-file": "/nowhere/password",
        }.items():
            error = self.assertRaises(ConfigError, settings, Parameters({name: value}))
            self.assertEqual(name, error.path)

    @given(st.text(max_size=60))
    def test_keyspace(self, name: str) -> None:
        """Only small letters, digits and underscores are taken, for the name stands in statements that make tables."""
        try:
            taken = settings(Parameters({"keyspace": name})).keyspace
        except ConfigError:
            return
        self.assertRegex(taken, r"\A[a-z0-9_]+\Z")

    def test_defaults(self) -> None:
        """Without parameters it is one node on this machine, with quorum; what Kea has in milliseconds is seconds."""
        found = settings(Parameters({"reconnect-wait-time": 2000}))
        self.assertEqual((["127.0.0.1"], 9042, "txkea"), (found.contact_points, found.port, found.keyspace))
        self.assertEqual(("quorum", "serial"), (found.consistency, found.serial_consistency))
        self.assertEqual((12.0, 5.0, 2.0), (found.request_timeout, found.reconnect.timeout, found.reconnect.wait))
        self.assertIsNone(found.tls)
