"""What a DHCPv6 client is known by, and where its hardware address can be read (Kea B004, B005)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from txkea.errors import Malformed
from txkea.exchange.identifiers import identify
from txkea.exchange.options import DOCSIS
from txkea.exchange.query import Query6
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.wire.dhcp6 import Option6, parse_options6
from txkea.wire.options import parse_link_layer, parse_vendor6

__all__ = ["READERS", "HwaddrSource", "find_hwaddr", "identify6"]


class HwaddrSource:
    """Where a hardware address was found, with the numbers of Kea's lease file (Kea E014): plain integers."""

    DUID: Final = 2
    LINK_LOCAL: Final = 4
    CLIENT_LINKLAYER_ADDR: Final = 8
    REMOTE_ID: Final = 16
    DOCSIS_CMTS: Final = 64
    DOCSIS_MODEM: Final = 128


ETHERNET: Final = 1
LONGEST: Final = 20
"""Bytes of a hardware address, at most (that of InfiniBand)."""
DUID_STARTS: Final = {b"\0\1": 8, b"\0\3": 4}
"""Where the hardware address begins in a DUID-LLT and a DUID-LL (RFC 8415 sections 11.2, 11.4)."""
DEVICE_ID: Final = 36
CM_MAC: Final = 1026

Found = tuple[int, bytes]
"""Hardware type and address."""


def _from_duid(query: Query6) -> Found | None:
    duid = query.duid
    start = DUID_STARTS.get(duid[:2])
    if start is None or not start < len(duid) <= start + LONGEST:
        return None
    return int.from_bytes(duid[2:4], "big"), duid[start:]


def _from_link_local(query: Query6) -> Found | None:
    """The address that the client's link-local one was made from (RFC 4291 appendix A), if a manufacturer gave it.

    An address that was set by hand, or made at random, is no proof of which machine it is: Kea takes none either.
    """
    relays = query.message.relays
    address = relays[-1].peer_address if relays else query.origin.source
    if address[:8] != b"\xfe\x80\0\0\0\0\0\0" or address[11:13] != b"\xff\xfe" or not address[8] & 2:
        return None
    return ETHERNET, bytes((address[8] ^ 2,)) + address[9:11] + address[13:]


def _from_relay(query: Query6) -> Found | None:
    """What the relay nearest to the client saw (RFC 6939)."""
    relays = query.message.relays
    payload = relays[-1].options.get(Option6.CLIENT_LINKLAYER_ADDR) if relays else None
    try:
        return parse_link_layer(payload) if payload is not None else None
    except Malformed:
        return None


def _from_remote_id(query: Query6) -> Found | None:
    """The relay's remote-id behind the enterprise number, cut where a hardware address ends (RFC 4649)."""
    relays = query.message.relays
    payload = relays[-1].options.get(Option6.REMOTE_ID, b"") if relays else b""
    return ETHERNET, payload[4 : 4 + LONGEST]


def _from_modem(query: Query6) -> Found | None:
    return _docsis(query.message.every(Option6.VENDOR_OPTS), DEVICE_ID)


def _from_cmts(query: Query6) -> Found | None:
    """What a relay says of a modem; the one nearest to the client that says it."""
    for relay in reversed(query.message.relays):
        payloads = relay.repeated.get(Option6.VENDOR_OPTS) or [relay.options.get(Option6.VENDOR_OPTS, b"")]
        found = _docsis(payloads, CM_MAC)
        if found is not None:
            return found
    return None


def _docsis(payloads: Iterable[bytes], wanted: int) -> Found | None:
    """The hardware address in a sub-option of DOCSIS's vendor options."""
    try:
        for code, payload in parse_options6(parse_vendor6(payloads).get(DOCSIS, b"")):
            if code == wanted and len(payload) <= LONGEST:
                return ETHERNET, payload
    except Malformed:
        pass
    return None


# -- in their order ----------------------------------------------------------------------------------------------------

Source = tuple[int, Callable[[Query6], Found | None]]

_DUID: Final[Source] = (HwaddrSource.DUID, _from_duid)
_LINK_LOCAL: Final[Source] = (HwaddrSource.LINK_LOCAL, _from_link_local)
_RELAY: Final[Source] = (HwaddrSource.CLIENT_LINKLAYER_ADDR, _from_relay)
_REMOTE_ID: Final[Source] = (HwaddrSource.REMOTE_ID, _from_remote_id)
_CMTS: Final[Source] = (HwaddrSource.DOCSIS_CMTS, _from_cmts)
_MODEM: Final[Source] = (HwaddrSource.DOCSIS_MODEM, _from_modem)

SOURCES: Final[dict[str, tuple[Source, ...]]] = {
    "any": (_RELAY, _DUID, _LINK_LOCAL, _REMOTE_ID, _CMTS, _MODEM),
    "raw": (),
    "duid": (_DUID,),
    "ipv6-link-local": (_LINK_LOCAL,),
    "client-link-addr-option": (_RELAY,),
    "rfc6939": (_RELAY,),
    "remote-id": (_REMOTE_ID,),
    "rfc4649": (_REMOTE_ID,),
    "subscriber-id": (),
    "rfc4580": (),
    "docsis-cmts": (_CMTS,),
    "docsis-modem": (_MODEM,),
}
"""What each name of ``mac-sources`` stands for; nothing is read from frames or from a subscriber-id (Kea B004)."""


def find_hwaddr(query: Query6) -> None:
    """Set the client's hardware address, its type and its source, from the first place that has one."""
    for name in query.site.configuration.mac_sources:
        for source, read in SOURCES[name]:
            found = read(query)
            if found is not None and found[1]:
                query.hwtype, query.hwaddr = found
                query.hwaddr_source = source
                return


READERS: Final[dict[IdentifierKind, Callable[[Query6], bytes]]] = {
    IdentifierKind.HW_ADDRESS: lambda query: query.hwaddr,
    IdentifierKind.DUID: lambda query: query.duid,
}


def identify6(query: Query6) -> Sequence[Identifier]:
    """See `txkea.exchange.identifiers.identify`; the hardware address is looked for before."""
    return identify(query, READERS)
