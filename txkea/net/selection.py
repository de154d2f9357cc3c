"""Which addresses of which links to serve: the ``interfaces`` list held against the machine (Kea A048-A054)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from socket import AF_INET, inet_ntop
from typing import Final, NamedTuple

from txkea.errors import ConfigError
from txkea.interfaces import Link
from txkea.model.configuration import Interfaces, InterfaceSelection
from txkea.net.links import ETHERNET

__all__ = ["EVERY", "LOOPBACK", "PATH", "Left", "Place", "Selection", "addresses4", "select4"]

EVERY: Final = "*"
LOOPBACK: Final = "is the loopback interface, which must be named and needs dhcp-socket-type udp"
PATH: Final = "Dhcp4.interfaces-config.interfaces"


class Place(NamedTuple):
    """A link and those of its packed addresses that are to be served; the first one answers broadcasts."""

    link: Link
    addresses: tuple[bytes, ...]


class Left(NamedTuple):
    """A link that cannot be served, and why: ``reason`` continues a sentence that begins with its name."""

    name: str
    reason: str


class Selection(NamedTuple):
    """What an ``interfaces`` list comes to on this machine."""

    places: tuple[Place, ...]
    skipped: tuple[Left, ...]
    """Links that ``*`` does not mean (Kea A054)."""
    unusable: tuple[Left, ...]
    """Links that were named but cannot be served as they are now."""


def select4(interfaces: Interfaces, links: Sequence[Link], vanished: bool = False) -> Selection:
    """Hold the ``interfaces`` list against the machine's links.

    Raises `ConfigError` for names and addresses that do not exist (Kea A049), unless ``vanished``: then those are
    unusable, because they existed when the configuration was taken.
    """
    by_name = {link.name: link for link in links}
    unknown = dict(_unknown(interfaces.selections, by_name))
    if unknown and not vanished:
        raise _no_such(unknown, links)
    chosen: dict[str, dict[bytes, None]] = {}
    skipped: list[Left] = []
    unusable = list(unknown.values())
    for number, selection in enumerate(interfaces.selections):
        every = selection.name == EVERY
        for link in _meant(selection, by_name) if number not in unknown else ():
            if reason := _obstacle(link, interfaces.socket_type == "raw", every):
                (skipped if every else unusable).append(Left(link.name, reason))
            else:
                wanted = addresses4(link) if selection.address is None else (selection.address,)
                chosen.setdefault(link.name, {}).update(dict.fromkeys(wanted))
    return Selection(
        tuple(Place(link, tuple(chosen[link.name])) for link in links if link.name in chosen),
        tuple(left for left in skipped if left.name not in chosen),
        tuple(unusable),
    )


def _meant(selection: InterfaceSelection, by_name: Mapping[str, Link]) -> Iterable[Link]:
    return by_name.values() if selection.name == EVERY else (by_name[selection.name],)


def addresses4(link: Link) -> tuple[bytes, ...]:
    """The packed IPv4 addresses of a link, the kernel's primary one first."""
    return tuple(entry.address for entry in link.addresses if len(entry.address) == 4)


def _obstacle(link: Link, raw: bool, every: bool) -> str:
    """Why a link cannot be served, or ``""``."""
    if link.loopback and (every or raw):
        return LOOPBACK
    if not link.up:
        return "is down"
    if not link.running:
        return "is not running (no carrier)"
    if not addresses4(link):
        return "has no usable IPv4 address"
    if raw and link.hwtype != ETHERNET:
        return f"has hardware type {link.hwtype}, but raw sockets need Ethernet: set dhcp-socket-type to udp"
    return ""


def _unknown(selections: Iterable[InterfaceSelection], by_name: Mapping[str, Link]) -> Iterator[tuple[int, Left]]:
    for number, (name, address) in enumerate((selection.name, selection.address) for selection in selections):
        link = by_name.get(name)
        if name == EVERY:
            continue
        if link is None:
            yield number, Left(name, "does not exist")
        elif address is not None and address not in addresses4(link):
            yield number, Left(name, f"has no address {_text(address)}")


def _no_such(unknown: Mapping[int, Left], links: Sequence[Link]) -> ConfigError:
    wrong = "; ".join(f"interface {left.name} {left.reason}" for left in unknown.values())
    present = ", ".join(_describe(link) for link in links)
    return ConfigError(f"{wrong}; this machine has {present}", f"{PATH}[{min(unknown)}]")


def _describe(link: Link) -> str:
    addresses = " ".join(_text(address) for address in addresses4(link))
    return f"{link.name} ({addresses or 'no IPv4 address'})"


def _text(address: bytes) -> str:
    return inet_ntop(AF_INET, address)
