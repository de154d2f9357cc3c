"""What is measured: rates that rise until the server drops, then a steady load."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Final, NamedTuple

from bench import perfdhcp, usage
from bench.backends import Database
from bench.perfdhcp import Outcome, percentile
from bench.scenarios import Contestant
from bench.servers import Track
from tests.real.servers import Server

__all__ = ["FULL", "QUICK", "Climb", "Plan", "Steady", "Summary", "climb", "steady", "summary"]

HOPELESS: Final = 0.15
"""A rate at which this part is dropped is well beyond saturation: at the second in a row the climb ends."""


class Plan(NamedTuple):
    """How long and how fine."""

    alternations: int
    warm: int
    """The rate of a first second of light load, exchanges per second."""
    first: int
    """The first rate of those that rise."""
    step: float
    """Each rate is the one before times this."""
    climb_seconds: int
    steady_seconds: int
    refine: int
    """How often the gap between the last clean and the first unclean rate is halved."""
    both: bool
    """Whether to measure without lease lines too."""

    def shared(self) -> Plan:
        """For databases, which carry less."""
        return self._replace(warm=200, first=400)


FULL: Final = Plan(3, 1000, 3000, 1.3, 3, 6, 2, True)
QUICK: Final = Plan(3, 1000, 2500, 1.35, 1, 2, 0, False)


class Climb(NamedTuple):
    """The outcome of rising rates."""

    clean: int
    """The highest rate with next to no drops."""
    saturated: float
    """The most exchanges per second that were ever completed."""
    generator_bound: bool
    """Whether perfdhcp, not the server, set the end."""


class Steady(NamedTuple):
    """The outcome of a steady load."""

    offered: int
    completed: float
    drops: float
    cpu: float
    """Microseconds of CPU time per exchange."""
    database: float | None
    """The same of the database, where there is one."""
    p50: float
    """Milliseconds."""
    p99: float
    memory: float
    """Peak, MB."""
    others: float
    """How many CPUs were busy with something else than this server, its database and perfdhcp."""


class Summary(NamedTuple):
    """Medians of the alternations; None where nothing was measured."""

    clean: float | None
    saturated: float | None
    generator_bound: bool
    offered: int
    drops: float
    cpu: float
    database: float | None
    p50: float
    p99: float
    memory: float
    others: float


@contextmanager
def running(plan: Plan, track: Track, contestant: Contestant, lease_lines: bool) -> Iterator[Server]:
    """A fresh server that has had a second of light load."""
    server = track.prepare(contestant, lease_lines)
    server.start()
    try:
        perfdhcp.run(contestant.scenario, track.client, plan.warm, 1)
        yield server
        server.check()
    finally:
        server.close()


def climb(plan: Plan, track: Track, contestant: Contestant, tell: Callable[[str], None]) -> Climb:
    """Offer more and more until the server is overwhelmed or perfdhcp cannot do more."""
    with running(plan, track, contestant, True) as server:
        outcomes = list(_rising(plan, track, contestant, server, lambda text: tell(f"{contestant.name}: {text}")))
    clean = max((each.offered for each in outcomes if each.clean and not each.own_limit), default=0)
    return Climb(clean, max(each.rate for each in outcomes), outcomes[-1].own_limit and outcomes[-1].drops < HOPELESS)


def steady(
    plan: Plan, track: Track, contestant: Contestant, rate: int, lease_lines: bool, tell: Callable[[str], None]
) -> Steady:
    """Offer one rate for a while; CPU time is that of the server and its children over the run."""
    tell(f"{contestant.name}: {rate}/s for {plan.steady_seconds:g} s")
    with running(plan, track, contestant, lease_lines) as server:
        database = track.database(contestant.backend)
        before = _now(server, database)
        outcome = perfdhcp.run(contestant.scenario, track.client, rate, plan.steady_seconds, timestamps=True)
        spent = Spent(*(after - was for after, was in zip(_now(server, database), before, strict=True)))
        exchanges = max(1, outcome.completed)
        return Steady(
            rate,
            outcome.rate,
            outcome.drops,
            spent.server / exchanges * 1e6,
            spent.database / exchanges * 1e6 if database else None,
            percentile(outcome.delays, 0.5),
            percentile(outcome.delays, 0.99),
            usage.peak_memory(server.pid),
            (spent.machine - spent.server - spent.database - spent.bench) / spent.time,
        )


def summary(climbs: list[Climb], steadies: list[Steady]) -> Summary:
    """The medians."""
    return Summary(
        median(each.clean for each in climbs) if climbs else None,
        median(each.saturated for each in climbs) if climbs else None,
        sum(each.generator_bound for each in climbs) * 2 > len(climbs),
        steadies[0].offered,
        median(each.drops for each in steadies),
        median(each.cpu for each in steadies),
        median(known) if (known := [each.database for each in steadies if each.database is not None]) else None,
        median(each.p50 for each in steadies),
        median(each.p99 for each in steadies),
        median(each.memory for each in steadies),
        median(each.others for each in steadies),
    )


class Spent(NamedTuple):
    """Seconds, and CPU seconds of whom."""

    time: float
    server: float
    database: float
    machine: float
    bench: float
    """With its runs of perfdhcp."""


def _now(server: Server, database: Database | None) -> Spent:
    """All so far."""
    kept = sum(map(usage.cpu_seconds, database.pids())) if database else 0.0
    return Spent(time.monotonic(), usage.cpu_seconds(server.pid), kept, usage.busy_seconds(), sum(os.times()[:4]))


def _rising(
    plan: Plan, track: Track, contestant: Contestant, server: Server, tell: Callable[[str], None]
) -> Iterator[Outcome]:
    def offer(rate: int) -> Outcome:
        tell(f"offering {rate}/s")
        outcome = perfdhcp.run(contestant.scenario, track.client, rate, plan.climb_seconds)
        server.check()
        time.sleep(0.2)  # let a full socket buffer drain
        return outcome

    outcome, rate, low, high, hopeless = offer(plan.first), plan.first, 0, 0, 0
    yield outcome
    while not outcome.own_limit:
        hopeless = hopeless + 1 if outcome.drops >= HOPELESS else 0
        if hopeless == 2:
            break
        low, high = (rate, 0) if outcome.clean else (low, high or rate)
        rate = int(round(rate * plan.step, -2))
        outcome = offer(rate)
        yield outcome
    high = high or rate
    for _ in range(plan.refine):
        middle = int(round((low + high) / 2, -2))
        refined = offer(middle)
        yield refined
        low, high = (middle, high) if refined.clean else (low, middle)
    if plan.refine:
        yield outcome  # what ended the climb stays last
