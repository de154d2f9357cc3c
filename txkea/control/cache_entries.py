"""Entries of a cache of hosts in the words of Kea's commands and files (Kea J015, J017)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from reprlib import repr as shortened
from typing import Any, Final

from attrs import evolve

from txkea.caching import CachedHost
from txkea.config.families import Family
from txkea.control.arguments import Arguments
from txkea.control.edits import Edited
from txkea.control.reservations import built, parsed, shown
from txkea.errors import TxkeaError
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier, IdentifierKind

__all__ = ["SUBNETS", "EntryForm", "EntryList"]

SUBNETS: Final = ("subnet-id", "subnet-id4", "subnet-id6")
BLANK: Final = re.compile(r"[ \t\r\n]*")

UNUSED: Final = 0xFFFFFFFF
"""The subnet of the family that an entry is not for, since Kea 1.5; before, it was 0 (Kea J017)."""
WITH_COLONS: Final = (IdentifierKind.HW_ADDRESS, IdentifierKind.DUID)
PER_FAMILY: Final = ("client-classes", "option-data")
"""What has the number of its family behind its name."""
COMMON: Final = ("hostname", "user-context")
FIELDS: Final[Mapping[int, Sequence[str]]] = {
    4: ("ip-address", "next-server", "server-hostname", "boot-file-name"),
    6: ("ip-addresses", "prefixes", "excluded-prefixes"),
}
"""What else a reservation of each family has."""
NOTHING: Final[tuple[Any, ...]] = ([], "", "0.0.0.0")
"""What the fields of the other family may be."""
NONE4: Final[Mapping[str, Any]] = {"next-server": "0.0.0.0", "server-hostname": "", "boot-file-name": ""}
"""What Kea shows of entries of DHCPv6, too."""
OURS: Final = ("refused", "source", "sought-in")
"""What Kea has no word for."""


class EntryForm:
    """How entries of one family are shown, and read."""

    def __init__(self, daemon: Edited, family: Family) -> None:
        self._daemon = daemon
        self._family = family
        self._own, self._other = str(family.number), str(10 - family.number)
        self._kinds = {kind.keyword: kind for kind in family.identifiers}
        self._known = (
            *self._kinds,
            *COMMON,
            *FIELDS[4],
            *FIELDS[6],
            *(f"{name}{number}" for name in PER_FAMILY for number in FIELDS),
            *SUBNETS,
            *("host-id", "negative"),
            *OURS,
        )

    def shown(self, entry: CachedHost) -> Mapping[str, Any]:
        """An entry as Kea shows it."""
        host, kind = entry.host, entry.host.identifier.kind
        fields = {name: value for name, value in shown(host, self._family).items() if value != []}
        fields.pop("subnet-id")
        if kind not in WITH_COLONS:
            fields[kind.keyword] = host.identifier.value.hex().upper()
        for name in PER_FAMILY:
            fields[f"{name}{self._own}"] = fields.pop(name, [])
            fields[f"{name}{self._other}"] = []
        ours = (host.refused or None, entry.source or None, entry.sought_in)
        return {
            **NONE4,
            **fields,
            f"subnet-id{self._own}": host.subnet_id,
            f"subnet-id{self._other}": UNUSED,
            "host-id": 0,
            **({"negative": True} if entry.negative else {}),
            **{name: value for name, value in zip(OURS, ours, strict=True) if value is not None},
        }

    def read(self, entry: Any) -> CachedHost:
        """An entry of a command or a file. Raises `TxkeaError`."""
        if not isinstance(entry, dict):
            raise TxkeaError(f"an entry is a map, not {shortened(entry)}")
        given = Arguments(entry, self._known)
        subnet_id = self.subnet_id(given)
        negative, refused = (name in given and given.flag(name) for name in ("negative", "refused"))
        return CachedHost(evolve(self._host(entry), subnet_id=subnet_id, refused=refused), negative or refused)

    def _host(self, entry: Mapping[str, Any]) -> Host:
        """The reservation that it would be in the configuration, of no subnet: RADIUS may give any address."""
        own, other = (FIELDS[int(number)] for number in (self._own, self._other))
        for name in (*other, *(f"{name}{self._other}" for name in PER_FAMILY)):
            if entry.get(name, "") not in NOTHING:
                raise TxkeaError(f"{name!r} is of the other family: this server serves DHCPv{self._own}")
        names = {name: name for name in (*self._kinds, *COMMON, *own)}
        names.update({f"{name}{self._own}": name for name in PER_FAMILY})
        reservation = {name: entry[written] for written, name in names.items() if written in entry}
        return built(self._daemon.configuration, self._family, reservation)

    def subnet_id(self, given: Arguments) -> int:
        """The subnet that is named; 0 is global."""
        wanted, other = f"subnet-id{self._own}", f"subnet-id{self._other}"
        named = [name for name in ("subnet-id", wanted) if name in given]
        if len(named) == 1 and given.value(named[0]) != UNUSED:
            return given.number(named[0], 0)
        if len(named) == 2:
            raise TxkeaError(f"'subnet-id' and {wanted!r} mean the same; keep one of them")
        if other in given:
            raise TxkeaError(f"{other!r} is of the other family; this server serves DHCPv{self._own}: give {wanted!r}")
        raise TxkeaError(f"{wanted!r} is missing; 0 is for all subnets")

    def identifier(self, given: Arguments) -> Identifier | None:
        """The identifier that is named, if one is."""
        named = [name for name in self._kinds if name in given]
        if len(named) > 1:
            raise TxkeaError(f"{' and '.join(named)} are given; keep one of them")
        return parsed(self._kinds[named[0]], given.text(named[0]), named[0]) if named else None


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number that JSON knows")


DECODER: Final = json.JSONDecoder(parse_constant=_no_number)


class EntryList:
    """The entries of a file, one by one: it holds one JSON list of them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def __iter__(self) -> Iterator[Any]:
        """Each as it was written; raises `TxkeaError` where it is no such list."""
        self._take("[")
        if self._next() == "]":
            self._take("]")
        else:
            yield self._value()
            while self._next() == ",":
                self._take(",")
                yield self._value()
            self._take("]")
        if self._next():
            raise self._wrong("nothing more")

    def _next(self) -> str:
        found = BLANK.match(self._text, self._at)
        assert found is not None, "it takes nothing too"
        self._at = found.end()
        return self._text[self._at : self._at + 1]

    def _take(self, mark: str) -> None:
        if self._next() != mark:
            raise self._wrong(repr(mark))
        self._at += 1

    def _value(self) -> Any:
        self._next()
        try:
            value, self._at = DECODER.raw_decode(self._text, self._at)
        except (ValueError, RecursionError):
            raise self._wrong("an entry") from None
        return value

    def _wrong(self, wanted: str) -> TxkeaError:
        line = self._text.count("\n", 0, self._at) + 1
        return TxkeaError(f"line {line}: there should be {wanted}; the file is to be a JSON list of entries")
