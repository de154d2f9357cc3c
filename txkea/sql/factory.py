"""Lease stores that a configuration asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen
from zope.interface import implementer

from txkea.backend.parameters import RECONNECT, Parameters
from txkea.interfaces import IProviderFactory
from txkea.sql.database import Database
from txkea.sql.dialects import PARAMETERS
from txkea.sql.leases import SqlLeases

__all__ = ["MYSQL_LEASES", "POSTGRESQL_LEASES"]


@implementer(IProviderFactory)
@frozen
class LeasesFactory:
    """Makes a lease store of the ``lease-database`` map.

    ``site`` has ``reactor``, ``log``, ``configuration`` and ``backends``.
    """

    name: str
    parameters = (*PARAMETERS, *RECONNECT)

    def make(self, parameters: Mapping[str, Any], site: Any) -> SqlLeases:
        """The store; see `IProviderFactory.make`."""
        database = Database(Parameters(parameters), self.name, site, f"lease-database {self.name}")
        return SqlLeases(database, site.configuration.family, reactor=site.reactor, log=site.log)


POSTGRESQL_LEASES: Final = LeasesFactory("postgresql")
"""The factory that the configuration calls ``postgresql``."""
MYSQL_LEASES: Final = LeasesFactory("mysql")
"""The factory that the configuration calls ``mysql``."""
