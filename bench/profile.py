"""``python -m bench.profile``: where txkea spends its time under a steady load, as py-spy sees it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench import perfdhcp
from bench.backends import BACKENDS, MEMFILE
from bench.scenarios import SCENARIOS
from bench.servers import Track
from txkea.testing.namespaces import requires_root

__all__ = ["own_and_total"]


@click.command()
@click.option("--scenario", type=click.Choice(list(SCENARIOS)), default="v4", show_default=True, help="Which clients.")
@click.option("--backend", type=click.Choice(list(BACKENDS)), default=MEMFILE, show_default=True, help="For leases.")
@click.option("--rate", default=5000, help="Exchanges per second.")
@click.option("--seconds", default=8, help="How long to sample.")
@click.option("--lines/--functions", default=False, help="Tell lines, or functions.")
@click.option("--no-lease-lines", is_flag=True, help="Without a log line per lease.")
@click.option("--top", default=40, help="How many rows to print.")
@click.option("-o", "output", type=click.Path(path_type=Path), help="Keep the stacks (speedscope.app opens them).")
def main(
    scenario: str,
    backend: str,
    rate: int,
    seconds: int,
    lines: bool,
    no_lease_lines: bool,
    top: int,
    output: Path | None,
) -> None:
    """Sample txkea with py-spy (``pip install py-spy``) and print the most expensive functions."""
    if reason := requires_root("perfdhcp", "py-spy"):
        raise click.ClickException(reason)
    contestant = SCENARIOS[scenario].contestant("txkea", backend)
    with tempfile.TemporaryDirectory() as scratch, Track(Path(scratch)) as track:
        server = track.prepare(contestant, not no_lease_lines)
        server.start()
        stacks = output or Path(scratch, "stacks")
        argv = ["py-spy", "record", "--pid", str(server.pid), "--duration", str(seconds), "--rate", "250"]
        argv += ["--format", "raw", "--output", str(stacks), *([] if lines else ["--function"])]
        argv += ["--gil"] if backend != MEMFILE else []  # threads wait in the driver, which py-spy takes for work
        try:
            perfdhcp.run(contestant.scenario, track.client, min(rate, 1000), 1)
            spy = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=sys.stderr)
            outcome = perfdhcp.run(contestant.scenario, track.client, rate, seconds)
            spy.wait()
            server.check()
        finally:
            server.close()
        own, total, samples = own_and_total(stacks.read_text())
    table = Table("own %", "total %", "function", title=f"{outcome.rate:.0f} exchanges/s, {outcome.drops:.1%} dropped")
    for frame, count in own.most_common(top):
        table.add_row(f"{count / samples:.1%}", f"{total[frame] / samples:.1%}", frame)
    Console().print(table)


def own_and_total(stacks: str) -> tuple[Counter[str], Counter[str], int]:
    """Samples per function: in itself, and in itself and what it called; and of all."""
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        names = frames.split(";")
        own[names[-1]] += int(count)
        for name in set(names):
            total[name] += int(count)
    return own, total, max(1, own.total())


if __name__ == "__main__":
    main()
