"""Rows of DHCPv6 lease files: whatever is written can be read, by us and by Kea, and whatever Kea wrote."""

from __future__ import annotations

from socket import AF_INET6, inet_pton
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.errors import Unavailable
from txkea.leases.rows import HeaderError
from txkea.leases.rows6 import ROWS6, SCHEMA6, format6, reader6
from txkea.model.lease import Lease6, LeaseState, LeaseType
from txkea.testing.contracts.samples import SAMPLES6
from txkea.wire.duid import EMPTY_DUID

__all__ = ["Header6Tests", "KeaRowTests", "Row6Tests"]

HEADER = (
    "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,"
    "hwaddr,state,user_context,hwtype,hwaddr_source,pool_id"
)
LEASE = Lease6(
    address=inet_pton(AF_INET6, "2001:db8::100"),
    hwaddr=bytes.fromhex("020000000055"),
    duid=bytes.fromhex("00030001020000000055"),
    valid_lifetime=400,
    expires=1795575950,
    subnet_id=1,
    fqdn_rev=True,
    hostname="host.",
    iaid=7,
    preferred_lifetime=300,
    hwtype=1,
    hwaddr_source=2,
)
ROW = "2001:db8::100,00:03:00:01:02:00:00:00:00:55,400,1795575950,1,300,0,7,128,0,1,host.,02:00:00:00:00:55,0,,1,2"


def read(text: str, width: int = 17) -> Lease6:
    """The lease of a row."""
    return reader6(SCHEMA6.layout(width))(text)


def changed(column: str, text: str) -> str:
    """The row with another text in a column."""
    fields = ROW.split(",")
    fields[SCHEMA6.names.index(column)] = text
    return ",".join(fields)


class Row6Tests(SynchronousTestCase):
    """Leases as rows."""

    def test_as_kea_writes_it(self) -> None:
        """A row looks as Kea 2.2.0 writes it."""
        self.assertEqual(format6(17)(LEASE), f"{ROW}\n".encode())

    def test_prefix(self) -> None:
        """A prefix is its first address and its length."""
        lease = LEASE._replace(
            address=inet_pton(AF_INET6, "3001:db8::"), type=LeaseType.PD, prefix_length=56, iaid=0xFFFFFFF7
        )
        row = format6(17)(lease).decode()
        self.assertTrue(
            row.startswith("3001:db8::,00:03:00:01:02:00:00:00:00:55,400,1795575950,1,300,2,4294967287,56,")
        )
        self.assertEqual(read(row[:-1]), lease)

    @given(SAMPLES6.every, st.integers(0, 0xFFFFFFFF))
    def test_write_closure(self, lease: Lease6, pool: int) -> None:
        """What is written is one line, and reads as the same lease, with its pool where the file has that column."""
        for width, one in ((17, lease), (18, lease._replace(pool_id=pool))):
            row = format6(width)(one)
            self.assertEqual((row.count(b"\n"), row[-1:]), (1, b"\n"))
            self.assertEqual(read(row[:-1].decode("utf-8", "surrogateescape"), width), one)

    @given(SAMPLES6.every)
    def test_removal(self, lease: Lease6) -> None:
        """The row that frees an address has no lifetimes and ends at the last transaction, never before the epoch."""
        gone = read(ROWS6.removal(lease, format6(17))[:-1].decode("utf-8", "surrogateescape"))
        self.assertEqual((gone.address, gone.valid_lifetime, gone.preferred_lifetime), (lease.address, 0, 0))
        self.assertEqual((gone.expires, gone.prefix_length), (max(lease.cltt, 0), lease.prefix_length))

    def test_lifetime_zero(self) -> None:
        """A lease with lifetime 0 is no freed address: it reads as one that ended at the same second."""
        self.assertEqual(
            read(format6(17)(LEASE._replace(valid_lifetime=0))[:-1].decode()), LEASE._replace(valid_lifetime=1)
        )

    def test_unwritable(self) -> None:
        """A lease that could not be read back is refused before anything is written."""
        wrong: list[dict[str, Any]] = [
            {"expires": -1},
            {"valid_lifetime": 2**32},
            {"preferred_lifetime": 2**32},
            {"subnet_id": -1},
            {"state": 5},
            {"pool_id": -1},
            {"duid": b""},
            {"iaid": -1},
            {"iaid": 2**32},
            {"type": 3},
            {"prefix_length": 129},
            {"hwtype": 2**16},
            {"hwaddr_source": 2**32},
            {"hostname": "x" * (1 << 20)},
        ]
        for change in wrong:
            self.assertRaises(Unavailable, format6(18), LEASE._replace(**change))

    def test_bad_rows(self) -> None:
        """A row that is none is told why, whatever is wrong with it."""
        wrong = {
            "address": ["", "192.0.2.1", "2001:db8::1::", "2001:db8::1%lo", "2001:db8::g", " ::1", "\0", "\udc80"],
            "duid": ["", "0", "000", "01:", "01:0g", "\udc80\udc80"],
            "valid_lifetime": ["", "-1", "+1", "1.0", " 1", "1_0", "\uff14", "4294967296", "9" * 5000],
            "expire": ["", "-1", "9223372036854775808", "0x1"],
            "subnet_id": ["", "-7", "4294967296"],
            "pref_lifetime": ["", "-1", "4294967296"],
            "lease_type": ["", "3", "-1", "00"],
            "iaid": ["", "-", "--1", "-0", "-2147483649", "4294967296", "1-", "- 1"],
            "prefix_len": ["", "129", "-1"],
            "fqdn_fwd": ["", "2", "true"],
            "hwaddr": ["0", "02:00:0"],
            "state": ["", "5", "-1", "00"],
            "hwtype": ["65536", "x"],
            "hwaddr_source": ["4294967296", "x"],
        }
        for column, texts in wrong.items():
            for text in texts:
                with self.subTest(column=column, text=text):
                    self.assertRaises(ValueError, read, changed(column, text))
        for row in ("", ROW[:-4], f"{ROW},", HEADER, "\0" * 100):
            self.assertRaises(ValueError, read, row)

    @given(st.integers(0, len(ROW) - 1), st.integers(0, 7))
    def test_bit_flips(self, place: int, bit: int) -> None:
        """A flipped bit gives a lease or a ValueError, nothing else."""
        data = bytearray(ROW.encode())
        data[place] ^= 1 << bit
        try:
            found = read(data.decode("utf-8", "surrogateescape"))
        except ValueError:
            return
        self.assertIsInstance(found, Lease6)


