"""The machine's network interfaces as the kernel shows them now, in the network namespace of the caller."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from fcntl import ioctl
from struct import Struct
from typing import Any, Final

import psutil

from txkea.interfaces import Link, LinkAddress

__all__ = ["ETHERNET", "IPV6_LENGTH", "is_link_local", "links", "readable"]

IPV6_LENGTH: Final = 16
ETHERNET: Final = 1
"""ARPHRD_ETHER of <net/if_arp.h>."""
SIOCGIFHWADDR: Final = 0x8927
"""Asks for type and hardware address (netdevice(7)); sysfs would answer for the namespace that mounted it."""
IFREQ: Final = Struct("16sH22x")


def links() -> Sequence[Link]:
    """Every interface, in the order of its index.

    An interface that vanishes meanwhile is left out. psutil reads flags through ``/proc``, which shows the namespace
    of the process's main thread.
    """
    addresses = _by_link(psutil.net_if_addrs())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        found = list(_read(probe, psutil.net_if_stats(), addresses))
    return sorted(found, key=lambda link: link.index)


def is_link_local(address: bytes) -> bool:
    """Whether a packed address is one of fe80::/10, which means something on its own link only."""
    return b"\xfe\x80" <= address < b"\xfe\xc0" and len(address) == IPV6_LENGTH


def readable(address: bytes) -> str:
    """A packed address of either family as text."""
    return socket.inet_ntop(socket.AF_INET6 if len(address) == IPV6_LENGTH else socket.AF_INET, address)


def _by_link(addresses: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    # An IPv4 address may carry a label ("eth0:1"), under which getifaddrs() lists it as if it were an interface.
    merged: dict[str, list[Any]] = {}
    for label, found in addresses.items():
        merged.setdefault(label.partition(":")[0], []).extend(found)
    return merged


def _read(probe: socket.socket, states: Mapping[str, Any], addresses: Mapping[str, Sequence[Any]]) -> Iterator[Link]:
    for name, state in states.items():
        flags = state.flags.split(",")
        own = addresses.get(name, ())
        with contextlib.suppress(OSError):
            yield Link(
                name=name,
                index=socket.if_nametoindex(name),
                hwaddr=_hardware_address(own),
                hwtype=_hardware_type(probe, name),
                mtu=state.mtu,
                up="up" in flags,
                running="running" in flags,
                loopback="loopback" in flags,
                broadcast="broadcast" in flags,
                multicast="multicast" in flags,
                addresses=tuple(_protocol_addresses(own)),
            )


def _hardware_address(addresses: Sequence[Any]) -> bytes:
    texts = [entry.address for entry in addresses if entry.family == psutil.AF_LINK]
    return bytes.fromhex(texts[0].replace(":", "")) if texts else b""


def _hardware_type(probe: socket.socket, name: str) -> int:
    answer = ioctl(probe, SIOCGIFHWADDR, IFREQ.pack(name.encode(), 0))
    kind: int = IFREQ.unpack(answer)[1]
    return kind


def _protocol_addresses(addresses: Sequence[Any]) -> Iterator[LinkAddress]:
    for entry in addresses:
        if entry.family in (socket.AF_INET, socket.AF_INET6):
            address = socket.inet_pton(entry.family, entry.address.partition("%")[0])
            yield LinkAddress(address, _prefix_length(entry.family, entry.netmask, len(address)))


def _prefix_length(family: int, netmask: str | None, size: int) -> int:
    if netmask is None:
        return size * 8
    return int.from_bytes(socket.inet_pton(family, netmask), "big").bit_count()
