"""``python -m bench``: Kea 2.2.0 and txkea from the same configuration, in turns, under perfdhcp."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import perfdhcp, usage
from bench.backends import BACKENDS, MEMFILE
from bench.plan import FULL, QUICK, Climb, Plan, Steady, Summary, climb, running, steady, summary
from bench.report import KEA, table
from bench.scenarios import MODES, SCENARIOS, Contestant, chosen
from bench.servers import Track
from bench.slow import LINES, PICTURE, SLOW, bench
from txkea.testing.namespaces import requires_root

WARM: Final = 10
"""Seconds at each rate at which a database is warmed up."""
SHARE: Final = 0.6
"""The steady load, as a part of the saturated rate of Kea's better mode."""
KEA_AND_RADIUS: Final = ("kea-dhcp4", "freeradius")
LIMIT_RATES: Final = (10_000, 15_000, 20_000, 25_000, 30_000)


@click.command()
@click.option("-4", "family", flag_value=4, type=int, help="DHCPv4 alone.")
@click.option("-6", "family", flag_value=6, type=int, help="DHCPv6 alone.")
@click.option(
    "--scenario", "wanted", multiple=True, type=click.Choice([*SCENARIOS, SLOW]), help="Only this; repeatable."
)
@click.option("--quick", is_flag=True, help="About a minute a scenario in place of ten.")
@click.option(
    "--server",
    "names",
    multiple=True,
    type=click.Choice([*MODES, *(name for name in LINES if name not in MODES)]),
    help="Only this; repeatable.",
)
@click.option("--backend", type=click.Choice(list(BACKENDS)), default=MEMFILE, show_default=True, help="For leases.")
@click.option("--rate", type=int, help="The steady load; default 0.6 of the saturated rate of Kea's better mode.")
@click.option("--no-lease-lines", is_flag=True, help="Measure only without a log line per lease.")
@click.option("--sockets", type=click.Choice(["raw", "udp"]), help="dhcp-socket-type; in DHCPv6 Kea has UDP alone.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where servers keep their files: a real disk.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all that was measured here.")
@click.option(
    "--plot",
    "picture",
    type=click.Path(path_type=Path),
    help=f"{SLOW}: draw here; default {PICTURE.relative_to(PICTURE.parents[2])}, and nowhere with --quick.",
)
def main(
    family: int | None,
    wanted: tuple[str, ...],
    quick: bool,
    names: tuple[str, ...],
    backend: str,
    rate: int | None,
    no_lease_lines: bool,
    sockets: str | None,
    directory: Path | None,
    json_file: Path | None,
    picture: Path | None,
) -> None:
    """Measure Kea single- and multi-threaded and txkea, alternating, and print their medians side by side.

    slow-radius is another matter: it slows down what servers ask, and is run only if it is named, alone.
    """
    if SLOW in wanted:
        if len(wanted) > 1 or family == 6 or backend != MEMFILE or no_lease_lines or sockets:
            raise click.UsageError(f"{SLOW} has DHCPv4 and leases in memfile, and is measured alone")
        if reason := requires_root(*KEA_AND_RADIUS):
            raise click.ClickException(reason)
        measured = bench(names, quick, rate, directory, picture, Console())
        if json_file:
            json_file.write_text(json.dumps(measured))
        return
    if strange := [name for name in names if name not in MODES]:
        raise click.UsageError(f"--server {strange[0]} is of {SLOW}")
    scenarios = chosen(wanted, family)
    if not scenarios:
        raise click.UsageError(f"no scenario of {', '.join(wanted)} is of DHCPv{family}")
    if reason := requires_root("perfdhcp", *{each.products[0].argv[0] for each in scenarios}):
        raise click.ClickException(reason)
    plan = QUICK if quick else FULL
    if backend != MEMFILE:
        plan = plan.shared()
    console = Console()
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory(dir=directory) as scratch, Track(Path(scratch), sockets) as track:
        for scenario in scenarios:
            columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
            with Progress(*columns, console=console, transient=True) as progress:
                race = Race(plan, track, scenario.contestants(names or MODES, backend), progress)
                race.run(rate, no_lease_lines)
            race.print(console)
            found[scenario.name] = race.as_json()
            if json_file:
                json_file.write_text(json.dumps(found, indent=2))


