"""The kinds of fields that options are made of (Kea C037-C041): one row each, for text and for the wire.

Addresses are packed bytes, names are text with a final dot, ``string`` is bytes because clients send what they like,
``ipv6-prefix`` is a pair of packed address and length, ``psid`` a pair of value and length.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, NamedTuple

from txkea.errors import Malformed
from txkea.wire.cursor import Cursor
from txkea.wire.names import decode_name, encode_name, name_from_text, name_to_text
from txkea.wire.text import address_text

__all__ = ["KINDS", "Kind", "escape_commas", "hex_to_bytes"]


class Kind(NamedTuple):
    """One kind of field: how it is parsed and shown as text, read and written as bytes.

    ``parse`` raises ValueError that says what would be right, ``show`` raises ValueError for what cannot be printed,
    ``read`` raises `Malformed`, ``write`` raises ValueError for a value out of range.
    """

    size: int | None
    """Bytes on the wire; None when it varies."""
    greedy: bool
    """Whether it takes all that is left, so that nothing can follow."""
    parse: Callable[[str], Any]
    show: Callable[[Any], str]
    read: Callable[[Cursor, int], Any]
    """The second argument is the family, 4 or 6."""
    write: Callable[[Any, int], bytes]


# -- hexadecimal (Kea C042) --------------------------------------------------------------------------------------------

_HEX_DIGITS: Final = re.compile(r"[0-9A-Fa-f]*")
_HEX_OCTETS: Final = {
    separator: re.compile(rf"[0-9A-Fa-f]{{1,2}}(?:{separator}[0-9A-Fa-f]{{1,2}})*") for separator in ": "
}


def hex_to_bytes(text: str) -> bytes:
    """Bytes from hexadecimal: digits with or without 0x, an odd number of them padded in front; or octets with colons
    or spaces between them. Raises ValueError.
    """
    text = text.strip()
    for separator, pattern in _HEX_OCTETS.items():
        if separator in text:
            if not pattern.fullmatch(text):
                raise ValueError(f"{text!r} is not hexadecimal; write octets of one or two digits like '0a:1b:2c'")
            return bytes(int(octet, 16) for octet in text.split(separator))
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    if not _HEX_DIGITS.fullmatch(digits):
        raise ValueError(f"{text!r} is not hexadecimal; write digits 0-9 and a-f like '0a1b2c'")
    return bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2))


# -- numbers -----------------------------------------------------------------------------------------------------------

_INTEGER: Final = re.compile(r"-?[0-9]{1,20}|0[xX][0-9A-Fa-f]{1,16}")
_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}


def _parse_integer(text: str, low: int, high: int, what: str) -> int:
    """The pattern keeps out what int() would take besides: other scripts' digits, underscores, blanks."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{text!r} is not {what}; write a decimal or 0x number from {low} to {high}")
    value = int(text, 16 if text[:2] in ("0x", "0X") else 10)
    if not low <= value <= high:
        raise ValueError(f"{text} is out of range for {what}; it is from {low} to {high}")
    return value


def _integer(size: int, signed: bool) -> Kind:
    bits = size * 8 - signed
    low, high = (-(1 << bits) if signed else 0), (1 << bits) - 1
    what = f"an {'' if signed else 'unsigned '}integer of {size * 8} bits"

    def write(value: int, family: int) -> bytes:
        if not low <= value <= high:
            raise ValueError(f"{value} is out of range for {what}; it is from {low} to {high}")
        return value.to_bytes(size, "big", signed=signed)

    return Kind(
        size,
        False,
        lambda text: _parse_integer(text, low, high, what),
        str,
        lambda cursor, family: int.from_bytes(cursor.take(size), "big", signed=signed),
        write,
    )


def _parse_boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError(f"{text!r} is not a boolean; write true, false, 1 or 0") from None


def _read_boolean(cursor: Cursor, family: int) -> bool:
    value = cursor.uint(1)
    if value > 1:
        raise Malformed(f"{value} in place of a boolean")
    return bool(value)


# -- addresses ---------------------------------------------------------------------------------------------------------


def _parse_ipv4(text: str) -> bytes:
    try:
        return IPv4Address(text).packed
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv4 address; write one like 192.0.2.1") from None


def _parse_ipv6(text: str) -> bytes:
    try:
        if "%" in text:  # ipaddress takes a zone
            raise ValueError
        return IPv6Address(text).packed
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv6 address; write one like 2001:db8::1") from None


def _address(size: int, parse: Callable[[str], bytes]) -> Kind:
    def write(value: bytes, family: int) -> bytes:
        if len(value) != size:
            raise ValueError(f"{value.hex()} is not a packed address of {size} bytes")
        return value

    return Kind(size, False, parse, address_text, lambda cursor, family: cursor.take(size), write)


def _mask(address: bytes, length: int) -> bytes:
    """The address without the bits beyond ``length``."""
    bits = len(address) * 8
    keep = (1 << bits) - (1 << bits - length)
    return (int.from_bytes(address, "big") & keep).to_bytes(len(address), "big")


