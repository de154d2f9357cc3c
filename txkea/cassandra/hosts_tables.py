"""The table of reservations, and the statements that read and write it."""

from __future__ import annotations

from typing import Final

__all__ = [
    "BY_ENTRY",
    "BY_NAME",
    "BY_NAME_HERE",
    "DELETE",
    "GET",
    "HOST_STATEMENTS",
    "HOST_TABLES",
    "INSERT",
    "PAGE",
    "PROBE",
    "REPLACE",
    "SUBNETS",
]

HOST_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS reservation (family int, subnet_id bigint, key blob, value blob, entry blob, name blob,"
    " PRIMARY KEY ((family, subnet_id), key))",
    "CREATE INDEX IF NOT EXISTS reservation_entry ON reservation (entry)",
    "CREATE INDEX IF NOT EXISTS reservation_name ON reservation (name)",
)
"""A row for each host, with all of it as its value, and one for each address, whose value names the hosts that reserve
it. ``entry`` and ``name`` are what commands search by in all subnets.
"""
_HERE: Final = "family = ? AND subnet_id = ?"
GET: Final = f"SELECT key, value FROM reservation WHERE {_HERE} AND key IN ?"
INSERT: Final = (
    "INSERT INTO reservation (family, subnet_id, key, value, entry, name) VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS"
)
REPLACE: Final = f"UPDATE reservation SET value = ?, entry = ?, name = ? WHERE {_HERE} AND key = ? IF value = ?"
DELETE: Final = f"DELETE FROM reservation WHERE {_HERE} AND key = ? IF value = ?"
PAGE: Final = f"SELECT key, value FROM reservation WHERE {_HERE} AND key > ? AND key < ? LIMIT ?"
SUBNETS: Final = "SELECT DISTINCT family, subnet_id FROM reservation"
BY_ENTRY: Final = "SELECT subnet_id, value FROM reservation WHERE entry = ?"
BY_NAME: Final = "SELECT subnet_id, value FROM reservation WHERE name = ?"
BY_NAME_HERE: Final = f"SELECT subnet_id, value FROM reservation WHERE {_HERE} AND name = ?"
PROBE: Final = "SELECT key FROM reservation WHERE family = 0 AND subnet_id = 0 LIMIT 1"
"""Whether enough replicas answer."""
HOST_STATEMENTS: Final = (
    PROBE, GET, INSERT, REPLACE, DELETE, PAGE, SUBNETS, BY_ENTRY, BY_NAME, BY_NAME_HERE,
)  # fmt: skip
"""All that is asked."""
