"""The example package of the tutorial, as its readers have it: built and installed, apart from this tree."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.programs import output

__all__ = ["ExampleTests", "install_example"]

ROOT: Final = Path(__file__).resolve().parent.parent
EXAMPLE: Final = ROOT / "examples" / "txkea-example"
MADE: Final = ("build", "*.egg-info", "__pycache__")
MOMENT: Final = 0.1
"""Seconds that half of its tests take at most, on a busy machine."""
FIELDS: Final = """
from txkea.config.load import configuration
from txkea.config.text import load
from txkea.testing.serving import hooks
print(*sorted(hooks(configuration(load("kea-dhcp4.conf"), 4))))
"""


def install_example(scratch: Path) -> Path:
    """Build the example and install it into a directory of its own, from what is on this machine; gives that."""
    source, target = scratch / "source", scratch / "installed"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns(*MADE))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    output(*pip, "--no-index", "--no-deps", "--no-build-isolation", "--target", target, source, cwd=scratch)
    return target


def paths(target: Path) -> list[Path | str]:
    """Where Python finds the installed example, this tree, and what it needs."""
    return [target, ROOT, *filter(None, [os.environ.get("PYTHONPATH")])]


class ExampleTests(SynchronousTestCase):
    """A reader who does what the tutorial says."""

    def setUp(self) -> None:
        self.scratch = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.scratch)

    def test_installed(self) -> None:
        """It can be installed; its own tests pass there, in moments, and its configuration finds it by name."""
        target = install_example(self.scratch)
        self.assertFalse((target / "txkea").exists())
        trial = "from twisted.scripts.trial import run; run()"  # -m twisted.trial needs setuptools with an old Twisted
        told = output(
            sys.executable, "-c", trial, "--reporter=timing", "txkea_example", cwd=self.scratch, paths=paths(target)
        )
        passed = re.search(r"(?m)^PASSED \(successes=(\d+)\)$", told)
        assert passed is not None, told
        self.assertGreaterEqual(int(passed[1]), 20)
        took = [float(seconds) for seconds in re.findall(r"\((\d+\.\d+) secs\)", told)]
        self.assertEqual(len(took), int(passed[1]), told)
        self.assertLess(sorted(took)[len(took) // 2], MOMENT, told)
        fields = output(sys.executable, "-c", FIELDS, cwd=self.scratch / "source", paths=paths(target))
        self.assertEqual(fields.split(), ["arrived", "commands", "host_sources", "running"])
