"""Where the servers that a document configures can be asked, whatever else is in it (Kea A086, G011, G017)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from txkea.config.agent import MAPS, TOP, listener
from txkea.config.channels import control_sockets
from txkea.config.families import BY_NUMBER
from txkea.config.node import Node
from txkea.config.structure import Problems, structure
from txkea.config.text import Document
from txkea.model.configuration import ControlSocket

__all__ = ["AGENT", "places"]

AGENT: Final = "ctrl-agent"
"""Stands for the Control Agent among the names of services."""
SOCKETS: Final = ("control-socket", "control-sockets")


def places(document: Document) -> Mapping[str, Sequence[ControlSocket]]:
    """The control sockets of each server in a document, by the name of its service, UNIX sockets first.

    What is wrong elsewhere in the document does not matter: a server of another release may run with it.
    """
    root = document.root.value
    found: dict[str, Sequence[ControlSocket]] = {}
    if not isinstance(root, dict):
        return found
    for number, family in BY_NUMBER.items():
        if family.top in root:
            section = structure(_only(root, family.top, SOCKETS), "top", family.maps, Problems()).section(family.top)
            sockets = control_sockets(section.sections(SOCKETS[1]), number) if section is not None else ()
            found[f"dhcp{number}"] = sorted(sockets, key=lambda each: each.type != "unix")
    if TOP in root:
        section = structure(_only(root, TOP, MAPS[TOP]), "top", MAPS, Problems()).section(TOP)
        found[AGENT] = [listener(section)] if section is not None else []
    return found


def _only(root: Mapping[str, Node], top: str, names: Any) -> Node:
    """The document with nothing but one server, and of that nothing but these keywords."""
    server = root[top]
    if isinstance(server.value, dict):
        kept = {name: node for name, node in server.value.items() if name in names}
        server = Node(server.type, kept, server.source, server.offset)
    return Node("object", {top: server})
