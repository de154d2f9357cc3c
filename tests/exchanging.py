"""What the tests of the exchange share: servers from Kea's keywords, and shorthands for options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from attrs import evolve
from twisted.internet.task import Clock

from tests.configuring import configured
from txkea.exchange import accounting
from txkea.leases.expiry import Reclamation
from txkea.model.configuration import DdnsClient
from txkea.testing.clients4 import Answer, LocalServer
from txkea.testing.local import Local
from txkea.testing.serving import ON_LINK4 as ON_LINK
from txkea.wire.dhcp4 import MessageType4

__all__ = [
    "ACK", "BEHIND_RELAY", "LOCAL", "NAK", "OFFER", "ON_LINK", "OTHER", "RELAY", "got", "prl", "reclaiming", "serving",
]  # fmt: skip

OFFER, ACK, NAK = int(MessageType4.OFFER), int(MessageType4.ACK), int(MessageType4.NAK)
LOCAL: Final = "192.0.2.1"
"""The server's address on eth0."""
RELAY: Final = "198.51.100.1"
"""A relay's, in subnet 2."""
OTHER: Final = "203.0.113.9"
"""Another server's address."""

Keywords = Mapping[str, Any]
AnyServer = TypeVar("AnyServer", bound="Local[Any, Any]")

BEHIND_RELAY: Final[Keywords] = {
    "id": 2,
    "subnet": "198.51.100.0/24",
    "pools": [{"pool": "198.51.100.10 - 198.51.100.19"}],
}


def serving(
    on_link: Keywords | None = None, *, site: Keywords | None = None, updates: bool = False, **dhcp4: Any
) -> LocalServer:
    """A server with subnet 1 on its own link and subnet 2 behind a relay.

    ``on_link`` are further keywords of subnet 1, ``site`` of `memory_site`, the rest of ``Dhcp4`` (``_`` for ``-``);
    ``updates`` says whether DNS updates are on.
    """
    keywords = {"subnet4": [{**ON_LINK, **(on_link or {})}, BEHIND_RELAY], "cache_threshold": 0.0, **dhcp4}
    configuration = evolve(configured(**keywords), ddns=DdnsClient(enable_updates=updates))
    return LocalServer(configuration, **(site or {}))


def got(answer: Answer | None, kind: int) -> Answer:
    """The answer, which must be of this type."""
    assert answer is not None, "no answer"
    assert answer.type == kind, f"type {answer.type} in place of {kind}"
    return answer


def prl(*codes: int) -> dict[int, bytes]:
    """A parameter request list."""
    return {55: bytes(codes)}


class Instantly(Clock):
    """A clock that leaves nobody waiting for the next turn of the reactor."""

    def callLater(self, delay: float, *call: Any, **keywords: Any) -> Any:
        later = super().callLater(delay, *call, **keywords)
        self.advance(0)
        return later


def reclaiming(server: AnyServer) -> AnyServer:
    """Let the server reclaim expired leases when addresses run out, as its service does."""
    site = server.site
    reclamation = Reclamation(
        site.leases,
        site.configuration.expiry,
        reactor=Instantly(),
        log=site.log.alloc_engine,
        reclaimed=lambda lease: accounting.reclaimed(site.statistics, site.subnets, lease),
    )
    site.reclaim = reclamation.on_demand
    return server
