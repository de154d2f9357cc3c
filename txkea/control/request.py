"""Requests on the control channel: where one ends, and what it says (Kea G001-G004, G010)."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any, Final, NamedTuple

from txkea.errors import TxkeaError

__all__ = ["DEPTH", "MAX_REQUEST", "SLICE", "Framing", "Request", "RequestError", "parse", "validate"]

DEPTH: Final = 100
"""How deep maps and lists may nest, as in a configuration."""
MAX_REQUEST: Final = 16 << 20
"""Bytes of a request; a larger configuration goes through a file and ``config-reload``."""

SLICE: Final = 8 << 10
"""Bytes of a request to look at in one turn of the reactor: that takes 9 ms if each is a bracket."""
LONGEST_STRETCH: Final = 128 << 10
"""Bytes of a request without the end of a map: while it is read others have their turn only at each of these."""

KNOWN: Final = frozenset(("command", "arguments", "service", "remote-address"))
"""Keys of a request; the last one says where it came from and means nothing to us (Kea G004)."""


class RequestError(TxkeaError):
    """What arrived is not a request; the text tells the sender."""


class Request(NamedTuple):
    """A command to run."""

    command: str
    arguments: Any = None
    service: tuple[str, ...] = ()
    """The servers that are meant, such as ``dhcp4``; empty for whoever hears it (Kea G014)."""


# -- where a request ends ----------------------------------------------------------------------------------------------

PLAIN: Final = rb'[^"{}\[\]#/]*'
STRING: Final = rb'"[^"\\]*(?:\\[\s\S][^"\\]*)*"'
NEXT: Final = {
    "outside": re.compile(rb"[ \t\r\n]*(//|/\*|/[^/*]|[^ \t\r\n/])?"),
    "code": re.compile(PLAIN + rb"(?:(?:" + STRING + rb"|/(?=[^/*]))" + PLAIN + rb')*([{}\[\]"#]|//|/\*)?'),
    "string": re.compile(rb'[^"\\]*(?:\\[\s\S][^"\\]*)*(")?'),
    "line": re.compile(rb"[^\n]*(\n)?"),
    "block": re.compile(rb"[^*]*(?:\*(?=[^/])[^*]*)*(\*/)?"),
}
"""What is passed over in each mode, whole strings among it, and the mark behind that: none if more bytes must come."""
ENTER: Final = {b'"': "string", b"#": "line", b"//": "line", b"/*": "block"}
BLANK: Final = bytes(byte if byte == ord("\n") else ord(" ") for byte in range(256))
BRACKETS: Final = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
WINDOW: Final = 1 << 14
"""Bytes that a pattern sees at once: it needs memory for each string that it passes over."""


class Framing:
    """Finds the end of a JSON object that has no length in front; looks at each byte once.

    A byte costs up to 0.7 µs, if each is a bracket or a comment.
    """

    def __init__(self) -> None:
        self._data = bytearray()
        self._at = 0
        self._mode = self._around = "outside"
        self._depth = 0
        self._began = 0
        self._map_ended = 0

    def __len__(self) -> int:
        return len(self._data)

    @property
    def rest(self) -> bytes:
        """What has arrived behind the object's end."""
        return bytes(self._data[self._at :])

    def feed(self, data: bytes) -> bytes | None:
        """The whole object with its comments blanked out, or None while its end is missing.

        Raises `RequestError` as soon as it can be no request.
        """
        if len(self._data) + len(data) > MAX_REQUEST:
            raise RequestError(f"the command is longer than {MAX_REQUEST} bytes; use a file and config-reload")
        self._data += data
        end = 0
        while end < len(self._data):
            end = self._at + WINDOW
            found = NEXT[self._mode].match(self._data, self._at, end)
            assert found is not None, "each pattern takes nothing too"
            self._at = found.end()
            mark = found[1]
            if mark is not None:
                end = self._at
                if self._step(mark, found.start(1)):
                    return bytes(self._data[:end])
        self._limit_stretch()
        return None

    def _limit_stretch(self) -> None:
        if self._at - self._map_ended > LONGEST_STRETCH:
            raise RequestError(f"{LONGEST_STRETCH} bytes with no end of a map are too many; use a file")

    def _step(self, mark: bytes, start: int) -> bool:
        """Take one mark; tells whether the object is complete."""
        if self._mode not in ("code", "outside"):
            self._leave()
        elif mark in ENTER and not (mark == b'"' and self._mode == "outside"):
            self._began, self._around, self._mode = start, self._mode, ENTER[mark]
        elif mark in BRACKETS:
            if mark == b"}":
                self._limit_stretch()
                self._map_ended = self._at
            return self._bracket(BRACKETS[mark])
        else:
            raise RequestError('a command is a map: { "command": ... }')
        return False

    def _leave(self) -> None:
        """The end of a string, or of a comment, which is blanked out; lines are counted as before."""
        if self._mode != "string":
            self._data[self._began : self._at] = self._data[self._began : self._at].translate(BLANK)
        self._mode = self._around

    def _bracket(self, step: int) -> bool:
        self._mode = "code"
        self._depth += step
        if self._depth > DEPTH:
            raise RequestError(f"the command nests deeper than {DEPTH} levels")
        return self._depth <= 0


# -- what it says ------------------------------------------------------------------------------------------------------

SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
INT64: Final = range(-(2**63), 2**63)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A map; a key that stands twice might be checked in one place and used in another."""
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise RequestError(f"{twice!r} stands twice in one map; keep one of the two")
    return members


def _integer(text: str) -> int:
    if len(text) > 20 or int(text) not in INT64:
        raise RequestError(f"the number {text[:20]}… is too large; 64 bits are the limit")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise RequestError(f"the number {text[:20]} is too large")
    return value


def _constant(text: str) -> float:
    raise RequestError(f"{text} is not a JSON value")


DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def parse(data: bytes) -> Any:
    """The JSON value of a framed request. Raises `RequestError`.

    Stricter than Python's `json`: no key twice, no NaN, 64-bit integers, no lone surrogates, UTF-8 only.
    """
    try:
        text = data.decode("utf-8")
        value = DECODER.decode(text)
        if SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise RequestError(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except UnicodeDecodeError as error:
        raise RequestError(f"the command is not UTF-8 text at byte {error.start}") from None
    except UnicodeEncodeError:
        raise RequestError("a string of the command has half of a surrogate pair") from None
    except RecursionError:
        raise RequestError("the command nests too deep") from None
    return value


def validate(value: Any) -> Request:
    """A request from its JSON value. Raises `RequestError`."""
    if not isinstance(value, dict):
        raise RequestError('a command is a map: { "command": ... }')
    if "command" not in value:
        raise RequestError("'command' is missing")
    if not isinstance(value["command"], str):
        raise RequestError("'command' is not a string")
    for name in value:
        if name not in KNOWN:
            raise RequestError(f"a command has no parameter {name!r}; its own parameters go into 'arguments'")
    return Request(value["command"], value.get("arguments"), _service(value.get("service", [])))


def _service(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise RequestError("'service' is not a list of names, such as [ \"dhcp4\" ]")
    return tuple(value)
