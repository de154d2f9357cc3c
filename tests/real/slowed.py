"""Servers that ask something slow about some of their clients: RADIUS, or a database; and how slow it is made.

Three kinds of clients come at a steady pace: those that the server has asked about already, those of a subnet about
which it asks nobody, and new ones of the subnet about which it asks. Who need not wait is to be served as ever.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from tests.real.databases import Postgres
from tests.real.freeradius import FreeRadius
from tests.real.paced import Group
from tests.real.packets import chaddr
from tests.real.plain import plain
from tests.real.proxies import Proxy
from tests.real.radius_proxy import RadiusProxy
from tests.real.servers import Product, Server
from txkea.testing.namespaces import Namespace

__all__ = ["GROUPS", "KNOWN", "NEW", "OTHERS", "SERVER", "Radius", "Slowed", "Sql", "groups", "prepare", "relays"]

SERVER: Final = "10.0.0.1"
"""The address of the server in its network, which is 10.0.0.0/8."""
KNOWN, OTHERS, NEW = "known", "others", "new"
GROUPS: Final = (KNOWN, OTHERS, NEW)
"""The names of the groups: who must not wait comes first."""
ASKING, PLAIN = "10.1.0.1", "10.2.0.1"
"""The relays of the subnet about whose clients somebody is asked, and of the other."""
FIRST: Final[Mapping[str, int]] = {KNOWN: 0, OTHERS: 1 << 20, NEW: 1 << 21}
"""The number of the first client of a group."""
TIMEOUT: Final = 2
"""Seconds after which RADIUS is asked once more."""
RESERVED: Final = 8 << 8
"""What the reserved addresses begin with in the last two octets: no pool has them."""


class Slowed(ABC):
    """What a server asks, and a proxy before it; ``known`` are the clients for whom it has an address."""

    name: ClassVar[str]

    @abstractmethod
    def words(self, cache: bool) -> dict[str, Any]:
        """The members of ``Dhcp4`` that name it; with a ``cache`` of what it said or without."""

    @abstractmethod
    def delay(self, seconds: float) -> None:
        """Let each answer come so much later; 0 is as ever."""

    @abstractmethod
    def silence(self, silent: bool) -> None:
        """Let no answer come; or again."""

    @abstractmethod
    def close(self) -> None:
        """End it."""


class Sql(Slowed):
    """Reservations in PostgreSQL."""

    name = "PostgreSQL"

    def __init__(self, namespace: Namespace, known: int) -> None:
        self._database = Postgres.launch().fresh()
        self._database.execute(
            "INSERT INTO hosts (dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id, ipv4_address)"
            f" SELECT decode('02' || lpad(to_hex(n), 10, '0'), 'hex'), 0, 1, {_number('10.1.0.0') + RESERVED} + n"
            f" FROM generate_series(0, {known - 1}) AS n"
        )
        self._proxy = Proxy("postgresql", self._database.port, namespace)

    def words(self, cache: bool) -> dict[str, Any]:
        """See `Slowed`."""
        given = plain(self._database, **{"on-fail": "serve-retry-continue"})
        hosts = {**given, "host": self._proxy.host, "port": self._proxy.port}
        hooks = {"hooks-libraries": [{"library": "libdhcp_host_cache.so"}]} if cache else {}
        return {"hosts-databases": [hosts], **hooks}

    def delay(self, seconds: float) -> None:
        """See `Slowed`."""
        self._proxy.tell(delay=seconds)

    def silence(self, silent: bool) -> None:
        """See `Slowed`."""
        self._proxy.tell(hang=silent)

    def close(self) -> None:
        """See `Slowed`."""
        self._proxy.close()


class Radius(Slowed):
    """FreeRADIUS; it lets in all that it is asked about."""

    name = "RADIUS"

    def __init__(self, namespace: Namespace, known: int) -> None:
        users = [
            f"{_colons(client)} Auth-Type := Accept\n  Framed-IP-Address = {_reserved(client)}\n"
            for client in range(known)
        ]
        self.server = FreeRadius("".join(users) + "DEFAULT Auth-Type := Accept\n  Reply-Message = unknown\n")
        self.server.start()
        self._proxy = RadiusProxy(self.server.port, namespace)

    def words(self, cache: bool) -> dict[str, Any]:
        """See `Slowed`."""
        access = {"servers": [self.server.server(name=self._proxy.host, port=self._proxy.port)]}
        parameters = {"identifier-type4": "hw-address", "timeout": TIMEOUT, "access": access}
        hooks = [{"library": "libdhcp_radius.so", "parameters": parameters}]
        return {"hooks-libraries": [*([{"library": "libdhcp_host_cache.so"}] if cache else []), *hooks]}

    def delay(self, seconds: float) -> None:
        """See `Slowed`."""
        self._proxy.tell(delay=seconds)

    def silence(self, silent: bool) -> None:
        """See `Slowed`."""
        self._proxy.tell(drop=silent)

    def close(self) -> None:
        """See `Slowed`."""
        self._proxy.close()
        self.server.remove()


def _number(address: str) -> int:
    return sum(int(octet) << shift for octet, shift in zip(address.split("."), (24, 16, 8, 0), strict=True))


def _colons(client: int) -> str:
    return chaddr(client).hex(":")


def _reserved(client: int) -> str:
    return f"10.1.{(RESERVED + client) >> 8}.{(RESERVED + client) & 255}"


def prepare(product: Product, slowed: Slowed, directory: Path, namespace: Namespace, **words: Any) -> Server:
    """A server that asks, not yet started; an underscore of ``words``, members of ``Dhcp4``, is a hyphen."""
    further = {name.replace("_", "-"): value for name, value in words.items()}
    document = {**configuration(), **slowed.words(product.name == "txkea"), **further}
    return Server(product, json.dumps({"Dhcp4": document}), directory, namespace)


def configuration() -> dict[str, Any]:
    """What all have in common."""
    return {
        "interfaces-config": {"interfaces": ["eth0"], "dhcp-socket-type": "udp"},
        "control-socket": {"socket-type": "unix", "socket-name": "@DIRECTORY@/control"},
        "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0},
        "host-reservation-identifiers": ["hw-address"],
        "reservations-global": False,
        "reservations-out-of-pool": True,
        "valid-lifetime": 4000,
        "subnet4": [_subnet(1, True), _subnet(2, False)],
        "loggers": [
            {"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "@DIRECTORY@/server.log"}]},
            {"name": "kea-dhcp4.leases", "severity": "WARN"},
        ],
    }


def _subnet(number: int, reservations: bool) -> dict[str, Any]:
    return {
        "id": number,
        "subnet": f"10.{number}.0.0/16",
        "pools": [{"pool": f"10.{number}.64.0/18"}, {"pool": f"10.{number}.128.0/17"}],
        "reservations-in-subnet": reservations,
    }


def relays(namespace: Namespace) -> None:
    """Give the clients' network the addresses of the relays."""
    for address in (ASKING, PLAIN):
        namespace.run(["ip", "addr", "add", f"{address}/32", "dev", "eth0"])


def groups(known: int, rate: float, new: float) -> list[Group]:
    """The clients: ``known`` of the first two groups, who come back at this rate; and so many new ones per second."""
    return [
        Group(KNOWN, ASKING, rate, FIRST[KNOWN], known),
        Group(OTHERS, PLAIN, rate, FIRST[OTHERS], known),
        Group(NEW, ASKING, new, FIRST[NEW], 1 << 20, patience=30.0),
    ]
