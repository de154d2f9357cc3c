"""Who makes a file durable while the reactor goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from txkea.interfaces import ILogger
from txkea.leases.aio import Confirmations
from txkea.leases.disk import Disk
from txkea.leases.writer import Writer

__all__ = ["Done", "KernelSyncer", "Syncer", "WriterSyncer"]

Done = Callable[["OSError | None"], object]
"""Called in the reactor when it is over: what was written is durable, or why it may not be."""


class Syncer(Protocol):
    """Does one ``fdatasync`` at a time."""

    def sync(self, fd: int, done: Done) -> None:
        """Have what was written to a file made durable; never raises."""

    def stop(self) -> None:
        """Nothing more will be asked, and nothing is on its way."""


class WriterSyncer:
    """Has the writer wait for the disk."""

    def __init__(self, writer: Writer, disk: Disk) -> None:
        self._writer = writer
        self._disk = disk

    def sync(self, fd: int, done: Done) -> None:
        """See `Syncer`."""

        def work() -> None:
            try:
                self._disk.fdatasync(fd)
            except OSError as error:
                self._writer.tell(done, error)
            else:
                self._writer.tell(done, None)

        self._writer.submit(work)

    def stop(self) -> None:
        """The writer is somebody else's."""


@implementer(IReadDescriptor)
class KernelSyncer:
    """Has the kernel wait for the disk: no thread that wants Python's lock, no other process.

    Where the kernel cannot, that is logged, and ``instead`` does it from then on.
    """

    def __init__(
        self, reactor: Any, log: ILogger, instead: Syncer, make: Callable[[], Confirmations] = Confirmations
    ) -> None:
        self._reactor = reactor
        self._log = log
        self._instead = instead
        self._make = make
        self._able = True
        self._confirmations: Confirmations | None = None
        self._done: Done | None = None

    def sync(self, fd: int, done: Done) -> None:
        """See `Syncer`."""
        if self._able:
            try:
                self._begin(fd)
            except OSError as error:
                self._give_up(error)
            else:
                self._done = done
                return
        self._instead.sync(fd, done)

    def _begin(self, fd: int) -> None:
        if self._confirmations is None:
            self._confirmations = self._make()
            self._reactor.addReader(self)
        self._confirmations.begin(fd)

    def _give_up(self, error: OSError) -> None:
        self._able = False
        self.stop()
        if self._log.info:
            text = f"the kernel does not sync files asynchronously ({error.strerror}): a thread waits for the disk"
            self._log.info("TXKEA_LEASE_FILE_SYNC_THREAD", text)

    def stop(self) -> None:
        """See `Syncer`."""
        confirmations, self._confirmations = self._confirmations, None
        if confirmations is not None:
            self._reactor.removeReader(self)
            confirmations.close()

    def fileno(self) -> int:
        """What the reactor watches."""
        return self._confirmations.eventfd if self._confirmations is not None else -1

    def logPrefix(self) -> str:
        """Twisted's name for it."""
        return "lease file"

    def doRead(self) -> None:
        """What was begun is finished."""
        confirmations, done = self._confirmations, self._done
        assert confirmations is not None and done is not None, "nothing was begun"
        try:
            confirmations.finish()
        except OSError as error:
            done(error)
        else:
            done(None)

    def connectionLost(self, reason: Failure) -> None:
        """Somebody who was told has raised, or the reactor ends; an eventfd itself does not fail."""
        if self._confirmations is not None:
            self._reactor.addReader(self)
