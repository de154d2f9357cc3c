"""Random class expressions, each with what it means, found out in the plainest way."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from tests.asking import Asked
from txkea.wire.dhcp4 import Message4

__all__ = ["Tree", "messages", "queries", "strings", "tests", "text", "value"]

Tree = tuple[Any, ...]
"""An operation and its operands, trees or plain values."""

CODES: Final = (12, 60, 77, 220)
CLASSES: Final = ("a", "b", "c")
DATA: Final = st.text("ab.,", max_size=4)
SMALL: Final = st.integers(-6, 6)


LEAVES: Final = st.one_of(
    st.tuples(st.just("string"), DATA),
    st.tuples(st.just("hex"), st.binary(min_size=1, max_size=3)),
    st.tuples(st.just("integer"), st.integers(0, 70000)),
    st.tuples(st.just("option"), st.sampled_from(CODES)),
    st.tuples(st.just("relay4"), st.integers(1, 2)),
    st.tuples(st.just("mac")),
)
LITERAL: Final = st.tuples(st.just("string"), DATA)

strings: Final[st.SearchStrategy[Tree]] = st.deferred(lambda: LEAVES | LEAVES | larger())
tests: Final[st.SearchStrategy[Tree]] = st.deferred(lambda: simple() | simple() | joined())


def larger() -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.tuples(st.just("substring"), strings, SMALL, st.none() | SMALL),
        st.tuples(st.just("split"), strings, LITERAL, st.integers(-1, 4)),
        st.tuples(st.just("concat"), strings, strings),
        st.tuples(st.just("+"), strings, strings, strings),
        st.tuples(st.just("hexstring"), strings, LITERAL),
        st.tuples(st.sampled_from(("lcase", "ucase")), strings),
        st.tuples(st.sampled_from(("ifelse", "sifelse")), tests, strings, strings),
    )


def simple() -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.tuples(st.just("=="), strings, strings),
        st.tuples(st.just("exists"), st.sampled_from(CODES)),
        st.tuples(st.just("member"), st.sampled_from(CLASSES)),
    )


def joined() -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.tuples(st.just("not"), tests),
        st.tuples(st.sampled_from(("and", "or", "sand", "sor")), tests, tests),
        st.tuples(st.sampled_from(("and", "or")), tests, tests, tests),
    )


messages: Final = st.builds(
    lambda options, mac: Message4(chaddr=mac, options=options),
    st.dictionaries(st.sampled_from(CODES), DATA.map(str.encode)),
    st.binary(max_size=6),
)


@st.composite
def queries(draw: st.DrawFn) -> Asked:
    """Queries of DHCPv4."""
    classes = dict.fromkeys(draw(st.sets(st.sampled_from(CLASSES))))
    relay = st.dictionaries(st.integers(1, 2), DATA.map(str.encode))
    origin: Any = None
    return Asked(draw(messages), origin, 300, classes, draw(st.none() | relay))


def text(tree: Tree) -> str:
    """The expression; what stands beside an operator is in parentheses, whether it needs them or not."""
    operation, *operands = tree
    if operation in ("string", "member", "hex", "integer", "option", "exists", "relay4", "mac"):
        return TEXTS[operation].format(*[each.hex() if isinstance(each, bytes) else each for each in operands])
    shown = [part(each) for each in operands]
    if operation == "not":
        return f"not ({shown[0]})"
    if operation in ("==", "+", "and", "or", "sand", "sor"):
        return f" {operation} ".join(f"({each})" for each in shown)
    return f"{operation}({', '.join(shown)})"


TEXTS: Final = {
    "string": "'{}'",
    "member": "member('{}')",
    "hex": "0x{}",
    "integer": "{}",
    "option": "option[{}].hex",
    "exists": "option[{}].exists",
    "relay4": "relay4[{}].hex",
    "mac": "pkt4.mac",
}


def part(operand: Any) -> str:
    if isinstance(operand, tuple):
        return text(operand)
    return "all" if operand is None else str(operand)


def value(tree: Tree, query: Asked) -> Any:
    """What the expression is for a query: bytes, True or False."""
    operation, *operands = tree
    if operation in ("string", "hex", "integer", "option", "exists", "relay4", "mac", "member"):
        return leaf(operation, operands, query)
    values = [value(each, query) if isinstance(each, tuple) else each for each in operands]
    if operation in ("ifelse", "sifelse"):
        return values[1] if values[0] else values[2]
    if operation in ("concat", "+"):
        return b"".join(values)
    return MEANINGS[operation](*values)


def leaf(operation: str, operands: list[Any], query: Asked) -> Any:
    if operation == "mac":
        return query.message.chaddr
    (operand,) = operands
    if operation == "option":
        found = query.message.options.get(operand, b"")
        while operand in (12, 60) and found.endswith(b"\0"):
            found = found[:-1]
        return found
    if operation == "integer":
        return bytes((operand >> 24, operand >> 16 & 255, operand >> 8 & 255, operand & 255))
    if operation == "relay4":
        return (query.suboptions or {}).get(operand, b"")
    if operation == "exists":
        found = query.message.options.get(operand)
        return found is not None and not (operand in (12, 60) and set(found) <= {0})
    if operation == "member":
        return operand in query.classes
    return operand.encode() if operation == "string" else operand


def substring(data: bytes, start: int, length: int | None) -> bytes:
    first = start + len(data) if start < 0 else start
    if first not in range(len(data)):
        return b""
    if length is None:
        wanted = range(first, len(data))
    else:
        wanted = range(first, first + length) if length >= 0 else range(first + length, first)
    return bytes(data[place] for place in wanted if place in range(len(data)))


def split(data: bytes, delimiters: bytes, number: int) -> bytes:
    if not delimiters:
        return data
    fields = [b""]
    for place in range(len(data)):
        if data[place] in delimiters:
            fields.append(b"")
        else:
            fields[-1] += data[place : place + 1]
    return fields[number - 1] if number - 1 in range(len(fields)) else b""


MEANINGS: Final[dict[str, Any]] = {
    "substring": substring,
    "split": split,
    "hexstring": lambda data, separator: separator.join([f"{byte:02x}".encode() for byte in data]),
    "lcase": lambda data: bytes(byte + 32 if byte in range(65, 91) else byte for byte in data),
    "ucase": lambda data: bytes(byte - 32 if byte in range(97, 123) else byte for byte in data),
    "==": lambda one, other: one == other,
    "not": lambda one: not one,
    "and": lambda *parts: False not in parts,
    "sand": lambda *parts: False not in parts,
    "or": lambda *parts: True in parts,
    "sor": lambda *parts: True in parts,
}
