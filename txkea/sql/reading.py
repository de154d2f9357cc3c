"""A group of look-ups, with one statement for all that ask alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from txkea.model.lease import Lease
from txkea.sql.database import Session
from txkea.sql.prefixes import Prefixes
from txkea.sql.rows import Rows
from txkea.sql.statements import Statements
from txkea.sql.writing import overlapping
from txkea.wire.duid import EMPTY_DUID

__all__ = ["ADDRESS", "OVERLAPPING", "Ask", "Reader"]

ADDRESS: Final = "address"
OVERLAPPING: Final = "overlapping"
Ask = tuple[str, Any]
"""`ADDRESS`, `OVERLAPPING`, or the column of a client's identifier; and what is sought."""
_FEW: Final = 16
"""How many of the leases inside a prefix are told."""
_PLACE: Final = {"hwaddr": 1, "client_id": 2, "duid": 2}
"""Where a lease has these."""
_OLD_EMPTY_DUID: Final = b"\0"


class Reader:
    """Finds leases; all of it runs in a thread."""

    def __init__(self, statements: Statements, rows: Rows) -> None:
        self._statements = statements
        self._rows = rows

    def read(self, session: Session, asks: Sequence[Ask]) -> list[Any]:
        """What each asks for, in their order: a lease or None, or leases."""
        sought: dict[str, set[Any]] = defaultdict(set)
        for kind, key in asks:
            sought[kind].add(key)
        found = {kind: self._ways(kind)(session, kind, keys) for kind, keys in sought.items()}
        return [found[kind].get(key) if kind == ADDRESS else found[kind].get(key, ()) for kind, key in asks]

    def _ways(self, kind: str) -> Callable[[Session, str, Collection[Any]], Mapping[Any, Any]]:
        if kind == ADDRESS:
            return self._at
        return self._overlapping if kind == OVERLAPPING else self._of_clients

    def _at(self, session: Session, column: str, addresses: Collection[bytes]) -> Mapping[bytes, Lease]:
        encode = self._rows.address.encode
        rows = self._statements.find(session, column, [encode(address) for address in addresses])
        return {lease[0]: lease for lease in self._rows.leases(rows)}

    def _of_clients(self, session: Session, column: str, keys: Collection[bytes]) -> Mapping[bytes, list[Lease]]:
        # Declined leases of Kea 2.2 are found like our own.
        sought = [*keys, _OLD_EMPTY_DUID] if column == "duid" and EMPTY_DUID in keys else keys
        found: dict[bytes, list[Lease]] = defaultdict(list)
        place = _PLACE[column]
        for lease in self._rows.leases(self._statements.find(session, column, sought)):
            found[lease[place]].append(lease)
        return found

    def _overlapping(
        self, session: Session, kind: str, prefixes: Collection[tuple[bytes, int]]
    ) -> Mapping[tuple[bytes, int], list[Any]]:
        there = Prefixes(overlapping(session, self._statements, self._rows, prefixes, _FEW))
        return {prefix: there.overlapping(*prefix, _FEW) for prefix in prefixes}

    def ended(self, session: Session, states: Sequence[int], last: int, limit: int) -> list[Any]:
        """See `Statements.ended`."""
        return self._rows.leases(self._statements.ended(session, states, last, limit))

    def counts(self, session: Session) -> dict[tuple[int, int, int], int]:
        """See `ILeaseStore.counts`."""
        return {(subnet, state, kind): count for subnet, state, kind, count in self._statements.counts(session)}

    def page(self, session: Session, after: bytes | None, limit: int) -> list[Any]:
        """See `ILeaseStore.page`."""
        key = None if after is None else self._rows.address.encode(after)
        found: list[Any] = []
        while True:
            wanted = limit - len(found)
            rows = [*self._statements.page(session, key, wanted)]
            found += self._rows.leases(rows)
            if len(rows) < wanted or len(found) == limit:
                return found
            key = rows[-1][0]
