"""What a DHCPv4 client is known by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from txkea.exchange.identifiers import identify
from txkea.exchange.query import Query4
from txkea.model.identifier import Identifier, IdentifierKind

__all__ = ["READERS", "identify4"]


def _duid(query: Query4) -> bytes:
    """The DUID in a client identifier: type 255, 4 bytes IAID, DUID (RFC 4361 section 6.1; Kea A080)."""
    client_id = query.client_id
    return client_id[5:] if len(client_id) > 5 and client_id[0] == 255 else b""


READERS: dict[IdentifierKind, Callable[[Query4], bytes]] = {
    IdentifierKind.HW_ADDRESS: lambda query: query.hwaddr,
    IdentifierKind.DUID: _duid,
    IdentifierKind.CIRCUIT_ID: lambda query: (query.suboptions or {}).get(1, b""),
    IdentifierKind.CLIENT_ID: lambda query: query.client_id,
}


def identify4(query: Query4) -> Sequence[Identifier]:
    """See `txkea.exchange.identifiers.identify`."""
    return identify(query, READERS)
