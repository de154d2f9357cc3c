"""What commands do to leases is counted, and told to the observers as what queries do is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from txkea.exchange import accounting
from txkea.exchange.site import Site
from txkea.interfaces import ILeaseObserver, ILocalObserver
from txkea.launch import launch
from txkea.wire.text import address_text

__all__ = ["Replacements"]


class Replacements:
    """Told by commands of each lease that they have put in the place of another; in the site that is in force then."""

    def __init__(self, site: Callable[[], Site]) -> None:
        self._site = site

    def __call__(self, lease: Any, was: Any, partner: bool) -> None:
        """A lease took the place of another; None stands for no lease. No observer holds up another, or the command."""
        site = self._site()
        accounting.replaced(site.statistics, site.subnets, lease, was)
        for observer in tuple(site.observers):
            if not (partner and ILocalObserver.providedBy(observer)):
                launch(self._report(site, observer, lease, was))

    async def _report(self, site: Site, observer: ILeaseObserver, lease: Any, was: Any) -> None:
        granted, removed = ([each] if each is not None else [] for each in (lease, was))
        try:
            await observer.leases_committed(None, granted, removed)
        except Exception as error:  # noqa: BLE001 - nobody else would hear it, and the lease is changed all the same
            if site.log.leases.error:
                address = address_text((lease or was).address)
                text = f"an observer of the lease {address}, which a command has changed, failed: {error!r}"
                site.log.leases.error("TXKEA_LEASE_OBSERVER_FAILED", text)
