"""The way in: a file or a parsed document becomes a configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import evolve

from txkea.config.build4 import build4
from txkea.config.build6 import build6
from txkea.config.families import BY_NUMBER
from txkea.config.structure import Problems, Section, structure
from txkea.config.text import Document, load
from txkea.errors import ConfigErrors
from txkea.model.configuration import Configuration

__all__ = ["FAMILIES", "configuration", "configuration4", "configuration6", "families", "load4", "load6"]

FAMILIES: Final = {family.top: number for number, family in BY_NUMBER.items()}
"""The top-level maps that configure a server."""

BUILD: Final[dict[int, Callable[[Section, Section | None], Configuration]]] = {4: build4, 6: build6}


def load4(path: str) -> Configuration:
    """The DHCPv4 configuration of a file; maps of other servers in it are left alone.

    Raises `ConfigErrors` with everything that is wrong, in the order of the file.
    """
    return configuration(load(path), 4)


def load6(path: str) -> Configuration:
    """The DHCPv6 configuration of a file; maps of other servers in it are left alone.

    Raises `ConfigErrors` with everything that is wrong, in the order of the file.
    """
    return configuration(load(path), 6)


def families(document: Document) -> tuple[int, ...]:
    """The families that a document configures."""
    root = document.root.value
    return tuple(family for name, family in FAMILIES.items() if isinstance(root, dict) and name in root)


def configuration4(document: Document) -> Configuration:
    """The DHCPv4 configuration of a document, such as `load`, `parse` or `from_json` of `txkea.config.text` give.

    Raises `ConfigErrors` with everything that is wrong, in the order of the file.
    """
    return configuration(document, 4)


def configuration6(document: Document) -> Configuration:
    """The DHCPv6 configuration of a document, as `configuration4`."""
    return configuration(document, 6)


def configuration(document: Document, number: int) -> Configuration:
    """The configuration of the family 4 or 6 of a document, as `configuration4`."""
    family = BY_NUMBER[number]
    problems = Problems()
    top = structure(document.root, "top", family.maps, problems)
    dhcp = top.section(family.top)
    if dhcp is None:
        raise ConfigErrors(problems.sorted_errors())
    found = BUILD[number](dhcp, top.section("Logging"))
    if problems.errors:
        raise ConfigErrors(problems.sorted_errors())
    return evolve(found, written=document.root.plain(), warnings=(*document.warnings, *problems.warnings))
