"""From a configuration to what serves it: lease store, providers, site, reclamation."""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any

from txkea.backends import HostDatabase
from txkea.control.files import Directory
from txkea.control.leases_changes import LeaseFile
from txkea.errors import ConfigError
from txkea.exchange import accounting
from txkea.exchange.assemble import assemble
from txkea.exchange.families import Family
from txkea.exchange.offers import Offers
from txkea.exchange.site import Loggers, Site
from txkea.hosts.cache import cache_of
from txkea.hosts.chain import hosts_of
from txkea.interfaces import IBackends, IHostStore, ILeaseStore
from txkea.leases.expiry import Reclamation
from txkea.leases.leasefile import ROWS
from txkea.logs.logs import Logs
from txkea.model.configuration import Configuration
from txkea.paths import Paths
from txkea.providers import BUILT_IN, LEASE_STORES, OURS, Unwatched, hook_providers, host_store, lease_store

__all__ = ["Sites", "refuse_strangers"]


class Sites:
    """Makes the sites of one server, all with the same ``statistics``."""

    def __init__(
        self, family: Family, statistics: MutableMapping[str, int], *, reactor: Any, logs: Logs, paths: Paths
    ) -> None:
        self._family = family
        self._statistics = statistics
        self._reactor = reactor
        self._logs = logs
        self._paths = paths

    def store(self, configuration: Configuration, backend: IBackends) -> ILeaseStore:
        """The lease store that a configuration names, not yet open. Raises `ConfigError`."""
        return lease_store(configuration, backends=backend, **self._surroundings())

    def host_store(self, configuration: Configuration, index: int, backend: IBackends) -> IHostStore:
        """One of the host stores that a configuration names, not yet open. Raises `ConfigError`."""
        return host_store(configuration, index, backends=backend, **self._surroundings())

    def _surroundings(self) -> Mapping[str, Any]:
        return {"reactor": self._reactor, "log": self._logs.logger("dhcpsrv"), "paths": self._paths}

    def check(self, configuration: Configuration) -> None:
        """Make the stores that a configuration names, if they are ours, and open none. Raises `ConfigError`."""
        if configuration.lease_database.type in (*BUILT_IN, *LEASE_STORES):
            self.store(configuration, Unwatched())
        for index in range(len(configuration.hosts_databases)):
            self.host_store(configuration, index, Unwatched())

    def hooks(self, configuration: Configuration, only: Iterable[str] | None = None) -> Mapping[str, Sequence[Any]]:
        """The providers of ``hooks-libraries``, see `txkea.providers.hook_providers`."""
        return hook_providers(
            configuration,
            reactor=self._reactor,
            logger=self._logs.logger,
            paths=self._paths,
            statistics=self._statistics,
            only=only,
        )

    def site(
        self,
        configuration: Configuration,
        hooks: Mapping[str, Sequence[Any]],
        leases: ILeaseStore,
        databases: Sequence[HostDatabase] = (),
        before: Site | None = None,
        server_id: bytes = b"",
        moved: bool = False,
    ) -> Site:
        """A site over a lease store, with host stores and the providers that `hooks` gave; may run in a thread.

        ``before`` is the one that it replaces, in which nothing changes; ``moved`` tells whether that had its leases
        elsewhere.
        """
        logger = self._logs.logger
        stores = [each.store for each in databases]
        hooks = dict(hooks)
        sources, caches = hooks.get("host_sources", ()), hooks.pop("host_caches", ())
        around = {"seconds": self._reactor.seconds, "statistics": self._statistics}
        cache = cache_of(configuration, caches, sources, **around)
        statuses = [*hooks.get("statuses", ()), *([cache] if cache is not None and not caches else ())]
        running = [*databases, *hooks.get("running", ())]
        site = assemble(
            configuration,
            leases=leases,
            hosts=hosts_of(configuration, [*sources, *stores], cache),
            statistics=self._statistics,
            log=Loggers(
                server=logger(f"dhcp{self._family.number}"),
                packets=logger("packets"),
                bad_packets=logger("bad-packets"),
                leases=logger("leases"),
                alloc_engine=logger("alloc-engine"),
                ddns=logger("ddns"),
            ),
            random=random.SystemRandom().randrange,
            **{**hooks, "running": running, "statuses": statuses, "host_stores": stores, "host_cache": cache},
            server_id=server_id,
            known=before.subnets.subnets if before is not None else (),
            anew=moved,
            offers=before.offers if before is not None else Offers(),
        )
        if moved:
            site.subnets.forget()
        return site

    def reclamation(self, site: Site, current: Callable[[], Site], postponed: Callable[[], bool]) -> Reclamation:
        """The clean-up of leases whose time is over, on its timers and when addresses run out.

        It counts in the site that is ``current`` then, for a lease is ended whatever site it began with.
        """
        reclamation = Reclamation(
            site.leases,
            site.configuration.expiry,
            reactor=self._reactor,
            log=self._logs.logger("alloc-engine"),
            family=self._family.number,
            observers=site.observers,
            reclaimed=lambda lease: accounting.reclaimed(self._statistics, current().subnets, lease),
            postponed=postponed,
        )
        site.reclaim = reclamation.on_demand
        return reclamation

    def written(
        self, configuration: Configuration, in_thread: Callable[..., Awaitable[Any]]
    ) -> tuple[Directory, LeaseFile]:
        """Where commands write leases, and how; no server's own files are there to be replaced."""
        paths = self._paths.configured(configuration.data_directory)
        own = (name for number in ROWS for name in (paths.lease_file(family=number), paths.server_id_file(number)))
        rows = ROWS[self._family.number]
        layout = rows.schema.wanted(configuration.lease_database.parameters.get("pool-id") is True)
        directory = Directory(paths.data, in_thread, map(os.path.basename, own))
        return directory, LeaseFile(layout.header, rows.format(layout.width))


def refuse_strangers(configuration: Configuration, in_force: Configuration) -> None:
    """Raise `ConfigError` for a provider that a command names and the configuration in force does not.

    Nothing is imported because a command says so: a provider of a third party comes from the configuration file.
    """
    known = {*OURS, *(hook.name for hook in in_force.hooks)}
    mend = "name it in the configuration file and use config-reload"
    for hook in configuration.hooks:
        if hook.name not in known:
            raise ConfigError(f"a command cannot load the provider {hook.name!r}; {mend}", hook.path, hook.locate(""))
    kind = configuration.lease_database.type
    if kind not in (*BUILT_IN, *LEASE_STORES, in_force.lease_database.type):
        path = f"Dhcp{configuration.family}.lease-database.type"
        raise ConfigError(f"a command cannot load the lease database {kind!r}; {mend}", path)
