"""Which addresses of which links to serve: the ``interfaces`` list held against the machine (Kea A048-A054, B012)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from txkea.errors import ConfigError
from txkea.interfaces import Link
from txkea.model.configuration import Interfaces, InterfaceSelection
from txkea.net.links import ETHERNET, is_link_local, readable

__all__ = [
    "FAMILY4",
    "FAMILY6",
    "LOOPBACK",
    "LOOPBACK6",
    "Family",
    "Left",
    "Place",
    "Selection",
    "addresses4",
    "addresses6",
    "select",
    "select4",
    "select6",
]

EVERY: Final = "*"
LOOPBACK: Final = "is the loopback interface, which must be named and needs dhcp-socket-type udp"
LOOPBACK6: Final = "is the loopback interface, which must be named with its address (lo/::1)"
NOT_RUNNING: Final = "is not running (no carrier)"
NO_LINK_LOCAL: Final = "has no link-local address (is net.ipv6.conf.*.disable_ipv6 or addr_gen_mode set?)"


class Place(NamedTuple):
    """A link and those of its packed addresses that are to be served; the first one answers broadcasts."""

    link: Link
    addresses: tuple[bytes, ...]


class Left(NamedTuple):
    """A link that cannot be served, and why: ``reason`` continues a sentence that begins with its name."""

    name: str
    reason: str
    passing: bool = False
    """Whether it is likely to pass by itself within seconds, as IPv6 addresses need a while to become usable."""


class Selection(NamedTuple):
    """What an ``interfaces`` list comes to on this machine."""

    places: tuple[Place, ...]
    skipped: tuple[Left, ...]
    """Links that ``*`` does not mean (Kea A054)."""
    unusable: tuple[Left, ...]
    """Links that were named but cannot be served as they are now."""


class Family(NamedTuple):
    """What distinguishes DHCPv4 from DHCPv6 here."""

    keyword: str
    """Of its map in the configuration."""
    protocol: str
    receive_failed: str
    """These are identifiers of log messages."""
    send_failed: str
    open_failed: str
    addresses: Callable[[Link], tuple[bytes, ...]]
    """The packed addresses of a link that may be named."""
    wanted: Callable[[Link, bytes | None], tuple[bytes, ...]]
    """The addresses that a link named with this address (or none) means."""
    obstacle: Callable[[Link, InterfaceSelection, bool], str]
    """Why a link that such an entry means cannot be served, or ``""``; the last argument says that sockets are raw."""

    @property
    def path(self) -> str:
        """Where the ``interfaces`` list stands."""
        return f"{self.keyword}.interfaces-config.interfaces"


def select4(interfaces: Interfaces, links: Sequence[Link], vanished: bool = False) -> Selection:
    """Hold the ``interfaces`` list of DHCPv4 against the machine's links.

    Raises `ConfigError` for names and addresses that do not exist (Kea A049), unless ``vanished``: then those are
    unusable, because they existed when the configuration was taken.
    """
    return select(FAMILY4, interfaces, links, vanished)


def select6(interfaces: Interfaces, links: Sequence[Link], vanished: bool = False) -> Selection:
    """The same for DHCPv6."""
    return select(FAMILY6, interfaces, links, vanished)


def select(family: Family, interfaces: Interfaces, links: Sequence[Link], vanished: bool = False) -> Selection:
    """See `select4`."""
    by_name = {link.name: link for link in links}
    unknown = dict(_unknown(family, interfaces.selections, by_name))
    if unknown and not vanished:
        raise _no_such(family, unknown, links)
    chosen: dict[str, dict[bytes, None]] = {}
    skipped: list[Left] = []
    unusable = list(unknown.values())
    for number, selection in enumerate(interfaces.selections):
        every = selection.name == EVERY
        for link in _meant(selection, by_name) if number not in unknown else ():
            if reason := family.obstacle(link, selection, interfaces.socket_type == "raw"):
                (skipped if every else unusable).append(Left(link.name, reason, reason == NO_LINK_LOCAL))
            else:
                chosen.setdefault(link.name, {}).update(dict.fromkeys(family.wanted(link, selection.address)))
    return Selection(
        tuple(Place(link, tuple(chosen[link.name])) for link in links if link.name in chosen),
        tuple(left for left in skipped if left.name not in chosen),
        tuple(unusable),
    )


def _meant(selection: InterfaceSelection, by_name: Mapping[str, Link]) -> Iterable[Link]:
    return by_name.values() if selection.name == EVERY else (by_name[selection.name],)


def _unknown(
    family: Family, selections: Iterable[InterfaceSelection], by_name: Mapping[str, Link]
) -> Iterator[tuple[int, Left]]:
    for number, (name, address) in enumerate((selection.name, selection.address) for selection in selections):
        link = by_name.get(name)
        if name == EVERY:
            continue
        if link is None:
            yield number, Left(name, "does not exist")
        elif address is not None and address not in family.addresses(link):
            yield number, Left(name, f"has no address {readable(address)}")


def _no_such(family: Family, unknown: Mapping[int, Left], links: Sequence[Link]) -> ConfigError:
    wrong = "; ".join(f"interface {left.name} {left.reason}" for left in unknown.values())
    present = ", ".join(_describe(family, link) for link in links)
    return ConfigError(f"{wrong}; this machine has {present}", f"{family.path}[{min(unknown)}]")


def _describe(family: Family, link: Link) -> str:
    addresses = " ".join(readable(address) for address in family.addresses(link))
    return f"{link.name} ({addresses or f'no {family.protocol} address'})"


# -- DHCPv4 ------------------------------------------------------------------------------------------------------------


def addresses4(link: Link) -> tuple[bytes, ...]:
    """The packed IPv4 addresses of a link, the kernel's primary one first."""
    return tuple(entry.address for entry in link.addresses if len(entry.address) == 4)


