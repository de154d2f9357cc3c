"""What log messages call a lease."""

from __future__ import annotations

from txkea.model.lease import Lease, LeaseType
from txkea.wire.text import address_text

__all__ = ["name_of"]


def name_of(lease: Lease) -> str:
    """Its address, or its prefix with the length."""
    address = address_text(lease.address)
    return f"{address}/{lease.prefix_length}" if lease.type == LeaseType.PD else address  # type: ignore[union-attr]
