"""What RADIUS knows a client by, and how that is written (Kea I009-I012, I016)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import field, frozen

from txkea.exchange.identifiers4 import READERS as READERS4
from txkea.exchange.identifiers6 import READERS as READERS6
from txkea.exchange.query import Query
from txkea.model.identifier import Identifier, IdentifierKind

__all__ = ["IDENTIFIERS", "Naming"]

READERS: Final[Mapping[int, Mapping[IdentifierKind, Callable[[Any], bytes]]]] = {4: READERS4, 6: READERS6}
IDENTIFIERS: Final[Mapping[int, tuple[str, ...]]] = {
    family: tuple(kind.keyword for kind in (*readers, IdentifierKind.FLEX_ID)) for family, readers in READERS.items()
}
"""The values of ``identifier-type4`` and ``identifier-type6``."""
EMBEDDED: Final = 255
"""The type of a client identifier that has a DUID in it, behind four bytes of IAID (RFC 4361)."""
DUID_AT: Final = 5
PADDING: Final = {IdentifierKind.CLIENT_ID: b"\0", IdentifierKind.DUID: b"\0\0"}
"""What flex_id puts before the identifiers that it makes, which ``client-id-pop0`` takes away."""


@frozen(kw_only=True)
class Naming:
    """How clients of one family are known and written."""

    family: int
    kind: IdentifierKind
    """``identifier-type4`` or ``identifier-type6``."""
    canonical: bool = False
    """``canonical-mac-address``: hardware addresses with hyphens in place of colons."""
    pop0: bool = False
    """``client-id-pop0``: without the zeros before an identifier that flex_id made."""
    printable: bool = False
    """``client-id-printable``: as text where it is text."""
    extract_duid: bool = True
    """``extract-duid``: of a DHCPv4 client identifier with a DUID in it, that alone."""
    _read: Callable[[Any], bytes] | None = field(init=False, eq=False, repr=False)
    """Reads the identifier from a query; None where others make it."""

    @_read.default
    def _reader(self) -> Callable[[Any], bytes] | None:
        return READERS[self.family].get(self.kind)

    def identifier(self, query: Query) -> Identifier | None:
        """What a client is known by; None if its query has nothing of the kind (Kea I014)."""
        if self._read is not None:
            value = self._read(query)
            return Identifier(self.kind, value) if value else None
        found = (each for source in query.site.identifier_sources for each in source.identifiers(query))
        return next((each for each in found if each.kind == self.kind), None)

    def of_lease(self, lease: Any) -> Identifier | None:
        """What the client of a lease is known by as far as the lease tells, or else one knows it by (Kea I032)."""
        client_id: bytes = lease.client_id if self.family == 4 else lease.duid
        known = {
            IdentifierKind.HW_ADDRESS: lease.hwaddr,
            IdentifierKind.CLIENT_ID: client_id,
            IdentifierKind.DUID: client_id if self.family == 6 else _embedded(client_id),
        }
        kinds = (self.kind, IdentifierKind.CLIENT_ID if self.family == 4 else IdentifierKind.DUID)
        found = (Identifier(kind, known[kind]) for kind in (*kinds, IdentifierKind.HW_ADDRESS) if known.get(kind))
        return next(found, None)

    def text(self, identifier: Identifier) -> str:
        """An identifier as a User-Name."""
        kind, value = identifier
        if kind == IdentifierKind.HW_ADDRESS:
            return self.hwaddr(value)
        if kind == IdentifierKind.CLIENT_ID and self.extract_duid and (duid := _embedded(value)):
            return duid.hex(":")
        padding = PADDING.get(kind) if self.pop0 else None
        if padding and (kind != IdentifierKind.DUID or self.family == 6) and len(value) > len(padding):
            value = value.removeprefix(padding)
        if self.printable and all(0x20 <= byte < 0x7F for byte in value):
            return value.decode("ascii")
        return value.hex(":")

    def hwaddr(self, value: bytes) -> str:
        """A hardware address as a User-Name or a Calling-Station-Id."""
        return value.hex("-" if self.canonical else ":")


def _embedded(client_id: bytes) -> bytes:
    """The DUID in a client identifier; ``b""`` if there is none."""
    return client_id[DUID_AT:] if len(client_id) > DUID_AT and client_id[0] == EMBEDDED else b""
