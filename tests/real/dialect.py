"""How the differential cases are written down: clients, the paths of their queries, steps that refer to answers."""

from __future__ import annotations

from typing import Final, NamedTuple

from tests.real.packets import DISCOVER, RELEASE, REQUEST, Query, chaddr, packed
from tests.real.tap import BROADCAST

__all__ = [
    "DIRECT",
    "OFFERED",
    "PRL",
    "RELAY",
    "SIDE",
    "Case",
    "Client",
    "Option",
    "Path",
    "Step",
    "asking",
    "sid",
    "want",
]

Option = tuple[int, bytes]
OFFERED: Final = "0.0.0.1"
"""Stands for the address in this server's answer to the step before, as ``ciaddr`` or in an option."""
NOWHERE: Final = "203.0.113.9"
"""In no subnet."""
BROADCAST_FLAG: Final = 0x8000
PRL: Final[Option] = (55, bytes((1, 3, 6, 15, 42, 51, 54, 58, 59)))


class Step(NamedTuple):
    """A query on the wire."""

    query: Query
    link: str
    """The interface of the client's namespace."""
    source: str = "0.0.0.0"
    destination: str = BROADCAST
    source_port: int = 68
    as_client: bool = False
    """Whether the frame comes from the client's own hardware address."""
    pool: str = ""
    """Any address that starts so is as good as any other."""


class Case(NamedTuple):
    """Steps of which each needs those before; nobody else's."""

    name: str
    steps: tuple[Step, ...]


class Client(NamedTuple):
    """A test client of its own."""

    number: int

    @property
    def hwaddr(self) -> bytes:
        return chaddr(self.number)

    def address(self, subnet: int) -> str:
        """An address in the pool of a subnet that no other client asks for."""
        return f"10.{subnet}.{20 + self.number // 200}.{1 + self.number % 200}"


class Clients:
    """Hands out clients that nobody else has."""

    def __init__(self) -> None:
        self._next = 0

    def __call__(self) -> Client:
        self._next += 1
        return Client(self._next)


class Path(NamedTuple):
    """A way to the server."""

    name: str
    link: str
    server: str
    """The server identifier seen there."""
    subnet: int
    relayed: bool

    def send(self, client: Client, kind: int, *options: Option, **fields: object) -> Step:
        """A query broadcast by the client, relayed or not; `Query` and `Step` fields by name."""
        of_step = {key: fields.pop(key) for key in list(fields) if key in Step._fields}
        subnet = fields.pop("subnet", self.subnet)
        giaddr = f"10.{subnet}.0.9"
        head: dict[str, object] = {"giaddr": giaddr, "hops": 1} if self.relayed else {}
        query = Query(kind, **{"chaddr": client.hwaddr, "options": options, **head, **fields})  # type: ignore[arg-type]
        if self.relayed:
            way = {"source": query.giaddr, "destination": self.server, "source_port": 67}
        else:
            way = {"as_client": True}
        return Step(query, self.link, **{**way, **of_step})  # type: ignore[arg-type]

    def renew(self, client: Client, address: str, *options: Option, **fields: object) -> Step:
        """A renewal: unicast where there is no relay (which only sees broadcasts), else rebinding."""
        if self.relayed:
            return self.send(client, REQUEST, *options, ciaddr=address, **fields)
        return self.unicast(client, REQUEST, *options, address=address, **fields)

    def release(self, client: Client, address: str, *options: Option, **fields: object) -> Step:
        """A release of an address, with server identifier."""
        if self.relayed:
            return self.send(client, RELEASE, sid(self.server), *options, ciaddr=address, **fields)
        return self.unicast(client, RELEASE, sid(self.server), *options, address=address, **fields)

    def unicast(self, client: Client, kind: int, *options: Option, address: str, **fields: object) -> Step:
        """From a client that has an address to the server's own."""
        way = {"source": address, "destination": self.server, "as_client": True}
        return self.send(client, kind, *options, **{"ciaddr": address, **way, **fields})

    def lease(self, client: Client, address: str, *options: Option, **fields: object) -> tuple[Step, ...]:
        """DISCOVER and REQUEST for an address; ``OFFERED`` for any of the pool."""
        hint = () if address == OFFERED else (want(address),)
        pool = {"pool": f"10.{fields.get('subnet', self.subnet)}."} if address == OFFERED else {}
        return (
            self.send(client, DISCOVER, *hint, *options, **{**pool, **fields}),
            self.send(client, REQUEST, want(address), sid(self.server), *options, **{**pool, **fields}),
        )


RELAY: Final = Path("relay", "eth1", "172.16.0.1", 2, True)
DIRECT: Final = Path("direct", "eth0", "10.0.0.1", 0, False)
SIDE: Final = Path("side", "eth2", "198.51.100.1", 9, False)
"""An interface whose subnet is chosen by the interface's name."""


def want(address: str) -> Option:
    """Requested address."""
    return 50, packed(address)


def sid(address: str) -> Option:
    """Server identifier."""
    return 54, packed(address)


def asking(*codes: int) -> Option:
    """Parameter request list."""
    return 55, bytes(codes)


def host(number: int) -> bytes:
    """The hardware address of a client with a reservation in subnet 7."""
    return bytes((2, 7, 0, 0, 0, number))
