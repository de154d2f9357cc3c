"""The tables of leases, and the statements that read and write them.

For each family there is one table of leases, and indexes beside it that are written without condition: what they say
counts only if the lease itself says so too. ``since`` is when an entry was written, microseconds since the epoch and
the time stamp of its cells: whoever deletes an entry deletes that very one, and none that was written after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["LEASE_TABLES", "Statements", "Statements6"]

_INDEX: Final = "WITH gc_grace_seconds = 10800"
"""An entry that comes back is only one more that does not count; and scans shall not meet the deleted ones for days."""


def _tables(family: int) -> list[str]:
    create = f"CREATE TABLE IF NOT EXISTS leases{family}"
    return [
        f"{create} (slice blob, address blob, lease text, tally text static, PRIMARY KEY (slice, address))",
        f"{create}_by_client (shard int, client blob, address blob, since bigint, "
        f"PRIMARY KEY (shard, client, address)) {_INDEX}",
    ]


LEASE_TABLES: Final[Sequence[str]] = (
    *_tables(4),
    *_tables(6),
    f"CREATE TABLE IF NOT EXISTS leases6_slices (root blob, slice blob, since bigint, "
    f"PRIMARY KEY (root, slice)) {_INDEX}",
    "CREATE TABLE IF NOT EXISTS leases6_lengths (part int, length int, PRIMARY KEY (part, length))",
)
"""What `txkea.cassandra.schema` makes."""


class Statements:
    """All that is asked of the tables of one family; each docstring names its values in their order."""

    def __init__(self, family: int) -> None:
        leases = f"leases{family}"
        self.probe = f"SELECT client FROM {leases}_by_client WHERE shard = 0 LIMIT 1"
        self.tally = f"UPDATE {leases} SET tally = ? WHERE slice = ? IF tally = ?"
        """New tally, slice, tally as it is."""
        self.add = f"INSERT INTO {leases} (slice, address, lease) VALUES (?, ?, ?) IF NOT EXISTS"
        """Slice, address, lease."""
        self.update = f"UPDATE {leases} SET lease = ? WHERE slice = ? AND address = ? IF lease = ?"
        """Lease, slice, address, lease as it is."""
        self.remove = f"DELETE FROM {leases} WHERE slice = ? AND address = ? IF lease = ?"
        """Slice, address, lease as it is."""
        self.get = f"SELECT address, lease FROM {leases} WHERE slice IN ? AND address IN ?"
        """Slices, addresses."""
        self.between = f"SELECT address, lease FROM {leases} WHERE slice IN ? AND address >= ? AND address <= ? LIMIT ?"
        """Slices, first and last address, limit."""
        self.behind = f"SELECT address, lease FROM {leases} WHERE slice = ? AND address > ? LIMIT ?"
        """Slice, address, limit."""
        self.slice = f"SELECT address, lease, tally FROM {leases} WHERE slice = ? AND address > ? LIMIT ?"
        """Slice, address, limit."""
        self.first = f"SELECT slice, address, lease FROM {leases} LIMIT ?"
        """Limit."""
        self.next = f"SELECT slice, address, lease FROM {leases} WHERE token(slice) > token(?) LIMIT ?"
        """Slice, limit."""
        self.tallies = f"SELECT DISTINCT slice, tally FROM {leases} LIMIT ?"
        """Limit."""
        self.next_tallies = f"SELECT DISTINCT slice, tally FROM {leases} WHERE token(slice) > token(?) LIMIT ?"
        """Slice, limit."""
        self.note_client = (
            f"INSERT INTO {leases}_by_client (shard, client, address, since) VALUES (?, ?, ?, ?) USING TIMESTAMP ?"
        )
        """Shard, client, address, since, since."""
        self.clients = f"SELECT client, address, since FROM {leases}_by_client WHERE shard IN ? AND client IN ?"
        """Shards, clients."""
        self.forget_client = (
            f"DELETE FROM {leases}_by_client USING TIMESTAMP ? WHERE shard = ? AND client = ? AND address = ?"
        )
        """Since, shard, client, address."""

    def texts(self) -> list[str]:
        """All of them."""
        return [*vars(self).values()]


class Statements6(Statements):
    """Those of DHCPv6, where prefixes overlap."""

    def __init__(self) -> None:
        super().__init__(6)
        self.note_slice = "INSERT INTO leases6_slices (root, slice, since) VALUES (?, ?, ?) USING TIMESTAMP ?"
        """Root, slice, since, since."""
        self.slices = "SELECT slice, since FROM leases6_slices WHERE root = ? AND slice >= ? AND slice <= ? LIMIT ?"
        """Root, first and last slice, limit."""
        self.roots = "SELECT DISTINCT root FROM leases6_slices"
        self.forget_slice = "DELETE FROM leases6_slices USING TIMESTAMP ? WHERE root = ? AND slice = ?"
        """Since, root, slice."""
        self.note_length = "INSERT INTO leases6_lengths (part, length) VALUES (0, ?)"
        """Length."""
        self.lengths = "SELECT length FROM leases6_lengths WHERE part = 0"
