"""What the tests of DHCPv6's exchange share: servers from Kea's keywords, and shorthands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve

from tests.configuring import configured6
from tests.exchanging import reclaiming
from txkea.model.configuration import DdnsClient
from txkea.testing.clients6 import Answer6, LocalServer6
from txkea.testing.serving import ON_LINK6 as ON_LINK
from txkea.wire.dhcp6 import MessageType6

__all__ = ["ADVERTISE", "BEHIND_RELAY", "LINK", "ON_LINK", "REPLY", "got6", "reclaiming", "serving6"]

ADVERTISE, REPLY = int(MessageType6.ADVERTISE), int(MessageType6.REPLY)
LINK: Final = "2001:db8:2::1"
"""A relay's link-address, in subnet 2."""

Keywords = Mapping[str, Any]

BEHIND_RELAY: Final[Keywords] = {
    "id": 2,
    "subnet": "2001:db8:2::/64",
    "pools": [{"pool": "2001:db8:2::10 - 2001:db8:2::19"}],
    "pd-pools": [{"prefix": "2001:db8:2000::", "prefix-len": 48, "delegated-len": 56}],
}


def serving6(
    on_link: Keywords | None = None, *, site: Keywords | None = None, updates: bool = False, **dhcp6: Any
) -> LocalServer6:
    """A server with subnet 1 on its own link and subnet 2 behind a relay, each with addresses and prefixes.

    ``on_link`` are further keywords of subnet 1, ``site`` of `memory_site`, the rest of ``Dhcp6`` (``_`` for ``-``);
    ``updates`` says whether DNS updates are on.
    """
    keywords = {"subnet6": [{**ON_LINK, **(on_link or {})}, BEHIND_RELAY], "cache_threshold": 0.0, **dhcp6}
    configuration = evolve(configured6(**keywords), ddns=DdnsClient(enable_updates=updates))
    return LocalServer6(configuration, **(site or {}))


def got6(answer: Answer6 | None, kind: int = REPLY) -> Answer6:
    """The answer, which must be of this type."""
    assert answer is not None, "no answer"
    assert answer.type == kind, f"type {answer.type} in place of {kind}"
    return answer
