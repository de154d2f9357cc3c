"""The texts that name addresses: pools and listening interfaces."""

from __future__ import annotations

from txkea.config.kinds import address4, prefix4

__all__ = ["pool4", "selection4"]


def pool4(text: str) -> tuple[int, int]:
    """First and last address of ``first - last`` or ``prefix/length`` (Kea A061, A062). Raises ValueError."""
    if "/" in text:
        network, length = prefix4(text)
        first = int.from_bytes(network, "big")
        return first, first | (1 << 32 - length) - 1
    parts = text.split("-")
    if len(parts) != 2:
        raise ValueError(f'"{text}" is not a pool; write 192.0.2.10 - 192.0.2.99 or 192.0.2.64/27')
    first, last = (int.from_bytes(address4(part.strip()), "big") for part in parts)
    if first > last:
        raise ValueError(f'"{text}" ends before it starts; swap the two addresses')
    return first, last


def selection4(text: str) -> tuple[str, bytes | None]:
    """Name and address of ``*``, ``eth0`` or ``eth0/192.0.2.1`` (Kea A048). Raises ValueError."""
    name, slash, address = (part.strip() for part in text.partition("/"))
    if not name:
        raise ValueError(f'"{text}" names no interface; write eth0, eth0/192.0.2.1 or *')
    if slash and name == "*":
        raise ValueError('"*" takes no address; name the interface that has it')
    return name, address4(address) if slash else None
