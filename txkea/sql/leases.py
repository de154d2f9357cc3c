"""Leases in Kea's tables, many in a transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import ceil
from typing import Any, Final, TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from twisted.internet.task import deferLater
from zope.interface import implementer

from txkea.backend.gathering import Gathering, Pace
from txkea.errors import Away, TxkeaError, Unavailable
from txkea.interfaces import ILeaseStore, ILogger
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import INFINITE, Lease, LeaseState
from txkea.sql.database import Database, InDoubt, Session, reason
from txkea.sql.dialects import is_again, is_poison
from txkea.sql.layout import Layout, look_at
from txkea.sql.reading import ADDRESS, OVERLAPPING, Ask, Reader
from txkea.sql.rows import SECONDS, Rows, rows_of
from txkea.sql.statements import Statements, statements
from txkea.sql.writing import ADD, REMOVE, UPDATE, Change, Writer, are_new

__all__ = ["SqlLeases"]

T = TypeVar("T")

MOST: Final = 256
"""Leases in a transaction: enough for one commit to cost next to nothing each."""
LANES: Final = 2
"""Groups of look-ups at a time."""
TRIES: Final = 10
"""How often a transaction is tried that others got in the way of."""
DOUBT: Final = 5.0
"""Seconds to wait for a connection that tells whether a change was made, and for what is under way when closed."""
_COLUMNS: Final = {
    4: {IdentifierKind.HW_ADDRESS: "hwaddr", IdentifierKind.CLIENT_ID: "client_id"},
    6: {IdentifierKind.DUID: "duid"},
}
"""What clients are known by, and where."""
_ENDED: Final = {
    4: (LeaseState.DEFAULT, LeaseState.DECLINED, LeaseState.RELEASED),
    6: (LeaseState.DEFAULT, LeaseState.DECLINED, LeaseState.RELEASED, LeaseState.REGISTERED),
}
"""States of leases that can expire."""


@implementer(ILeaseStore)
class SqlLeases:
    """The leases of one family in one database; others may use it too, Kea among them."""

    shared = True

    def __init__(self, database: Database, family: int, *, reactor: Any, log: ILogger) -> None:
        self.name = database.dialect.name
        self._database = database
        self._family = family
        self._reactor = reactor
        self._log = log
        self._clients = _COLUMNS[family]
        pace = Pace(reactor)
        self._reads: Gathering[Ask, Any] = Gathering(self._read, reactor, most=MOST, at_once=LANES, pace=pace)
        # Two transactions that add leases of one subnet wait for each other: triggers count in one row.
        self._writes: Gathering[Change, bool] = Gathering(self._write, reactor, most=MOST, pace=pace)
        self._layout: Layout | None = None
        self._statements: Statements
        self._rows: Rows
        self._reader: Reader
        self._writer: Writer
        database.on_connect(self._look_at)
        database.on_loss(self._lost)

    async def open(self) -> None:
        """See `ILeaseStore.open`."""
        await self._database.open()

    async def close(self) -> None:
        """See `ILeaseStore.close`."""
        end = self._reactor.seconds() + DOUBT
        while (self._writes or self._reads) and self._reactor.seconds() < end:
            await deferLater(self._reactor, 0.01, lambda: None)
        await self._database.close()

    @property
    def problem(self) -> str:
        """See `ILeaseStore`."""
        return self._database.connection.problem

    def _look_at(self, session: Session) -> None:
        """The schema may be another one whenever we connect. Runs in a thread."""
        layout = look_at(session, self.name, self._family)
        if layout != self._layout:
            self._statements = statements(layout)
            self._rows = rows_of(layout, self._unreadable)
            self._reader = Reader(self._statements, self._rows)
            self._writer = Writer(self._statements, self._rows)
            self._layout = layout

    def _unreadable(self, address: Any, error: Exception) -> None:
        """Runs in a thread."""
        text = f"{self._database.name}: the row of {address!r} is no lease, and is left alone: {error}"
        if self._log.warn:
            self._reactor.callFromThread(self._log.warn, "TXKEA_LEASE_UNREADABLE", text)

    def _lost(self) -> None:
        """Let all who wait know."""
        problem = f"{self._database.name} is away: {self._database.connection.problem}"
        self._reads.fail(Away(problem))
        self._writes.fail(InDoubt(problem))

    # -- look-ups ------------------------------------------------------------------------------------------------------

    async def get(self, address: bytes) -> Any:
        """See `ILeaseStore.get`."""
        self._database.connection.check()
        return await self._reads.ask((ADDRESS, address))

    async def several(self, addresses: Sequence[bytes]) -> Sequence[Any]:
        """See `ILeaseStore.several`."""
        return await self._look(lambda reader, session: reader.read(session, [(ADDRESS, each) for each in addresses]))

    async def by_client(self, identifier: Identifier) -> Sequence[Any]:
        """See `ILeaseStore.by_client`."""
        self._database.connection.check()
        column = self._clients.get(identifier.kind)
        if column is None or not identifier.value:
            return ()
        self._reads.check()  # this is what a query begins with
        return await self._reads.ask((column, identifier.value))  # type: ignore[no-any-return]

    async def overlapping(self, address: bytes, length: int) -> Sequence[Any]:
        """See `ILeaseStore.overlapping`."""
        self._database.connection.check()
        return await self._reads.ask((OVERLAPPING, (address, length)))  # type: ignore[no-any-return]

    async def expired(self, now: float, limit: int) -> Sequence[Any]:
        """See `ILeaseStore.expired`."""
        return await self._ended(_ENDED[self._family], now, limit)

    async def reclaimed(self, before: float, limit: int) -> Sequence[Any]:
        """See `ILeaseStore.reclaimed`."""
        return await self._ended((LeaseState.RECLAIMED,), before, limit)

    async def counts(self) -> Mapping[tuple[int, int, int], int]:
        """See `ILeaseStore.counts`."""
        return await self._look(lambda reader, session: reader.counts(session))

    async def page(self, after: bytes | None, limit: int) -> Sequence[Any]:
        """See `ILeaseStore.page`: in the order of the column, which for addresses that are text is that of a text."""
        return await self._look(lambda reader, session: reader.page(session, after, limit))

    async def _ended(self, states: Sequence[int], before: float, limit: int) -> list[Any]:
        """What ends in a second is over when some of the next has passed."""
        second, last = ceil(before) - 1, SECONDS[self.name][1]
        # A column that ends in 2038 has the later seconds as its last one: all of these are looked at.
        sought = (second, limit) if second < last else (last, 0)
        found = await self._look(lambda reader, session: reader.ended(session, states, *sought))
        over = sorted((lease for lease in found if lease.expires < before), key=_end)
        return over[: limit or None]

    async def _look(self, call: Callable[[Reader, Session], T]) -> T:
        self._database.connection.check()
        try:
            return await self._database.look(partial(call, self._reader))
        except SQLAlchemyError as error:
            raise self._unavailable(error) from error

    async def _read(self, asks: Sequence[Ask]) -> Sequence[Any]:
        return await self._look(lambda reader, session: reader.read(session, asks))

    def _unavailable(self, error: SQLAlchemyError) -> Unavailable:
        return Unavailable(f"{self._database.name}: {reason(error)}")

    # -- changes -------------------------------------------------------------------------------------------------------

    async def add(self, lease: Lease) -> bool:
        """See `ILeaseStore.add`."""
        return await self._change(ADD, lease, None)

    async def update(self, lease: Lease, was: Lease) -> bool:
        """See `ILeaseStore.update`."""
        return await self._change(UPDATE, lease, was)

    async def remove(self, lease: Lease) -> bool:
        """See `ILeaseStore.remove`."""
        return await self._change(REMOVE, lease, lease)

    async def _change(self, kind: int, lease: Lease, was: Lease | None) -> bool:
        self._database.connection.check()
        change = Change(kind, lease, self._rows.encode(lease), was)
        try:
            return await self._writes.ask(change)
        except InDoubt as doubt:
            if not change.sent:
                raise Away(str(doubt)) from None
            return await self._resolved(change, doubt)

    async def _resolved(self, change: Change, doubt: InDoubt) -> bool:
        """Look again, once connected: True if the change was made, whoever made it."""
        connection, end = self._database.connection, self._reactor.seconds() + DOUBT
        while not connection.up and self._reactor.seconds() < end:
            await deferLater(self._reactor, 0.1, lambda: None)
        there, after = await self.get(change.lease.address), change.after
        if there == after or (there and after and there == self._rows.kept(after)):
            return True
        raise Unavailable(f"the change of a lease was not made: {doubt}")

    async def _write(self, changes: Sequence[Change]) -> Sequence[bool | TxkeaError]:
        """One transaction, again if others got in its way; one that holds a bad row is divided until that is alone."""
        for change in changes:
            change.sent = True
        try:
            return await self._committed(changes)
        except DBAPIError as error:
            if len(changes) == 1 or not is_poison(self._database.dialect, error):
                return [self._unavailable(error)] * len(changes)
        except SQLAlchemyError as error:
            return [self._unavailable(error)] * len(changes)
        except Away as error:
            for change in changes:
                change.sent = False
            return [error] * len(changes)
        except TxkeaError as error:
            return [error] * len(changes)
        middle = len(changes) // 2
        return [*await self._write(changes[:middle]), *await self._write(changes[middle:])]

    async def _committed(self, changes: Sequence[Change]) -> list[bool]:
        dialect = self._database.dialect
        if are_new(changes):
            try:
                return await self._database.once(self._writer.add, changes)
            except DBAPIError as error:
                if not is_again(dialect, error):
                    raise
        for left in range(TRIES, 0, -1):
            try:
                return await self._database.run(self._writer.make, changes)
            except DBAPIError as error:
                if left == 1 or not is_again(dialect, error):
                    raise
        raise AssertionError("the last try returns or raises")


def _end(lease: Lease) -> int:
    return lease.expires if lease.valid_lifetime != INFINITE else INFINITE << 32
