"""Prefixes to delegate: pools of them, and what each lacks (Kea B017, B020; RFC 6603)."""

from __future__ import annotations

from typing import Any

from txkea.config.kinds import address6, network
from txkea.config.structure import Section
from txkea.model.configuration import PrefixPool

__all__ = ["lacks", "prefix_pool"]


def prefix_pool(section: Section, common: dict[str, Any]) -> PrefixPool | None:
    """A pool of prefixes; None if something is wrong with it, which was reported.

    ``common`` are the values that pools of addresses have too.
    """
    values = section.values
    if not values.keys() >= {"prefix", "prefix-len", "delegated-len"}:
        return None
    length, delegated = values["prefix-len"], values["delegated-len"]
    if delegated < length:
        section.wrong("delegated-len", f"{delegated} is shorter than prefix-len {length}; it must be at least as long")
        return None
    first = network(address6(values["prefix"]), length)
    excluded, excluded_length = excluded_prefix(section, first, delegated)
    return PrefixPool(
        network=first,
        length=length,
        delegated_length=delegated,
        excluded_prefix=excluded,
        excluded_length=excluded_length,
        **common,
    )


def excluded_prefix(section: Section, first: bytes, delegated: int) -> tuple[bytes, int]:
    """What each prefix of the pool lacks, as it is in the first one; ``b""`` and 0 if nothing."""
    length = section.get("excluded-prefix-len") or 0
    written = section.get("excluded-prefix")
    address = address6(written) if written else bytes(16)
    if not length and not any(address):
        return b"", 0
    if not written or "excluded-prefix-len" not in section.values:
        section.wrong(
            "excluded-prefix" if written else "excluded-prefix-len",
            "excluded-prefix and excluded-prefix-len go together; add the other one",
        )
        return b"", 0
    fault = lacks(first, delegated, address, length)
    if fault:
        section.wrong("excluded-prefix-len" if length <= delegated else "excluded-prefix", fault)
        return b"", 0
    return network(address, length), length


def lacks(prefix: bytes, length: int, excluded: bytes, excluded_length: int) -> str:
    """Why a prefix cannot lack another, or ``""`` if it can (RFC 6603 section 4.2)."""
    if excluded_length <= length:
        return f"the excluded prefix has {excluded_length} bits; it has more than the {length} of what is delegated"
    if network(excluded, length) != network(prefix, length):
        return "the excluded prefix is outside of the delegated one; its first bits are the same"
    return ""
