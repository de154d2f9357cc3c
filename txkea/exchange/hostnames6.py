"""The name that a DHCPv6 client gets (Kea B063, B064; RFC 4704)."""

from __future__ import annotations

from typing import Final

from txkea.errors import Malformed
from txkea.exchange.hostnames import (
    REPLACED,
    SUPPLIED,
    answered_flags,
    from_labels,
    generated,
    qualified,
    reserved,
    updates,
)
from txkea.exchange.query import Query6
from txkea.exchange.subnets import LiveSubnet
from txkea.model.configuration import DdnsBehaviour
from txkea.wire.dhcp6 import MessageType6, Option6
from txkea.wire.names import FQDN_N, FQDN_S, Fqdn6, Name, decode_fqdn6, encode_fqdn6, name_from_text, name_to_text

__all__ = ["settle6"]

FQDN: Final = Option6.CLIENT_FQDN
SOLICIT: Final = int(MessageType6.SOLICIT)
UNASKED: Final = Fqdn6(FQDN_S, (), True)
"""What a client is taken to have sent that gets a name without asking."""


def settle6(query: Query6, subnet: LiveSubnet, address: bytes | None) -> None:
    """Decide the client's name once its first address is known; None when it gets no address.

    Sets ``query.hostname`` and ``query.fqdn`` for the lease, and ``query.name`` for the answer. A name that cannot be
    used is left out, never a reason to drop the query (CVE-2019-6473, CVE-2025-11232).
    """
    ddns = subnet.parameters.ddns
    query.hostname = reserved(query).lower()  # kept in the lease even where nobody is told
    payload = query.message.options.get(FQDN)
    if payload is None and (ddns.replace_client_name not in SUPPLIED or not updates(query, ddns)):
        return
    try:
        asked = decode_fqdn6(payload) if payload is not None else UNASKED
        flags = answered_flags(asked.flags, updates(query, ddns), ddns)
        name = _full_name(query, asked, ddns, address)
    except (Malformed, ValueError):
        return
    query.name = (FQDN, encode_fqdn6(Fqdn6(flags, name, not name)))
    if name:
        query.hostname = name_to_text(name)
        query.fqdn = (bool(flags & FQDN_S), not flags & FQDN_N)


def _full_name(query: Query6, asked: Fqdn6, ddns: DdnsBehaviour, address: bytes | None) -> Name:
    """The labels of the name; none while there is no address to make one from, or it is only offered (as in Kea)."""
    text = reserved(query)
    if text:
        text = qualified(text, ddns).lower()
    elif asked.name and ddns.replace_client_name not in REPLACED:
        text = from_labels(asked.name, asked.partial, ddns)
    elif address is None or (query.type == SOLICIT and not query.rapid):
        return ()
    else:
        text = generated(ddns, address).lower()
    return name_from_text(text)
