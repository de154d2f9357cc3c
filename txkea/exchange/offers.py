"""Addresses offered and not yet requested."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from txkea.exchange.recollection import Recollections

if TYPE_CHECKING:
    from txkea.exchange.subnets import LiveSubnet

__all__ = ["HOLD", "Offers"]

HOLD = 10.0
"""Seconds for which an offered address is kept from other clients; a client that asks again gets it again."""

MOST = 1 << 17
"""Offers that are remembered at once; of more the oldest are forgotten: they take a kilobyte each."""


class Offers:
    """Who was offered what, in memory only and only for a moment.

    Kea offers an address to a second client as soon as its allocator comes round (Kea A117), and another one to a
    client that repeats its DISCOVER (but RFC 2131 section 4.3.1 wants the same).
    """

    def __init__(self) -> None:
        self._by_key: dict[bytes, tuple[bytes, float, LiveSubnet]] = {}
        self._by_address: dict[bytes, bytes] = {}
        self._ends: deque[tuple[float, bytes]] = deque()
        self.recollections = Recollections()
        """What was looked up for those who were made an offer, where others share the leases."""

    def __len__(self) -> int:
        return len(self._by_key)

    def copy(self, offers: Offers, subnets: Mapping[LiveSubnet, LiveSubnet]) -> None:
        """Remember the offers in some subnets as offers in their copies: for whoever tries something out."""
        for key, (address, end, subnet) in offers._by_key.items():
            if subnet in subnets:
                self._by_key[key] = (address, end, subnets[subnet])
                self._by_address[address] = key
                self._ends.append((end, key))

    def to(self, key: bytes, now: float) -> bytes | None:
        """The address that was offered to this client, if that still holds."""
        held = self._by_key.get(key)
        return held[0] if held is not None and held[1] >= now else None

    def kept_from(self, key: bytes, address: bytes) -> bool:
        """Whether the address was offered to another client."""
        holder = self._by_address.get(address)
        return holder is not None and holder != key

    def holder(self, address: bytes) -> bytes | None:
        """The key of whom the address was offered to, if to anybody."""
        return self._by_address.get(address)

    def oldest(self, limit: int) -> Sequence[tuple[bytes, LiveSubnet]]:
        """Up to ``limit`` of the addresses held longest, with their subnets."""
        return [(address, subnet) for _, (address, _, subnet) in zip(range(limit), self._by_key.values(), strict=False)]

    def hold(self, key: bytes, address: bytes, subnet: LiveSubnet, now: float) -> None:
        """Remember an offer of a free address; who chooses one calls `forget` first."""
        self.drop(key)
        holder = self._by_address.get(address)
        if holder is not None:
            self.drop(holder)
        self._by_key[key] = (address, now + HOLD, subnet)
        self._by_address[address] = key
        ends = self._ends
        if len(ends) >= MOST:
            self._end(*ends.popleft())
        ends.append((now + HOLD, key))
        subnet.mark(address, True)

    def drop(self, key: bytes) -> None:
        """Forget the offer to a client: the address is free again."""
        held = self._by_key.pop(key, None)
        if held is not None:
            del self._by_address[held[0]]
            held[2].mark(held[0], False)

    def redeem(self, key: bytes, address: bytes) -> None:
        """Forget the offer to a client that has been given the address, or another one instead."""
        held = self._by_key.get(key)
        if held is None:
            return
        if held[0] != address:
            self.drop(key)
            return
        del self._by_key[key], self._by_address[address]

    def forget(self, now: float) -> None:
        """Forget the offers whose time is over."""
        ends = self._ends
        while ends and ends[0][0] < now:
            self._end(*ends.popleft())

    def _end(self, end: float, key: bytes) -> None:
        """Forget an offer, unless it was renewed since, or made anew."""
        held = self._by_key.get(key)
        if held is not None and held[1] == end:
            self.drop(key)
