"""Rows of DHCPv6 lease files (Kea E013, E014)."""

from __future__ import annotations

from collections.abc import Callable
from socket import AF_INET6, inet_ntop, inet_pton
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
from txkea.model.lease import Lease6, LeaseType
from txkea.wire.duid import EMPTY_DUID

__all__ = ["ROWS6", "SCHEMA6", "format6", "reader6"]

SCHEMA6: Final = Schema(
    (
        Column("address"),
        Column("duid"),
        Column("valid_lifetime"),
        Column("expire"),
        Column("subnet_id"),
        Column("pref_lifetime"),
        Column("lease_type"),
        Column("iaid"),
        Column("prefix_len"),
        Column("fqdn_fwd"),
        Column("fqdn_rev"),
        Column("hostname"),
        Column("hwaddr", ""),
        Column("state", "0"),
        Column("user_context", ""),
        Column("hwtype", ""),
        Column("hwaddr_source", ""),
        Column("pool_id", "0"),
    ),
    oldest=12,
    current=17,
)
_STATES: Final = {str(state): state for state in range(5)}
_TYPES: Final = {str(int(kind)): int(kind) for kind in LeaseType}
_PD: Final = int(LeaseType.PD)
_OLD_EMPTY_DUID: Final = "00"
"""Whose declined leases are, as Kea 2.2 writes it."""
_ETHERNET: Final = 1
_ROW: Final = "%s,%s,%d,%d,%d,%d,%d,%d,%d,%d,%d,%s,%s,%d,%s,%s"


def format6(width: int) -> Callable[[Lease6], bytes]:
    """See `Rows.format`."""
    with_pool = width == len(SCHEMA6.columns)
    reserved = RESERVED.search

    def row(lease: Lease6) -> bytes:
        (
            address, hwaddr, duid, lifetime, expires, subnet, fwd, rev, hostname, state, remarks, pool,
            kind, iaid, length, preferred, hwtype, source,
        ) = lease  # fmt: skip
        if remarks or reserved(hostname):
            hostname, remarks = escape(hostname), escape(remarks)
        hardware = f"{hwtype},{source}" if hwaddr or hwtype or source else ","
        text = _ROW % (
            inet_ntop(AF_INET6, address), duid.hex(":"), lifetime or 1, expires, subnet, preferred, kind, iaid, length,
            fwd, rev, hostname, hwaddr.hex(":"), state, remarks, hardware,
        )  # fmt: skip
        if with_pool:
            text = f"{text},{pool}"
        if not (
            # One look at several numbers: a negative one makes all of it negative, a large one large.
            0 <= lifetime | subnet | preferred | iaid | source | pool <= UINT32
            and 0 <= expires <= INT64
            and 0 <= state <= 4
            and 0 <= kind <= 2
            and 0 <= length <= 128
            and 0 <= hwtype <= 0xFFFF
            and duid
            and len(text) < MAX_ROW // 4
        ):
            raise Unavailable(f"a lease with a number or text out of bounds cannot be stored: {text[:300]}")
        return f"{text}\n".encode("utf-8", "surrogateescape")

    return row


class _Iaids(Numbers):
    """Kea's dump of a PostgreSQL database writes numbers above 2**31 as negative ones (Kea E032)."""

    def __missing__(self, text: str) -> int:
        if text[:1] != "-":
            return super().__missing__(text)
        value = super().__missing__(text[1:])
        if not 0 < value <= 1 << 31:
            raise ValueError(f"{self.what} must be a number of 32 bits, not {text[:30]!r}")
        return (1 << 32) - value


def _duid(text: str) -> bytes:
    if not text:
        raise ValueError("duid is missing")
    return octets("duid", text) if text != _OLD_EMPTY_DUID else EMPTY_DUID


def _prefix(address: bytes, length: int) -> bytes:
    """The first address of the prefix that an address is in."""
    beyond = 128 - length
    return (int.from_bytes(address, "big") >> beyond << beyond).to_bytes(16, "big")


def reader6(layout: Layout) -> Callable[[str], Lease6]:
    """See `Rows.reader`."""
    width, filling = layout.width, list(layout.defaults)
    straight = layout.places is None
    lifetimes, preferreds = Numbers("valid_lifetime", UINT32), Numbers("pref_lifetime", UINT32)
    seconds, subnets, iaids = Numbers("expire", INT64), Numbers("subnet_id", UINT32), _Iaids("iaid", UINT32)
    lengths, pools = Numbers("prefix_len", 128), Numbers("pool_id", UINT32)
    # Kea leaves these empty where it has no hardware address, and older files lack them.
    hwtypes, sources = Numbers("hwtype", 0xFFFF), Numbers("hwaddr_source", UINT32)
    new, pton = tuple.__new__, inet_pton

    def read(text: str) -> Lease6:
        parts = text.split(",")
        if len(parts) != width:
            raise ValueError(f"{len(parts)} columns where the header has {width}")
        (
            address, duid, lifetime, expire, subnet, preferred, kind, iaid, length, fwd, rev, hostname, hwaddr, state,
            remarks, hwtype, source, pool,
        ) = parts + filling if straight else SCHEMA6.arrange(layout, parts)  # fmt: skip
        try:
            packed, type_, bits = pton(AF_INET6, address), _TYPES[kind], lengths[length]
            return new(
                Lease6,
                (
                    _prefix(packed, bits) if type_ == _PD else packed,
                    octets("hwaddr", hwaddr) if hwaddr else b"",
                    _duid(duid),
                    lifetimes[lifetime],
                    seconds[expire],
                    subnets[subnet],
                    FLAGS[fwd],
                    FLAGS[rev],
                    unescape(hostname) if hostname else "",
                    _STATES[state],
                    context(remarks) if remarks else "",
                    pools[pool],
                    type_,
                    iaids[iaid],
                    bits if type_ == _PD else 128,
                    preferreds[preferred],
                    hwtypes[hwtype] if hwtype else _ETHERNET if hwaddr else 0,
                    sources[source] if source else 0,
                ),
            )
        except OSError:
            raise ValueError(f"{address[:60]!r} is no IPv6 address") from None
        except KeyError as unknown:
            raise ValueError(f"{unknown} is no flag (0 or 1), state (0 to 4) or lease type (0 to 2)") from None

    return read


ROWS6: Final = Rows(6, SCHEMA6, format6, reader6, lifetimes=(2, 5))
