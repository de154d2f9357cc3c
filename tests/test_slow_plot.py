"""What is told of clients at a steady pace: windows of time, and the plot of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from bench.plot import HEIGHT, WIDTH, Panel, plot
from tests.real.paced import NEVER, Exchange, medians, window
from tests.real.slowed import GROUPS, KNOWN, NEW

SVG = "{http://www.w3.org/2000/svg}"


def exchanges(group: str, seconds: int, took: float) -> Iterator[Exchange]:
    """A hundred a second, each with its lease after ``took``."""
    return (Exchange(group, number, number / 100, took / 2, took) for number in range(seconds * 100))


class WindowTests(SynchronousTestCase):
    """Figures of a stretch of time."""

    def test_served(self) -> None:
        """A window has the exchanges of its group that began in it, and tells how many were served per second."""
        found = [*exchanges(KNOWN, 4, 0.002), *exchanges(NEW, 4, 0.5)]
        told = window(found, KNOWN, 1, 3)
        self.assertEqual((200, 200, 100.0, 0.002, 0.002, 1.0), (*told, told.share))

    def test_never(self) -> None:
        """Who got nothing waited for ever: more than one in a hundred of them is seen in the 99th percentile."""
        served = [*exchanges(KNOWN, 1, 0.002)]
        some = [each._replace(took=NEVER) if each.client < 2 else each for each in served]
        self.assertEqual((98, NEVER), (window(some, KNOWN, 0, 1).served, window(some, KNOWN, 0, 1).p99))

    def test_nobody(self) -> None:
        """Of nobody nothing was served."""
        self.assertEqual((0, 0.0), (window([], KNOWN, 0, 1).served, window([], KNOWN, 0, 1).share))

    def test_burst(self) -> None:
        """A burst in one of three stretches does not count."""
        found = [each._replace(took=1.0) if each.began < 1 else each for each in exchanges(KNOWN, 3, 0.002)]
        self.assertEqual(0.002, medians(found, KNOWN, [(0, 1), (1, 2), (2, 3)]).p99)


class PlotTests(SynchronousTestCase):
    """The picture."""

    def test_lines(self) -> None:
        """Each server has a panel with the names of the phases and two lines for each group, all of it within."""
        some = [each for group in GROUPS for each in exchanges(group, 4, 0.002)]
        late = [each._replace(took=NEVER) for each in some]
        texts = plot([Panel("one & all", some, [0, 2, 4]), Panel("two", late, [0, 2, 4])], ["quiet", "slow"])
        panels = ElementTree.fromstring(texts).findall(f"{SVG}g")
        self.assertEqual(2, len(panels))
        for panel, down in zip(panels, ((HEIGHT / 2, HEIGHT), (0, 0)), strict=True):
            words = [each.text for each in panel.findall(f"{SVG}text")]
            self.assertTrue({"quiet", "slow", "never"} <= {*words}, words)
            lines = [each.get("points", "") for each in panel.findall(f"{SVG}polyline")]
            self.assertEqual(2 * len(GROUPS), len(lines))
            for line in lines:
                points = [(float(x), float(y)) for x, y in re.findall(r"([\d.]+),([\d.]+)", line)]
                self.assertEqual(8, len(points))  # one for each half second
                self.assertTrue(all(0 <= x <= WIDTH and down[0] <= y <= down[1] for x, y in points), points)
