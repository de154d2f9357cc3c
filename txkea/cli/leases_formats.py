"""Files of leases: CSV with a header, JSON in one list or a line each, and Kea's lease file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from txkea.control.copied import COPIED
from txkea.leases.leasefile import ROWS

__all__ = ["COLUMNS", "FORMATS", "NUMBERS", "Record", "csv_table", "json_lines", "json_list"]


class Record(NamedTuple):
    """A lease: as commands show it, and as it is kept if it came from a file."""

    shown: Mapping[str, Any]
    lease: Any = None


Pages = Iterable[Sequence[Record]]

COLUMNS: Final = {
    4: (
        "ip-address", "hw-address", "client-id", "subnet-id", "cltt", "valid-lft", "expire", "fqdn-fwd", "fqdn-rev",
        "hostname", "state", "pool-id", "user-context",
    ),
    6: (
        "ip-address", "type", "prefix-len", "duid", "iaid", "subnet-id", "cltt", "preferred-lft", "valid-lft", "expire",
        "fqdn-fwd", "fqdn-rev", "hostname", "hw-address", "state", "pool-id", "user-context",
    ),
}  # fmt: skip
"""The header of CSV files: the names that commands use, and ``expire``, which is the sum of two others."""
NUMBERS: Final = frozenset((
    "cltt", "expire", "iaid", "pool-id", "preferred-lft", "prefix-len", "state", "subnet-id", "valid-lft",
))  # fmt: skip
RISKY: Final = ("=", "+", "-", "@", "'", "\t", "\r")
"""How texts begin that spreadsheets take for a formula; clients choose their names."""


def expiring(shown: Mapping[str, Any]) -> Mapping[str, Any]:
    """A lease that says when it ends."""
    return {**shown, "expire": shown["cltt"] + shown["valid-lft"]}


QUOTE: Final = '"'
QUOTED: Final = re.compile(r'[",\r\n]')
"""What a cell has that stands in quotes. Python's `csv` forgets the carriage return, unless lines end with one."""

# -- writing -----------------------------------------------------------------------------------------------------------


def csv_text(family: int, pages: Pages) -> Iterator[bytes]:
    """CSV with the columns of leases."""
    return csv_table(COLUMNS[family], ([expiring(record.shown) for record in page] for page in pages))


def csv_table(names: Sequence[str], pages: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[bytes]:
    """CSV; an apostrophe before what is no formula keeps spreadsheets from thinking it is one."""
    yield ",".join(names).encode() + b"\n"
    for page in pages:
        lines = [",".join([cell(row.get(name, "")) for name in names]) + "\n" for row in page]
        yield encoded("".join(lines))


def encoded(text: str) -> bytes:
    """UTF-8, and the octets that were none as they came (PEP 383)."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def cell(value: Any) -> str:
    if isinstance(value, str):
        text = f"'{value}" if value.startswith(RISKY) else value
    else:
        text = json.dumps(value)
    return f'"{text.replace(QUOTE, QUOTE * 2)}"' if QUOTED.search(text) else text


def json_lines(family: int, pages: Pages) -> Iterator[bytes]:
    """A JSON map in each line."""
    for page in pages:
        yield b"".join([json.dumps(record.shown).encode() + b"\n" for record in page])


def json_list(family: int, pages: Pages) -> Iterator[bytes]:
    """A JSON list with a lease in each line."""
    separator = "[\n"
    for page in pages:
        if page:
            yield (separator + ",\n".join([json.dumps(record.shown) for record in page])).encode()
            separator = ",\n"
    yield b"[]\n" if separator == "[\n" else b"\n]\n"


def kea(family: int, pages: Pages, pooled: bool = False) -> Iterator[bytes]:
    """A lease file that Kea and txkea load; ``pooled`` with the pools, a column that Kea 2.2 does not know."""
    rows, copied = ROWS[family], COPIED[family]
    layout = rows.schema.wanted(pooled)
    row = rows.format(layout.width)
    yield layout.header
    for page in pages:
        yield b"".join([row(copied(record.shown) if record.lease is None else record.lease) for record in page])


FORMATS: Final[Mapping[str, Callable[[int, Pages], Iterator[bytes]]]] = {
    "csv": csv_text,
    "json": json_list,
    "jsonl": json_lines,
    "kea": kea,
    "kea-pools": partial(kea, pooled=True),
}
"""By their names: a file of leases of a family, page by page; raises `TxkeaError` for a lease that it cannot hold."""
