"""The way of a query from its acceptance to its answer, in both families."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from txkea.errors import Drop
from txkea.exchange.observers import tell
from txkea.exchange.query import Query
from txkea.exchange.recollection import recollecting
from txkea.exchange.reply import Reply
from txkea.exchange.reservations import find_global_host, find_host

__all__ = ["exchange"]


async def exchange(
    answers: Mapping[int, Callable[[Any], Awaitable[Reply | None]]],
    revised: Callable[[Any, Reply], Awaitable[Reply]],
    place: Callable[[Any], None],
    not_for_us: str,
    query: Query,
) -> Reply | None:
    """The answer, once it may leave; raises `Drop` for a query without one.

    ``answers`` has a function for each message type; ``revised`` lets third parties change an answer; ``place``
    finds the subnet of a query whose global reservation comes first; ``not_for_us`` is the statistic of queries that
    another server of the pair answers.
    """
    leases = recollecting(query) if query.leases.shared else None
    site = query.site
    early = site.configuration.early_global_reservations_lookup
    if early or query.identifiers or site.classes is not None or site.received or site.selected or site.filters:
        await _prepare(query, place if early else None, not_for_us)
    reply = await answers[query.type](query)
    if leases is not None and reply is not None:
        leases.keep(query)
    if site.observers:
        await tell(query)
    if site.answer_ready and reply is not None:
        reply = await revised(query, reply)
    return reply


async def _prepare(query: Query, place: Callable[[Any], None] | None, not_for_us: str) -> None:
    """Let third parties look, find the client's reservation and classes, and leave to another server what is theirs."""
    site = query.site
    for received in site.received:
        await received.query_received(query)
    if place is not None:
        await find_global_host(query)
        if query.host is not None and site.classes is not None:
            site.classes.go_on(query)
        place(query)
    known = query.host
    if query.subnet is not None:
        for selected in site.selected:
            await selected.subnet_selected(query)
    if query.identifiers or site.host_sources:
        await find_host(query)
    if site.classes is not None and (known is None or query.host is not known):
        site.classes.go_on(query)
    for query_filter in site.filters:
        if not query_filter.serves(query):
            raise Drop("another server of the pair serves this client", not_for_us)
