"""The machine's network: opens the sockets that a configuration asks for, and keeps them open."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from twisted.internet.interfaces import IDelayedCall
from zope.interface import implementer

from txkea.errors import ConfigError
from txkea.interfaces import IDatagramReceiver, ILogger, INetwork, ISocket, Link
from txkea.model.configuration import Interfaces
from txkea.net.links import links
from txkea.net.packet import PacketLink
from txkea.net.selection import LOOPBACK, PATH, Left, Place, Selection, select4
from txkea.net.sockets import Context, LinkSockets, Reactor, Traffic, explain
from txkea.net.udp import UdpLink, open_router

__all__ = ["BUFFER_SIZE", "SystemNetwork"]

BUFFER_SIZE: Final = 4 << 20
"""Bytes that may wait to be read, per socket: some 2000 datagrams."""
WATCH_INTERVAL: Final = 5.0
"""Seconds between looks whether a served link has vanished or come back."""


class Identity(NamedTuple):
    """What must not change while a link's sockets stay open."""

    name: str
    link_index: int
    hwaddr: bytes
    mtu: int
    socket_type: str
    use_routing: bool


def ignore(reason: str) -> None:
    """Take no notice."""


@implementer(INetwork)
class SystemNetwork:
    """The network that the kernel gives, in the namespace of the process.

    ``gave_up(reason)`` is called when ``service-sockets-require-all`` holds and the last retry has failed (Kea A056):
    the server should stop.
    """

    def __init__(
        self,
        reactor: Reactor,
        log: ILogger,
        server_port: int = 67,
        client_port: int = 68,
        buffer_size: int = BUFFER_SIZE,
        gave_up: Callable[[str], object] = ignore,
    ) -> None:
        self._context = Context(reactor, log, server_port, client_port, buffer_size)
        self._log = log
        self._reactor = reactor
        self._gave_up = gave_up
        self._interfaces = Interfaces()
        self._detected: Sequence[Link] = ()
        self._open: dict[Identity, LinkSockets] = {}
        self._router: socket.socket | None = None
        self._failures: list[Left] = []
        self._lost: set[str] = set()
        self._retry_call: IDelayedCall | None = None
        self._watch_call: IDelayedCall | None = None

    @property
    def traffic(self) -> Traffic:
        """What has passed through the sockets so far."""
        return self._context.traffic

    @property
    def sockets(self) -> Sequence[ISocket]:
        """The sockets that are open now; more than `listen4` gave when retries have helped."""
        return tuple(sock for group in self._open.values() for sock in group.sockets.values())

    @property
    def problems(self) -> Sequence[str]:
        """Why sockets that should be open are not, one sentence each."""
        return tuple(_sentence([left]) for left in self._failures)

    def links(self) -> Sequence[Link]:
        """All interfaces now."""
        return links()

    def listen4(self, interfaces: Interfaces, receiver: IDatagramReceiver) -> Sequence[ISocket]:
        """See `INetwork`. Sockets that stay wanted stay open, so nothing is lost when a server is reconfigured.

        Also raises `ConfigError`, with all as it was before, when ``service-sockets-require-all`` holds, a socket
        cannot be opened and there are to be no retries.
        """
        if interfaces.re_detect or not self._detected:
            self._detected = self.links()
        selection = select4(interfaces, self._detected)
        self._cancel()
        self._context.receiver, former = receiver, getattr(self._context, "receiver", receiver)
        failures = self._apply(interfaces, selection)
        if failures and interfaces.require_all and not interfaces.max_retries:
            self._context.receiver = former
            self._apply(self._interfaces, select4(self._interfaces, self._detected, vanished=True))
            self._schedule(0)
            raise ConfigError(f"not all sockets could be opened: {_sentence(failures)}", PATH)
        self._interfaces = interfaces
        self._lost.clear()
        self._tell(selection)
        self._report(failures)
        self._schedule(0)
        return self.sockets

    def close(self) -> None:
        """Close all sockets and forget the configuration."""
        self._cancel()
        self._interfaces = Interfaces()
        self._apply(self._interfaces, Selection((), (), ()))
        self._failures = []

    # -- opening -------------------------------------------------------------------------------------------------------

    def _apply(self, interfaces: Interfaces, selection: Selection) -> list[Left]:
        """Make the open sockets those of ``selection``; gives what could not be opened."""
        self._context.flush()
        wanted = {_identity(place.link, interfaces): place for place in selection.places}
        for identity in [known for known in self._open if known not in wanted]:
            self._open.pop(identity).serve(())
        failures = [*selection.unusable, *self._route(bool(wanted) and interfaces.use_routing)]
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
                text = f"listening on address {socket.inet_ntoa(address)}, on interface {identity.name}"
                self._log.info("DHCPSRV_CFGMGR_USE_ADDRESS", f"{text} ({identity.socket_type})")
        return [
            Left(f"{identity.name}/{socket.inet_ntoa(a)}", f"cannot be opened: {explain(e)}") for a, e in failed.items()
        ]

    def _group(self, identity: Identity, link: Link) -> LinkSockets:
        if identity.socket_type == "raw":
            return PacketLink(self._context, link)
        return UdpLink(self._context, link, self._router)

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

    # -- trying again --------------------------------------------------------------------------------------------------

    def _schedule(self, attempt: int) -> None:
        """After attempt number ``attempt``: plan the next one, and the next look at the links."""
        interfaces = self._interfaces
        if self._failures and attempt < interfaces.max_retries:
            wait = interfaces.retry_wait_time / 1000
            self._retry_call = self._reactor.callLater(wait, lambda: self._retry(attempt + 1))
        elif self._failures and interfaces.max_retries and attempt == interfaces.max_retries:
            self._exhausted()
        if interfaces.selections and self._watch_call is None:
            self._watch_call = self._reactor.callLater(WATCH_INTERVAL, self._watch)

    def _retry(self, attempt: int) -> None:
        self._retry_call = None
        self._reapply()
        self._schedule(attempt)

    def _exhausted(self) -> None:
        number = self._interfaces.max_retries
        text = f"maximum number of open service sockets attempts: {number}, has been exhausted without success"
        if self._log.error:
            self._log.error("DHCP4_OPEN_SOCKETS_FAILED", f"{text}: {_sentence(self._failures)}")
        if self._interfaces.require_all:
            self._gave_up(f"{text}: {_sentence(self._failures)}")

    def _watch(self) -> None:
        """Follow a link that was deleted, and come back to it when another has its name (hostile F13)."""
        self._watch_call = None
        self._lost |= {identity.name for identity in self._open if _index(identity.name) != identity.link_index}
        if self._lost:
            self._reapply()
            self._lost -= {identity.name for identity in self._open}
        self._watch_call = self._reactor.callLater(WATCH_INTERVAL, self._watch)

    def _reapply(self) -> None:
        self._detected = self.links()
        self._report(self._apply(self._interfaces, select4(self._interfaces, self._detected, vanished=True)))

    def _cancel(self) -> None:
        for call in (self._retry_call, self._watch_call):
            if call is not None:
                call.cancel()
        self._retry_call = self._watch_call = None

    # -- telling -------------------------------------------------------------------------------------------------------

    def _tell(self, selection: Selection) -> None:
        """What ``*`` did not mean on this machine."""
        for left in selection.skipped:
            write = self._log.debug if left.reason == LOOPBACK else self._log.warn
            if write:
                write("DHCPSRV_OPEN_SOCKET_FAIL", f"not listening on {left.name}: it {left.reason}")

    def _report(self, failures: list[Left]) -> None:
        """Log failures that are new, and that nothing is open."""
        for left in failures:
            if left not in self._failures and self._log.warn:
                self._log.warn("DHCPSRV_OPEN_SOCKET_FAIL", f"failed to open socket: {_sentence([left])}")
        nothing = bool(self._interfaces.selections) and not self._open
        if nothing and (failures != self._failures or not failures) and self._log.warn:
            self._log.warn("DHCPSRV_NO_SOCKETS_OPEN", "no interface configured to listen to DHCP traffic")
        self._failures = failures


def _identity(link: Link, interfaces: Interfaces) -> Identity:
    use_routing = interfaces.use_routing and interfaces.socket_type != "raw"
    return Identity(link.name, link.index, link.hwaddr, link.mtu, interfaces.socket_type, use_routing)


def _index(name: str) -> int:
    """The index of the link that has this name now; 0 if none has."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0


def _sentence(failures: Sequence[Left]) -> str:
    return "; ".join(f"{left.name} {left.reason}" for left in failures)
