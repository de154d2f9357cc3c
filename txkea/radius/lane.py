"""A lane to a server: 256 identifiers between one port or connection of ours and one server."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from twisted.internet.defer import Deferred

from txkea.radius.pace import Turn
from txkea.radius.packet import Attribute, Request

__all__ = ["IDENTIFIERS", "Answer", "Flight", "ICarrier", "ICounting", "Inbox", "Lane", "Past"]

IDENTIFIERS: Final = 256
MOST: Final = 16_384
"""Answers that came and wait for their turn, at most."""


class Answer(NamedTuple):
    """What a server said."""

    code: int
    """A `txkea.radius.packet.Code`: ACCESS_ACCEPT, ACCESS_REJECT, ACCESS_CHALLENGE or ACCOUNTING_RESPONSE."""
    attributes: Mapping[str, Sequence[Any]]
    """Values by name, as `txkea.radius.dictionary.Dictionary.decoded` gives them; each name has at least one."""
    server: str
    """Which one, such as ``192.0.2.1:1812``."""


class Flight:
    """A request on its way to one server, or waiting for a lane; ``answer`` fires when it is over."""

    __slots__ = ("answer", "asked", "attributes", "code", "due", "lane", "refused", "request", "sent", "tries")

    def __init__(self, code: int, attributes: Sequence[Attribute], now: float) -> None:
        self.code = code
        self.attributes = attributes
        self.answer: Deferred[Answer]
        self.asked = self.sent = self.due = now
        """When it was asked for, when it was sent for the first time, and when it is late."""
        self.lane: Lane | None = None
        self.request: Request | None = None
        self.tries = 0
        self.refused = ""
        """Why the latest answer to it was not believed."""

    @property
    def over(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.answer.called


class Past(NamedTuple):
    """A request that is over, to which an answer may still come."""

    request: Request
    answered: bool


class Lane:
    """Who uses which identifier. ``send`` never raises; ``arrived(lane, data)`` is told of what comes."""

    __slots__ = ("arrived", "closed", "flights", "past", "send")

    def __init__(self, send: Callable[[bytes], None], arrived: Callable[[Lane, bytes], None]) -> None:
        self.send = send
        self.arrived = arrived
        self.flights: dict[int, Flight] = {}
        self.past: dict[int, Past] = {}
        self.closed = False


class Inbox:
    """What came and waits for its turn."""

    def __init__(self, turn: Turn, overrun: Callable[[], None]) -> None:
        self._turn = turn
        self._overrun = overrun
        self._waiting: deque[tuple[Lane, bytes]] = deque()

    def put(self, lane: Lane, data: bytes) -> None:
        """Deal with it now, or as soon as may be."""
        if not self._waiting and self._turn.take():
            lane.arrived(lane, data)
        elif len(self._waiting) < MOST:
            self._waiting.append((lane, data))
            self._turn.again(self._go_on)
        else:
            self._overrun()

    def _go_on(self) -> None:
        while self._waiting and self._turn.take():
            lane, data = self._waiting.popleft()
            lane.arrived(lane, data)
        if self._waiting:
            self._turn.again(self._go_on)


class ICounting(Protocol):
    """Told what happens: the client."""

    def count(self, what: str, by: int = 1) -> None:
        """Something that is counted happened."""

    def refused(self, kind: str, server: str, reason: str) -> None:
        """An answer was not believed."""


class ICarrier(Protocol):
    """Makes lanes."""

    retransmits: bool
    """Whether a request is sent again when there is no answer; a connection does so by itself."""

    def start(self, path: Any) -> None:
        """Make ready. Raises `Unavailable`."""

    def more(self, path: Any) -> Lane | None:
        """Another lane, or None if there is none now; one that comes later is told to ``path.opened``."""

    def renew(self) -> None:
        """Nothing comes from the server: let go of connections, for what is at their other end is gone maybe."""

    def stop(self) -> None:
        """Let go of all."""
