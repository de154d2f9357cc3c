"""Tables of option definitions, and the way to look one up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from txkea.wire.definition import OptionDefinition

__all__ = ["Definitions", "Row", "define"]

Row: TypeAlias = "tuple[int, str, str] | tuple[int, str, str, str]"
"""Code, name, type, and the space it encapsulates. A type with commas is a record, one that ends in ``[]`` an array (of
a record the last field repeats): ``uint16[]``, ``boolean, ipv4-address[]``.
"""


def define(space: str, rows: Iterable[Row]) -> Iterator[OptionDefinition]:
    """The definitions that the rows of one option space stand for."""
    for code, name, kind, *encapsulates in rows:
        fields = tuple(kind.removesuffix("[]").split(", "))
        record = len(fields) > 1
        yield OptionDefinition(
            code=code,
            name=name,
            space=space,
            kind="record" if record else fields[0],
            fields=fields if record else (),
            array=kind.endswith("[]"),
            encapsulates=encapsulates[0] if encapsulates else "",
        )


class Definitions:
    """Option definitions by code and by name; names are case sensitive (Kea C051)."""

    def __init__(self, definitions: Iterable[OptionDefinition] = ()) -> None:
        self._by_code: dict[tuple[str, int], OptionDefinition] = {}
        for definition in definitions:
            self._by_code[definition.space, definition.code] = definition
        self._by_name = {(each.space, each.name): each for each in self._by_code.values()}
        self.spaces = frozenset(space for space, _ in self._by_code)

    def by_code(self, space: str, code: int) -> OptionDefinition | None:
        """The definition of a code, or None."""
        return self._by_code.get((space, code))

    def by_name(self, space: str, name: str) -> OptionDefinition | None:
        """The definition of a name, or None."""
        return self._by_name.get((space, name))

    def extended(self, extra: Iterable[OptionDefinition]) -> Definitions:
        """These and ``extra``, which replaces what has the same space and code (option 43 of last resort: Kea C046).

        By its own name what is replaced can still be found, as in Kea.
        """
        more, found = Definitions(extra), Definitions()
        found._by_code = {**self._by_code, **more._by_code}
        found._by_name = {**self._by_name, **more._by_name}
        found.spaces = self.spaces | more.spaces
        return found

    def __iter__(self) -> Iterator[OptionDefinition]:
        return iter(self._by_code.values())

    def __len__(self) -> int:
        return len(self._by_code)
