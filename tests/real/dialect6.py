"""How the differential cases of DHCPv6 are written down: clients, ways, associations that refer to answers."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.real.packets6 import (
    INFORMATION_REQUEST,
    REQUEST,
    SOLICIT,
    Option,
    Query,
    Relay,
    options,
    packed6,
)

__all__ = [
    "ALL",
    "ANSWER",
    "DIRECT",
    "ELAPSED",
    "RAPID",
    "RELAY",
    "SERVER_DUID",
    "SID",
    "SIDE",
    "Case",
    "Client",
    "Clients",
    "Option",
    "Path",
    "Step",
    "asking",
    "cid",
    "doubled",
    "ia",
    "ll",
    "na",
    "offered",
    "pd",
    "text_duid",
]

ALL: Final = "ff02::1:2"
CLIENT_ID, SERVER_ID, IA_NA, ORO, IAADDR, IA_PD, IAPREFIX = 1, 2, 3, 6, 5, 25, 26
SERVER_DUID: Final = bytes.fromhex("0002000009c0c0ffee0123456789")
SID: Final[Option] = (SERVER_ID, SERVER_DUID)
RAPID: Final[Option] = (14, b"")
ELAPSED: Final[Option] = (8, b"\0\0")
ANSWER: Final = b"\xffas answered"
"""Begins what stands for an address or prefix in this server's last answer; see `offered`."""


class Step(NamedTuple):
    """A query on the wire."""

    query: Query
    link: str
    """The interface of the client's namespace."""
    source: str
    destination: str = ALL
    source_port: int = 546
    free: tuple[str, ...] = ()
    """Networks of which any address or prefix is as good as any other."""

    @property
    def unicast(self) -> bool:
        """Whether it goes from a client straight to an address of the server."""
        return self.destination != ALL and not self.query.relays


class Case(NamedTuple):
    """Steps of which each needs those before; nobody else's."""

    name: str
    steps: tuple[Step, ...]


class Client(NamedTuple):
    """A test client of its own."""

    number: int

    @property
    def duid(self) -> bytes:
        return ll(b"\x02\0\0" + self.number.to_bytes(3, "big"))

    def address(self, subnet: int, more: int = 0) -> str:
        """An address in the pool of a subnet that no other client asks for; several with ``more``."""
        return f"2001:db8:{subnet}:1::{0x1000 + more:x}:{self.number:x}"

    def prefix(self, subnet: int, more: int = 0) -> str:
        """A prefix of 56 bits in the pool of a subnet that no other client asks for; several with ``more``."""
        return f"3001:{subnet}:{self.number:x}:{0x100 * (1 + more):x}::"


class Clients:
    """Hands out clients that nobody else has."""

    def __init__(self) -> None:
        self._next = 0x10

    def __call__(self) -> Client:
        self._next += 1
        return Client(self._next)


class Path(NamedTuple):
    """A way to the server."""

    name: str
    link: str
    subnet: int
    relayed: bool
    source: str
    destination: str

    def send(self, client: Client | None, kind: int, *more: Option, **fields: object) -> Step:
        """A query of a client that tells its DUID, relayed or not; `Query` and `Step` fields by name."""
        of_step = {key: fields.pop(key) for key in list(fields) if key in Step._fields}
        subnet = fields.pop("subnet", self.subnet)
        relays = (Relay(f"2001:db8:{subnet}::9", "fe80::c"),) if self.relayed else ()
        duid = (cid(client.duid),) if client is not None else ()
        query = Query(kind, **{"options": (*duid, *more), "relays": relays, **fields})  # type: ignore[arg-type]
        way: dict[str, object] = {
            "source": self.source,
            "destination": self.destination,
            "source_port": 547 if self.relayed else 546,
        }
        return Step(query, self.link, **{**way, **of_step})  # type: ignore[arg-type]

    def lease(self, client: Client | None, *more: Option, **fields: object) -> tuple[Step, ...]:
        """SOLICIT and REQUEST with these options."""
        return self.send(client, SOLICIT, *more, **fields), self.send(client, REQUEST, SID, *more, **fields)

    def inform(self, *more: Option, **fields: object) -> Step:
        """An INFORMATION-REQUEST that tells no DUID."""
        return self.send(None, INFORMATION_REQUEST, *more, **fields)


RELAY: Final = Path("relay", "eth1", 2, True, "2001:db8:f::2", "2001:db8:f::1")
DIRECT: Final = Path("direct", "eth0", 1, False, "fe80::ee:ff:fe00:0", ALL)
SIDE: Final = Path("side", "eth2", 9, False, "fe80::ee:ff:fe00:2", ALL)


def ll(hwaddr: bytes) -> bytes:
    """A DUID of a hardware address."""
    return b"\0\3\0\1" + hwaddr


def text_duid(duid: bytes) -> str:
    """A DUID as a configuration writes it."""
    return ":".join(f"{byte:02x}" for byte in duid)


def cid(duid: bytes) -> Option:
    """Client identifier."""
    return CLIENT_ID, duid


def asking(*codes: int) -> Option:
    """Option request."""
    return ORO, b"".join(code.to_bytes(2, "big") for code in codes)


def na(
    iaid: int = 1, *addresses: str, times: Sequence[int] = (0, 0), t1: int = 0, t2: int = 0, more: bytes = b""
) -> Option:
    """An IA_NA; ``times`` are preferred and valid lifetime of each address, ``more`` are further encoded options."""
    inside = ((IAADDR, _place(IA_NA, iaid, each) + struct.pack("!II", *times)) for each in addresses)
    return ia(IA_NA, iaid, options(*inside) + more, t1, t2)


def pd(
    iaid: int = 1, *prefixes: str, times: Sequence[int] = (0, 0), t1: int = 0, t2: int = 0, more: bytes = b""
) -> Option:
    """An IA_PD; a prefix is written ``prefix/length``, or without length for 56."""
    inside: list[Option] = []
    for each in prefixes:
        prefix, _, length = each.partition("/")
        payload = struct.pack("!IIB", *times, int(length or "56")) + _place(IA_PD, iaid, prefix)
        inside.append((IAPREFIX, payload))
    return ia(IA_PD, iaid, options(*inside) + more, t1, t2)


def ia(code: int, iaid: int, inside: bytes = b"", t1: int = 0, t2: int = 0) -> Option:
    """An identity association."""
    return code, struct.pack("!III", iaid, t1, t2) + inside


def offered(code: int, iaid: int) -> bytes:
    """Stands in a query for what this server's last answer had in that association."""
    return ANSWER + bytes((code,)) + iaid.to_bytes(4, "big")[-3:]


def doubled(options_of: Sequence[Option], code: int) -> tuple[Option, ...]:
    """The same options with each of a code twice."""
    return tuple(each for each in options_of for _ in range(2 if each[0] == code else 1))


def _place(code: int, iaid: int, address: str) -> bytes:
    return offered(code, iaid) if address == "offered" else packed6(address)
