"""Regular expressions that take time linear in what they are matched with: client data cannot make them explode."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken

from txkea.classify.automaton import Automaton, Step
from txkea.errors import EvaluationError

__all__ = ["Pattern", "PatternError"]

GRAMMAR: Final = Path(__file__).with_name("pattern.lark").read_text(encoding="utf-8")

MOST_STEPS: Final = 400
"""How long a pattern may be, its repetitions written out."""
MOST_BYTES: Final = 255
"""How much data a pattern is matched with: together with `MOST_STEPS` some 12 ms, should all go wrong."""
MOST_NESTING: Final = 50

ALL: Final = frozenset(range(256))
DIGITS: Final = frozenset(b"0123456789")
LOWER: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz")
UPPER: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
SPACE: Final = frozenset(b" \t\n\r\f\v")
GRAPHIC: Final = frozenset(range(0x21, 0x7F))
WORD: Final = DIGITS | LOWER | UPPER | frozenset(b"_")

CLASSES: Final = {
    "alnum": DIGITS | LOWER | UPPER,
    "alpha": LOWER | UPPER,
    "blank": frozenset(b" \t"),
    "cntrl": ALL - GRAPHIC - frozenset(b" ") - frozenset(range(0x80, 0x100)),
    "d": DIGITS,
    "digit": DIGITS,
    "graph": GRAPHIC,
    "lower": LOWER,
    "print": GRAPHIC | frozenset(b" "),
    "punct": GRAPHIC - DIGITS - LOWER - UPPER,
    "s": SPACE,
    "space": SPACE,
    "upper": UPPER,
    "w": WORD,
    "xdigit": DIGITS | frozenset(b"abcdefABCDEF"),
}
"""What ``[:name:]`` stands for in a set."""
FEW: Final[dict[str, tuple[int, int | None]]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
ITEM: Final = re.compile(
    r"\[:(?P<name>[a-z]+):\]|\\(?P<escape>x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|c[A-Za-z]|[\s\S])|[\s\S]"
)
SHORT: Final = {"d": DIGITS, "D": ALL - DIGITS, "w": WORD, "W": ALL - WORD, "s": SPACE, "S": ALL - SPACE}
CONTROLS: Final = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "0": 0}
DOT: Final = ALL - frozenset(b"\n\r")

LOOKING: Final = "looking ahead is not supported; write what shall be there, or combine two match() with and and not"
UNSUPPORTED: Final = (
    ("\\b", "\\b and \\B are not supported; write what shall stand beside the word"),
    ("\\B", "\\b and \\B are not supported; write what shall stand beside the word"),
    ("\\", "this escape is not supported (nor are references to groups); a backslash itself is written \\\\"),
    ("[", "a set without end; close it with ], and write [ itself as \\["),
    ("{", "a { begins a count like {2} or {1,3} after what repeats; write { itself as \\{"),
    ("*", "nothing stands in front of this to repeat; write the character itself with a backslash"),
    ("+", "nothing stands in front of this to repeat; write the character itself with a backslash"),
    ("?", "nothing stands in front of this to repeat; write the character itself with a backslash"),
    (")", "no ( belongs to this ); remove it, or write \\)"),
)


class PatternError(Exception):
    """``message`` says what is wrong; ``offset`` counts characters of the pattern from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class Pattern:
    """A regular expression to match all of a string with; equal to another of the same text.

    Raises `PatternError`.
    """

    __slots__ = ("automaton", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.automaton = automaton(text)

    def matches(self, data: bytes) -> bool:
        """Whether it is what all of the data is. Raises `EvaluationError` for more than `MOST_BYTES`."""
        if len(data) > MOST_BYTES:
            raise EvaluationError(f"{len(data)} bytes are too many to match, {MOST_BYTES} are the limit")
        state = self.automaton.first
        for byte in data:
            state = state[byte]
        return state.last

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"


# -- reading -----------------------------------------------------------------------------------------------------------


@cache
def parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def automaton(text: str) -> Automaton:
    """The automaton of an expression, whose characters are bytes in UTF-8."""
    octets = text.encode("utf-8", "surrogatepass").decode("latin-1")
    try:
        tree = parser().parse(octets)
    except UnexpectedInput as error:
        raise unexpected(octets, error) from None
    writing = Writing()
    end = writing.add("", ())
    try:
        first = writing.write(tree, end)
    except PatternError as error:
        raise PatternError(error.message, characters(octets, error.offset)) from None
    return Automaton(writing.steps, first, end)


def characters(octets: str, offset: int) -> int:
    """How many characters the first octets are."""
    return len(octets[:offset].encode("latin-1").decode("utf-8", "replace"))


def unexpected(octets: str, error: Any) -> PatternError:
    offset = error.pos_in_stream
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return PatternError(
            "the regular expression ends too early; close what was opened with (", characters(octets, len(octets))
        )
    rest = octets[offset:]
    if octets[max(0, offset - 1) : offset + 1] == "(?":
        return PatternError(LOOKING, characters(octets, offset))
    for beginning, message in UNSUPPORTED:
        if rest.startswith(beginning):
            return PatternError(message, characters(octets, offset))
    return PatternError(
        f"{rest[0]!r} cannot stand here; write the character itself as \\{rest[0]}", characters(octets, offset)
    )


class Writing:
    """Writes steps from a tree, the last first: each knows what follows it."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.written = 0
        self.depth = 0

    def add(self, accepts: frozenset[int] | str, leads: tuple[int, ...]) -> int:
        self.steps.append(Step(accepts, leads))
        return len(self.steps) - 1

    def write(self, tree: Tree[Token], following: int) -> int:
        """The first step of what the tree says, which leads to ``following``."""
        self.written += 1
        self.depth += 1
        if self.written > 4 * MOST_STEPS or len(self.steps) > MOST_STEPS:
            raise PatternError(
                f"the expression is too long; {MOST_STEPS} characters are the limit, repeated ones too", 0
            )
        if self.depth > MOST_NESTING:
            raise PatternError(f"groups nest deeper than {MOST_NESTING // 2} levels; flatten them", 0)
        first: int = getattr(self, tree.data)(tree.children, following)
        self.depth -= 1
        return first

    def sequence(self, children: list[Any], following: int) -> int:
        for child in reversed(children):
            following = self.write(child, following)
        return following

    def any_of(self, children: list[Any], following: int) -> int:
        return self.add("", tuple([self.write(child, following) for child in children]))

    def repeat(self, children: list[Any], following: int) -> int:
        atom, count = children
        if atom.data in ("beginning", "end"):
            raise PatternError("the beginning and the end do not repeat; remove the count", count.start_pos)
        least, most = limits(count)
        entry = self.loop(atom, following) if most is None else following
        for _ in range((most or 0) - least):
            entry = self.add("", (self.write(atom, entry), following))
        for _ in range(least):
            entry = self.write(atom, entry)
        return entry

    def loop(self, atom: Tree[Token], following: int) -> int:
        again = self.add("", ())
        self.steps[again] = Step("", (self.write(atom, again), following))
        return again

    def beginning(self, children: list[Token], following: int) -> int:
        return self.add("^", (following,))

    def end(self, children: list[Token], following: int) -> int:
        return self.add("$", (following,))

    def dot(self, children: list[Token], following: int) -> int:
        return self.add(DOT, (following,))

    def character(self, children: list[Token], following: int) -> int:
        return self.octets(children[0].encode("latin-1"), following)

    def escape(self, children: list[Token], following: int) -> int:
        accepts = escaped(children[0][1:])
        return self.octets(accepts, following) if isinstance(accepts, bytes) else self.add(accepts, (following,))

    def octets(self, octets: bytes, following: int) -> int:
        """One character, which may be several bytes."""
        for octet in reversed(octets):
            following = self.add(frozenset((octet,)), (following,))
        return following

    def set(self, children: list[Token], following: int) -> int:
        return self.add(members(children[0]), (following,))


def limits(count: Token) -> tuple[int, int | None]:
    """How often what stands before it is there, at least and at most."""
    text = count[:1] if count[0] in "*+?" else count.removesuffix("?")[1:-1]
    if text in FEW:
        return FEW[text]
    first, comma, last = text.partition(",")
    least = int(first)
    most = int(last) if last else None if comma else least
    if most is not None and most < least:
        raise PatternError(f"no count is from {least} to {most}; write the lower number first", count.start_pos or 0)
    return least, most


def escaped(text: str) -> frozenset[int] | bytes:
    """What stands after a backslash: a set of bytes, or the bytes of a character."""
    kind = text[0]
    if kind in SHORT:
        return SHORT[kind]
    if kind in "xu" and len(text) > 1:
        code = int(text[1:], 16)
        return bytes((code,)) if kind == "x" else chr(code).encode("utf-8", "surrogatepass")
    if kind == "c" and len(text) > 1:
        return bytes((ord(text[1]) & 31,))
    return bytes((CONTROLS.get(kind, ord(kind)),))


def members(token: Token) -> frozenset[int]:
    """The bytes of a set such as ``[^a-z[:digit:]]``."""
    inside = token[1:-1]
    negated = inside.startswith("^")
    found: frozenset[int] = frozenset()
    items = list(ITEM.finditer(inside, int(negated)))
    position = 0
    while position < len(items):
        low = item(items[position], token)
        if [each[0] for each in items[position + 1 : position + 2]] == ["-"] and position + 2 < len(items):
            low = between(low, item(items[position + 2], token), token)
            position += 2
        found |= low
        position += 1
    return ALL - found if negated else found


def item(match: re.Match[str], token: Token) -> frozenset[int]:
    if match["name"]:
        if match["name"] not in CLASSES:
            raise PatternError(
                f"there is no [:{match['name']}:]; it is one of {', '.join(CLASSES)}", token.start_pos or 0
            )
        return CLASSES[match["name"]]
    if match["escape"]:
        accepts = frozenset(b"\b") if match["escape"] == "b" else escaped(match["escape"])
        if isinstance(accepts, frozenset):
            return accepts
        return single(accepts, token)
    return single(match[0].encode("latin-1"), token)


def single(octets: bytes, token: Token) -> frozenset[int]:
    if len(octets) > 1 or octets >= b"\xc0":
        raise PatternError("a set is of single bytes; write longer characters as (a|b)", token.start_pos or 0)
    return frozenset(octets)


def between(low: frozenset[int], high: frozenset[int], token: Token) -> frozenset[int]:
    """All from one byte to another."""
    if len(low) != 1 or len(high) != 1 or min(low) > min(high):
        message = f"{token} has a range that does not go from a lower character to a higher one; write - itself as \\-"
        raise PatternError(message, token.start_pos or 0)
    return frozenset(range(min(low), min(high) + 1))
