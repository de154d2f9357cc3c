"""The arguments of commands about leases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from txkea.control.arguments import HIGHEST_ID, Arguments
from txkea.errors import TxkeaError
from txkea.wire.fields import KINDS, hex_to_bytes

__all__ = ["LeaseArguments"]

PARTNER: Final = "ha-partner"


class LeaseArguments(Arguments):
    """A map that may hold more than is asked for: a lease that another server shows may be sent to this one.

    ``what`` says what the map consists of, for who sent none. What has a ``default`` may be left out.
    """

    def __init__(self, arguments: Any, what: str) -> None:
        if not isinstance(arguments, dict):
            raise TxkeaError(f"'arguments' is not a map; name {what}")
        super().__init__(arguments, arguments)

    @property
    def from_partner(self) -> bool:
        """Whether it is the partner of an HA pair that sends the command, as Kea's says of itself (Kea I031)."""
        return "origin" in self and self.text("origin") == PARTNER

    def text(self, name: str, default: str | None = None) -> str:
        """A text, maybe empty; octets of a client that were no UTF-8 are in it as Python has them (PEP 383)."""
        value = self.value(name) if default is None or name in self else default
        if not isinstance(value, str):
            raise TxkeaError(f"{name!r} is not a text")
        try:
            value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise TxkeaError(f"{name!r} is not a text: it has half of a surrogate pair") from None
        return value

    def number(self, name: str, lowest: int, highest: int = HIGHEST_ID, default: int | None = None) -> int:
        """A whole number within bounds."""
        return super().number(name, lowest, highest) if default is None or name in self else default

    def numbers(self, name: str) -> frozenset[int]:
        """A list of numbers."""
        values = self.list(name)
        if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            raise TxkeaError(f"{name!r} is not a list of numbers")
        return frozenset(values)

    def flag(self, name: str) -> bool:
        """True or false, which it is when left out."""
        return name in self and super().flag(name)

    def meaning(self, name: str, meanings: Mapping[str, Any], default: str = "") -> Any:
        """What one of these words stands for."""
        if not default:
            self.value(name)  # it must be there
        return meanings[self.one_of(name, meanings, default)]

    def octets(self, name: str, least: int, most: int) -> bytes:
        """Hexadecimal, of at least and at most so many bytes."""
        try:
            octets = hex_to_bytes(self.text(name))
        except ValueError:
            raise TxkeaError(f"{name!r} is not hexadecimal, such as 02:00:5e:10:00:01") from None
        if not least <= len(octets) <= most:
            raise TxkeaError(f"{name!r} has {len(octets)} bytes; it has {least} to {most}")
        return octets

    def address(self, name: str, family: int) -> bytes:
        """A packed address."""
        try:
            packed: bytes = KINDS[f"ipv{family}-address"].parse(self.text(name))
        except ValueError:
            raise TxkeaError(f"{name!r} is not an IPv{family} address") from None
        return packed

    def list(self, name: str) -> Sequence[Any]:
        """A list of anything."""
        value = self.value(name)
        if not isinstance(value, list):
            raise TxkeaError(f"{name!r} is not a list")
        return value
