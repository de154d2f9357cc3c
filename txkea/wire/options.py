"""Options as their definitions say: text to payload and back, payload to values and back; and what nests in options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Address
from struct import unpack
from typing import Any, Final, NamedTuple, TypeAlias

from txkea.errors import Malformed
from txkea.wire.cursor import Cursor
from txkea.wire.definition import OptionDefinition
from txkea.wire.dhcp4 import option
from txkea.wire.dnr import parse_dnr6, read_dnr6, show_dnr6, write_dnr6
from txkea.wire.fields import KINDS, Kind, hex_to_bytes
from txkea.wire.names import decode_names, encode_names, name_from_text, name_to_text

__all__ = [
    "Route",
    "decode_text",
    "encode_hex",
    "encode_text",
    "parse_codes",
    "parse_link_layer",
    "parse_suboptions",
    "parse_tuples",
    "parse_vendor",
    "parse_vendor6",
    "read",
    "validate",
    "write",
    "write_suboptions",
    "write_tuples",
    "write_vendor",
    "write_vendor6",
]

Values: TypeAlias = tuple[Any, ...]
"""The values of an option's fields in order; types as `txkea.wire.fields` says."""


# -- by definition -----------------------------------------------------------------------------------------------------


def encode_text(definition: OptionDefinition, text: str, family: int = 4, surplus: list[str] | None = None) -> bytes:
    """The payload of an option configured as text, Kea's ``csv-format`` true (Kea C038-C042).

    ``surplus`` gets the values beyond those that the definition has fields for, which Kea leaves out; without it they
    are an error. Raises ValueError that says what is wrong and what would be right.
    """
    tokens = _tokens(text)
    syntax = _syntax(definition)
    if syntax:
        return syntax.write(syntax.parse(tokens or [""]))
    if definition.kind == "empty":
        return KINDS["empty"].parse(text.strip())  # type: ignore[no-any-return]
    kinds = _fields(definition, len(tokens))
    if surplus is not None and kinds:
        surplus += tokens[len(kinds) :]
        del tokens[len(kinds) :]
    if not tokens or len(tokens) != len(kinds):
        raise ValueError(_miscount(definition, len(tokens)))
    return b"".join([kind.write(kind.parse(token), family) for kind, token in zip(kinds, tokens, strict=True)])


def encode_hex(text: str) -> bytes:
    """The payload of an option configured with ``csv-format`` false: hexadecimal, or text in single quotes (Kea C042).

    Raises ValueError.
    """
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].encode()
    return hex_to_bytes(text)


def decode_text(definition: OptionDefinition, payload: bytes, family: int = 4) -> str:
    """The payload in printable form, as `encode_text` would take it; in hexadecimal if it is not what it should be."""
    try:
        values = read(definition, payload, family)
        syntax = _syntax(definition)
        if syntax:
            return ", ".join([syntax.show(value) for value in values])
        kinds = _fields(definition, len(values))
        return ", ".join([kind.show(value) for kind, value in zip(kinds, values, strict=True)])
    except (Malformed, ValueError):
        return payload.hex()


def read(definition: OptionDefinition, payload: bytes, family: int = 4) -> Values:
    """The values of an option's fields in order; of an array as many as there are.

    Encapsulated options after the fields are left alone. Raises `Malformed`.
    """
    syntax = _syntax(definition)
    if syntax:
        return tuple(syntax.read(payload))
    cursor = Cursor(payload)
    if definition.kind == "empty":
        return ()
    values = [kind.read(cursor, family) for kind in _fields(definition, 0)]
    if definition.array:
        kind = _repeated(definition)
        while cursor.remaining:
            values.append(kind.read(cursor, family))
    if cursor.remaining and not definition.encapsulates:
        raise Malformed(f"{cursor.remaining} bytes too many in option {definition.code} ({definition.name})")
    return tuple(values)


