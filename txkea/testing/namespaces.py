"""Network namespaces for tests and benchmarks: real links, real kernel, nothing of the machine's own network touched.

A `Lab` owns what it makes and removes it at the end; what a killed run left behind goes when the next one starts.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, TypeVar, final

__all__ = ["Lab", "Namespace", "Port", "remove_leftovers", "requires_root", "stop", "wait_for"]

PREFIX: Final = "txkea"
NAMED: Final = Path("/run/netns")
SYSCTL: Final = Path("/proc/sys/net")
CLONE_NEWNET: Final = 0x40000000

T = TypeVar("T")

_numbers = itertools.count(1)


def requires_root(*programs: str) -> str | None:
    """Why namespaces cannot be used here, for a test case's ``skip``; None when they can."""
    if os.geteuid() != 0:
        return "needs root: network namespaces and raw sockets"
    missing = [program for program in ("ip", *programs) if shutil.which(program) is None]
    return f"needs root and these programs: {', '.join(missing)}" if missing else None


def wait_for(condition: Callable[[], T | None], what: str, timeout: float = 10.0, interval: float = 0.02) -> T:
    """The first true value of ``condition``; raises `TimeoutError` that names ``what`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(interval)
    return value


def stop(process: subprocess.Popen[bytes], timeout: float = 5.0) -> int:
    """End a process with SIGTERM, after ``timeout`` seconds with SIGKILL; gives its exit status."""
    process.terminate()
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def remove_leftovers() -> list[str]:
    """Remove the namespaces of runs that no longer live, with the processes in them; gives their names."""
    names = [path.name for path in NAMED.glob(f"{PREFIX}-*-*")] if NAMED.is_dir() else []
    stale = [name for name in names if not _alive(name.split("-")[1])]
    for name in stale:
        _delete(name)
    return stale


class Port(NamedTuple):
    """An end of a cable: an interface in a namespace."""

    namespace: Namespace
    interface: str
    addresses: Sequence[str] = ()
    """With prefix lengths, such as ``192.0.2.1/24`` or ``2001:db8::1/64``."""
    hwaddr: str = ""
    """Such as ``02:00:00:00:00:01``; the kernel's choice when empty."""


class Namespace:
    """A network namespace with its loopback up; made by `Lab.namespace`."""

    def __init__(self, label: str, dad: bool = True) -> None:
        self.name = f"{PREFIX}-{os.getpid()}-{label}{next(_numbers)}"
        self._processes: list[subprocess.Popen[bytes]] = []
        _ip("netns", "add", self.name)
        if not dad:
            self.set("ipv6.conf.default.accept_dad", 0)
        self.run(["ip", "link", "set", "lo", "up"])

    def argv(self, argv: Sequence[str]) -> list[str]:
        """The command that runs ``argv`` in here; the process that it starts becomes the program itself."""
        return ["ip", "netns", "exec", self.name, *argv]

    def run(
        self, argv: Sequence[str], check: bool = True, timeout: float = 60.0, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, with ``env`` added to the environment; its output is text.

        Raises `RuntimeError` with the program's own words if ``check`` and it failed.
        """
        done = subprocess.run(
            self.argv(argv),
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, **(env or {})},
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(argv)}: exit status {done.returncode}: {done.stderr or done.stdout}")
        return done

    def spawn(
        self, argv: Sequence[str], log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program whose output is appended to ``log``; it is killed at the latest with the namespace."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.argv(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
            )
        self._processes.append(process)
        return process

    @contextlib.contextmanager
    def enter(self) -> Iterator[None]:
        """Let the calling thread live in here: sockets that it opens belong to this namespace for good."""
        with open("/proc/thread-self/ns/net", "rb") as home, (NAMED / self.name).open("rb") as there:
            _setns(there.fileno())
            try:
                yield
            finally:
                _setns(home.fileno())

    def set(self, name: str, value: object) -> None:
        """Set a kernel parameter of the network in here, such as ``ipv6.conf.eth0.forwarding``."""
        with self.enter():
            SYSCTL.joinpath(*name.split(".")).write_text(str(value))

    def link_local(self, interface: str) -> str:
        """The link-local address of an interface, as soon as there is one that can be used."""
        show = ["ip", "-6", "-br", "addr", "show", "scope", "link", "-tentative", "dev", interface]
        words = wait_for(lambda: self.run(show).stdout.split()[2:], f"a link-local address of {interface}")
        return words[0].partition("/")[0]

    def wait_for_addresses(self) -> None:
        """Wait until the kernel looks for duplicates of no IPv6 address in here any longer (RFC 4862)."""
        show = ["ip", "-6", "-o", "addr", "show", "tentative"]
        wait_for(lambda: not self.run(show).stdout, f"the addresses in {self.name}")

    def hwaddr(self, interface: str) -> bytes:
        """An interface's hardware address."""
        text = self.run(["cat", f"/sys/class/net/{interface}/address"]).stdout
        return bytes.fromhex(text.strip().replace(":", ""))

    def remove(self) -> None:
        """Kill what runs in here and delete the namespace with its interfaces; harmless when repeated."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        if (NAMED / self.name).exists():
            _delete(self.name)


@final
class Lab:
    """A few namespaces and the cables between them.

    Used as ``with Lab() as lab`` or, in a test, ``lab = Lab(); self.addCleanup(lab.close)``.
    """

    def __init__(self) -> None:
        remove_leftovers()
        self._namespaces: list[Namespace] = []

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def namespace(self, label: str, dad: bool = True) -> Namespace:
        """A new namespace; ``label`` is a short word without ``-`` that `ip netns` shows.

        Without ``dad`` (duplicate address detection) IPv6 addresses can be used as soon as they are there, not only
        one or two seconds later.
        """
        namespace = Namespace(label, dad)
        self._namespaces.append(namespace)
        return namespace

    def veth(self, one: Port, other: Port) -> None:
        """Lay a cable between two ports; both are up and have their addresses when this returns."""
        _ip(
            *("link", "add", one.interface, "netns", one.namespace.name, *_address(one), "type", "veth"),
            *("peer", "name", other.interface, "netns", other.namespace.name, *_address(other)),
        )
        for port in (one, other):
            _up(port)

    def bridge(self, switch: Namespace, ports: Sequence[Port]) -> None:
        """Connect ports to one switch, whose own ends in ``switch`` are called ``port1``, ``port2``, ..."""
        switch.run(["ip", "link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0"])
        switch.run(["ip", "link", "set", "br0", "up"])
        for number, port in enumerate(ports, 1):
            self.veth(Port(switch, f"port{number}"), port)
            switch.run(["ip", "link", "set", f"port{number}", "master", "br0"])

    def close(self) -> None:
        """Remove everything, also after a failure half-way."""
        for namespace in reversed(self._namespaces):
            namespace.remove()
        self._namespaces.clear()


def _address(port: Port) -> list[str]:
    return ["address", port.hwaddr] if port.hwaddr else []


def _up(port: Port) -> None:
    for address in port.addresses:
        broadcast = [] if ":" in address else ["brd", "+"]
        port.namespace.run(["ip", "addr", "add", address, *broadcast, "dev", port.interface])
    port.namespace.run(["ip", "link", "set", port.interface, "up"])


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def _delete(name: str) -> None:
    pids = subprocess.run(["ip", "netns", "pids", name], check=False, capture_output=True, text=True, timeout=60)
    for pid in pids.stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    _ip("netns", "delete", name)


def _alive(pid: str) -> bool:
    return Path("/proc", pid).is_dir()


def _setns(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)  # os.setns came with Python 3.12
    if libc.setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"cannot enter the network namespace: {os.strerror(number)}")
