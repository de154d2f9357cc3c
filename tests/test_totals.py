"""``make test`` counts honestly: what `tools/run_tests.py` makes of trial's output."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

__all__ = ["AgainTests", "RunTests", "TotalsTests"]

TOOL = Path(__file__).resolve().parent.parent / "tools" / "run_tests.py"


def tool() -> Any:
    """The tool as a module."""
    spec = spec_from_file_location("run_tests", TOOL)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["run_tests"] = module
    spec.loader.exec_module(module)
    return module


class TotalsTests(SynchronousTestCase):
    """Trial's last lines and exit status, as totals."""

    def totals(self, ran: int, summary: str, status: int) -> tuple[int, int, int]:
        """Passed, failed and skipped."""
        lines = ["tests.test_x", "", f"Ran {ran} tests in 0.1s", "", summary]
        return tuple(tool().read(lines, status))

    def test_plain_numbers(self) -> None:
        """Each kind of outcome is counted as what it is; a test that is marked todo counts as skipped."""
        self.assertEqual(self.totals(3, "PASSED (successes=3)", 0), (3, 0, 0))
        self.assertEqual(self.totals(4, "PASSED (skips=1, successes=3)", 0), (3, 0, 1))
        self.assertEqual(self.totals(4, "PASSED (expectedFailures=1, successes=3)", 0), (3, 0, 1))
        self.assertEqual(self.totals(6, "FAILED (skips=1, failures=1, errors=1, successes=3)", 1), (3, 2, 1))
        self.assertEqual(self.totals(2, "FAILED (unexpectedSuccesses=1, successes=1)", 1), (1, 1, 0))

    def test_what_does_not_add_up_has_failed(self) -> None:
        """No summary, no test, a status that the summary belies, or lost tests: one failure more."""
        self.assertEqual(tuple(tool().read(["Segmentation fault"], -11)), (0, 1, 0))
        self.assertEqual(self.totals(0, "PASSED", 0), (0, 1, 0))
        self.assertEqual(self.totals(3, "PASSED (successes=3)", 1), (3, 1, 0))
        self.assertEqual(self.totals(5, "PASSED (successes=3)", 0), (3, 1, 0))


class AgainTests(SynchronousTestCase):
    """Which tests run once more."""

    def again(self, *said: str, failed: int = 1) -> list[str]:
        """Those after this output."""
        lines = ["tests.real.test_x", "=" * 79, "[FAIL]", *said, "-" * 79, "Ran 9 tests in 1.0s"]
        found: list[str] = tool().to_try_again(lines, failed)
        return found

    def test_few(self) -> None:
        """Those that failed, also where one reason is told of several; not what is told before."""
        self.assertEqual(["tests.real.test_a.B.test_c"], self.again("late", "", "tests.real.test_a.B.test_c"))
        both = "tests.real.test_a.B.test_c", "tests.real.test_a.B.test_d"
        self.assertEqual([*both], self.again("late", "", *both, failed=2))

    def test_broken_promises(self) -> None:
        """No test that saw an address with two owners or a lease lost."""
        for said in ("I-D: 10.0.0.1 is 7's and was given to 8", "[Grant(holder=7, resource='10.0.0.1')]"):
            self.assertEqual([], self.again(said, "", "tests.real.test_a.B.test_c"))

    def test_unknown_or_many(self) -> None:
        """None if some failed that are not told by name, or if many did."""
        self.assertEqual([], self.again("late", "", "tests.real.test_a.B.test_c", failed=2))
        many = [f"tests.real.test_a.B.test_{number}" for number in range(6)]
        self.assertEqual([], self.again("late", "", *many, failed=6))


class RunTests(SynchronousTestCase):
    """The tool as a program."""

    def run_on(self, source: str, *options: str, real: bool = False) -> tuple[int, str]:
        """Exit status and last line for one module of tests."""
        status, lines = self.lines_of(source, *options, real=real)
        return status, lines[-1]

    def lines_of(self, source: str, *options: str, real: bool) -> tuple[int, list[str]]:
        """Exit status and all lines."""
        scratch = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, scratch)
        (scratch / "tools").mkdir()
        shutil.copy(TOOL, scratch / "tools")
        place = scratch / "tests" / "real"
        place.mkdir(parents=True)
        for folder in (place.parent, place):
            (folder / "__init__.py").touch()
        ((place if real else place.parent) / "test_one.py").write_text(source)
        done = subprocess.run(
            [sys.executable, str(scratch / "tools" / "run_tests.py"), *options],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout.splitlines()

    def test_success(self) -> None:
        """Tests that pass end in 0."""
        source = "from unittest import TestCase\nclass One(TestCase):\n    def test_one(self): pass\n"
        self.assertEqual(self.run_on(source), (0, "1 passed, 0 failed, 0 skipped"))

    def test_skip(self) -> None:
        """A skipped test is told, and ends in 1 only where skips are forbidden."""
        source = (
            "from unittest import TestCase, skip\n"
            "class One(TestCase):\n"
            "    def test_one(self): pass\n"
            "    @skip('needs root')\n"
            "    def test_two(self): pass\n"
        )
        self.assertEqual(self.run_on(source), (0, "1 passed, 0 failed, 1 skipped"))
        self.assertEqual(self.run_on(source, "--no-skips"), (1, "1 passed, 0 failed, 1 skipped"))

    def test_once_more(self) -> None:
        """A real test that fails at first runs again, which is told; a unit test does not."""
        source = (
            "from pathlib import Path\n"
            "from unittest import TestCase\n"
            "class One(TestCase):\n"
            "    def test_one(self):\n"
            "        been = Path(__file__).with_name('been')\n"
            "        before = been.exists()\n"
            "        been.touch()\n"
            "        self.assertTrue(before)\n"
            "    def test_two(self): pass\n"
        )
        status, lines = self.lines_of(source, real=True)
        self.assertEqual((0, "2 passed, 0 failed, 0 skipped"), (status, lines[-1]))
        self.assertIn("=== real: 1 of 1 tests passed only when tried once more", lines)
        self.assertEqual((1, "1 passed, 1 failed, 0 skipped"), self.run_on(source))
        never = source.replace("been.touch()", "pass")
        self.assertEqual((1, "1 passed, 1 failed, 0 skipped"), self.run_on(never, real=True))

    def test_import_error(self) -> None:
        """A module that cannot be imported has failed."""
        self.assertEqual(self.run_on("import nonesuch\n"), (1, "0 passed, 1 failed, 0 skipped"))

    def test_crash(self) -> None:
        """A test that takes its process down has failed."""
        source = "import os\nfrom unittest import TestCase\nclass One(TestCase):\n    def test_one(self): os._exit(0)\n"
        status, last = self.run_on(source)
        self.assertEqual(status, 1)
        self.assertRegex(last, r"^0 passed, [1-9]\d* failed, 0 skipped$")
