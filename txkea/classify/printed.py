"""Options as Kea prints them: what ``.text`` of an option is (Kea D032)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from txkea.errors import Malformed
from txkea.wire.definition import OptionDefinition
from txkea.wire.fields import KINDS
from txkea.wire.options import read

__all__ = ["printed"]

ADDRESSES: Final = ("ipv4-address", "ipv6-address")
INTEGERS: Final = ("int8", "int16", "int32", "uint8", "uint16", "uint32")
OPAQUE: Final = ("empty", "binary", "internal")


def printed(code: int, definition: OptionDefinition | None, family: int) -> Callable[[bytes | None], bytes]:
    """Prints payloads of an option that is no string: code, length, and its values with their types.

    Of None, that there is no option, it prints nothing; what is not as the definition says, in hexadecimal.
    """
    form = form_of(definition)
    width = 3 if family == 4 else 5
    head = f"type={code:0{width}}, len="

    def show(payload: bytes | None) -> bytes:
        if payload is None:
            return b""
        try:
            values = None if form is None or definition is None else read(definition, payload, family)
        except (Malformed, ValueError):
            values = None
        if values is None or form is None:
            text = payload.hex(":")
        else:
            text = " ".join([form(position, value) for position, value in enumerate(values)])
        return f"{head}{len(payload):0{width}}: {text}".encode()

    return show


def form_of(definition: OptionDefinition | None) -> Callable[[int, Any], str] | None:
    """Prints the value of the field at a position; None for what has no fields."""
    if definition is None or definition.kind in OPAQUE:
        return None
    kind = definition.kind
    if definition.array and kind in ADDRESSES:
        return lambda position, value: KINDS[kind].show(value)
    if definition.array and kind in INTEGERS:
        return lambda position, value: f"{value}({kind})"
    names = definition.fields or (kind,)
    return lambda position, value: field(names[min(position, len(names) - 1)], value)


def field(kind: str, value: Any) -> str:
    """One field of any option, and its type."""
    if kind == "binary":
        text = value.hex().upper()
    elif kind in ("string", "tuple"):
        text = f'"{value.decode(errors="replace")}"'
    elif kind == "fqdn":
        text = f'"{value}"'
    elif kind == "psid":
        text = f"len={value[1]},psid={value[0]}"
    else:
        text = KINDS[kind].show(value)
    return f"{text} ({kind})"
