"""The databases that leases are kept in while servers are measured: those of ``tests/real``, durable."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from tests.real.cassandra import Cassandra
from tests.real.databases import DatabaseServer, MariaDB, Postgres
from tests.real.plain import plain
from tests.real.redis import Redis

__all__ = ["BACKENDS", "MEMFILE", "Backend", "Database"]

MEMFILE: Final = "memfile"


class Database(NamedTuple):
    """A database that runs."""

    server: Any
    """Of ``tests/real``."""
    parameters: dict[str, Any]
    """The map of ``lease-database``."""
    processes: Sequence[Any]
    """What it costs is what these and their children use."""

    def pids(self) -> list[int]:
        """Their numbers."""
        return [each.process.pid for each in self.processes]


def _sql(kind: type[DatabaseServer]) -> Callable[[], Database]:
    def launch() -> Database:
        server = kind.launch()
        given = plain(server)
        _upgrade(given)
        return Database(server, given, [server])

    return launch


def _upgrade(given: Mapping[str, Any]) -> None:
    """Add what txkea wants of tables that Kea has made: an index of IPv6 addresses by number."""
    place = f"{given['type']}://{given['user']}@{given['host']}:{given['port']}/{given['name']}"
    environment = {**os.environ, "TXKEA_PASSWORD": given["password"]}
    argv = [sys.executable, "-m", "txkea", "db", "upgrade", place]
    subprocess.run(argv, check=True, capture_output=True, env=environment)


def _redis() -> Database:
    server = Redis.launch()
    return Database(server, server.parameters(), [server])


def _cassandra() -> Database:
    server = Cassandra.launch()
    return Database(server, server.parameters(), server.nodes)


class Backend(NamedTuple):
    """Where txkea keeps its leases, and Kea's backends that this is measured beside."""

    launch: Callable[[], Database] | None
    """Starts it; None for a file."""
    beside: tuple[str, ...]
    """The same, or for one that Kea has not, those that it has."""
    warm: tuple[int, ...] = ()
    """Rates at which it is asked for some seconds each before anything is measured: Java compiles what is used much."""


BACKENDS: Final[Mapping[str, Backend]] = {
    MEMFILE: Backend(None, (MEMFILE,)),
    "postgresql": Backend(_sql(Postgres), ("postgresql",)),
    "mysql": Backend(_sql(MariaDB), ("mysql",)),
    "redis": Backend(_redis, ("postgresql", "mysql")),
    "cql": Backend(_cassandra, ("postgresql",), warm=(1000, 1500, 2000, 2000)),
}
"""By the ``type`` of ``lease-database``."""
