"""Texts and numbers that a column cannot hold as they are, and the way back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

__all__ = ["MARK", "expand", "fitting", "pack", "unpack"]

_ESCAPED: Final = re.compile(r"\\(?:(\d{3})|(\\))")
_ANY_BYTE: Final = re.compile(r"[\x00\\\ud800-\udfff]")
_ONLY_ASCII: Final = re.compile(r"[^\x01-\x5b\x5d-\x7e]")


def _bytes_of(match: re.Match[str]) -> str:
    if match[0] == "\\":
        return "\\\\"
    # Other lone surrogates than those of PEP 383, which no reader gives, become their three bytes.
    try:
        data = match[0].encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = match[0].encode("utf-8", "surrogatepass")
    return "".join(f"\\{byte:03d}" for byte in data)


def fitting(unicode: bool) -> Callable[[str], str]:
    r"""Gives what makes a text fit: NUL and bytes that are no UTF-8 as ``\DDD``, backslashes doubled (RFC 1035, 5.1).

    A column that is not ``unicode`` gets everything beyond ASCII so.
    """
    reserved = _ANY_BYTE if unicode else _ONLY_ASCII

    def fit(text: str) -> str:
        return reserved.sub(_bytes_of, text) if reserved.search(text) else text

    return fit


def expand(text: str) -> str:
    """The text that was made to fit; a backslash that begins no escape stands for itself."""
    if "\\" not in text:
        return text
    data = _ESCAPED.sub(_byte_of, text)
    # A byte stands as its surrogate, or as itself, until all bytes of a character are there.
    return data.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def _byte_of(match: re.Match[str]) -> str:
    if match[2]:
        return "\\"
    value = int(match[1])
    if value > 0xFF:
        return match[0]
    return chr(value) if value < 0x80 else chr(0xDC00 + value)


# -- what stands in a user context -------------------------------------------------------------------------------------

MARK: Final = '{"txkea":'
"""How one begins that holds something besides."""
_MARK: Final = re.compile(r'\{"txkea":(\{[^{}]*\})(,?)')


def pack(kept: dict[str, int], context: str) -> str:
    """A user context that holds values besides: the JSON text of an object in front of its own members.

    ``context`` is that of an object, or ``""``. A blank object is kept as a text, so that all can be told apart.
    """
    if context and not context[1:].strip().startswith("}"):
        return f'{{"txkea":{json.dumps(kept)},{context[1:]}'
    return f'{{"txkea":{json.dumps({**kept, "of": context.encode().hex()} if context else kept)}}}'


def unpack(text: str) -> tuple[dict[str, int], str]:
    """What `pack` was given; a context of somebody else's has nothing besides."""
    match = _MARK.match(text)
    if match is None:
        return {}, text
    try:
        kept = json.loads(match[1])
        context = "{" + text[match.end() :] if match[2] else bytes.fromhex(kept.pop("of", "")).decode()
    except (ValueError, TypeError):
        return {}, text
    if not all(type(value) is int for value in kept.values()):
        return {}, text
    return kept, context
