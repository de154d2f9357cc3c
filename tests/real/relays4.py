"""A relay that asks a DHCPv4 server for its clients, and keeps how long each answer took."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any, NamedTuple

from tests.real.packets import DISCOVER, REQUEST, Answer, Query, chaddr, decode, encode, packed
from txkea.testing.namespaces import Namespace, wait_for

__all__ = ["Asked", "Relay"]

SERVER_ID, WANTED = 54, 50


class Asked(NamedTuple):
    """A query that was answered."""

    answer: Answer
    took: float


class Relay:
    """A relay at an address of a namespace, and all the clients behind it, whom ``server`` serves."""

    def __init__(self, namespace: Namespace, address: str, server: str) -> None:
        with namespace.enter():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 67))
        self._address, self._server = address, server
        self._xids = count(1)

    def send(self, client: int, kind: int = DISCOVER, **options: Any) -> int:
        """Send a message; gives its number."""
        xid = next(self._xids)
        query = Query(kind, chaddr(client), xid=xid, giaddr=self._address, **options)
        self._socket.sendto(encode(query), (self._server, 67))
        return xid

    def ask(self, client: int, kind: int, **options: Any) -> Answer:
        """The answer to a message."""
        xid = self.send(client, kind, **options)
        self._socket.settimeout(5)
        while (answer := decode(self._socket.recv(4096))).xid != xid:
            pass
        return answer

    def silence(self, client: int, seconds: float) -> bool:
        """Whether a client that asks for an offer gets no answer for so long."""
        self.send(client)
        self._socket.settimeout(seconds)
        try:
            self._socket.recv(4096)
        except TimeoutError:
            return True
        return False

    def collect(self, xids: Iterable[int], seconds: float) -> list[Answer]:
        """The answers to messages that were sent, as soon as all are there, or `TimeoutError`."""
        missing, found = set(xids), list[Answer]()
        end = time.monotonic() + seconds
        while missing:
            self._socket.settimeout(max(end - time.monotonic(), 0.001))
            answer = decode(self._socket.recv(4096))
            if answer.xid in missing:
                missing.remove(answer.xid)
                found.append(answer)
        return found

    def lease(self, client: int) -> Answer:
        """A client obtains an address."""
        offer = self.ask(client, DISCOVER)
        return self.ask(
            client, REQUEST, options=((WANTED, packed(offer.yiaddr)), (SERVER_ID, offer.options[SERVER_ID]))
        )

    def renew(self, client: int, address: str) -> Answer:
        """A client rebinds: that comes through the relay."""
        return self.ask(client, REQUEST, ciaddr=address)

    def probe(self, clients: Sequence[int], pause: float) -> list[Asked]:
        """Let each client ask for an offer, one after the other; all answers, or `TimeoutError`."""
        sent: dict[int, float] = {}
        found: list[Asked] = []
        self._socket.settimeout(0)
        for client in clients:
            sent[self.send(client)] = time.monotonic()
            end = time.monotonic() + pause
            while time.monotonic() < end:
                self._read(sent, found)
                time.sleep(0.0005)
        wait_for(lambda: self._read(sent, found) == len(clients), "the last offer", 5)
        return found

    def _read(self, sent: dict[int, float], found: list[Asked]) -> int:
        """Take an answer, if one has come; gives how many have."""
        try:
            answer = decode(self._socket.recv(4096))
        except BlockingIOError:
            return len(found)
        found.append(Asked(answer, time.monotonic() - sent[answer.xid]))
        return len(found)

    def close(self) -> None:
        self._socket.close()
