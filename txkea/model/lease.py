"""A lease: who may use an address until when."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

__all__ = ["INFINITE", "Lease", "Lease4", "Lease6", "LeaseState", "LeaseType"]

INFINITE: Final = 0xFFFFFFFF
"""The lifetime, in seconds, that never ends (RFC 2131 section 3.3)."""


class LeaseState(IntEnum):
    """The states of a lease with the numbers that Kea's files and databases use (Kea E016)."""

    DEFAULT = 0
    DECLINED = 1
    RECLAIMED = 2
    RELEASED = 3
    REGISTERED = 4
    """Of DHCPv6 only: an address that the client chose itself and registered (RFC 9686)."""


class LeaseType(IntEnum):
    """What a DHCPv6 lease is of, with the numbers of Kea's files and databases (Kea E016)."""

    NA = 0
    TA = 1
    """Temporary addresses: read and kept, never given (RFC 9915)."""
    PD = 2


class Lease4(NamedTuple):
    """A DHCPv4 lease, its fields in the order of Kea's lease file (Kea E012, E014).

    A NamedTuple, for a lease is made on every request: 0.5 µs where a frozen attrs class takes 2.
    """

    address: bytes
    """4 bytes."""
    hwaddr: bytes
    """Without the hardware type; empty when declined or not sent."""
    client_id: bytes
    """Empty when the client sent none."""
    valid_lifetime: int
    """Seconds; `INFINITE` never ends."""
    expires: int
    """Seconds since the epoch: time of the last transaction + ``valid_lifetime``."""
    subnet_id: int
    fqdn_fwd: bool = False
    fqdn_rev: bool = False
    hostname: str = ""
    state: int = LeaseState.DEFAULT
    user_context: str = ""
    """JSON text of an object, or ``""``."""
    pool_id: int = 0

    @property
    def type(self) -> int:
        """An address, as of `LeaseType`."""
        return 0

    @property
    def cltt(self) -> int:
        """Client last transaction time, seconds since the epoch."""
        return self.expires - self.valid_lifetime

    def expired(self, now: float) -> bool:
        """Whether its time is over (strictly: Kea A162)."""
        return self.expires < now and self.valid_lifetime != INFINITE


class Lease6(NamedTuple):
    """A DHCPv6 lease of an address or a prefix.

    It begins as a `Lease4` does, with the DUID in the place of the client identifier, so that whoever keeps leases
    keeps both kinds. The order in Kea's lease file is another one (Kea E013).
    """

    address: bytes
    """16 bytes; of a prefix its first address."""
    hwaddr: bytes
    """Without the hardware type; empty when nobody told it."""
    duid: bytes
    """`txkea.wire.duid.EMPTY_DUID` when declined."""
    valid_lifetime: int
    """Seconds; `INFINITE` never ends."""
    expires: int
    """Seconds since the epoch: time of the last transaction + ``valid_lifetime``."""
    subnet_id: int
    fqdn_fwd: bool = False
    fqdn_rev: bool = False
    hostname: str = ""
    state: int = LeaseState.DEFAULT
    user_context: str = ""
    """JSON text of an object, or ``""``."""
    pool_id: int = 0
    type: int = LeaseType.NA
    iaid: int = 0
    """The number that the client gives the identity association, 32 bits without sign."""
    prefix_length: int = 128
    """Bits; of an address 128."""
    preferred_lifetime: int = 0
    """Seconds."""
    hwtype: int = 0
    """Hardware type, 1 for Ethernet."""
    hwaddr_source: int = 0
    """Where ``hwaddr`` was found (Kea E014)."""

    @property
    def cltt(self) -> int:
        """Client last transaction time, seconds since the epoch."""
        return self.expires - self.valid_lifetime

    def expired(self, now: float) -> bool:
        """Whether its time is over (strictly: Kea A162)."""
        return self.expires < now and self.valid_lifetime != INFINITE


Lease = Lease4 | Lease6
"""A lease of either family: what both begin with is all that a store needs."""
