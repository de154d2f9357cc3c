"""A client's conversation with a server over UDP, of either family: ask, wait, ask again, give up."""

from __future__ import annotations

import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import click
from attrs import frozen

from txkea.errors import Malformed

__all__ = ["Conversation", "Outcome", "attend", "local_address", "opening"]

Message = TypeVar("Message")
Client = TypeVar("Client")


@frozen
class Outcome(Generic[Message]):
    """What came of it."""

    answer: Message | None
    """The last answer, None if there was none."""
    milliseconds: float
    """From the first query to the last answer."""
    sent: int
    """Queries that were sent."""
    objections: Sequence[str] = ()
    """Why a client would not take the last answer."""


class Conversation(ABC, Generic[Message]):
    """Talks to the server at ``to``, which is what the socket's ``sendto`` takes.

    Each query is sent up to ``tries`` times, ``timeout`` seconds apart.
    """

    def __init__(self, sock: socket.socket, to: Any, *, timeout: float = 1.0, tries: int = 5) -> None:
        self._socket = sock
        self._to = to
        self._timeout = timeout
        self._tries = tries
        self._sent = 0
        self._objections: Sequence[str] = ()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    @abstractmethod
    def _encode(self, query: Message, elapsed: float) -> bytes:
        """A datagram; ``elapsed`` seconds went by since the query was sent first."""

    @abstractmethod
    def _decode(self, data: bytes) -> Message:
        """A datagram's message. Raises `Malformed`."""

    @abstractmethod
    def _belongs(self, answer: Message, query: Message) -> bool:
        """Whether it is an answer to the query."""

    def _object(self, answer: Message, query: Message) -> Sequence[str]:
        """Why a client would not take the answer."""
        return ()

    def _timed(self, run: Callable[[], Message | None]) -> Outcome[Message]:
        self._sent, self._objections, begin = 0, (), time.monotonic()
        answer = run()
        return Outcome(answer, (time.monotonic() - begin) * 1000, self._sent, self._objections)

    def _tell(self, query: Message) -> Outcome[Message]:
        self._socket.sendto(self._encode(query, 0), self._to)
        return Outcome(None, 0.0, 1)

    def _ask(self, query: Message) -> Message | None:
        begin = time.monotonic()
        for _ in range(self._tries):
            self._sent += 1
            now = time.monotonic()
            self._socket.sendto(self._encode(query, now - begin), self._to)
            answer = self._wait(query, now + self._timeout)
            if answer is not None:
                self._objections = self._object(answer, query)
                return answer
        return None

    def _wait(self, query: Message, end: float) -> Message | None:
        """The answer to this query; whatever else arrives is not for us."""
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                answer = self._decode(self._socket.recv(65535))
            except (Malformed, OSError):
                continue
            if self._belongs(answer, query):
                return answer
        return None


def local_address(family: int, server: Any) -> bytes:
    """The packed address from which this machine reaches a server. Raises OSError."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(server)
        return socket.inet_pton(family, probe.getsockname()[0])


@contextmanager
def opening(server: str) -> Iterator[None]:
    """Tell a person why there can be no conversation."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"cannot talk to {server}: {error.strerror or error}") from None


def attend(server: str, conversation: Conversation[Any], act: Callable[[Client], bool], clients: list[Client]) -> None:
    """Let the clients act one after the other; the exit status is 1 unless it went well for all."""
    try:
        good = [act(client) for client in clients]
    except OSError as error:
        raise click.ClickException(f"cannot send to {server}: {error.strerror or error}") from None
    finally:
        conversation.close()
    if not all(good):
        raise SystemExit(1)
