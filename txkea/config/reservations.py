"""Reservations (Kea A072-A078, B019-B021, F013, F017, F023)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from txkea.config.families import Family
from txkea.config.guards import names
from txkea.config.kinds import address4, address6, prefix6
from txkea.config.options import Options
from txkea.config.prefixes import lacks
from txkea.config.structure import Section
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.wire.fields import hex_to_bytes
from txkea.wire.text import address_text

__all__ = ["LONGEST", "Bounds", "context", "fixed_fields", "hosts", "identifier"]

LONGEST: Final = {
    IdentifierKind.HW_ADDRESS: 20,
    IdentifierKind.DUID: 128,
    IdentifierKind.CIRCUIT_ID: 128,
    IdentifierKind.CLIENT_ID: 128,
    IdentifierKind.FLEX_ID: 128,
}
"""How many bytes an identifier may have (Kea F023)."""

UNUSABLE: Final = (b"\0\0\0\0", b"\xff\xff\xff\xff", bytes(16))
MULTICAST6: Final = 0xFF
TWICE: Final = "is reserved here already; choose another"
UNLESS_SHARED: Final = f"this address {TWICE}, or set ip-reservations-unique to false"


class Bounds(NamedTuple):
    """First and last address of a subnet, as numbers."""

    first: int
    last: int


class Reserved(NamedTuple):
    """One thing that is kept for a client, and where it was written; an address has all bits as its length."""

    address: bytes
    length: int
    keyword: str
    at: int | None = None


def context(section: Section) -> dict[str, object] | None:
    """The user context with the comment in it (Kea A017), or None."""
    comment, written = section.get("comment"), section.get("user-context")
    if comment is None:
        return dict(written) if written is not None else None
    return {**(written or {}), "comment": comment}


def identifier(kind: IdentifierKind, text: str) -> Identifier:
    """An identifier from hexadecimal, or from text in single quotes (Kea A073). Raises ValueError."""
    text = text.strip()
    quoted = len(text) > 2 and text[0] == text[-1] == "'"
    value = text[1:-1].encode() if quoted else hex_to_bytes(text)
    if not value or text == "''":
        raise ValueError("the identifier is empty; write it in hexadecimal like 01:02:03, or as text like 'abc'")
    if len(value) > LONGEST[kind]:
        raise ValueError(f"the identifier has {len(value)} bytes; {LONGEST[kind]} is the most for a {kind.keyword}")
    return Identifier(kind, value)


def hosts(
    sections: Iterable[Section], subnet_id: int, bounds: Bounds | None, unique: bool, options: Options, family: Family
) -> tuple[Host, ...]:
    """The reservations of one subnet or, with ``bounds`` None, the global ones.

    ``unique`` tells whether an address or prefix may be reserved once only.
    """
    found: dict[Identifier, Host] = {}
    taken: set[bytes] = set()
    for section in sections:
        reserved = list(RESERVED[family.number](section))
        check_addresses(section, reserved, bounds)
        host = host_of(section, subnet_id, reserved, options, family)
        if host is None:
            continue
        if host.identifier in found:
            message = f"{host.identifier} has a reservation here already; keep one of the two"
            section.wrong(host.identifier.kind.keyword, message)
        if unique:
            for each in reserved:
                if each.address in taken:
                    section.wrong(each.keyword, UNLESS_SHARED, each.at)
        found[host.identifier] = host
        taken.update(each.address for each in reserved)
    return tuple(found.values())


def host_of(
    section: Section, subnet_id: int, reserved: list[Reserved], options: Options, family: Family
) -> Host | None:
    key = identifier_of(section, family)
    data = options.data(section.sections("option-data"))
    excluded = excluded_prefixes(section, reserved)
    if key is None:
        return None
    return Host(
        identifier=key,
        subnet_id=subnet_id,
        addresses=tuple([each.address for each in reserved if each.keyword != "prefixes"]),
        prefixes=tuple([(each.address, each.length) for each in reserved if each.keyword == "prefixes"]),
        excluded_prefixes=excluded,
        hostname=section.get("hostname"),
        options=data,
        client_classes=names(section),
        user_context=context(section),
        **fixed_fields(section),
    )


def fixed_fields(section: Section) -> dict[str, Any]:
    """The fields of a DHCPv4 message that a reservation or a class may set."""
    if "next-server" not in section.table:
        return {}
    return {
        "next_server": address4(section.get("next-server") or "0.0.0.0"),
        "server_hostname": section.get("server-hostname"),
        "boot_file_name": section.get("boot-file-name"),
    }


def identifier_of(section: Section, family: Family) -> Identifier | None:
    """The one identifier of a reservation; None if it was reported."""
    kinds = {kind.keyword: kind for kind in family.identifiers}
    written = [name for name in kinds if name in section.node.value]
    if len(written) != 1:
        which = f"{' and '.join(written)} are given" if written else "none is given"
        section.wrong("", f"a reservation has exactly one of {', '.join(kinds)}; {which}")
        return None
    name = written[0]
    if name not in section.values:
        return None
    try:
        return identifier(kinds[name], section.get(name))
    except ValueError as error:
        section.wrong(name, str(error))
        return None


# -- what is reserved --------------------------------------------------------------------------------------------------


def reserved4(section: Section) -> Iterator[Reserved]:
    if "ip-address" in section.values:
        yield Reserved(address4(section.values["ip-address"]), 32, "ip-address")


def reserved6(section: Section) -> Iterator[Reserved]:
    for at, text in section.elements("ip-addresses"):
        yield Reserved(address6(text), 128, "ip-addresses", at)
    for at, text in section.elements("prefixes"):
        yield Reserved(*prefix6(text), "prefixes", at)


RESERVED: Final = {4: reserved4, 6: reserved6}


def check_addresses(section: Section, reserved: Iterable[Reserved], bounds: Bounds | None) -> None:
    """Report what nobody can have, what lies outside of the subnet, and what is written twice."""
    seen: set[bytes] = set()
    for each in reserved:
        fault = unusable(each, bounds) or (f"this {TWICE}" if each.address in seen else "")
        if fault:
            section.wrong(each.keyword, fault, each.at)
        seen.add(each.address)


def unusable(reserved: Reserved, bounds: Bounds | None) -> str:
    """Why something cannot be reserved, or ``""``."""
    address, length, keyword, _ = reserved
    text = address_text(address)
    if keyword == "prefixes":
        if not length or address[0] == MULTICAST6:
            return f"{text}/{length} cannot be delegated; give the prefix that the client shall have"
    elif address in UNUSABLE or (len(address) == 16 and address[0] == MULTICAST6):
        return f"{text} cannot be reserved; give the address that the client shall have"
    elif bounds and not bounds.first <= int.from_bytes(address, "big") <= bounds.last:
        return f"{text} is outside of the subnet; reserve an address in it, or reserve globally"
    return ""


def excluded_prefixes(section: Section, reserved: Iterable[Reserved]) -> tuple[tuple[bytes, int] | None, ...]:
    """What each reserved prefix lacks (Kea B020): one entry a prefix, ``""`` for those that lack nothing."""
    written = section.values.get("excluded-prefixes") or ()
    prefixes = [each for each in reserved if each.keyword == "prefixes"]
    if not any(written):
        return ()
    if len(written) != len(prefixes):
        message = f'{len(written)} entries for {len(prefixes)} prefixes; give one for each, "" if it lacks nothing'
        section.wrong("excluded-prefixes", message)
        return ()
    found = [prefix6(text) if text else None for text in written]
    for at, (prefix, excluded) in enumerate(zip(prefixes, found, strict=True)):
        fault = lacks(prefix.address, prefix.length, *excluded) if excluded else ""
        if fault:
            section.wrong("excluded-prefixes", fault, at)
    return tuple(found)