def write(definition: OptionDefinition, values: Sequence[Any], family: int = 4) -> bytes:
    """The payload for an option's values, as `read` gives them. Raises ValueError."""
    syntax = _syntax(definition)
    if syntax:
        return syntax.write(values)
    kinds = [] if definition.kind == "empty" else _fields(definition, len(values))
    if len(kinds) != len(values):
        raise ValueError(_miscount(definition, len(values)))
    return b"".join([kind.write(value, family) for kind, value in zip(kinds, values, strict=True)])


def validate(definition: OptionDefinition) -> None:
    """Refuse a definition that cannot be read back (Kea C037, C041, C045). Raises ValueError."""
    names = definition.fields if definition.kind == "record" else (definition.kind,)
    for name in names:
        if name not in KINDS:
            raise ValueError(f"unknown option type {name!r}; it is one of {', '.join(KINDS)} and record")
    if definition.kind == "record":
        if len(names) < 2:
            raise ValueError("a record has at least two fields; name them in record-types, separated by commas")
        if "empty" in names:
            raise ValueError("a record cannot have a field of type empty")
    elif definition.fields:
        raise ValueError(f"record-types is for records; leave it out of an option of type {definition.kind}")
    if any(KINDS[name].greedy for name in names[:-1]):
        raise ValueError("a field of type string or binary takes all that is left; it can only be a record's last")
    if definition.array and (KINDS[names[-1]].greedy or names[-1] == "empty"):
        raise ValueError(f"{names[-1]} cannot repeat in an array, for nothing says where one ends")
    if definition.array and definition.encapsulates:
        raise ValueError("an array cannot encapsulate an option space")
    if definition.encapsulates and definition.encapsulates == definition.space:
        raise ValueError(f"an option cannot encapsulate the space {definition.space!r} that it is in itself")


def _fields(definition: OptionDefinition, count: int) -> list[Kind]:
    """The kinds of an option's fields; an array's are repeated until there are ``count``.

    ``count`` may be one less than the fields: then the last, which repeats, is there no time.
    """
    names = definition.fields if definition.kind == "record" else (definition.kind,)
    kinds = [KINDS[name] for name in names]
    if definition.array:
        kinds[-1:] = [kinds[-1]] * (count - len(kinds) + 1)
    return kinds


def _repeated(definition: OptionDefinition) -> Kind:
    return KINDS[definition.fields[-1] if definition.kind == "record" else definition.kind]


def _miscount(definition: OptionDefinition, count: int) -> str:
    """What to say when there are too few or too many values."""
    wanted = ", ".join(definition.fields or (definition.kind,))
    if definition.array:
        wanted += ", ..."
    hint = ""
    if definition.kind in ("string", "tuple"):
        hint = "; a comma in the text is written \\, (in JSON: \\\\,)"
    return f"option {definition.name!r} takes {wanted}, but {count or 'no'} values are given{hint}"


def _tokens(text: str) -> list[str]:
    r"""The trimmed values between commas; ``\,`` is a comma in a value, any other backslash is itself (Kea C040)."""
    if not text.strip():
        return []
    tokens = [""]
    position = 0
    while position < len(text):
        if text.startswith("\\,", position):
            tokens[-1] += ","
            position += 1
        elif text[position] == ",":
            tokens.append("")
        else:
            tokens[-1] += text[position]
        position += 1
    return [token.strip() for token in tokens]


# -- options with a syntax of their own --------------------------------------------------------------------------------


class _Syntax(NamedTuple):
    """How an option that is no plain sequence of fields is parsed, shown, read and written."""

    parse: Callable[[list[str]], list[Any]]
    """From all that stands between commas."""
    show: Callable[[Any], str]
    read: Callable[[bytes], Iterable[Any]]
    write: Callable[[Sequence[Any]], bytes]


class Route(NamedTuple):
    """A route of option 121, addresses packed (RFC 3442)."""

    destination: bytes
    length: int
    router: bytes

    def __str__(self) -> str:
        return f"{IPv4Address(self.destination)}/{self.length} - {IPv4Address(self.router)}"


