"""Thousands of DHCPv4 clients behind one relay, each a random walk through RFC 2131."""

from __future__ import annotations

import socket
import time
from typing import Any

from tests.real.dialect import Option, sid, want
from tests.real.history import Grant
from tests.real.load import Load, Waiting
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

__all__ = ["Load4"]


class Load4(Load[Answer]):
    """See `Load`; who holds a lease is the client."""

    family = socket.AF_INET
    port = 67

    def decode(self, data: bytes) -> Answer:
        return decode(data)

    def holders(self, client: int) -> tuple[int]:
        return (client,)

    def client_of(self, holder: Any) -> int:
        return int(holder)

    def begin(self, client: int) -> None:
        claims = self.claims(client)
        if not claims:
            self._ask(client, "discover", claims, DISCOVER)
            return
        address, chance = claims[0].resource, self.random.random()
        if chance < 0.55:
            self.wait_for(client, "renewal", claims, self.renewal(client, claims))
        elif chance < 0.70:
            self._ask(client, "rediscover", claims, DISCOVER)
        elif chance < 0.80:
            self._ask(client, "reboot", claims, REQUEST, want(address))
        else:
            self.history.gave_back(client)
            if chance < 0.995:
                self._send(client, RELEASE, sid(self.server), ciaddr=address)
            else:
                self._send(client, DECLINE, sid(self.server), want(address))

    def renewal(self, client: int, claims: tuple[Grant, ...]) -> int:
        return self._send(client, REQUEST, ciaddr=claims[0].resource)

    def answered(self, waiting: Waiting, answer: Answer, now: float) -> None:
        client, kind, claims, _ = waiting
        if answer.type == OFFER:
            self._check(claims, answer.yiaddr, now, f"an offer of {answer.yiaddr}")
            self._ask(client, "request", claims, REQUEST, want(answer.yiaddr), sid(self.server))
        elif answer.type == ACK:
            self._check(claims, answer.yiaddr, now, f"an ACK of {answer.yiaddr} to its {kind}")
            self.history.granted(client, answer.yiaddr, now, _lifetime(answer))
        elif answer.type == NAK:
            self._check(claims, "", now, f"a NAK to its {kind}")

    def ask(self, query: Query) -> Answer | None:
        """Send one query through the relay; gives its answer, or None when none came in time."""
        xid = self.next_xid()
        self.put(encode(query._replace(xid=xid, giaddr=self.local)))
        return self.await_answer(xid)

    def lease(self, client: int, wanted: str, tries: int = 1) -> str:
        """Have a client lease an address, if it can; gives the one it got. It begins anew when it hears nothing."""
        for _ in range(tries):
            answer = self.await_answer(self._send(client, DISCOVER, want(wanted)))
            if answer is not None:
                answer = self.await_answer(self._send(client, REQUEST, want(answer.yiaddr), sid(self.server)))
            if answer is not None:
                break
        if answer is None or answer.type != ACK:
            raise TimeoutError(f"no lease for client {client}: {answer}")
        self.history.granted(client, answer.yiaddr, time.monotonic(), _lifetime(answer))
        return answer.yiaddr

    def _check(self, claims: tuple[Grant, ...], address: str, now: float, how: str) -> None:
        for grant in claims:
            if grant.resource != address:
                self.history.refused(grant.holder, grant.resource, now, how)

    def _ask(self, client: int, kind: str, claims: tuple[Grant, ...], message: int, *options: Option) -> None:
        self.wait_for(client, kind, claims, self._send(client, message, *options))

    def _send(self, client: int, message: int, *options: Option, ciaddr: str = "0.0.0.0") -> int:
        xid = self.next_xid()
        identity = (61, b"\1" + chaddr(client))
        self.put(encode(Query(message, chaddr(client), (*options, identity), xid, ciaddr, giaddr=self.local)))
        return xid


def _lifetime(answer: Answer) -> int:
    return int.from_bytes(answer.options[51], "big")
