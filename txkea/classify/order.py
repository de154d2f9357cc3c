"""When classes are evaluated, and which may ask for which (Kea D007, D008, D013, D015)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

from txkea.classify.expression import KNOWLEDGE, Expression
from txkea.classify.nodes import Member, walk

__all__ = ["BUILT_IN", "Entry", "Phases", "Problem", "is_built_in", "phases", "problems"]

BUILT_IN: Final = frozenset(("ALL", "KNOWN", "UNKNOWN", "BOOTP"))
"""Classes that come about by themselves; DROP and SKIP_DDNS mean something, but have to be defined."""
PREFIXES: Final = ("VENDOR_CLASS_", "HA_", "AFTER_", "EXTERNAL_", "SPAWN_")
"""How the names of classes begin that come about by themselves, or that somebody else puts queries into."""


class Entry(NamedTuple):
    """A class of a configuration."""

    name: str
    test: Expression | None
    """Its test or template test."""
    additional: bool = False
    """Whether it is evaluated only where a network, subnet or pool asks for it (Kea D009)."""


class Problem(NamedTuple):
    """What is wrong with a class."""

    number: int
    """Its index in the list."""
    message: str
    column: int | None
    """Where in its test, from 1; None when it is the class itself."""


class Phases(NamedTuple):
    """The indexes of the classes to evaluate, each in the order of the configuration."""

    first: tuple[int, ...]
    """As soon as a query has arrived."""
    second: tuple[int, ...]
    """When it is known whether there is a reservation: those that depend on it."""


def is_built_in(name: str) -> bool:
    """Whether a class is there without a definition."""
    return name in BUILT_IN or any(name.startswith(prefix) and name != prefix for prefix in PREFIXES)


def phases(entries: Iterable[Entry]) -> Phases:
    """In which phase each class is evaluated; those without a test and additional ones are in none.

    Who asks for a class that depends on KNOWN or UNKNOWN depends on it too.
    """
    depending = set(KNOWLEDGE)
    found: tuple[list[int], list[int]] = ([], [])
    for index, (name, test, additional) in enumerate(entries):
        if test is None:
            continue
        late = not depending.isdisjoint(test.members)
        if late:
            depending.add(name)
        if not additional:
            found[late].append(index)
    return Phases(tuple(found[0]), tuple(found[1]))


def problems(entries: Sequence[Entry]) -> list[Problem]:
    """What is wrong with a list of classes, in its order: names that come twice, and classes asked for too early."""
    places: dict[str, int] = {}
    found = []
    for index, (name, _, _) in enumerate(entries):
        first = places.setdefault(name, index)
        if first != index:
            found.append(Problem(index, f"the class {name!r} is defined already; give this one another name", None))
        found += ill_defined(index, entries[index])
    for index, (_, test, _) in enumerate(entries):
        if test is not None:
            found += asked_too_early(index, test, places)
    return sorted(found, key=lambda problem: problem.number)


def ill_defined(index: int, entry: Entry) -> list[Problem]:
    if entry.name in BUILT_IN and entry.test is not None:
        return [Problem(index, f"queries come into {entry.name} by themselves; leave out its test", None)]
    return []


def asked_too_early(index: int, test: Expression, places: dict[str, int]) -> list[Problem]:
    return [
        Problem(index, message, node.span[0] + 1)
        for node in walk(test.node)
        if isinstance(node, Member) and (message := too_early(index, node.name, places))
    ]


def too_early(index: int, name: str, places: dict[str, int]) -> str:
    """What is wrong with asking for a class, or ``""``."""
    place = places.get(name)
    if is_built_in(name) or (place is not None and place < index):
        return ""
    if place == index:
        return f"the class {name!r} asks for itself; ask for another one"
    if place is not None:
        return f"the class {name!r} is defined after this one; move it before"
    close = get_close_matches(name, [*places, *BUILT_IN], 1)
    mend = f"did you mean {close[0]!r}?" if close else "define it before this one, without a test if others set it"
    return f"there is no class {name!r}; {mend}"
