"""What clients saw of a server, and whether it kept its promises: one owner per address and prefix, no lease lost."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Hashable, Iterator
from functools import lru_cache
from ipaddress import ip_network
from typing import NamedTuple

__all__ = ["Grant", "History"]


class Grant(NamedTuple):
    """An acknowledged lease."""

    holder: Hashable
    """A client, or one of its identity associations."""
    resource: str
    """An address, or a prefix such as ``2001:db8::/56``."""
    at: float
    """Monotonic seconds when the ACK or REPLY was read."""
    lifetime: int

    @property
    def until(self) -> float:
        return self.at + self.lifetime


class Span(NamedTuple):
    """The numbers of the first and the last address of what is leased."""

    first: int
    last: int
    resource: str


class History:
    """The leases that clients were granted and those that they gave back, in the order of time.

    The invariants are judged while the history is written (hostile.md section 5): I-D, an address that is granted, or
    is in what is granted, to one while another's lease of it runs that was neither released nor declined; I-L, one with
    a running lease who is refused it, or is offered another in its place, or gets no answer to its renewal.
    """

    def __init__(self) -> None:
        self.leases: dict[Hashable, Grant] = {}
        """By holder: the lease that runs."""
        self.violations: list[str] = []
        self.grants = 0
        self.given_back = 0
        self._owners: dict[str, Grant] = {}
        """By resource: the same leases."""
        self._spans: list[Span] = []
        """Those of the owners, which do not overlap, in the order of addresses."""

    def granted(self, holder: Hashable, resource: str, at: float, lifetime: int) -> None:
        """A client got a lease."""
        self.grants += 1
        for owner in list(self._overlapping(resource)):
            if owner.holder != holder and owner.until > at:
                seconds = at - owner.at
                self.violations.append(
                    f"I-D: {owner.resource} is {owner.holder}'s and {seconds:.3f} s later {resource} {holder}'s too"
                )
            self._forget(owner)
        mine = self.leases.get(holder)
        if mine is not None:
            self._forget(mine)
        grant = Grant(holder, resource, at, lifetime)
        self._owners[resource] = self.leases[holder] = grant
        insort(self._spans, _span(resource))

    def refused(self, holder: Hashable, resource: str, at: float, how: str) -> None:
        """A holder of a running lease was told, or had to conclude, that it has none."""
        mine = self.leases.get(holder)
        if mine is not None and mine.resource == resource and mine.until > at:
            self.violations.append(f"I-L: {holder} has {resource} since {at - mine.at:.3f} s and got {how}")

    def gave_back(self, holder: Hashable) -> None:
        """A client sent a RELEASE or a DECLINE: from now on it claims nothing, whether or not that arrived."""
        self.given_back += 1
        mine = self.leases.pop(holder, None)
        if mine is not None:
            self._forget(mine)

    def _overlapping(self, resource: str) -> Iterator[Grant]:
        first, last, _ = _span(resource)
        place = bisect_left(self._spans, (first,))
        if place and self._spans[place - 1].last >= first:
            yield self._owners[self._spans[place - 1].resource]
        for span in self._spans[place:]:
            if span.first > last:
                return
            yield self._owners[span.resource]

    def _forget(self, grant: Grant) -> None:
        """Nobody owns what was granted, if that has not become another's."""
        if self._owners.get(grant.resource) == grant:
            del self._owners[grant.resource]
            del self._spans[bisect_left(self._spans, _span(grant.resource))]


@lru_cache(1 << 14)
def _span(resource: str) -> Span:
    network = ip_network(resource)
    return Span(int(network.network_address), int(network.broadcast_address), resource)
