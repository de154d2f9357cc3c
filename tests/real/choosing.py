"""Thousands of clients, as in `tests.real.load`, of several servers that share their leases."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Sequence
from typing import Any

from tests.real.dialect6 import cid
from tests.real.load import Load, Waiting
from tests.real.load4 import Load4
from tests.real.load6 import SERVER_ID, Load6, duid
from tests.real.packets import Answer as Answer4
from tests.real.packets import text
from tests.real.packets6 import SOLICIT, Query
from tests.real.packets6 import Answer as Answer6
from txkea.testing.namespaces import Namespace

__all__ = ["Choosing", "Choosing4", "Choosing6"]


class Choosing(Load[Any]):
    """Each query goes to one of ``servers`` that is ``up``; mix it in before the `Load` of a family.

    A client without a lease, or one that gave something back, stays with the server that it asked last, if that is up:
    so no client asks one server for an address while another has not yet read that it gave one back.
    """

    def __init__(self, namespace: Namespace, local: str, servers: Sequence[str], clients: int, seed: int) -> None:
        super().__init__(namespace, local, servers[0], clients, seed)
        self.servers = servers
        self.up = set(servers)
        self._last: dict[int, str] = {}
        self._gave_back: set[int] = set()
        """Clients that have had no answer since."""

    def begin(self, client: int) -> None:
        last = self._last.get(client, "")
        stays = last in self.up and (client in self._gave_back or not self.claims(client))
        self.turn_to(last if stays else self.random.choice([each for each in self.servers if each in self.up]))
        self._last[client] = self.server
        before = self.history.given_back
        super().begin(client)
        if self.history.given_back != before:
            self._gave_back.add(client)

    def answered(self, waiting: Waiting, answer: Any, now: float) -> None:
        self._gave_back.discard(waiting.client)
        self.turn_to(self.teller(answer))
        super().answered(waiting, answer, now)

    def renew_at(self, server: str, clients: Iterable[int]) -> int:
        """Have these clients renew with this server; those with a lease must keep it. Gives how many did."""
        kept = 0
        for client in clients:
            self.turn_to(server)
            kept += self.renew([client])
        return kept

    def take(self, server: str, clients: Iterable[int], patience: float = 20.0) -> None:
        """Have these clients lease from this server; raises TimeoutError unless all of them do."""
        self.up, end = {server}, time.monotonic() + patience
        while missing := set(clients) - set(self.owners()):
            now = time.monotonic()
            if now > end:
                raise TimeoutError(f"{len(missing)} clients got no lease of {server}")
            self._time_out(now)
            for client in missing - self._busy:
                self.begin(client)
            select.select([self._socket], [], [], 0.02)
            self.read()
        self.up = set(self.servers)

    def turn_to(self, server: str) -> None:
        """Send what comes next to this server."""
        self.server = server

    def teller(self, answer: Any) -> str:
        """The server that an answer says to be from."""
        raise NotImplementedError


class Choosing4(Choosing, Load4):
    """DHCPv4."""

    def teller(self, answer: Answer4) -> str:
        return text(answer.options[54])


class Choosing6(Choosing, Load6):
    """DHCPv6; a server must be met before anything is sent to it."""

    def __init__(self, namespace: Namespace, local: str, servers: Sequence[str], clients: int, seed: int) -> None:
        super().__init__(namespace, local, servers, clients, seed)
        self._duids: dict[str, bytes] = {}

    def meet(self, server: str) -> None:
        """Learn a server's DUID, by a client of its own who wants nothing."""
        self.server = server
        answer = self.ask(Query(SOLICIT, (cid(duid(0xFFFFFF)),)))
        if answer is None:
            raise TimeoutError(f"{server} does not answer")
        self._duids[server] = dict(answer.options)[SERVER_ID]

    def turn_to(self, server: str) -> None:
        super().turn_to(server)
        self.server_id = self._duids[server]

    def teller(self, answer: Answer6) -> str:
        told = dict(answer.options)[SERVER_ID]
        return next(server for server, known in self._duids.items() if known == told)
