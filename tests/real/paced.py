"""Clients that come at a steady pace, whatever becomes of those before them; and how long each took to get its lease.

They run in a process of their own in the clients' network: ``python -m tests.real.paced`` takes what is to be run as a
line of JSON, goes on until there comes another line, and prints all exchanges. The kernel tells when an answer
came: a generator that was not woken in time adds nothing.
"""

from __future__ import annotations

import heapq
import itertools
import json
import select
import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import Final, NamedTuple

from tests.real.ordered import Ordered
from tests.real.packets import ACK, DISCOVER, NAK, OFFER, REQUEST, Query, chaddr, encode
from txkea.testing.namespaces import Namespace

__all__ = ["Exchange", "Group", "Paced", "Window", "medians", "window"]

SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35
STAMP: Final = struct.Struct("qq")
"""Seconds and nanoseconds since the epoch."""
SERVER_ID, WANTED = 54, 50
NEVER: Final = float("inf")


class Group(NamedTuple):
    """Clients of one kind, behind one relay."""

    name: str
    relay: str
    """The relay's address, which the namespace has."""
    rate: float
    """New exchanges per second."""
    first: int
    """The number of the first client."""
    clients: int
    """How many there are; after the last one comes the first again, unless each comes ``once``."""
    again: float = 1.0
    """Seconds after which a client that waits sends its message again."""
    patience: float = 5.0
    """Seconds after which a client gives up."""
    once: bool = False


class Exchange(NamedTuple):
    """A client's way from its first DISCOVER to its ACK."""

    group: str
    client: int
    began: float
    """Seconds since the epoch."""
    offered: float
    """Seconds until the OFFER; infinite if there was none."""
    took: float
    """Seconds until the ACK; infinite if there was none."""


class Window(NamedTuple):
    """What became of the exchanges of a group that began in some stretch of time."""

    begun: int
    served: int
    per_second: float
    """Served ones."""
    p50: float
    """Seconds; those who got nothing waited for ever."""
    p99: float

    @property
    def share(self) -> float:
        """The part that was served."""
        return self.served / self.begun if self.begun else 0.0


def window(exchanges: Iterable[Exchange], group: str, start: float, end: float) -> Window:
    """Those of a group that began from ``start`` until ``end``."""
    took = sorted(each.took for each in exchanges if each.group == group and start <= each.began < end)
    served = sum(each < NEVER for each in took)
    return Window(len(took), served, served / (end - start), _percentile(took, 0.5), _percentile(took, 0.99))


def medians(exchanges: Sequence[Exchange], group: str, stretches: Iterable[tuple[float, float]]) -> Window:
    """Of several stretches the one in the middle, each figure by itself: a neighbour's burst is in one or two."""
    found = [window(exchanges, group, begin, end) for begin, end in stretches]
    figures = {name: median(getattr(each, name) for each in found) for name in Window._fields}
    return Window(**figures)


def _percentile(ascending: Sequence[float], part: float) -> float:
    return ascending[min(len(ascending) - 1, int(len(ascending) * part))] if ascending else float("nan")


class Paced(Ordered):
    """Groups of clients of the server at an address; they begin at once."""

    def __init__(self, namespace: Namespace, server: str, groups: Sequence[Group]) -> None:
        super().__init__("tests.real.paced", namespace=namespace)
        self.order([server, groups])

    def end(self) -> list[Exchange]:
        """No client comes any more; all that came, those who wait with nothing."""
        found = [Exchange(*each) for each in self.order("end")]
        self.close()
        return found


class Waiting:
    """An exchange under way."""

    __slots__ = ("again", "began", "client", "data", "group", "offered", "took", "xid")

    def __init__(self, group: Group, client: int, xid: int, began: float) -> None:
        self.group, self.client, self.xid, self.began = group, client, xid, began
        self.data = b""
        """What it has sent last, and sends once more at ``again``."""
        self.again = began
        self.offered = self.took = NEVER

    def result(self) -> Exchange:
        return Exchange(self.group.name, self.client, self.began, self.offered, self.took)


