"""Which classes a query is in, and what their tests made of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from txkea.classify.expression import Explanation as Value
from txkea.classify.expression import Expression
from txkea.classify.order import Entry, phases
from txkea.errors import EvaluationError
from txkea.exchange.classes import Classes
from txkea.exchange.pools import LivePool
from txkea.exchange.query import Query
from txkea.exchange.subnets import LiveSubnet
from txkea.explain.explanation import Membership, Part
from txkea.explain.words import scope, value_text

__all__ = ["Memberships"]

BUILT_IN: Final = {
    "ALL": "every client is",
    "KNOWN": "it has a reservation",
    "UNKNOWN": "it has no reservation",
}
VENDOR_OPTION: Final = {4: 60, 6: 16}
VENDOR: Final = "VENDOR_CLASS_"
SPAWN: Final = "SPAWN_"


class Memberships:
    """Collects them, phase by phase, while a query is answered (see `ExplainsClasses`).

    ``most`` is how many tests that are not true are taken apart, 0 for all.
    """

    def __init__(self, family: int, most: int = 0) -> None:
        self._family = family
        self._most = most
        self._taken_apart = 0
        self._found: dict[str, Membership] = {}

    def result(self, query: Query, classes: Classes | None) -> tuple[Membership, ...]:
        """The classes that the query is in, in their order, that of precedence; then those that it is not in."""
        if classes is not None:
            for each in classes.by_name.values():
                name = each.definition.name
                if name not in self._found:
                    self._found[name] = Membership(name=name, member=False, reason=_left_out(each))
        joined = [self._found[name] for name in query.classes if name in self._found]
        return (*joined, *(each for each in self._found.values() if not each.member))

    def first(self, query: Query, classes: Classes) -> None:
        """See `ExplainsClasses`."""
        self._evaluated(query, classes, (0,))

    def second(self, query: Query, classes: Classes) -> None:
        """See `ExplainsClasses`."""
        again = query.host is not None and bool(query.host.client_classes)
        self._evaluated(query, classes, (0, 1) if again else (1,))

    def additional(self, query: Query, classes: Classes, subnet: LiveSubnet | None, pools: Sequence[LivePool]) -> None:
        """See `ExplainsClasses`."""
        for name, asking in _asked(subnet, pools):
            live = classes.by_name.get(name)
            if live is None or name in self._found:
                continue
            expression = live.expression
            if expression is None:
                reason = f"{asking} puts its clients there"
                self._found[name] = Membership(name=name, member=name in query.classes, reason=reason)
            else:
                self._tell(query, name, expression, f", for {asking} asks for it")
        self._tell_others(query, classes)

    def _evaluated(self, query: Query, classes: Classes, which: Iterable[int]) -> None:
        live = list(classes.by_name.values())
        entries = [Entry(each.definition.name, each.expression, each.definition.only_if_additional) for each in live]
        self._tell_others(query, classes)
        evaluated = phases(entries)
        for index in [index for phase in which for index in evaluated[phase]]:
            expression = entries[index].test
            if expression is not None:
                self._tell(query, entries[index].name, expression)
        self._tell_others(query, classes, spawned=True)

    def _tell(self, query: Any, name: str, expression: Expression, because: str = "") -> None:
        value = self._value(query, name, expression)
        what = "test" if expression.node.boolean else "template"
        if isinstance(value.value, EvaluationError):
            reason = f"its {what} has no value"
        elif what == "test":
            reason = f"its test is {'true' if value.value else 'false'}"
        else:
            reason = f"its template gives {'a value' if value.value else 'nothing'}"
        if name in query.classes and not value.value:
            reason, because = self._put_there(query, name), ""
        self._found[name] = Membership(
            name=name, member=name in query.classes, reason=reason + because, expression=part(expression, value)
        )

    def _value(self, query: Any, name: str, expression: Expression) -> Value:
        """The value with those of its parts; of too many tests the value alone, for parts take time."""
        if name not in query.classes and self._most:
            self._taken_apart += 1
            if self._taken_apart > self._most:
                try:
                    return Value(expression.text, expression.evaluate(query), ())
                except EvaluationError as error:
                    return Value(expression.text, error, ())
        return expression.explain(query)

    def _tell_others(self, query: Query, classes: Classes, spawned: bool = False) -> None:
        """Those that the query came into without a test of their own."""
        for name in query.classes:
            live = classes.by_name.get(name)
            tested = live is not None and (live.expression)
            if name not in self._found and not tested and (spawned or not name.startswith(SPAWN)):
                self._found[name] = Membership(name=name, member=True, reason=self._put_there(query, name))

    def _put_there(self, query: Query, name: str) -> str:
        if name in BUILT_IN:
            return BUILT_IN[name]
        if name.startswith(VENDOR):
            return f"its vendor class (option {VENDOR_OPTION[self._family]})"
        if name.startswith(SPAWN):
            return "made by a template"
        if query.host is not None and name in query.host.client_classes:
            return "its reservation says so"
        return "put there by a third party"


def _asked(subnet: LiveSubnet | None, pools: Iterable[LivePool]) -> Iterator[tuple[str, str]]:
    """Classes that are asked for, and by whom, in the order in which they are evaluated."""
    sources: list[Any] = []
    if subnet is not None:
        sources += [*([subnet.network] if subnet.network is not None else []), subnet.subnet]
    for source in (*sources, *(pool.pool for pool in pools)):
        for name in source.additional_classes:
            yield name, scope(source)


def _left_out(live: Any) -> str:
    if live.expression is None:
        return "it has no test, and nothing put the client there"
    if live.definition.only_if_additional:
        return "evaluated only where it is asked for, and here it was not"
    return "it did not come to its test"


# -- expressions -------------------------------------------------------------------------------------------------------


def part(expression: Expression, value: Value) -> Part:
    """An expression with its value, each part that tells something once."""
    return _part(value._replace(text=expression.text.strip()), {value.text})


def _part(value: Value, told: set[str]) -> Part:
    found = []
    for each in value.parts:
        if each.text not in told:
            told.add(each.text)
            found.append(_part(each, told))
    return Part(_closed(value.text), value_text(value.value), tuple(found))


def _closed(text: str) -> str:
    """A part with the parentheses that belong to what stands at its ends."""
    more = text.count("(") - text.count(")")
    return text + ")" * more if more > 0 else "(" * -more + text
