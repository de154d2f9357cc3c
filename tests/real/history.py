"""What clients saw of a server, and whether it kept its promises: one owner per address, no lease lost."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Grant", "History"]


class Grant(NamedTuple):
    """An acknowledged lease."""

    client: int
    address: str
    at: float
    """Monotonic seconds when the ACK was read."""
    lifetime: int

    @property
    def until(self) -> float:
        return self.at + self.lifetime


class History:
    """The ACKs that clients received and the leases they gave back, in the order of time.

    The invariants are judged while the history is written (hostile.md section 5): I-D, an address acknowledged to a
    client while another's lease runs that was neither released nor declined; I-L, a client with a running lease that
    is refused it, or is offered another address, or gets no answer to its renewal.
    """

    def __init__(self) -> None:
        self.owners: dict[str, Grant] = {}
        """By address: the lease that runs."""
        self.leases: dict[int, Grant] = {}
        """By client: the same leases."""
        self.violations: list[str] = []
        self.acks = 0
        self.given_back = 0

    def acknowledged(self, client: int, address: str, at: float, lifetime: int) -> None:
        """A client got an ACK."""
        self.acks += 1
        owner = self.owners.get(address)
        if owner is not None and owner.client != client and owner.until > at:
            seconds = at - owner.at
            self.violations.append(f"I-D: {address} is {owner.client}'s and {seconds:.3f} s later {client}'s too")
        mine = self.leases.get(client)
        if mine is not None and mine.address != address:
            self._forget(mine)
        grant = Grant(client, address, at, lifetime)
        self.owners[address] = self.leases[client] = grant

    def refused(self, client: int, address: str, at: float, how: str) -> None:
        """A client with a running lease was told, or had to conclude, that it has none."""
        mine = self.leases.get(client)
        if mine is not None and mine.address == address and mine.until > at:
            self.violations.append(f"I-L: {client} has {address} since {at - mine.at:.3f} s and got {how}")

    def gave_back(self, client: int) -> None:
        """A client sent a RELEASE or a DECLINE: from now on it claims nothing, whether or not that arrived."""
        self.given_back += 1
        mine = self.leases.pop(client, None)
        if mine is not None and self.owners.get(mine.address) == mine:
            del self.owners[mine.address]

    def _forget(self, grant: Grant) -> None:
        if self.owners.get(grant.address) == grant:
            del self.owners[grant.address]
