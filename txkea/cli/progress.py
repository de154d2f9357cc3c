"""A progress bar on standard error, where that is a terminal, and what is to be said beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from txkea.logs.pattern import printable

__all__ = ["Bar", "progress"]


class Bar:
    """Nothing to be seen: standard error is no terminal."""

    def advance(self, count: int) -> None:
        """So many more are done."""

    def say(self, text: str) -> None:
        """A line on standard error."""
        click.echo(printable(text), err=True)


class Visible(Bar):
    """How far it is; ``total`` is None or a guess."""

    def __init__(self, shown: Progress, what: str, total: int | None) -> None:
        self._shown = shown
        self._total = total
        self._task = shown.add_task(what, total=total)

    def advance(self, count: int) -> None:
        """So many more; a guess that was too low grows."""
        self._shown.advance(self._task, count)
        done = int(self._shown.tasks[0].completed)
        if self._total is not None and done > self._total:
            self._total = done
            self._shown.update(self._task, total=done)

    def say(self, text: str) -> None:
        """A line that leaves the bar alone."""
        self._shown.console.print(printable(text), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Bar]:
    """Show how far something is, for as long as it takes."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Bar()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as shown:
        yield Visible(shown, what, total)
