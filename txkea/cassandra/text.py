"""Leases, and how many a slice holds, as texts: readable with cqlsh, and equal when what they tell is equal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from txkea.model.lease import Lease, Lease4, Lease6

__all__ = ["EMPTY", "Tally", "decode", "encode"]

_written: Final[Callable[[Any], str]] = json.JSONEncoder(separators=(",", ":")).encode
WRITERS: Final = 8
"""How many servers may write to a slice while one waits to hear what became of its own write."""


def encode(lease: Lease) -> str:
    """A lease without its address: a JSON list of its fields in the order of `Lease4`, or `Lease6`, bytes as hex.

    ASCII whatever is in it: bytes of a host name that are no UTF-8 are lone surrogates, which JSON escapes.
    """
    return _written([lease[1].hex(), lease[2].hex(), *lease[3:]])


def decode(address: bytes, text: str) -> Any:
    """The lease of an address; fields that a later version may append are left out."""
    hwaddr, client, *rest = json.loads(text)
    if len(address) == 4:
        return Lease4(address, bytes.fromhex(hwaddr), bytes.fromhex(client), *rest[:9])
    return Lease6(address, bytes.fromhex(hwaddr), bytes.fromhex(client), *rest[:15])


class Tally(NamedTuple):
    """How many leases a slice holds, and who wrote to it last.

    It changes with every batch, in the same round of Paxos; and each batch demands that it be as its writer knows it.
    So it is true whoever crashes when, and tells a writer that lost the answer whether its batch was applied.
    """

    counts: Mapping[tuple[int, int, int], int]
    """By subnet, state and type; none is 0."""
    writers: Mapping[str, int]
    """The number of the last batch of each of the latest writers, the latest one last."""

    def text(self) -> str:
        """JSON: ``[[[subnet, state, type, count], ...], {writer: number}]``."""
        return _written([[[*kind, count] for kind, count in self.counts.items()], self.writers])

    @classmethod
    def read(cls, text: str | None) -> Tally:
        """What `text` gave; None is nothing yet."""
        if text is None:
            return EMPTY
        counts, writers = json.loads(text)
        return cls({(subnet, state, kind): count for subnet, state, kind, count in counts}, writers)

    def after(self, removed: list[Lease], added: list[Lease], writer: str, number: int) -> Tally:
        """What it is after a batch."""
        counts = dict(self.counts)
        for leases, step in ((removed, -1), (added, 1)):
            for lease in leases:
                kind = (lease[5], int(lease[9]), int(lease.type))
                counts[kind] = counts.get(kind, 0) + step
        others = [each for each in self.writers.items() if each[0] != writer][-WRITERS + 1 :]
        return Tally({kind: count for kind, count in counts.items() if count}, {**dict(others), writer: number})


EMPTY: Final = Tally({}, {})
