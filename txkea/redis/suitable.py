"""Whether a Redis server can be trusted with leases."""

from __future__ import annotations

from txkea.errors import Unavailable
from txkea.redis.wire import Wire, information, text

__all__ = ["doubt", "unsuitable"]


async def unsuitable(wire: Wire) -> str:
    """Why no lease may be written there at all, with the mend; ``""`` if it may."""
    known = await information(wire)
    if known.get("role", "master") != "master":
        return "it is a replica: name the master"
    policy = known.get("maxmemory_policy", "noeviction")
    if known.get("maxmemory", "0") != "0" and policy != "noeviction":
        return f"its maxmemory-policy {policy} would throw leases away: CONFIG SET maxmemory-policy noeviction"
    return ""


async def doubt(wire: Wire) -> str:
    """How it may lose what it has acknowledged, with the mend; ``""`` if it will not."""
    if (await information(wire)).get("aof_enabled") != "1":
        return "it writes no append-only file: CONFIG SET appendonly yes"
    try:
        answer = await wire.ask("CONFIG", "GET", "appendfsync")
    except Unavailable as error:
        return f"it does not tell its appendfsync ({error}): allow its user CONFIG GET"
    value = text(answer[1]) if answer else "unknown"
    return "" if value == "always" else f"its appendfsync is {value}: CONFIG SET appendfsync always"
