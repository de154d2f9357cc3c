"""The differences between Kea 2.2.0 and txkea in DHCPv6 that are meant, each with its reason: RFC or newer Kea."""

from __future__ import annotations

from typing import Final

from tests.real.differential import Known

__all__ = ["KNOWN6"]

KNOWN6: Final[tuple[Known, ...]] = ()
