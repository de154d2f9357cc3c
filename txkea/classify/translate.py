"""Nodes to Python: each expression becomes one function of a query.

Functions that call each other, one for each node, took two to four times as long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from txkea.classify import nodes, queries
from txkea.classify.functions import CONVERSIONS, hexstring, split, substring
from txkea.classify.nodes import Node
from txkea.classify.printed import printed

__all__ = ["Evaluate", "translated"]

Evaluate: TypeAlias = Callable[[Any], Any]
"""Gives the value of a node for a query: bytes, or True or False. Raises `EvaluationError`."""

NAMES: Final[dict[str, Any]] = {
    "NONE": queries.NONE,
    "all": all,
    "any": any,
    "destination": queries.destination,
    "hexstring": hexstring,
    "relay_options": queries.relay_options,
    "split": split,
    "substring": substring,
    "uint32": queries.uint32,
}
"""What the Python text of every expression may name."""

FIELDS: Final = {
    "pkt.iface": "query.origin.socket.link.encode()",
    "pkt.src": "query.origin.source",
    "pkt.dst": "destination(query)",
    "pkt.len": "uint32(query.length)",
    "pkt4.mac": "query.message.chaddr",
    "pkt4.hlen": "uint32(query.message.hlen)",
    "pkt4.htype": "uint32(query.message.htype)",
    "pkt4.msgtype": "uint32(query.message.type)",
    "pkt4.transid": "uint32(query.message.xid)",
    "pkt4.ciaddr": "query.message.ciaddr",
    "pkt4.giaddr": "query.message.giaddr",
    "pkt4.yiaddr": "query.message.yiaddr",
    "pkt4.siaddr": "query.message.siaddr",
    "pkt6.msgtype": "uint32(query.message.type)",
    "pkt6.transid": "uint32(query.message.transaction_id)",
}
"""Fields of the message and of its datagram (Kea D035-D037)."""


def translated(node: Node, family: int) -> Evaluate:
    """The function that evaluates a node."""
    translation = Translation(family)
    text = translation.of(node)
    function: Evaluate = eval(f"lambda query: {text}", translation.names)  # literals, and names of ours
    return function


class Translation:
    """The Python text of one expression, and what its names mean; no text of the expression itself gets into it but
    as a literal.
    """

    def __init__(self, family: int) -> None:
        self.family = family
        self.names: dict[str, Any] = {"__builtins__": {}, **NAMES}

    def of(self, node: Node) -> str:
        """An operand: text that stays together whatever stands beside it."""
        return TRANSLATIONS[type(node)](self, node)

    def each(self, parts: tuple[Node, ...]) -> list[str]:
        return [self.of(part) for part in parts]

    def name(self, value: Any) -> str:
        """A name for a value."""
        name = f"_{len(self.names)}"
        self.names[name] = value
        return name

    # -- what is read

    def literal(self, node: nodes.Literal) -> str:
        return repr(node.value)

    def packet_field(self, node: nodes.PacketField) -> str:
        return FIELDS[node.name]

    def option(self, node: nodes.Option) -> str:
        code, definition = node.codes[-1], node.definitions[-1]
        options = self.holder(node)
        if definition is not None and definition.kind == "string":
            # A trailing NUL is not part of the text (RFC 2132 section 2), to Kea in no form; without any there is none.
            text = f"{options}.get({code}, b'').rstrip(b'\\0')"
            return f"({text} != b'')" if node.form == "exists" else text
        if node.form == "exists":
            return f"({code} in {options})"
        if node.form == "text":
            return f"{self.name(printed(code, definition, self.family))}({options}.get({code}))"
        return f"{options}.get({code}, b'')"

    def holder(self, node: nodes.Option) -> str:
        """The options among which the option of a node would be."""
        options = self.options_of(node.place)
        for code, definition in zip(node.codes[:-1], node.definitions[:-1], strict=True):
            read = self.name(queries.inner_options(definition, code, self.family))
            options = f"{read}({options}.get({code}, b''))"
        return options

    def options_of(self, place: nodes.Place) -> str:
        root, number = place
        if root == "relay4":
            return "(query.suboptions or NONE)"
        if root == "relay6":
            return f"relay_options(query.message.relays, {number})"
        if root == "vendor":
            return f"{self.name(queries.vendor_options(number, self.family))}(query)"
        return "query.message.options"

    def relay_field(self, node: nodes.RelayField) -> str:
        return f"{self.name(queries.relay_field(node.number, node.name))}(query)"

    def enterprise(self, node: nodes.Enterprise) -> str:
        return f"{self.name(queries.enterprise(node.kind, self.family))}(query)"

    def vendor_exists(self, node: nodes.VendorExists) -> str:
        return f"{self.name(queries.vendor_exists(node.kind, node.enterprise, self.family))}(query)"

    def vendor_data(self, node: nodes.VendorData) -> str:
        return f"{self.name(queries.vendor_data(node.enterprise, node.index, self.family))}(query)"

    # -- functions of strings

    def substring(self, node: nodes.Substring) -> str:
        of, start, length = self.of(node.of), node.start, node.length
        if start < 0 or (length is not None and length < 0):
            return f"substring({of}, {start}, {length})"
        return f"{of}[{start}:{'' if length is None else start + length}]"

    def split(self, node: nodes.Split) -> str:
        return f"split({self.of(node.of)}, {self.of(node.delimiters)}, {node.number})"

    def concat(self, node: nodes.Concat) -> str:
        return f"b''.join(({', '.join(self.each(node.parts))}))"

    def hexstring(self, node: nodes.Hexstring) -> str:
        return f"hexstring({self.of(node.of)}, {self.of(node.separator)})"

    def converted(self, node: nodes.Converted) -> str:
        return f"{self.name(CONVERSIONS[node.function])}({self.of(node.of)})"

    def choice(self, node: nodes.Choice) -> str:
        test, then, otherwise = self.each(node.parts)
        if node.strict:
            return f"({otherwise}, {then})[{test}]"
        return f"({then} if {test} else {otherwise})"

    # -- tests

    def member(self, node: nodes.Member) -> str:
        return f"({node.name!r} in query.classes)"

    def match(self, node: nodes.Match) -> str:
        return f"{self.name(node.pattern.matches)}({self.of(node.of)})"

    def equal(self, node: nodes.Equal) -> str:
        return f"({self.of(node.left)} == {self.of(node.right)})"

    def negation(self, node: nodes.Negation) -> str:
        return f"(not {self.of(node.of)})"

    def junction(self, node: nodes.Junction) -> str:
        parts = self.each(node.parts)
        if node.strict:
            return f"{'all' if node.every else 'any'}(({', '.join(parts)}))"
        return f"({(' and ' if node.every else ' or ').join(parts)})"


TRANSLATIONS: Final[dict[type[Node], Callable[[Translation, Any], str]]] = {
    nodes.Literal: Translation.literal,
    nodes.PacketField: Translation.packet_field,
    nodes.Option: Translation.option,
    nodes.RelayField: Translation.relay_field,
    nodes.Enterprise: Translation.enterprise,
    nodes.VendorExists: Translation.vendor_exists,
    nodes.VendorData: Translation.vendor_data,
    nodes.Substring: Translation.substring,
    nodes.Split: Translation.split,
    nodes.Concat: Translation.concat,
    nodes.Hexstring: Translation.hexstring,
    nodes.Converted: Translation.converted,
    nodes.Choice: Translation.choice,
    nodes.Member: Translation.member,
    nodes.Match: Translation.match,
    nodes.Equal: Translation.equal,
    nodes.Negation: Translation.negation,
    nodes.Junction: Translation.junction,
}
