"""Kea's JSON dialect to a tree of values that know where they stand (Kea A011-A016, A020)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, NamedTuple

from lark import Lark, Transformer
from lark.exceptions import UnexpectedToken

from txkea.config.lexemes import DEPTH, lexemes, read
from txkea.config.node import Node, Source
from txkea.errors import ConfigError, ConfigErrors

__all__ = ["Document", "from_json", "load", "parse"]

# Read at the start: at a reload the process may no longer have the right to.
GRAMMAR: Final = Path(__file__).with_name("json.lark").read_text(encoding="utf-8")

WORDING: Final = {
    "STRING": "a string",
    "SCALAR": "a value",
    "LEFT_BRACE": "{",
    "RIGHT_BRACE": "}",
    "LEFT_BRACKET": "[",
    "RIGHT_BRACKET": "]",
    "COLON": ":",
    "COMMA": ",",
    "$END": "the end of the text",
}


class Document(NamedTuple):
    """A parsed text: the tree, and what deserves a warning in it."""

    root: Node
    warnings: tuple[str, ...] = ()


class Reading:
    """What is noticed in one text without ending the parse."""

    def __init__(self) -> None:
        self.errors: list[ConfigError] = []
        self.warnings: list[str] = []


class Building(Transformer):  # type: ignore[type-arg]
    """Makes nodes while the parser reduces, so that no other tree is built.

    Each method gets the list of a rule's symbols, as in ``json.lark``.
    """

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self.reading = reading

    def empty_object(self, symbols: list[Node]) -> Node:
        return Node("object", {}, symbols[0].source, symbols[0].offset)

    def object(self, symbols: list[Any]) -> Node:
        self.trailing(symbols)
        return Node("object", symbols[1], symbols[0].source, symbols[0].offset)

    def first_member(self, symbols: list[Node]) -> dict[str, Node]:
        return self.member({}, symbols[0], symbols[2])

    def next_member(self, symbols: list[Any]) -> dict[str, Node]:
        return self.member(symbols[0], symbols[2], symbols[4])

    def member(self, members: dict[str, Node], key: Node, value: Node) -> dict[str, Node]:
        value.key = key
        first = members.setdefault(key.value, value)
        if first is not value and first.key is not None:
            message = f'"{key.value}" stands at {first.key.position} already; keep one of the two'
            self.reading.errors.append(ConfigError(message, position=key.position))
        return members

    def empty_array(self, symbols: list[Node]) -> Node:
        return Node("array", [], symbols[0].source, symbols[0].offset)

    def array(self, symbols: list[Any]) -> Node:
        self.trailing(symbols)
        return Node("array", symbols[1], symbols[0].source, symbols[0].offset)

    def first_element(self, symbols: list[Node]) -> list[Node]:
        return symbols

    def next_element(self, symbols: list[Any]) -> list[Node]:
        elements: list[Node] = symbols[0]
        elements.append(symbols[2])
        return elements

    def trailing(self, symbols: list[Any]) -> None:
        if len(symbols) == 4:
            self.reading.warnings.append(f"{symbols[2].position}: a comma after the last member; delete it")


def load(path: str) -> Document:
    """Parse a file and those it includes.

    Raises `ConfigErrors`, also where the file cannot be read.
    """
    try:
        source = read(path)
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}; correct the path or its permissions"
        raise ConfigErrors([ConfigError(message)]) from None
    return tree(source, True, (os.path.realpath(path),))


def parse(text: str, file: str = "text", includes: bool = False) -> Document:
    """Parse a text that is not in a file, such as a command; ``file`` is what errors call it. Raises `ConfigErrors`."""
    return tree(Source(text, file), includes)


def tree(source: Source, includes: bool, around: tuple[str, ...] = ()) -> Document:
    reading = Reading()
    parser = Lark(GRAMMAR, parser="lalr", lexer="basic", transformer=Building(reading))
    state: Any = parser.parse_interactive("")
    feed = state.feed_token
    try:
        for lexeme in lexemes(source, includes, around):
            feed(lexeme)
        root: Node = state.feed_eof()
    except UnexpectedToken as error:
        raise ConfigErrors([*reading.errors, unexpected(error.token, state.accepts(), source)]) from None
    if reading.errors:
        raise ConfigErrors(reading.errors)
    return Document(root, tuple(reading.warnings))


def unexpected(found: Any, accepted: set[str], source: Source) -> ConfigError:
    wanted = " or ".join(WORDING[name] for name in WORDING if name in accepted)
    if not isinstance(found, Node):
        end = source.position(len(source.text))
        return ConfigError(f"the text ends too early; {wanted} would be right", position=end)
    shown = f'"{found.value}"' if found.type == "STRING" else found.value
    return ConfigError(f"{shown} cannot stand here; {wanted} would be right", position=found.position)


def from_json(value: Any) -> Document:
    """The tree of an already parsed value, such as a command's arguments; without positions.

    Raises `ConfigErrors` for a value that nests too deep.
    """
    return Document(node(value, 0))


def node(value: Any, depth: int) -> Node:
    if depth > DEPTH:
        raise ConfigErrors([ConfigError(f"maps and lists nest deeper than {DEPTH} levels; flatten them")])
    if isinstance(value, dict):
        return Node("object", {str(name): node(inner, depth + 1) for name, inner in value.items()})
    if isinstance(value, (list, tuple)):
        return Node("array", [node(inner, depth + 1) for inner in value])
    return Node("STRING" if isinstance(value, str) else "SCALAR", value)
