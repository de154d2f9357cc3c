"""The texts that name addresses: pools and listening interfaces."""

from __future__ import annotations

from collections.abc import Callable

from txkea.config.kinds import address4, address6, prefix4, prefix6

__all__ = ["pool4", "pool6", "selection4", "selection6"]

MULTICAST6 = 0xFF


def pool4(text: str) -> tuple[int, int]:
    """First and last address of ``first - last`` or ``prefix/length`` (Kea A061, A062). Raises ValueError."""
    return pool(text, address4, prefix4, "192.0.2.10 - 192.0.2.99 or 192.0.2.64/27")


def pool6(text: str) -> tuple[int, int]:
    """First and last address of ``first - last`` or ``prefix/length`` (Kea B017). Raises ValueError."""
    return pool(text, address6, prefix6, "2001:db8::10 - 2001:db8::99 or 2001:db8::/112")


def pool(
    text: str, address: Callable[[str], bytes], prefix: Callable[[str], tuple[bytes, int]], example: str
) -> tuple[int, int]:
    if "/" in text:
        network, length = prefix(text)
        first = int.from_bytes(network, "big")
        return first, first | (1 << len(network) * 8 - length) - 1
    parts = text.split("-")
    if len(parts) != 2:
        raise ValueError(f'"{text}" is not a pool; write {example}')
    first, last = (int.from_bytes(address(part.strip()), "big") for part in parts)
    if first > last:
        raise ValueError(f'"{text}" ends before it starts; swap the two addresses')
    return first, last


def selection4(text: str) -> tuple[str, bytes | None]:
    """Name and address of ``*``, ``eth0`` or ``eth0/192.0.2.1`` (Kea A048). Raises ValueError."""
    return selection(text, address4, "192.0.2.1")


def selection6(text: str) -> tuple[str, bytes | None]:
    """Name and address of ``*``, ``eth0`` or ``eth0/2001:db8::1`` (Kea B012). Raises ValueError."""
    name, address = selection(text, address6, "2001:db8::1")
    if address is not None and (address[0] == MULTICAST6 or not any(address)):
        raise ValueError(f'"{text}" names no address of an interface; write eth0/2001:db8::1')
    return name, address


def selection(text: str, parse: Callable[[str], bytes], example: str) -> tuple[str, bytes | None]:
    name, slash, address = (part.strip() for part in text.partition("/"))
    if not name:
        raise ValueError(f'"{text}" names no interface; write eth0, eth0/{example} or *')
    if slash and name == "*":
        raise ValueError('"*" takes no address; name the interface that has it')
    return name, parse(address) if slash else None
