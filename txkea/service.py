"""The running server: a site built from a configuration, replaced as a whole, ended in order."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater

from txkea import __version__
from txkea.backends import Backend, Backends, HostDatabases
from txkea.caching import IHostCacheEntries
from txkea.config.edited import edited, opened
from txkea.config.load import configuration as configured
from txkea.config.text import Document
from txkea.control.agent import ServiceRouter
from txkea.control.channel import ControlChannel
from txkea.control.channels import Channels
from txkea.control.classes import ClassCommands
from txkea.control.commands import DaemonCommands
from txkea.control.configuration import ConfigurationCommands
from txkea.control.duty import Duty
from txkea.control.events import Events
from txkea.control.explain import ExplainCommands
from txkea.control.host_cache import HostCacheCommands
from txkea.control.hosts import HostCommands
from txkea.control.interfaces import InterfaceCommands
from txkea.control.leases import LeaseCommands
from txkea.control.leases_changes import LeaseChanges
from txkea.control.metrics import MetricsPage
from txkea.control.networks import NetworkCommands
from txkea.control.operations import OperationCommands
from txkea.control.pages import Page
from txkea.control.registry import Registry
from txkea.control.replacements import Replacements
from txkea.control.samples import Samples
from txkea.control.selection import SelectionCommands
from txkea.control.stat_leases import LeaseStatisticCommands
from txkea.control.statistics import Sampling, StatisticCommands
from txkea.control.subnets import SubnetCommands
from txkea.control.views import VIEWS
from txkea.daemon import DaemonService
from txkea.errors import TxkeaError, Unavailable
from txkea.exchange.assemble import believe, forget, recount, recounted, server_addresses, unknown_pools
from txkea.exchange.families import FAMILY4, Family
from txkea.exchange.site import Site
from txkea.interfaces import ICommands, ILearnsLeases, ILeaseStore, INetwork, Link
from txkea.launch import launch
from txkea.logs.logs import Logs
from txkea.model.configuration import Configuration
from txkea.paths import Paths
from txkea.providers import OURS, refuse_absent
from txkea.running import GRACE, Running
from txkea.server import Server
from txkea.serverid import Identity
from txkea.sites import Sites, refuse_strangers

__all__ = ["KeaService"]

PAGE = 1000
"""Leases that the pools learn of in one turn of the reactor."""
RECOUNT = 10
"""Seconds from one count of a shared store to the next."""
QUIET_COLLECTOR = (8_000, 300, 100)
"""Thresholds of the garbage collector: a query leaves nothing behind that would need it.

