"""The functions of the expression language, on bytes (Kea D042-D048)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from txkea.errors import EvaluationError
from txkea.wire.text import address_text

__all__ = ["CONVERSIONS", "hexstring", "split", "substring"]


def substring(value: bytes, start: int, length: int | None) -> bytes:
    """What begins at ``start``, from the end if that is negative; of a negative length what stands before it."""
    size = len(value)
    if not -size <= start < size:
        return b""
    start %= size
    if length is None:
        return value[start:]
    if length < 0:
        return value[max(0, start + length) : start]
    return value[start : start + length]


def split(value: bytes, delimiters: bytes, number: int) -> bytes:
    """The field of that number, from 1; each byte of the delimiters is one, and without any there is no other field."""
    if not delimiters:
        return value
    first, others = delimiters[:1], delimiters[1:]
    if others:
        value = value.translate(bytes.maketrans(others, first * len(others)))
    fields = value.split(first)
    return fields[number - 1] if 1 <= number <= len(fields) else b""


def hexstring(value: bytes, separator: bytes) -> bytes:
    """Lower-case digits."""
    return separator.join([b"%02x" % byte for byte in value])


def integer(size: int, signed: bool) -> Callable[[bytes], bytes]:
    def show(value: bytes) -> bytes:
        if not value:
            return value
        if len(value) != size:
            raise EvaluationError(f"an integer of {size * 8} bits has {size} bytes, this has {len(value)}")
        return str(int.from_bytes(value, "big", signed=signed)).encode()

    return show


def address(value: bytes) -> bytes:
    if not value:
        return value
    if len(value) not in (4, 16):
        raise EvaluationError(f"an address has 4 or 16 bytes, this has {len(value)}")
    return address_text(value).encode()


CONVERSIONS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "lcase": bytes.lower,
    "ucase": bytes.upper,
    "addrtotext": address,
    "int8totext": integer(1, True),
    "int16totext": integer(2, True),
    "int32totext": integer(4, True),
    "uint8totext": integer(1, False),
    "uint16totext": integer(2, False),
    "uint32totext": integer(4, False),
}
"""The functions of one string; raise `EvaluationError`."""
