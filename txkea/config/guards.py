"""The names of classes in scopes: who may use a scope, and what is evaluated once it is chosen (Kea D009, D018)."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any, Final

from attrs import frozen

from txkea.classify.order import is_built_in
from txkea.config.features import library_name
from txkea.config.structure import Section
from txkea.model.configuration import ClientClass

__all__ = ["Mentions", "guards", "names"]

GUARDS: Final = "client-classes"
ADDITIONAL: Final = "evaluate-additional-classes"
ASKED_ONLY: Final = "only-in-additional-list"
EARLY: Final = "early-global-reservations-lookup"
TELL: Final = ("radius",)
"""Libraries that ask others for the classes of clients."""


def names(section: Section, keyword: str = GUARDS) -> tuple[str, ...]:
    """The names in a list, each once; completes the section with them. Kea leaves empty names of reservations out."""
    written = section.values.get(keyword)
    if not written:
        return ()
    found = section.values[keyword] = [name for name in dict.fromkeys(written) if name]
    return tuple(found)


def guards(section: Section) -> dict[str, Any]:
    """The classes of which a client must be in one, and those that are evaluated for it, as fields of the model."""
    return {"client_classes": names(section), "additional_classes": names(section, ADDITIONAL)}


# -- names that lead nowhere -------------------------------------------------------------------------------------------


@frozen
class Mentions:
    """Where classes are named, and by whom they are known; tells of what Kea takes without a word."""

    dhcp: Section
    known: Mapping[str, ClientClass]
    late: Container[str]
    """The classes that depend on KNOWN or UNKNOWN."""
    given: Container[str]
    """The classes that reservations put clients in. What a library puts them in need not be defined."""

    @property
    def told(self) -> bool:
        """Whether a server is asked that may put clients in any class."""
        return any(library_name(each.get("library") or "") in TELL for each in self.dhcp.sections("hooks-libraries"))

    def check(self) -> None:
        """Warn of guards that let nobody in, and of classes that nobody asks for."""
        asked: set[str] = set()
        for section, keyword in mentions(self.dhcp):
            for name in section.values[keyword]:
                if fault := self.undefined(name) or self.too_late(section, keyword, name):
                    section.warn(keyword, fault)
            if keyword == ADDITIONAL:
                asked.update(section.values[keyword])
        for section in self.dhcp.sections(GUARDS):
            if section.get(ASKED_ONLY) and section.get("name") not in asked:
                section.warn(ASKED_ONLY, f"this class is never evaluated: no scope has it in {ADDITIONAL}")

    def undefined(self, name: str) -> str:
        """Why nobody is in a class, or ``""``."""
        if name in self.known or name in self.given or is_built_in(name) or self.told:
            return ""
        return f'there is no class "{name}", nor does a reservation give it; add it to client-classes'

    def too_late(self, section: Section, keyword: str, name: str) -> str:
        """Why nobody is in a class in time to use the scope that it guards, or ``""``."""
        if keyword != GUARDS or ADDITIONAL not in section.table:
            return ""
        one = self.known.get(name)
        if one and one.only_if_additional and name not in self.given:
            return f'the class "{name}" is evaluated when this is chosen already: nobody may use it'
        tested = one is not None and bool(one.test or one.template_test)
        by_reservation = name in self.late or (name in self.given and not tested)
        # Networks, and subnets that are in none, are chosen before the client's reservation is looked up.
        if by_reservation and section.parent is self.dhcp and not self.dhcp.get(EARLY):
            return f'the class "{name}" depends on reservations, which are looked up later: guard pools, or set {EARLY}'
        return ""


def mentions(section: Section, holder: str = "") -> Iterator[tuple[Section, str]]:
    """The lists of names, but for those of reservations, which give classes to clients."""
    for keyword, value in section.values.items():
        if type(value) is list and value:
            if isinstance(value[0], Section):
                for inner in value:
                    yield from mentions(inner, keyword)
            elif keyword in (GUARDS, ADDITIONAL) and holder != "reservations":
                yield section, keyword
