"""Domain names on the wire and in text (RFC 1035 section 3.1), the FQDN options (RFC 4702, RFC 4704)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeAlias

from txkea.errors import Malformed
from txkea.wire.cursor import Cursor

__all__ = [
    "FQDN_E",
    "FQDN_N",
    "FQDN_O",
    "FQDN_S",
    "Fqdn4",
    "Fqdn6",
    "Name",
    "decode_fqdn4",
    "decode_fqdn6",
    "decode_name",
    "decode_names",
    "encode_fqdn4",
    "encode_fqdn6",
    "encode_name",
    "encode_names",
    "name_from_text",
    "name_to_text",
]

Name: TypeAlias = tuple[bytes, ...]
"""The labels of a domain name without the root."""

_LABEL_MAXIMUM: Final = 63
_WIRE_MAXIMUM: Final = 255
_POINTER: Final = 0xC0
_HOPS_MAXIMUM: Final = 127
"""As many pointers in one name as it may have labels."""
_NAMES_MAXIMUM: Final = 256
"""As many names in a compressed list: pointers let 64 KB stand for far more than 64 KB."""


def _wire_length(name: Name) -> int:
    return sum(map(len, name)) + len(name) + 1


# -- text --------------------------------------------------------------------------------------------------------------


def name_from_text(text: str) -> Name:
    r"""The labels of a name in presentation format: ``\.`` and ``\DDD`` escape, a final dot is optional.

    Raises ValueError that says what is wrong; the rules hold for the wire form (hostile.md #4567).
    """
    name = tuple(_labels(text)) if text not in ("", ".") else ()
    if not text:
        raise ValueError("an empty domain name; the root is written '.'")
    for label in name:
        if not 1 <= len(label) <= _LABEL_MAXIMUM:
            raise ValueError(f"label of {len(label)} bytes in domain name {text!r}; a label has 1 to 63")
    if _wire_length(name) > _WIRE_MAXIMUM:
        raise ValueError(f"domain name of {_wire_length(name)} bytes on the wire; it has at most 255")
    return name


def _labels(text: str) -> Iterable[bytes]:
    label = bytearray()
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if character == ".":
            yield bytes(label)
            label.clear()
        elif character == "\\":
            value, position = _escaped(text, position)
            label.append(value)
        elif character.isascii():
            label.append(ord(character))
        else:
            raise ValueError(f"{character!r} in domain name {text!r} is not ASCII; write the name's xn-- form")
    if label:
        yield bytes(label)


def _escaped(text: str, position: int) -> tuple[int, int]:
    r"""The byte after a backslash at ``position``, and where to go on."""
    digits = text[position : position + 3]
    if digits[:1].isdigit():
        if len(digits) == 3 and digits.isascii() and digits.isdigit() and int(digits) <= 255:
            return int(digits), position + 3
        raise ValueError(f"'\\{digits}' in domain name {text!r}; an escaped byte is three digits up to 255")
    if not digits or not digits[0].isascii():
        raise ValueError(f"a backslash in domain name {text!r} escapes nothing")
    return ord(digits[0]), position + 1


_ESCAPES: Final = [
    f"\\{chr(byte)}" if chr(byte) in '."();@$\\' else chr(byte) if 0x21 <= byte <= 0x7E else f"\\{byte:03d}"
    for byte in range(256)
]


def name_to_text(name: Name) -> str:
    """A name in presentation format, with its final dot."""
    return ".".join(["".join([_ESCAPES[byte] for byte in label]) for label in name]) + "."


# -- wire --------------------------------------------------------------------------------------------------------------


def encode_name(name: Name) -> bytes:
    """The uncompressed wire form, root included."""
    return b"".join([bytes((len(label),)) + label for label in name]) + b"\0"


def decode_name(data: bytes, position: int = 0, compressed: bool = False) -> tuple[Name, int]:
    """The name at ``position`` and where it ends.

    A compression pointer must lead to before where the name, or the part that holds the pointer, began: hence no loop
    is followed. Raises `Malformed`.
    """
    labels: list[bytes] = []
    end = None
    barrier = position
    length = 1
    hops = 0
    try:
        while size := data[position]:
            if size > _LABEL_MAXIMUM:
                if not compressed or size < _POINTER:
                    raise Malformed(f"label length {size} in a domain name, which is at most 63")
                target = (size & 0x3F) << 8 | data[position + 1]
                hops += 1
                if target >= barrier or hops > _HOPS_MAXIMUM:
                    raise Malformed(f"compression pointer at offset {position} leads to {target}: not back, or too far")
                end = position + 2 if end is None else end
                position = barrier = target
                continue
            label = data[position + 1 : position + 1 + size]
            length += size + 1
            if len(label) != size or length > _WIRE_MAXIMUM:
                raise Malformed("domain name longer than its field or than 255 bytes")
            labels.append(label)
            position += size + 1
    except IndexError:
        raise Malformed("domain name without an end") from None
    return tuple(labels), position + 1 if end is None else end


def encode_names(names: Iterable[Name], compress: bool = False) -> bytes:
    """Names one after another; with ``compress`` each tail that stood before becomes a pointer (RFC 3397)."""
    if not compress:
        return b"".join([encode_name(name) for name in names])
    wire = bytearray()
    seen: dict[Name, int] = {}
    for name in names:
        for start in range(len(name)):
            tail = name[start:]
            if tail in seen:
                wire += (seen[tail] | _POINTER << 8).to_bytes(2, "big")
                break
            if len(wire) < 1 << 14:
                seen[tail] = len(wire)
            wire.append(len(tail[0]))
            wire += tail[0]
        else:
            wire.append(0)
    return bytes(wire)


def decode_names(data: bytes, compressed: bool = False) -> tuple[Name, ...]:
    """All names in ``data``; pointers are offsets into it. Raises `Malformed`."""
    names = []
    position = 0
    while position < len(data):
        name, position = decode_name(data, position, compressed)
        names.append(name)
        if compressed and len(names) > _NAMES_MAXIMUM:
            raise Malformed(f"more than {_NAMES_MAXIMUM} names in a compressed list")
    return tuple(names)


# -- the FQDN options --------------------------------------------------------------------------------------------------

FQDN_S: Final = 1
"""The server does (shall do) the forward update."""
FQDN_O: Final = 2
"""The server overrode the client's S."""
FQDN_E: Final = 4
"""The name is in wire form; else in ASCII."""
FQDN_N: Final = 8
"""The server does (shall do) no update at all."""


class Fqdn4(NamedTuple):
    """The payload of option 81 (RFC 4702 section 2); the flags are as the client set them, sensible or not."""

    flags: int
    name: Name
    partial: bool
    """Whether the name lacks its end: a host name to be qualified by the server."""
    rcode1: int = 255
    rcode2: int = 255

    @property
    def text(self) -> str:
        """The name in presentation format; with a final dot unless partial; ``""`` when there is none."""
        return _fqdn_text(self.name, self.partial)


def _fqdn_text(name: Name, partial: bool) -> str:
    text = name_to_text(name)
    return text[:-1] if partial else text


def decode_fqdn4(payload: bytes) -> Fqdn4:
    """Read option 81, in wire form (E=1) or ASCII (E=0). Raises `Malformed`."""
    cursor = Cursor(payload)
    flags, rcode1, rcode2 = cursor.take(3)
    field = cursor.rest()
    flags &= FQDN_S | FQDN_O | FQDN_E | FQDN_N
    name, partial = (_wire_field if flags & FQDN_E else _ascii_field)(field)
    return Fqdn4(flags, name, partial, rcode1, rcode2)


def _wire_field(field: bytes) -> tuple[Name, bool]:
    """A partial name has no root (RFC 4702 section 2.3.1, RFC 4704 section 4.2)."""
    name, end = decode_name(field + b"\0")
    if end > len(field):
        return name, True
    if field[end:].strip(b"\0"):
        raise Malformed(f"{len(field) - end} bytes after the name in a FQDN option")
    return name, False


def _ascii_field(field: bytes) -> tuple[Name, bool]:
    text = field.rstrip(b"\0")
    partial = not text.endswith(b".")
    name = tuple(text.split(b".") if partial else text[:-1].split(b"."))
    if text in (b"", b"."):
        return (), partial
    if not all(1 <= len(label) <= _LABEL_MAXIMUM for label in name) or _wire_length(name) > _WIRE_MAXIMUM:
        raise Malformed("option 81 has a label of 0 or more than 63 bytes, or a name of more than 255")
    return name, partial


def encode_fqdn4(fqdn: Fqdn4) -> bytes:
    """Option 81's payload, in the form that its flag E says."""
    if fqdn.flags & FQDN_E:
        field = encode_name(fqdn.name)
        field = field[:-1] if fqdn.partial else field
    else:
        field = b".".join(fqdn.name) + (b"" if fqdn.partial else b".")
    return bytes((fqdn.flags, fqdn.rcode1, fqdn.rcode2)) + field


class Fqdn6(NamedTuple):
    """The payload of option 39 (RFC 4704 section 4); the flags are as the client set them, sensible or not.

    ``flags`` are made of the same `FQDN_S`, `FQDN_O` and `FQDN_N` as in DHCPv4, though N is another bit on the wire.
    """

    flags: int
    name: Name
    partial: bool
    """Whether the name lacks its end: a host name to be qualified by the server."""

    @property
    def text(self) -> str:
        """The name in presentation format; with a final dot unless partial; ``""`` when there is none."""
        return _fqdn_text(self.name, self.partial)


_FQDN6_N: Final = 4


def decode_fqdn6(payload: bytes) -> Fqdn6:
    """Read option 39, whose name is never compressed. Raises `Malformed`."""
    cursor = Cursor(payload)
    flags = cursor.uint(1)
    name, partial = _wire_field(cursor.rest())
    return Fqdn6(flags & (FQDN_S | FQDN_O) | (FQDN_N if flags & _FQDN6_N else 0), name, partial)


def encode_fqdn6(fqdn: Fqdn6) -> bytes:
    """Option 39's payload."""
    flags = fqdn.flags & (FQDN_S | FQDN_O) | (_FQDN6_N if fqdn.flags & FQDN_N else 0)
    field = encode_name(fqdn.name)
    return bytes((flags,)) + (field[:-1] if fqdn.partial else field)
