"""Thousands of clients behind one relay, each a random walk through its RFC, in plain sockets."""

from __future__ import annotations

import random
import select
import socket
import time
from collections.abc import Hashable, Iterable
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from tests.real.history import Grant, History
from txkea.testing.namespaces import Namespace

__all__ = ["TIMEOUT", "Load", "Waiting"]

TIMEOUT: Final = 0.4
"""Seconds after which a client gives up on an answer and starts anew."""
TRIES: Final = 5
"""Of a renewal that must be answered."""


class Answered(Protocol):
    """What every answer tells."""

    @property
    def xid(self) -> int:
        """The transaction."""


A = TypeVar("A", bound=Answered)


class Waiting(NamedTuple):
    """A query without its answer."""

    client: int
    kind: str
    claims: tuple[Grant, ...]
    """What the client had when it asked."""
    since: float


class Load(Generic[A]):
    """Clients that lease, renew, release and decline until they are told to stop; what they saw is in ``history``.

    ``local`` and ``server`` are the addresses of the relay and of the server, at the ``port`` of both.
    """

    family: socket.AddressFamily
    port: int

    def __init__(self, namespace: Namespace, local: str, server: str, clients: int, seed: int) -> None:
        with namespace.enter():
            self._socket = socket.socket(self.family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind((local, self.port))
        self._socket.setblocking(False)
        self.history = History()
        self.queries = 0
        self.local, self.server, self.random = local, server, random.Random(seed)
        self._clients = clients
        self._waiting: dict[int, Waiting] = {}
        self._busy: set[int] = set()
        self._xid = 0

    def close(self) -> None:
        self._socket.close()

    def run(self, seconds: float, window: int = 64) -> None:
        """Keep about that many queries on their way."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            self._time_out(now)
            for _ in range(window - len(self._waiting)):
                client = self.random.randrange(self._clients)
                if client not in self._busy:
                    self.begin(client)
            select.select([self._socket], [], [], min(0.02, end - now))
            self.read()

    def read(self) -> None:
        """Take all answers that have arrived: also those that a server sent before it was killed."""
        while True:
            try:
                data = self._socket.recv(4096)
            except (BlockingIOError, ConnectionRefusedError):
                return
            answer = self.decode(data)
            waiting = self._waiting.pop(answer.xid, None)
            if waiting is not None:
                self._busy.discard(waiting.client)
                self.answered(waiting, answer, time.monotonic())

    def forget_queries(self) -> None:
        """The server was killed: nothing that is on its way will be answered."""
        self.read()
        self._waiting.clear()
        self._busy.clear()

    def owners(self) -> list[int]:
        """The clients with a lease."""
        return sorted({self.client_of(holder) for holder in self.history.leases})

    def renew(self, clients: Iterable[int]) -> int:
        """Have these clients renew; those with a lease must keep it. Gives how many did."""
        return sum(self._keeps(client) for client in clients if self.claims(client))

    # -- what a family says about itself

    def decode(self, data: bytes) -> A:
        """The answer in a datagram."""
        raise NotImplementedError

    def holders(self, client: int) -> tuple[Hashable, ...]:
        """Who, for this client, may hold a lease."""
        raise NotImplementedError

    def client_of(self, holder: Any) -> int:
        """The client that a holder is of."""
        raise NotImplementedError

    def begin(self, client: int) -> None:
        """Start something new with a client: what, chance decides."""
        raise NotImplementedError

    def answered(self, waiting: Waiting, answer: A, now: float) -> None:
        """A query was answered."""
        raise NotImplementedError

    def renewal(self, client: int, claims: tuple[Grant, ...]) -> int:
        """Send a renewal of what the client has; gives the transaction."""
        raise NotImplementedError

    # -- for the families

    def claims(self, client: int) -> tuple[Grant, ...]:
        """What the client has."""
        found = (self.history.leases.get(holder) for holder in self.holders(client))
        return tuple(grant for grant in found if grant is not None)

    def wait_for(self, client: int, kind: str, claims: tuple[Grant, ...], xid: int) -> None:
        """Expect the answer to a query that was sent."""
        self._waiting[xid] = Waiting(client, kind, claims, time.monotonic())
        self._busy.add(client)

    def put(self, data: bytes) -> None:
        """Send a datagram; it may be lost, as datagrams may be."""
        self.queries += 1
        try:
            self._socket.sendto(data, (self.server, self.port))
        except (BlockingIOError, ConnectionRefusedError):
            pass

    def next_xid(self) -> int:
        self._xid += 1
        return self._xid

    def await_answer(self, xid: int) -> A | None:
        """The answer in this transaction, or None when none comes in time."""
        end = time.monotonic() + TIMEOUT
        while (left := end - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left)[0]:
                try:
                    answer = self.decode(self._socket.recv(4096))
                except (BlockingIOError, ConnectionRefusedError):
                    continue
                if answer.xid == xid:
                    return answer
        return None

    def _keeps(self, client: int) -> bool:
        claims = self.claims(client)
        for _ in range(TRIES):
            answer = self.await_answer(self.renewal(client, claims))
            if answer is not None:
                before = len(self.history.violations)
                self.answered(Waiting(client, "renewal", claims, 0), answer, time.monotonic())
                return len(self.history.violations) == before
        for grant in claims:
            self.history.refused(grant.holder, grant.resource, time.monotonic(), "no answer to its renewal")
        return False

    def _time_out(self, now: float) -> None:
        late = [xid for xid, waiting in self._waiting.items() if now - waiting.since > TIMEOUT]
        for xid in late:
            self._busy.discard(self._waiting.pop(xid).client)
