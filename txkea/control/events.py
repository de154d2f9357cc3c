"""What happens to leases and to the server, told as it happens: a page of server-sent events (WHATWG HTML 9.2)."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from zope.interface import implementer

from txkea.control.pages import Content
from txkea.control.views import VIEWS
from txkea.errors import TxkeaError
from txkea.exchange.query import Query
from txkea.exchange.site import Site
from txkea.interfaces import ILeaseObserver
from txkea.wire.dhcp4 import MessageType4
from txkea.wire.dhcp6 import MessageType6

__all__ = ["Events", "EventsPage", "LeaseEvents", "Subscription", "Wish"]

TYPE: Final = "text/event-stream"
QUEUE: Final = 1000
"""Events that wait for one reader; when there are more, the oldest are lost to it."""
PIECE: Final = 1 << 14
"""Bytes of events that are sent in one go."""
SILENCE: Final = 15.0
"""Seconds after which a reader gets a comment, so that nobody on the way takes the connection for dead."""
BEAT: Final = 1.0
"""Seconds between two looks at the server's condition."""
FIRST: Final = b"retry: 3000\n\n"
"""What a stream begins with: milliseconds after which a reader that lost it comes back."""
COMMENT: Final = b":\n\n"
STATE: Final = "state"
ANYWHERE: Final = -1
RELEASES: Final = {4: int(MessageType4.RELEASE), 6: int(MessageType6.RELEASE)}
DECLINES: Final = {4: int(MessageType4.DECLINE), 6: int(MessageType6.DECLINE)}


@frozen
class Wish:
    """What a reader wants to be told."""

    events: frozenset[str]
    subnets: frozenset[int] | None = None
    """The subnets whose leases matter; None for all."""

    def holds(self, event: str, subnet_id: int) -> bool:
        """Whether it is told of an event; of a state the subnet does not matter."""
        return event in self.events and (self.subnets is None or subnet_id in self.subnets or event == STATE)


class Subscription:
    """The events for one reader, pieces of a page that has no end.

    ``ended`` is told when the reader is gone.
    """

    def __init__(self, wish: Wish, seconds: Callable[[], float], ended: Callable[[Subscription], object]) -> None:
        self.wish = wish
        self._seconds = seconds
        self._ended = ended
        self._events = deque((FIRST,))
        self._lost = 0
        self._spoke = seconds()
        self._waiting: Deferred[None] | None = None
        self._closed = False

    def put(self, event: bytes) -> None:
        """Have an event sent; the oldest one that waits gives way to it if there are too many."""
        if len(self._events) >= QUEUE:
            self._events.popleft()
            self._lost += 1
        self._events.append(event)
        self._wake()

    def beat(self) -> None:
        """End a silence that has lasted long enough."""
        if not self._events and self._seconds() - self._spoke >= SILENCE:
            self.put(COMMENT)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> bytes:
        while not self._events and not self._closed:
            waiting = self._waiting = Deferred()
            await waiting
        if self._closed:
            raise StopAsyncIteration
        self._spoke = self._seconds()
        return b"".join(self._taken())

    def _taken(self) -> list[bytes]:
        """Some of what waits; how many were lost stands where they would."""
        taken: list[bytes] = []
        if self._lost:
            taken.append(encoded("lost", {"lost": self._lost}))
            self._lost = 0
        size = 0
        while self._events and size < PIECE:
            taken.append(self._events.popleft())
            size += len(taken[-1])
        return taken

    async def aclose(self) -> None:
        """The reader is gone, or shall be."""
        if not self._closed:
            self._closed = True
            self._ended(self)
            self._wake()


def encoded(event: str, data: Mapping[str, Any], number: int | None = None) -> bytes:
    """An event on the wire: its JSON is one line of ASCII."""
    identifier = "" if number is None else f"id: {number}\n"
    return f"{identifier}event: {event}\ndata: {json.dumps(data)}\n\n".encode("ascii")


