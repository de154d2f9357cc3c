"""From the sections of a ``Dhcp4`` map to a `Configuration`."""

from __future__ import annotations

from typing import Any

from txkea.config.build import build, interfaces
from txkea.config.families import FAMILY4
from txkea.config.options import Options
from txkea.config.structure import Section
from txkea.model.configuration import Configuration, Interfaces

__all__ = ["build4"]


def build4(dhcp: Section, logging: Section | None = None) -> Configuration:
    """The configuration; what is wrong is reported to the section's problems, and then the result is of no use."""
    return build(FAMILY4, dhcp, logging, own)


def own(dhcp: Section, options: Options) -> dict[str, Any]:
    """The fields that DHCPv4 has for itself."""
    return {
        "interfaces": interfaces4(dhcp.values["interfaces-config"]),
        "echo_client_id": dhcp.get("echo-client-id"),
        "stash_agent_options": dhcp.get("stash-agent-options"),
    }


def interfaces4(section: Section) -> Interfaces:
    """Where to listen; an interface is not named with and without an address (Kea A050)."""
    found = interfaces(
        section,
        FAMILY4,
        socket_type=section.get("dhcp-socket-type"),
        use_routing=section.get("outbound-interface") == "use-routing",
    )
    names = {selection.name for selection in found.selections if selection.address is None}
    both = {selection.name for selection in found.selections if selection.address is not None} & names
    for name in sorted(both):
        section.wrong("interfaces", f"{name} is named with and without an address; keep one of the two")
    return found
