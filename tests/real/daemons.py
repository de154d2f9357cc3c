"""Servers that tests start, freeze, kill and start again, each with a directory of its own."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from txkea.testing.namespaces import wait_for

__all__ = ["Daemon", "free_port"]

END_WITH_PARENT: Final = ("setpriv", "--pdeathsig", "KILL")
"""Becomes the program that follows; nobody is left behind when the tests are killed."""


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Daemon:
    """One server process; it ends with the tests."""

    kind: ClassVar[str]
    """What the configuration calls it."""
    patience: ClassVar[float] = 60.0
    """Seconds that it may take to start."""
    gently: ClassVar[int] = signal.SIGTERM
    """What ends it in order."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix=f"txkea-{self.kind}-"))
        self.directory.chmod(0o755)
        self.process: subprocess.Popen[bytes] | None = None
        atexit.register(self.remove)

    # -- for those who inherit -----------------------------------------------------------------------------------------

    def command(self) -> Sequence[str]:
        """What runs it in the foreground."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether it can be used."""
        raise NotImplementedError

    @property
    def become(self) -> dict[str, Any]:
        """As whom it runs, in words of `subprocess.Popen`."""
        return {}

    # -- for tests -----------------------------------------------------------------------------------------------------

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return self.process is not None and self.process.poll() is None

    def begin(self) -> None:
        """Start it, unless it runs, without waiting."""
        if not self.runs:
            with (self.directory / "output").open("ab") as output:
                self.process = subprocess.Popen(
                    [*END_WITH_PARENT, *self.command()],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=self.directory,
                    **self.become,
                )

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        self.begin()
        try:
            wait_for(self._answers, f"{self.kind} to start", self.patience, 0.02)
        except TimeoutError as error:
            raise RuntimeError(f"{error}\n{self.said()}") from None

    def _answers(self) -> bool:
        if not self.runs:
            raise RuntimeError(f"{self.kind} ended:\n{self.said()}")
        return self.answers()

    def said(self) -> str:
        """The end of what it has printed."""
        return (self.directory / "output").read_text(errors="replace")[-3000:]

    def stop(self) -> None:
        """End it in an orderly way; clients lose their connections."""
        self.end(self.gently)

    def kill(self) -> None:
        """End it as a power failure does."""
        self.end(signal.SIGKILL)

    def restart(self) -> None:
        """End it, and start it again at once."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Let all of its processes do nothing; connections stay."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self.signal(signal.SIGCONT)

    def end(self, number: int) -> None:
        """Send a signal and wait until it is gone."""
        if self.process is None:
            return
        self.thaw()
        if number == signal.SIGKILL:
            self.signal(number)
        elif self.runs:
            self.process.send_signal(number)
        self.process.wait(60)

    def signal(self, number: int) -> None:
        """Tell it and the processes that it has started."""
        if self.process is None or not self.runs:
            return
        for pid in (self.process.pid, *_children(self.process.pid)):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def remove(self) -> None:
        """End it, and delete its files."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()] if path.exists() else []
