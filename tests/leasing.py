"""What the tests of lease stores share: a thread's errands run by hand, child processes that end at once."""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from txkea.leases.cleanup import Paths, clean
from txkea.leases.disk import Disk
from txkea.leases.leasefile import RowErrors
from txkea.model.lease import Lease4, Lease6, LeaseType

__all__ = ["QuickDisk", "Workshop", "begin", "lease", "lease6", "outcome_of"]

T = TypeVar("T")

PATIENCE: Final = 20.0
"""Seconds after which a thread that says nothing is taken for dead."""

MOMENT: Final = 0.01
"""Seconds that pass for each thing that a thread asks for."""


def lease(number: int, **changes: Any) -> Lease4:
    """The lease of client ``number``, with some fields other than usual."""
    address = (0xC0000200 + number).to_bytes(4, "big")
    hwaddr = b"\2" + number.to_bytes(5, "big")
    return Lease4(address, hwaddr, b"\1" + hwaddr, 4000, 1_800_000_000 + number, 1)._replace(**changes)


def lease6(number: int, **changes: Any) -> Lease6:
    """The same in DHCPv6: even numbers are addresses, odd ones prefixes, which overlap nothing."""
    if number % 2:
        kind, address, length = LeaseType.PD, 0x30010DB8 << 96 | number << 64, 64
    else:
        kind, address, length = LeaseType.NA, 0x20010DB8 << 96 | number, 128
    hwaddr = b"\2" + number.to_bytes(5, "big")
    return Lease6(
        address=address.to_bytes(16, "big"),
        hwaddr=hwaddr,
        duid=b"\0\3\0\1" + hwaddr,
        valid_lifetime=4000,
        expires=1_800_000_000 + number,
        subnet_id=1,
        type=int(kind),
        iaid=number,
        prefix_length=length,
        preferred_lifetime=3000,
        hwtype=1,
        hwaddr_source=2,
    )._replace(**changes)


class QuickDisk(Disk):
    """A disk that syncs in no time, on a machine without other servers: for tests in which nobody pulls the plug."""

    def fdatasync(self, fd: int) -> None:
        """At once."""

    def sync_directory(self, path: str) -> None:
        """At once."""

    def processes(self) -> tuple[Path, ...]:
        """None that matters."""
        return ()


def clean_here(paths: Paths) -> int:
    """What the clean-up's process does, on a quick disk."""
    clean(paths, QuickDisk(), RowErrors())
    return 0


class Workshop(Clock):
    """A clock; a thread's calls wait in it until somebody runs them, child processes end when they begin.

    Our own clean-up is a call of ``clean``, which gives an exit status; another program is run to its end.
    """

    def __init__(self, clean: Callable[[Paths], int] = clean_here) -> None:
        super().__init__()
        self.clean = clean
        self.commands: list[Sequence[str]] = []
        self._calls: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()

    def callFromThread(self, function: Callable[..., Any], *arguments: Any) -> None:  # noqa: N802 - Twisted's name
        """Keep a call for `run_until`."""
        self._calls.put((function, arguments))

    def run_until(self, done: Callable[[], object]) -> None:
        """Let time pass and do what threads ask for until ``done`` says so.

        Raises `TimeoutError` when they are silent for long.
        """
        while not done():
            self.advance(MOMENT)
            if done():
                return
            try:
                function, arguments = self._calls.get(timeout=PATIENCE)
            except Empty:
                raise TimeoutError("the thread is silent") from None
            function(*arguments)

    def spawnProcess(  # noqa: N802 - Twisted's name
        self, protocol: Any, executable: str, args: Sequence[str], env: Mapping[str, str], childFDs: Any = None
    ) -> None:
        """Run it, here or there."""
        self.commands.append(args)
        if "txkea.leases.cleanup" in args:
            status = self.clean(Paths.from_arguments(args[args.index("txkea.leases.cleanup") + 1 :]))
        else:
            run = subprocess.run([executable, *args[1:]], env=dict(env), capture_output=True, check=False)
            protocol.childDataReceived(1, run.stdout + run.stderr)
            status = run.returncode
        reason = ProcessDone(0) if status == 0 else ProcessTerminated(status)
        protocol.processEnded(Failure(reason))


def begin(awaitable: Awaitable[T]) -> list[Any]:
    """Begin a call; gives a list that its outcome will be put in."""
    outcome: list[Any] = []

    async def run() -> T:
        return await awaitable

    Deferred.fromCoroutine(run()).addBoth(outcome.append)
    return outcome


def outcome_of(outcome: list[Any]) -> Any:
    """What a call gave, or raises what it raised."""
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    return outcome[0]
