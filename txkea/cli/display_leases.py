"""How leases are shown in a table: as commands give them, but readable."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from time import localtime, strftime
from typing import Any, Final

from txkea.model.lease import INFINITE, LeaseState

__all__ = ["COLUMNS", "STATES", "WIDTHS", "cells", "is_lease", "moment", "over"]

STATES: Final = {
    LeaseState.DEFAULT: "default",
    LeaseState.DECLINED: "declined",
    LeaseState.RECLAIMED: "reclaimed",
    LeaseState.RELEASED: "released",
    LeaseState.REGISTERED: "registered",
}
COLUMNS: Final = {
    4: ("ip-address", "hw-address", "client-id", "subnet", "pool", "state", "ends", "hostname", "user-context"),
    6: ("ip-address", "type", "duid", "iaid", "subnet", "pool", "state", "ends", "hostname", "user-context"),
}
WIDTHS: Final = {"ip-address": 15, "hw-address": 17, "client-id": 20, "iaid": 10, "ends": 19}
"""How wide columns are at least, so that as a rule all pages are alike."""
NEEDED: Final = frozenset(("ip-address", "cltt", "valid-lft", "subnet-id"))


def is_lease(shown: Any) -> bool:
    """Whether a value is a lease as commands show it."""
    if not (isinstance(shown, Mapping) and shown.keys() >= NEEDED):
        return False
    return all(isinstance(each, int) for each in (shown["cltt"], shown["valid-lft"], shown.get("state", 0)))


def over(lease: Mapping[str, Any], now: float) -> bool:
    """Whether its time is over, as `txkea.model.lease.Lease4.expired` has it."""
    lifetime: int = lease["valid-lft"]
    return bool(lease["cltt"] + lifetime < now and lifetime != INFINITE)


def moment(seconds: float) -> str:
    """Local time; a number where there is none."""
    try:
        return strftime("%Y-%m-%d %H:%M:%S", localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return str(seconds)


def cells(lease: Mapping[str, Any], family: int, now: float) -> Sequence[str]:
    """The row of a lease under `COLUMNS`; one in use whose time is over is expired."""
    state = lease.get("state", 0)
    named = STATES.get(state, str(state))
    if state == LeaseState.DEFAULT and over(lease, now):
        named = "expired"
    lifetime = lease["valid-lft"]
    ends = "never" if lifetime == INFINITE else moment(lease["cltt"] + lifetime)
    remarks = json.dumps(lease["user-context"]) if lease.get("user-context") else ""
    common = (lease["subnet-id"], lease.get("pool-id", ""), named, ends, lease.get("hostname", ""), remarks)
    return [str(cell) for cell in (*WHOSE[family](lease), *common)]


def _whose4(lease: Mapping[str, Any]) -> Sequence[Any]:
    return lease["ip-address"], lease.get("hw-address", ""), lease.get("client-id", "")


def _whose6(lease: Mapping[str, Any]) -> Sequence[Any]:
    length = f"/{lease['prefix-len']}" if "prefix-len" in lease else ""
    return f"{lease['ip-address']}{length}", lease.get("type", ""), lease.get("duid", ""), lease.get("iaid", "")


WHOSE: Final = {4: _whose4, 6: _whose6}
