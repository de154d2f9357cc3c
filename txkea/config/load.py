"""The way in: a file or a parsed document becomes a configuration."""

from __future__ import annotations

from attrs import evolve

from txkea.config.build4 import build4
from txkea.config.keywords4 import MAPS4
from txkea.config.structure import Problems, structure
from txkea.config.text import Document, load
from txkea.errors import ConfigErrors
from txkea.model.configuration import Configuration

__all__ = ["FAMILIES", "configuration4", "families", "load4"]

FAMILIES = {"Dhcp4": 4, "Dhcp6": 6}
"""The top-level maps that configure a server."""


def load4(path: str) -> Configuration:
    """The DHCPv4 configuration of a file; maps of other servers in it are left alone.

    Raises `ConfigErrors` with everything that is wrong, in the order of the file.
    """
    return configuration4(load(path))


def families(document: Document) -> tuple[int, ...]:
    """The families that a document configures."""
    root = document.root.value
    return tuple(family for name, family in FAMILIES.items() if isinstance(root, dict) and name in root)


def configuration4(document: Document) -> Configuration:
    """The DHCPv4 configuration of a document, such as `load`, `parse` or `from_json` of `txkea.config.text` give.

    Raises `ConfigErrors` with everything that is wrong, in the order of the file.
    """
    problems = Problems()
    top = structure(document.root, "top", MAPS4, problems)
    dhcp = top.section("Dhcp4")
    if dhcp is None:
        raise ConfigErrors(problems.sorted_errors())
    configuration = build4(dhcp, top.section("Logging"))
    if problems.errors:
        raise ConfigErrors(problems.sorted_errors())
    return evolve(configuration, warnings=(*document.warnings, *problems.warnings))
