"""The running server: a site built from a configuration, replaced as a whole, ended in order."""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool

from txkea import __version__
from txkea.config.load import configuration as configured
from txkea.config.text import from_json, load
from txkea.control.channels import Channels
from txkea.control.commands import DaemonCommands
from txkea.control.explain import ExplainCommands
from txkea.control.leases import LeaseCommands
from txkea.control.registry import Registry
from txkea.control.statistics import StatisticCommands
from txkea.control.views import VIEWS
from txkea.errors import ConfigError, ConfigErrors, TxkeaError
from txkea.exchange import accounting
from txkea.exchange.assemble import assemble, believe, forget, recount, server_addresses
from txkea.exchange.families import FAMILY4, Family
from txkea.exchange.offers import Offers
from txkea.exchange.site import Loggers, Site
from txkea.hosts.configured import configured_hosts
from txkea.interfaces import ILeaseStore, INetwork
from txkea.launch import launch
from txkea.leases.expiry import Reclamation
from txkea.logs.logs import Logs
from txkea.model.configuration import Configuration
from txkea.paths import Paths
from txkea.providers import BUILT_IN, hook_providers, lease_store
from txkea.server import Server
from txkea.serverid import Material, choose, keep, recall

__all__ = ["KeaService"]

T = TypeVar("T")

PAGE = 1000
"""Leases that the pools learn of in one turn of the reactor."""
GRACE = 3.0
"""Seconds that exchanges in flight have to end at a stop."""
QUIET_COLLECTOR = (50_000, 50, 100)
"""Thresholds of the garbage collector: a query leaves nothing behind that would need it."""


