"""What the HTTP channel serves beside commands: pages that are asked for with GET."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple, Protocol

__all__ = ["Content", "Page"]


class Content(NamedTuple):
    """The answer to a GET: ``type`` is its media type; ``pieces`` are sent as they come, and closed when nobody reads.

    A page without end, such as a stream of events, never ends its pieces; the channel closes them (`aclose`) when the
    client is gone or the channel closes. A piece is small, and the next one is asked for when there is room for it.
    """

    type: str
    pieces: AsyncIterator[bytes]


class Page(Protocol):
    """Something to be read under a path of its own."""

    async def get(self, query: Mapping[str, str]) -> Content:
        """The page; ``query`` are the parameters of the address. Raises `TxkeaError` for parameters that are wrong."""
