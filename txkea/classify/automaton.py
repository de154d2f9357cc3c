"""Automata that match a string with all ways through an expression at once; what they learn, they remember."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

__all__ = ["Automaton", "Step"]

MOST_STATES: Final = 1000
"""How many states are remembered."""


class Step(NamedTuple):
    """One place in the expression: what may come there, and where that leads."""

    accepts: frozenset[int] | str
    """Bytes; or what is passed without one: ``""`` always, ``^`` at the beginning, ``$`` at the end."""
    leads: tuple[int, ...]


class State(dict[int, "State"]):
    """All places of the expression where the match may be: what follows on each byte, as far as it is known."""

    __slots__ = ("automaton", "last", "places")

    def __init__(self, automaton: Automaton, places: frozenset[int], last: bool) -> None:
        super().__init__()
        self.automaton = automaton
        self.places = places
        self.last = last
        """Whether the match may end here."""

    def __missing__(self, byte: int) -> State:
        state = self[byte] = self.automaton.after(self.places, byte)
        return state


class Place(NamedTuple):
    """A step that takes a byte: which ones, the places that may come next, and whether the end may."""

    accepts: frozenset[int]
    leads: frozenset[int]
    last: bool


class Automaton:
    """The places of an expression, and the states that they were in together."""

    def __init__(self, steps: list[Step], first: int, end: int) -> None:
        self.places = {
            number: Place(accepts, takers(steps, leads, ""), end in reached(steps, leads, "$"))
            for number, (accepts, leads) in enumerate(steps)
            if not isinstance(accepts, str)
        }
        self.states: dict[tuple[frozenset[int], bool], State] = {}
        self.first = State(self, takers(steps, (first,), "^"), end in reached(steps, (first,), "^$"))

    def after(self, places: frozenset[int], byte: int) -> State:
        """The state after a byte."""
        leads: set[int] = set()
        last = False
        for number in places:
            place = self.places[number]
            if byte in place.accepts:
                leads |= place.leads
                last = last or place.last
        key = (frozenset(leads), last)
        state = self.states.get(key)
        if state is None:
            if len(self.states) >= MOST_STATES:
                self.forget()
            state = self.states[key] = State(self, *key)
        return state

    def forget(self) -> None:
        for state in (self.first, *self.states.values()):
            state.clear()
        self.states.clear()


def reached(steps: list[Step], leads: Iterable[int], where: str) -> set[int]:
    """The steps, and those that are reached from them without a byte."""
    found = set(leads)
    pending = list(found)
    while pending:
        accepts, leads = steps[pending.pop()]
        if isinstance(accepts, str) and accepts in where:
            new = set(leads) - found
            found |= new
            pending += new
    return found


def takers(steps: list[Step], leads: Iterable[int], where: str) -> frozenset[int]:
    """Those that take a byte."""
    return frozenset(each for each in reached(steps, leads, where) if not isinstance(steps[each].accepts, str))
