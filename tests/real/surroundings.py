"""What factories are given in tests over real databases."""

from __future__ import annotations

from twisted.internet import reactor

from txkea.model.configuration import Configuration
from txkea.paths import Paths
from txkea.providers import Surroundings
from txkea.testing.disks import RecordingLog

__all__ = ["surroundings"]


def surroundings(family: int, log: RecordingLog | None = None) -> Surroundings:
    """Those of a server that nobody watches."""
    configuration = Configuration(family=family)
    return Surroundings(configuration=configuration, reactor=reactor, log=log or RecordingLog(), paths=Paths())
