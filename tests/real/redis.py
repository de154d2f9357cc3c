"""A Redis of the tests' own: durable, on a port and in a directory of its own, stopped, frozen and started at will."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any, ClassVar

from tests.real.daemons import Daemon, free_port

__all__ = ["Redis"]


class Redis(Daemon):
    """One redis-server; `launch` gives the one that all tests share, ended with the tests.

    ``options`` are words of redis.conf, ``{"maxmemory": "1mb"}``.
    """

    kind = "redis"
    shared: ClassVar[Redis | None] = None

    def __init__(self, **options: str) -> None:
        super().__init__()
        self.host = "127.0.0.1"
        self.port = free_port()
        self.options = {"appendonly": "yes", "appendfsync": "always", "save": "", **options}
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

    def command(self) -> Sequence[str]:
        words = [word for name, value in self.options.items() for word in (f"--{name}", value)]
        return ["redis-server", "--bind", self.host, "--port", str(self.port), "--dir", str(self.directory), *words]

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

    def answers(self) -> bool:
        try:
            return self.ask("PING").startswith(b"+PONG")
        except (OSError, RuntimeError):
            return False
