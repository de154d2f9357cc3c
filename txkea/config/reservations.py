"""Reservations (Kea A072-A078, F013, F017, F023)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from txkea.config.kinds import address4
from txkea.config.options import Options
from txkea.config.structure import Section
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.wire.fields import hex_to_bytes

__all__ = ["LONGEST", "context", "hosts4", "identifier"]

LONGEST: Final = {
    IdentifierKind.HW_ADDRESS: 20,
    IdentifierKind.DUID: 128,
    IdentifierKind.CIRCUIT_ID: 128,
    IdentifierKind.CLIENT_ID: 128,
    IdentifierKind.FLEX_ID: 128,
}
"""How many bytes an identifier may have (Kea F023)."""

KEYWORDS: Final = {kind.keyword: kind for kind in IdentifierKind}

UNUSABLE: Final = (b"\0\0\0\0", b"\xff\xff\xff\xff")


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


def hosts4(
    sections: Iterable[Section], subnet_id: int, network: tuple[int, int] | None, unique: bool, options: Options
) -> tuple[Host, ...]:
    """The reservations of one subnet or, with ``network`` None, the global ones.

    ``network`` are the first and last address of the subnet; ``unique`` whether an address may be reserved once only.
    """
    hosts: dict[Identifier, Host] = {}
    addresses: set[bytes] = set()
    for section in sections:
        host = host4(section, subnet_id, network, options)
        if host is None:
            continue
        if host.identifier in hosts:
            message = f"{host.identifier} has a reservation here already; keep one of the two"
            section.wrong(host.identifier.kind.keyword, message)
        if unique and host.address in addresses:
            message = "this address is reserved here already; choose another, or set ip-reservations-unique to false"
            section.wrong("ip-address", message)
        hosts[host.identifier] = host
        addresses.update(host.addresses)
    return tuple(hosts.values())


def host4(section: Section, subnet_id: int, network: tuple[int, int] | None, options: Options) -> Host | None:
    key = identifier_of(section)
    if "ip-address" in section.values:
        check_address(section, network)
    data = options.data(section.sections("option-data"))
    if key is None:
        return None
    address = section.get("ip-address")
    return Host(
        identifier=key,
        subnet_id=subnet_id,
        addresses=(address4(address),) if address else (),
        hostname=section.get("hostname"),
        options=data,
        next_server=address4(section.get("next-server") or "0.0.0.0"),
        server_hostname=section.get("server-hostname"),
        boot_file_name=section.get("boot-file-name"),
        user_context=context(section),
    )


def identifier_of(section: Section) -> Identifier | None:
    """The one identifier of a reservation; None if it was reported."""
    written = [name for name in KEYWORDS if name in section.node.value]
    if len(written) != 1:
        which = f"{' and '.join(written)} are given" if written else "none is given"
        section.wrong("", f"a reservation has exactly one of {', '.join(KEYWORDS)}; {which}")
        return None
    name = written[0]
    if name not in section.values:
        return None
    try:
        return identifier(KEYWORDS[name], section.get(name))
    except ValueError as error:
        section.wrong(name, str(error))
        return None


def check_address(section: Section, network: tuple[int, int] | None) -> None:
    text = section.get("ip-address")
    packed = address4(text)
    if packed in UNUSABLE:
        section.wrong("ip-address", f"{text} cannot be reserved; give the address that the client shall have")
    elif network and not network[0] <= int.from_bytes(packed, "big") <= network[1]:
        section.wrong("ip-address", f"{text} is outside of the subnet; reserve an address in it, or reserve globally")
