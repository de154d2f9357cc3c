"""What a cache of hosts remembers: each look-up and what it found, those used longest ago in front."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from heapq import merge
from typing import Any, Final

from attrs import define, field

from txkea.caching import Key
from txkea.model.configuration import Host

__all__ = ["ENTERED", "NEVER", "Clients", "Entries", "Entry"]

NEVER: Final = float("inf")
ENTERED: Final = ""
"""The source of what commands have entered: it holds for all sources."""
FREED: Final = 100
"""Entries that are let go of in one turn, of all that were removed at once."""
UNKNOWN_SHARE: Final = 4
"""At most one in so many entries is negative once there is no room: who is unknown does not push out who is known."""


@define
class Entry:
    """What one look-up found."""

    hosts: Sequence[Host]
    """Empty where it found none."""
    until: float
    """When it is to be looked up again; seconds since the epoch, or `NEVER`."""
    over: float
    """When it is of no use any more, not even while it is looked up again."""
    era: object = None
    """The same as that of a cache that need not doubt it."""
    used: int = 0
    """The higher, the later it was used."""
    negative: bool = field(init=False)
    """Whether it says that there is no host, or that the client shall have no service."""

    def __attrs_post_init__(self) -> None:
        self.negative = not self.hosts or self.hosts[0].refused


class Entries:
    """Entries by their keys, in the order of their use."""

    def __init__(self) -> None:
        self._positive: OrderedDict[Key, Entry] = OrderedDict()
        self._negative: OrderedDict[Key, Entry] = OrderedDict()
        self._uses = 0
        self._discarded: list[dict[Any, Any]] = []

    def __len__(self) -> int:
        return len(self._positive) + len(self._negative)

    def __iter__(self) -> Iterator[tuple[Key, Entry]]:
        """All of them as they are now, that used longest ago first."""
        return merge([*self._positive.items()], [*self._negative.items()], key=lambda item: item[1].used)

    def __contains__(self, key: Key) -> bool:
        return key in self._positive or key in self._negative

    def get(self, key: Key) -> Entry | None:
        """An entry, which is used by that."""
        some = self._positive
        entry = some.get(key)
        if entry is None:
            some = self._negative
            entry = some.get(key)
            if entry is None:
                return None
        some.move_to_end(key)
        self._uses += 1
        entry.used = self._uses
        return entry

    def put(self, key: Key, entry: Entry) -> None:
        """Add an entry, or replace what has its key."""
        self.drop(key)
        self._uses += 1
        entry.used = self._uses
        (self._negative if entry.negative else self._positive)[key] = entry

    def drop(self, key: Key) -> Entry | None:
        """Remove an entry; gives it if there was one."""
        entry = self._positive.pop(key, None)
        return entry if entry is not None else self._negative.pop(key, None)

    @property
    def oldest(self) -> Key:
        """The key of the one that was used longest ago; there is one."""
        heads = [next(iter(some.items())) for some in (self._positive, self._negative) if some]
        return min(heads, key=lambda item: item[1].used)[0]

    def trim(self, maximum: int, now: float) -> int:
        """Remove what is over and, if there are more than ``maximum`` (0: no limit), those used longest ago.

        Gives how many had to go for want of room.
        """
        for some in (self._positive, self._negative):
            while some and next(iter(some.values())).over <= now:
                self.drop(next(iter(some)))
        pushed = max(len(self) - maximum, 0) if maximum else 0
        for _ in range(pushed):
            crowded = not self._positive or len(self._negative) * UNKNOWN_SHARE > maximum
            self.drop(next(iter(self._negative if crowded else self._positive)))
        self._free()
        return pushed

    def clear(self) -> None:
        """Remove all; their memory becomes free bit by bit, for that of many takes its time."""
        self._discard(self._positive, self._negative)
        self._positive, self._negative = OrderedDict(), OrderedDict()

    def _discard(self, *old: dict[Any, Any]) -> None:
        self._discarded += old

    def _free(self) -> None:
        """Let go of some more of what was removed as a whole."""
        for _ in range(FREED):
            while self._discarded and not self._discarded[-1]:
                self._discarded.pop()
            if not self._discarded:
                return
            self._discarded[-1].popitem()


class Clients(Entries):
    """Entries of clients, of which it is known too what they reserve."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[tuple[int, bytes], dict[Key, None]] = {}
        self.entered = 0
        """How many of them commands have entered."""

    def put(self, key: Key, entry: Entry) -> None:
        super().put(key, entry)
        self.entered += key[0] == ENTERED
        for place in _places(entry):
            self._places.setdefault(place, {})[key] = None

    def drop(self, key: Key) -> Entry | None:
        entry = super().drop(key)
        if entry is None:
            return None
        self.entered -= key[0] == ENTERED
        for place in _places(entry):
            keys = self._places[place]
            keys.pop(key, None)
            if not keys:
                del self._places[place]
        return entry

    def clear(self) -> None:
        super().clear()
        self._discard(self._places)
        self._places = {}
        self.entered = 0

    def reserving(self, address: bytes, subnet_id: int) -> Iterator[tuple[Key, Entry]]:
        """Those that reserve an address, or a prefix that begins with it; they are not used by that."""
        for key in self._places.get((subnet_id, address), ()):
            entry = self._positive.get(key)
            if entry is not None:
                yield key, entry


def _places(entry: Entry) -> set[tuple[int, bytes]]:
    return {(host.subnet_id, address) for host in entry.hosts for address in host.reserved}
