"""Kea's perfdhcp: run it, read what it prints."""

from __future__ import annotations

import itertools
import re
from typing import Final, NamedTuple

from bench.scenarios import Scenario
from txkea.testing.namespaces import Namespace

__all__ = ["Outcome", "percentile", "run"]

EXIT_WAIT: Final = 0.1
"""Seconds in which the last answers may still come."""
NO_DROPS: Final = 0.001
"""Losing less than this part counts as losing nothing."""
BELOW_OFFER: Final = 0.97
"""perfdhcp is at its own end when it sends less than this part of what it was told to."""

_bases = itertools.count(1)


class Outcome(NamedTuple):
    """One run: four-way exchanges of clients that the server had not seen before."""

    offered: int
    """Exchanges per second asked for."""
    seconds: int
    begun: int
    """First messages: DISCOVER, SOLICIT."""
    offers: int
    requests: int
    completed: int
    """Exchanges that brought a lease: ACK, REPLY."""
    delays: list[float]
    """Milliseconds from each query to its answer, ascending; empty unless asked for."""

    @property
    def rate(self) -> float:
        """Completed exchanges per second; an overloaded server went on completing them in the exit wait."""
        return self.completed / (self.seconds if self.clean else self.seconds + EXIT_WAIT)

    @property
    def sent(self) -> float:
        """Exchanges per second begun."""
        return self.begun / self.seconds

    @property
    def drops(self) -> float:
        """The part of the exchanges begun that was not completed."""
        return 1 - self.completed / self.begun if self.begun else 1.0

    @property
    def clean(self) -> bool:
        """Whether all exchanges but a negligible part were completed."""
        return self.drops < NO_DROPS

    @property
    def own_limit(self) -> bool:
        """Whether perfdhcp could not send as much as it was told to."""
        return self.sent < BELOW_OFFER * self.offered


def run(
    scenario: Scenario, namespace: Namespace, rate: int, seconds: int, clients: int = 50_000, timestamps: bool = False
) -> Outcome:
    """Offer ``rate`` exchanges per second for some seconds; every run has clients of its own."""
    high, low = divmod(next(_bases), 256)
    argv = ["perfdhcp", *scenario.switches, "-b", f"mac=02:{high:02x}:{low:02x}:00:00:00"]
    argv += ["-r", str(rate), "-R", str(clients), "-p", str(seconds), "-W", str(int(EXIT_WAIT * 1e6))]
    argv += [*(["-x", "t"] if timestamps else []), *scenario.server]
    done = namespace.run(argv, check=False, timeout=seconds * 3 + 60)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"{' '.join(argv)}: exit status {done.returncode}: {done.stderr or done.stdout[-2000:]}")
    return _outcome(rate, seconds, done.stdout)


def percentile(ascending: list[float], part: float) -> float:
    """The value below which ``part`` of the values lie; NaN of nothing."""
    return ascending[min(len(ascending) - 1, int(len(ascending) * part))] if ascending else float("nan")


def _outcome(offered: int, seconds: int, text: str) -> Outcome:
    def numbers(label: str) -> list[int]:
        return [int(number) for number in re.findall(rf"^{label}: (\d+)", text, re.MULTILINE)]

    sent, received, rejected = numbers("sent packets"), numbers("received packets"), numbers("rejected leases")
    if len(sent) != 2 or len(received) != 2:
        raise RuntimeError(f"perfdhcp printed something unknown:\n{text[:2000]}")
    completed = received[1] - sum(rejected)
    return Outcome(offered, seconds, sent[0], received[0], sent[1], completed, _delays(text))


def _delays(text: str) -> list[float]:
    pairs = re.findall(r"^sent / received: (\d+\.\d+) / (\d+\.\d+)$", text, re.MULTILINE)
    return sorted((float(received) - float(sent)) * 1000 for sent, received in pairs)
