"""How long a cache of hosts remembers what, and where."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Final, NamedTuple

from attrs import frozen

from txkea.caching import Held, Key
from txkea.hosts.entries import Clients, Entries
from txkea.hosts.flights import Flights
from txkea.model.configuration import Host

__all__ = ["COUNTED", "Memory", "Outcome", "Policy"]

COUNTED: Final = (
    "hits", "negative-hits", "stale-hits", "misses", "refreshes", "fetches", "shared-hits", "failures", "evictions",
    "size",
)  # fmt: skip
"""The statistics of a cache, ``host-cache-...``: what looks for clients has found, and what was done about it."""
MAXIMUM: Final = 100_000
"""Entries of a cache that nobody has configured: 100 to 200 MB."""


@frozen(kw_only=True)
class Policy:
    """What is remembered, and for how many seconds."""

    maximum: int = MAXIMUM
    """Of clients, and again of addresses; 0 is no limit (Kea J001)."""
    positive_ttl: float = 0
    """0 is without end, as in Kea (I028)."""
    negative_ttl: float = 60
    """Also of a client that is refused service; 0 is without end."""
    stale: float = 3600
    """How much longer something is used while it is looked up again, or when it cannot be."""

    def held(self, hosts: Sequence[Host]) -> Held:
        """What a source has found, and for how long it is good."""
        ttl = self.negative_ttl if not hosts or hosts[0].refused else self.positive_ttl
        return Held(tuple(hosts), ttl or None)


class Outcome(NamedTuple):
    """What a fetch brought."""

    host: Host | None
    learnt: Mapping[Key, Held] = {}
    """What is to be remembered of it."""


class Memory:
    """What is remembered, and what is being fetched; caches of successive configurations share it."""

    def __init__(self) -> None:
        self.clients = Clients()
        """What was found of clients, by their identifiers."""
        self.addresses = Entries()
        """What was found of addresses."""
        self.flights = Flights()

    def displace(self, host: Host, sources: Container[str]) -> list[Key]:
        """Remember of no other client, as these sources told of them, that it has what a host reserves.

        Gives what is forgotten.
        """
        rivals = {
            key
            for address in host.reserved
            for key, _ in self.clients.reserving(address, host.subnet_id)
            if key[0] in sources and key[2] != host.identifier
        }
        for key in rivals:
            self.clients.drop(key)
        return [*rivals]

    def forget(self, key: Key) -> bool:
        """Remember nothing of a key, nor of what is being fetched for it; tells whether a client was remembered."""
        self.flights.void(key)
        self.addresses.drop(key)
        return self.clients.drop(key) is not None

    def clear(self) -> None:
        """Remember nothing at all."""
        self.flights.void_all()
        self.clients.clear()
        self.addresses.clear()