class KeaService(Service):
    """A server of one family with all that its configuration asks for.

    ``path`` is the configuration file. The ports are the family's own unless told otherwise. `ConfigErrors` is raised
    when the service is made, if the file cannot be used.
    ``failed(reason)`` is told when a server that was to start cannot serve after all; it should end the process with
    the exit status ``exit_value``. ``changed()`` is told of each new configuration in force.
    """

    exit_value = 0

    def __init__(
        self,
        path: str,
        family: Family = FAMILY4,
        *,
        reactor: Any,
        network: INetwork,
        logs: Logs,
        paths: Paths,
        debug: bool = False,
        server_port: int = 0,
        client_port: int = 0,
        failed: Callable[[str], object] = lambda reason: None,
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        self._path = path
        self.family = family
        self._reactor = reactor
        self._network = network
        self._logs = logs
        self._paths = paths
        self._debug = debug
        self._failed = failed
        self._changed = changed
        self._changing = DeferredLock()
        self._log = logs.logger(f"dhcp{family.number}")
        self.configuration = self._load()
        self._configure_logs(self.configuration)
        self._say("DHCP{}_STARTING", f"Kea {family.label} server version {__version__} (txkea) starting")
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

    def _say(self, message: str, text: str) -> None:
        if self._log.info:
            self._log.info(self.family.message(message), text)

    def _warn(self, message: str, text: str) -> None:
        if self._log.warn:
            self._log.warn(self.family.message(message), text)

    def _load(self) -> Configuration:
        try:
            return self._read()
        except ConfigErrors as errors:
            self._complain("DHCP{}_CONFIG_LOAD_FAIL", f"configuration error using file {self._path}", errors)
            raise

    def _read(self) -> Configuration:
        return configured(load(self._path), self.family.number)

    def _complain(self, message: str, what: str, error: TxkeaError) -> None:
        """One line for each thing that is wrong."""
        if self._log.error:
            for line in str(error).splitlines():
                self._log.error(self.family.message(message), f"{what}: {line}")

    def _configure_logs(self, configuration: Configuration) -> None:
        for problem in self._logs.configure(configuration.loggers, root=self.family.daemon, debug=self._debug):
            self._warn("DHCP{}_LOGGING_PROBLEM", problem)

    def _store(self, configuration: Configuration) -> ILeaseStore:
        log = self._logs.logger("dhcpsrv")
        return lease_store(configuration, reactor=self._reactor, log=log, paths=self._paths)

    def _hooks(self, configuration: Configuration, only: Iterable[str] | None = None) -> Mapping[str, Sequence[Any]]:
        return hook_providers(
            configuration, reactor=self._reactor, logger=self._logs.logger, paths=self._paths, only=only
        )

    def _assemble(self, configuration: Configuration, before: Site | None = None, server_id: bytes = b"") -> Site:
        logger = self._logs.logger
        return assemble(
            configuration,
            leases=self.leases,
            hosts=configured_hosts(configuration),
            statistics=self.statistics,
            log=Loggers(
                server=self._log,
                packets=logger("packets"),
                bad_packets=logger("bad-packets"),
                leases=logger("leases"),
                alloc_engine=logger("alloc-engine"),
                ddns=logger("ddns"),
            ),
            random=random.SystemRandom().randrange,
            **self._hooks(configuration),
            server_id=server_id,
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
            family=self.family.number,
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
        listen = self._network.listen4 if self.family.number == 4 else self._network.listen6
        sockets = listen(site.configuration.interfaces, self.server)
        site.server_addresses = server_addresses(site, (sock.local for sock in sockets))

    def startService(self) -> None:
        """Open the lease store, then serve."""
        super().startService()
        started = launch(self._start())
        if isinstance(started, Deferred):
            started.addErrback(lambda failure: self._cannot_start(str(failure.value)))

    async def _start(self) -> None:
        try:
            self.site.server_id = self._server_id(self.configuration)
            self._keep(self.configuration, self.site.server_id)
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
        self._say("DHCP{}_STARTED", f"Kea {self.family.label} server version {__version__} (txkea) started")
        await self._teach(self.site)

    def _cannot_start(self, reason: str) -> None:
        self.exit_value = 1
        if self._log.fatal:
            self._log.fatal(self.family.message("DHCP{}_INIT_FAIL"), f"failed to initialize Kea server: {reason}")
        self._failed(reason)

    def _tell_complete(self) -> None:
        for warning in self.configuration.warnings:
            self._warn("DHCP{}_CONFIG_WARNING", warning)
        count = len(self.configuration.subnets)
        text = f"{self.family.label} server has completed configuration: {count} subnet(s)"
        self._say("DHCP{}_CONFIG_COMPLETE", text)

    async def _teach(self, site: Site) -> None:
        """Let the pools learn what is taken, page by page; until then an allocation finds out by asking the store."""
        after: bytes | None = None
        while site is self.site:
            page: Sequence[Any] = await site.leases.page(after, PAGE)
            believe(site, page)
            if len(page) < PAGE:
                return
            after = page[-1].address
            await deferLater(self._reactor, 0, lambda: None)

    def _commands(self) -> list[Any]:
        seconds = self._reactor.seconds
        return [
            DaemonCommands(self, seconds),
            LeaseCommands(self.leases, VIEWS[self.family.number], self._deleted),
            StatisticCommands(self.statistics, seconds),
            ExplainCommands(self.family.number, lambda: self.site, self._network.links, seconds),
        ]

    def _deleted(self, lease: Any) -> None:
        accounting.deleted(self.statistics, self.site.subnets, lease)

    # -- changing ------------------------------------------------------------------------------------------------------

    async def reload(self) -> None:
        """Put the configuration file into force again; on any error everything stays as it was (Kea A007)."""
        await self._changing.run(lambda: Deferred.fromCoroutine(self._reload()))

    async def _reload(self) -> None:
        self._say("DHCP{}_DYNAMIC_RECONFIGURATION", f"initiate server reconfiguration using file: {self._path}")
        try:
            configuration = await self._in_thread(self._read)
            await self._replace(configuration)
        except TxkeaError as error:
            what = f"dynamic server reconfiguration failed with file: {self._path}"
            self._complain("DHCP{}_DYNAMIC_RECONFIGURATION_FAIL", what, error)
            raise
        text = f"dynamic server reconfiguration succeeded with file: {self._path}"
        self._say("DHCP{}_DYNAMIC_RECONFIGURATION_SUCCESS", text)

    async def change(self, edit: Callable[[dict[str, Any]], T]) -> T:
        """See `txkea.control.commands.Daemon.change`."""
        changed: T = await self._changing.run(lambda: Deferred.fromCoroutine(self._change(edit)))
        return changed

    async def _change(self, edit: Callable[[dict[str, Any]], T]) -> T:
        document = deepcopy(self.configuration.written)
        gave = edit(document[self.family.top])
        await self._replace(await self._configured(document))
        return gave

    async def _configured(self, document: Mapping[str, Any]) -> Configuration:
        number = self.family.number
        found: Configuration = await self._in_thread(lambda: configured(from_json(document), number))
        return found

    async def test(self, document: Mapping[str, Any]) -> Configuration:
        """The configuration that a command's document would give; raises `ConfigErrors`. Nothing is changed."""
        found = await self._configured(document)
        self._hooks(found, only=BUILT_IN)  # nothing is imported because a command says so
        return found

    def _in_thread(self, call: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """A large configuration takes seconds to read, and nothing slow may hold the reactor."""
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), call, *arguments)

    async def _replace(self, configuration: Configuration) -> None:
        """Swap the site: first all that can fail, then all that cannot."""
        before = self.site
        moved = _where(configuration) != _where(before.configuration)
        if moved:
            await self._move(configuration)
        try:
            site = self._assemble(configuration, before, self._server_id(configuration))
            counts = await self.leases.counts()
            self._listen(site)
            self._channels.apply(configuration.control_sockets)
            self._keep(configuration, site.server_id)
        except TxkeaError:
            if moved:
                await self._move(before.configuration)
            self._return_to(before)
            raise
        self._configure_logs(configuration)
        self._reclamation.stop()
        self.configuration, self.site, self.server.site = configuration, site, site
        self._changed()
        self.reloaded = self._reactor.seconds()
        forget(self.statistics, before.subnets, site.subnets)
        recount(site, counts)
        self._reclamation = self._reclaiming(site)
        self._reclamation.start()
        self._registry.provide(self._commands())
        self._tell_complete()
        launch(self._teach(site))

    def _return_to(self, site: Site) -> None:
        """Go back to the sockets of the configuration that stays, as far as their links are still there."""
        try:
            self._listen(site)
            self._channels.apply(site.configuration.control_sockets)
        except ConfigError as error:
            self._warn("DHCP{}_OPEN_SOCKETS_FAILED", str(error))

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

    # -- the server's DUID ---------------------------------------------------------------------------------------------

    def _server_id(self, configuration: Configuration) -> bytes:
        """The DUID that a configuration asks for: the one in use, the one in the file, or a new one (Kea B009)."""
        if self.family.number == 4:
            return b""
        known = self.site.server_id
        moved = configuration.data_directory != self.configuration.data_directory
        if configuration.server_id.persist and (moved or not known):
            known = recall(self._server_id_file(configuration)) or known
        material = Material(links=self._network.links(), now=self._reactor.seconds(), random=os.urandom)
        return choose(configuration.server_id, known, material)

    def _server_id_file(self, configuration: Configuration) -> str:
        return self._paths.configured(configuration.data_directory).server_id_file()

    def _keep(self, configuration: Configuration, server_id: bytes) -> None:
        """Write the DUID into its file, unless it is there already."""
        if self.family.number == 4:
            return
        path = self._server_id_file(configuration)
        persist = configuration.server_id.persist
        if persist and recall(path) != server_id:
            keep(path, server_id)
        place = f" and stores it in the file {path}" if persist else ""
        self._say("DHCP6_USING_SERVERID", f"server is using server-id {server_id.hex(':')}{place}")

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
        self._say("DHCP{}_SHUTDOWN", "server shutdown")
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


def _where(configuration: Configuration) -> object:
    """What the place of the leases depends on."""
    return configuration.lease_database, configuration.data_directory
