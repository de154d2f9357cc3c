"""Accounting: what becomes of leases is told to a RADIUS server (RFC 2866; Kea I.4)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from math import inf
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TooLate
from zope.interface import implementer

from txkea.exchange.query import Query
from txkea.interfaces import ILearnsLeases, ILeaseObserver, ILocalObserver, IRadiusClient, IRunning
from txkea.model.lease import LeaseState, LeaseType
from txkea.radius.history import read_history
from txkea.radius.packet import Code
from txkea.radius.queue import Queue, User
from txkea.radius.sessions import Attributes, Cause, Change, Event, Record, Session, Status, merged
from txkea.radius.spool import MOST
from txkea.wire.dhcp4 import MessageType4
from txkea.wire.dhcp6 import MessageType6
from txkea.wire.text import address_text

__all__ = ["Accounting", "AccountingSettings", "LocalAccounting", "accounting"]

DEFAULT: Final = int(LeaseState.DEFAULT)
DISCOVER: Final = int(MessageType4.DISCOVER)
CAUSES: Final[Mapping[int, Mapping[int, Cause]]] = {
    4: {int(MessageType4.RELEASE): Cause.USER_REQUEST, int(MessageType4.DECLINE): Cause.PORT_ERROR},
    6: {int(MessageType6.RELEASE): Cause.USER_REQUEST, int(MessageType6.DECLINE): Cause.PORT_ERROR},
}
"""Why a lease is removed, by family and type of message; else for another one."""
COUNTERS: Final = {
    Status.START: "radius-accounting-starts",
    Status.INTERIM: "radius-accounting-interims",
    Status.STOP: "radius-accounting-stops",
}
QUEUED: Final = "radius-accounting-queued"
DROPPED: Final = "radius-accounting-dropped"
FAREWELL: Final = 3.0
"""Seconds that an Accounting-Off, and what stands before it, may take when the server ends."""
OURSELVES: Final = b""
CRASH: Final = 2
"""Seconds before the last event that was written down, in which others may have happened that were not."""

Who = Callable[[Any, "Query | None"], Attributes]
"""Who has a lease and where, as attributes: User-Name, Calling-Station-Id, NAS-Port, and Class if there is one."""


@frozen(kw_only=True)
class AccountingSettings:
    """What the map ``accounting`` says beyond its servers."""

    nas: Callable[[], Attributes] = tuple
    """Gives the server's own address, as an attribute, once there is a way to the accounting server."""
    attributes: Attributes = ()
    """What is added to every record, in place of ours of the same name."""
    peer_updates: bool = True
    """Whether what the partner of an HA pair does here is told, too (Kea I031)."""
    session_history: str = ""
    """The file in which Kea kept the sessions; ``""``: there is none (Kea I034)."""
    most: int = MOST
    """Records that may wait for a server."""
    reused_leases: bool = False
    """Whether a renewal that the lease cache answers is told, as one that is written is."""
    on_off: bool = False
    """Whether a start and an orderly end of the server are told as Accounting-On and Accounting-Off."""


