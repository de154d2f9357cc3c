"""What an HTTP channel takes for a request, and the bytes of its answers; nothing here waits for anybody."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import h11

from txkea.control.answer import Answer, Verbatim, encode
from txkea.control.request import MAX_REQUEST
from txkea.errors import TxkeaError

__all__ = ["JSON", "MAX_HEADERS", "RefusedError", "check", "headers_of", "listed", "measured", "one"]

JSON: Final = "application/json"
MAX_HEADERS: Final = 16 << 10
"""Bytes of a request line and its headers, and of what may stand before a chunk."""
MOST_HEADERS: Final = 100
MOST_DIGITS: Final = 20
"""Of a length, as newer versions of h11 have it."""
WHOLE: Final = 4 << 20
"""Bytes up to which an answer is sent with its length: clients such as Kea understand no chunks."""
LONG: Final = 1 << 12
"""Bytes of a piece that took time to make."""
ONCE: Final = frozenset(
    (b"authorization", b"content-type", b"content-length", b"transfer-encoding", b"host", b"expect")
)
"""Headers of which there can be only one; whoever sends two hopes that somebody reads the other."""


class RefusedError(TxkeaError):
    """A request is not answered as its sender wished; ``status`` is that of HTTP."""

    def __init__(self, status: int, text: str, **headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers

    @property
    def body(self) -> bytes:
        """What is sent in place of an answer: a map, and no list of answers (Kea G013)."""
        return json.dumps({"result": self.status, "text": str(self)}).encode("utf-8")


# -- in ----------------------------------------------------------------------------------------------------------------


def headers_of(request: h11.Request) -> Mapping[str, str]:
    """The headers by their names in small letters; of a repeated one the last. Raises `RefusedError`."""
    size = len(request.target) + sum(len(name) + len(value) + 4 for name, value in request.headers)
    if size > MAX_HEADERS or len(request.headers) > MOST_HEADERS:
        raise RefusedError(431, f"no more than {MAX_HEADERS} bytes in {MOST_HEADERS} headers are taken")
    names = [name for name, _ in request.headers]
    for name in ONCE:
        if names.count(name) > 1:
            raise RefusedError(400, f"the header {name.decode('ascii')} stands twice")
    return {name.decode("ascii"): value.decode("latin-1") for name, value in request.headers}


def check(method: str, headers: Mapping[str, str]) -> None:
    """Raise `RefusedError` for what is no request of ours (Kea G013)."""
    digits = headers.get("content-length", "0")
    if len(digits) > MOST_DIGITS:
        raise RefusedError(400, "bad request: bad Content-Length")
    length = int(digits)
    if method == "GET":
        if length or "transfer-encoding" in headers:
            raise RefusedError(400, "a GET has no body")
        return
    if method != "POST":
        raise RefusedError(400, f"the method {method[:20]} is not supported: commands come by POST, pages by GET")
    if ("content-length" in headers) == ("transfer-encoding" in headers):
        raise RefusedError(400, "a POST has either a Content-Length or a Transfer-Encoding")
    if headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise RefusedError(400, f"the Content-Type of a command is {JSON}")
    if length > MAX_REQUEST:
        raise RefusedError(413, f"the request is longer than {MAX_REQUEST} bytes; use a file and config-reload")


# -- out ---------------------------------------------------------------------------------------------------------------


async def one(piece: bytes) -> AsyncIterator[bytes]:
    """Pieces that are one."""
    yield piece


async def listed(answers: Sequence[Answer | Verbatim]) -> AsyncIterator[bytes]:
    """Answers as one JSON list (Kea G014)."""
    yield b"[ "
    for number, answer in enumerate(answers):
        if number:
            yield b", "
        async for piece in encode(answer):
            yield piece.encode("utf-8")
    yield b" ]"


async def measured(
    pieces: AsyncIterator[bytes], turn: Callable[[], Awaitable[object]]
) -> tuple[AsyncIterator[bytes], int | None]:
    """The pieces again, and how many bytes they are if they end before `WHOLE`; others get their ``turn`` meanwhile."""
    first: list[Any] = []
    size = 0
    async for piece in pieces:
        first.append(piece)
        size += len(piece)
        if size > WHOLE:
            return _chain(first, pieces), None
        if len(piece) > LONG:
            await turn()
    return one(b"".join(first)), size


async def _chain(first: Sequence[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for piece in first:
        yield piece
    async for piece in rest:
        yield piece
