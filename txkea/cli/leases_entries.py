"""What is read from files of leases, entry by entry, whatever their format."""

from __future__ import annotations

import csv
import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import TextIOWrapper
from itertools import chain
from typing import Any, BinaryIO, Final, NamedTuple

from attrs import evolve

from txkea.cli.leases_formats import COLUMNS, NUMBERS
from txkea.control.reading import members
from txkea.control.request import RequestError, parse
from txkea.control.views import VIEWS
from txkea.errors import TxkeaError
from txkea.leases.leasefile import ROWS, RowErrors, load
from txkea.leases.rows import MAX_ROW, Layout, Rows

__all__ = ["Cells", "Entry", "entries", "entries_of", "parsed", "sniffed", "whole"]

NUMBER: Final = re.compile(r"-?[0-9]{1,20}")
CHUNK: Final = 1 << 20
FLAGS: Final = ("fqdn-fwd", "fqdn-rev")
WORDS: Final = {"true": True, "false": False, "1": True, "0": False}


class Entry(NamedTuple):
    """A lease of a file: where it stands, and as commands take it; or else what is wrong with it."""

    place: int
    """The number of its line, or in a JSON list of the lease itself."""
    shown: Mapping[str, Any]
    wrong: str = ""


class Cells(NamedTuple):
    """The columns of CSV, and what the text in a cell of one of them means (raises ValueError)."""

    columns: Sequence[str]
    value: Callable[[str, str], Any]


def sniffed(start: bytes, column: str = "ip-address") -> str:
    """The format of a file that begins like this; CSV has this ``column``. Raises `TxkeaError` if it is none."""
    first = start.removeprefix(BOM_UTF8).lstrip()
    if first.startswith(b"["):
        return "json"
    if first.startswith(b"{"):
        return "jsonl"
    names = first.partition(b"\n")[0].strip().decode("utf-8", "replace").split(",")
    if names[0] == "address":
        return "kea"
    if column in names:
        return "csv"
    raise TxkeaError("it is neither CSV whose first line names its columns, nor JSON, nor a lease file of Kea")


def entries(form: str, family: int, path: str, file: BinaryIO) -> Iterator[Entry]:
    """The entries of a file in a format. Raises `TxkeaError` or `OSError` if it cannot be read any further."""
    if form == "kea":
        return from_kea(family, path)
    return entries_of(form, Cells(COLUMNS[family], value), file)


def entries_of(form: str, cells: Cells, file: BinaryIO) -> Iterator[Entry]:
    """The same of a file that has not only leases in it."""
    return READ[form](cells, file)


# -- CSV ---------------------------------------------------------------------------------------------------------------


def from_csv(cells: Cells, file: BinaryIO) -> Iterator[Entry]:
    """Rows below a header; empty cells are as good as none."""
    text = TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(text, strict=True)
    names: list[str] = []
    try:
        names = next(reader, [])
        unknown = [name for name in names if name not in cells.columns]
        if unknown:
            raise TxkeaError(f"line 1: there is no column {unknown[0]!r}; columns are {','.join(cells.columns)}")
        for row in reader:
            if row:
                yield row_entry(reader.line_num, names, row, cells)
    except csv.Error as error:
        raise TxkeaError(f"line {reader.line_num}: {error}") from None


def row_entry(place: int, names: list[str], row: list[str], cells: Cells) -> Entry:
    if len(row) != len(names):
        return Entry(place, {}, f"{len(row)} columns where the header has {len(names)}")
    shown: dict[str, Any] = {}
    for name, text in zip(names, row, strict=True):
        if text:
            try:
                shown[name] = cells.value(name, text)
            except ValueError as error:
                return Entry(place, shown, f"{name!r} {error}")
    return Entry(place, shown)


def whole(text: str) -> int:
    """A whole number. Raises ValueError."""
    if not NUMBER.fullmatch(text):
        raise ValueError("is not a whole number")
    return int(text)


def parsed(text: str) -> Any:
    """What JSON says. Raises ValueError."""
    try:
        return parse(text.encode("utf-8", "surrogateescape"))
    except RequestError as error:
        raise ValueError(f"is no JSON: {error}") from None


def value(name: str, text: str) -> Any:
    """The value of a cell. Raises ValueError."""
    if name in NUMBERS:
        return whole(text)
    if name in FLAGS:
        if text.lower() not in WORDS:
            raise ValueError("is neither true nor false")
        return WORDS[text.lower()]
    if name == "user-context":
        return parsed(text)
    return text.removeprefix("'")


# -- JSON --------------------------------------------------------------------------------------------------------------


def from_lines(cells: Cells, file: BinaryIO) -> Iterator[Entry]:
    """A map in each line."""
    place = 0
    while text := file.readline(MAX_ROW):
        place += 1
        if place == 1:
            text = text.removeprefix(BOM_UTF8)
        if text.strip():
            try:
                yield map_entry(place, json.loads(text))
            except (ValueError, RecursionError) as error:
                yield Entry(place, {}, f"it is no JSON: {error}")


def from_list(cells: Cells, file: BinaryIO) -> Iterator[Entry]:
    """The maps of one list."""
    chunks: Iterable[bytes] = iter(lambda: file.read(CHUNK), b"")
    try:
        for place, shown in enumerate(members(chunks), 1):
            yield map_entry(place, shown)
    except (ValueError, RecursionError) as error:
        raise TxkeaError(f"it is no JSON: {error}") from None


def map_entry(place: int, shown: Any) -> Entry:
    return Entry(place, shown) if isinstance(shown, dict) else Entry(place, {}, "it is no map")


READ: Final[Mapping[str, Callable[[Cells, BinaryIO], Iterator[Entry]]]] = {
    "csv": from_csv,
    "json": from_list,
    "jsonl": from_lines,
}

# -- Kea's lease file --------------------------------------------------------------------------------------------------


def from_kea(family: int, path: str) -> Iterator[Entry]:
    """The leases that a server would load, with the lines of their last rows; and the rows that it would leave out."""
    wrong: list[Entry] = []
    lines: dict[bytes, int] = {}
    leases: dict[bytes, Any] = {}

    class Noted(RowErrors):
        def add(self, path: str, line: int, reason: object) -> None:
            wrong.append(Entry(line, {}, str(reason)))

    load(path, numbered(ROWS[family], lines), leases, Noted())
    show = VIEWS[family].show
    return chain(wrong, (Entry(lines[address], show(lease)) for address, lease in leases.items()))


def numbered(rows: Rows, lines: dict[bytes, int]) -> Rows:
    """The same rows, noting in which line the last one of each address stands."""

    def reader(layout: Layout) -> Callable[[str], Any]:
        read = rows.reader(layout)
        number = 1

        def count(text: str) -> Any:
            nonlocal number
            number += 1
            lease = read(text)
            lines[lease.address] = number
            return lease

        return count

    return evolve(rows, reader=reader)
