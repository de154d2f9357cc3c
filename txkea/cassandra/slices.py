"""Changes of leases: what waits for a slice goes as one conditional batch, which is one round of Paxos."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from txkea.backend.gathering import Gathering
from txkea.cassandra.connection import Answer, Keyspace, Refused
from txkea.cassandra.keys import slice_of
from txkea.cassandra.tables import Statements
from txkea.cassandra.tally import Tally
from txkea.cassandra.text import decode, encode
from txkea.errors import Unavailable
from txkea.model.lease import Lease

__all__ = ["Change", "Slices", "change"]

ROWS: Final = 160
"""Changes in one batch."""
BYTES: Final = 40_000
"""Of one batch; a lease that is larger goes alone."""
OVERHEAD: Final = 80
"""Bytes of a change beside its texts, about."""
ATTEMPT: Final = 3.0
"""Seconds that a batch may take before it is sent again: what that finds tells what became of it."""
PAUSE: Final = 0.1
"""Seconds until then, where it failed at once."""
IDLE: Final = 4096
"""Slices that are kept in mind."""


class Change(NamedTuple):
    """A lease in place of another; None for none."""

    address: bytes
    lease: Lease | None
    was: Lease | None
    text: str
    """Of the lease."""
    before: str
    """Of what was."""


def change(lease: Lease | None, was: Lease | None) -> Change:
    """What `Slices.ask` takes."""
    one = lease or was
    assert one is not None
    return Change(one[0], lease, was, encode(lease) if lease else "", encode(was) if was else "")


class Slices:
    """The slices of one family's leases; a batch that is sent twice, or is late, does no harm (see `Tally`)."""

    def __init__(self, keyspace: Keyspace, statements: Statements, reactor: Any) -> None:
        self._writer = Writer(keyspace, statements, reactor)
        self._reactor = reactor
        self._slices: dict[bytes, Gathering[Change, bool]] = {}

    def ask(self, wish: Change) -> Deferred[bool]:
        """Whether a change was made: the row was as it says. Raises `Unavailable` if that is not known."""
        key = slice_of(wish.address)
        found = self._slices.get(key)
        if found is None:
            if len(self._slices) >= IDLE:
                self._slices = {key: each for key, each in self._slices.items() if len(each)}
            # One batch at a time: two would only meet in their rounds, and both be slower.
            pace = self._writer.keyspace.pace
            send = Slice(key, self._writer).send
            found = self._slices[key] = Gathering(send, self._reactor, most=4 * ROWS, pace=pace)
        return found.ask(wish)


class Writer:
    """This process as Cassandra knows it, and what all its slices share."""

    def __init__(self, keyspace: Keyspace, statements: Statements, reactor: Any) -> None:
        self.keyspace = keyspace
        self.statements = statements
        self.reactor = reactor
        self.name = secrets.token_hex(6)
        self.number = 0
        """Of the latest batch."""


class Slice:
    """One slice, as far as this process knows it."""

    def __init__(self, key: bytes, writer: Writer) -> None:
        self._key = key
        self._writer = writer
        self._tally: str | None = None

    async def send(self, changes: Sequence[Change]) -> Sequence[bool]:
        """Which of some changes were made."""
        made: dict[int, bool] = {}
        known: dict[bytes, str | None] = {}
        end = self._writer.reactor.seconds() + self._writer.keyspace.patience
        while len(made) < len(changes):
            batch = dict(self._next(changes, made, known))
            if batch and self._writer.reactor.seconds() > end:
                raise Unavailable(f"{self._writer.keyspace.name}: others write to the same slice all the time")
            if batch and await self._applied([*batch.values()], known, end):
                made.update(dict.fromkeys(batch, True))
                known.update({each.address: each.text if each.lease else None for each in batch.values()})
        return [made[number] for number in range(len(changes))]

    def _next(
        self, changes: Sequence[Change], made: dict[int, bool], known: Mapping[bytes, str | None]
    ) -> Iterator[tuple[int, Change]]:
        """The changes for the next batch, one of each address; those that have lost are told so in ``made``."""
        addresses: set[bytes] = set()
        size = 0
        for number, each in enumerate(changes):
            if number in made or each.address in addresses:
                continue
            if each.address in known:
                there = known[each.address]
                if not _possible(each, there):
                    made[number] = False
                    continue
                each = each._replace(before=there or "")
            size += len(each.text) + len(each.before) + OVERHEAD
            if addresses and (size > BYTES or len(addresses) == ROWS):
                return
            addresses.add(each.address)
            yield number, each

    async def _applied(self, batch: Sequence[Change], known: dict[bytes, str | None], end: float) -> bool:
        """Whether a batch was applied; if not, ``known`` holds the rows as they are.

        One whose answer is lost is sent again. If that is applied, the first never was, nor can be later, for the tally
        is another one now; if not, the tally tells whether the first was.
        """
        writer = self._writer
        numbers = []
        while True:
            writer.number += 1
            numbers.append(writer.number)
            tally = self._after(batch, writer.number).text()
            try:
                answer = await writer.keyspace.batch(self._requests(batch, tally), ATTEMPT)
            except Refused:
                raise
            except Unavailable:
                if writer.reactor.seconds() > end:
                    raise
                await deferLater(writer.reactor, PAUSE, lambda: None)
                continue
            if answer.rows[0][0]:
                self._tally = tally
                return True
            self._learn(answer, batch, known)
            return Tally.read(self._tally).writers.get(writer.name) in numbers

    def _after(self, batch: Sequence[Change], number: int) -> Tally:
        removed = [each.was for each in batch if each.was is not None]
        added = [each.lease for each in batch if each.lease is not None]
        return Tally.read(self._tally).after(removed, added, self._writer.name, number)

    def _requests(self, batch: Sequence[Change], tally: str) -> Iterator[tuple[str, Sequence[Any]]]:
        statements, key = self._writer.statements, self._key
        yield statements.tally, (tally, key, self._tally)
        for address, lease, was, text, before in batch:
            if was is None:
                yield statements.add, (key, address, text)
            elif lease is None:
                yield statements.remove, (key, address, before)
            else:
                yield statements.update, (text, key, address, before)

    def _learn(self, answer: Answer, batch: Sequence[Change], known: dict[bytes, str | None]) -> None:
        """Take over what the answer to a batch that was not applied tells of the slice; what it lacks is not there."""
        self._tally = None
        known.update(dict.fromkeys((each.address for each in batch), None))
        if len(answer.columns) == 1:
            return
        address, lease, tally = (answer.columns.index(name) for name in ("address", "lease", "tally"))
        for row in answer.rows:
            self._tally = row[tally]
            if row[address] is not None:
                known[row[address]] = row[lease]


def _possible(wish: Change, there: str | None) -> bool:
    """Whether the row is as a change wants it; an earlier version may have written the same lease otherwise."""
    if wish.was is None or there is None:
        return wish.was is None and there is None
    return there == wish.before or bool(decode(wish.address, there) == wish.was)