def _wanted4(link: Link, address: bytes | None) -> tuple[bytes, ...]:
    return addresses4(link) if address is None else (address,)


def _obstacle4(link: Link, selection: InterfaceSelection, raw: bool) -> str:
    if link.loopback and (selection.name == EVERY or raw):
        return LOOPBACK
    if not link.up:
        return "is down"
    if not link.running:
        return NOT_RUNNING
    if not addresses4(link):
        return "has no usable IPv4 address"
    if raw and link.hwtype != ETHERNET:
        return f"has hardware type {link.hwtype}, but raw sockets need Ethernet: set dhcp-socket-type to udp"
    return ""


# -- DHCPv6 ------------------------------------------------------------------------------------------------------------


def addresses6(link: Link) -> tuple[bytes, ...]:
    """The packed IPv6 addresses of a link, in the kernel's order."""
    return tuple(entry.address for entry in link.addresses if len(entry.address) == 16)


def _link_local(link: Link) -> tuple[bytes, ...]:
    """The one link-local address that hears the groups (Kea B013), if the link has one."""
    return tuple(address for address in addresses6(link) if is_link_local(address))[:1] if link.multicast else ()


def _wanted6(link: Link, address: bytes | None) -> tuple[bytes, ...]:
    return _link_local(link) if address is None else (*_link_local(link), address)


def _obstacle6(link: Link, selection: InterfaceSelection, raw: bool) -> str:
    if link.loopback and selection.address is None:
        return LOOPBACK6
    if not link.up:
        return "is down"
    if not link.running:
        return NOT_RUNNING
    if selection.address is None and not link.multicast:
        return "carries no multicast: name it with an address to serve relays (INTERFACE/ADDRESS)"
    if selection.address is None and not _link_local(link):
        return NO_LINK_LOCAL
    return ""


FAMILY4: Final = Family(
    keyword="Dhcp4",
    protocol="IPv4",
    receive_failed="DHCP4_BUFFER_RECEIVE_FAIL",
    send_failed="DHCP4_PACKET_SEND_FAIL",
    open_failed="DHCP4_OPEN_SOCKETS_FAILED",
    addresses=addresses4,
    wanted=_wanted4,
    obstacle=_obstacle4,
)
FAMILY6: Final = Family(
    keyword="Dhcp6",
    protocol="IPv6",
    receive_failed="DHCP6_PACKET_RECEIVE_FAIL",
    send_failed="DHCP6_PACKET_SEND_FAIL",
    open_failed="DHCP6_OPEN_SOCKETS_FAILED",
    addresses=addresses6,
    wanted=_wanted6,
    obstacle=_obstacle6,
)
