"""Many classes evaluated at once, as few of them as can be (Kea D007-D014, D049)."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Final

from txkea.classify.discriminate import discriminator
from txkea.classify.expression import Expression
from txkea.classify.nodes import Member, Node
from txkea.classify.queries import Query
from txkea.classify.translate import Evaluate, translated
from txkea.errors import EvaluationError

__all__ = ["Phase", "escaped", "spawned"]

UNSAFE: Final = re.compile(rb"[^A-Za-z0-9!#$%&*+\-./:?@^_|~]")


class Phase:
    """The classes of one phase in their order, each a name with its test or template test.

    Which tests may be true is looked up by what they need; the value of what many tests need is found out once.
    """

    def __init__(self, classes: Sequence[tuple[str, Expression]]) -> None:
        self._classes = [(name, test.evaluate, test.node.boolean) for name, test in classes]
        by_node: dict[Node, dict[Hashable, list[int]]] = {}
        by_class: dict[str, list[int]] = {}
        self._always = []
        for number, (_, test) in enumerate(classes):
            found = discriminator(test.node) if test.node.boolean else None  # of a template nothing is known
            if found is None:
                self._always.append(number)
            elif isinstance(found.node, Member):
                by_class.setdefault(found.node.name, []).append(number)
            else:
                by_constant = by_node.setdefault(found.node, {})
                for constant in found.constants:
                    by_constant.setdefault(constant, []).append(number)
        family = classes[0][1].family if classes else 4
        self._by_value: list[tuple[Evaluate, Mapping[Hashable, list[int]]]] = [
            (translated(node, family), by_constant) for node, by_constant in by_node.items()
        ]
        self._by_class = by_class

    def candidates(self, query: Query) -> list[int]:
        """The numbers of the classes whose tests may be true as things are, not in order."""
        found = self._always[:]
        for evaluate, by_constant in self._by_value:
            try:
                found += by_constant.get(evaluate(query), ())
            except EvaluationError:
                continue  # then none of these tests has a value
        if self._by_class:
            for name in query.classes:
                found += self._by_class.get(name, ())
        return found

    def evaluate(self, query: Query, failed: Callable[[str, EvaluationError], None]) -> None:
        """Add the query to the classes that it fulfils; ``failed`` is told of those whose test has no value (Kea D012).

        A test that is not needed to tell is not evaluated, hence does not fail.
        """
        due = self.candidates(query)
        if not due:
            return
        heapify(due)
        joined = query.classes
        while due:
            number = heappop(due)
            name, evaluate, boolean = self._classes[number]
            try:
                value = evaluate(query)
            except EvaluationError as error:
                failed(name, error)
                continue
            if value:
                for new in (name,) if boolean else (spawned(name, value), name):
                    if new not in joined:
                        joined[new] = None
                        for later in self._by_class.get(new, ()):
                            if later > number:
                                heappush(due, later)


def spawned(name: str, value: bytes) -> str:
    """The class of a template for a value (Kea D049)."""
    return f"SPAWN_{name}_{escaped(value)}"


def escaped(value: bytes) -> str:
    """Client data as part of a class's name: what is neither letter nor digit nor harmless is in percent (Kea D005)."""
    return UNSAFE.sub(lambda match: b"%%%02X" % match[0][0], value).decode("ascii")
