"""Where situations of client classes in DHCPv6 take place: subnets, kinds of clients, what they send."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, Final

from tests.real.dialect6 import (
    RELAY,
    SID,
    Client,
    Clients,
    Option,
    Step,
    asking,
    na,
    pd,
    text_duid,
)
from tests.real.expressions6 import EXPRESSIONS6, QUERIES6, relays, tuples
from tests.real.packets6 import INFORMATION_REQUEST, RENEW, REQUEST, SOLICIT
from tests.real.situations import Situation, Tree, class_of, dashed

__all__ = [
    "ASKERS",
    "BOTH",
    "KINDS",
    "LAPTOP",
    "LAPTOPS",
    "PHONE",
    "PHONES",
    "PICKY",
    "SIGNS",
    "WANTED",
    "Place",
    "Places",
    "Told",
    "configured",
    "everybody",
    "expressions6",
    "reserved_for",
    "sign",
]

TOGETHER: Final = 6
"""Expressions in one configuration."""
SIGNS: Final = 65000
"""The first of the options that tell which classes a client is in."""
WANTED: Final[Option] = asking(17, 23, 24, 59, *range(SIGNS, SIGNS + 9))

PROBED: Final = [
    {"id": number, "subnet": f"2001:db8:{number}::/48", "pools": [{"pool": f"2001:db8:{number}:1::/64"}]}
    for number in (1, 2)
]
PROBED[0]["interface"] = "eth0"
BASE: Final[Tree] = {
    "interfaces-config": {"interfaces": ["eth0", "eth1", "eth1/2001:db8:f::1"]},
    "server-id": {
        "type": "EN",
        "enterprise-id": 2496,
        "identifier": "C0FFEE0123456789",
        "persist": False,
    },
    "multi-threading": {"enable-multi-threading": False},
    "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0},
    "expired-leases-processing": {"reclaim-timer-wait-time": 0, "flush-reclaimed-timer-wait-time": 0},
    "valid-lifetime": 4000,
    "cache-threshold": 0.0001,
    "preferred-lifetime": 3000,
    "loggers": [
        {"name": "kea-dhcp6", "severity": "INFO", "output_options": [{"output": "@DIRECTORY@/server.log"}]},
    ],
}


def sign(index: int, value: str = "01", /, **more: Any) -> Tree:
    """An option that tells that a class's options, or a scope's, are in the answer."""
    return {
        "code": SIGNS + index,
        "csv-format": False,
        "data": value,
        **dashed(more),
    }


class Place:
    """The subnets of one situation, within 2001:db8:NUMBER::/48 and 3001:NUMBER::/32, and its clients."""

    def __init__(self, number: int, clients: Clients) -> None:
        self.number = number
        self.new = clients

    def pool(self, index: int = 1, subnet: int = 0, /, **more: Any) -> Tree:
        """The pool of addresses of an index from 1 to 15 of a subnet."""
        return {"pool": f"2001:db8:{self.number}:{subnet:x}{index:x}00::/64", **more}

    def pd_pool(self, index: int = 1, subnet: int = 0, /, **more: Any) -> Tree:
        """The pool of 256 prefixes of an index from 1 to 15 of a subnet."""
        return {"prefix": f"3001:{self.number}:{subnet:x}{index:x}00::", "prefix-len": 56, "delegated-len": 64, **more}

    def subnet(self, *pools: Tree, index: Any = 0, pd_pools: Any = None, **more: Any) -> Tree:
        """The subnet of an index from 0 to 15; without pools it has one of each type."""
        return {
            "id": self.number * 16 + index,
            "subnet": f"2001:db8:{self.number}:{index:x}000::/52",
            "pools": list(pools) or [self.pool(1, index)],
            "pd-pools": [self.pd_pool(1, index)] if pd_pools is None else list(pd_pools),
            **more,
        }

    def solicit(self, *more: Option, client: Client | None = None, **fields: Any) -> Step:
        """A SOLICIT of a client, by default a new one, for an address."""
        chosen = client or self.new()
        return RELAY.send(chosen, SOLICIT, na(1), WANTED, *more, subnet=self.number, **fields)

    def lease(
        self, *more: Option, client: Client | None = None, renew: bool = False, **fields: Any
    ) -> tuple[Step, ...]:
        """SOLICIT and REQUEST, and RENEW if asked for, of a client, by default a new one: an address and a prefix."""
        chosen = client or self.new()
        told = {"subnet": self.number, **fields}
        wishes = na(1, "offered"), pd(2, "offered/64"), WANTED, *more
        steps = [
            RELAY.send(chosen, SOLICIT, na(1), pd(2), WANTED, *more, **told),
            RELAY.send(chosen, REQUEST, SID, *wishes, **told),
        ]
        return (*steps, RELAY.send(chosen, RENEW, SID, *wishes, **told)) if renew else tuple(steps)

    def inform(self, *more: Option, **fields: Any) -> Step:
        """An INFORMATION-REQUEST."""
        return RELAY.send(self.new(), INFORMATION_REQUEST, WANTED, *more, subnet=self.number, **fields)


def configured(subnets: Sequence[Tree], classes: Sequence[Tree] = (), **more: Any) -> Tree:
    """The whole configuration of a situation; keywords with ``_`` for ``-``."""
    given = {"client-classes": list(classes)} if classes else {}
    return {**BASE, "subnet6": [*PROBED, *subnets], **given, **dashed(more)}


class Places:
    """Hands out places that no other situation has."""

    def __init__(self) -> None:
        self._numbers = count(20)
        self._clients = Clients()

    def __call__(self) -> Place:
        return Place(next(self._numbers), self._clients)


def expressions6(new: Places) -> Iterator[Situation]:
    """Every operator and function: who is a member."""
    for start in range(0, len(EXPRESSIONS6), TOGETHER):
        place, tests = new(), EXPRESSIONS6[start : start + TOGETHER]
        classes = [class_of(f"test{index}", test, sign(index, always_send=True)) for index, test in enumerate(tests)]
        ways = {"": {}, **relays(f"2001:db8:{place.number}::9")}
        queries = tuple(place.solicit(*options, **ways[way]) for options, way in QUERIES6)
        configuration = configured([place.subnet()], [class_of("nobody"), *classes])
        signs = {f"option {SIGNS + index}": test for index, test in enumerate(tests)}
        yield Situation(f"expressions from {start}", configuration, queries, signs)


Told = Iterator[tuple[str, Place, Tree, Sequence[Step]]]
"""Name, place, configuration and steps of situations."""
PHONE: Final[Option] = (15, tuples(b"phone"))
LAPTOP: Final[Option] = (15, tuples(b"laptop"))
BOTH: Final[Option] = (15, tuples(b"phone laptop"))
PHONES: Final = class_of("phones", "substring(option[15].hex, 2, 5) == 'phone'", sign(0, "aa", always_send=True))
LAPTOPS: Final = class_of(
    "laptops",
    "substring(option[15].hex, -6, all) == 'laptop'",
    sign(0, "bb", always_send=True),
    sign(1, "bb", always_send=True),
)
KINDS: Final = (PHONES, LAPTOPS)
ASKERS: Final[tuple[tuple[Option, ...], ...]] = ((), (PHONE,), (LAPTOP,), (BOTH,))
PICKY: Final[tuple[tuple[Option, ...], ...]] = ((BOTH,), (PHONE,), (LAPTOP,), ())
"""Those first who may use several pools: later on they depend on what the server gave last."""


def everybody(place: Place, askers: Sequence[Sequence[Option]] = ASKERS) -> list[Step]:
    """One client of each kind takes leases."""
    return [step for options in askers for step in place.lease(*options)]


def reserved_for(client: Client, **more: Any) -> Tree:
    """A reservation for a client's DUID."""
    return {"duid": text_duid(client.duid), **dashed(more)}
