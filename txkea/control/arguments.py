"""What a command was given, read with care."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from txkea.errors import TxkeaError

__all__ = ["HIGHEST_ID", "AnyArguments", "Arguments"]

HIGHEST_ID: Final = (1 << 32) - 2
"""Of a subnet."""


class Arguments:
    """The arguments of a command; each method raises `TxkeaError` for what is wrong, and names it.

    What is not ``known`` is refused: a mistyped name would otherwise do something else than it says.
    """

    def __init__(self, given: Any, known: Collection[str]) -> None:
        if given is not None and not isinstance(given, dict):
            raise TxkeaError("'arguments' is not a map")
        self._given: Mapping[str, Any] = given or {}
        unknown = sorted(self._given.keys() - set(known))
        if unknown:
            others = f"known are {', '.join(sorted(known))}" if known else "this command takes none"
            raise TxkeaError(f"there is no argument {unknown[0]!r}; {others}")

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def value(self, name: str) -> Any:
        """A value of any kind."""
        if name not in self._given:
            raise TxkeaError(f"{name!r} is missing")
        return self._given[name]

    def text(self, name: str) -> str:
        """A text that is not empty."""
        value = self.value(name)
        if not isinstance(value, str) or not value:
            raise TxkeaError(f"{name!r} is not a text")
        return value

    def number(self, name: str, lowest: int, highest: int = HIGHEST_ID) -> int:
        """A whole number within bounds."""
        value = self.value(name)
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise TxkeaError(f"{name!r} is not a whole number from {lowest} to {highest}")
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self.value(name)
        if not isinstance(value, bool):
            raise TxkeaError(f"{name!r} is neither true nor false")
        return value

    def one_of(self, name: str, words: Collection[str], default: str) -> str:
        """One of a few words."""
        value = self._given.get(name, default)
        if not isinstance(value, str) or value not in words:
            raise TxkeaError(f"{name!r} is not one of {', '.join(words)}")
        return value

    def map(self, name: str) -> Mapping[str, Any]:
        """A map."""
        value = self.value(name)
        if not isinstance(value, dict):
            raise TxkeaError(f"{name!r} is not a map")
        return value

    def only(self, *names: str) -> Mapping[str, Any]:
        """The one map of the list that has one of these names."""
        name = next((each for each in names if each in self._given), names[0])
        value = self.value(name)
        if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], dict):
            raise TxkeaError(f"{name!r} is not a list of exactly one map")
        member: Mapping[str, Any] = value[0]
        return member


class AnyArguments(Arguments):
    """The same, but what is not asked for does no harm: so are Kea's commands that only look."""

    def __init__(self, given: Any) -> None:
        super().__init__(given, given if isinstance(given, dict) else ())
