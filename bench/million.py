"""``python -m bench.million``: start with a million leases: time, memory, and whether their clients keep them."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

import click
from rich.console import Console
from rich.table import Table

from bench import usage
from bench.populations import POPULATIONS, Population
from bench.scenarios import MODES, SCENARIOS
from bench.servers import Track
from tests.real.servers import Server
from txkea.testing.namespaces import requires_root

__all__ = ["Start", "write_leases"]

SAMPLE: Final = 50


class Start(NamedTuple):
    """How a start went."""

    seconds: float
    cpu: float
    resident: float
    """MB when ready."""
    peak: float
    renewed: int
    """Of `SAMPLE` clients, how many got their address again."""


@click.command()
@click.option("-6", "six", is_flag=True, help="DHCPv6 in place of DHCPv4.")
@click.option("--leases", default=1_000_000, help="How many leases.")
@click.option("--server", "names", multiple=True, type=click.Choice(list(MODES)), help="Only this; repeatable.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where servers keep their files: a real disk.")
def main(six: bool, leases: int, names: tuple[str, ...], directory: Path | None) -> None:
    """Start each server with a lease file of that many leases."""
    population = POPULATIONS["v6" if six else "v4"]
    scenario = SCENARIOS[population.scenario]
    if reason := requires_root(scenario.products[0].argv[0]):
        raise click.ClickException(reason)
    table = Table("", "ready after, s", "CPU, s", "resident, MB", "peak, MB", f"renewed, of {SAMPLE}")
    with tempfile.TemporaryDirectory(dir=directory) as scratch, Track(Path(scratch)) as track:
        for name in names or ("kea", "txkea"):
            start = measure(track, track.prepare(scenario.contestant(name), True), population, leases)
            numbers = (start.seconds, start.cpu, start.resident, start.peak)
            table.add_row(name, *(f"{number:.1f}" for number in numbers), str(start.renewed))
    Console().print(f"start with {leases} leases of DHCPv{scenario.family}", table)


def measure(track: Track, server: Server, population: Population, leases: int) -> Start:
    """Start once, and have a sample of the clients renew."""
    write_leases(server.leases, population, leases)
    try:
        seconds = server.start(timeout=300)
        cpu, resident = usage.cpu_seconds(server.pid), usage.resident_memory(server.pid)
        peak, renewed = usage.peak_memory(server.pid), renew(track, population, leases)
        return Start(seconds, cpu, resident, peak, renewed)
    finally:
        server.close()


def write_leases(path: Path, population: Population, count: int) -> None:
    """A lease file with that many leases that live for another hour."""
    expire = int(time.time()) + 3600
    with path.open("w") as file:
        print(population.header, file=file)
        for number in range(count):
            print(population.row(number, expire), file=file)


def renew(track: Track, population: Population, leases: int) -> int:
    """How many of a sample of the clients keep their address, asking through a relay."""
    with population.relay(track.client) as relay:
        relay.settimeout(5)
        numbers = random.Random(4).sample(range(leases), min(SAMPLE, leases))
        return sum(population.keeps(relay, number) for number in numbers)


if __name__ == "__main__":
    main()
