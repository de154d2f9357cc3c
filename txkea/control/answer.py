"""What a command answers, and its bytes on the wire (Kea G005, G006)."""

from __future__ import annotations

import json
from codecs import getincrementaldecoder
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from txkea.errors import TxkeaError

__all__ = ["Answer", "ConflictError", "Listing", "Result", "Verbatim", "encode", "pieces"]

PIECE: Final = 1 << 15
"""Characters that are encoded in one go, so that a large answer lets others have their turn."""
LONG: Final = 64
"""A list of more members is encoded member by member."""


class Result(IntEnum):
    """The result codes of Kea's commands."""

    SUCCESS = 0
    ERROR = 1
    UNSUPPORTED = 2
    EMPTY = 3
    CONFLICT = 4


class ConflictError(TxkeaError):
    """What a command asks for does not go with what there is: result 4 (Kea G006)."""


class Answer(NamedTuple):
    """What a command answers; ``arguments`` is any JSON value, a `Listing`, or None for none."""

    result: int = Result.SUCCESS
    text: str | None = None
    arguments: Any = None


class Listing(NamedTuple):
    """Arguments that consist of one list too long to hold in memory: ``{key: [...]}``, and its ``count`` if wished for.

    With an empty key they are the list itself, and have no count.
    ``conclude`` turns the number of members into result and text, which are sent after the list.
    """

    key: str
    pages: AsyncIterator[Sequence[Any]]
    conclude: Callable[[int], tuple[int, str]]
    counted: bool = False


class Verbatim(NamedTuple):
    """An answer in another server's words, whatever it holds: a JSON value that was found good, as it came."""

    chunks: tuple[bytes, ...]


def pieces(value: Any, depth: int = 0, dumps: Callable[[Any], str] = json.dumps) -> Iterator[str]:
    """The JSON text of a value in pieces; none is large unless a single member of a list is."""
    if isinstance(value, Mapping) and depth < 4:
        yield "{ "
        for number, (name, member) in enumerate(value.items()):
            yield f"{', ' if number else ''}{dumps(name)}: "
            yield from pieces(member, depth + 1, dumps)
        yield " }"
    elif isinstance(value, (list, tuple)) and len(value) > LONG:
        yield "[ "
        for number, member in enumerate(value):
            yield f"{', ' if number else ''}{dumps(member)}"
        yield " ]"
    else:
        yield dumps(value)


async def encode(answer: Answer | Verbatim) -> AsyncIterator[str]:
    """The JSON text of an answer in pieces of about `PIECE` characters, the keys in Kea's (alphabetical) order.

    A listing that fails on its way ends with result 1 and is still good JSON.
    """
    if isinstance(answer, Verbatim):
        decoder = getincrementaldecoder("utf-8")("replace")
        for chunk in answer.chunks:
            yield decoder.decode(chunk)
        return
    if isinstance(answer.arguments, Listing):
        async for piece in _listing(answer.arguments):
            yield piece
        return
    named = (("arguments", answer.arguments), ("result", int(answer.result)), ("text", answer.text))
    collected: list[str] = []
    size = 0
    for piece in pieces({name: value for name, value in named if value is not None}):
        collected.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield "".join(collected)
            collected.clear()
            size = 0
    yield "".join(collected)


async def _listing(listing: Listing) -> AsyncIterator[str]:
    count = 0
    opening, closing = (f"{{ {json.dumps(listing.key)}: ", " }") if listing.key else ("", "")
    yield f'{{ "arguments": {opening}[ '
    try:
        async for page in listing.pages:
            members = ", ".join(json.dumps(member) for member in page)
            yield f"{', ' if count and page else ''}{members}"
            count += len(page)
        result, text = listing.conclude(count)
    except TxkeaError as error:
        result, text = Result.ERROR, str(error)
    number = f', "count": {count}' if listing.counted else ""
    yield f' ]{number}{closing}, "result": {int(result)}, "text": {json.dumps(text)} }}'
