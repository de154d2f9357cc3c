"""What a client is known by, in both families."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from txkea.exchange.query import Query
from txkea.model.identifier import Identifier, IdentifierKind

__all__ = ["identify"]

AnyQuery = TypeVar("AnyQuery", bound=Query)


def identify(query: AnyQuery, readers: Mapping[IdentifierKind, Callable[[AnyQuery], bytes]]) -> Sequence[Identifier]:
    """The identifiers that a query carries, in the order in which reservations are looked up (Kea A029).

    ``readers`` give the value of an identifier, ``b""`` where the query has none.
    """
    found = [
        Identifier(kind, value)
        for kind in query.site.configuration.host_identifiers
        if kind in readers and (value := readers[kind](query))
    ]
    for source in query.site.identifier_sources:
        found.extend(source.identifiers(query))
    return found
