"""Who is told of what a query did to leases, and when."""

from __future__ import annotations

from txkea.exchange.query import Query
from txkea.interfaces import ILeaseObserver

__all__ = ["has_news", "report", "tell"]


def has_news(query: Query) -> bool:
    """Whether the query changed a lease."""
    return bool(query.granted or query.removed or query.declined)  # what expired gave way to something granted


async def tell(query: Query) -> None:
    """Tell the observers that the answer waits for; the server tells the others once it has left."""
    if has_news(query):
        for observer in query.site.observers:
            if observer.answer_waits:
                await report(query, observer)


async def report(query: Query, observer: ILeaseObserver) -> None:
    """Tell one observer all that the query changed."""
    for lease in query.expired:
        await observer.lease_expired(lease)
    if query.granted or query.removed:
        await observer.leases_committed(query, query.granted, query.removed)
    for lease in query.declined:
        await observer.lease_declined(query, lease)
