"""Rows of DHCPv4 lease files (Kea E012, E014)."""

from __future__ import annotations

from collections.abc import Callable
from socket import AF_INET, inet_ntoa, inet_pton
from typing import Final

from txkea.errors import Unavailable
from txkea.leases.rows import (
    FLAGS,
    INT64,
    MAX_ROW,
    RESERVED,
    UINT32,
    Column,
    Layout,
    Numbers,
    Rows,
    Schema,
    context,
    escape,
    octets,
    unescape,
)
from txkea.model.lease import Lease4

__all__ = ["ROWS4", "SCHEMA4", "format4", "reader4"]

SCHEMA4: Final = Schema(
    (
        Column("address"),
        Column("hwaddr"),
        Column("client_id"),
        Column("valid_lifetime"),
        Column("expire"),
        Column("subnet_id"),
        Column("fqdn_fwd"),
        Column("fqdn_rev"),
        Column("hostname"),
        Column("state", "0"),
        Column("user_context", ""),
        Column("pool_id", "0"),
    ),
    oldest=9,
    current=11,
)
_ROW: Final = "%s,%s,%s,%d,%d,%d,%d,%d,%s,%d,%s"
_STATES: Final = {str(state): state for state in range(4)}


def format4(width: int) -> Callable[[Lease4], bytes]:
    """See `Rows.format`."""
    with_pool = width == len(SCHEMA4.columns)
    reserved = RESERVED.search

    def row(lease: Lease4) -> bytes:
        address, hwaddr, client_id, lifetime, expires, subnet, fwd, rev, hostname, state, remarks, pool = lease
        if remarks or reserved(hostname):
            hostname, remarks = escape(hostname), escape(remarks)
        text = _ROW % (
            inet_ntoa(address), hwaddr.hex(":"), client_id.hex(":"), lifetime or 1, expires, subnet, fwd, rev, hostname,
            state, remarks,
        )  # fmt: skip
        if with_pool:
            text = f"{text},{pool}"
        if not (
            # One look at several numbers: a negative one makes all of it negative, a large one large.
            0 <= lifetime | subnet | pool <= UINT32
            and 0 <= expires <= INT64
            and 0 <= state <= 3
            and len(text) < MAX_ROW // 4
        ):
            raise Unavailable(f"a lease with a number or text out of bounds cannot be stored: {text[:300]}")
        return f"{text}\n".encode("utf-8", "surrogateescape")

    return row


def reader4(layout: Layout) -> Callable[[str], Lease4]:
    """See `Rows.reader`."""
    width, filling = layout.width, list(layout.defaults)
    straight = layout.places is None
    lifetimes, subnets = Numbers("valid_lifetime", UINT32), Numbers("subnet_id", UINT32)
    seconds, pools = Numbers("expire", INT64), Numbers("pool_id", UINT32)
    new, pton = tuple.__new__, inet_pton

    def read(text: str) -> Lease4:
        parts = text.split(",")
        if len(parts) != width:
            raise ValueError(f"{len(parts)} columns where the header has {width}")
        parts = parts + filling if straight else SCHEMA4.arrange(layout, parts)
        address, hwaddr, client_id, lifetime, expire, subnet, fwd, rev, hostname, state, remarks, pool = parts
        try:
            return new(
                Lease4,
                (
                    pton(AF_INET, address),
                    octets("hwaddr", hwaddr) if hwaddr else b"",
                    octets("client_id", client_id) if client_id else b"",
                    lifetimes[lifetime],
                    seconds[expire],
                    subnets[subnet],
                    FLAGS[fwd],
                    FLAGS[rev],
                    unescape(hostname) if hostname else "",
                    _STATES[state],
                    context(remarks) if remarks else "",
                    pools[pool],
                ),
            )
        except OSError:
            raise ValueError(f"{address[:60]!r} is no IPv4 address") from None
        except KeyError as unknown:
            raise ValueError(f"{unknown} is no flag (0 or 1) or state (0 to 3)") from None

    return read


ROWS4: Final = Rows(4, SCHEMA4, format4, reader4, lifetimes=(3,))