def _parse_route(text: str) -> Route:
    subnet, dash, router = text.partition("-")
    destination, slash, length = subnet.partition("/")
    if not dash or not slash:
        raise ValueError(f"{text!r} is not a route; write subnet and router like 10.0.0.0/8 - 192.0.2.1")
    bits = KINDS["uint8"].parse(length.strip())
    parse = KINDS["ipv4-address"].parse
    route = Route(parse(destination.strip()), bits, parse(router.strip()))
    if bits > 32:
        raise ValueError(f"prefix length {bits} in route {text!r}; it is at most 32")
    right = _network(route.destination, bits)
    if right != route.destination:
        raise ValueError(f"route {text!r} has bits set beyond its length; write {route._replace(destination=right)}")
    return route


def _network(address: bytes, length: int) -> bytes:
    keep = 0xFFFFFFFF << 32 - length & 0xFFFFFFFF
    return (int.from_bytes(address, "big") & keep).to_bytes(4, "big")


def _read_routes(payload: bytes) -> Iterator[Route]:
    """Significant octets only (RFC 3442)."""
    cursor = Cursor(payload)
    while cursor.remaining:
        length = cursor.uint(1)
        if length > 32:
            raise Malformed(f"prefix length {length} in option 121, which is at most 32")
        destination = cursor.take((length + 7) // 8).ljust(4, b"\0")
        yield Route(_network(destination, length), length, cursor.take(4))


def _write_routes(routes: Sequence[Route]) -> bytes:
    return b"".join(
        [bytes((length,)) + destination[: (length + 7) // 8] + router for destination, length, router in routes]
    )


def _each(parse: Callable[[str], Any]) -> Callable[[list[str]], list[Any]]:
    """A value for each token."""
    return lambda tokens: [parse(token) for token in tokens]


def _no_text(tokens: list[str]) -> list[Any]:
    raise ValueError('this option has no text form here; write its payload in hexadecimal with "csv-format": false')


def _write_search_list(names: Sequence[str]) -> bytes:
    return encode_names([name_from_text(name) for name in names], compress=True)


_SYNTAXES: Final[dict[tuple[str, int, str], _Syntax]] = {
    ("dhcp4", 119, "fqdn"): _Syntax(
        _each(KINDS["fqdn"].parse),
        KINDS["fqdn"].show,
        lambda payload: [name_to_text(name) for name in decode_names(payload, compressed=True)],
        _write_search_list,
    ),
    ("dhcp4", 121, "internal"): _Syntax(_each(_parse_route), str, _read_routes, _write_routes),
    ("dhcp4", 162, "internal"): _Syntax(_no_text, bytes.hex, lambda payload: [payload], b"".join),
    ("dhcp6", 144, "internal"): _Syntax(
        lambda tokens: [parse_dnr6(tokens)],
        show_dnr6,
        lambda payload: [read_dnr6(payload)],
        lambda values: b"".join(map(write_dnr6, values)),
    ),
}


def _syntax(definition: OptionDefinition) -> _Syntax | None:
    """The kind is part of the key, so that an operator's own definition of a code is not overridden."""
    return _SYNTAXES.get((definition.space, definition.code, definition.kind))


# -- what nests in options ---------------------------------------------------------------------------------------------


def parse_suboptions(payload: bytes, padded: bool = False) -> dict[int, bytes]:
    """The DHCPv4 options in a payload, the payloads of a repeated code joined.

    ``padded`` says that 0 is PAD and 255 END, as in option 43 (RFC 2132 section 8.4) and not in option 82 (RFC 3046
    section 2.0). Raises `Malformed` if one runs past the end.
    """
    options: dict[int, bytes] = {}
    position, end = 0, len(payload)
    while position < end:  # the fast path: relays send option 82 with every message
        code = payload[position]
        start = position + 2
        position = start + payload[start - 1] if start <= end else end + 1
        if position > end or code in options or padded:
            return _join_suboptions(payload, padded)
        options[code] = payload[start:position]
    return options


def _join_suboptions(payload: bytes, padded: bool) -> dict[int, bytes]:
    pieces: dict[int, list[bytes]] = {}
    cursor = Cursor(payload)
    while cursor.remaining:
        code = cursor.uint(1)
        if padded and code == 0:
            continue
        if padded and code == 255:
            break
        pieces.setdefault(code, []).append(cursor.prefixed(1))
    return {code: b"".join(parts) for code, parts in pieces.items()}


def write_suboptions(options: Mapping[int, bytes]) -> bytes:
    """A payload of DHCPv4 options; what is longer than 255 bytes is split as in RFC 3396."""
    return b"".join([option(code, payload) for code, payload in options.items()])


def parse_vendor(payload: bytes) -> dict[int, bytes]:
    """The data of options 124 and 125 by enterprise number (RFC 3925), of a repeated number joined.

    What runs past the end is left out with all that follows.
    """
    pieces: dict[int, list[bytes]] = {}
    cursor = Cursor(payload)
    with suppress(Malformed):
        while cursor.remaining:
            enterprise, data = cursor.uint(4), cursor.prefixed(1)
            pieces.setdefault(enterprise, []).append(data)
    return {enterprise: b"".join(parts) for enterprise, parts in pieces.items()}


def write_vendor(vendors: Mapping[int, bytes]) -> bytes:
    """Option 124 or 125; the data of one enterprise longer than 255 bytes are split over several entries."""
    parts = []
    for enterprise, payload in vendors.items():
        for start in range(0, len(payload) or 1, 255):
            part = payload[start : start + 255]
            parts.append(enterprise.to_bytes(4, "big") + bytes((len(part),)) + part)
    return b"".join(parts)


def parse_vendor6(payloads: Iterable[bytes]) -> dict[int, bytes]:
    """The data of options 16 or 17 by enterprise number, of a repeated number joined (RFC 8415 sections 21.16, 21.17).

    ``payloads`` are those of all instances, one enterprise each; an instance too short for its number is left out. The
    data of 16 are tuples, those of 17 options: see `parse_tuples` and `txkea.wire.dhcp6.parse_options6`.
    """
    vendors: dict[int, bytes] = {}
    for payload in payloads:
        if len(payload) >= 4:
            enterprise = int.from_bytes(payload[:4], "big")
            vendors[enterprise] = vendors.get(enterprise, b"") + payload[4:]
    return vendors


def write_vendor6(vendors: Mapping[int, bytes]) -> list[bytes]:
    """The payloads of the instances of option 16 or 17, one for each enterprise."""
    return [enterprise.to_bytes(4, "big") + payload for enterprise, payload in vendors.items()]


def parse_codes(payload: bytes) -> tuple[int, ...]:
    """The option codes in an option request (6) or echo request (43). Raises `Malformed`."""
    if len(payload) % 2:
        raise Malformed(f"{len(payload)} bytes of option codes, which have two each")
    return unpack(f"!{len(payload) // 2}H", payload)


def parse_link_layer(payload: bytes) -> tuple[int, bytes]:
    """Hardware type and address in option 79, the address of at most 20 bytes (RFC 6939). Raises `Malformed`."""
    if not 2 <= len(payload) <= 22:
        raise Malformed(f"link-layer address option of {len(payload)} bytes, which has 2 to 22")
    return int.from_bytes(payload[:2], "big"), payload[2:]


def parse_tuples(payload: bytes, family: int = 4) -> tuple[bytes, ...]:
    """Byte strings after their lengths, as in options 77 and 124. Raises `Malformed`."""
    cursor = Cursor(payload)
    tuples = []
    while cursor.remaining:
        tuples.append(KINDS["tuple"].read(cursor, family))
    return tuple(tuples)


def write_tuples(tuples: Iterable[bytes], family: int = 4) -> bytes:
    """The reverse of `parse_tuples`. Raises ValueError for one that is too long."""
    return b"".join([KINDS["tuple"].write(value, family) for value in tuples])
