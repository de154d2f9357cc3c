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
    site = query.site
    supplied = [each for source in site.identifier_sources for each in source.identifiers(query)]
    found = []
    for kind in site.configuration.host_identifiers:
        if kind in readers and (value := readers[kind](query)):
            found.append(Identifier(kind, value))
        if supplied:
            found += [each for each in supplied if each.kind == kind]
    return found
