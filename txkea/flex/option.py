"""Options of answers that expressions make (Kea M044): what Kea's library flex_option does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Final

from attrs import frozen
from zope.interface import implementer

from txkea.classify.expression import Expression
from txkea.errors import EvaluationError, Malformed
from txkea.exchange.query import Query
from txkea.flex.container import Container
from txkea.interfaces import IAnswerReady, ILogger
from txkea.wire.definition import OptionDefinition
from txkea.wire.options import encode_text

__all__ = ["FlexOption", "Rule", "SubRule"]

Options = MutableMapping[int, bytes]


@frozen(kw_only=True)
class Rule:
    """What becomes of one option."""

    action: str
    """``add``, ``supersede`` or ``remove``."""
    code: int
    expression: Expression
    """A test for ``remove``, else a string."""
    family: int
    definition: OptionDefinition | None = None
    """How the expression's value is read as text; None: it is the option's payload."""
    client_classes: tuple[str, ...] = ()
    """The classes of which the client must be a member: of all of them."""

    def applies(self, query: Query) -> bool:
        """Whether it is for this client."""
        return all(name in query.classes for name in self.client_classes)

    def change(self, query: Query, options: Options) -> None:
        """Do it to the options of an answer. Raises `EvaluationError` and ValueError."""
        ACTIONS[self.action](self, query, options)

    def payload(self, query: Query) -> bytes:
        """The option's payload; ``b""`` if there shall be none. Raises `EvaluationError` and ValueError."""
        value: bytes = self.expression.evaluate(query)
        if not value or self.definition is None:
            return value
        return encode_text(self.definition, value.decode(), self.family, [])


def _add(rule: Rule, query: Query, options: Options) -> None:
    if rule.code not in options:
        _supersede(rule, query, options)


def _supersede(rule: Rule, query: Query, options: Options) -> None:
    payload = rule.payload(query)
    if payload:
        options[rule.code] = payload


def _remove(rule: Rule, query: Query, options: Options) -> None:
    if rule.code in options and rule.expression.evaluate(query):
        del options[rule.code]


ACTIONS: Final[Mapping[str, Callable[[Rule, Query, Options], None]]] = {
    "add": _add,
    "supersede": _supersede,
    "remove": _remove,
}


@frozen(kw_only=True)
class SubRule:
    """What becomes of an option in another one."""

    container: Container
    rule: Rule
    container_add: bool = True
    """Whether the other option is made if it is not there."""
    container_remove: bool = True
    """Whether it is removed once nothing is left in it."""

    def applies(self, query: Query) -> bool:
        """Whether it is for this client."""
        return self.rule.applies(query)

    def change(self, query: Query, options: Options) -> None:
        """Do it to the options of an answer. Raises `EvaluationError`, `Malformed` and ValueError."""
        code = self.container.code
        payload = options.get(code)
        if payload is None and (self.rule.action == "remove" or not self.container_add):
            return
        inside = self.container.read(payload)
        if inside is None:
            return
        before = dict(inside)
        self.rule.change(query, inside)
        if inside == before:
            return
        if inside or not self.container_remove:
            options[code] = self.container.write(payload, inside)
        else:
            del options[code]


@implementer(IAnswerReady)
class FlexOption:
    """Changes the options of answers by rules, in their order."""

    def __init__(self, rules: Sequence[Rule | SubRule], log: ILogger) -> None:
        self._rules = rules
        self._log = log

    async def answer_ready(self, query: Query, options: dict[int, bytes]) -> None:
        """Apply each rule; one that has no value for this query changes nothing."""
        for rule in self._rules:
            if rule.applies(query):
                try:
                    rule.change(query, options)
                except (EvaluationError, Malformed, ValueError) as error:
                    self._complain(query, rule, error)

    def _complain(self, query: Query, rule: Rule | SubRule, error: Exception) -> None:
        if self._log.error:
            if isinstance(rule, SubRule):
                which = f"option {rule.rule.code} in option {rule.container.code}"
            else:
                which = f"option {rule.code}"
            self._log.error("FLEX_OPTION_PROCESS_ERROR", f"{query}: {which} of its answer stays as it is: {error}")
