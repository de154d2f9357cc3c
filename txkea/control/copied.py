"""A lease as a server's commands show it becomes a lease again, for whoever copies leases from one place to another."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from txkea.control.entered import LAST_SECOND, TYPES6, UINT32, Common
from txkea.control.leases_arguments import LeaseArguments
from txkea.model.lease import Lease4, Lease6, LeaseState, LeaseType

__all__ = ["COPIED", "copied4", "copied6"]

WHAT: Final = "all that a command shows of a lease"
LONGEST: Final = (1 << 16) - 1
"""Bytes of an identifier: whether it may be so long is not for who copies it to say."""
ETHERNET: Final = 1


def copied4(shown: Any) -> Lease4:
    """The inverse of `txkea.control.views.lease4_arguments`. Raises `TxkeaError`.

    Unlike what an operator enters, nothing is completed, and no subnet need be known.
    """
    given = LeaseArguments(shown, WHAT)
    return Lease4(
        given.address("ip-address", 4), _octets(given, "hw-address"), _octets(given, "client-id"), *_common(given)
    )


def copied6(shown: Any) -> Lease6:
    """The inverse of `txkea.control.views.lease6_arguments`, as `copied4`."""
    given = LeaseArguments(shown, WHAT)
    kind = given.meaning("type", TYPES6)
    hwaddr = _octets(given, "hw-address")
    return Lease6(
        given.address("ip-address", 6),
        hwaddr,
        given.octets("duid", 1, LONGEST),
        *_common(given),
        type=int(kind),
        iaid=given.number("iaid", 0, UINT32),
        prefix_length=given.number("prefix-len", 1, 128) if kind == LeaseType.PD else 128,
        preferred_lifetime=given.number("preferred-lft", 0, UINT32),
        hwtype=ETHERNET if hwaddr else 0,
    )


def _octets(given: LeaseArguments, name: str) -> bytes:
    return given.octets(name, 0, LONGEST) if name in given else b""


def _common(given: LeaseArguments) -> Common:
    lifetime = given.number("valid-lft", 0, UINT32)
    remarks: Mapping[str, Any] = given.map("user-context") if "user-context" in given else {}
    return Common(
        lifetime,
        max(given.number("cltt", -UINT32, LAST_SECOND) + lifetime, 0),
        given.number("subnet-id", 0, UINT32),
        given.flag("fqdn-fwd"),
        given.flag("fqdn-rev"),
        given.text("hostname", ""),
        given.number("state", 0, max(LeaseState), 0),
        json.dumps(remarks) if remarks else "",
        given.number("pool-id", 0, UINT32, 0),
    )


COPIED: Final[Mapping[int, Callable[[Any], Any]]] = {4: copied4, 6: copied6}
"""By the number of the family."""
