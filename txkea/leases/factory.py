"""Lease stores that a configuration asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from zope.interface import implementer

from txkea.backend.parameters import Parameters
from txkea.interfaces import IProviderFactory
from txkea.leases.memfile import MemfileLeases
from txkea.leases.memory import MemoryLeases
from txkea.leases.sanity import sanity_check

__all__ = ["MEMFILE"]


@implementer(IProviderFactory)
class _MemfileFactory:
    """Makes a memfile of the ``lease-database`` map (Kea E001-E003, E020).

    ``sync``, ``commit-delay`` and ``pool-id`` are our own.

    ``site`` has ``reactor``, ``log``, ``configuration``, and ``paths.lease_file(name, family)``.
    """

    name = "memfile"
    parameters = ("name", "persist", "lfc-interval", "max-row-errors", "sync", "commit-delay", "pool-id")

    def make(self, parameters: Mapping[str, Any], site: Any) -> MemfileLeases | MemoryLeases:
        family = site.configuration.family
        given = Parameters(parameters)
        if not given.flag("persist", True):
            if site.log.warn:
                site.log.warn(
                    "DHCPSRV_MEMFILE_NO_STORAGE", "running without a lease file: all leases end with the server"
                )
            return MemoryLeases(self.name)
        return MemfileLeases(
            site.paths.lease_file(given.file("name"), family),
            reactor=site.reactor,
            log=site.log,
            family=family,
            sync=given.flag("sync", True),
            lfc_interval=given.number("lfc-interval", 3600),
            max_row_errors=int(given.number("max-row-errors", 0)),
            commit_delay=given.number("commit-delay", 1.5),
            pool_id=given.flag("pool-id", False),
            check=sanity_check(site.configuration, site.log),
        )


MEMFILE: Final = _MemfileFactory()
"""The factory that the configuration calls ``memfile``."""
