"""A group of changes in one transaction, each with an outcome of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from txkea.model.lease import Lease, Lease4
from txkea.sql.database import Session
from txkea.sql.prefixes import Prefixes, truncations
from txkea.sql.rows import Row, Rows
from txkea.sql.statements import Statements

__all__ = ["ADD", "REMOVE", "UPDATE", "Change", "Writer", "are_new", "overlapping"]

ADD, UPDATE, REMOVE = range(3)


class Change:
    """What somebody wants of one address."""

    __slots__ = ("kind", "lease", "row", "sent", "was")

    def __init__(self, kind: int, lease: Lease, row: Row, was: Lease | None) -> None:
        self.kind = kind
        self.lease = lease
        self.row = row
        """That of ``lease``; its first value is the address as the table has it."""
        self.was = was
        """What must be there, None for nothing."""
        self.sent = False
        """Whether it was on its way to the database at least once."""

    @property
    def after(self) -> Lease | None:
        """What is there when it is made."""
        return None if self.kind == REMOVE else self.lease


class Writer:
    """Makes changes; all of it runs in a thread, in a session of somebody else, who begins and commits."""

    def __init__(self, statements: Statements, rows: Rows) -> None:
        self._statements = statements
        self._rows = rows

    def make(self, session: Session, changes: Sequence[Change]) -> list[bool]:
        """What came of each change, in the order in which they were asked for.

        Several of one address see each other's effects. Of an address that somebody else took meanwhile they are
        tried again, with what is there now.
        """
        outcomes: dict[int, bool] = {}
        pending = list(enumerate(changes))
        while pending:
            there = self._locked(session, [change for _, change in pending])
            now: dict[bytes, Lease | None] = {**there}
            neighbours = self._neighbours(session, there, [change for _, change in pending])
            made: dict[bytes, Change] = {}
            for place, change in pending:
                address = change.lease[0]
                outcomes[place] = done = self._may(change, now.get(address), neighbours)
                if done:
                    now[address], made[address] = change.after, change
                    if neighbours is not None:
                        _move(neighbours, change)
            failed = self._apply(session, there, made)
            pending = [each for each in pending if each[1].lease[0] in failed] if failed else []
        return [outcomes[place] for place in range(len(changes))]

    def add(self, session: Session, changes: Sequence[Change]) -> list[bool]:
        """The same for those that `are_new`, with one statement."""
        added = self._statements.insert(session, [change.row for change in changes])
        return [change.lease[0] in added for change in changes]

    def _locked(self, session: Session, changes: Sequence[Change]) -> dict[bytes, Lease]:
        """The leases of the addresses that are to change; all transactions lock rows in the same order."""
        if any(_may_overlap(change) for change in changes):
            self._statements.lock_prefixes(session)
        keys = sorted({change.row[0] for change in changes})
        leases = self._rows.leases(self._statements.lock(session, keys))
        return {lease.address: lease for lease in leases}

    def _neighbours(self, session: Session, there: Mapping[bytes, Lease], changes: Sequence[Change]) -> Prefixes | None:
        """What overlaps a prefix or address that is to be added; None if there is no such one."""
        wishes = [change.lease for change in changes if _may_overlap(change)]
        if not wishes:
            return None
        prefixes = {(wish.address, wish.prefix_length) for wish in wishes}  # type: ignore[union-attr]
        # Changes of this group may take out so many of those that are found inside.
        found = overlapping(session, self._statements, self._rows, prefixes, len(changes) + 16)
        return Prefixes([*found, *there.values()])  # type: ignore[list-item]

    def _may(self, change: Change, there: Lease | None, neighbours: Prefixes | None) -> bool:
        lease, was = change.lease, change.was
        if there is None or was is None:
            if there is not was:
                return False
        # What the table cannot keep, such as a pool in an older one, is no difference.
        elif there != was and there != self._rows.kept(was):
            return False
        if neighbours is None or not _may_overlap(change):
            return True
        others = neighbours.overlapping(lease.address, lease.prefix_length)  # type: ignore[union-attr]
        return all(other is there for other in others)

    def _apply(self, session: Session, there: Mapping[bytes, Lease], made: Mapping[bytes, Change]) -> Collection[bytes]:
        """Write the difference; gives the addresses that could not be added."""
        added, replaced, deleted = [], [], []
        for address, change in sorted(made.items()):
            before, after = there.get(address), change.after
            if after is None:
                if before is not None:
                    deleted.append(change.row[0])
            elif before is None:
                added.append(change)
            elif _counted_alike(before, after):
                replaced.append(change.row)
            else:
                deleted.append(change.row[0])
                added.append(change)
        statements = self._statements
        if deleted:
            statements.delete(session, deleted)
        if replaced:
            statements.replace(session, replaced)
        if not added:
            return ()
        return {change.lease[0] for change in added} - statements.insert(session, [change.row for change in added])


def are_new(changes: Sequence[Change]) -> bool:
    """Whether all of them add leases of DHCPv4, each of its own address: nothing needs to be looked at before."""
    if any(change.kind != ADD or change.lease.__class__ is not Lease4 for change in changes):
        return False
    return len({change.lease[0] for change in changes}) == len(changes)


def overlapping(
    session: Session, statements: Statements, rows: Rows, prefixes: Collection[tuple[bytes, int]], limit: int
) -> list[Any]:
    """The leases that may overlap some prefixes: those at the beginning of longer ones, and some inside each."""
    encode = rows.address.encode
    keys = {encode(each) for address, _ in prefixes for each in truncations(address)}
    found = [*statements.find(session, "address", keys)]
    wide = [prefix for prefix in prefixes if prefix[1] < 128]
    if wide:
        found += statements.inside(session, wide, limit)
    return rows.leases(found)


def _may_overlap(change: Change) -> bool:
    """Whether it needs a prefix, or an address, that it does not have yet."""
    lease, was = change.lease, change.was
    if lease.__class__ is Lease4 or change.kind == REMOVE:
        return False
    return was is None or lease[14] != was[14]  # type: ignore[misc]


def _move(neighbours: Prefixes, change: Change) -> None:
    if change.after is None:
        neighbours.drop(change.lease.address)
    else:
        neighbours.put(change.lease)  # type: ignore[arg-type]


def _counted_alike(before: Lease, after: Lease) -> bool:
    """Whether the triggers of all schemas count a change rightly: 1.4's see no other than that of the state (E050)."""
    return before[5] == after[5] and before[11:13] == after[11:13]
