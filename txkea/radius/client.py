"""Asks RADIUS servers: in their order, each as often and as long as it may take, and the next when one is silent."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from typing import Any, Final

from zope.interface import implementer

from txkea.errors import Busy, Unavailable
from txkea.interfaces import ILogger, IRadiusClient
from txkea.launch import launch
from txkea.radius.datagrams import Sources
from txkea.radius.lane import Answer, ICarrier, Inbox
from txkea.radius.pace import Turn
from txkea.radius.packet import Attribute, Code
from txkea.radius.path import Path, Silent
from txkea.radius.servers import Policy, RadiusServer, address_of, described, health_of
from txkea.radius.streams import Streams

__all__ = ["COUNTERS", "Answer", "RadiusClient"]

MOST: Final = 20_000
"""Requests that wait at a time where the configuration names no number: some kilobytes each."""
COUNTERS: Final = (
    "requests", "answers", "retransmissions", "timeouts", "busy", "unavailable", "status-requests",
    "refused-authenticator", "refused-code", "refused-duplicate", "refused-identifier", "refused-late",
    "refused-malformed", "refused-message-authenticator", "refused-overrun", "refused-proxy-state", "refused-source",
    "refused-unsigned",
)  # fmt: skip
"""The ends of the counters' names, behind ``radius-access-`` or ``radius-accounting-``."""
MENDS: Final = {
    "authenticator": "mend: the same secret here and in the server's clients.conf",
    "unsigned": 'mend: a newer server, or for FreeRADIUS before 3.2.5 "update reply { &Message-Authenticator := 0x00 }"'
    ' in post-auth, also for Post-Auth-Type REJECT; "use-message-authenticator": false accepts forged answers',
}
"""What an operator can do against answers that are not believed."""
SELDOM: Final = 60.0
"""Seconds from one warning of that kind to the next."""