@implementer(ILeaseObserver, ILearnsLeases, IRunning)
class Accounting:
    """An observer of leases."""

    answer_waits = False
    """No lease waits for it either: what is told is put into a queue."""

    def __init__(self, client: IRadiusClient, settings: AccountingSettings, who: Who, *, site: Any) -> None:
        self._client = client
        self._settings = settings
        self._who = who
        self._alone = site.configuration.lease_database.type == "memfile"
        """Whether nobody else grants the leases that are found here."""
        self._family: int = site.configuration.family
        self._reactor = site.reactor
        self._log = site.log
        self._statistics: MutableMapping[str, int] = site.statistics
        self.reused_leases = settings.reused_leases
        """Whether `answer_ready` wants to be told of answers."""
        self._path = os.path.join(site.paths.data, f"kea-accounting{self._family}.sqlite")
        self._queue: Queue | None = None
        self._dropped = 0
        self._complains_at = 1
        self._user = User(self._send, self._count, settings.most)
        for name in (*COUNTERS.values(), QUEUED, DROPPED):
            self._statistics.setdefault(name, 0)

    # -- while it is in force ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """See `IRunning`."""
        queue = await Queue.of(self._path, reactor=self._reactor, log=self._log)
        if not len(queue):
            await self._begin(queue)
        self._queue, self._dropped = queue, queue.spool.dropped
        queue.join(self._user)
        self._count(())

    async def _begin(self, queue: Queue) -> None:
        """A server starts that did not account before; a mere change of its configuration is none."""
        if self._settings.session_history:
            await self._take_over(queue, self._settings.session_history)
        if self._settings.on_off:
            queue.spool.append(self._own(Status.ON))

    async def stop(self) -> None:
        """See `IRunning`."""
        queue, self._queue = self._queue, None
        if queue is None:
            return
        if len(queue) == 1 and self._settings.on_off:
            queue.spool.append(self._own(Status.OFF))
            await self._farewell(queue)
        await queue.leave(self._user)

    async def _farewell(self, queue: Queue) -> None:
        """Whatever is not told by then will be when the server starts again."""
        waiting = Deferred.fromCoroutine(queue.delivery.idle())
        waiting.addTimeout(FAREWELL, self._reactor)
        try:
            await waiting
        except TooLate:
            if self._log.info:
                text = f"{queue.spool.waiting} accounting records are kept in {self._path} until the next start"
                self._log.info("RADIUS_ACCOUNTING_KEPT", text)

    async def _take_over(self, queue: Queue, path: str) -> None:
        """Let the sessions of Kea's file go on, unless that was done before."""
        told: list[str] = []

        def read() -> list[Session]:
            sessions, bad = read_history(path)
            told.append(f"{len(sessions)} sessions of {path} go on; {bad} of its rows are none")
            return sessions

        try:
            await queue.spool.remember(path, read)
        except OSError as error:
            if self._log.warn:
                text = f"{path} cannot be read: {error.strerror}; sessions that Kea has begun do not go on"
                self._log.warn("RADIUS_SESSION_HISTORY_LOAD_FAILED", text)
        if told and self._log.info:
            self._log.info("RADIUS_SESSION_HISTORY_LOADED", told[0])

    def _own(self, status: Status) -> Record:
        """A record of the server itself, which is no session."""
        now = self._reactor.seconds()
        what = [("Acct-Status-Type", int(status)), ("Acct-Session-Id", f"{status.name.lower()}@{now:.6f}")]
        return Record(status, now, OURSELVES, (*what, ("Event-Timestamp", int(now))))

    # -- delivery ------------------------------------------------------------------------------------------------------

    async def _send(self, record: Record) -> None:
        delay = max(0, int(self._reactor.seconds() - record.at))
        settings = self._settings
        attributes = merged(merged(settings.nas(), record.attributes), settings.attributes)
        await self._client.request(Code.ACCOUNTING_REQUEST, (*attributes, ("Acct-Delay-Time", delay)))

    def _count(self, records: Sequence[Record]) -> None:
        statistics = self._statistics
        for record in records:
            if record.status in COUNTERS:
                statistics[COUNTERS[record.status]] += 1
        if self._queue is not None:
            spool = self._queue.spool
            statistics[QUEUED] = spool.waiting
            statistics[DROPPED] += spool.dropped - self._dropped
            self._dropped = spool.dropped
            self._complain()

    def _complain(self) -> None:
        """Tell of losses: of the first, and again when there are twice as many."""
        if self._dropped >= self._complains_at:
            self._complains_at = 2 * self._dropped
            if self._log.error:
                text = f"{self._dropped} accounting records are lost so far: more wait than {self._settings.most}"
                self._log.error("RADIUS_ACCOUNTING_QUEUE_FULL", text)

    def describe(self) -> Mapping[str, Any]:
        """How it goes, in JSON's types, for ``status-get``."""
        if self._queue is None:
            return {}
        spool, delivery = self._queue.spool, self._queue.delivery
        problem = {"problem": spool.problem} if spool.problem else {}
        return {"queued": spool.waiting, "dropped": spool.dropped, "answers": not delivery.failures, **problem}

    # -- after the start -----------------------------------------------------------------------------------------------

    def leases_found(self, leases: Sequence[Any], more: bool) -> None:
        """See `ILearnsLeases`: what happened in the last moments before a crash, maybe nobody wrote down.

        A lease that was granted then begins its session now, and a session without a lease ends.
        """
        if self._queue is not None:
            spool = self._queue.spool
            since = spool.left - CRASH if spool.left and self._alone else inf
            running = [lease for lease in leases if lease.state == DEFAULT]
            doubtful = [lease for lease in running if since <= lease.cltt <= spool.opened]
            grants = [self._event(Change.GRANTED, lease.cltt, lease, None) for lease in doubtful]
            spool.found([lease.address for lease in running], grants)
            if not more:
                spool.all_found(spool.opened, self._reactor.seconds())

    # -- what happens to leases ----------------------------------------------------------------------------------------

    async def leases_committed(self, query: Query | None, granted: Sequence[Any], removed: Sequence[Any]) -> None:
        """See `ILeaseObserver`."""
        if query is None:
            self._replaced(granted, removed)
            return
        for lease in removed:
            self._removed(query, lease)
        if self._family == 4 and query.type == DISCOVER:
            return  # offered for a while; who accepts it gets it
        for lease in granted:
            self._note(Change.RENEWED if lease in query.renewed else Change.GRANTED, query.now, lease, query)

    async def answer_ready(self, query: Query, options: dict[int, bytes]) -> None:
        """See `IAnswerReady`: a lease that the lease cache has is changed by nothing that is told otherwise."""
        for lease in query.reused:
            self._note(Change.RENEWED, query.now, lease, query)

    def _removed(self, query: Query, lease: Any) -> None:
        if lease.expired(query.now):
            self._over(lease, query.now)
        else:
            cause = CAUSES[self._family].get(query.type, Cause.NAS_REQUEST)
            self._note(Change.ENDED, query.now, lease, query, cause)

    def _replaced(self, granted: Sequence[Any], removed: Sequence[Any]) -> None:
        """A command did it; a lease goes on if its client keeps it."""
        now = self._reactor.seconds()
        kept = {lease.address: known_by(lease) for lease in granted if lease.state == DEFAULT}
        before = {lease.address: known_by(lease) for lease in removed if lease.state == DEFAULT}
        for lease in removed:
            if not kept.get(lease.address, frozenset()) & known_by(lease):
                self._note(Change.ENDED, now, lease, None, Cause.ADMIN_RESET)
        for lease in granted:
            same = before.get(lease.address, frozenset()) & known_by(lease)
            self._note(Change.RENEWED if same else Change.GRANTED, now, lease, None)

    async def lease_expired(self, lease: Any) -> None:
        """See `ILeaseObserver`."""
        self._over(lease, self._reactor.seconds())

    def _over(self, lease: Any, now: float) -> None:
        """Its time was over some while ago, however late that is noticed (Kea I041)."""
        self._note(Change.ENDED, min(lease.expires, now), lease, None, Cause.SESSION_TIMEOUT)

    async def lease_declined(self, query: Query, lease: Any) -> None:
        """See `ILeaseObserver`: the client's own lease was among those removed."""

    def _note(self, change: Change, at: float, lease: Any, query: Query | None, cause: Cause | None = None) -> None:
        if lease.state == DEFAULT and self._queue is not None:
            self._queue.spool.account(self._event(change, at, lease, query, cause))

    def _event(self, change: Change, at: float, lease: Any, query: Query | None, cause: Cause | None = None) -> Event:
        attributes = (*self._who(lease, query), _what(lease))
        return Event(change, at, lease.address, known_by(lease), attributes, cause)


