"""Lease stores that a configuration asks for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen
from zope.interface import implementer

from txkea.errors import ConfigError
from txkea.interfaces import IProviderFactory
from txkea.leases.memfile import MemfileLeases
from txkea.leases.memory import MemoryLeases
from txkea.leases.sanity import sanity_check

__all__ = ["MEMFILE"]


@frozen
class _Parameters:
    """The ``lease-database`` map."""

    values: Mapping[str, Any]

    def number(self, name: str, default: float) -> float:
        """A number that is not negative."""
        value = self.values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 0xFFFFFFFF:
            raise self.wrong(f"must be a number, at least 0, not {value!r}", name)
        return value

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self.values.get(name, default)
        if not isinstance(value, bool):
            raise self.wrong(f"must be true or false, not {value!r}", name)
        return value

    def file(self) -> str:
        """The configured name, which must be that of a file (Kea #4647)."""
        name = self.values.get("name", "")
        if not isinstance(name, str) or "\0" in name or name.endswith("/") or os.path.basename(name) in (".", ".."):
            raise self.wrong(f"must be the name of a file, not {name!r}", "name")
        return name

    def wrong(self, text: str, name: str) -> ConfigError:
        """An error at its place."""
        return ConfigError(text, name)


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
        given = _Parameters(parameters)
        if not given.flag("persist", True):
            if site.log.warn:
                site.log.warn(
                    "DHCPSRV_MEMFILE_NO_STORAGE", "running without a lease file: all leases end with the server"
                )
            return MemoryLeases(self.name)
        return MemfileLeases(
            site.paths.lease_file(given.file(), family),
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
