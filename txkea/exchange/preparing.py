"""What happens in an exchange before its message is answered, in both families."""

from __future__ import annotations

from txkea.errors import Drop
from txkea.exchange.query import Query
from txkea.exchange.reservations import find_host

__all__ = ["prepared"]


async def prepared(query: Query, not_for_us: str) -> None:
    """Let third parties look, find the client's reservation, and leave the query to another server if it is theirs.

    ``not_for_us`` is the statistic of the latter. Raises `Drop`.
    """
    site = query.site
    for received in site.received:
        await received.query_received(query)
    if query.subnet is not None:
        for selected in site.selected:
            await selected.subnet_selected(query)
    if query.identifiers:
        await find_host(query)
    for query_filter in site.filters:
        if not query_filter.serves(query):
            raise Drop("another server of the pair serves this client", not_for_us)
