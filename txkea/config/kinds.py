"""What a keyword's value may be; each kind refuses with a `ValueError` that says what would be right."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches
from ipaddress import AddressValueError, IPv6Address
from typing import Any, Final, NamedTuple

__all__ = [
    "ANYTHING",
    "BOOLEAN",
    "FREE_MAP",
    "Each",
    "Floating",
    "In",
    "Integer",
    "Kind",
    "Parsed",
    "Text",
    "address",
    "address4",
    "address6",
    "network",
    "one_of",
    "prefix4",
    "prefix6",
    "suggestion",
    "unicast4",
]

INT32: Final = 0x7FFFFFFF

OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
ADDRESS4: Final = re.compile(rf"{OCTET}(?:\.{OCTET}){{3}}")
"""An IPv4 address; a tenth of the time of ipaddress, which counts with ten thousand subnets."""
LENGTH4: Final = re.compile(r"3[0-2]|[12]?[0-9]")
LENGTH6: Final = re.compile(r"12[0-8]|1[01][0-9]|[1-9]?[0-9]")

WORDING: Final = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    dict: "a map",
    list: "a list",
    type(None): "null",
}


def suggestion(word: str, right: list[str]) -> str:
    """`` (did you mean X?)``, or nothing where no word comes near."""
    near = get_close_matches(word.lower(), right, 1)
    return f"; did you mean {near[0]}?" if near else ""


def mistyped(value: Any, wanted: str) -> ValueError:
    return ValueError(f"{WORDING[type(value)]} cannot stand here; {wanted} would be right")


class Boolean(NamedTuple):
    """``true`` or ``false``."""

    def check(self, value: Any) -> None:
        """Raise unless it is a boolean."""
        if value is not True and value is not False:
            raise mistyped(value, "true or false")


class Integer(NamedTuple):
    """A whole number in a range."""

    lowest: int = 0
    highest: int = 0xFFFFFFFF

    def check(self, value: Any) -> None:
        """Raise unless it is one."""
        if type(value) is not int:
            raise mistyped(value, f"a whole number from {self.lowest} to {self.highest}")
        if not self.lowest <= value <= self.highest:
            raise ValueError(f"{value} is out of range; a number from {self.lowest} to {self.highest} would be right")


class Floating(NamedTuple):
    """A number with a fraction, in a range; a whole number will do."""

    lowest: float
    highest: float

    def check(self, value: Any) -> None:
        """Raise unless it is one."""
        if type(value) not in (int, float) or not math.isfinite(value):
            raise mistyped(value, f"a number from {self.lowest} to {self.highest}")
        if not self.lowest <= value <= self.highest:
            raise ValueError(f"{value} is out of range; a number from {self.lowest} to {self.highest} would be right")


class Text(NamedTuple):
    """A string, not longer than so many bytes where there is a limit."""

    longest: int = 0
    empty: bool = True

    def check(self, value: Any) -> None:
        """Raise unless it is one."""
        if type(value) is not str:
            raise mistyped(value, "a string")
        if not value and not self.empty:
            raise ValueError("the string is empty; write a name")
        if "\0" in value:
            raise ValueError("the string contains a zero byte; delete it")
        try:
            length = len(value.encode())
        except UnicodeEncodeError:
            raise ValueError("the string contains half of a surrogate pair; write the character itself") from None
        if self.longest and length > self.longest:
            raise ValueError(f"the string has {length} bytes; at most {self.longest} fit")


class Parsed(NamedTuple):
    """A string that a function understands; the function raises `ValueError`."""

    parse: Callable[[str], Any]
    empty: bool = False
    """Whether ``""`` stands for nothing."""

    def check(self, value: Any) -> None:
        """Raise unless it is one."""
        if type(value) is not str:
            raise mistyped(value, "a string")
        if value or not self.empty:
            self.parse(value)


class Each(NamedTuple):
    """A list of values of one kind."""

    kind: Kind
    shortest: int = 0


class In(NamedTuple):
    """A map with keywords of its own, by its name in the tables."""

    name: str


class Free(NamedTuple):
    """A value that somebody else understands."""

    types: tuple[type, ...]

    def check(self, value: Any) -> None:
        """Raise unless its type fits."""
        if not isinstance(value, self.types):
            raise mistyped(value, "a map")


Kind = Boolean | Integer | Floating | Text | Parsed | Each | In | Free

BOOLEAN: Final = Boolean()
FREE_MAP: Final = Free((dict,))
ANYTHING: Final = Free((object,))


def one_of(*values: str) -> Parsed:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(f'"{text}" is not one of {", ".join(values)}{suggestion(text, list(values))}')
        return text

    return Parsed(parse)


def address4(text: str) -> bytes:
    """A packed IPv4 address. Raises ValueError."""
    if not ADDRESS4.fullmatch(text):
        raise ValueError(f'"{text}" is not an IPv4 address; write it like 192.0.2.1')
    return bytes(map(int, text.split(".")))


def unicast4(text: str) -> bytes:
    """A packed IPv4 address that a server may have. Raises ValueError."""
    if text == "255.255.255.255":
        raise ValueError(f"{text} is everybody's address; give the server's, or 0.0.0.0 for none")
    return address4(text)


def address6(text: str) -> bytes:
    """A packed IPv6 address, without a zone. Raises ValueError."""
    if "%" not in text:
        with suppress(AddressValueError):
            return IPv6Address(text).packed
    raise ValueError(f'"{text}" is not an IPv6 address; write it like 2001:db8::1')


def address(text: str) -> bytes:
    """A packed address of either family. Raises ValueError."""
    try:
        return address6(text) if ":" in text else address4(text)
    except ValueError:
        raise ValueError(f'"{text}" is not an IP address; write it like 192.0.2.1 or 2001:db8::1') from None


def prefix4(text: str) -> tuple[bytes, int]:
    """Packed network address (host bits cleared) and length. Raises ValueError."""
    address_text, _, length_text = (part.strip() for part in text.partition("/"))
    if not (ADDRESS4.fullmatch(address_text) and LENGTH4.fullmatch(length_text)):
        raise ValueError(f'"{text}" is not an IPv4 prefix; write it like 192.0.2.0/24')
    length = int(length_text)
    return network(address4(address_text), length), length


def prefix6(text: str) -> tuple[bytes, int]:
    """Packed network address (host bits cleared) and length. Raises ValueError."""
    address_text, _, length_text = (part.strip() for part in text.partition("/"))
    try:
        packed = address6(address_text) if LENGTH6.fullmatch(length_text) else b""
    except ValueError:
        packed = b""
    if not packed:
        raise ValueError(f'"{text}" is not an IPv6 prefix; write it like 2001:db8::/32')
    length = int(length_text)
    return network(packed, length), length


def network(packed: bytes, length: int) -> bytes:
    """An address with the bits behind a prefix of so many bits cleared."""
    spare = len(packed) * 8 - length
    return (int.from_bytes(packed, "big") >> spare << spare).to_bytes(len(packed), "big")
