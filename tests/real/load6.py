"""Thousands of DHCPv6 clients behind one relay, each a random walk through RFC 8415."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.real.bindings6 import IA_NA, IA_PD, bindings
from tests.real.dialect6 import cid, ll, na, pd
from tests.real.history import Grant
from tests.real.load import Load, Waiting
from tests.real.packets6 import (
    ADVERTISE,
    DECLINE,
    REBIND,
    RELEASE,
    RENEW,
    REPLY,
    REQUEST,
    SOLICIT,
    Answer,
    Option,
    Query,
    Relay,
    decode,
    encode,
)

__all__ = ["Load6", "duid"]

SERVER_ID, RAPID_COMMIT = 2, 14
IAID: Final = 1
WISHES: Final = ((IA_NA, IA_PD), (IA_NA, IA_PD), (IA_NA,), (IA_PD,))
"""What a client asks for, by its number."""

Wants = Mapping[int, tuple[str, ...]]
"""By the code of the association: the addresses or prefixes in it."""


class Load6(Load[Answer]):
    """See `Load`; who holds a lease is an identity association: the client and the option's code.

    The server is the one whose DUID the first answer told, for ever.
    """

    family = socket.AF_INET6
    port = 547
    server_id: bytes = b""

    def decode(self, data: bytes) -> Answer:
        return decode(data)

    def holders(self, client: int) -> tuple[tuple[int, int], ...]:
        return tuple((client, code) for code in wishes(client))

    def client_of(self, holder: Any) -> int:
        return int(holder[0])

    def begin(self, client: int) -> None:
        claims = self.claims(client)
        chance = self.random.random()
        if not claims:
            more: tuple[Option, ...] = ((RAPID_COMMIT, b""),) if chance < 0.2 else ()
            self._ask(client, "solicit", claims, SOLICIT, _nothing(client), *more)
        elif chance < 0.45:
            self.wait_for(client, "renewal", claims, self.renewal(client, claims))
        elif chance < 0.55:
            self._ask(client, "rebind", claims, REBIND, _wants(claims))
        elif chance < 0.75:
            self._ask(client, "solicit", claims, SOLICIT, _nothing(client))
        elif chance < 0.995:
            self.give_back(RELEASE, claims if chance < 0.9 else claims[:1])
        else:
            self.give_back(DECLINE, claims[:1])

    def renewal(self, client: int, claims: tuple[Grant, ...]) -> int:
        return self._send(client, RENEW, _wants(claims), self._to_server)

    def give_back(self, message: int, claims: tuple[Grant, ...]) -> None:
        """A client releases or declines; no answer is waited for, and no prefix is ever declined."""
        if message == DECLINE and claims[0].resource.endswith("/56"):
            message = RELEASE
        for grant in claims:
            self.history.gave_back(grant.holder)
        self._send(self.client_of(claims[0].holder), message, _wants(claims), self._to_server)

    def answered(self, waiting: Waiting, answer: Answer, now: float) -> None:
        client, kind, claims, _ = waiting
        self.server_id = self.server_id or dict(answer.options)[SERVER_ID]
        held = {each.code: each for each in bindings(answer) if each.valid}
        for grant in claims:
            got = held.get(_code(grant))
            if got is None or got.resource != grant.resource:
                self.history.refused(grant.holder, grant.resource, now, f"{got} in type {answer.type} to its {kind}")
        if answer.type == ADVERTISE and held:
            offered = {each.code: (each.resource,) for each in held.values()}
            self._ask(client, "request", claims, REQUEST, offered, self._to_server)
        elif answer.type == REPLY:
            for each in held.values():
                self.history.granted((client, each.code), each.resource, now, each.valid)

    def ask(self, query: Query) -> Answer | None:
        """Send one query through the relay; gives its answer, or None when none came in time."""
        xid = self.next_xid()
        self.put(encode(query._replace(xid=xid, relays=(Relay(self.local),))))
        return self.await_answer(xid)

    def lease(self, client: int, **wanted: str) -> list[str]:
        """Have a client lease an ``address`` and a ``prefix``, if it can; gives what it got."""
        wants: Wants = {IA_NA if name == "address" else IA_PD: (each,) for name, each in wanted.items()}
        advertised = self.await_answer(self._send(client, SOLICIT, wants))
        if advertised is None:
            raise TimeoutError(f"no ADVERTISE for client {client}")
        self.server_id = self.server_id or dict(advertised.options)[SERVER_ID]
        offered = {each.code: (each.resource,) for each in bindings(advertised)}
        answer = self.await_answer(self._send(client, REQUEST, offered, self._to_server))
        if answer is None:
            raise TimeoutError(f"no REPLY for client {client}")
        self.answered(Waiting(client, "request", (), 0), answer, time.monotonic())
        return [each.resource for each in bindings(answer) if each.valid]

    @property
    def _to_server(self) -> Option:
        return SERVER_ID, self.server_id

    def _ask(
        self, client: int, kind: str, claims: tuple[Grant, ...], message: int, wants: Wants, *more: Option
    ) -> None:
        self.wait_for(client, kind, claims, self._send(client, message, wants, *more))

    def _send(self, client: int, message: int, wants: Wants, *more: Option) -> int:
        xid = self.next_xid()
        associations = (na(IAID, *each) if code == IA_NA else pd(IAID, *each) for code, each in wants.items())
        peer = f"fe80::{client:x}"
        options = (cid(duid(client)), *more, *associations)
        self.put(encode(Query(message, options, (Relay(self.local, peer),), xid)))
        return xid


def duid(client: int) -> bytes:
    """The DUID of the test client of this number."""
    return ll(b"\x02" + client.to_bytes(5, "big"))


def wishes(client: int) -> tuple[int, ...]:
    """The associations that a client asks for."""
    return WISHES[client % len(WISHES)]


def _nothing(client: int) -> Wants:
    return dict.fromkeys(wishes(client), ())


def _wants(claims: Iterable[Grant]) -> Wants:
    return {_code(grant): (grant.resource,) for grant in claims}


def _code(grant: Grant) -> int:
    return IA_PD if "/" in grant.resource else IA_NA