class Generator:
    """The program: sends what is due, reads what has come."""

    def __init__(self, server: str, groups: Sequence[Group]) -> None:
        self._to = (server, 67)
        self._server_id = (SERVER_ID, socket.inet_aton(server))
        self._sockets = {relay: _listening(relay) for relay in {each.relay for each in groups}}
        self._due = [(0.0, number, _numbers(each), each) for number, each in enumerate(groups)]
        self._again: list[tuple[float, int, Waiting]] = []
        self._waiting: dict[int, Waiting] = {}
        self._busy: set[int] = set()
        self._xid = 0
        self.ended: list[Waiting] = []

    def run(self) -> None:
        """Until a line comes from standard input."""
        start = time.time()
        self._due = [(start + number / 1000, number, clients, group) for _, number, clients, group in self._due]
        poll = select.poll()
        for each in (sys.stdin, *self._sockets.values()):
            poll.register(each, select.POLLIN)
        by_number = {each.fileno(): each for each in self._sockets.values()}
        while True:
            wait = min(self._due[0][0], self._again[0][0] if self._again else NEVER) - time.time()
            for number, _ in poll.poll(max(0, min(1000, wait * 1000))):
                if number not in by_number:
                    self.ended += self._waiting.values()
                    return
                self._read(by_number[number])
            self._send_due()

    def _send_due(self) -> None:
        now = time.time()
        while self._due[0][0] <= now:
            due, number, clients, group = self._due[0]
            client = next(clients, None)
            if client is None:
                heapq.heapreplace(self._due, (NEVER, number, clients, group))
                continue
            heapq.heapreplace(self._due, (due + 1 / group.rate, number, clients, group))
            self._begin(group, client, now)
        while self._again and self._again[0][0] <= now:
            due, xid, waiting = heapq.heappop(self._again)
            if due == waiting.again and xid in self._waiting:
                self._insist(waiting, now)

    def _begin(self, group: Group, client: int, now: float) -> None:
        self._xid += 1
        waiting = Waiting(group, client, self._xid, now)
        if client in self._busy:  # it got nothing yet for what it has sent before
            self.ended.append(waiting)
            return
        self._busy.add(client)
        self._waiting[self._xid] = waiting
        self._send(waiting, DISCOVER, (), now)

    def _send(self, waiting: Waiting, kind: int, options: tuple[tuple[int, bytes], ...], now: float) -> None:
        group = waiting.group
        waiting.data = encode(Query(kind, chaddr(waiting.client), options, waiting.xid, giaddr=group.relay))
        self._put(waiting, now)

    def _put(self, waiting: Waiting, now: float) -> None:
        self._sockets[waiting.group.relay].sendto(waiting.data, self._to)
        waiting.again = now + waiting.group.again
        heapq.heappush(self._again, (waiting.again, waiting.xid, waiting))

    def _insist(self, waiting: Waiting, now: float) -> None:
        if now < waiting.began + waiting.group.patience:
            self._put(waiting, now)
        else:
            self._end(waiting)

    def _end(self, waiting: Waiting) -> None:
        del self._waiting[waiting.xid]
        self._busy.discard(waiting.client)
        self.ended.append(waiting)

    def _read(self, receiving: socket.socket) -> None:
        for _ in range(64):
            try:
                data, ancillary, _, _ = receiving.recvmsg(2048, 64)
            except BlockingIOError:
                return
            seconds, nanoseconds = STAMP.unpack(ancillary[0][2])
            waiting = self._waiting.get(int.from_bytes(data[4:8], "big"))
            if waiting is not None:
                self._came(waiting, data, seconds + nanoseconds * 1e-9)

    def _came(self, waiting: Waiting, data: bytes, when: float) -> None:
        kind = data[242]  # the server puts the message type first
        if kind == OFFER and waiting.offered == NEVER:
            waiting.offered = when - waiting.began
            self._send(waiting, REQUEST, ((WANTED, data[16:20]), self._server_id), time.time())
        elif kind == ACK:
            waiting.took = when - waiting.began
            self._end(waiting)
        elif kind == NAK:
            self._end(waiting)


def _listening(address: str) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    found.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    found.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
    found.bind((address, 67))
    return found


def _numbers(group: Group) -> Iterator[int]:
    numbers = range(group.first, group.first + group.clients)
    return iter(numbers) if group.once else itertools.cycle(numbers)


def main() -> None:
    """See the module."""
    server, groups = json.loads(sys.stdin.readline())
    generator = Generator(server, [Group(*each) for each in groups])
    sys.stdout.write("true\n")
    sys.stdout.flush()
    generator.run()
    sys.stdout.write(json.dumps([each.result() for each in generator.ended]) + "\n")


if __name__ == "__main__":
    main()
