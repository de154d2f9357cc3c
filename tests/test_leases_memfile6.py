"""Memfile of a DHCPv6 server: Kea's files in any version, prefixes beside addresses, what its configuration says."""

from __future__ import annotations

import errno
from socket import AF_INET6, inet_pton
from typing import Any

from tests.leasing import lease6
from tests.test_leases_memfile import Factory, Memfiles
from txkea.errors import ConfigError
from txkea.leases.memory import MemoryLeases
from txkea.leases.rows6 import ROWS6, SCHEMA6, format6
from txkea.leases.writer import InlineWriter
from txkea.model.configuration import Subnet
from txkea.model.lease import Lease6, LeaseState, LeaseType
from txkea.wire.duid import EMPTY_DUID

__all__ = ["Configured6Tests", "Memfile6Tests"]

HEADER = SCHEMA6.layout(17).header
row = format6(17)


def prefix(text: str, length: int, **changes: Any) -> Lease6:
    """A lease of a prefix."""
    address = inet_pton(AF_INET6, text)
    return lease6(1, **{"address": address, "prefix_length": length, "type": int(LeaseType.PD), **changes})


class Memfile6Tests(Memfiles):
    """Files and what they mean."""

    family = 6

    def test_rows(self) -> None:
        """Each change is one row under Kea's header, and a later opening finds what they say."""
        store = self.opened()
        first, second = lease6(2), lease6(3)
        declined = first._replace(
            duid=EMPTY_DUID, hwaddr=b"", hwtype=0, hwaddr_source=0, state=int(LeaseState.DECLINED)
        )
        self.assertTrue(self.now(store.add(first)))
        self.assertTrue(self.now(store.add(second)))
        self.assertTrue(self.now(store.update(declined, first)))
        self.assertTrue(self.now(store.remove(second)))
        rows = [row(first), row(second), row(declined), ROWS6.removal(second, row)]
        self.closed(store)
        self.assertEqual(self.path.read_bytes(), HEADER + b"".join(rows))
        self.assertEqual(self.leases(self.opened()), [declined])

    def test_overlaps_of_kea(self) -> None:
        """A file in which leases overlap, as Kea lets them, is kept; each can be renewed, and none is added."""
        around, inside = prefix("2001:db8::", 48), prefix("2001:db8:0:5::", 64, iaid=9)
        part = lease6(2, address=inet_pton(AF_INET6, "2001:db8:0:5::1"))
        self.path.write_bytes(HEADER + row(around) + row(inside) + row(part))
        store = self.opened()
        self.assertEqual(self.leases(store), [around, inside, part])
        self.assertEqual({*self.now(store.overlapping(inside.address, 64))}, {around, inside, part})
        for lease in (around, inside, part):
            self.assertTrue(self.now(store.update(lease._replace(expires=9), lease)))
        self.assertFalse(self.now(store.add(lease6(4, address=inet_pton(AF_INET6, "2001:db8:0:5::2")))))
        self.assertTrue(self.now(store.remove(around._replace(expires=9))))
        self.assertFalse(self.now(store.add(around)))

    def test_overlap_of_kea_that_cannot_be_removed(self) -> None:
        """If the end of a lease that overlaps another cannot be written, it goes on beside it."""
        around, inside = prefix("2001:db8::", 48), prefix("2001:db8:0:5::", 64, iaid=9)
        self.path.write_bytes(HEADER + row(around) + row(inside))
        store = self.opened()
        self.disk.fail("write", errno.ENOSPC, None)  # type: ignore[attr-defined]
        self.refused(store.remove(around))
        self.assertEqual(self.leases(store), [around, inside])
        self.assertEqual(self.now(store.counts()), {(1, 0, 2): 2})

    def test_old_columns(self) -> None:
        """A file of Kea 1.4 is set aside for a clean-up and goes on in our columns; nothing is lost."""
        whole = [lease6(2, hwaddr_source=0), lease6(3, hwaddr_source=0)]
        text = b"".join(b",".join(line.split(b",")[:14]) + b"\n" for line in (HEADER[:-1], *map(row, whole)))
        self.path.write_bytes(text)
        commands: list[Any] = []
        self.clock.spawnProcess = lambda child, program, arguments, **more: commands.append(arguments)  # type: ignore[attr-defined]
        store = self.opened(lfc_interval=0)
        self.assertEqual((self.path.read_bytes(), self.file(".1").read_bytes()), (HEADER, text))
        self.assertIn("-6", commands[0])
        self.assertEqual(self.leases(store), whole)
        self.assertEqual(len(self.log.texts("DHCPSRV_MEMFILE_NEEDS_UPGRADING")), 1)

    def test_pool_column(self) -> None:
        """A file of Kea 3 keeps its column pool_id."""
        self.path.write_bytes(SCHEMA6.newest.header + format6(18)(lease6(2, pool_id=5)))
        store = self.opened()
        self.now(store.add(lease6(3, pool_id=6)))
        self.closed(store)
        self.assertEqual(self.leases(self.opened()), [lease6(2, pool_id=5), lease6(3, pool_id=6)])

    def test_file_of_the_other_family(self) -> None:
        """A lease file of DHCPv4 is refused and left alone, and so is one of DHCPv6 by a DHCPv4 server."""
        header4 = b"address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state\n"
        self.path.write_bytes(header4)
        self.assertIn("no DHCPv6 lease file", self.refused(self.store().open()))
        self.assertEqual(self.path.read_bytes(), header4)
        self.path.write_bytes(HEADER)
        self.assertIn("no DHCPv4 lease file", self.refused(self.store(family=4).open()))
        self.assertEqual(self.path.read_bytes(), HEADER)

    def test_torn_header(self) -> None:
        """A file that has only the beginning of a header is begun again."""
        self.path.write_bytes(HEADER[:30])
        self.opened()
        self.assertEqual(self.path.read_bytes(), HEADER)


