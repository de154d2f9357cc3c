"""Kea and txkea as programs: started from the same configuration file, watched, killed and started again."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import txkea
from txkea.testing.namespaces import Namespace, stop, wait_for

__all__ = [
    "KEA4",
    "KEA6",
    "PRODUCTS",
    "PRODUCTS6",
    "TXKEA4",
    "TXKEA6",
    "TXKEA6_RAW",
    "Product",
    "Server",
    "SurvivorError",
    "substituted",
]

ROOT: Final = Path(txkea.__file__).resolve().parents[1]


class Product(NamedTuple):
    """A DHCP server program."""

    name: str
    argv: tuple[str, ...]
    """To be continued by Kea's own switches."""
    ready: re.Pattern[str]
    """In the log of a server whose sockets are open."""
    sockets: str = ""
    """The ``dhcp-socket-type`` that is added to its configuration, for which Kea has no word in DHCPv6."""


STARTED4: Final = re.compile(r"\bDHCP4_STARTED\b")
STARTED6: Final = re.compile(r"\bDHCP6_STARTED\b")
SOCKETS: Final = re.compile(r'"interfaces-config": *{')
KEA4: Final = Product("kea", ("kea-dhcp4",), STARTED4)
TXKEA4: Final = Product("txkea", (sys.executable, "-m", "txkea", "dhcp4"), STARTED4)
KEA6: Final = Product("kea", ("kea-dhcp6",), STARTED6)
TXKEA6: Final = Product("txkea", (sys.executable, "-m", "txkea", "dhcp6"), STARTED6)
TXKEA6_RAW: Final = TXKEA6._replace(name="txkea-raw", sockets="raw")
PRODUCTS: Final = {product.name: product for product in (KEA4, TXKEA4)}
PRODUCTS6: Final = {product.name: product for product in (KEA6, TXKEA6, TXKEA6_RAW)}


class SurvivorError(RuntimeError):
    """A server ended by itself, or did not become ready; the text holds the end of its log."""


def substituted(template: str, directory: Path) -> str:
    """A configuration in which ``@DIRECTORY@`` is where the server keeps its files."""
    return template.replace("@DIRECTORY@", str(directory))


class Server:
    """One server program with a directory of its own: ``server.conf``, ``leases.csv``, ``server.log``, ``output``.

    ``template`` is the text of the configuration (see `substituted`); it names ``@DIRECTORY@/leases.csv`` and logs to
    ``@DIRECTORY@/server.log``. ``namespace`` None runs it beside the caller.
    """

    def __init__(
        self,
        product: Product,
        template: str,
        directory: Path,
        namespace: Namespace | None = None,
        switches: tuple[str, ...] = (),
    ) -> None:
        directory = directory.absolute()
        directory.mkdir(parents=True, exist_ok=True)
        self.product = product
        self.directory = directory
        self.namespace = namespace
        self.switches = switches
        self.configuration = directory / "server.conf"
        self.leases = directory / "leases.csv"
        self.log = directory / "server.log"
        self.output = directory / "output"
        self.process: subprocess.Popen[bytes] | None = None
        self.configure(template)

    def configure(self, template: str) -> None:
        """Write the configuration that the next start (or SIGHUP) reads."""
        text = substituted(template, self.directory)
        if self.product.sockets:
            text = SOCKETS.sub(rf'\g<0>"dhcp-socket-type": "{self.product.sockets}", ', text)
        self.configuration.write_text(text)

    @property
    def pid(self) -> int:
        assert self.process is not None, "start it first"
        return self.process.pid

    def start(self, timeout: float = 30.0) -> float:
        """Start and wait until it serves; gives the seconds that took. Raises `SurvivorError` with its log."""
        self.launch()
        began = time.monotonic()
        self.await_ready(timeout)
        return time.monotonic() - began

    def launch(self) -> None:
        """Start without waiting."""
        self.forget_pid()
        self._logged_before = self._log_size()
        argv = [*self.product.argv, "-c", str(self.configuration), *self.switches]
        if self.namespace is not None:
            self.process = self.namespace.spawn(argv, self.output, self.environment(), self.directory)
            return
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment()},
                cwd=self.directory,
            )

    def await_ready(self, timeout: float = 30.0) -> None:
        """Wait until a launched server serves."""
        try:
            wait_for(self._ready, f"{self.product.name} to start", timeout, 0.01)
        except TimeoutError as error:
            self.kill()
            raise SurvivorError(f"{error}\n{self.tail()}") from None

    def environment(self) -> Mapping[str, str]:
        """What keeps the program's files within its directory, and its Python path at this work tree."""
        here = str(self.directory)
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        return {"KEA_PIDFILE_DIR": here, "KEA_LOCKFILE_DIR": here, "KEA_DHCP_DATA_DIR": here, "PYTHONPATH": path}

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def pause(self) -> None:
        """Let it do nothing; what is sent to it waits in its sockets."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM; gives the exit status. Raises `SurvivorError` if it had ended before."""
        self.check()
        assert self.process is not None
        return stop(self.process)

    def check(self) -> None:
        """Raises `SurvivorError` with the end of the log unless the server still runs."""
        if self.process is None or self.process.poll() is not None:
            status = self.process and self.process.returncode
            raise SurvivorError(f"{self.product.name} ended with status {status}\n{self.tail()}")

    def close(self) -> None:
        """End it in whatever state it is: for ``addCleanup``."""
        if self.process is not None and self.process.poll() is None:
            stop(self.process)

    def forget_pid(self) -> None:
        """Remove the pid file that a killed server left: its number may belong to another process by now."""
        for path in self.directory.glob("*.pid"):
            path.unlink()

    def cleaning(self) -> bool:
        """Whether a clean-up of the lease file runs; it may outlive its server."""
        try:
            pid = int((self.directory / "leases.csv.pid").read_text())
        except (FileNotFoundError, ValueError):
            return False
        status = Path(f"/proc/{pid}/stat")
        return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"

    def tail(self, lines: int = 30) -> str:
        """The end of what it logged and printed."""
        texts = [path.read_text(errors="replace") for path in (self.output, self.log) if path.exists()]
        return "\n".join(line for text in texts for line in text.splitlines()[-lines:])

    def tell(self, command: str, **arguments: Any) -> Any:
        """What a command is answered at the UNIX socket ``@DIRECTORY@/control``, which the configuration names.

        ``@DIRECTORY@`` in the arguments is the server's directory; its name must be a short one.
        """
        request = {"command": command, **({"arguments": arguments} if arguments else {})}
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(30)
            channel.connect(str(self.directory / "control"))
            channel.sendall(substituted(json.dumps(request), self.directory).encode())
            return json.loads(b"".join(iter(lambda: channel.recv(1 << 16), b"")))

    def lease_rows(self) -> dict[str, list[str]]:
        """The last row of each address or prefix in the lease file, those of deleted leases left out."""
        rows: dict[str, list[str]] = {}
        valid = 0
        for path in (self.leases.with_name("leases.csv.2"), self.leases.with_name("leases.csv.1"), self.leases):
            titles, *lines = path.read_text().splitlines() if path.exists() else [""]
            valid = titles.split(",").index("valid_lifetime") if titles else valid
            for line in lines:
                row = line.split(",")
                rows[row[0]] = row
        return {address: row for address, row in rows.items() if row[valid] != "0"}

    def _ready(self) -> bool:
        self.check()
        if not self.log.exists():
            return False
        with self.log.open("rb") as log:
            log.seek(self._logged_before)
            return self.product.ready.search(log.read().decode(errors="replace")) is not None

    def _log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0