class Race:
    """The alternations of one scenario, and what came out."""

    def __init__(self, plan: Plan, track: Track, contestants: Sequence[Contestant], progress: Progress) -> None:
        self.plan, self.track, self.contestants = plan, track, contestants
        self.scenario = contestants[0].scenario
        self.sockets = track.sockets or self.scenario.sockets
        self.limit = 0.0
        self.floor = 0.0
        self.climbs: dict[str, list[Climb]] = {each.name: [] for each in self.contestants}
        self.steadies: dict[bool, dict[str, list[Steady]]] = {}
        self._task = progress.add_task("starting")
        self._progress = progress
        self._began = time.monotonic()

    def run(self, rate: int | None, no_lease_lines: bool) -> None:
        """All of it."""
        self._generator()
        self._warm()
        if not no_lease_lines:
            for _ in range(self.plan.alternations):
                for contestant in self.contestants:
                    self.climbs[contestant.name].append(climb(self.plan, self.track, contestant, self._tell))
        rate = rate or self._share()
        if not no_lease_lines:
            self._steady(rate, True)
        if self.plan.both or no_lease_lines:
            self._steady(rate, False)
        self.seconds = time.monotonic() - self._began

    def _warm(self) -> None:
        """What a database would have behind it that has run for a day."""
        for contestant in self.contestants:
            rates = BACKENDS[contestant.backend].warm
            if rates:
                self._tell(f"{contestant.name}: its database warms up")
                with running(self.plan, self.track, contestant, False):
                    for rate in rates:
                        perfdhcp.run(contestant.scenario, self.track.client, rate, WARM)

    def print(self, console: Console) -> None:
        """The tables and what they need to be understood."""
        whose = "" if self.scenario.family == 4 else "txkea's "
        kept = " and ".join(dict.fromkeys(each.backend for each in self.contestants))
        console.print(
            f"{self.scenario.words}, leases in {kept}: {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, "
            f"{self.plan.alternations} alternations, medians; {whose}dhcp-socket-type {self.sockets}; "
            f"every client new; {self.seconds:.0f} s"
        )
        console.print(
            f"perfdhcp's own limit (against a reflector without any DHCP): {self.limit:.0f}/s; "
            f"the reflector's CPU: {self.floor:.1f} µs per exchange"
        )
        for lines, found in self.steadies.items():
            offered = next(iter(found.values()))[0].offered
            words = "a log line per lease, as installed" if lines else "no lease lines"
            console.print(table(f"{words}; CPU, delays and drops at {offered}/s", self._summaries(lines)))
        if any(each.generator_bound for climbs in self.climbs.values() for each in climbs):
            console.print("* perfdhcp could not offer more: the server was not saturated")

    def as_json(self) -> dict[str, object]:
        """Every single measurement."""
        return {
            "cpus": os.cpu_count(),
            "python": sys.version.split()[0],
            "sockets": self.sockets,
            "perfdhcp_limit": self.limit,
            "reflector_cpu": self.floor,
            "climbs": {name: [each._asdict() for each in climbs] for name, climbs in self.climbs.items()},
            "steady": {
                "lease lines" if lines else "no lease lines": {
                    name: [each._asdict() for each in steadies] for name, steadies in found.items()
                }
                for lines, found in self.steadies.items()
            },
        }

    def _tell(self, text: str) -> None:
        self._progress.update(self._task, description=text)

    def _steady(self, rate: int, lease_lines: bool) -> None:
        found: dict[str, list[Steady]] = {each.name: [] for each in self.contestants}
        self.steadies[lease_lines] = found
        for _ in range(self.plan.alternations):
            for contestant in self.contestants:
                measured = steady(self.plan, self.track, contestant, rate, lease_lines, self._tell)
                found[contestant.name].append(measured)

    def _share(self) -> int:
        saturated = {name: max((each.saturated for each in climbs), default=0) for name, climbs in self.climbs.items()}
        kea = [rate for name, rate in saturated.items() if name.startswith(KEA)]
        return max(self.plan.warm, int(round(max(kea or saturated.values()) * SHARE, -2)))

    def _summaries(self, lease_lines: bool) -> dict[str, Summary]:
        found = self.steadies[lease_lines]
        return {name: summary(self.climbs[name] if lease_lines else [], steadies) for name, steadies in found.items()}

    def _generator(self) -> None:
        """How much perfdhcp can do when the server costs next to nothing."""
        reflector = Path(__file__).with_name("reflector.py")
        process = self.track.server.spawn(
            [sys.executable, str(reflector), *self.scenario.reflector], self.track.directory / "reflector.log"
        )
        time.sleep(0.3)
        for rate in LIMIT_RATES:
            self._tell(f"perfdhcp's own limit: offering {rate}/s")
            before = usage.cpu_seconds(process.pid)
            outcome = perfdhcp.run(self.scenario, self.track.client, rate, self.plan.climb_seconds)
            if outcome.rate > self.limit:
                self.limit = outcome.rate
                self.floor = (usage.cpu_seconds(process.pid) - before) / max(1, outcome.completed) * 1e6
            if outcome.own_limit or not outcome.clean:
                break
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