@implementer(ILocalObserver)
class LocalAccounting(Accounting):
    """One that says nothing of what the partner of an HA pair does here."""


def accounting(client: IRadiusClient, settings: AccountingSettings, who: Who, *, site: Any) -> Accounting:
    """The observer for these settings; ``site`` are the `txkea.providers.Surroundings`."""
    kind = Accounting if settings.peer_updates else LocalAccounting
    return kind(client, settings, who, site=site)


def known_by(lease: Any) -> frozenset[str]:
    """What tells the client of a lease from others: in DHCPv4 a client may have either in common with itself."""
    if len(lease.address) == 4:
        named = (("id", lease.client_id), ("hw", lease.hwaddr))
        return frozenset(f"{kind}:{value.hex()}" for kind, value in named if value)
    return frozenset((f"{lease.duid.hex()}/{lease.iaid}/{int(lease.type)}",))


def _what(lease: Any) -> tuple[str, Any]:
    """What a client has, as an attribute (RFC 2865, 6911 and 4818)."""
    if len(lease.address) == 4:
        return "Framed-IP-Address", lease.address
    if lease.type == LeaseType.PD:
        return "Delegated-IPv6-Prefix", f"{address_text(lease.address)}/{lease.prefix_length}"
    return "Framed-IPv6-Address", lease.address
