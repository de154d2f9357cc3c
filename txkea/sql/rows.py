"""Leases and the rows of Kea's tables (Kea E031-E033, E045, E046)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from socket import AF_INET6, inet_ntop, inet_pton
from typing import Any, Final

from attrs import frozen

from txkea.errors import Unavailable
from txkea.model.lease import INFINITE, Lease4, Lease6, LeaseType
from txkea.sql.layout import COLUMNS, Layout
from txkea.sql.texts import MARK, expand, fitting, pack, unpack
from txkea.wire.duid import EMPTY_DUID

__all__ = ["AddressForm", "Rows", "address_form", "rows_of"]

Row = tuple[Any, ...]

SECONDS: Final = {"postgresql": (-(1 << 37), 1 << 42), "mysql": (1, 0x7FFFFFFF)}
"""The first and last second that ``expire`` holds (Kea E045)."""
BYTES: Final = 2000
"""Octets of a column without a limit of its own: an entry of its index holds 2700."""
TEXT: Final = 1 << 20
"""The same of texts, which are not sought."""
_OLD_EMPTY_DUID: Final = b"\0"
"""Whose declined leases are, as Kea 2.2 writes it."""
_ETHERNET: Final = 1
_PD: Final = int(LeaseType.PD)
_UINT32: Final = 0xFFFFFFFF
_NONE: Final = (OSError, OverflowError, TypeError, ValueError)
"""What comes of decoding a row that is no lease."""


@frozen
class AddressForm:
    """How an address stands in its column."""

    encode: Callable[[bytes], Any]
    decode: Callable[[Any], bytes]


def _same(address: Any) -> Any:
    return address


_TEXT: Final = AddressForm(lambda address: inet_ntop(AF_INET6, address), lambda text: inet_pton(AF_INET6, text))
_FORMS: Final = {
    "number": AddressForm(lambda address: int.from_bytes(address, "big"), lambda number: number.to_bytes(4, "big")),
    "text": _TEXT,
    "inet": _TEXT,
    "binary": AddressForm(_same, _same),
}


def address_form(layout: Layout) -> AddressForm:
    """That of a table."""
    return _FORMS[layout.address]


@frozen
class Rows:
    """How the leases of one table are written and read.

    A row has the table's columns in the order of `Layout.columns`; ``expire`` is in seconds since the epoch. What is
    read has all of `COLUMNS`, absent ones as None.
    """

    encode: Callable[[Any], Row]
    """Raises `Unavailable` for a lease that the table cannot hold, with a sentence."""
    decode: Callable[[Sequence[Any]], Any]

    address: AddressForm
    names: tuple[str | None, ...]
    """Those of all columns, None for one that the table lacks."""

    unreadable: Callable[[Any, Exception], object]
    """Told the address of each row that is no lease, as the table has it, and why."""

    def leases(self, rows: Iterable[Sequence[Any]]) -> list[Any]:
        """What rows hold; one that somebody else wrote and that is no lease is left out."""
        found = [*rows]
        try:
            return [*map(self.decode, found)]
        except _NONE:
            return [lease for row in found if (lease := self._lease(row)) is not None]

    def _lease(self, row: Sequence[Any]) -> Any:
        try:
            return self.decode(row)
        except _NONE as error:
            self.unreadable(row[0], error)
            return None

    def kept(self, lease: Any) -> Any:
        """A lease as the table would give it back: without a pool, where it has none."""
        values = iter(self.encode(lease))
        return self.decode([next(values) if name else None for name in self.names])


def rows_of(layout: Layout, unreadable: Callable[[Any, Exception], object]) -> Rows:
    """Those of a table."""
    check = _checked(layout)
    first, last = SECONDS[layout.dialect]
    fit = fitting(layout.unicode)
    address_of = address_form(layout).encode
    remarks_kept, pools_kept = "user_context" in layout.fields, "pool_id" in layout.fields
    # As Kea writes no hardware address. What else it may be Kea reads as that of the row before (DHCPv4 in MySQL), as
    # an error (DHCPv6 in PostgreSQL), or as an empty one (DHCPv6 in MySQL).
    absent = None if layout.family == 6 and layout.dialect == "mysql" else b""
    short = layout.family == 6 and layout.fields["hwtype"].type == "smallint" and layout.dialect == "postgresql"
    signed = layout.family == 6 and not layout.fields["iaid"].unsigned

    def encode(lease: Any) -> Row:
        address, hwaddr, client, lifetime, expires, subnet, fwd, rev, hostname, state, remarks, pool = lease[:12]
        # An endless lease is written with the second of its last transaction (Kea E045).
        second = expires - INFINITE if lifetime == INFINITE else expires
        if not first <= second <= last or remarks.startswith(MARK):
            remarks, second = pack({"expires": expires}, remarks), min(max(second, first), last)
        row: Row = (
            address_of(address), hwaddr or absent, client or None, lifetime, second, subnet, bool(fwd), bool(rev),
            fit(hostname), int(state),
        )  # fmt: skip
        if remarks_kept:
            row += (remarks or None,)
        if pools_kept:
            row += (pool,)
        if lease.__class__ is Lease6:
            kind, iaid, length, preferred, hwtype, source = lease[12:]
            if signed and iaid > 0x7FFFFFFF:
                iaid -= 1 << 32
            if short and hwtype > 0x7FFF:
                hwtype -= 1 << 16
            told = hwaddr or hwtype or source or absent is not None
            row += (int(kind), iaid, length, preferred, hwtype if told else None, source if told else None)
        check(lease, row, remarks)
        return row

    names = tuple(name if name in layout.fields else None for name in COLUMNS[layout.family])
    return Rows(encode, _decoder(layout), address_form(layout), names, unreadable)


def _decoder(layout: Layout) -> Callable[[Sequence[Any]], Any]:
    packed = address_form(layout).decode
    new = tuple.__new__

    def decode4(row: Sequence[Any]) -> Lease4:
        address, hwaddr, client, lifetime, expires, subnet, fwd, rev, hostname, state, remarks, pool = row
        if lifetime == INFINITE:
            expires += INFINITE
        if remarks and remarks.startswith(MARK):
            kept, remarks = unpack(remarks)
            expires = kept.get("expires", expires)
        return new(
            Lease4,
            (
                packed(address), hwaddr or b"", client or b"", lifetime, expires, subnet, bool(fwd), bool(rev),
                expand(hostname) if hostname else "", state or 0, remarks or "", pool or 0,
            ),
        )  # fmt: skip

    def decode6(row: Sequence[Any]) -> Lease6:
        (
            address, hwaddr, duid, lifetime, expires, subnet, fwd, rev, hostname, state, remarks, pool, kind, iaid,
            length, preferred, hwtype, source,
        ) = row  # fmt: skip
        if lifetime == INFINITE:
            expires += INFINITE
        if remarks and remarks.startswith(MARK):
            kept, remarks = unpack(remarks)
            expires = kept.get("expires", expires)
        return new(
            Lease6,
            (
                packed(address), hwaddr or b"", duid if duid and duid != _OLD_EMPTY_DUID else EMPTY_DUID, lifetime,
                expires, subnet, bool(fwd), bool(rev), expand(hostname) if hostname else "", state or 0,
                remarks or "", pool or 0, kind, iaid & _UINT32, length if kind == _PD else 128, preferred,
                hwtype & 0xFFFF if hwtype is not None else _ETHERNET if hwaddr else 0, source or 0,
            ),
        )  # fmt: skip

    return decode4 if layout.family == 4 else decode6


def _checked(layout: Layout) -> Callable[[Any, Row, str], None]:
    """Gives what raises `Unavailable` for a lease that the table cannot hold."""
    fields, names = layout.fields, layout.columns
    widths = [
        (place, name, fields[name].length or (BYTES if fields[name].type == "bytea" else TEXT))
        for place, name in enumerate(names)
    ]
    sized = [(place, name, width) for place, name, width in widths if name in _SIZED]
    states, sources = layout.states, layout.sources | {0}
    remarks_kept = "user_context" in fields

    def refuse(lease: Any, what: str) -> Unavailable:
        return Unavailable(f"the lease of {lease[0].hex()} cannot be stored in table {layout.table}: {what}")

    def check(lease: Any, row: Row, remarks: str) -> None:
        for place, name, width in sized:
            value = row[place]
            if value and len(value) > width:
                raise refuse(lease, f"its {name} is longer than the column's {width}")
        numbers = lease[3] | lease[5] | lease[11]
        if lease.__class__ is Lease6:
            numbers |= lease[13] | lease[15] | lease[17]
            if not (0 <= lease[12] <= 2 and 0 <= lease[14] <= 128 and 0 <= lease[16] <= 0xFFFF):
                raise refuse(lease, "its type, prefix length or hardware type is out of bounds")
            if lease[17] not in sources:
                raise refuse(lease, f"source {lease[17]} of the hardware address is not in table lease_hwaddr_source")
        if not (0 <= numbers <= _UINT32 and 0 <= lease[4] < 1 << 63):
            raise refuse(lease, "one of its numbers is out of bounds")
        if lease[9] not in states:
            raise refuse(lease, f"state {lease[9]} is not in table lease_state; mend: txkea db upgrade")
        if remarks and not remarks_kept:
            raise refuse(lease, "the table has no column user_context; mend: txkea db upgrade, or kea-admin db-upgrade")
        if remarks and not _encodable(remarks):
            raise refuse(lease, "its user context is no text that a database holds")

    return check


_SIZED: Final = frozenset({"hwaddr", "client_id", "duid", "hostname", "user_context"})


def _encodable(text: str) -> bool:
    if text.isascii():
        return "\0" not in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
