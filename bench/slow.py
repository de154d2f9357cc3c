"""What becomes of clients who need not wait for RADIUS, or for a database, while that is slow or does not answer."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from bench.plot import Panel, plot
from bench.scenarios import SERVER4
from bench.servers import Track
from tests.real.paced import Exchange, Paced, Window, medians
from tests.real.servers import KEA4, TXKEA4, Product
from tests.real.slowed import GROUPS, Radius, Slowed, Sql, groups, prepare, relays

__all__ = ["LINES", "PICTURE", "SLOW", "Phase", "bench", "in_phases"]

SLOW: Final = "slow-radius"
PICTURE: Final = Path(__file__).resolve().parents[1] / "doc" / "operator" / "slow-radius.svg"
"""The plot in the manual."""
RATE, NEW = 100, 10
"""Exchanges per second of each group that need not wait; and of new clients."""
KNOWN: Final = 200
FULL, QUICK = 15.0, 5.0
"""Seconds of each phase."""
PARTS: Final = 3
"""Of each phase; the figures are medians of them, for other programs on the machine have their moments."""
AFTER: Final = 6.0
"""Seconds in which those who wait may still get their lease."""
MULTI: Final = {"multi_threading": {"enable-multi-threading": True}}
ONE: Final = {"multi_threading": {"enable-multi-threading": False}}


class Phase(NamedTuple):
    """A stretch of time in which what is asked behaves in one way."""

    words: str
    delay: float = 0.0
    """Seconds."""
    silent: bool = False


PHASES: Final = (
    Phase("quiet"),
    Phase("200 ms later", 0.2),
    Phase("500 ms later", 0.5),
    Phase("no answer", silent=True),
    Phase("back"),
)


class Line(NamedTuple):
    """A server, and what it asks."""

    product: Product
    slowed: Callable[..., Slowed]
    words: str
    configuration: dict[str, Any]


LINES: Final = {
    "txkea": Line(TXKEA4, Radius, "txkea, RADIUS", {}),
    "txkea-postgresql": Line(TXKEA4, Sql, "txkea, reservations in PostgreSQL behind the host cache", {}),
    "kea": Line(KEA4, Sql, "Kea 2.2.0, reservations in PostgreSQL", ONE),
    "kea-mt": Line(KEA4, Sql, "Kea 2.2.0, multi-threaded, reservations in PostgreSQL", MULTI),
}
"""By the names of servers; Debian's Kea has no library for RADIUS."""


class Course(NamedTuple):
    """What happened: all exchanges, and when each phase began; the end of the last stands behind them."""

    exchanges: list[Exchange]
    marks: list[float]

    def windows(self, group: str) -> list[Window]:
        """Those of a group, phase by phase."""
        return [
            medians(self.exchanges, group, _parts(begin, end))
            for begin, end in zip(self.marks, self.marks[1:], strict=False)
        ]


def _parts(begin: float, end: float) -> list[tuple[float, float]]:
    step = (end - begin) / PARTS
    return [(begin + number * step, begin + (number + 1) * step) for number in range(PARTS)]


def in_phases(paced: Paced, slowed: Slowed, phases: Sequence[Phase], seconds: float, warm: float) -> Course:
    """Go through the phases, after a while that is not counted; the clients end with it."""
    time.sleep(warm)
    marks = []
    for phase in phases:
        slowed.delay(phase.delay)
        slowed.silence(phase.silent)
        marks.append(time.time())
        time.sleep(seconds)
    marks.append(time.time())
    time.sleep(AFTER)
    return Course(paced.end(), marks)


def bench(
    names: Sequence[str], quick: bool, rate: int | None, directory: Path | None, picture: Path | None, console: Console
) -> dict[str, Any]:
    """All servers of these names, or all, one after the other: tables, the plot, and all that was measured."""
    courses: dict[str, Course] = {}
    seconds = QUICK if quick else FULL
    with tempfile.TemporaryDirectory(dir=directory) as scratch, Track(Path(scratch)) as track:
        relays(track.client)
        for name in names or LINES:
            with console.status(f"{LINES[name].words}: {len(PHASES) * seconds:.0f} s"):
                courses[name] = _course(track, LINES[name], rate or RATE, seconds)
            console.print(_table(LINES[name].words, courses[name]))
    console.print(
        f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; {rate or RATE} exchanges/s of known clients, as many of"
        f" others, {NEW}/s of new ones; a lease is DISCOVER, OFFER, REQUEST, ACK; who got none waited for ever"
    )
    if picture or not quick:
        path = picture or PICTURE
        path.write_text(
            plot([_panel(name, course) for name, course in courses.items()], [each.words for each in PHASES])
        )
        console.print(f"the plot is {path}")
    return {name: _as_json(course) for name, course in courses.items()}


def _course(track: Track, line: Line, rate: int, seconds: float) -> Course:
    with _slowed(line, track) as slowed:
        directory = Path(tempfile.mkdtemp(prefix="slow-", dir=track.directory))
        server = prepare(line.product, slowed, directory, track.server, **line.configuration)
        server.start()
        with closing(server), closing(Paced(track.client, SERVER4, groups(KNOWN, rate, NEW))) as paced:
            course = in_phases(paced, slowed, PHASES, seconds, 2 + KNOWN / rate)
            server.check()
            return course


@contextmanager
def _slowed(line: Line, track: Track) -> Iterator[Slowed]:
    with closing(line.slowed(track.server, KNOWN)) as slowed:
        yield slowed


def _table(title: str, course: Course) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("phase", "clients", "p50, ms", "p99, ms", "of quiet", "served/s", "of quiet"):
        table.add_column(column, justify="left" if column in ("phase", "clients") else "right")
    windows = {group: course.windows(group) for group in GROUPS}
    for number, phase in enumerate(PHASES):
        for group, found in windows.items():
            table.add_row(phase.words if group == GROUPS[0] else "", group, *_cells(found[number], found[0]))
    return table


def _cells(now: Window, quiet: Window) -> list[str]:
    return [
        f"{now.p50 * 1000:.1f}",
        f"{now.p99 * 1000:.1f}",
        f"{now.p99 / quiet.p99:.2f}",
        f"{now.per_second:.0f}",
        f"{now.per_second / quiet.per_second:.0%}" if quiet.per_second else "",
    ]


def _panel(name: str, course: Course) -> Panel:
    return Panel(LINES[name].words, course.exchanges, course.marks)


def _as_json(course: Course) -> dict[str, Any]:
    return {
        "marks": course.marks,
        "windows": {group: [each._asdict() for each in course.windows(group)] for group in GROUPS},
        "exchanges": json.loads(json.dumps(course.exchanges)),
    }
