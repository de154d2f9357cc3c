"""The hook libraries of a configuration, each the name of a provider; what their parameters mean is its to know."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from txkea.config.features import INCLUDED, REFUSED_PARAMETERS, NotBuilt, library_name
from txkea.config.node import Node
from txkea.config.structure import Section
from txkea.errors import Position
from txkea.model.configuration import HookLibrary

__all__ = ["hook_libraries", "locator"]

STEP: Final = re.compile(r"[^.\[\]]+")
"""One step of a path: a keyword, or the place in a list."""


def hook_libraries(dhcp: Section) -> tuple[HookLibrary, ...]:
    """The libraries in the order of the file, but for those that are always there; what is wrong is reported."""
    return tuple([each for section in dhcp.sections("hooks-libraries") if (each := hook_library(section)) is not None])


def hook_library(section: Section) -> HookLibrary | None:
    library, parameters = section.get("library"), section.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        section.wrong("parameters", "a map would be right: {...}")
        return None
    if library is None:
        return None
    node = section.nodes.get("parameters", section.node)
    place = f"{section.path}.parameters"
    found = HookLibrary(name=library_name(library), parameters=parameters or {}, path=place, locate=locator(node))
    if found.name in INCLUDED:
        refuse_parameters(section, found)
        return None
    return found


def refuse_parameters(section: Section, hook: HookLibrary) -> None:
    """Report parameters of an included library that ask for what it does not bring; others are without effect."""
    for name, value in hook.parameters.items():
        feature = REFUSED_PARAMETERS.get((hook.name, name))
        if feature is not None and value:
            path = f"{hook.path}.{name}"
            section.problems.errors.append(NotBuilt(feature, path, hook.locate(name)))


def locator(node: Node) -> Callable[[str], Position | None]:
    """Finds where a place within a value was written; of one that was not written, what is around it."""

    def locate(path: str) -> Position | None:
        found = node
        for step in STEP.findall(path):
            inner: Any = found.value
            if isinstance(inner, dict) and step in inner:
                found = inner[step]
            elif isinstance(inner, list) and step.isdecimal() and int(step) < len(inner):
                found = inner[int(step)]
            else:
                break
        return found.position

    return locate
