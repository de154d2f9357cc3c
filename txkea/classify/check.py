"""A tree of words to nodes: types, ranges, the family, and the names of options (Kea D022-D049)."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Final, TypeAlias

from lark import Token, Tree

from txkea.classify.nodes import (
    MESSAGE,
    RELAY4,
    Choice,
    Concat,
    Converted,
    Enterprise,
    Equal,
    Hexstring,
    Junction,
    Literal,
    Match,
    Member,
    Negation,
    Node,
    Option,
    PacketField,
    Place,
    RelayField,
    Split,
    Substring,
    VendorData,
    VendorExists,
)
from txkea.classify.pattern import Pattern, PatternError
from txkea.errors import ExpressionError
from txkea.wire.definition import OptionDefinition
from txkea.wire.definitions import Definitions
from txkea.wire.dhcp6 import CONTAINERS6
from txkea.wire.fields import KINDS
from txkea.wire.standard4 import AGENT_SPACE

__all__ = ["Checking"]

MOST_NESTING: Final = 50

UINT8: Final = range(1 << 8)
UINT16: Final = range(1 << 16)
UINT32: Final = range(1 << 32)
INT32: Final = range(-(1 << 31), 1 << 31)
RELAYS: Final = range(-32, 32)

CODES: Final = {4: UINT8, 6: UINT16}
VENDOR_OPTION: Final = {4: 125, 6: 17}
AGENT_OPTION: Final = 82

Children: TypeAlias = list[Any]


class Checking:
    """Makes nodes of one expression of one family. Raises `ExpressionError`."""

    def __init__(self, family: int, definitions: Definitions) -> None:
        self.family = family
        self.definitions = definitions
        self.space = f"dhcp{family}"
        self.depth = 0

    def node(self, tree: Tree[Token]) -> Node:
        """The node that a tree stands for, whatever its type."""
        self.depth += 1
        if self.depth > MOST_NESTING:
            raise ExpressionError(f"deeper than {MOST_NESTING} levels; use member() of classes before", column(tree))
        start = tree.meta.start_pos
        span = (start, tree.meta.end_pos)
        node: Node = getattr(self, tree.data)(tree.children, span)
        self.depth -= 1
        return node

    def test(self, tree: Tree[Token]) -> Node:
        """A node that is true or false."""
        node = self.node(tree)
        if not node.boolean:
            message = "this is a string, and true or false would be right; compare it (== 'text') or ask for .exists"
            raise ExpressionError(message, column(tree))
        return node

    def string_of(self, tree: Tree[Token]) -> Node:
        """A node that is bytes."""
        node = self.node(tree)
        if node.boolean:
            message = "this is true or false, and a string would be right; write ifelse(..., 'a', 'b') or .hex"
            raise ExpressionError(message, column(tree))
        return node

    # -- literals

    def string(self, children: Children, span: Any) -> Node:
        return Literal(span=span, value=quoted(children[0]).encode("utf-8", "surrogatepass"))

    def hexadecimal(self, children: Children, span: Any) -> Node:
        digits = children[0][2:]
        return Literal(span=span, value=bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2)))

    def integer(self, children: Children, span: Any) -> Node:
        return Literal(span=span, value=within(UINT32, children[0], "an integer").to_bytes(4, "big"))

    def address4(self, children: Children, span: Any) -> Node:
        return address("ipv4-address", children[0], span)

    def address6(self, children: Children, span: Any) -> Node:
        return address("ipv6-address", children[0], span)

    # -- options

    def option(self, children: Children, span: Any) -> Node:
        return self.chain(MESSAGE, self.space, children, span)

    def relay4(self, children: Children, span: Any) -> Node:
        self.only(4, "relay4", "relay6[0].option[...]", span)
        return self.chain(RELAY4, AGENT_SPACE, children, span)

    def relay6(self, children: Children, span: Any) -> Node:
        self.only(6, "relay6", "relay4[...]", span)
        return self.chain(Place("relay6", within(RELAYS, children[0], "a relay")), self.space, children[1:], span)

    def vendor_option(self, children: Children, span: Any) -> Node:
        kind, enterprise, *rest = children
        if kind == "vendor-class":
            raise ExpressionError("vendor-class has no options; write vendor[...] or .data", span[0] + 1)
        number = enterprise_of(enterprise)
        return self.chain(Place("vendor", number), f"vendor-{number}" if number else "", rest, span)

    def chain(self, place: Place, space: str, children: Children, span: Any) -> Node:
        """An option through those that hold it."""
        first, nested, form = children
        codes: list[int] = []
        definitions: list[OptionDefinition | None] = []
        for token in (first, *nested.children):
            code, definition = self.code(space, token)
            codes.append(code)
            definitions.append(definition)
            space = self.inside(space, code, definition)
        if place == MESSAGE and len(codes) > 1:
            place, skipped = self.known(place, codes[0])
            del codes[:skipped], definitions[:skipped]
        return Option(span=span, place=place, codes=tuple(codes), definitions=tuple(definitions), form=str(form))

    def known(self, place: Place, code: int) -> tuple[Place, int]:
        """The place that the options of some options are, and how many codes lead there."""
        if self.family == 4 and code == AGENT_OPTION:
            return RELAY4, 1
        if code == VENDOR_OPTION[self.family]:
            return Place("vendor"), 1
        return place, 0

    def code(self, space: str, token: Token) -> tuple[int, OptionDefinition | None]:
        if token.type == "INTEGER":
            code = within(CODES[self.family], token, "an option code")
            return code, self.definitions.by_code(space, code)
        definition = self.definitions.by_name(space, str(token))
        if definition is None:
            raise ExpressionError(self.no_name(space, str(token)), column(token))
        return definition.code, definition

    def no_name(self, space: str, name: str) -> str:
        if not space:
            return f"nobody knows the names of options here, so {name!r} says nothing; write the code"
        names = [each.name for each in self.definitions if each.space == space]
        close = get_close_matches(name, names, 1)
        mend = f"did you mean {close[0]}?" if close else "define it with option-def, or write its code"
        return f"no option of the space {space} has the name {name!r}; {mend}"

    def inside(self, space: str, code: int, definition: OptionDefinition | None) -> str:
        """The space of the options that an option holds; ``""`` when nobody knows."""
        if definition is not None and definition.encapsulates:
            return definition.encapsulates
        return space if self.family == 6 and space == self.space and code in CONTAINERS6 else ""

    # -- other fields

    def relay_field(self, children: Children, span: Any) -> Node:
        self.only(6, "relay6", "pkt4.giaddr or relay4[...]", span)
        return RelayField(span=span, number=within(RELAYS, children[0], "a relay"), name=str(children[1]))

    def pkt(self, children: Children, span: Any) -> Node:
        return PacketField(span=span, name=f"pkt.{children[0]}")

    def pkt4(self, children: Children, span: Any) -> Node:
        self.only(4, "pkt4", "pkt6", span)
        return PacketField(span=span, name=f"pkt4.{children[0]}")

    def pkt6(self, children: Children, span: Any) -> Node:
        self.only(6, "pkt6", "pkt4", span)
        return PacketField(span=span, name=f"pkt6.{children[0]}")

    def enterprise(self, children: Children, span: Any) -> Node:
        return Enterprise(span=span, kind=str(children[0]))

    def vendor_exists(self, children: Children, span: Any) -> Node:
        return VendorExists(span=span, kind=str(children[0]), enterprise=enterprise_of(children[1]))

    def vendor_data(self, children: Children, span: Any) -> Node:
        index = within(UINT8, children[2], "the number of a piece of data") if len(children) > 2 else 0
        return VendorData(span=span, enterprise=enterprise_of(children[1]), index=index)

    # -- functions of strings

    def substring(self, children: Children, span: Any) -> Node:
        of, start, length = children
        return Substring(
            span=span,
            of=self.string_of(of),
            start=within(INT32, start, "a place in a string"),
            length=None if length == "all" else within(INT32, length, "the length of a string"),
        )

    def split(self, children: Children, span: Any) -> Node:
        of, delimiters, number = children
        return Split(
            span=span,
            of=self.string_of(of),
            delimiters=self.string_of(delimiters),
            number=within(INT32, number, "the number of a field"),
        )

    def concat(self, children: Children, span: Any) -> Node:
        return Concat(span=span, parts=tuple([self.string_of(child) for child in children]))

    joined = concat

    def hexstring(self, children: Children, span: Any) -> Node:
        of, separator = map(self.string_of, children)
        return Hexstring(span=span, of=of, separator=separator)

    def converted(self, children: Children, span: Any) -> Node:
        return Converted(span=span, function=str(children[0]), of=self.string_of(children[1]))

    def choice(self, children: Children, span: Any) -> Node:
        word, test, then, otherwise = children
        return Choice(
            span=span,
            test=self.test(test),
            then=self.string_of(then),
            otherwise=self.string_of(otherwise),
            strict=word == "sifelse",
        )

    # -- tests

    def member(self, children: Children, span: Any) -> Node:
        return Member(span=span, name=quoted(children[0]))

    def match(self, children: Children, span: Any) -> Node:
        token, of = children
        try:
            pattern = Pattern(quoted(token))
        except PatternError as error:
            raise ExpressionError(error.message, column(token) + 1 + error.offset) from None
        return Match(span=span, pattern=pattern, of=self.string_of(of))

    def equal(self, children: Children, span: Any) -> Node:
        left, right = map(self.string_of, children)
        return Equal(span=span, left=left, right=right)

    def negated(self, children: Children, span: Any) -> Node:
        return Negation(span=span, of=self.test(children[0]))

    def both(self, children: Children, span: Any) -> Node:
        return self.junction(children, span, "and", "sand")

    def either(self, children: Children, span: Any) -> Node:
        return self.junction(children, span, "or", "sor")

    def junction(self, children: Children, span: Any, lazy: str, strict: str) -> Node:
        """Tests with words between them, from the left; what one word joins is one node."""
        parts = [self.test(children[0])]
        before = str(children[1])
        for word, tree in zip(children[1::2], children[2::2], strict=True):
            if word != before:
                parts = [self.joint(parts, before, lazy, strict)]
            parts.append(self.test(tree))
            before = str(word)
        return self.joint(parts, before, lazy, strict)

    def joint(self, parts: list[Node], word: str, lazy: str, strict: str) -> Node:
        span = (parts[0].span[0], parts[-1].span[1])
        return Junction(span=span, parts=tuple(parts), every=lazy == "and", strict=word == strict)

    # -- what can be wrong anywhere

    def only(self, family: int, word: str, instead: str, span: Any) -> None:
        if self.family != family:
            message = f"{word} is of DHCPv{family}; in DHCPv{self.family} write {instead}"
            raise ExpressionError(message, span[0] + 1)


def column(at: Tree[Token] | Token) -> int:
    start: int | None = at.start_pos if isinstance(at, Token) else at.meta.start_pos
    return (start or 0) + 1


def quoted(token: Token) -> str:
    return token[1:-1]


def within(allowed: range, token: Token, what: str) -> int:
    # int() of thousands of digits is an error of its own, so their number comes first.
    value = int(token) if len(token) <= 20 else -(1 << 64)
    if value not in allowed:
        message = f"{token[:24]} is out of range for {what}; it is from {allowed[0]} to {allowed[-1]}"
        raise ExpressionError(message, column(token))
    return value


def enterprise_of(token: Token) -> int:
    return 0 if token.type == "ANY" else within(UINT32, token, "an enterprise number")


def address(kind: str, token: Token, span: Any) -> Node:
    try:
        return Literal(span=span, value=KINDS[kind].parse(str(token)))
    except ValueError as error:
        raise ExpressionError(str(error), column(token)) from None
