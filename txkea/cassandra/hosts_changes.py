"""What changes of reservations come to: decided on the rows of one subnet as they are, without asking anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from attrs import frozen

from txkea.cassandra.hosts_encoding import address_key, decode, encode, holders, holders_value, identifier_key
from txkea.model.configuration import Host

__all__ = ["Change", "Decision", "Row", "decide", "wanted"]

Rows = Mapping[bytes, bytes]
"""The values of rows by their keys; what is not there has none."""


@frozen
class Change:
    """A reservation that is added, replaced or deleted.

    ``new`` is None to delete ``was``, whatever it looks like; ``was`` is None to add ``new``.
    """

    new: Host | None
    was: Host | None = None
    stamp: str = ""

    @property
    def host(self) -> Host:
        """Whose identifier and subnet it is about."""
        host = self.new or self.was
        assert host is not None, "it changes something"
        return host

    @property
    def key(self) -> bytes:
        """The row of the host."""
        return identifier_key(self.host.identifier)


class Row(NamedTuple):
    """One row that is changed: the values that it must have, and shall have; None for no row."""

    key: bytes
    was: bytes | None
    now: bytes | None


class Decision(NamedTuple):
    """Which changes are made, in their order, and which rows they change; those behind wait for the next turn."""

    outcomes: Sequence[bool]
    rows: Sequence[Row]


def wanted(changes: Sequence[Change], rows: Rows) -> set[bytes]:
    """The keys of all rows that must be known to decide, beyond those that are."""
    return {key for change in changes for key in _concerned(change, rows)} - rows.keys()


def _concerned(change: Change, rows: Rows) -> Iterator[bytes]:
    yield change.key
    there = rows.get(change.key)
    for host in (change.new, decode(there) if there else None):
        if host is not None:
            yield from map(address_key, host.reserved)


def decide(changes: Sequence[Change], rows: Rows, unique: bool, most: int) -> Decision:
    """One after the other as far as they fit into ``most`` bytes, the first in any case; ``unique``: whether what is
    reserved is reserved once only.
    """
    now: dict[bytes, bytes] = {key: value for key, value in rows.items() if value}
    outcomes: list[bool] = []
    size = 0
    for change in changes:
        touched = _applied(change, now, unique)
        size += sum(len(key) + len(value) for key, value in touched.items())
        if outcomes and size > most:
            break
        outcomes.append(bool(touched))
        now.update(touched)
    changed = [Row(key, rows.get(key) or None, now.get(key) or None) for key in now]
    return Decision(outcomes, [row for row in changed if row.was != row.now])


def _applied(change: Change, now: Rows, unique: bool) -> dict[bytes, bytes]:
    """The rows that a change makes, ``b""`` for those that go; none if it cannot be made."""
    there = now.get(change.key)
    old = decode(there) if there else None
    new = change.new
    if new is None or change.was is not None:
        if old is None or (new is not None and old != change.was):
            return {}
    elif old is not None:
        return {}
    before, behind = old.reserved if old else set(), new.reserved if new else set()
    touched = {address_key(address): _without(now, address, change.key) for address in before - behind}
    for address in behind - before:
        key = address_key(address)
        there = now.get(key)
        if there and unique:
            return {}
        touched[key] = holders_value({*holders(there or b""), change.key})
    touched[change.key] = encode(new, change.stamp) if new else b""
    return touched


def _without(now: Rows, address: bytes, holder: bytes) -> bytes:
    return holders_value(holders(now.get(address_key(address)) or b"") - {holder})
