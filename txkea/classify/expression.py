"""Class expressions, compiled: a test of a query, or a string made from it (Kea D022)."""

from __future__ import annotations

from typing import NamedTuple

from attrs import field, frozen

from txkea.classify.check import Checking
from txkea.classify.nodes import Literal, Member, Node, walk
from txkea.classify.parse import parse
from txkea.classify.queries import Query
from txkea.classify.translate import Evaluate, translated
from txkea.errors import EvaluationError
from txkea.wire.definitions import Definitions

__all__ = ["Explanation", "Expression", "StringExpression", "Test", "compile_string", "compile_test"]

KNOWLEDGE = frozenset(("KNOWN", "UNKNOWN"))


class Explanation(NamedTuple):
    """What a part of an expression is for a query."""

    text: str
    """The part as it stands in the expression."""
    value: bool | bytes | EvaluationError
    parts: tuple[Explanation, ...]
    """What it is made of, but for what stands there literally."""


@frozen(kw_only=True, eq=False, repr=False)
class Expression:
    """A compiled expression; a function of a query, which raises `EvaluationError`."""

    text: str
    family: int
    node: Node
    evaluate: Evaluate
    """What calling the expression does: for who calls it with every query."""
    members: tuple[str, ...] = field(init=False)
    """The classes it asks for, each once."""

    @members.default
    def _members(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([each.name for each in walk(self.node) if isinstance(each, Member)]))

    def explain(self, query: Query) -> Explanation:
        """The value of each part, also of those that the whole's value does not depend on."""
        return self._explain(self.node, query)

    def _explain(self, node: Node, query: Query) -> Explanation:
        value: bool | bytes | EvaluationError
        try:
            value = translated(node, self.family)(query)
        except EvaluationError as error:
            value = error
        parts = [self._explain(part, query) for part in node.parts if not isinstance(part, Literal)]
        return Explanation(self.text[slice(*node.span)], value, tuple(parts))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.text!r}>"


class Test(Expression):
    """A test of a query."""

    def __call__(self, query: Query) -> bool:
        return self.evaluate(query)  # type: ignore[no-any-return]


class StringExpression(Expression):
    """A string made from a query."""

    def __call__(self, query: Query) -> bytes:
        return self.evaluate(query)  # type: ignore[no-any-return]


def compile_test(text: str, family: int, definitions: Definitions) -> Test:
    """The test that a text says, for queries of a family (4 or 6).

    ``definitions`` are the family's, with the operator's own: names of options are looked up there. Raises
    `ExpressionError`.
    """
    node = Checking(family, definitions).test(parse(text))
    return Test(text=text, family=family, node=node, evaluate=translated(node, family))


def compile_string(text: str, family: int, definitions: Definitions) -> StringExpression:
    """The string that a text says, as `compile_test`. Raises `ExpressionError`."""
    node = Checking(family, definitions).string_of(parse(text))
    return StringExpression(text=text, family=family, node=node, evaluate=translated(node, family))
