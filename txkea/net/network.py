"""The machine's network: opens the sockets that a configuration asks for, and keeps them open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from attrs import evolve
from twisted.internet.interfaces import IDelayedCall
from zope.interface import implementer

from txkea.errors import ConfigError
from txkea.interfaces import IDatagramReceiver, ILogger, INetwork, ISocket, Link
from txkea.model.configuration import Interfaces
from txkea.net.context import Context, Reactor, Traffic
from txkea.net.links import links
from txkea.net.selection import FAMILY4, FAMILY6, LOOPBACK, LOOPBACK6, Family, Left, Selection, select
from txkea.net.served import Served

__all__ = ["BUFFER_SIZE", "SystemNetwork"]

BUFFER_SIZE: Final = 4 << 20
"""Bytes that may wait to be read, per socket: some 2000 datagrams."""
WATCH_INTERVAL: Final = 5.0
"""Seconds between looks whether a served link has vanished or come back."""
PASSING_INTERVAL: Final = 0.5
"""Seconds between two attempts to use an address of which the kernel still looks for duplicates."""
PATIENCE: Final = 20
"""How many of these attempts there are, before it is a failure like others."""


def ignore(reason: str) -> None:
    """Take no notice."""


@implementer(INetwork)
class SystemNetwork:
    """The network that the kernel gives, in the namespace of the process.

    It serves one family, that of the latest ``listen``: a process that serves both makes two, since their ports differ.
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
        self._served = Served(self._context)
        self._failures: list[Left] = []
        self._lost: set[str] = set()
        self._patience = 0
        self._retry_call: IDelayedCall | None = None
        self._watch_call: IDelayedCall | None = None

    @property
    def traffic(self) -> Traffic:
        """What has passed through the sockets so far."""
        return self._context.traffic

    @property
    def sockets(self) -> Sequence[ISocket]:
        """The sockets that are open now; more than listening gave when retries have helped."""
        return self._served.sockets

    @property
    def problems(self) -> Sequence[str]:
        """Why sockets that should be open are not, one sentence each."""
        return tuple(_sentence([left]) for left in self._failures)

    def links(self) -> Sequence[Link]:
        """All interfaces now."""
        return links()

    def listen4(self, interfaces: Interfaces, receiver: IDatagramReceiver) -> Sequence[ISocket]:
        """See `INetwork`."""
        return self._listen(FAMILY4, interfaces, receiver)

    def listen6(self, interfaces: Interfaces, receiver: IDatagramReceiver) -> Sequence[ISocket]:
        """See `INetwork`. An address that is still tentative (RFC 4862 section 5.4) is served once it is not."""
        return self._listen(FAMILY6, evolve(interfaces, use_routing=False), receiver)

    def _listen(self, family: Family, interfaces: Interfaces, receiver: IDatagramReceiver) -> Sequence[ISocket]:
        """Sockets that stay wanted stay open, so nothing is lost when a server is reconfigured.

        Also raises `ConfigError`, with all as it was before, when ``service-sockets-require-all`` holds, a socket
        cannot be opened and there are to be no retries.
        """
        if interfaces.re_detect or not self._detected:
            self._detected = self.links()
        selection = select(family, interfaces, self._detected)
        self._cancel()
        context = self._context
        former = context.family, getattr(context, "receiver", receiver), self._patience
        context.family, context.receiver, self._patience = family, receiver, PATIENCE
        strict = interfaces.require_all and not interfaces.max_retries
        # What is open stays open until all that is new could be opened.
        failures = self._served.add(interfaces, selection) if strict else []
        if not any(not left.passing for left in failures):
            failures = self._apply(interfaces, selection)
        final = [left for left in failures if not left.passing]
        if final and strict:
            context.family, context.receiver, self._patience = former
            self._apply(self._interfaces, self._select())
            self._schedule(0)
            raise ConfigError(f"not all sockets could be opened: {_sentence(final)}", family.path)
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

    # -- trying again --------------------------------------------------------------------------------------------------

    def _schedule(self, attempt: int) -> None:
        """After attempt number ``attempt``: plan the next one, and the next look at the links."""
        interfaces = self._interfaces
        if self._will_pass():
            self._retry_call = self._reactor.callLater(PASSING_INTERVAL, lambda: self._retry(attempt))
        elif self._failures and attempt < interfaces.max_retries:
            wait = interfaces.retry_wait_time / 1000
            self._retry_call = self._reactor.callLater(wait, lambda: self._retry(attempt + 1))
        elif self._failures and (interfaces.max_retries or interfaces.require_all):
            self._exhausted()
        if interfaces.selections and self._watch_call is None:
            self._watch_call = self._reactor.callLater(WATCH_INTERVAL, self._watch)

    def _will_pass(self) -> bool:
        """Whether to try again soon, because a failure is likely to pass by itself; not for ever."""
        waiting = any(left.passing for left in self._failures)
        self._patience -= waiting
        return waiting

    def _retry(self, attempt: int) -> None:
        self._retry_call = None
        self._reapply()
        self._schedule(attempt)

    def _exhausted(self) -> None:
        number = self._interfaces.max_retries
        text = f"maximum number of open service sockets attempts: {number}, has been exhausted without success"
        if self._log.error:
            self._log.error(self._context.family.open_failed, f"{text}: {_sentence(self._failures)}")
        if self._interfaces.require_all:
            self._gave_up(f"{text}: {_sentence(self._failures)}")

    def _watch(self) -> None:
        """Follow a link that was deleted, and come back to it when another has its name (hostile F13)."""
        self._watch_call = None
        changed = self._served.replaced()
        if self._context.family is FAMILY6:
            changed |= self._served.readdressed(self.links())
        if changed:
            self._lost |= changed
            self._patience = PATIENCE
        if self._lost or any(left.passing for left in self._failures):
            self._reapply()
            self._lost -= self._served.names
        soon = self._retry_call is None and self._will_pass()
        self._watch_call = self._reactor.callLater(PASSING_INTERVAL if soon else WATCH_INTERVAL, self._watch)

    def _apply(self, interfaces: Interfaces, selection: Selection) -> list[Left]:
        """Gives what cannot be served; what is likely to pass is so only for as long as patience lasts."""
        failures = self._served.apply(interfaces, selection)
        return failures if self._patience else [left._replace(passing=False) for left in failures]

    def _reapply(self) -> None:
        self._detected = self.links()
        self._report(self._apply(self._interfaces, self._select()))

    def _select(self) -> Selection:
        """What the configuration comes to by now."""
        return select(self._context.family, self._interfaces, self._detected, vanished=True)

    def _cancel(self) -> None:
        for call in (self._retry_call, self._watch_call):
            if call is not None:
                call.cancel()
        self._retry_call = self._watch_call = None

    # -- telling -------------------------------------------------------------------------------------------------------

    def _tell(self, selection: Selection) -> None:
        """What ``*`` did not mean on this machine."""
        for left in selection.skipped:
            write = self._log.debug if left.reason in (LOOPBACK, LOOPBACK6) else self._log.warn
            if write:
                write("DHCPSRV_OPEN_SOCKET_FAIL", f"not listening on {left.name}: it {left.reason}")

    def _report(self, failures: list[Left]) -> None:
        """Log failures that are new, and that nothing is open."""
        for left in failures:
            write = self._log.info if left.passing else self._log.warn
            if left not in self._failures and write:
                again = "; trying again" if left.passing else ""
                write("DHCPSRV_OPEN_SOCKET_FAIL", f"failed to open socket: {_sentence([left])}{again}")
        hopeless = not any(left.passing for left in failures)
        nothing = bool(self._interfaces.selections) and not self._served.names and hopeless
        if nothing and (failures != self._failures or not failures) and self._log.warn:
            self._log.warn("DHCPSRV_NO_SOCKETS_OPEN", "no interface configured to listen to DHCP traffic")
        self._failures = failures


def _sentence(failures: Sequence[Left]) -> str:
    return "; ".join(f"{left.name} {left.reason}" for left in failures)
