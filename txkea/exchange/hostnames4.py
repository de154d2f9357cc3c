"""The name that a DHCPv4 client gets (Kea A.17; RFC 4702; RFC 2132 section 3.14)."""

from __future__ import annotations

from txkea.errors import Malformed
from txkea.exchange.hostnames import (
    REPLACED,
    SUPPLIED,
    answered_flags,
    from_labels,
    generated,
    qualified,
    reserved,
    sanitised,
    updates,
)
from txkea.exchange.query import Query4
from txkea.exchange.subnets import LiveSubnet
from txkea.model.configuration import DdnsBehaviour
from txkea.wire.names import (
    FQDN_E,
    FQDN_N,
    FQDN_S,
    Fqdn4,
    decode_fqdn4,
    encode_fqdn4,
    name_from_text,
    name_to_text,
)

__all__ = ["settle4"]

HOST_NAME = 12
FQDN = 81


def settle4(query: Query4, subnet: LiveSubnet, address: bytes) -> None:
    """Decide the client's name once its address is known.

    Sets ``query.hostname`` and ``query.fqdn`` for the lease, and ``query.name`` for the answer. A name that cannot be
    used is left out, never a reason to drop the query (CVE-2019-6473, CVE-2025-11232).
    """
    options = query.message.options
    ddns = subnet.parameters.ddns
    if FQDN in options:
        _settle_fqdn(query, options[FQDN], ddns, address)
    elif HOST_NAME in options or query.host is not None or ddns.replace_client_name in SUPPLIED:
        _settle_hostname(query, ddns, address)


# -- option 81 ---------------------------------------------------------------------------------------------------------


def _settle_fqdn(query: Query4, payload: bytes, ddns: DdnsBehaviour, address: bytes) -> None:
    try:
        asked = decode_fqdn4(payload)
        flags = (asked.flags & FQDN_E) | answered_flags(asked.flags, updates(query, ddns), ddns)
        name = name_from_text(_full_name(query, asked, ddns, address) or ".")
    except (Malformed, ValueError):
        return
    query.name = (FQDN, encode_fqdn4(Fqdn4(flags, name, not name, 255, 255)))
    query.hostname = name_to_text(name).lower() if name else ""
    query.fqdn = (bool(flags & FQDN_S), not flags & FQDN_N)


def _full_name(query: Query4, asked: Fqdn4, ddns: DdnsBehaviour, address: bytes) -> str:
    name = reserved(query)
    if name:
        return qualified(name, ddns)
    if not asked.name or ddns.replace_client_name in REPLACED:
        return generated(ddns, address)
    return from_labels(asked.name, asked.partial, ddns)


# -- option 12 ---------------------------------------------------------------------------------------------------------


def _settle_hostname(query: Query4, ddns: DdnsBehaviour, address: bytes) -> None:
    options = query.message.options
    payload = options.get(HOST_NAME, b"")
    sent = payload.rstrip(b"\0").decode("latin-1").strip()
    name = reserved(query)
    if name:
        name = qualified(name, ddns)
    elif sent:
        name = _from_client(sent, ddns, address)
    elif not payload and ddns.replace_client_name in SUPPLIED:
        name = generated(ddns, address)
    if not name or len(name) > 255:
        return
    query.hostname = name.lower()
    query.name = (HOST_NAME, query.hostname.encode("ascii", "replace"))
    enabled = updates(query, ddns)
    query.fqdn = (enabled, enabled)


def _from_client(text: str, ddns: DdnsBehaviour, address: bytes) -> str:
    """The name in option 12, made fit for the DNS; ``""`` when nothing of it is left (Kea A191, A193)."""
    if ddns.replace_client_name in REPLACED or text == ".":
        return generated(ddns, address)
    try:
        name = sanitised(text.rstrip("."), ddns)
        name_from_text(name)
    except ValueError:
        return ""
    if "." not in name:
        return qualified(name, ddns)
    return f"{name}." if text.endswith(".") else name
