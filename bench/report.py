"""The table that `make bench` prints."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from rich.table import Table

from bench.plan import Summary

__all__ = ["KEA", "ROWS", "Row", "better_kea", "table"]


KEA: Final = "kea"
"""What the names of Kea's modes begin with."""


class Row(NamedTuple):
    """A line of the table."""

    label: str
    value: Callable[[Summary], float | None]
    digits: int
    best: Callable[[list[float]], float]
    """Which of Kea's two modes is the better one."""


ROWS: Final = (
    Row("rate without drops (<0.1 %), /s", lambda s: s.clean, 0, max),
    Row("saturated rate, /s", lambda s: s.saturated, 0, max),
    Row("CPU per exchange, µs", lambda s: s.cpu, 1, min),
    Row("CPU of the database, µs", lambda s: s.database, 1, min),
    Row("delay p50, ms", lambda s: s.p50, 3, min),
    Row("delay p99, ms", lambda s: s.p99, 3, min),
    Row("drops, %", lambda s: s.drops * 100, 2, min),
    Row("peak memory, MB", lambda s: s.memory, 0, min),
    Row("CPUs busy with other things", lambda s: s.others, 2, min),
)


def better_kea(row: Row, summaries: Mapping[str, Summary]) -> float | None:
    """The value of Kea's better mode."""
    values = [row.value(summary) for name, summary in summaries.items() if name.startswith(KEA)]
    known = [value for value in values if value is not None and not math.isnan(value)]
    return row.best(known) if known else None


def table(title: str, summaries: Mapping[str, Summary]) -> Table:
    """One column per server, and txkea's ratio to Kea's better mode."""
    result = Table(title=title, title_justify="left")
    result.add_column("")
    for name in summaries:
        result.add_column(name, justify="right")
    result.add_column("txkea / better kea", justify="right")
    for row in ROWS:
        values = [row.value(summary) for summary in summaries.values()]
        if any(value is not None for value in values):
            cells = [_cell(row, summary) for summary in summaries.values()]
            result.add_row(row.label, *cells, _ratio(row, summaries))
    return result


def _cell(row: Row, summary: Summary) -> str:
    value = row.value(summary)
    if value is None:
        return ""
    mark = " *" if row.label.startswith("saturated") and summary.generator_bound else ""
    return f"{value:.{row.digits}f}{mark}"


def _ratio(row: Row, summaries: Mapping[str, Summary]) -> str:
    ours = row.value(summaries["txkea"]) if "txkea" in summaries else None
    kea = better_kea(row, summaries)
    return f"{ours / kea:.2f}" if ours is not None and kea else ""
