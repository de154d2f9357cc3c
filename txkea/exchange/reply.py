"""An answer on its way out, in both families."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Reply"]


class Reply(NamedTuple):
    """A datagram to send; ``port`` is the family's client or server port, or a relay's own."""

    type: int
    data: bytes
    address: bytes
    port: int
    hwaddr: bytes
    """Where to send without asking ARP; ``b""`` lets the kernel find the way."""
