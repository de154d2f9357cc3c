"""Records go from the queue to the accounting server: in order for each lease, some at a time, until acknowledged."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import ILogger
from txkea.launch import launch
from txkea.radius.sessions import Record
from txkea.radius.spool import Spool

__all__ = ["WINDOW", "Delivery"]

WINDOW: Final = 64
"""Records that are under way at a time."""
LONGEST: Final = 10.0
"""Seconds between two attempts while no server answers."""

Send = Callable[[Record], Awaitable[object]]


class Delivery:
    """Takes records from a spool and has them sent as `use` was last told; a record is gone when that has come back.

    While no server answers one record at a time tries whether that is over, each another one, so that a record that no
    server likes keeps no other from being told.
    """

    def __init__(self, spool: Spool, *, reactor: Any, log: ILogger) -> None:
        self.acknowledged = 0
        """Records that were told, ever since."""
        self.failures = 0
        """Attempts in vain since the last one that was not."""
        self._spool = spool
        self._reactor = reactor
        self._log = log
        self._send: Send | None = None
        self._hand: deque[Record] = deque()
        self._under_way = 0
        self._taking = False
        self._going = False
        self._timer: IDelayedCall | None = None
        self._idle: list[Deferred[None]] = []
        spool.ready = self.go_on

    def use(self, send: Send) -> None:
        """Send by this from now on."""
        self._send = send
        self.go_on()

    def stop(self) -> None:
        """Begin nothing more; what is under way may be told once more another time."""
        self._send = None
        self._wake()

    def _wake(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def idle(self) -> None:
        """Wait until all is told that was to be so far."""
        await self._spool.flushed()
        if self._spool.waiting:
            waiting: Deferred[None] = Deferred()
            self._idle.append(waiting)
            await waiting

    def go_on(self) -> None:
        """Send what may be sent, and take more."""
        if not self._spool.waiting:
            waiting, self._idle = self._idle, []
            for each in waiting:
                each.callback(None)
        if not self._going:
            self._going = True
            while self._hand and self._may_send():
                self._under_way += 1
                launch(self._deliver(self._hand.popleft()))
            self._going = False
            self._take()

    def _may_send(self) -> bool:
        return self._send is not None and self._timer is None and self._under_way < (1 if self.failures else WINDOW)

    def _take(self) -> None:
        """Get more when there is little left."""
        left = self._under_way + len(self._hand)
        if self._send is not None and not self._taking and left <= WINDOW // 2:
            self._taking = True
            self._spool.take(WINDOW - left).addCallbacks(self._took, self._took_none)

    def _took(self, records: Sequence[Record]) -> None:
        self._taking = False
        self._hand.extend(records)
        if records:
            self.go_on()

    def _took_none(self, failure: Failure) -> None:
        self._taking = False
        assert isinstance(failure.value, Exception)
        self._failed(failure.value)

    async def _deliver(self, record: Record) -> None:
        send = self._send
        assert send is not None
        try:
            await send(record)
        except Exception as error:  # noqa: BLE001 - a fault must not lose a record
            self._not_told(record, error, send)
        else:
            self._told(record)
        finally:
            self._under_way -= 1
            self.go_on()

    def _told(self, record: Record) -> None:
        self.acknowledged += 1
        self._spool.acknowledged(record)
        if self.failures and self._log.info:
            text = f"the accounting server answers again; {self._spool.waiting} records wait"
            self._log.info("RADIUS_ACCOUNTING_AVAILABLE", text)
        self.failures = 0
        self._wake()

    def _not_told(self, record: Record, error: Exception, send: Send) -> None:
        if isinstance(error, TxkeaError) and not isinstance(error, Unavailable):
            self._give_up(record, error)
            return
        self._hand.append(record)  # behind the others, for it may be the only one that no server answers
        if send == self._send:  # or else it was the way to the servers that ended, with its configuration
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        if not self.failures and self._log.error:
            text = f"{error}; accounting records wait in {self._spool.path}"
            self._log.error("RADIUS_ACCOUNTING_UNAVAILABLE", text)
        self.failures += 1
        if self._timer is None:
            self._timer = self._reactor.callLater(min(LONGEST, 2 ** min(self.failures - 1, 9)), self._again)

    def _again(self) -> None:
        self._timer = None
        self.go_on()

    def _give_up(self, record: Record, error: TxkeaError) -> None:
        """A record that cannot be sent, whoever answers."""
        self._spool.acknowledged(record)
        if self._log.error:
            self._log.error("RADIUS_ACCOUNTING_RECORD_LOST", f"a record of {record.at:.0f} is lost: {error}")
