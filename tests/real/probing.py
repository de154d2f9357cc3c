"""A relay that asks a DHCPv4 server for an offer every few milliseconds, and keeps how long each answer took."""

from __future__ import annotations

import socket
import time
from collections.abc import Container
from itertools import count
from typing import Any, Final, NamedTuple

from tests.real.packets import ACK, DISCOVER, OFFER, REQUEST, Query, chaddr, decode, encode, packed
from txkea.testing.namespaces import Namespace

__all__ = ["Probe", "Prober"]

PERIOD: Final = 0.002
"""Seconds between two probes."""
LATE: Final = 0.5
"""Seconds that the last answers get."""
LIFETIME, SERVER_ID, WANTED = 51, 54, 50


class Probe(NamedTuple):
    """A DISCOVER, and how long its answer took; infinite if none came."""

    sent: float
    took: float
    right: bool


class Prober:
    """Asks from the relay's address ``local``; right are offers of 10/8 with one of these lifetimes."""

    def __init__(self, namespace: Namespace, local: str, server: str, lifetimes: Container[int]) -> None:
        with namespace.enter():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((local, 67))
        self._socket.setblocking(False)
        self._local, self._server, self._lifetimes = local, server, lifetimes
        self._xids = count(1)
        self._waiting: dict[int, float] = {}
        self.probes: list[Probe] = []

    def run(self, seconds: float) -> None:
        """Probe for so long, and wait a little for what is late."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._send()
            time.sleep(PERIOD)
            self._read()
        time.sleep(LATE)
        self._read()
        self.probes += [Probe(sent, float("inf"), False) for sent in self._waiting.values()]
        self._waiting.clear()

    def _send(self) -> None:
        xid = next(self._xids)
        self._waiting[xid] = time.monotonic()
        query = Query(DISCOVER, chaddr(1_000_000 + xid % 64), xid=xid, giaddr=self._local)
        self._socket.sendto(encode(query), (self._server, 67))

    def _read(self) -> None:
        while True:
            try:
                answer = decode(self._socket.recv(4096))
            except BlockingIOError:
                return
            sent = self._waiting.pop(answer.xid, 0.0)
            lifetime = int.from_bytes(answer.options[LIFETIME], "big")
            right = answer.type == OFFER and answer.yiaddr.startswith("10.") and lifetime in self._lifetimes
            self.probes.append(Probe(sent, time.monotonic() - sent, right))

    def serves(self) -> bool:
        """Whether a client gets an address now: offer and acknowledgement."""
        self._socket.settimeout(2)
        try:
            offer = self._exchange(DISCOVER, ())
            wanted = ((WANTED, packed(offer.yiaddr)), (SERVER_ID, packed(self._server)))
            return bool(self._exchange(REQUEST, wanted).type == ACK)
        except TimeoutError:
            return False
        finally:
            self._socket.setblocking(False)

    def _exchange(self, kind: int, options: Any) -> Any:
        xid = next(self._xids)
        self._socket.sendto(encode(Query(kind, chaddr(7), options, xid, giaddr=self._local)), (self._server, 67))
        while (answer := decode(self._socket.recv(4096))).xid != xid:
            pass
        return answer

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
