"""Where situations of client classes in DHCPv4 take place: subnets, kinds of clients, what they send."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, Final

from tests.real.dialect import OFFERED, RELAY, Client, Clients, Option, Step, asking
from tests.real.expressions4 import EXPRESSIONS4, QUERIES4
from tests.real.packets import DISCOVER
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
    "expressions4",
    "reserved_for",
    "sign",
]

TOGETHER: Final = 6
"""Expressions in one configuration."""
SIGNS: Final = 240
"""The first of the options that tell which classes a client is in."""
WANTED: Final[Option] = asking(1, 3, 6, 12, 15, 28, 42, 43, 66, 67, 119, 125, *range(SIGNS, SIGNS + 12))

PROBED: Final = [
    {"id": number, "subnet": f"10.{number}.0.0/16", "pools": [{"pool": f"10.{number}.16.1 - 10.{number}.63.254"}]}
    for number in (0, 2)
]
BASE: Final[Tree] = {
    "interfaces-config": {"interfaces": ["eth0", "eth1"], "dhcp-socket-type": "raw"},
    "multi-threading": {"enable-multi-threading": False},
    "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0},
    "expired-leases-processing": {"reclaim-timer-wait-time": 0, "flush-reclaimed-timer-wait-time": 0},
    "valid-lifetime": 4000,
    "cache-threshold": 0.0001,
    "loggers": [
        {"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "@DIRECTORY@/server.log"}]},
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
    """The subnets of one situation, within 10.NUMBER.0.0/16, and its clients."""

    def __init__(self, number: int, clients: Clients) -> None:
        self.number = number
        self.new = clients

    def pool(self, index: int = 1, subnet: int = 0, /, **more: Any) -> Tree:
        """The pool of an index from 1 to 15 of a subnet."""
        start = f"10.{self.number}.{16 * subnet + index}"
        return {"pool": f"{start}.1 - {start}.200", **more}

    def subnet(self, *pools: Tree, index: Any = 0, **more: Any) -> Tree:
        """The subnet of an index from 0 to 15; without pools it has one."""
        return {
            "id": self.number * 16 + index,
            "subnet": f"10.{self.number}.{16 * index}.0/20",
            "pools": list(pools) or [self.pool(1, index)],
            **more,
        }

    def discover(self, *options: Option, client: Client | None = None, **fields: Any) -> Step:
        """A DISCOVER of a client, by default a new one."""
        chosen = client or self.new()
        return RELAY.send(chosen, DISCOVER, *options, WANTED, subnet=self.number, **fields)

    def lease(self, *options: Option, client: Client | None = None, **fields: Any) -> tuple[Step, ...]:
        """DISCOVER and REQUEST of a client, by default a new one."""
        chosen = client or self.new()
        return RELAY.lease(chosen, OFFERED, *options, WANTED, subnet=self.number, **fields)


def configured(subnets: Sequence[Tree], classes: Sequence[Tree] = (), **more: Any) -> Tree:
    """The whole configuration of a situation; keywords with ``_`` for ``-``."""
    given = {"client-classes": list(classes)} if classes else {}
    return {**BASE, "subnet4": [*PROBED, *subnets], **given, **dashed(more)}


class Places:
    """Hands out places that no other situation has."""

    def __init__(self) -> None:
        self._numbers = count(20)
        self._clients = Clients()

    def __call__(self) -> Place:
        return Place(next(self._numbers), self._clients)


def expressions4(new: Places) -> Iterator[Situation]:
    """Every operator and function: who is a member."""
    for start in range(0, len(EXPRESSIONS4), TOGETHER):
        place, tests = new(), EXPRESSIONS4[start : start + TOGETHER]
        classes = [class_of(f"test{index}", test, sign(index, always_send=True)) for index, test in enumerate(tests)]
        queries = tuple(place.discover(*options, **fields) for options, fields in QUERIES4)
        configuration = configured([place.subnet()], [class_of("nobody"), *classes])
        signs = {f"option {SIGNS + index}": test for index, test in enumerate(tests)}
        yield Situation(f"expressions from {start}", configuration, queries, signs)


Told = Iterator[tuple[str, Place, Tree, Sequence[Step]]]
"""Name, place, configuration and steps of situations."""
PHONE: Final[Option] = (60, b"phone")
LAPTOP: Final[Option] = (60, b"laptop")
BOTH: Final[Option] = (60, b"phone laptop")
PHONES: Final = class_of("phones", "substring(option[60].hex, 0, 5) == 'phone'", sign(0, "aa", always_send=True))
LAPTOPS: Final = class_of(
    "laptops",
    "substring(option[60].hex, -6, all) == 'laptop'",
    sign(0, "bb", always_send=True),
    sign(1, "bb", always_send=True),
)
KINDS: Final = (PHONES, LAPTOPS)
ASKERS: Final[tuple[tuple[Option, ...], ...]] = ((), (PHONE,), (LAPTOP,), (BOTH,))


PICKY: Final[tuple[tuple[Option, ...], ...]] = ((BOTH,), (PHONE,), (LAPTOP,), ())
"""Those first who may use several pools: later on they depend on what the server gave last."""


def everybody(place: Place, askers: Sequence[Sequence[Option]] = ASKERS) -> list[Step]:
    """One client of each kind takes a lease."""
    return [step for options in askers for step in place.lease(*options)]


def reserved_for(client: Client, **more: Any) -> Tree:
    """A reservation for a client's hardware address."""
    return {"hw-address": ":".join(f"{byte:02x}" for byte in client.hwaddr), **dashed(more)}
