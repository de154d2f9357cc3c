"""What is on its way to one server: sent, sent again, answered or given up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from txkea.errors import TxkeaError
from txkea.radius.lane import IDENTIFIERS, Answer, Flight, ICarrier, ICounting, Lane, Past
from txkea.radius.pace import Turn
from txkea.radius.packet import SHORTEST, Attribute, Code, Refused, encode, verify
from txkea.radius.servers import Health, Policy, RadiusServer

__all__ = ["IWatching", "Path", "Silent"]


class Silent(TxkeaError):
    """A server gave no answer that could be believed; the text says what happened instead."""


class IWatching(ICounting, Protocol):
    """Told how a server is: the client."""

    def unheard(self, path: Path, problem: str) -> None:
        """It did not answer."""

    def heard(self, path: Path) -> None:
        """It did."""


class Path:
    """All requests to one server, of which those that no lane has room for wait."""

    def __init__(
        self,
        server: RadiusServer,
        policy: Policy,
        health: Health,
        carrier: ICarrier,
        client: IWatching,
        *,
        reactor: Any,
        turn: Turn,
        random: Callable[[int], bytes],
    ) -> None:
        self.server, self.health = server, health
        self.address = server.host
        """The server's, as soon as it is known."""
        self._policy, self._carrier, self._client = policy, carrier, client
        self._reactor, self._turn, self._random = reactor, turn, random
        self._whole = policy.timeout * (policy.retries + 1)
        self._waiting: deque[Flight] = deque()
        self._sent: deque[Flight] = deque()
        """In the order in which they are late, for all have the same time; some may be over."""
        self._free: deque[tuple[Lane, int]] = deque()
        """Identifiers, those first that were used longest ago."""
        self._resting: deque[tuple[float, Lane, int]] = deque()
        """Identifiers to which an answer may still come, and when that is over."""
        self._lanes: set[Lane] = set()
        self._given_up: deque[Flight] = deque()
        self._timer: Any = None
        self._closed = False

    @property
    def under_way(self) -> int:
        """How many wait for this server."""
        return len(self._waiting) + sum(len(lane.flights) for lane in self._lanes)

    def start(self) -> None:
        """Make ready. Raises `Unavailable`."""
        self._carrier.start(self)

    def stop(self) -> None:
        """End all that is under way."""
        self._closed = True
        self._cancel()
        self._give_up_all()
        for flight in self._given_up:
            self._fail(flight, "the client was stopped")
        self._given_up.clear()
        self._carrier.stop()

    def ask(self, code: int, attributes: Sequence[Attribute]) -> Deferred[Answer]:
        """What the server answers. The Deferred fails with `Silent`, or `TxkeaError` for what cannot be sent."""
        flight = Flight(code, attributes, self._reactor.seconds())
        flight.answer = Deferred(lambda _: self._release(flight, answered=False))
        if self._closed:
            self._fail(flight, "the client was stopped")
            return flight.answer
        self._waiting.append(flight)
        self._fill()
        return flight.answer

    def abandon(self) -> None:
        """Let all who wait for this server hear that it is in vain, so that they ask another."""
        self._give_up_all()
        self._tell_given_up()

    # -- sending -------------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Send what waits, as much as has room and may be in this turn."""
        self._send_waiting()
        self._watch()

    def _send_waiting(self) -> None:
        while self._waiting and not self._closed:
            if self._waiting[0].over:
                self._waiting.popleft()
                continue
            if not self._free and not self._more():
                return
            if not self._turn.take():
                self._turn.again(self._fill)
                return
            lane, identifier = self._free.popleft()
            self._begin(self._waiting.popleft(), lane, identifier)

    def _more(self) -> bool:
        self._recover()
        if not self._free:
            lane = self._carrier.more(self)
            if lane is not None:
                self._add(lane)
        return bool(self._free)

    def _add(self, lane: Lane) -> None:
        start = self._random(1)[0]
        self._lanes.add(lane)
        self._free.extend((lane, (start + number) % IDENTIFIERS) for number in range(IDENTIFIERS))

    def _begin(self, flight: Flight, lane: Lane, identifier: int) -> None:
        status = flight.code == Code.STATUS_SERVER
        try:
            request = encode(
                flight.code,
                identifier,
                flight.attributes,
                self.server.secret,
                random=self._random(16),
                sign=self._policy.sign or status,
            )
        except TxkeaError as error:
            self._free.append((lane, identifier))
            flight.answer.errback(error)
            return
        flight.request, flight.lane, flight.sent = request, lane, self._reactor.seconds()
        lane.flights[identifier] = flight
        self._expect(flight)
        lane.send(request.data)

    def _expect(self, flight: Flight) -> None:
        flight.tries += 1
        flight.due = self._reactor.seconds() + self._policy.timeout
        self._sent.append(flight)

    # -- time ----------------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Be called when the first of all is late."""
        while self._sent and self._sent[0].over:
            self._sent.popleft()
        ends = [self._sent[0].due] if self._sent else []
        if self._waiting:
            ends.append(self._waiting[0].asked + self._whole)
            ends += [self._resting[0][0]] if self._resting else []
        if not ends or self._closed:
            return
        if self._timer is not None and self._timer.getTime() > min(ends):
            self._cancel()
        if self._timer is None:
            self._timer = self._reactor.callLater(max(min(ends) - self._reactor.seconds(), 0), self._called)

    def _called(self) -> None:
        self._timer = None
        self._sweep()

    def _sweep(self) -> None:
        """Deal with all that are late, as many as may be in this turn."""
        now = self._reactor.seconds()
        while self._sent and (self._sent[0].over or self._sent[0].due <= now):
            if not self._sent[0].over and not self._turn.take():
                self._turn.again(self._sweep)
                return
            self._late(self._sent.popleft())
        while self._waiting and (self._waiting[0].over or self._waiting[0].asked + self._whole <= now):
            if not self._turn.take():
                self._turn.again(self._sweep)
                return
            why = self.health.problem or "too many requests are under way"
            self._fail(self._waiting.popleft(), f"it could not be sent within {self._whole:g} s: {why}")
        self._recover()
        self._fill()

    def _late(self, flight: Flight) -> None:
        lane, request = flight.lane, flight.request
        if flight.over or lane is None or request is None:
            return
        if flight.tries <= self._policy.retries:
            self._expect(flight)
            if self._carrier.retransmits:
                self._client.count("retransmissions")
                lane.send(request.data)
            return
        self._client.count("timeouts")
        self._release(flight, answered=False)
        problem = f"no answer within {self._whole:g} s"
        if flight.refused:
            problem += f" that could be believed: {flight.refused}"
        if self.health.heard < flight.sent:
            self._client.unheard(self, problem)
            self._carrier.renew()
        self._fail(flight, problem)

    def _recover(self) -> None:
        """Use identifiers again to which no answer will come any more."""
        now = self._reactor.seconds()
        while self._resting and self._resting[0][0] <= now:
            _, lane, identifier = self._resting.popleft()
            lane.past.pop(identifier, None)
            self._free.append((lane, identifier))

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    # -- ends ----------------------------------------------------------------------------------------------------------

    def _release(self, flight: Flight, *, answered: bool) -> None:
        """Give its identifier back; not before the answers to all that was sent had their time."""
        lane, request = flight.lane, flight.request
        flight.lane = flight.request = None
        if lane is None or request is None:
            return
        lane.flights.pop(request.identifier, None)
        if lane.closed:
            return
        if answered and (flight.tries == 1 or not self._carrier.retransmits):
            self._free.append((lane, request.identifier))
            return
        lane.past[request.identifier] = Past(request, answered)
        self._resting.append((self._reactor.seconds() + self._policy.timeout, lane, request.identifier))

    def _fail(self, flight: Flight, why: str) -> None:
        if not flight.over:
            flight.answer.errback(Silent(why))

    def _give_up_all(self) -> None:
        flights = [flight for lane in self._lanes for flight in lane.flights.values()]
        self._given_up.extend((*flights, *self._waiting))
        self._waiting.clear()

    def _tell_given_up(self) -> None:
        while self._given_up:
            if not self._turn.take():
                self._turn.again(self._tell_given_up)
                return
            flight = self._given_up.popleft()
            if not flight.over:
                self._release(flight, answered=False)
                self._fail(flight, self.health.problem or "it is dead")

    # -- lanes ---------------------------------------------------------------------------------------------------------

    def opened(self, lane: Lane) -> None:
        """There is another lane."""
        self._add(lane)
        self._fill()

    def lost(self, lane: Lane) -> None:
        """A lane is no more; what was on it goes on others, as often as it may."""
        lane.closed = True
        self._lanes.discard(lane)
        self._free = deque(each for each in self._free if each[0] is not lane)
        self._resting = deque(each for each in self._resting if each[1] is not lane)
        flights = [flight for flight in lane.flights.values() if not flight.over]
        lane.flights.clear()
        for flight in reversed(flights):
            flight.lane = flight.request = None
            if flight.tries <= self._policy.retries:
                self._waiting.appendleft(flight)
            else:
                self._fail(flight, "the connection was lost")
        self._fill()

    def broken(self, problem: str) -> None:
        """No lane can be opened now: those who wait ask others, or wait for as long as they may."""
        self._client.unheard(self, problem)

    def room(self) -> None:
        """There may be another lane by now."""
        self._fill()

    def arrived(self, lane: Lane, data: bytes) -> None:
        """Something came from the server's address: the answer, or what only looks like it."""
        flight = lane.flights.get(data[1]) if len(data) >= SHORTEST else None
        if flight is None or flight.request is None:
            self._unexpected(lane, data)
            return
        try:
            answer = self._believed(flight, data)
        except Refused as refused:
            flight.refused = str(refused)
            self._client.refused(refused.kind, str(self.server), str(refused))
            return
        self._client.heard(self)
        self._release(flight, answered=True)
        flight.answer.callback(answer)
        self._fill()

    def _believed(self, flight: Flight, data: bytes) -> Answer:
        assert flight.request is not None, "it is on its way"
        required = self._policy.require and self.server.tls is None and flight.code != Code.STATUS_SERVER
        received = verify(data, flight.request, self.server.secret, required=required)
        return Answer(received.code, self._policy.dictionary.decoded(received.attributes), str(self.server))

    def _unexpected(self, lane: Lane, data: bytes) -> None:
        """Tell a late answer from one that nobody has asked for."""
        past = lane.past.get(data[1]) if len(data) >= SHORTEST else None
        kind, reason = "identifier", "no request with its identifier is under way"
        try:
            if past is None:
                if len(data) < SHORTEST:
                    raise Refused("malformed", f"it has {len(data)} octets; {SHORTEST} is the least")
            else:
                verify(data, past.request, self.server.secret, required=False)
                kind = "duplicate" if past.answered else "late"
                reason = "it came twice" if past.answered else "it came too late"
        except Refused as refused:
            kind, reason = refused.kind, str(refused)
        self._client.refused(kind, str(self.server), reason)
