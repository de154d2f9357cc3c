"""What expressions read of a query, and how its options are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias

from txkea.errors import Malformed
from txkea.interfaces import Origin
from txkea.wire.cursor import Cursor
from txkea.wire.definition import OptionDefinition
from txkea.wire.dhcp6 import CONTAINERS6, parse_options6
from txkea.wire.fields import KINDS
from txkea.wire.options import parse_suboptions, parse_tuples, parse_vendor, parse_vendor6

__all__ = [
    "NONE",
    "Options",
    "Query",
    "destination",
    "enterprise",
    "inner_options",
    "relay_field",
    "relay_options",
    "uint32",
    "vendor_data",
    "vendor_exists",
    "vendor_options",
]


class Query(Protocol):
    """A query as `txkea.exchange.query` has it; expressions change nothing in it.

    Its ``message`` is read too, and of DHCPv4 its ``suboptions``: those of option 82 by code, or None.
    """

    origin: Origin
    length: int
    """Bytes of the datagram's payload."""
    classes: dict[str, None]
    """The names of the classes that it is in, in the order in which it came into them (Kea D014)."""


Options: TypeAlias = Mapping[int, bytes]
"""The payloads of options by code, of a repeated code one."""
NONE: Final[Options] = MappingProxyType({})

# -- fields of the datagram --------------------------------------------------------------------------------------------

BROADCAST4: Final = b"\xff\xff\xff\xff"
ALL_AGENTS: Final = bytes.fromhex("ff020000000000000000000000010002")


def destination(query: Any) -> bytes:
    """Where the datagram was sent; of groups and broadcasts, the one that clients use."""
    origin = query.origin
    local: bytes = origin.socket.local
    if not origin.broadcast:
        return local
    return BROADCAST4 if len(local) == 4 else ALL_AGENTS


def uint32(value: int) -> bytes:
    """An integer as expressions have it."""
    return value.to_bytes(4, "big")


# -- options -----------------------------------------------------------------------------------------------------------


def relay_options(relays: Sequence[Any], number: int) -> Options:
    """Those of the relay of this number: 0 is closest to the server, -1 to the client (Kea D034)."""
    return relays[number].options if -len(relays) <= number < len(relays) else NONE


def relay_field(number: int, name: str) -> Callable[[Any], bytes]:
    """Reads ``peeraddr`` or ``linkaddr`` of the relay of this number."""
    attribute = "peer_address" if name == "peeraddr" else "link_address"

    def read(query: Any) -> bytes:
        relays = query.message.relays
        return getattr(relays[number], attribute) if -len(relays) <= number < len(relays) else b""

    return read


def vendor_options(enterprise: int, family: int) -> Callable[[Any], Options]:
    """Finds the options of an enterprise; of 0 those that come first."""
    find = vendors("vendor", family)
    return lambda query: read_options(family, chosen(find(query), enterprise))


def chosen(by_enterprise: Mapping[int, bytes], enterprise: int) -> bytes:
    """The data of an enterprise; of 0 those that come first (Kea D038)."""
    if not enterprise:
        return next(iter(by_enterprise.values()), b"")
    return by_enterprise.get(enterprise, b"")


def read_options(family: int, payload: bytes, padded: bool = False) -> Options:
    """The options in some bytes, of a repeated code of DHCPv6 the first; none if they are none."""
    try:
        if family == 4:
            return parse_suboptions(payload, padded)
        return dict(reversed(parse_options6(payload)))
    except Malformed:
        return NONE


def inner_options(definition: OptionDefinition | None, code: int, family: int) -> Callable[[bytes], Options]:
    """Finds the options in an option's payload; none in one that is not known to hold any."""
    if definition is not None and definition.encapsulates:
        names = definition.fields or (definition.kind,)
    elif family == 6 and code in CONTAINERS6 and (definition is None or definition.space == "dhcp6"):
        head = CONTAINERS6[code]
        return lambda payload: read_options(6, payload[head:])
    else:
        return lambda payload: NONE
    padded = family == 4 and code == 43

    def find(payload: bytes) -> Options:
        cursor = Cursor(payload)
        try:
            for name in names:
                KINDS[name].read(cursor, family)
        except Malformed:
            return NONE
        return read_options(family, cursor.rest(), padded)

    return find


# -- vendor and vendor-class (Kea D038, D039) --------------------------------------------------------------------------

VENDOR_CODES: Final = {(4, "vendor"): 125, (4, "vendor-class"): 124, (6, "vendor"): 17, (6, "vendor-class"): 16}


def vendors(kind: str, family: int) -> Callable[[Any], Mapping[int, bytes]]:
    """Finds the data of all enterprises in the client's option."""
    code = VENDOR_CODES[family, kind]
    if family == 4:
        return lambda query: parse_vendor(query.message.options[code]) if code in query.message.options else NONE
    return lambda query: parse_vendor6(query.message.every(code))


def vendor_exists(kind: str, enterprise: int, family: int) -> Callable[[Any], bool]:
    """Tells whether there are data of an enterprise; of 0, of any."""
    find = vendors(kind, family)
    return (lambda query: enterprise in find(query)) if enterprise else (lambda query: bool(find(query)))


def enterprise(kind: str, family: int) -> Callable[[Any], bytes]:
    """Reads the first enterprise number."""
    find = vendors(kind, family)

    def read(query: Any) -> bytes:
        for number in find(query):
            return uint32(number)
        return b""

    return read


def vendor_data(enterprise: int, index: int, family: int) -> Callable[[Any], bytes]:
    """Reads one piece of the data of option 124 or 16."""
    find = pieces4 if family == 4 else pieces6

    def read(query: Any) -> bytes:
        pieces = find(query, enterprise)
        return pieces[index] if index < len(pieces) else b""

    return read


def pieces4(query: Any, enterprise: int) -> Sequence[bytes]:
    """In DHCPv4 every entry of an enterprise is one piece, up to one that runs past the end."""
    cursor = Cursor(query.message.options.get(124, b""))
    pieces = []
    try:
        while cursor.remaining:
            number, data = cursor.uint(4), cursor.prefixed(1)
            enterprise = enterprise or number
            if number == enterprise:
                pieces.append(data)
    except Malformed:
        pass
    return pieces


def pieces6(query: Any, enterprise: int) -> Sequence[bytes]:
    try:
        return parse_tuples(chosen(parse_vendor6(query.message.every(16)), enterprise), 6)
    except Malformed:
        return ()
