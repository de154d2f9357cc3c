"""How long leases take over time, as an SVG: a panel for each server, a line for each group of clients."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

from tests.real.paced import Exchange, window
from tests.real.slowed import KNOWN, NEW, OTHERS

__all__ = ["Panel", "plot"]

WIDTH, HEIGHT, GAP, LEFT, TOP, RIGHT = 820, 170, 44, 70, 64, 16
"""Pixels: of a panel, between panels, and around them."""
LETTER: Final = 6.6
LEAST, MOST = 0.0003, 30.0
"""Seconds at the bottom and at the top; what never came is at the top."""
TICKS: Final = {0.001: "1 ms", 0.01: "10 ms", 0.1: "100 ms", 1.0: "1 s", 10.0: "10 s"}
STEP: Final = 0.5
"""Seconds that a point of a line stands for."""
COLOURS: Final = {NEW: "#c8791e", OTHERS: "#2f7d4f", KNOWN: "#2458a6"}
"""In the order in which they are drawn: what counts lies on top."""
WORDS: Final = {
    KNOWN: "clients that were asked about before",
    OTHERS: "clients of a subnet about which nobody is asked",
    NEW: "new clients, which must wait",
}
STYLE: Final = (
    "text{font:12px sans-serif;fill:#222}.t{font-weight:bold}.e{text-anchor:end}.m{text-anchor:middle}"
    ".g{stroke:#ccc;stroke-width:1}polyline{fill:none;stroke-width:1.8}.p{stroke-dasharray:2 2;stroke-width:1}"
)


class Panel(NamedTuple):
    """What happened to one server."""

    title: str
    exchanges: Sequence[Exchange]
    marks: Sequence[float]
    """When each phase began, and when the last one ended."""


def plot(panels: Sequence[Panel], phases: Sequence[str]) -> str:
    """The text of the SVG."""
    width, height = LEFT + WIDTH + RIGHT, TOP + len(panels) * (HEIGHT + GAP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *_legend(),
    ]
    for number, panel in enumerate(panels):
        lines += [f'<g transform="translate({LEFT} {TOP + number * (HEIGHT + GAP)})">', *_panel(panel, phases), "</g>"]
    return "\n".join([*lines, "</svg>", ""])


def _legend() -> Iterator[str]:
    yield _text(LEFT, 18, "Time from the first DISCOVER to the ACK: median (full line) and 99th percentile (dashed)")
    x = float(LEFT)
    for group, words in WORDS.items():
        yield f'<rect x="{x:.0f}" y="29" width="18" height="4" fill="{COLOURS[group]}"/>'
        yield _text(x + 24, 35, words)
        x += 40 + len(words) * LETTER


def _panel(panel: Panel, phases: Sequence[str]) -> Iterator[str]:
    start, end = panel.marks[0], panel.marks[-1]
    across = WIDTH / (end - start)
    yield _text(0, -6, panel.title, "t")
    for number, (begin, after, words) in enumerate(zip(panel.marks, panel.marks[1:], phases, strict=False)):
        x, width = (begin - start) * across, (after - begin) * across
        fill = "#f3f3f3" if number % 2 else "#fafafa"
        yield f'<rect x="{x:.1f}" y="0" width="{width:.1f}" height="{HEIGHT}" fill="{fill}"/>'
        yield _text(x + width / 2, HEIGHT + 15, words, "m")
    for seconds, words in TICKS.items():
        yield f'<line class="g" x1="0" x2="{WIDTH}" y1="{_down(seconds):.1f}" y2="{_down(seconds):.1f}"/>'
        yield _text(-6, _down(seconds) + 4, words, "e")
    yield _text(-6, 4, "never", "e")
    for group, colour in COLOURS.items():
        yield from _lines(panel, group, colour, across)


def _lines(panel: Panel, group: str, colour: str, across: float) -> Iterator[str]:
    start, end = panel.marks[0], panel.marks[-1]
    mine = [each for each in panel.exchanges if each.group == group]
    windows = [
        (begin + STEP / 2, window(mine, group, start + begin, start + begin + STEP))
        for begin in (STEP * number for number in range(int((end - start) / STEP)))
    ]
    for kind, values in (("m", [each.p50 for _, each in windows]), ("p", [each.p99 for _, each in windows])):
        points = " ".join(
            f"{when * across:.1f},{_down(value):.1f}"
            for (when, _), value in zip(windows, values, strict=True)
            if not math.isnan(value)
        )
        yield f'<polyline class="{kind}" stroke="{colour}" points="{points}"/>'


def _down(seconds: float) -> float:
    """Pixels from the top of a panel."""
    part = math.log(min(max(seconds, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return HEIGHT * (1 - part)


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}">{escape(words)}</text>'