Thousands that wait are looked through in pieces of some milliseconds.
"""


class KeaService(DaemonService[Configuration]):
    """A server of one family with all that its configuration asks for.

    ``path`` is the configuration file. The ports are the family's own unless told otherwise. `ConfigErrors` is raised
    when the service is made, if the file cannot be used.
    ``failed(reason)`` is told when a server that was to start cannot serve after all; it should end the process with
    the exit status ``exit_value``. ``changed()`` is told of each new configuration in force. ``peers`` are the commands
    of the servers in this process by their services, such as ``dhcp4``; this one adds its own.
    """

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
        peers: dict[str, Registry] | None = None,
    ) -> None:
        self.family = family
        super().__init__(path, family, reactor=reactor, logs=logs, debug=debug)
        self._say("DHCP{}_STARTING", f"Kea {family.label} server version {__version__} (txkea) starting")
        self._network = network
        self._paths = paths
        self._failed = failed
        self._changed = changed
        self.statistics: dict[str, int] = {}
        self._sites = Sites(family, self.statistics, reactor=reactor, logs=logs, paths=paths)
        self._identity = Identity(self._server_id_file, network.links, reactor.seconds)
        self.duty = Duty(reactor, self._on_duty)
        self.backends = Backends(self.duty, self._cannot_go_on)
        self._databases = HostDatabases(self.backends, self._sites.host_store)
        self.leases, self._backend = self._store(self.configuration)
        hooks, databases = self._sites.hooks(self.configuration), self._databases.of(self.configuration)
        self.site = self._sites.site(self.configuration, hooks, self.leases, databases)
        self.server = Server(self.site, reactor.seconds, server_port, client_port)
        self._sampling = Sampling(Samples(lambda: self.site, reactor.seconds), reactor)
        self.duty.disable("starting")
        self._taught = False
        self._reclamation = self._reclaiming(self.site)
        self._recounting = LoopingCall(self._recount_shared)
        self._recounting.clock = reactor
        self._metrics = MetricsPage(self, reactor)
        self._events = Events(family.number, reactor, self.conditions)
        self._events.watch(self.site)
        self.pages: Mapping[str, Page] = {"/metrics": self._metrics, "/events": self._events.page}
        self._running = Running(self.site.running, logs.logger("hooks"))
        self._ending: list[Deferred[None]] = []
        self.registry = Registry(logs.logger("commands"))
        self._peers = peers if peers is not None else {}
        self._peers[family.service] = self.registry
        http = partial(self._http_channel, ServiceRouter(self.registry, self._peers, {}, self._log), self.pages)
        self._channels = Channels({"unix": self._unix_channel, "http": http, "https": http}, paths.socket)

    # -- building ------------------------------------------------------------------------------------------------------

    def parsed(self, document: Document) -> Configuration:
        """The configuration of a document."""
        return configured(document, self.family.number)

    def _reclaiming(self, site: Site) -> Any:
        return self._sites.reclamation(site, lambda: self.site, lambda: not self.duty.on)

    def _store(self, configuration: Configuration) -> tuple[ILeaseStore, Backend]:
        backend = self.backends.watch(self._know_again)
        return self._sites.store(configuration, backend), backend

    def _unix_channel(self, configured: Any) -> ControlChannel:
        path = self._paths.socket(configured.address)
        return ControlChannel(self._reactor, path, self.registry, self._logs.logger("commands"))

    def _on_duty(self, on: bool) -> None:
        self.server.enabled = on

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
        sockets = self.configuration.control_sockets
        try:
            self.site.server_id = self._server_id(self.configuration)
            self._keep(self.configuration, self.site.server_id)
            await self.leases.open()
            await self._running.start()
            recount(self.site, await self._counts())
            self.registry.provide(self._commands())
            self._channels.commit(sockets, self._channels.prepare(sockets))
        except TxkeaError as error:
            self._cannot_start(str(error))
            return
        self._reclamation.start()
        self._sampling.start()
        self._recounting.start(RECOUNT, now=False)
        self._tell_complete()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*QUIET_COLLECTOR)
        self.duty.enable("starting")
        self._say("DHCP{}_STARTED", f"Kea {self.family.label} server version {__version__} (txkea) started")
        self._events.state("started")
        await self._teach(self.site)

    async def _counts(self) -> Mapping[tuple[int, int, int], int]:
        """How many leases there are; none that we know of while the store is away: see `_know_again`."""
        try:
            return await self.leases.counts()
        except Unavailable:
            if not self._backend.problem:
                raise
            return {}

    def _recount_shared(self) -> Deferred[None] | None:
        """Other servers change what is in a shared store: from time to time our statistics hear of it."""
        return Deferred.fromCoroutine(self._recount()) if self.leases.shared and self.server.enabled else None

    async def _recount(self) -> None:
        site = self.site
        try:
            counts = await self.leases.counts()
        except Unavailable:
            return  # another time
        for _ in recounted(site, counts):
            await deferLater(self._reactor, 0, lambda: None)
            if site is not self.site:
                return

    def _know_again(self) -> None:
        """The lease store was away, and is back: others may have changed it meanwhile."""
        self._taught = False
        launch(self._learn())

    async def _learn(self) -> None:
        try:
            recount(self.site, await self.leases.counts())
            await self._teach(self.site)
        except Unavailable:
            return  # away again: it will be back

    def _cannot_go_on(self, reason: str) -> None:
        """A database stays away without which the configuration says that the server is to end (Kea E065)."""
        if self._log.fatal:
            self._log.fatal(self.family.message("DHCP{}_DB_RECONNECT_FAILED"), f"the server ends: {reason}")
        self.shutdown(1)

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

    def _teach_again(self) -> None:
        """Let the pools learn what they do not know."""
        if not self._taught:
            launch(self._teach(self.site))

    async def _teach(self, site: Site) -> None:
        """Let the pools learn what is taken, page by page; until then an allocation finds out by asking the store."""
        self._taught = False
        learners = [each for each in site.running if ILearnsLeases.providedBy(each)]
        after: bytes | None = None
        while site is self.site:
            try:
                page: Sequence[Any] = await site.leases.page(after, PAGE)
            except Unavailable:
                return  # until it is back
            believe(site, page)
            for learner in learners:
                learner.leases_found(page, len(page) == PAGE)
            if len(page) < PAGE:
                self._taught = True
                return
            after = page[-1].address
            await deferLater(self._reactor, 0, lambda: None)

    def offered(self, site: Site | None = None) -> Iterable[str]:
        """The names of the commands of a site, or of the one in force. Raises `ConfigError` where two are alike."""
        return self.registry.merged(self._commands(site))

    def _commands(self, site: Site | None = None) -> list[Any]:
        """Ours, and those of the providers of a site, which is to be the one in force."""
        number, seconds = self.family.number, self._reactor.seconds
        files, form = self._sites.written(self.configuration, self._in_thread)
        replaced = Replacements(lambda: self.site)
        cache = (site or self.site).host_cache
        return [
            DaemonCommands(self, seconds),
            ConfigurationCommands(self, self._in_thread),
            OperationCommands(self),
            InterfaceCommands(self),
            SelectionCommands(lambda: self.site),
            SubnetCommands(self),
            NetworkCommands(self),
            ClassCommands(self),
            HostCommands(self, (site or self.site).host_stores, cache),
            *(
                [HostCacheCommands(self, cache, files=files, reactor=self._reactor)]
                if IHostCacheEntries.providedBy(cache)
                else ()
            ),
            LeaseCommands(lambda: self.site, VIEWS[number]),
            LeaseChanges(lambda: self.site, VIEWS[number], replaced, files=files, form=form, reactor=self._reactor),
            StatisticCommands(self._sampling),
            LeaseStatisticCommands(number, lambda: self.site, self._reactor),
            ExplainCommands(number, lambda: self.site, self._network.links, seconds),
            *([self.leases] if ICommands.providedBy(self.leases) else ()),
            *(site or self.site).commands,
        ]

    # -- changing ------------------------------------------------------------------------------------------------------

    def opened(self) -> dict[str, Any]:
        """See `txkea.config.edited.opened`."""
        return opened(self.configuration.written, self.top)

    def edited(self, document: Mapping[str, Any]) -> Configuration:
        """See `txkea.config.edited.edited`."""
        return edited(document, self.configuration)

    def refuse(self, configuration: Configuration) -> None:
        """What only the configuration file may name, a command may not."""
        refuse_strangers(configuration, self.configuration)

    async def test(self, document: Mapping[str, Any]) -> Configuration:
        """The configuration that a document would give; raises `ConfigErrors`. Nothing is changed, nothing imported."""
        found = await super().test(document)
        refuse_absent(found)
        self._sites.check(found)
        self._sites.hooks(found, only=OURS)
        return found

    async def into_force(self, configuration: Configuration) -> None:
        """Swap the site: first all that can fail, each step with its way back, then all that cannot."""
        before, sockets = self.site, configuration.control_sockets
        async with AsyncExitStack() as back:
            back.callback(self._teach_again)
            channels = self._channels.prepare(sockets)
            back.callback(channels.cancel)
            moved = _where(configuration) != _where(before.configuration)
            if moved:
                await self._move(configuration)
                back.push_async_callback(self._move, before.configuration)
            hooks, databases = self._sites.hooks(configuration), self._databases.of(configuration)
            parts = self.leases, databases, before, self._server_id(configuration), moved
            site: Site = await self._in_thread(self._sites.site, configuration, hooks, *parts)
            self.offered(site)
            if site.host_cache is not None and before.host_cache is not None:
                site.host_cache.follow(before.host_cache)
            running = Running(site.running, self._logs.logger("hooks"))
            await running.start()
            back.push_async_callback(running.stop)
            counts = await self._counts()
            self._keep(configuration, site.server_id)
            back.callback(self._keep, before.configuration, before.server_id)
            self._listen(site)
            back.pop_all()
        self._channels.commit(sockets, channels)
        self._configure_logs(configuration)
        self._reclamation.stop()
        self.configuration, self.site, self.server.site = configuration, site, site
        self._let_go(before, running)
        self._events.watch(site)
        self._changed()
        self.reloaded = self._reactor.seconds()
        forget(self.statistics, before.subnets, site.subnets)
        recount(site, counts, None if moved else before.subnets)
        self._reclamation = self._reclaiming(site)
        self._reclamation.start()
        self.registry.provide(self._commands())
        self._tell_complete()
        self._events.state("reconfigured")
        self._taught &= not unknown_pools(site.subnets, before.subnets)
        self._teach_again()

    def _let_go(self, before: Site, running: Running) -> None:
        """Let the providers of a configuration go, when its last queries have ended; others run instead."""
        former, self._running = self._running, running
        ending = Deferred.fromCoroutine(former.stop_after(lambda: self.server.is_busy(before), self._reactor))
        self._ending = [*(each for each in self._ending if not each.called), ending]

    async def _move(self, configuration: Configuration) -> None:
        """Leave one lease store for another; queries that come meanwhile are not answered.

        The old one is closed first, for both may be the same file. It is opened again if the new one cannot be.
        """
        self.duty.disable("moving")
        self._reclamation.stop()
        await self._drained()
        await self._close_store()
        try:
            self.leases, self._backend = self._store(configuration)
            await self.leases.open()
        except TxkeaError:
            self._backend.forget()
            self.leases, self._backend = self._store(self.configuration)
            await self.leases.open()
            raise
        finally:
            self._taught = False
            self.site.leases = self.leases
            self._reclamation = self._reclaiming(self.site)
            self._reclamation.start()
            self.registry.provide(self._commands())
            self.duty.enable("moving")

    async def _close_store(self) -> None:
        await self.leases.close()
        self._backend.forget()

    # -- the server's DUID ---------------------------------------------------------------------------------------------

    def _server_id(self, configuration: Configuration) -> bytes:
        if self.family.number == 4:
            return b""
        moved = configuration.data_directory != self.configuration.data_directory
        return self._identity.of(configuration, self.site.server_id, moved)

    def _server_id_file(self, configuration: Configuration) -> str:
        return self._paths.configured(configuration.data_directory).server_id_file()

    def _keep(self, configuration: Configuration, server_id: bytes) -> None:
        """Write the DUID of DHCPv6 into its file, unless it is there already."""
        if self.family.number == 6:
            path = self._identity.keep(configuration, server_id)
            place = f" and stores it in the file {path}" if path else ""
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
        self.duty.disable("stopping")
        self.duty.end()
        self._reclamation.stop()
        self._sampling.stop()
        if self._recounting.running:
            self._recounting.stop()
        await self._drained()
        await self._running.stop()
        for ending in self._ending:
            await ending
        self._network.close()
        self._metrics.stop()
        await self._events.stop()
        await self._channels.close()
        await self._close_store()
        self._say("DHCP{}_SHUTDOWN", "server shutdown")
        self._logs.close()

    # -- what commands ask ---------------------------------------------------------------------------------------------

    def conditions(self) -> Mapping[str, Any]:
        """What else ``status-get`` shows: sockets, who has switched the service off, a lease store that is in need."""
        errors = list(getattr(self._network, "problems", ()))
        problem, away = self.leases.problem, self.backends.shown()
        return {
            "multi-threading-enabled": False,
            "extended-info-tables": False,
            "dhcp-state": self.duty.shown(),
            "sockets": {"status": "failed", "errors": errors} if errors else {"status": "ready"},
            **({"lease-store": {"name": self.leases.name, "problem": problem}} if problem else {}),
            **({"databases-away": away} if away else {}),
            **{name: shown for each in self.site.statuses for name, shown in each.status().items()},
        }

    def links(self) -> Sequence[Link]:
        """All interfaces of the machine now."""
        return self._network.links()

    def served(self) -> frozenset[str]:
        """The names of the interfaces with open sockets."""
        return frozenset(sock.link for sock in self._network.sockets)

    def listen_again(self) -> None:
        """Look at the machine's interfaces anew."""
        self._listen(self.site)

    async def reclaim_leases(self, remove: bool) -> int:
        """Reclaim all leases whose time is over, or delete them."""
        count: int = await self._reclamation.reclaim(self._reactor.seconds(), 0, remove)
        return count

    async def clean_up(self) -> bool | None:
        """Rid the lease file of superseded rows, if there is one."""
        clean_up = getattr(self.leases, "clean_up", None)
        return None if clean_up is None else await clean_up()


def _where(configuration: Configuration) -> object:
    """What the place of the leases depends on."""
    return configuration.lease_database, configuration.data_directory
