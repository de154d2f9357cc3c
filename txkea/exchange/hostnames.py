"""The name that a client gets: what both families do alike (Kea A.17, B063, B064; RFC 4702; RFC 4704)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from txkea.errors import Malformed
from txkea.exchange.query import Query
from txkea.model.configuration import DdnsBehaviour, ReplaceClientName
from txkea.wire.names import FQDN_N, FQDN_O, FQDN_S
from txkea.wire.text import address_text

__all__ = [
    "REPLACED",
    "SUPPLIED",
    "answered_flags",
    "from_labels",
    "generated",
    "qualified",
    "reserved",
    "sanitised",
    "updates",
]

REPLACED: Final = {ReplaceClientName.ALWAYS, ReplaceClientName.WHEN_PRESENT}
"""When the name of a client that tells one gives way to a generated one."""
SUPPLIED: Final = {ReplaceClientName.ALWAYS, ReplaceClientName.WHEN_NOT_PRESENT}
"""When a client that tells no name gets a generated one."""
DASHES: Final = str.maketrans(".:", "--")


def updates(query: Query, ddns: DdnsBehaviour) -> bool:
    """Whether DNS is updated for this client at all."""
    return query.site.configuration.ddns.enable_updates and ddns.send_updates


def answered_flags(asked: int, enabled: bool, ddns: DdnsBehaviour) -> int:
    """Who updates what: S, N and O of the answer, ``enabled`` as of `updates` (Kea A187-A189).

    Raises `Malformed` for a client that asks for an update and for none at once.
    """
    wish = asked & (FQDN_S | FQDN_N)
    if wish == FQDN_S | FQDN_N:
        raise Malformed("the client asks for a DNS update and for none at once")
    if wish == FQDN_S:
        server = enabled
    elif wish == FQDN_N:
        server = enabled and ddns.override_no_update
    else:
        server = enabled and ddns.override_client_update
    none = not enabled if wish == 0 else not server
    flags = (FQDN_S if server else 0) | (FQDN_N if none else 0)
    return flags | (FQDN_O if server != bool(asked & FQDN_S) else 0)


def reserved(query: Query) -> str:
    """The client's reserved name, or ``""``."""
    return query.host.hostname if query.host is not None else ""


def from_labels(labels: Iterable[bytes], partial: bool, ddns: DdnsBehaviour) -> str:
    """The name in a client's FQDN option, made fit for the DNS and completed. Raises ValueError if it cannot be."""
    name = sanitised(".".join(label.decode("latin-1") for label in labels), ddns).lower()
    return qualified(name, ddns) if partial else name


def qualified(name: str, ddns: DdnsBehaviour) -> str:
    """The name with the qualifying suffix, without a final dot; one that ends in a dot is complete (Kea A076)."""
    suffix = ddns.qualifying_suffix.strip(".")
    if name.endswith(".") or not suffix or f".{name}".lower().endswith(f".{suffix}".lower()):
        return name.rstrip(".")
    return f"{name}.{suffix}"


def generated(ddns: DdnsBehaviour, address: bytes) -> str:
    """Such as ``myhost-192-0-2-1.example.org`` or ``myhost-2001-db8--1.example.org`` (Kea A190, B064)."""
    return qualified(f"{ddns.generated_prefix}-{address_text(address).translate(DASHES)}", ddns)


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