class Events:
    """The events of a server of one family: told to those who listen; while nobody does they cost nothing.

    ``conditions()`` gives what else may change, by name, as JSON values; whoever listens is told within `BEAT` seconds.
    """

    def __init__(self, family: int, reactor: Any, conditions: Callable[[], Mapping[str, Any]] = dict) -> None:
        self.family = family
        self.lease_event = f"lease{family}"
        self.page = EventsPage(self)
        self.observer = LeaseEvents(self)
        self._show = VIEWS[family].show
        self._seconds: Callable[[], float] = reactor.seconds
        self._conditions = conditions
        self._known: Mapping[str, Any] = {}
        self._readers: list[Subscription] = []
        self._site: Site | None = None
        self._number = 0
        self._clock = LoopingCall(self._beat)
        self._clock.clock = reactor

    # -- who listens ---------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many listen."""
        return len(self._readers)

    def watch(self, site: Site) -> None:
        """Tell of the leases of this site, which comes into force; exchanges of one before it are told to their end."""
        self._site = site
        if self._readers:
            self._observe(site)

    def _observe(self, site: Site) -> None:
        # Always the last one: whoever goes through the observers may wait at an earlier one when it comes or goes.
        if self.observer not in site.observers:
            site.observers.append(self.observer)

    def subscribe(self, wish: Wish) -> Subscription:
        """A new reader, who first learns how things are."""
        reader = Subscription(wish, self._seconds, self._unsubscribed)
        if not self._readers:
            self._known = self._conditions()
            self._clock.start(BEAT, now=False)
            if self._site is not None:
                self._observe(self._site)
        self._readers.append(reader)
        if wish.holds(STATE, ANYWHERE):
            reader.put(encoded(STATE, self._stated("subscribed", self._known)))
        return reader

    def _unsubscribed(self, reader: Subscription) -> None:
        self._readers.remove(reader)
        if not self._readers:
            self._clock.stop()
            if self._site is not None and self.observer in self._site.observers:
                self._site.observers.remove(self.observer)

    async def stop(self) -> None:
        """Send everybody away."""
        for reader in tuple(self._readers):
            await reader.aclose()

    # -- what happens --------------------------------------------------------------------------------------------------

    def state(self, name: str, **more: Any) -> None:
        """Tell of a change of the server itself, such as ``reconfigured``; ``more`` are JSON values."""
        self._tell(STATE, ANYWHERE, lambda: self._stated(name, more))

    def lease_changed(self, lease: Any, change: str) -> None:
        """Tell what happened to a lease, such as ``granted``."""
        self._tell(
            self.lease_event,
            lease.subnet_id,
            lambda: {"change": change, "time": self._now(), "lease": self._show(lease)},
        )

    def _stated(self, name: str, more: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"state": name, "time": self._now(), "family": self.family, **more}

    def _now(self) -> float:
        return round(self._seconds(), 3)

    def _tell(self, event: str, subnet_id: int, data: Callable[[], Mapping[str, Any]]) -> None:
        """Encode an event once for all who want it, and not at all for nobody."""
        readers = [reader for reader in self._readers if reader.wish.holds(event, subnet_id)]
        if readers:
            self._number += 1
            text = encoded(event, data(), self._number)
            for reader in readers:
                reader.put(text)

    def _beat(self) -> None:
        """Tell what has changed since the last look."""
        before, self._known = self._known, dict(self._conditions())
        for name in {**before, **self._known}:
            if before.get(name) != self._known.get(name):
                self.state(name, value=self._known.get(name), was=before.get(name))
        for reader in tuple(self._readers):
            reader.beat()


@implementer(ILeaseObserver)
class LeaseEvents:
    """Turns what queries and time do to leases into events; no answer waits for it."""

    answer_waits = False

    def __init__(self, events: Events) -> None:
        self._changed = events.lease_changed
        self._release, self._decline = RELEASES[events.family], DECLINES[events.family]

    async def leases_committed(self, query: Query | None, granted: Sequence[Any], removed: Sequence[Any]) -> None:
        if query is None:
            self._replaced(granted, removed)
            return
        for lease in granted:
            self._changed(lease, "renewed" if lease in query.renewed else "granted")
        if query.type != self._decline:  # `lease_declined` tells of that
            for lease in removed:
                self._changed(lease, "released" if query.type == self._release else "removed")

    def _replaced(self, granted: Sequence[Any], removed: Sequence[Any]) -> None:
        """What a command did."""
        before, after = {lease.address for lease in removed}, {lease.address for lease in granted}
        for lease in granted:
            self._changed(lease, "updated" if lease.address in before else "added")
        for lease in removed:
            if lease.address not in after:
                self._changed(lease, "deleted")

    async def lease_expired(self, lease: Any) -> None:
        self._changed(lease, "expired")

    async def lease_declined(self, query: Query, lease: Any) -> None:
        self._changed(lease, "declined")


class EventsPage:
    """``/events``: a stream of events, all or those that the parameters ``events`` and ``subnet-id`` choose."""

    def __init__(self, events: Events) -> None:
        self._events = events

    async def get(self, query: Mapping[str, str]) -> Content:
        """See `txkea.control.pages.Page`."""
        return Content(TYPE, self._events.subscribe(self._wish(query)))

    def _wish(self, query: Mapping[str, str]) -> Wish:
        known = frozenset((self._events.lease_event, STATE))
        for name in query:
            if name not in ("events", "subnet-id"):
                raise TxkeaError(f"a stream of events has no parameter {name!r}; it has 'events' and 'subnet-id'")
        events = frozenset(query["events"].split(",")) if "events" in query else known
        if not events <= known:
            strange = ", ".join(sorted(events - known))
            raise TxkeaError(f"'events' {strange!r}: there are {' and '.join(sorted(known))}")
        return Wish(events, _numbers(query["subnet-id"]) if "subnet-id" in query else None)


def _numbers(text: str) -> frozenset[int]:
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in parts):
        raise TxkeaError(f"'subnet-id' {text!r} is not a list of subnet ids, such as 1,2")
    return frozenset(map(int, parts))
