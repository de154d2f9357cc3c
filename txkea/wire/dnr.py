"""Encrypted DNS resolvers in DHCPv6 (RFC 9463 section 4): option 144 in text, in values and in bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from txkea.errors import Malformed
from txkea.wire.cursor import Cursor
from txkea.wire.fields import KINDS, escape_commas
from txkea.wire.names import Name, decode_name, encode_name, name_from_text, name_to_text
from txkea.wire.text import address_text

__all__ = ["Dnr6", "parse_dnr6", "read_dnr6", "show_dnr6", "write_dnr6"]


class Dnr6(NamedTuple):
    """One resolver; without addresses and parameters the client finds them itself (RFC 9463 section 3.1.6)."""

    priority: int
    name: Name
    """The authentication domain name."""
    addresses: tuple[bytes, ...] = ()
    parameters: tuple[tuple[int, bytes], ...] = ()
    """Keys and values of service parameters (RFC 9460 section 2.2), the keys ascending."""


_FORM: Final = (
    "write priority, name, addresses and parameters like 100, dot.example.org., 2001:db8::1, alpn=dot port=853"
)
_ADDRESS: Final = KINDS["ipv6-address"]
_WORD: Final = KINDS["uint16"]
_TUPLE: Final = KINDS["tuple"]
_MOST: Final = 0xFFFF


# -- service parameters (RFC 9460 section 14.3.2) ----------------------------------------------------------------------


class _Parameter(NamedTuple):
    """How a service parameter's value is parsed and shown."""

    name: str
    parse: Callable[[str], bytes]
    show: Callable[[bytes], str]


def _parse_protocols(text: str) -> bytes:
    protocols = text.split(",")
    if "" in protocols:
        raise ValueError(f"a protocol without a name in alpn={text}; write names like alpn=dot\\,doq")
    return b"".join([_TUPLE.write(each.encode(), 4) for each in protocols])


def _show_protocols(value: bytes) -> str:
    cursor = Cursor(value)
    protocols = []
    while cursor.remaining:
        protocols.append(cursor.prefixed(1))
    if any(b"," in each for each in protocols):
        raise ValueError(f"{value.hex()} has a comma in a protocol's name")
    return b",".join(protocols).decode()


_HINTS: Final = (4, 6)
_KNOWN: Final = {
    1: _Parameter("alpn", _parse_protocols, _show_protocols),
    3: _Parameter(
        "port", lambda text: _WORD.write(_WORD.parse(text), 6), lambda value: str(_WORD.read(Cursor(value), 6))
    ),
    7: _Parameter("dohpath", str.encode, bytes.decode),
}
_BY_NAME: Final = {parameter.name: key for key, parameter in _KNOWN.items()}
_NUMBERED: Final = re.compile(r"key(0|[1-9][0-9]{0,4})")


def _parse_parameter(text: str) -> tuple[int, bytes]:
    name, _, value = text.partition("=")
    numbered = _NUMBERED.fullmatch(name)
    key = int(numbered[1]) if numbered else _BY_NAME.get(name, _MOST + 1)
    if key > _MOST or (numbered and key in _KNOWN):
        raise ValueError(f"{text!r} is not a service parameter; write alpn=, port=, dohpath= or such as key65280=")
    if key in _HINTS:
        raise ValueError(f"{text!r} is an address hint; give the address among the resolver's addresses")
    return key, _KNOWN[key].parse(value) if key in _KNOWN else value.encode()


def _show_parameter(key: int, value: bytes) -> str:
    known = _KNOWN.get(key)
    text = f"{known.name}={known.show(value)}" if known else f"key{key}={value.decode()}"
    if " " in text or not text.isprintable():
        raise ValueError(f"{value.hex()} is not printable")
    return text


# -- text --------------------------------------------------------------------------------------------------------------


def parse_dnr6(tokens: Sequence[str]) -> Dnr6:
    """A resolver as Kea writes it: priority, name, addresses and parameters, the latter two with blanks between.

    Raises ValueError that says what would be right.
    """
    if not 2 <= len(tokens) <= 4:
        raise ValueError(f"a resolver has 2 to 4 parts, but {len(tokens)} are given; {_FORM}")
    priority, name, addresses, parameters = [*tokens, "", ""][:4]
    if parameters and not addresses:
        raise ValueError(f"a resolver with parameters has addresses too; {_FORM}")
    pairs = tuple(sorted(map(_parse_parameter, parameters.split())))
    if len(dict(pairs)) < len(pairs):
        raise ValueError(f"a service parameter is given twice in {parameters!r}; join them like alpn=dot\\,doq")
    return Dnr6(_WORD.parse(priority), name_from_text(name), tuple(map(_ADDRESS.parse, addresses.split())), pairs)


def show_dnr6(dnr: Dnr6) -> str:
    """The text that `parse_dnr6` takes when it is split at commas. Raises ValueError for what has no text form."""
    parts = [str(dnr.priority), escape_commas(name_to_text(dnr.name))]
    if dnr.addresses:
        parts.append(" ".join(map(address_text, dnr.addresses)))
    if dnr.parameters:
        parts.append(escape_commas(" ".join([_show_parameter(key, value) for key, value in dnr.parameters])))
    return ", ".join(parts)


# -- wire --------------------------------------------------------------------------------------------------------------


def read_dnr6(payload: bytes) -> Dnr6:
    """Read option 144. Raises `Malformed`."""
    cursor = Cursor(payload)
    priority, field = cursor.uint(2), cursor.prefixed(2)
    name, end = decode_name(field)
    if end != len(field):
        raise Malformed(f"{len(field) - end} bytes after the name of a resolver")
    if not cursor.remaining:
        return Dnr6(priority, name)
    packed = cursor.prefixed(2)
    if not packed or len(packed) % 16:
        raise Malformed(f"a resolver's addresses have {len(packed)} bytes, which is not a multiple of 16")
    addresses = tuple(packed[start : start + 16] for start in range(0, len(packed), 16))
    parameters: dict[int, bytes] = {}
    while cursor.remaining:
        key, value = cursor.uint(2), cursor.prefixed(2)
        if parameters and key <= next(reversed(parameters)):
            raise Malformed(f"service parameter {key} is not in ascending order")
        parameters[key] = value
    return Dnr6(priority, name, addresses, tuple(parameters.items()))


def write_dnr6(dnr: Dnr6) -> bytes:
    """Option 144's payload. Raises ValueError for what is too long."""
    head = _WORD.write(dnr.priority, 6) + _TUPLE.write(encode_name(dnr.name), 6)
    if not dnr.addresses:
        return head
    parameters = [_WORD.write(key, 6) + _TUPLE.write(value, 6) for key, value in dnr.parameters]
    return head + _TUPLE.write(b"".join(dnr.addresses), 6) + b"".join(parameters)
