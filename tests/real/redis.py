"""A Redis of the tests' own: durable, on a port and in a directory of its own, stopped, frozen and started at will."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from txkea.testing.namespaces import wait_for

__all__ = ["Redis", "free_port"]


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Redis:
    """One redis-server; `launch` gives the one that all tests share, ended with the tests.

    ``options`` are words of redis.conf, ``{"maxmemory": "1mb"}``.
    """

    shared: ClassVar[Redis | None] = None

    def __init__(self, **options: str) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="txkea-redis-"))
        self.options = {"appendonly": "yes", "appendfsync": "always", "save": "", **options}
        self.process: subprocess.Popen[bytes] | None = None
        atexit.register(self.remove)
        self.start()

    @classmethod
    def launch(cls) -> Redis:
        """The shared one, started on first use."""
        if cls.shared is None:
            cls.shared = cls()
        cls.shared.start()
        return cls.shared

    def parameters(self, **more: Any) -> dict[str, Any]:
        """A ``lease-database`` map."""
        return {"type": "redis", "host": self.host, "port": self.port, **more}

    def fresh(self) -> None:
        """Empty it."""
        self.ask("FLUSHALL")

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if self.process is None or self.process.poll() is not None:
            words = [word for name, value in self.options.items() for word in (f"--{name}", value)]
            argv = ["redis-server", "--bind", self.host, "--port", str(self.port), "--dir", str(self.directory), *words]
            with (self.directory / "redis.log").open("ab") as output:
                self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        wait_for(self._answers, "redis-server to answer", 20.0, 0.02)

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it do nothing, its connections being open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def remove(self) -> None:
        """End it, and its files."""
        if self.process is not None and self.process.poll() is None:
            self.thaw()
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def ask(self, *words: str | bytes) -> bytes:
        """The bytes that it answers to one command, for tests to look behind the store's back."""
        parts = [word.encode() if isinstance(word, str) else word for word in words]
        command = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
        with socket.create_connection((self.host, self.port), 10) as connection:
            connection.sendall(command + b"*1\r\n$4\r\nQUIT\r\n")
            answer = b""
            while piece := connection.recv(1 << 16):
                answer += piece
        if answer.startswith(b"-"):
            raise RuntimeError(answer.decode())
        return answer.removesuffix(b"+OK\r\n")

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError((self.directory / "redis.log").read_text(errors="replace")[-2000:])
        try:
            return self.ask("PING").startswith(b"+PONG")
        except (OSError, RuntimeError):
            return False

    def _end(self, number: int) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(number)
            self.process.wait(20)

    def _signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)
