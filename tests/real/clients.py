"""DHCP clients as they are installed, each a program on the interface ``eth0`` of a namespace."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from txkea.testing.namespaces import Namespace, stop

__all__ = ["INTERFACE", "Client", "programs"]

INTERFACE: Final = "eth0"


class Client:
    """A client program whose files are in ``directory``; `start` and `end` may alternate."""

    name = ""
    programs: tuple[str, ...] = ()
    family = ""
    """As `ip` names the addresses: ``inet`` or ``inet6``."""

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        directory = directory.absolute()
        directory.mkdir(parents=True)
        self.namespace = namespace
        self.directory = directory
        self.log = directory / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *wanted: str) -> None:
        """Look for a lease, in the foreground of a process of its own; ask for what is ``wanted``, if anything is."""
        self.process = self.namespace.spawn(self.argv(wanted), self.log, cwd=self.directory)

    def argv(self, wanted: Sequence[str]) -> list[str]:
        """The command."""
        raise NotImplementedError

    def renew(self) -> None:
        """Renew now, if the program can be told to; else its timer will."""

    def rebind(self) -> None:
        """Ask all servers now, if the program can be told to while its renewal is not answered; else its timer will."""

    def release(self) -> None:
        """Give the lease back; the program may end with that."""
        raise NotImplementedError

    def end(self) -> None:
        """End the program without a word to the server."""
        if self.process is not None and self.process.poll() is None:
            stop(self.process)

    def addresses(self, interface: str = INTERFACE) -> list[str]:
        """An interface's addresses that are good for more than the link."""
        words = self.namespace.run(
            ["ip", "-f", self.family, "-o", "addr", "show", "dev", interface, "scope", "global"]
        ).stdout.split()
        return [word.partition("/")[0] for before, word in pairwise(words) if before == self.family]

    def file(self, name: str, text: str, mode: int = 0o644) -> Path:
        """Write a file of the program's."""
        path = self.directory / name
        # A new file in the place of the old one: a client may be running that (ETXTBSY).
        new = path.with_name(f"{path.name}.new")
        new.write_text(text)
        new.chmod(mode)
        new.replace(path)
        return path

    def script(self, text: str) -> str:
        """Write an executable script; gives its path."""
        return str(self.file("script", text, 0o755))

    def contained(self, mounts: Mapping[str, Path], argv: Sequence[str]) -> list[str]:
        """The command that runs ``argv`` with ``/run`` empty and these paths replaced.

        `ip netns exec` has given it a mount namespace of its own: its files do not meet those of the machine.
        """
        binds = [f"mount --bind '{ours}' {theirs}" for theirs, ours in mounts.items()]
        return ["sh", "-ec", "\n".join([*binds, "mount -t tmpfs run /run", 'exec "$@"']), "sh", *argv]

    def state(self) -> Path:
        """A directory for what the program remembers."""
        path = self.directory / "state"
        path.mkdir(exist_ok=True)
        return path

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it without letting it do anything."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def tail(self) -> str:
        """The end of what it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])


def programs(clients: Iterable[type[Client]]) -> list[str]:
    """What must be installed for all of them."""
    return sorted({program for client in clients for program in client.programs})