def _parse_prefix(text: str) -> tuple[bytes, int]:
    prefix_text, slash, length_text = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r} is not an IPv6 prefix; write one like 2001:db8::/32")
    address = _parse_ipv6(prefix_text.strip())
    length = _parse_integer(length_text.strip(), 0, 128, "a prefix length")
    if _mask(address, length) != address:
        right = address_text(_mask(address, length))
        raise ValueError(f"{text!r} has bits set beyond its length; write {right}/{length}")
    return address, length


def _read_prefix(cursor: Cursor, family: int) -> tuple[bytes, int]:
    """A length byte and as many address bytes as it needs (RFC 7598 section 4)."""
    length = cursor.uint(1)
    if length > 128:
        raise Malformed(f"prefix length {length}, which is at most 128")
    return _mask(cursor.take((length + 7) // 8).ljust(16, b"\0"), length), length


def _write_prefix(value: tuple[bytes, int], family: int) -> bytes:
    address, length = value
    if len(address) != 16 or not 0 <= length <= 128 or _mask(address, length) != address:
        raise ValueError(f"{address.hex()}/{length} is not an IPv6 prefix")
    return bytes((length,)) + address[: (length + 7) // 8]


def _parse_psid(text: str) -> tuple[int, int]:
    value_text, slash, length_text = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r} is not a PSID; write value and length like 3/4")
    length = _parse_integer(length_text.strip(), 0, 16, "a PSID length")
    return _parse_integer(value_text.strip(), 0, (1 << length) - 1, f"a PSID of {length} bits"), length


def _read_psid(cursor: Cursor, family: int) -> tuple[int, int]:
    """A length byte, and the value at the left of 16 bits (RFC 7598 section 4.5)."""
    length = cursor.uint(1)
    if length > 16:
        raise Malformed(f"PSID length {length}, which is at most 16")
    return cursor.uint(2) >> 16 - length, length


def _write_psid(value: tuple[int, int], family: int) -> bytes:
    psid, length = value
    if not 0 <= length <= 16 or not 0 <= psid < 1 << length:
        raise ValueError(f"{psid}/{length} is not a PSID")
    return bytes((length,)) + (psid << 16 - length).to_bytes(2, "big")


# -- text and bytes ----------------------------------------------------------------------------------------------------


def escape_commas(text: str) -> str:
    """The text of one field as it stands in a comma-separated list (Kea C040)."""
    return text.replace(",", "\\,")


def _show_string(value: bytes) -> str:
    text = value.decode()
    if not text.isprintable():
        raise ValueError(f"{value.hex()} is not printable")
    return escape_commas(text)


def _tuple_width(family: int) -> int:
    """The bytes of a tuple's length (Kea C040)."""
    return 1 if family == 4 else 2


def _write_tuple(value: bytes, family: int) -> bytes:
    width = _tuple_width(family)
    if len(value) >= 1 << 8 * width:
        raise ValueError(f"{len(value)} bytes are too many for a tuple, which has at most {(1 << 8 * width) - 1}")
    return len(value).to_bytes(width, "big") + value


def _read_name(cursor: Cursor, family: int) -> str:
    labels = bytearray()
    while size := cursor.uint(1):
        labels += bytes((size,)) + cursor.take(size)
    return name_to_text(decode_name(bytes(labels) + b"\0")[0])


def _no_data(text: str) -> bytes:
    if text:
        raise ValueError(f"{text!r} is given to an option that carries no data of its own; leave the data out")
    return b""


def _bytes(value: bytes, family: int) -> bytes:
    return value


def _rest(cursor: Cursor, family: int) -> bytes:
    return cursor.rest()


KINDS: Final[dict[str, Kind]] = {
    "empty": Kind(0, False, _no_data, bytes.hex, lambda cursor, family: b"", _bytes),
    "binary": Kind(None, True, hex_to_bytes, bytes.hex, _rest, _bytes),
    "boolean": Kind(
        1,
        False,
        _parse_boolean,
        lambda value: "true" if value else "false",
        _read_boolean,
        lambda value, family: b"\1" if value else b"\0",
    ),
    "int8": _integer(1, True),
    "int16": _integer(2, True),
    "int32": _integer(4, True),
    "uint8": _integer(1, False),
    "uint16": _integer(2, False),
    "uint32": _integer(4, False),
    "ipv4-address": _address(4, _parse_ipv4),
    "ipv6-address": _address(16, _parse_ipv6),
    "ipv6-prefix": Kind(
        None, False, _parse_prefix, lambda value: f"{address_text(value[0])}/{value[1]}", _read_prefix, _write_prefix
    ),
    "psid": Kind(3, False, _parse_psid, lambda value: f"{value[0]}/{value[1]}", _read_psid, _write_psid),
    # A trailing NUL is not part of the text (RFC 2132 section 2).
    "string": Kind(None, True, str.encode, _show_string, lambda cursor, family: cursor.rest().rstrip(b"\0"), _bytes),
    "tuple": Kind(
        None,
        False,
        str.encode,
        _show_string,
        lambda cursor, family: cursor.prefixed(_tuple_width(family)),
        _write_tuple,
    ),
    "fqdn": Kind(
        None,
        False,
        lambda text: name_to_text(name_from_text(text)),
        escape_commas,
        _read_name,
        lambda value, family: encode_name(name_from_text(value)),
    ),
}
"""Every kind of field by Kea's name; ``record`` is several fields, ``internal`` a syntax of the option's own, for both
of which see `txkea.wire.options`.
"""
