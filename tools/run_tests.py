"""Run the tests with trial, phase after phase, and close with ``N passed, N failed, N skipped``.

``unit`` are the modules of ``tests/``, which share nothing and run in parallel; ``real`` are those of ``tests.real``,
with real servers, of which each process starts its own, so that two of them run at a time; ``alone`` are those of
``tests.real`` that measure times, or fill the machine by themselves. Whatever ends a phase without trial's own summary
(a crash, a time-out) counts as one failure more.

A few tests of real servers that failed run once more, alone: they measure times, and the machine may be others' too. It
is told which passed only then. Never again runs a test that saw a promise broken: an address with two owners, a lease
that was lost.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
RAN = re.compile(r"^Ran (\d+) tests? in ")
TRIAL = "from twisted.scripts.trial import run; run()"  # -m twisted.trial needs setuptools with an old Twisted
SUMMARY = re.compile(r"^(?:PASSED|FAILED)(?: \((.*)\))?$")
PASSED = {"successes"}
NAME = re.compile(r"^tests(?:\.\w+)+$")
RULE = re.compile(r"^={70,}$")
BROKEN = re.compile(r"I-[DL]: |Grant\(holder=")  # as tests/real/history.py puts it
AGAIN = ("real", "alone")
ALONE = frozenset(
    f"tests.real.test_{name}"
    for name in (
        "agent", "beside_kea", "cassandra_cluster", "channels", "clients4", "clients6", "crash4", "crash6", "faults",
        "lease_commands", "live_change", "radius_accounting", "relays6", "sharing", "slow_database", "slow_radius",
    )
)  # fmt: skip
FEW = 5  # who fail together have failed
SKIPPED = {"skips", "expectedFailures"}  # a test marked todo keeps no promise: it is as good as skipped


class Phase(NamedTuple):
    """What trial is to run, and the seconds that it may take."""

    name: str
    arguments: list[str]
    seconds: int


class Totals(NamedTuple):
    """How many tests passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"

    def plus(self, other: Totals) -> Totals:
        """The sum of both."""
        return Totals(*(ours + theirs for ours, theirs in zip(self, other, strict=True)))


class Outcome(NamedTuple):
    """What came of a phase."""

    totals: Totals
    again: list[str]
    """The tests that failed, if they may be tried once more."""


def phases(names: list[str]) -> list[Phase]:
    """The phases of these names (all if none), or one phase of the test names given."""
    modules = [f"tests.{path.stem}" for path in sorted((ROOT / "tests").glob("test_*.py"))]
    known = [Phase("unit", ["-j2", *modules], 1500)]
    real = [f"tests.real.{path.stem}" for path in sorted((ROOT / "tests" / "real").glob("test_*.py"))]
    known += [
        Phase("real", ["-j2", *(name for name in real if name not in ALONE)], 1800),
        Phase("alone", ["--reporter=timing", *(name for name in real if name in ALONE)], 2700),
    ]
    chosen = [
        phase
        for phase in known
        if any(not each.startswith("-") for each in phase.arguments) and (not names or phase.name in names)
    ]
    others = [name for name in names if name not in ("unit", "real", "alone")]
    return chosen + ([Phase("chosen", others, 2700)] if others else [])


def read(lines: list[str], status: int) -> Totals:
    """Trial's totals from its output; without a summary, or with one that the exit status belies, one failure more."""
    ran, counts = 0, dict[str, int]()
    for line in lines:
        if match := RAN.match(line):
            ran = int(match[1])
        elif match := SUMMARY.match(line):
            counts = {
                key: int(count) for key, count in (part.split("=") for part in (match[1] or "").split(", ") if part)
            }
    passed = sum(counts.get(key, 0) for key in PASSED)
    skipped = sum(counts.get(key, 0) for key in SKIPPED)
    failed = sum(counts.values()) - passed - skipped
    if sum(counts.values()) != ran or not ran or (status != 0 and not failed):
        failed += 1
    return Totals(passed, failed, skipped)


def to_try_again(lines: list[str], failed: int) -> list[str]:
    """The names of all tests that failed by trial's output; none if they are many, not all known, or saw lies."""
    places = [place for place, line in enumerate(lines) if RULE.match(line)]
    said = lines[places[0] :] if places else []
    names = [*dict.fromkeys(line for line in said if NAME.match(line))]
    if len(names) != failed or failed > FEW or any(map(BROKEN.search, said)):
        return []
    return names


def tried(phase: Phase) -> Totals:
    """Run a phase, and once more those few of its tests that failed where the machine may have been to blame."""
    totals, again = run(phase)
    if not again or phase.name not in AGAIN:
        return totals
    print(f"=== {phase.name}: once more: {' '.join(again)}", flush=True)
    second = run(Phase(f"{phase.name}-again", again, phase.seconds)).totals
    print(f"=== {phase.name}: {second.passed} of {len(again)} tests passed only when tried once more", flush=True)
    return totals._replace(failed=totals.failed - len(again)).plus(second)


def run(phase: Phase) -> Outcome:
    """Run one phase, its output shown as it comes."""
    command = [
        *(sys.executable, "-c", TRIAL),
        *(f"--temp-directory={ROOT / '_trial_temp' / phase.name}", *phase.arguments),
    ]
    (ROOT / "_trial_temp").mkdir(exist_ok=True)
    print(f"=== {phase.name}: trial {' '.join(command[3:])}", flush=True)
    child = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    alarm = threading.Timer(phase.seconds, lambda: os.killpg(child.pid, signal.SIGKILL))
    alarm.start()
    lines = []
    try:
        assert child.stdout is not None
        for line in child.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip("\n"))
        status = child.wait()
    finally:
        alarm.cancel()
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
    if status < 0:
        print(f"=== {phase.name}: ended by signal {-status} (allowed: {phase.seconds} s)")
    totals = read(lines, status)
    return Outcome(totals, to_try_again(lines, totals.failed) if status >= 0 else [])


def main() -> int:
    """0 if nothing failed (nor, with ``--no-skips``, was skipped)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-skips", action="store_true", help="a skipped test is a failure of the run")
    parser.add_argument("names", nargs="*", help="unit, real, alone, or names of tests for trial; default: everything")
    options = parser.parse_args()
    totals = Totals()
    for phase in phases(options.names):
        totals = totals.plus(tried(phase))
    print(totals, flush=True)
    return 1 if totals.failed or not totals.passed or (options.no_skips and totals.skipped) else 0


if __name__ == "__main__":
    sys.exit(main())
