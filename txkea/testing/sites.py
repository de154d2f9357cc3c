"""A whole DHCPv4 site in memory, for unit tests of the exchange and of policy written in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from txkea.exchange.assemble import assemble, begin_counting
from txkea.exchange.site import Loggers, Site
from txkea.hosts.chain import hosts_of
from txkea.interfaces import ILogger
from txkea.leases.memory import MemoryLeases
from txkea.model.configuration import Configuration

__all__ = ["MemoryLogger", "memory_site"]

Write = Callable[[str, str], None]


@implementer(ILogger)
class MemoryLogger:
    """Keeps what is logged, as ``(severity, message identifier, text)``."""

    def __init__(self, name: str = "test") -> None:
        self.name = name
        self.lines: list[tuple[str, str, str]] = []
        self.debug: Write | None = self._writer("DEBUG")
        self.info: Write | None = self._writer("INFO")
        self.warn: Write | None = self._writer("WARN")
        self.error: Write | None = self._writer("ERROR")
        self.fatal: Write | None = self._writer("FATAL")

    def _writer(self, severity: str) -> Write:
        return lambda message, text: self.lines.append((severity, message, text))


def memory_site(configuration: Configuration, **more: Any) -> Site:
    """A site with its leases in memory, the configuration's reservations, and an allocator that is not random."""
    log = MemoryLogger()
    defaults = {
        "leases": MemoryLeases(),
        "hosts": hosts_of(configuration, [*more.get("host_sources", ()), *more.get("host_stores", ())]),
        "statistics": {},
        "log": Loggers(server=log, packets=log, bad_packets=log, leases=log, alloc_engine=log, ddns=log),
        "random": lambda below: 0,
    }
    site = assemble(configuration, **{**defaults, **more})
    begin_counting(site)
    return site
