"""Rows of the lease file: whatever is written can be read, by us and by Kea."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.errors import Unavailable
from txkea.leases.rows import HeaderError, escape, unescape
from txkea.leases.rows4 import ROWS4, SCHEMA4, format4, reader4
from txkea.model.lease import Lease4

__all__ = ["EscapeTests", "HeaderTests", "RowTests"]

HEADER = (
    "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id"
)
LEASE = Lease4(
    b"\xc0\0\x02\x11", b"\x02\0\0\x01\x02\x03", b"\x01\x02\x03", 4000, 1790004000, 7, True, False, "a.example.org"
)
ROW = "192.0.2.17,02:00:00:01:02:03,01:02:03,4000,1790004000,7,1,0,a.example.org,0,"

uint32 = st.integers(0, 0xFFFFFFFF)
texts = st.binary(max_size=40).map(lambda data: data.decode("utf-8", "surrogateescape"))
leases = st.builds(
    Lease4,
    st.binary(min_size=4, max_size=4),
    st.binary(max_size=20),
    st.binary(max_size=255),
    st.integers(1, 0xFFFFFFFF),
    st.integers(0, 2**63 - 1),
    uint32,
    st.booleans(),
    st.booleans(),
    texts,
    st.integers(0, 3),
    st.sampled_from(["", "{}", '{ "ISC": { "relay-agent-info": "0x01,02" }, "a": "&#x2c\\n" }']),
    st.just(0),
)


class RowTests(SynchronousTestCase):
    """Leases as rows."""

    def test_as_kea_writes_it(self) -> None:
        """A row looks as Kea 2.2.0 writes it."""
        self.assertEqual(format4(11)(LEASE), f"{ROW}\n".encode())

    @given(leases)
    def test_write_closure(self, lease: Lease4) -> None:
        """What is written is one line, and reads as the same lease."""
        row = format4(11)(lease)
        self.assertEqual((row.count(b"\n"), row[-1:]), (1, b"\n"))
        self.assertEqual(reader4(SCHEMA4.layout(11))(row[:-1].decode("utf-8", "surrogateescape")), lease)

    @given(leases, uint32)
    def test_pools(self, lease: Lease4, pool: int) -> None:
        """A file with the column pool_id keeps the pool."""
        lease = lease._replace(pool_id=pool)
        row = format4(12)(lease)[:-1].decode("utf-8", "surrogateescape")
        self.assertEqual(reader4(SCHEMA4.layout(12))(row), lease)

    @given(leases)
    def test_removal(self, lease: Lease4) -> None:
        """The row that frees an address has lifetime 0 and ends at the last transaction, never before the epoch."""
        read = reader4(SCHEMA4.layout(11))
        gone = read(ROWS4.removal(lease, format4(11))[:-1].decode("utf-8", "surrogateescape"))
        self.assertEqual((gone.address, gone.valid_lifetime, gone.expires), (lease.address, 0, max(lease.cltt, 0)))

    def test_lifetime_zero(self) -> None:
        """A lease with lifetime 0 is no freed address: it reads as one that ended at the same second."""
        row = format4(11)(LEASE._replace(valid_lifetime=0))[:-1].decode()
        self.assertEqual(reader4(SCHEMA4.layout(11))(row), LEASE._replace(valid_lifetime=1))

    def test_unwritable(self) -> None:
        """A lease that could not be read back is refused before anything is written."""
        for change in ({"expires": -1}, {"valid_lifetime": 2**32}, {"subnet_id": -1}, {"state": 9}, {"pool_id": -1}):
            self.assertRaises(Unavailable, format4(12), LEASE._replace(**change))  # type: ignore[arg-type]
        self.assertRaises(Unavailable, format4(11), LEASE._replace(hostname="x" * (1 << 20)))

    def test_bad_rows(self) -> None:
        """A row that is none is told why, whatever is wrong with it."""
        read = reader4(SCHEMA4.layout(11))
        fields = ROW.split(",")
        wrong = {
            0: [
                "",
                "192.0.2",
                "192.0.2.256",
                "0300.0.2.1",
                "2001:db8::1",
                "192.0.2.1 ",
                "\0",
                "\udc80",
                "\uff11.2.3.4",
            ],
            1: ["0", "000", "zz", "02:00:0", "\udc80\udc80"],
            2: ["1", "01:", "01:0g"],
            3: ["", "-1", "+1", "1.0", " 1", "1_0", "\uff14", "4294967296", "9" * 5000],
            4: ["", "-1", "9223372036854775808", "0x1", "²"],
            5: ["", "-7", "4294967296"],
            6: ["", "2", "true"],
            9: ["", "4", "9", "-1", "00"],
        }
        for column, texts_ in wrong.items():
            for text in texts_:
                with self.subTest(column=column, text=text):
                    row = ",".join([*fields[:column], text, *fields[column + 1 :]])
                    self.assertRaises(ValueError, read, row)
        for row in ("", ROW[:-1], f"{ROW},", HEADER, "\0" * 100):
            self.assertRaises(ValueError, read, row)

    @given(st.integers(0, len(ROW) - 1), st.integers(0, 7))
    def test_bit_flips(self, place: int, bit: int) -> None:
        """A flipped bit gives a lease or a ValueError, nothing else."""
        data = bytearray(ROW.encode())
        data[place] ^= 1 << bit
        try:
            found = reader4(SCHEMA4.layout(11))(data.decode("utf-8", "surrogateescape"))
        except ValueError:
            return
        self.assertIsInstance(found, Lease4)

    def test_bad_context(self) -> None:
        """A user context that is no JSON object costs the context, not the lease."""
        read = reader4(SCHEMA4.layout(11))
        for context in ("{", "[]", "7", "nonsense", "[" * 5000):
            self.assertEqual(read(ROW + context), LEASE)


class EscapeTests(SynchronousTestCase):
    """Text that holds anything."""

    def test_every_byte(self) -> None:
        """Every byte survives, and none but the printable stands in the row (Kea #4393)."""
        text = bytes(range(256)).decode("latin-1").encode("latin-1").decode("utf-8", "surrogateescape")
        written = escape(text)
        self.assertEqual(unescape(written), text)
        self.assertFalse(set(written) & {*map(chr, range(32)), "\x7f", ","})

    def test_kea_comma(self) -> None:
        """A comma is written as Kea writes it."""
        self.assertEqual(escape("a,b"), "a&#x2cb")

    def test_ampersand(self) -> None:
        """Text that looks like an escape stays what it is."""
        for text in ("&#x2c", "&", "&amp;", "&#x", "&#xzz", "&#x26#x2c"):
            self.assertEqual(unescape(escape(text)), text)

    def test_foreign_ampersand(self) -> None:
        """An ampersand that begins no escape, as an old Kea wrote it, stands for itself."""
        self.assertEqual(unescape("a&b &#x2 &#xg0"), "a&b &#x2 &#xg0")

    def test_lone_surrogates(self) -> None:
        """A surrogate that stands for no byte does not keep a row from being written and read."""
        row = format4(11)(LEASE._replace(hostname="a\ud800b"))
        self.assertIsInstance(reader4(SCHEMA4.layout(11))(row[:-1].decode("utf-8", "surrogateescape")), Lease4)


class HeaderTests(SynchronousTestCase):
    """The columns of a file."""

    def test_older_files(self) -> None:
        """Files of every Kea since 1.0 are read; what they lack gets its default."""
        for width in (9, 10, 11, 12):
            layout = SCHEMA4.understand(",".join(HEADER.split(",")[:width]))
            self.assertEqual((layout, layout.unknown), (SCHEMA4.layout(width), ()))
            row = ",".join([*ROW.split(","), "0"][:width])
            self.assertEqual(reader4(layout)(row), LEASE)

    def test_newer_files(self) -> None:
        """Columns that we do not know are left out, wherever they stand."""
        layout = SCHEMA4.understand(f"more,{HEADER},colour")
        self.assertEqual(layout.unknown, ("more", "colour"))
        self.assertEqual(reader4(layout)(f"x,{ROW},5,red"), LEASE._replace(pool_id=5))

    def test_other_order(self) -> None:
        """Columns are found by name, and the optional ones may be missing in the middle."""
        layout = SCHEMA4.understand(",".join(reversed(HEADER.split(",")[:9])) + ",pool_id")
        row = ",".join(reversed(ROW.split(",")[:9])) + ",3"
        self.assertEqual(reader4(layout)(row), LEASE._replace(pool_id=3))

    def test_no_header(self) -> None:
        """A file that begins otherwise is no lease file, and is told so."""
        for text in ("", ROW, HEADER[:40], f"{HEADER},state", "address,duid,valid_lifetime"):
            self.assertRaises(HeaderError, SCHEMA4.understand, text)
