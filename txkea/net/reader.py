"""Reading sockets in the reactor, and by the clock when much comes."""

from __future__ import annotations

import errno
import socket
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from txkea.net.context import Context

__all__ = ["BATCH", "CYCLE", "Reader"]

BATCH: Final = 64
"""Datagrams that one socket may deliver before the reactor's other work gets its turn."""
BUSY: Final = 0.002
"""Seconds: a socket that becomes readable again so soon is read by the clock for as long as something comes."""
CYCLE: Final = 0.001
"""Seconds between two readings by the clock."""
PAUSE: Final = 0.1
"""Seconds without reading after an error, so that an error that stays cannot take the whole processor."""


@implementer(IReadDescriptor)
class Reader:
    """A socket whose datagrams the reactor delivers until `stop`; outlives errors of its link.

    Under load it is read by the clock rather than whenever something arrives, as network cards moderate their
    interrupts: a turn of the reactor costs as much as answering a query, and so many queries share one, and one
    write of their leases. A lone client's queries are read at once.

    Subclasses write `deliver`.
    """

    def __init__(self, context: Context, sock: socket.socket, name: str) -> None:
        self.context = context
        self.name = name
        self._socket = sock
        self._timer: IDelayedCall | None = None
        self._latest = 0.0

    def start(self) -> None:
        """Begin to read."""
        self._timer = None
        self.context.reactor.addReader(self)

    def stop(self) -> None:
        """Read no more and close the socket."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.context.reactor.removeReader(self)
        self._socket.close()

    def fileno(self) -> int:
        """The reactor's name for it."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """Twisted's name for it."""
        return self.name

    def deliver(self) -> int:
        """Deliver at most `BATCH` datagrams, never waiting; gives how many were taken."""
        raise NotImplementedError

    def doRead(self) -> None:
        """The socket is readable."""
        reactor = self.context.reactor
        taken = self.deliver()
        now = reactor.seconds()
        before, self._latest = self._latest, now
        if now - before < BUSY and self.fileno() >= 0:
            reactor.removeReader(self)
            self._read_later(taken)

    def _read_later(self, taken: int) -> None:
        self._timer = self.context.reactor.callLater(0 if taken == BATCH else CYCLE, self._read_by_clock)

    def _read_by_clock(self) -> None:
        self._timer = None
        taken = 0
        try:
            taken = self.deliver()
        finally:  # a receiver that breaks its promise and raises must not make us deaf
            if self.fileno() >= 0:
                if taken:
                    self._read_later(taken)
                else:
                    self.start()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor saw an error and has dropped us: the link went down, say. Read on after a pause."""
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # reading the error clears it
        if warn := self.context.log.warn:
            text = errno.errorcode.get(number, reason.getErrorMessage())
            warn(self.context.family.receive_failed, f"{self.name}: error {text}; reading on")
        self._timer = self.context.reactor.callLater(PAUSE, self.start)
