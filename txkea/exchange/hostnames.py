"""The name that a client gets (Kea A.17; RFC 4702; RFC 2132 section 3.14)."""

from __future__ import annotations

import re
from functools import lru_cache

from txkea.errors import Malformed
from txkea.exchange.query import Query4
from txkea.exchange.subnets import LiveSubnet
from txkea.model.configuration import DdnsBehaviour, ReplaceClientName
from txkea.wire.names import (
    FQDN_E,
    FQDN_N,
    FQDN_O,
    FQDN_S,
    Fqdn4,
    decode_fqdn4,
    encode_fqdn4,
    name_from_text,
    name_to_text,
)

__all__ = ["settle"]

HOST_NAME = 12
FQDN = 81
REPLACED = {ReplaceClientName.ALWAYS, ReplaceClientName.WHEN_PRESENT}
SUPPLIED = {ReplaceClientName.ALWAYS, ReplaceClientName.WHEN_NOT_PRESENT}


def settle(query: Query4, subnet: LiveSubnet, address: bytes) -> None:
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
        flags = _answered_flags(asked.flags, query, ddns)
        name = name_from_text(_full_name(query, asked, ddns, address) or ".")
    except (Malformed, ValueError):
        return
    query.name = (FQDN, encode_fqdn4(Fqdn4(flags, name, not name, 255, 255)))
    query.hostname = name_to_text(name).lower() if name else ""
    query.fqdn = (bool(flags & FQDN_S), not flags & FQDN_N)


def _answered_flags(asked: int, query: Query4, ddns: DdnsBehaviour) -> int:
    """Who updates what (Kea A187-A189)."""
    enabled = query.site.configuration.ddns.enable_updates and ddns.send_updates
    wish = asked & (FQDN_S | FQDN_N)
    if wish == FQDN_S | FQDN_N:
        raise Malformed("option 81 asks for an update and for none at once")
    if wish == FQDN_S:
        server = enabled
    elif wish == FQDN_N:
        server = enabled and ddns.override_no_update
    else:
        server = enabled and ddns.override_client_update
    none = not enabled if wish == 0 else not server
    flags = (asked & FQDN_E) | (FQDN_S if server else 0) | (FQDN_N if none else 0)
    return flags | (FQDN_O if server != bool(asked & FQDN_S) else 0)


def _full_name(query: Query4, asked: Fqdn4, ddns: DdnsBehaviour, address: bytes) -> str:
    if query.host is not None and query.host.hostname:
        return _qualified(query.host.hostname, ddns)
    if not asked.name or ddns.replace_client_name in REPLACED:
        return _generated(ddns, address)
    name = sanitised(".".join(label.decode("latin-1") for label in asked.name), ddns).lower()
    return _qualified(name, ddns) if asked.partial else name


# -- option 12 ---------------------------------------------------------------------------------------------------------


def _settle_hostname(query: Query4, ddns: DdnsBehaviour, address: bytes) -> None:
    options = query.message.options
    payload = options.get(HOST_NAME, b"")
    sent = payload.rstrip(b"\0").decode("latin-1").strip()
    if query.host is not None and query.host.hostname:
        name = _qualified(query.host.hostname, ddns)
    elif sent:
        name = _from_client(sent, ddns, address)
    elif not payload and ddns.replace_client_name in SUPPLIED:
        name = _generated(ddns, address)
    else:
        return
    if not name or len(name) > 255:
        return
    query.hostname = name.lower()
    query.name = (HOST_NAME, query.hostname.encode("ascii", "replace"))
    enabled = query.site.configuration.ddns.enable_updates and ddns.send_updates
    query.fqdn = (enabled, enabled)


def _from_client(text: str, ddns: DdnsBehaviour, address: bytes) -> str:
    """The name in option 12, made fit for the DNS; ``""`` when nothing of it is left (Kea A191, A193)."""
    if ddns.replace_client_name in REPLACED or text == ".":
        return _generated(ddns, address)
    try:
        name = sanitised(text.rstrip("."), ddns)
        name_from_text(name)
    except ValueError:
        return ""
    if "." not in name:
        return _qualified(name, ddns)
    return f"{name}." if text.endswith(".") else name


# -- names -------------------------------------------------------------------------------------------------------------


def _qualified(name: str, ddns: DdnsBehaviour) -> str:
    """The name with the qualifying suffix, without a final dot; one that ends in a dot is complete (Kea A076)."""
    suffix = ddns.qualifying_suffix.strip(".")
    if name.endswith(".") or not suffix or f".{name}".lower().endswith(f".{suffix}".lower()):
        return name.rstrip(".")
    return f"{name}.{suffix}"


def _generated(ddns: DdnsBehaviour, address: bytes) -> str:
    """Such as ``myhost-192-0-2-1.example.org`` (Kea A190)."""
    return _qualified(f"{ddns.generated_prefix}-{'-'.join(str(byte) for byte in address)}", ddns)


def sanitised(name: str, ddns: DdnsBehaviour) -> str:
    """The name with every unwanted character replaced (Kea A091). Raises ValueError if a label is left empty."""
    table = _translation(ddns.hostname_char_set, ddns.hostname_char_replacement)
    clean = name.translate(table) if table else name
    if not clean or "" in clean.split("."):
        raise ValueError(f"nothing is left of a label of {name!r}")
    return clean


@lru_cache(maxsize=256)
def _translation(char_set: str, replacement: str) -> dict[int, str]:
    """What becomes of each byte.

    The operator's expression meets single characters only, and never a client's data: it cannot run away.
    """
    if not char_set:
        return {}
    unwanted = re.compile(char_set)
    return {code: replacement for code in range(256) if unwanted.fullmatch(chr(code)) and chr(code) != "."}