class KeaRowTests(SynchronousTestCase):
    """Rows that Kea writes and we do not."""

    def test_declined_by_an_old_kea(self) -> None:
        """Kea 2.2.0 gives declined leases a DUID of one byte, later ones of three: they are one to us (B048)."""
        for duid in ("00", "00:00:00"):
            row = f"2001:db8::100,{duid},86400,1795661950,1,0,0,7,128,0,0,,,1,,,"
            found = read(row)
            self.assertEqual((found.duid, found.state), (EMPTY_DUID, LeaseState.DECLINED))
            self.assertEqual((found.hwaddr, found.hwtype, found.hwaddr_source), (b"", 0, 0))
            self.assertEqual(format6(17)(found).decode(), row.replace(",00,", ",00:00:00,") + "\n")

    def test_hardware_type_is_missing(self) -> None:
        """A hardware address whose type a file lacks is one of Ethernet, its source unknown."""
        for row, width in ((",".join(ROW.split(",")[:14]), 14), (changed("hwtype", "").removesuffix("2"), 17)):
            self.assertEqual(read(row, width), LEASE._replace(hwaddr_source=0))

    def test_negative_iaid(self) -> None:
        """Kea's dump of a PostgreSQL database has signed numbers of identity associations (E032)."""
        for text, iaid in (("-1", 0xFFFFFFFF), ("-7", 0xFFFFFFF9), ("-2147483648", 0x80000000)):
            self.assertEqual(read(changed("iaid", text)).iaid, iaid)

    def test_bits_beyond_a_prefix(self) -> None:
        """A prefix is kept by its first address, however it was written; an address has 128 bits, whatever is said."""
        row = changed("lease_type", "2").replace(",128,", ",56,")
        found = read(row.replace("2001:db8::100", "2001:db8:0:1ff::7"))
        self.assertEqual((found.address, found.prefix_length), (inet_pton(AF_INET6, "2001:db8:0:100::"), 56))
        self.assertEqual(read(changed("prefix_len", "64")), LEASE)

    def test_old_texts_of_addresses(self) -> None:
        """An address may be written in any way."""
        for text in ("2001:DB8::100", "2001:0db8:0000:0000:0000:0000:0000:0100", "2001:db8:0::0:100"):
            self.assertEqual(read(changed("address", text)), LEASE)
        mapped = read(changed("address", "::ffff:1.2.3.4"))
        self.assertEqual(mapped.address, bytes(10) + b"\xff\xff\1\2\3\4")

    def test_bad_context(self) -> None:
        """A user context that is no JSON object costs the context, not the lease."""
        for context in ("{", "[]", "7", "nonsense", "[" * 5000):
            self.assertEqual(read(changed("user_context", context)), LEASE)


class Header6Tests(SynchronousTestCase):
    """The columns of a file."""

    def test_older_files(self) -> None:
        """Files of every Kea since 0.9 are read; what they lack gets its default."""
        bare = LEASE._replace(hwaddr=b"", hwtype=0, hwaddr_source=0)
        expected = {12: bare, 13: LEASE._replace(hwaddr_source=0), 14: LEASE._replace(hwaddr_source=0)}
        for width in (12, 13, 14, 15, 17, 18):
            layout = SCHEMA6.understand(",".join(HEADER.split(",")[:width]))
            self.assertEqual((layout, layout.unknown), (SCHEMA6.layout(width), ()))
            row = ",".join([*ROW.split(","), "0"][:width])
            self.assertEqual(reader6(layout)(row), expected.get(width, LEASE if width > 15 else expected[14]))

    def test_newer_files(self) -> None:
        """Columns that we do not know are left out, wherever they stand."""
        layout = SCHEMA6.understand(f"more,{HEADER},colour")
        self.assertEqual(layout.unknown, ("more", "colour"))
        self.assertEqual(reader6(layout)(f"x,{ROW},5,red"), LEASE._replace(pool_id=5))

    def test_other_order(self) -> None:
        """Columns are found by name, and the optional ones may be missing in the middle."""
        layout = SCHEMA6.understand(",".join(reversed(HEADER.split(",")[:12])) + ",pool_id")
        row = ",".join(reversed(ROW.split(",")[:12])) + ",3"
        expected = LEASE._replace(hwaddr=b"", hwtype=0, hwaddr_source=0, pool_id=3)
        self.assertEqual(reader6(layout)(row), expected)

    def test_no_header(self) -> None:
        """A file that begins otherwise is no DHCPv6 lease file, and is told so: not even one of DHCPv4."""
        header4 = (
            "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"
        )
        for text in ("", ROW, HEADER[:40], f"{HEADER},state", header4):
            self.assertRaises(HeaderError, SCHEMA6.understand, text)
