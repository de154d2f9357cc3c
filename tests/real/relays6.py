"""A relay that asks a DHCPv6 server for its clients."""

from __future__ import annotations

import socket
from itertools import count
from typing import Final

from tests.real.bindings6 import bindings
from tests.real.dialect6 import cid, ll, na, pd
from tests.real.packets6 import RENEW, REQUEST, SOLICIT, Answer, Option, Query, Relay, decode, encode
from txkea.testing.namespaces import Namespace

__all__ = ["Relay6", "duid"]

SERVER_ID: Final = 2


def duid(client: int) -> bytes:
    """That of a client."""
    return ll(b"\2\0\0" + client.to_bytes(3, "big"))


class Relay6:
    """A relay at an address of a namespace, with all the clients behind it; ``link`` is where these are."""

    def __init__(self, namespace: Namespace, address: str, server: str) -> None:
        with namespace.enter():
            self._socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._socket.bind((address, 547))
        self._socket.settimeout(5)
        self._server = server
        self._xids = count(1)

    def ask(self, client: int, kind: int, link: str, *options: Option) -> Answer:
        """The answer to a message; `TimeoutError` if there is none."""
        xid = next(self._xids)
        query = Query(kind, (cid(duid(client)), *options), (Relay(link, "fe80::c"),), xid=xid)
        self._socket.sendto(encode(query), (self._server, 547))
        while (answer := decode(self._socket.recv(4096))).xid != xid:
            pass
        return answer

    def lease(self, client: int, link: str, prefix: bool = False) -> list[str]:
        """A client obtains an address, and maybe a prefix; what it got."""
        wishes = (na(1), pd(2)) if prefix else (na(1),)
        offer = self.ask(client, SOLICIT, link, *wishes)
        reply = self.ask(client, REQUEST, link, (SERVER_ID, dict(offer.options)[SERVER_ID]), *wishes)
        return resources(reply)

    def renew(self, client: int, link: str, server_id: bytes, *addresses: str) -> list[str]:
        """A client renews; what it got."""
        return resources(self.ask(client, RENEW, link, (SERVER_ID, server_id), na(1, *addresses)))

    def close(self) -> None:
        self._socket.close()


def resources(answer: Answer) -> list[str]:
    """The addresses and prefixes in an answer that are good for some time."""
    return [each.resource for each in bindings(answer) if each.valid]
