"""Nodes to functions of a query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from txkea.classify import nodes
from txkea.classify.functions import CONVERSIONS, hexstring, split, substring
from txkea.classify.nodes import MESSAGE, Literal, Node
from txkea.classify.printed import printed
from txkea.classify.queries import FIELDS, Options, enterprise, inner_options, options_of, vendor_data, vendors

__all__ = ["Evaluate", "closure"]

Evaluate: TypeAlias = Callable[[Any], Any]
"""Gives the value of a node for a query: bytes, or True or False. Raises `EvaluationError`."""


def closure(node: Node, family: int) -> Evaluate:
    """The function that evaluates a node."""
    return CLOSURES[type(node)](node, family)


# -- what is read ------------------------------------------------------------------------------------------------------


def literal(node: Literal, family: int) -> Evaluate:
    value = node.value
    return lambda query: value


def packet_field(node: nodes.PacketField, family: int) -> Evaluate:
    return FIELDS[node.name]


def option(node: nodes.Option, family: int) -> Evaluate:
    code, definition = node.codes[-1], node.definitions[-1]
    direct = node.place == MESSAGE and len(node.codes) == 1
    find = holder(node, family)
    if node.form == "exists":
        return (lambda query: code in query.message.options) if direct else (lambda query: code in find(query))
    if definition is not None and definition.kind == "string":
        # A trailing NUL is not part of the text (RFC 2132 section 2), to Kea in no form.
        if direct:
            return lambda query: query.message.options.get(code, b"").rstrip(b"\0")
        return lambda query: find(query).get(code, b"").rstrip(b"\0")
    if node.form == "text":
        return shown(find, code, printed(code, definition, family))
    if direct:
        return lambda query: query.message.options.get(code, b"")
    return lambda query: find(query).get(code, b"")


def holder(node: nodes.Option, family: int) -> Callable[[Any], Options]:
    """Finds the options among which the option of a node would be."""
    find = options_of(node.place, family)
    for code, definition in zip(node.codes[:-1], node.definitions[:-1], strict=True):
        find = within(find, code, inner_options(definition, code, family))
    return find


def within(find: Callable[[Any], Options], code: int, read: Callable[[bytes], Options]) -> Callable[[Any], Options]:
    return lambda query: read(find(query).get(code, b""))


def shown(find: Callable[[Any], Options], code: int, show: Callable[[bytes], bytes]) -> Evaluate:
    def evaluate(query: Any) -> bytes:
        payload = find(query).get(code)
        return b"" if payload is None else show(payload)

    return evaluate


def relay_field(node: nodes.RelayField, family: int) -> Evaluate:
    number = node.number
    attribute = "peer_address" if node.name == "peeraddr" else "link_address"

    def evaluate(query: Any) -> bytes:
        relays = query.message.relays
        return getattr(relays[number], attribute) if -len(relays) <= number < len(relays) else b""

    return evaluate


def enterprise_number(node: nodes.Enterprise, family: int) -> Evaluate:
    return enterprise(node.kind, family)


def vendor_exists(node: nodes.VendorExists, family: int) -> Evaluate:
    find, number = vendors(node.kind, family), node.enterprise
    return (lambda query: number in find(query)) if number else (lambda query: bool(find(query)))


def vendor_piece(node: nodes.VendorData, family: int) -> Evaluate:
    return vendor_data(node.enterprise, node.index, family)


# -- functions of strings ----------------------------------------------------------------------------------------------


def part(node: nodes.Substring, family: int) -> Evaluate:
    of, start, length = closure(node.of, family), node.start, node.length
    if start == 0 and (length is None or length >= 0):
        return lambda query: of(query)[:length]
    if start > 0 and (length is None or length >= 0):
        end = None if length is None else start + length
        return lambda query: of(query)[start:end]
    return lambda query: substring(of(query), start, length)


def field(node: nodes.Split, family: int) -> Evaluate:
    of, delimiters, number = closure(node.of, family), closure(node.delimiters, family), node.number
    return lambda query: split(of(query), delimiters(query), number)


def concatenation(node: nodes.Concat, family: int) -> Evaluate:
    parts = closures(node.parts, family)
    if len(parts) == 2:
        left, right = parts
        return lambda query: left(query) + right(query)
    return lambda query: b"".join([part(query) for part in parts])


def digits(node: nodes.Hexstring, family: int) -> Evaluate:
    of, separator = closure(node.of, family), closure(node.separator, family)
    return lambda query: hexstring(of(query), separator(query))


def converted(node: nodes.Converted, family: int) -> Evaluate:
    of, convert = closure(node.of, family), CONVERSIONS[node.function]
    return lambda query: convert(of(query))


def choice(node: nodes.Choice, family: int) -> Evaluate:
    test, then, otherwise = closures(node.parts, family)
    if node.strict:
        return lambda query: (otherwise(query), then(query))[test(query)]
    return lambda query: then(query) if test(query) else otherwise(query)


# -- tests -------------------------------------------------------------------------------------------------------------


def member(node: nodes.Member, family: int) -> Evaluate:
    name = node.name
    return lambda query: name in query.classes


def match(node: nodes.Match, family: int) -> Evaluate:
    of, matches = closure(node.of, family), node.pattern.matches
    return lambda query: matches(of(query))


def equal(node: nodes.Equal, family: int) -> Evaluate:
    one, other = node.left, node.right
    if isinstance(one, Literal):
        one, other = other, one
    left = closure(one, family)
    if isinstance(other, Literal):
        value = other.value
        return lambda query: left(query) == value
    right = closure(other, family)
    return lambda query: left(query) == right(query)


def negation(node: nodes.Negation, family: int) -> Evaluate:
    of = closure(node.of, family)
    return lambda query: not of(query)


def junction(node: nodes.Junction, family: int) -> Evaluate:
    tests = closures(node.parts, family)
    if node.strict:
        join = all if node.every else any
        return lambda query: join([test(query) for test in tests])
    if len(tests) == 2:
        first, second = tests
        if node.every:
            return lambda query: first(query) and second(query)
        return lambda query: first(query) or second(query)
    return every(tests) if node.every else some(tests)


def every(tests: Sequence[Evaluate]) -> Evaluate:
    def evaluate(query: Any) -> bool:
        for test in tests:  # noqa: SIM110  # all() would make a generator
            if not test(query):
                return False
        return True

    return evaluate


def some(tests: Sequence[Evaluate]) -> Evaluate:
    def evaluate(query: Any) -> bool:
        for test in tests:  # noqa: SIM110  # any() would make a generator
            if test(query):
                return True
        return False

    return evaluate


def closures(parts: Sequence[Node], family: int) -> tuple[Evaluate, ...]:
    return tuple([closure(part, family) for part in parts])


CLOSURES: Final[dict[type[Node], Callable[[Any, int], Evaluate]]] = {
    nodes.Literal: literal,
    nodes.PacketField: packet_field,
    nodes.Option: option,
    nodes.RelayField: relay_field,
    nodes.Enterprise: enterprise_number,
    nodes.VendorExists: vendor_exists,
    nodes.VendorData: vendor_piece,
    nodes.Substring: part,
    nodes.Split: field,
    nodes.Concat: concatenation,
    nodes.Hexstring: digits,
    nodes.Converted: converted,
    nodes.Choice: choice,
    nodes.Member: member,
    nodes.Match: match,
    nodes.Equal: equal,
    nodes.Negation: negation,
    nodes.Junction: junction,
}
