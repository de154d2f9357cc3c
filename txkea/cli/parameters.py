"""What the commands take on their command lines: addresses, bytes, options in Kea's spelling."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

import click

from txkea.wire.definition import OptionDefinition
from txkea.wire.definitions import Definitions
from txkea.wire.dhcp6 import Option6
from txkea.wire.ia import Resource
from txkea.wire.options import encode_hex, encode_text
from txkea.wire.standard4 import DHCP4_SPACE, STANDARD4
from txkea.wire.standard6 import DHCP6_SPACE, STANDARD6

__all__ = [
    "ADDRESS4",
    "ADDRESS6",
    "HEXADECIMAL",
    "OPTIONS4",
    "OPTIONS6",
    "OPTION_CODE6",
    "OPTION_TEXT4",
    "OPTION_TEXT6",
    "PORT",
    "RESOURCE6",
    "Options",
    "family",
    "following",
    "patience",
]

Function = TypeVar("Function", bound=Callable[..., Any])


class Options(NamedTuple):
    """The standard options of a family."""

    family: int
    definitions: Definitions
    space: str
    last: int
    """The highest code that may be sent."""

    def definition(self, name: str) -> OptionDefinition | None:
        """By name, or by code as text."""
        code = _number(name)
        if code:
            return self.definitions.by_code(self.space, code)
        return self.definitions.by_name(self.space, name)

    def code(self, name: str) -> int:
        """The code of an option that is called so, or has this code. Raises ValueError."""
        definition = self.definition(name)
        code = definition.code if definition else _number(name)
        if not code:
            raise ValueError(f"no standard option is called {name}; write CODE=0xHEX")
        if not 1 <= code <= self.last:
            raise ValueError(f"{code} is not an option code from 1 to {self.last}")
        return code


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


OPTIONS4: Final = Options(4, STANDARD4, DHCP4_SPACE, 254)
OPTIONS6: Final = Options(6, STANDARD6, DHCP6_SPACE, 65535)


class _Parsed(click.ParamType):  # type: ignore[type-arg]
    """What a function makes of a word, a ValueError or OSError being a mistake."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse it, unless it is a default."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except (OSError, ValueError) as error:
            self.fail(str(error), param, ctx)


def _address(family: int, size: str) -> Callable[[str], bytes]:
    def pack(text: str) -> bytes:
        try:
            return socket.inet_pton(family, text)
        except (OSError, ValueError):
            raise ValueError(f"{text!r} is not an {size} address") from None

    return pack


def _option(options: Options) -> Callable[[str], tuple[int, bytes]]:
    def encode(text: str) -> tuple[int, bytes]:
        name, equals, value = text.partition("=")
        try:
            if not equals:
                raise ValueError("write NAME=TEXT, CODE=TEXT or CODE=0xHEX")
            code, definition = options.code(name), options.definition(name)
            if value.startswith("0x"):
                return code, encode_hex(value[2:])
            if definition is None:
                raise ValueError(f"option {code} has no standard definition; write {code}=0xHEX")
            return code, encode_text(definition, value, options.family)
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}") from None

    return encode


def _resource(text: str) -> tuple[int, Resource]:
    address, slash, length = text.partition("/")
    packed = _address(socket.AF_INET6, "IPv6")(address)
    if not slash:
        return Option6.IA_NA, Resource(packed, 0, 0)
    if not (length.isascii() and length.isdigit() and int(length) <= 128):
        raise ValueError(f"{text!r}: a prefix is written ADDRESS/LENGTH, with a length from 0 to 128")
    return Option6.IA_PD, Resource(packed, 0, 0, int(length))


ADDRESS4: Final = _Parsed("address", _address(socket.AF_INET, "IPv4"))
"""An IPv4 address, packed."""
ADDRESS6: Final = _Parsed("address", _address(socket.AF_INET6, "IPv6"))
"""An IPv6 address, packed."""
HEXADECIMAL: Final = _Parsed("hex", encode_hex)
"""Bytes in hexadecimal, or text in single quotes, as in Kea's reservations."""
OPTION_TEXT4: Final = _Parsed("option", _option(OPTIONS4))
"""NAME=TEXT or CODE=TEXT in Kea's spelling, or either with ``=0x...``; gives code and payload."""
OPTION_TEXT6: Final = _Parsed("option", _option(OPTIONS6))
OPTION_CODE6: Final = _Parsed("option", OPTIONS6.code)
"""An option's name or code; gives the code."""
RESOURCE6: Final = _Parsed("address or prefix", _resource)
"""An address or ADDRESS/LENGTH; gives the code of the identity association that holds such, and the resource."""
PORT: Final = click.IntRange(1, 65535)


def family(function: Function) -> Function:
    """The switches that `txkea.cli.client` has looked at before."""
    for number, purpose in ((6, "Speak DHCPv6; see txkea client -6 --help."), (4, "Speak DHCPv4, the default.")):
        function = click.option(f"-{number}", f"v{number}", is_flag=True, expose_value=False, help=purpose)(function)
    return function


def patience(function: Function) -> Function:
    """The switches that say how long to wait for an answer."""
    for name, default, kind, metavar, purpose in (
        ("--tries", 5, click.IntRange(1, 100), "N", "How often to ask."),
        ("--timeout", 1.0, click.FloatRange(0.01, 60), "SECONDS", "For each try."),
    ):
        add = click.option(name, default=default, type=kind, metavar=metavar, show_default=True, help=purpose)
        function = add(function)
    return function


def following(first: bytes, number: int) -> bytes:
    """The identifier that many after the first one, as a number; of the same length."""
    if not first:
        return first
    return ((int.from_bytes(first, "big") + number) % (1 << 8 * len(first))).to_bytes(len(first), "big")
