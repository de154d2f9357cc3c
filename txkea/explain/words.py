"""How explanations call things."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from txkea.errors import EvaluationError
from txkea.exchange.pools import LivePool
from txkea.exchange.query import Query
from txkea.exchange.subnets import LiveSubnet
from txkea.model.configuration import ClientClass, Configuration, Host, Pool, PrefixPool, SharedNetwork, Subnet
from txkea.wire.text import address_text

__all__ = ["any_of", "kind_of", "parameter_scope", "pool_range", "scope", "value_text"]

MOST: Final = 64
"""Bytes of client data that are shown."""


def any_of(names: Iterable[str]) -> str:
    """Names of which one is enough."""
    return " or ".join(names)


def scope(source: Any) -> str:
    """Where something is configured."""
    if isinstance(source, Configuration):
        return "global"
    if isinstance(source, Subnet):
        return f"subnet {source.id}"
    if isinstance(source, SharedNetwork):
        return f"shared network {source.name}"
    if isinstance(source, ClientClass):
        return f"class {source.name}"
    if isinstance(source, Host):
        return f"reservation {source.identifier}"
    assert isinstance(source, Pool | PrefixPool), source
    return f"pool {range_of(source)}"


def range_of(pool: Pool | PrefixPool) -> str:
    """From where to where a pool goes."""
    if isinstance(pool, PrefixPool):
        return f"{address_text(pool.network)}/{pool.length}, /{pool.delegated_length} each"
    width = 16 if pool.first >> 32 else 4
    return " - ".join(address_text(end.to_bytes(width, "big")) for end in (pool.first, pool.last))


def pool_range(pool: LivePool) -> str:
    """The same of a pool in use."""
    return range_of(pool.pool)


def kind_of(pool: LivePool) -> str:
    """What a pool gives."""
    return "prefix" if isinstance(pool.pool, PrefixPool) else "address"


def parameter_scope(query: Query, subnet: LiveSubnet | None, name: str) -> str:
    """The widest scope from which a subnet may have the value of a parameter: who repeats one says nothing new."""
    configuration = query.site.configuration
    if subnet is None or getattr(subnet.parameters, name) == getattr(configuration.parameters, name):
        return scope(configuration)
    network = subnet.network
    if network is not None and getattr(network.parameters, name) == getattr(subnet.parameters, name):
        return scope(network)
    return scope(subnet.subnet)


def value_text(value: bool | bytes | EvaluationError) -> str:
    """A value as expressions write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, EvaluationError):
        return f"no value: {value}"
    text = value[:MOST].decode("latin-1")
    if text.isascii() and text.isprintable() and "'" not in text:
        shown = f"'{text}'"
    else:
        shown = f"0x{value[:MOST].hex()}"
    return shown if len(value) <= MOST else f"{shown}... ({len(value)} bytes)"
