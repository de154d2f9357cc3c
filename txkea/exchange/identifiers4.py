"""What a client is known by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from txkea.exchange.query import Query4
from txkea.model.identifier import Identifier, IdentifierKind

__all__ = ["identify4"]

Reader = Callable[[Query4], bytes]


def _duid(query: Query4) -> bytes:
    """The DUID in a client identifier: type 255, 4 bytes IAID, DUID (RFC 4361 section 6.1; Kea A080)."""
    client_id = query.client_id
    return client_id[5:] if len(client_id) > 5 and client_id[0] == 255 else b""


READERS: dict[IdentifierKind, Reader] = {
    IdentifierKind.HW_ADDRESS: lambda query: query.hwaddr,
    IdentifierKind.DUID: _duid,
    IdentifierKind.CIRCUIT_ID: lambda query: (query.suboptions or {}).get(1, b""),
    IdentifierKind.CLIENT_ID: lambda query: query.client_id,
}


def identify4(query: Query4) -> Sequence[Identifier]:
    """The identifiers that a query carries, in the order in which reservations are looked up (Kea A029)."""
    found = [
        Identifier(kind, value)
        for kind in query.site.configuration.host_identifiers
        if kind in READERS and (value := READERS[kind](query))
    ]
    for source in query.site.identifier_sources:
        found.extend(source.identifiers(query))
    return found
