"""From the sections of a ``Dhcp6`` map to a `Configuration`."""

from __future__ import annotations

from typing import Any, Final

from txkea.config.build import build, interfaces
from txkea.config.families import FAMILY6
from txkea.config.keywords6 import MAC_SOURCES
from txkea.config.kinds import suggestion
from txkea.config.options import Options
from txkea.config.structure import Section
from txkea.model.configuration import Configuration, ServerId
from txkea.wire.duid import DUID_MAXIMUM
from txkea.wire.fields import hex_to_bytes

__all__ = ["build6"]

ALWAYS: Final = 65
"""erp-local-domain-name, which relays may always supply (RFC 6440 section 5; Kea B006)."""

USED: Final = {
    "LLT": ("htype", "identifier", "time"),
    "LL": ("htype", "identifier"),
    "EN": ("enterprise-id", "identifier"),
    "UUID": ("identifier",),
}
"""What the types of DUIDs are made of (Kea B007)."""

HEADS: Final = {"LLT": 8, "LL": 4, "EN": 6, "UUID": 2}
"""How many bytes stand before a DUID's identifier (RFC 8415 section 11, RFC 6355)."""

UUID: Final = 16


def build6(dhcp: Section, logging: Section | None = None) -> Configuration:
    """The configuration; what is wrong is reported to the section's problems, and then the result is of no use."""
    return build(FAMILY6, dhcp, logging, own)


def own(dhcp: Section, options: Options) -> dict[str, Any]:
    """The fields that DHCPv6 has for itself."""
    sockets = dhcp.values["interfaces-config"]
    return {
        "interfaces": interfaces(sockets, FAMILY6, socket_type=sockets.get("dhcp-socket-type")),
        "server_id": server_id(dhcp.values["server-id"]),
        "data_directory": dhcp.get("data-directory") or "",
        "mac_sources": mac_sources(dhcp),
        "relay_supplied_options": relay_supplied_options(dhcp, options),
        "allow_address_registration": dhcp.get("allow-address-registration"),
    }


# -- server-id ---------------------------------------------------------------------------------------------------------


def server_id(section: Section) -> ServerId:
    """What the server's DUID is made of."""
    kind = section.get("type")
    for name in ("htype", "identifier", "time", "enterprise-id"):
        if name in section.nodes and section.get(name) and name not in USED[kind]:
            section.warn(name, f"this has no effect: a DUID of type {kind} has none")
    return ServerId(
        type=kind,
        htype=section.get("htype"),
        identifier=identifier(section, kind),
        time=section.get("time"),
        enterprise_id=section.get("enterprise-id"),
        persist=section.get("persist"),
    )


def identifier(section: Section, kind: str) -> bytes:
    """The identifier's bytes, of a length that the type allows; ``b""`` if it is to be chosen."""
    text = section.get("identifier")
    try:
        value = hex_to_bytes(text)
        if ":" not in text and len("".join(text.split())) % 2:
            raise ValueError(f"{text!r} has an odd number of digits; write two for each byte")
    except ValueError as error:
        section.wrong("identifier", str(error))
        return b""
    longest = DUID_MAXIMUM - HEADS[kind]
    if kind == "UUID" and value and len(value) != UUID:
        section.wrong("identifier", f"the UUID has {len(value)} bytes; a UUID has {UUID}")
    elif len(value) > longest:
        section.wrong("identifier", f"the identifier has {len(value)} bytes; {longest} is the most for {kind}")
    return value


# -- lists of names ----------------------------------------------------------------------------------------------------


def mac_sources(dhcp: Section) -> tuple[str, ...]:
    """Where to look for hardware addresses, in order; completes the section with the usual names (Kea B004)."""
    if "mac-sources" not in dhcp.values:
        return tuple(dhcp.get("mac-sources"))
    found: list[str] = []
    for at, text in dhcp.elements("mac-sources"):
        if MAC_SOURCES[text] in found:
            dhcp.wrong("mac-sources", f"{text} is named twice; name it once", at)
        found.append(MAC_SOURCES[text])
    dhcp.values["mac-sources"] = found
    return tuple(found)


def relay_supplied_options(dhcp: Section, options: Options) -> tuple[int, ...]:
    """The codes that relays may supply, ascending; completes the section with them (Kea B006)."""
    codes = {ALWAYS}
    for at, text in dhcp.elements("relay-supplied-options"):
        try:
            codes.add(option_code(text, options))
        except ValueError as error:
            dhcp.wrong("relay-supplied-options", str(error), at)
    found = tuple(sorted(codes))
    dhcp.values["relay-supplied-options"] = [str(code) for code in found]
    return found


def option_code(text: str, options: Options) -> int:
    """The code of an option by its name, or by the code itself. Raises ValueError."""
    definition = options.definitions.by_name(FAMILY6.space, text)
    if definition is not None:
        return definition.code
    if text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) <= FAMILY6.highest_code:
        return int(text)
    names = [each.name for each in options.definitions if each.space == FAMILY6.space]
    near = suggestion(text, names) or f", and no code from 1 to {FAMILY6.highest_code}"
    raise ValueError(f'"{text}" is no option of the space {FAMILY6.space}{near}')
