"""What caches of hosts are made of, and how they meet commands and other servers' caches."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from zope.interface import Attribute, Interface

from txkea.interfaces import IHostCache
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier

__all__ = [
    "CachedHost",
    "Held",
    "IHostCacheEntries",
    "IHostCacheLevel",
    "IHostCacheListener",
    "Key",
    "Recall",
]

Key = tuple[str, int, Identifier | bytes]
"""Of which source, in which subnet, and what was sought: a client, or who has an address."""


class CachedHost(NamedTuple):
    """One entry of a cache, as commands show it."""

    host: Host
    """Of a negative one only what it was sought by and where counts, and whether it is ``refused``."""
    negative: bool = False
    """Whether it says that there is no host, or no service."""
    source: str = ""
    """Whose answer it is; empty for one that a command has entered, which holds for all sources."""
    sought_in: int | None = None
    """The subnet in which it was sought, if that is not the host's."""


class IHostCacheEntries(IHostCache):
    """A cache whose entries commands look at and change (Kea J)."""

    def size() -> int:
        """How many entries there are of clients."""

    def entries() -> Iterator[CachedHost]:
        """All that there are now, that used longest ago first."""

    def entries_of(identifier: Identifier, subnet_ids: Iterable[int]) -> Sequence[CachedHost]:
        """Those of one client in these subnets."""

    def insert(entry: CachedHost) -> Awaitable[int]:
        """Enter one, which holds for all sources; gives how many others it has overwritten. *Waits.*

        Those are the ones of the same client, and of others that have what it reserves, in its subnet. Raises
        `Unavailable`, as all that follow, if others who share what is remembered cannot be told now.
        """

    def remove(subnet_id: int, sought: Identifier | bytes) -> Awaitable[bool]:
        """Remove those of a client, or with an address; False if there are none. *Waits.*"""

    def flush(count: int) -> Awaitable[int]:
        """Remove so many, those used longest ago; gives how many there were. *Waits.*"""

    def clear() -> Awaitable[None]:
        """Remove all. *Waits.*"""


class Held(NamedTuple):
    """What a source has said, as a cache keeps it."""

    hosts: Sequence[Host]
    """Empty if it has none; of one that is ``refused``, that."""
    fresh: float | None
    """For how many more seconds it need not be looked up again; None for ever, negative if that time is over."""


class Recall(NamedTuple):
    """What caches of several servers have in common, of some keys."""

    held: Mapping[Key, Held]
    """What is there, by key."""
    claimed: bool
    """Whether the caller is the one to fetch what is not."""


class IHostCacheLevel(Interface):
    """What caches of several servers share.

    What waits raises `Unavailable` where that would take longer than it is
    worth: then a cache goes on without.
    """

    name: str = Attribute("How status and log call it, such as ``redis on 127.0.0.1:6379``.")
    problem: str = Attribute("Why it is not used now; empty while all is well.")

    def open(listener: IHostCacheListener) -> None:
        """Begin to connect; the listener is told what the other servers do. Never waits, never raises."""

    def close() -> Awaitable[None]:
        """Let go of connections, and of what is claimed. *Waits.*"""

    def recall(keys: Sequence[Key], claim: Key) -> Awaitable[Recall]:
        """What there is of these keys, and ``claim``, a key that nobody else then fetches. *Waits.*

        A claim holds until `store` or `release`, or until this server has gone.
        """

    def store(entries: Mapping[Key, Held], gone: Sequence[Key] = (), claim: Key | None = None) -> Awaitable[None]:
        """Keep entries, forget the keys that are gone, let go of a claim, and tell the others. *Waits.*"""

    def release(claim: Key, failed: bool) -> Awaitable[None]:
        """Let go of a claim: what was to be fetched could not be (``failed``), or is not to be kept. *Waits.*"""

    def clear() -> Awaitable[None]:
        """Forget all, here and in the other servers. *Waits.*"""


class IHostCacheListener(Interface):
    """Told what other servers do with what they share; none of it waits."""

    def stored(keys: Sequence[Key]) -> None:
        """There is something new of these keys."""

    def gone(keys: Sequence[Key]) -> None:
        """What was remembered of these keys does not hold any more."""

    def released(key: Key, failed: bool) -> None:
        """Somebody has let go of a claim without having anything to keep."""

    def cleared() -> None:
        """Nothing that was remembered holds any more."""

    def doubted() -> None:
        """Something of this may have been missed."""
