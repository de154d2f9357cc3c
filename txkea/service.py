"""The running server: a site built from a configuration, replaced as a whole, ended in order."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool

from txkea import __version__
from txkea.config.load import configuration4, load4
from txkea.config.text import from_json
from txkea.control.channels import Channels
from txkea.control.commands import DaemonCommands
from txkea.control.leases import LeaseCommands
from txkea.control.registry import Registry
from txkea.control.statistics import StatisticCommands
from txkea.errors import ConfigError, ConfigErrors, TxkeaError
from txkea.exchange import accounting
from txkea.exchange.assemble import assemble, believe, forget, recount, server_addresses
from txkea.exchange.offers import Offers
from txkea.exchange.site import Loggers, Site
from txkea.hosts.configured import configured_hosts
from txkea.interfaces import ILeaseStore, INetwork
from txkea.launch import launch
from txkea.leases.expiry import Reclamation
from txkea.logs.logs import Logs
from txkea.model.configuration import Configuration
from txkea.model.lease import Lease4
from txkea.paths import Paths
from txkea.providers import lease_store
from txkea.server import Server

__all__ = ["KeaService"]

PAGE = 1000
"""Leases that the pools learn of in one turn of the reactor."""
GRACE = 3.0
"""Seconds that exchanges in flight have to end at a stop."""
QUIET_COLLECTOR = (50_000, 50, 100)
"""Thresholds of the garbage collector: a query leaves nothing behind that would need it."""


class KeaService(Service):
    """A DHCPv4 server with all that its configuration asks for.

    ``path`` is the configuration file. `ConfigErrors` is raised when the service is made, if the file cannot be used.
    ``failed(reason)`` is told when a server that was to start cannot serve after all; it should end the process with
    the exit status ``exit_value``.
    """

    exit_value = 0

    def __init__(
        self,
        path: str,
        *,
        reactor: Any,
        network: INetwork,
        logs: Logs,
        paths: Paths,
        debug: bool = False,
        server_port: int = 67,
        client_port: int = 68,
        failed: Callable[[str], object] = lambda reason: None,
    ) -> None:
        self._path = path
        self._reactor = reactor
        self._network = network
        self._logs = logs
        self._paths = paths
        self._debug = debug
        self._failed = failed
        self._changing = DeferredLock()
        self._log = logs.logger("dhcp4")
        self.configuration = self._load()
        self._configure_logs(self.configuration)
        if self._log.info:
            self._log.info("DHCP4_STARTING", f"Kea DHCPv4 server version {__version__} (txkea) starting")
        self.started = self.reloaded = reactor.seconds()
        self.statistics: dict[str, int] = {}
        self.leases = self._store(self.configuration)
        self.site = self._assemble(self.configuration)
        self.server = Server(self.site, reactor.seconds, server_port, client_port)
        self.server.enabled = False
        self._reclamation = self._reclaiming(self.site)
        self._registry = Registry(logs.logger("commands"))
        self._channels = Channels(reactor, self._registry, logs.logger("commands"), paths.socket)

    # -- building ------------------------------------------------------------------------------------------------------

    def _load(self) -> Configuration:
        try:
            return load4(self._path)
        except ConfigErrors as errors:
            self._complain("DHCP4_CONFIG_LOAD_FAIL", f"configuration error using file {self._path}", errors)
            raise

    def _complain(self, message: str, what: str, error: TxkeaError) -> None:
        """One line for each thing that is wrong."""
        if self._log.error:
            for line in str(error).splitlines():
                self._log.error(message, f"{what}: {line}")

    def _configure_logs(self, configuration: Configuration) -> None:
        for problem in self._logs.configure(configuration.loggers, debug=self._debug):
            self._warn("DHCP4_LOGGING_PROBLEM", problem)

    def _warn(self, message: str, text: str) -> None:
        if self._log.warn:
            self._log.warn(message, text)

    def _store(self, configuration: Configuration) -> ILeaseStore:
        log = self._logs.logger("dhcpsrv")
        return lease_store(configuration, reactor=self._reactor, log=log, paths=self._paths)

    def _assemble(self, configuration: Configuration, before: Site | None = None) -> Site:
        logger = self._logs.logger
        return assemble(
            configuration,
            leases=self.leases,
            hosts=configured_hosts(configuration),
            statistics=self.statistics,
            log=Loggers(
                server=logger("dhcp4"),
                packets=logger("packets"),
                bad_packets=logger("bad-packets"),
                leases=logger("leases"),
                alloc_engine=logger("alloc-engine"),
                ddns=logger("ddns"),
            ),
            random=random.SystemRandom().randrange,
            known=before.subnets.subnets if before is not None else (),
            offers=before.offers if before is not None else Offers(),
        )

    def _reclaiming(self, site: Site) -> Reclamation:
        """The clean-up of leases whose time is over, on its timers and when addresses run out."""
        reclamation = Reclamation(
            site.leases,
            site.configuration.expiry,
            reactor=self._reactor,
            log=self._logs.logger("alloc-engine"),
            observers=site.observers,
            reclaimed=lambda lease: accounting.reclaimed(self.statistics, self.site.subnets, lease),
            postponed=lambda: not self.server.enabled,
        )
        site.reclaim = reclamation.on_demand
        return reclamation

    # -- starting ------------------------------------------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Open the sockets, while ports below 1024 may be bound; what arrives is dropped until the leases are known."""
        super().privilegedStartService()
        self._logs.batch(self._reactor)
        self._listen(self.site)

    def _listen(self, site: Site) -> None:
        sockets = self._network.listen4(site.configuration.interfaces, self.server)
        site.server_addresses = server_addresses(site, (sock.local for sock in sockets))

    def startService(self) -> None:
        """Open the lease store, then serve."""
        super().startService()
        started = launch(self._start())
        if isinstance(started, Deferred):
            started.addErrback(lambda failure: self._cannot_start(str(failure.value)))

    async def _start(self) -> None:
        try:
            await self.leases.open()
            recount(self.site, await self.leases.counts())
            self._channels.apply(self.configuration.control_sockets)
        except TxkeaError as error:
            self._cannot_start(str(error))
            return
        self._registry.provide(self._commands())
        self._reclamation.start()
        self._tell_complete()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*QUIET_COLLECTOR)
        self.server.enabled = True
        if self._log.info:
            self._log.info("DHCP4_STARTED", f"Kea DHCPv4 server version {__version__} (txkea) started")
        await self._teach(self.site)

    def _cannot_start(self, reason: str) -> None:
        self.exit_value = 1
        if self._log.fatal:
            self._log.fatal("DHCP4_INIT_FAIL", f"failed to initialize Kea server: {reason}")
        self._failed(reason)

    def _tell_complete(self) -> None:
        for warning in self.configuration.warnings:
            self._warn("DHCP4_CONFIG_WARNING", warning)
        if self._log.info:
            count = len(self.configuration.subnets)
            self._log.info("DHCP4_CONFIG_COMPLETE", f"DHCPv4 server has completed configuration: {count} subnet(s)")

    async def _teach(self, site: Site) -> None:
        """Let the pools learn what is taken, page by page; until then an allocation finds out by asking the store."""
        after: bytes | None = None
        while site is self.site:
            page: Sequence[Lease4] = await site.leases.page(after, PAGE)
            believe(site, page)
            if len(page) < PAGE:
                return
            after = page[-1].address
            await deferLater(self._reactor, 0, lambda: None)

    def _commands(self) -> list[Any]:
        return [DaemonCommands(self, self._reactor.seconds), LeaseCommands(self.leases), self._statistics()]

    def _statistics(self) -> StatisticCommands:
        return StatisticCommands(self.statistics, self._reactor.seconds)

    # -- changing ------------------------------------------------------------------------------------------------------

    async def reload(self) -> None:
        """Put the configuration file into force again; on any error everything stays as it was (Kea A007)."""
        await self._changing.run(lambda: Deferred.fromCoroutine(self._reload()))

    async def _reload(self) -> None:
        if self._log.info:
            self._log.info("DHCP4_DYNAMIC_RECONFIGURATION", f"initiate server reconfiguration using file: {self._path}")
        try:
            configuration = await self._in_thread(load4, self._path)
            await self._replace(configuration)
        except TxkeaError as error:
            what = f"dynamic server reconfiguration failed with file: {self._path}"
            self._complain("DHCP4_DYNAMIC_RECONFIGURATION_FAIL", what, error)
            raise
        if self._log.info:
            text = f"dynamic server reconfiguration succeeded with file: {self._path}"
            self._log.info("DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS", text)

    async def test(self, document: Mapping[str, Any]) -> Configuration:
        """The configuration that a command's document would give; raises `ConfigErrors`. Nothing is changed."""
        return await self._in_thread(lambda: configuration4(from_json(document)))  # type: ignore[no-any-return]

    def _in_thread(self, call: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """A large configuration takes seconds to read, and nothing slow may hold the reactor."""
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), call, *arguments)

    async def _replace(self, configuration: Configuration) -> None:
        """Swap the site: first all that can fail, then all that cannot."""
        before = self.site
        moved = configuration.lease_database != before.configuration.lease_database
        if moved:
            await self._move(configuration)
        try:
            site = self._assemble(configuration, before)
            counts = await self.leases.counts()
            self._listen(site)
            self._channels.apply(configuration.control_sockets)
        except TxkeaError:
            if moved:
                await self._move(before.configuration)
            self._listen_again(before)
            raise
        self._configure_logs(configuration)
        self._reclamation.stop()
        self.configuration, self.site, self.server.site = configuration, site, site
        self.reloaded = self._reactor.seconds()
        forget(self.statistics, before.subnets, site.subnets)
        recount(site, counts)
        self._reclamation = self._reclaiming(site)
        self._reclamation.start()
        self._registry.provide(self._commands())
        self._tell_complete()
        launch(self._teach(site))

    def _listen_again(self, site: Site) -> None:
        """Go back to the sockets of the configuration that stays, as far as their links are still there."""
        try:
            self._listen(site)
        except ConfigError as error:
            self._warn("DHCP4_OPEN_SOCKETS_FAILED", str(error))

    async def _move(self, configuration: Configuration) -> None:
        """Leave one lease store for another; queries that come meanwhile are not answered.

        The old one is closed first, for both may be the same file. It is opened again if the new one cannot be.
        """
        self.server.enabled = False
        self._reclamation.stop()
        await self._drained()
        await self.leases.close()
        try:
            self.leases = self._store(configuration)
            await self.leases.open()
        except TxkeaError:
            self.leases = self._store(self.configuration)
            await self.leases.open()
            raise
        finally:
            self.site.leases = self.leases
            self._reclamation = self._reclaiming(self.site)
            self._reclamation.start()
            self._registry.provide(self._commands())
            self.server.enabled = True

    # -- ending --------------------------------------------------------------------------------------------------------

    async def _drained(self) -> None:
        """Wait until the exchanges in flight have ended, but not for ever."""
        end = self._reactor.seconds() + GRACE
        while len(self.server) and self._reactor.seconds() < end:
            await deferLater(self._reactor, 0.01, lambda: None)

    def stopService(self) -> Deferred[None]:
        """Answer what is in flight, then close everything."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self.server.enabled = False
        self._reclamation.stop()
        await self._drained()
        self._network.close()
        await self._channels.close()
        await self.leases.close()
        if self._log.info:
            self._log.info("DHCP4_SHUTDOWN", "server shutdown")
        self._logs.close()

    def shutdown(self, exit_value: int) -> None:
        """End the process with this exit status, once answers under way have left."""
        self.exit_value = exit_value
        self._reactor.callLater(0.05, self._reactor.stop)

    # -- what commands ask ---------------------------------------------------------------------------------------------

    def socket_errors(self) -> Sequence[str]:
        """Why DHCP sockets are not open, one text each."""
        return tuple(getattr(self._network, "problems", ()))

    def conditions(self) -> Mapping[str, Any]:
        """What else ``status-get`` shows: a lease store that refuses work, and why."""
        problem = getattr(self.leases, "problem", "")
        return {"lease-store": {"name": self.leases.name, "problem": problem}} if problem else {}