@implementer(IRadiusClient)
class RadiusClient:
    """The client of one service: ``start`` it before the first request.

    ``statistics`` are counters by name; ``random(n)`` gives octets that nobody can guess.
    """

    def __init__(
        self,
        servers: Iterable[RadiusServer],
        policy: Policy,
        *,
        reactor: Any,
        log: ILogger,
        statistics: MutableMapping[str, int],
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._policy = policy
        self._reactor = reactor
        self._log = log
        self._statistics = statistics
        self._waiting = 0
        self._probes: dict[Path, Any] = {}
        self._warned: dict[tuple[str, str], float] = {}
        self._turn = Turn(reactor)
        self._inbox = Inbox(self._turn, self._overrun)
        self._sources = Sources(policy.bind, reactor=reactor, inbox=self._inbox, stranger=self._stranger)
        for counter in COUNTERS:
            statistics.setdefault(f"radius-{policy.service}-{counter}", 0)
        self._paths = [self._path(server, random) for server in servers]

    def _path(self, server: RadiusServer, random: Callable[[int], bytes]) -> Path:
        carrier: ICarrier = self._sources
        if server.tls is not None:
            carrier = Streams(timeout=self._policy.timeout, reactor=self._reactor, inbox=self._inbox, counting=self)
        health = health_of(self._reactor, self._policy.service, server)
        return Path(server, self._policy, health, carrier, self, reactor=self._reactor, turn=self._turn, random=random)

    async def start(self) -> None:
        """Open what is needed to ask. Raises `Unavailable`; then it is to be stopped, too."""
        for path in self._paths:
            if path.server.tls is None:
                path.address = await address_of(path.server.host, self._reactor)
            path.start()
            self._look_later(path)

    async def stop(self) -> None:
        """Close it; who still waits hears `Unavailable`."""
        probes, self._probes = self._probes, {}
        for timer in probes.values():
            if timer.active():
                timer.cancel()
        for path in self._paths:
            path.stop()
        self._turn.stop()

    def describe(self) -> Mapping[str, Any]:
        """How the servers are, in JSON's types, for ``status-get``."""
        now = self._reactor.seconds()
        servers = [dict(described(path.server, path.health, now, path.under_way)) for path in self._paths]
        return {"waiting": self._waiting, "servers": servers}

    @property
    def silent(self) -> bool:
        """See `IRadiusClient`."""
        return all(path.health.problem for path in self._paths)

    async def request(self, code: int, attributes: Sequence[tuple[Any, Any]]) -> Answer:
        """See `IRadiusClient`."""
        encoded = self._policy.dictionary.attributes(attributes)
        if self._waiting >= (self._policy.most or MOST):
            self.count("busy")
            raise Busy(f"{self._waiting} requests wait for a RADIUS server")
        self.count("requests")
        self._waiting += 1
        try:
            return await self._ask(code, encoded)
        finally:
            self._waiting -= 1

    async def _ask(self, code: int, attributes: Sequence[Attribute]) -> Answer:
        tried: list[Path] = []
        why = []
        while (path := self._next(tried)) is not None:
            tried.append(path)
            trial = path.health.dead and path.health.usable(self._reactor.seconds())
            path.health.trying |= trial
            try:
                return await path.ask(code, attributes)
            except Silent as silent:
                why.append(f"{path.server}: {silent}")
            finally:
                path.health.trying &= not trial
        self.count("unavailable")
        raise Unavailable(f"no RADIUS server for {self._policy.service} answers ({'; '.join(why)})")

    def _next(self, tried: Sequence[Path]) -> Path | None:
        """The one to ask now: the first of those that are well, then of the others."""
        left = [path for path in self._paths if path not in tried]
        now = self._reactor.seconds()
        return next((path for path in left if path.health.usable(now)), left[0] if left else None)

    # -- how servers are -----------------------------------------------------------------------------------------------

    def _look_later(self, path: Path) -> None:
        if self._policy.idle > 0:
            self._probes[path] = self._reactor.callLater(self._policy.idle, self._look, path)

    def _look(self, path: Path) -> None:
        """Ask a server how it is that has not answered for a while."""
        if self._reactor.seconds() - path.health.heard >= self._policy.idle:
            self.count("status-requests")
            launch(self._probe(path))
        else:
            self._look_later(path)

    async def _probe(self, path: Path) -> None:
        with suppress(Silent):  # the path has told
            await path.ask(Code.STATUS_SERVER, ())
        if path in self._probes:
            self._look_later(path)

    # -- told by paths -------------------------------------------------------------------------------------------------

    def count(self, what: str, by: int = 1) -> None:
        """Something that is counted happened."""
        self._statistics[f"radius-{self._policy.service}-{what}"] += by

    def heard(self, path: Path) -> None:
        """A server answered."""
        self.count("answers")
        if path.health.answered(self._reactor.seconds()) and self._log.info:
            self._log.info("RADIUS_SERVER_BACK", f"{self._policy.service} server {path.server} answers again")

    def unheard(self, path: Path, problem: str) -> None:
        """A server did not answer: if others may, those who wait for it are to ask them."""
        now = self._reactor.seconds()
        if not path.health.failed(now, path.server.deadtime, problem):
            return
        if self._log.warn:
            self._log.warn("RADIUS_SERVER_DEAD", f"{self._policy.service} server {path.server}: {problem}")
        if any(other.health.usable(now) for other in self._paths if other is not path):
            path.abandon()

    def refused(self, kind: str, server: str, reason: str) -> None:
        """An answer was not believed."""
        self.count(f"refused-{kind}")
        if self._log.debug:
            self._log.debug("RADIUS_ANSWER_REFUSED", f"an answer of {server} is refused: {reason}")
        mend = MENDS.get(kind)
        now = self._reactor.seconds()
        if mend and self._log.warn and now >= self._warned.get((kind, server), now):
            self._warned[kind, server] = now + SELDOM
            self._log.warn("RADIUS_ANSWERS_REFUSED", f"answers of {server} are refused: {reason}; {mend}")

    def _stranger(self, source: str) -> None:
        self.refused("source", source, "it is no server that we ask")

    def _overrun(self) -> None:
        self.count("refused-overrun")
