"""The factory for Kea's library radius: access as a source of hosts, accounting as an observer of leases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import evolve
from zope.interface import alsoProvides, implementer

from txkea.interfaces import (
    IAnswerReady,
    IKnowsClients,
    ILearnsLeases,
    ILeaseObserver,
    ILocalObserver,
    IProviderFactory,
    IRadiusClient,
    IRunning,
    IStatus,
)
from txkea.model.configuration import Configuration
from txkea.radius.access import Access, AccessSettings
from txkea.radius.accounting import Accounting, AccountingSettings, accounting
from txkea.radius.attributes import Teller
from txkea.radius.client import RadiusClient
from txkea.radius.parameters import CONTINUE, NAMES, Radius, Service, radius
from txkea.radius.reselect import Reselection
from txkea.radius.servers import Policy

__all__ = ["RADIUS", "RadiusFactory", "RadiusProvider"]


@implementer(IRunning, IStatus)
class RadiusProvider:
    """What one configuration does with RADIUS servers.

    It is an `IKnowsClients` if it has an ``access``, and an `ILeaseObserver` if it has an ``accounting``, and then has
    their methods; ``clients`` are those of the services by name, such as `RadiusClient`.
    """

    name = "radius"

    def __init__(self, clients: Mapping[str, Any], access: Access | None, accounting: Accounting | None) -> None:
        self._clients = clients
        self._accounting = accounting
        if access is not None:
            alsoProvides(self, IKnowsClients)
            self.find, self.at = access.find, access.at
            self.identifier_of, self.without = access.identifier_of, access.without
            self.asks, self.known, self.is_silent = access.asks, access.known, access.is_silent
        if accounting is not None:
            alsoProvides(self, ILocalObserver if ILocalObserver.providedBy(accounting) else ILeaseObserver)
            self.answer_waits = accounting.answer_waits
            self.leases_committed = accounting.leases_committed
            self.lease_expired, self.lease_declined = accounting.lease_expired, accounting.lease_declined
            alsoProvides(self, ILearnsLeases)
            self.leases_found = accounting.leases_found
            if accounting.reused_leases:
                alsoProvides(self, IAnswerReady)
                self.answer_ready = accounting.answer_ready

    async def start(self) -> None:
        """See `IRunning`."""
        for client in self._clients.values():
            await client.start()
        if self._accounting is not None:
            await self._accounting.start()

    async def stop(self) -> None:
        """See `IRunning`: the last records go before the way to the servers is closed."""
        if self._accounting is not None:
            await self._accounting.stop()
        for client in self._clients.values():
            await client.stop()

    def status(self) -> Mapping[str, Any]:
        """See `IStatus`."""
        shown = {name: dict(client.describe()) for name, client in self._clients.items()}
        if self._accounting is not None:
            shown["accounting"].update(self._accounting.describe())
        return {"radius": shown}


class Making:
    """Makes a provider of parameters that were read; ``site`` are the `txkea.providers.Surroundings`."""

    def __init__(self, read: Radius, site: Any, connect: Callable[..., Any]) -> None:
        self.read = read
        self.site = site
        self.connect = connect

    def provider(self) -> RadiusProvider:
        read = self.read
        given = {"access": read.access, "accounting": read.accounting}
        clients = {name: self.client(service) for name, service in given.items() if service is not None}
        access = None if read.access is None else self.access(read.access, clients["access"])
        observer = None if read.accounting is None else self.accounting(read.accounting, clients["accounting"])
        return RadiusProvider(clients, access, observer)

    def client(self, service: Service) -> Any:
        site = self.site
        around = {"reactor": site.reactor, "log": site.log, "statistics": site.statistics}
        return self.connect(service.servers, self.bounded(service.policy), **around)

    def bounded(self, policy: Policy) -> Policy:
        """With a number of requests that may wait: clients who wait for nobody find room among the parked queries."""
        return policy if policy.most else evolve(policy, most=self.site.configuration.parked_packet_limit // 2)

    def teller(self, service: Service) -> Teller:
        read = self.read
        return Teller(
            read.naming,
            read.ports,
            servers=service.servers,
            bind=read.bind,
            dictionary=read.dictionary,
            log=self.site.log,
        )

    def access(self, service: Service, client: IRadiusClient) -> Access:
        read, site = self.read, self.site
        settings = AccessSettings(
            extras=service.attributes,
            goes_on=read.on_timeout == CONTINUE,
            reselection=Reselection(by_pool=read.reselect_pool, by_address=read.reselect_address),
        )
        return Access(
            client,
            self.teller(service),
            settings,
            family=site.configuration.family,
            dictionary=read.dictionary,
            log=site.log,
            statistics=site.statistics,
        )

    def accounting(self, service: Service, client: IRadiusClient) -> Accounting:
        teller = self.teller(service)
        settings = AccountingSettings(
            nas=teller.nas,
            attributes=tuple((extra.key, extra.value) for extra in service.attributes),
            peer_updates=service.own["peer-updates"],
            session_history=self.read.session_history,
            most=service.own["max-queued-records"],
            reused_leases=service.own["reused-leases"],
            on_off=service.own["accounting-on-off"],
        )
        return accounting(client, settings, teller.account, site=self.site)


def unasked(configuration: Configuration) -> list[str]:
    """The subnets that have no reservations at all, so that nobody is asked about their clients."""
    scopes = ((each.prefix, each.parameters) for each in configuration.subnets)
    return [prefix for prefix, each in scopes if not (each.reservations_in_subnet or each.reservations_global)]


@implementer(IProviderFactory)
class RadiusFactory:
    """Makes it of the parameters of Kea's library; ``connect`` makes clients as `RadiusClient` is made."""

    name = "radius"
    parameters = NAMES

    def __init__(self, connect: Callable[..., Any] = RadiusClient) -> None:
        self._connect = connect

    def make(self, parameters: Mapping[str, Any], site: Any) -> RadiusProvider:
        read = radius(parameters, site.configuration)
        warnings = [*read.warnings]
        if read.access is not None and (open_to_all := unasked(site.configuration)):
            text = (
                "these have neither reservations-in-subnet nor reservations-global, so that RADIUS access is not asked"
            )
            warnings.append(f"{text} about their clients: {', '.join(open_to_all)}")
        for warning in warnings:
            if site.log.warn:
                site.log.warn("RADIUS_CONFIGURATION", warning)
        return Making(read, site, self._connect).provider()


RADIUS: Final = RadiusFactory()
"""The factory for ``libdhcp_radius.so``."""
