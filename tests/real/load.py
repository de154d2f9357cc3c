"""Thousands of DHCPv4 clients behind one relay, each a random walk through RFC 2131, in plain sockets."""

from __future__ import annotations

import random
import select
import socket
import time
from collections.abc import Iterable
from typing import Final, NamedTuple

from tests.real.dialect import Option, sid, want
from tests.real.history import History
from tests.real.packets import (
    ACK,
    DECLINE,
    DISCOVER,
    NAK,
    OFFER,
    RELEASE,
    REQUEST,
    Answer,
    Query,
    chaddr,
    decode,
    encode,
)
from txkea.testing.namespaces import Namespace

__all__ = ["Load"]

TIMEOUT: Final = 0.4
"""Seconds after which a client gives up on an answer and starts anew."""
TRIES: Final = 5
"""Of a renewal that must be answered."""


class Waiting(NamedTuple):
    """A query without its answer."""

    client: int
    kind: str
    address: str
    since: float


class Load:
    """Clients that lease, renew, release and decline until they are told to stop; what they saw is in ``history``."""

    def __init__(self, namespace: Namespace, local: str, server: str, clients: int, seed: int) -> None:
        with namespace.enter():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind((local, 67))
        self._socket.setblocking(False)
        self.history = History()
        self.queries = 0
        self._local, self._server, self._clients = local, server, clients
        self._random = random.Random(seed)
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
                self._begin(self._random.randrange(self._clients))
            select.select([self._socket], [], [], min(0.02, end - now))
            self.read()

    def read(self) -> None:
        """Take all answers that have arrived: also those that a server sent before it was killed."""
        while True:
            try:
                data = self._socket.recv(4096)
            except (BlockingIOError, ConnectionRefusedError):
                return
            self._answered(decode(data), time.monotonic())

    def forget_queries(self) -> None:
        """The server was killed: nothing that is on its way will be answered."""
        self.read()
        self._waiting.clear()
        self._busy.clear()

    def renew(self, clients: Iterable[int]) -> int:
        """Have these clients renew; those with a lease must keep it. Gives how many did."""
        kept = 0
        for client in clients:
            if (mine := self.history.leases.get(client)) is not None:
                kept += self._keeps(client, mine.address)
        return kept

    def ask(self, query: Query) -> Answer | None:
        """Send one query through the relay; gives its answer, or None when none came in time."""
        self._xid += 1
        self._socket.sendto(encode(query._replace(xid=self._xid, giaddr=self._local)), (self._server, 67))
        return self._await(self._xid)

    def lease(self, client: int, wanted: str) -> str:
        """Have a client lease an address, if it can; gives the one it got."""
        offer = self._await(self._send(client, DISCOVER, want(wanted)))
        if offer is None:
            raise TimeoutError(f"no offer for client {client}")
        answer = self._await(self._send(client, REQUEST, want(offer.yiaddr), sid(self._server)))
        if answer is None or answer.type != ACK:
            raise TimeoutError(f"no lease for client {client}: {answer}")
        self.history.acknowledged(client, answer.yiaddr, time.monotonic(), _lifetime(answer))
        return answer.yiaddr

    def _keeps(self, client: int, address: str) -> bool:
        for _ in range(TRIES):
            xid = self._send(client, REQUEST, ciaddr=address)
            answer = self._await(xid)
            if answer is not None:
                now = time.monotonic()
                if answer.type == ACK and answer.yiaddr == address:
                    self.history.acknowledged(client, address, now, _lifetime(answer))
                    return True
                self.history.refused(client, address, now, f"type {answer.type}, {answer.yiaddr} to its renewal")
                return False
        self.history.refused(client, address, time.monotonic(), "no answer to its renewal")
        return False

    def _await(self, xid: int) -> Answer | None:
        end = time.monotonic() + TIMEOUT
        while (left := end - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left)[0]:
                try:
                    answer = decode(self._socket.recv(4096))
                except (BlockingIOError, ConnectionRefusedError):
                    continue
                if answer.xid == xid:
                    return answer
        return None

    def _begin(self, client: int) -> None:
        """Start something new with a client: what, chance decides."""
        mine = self.history.leases.get(client)
        chance = self._random.random()
        if client in self._busy:
            return
        if mine is None:
            self._ask(client, "discover", "", DISCOVER)
        elif chance < 0.55:
            self._ask(client, "renew", mine.address, REQUEST, ciaddr=mine.address)
        elif chance < 0.70:
            self._ask(client, "rediscover", mine.address, DISCOVER)
        elif chance < 0.80:
            self._ask(client, "reboot", mine.address, REQUEST, want(mine.address))
        else:
            self.history.gave_back(client)
            if chance < 0.995:
                self._send(client, RELEASE, sid(self._server), ciaddr=mine.address)
            else:
                self._send(client, DECLINE, sid(self._server), want(mine.address))

    def _ask(self, client: int, kind: str, address: str, message: int, *options: Option, **fields: str) -> None:
        xid = self._send(client, message, *options, **fields)
        self._waiting[xid] = Waiting(client, kind, address, time.monotonic())
        self._busy.add(client)

    def _send(self, client: int, message: int, *options: Option, ciaddr: str = "0.0.0.0") -> int:
        self._xid += 1
        self.queries += 1
        identity = (61, b"\1" + chaddr(client))
        query = Query(message, chaddr(client), (*options, identity), self._xid, ciaddr, giaddr=self._local)
        try:
            self._socket.sendto(encode(query), (self._server, 67))
        except (BlockingIOError, ConnectionRefusedError):
            pass  # lost, as datagrams may be
        return self._xid

    def _answered(self, answer: Answer, now: float) -> None:
        waiting = self._waiting.pop(answer.xid, None)
        if waiting is None:
            return
        self._busy.discard(waiting.client)
        client, kind, address, _ = waiting
        if answer.type == ACK:
            if kind != "request" and answer.yiaddr != address:
                self.history.refused(client, address, now, f"an ACK of {answer.yiaddr} to its {kind}")
            self.history.acknowledged(client, answer.yiaddr, now, _lifetime(answer))
        elif answer.type == NAK:
            self.history.refused(client, address, now, f"a NAK to its {kind}")
        elif answer.type == OFFER:
            if kind == "rediscover" and answer.yiaddr != address:
                self.history.refused(client, address, now, f"an offer of {answer.yiaddr}")
            self._ask(client, "request", answer.yiaddr, REQUEST, want(answer.yiaddr), sid(self._server))

    def _time_out(self, now: float) -> None:
        late = [xid for xid, waiting in self._waiting.items() if now - waiting.since > TIMEOUT]
        for xid in late:
            self._busy.discard(self._waiting.pop(xid).client)


def _lifetime(answer: Answer) -> int:
    return int.from_bytes(answer.options[51], "big")