class Configured6Tests(Factory):
    """From a configuration."""

    family = 6

    def test_default_name(self) -> None:
        """Without a name it is Kea's file for DHCPv6."""
        self.assertEqual(self.make({}).files.active, str(self.path.parent / "kea-leases6.csv"))

    def test_not_persistent(self) -> None:
        """``persist: false`` is a store in memory."""
        self.assertIsInstance(self.make({"persist": False}), MemoryLeases)

    def test_wrong_parameters(self) -> None:
        """A wrong value is an error that names its place."""
        error = self.assertRaises(ConfigError, self.make, {"sync": 1})
        self.assertIn("sync", str(error))

    def test_sanity(self) -> None:
        """``lease-checks`` looks at addresses; a prefix need not lie in its subnet, which may be gone (Kea 2.2.0)."""
        subnets = tuple(
            Subnet(
                id=number,
                prefix=f"2001:db8:{number}::/48",
                network=inet_pton(AF_INET6, f"2001:db8:{number}::"),
                length=48,
            )
            for number in (2, 3)
        )
        addresses = [("2001:db8:2::1", 1), ("2001:db8:2::2", 2), ("2001:db8:9::1", 2)]
        rows = [row(lease6(2, address=inet_pton(AF_INET6, text), subnet_id=number)) for text, number in addresses]
        rows += [row(prefix("3001:db8::", 56, subnet_id=2)), row(prefix("3001:db8:1::", 56, subnet_id=7))]
        self.path.write_bytes(HEADER + b"".join(rows))
        for checks, ids in {
            "none": [1, 2, 2, 2, 7],
            "warn": [1, 2, 2, 2, 7],
            "fix": [2, 2, 2, 2, 7],
            "fix-del": [2, 2, 2, 7],
            "del": [2, 2, 7],
        }.items():
            with self.subTest(checks):
                store = self.make({"name": "leases.csv", "lfc-interval": 0}, lease_checks=checks, subnets=subnets)
                store._make_writer = InlineWriter
                self.now(store.open())
                self.assertEqual([found.subnet_id for found in self.leases(store)], ids)
                self.closed(store)
