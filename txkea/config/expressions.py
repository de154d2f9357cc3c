"""The expressions of a configuration, as the language of `txkea.classify` has them (Kea D022-D049)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from txkea.classify.expression import Expression, compile_string, compile_test
from txkea.config.families import Family
from txkea.config.structure import Section
from txkea.errors import ExpressionError
from txkea.wire.definitions import Definitions

__all__ = ["compiled"]

COMPILE: Final[dict[str, Callable[[str, int, Definitions], Expression]]] = {
    "test": compile_test,
    "template-test": compile_string,
    "identifier-expression": compile_string,
    "add": compile_string,
    "supersede": compile_string,
    "remove": compile_test,
    "expr": compile_string,
}
"""What the keywords are that hold expressions."""


def compiled(section: Section, keyword: str, family: Family, definitions: Definitions) -> Expression | None:
    """The expression of a keyword; None where there is none, or if it is wrong, which is reported."""
    text = section.values.get(keyword)
    if text is None:
        return None
    try:
        return COMPILE[keyword](text, family.number, definitions)
    except ExpressionError as error:
        section.wrong_within(keyword, error.message, error.column - 1)
        return None
