"""Accounting sessions: what the life of a lease is to RADIUS (RFC 2866; Kea I.4)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from txkea.wire.text import address_text

__all__ = ["NOBODY", "Attributes", "Cause", "Change", "Event", "Record", "Session", "Status", "account", "merged"]

Attributes = Sequence[tuple[Any, Any]]
"""Names, or vendor and name, with values: as `txkea.interfaces.IRadiusClient` takes them."""

EPOCH: Final = 1_520_420_400
"""The second from which session identifiers count: 2018-03-07 11:00 UTC (Kea I033)."""
NAME: Final = "User-Name"
NOBODY: Final[frozenset[str]] = frozenset()
"""The client of a session that is not known."""


class Status(IntEnum):
    """Acct-Status-Type (RFC 2866 section 5.1)."""

    START = 1
    STOP = 2
    INTERIM = 3
    ON = 7
    OFF = 8


class Cause(IntEnum):
    """Acct-Terminate-Cause (RFC 2866 section 5.10), as far as leases end so."""

    USER_REQUEST = 1
    """Released."""
    LOST_SERVICE = 3
    """Another client has the address, and nobody told how the lease ended."""
    SESSION_TIMEOUT = 5
    """Expired."""
    ADMIN_RESET = 6
    """Deleted or replaced by a command."""
    PORT_ERROR = 8
    """Declined: the address is in use elsewhere."""
    NAS_REQUEST = 10
    """Given up for another address that the client got."""


class Change(IntEnum):
    """What happens to a lease."""

    GRANTED = 1
    RENEWED = 2
    ENDED = 3


class Event(NamedTuple):
    """Something that happened to a lease."""

    change: Change
    at: float
    """Seconds since the epoch."""
    address: bytes
    client: frozenset[str] = NOBODY
    """What it is known by: who has something of it in common is the same."""
    attributes: Attributes = ()
    """Who the client is and what it has, as it stands in all records of the session."""
    cause: Cause | None = None
    """Why it ended."""


class Session(NamedTuple):
    """A client's use of an address, from the first grant to the end of the lease."""

    address: bytes
    id: str
    """Acct-Session-Id."""
    start: float
    """Seconds since the epoch."""
    client: frozenset[str]
    attributes: Attributes

    def belongs_to(self, client: frozenset[str]) -> bool:
        """Whether it is this client's, as far as one knows."""
        return not self.client or bool(self.client & client)


class Record(NamedTuple):
    """What is to be told to the accounting server."""

    status: Status
    at: float
    """When it happened, in seconds since the epoch."""
    address: bytes
    """The records of one are told in their order; ``b""`` is that of the server itself."""
    attributes: Attributes
    number: int = 0
    """Its place in the queue, once it is there."""


def account(event: Event, session: Session | None, number: int) -> tuple[Session | None, list[Record]]:
    """The session of an address after an event, and what is to be told of it.

    ``number`` tells a session that begins from all others of its address, however the clock is moved.
    """
    if event.change == Change.ENDED:
        return _ended(event, session)
    if session is None:
        return _started(event, event.at, number)
    ours = session.belongs_to(event.client)
    if ours and event.change == Change.GRANTED and session.start == int(event.at):
        return session, []  # its lease, which tells the second alone, was found before the event came
    if not ours or event.change == Change.GRANTED:
        # How it ended we were not told; a client that has the address anew is as good as another.
        at = max(event.at, session.start)
        begun, records = _started(event, at, number)
        return begun, [_record(Status.STOP, session, at, Cause.LOST_SERVICE), *records]
    renewed = session._replace(client=event.client, attributes=_renewed(session.attributes, event.attributes))
    return renewed, [_record(Status.INTERIM, renewed, max(event.at, session.start))]


def _started(event: Event, at: float, number: int) -> tuple[Session, list[Record]]:
    name = f"{address_text(event.address)}@{at - EPOCH:.3f}-{number}"
    session = Session(event.address, name, at, event.client, event.attributes)
    return session, [_record(Status.START, session, at)]


def _renewed(old: Attributes, new: Attributes) -> Attributes:
    """What is new of a client counts, but its session keeps the name that it began with (RFC 2865 section 5.1)."""
    return merged(merged(old, new), tuple(each for each in old if each[0] == NAME))


def _ended(event: Event, session: Session | None) -> tuple[Session | None, list[Record]]:
    """A session ends once; the end of a lease that was not its own, or of an earlier one, is none of its own."""
    if session is None or not session.belongs_to(event.client):
        return session, []
    if event.cause == Cause.SESSION_TIMEOUT and event.at < session.start:
        return session, []
    last = session._replace(attributes=merged(event.attributes, session.attributes))
    return None, [_record(Status.STOP, last, max(event.at, session.start), event.cause)]


def _record(status: Status, session: Session, at: float, cause: Cause | None = None) -> Record:
    times: list[tuple[Any, Any]] = [("Event-Timestamp", int(at))]
    if status != Status.START:
        times.append(("Acct-Session-Time", int(at) - int(session.start)))  # as of the two Event-Timestamps
    if cause is not None:
        times.append(("Acct-Terminate-Cause", int(cause)))
    what = [("Acct-Status-Type", int(status)), ("Acct-Session-Id", session.id)]
    return Record(status, at, session.address, (*what, *session.attributes, *times))


def merged(old: Attributes, new: Attributes) -> Attributes:
    """The new attributes, and of the old ones those of other names."""
    names = {name for name, _ in new}
    return (*(each for each in old if each[0] not in names), *new)
