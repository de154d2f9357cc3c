"""Tables and lines on a terminal: nothing is cut off, nothing in them can act on it, and a page suffices to begin."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import TextIOWrapper
from typing import Final, NamedTuple

from rich.console import Console
from rich.text import Text

from txkea.logs.pattern import printable

__all__ = ["Line", "aligned", "line", "show"]

GAP: Final = "  "
HEADER: Final = "bold"


class Line(NamedTuple):
    """A line of output, and its style where there are colours."""

    text: str
    style: str = ""


def line(text: str, style: str = "") -> Line:
    """A line of text that came from elsewhere."""
    return Line(printable(text), style)


def aligned(
    header: Sequence[str], pages: Iterable[Sequence[Sequence[str]]], least: Mapping[str, int] | None = None
) -> Iterator[Line]:
    """Rows below their header, in columns as wide as those of the first page need; longer cells move what follows.

    The header is left out if all of it is empty. ``least`` are the widths of some columns for what may come later.
    """
    widths: list[int] = []
    for page in pages:
        cells = [[printable(cell) for cell in row] for row in page]
        if not widths:
            columns = zip(header, *cells, strict=True)
            widths = [max((least or {}).get(column[0], 0), *map(len, column), 0) for column in columns]
            if any(header):
                yield Line(_row([printable(name) for name in header], widths), HEADER)
        for row in cells:
            yield Line(_row(row, widths))


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join([cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]).rstrip()


def show(lines: Iterable[Line]) -> None:
    """Print lines; with colours on a terminal, and as they are elsewhere."""
    stream = sys.stdout
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    console = Console(file=stream, highlight=False)
    for each in lines:
        if each.style and console.is_terminal:
            console.print(Text(each.text, each.style), soft_wrap=True)
        else:
            stream.write(f"{each.text}\n")
    stream.flush()
