"""A server that is a test, for the tests of ``txkea client``."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from threading import Thread
from typing import Generic, TypeVar

from click.testing import CliRunner, Result

from txkea.cli.root import main

__all__ = ["Replies", "run_client"]

Message = TypeVar("Message")
QUICK = ("--timeout", "0.3", "--tries", "3")


class Replies(ABC, Thread, Generic[Message]):
    """Answers queries on the loopback interface until it is closed; keeps what it heard.

    Before each answer come a datagram that is no message, and an answer to somebody else.
    """

    family: socket.AddressFamily
    address: str
    loopback: str
    """Where it reaches itself."""

    def __init__(self, answer: Callable[[Message], Message | None]) -> None:
        super().__init__(daemon=True)
        self.heard: list[Message] = []
        self.origins: list[tuple[str, int]] = []
        """Address and port of each query."""
        self._answer = answer
        self._socket = socket.socket(self.family, socket.SOCK_DGRAM)
        self._socket.bind((self.address, 0))
        self.port: int = self._socket.getsockname()[1]

    @abstractmethod
    def decode(self, data: bytes) -> Message:
        """A query."""

    @abstractmethod
    def encode(self, answer: Message, query: Message) -> bytes:
        """An answer as it is sent."""

    @abstractmethod
    def foreign(self) -> bytes:
        """An answer that is not for the client."""

    def run(self) -> None:
        while True:
            data, origin = self._socket.recvfrom(65535)
            if not data:
                return
            query = self.decode(data)
            self.heard.append(query)
            self.origins.append(origin[:2])
            answer = self._answer(query)
            if answer is not None:
                for datagram in (b"junk", self.foreign(), self.encode(answer, query)):
                    self._socket.sendto(datagram, origin)

    def close(self) -> None:
        self._socket.sendto(b"", (self.loopback, self.port))
        self.join(5)
        self._socket.close()


def run_client(server: Replies[Message], *switches: str) -> tuple[Result, list[Message]]:
    """Run ``txkea client`` with these switches against a server; gives what came of it and what the server heard."""
    server.start()
    try:
        result = CliRunner().invoke(main, ["client", "--port", str(server.port), *QUICK, *switches])
    finally:
        server.close()
    return result, server.heard
