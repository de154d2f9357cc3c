"""What a slice holds, told by the slice itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from txkea.cassandra.text import written
from txkea.model.lease import INFINITE, Lease, LeaseState

__all__ = ["EMPTY", "KINDS", "RECLAIMED", "RUNNING", "WRITERS", "Tally", "earliest", "kind_of"]

RUNNING, RECLAIMED = KINDS = 0, 1
"""Kinds of leases that end: those that go on until then, and those that were reclaimed."""
WRITERS: Final = 8
"""How many servers may write to a slice while one waits to hear what became of its own write."""


def kind_of(lease: Lease) -> int | None:
    """The kind of a lease; None if it has no end."""
    if lease[9] == LeaseState.RECLAIMED:
        return RECLAIMED
    return None if lease[3] == INFINITE else RUNNING


def earliest(leases: Iterable[Lease], kind: int) -> int | None:
    """When the first of those of a kind ends."""
    return min((lease[4] for lease in leases if kind_of(lease) == kind), default=None)


class Tally(NamedTuple):
    """How many leases a slice holds, who wrote to it last, and when to look for those whose time is over.

    It changes with every batch, in the same round of Paxos; and each batch demands that it be as its writer knows it.
    So it is true whoever crashes when, and tells a writer that lost the answer whether its batch was applied.
    """

    counts: Mapping[tuple[int, int, int], int]
    """By subnet, state and type; none is 0."""
    writers: Mapping[str, int]
    """The number of the last batch of each of the latest writers, the latest one last."""
    ends: Sequence[int | None] = (None, None)
    """By kind: no lease of it ends before; None if there is none. A renewal leaves it as it is."""

    def text(self) -> str:
        """JSON: ``[[[subnet, state, type, count], ...], {writer: number}, [running, reclaimed]]``."""
        return written([[[*kind, count] for kind, count in self.counts.items()], self.writers, self.ends])

    @classmethod
    def read(cls, text: str | None) -> Tally:
        """What `text` gave; None is nothing yet."""
        if text is None:
            return EMPTY
        counts, writers, ends = json.loads(text)
        return cls({(subnet, state, kind): count for subnet, state, kind, count in counts}, writers, ends)

    def after(self, removed: Sequence[Lease], added: Sequence[Lease], writer: str, number: int) -> Tally:
        """What it is after a batch."""
        counts = dict(self.counts)
        for leases, step in ((removed, -1), (added, 1)):
            for lease in leases:
                of = (lease[5], int(lease[9]), int(lease.type))
                counts[of] = counts.get(of, 0) + step
        counts = {of: count for of, count in counts.items() if count}
        others = [each for each in self.writers.items() if each[0] != writer][-WRITERS + 1 :]
        there = {RECLAIMED if state == LeaseState.RECLAIMED else RUNNING for _, state, _ in counts}
        ends = [_sooner(self.ends[kind], earliest(added, kind)) if kind in there else None for kind in KINDS]
        return Tally(counts, {**dict(others), writer: number}, ends)

    def later(self, ends: Sequence[int | None]) -> Tally:
        """The same with other ends, which somebody found who looked through the slice."""
        return self._replace(ends=ends)


def _sooner(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)


EMPTY: Final = Tally({}, {})
