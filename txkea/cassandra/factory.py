"""Cassandra as a configuration asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from zope.interface import implementer

from txkea.backend.parameters import Parameters
from txkea.cassandra.hosts import CassandraHosts
from txkea.cassandra.leases import CassandraLeases, CassandraLeases6
from txkea.cassandra.parameters import PARAMETERS, settings
from txkea.cassandra.schema import CassandraAdmin
from txkea.interfaces import IDatabaseAdmin, IProviderFactory

__all__ = ["CASSANDRA_ADMIN", "CASSANDRA_HOSTS", "CASSANDRA_LEASES"]


@implementer(IProviderFactory)
class _LeasesFactory:
    """Makes a lease store of the ``lease-database`` map (Kea E001, E005-E007)."""

    name = "cql"
    parameters = (*PARAMETERS, "replication-factor")

    def make(self, parameters: Mapping[str, Any], site: Any) -> CassandraLeases:
        """See `IProviderFactory`; ``site`` has ``configuration``, ``reactor``, ``log`` and ``backends``."""
        kind = CassandraLeases6 if site.configuration.family == 6 else CassandraLeases
        return kind(settings(Parameters(parameters)), site)


@implementer(IProviderFactory)
class _HostsFactory:
    """Makes a host store of one of the ``hosts-databases``; ``readonly`` as in Kea's for SQL (Kea E004)."""

    name = "cql"
    parameters = (*_LeasesFactory.parameters, "readonly")

    def make(self, parameters: Mapping[str, Any], site: Any) -> CassandraHosts:
        """See `IProviderFactory`."""
        given = Parameters(parameters)
        return CassandraHosts(settings(given), site, readonly=given.flag("readonly", False))


@implementer(IProviderFactory)
class _AdminFactory:
    """Makes what ``txkea db`` uses, of the same map; only that regards the ``replication-factor``."""

    name = "cql"
    parameters = _LeasesFactory.parameters

    def make(self, parameters: Mapping[str, Any], site: Any) -> IDatabaseAdmin:
        """See `IProviderFactory`."""
        given = Parameters(parameters)
        replicas = int(given.number("replication-factor", 0, most=64))
        admin: IDatabaseAdmin = CassandraAdmin(settings(given), site.reactor, replicas)
        return admin


CASSANDRA_LEASES: Final = _LeasesFactory()
"""The factory of lease stores that the configuration calls ``cql``."""
CASSANDRA_HOSTS: Final = _HostsFactory()
"""The factory of host stores that it calls so."""
CASSANDRA_ADMIN: Final = _AdminFactory()
