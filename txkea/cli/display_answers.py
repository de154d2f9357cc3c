"""How the shell shows answers: tables for what is alike, lines for the rest; nothing is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from time import time
from typing import Any

from txkea.cli.columns import Line, aligned, line
from txkea.cli.connection import Reply
from txkea.cli.display_leases import COLUMNS, cells, is_lease
from txkea.control.answer import Result

__all__ = ["lines"]

LABEL = "bold"
WRONG = "red"


def lines(replies: Sequence[Reply]) -> Iterator[Line]:
    """All answers, each below the name of its service if there are several."""
    for reply in replies:
        if reply.service:
            yield line(f"{reply.service}:", LABEL)
        yield from one(reply)


def one(reply: Reply) -> Iterator[Line]:
    """What one server answered."""
    if reply.result not in (Result.SUCCESS, Result.EMPTY):
        yield line(f"error {reply.result}: {reply.text}", WRONG)
    elif reply.text:
        yield from map(line, reply.text.splitlines())
    if reply.arguments is not None:
        yield from value(reply.arguments)
    elif not reply.text and reply.result == Result.SUCCESS:
        yield line("done")


def value(shown: Any) -> Iterator[Line]:
    """Any JSON value."""
    if is_lease(shown):
        yield from pairs(shown)
    elif isinstance(shown, Mapping) and shown and all(map(is_samples, shown.values())):
        yield from statistics(shown)
    elif isinstance(shown, Mapping):
        yield from members(shown)
    elif is_rows(shown):
        yield from rows(shown)
    elif isinstance(shown, list):
        yield from (line(cell(each)) for each in shown)
    else:
        yield line(cell(shown))


def members(shown: Mapping[str, Any]) -> Iterator[Line]:
    """What is short as names and values, then each table, then what is deep as JSON."""
    tables = {name: each for name, each in shown.items() if is_rows(each) or is_result_set(each)}
    deep = {name: each for name, each in shown.items() if name not in tables and is_deep(each)}
    yield from pairs({name: each for name, each in shown.items() if name not in tables and name not in deep})
    for name, each in tables.items():
        if len(shown) > 1:
            yield line(f"{name}:", LABEL)
        yield from result_set(each) if isinstance(each, Mapping) else rows(each)
    for name, each in deep.items():
        yield line(f"{name}:", LABEL)
        yield from map(line, json.dumps(each, indent=2, ensure_ascii=False).splitlines())


def pairs(shown: Mapping[str, Any]) -> Iterator[Line]:
    """Names and values."""
    found = [
        (name if number == 0 else "", part)
        for name, each in shown.items()
        for number, part in enumerate(cell(each).splitlines() or [""])
    ]
    return aligned(("", ""), [found] if found else [])


def rows(shown: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """Maps with members that are alike, below the names of these."""
    if all(map(is_lease, shown)):
        family, now = 6 if "duid" in shown[0] else 4, time()
        return aligned(COLUMNS[family], [[cells(each, family, now) for each in shown]])
    names = tuple(dict.fromkeys(name for each in shown for name in each))
    return aligned(names, [[[cell(each[name]) if name in each else "" for name in names] for each in shown]])


def result_set(shown: Mapping[str, Any]) -> Iterator[Line]:
    """A table as ``stat-lease4-get`` answers it."""
    header = [cell(name) for name in shown["columns"]]
    yield from aligned(header, [[[cell(each) for each in row] for row in shown["rows"]]])
    yield from pairs({name: each for name, each in shown.items() if name not in ("columns", "rows")})


def statistics(shown: Mapping[str, Any]) -> Iterator[Line]:
    """Each statistic with all its samples, the newest first as they come."""
    found = [
        (name if number == 0 else "", cell(sample[0]), cell(sample[1]))
        for name, samples in shown.items()
        for number, sample in enumerate(samples)
    ]
    return aligned(("statistic", "value", "since"), [found])


def cell(shown: Any) -> str:
    """A value in one line."""
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)


# -- what is what ------------------------------------------------------------------------------------------------------


def is_rows(shown: Any) -> bool:
    """Maps without much inside."""
    return (
        isinstance(shown, list)
        and bool(shown)
        and all(isinstance(each, Mapping) and not any(map(is_deep, each.values())) for each in shown)
    )


def is_result_set(shown: Any) -> bool:
    """Columns and rows that fit."""
    if not (isinstance(shown, Mapping) and isinstance(shown.get("columns"), list)):
        return False
    width, found = len(shown["columns"]), shown.get("rows")
    return isinstance(found, list) and all(isinstance(row, list) and len(row) == width for row in found)


def is_samples(shown: Any) -> bool:
    """A statistic: values with their times."""
    return isinstance(shown, list) and bool(shown) and all(isinstance(each, list) and len(each) == 2 for each in shown)


def is_deep(shown: Any) -> bool:
    """Whether a value has maps or lists inside those that it consists of, or maps in a list."""
    if isinstance(shown, Mapping):
        return any(isinstance(each, (Mapping, list)) and each for each in shown.values())
    return isinstance(shown, list) and any(isinstance(each, (Mapping, list)) for each in shown)
