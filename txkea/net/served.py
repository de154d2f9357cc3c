"""The sockets that are open, brought in step with what is wanted."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from txkea.interfaces import ISocket, Link
from txkea.model.configuration import Interfaces
from txkea.net.context import Context
from txkea.net.links import ETHERNET, IPV6_LENGTH, is_link_local, readable
from txkea.net.opening import explain
from txkea.net.packet4 import PacketLink4
from txkea.net.packet6 import PacketLink6
from txkea.net.selection import FAMILY6, Family, Left, Place, Selection, addresses6
from txkea.net.sockets import LinkSockets
from txkea.net.udp4 import UdpLink4, open_router
from txkea.net.udp6 import UdpLink6

__all__ = ["Served"]


class Identity(NamedTuple):
    """What must not change while a link's sockets stay open; ``hwaddr`` and ``mtu`` where they are raw."""

    family: Family
    name: str
    link_index: int
    hwaddr: bytes
    mtu: int
    socket_type: str
    use_routing: bool


class Served:
    """The links that are served now."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._log = context.log
        self._open: dict[Identity, LinkSockets] = {}
        self._router: socket.socket | None = None

    @property
    def sockets(self) -> Sequence[ISocket]:
        """The sockets that are open."""
        return tuple(sock for group in self._open.values() for sock in group.sockets.values())

    @property
    def names(self) -> set[str]:
        """The links that have sockets."""
        return {identity.name for identity in self._open}

    def apply(self, interfaces: Interfaces, selection: Selection) -> list[Left]:
        """Make the open sockets those of ``selection``; gives what cannot be served, or not yet."""
        family = self._context.family
        self._context.flush()
        wanted = {_identity(family, place.link, interfaces): place for place in selection.places}
        for identity in [known for known in self._open if known not in wanted]:
            self._open.pop(identity).serve(())
        failures = [*selection.unusable, *self._route(bool(wanted) and interfaces.use_routing)]
        for identity, place in wanted.items():
            failures += self._serve(identity, place)
        return failures

    def add(self, interfaces: Interfaces, selection: Selection) -> list[Left]:
        """Open sockets on those links of ``selection`` that have none, and close none; gives what cannot be served."""
        served = self.names
        places = [place for place in selection.places if place.link.name not in served]
        wanted = {_identity(self._context.family, place.link, interfaces): place for place in places}
        failures = list(selection.unusable)
        for identity, place in wanted.items():
            failures += self._serve(identity, place)
        return failures

    def _serve(self, identity: Identity, place: Place) -> list[Left]:
        group = self._open.get(identity) or self._group(identity, place.link)
        group.link = place.link
        before = set(group.sockets)
        failed = group.serve(place.addresses)
        if group.sockets:
            self._open[identity] = group
        else:
            self._open.pop(identity, None)
        if self._log.info:
            for address in group.sockets.keys() - before:
                text = f"listening on address {readable(address)}, on interface {identity.name}"
                self._log.info("DHCPSRV_CFGMGR_USE_ADDRESS", f"{text} ({identity.socket_type})")
        return [_unopened(identity.name, address, error) for address, error in failed.items()]

    def _group(self, identity: Identity, link: Link) -> LinkSockets:
        context, raw = self._context, identity.socket_type == "raw"
        if identity.family is FAMILY6:
            return PacketLink6(context, link) if raw else UdpLink6(context, link)
        return PacketLink4(context, link) if raw else UdpLink4(context, link, self._router)

    def _route(self, wanted: bool) -> list[Left]:
        """Open or close the socket that leaves the way of relayed answers to routing (Kea A052)."""
        if self._router is not None and not wanted:
            self._router.close()
            self._router = None
        elif self._router is None and wanted:
            try:
                self._router = open_router(self._context)
            except OSError as error:
                return [Left("outbound-interface use-routing", f"is not possible: {explain(error)}")]
        return []

    def replaced(self) -> set[str]:
        """The links that were deleted, or whose name another one has now."""
        return {identity.name for identity in self._open if _index(identity.name) != identity.link_index}

    def readdressed(self, links: Iterable[Link]) -> set[str]:
        """The links that have a link-local address, but no longer the one that is served.

        A link that is down has lost its address only for a while, and its sockets outlive that.
        """
        served = {identity.name: group.sockets for identity, group in self._open.items()}
        return {link.name for link in links if _readdressed(served.get(link.name, ()), addresses6(link))}


def _identity(family: Family, link: Link, interfaces: Interfaces) -> Identity:
    """Links that are no Ethernet have UDP sockets; in DHCPv4 they are not selected where sockets shall be raw."""
    raw = interfaces.socket_type == "raw" and link.hwtype == ETHERNET
    kind, frames = ("raw", (link.hwaddr, link.mtu)) if raw else ("udp", (b"", 0))
    return Identity(family, link.name, link.index, *frames, kind, interfaces.use_routing and not raw)


def _unopened(name: str, address: bytes, error: OSError) -> Left:
    tentative = len(address) == IPV6_LENGTH and error.errno == errno.EADDRNOTAVAIL
    return Left(f"{name}/{readable(address)}", f"cannot be opened: {explain(error)}", passing=tentative)


def _readdressed(served: Iterable[bytes], present: Iterable[bytes]) -> bool:
    before, now = set(filter(is_link_local, served)), set(filter(is_link_local, present))
    return bool(now) and not before <= now


def _index(name: str) -> int:
    """The index of the link that has this name now; 0 if none has."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0
