"""The characters of Kea's JSON dialect: comments, strings, numbers, words and included files (Kea A011-A016, A020)."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from typing import Final

from txkea.config.node import Node, Source
from txkea.errors import ConfigError, ConfigErrors

__all__ = ["DEPTH", "NESTING", "lexemes", "read"]

DEPTH: Final = 100
"""How deep maps and lists may nest; Kea refuses deeper ones too."""

NESTING: Final = 10
"""How deep files may include files (Kea A012)."""

TOKEN: Final = re.compile(
    r"""
    (?: [ \t\r\n\f]+ | \#[^\n]* | //[^\n]* | /\*[\s\S]*?\*/ )*
    (?: (?P<simple> "[^"\\\x00-\x1f]*" )
      | (?P<mark> [{}\[\]:,] )
      | (?P<number> [-+]?\.?[0-9][-+.0-9A-Za-z_]* )
      | (?P<word> [A-Za-z_][A-Za-z_0-9-]* )
      | (?P<string> "(?:[^"\\\x00-\x1f]|\\[\s\S])*" )
      | (?P<include> <\?[ ]*include[ \t\r\n]+"(?P<path>[^"\n]+)"[ \t\r\n]*\?> )
      | (?P<end> \Z )
      | (?P<bad> [\s\S] )
    )
    """,
    re.VERBOSE,
)

MARKS: Final = {
    "{": "LEFT_BRACE",
    "}": "RIGHT_BRACE",
    "[": "LEFT_BRACKET",
    "]": "RIGHT_BRACKET",
    ":": "COLON",
    ",": "COMMA",
}
STEPS: Final = {"{": 1, "[": 1, "}": -1, "]": -1}

WORDS: Final = {"true": True, "false": False, "null": None}

INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)?(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?")
LEADING_ZERO: Final = re.compile(r"[-+]?0[0-9]+")
INT64: Final = range(-(2**63), 2**63)

ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})(?:\\u([dD][c-fC-F][0-9A-Fa-f]{2}))?|([\s\S]))")
ESCAPES: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

BAD: Final = {
    '"': 'a string without end; close it with " on the same line, and write control characters as \\n or \\u00XX',
    "/": "a comment without end; close it with */",
    "<": 'not an include; write <?include "FILE"?>',
    "'": "a string is quoted with \", not with '",
    "=": "no = here; a keyword is followed by a colon",
    ";": "no ; here; a comma separates members",
}


def lexemes(source: Source, includes: bool, around: tuple[str, ...] = ()) -> Iterator[Node]:
    """The terminals of a text, those of the files it includes in their place.

    ``around`` are the real paths of the files that are being read. Raises `ConfigErrors` at the first thing that is
    none.
    """
    depth = 0
    for match in TOKEN.finditer(source.text):
        kind = match.lastgroup
        at = match.start(kind)  # type: ignore[arg-type]
        if kind == "simple":
            yield Node("STRING", source.text[at + 1 : match.end() - 1], source, at)
        elif kind == "mark":
            mark = source.text[at]
            depth += STEPS.get(mark, 0)
            if depth > DEPTH:
                raise wrong(source, at, f"maps and lists nest deeper than {DEPTH} levels; flatten them")
            yield Node(MARKS[mark], mark, source, at)
        elif kind == "number":
            yield Node("SCALAR", number(source, at, match[kind]), source, at)
        elif kind == "word":
            yield Node("SCALAR", word(source, at, match[kind]), source, at)
        elif kind == "string":
            yield Node("STRING", unescaped(source, at, match[kind][1:-1]), source, at)
        elif kind == "include":
            yield from included(source, at, match["path"], includes, around)
        elif kind == "bad":
            character = source.text[at]
            raise wrong(source, at, BAD.get(character, f"{character!r} cannot stand here; delete it"))


def wrong(source: Source, at: int, message: str) -> ConfigErrors:
    return ConfigErrors([ConfigError(message, position=source.position(at))])


def word(source: Source, at: int, text: str) -> bool | None:
    if text in WORDS:
        return WORDS[text]
    if text.lower() in WORDS:
        raise wrong(source, at, f"{text} is not a value; write {text.lower()} in lower case")
    raise wrong(source, at, f'{text} is not a value; quote it if it is a string: "{text}"')


def number(source: Source, at: int, text: str) -> int | float:
    if INTEGER.fullmatch(text):
        # int() of thousands of digits is an error of its own, so their number comes first.
        if len(text) > 20 or int(text) not in INT64:
            raise wrong(source, at, "the number is too large; 64 bits are the limit")
        return int(text)
    if LEADING_ZERO.match(text):
        raise wrong(source, at, f"the number {text} has a leading zero; write it without")
    if FLOAT.fullmatch(text) and math.isfinite(value := float(text)):
        return value
    raise wrong(source, at, f"{text} is not a number; quote it if it is a string")


def unescaped(source: Source, at: int, text: str) -> str:
    def character(match: re.Match[str]) -> str:
        first, second, simple = match.groups()
        if simple in ESCAPES:
            return ESCAPES[simple]
        here = at + 1 + match.start()
        if simple:
            raise wrong(source, here, f"\\{simple} is no escape; a backslash itself is written twice: \\\\")
        code = int(first, 16)
        if code in range(0xD800, 0xDC00) and second:
            return chr(0x10000 + ((code - 0xD800) << 10) + int(second, 16) - 0xDC00)
        if code in range(0xD800, 0xE000) or not code:
            raise wrong(source, here, f"\\u{first} is no character; write the character itself")
        return chr(code) + (chr(int(second, 16)) if second else "")

    return ESCAPE.sub(character, text)


def included(source: Source, at: int, path: str, includes: bool, around: tuple[str, ...]) -> Iterator[Node]:
    """The terminals of an included file, whose path is relative to the file that includes it."""
    if not includes:
        raise wrong(source, at, "a command cannot include files; put the text itself here")
    if len(around) > NESTING:
        raise wrong(source, at, f"files include files deeper than {NESTING} levels; flatten them")
    file = os.path.join(os.path.dirname(source.file), path)
    real = os.path.realpath(file)
    if real in around:
        raise wrong(source, at, f"{file} includes itself; remove one of the includes")
    try:
        inner = read(file)
    except OSError as error:
        raise wrong(source, at, f"cannot read {file}: {error.strerror}; correct the path or its permissions") from None
    yield from lexemes(inner, includes, (*around, real))


def read(file: str) -> Source:
    """A file's text. Raises OSError, and `ConfigErrors` where it is not UTF-8."""
    with open(file, "rb") as stream:
        data = stream.read()
    try:
        return Source(data.decode("utf-8-sig"), file)
    except UnicodeDecodeError as error:
        before = Source(data[: error.start].decode("utf-8", "replace"), file)
        raise wrong(before, len(before.text), "the file is not UTF-8 text here; save it as UTF-8") from None
