"""An IPAM in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.iweb import IAgent
from zope.interface import implementer

from txkea_example.server import found

__all__ = ["FakeIpam"]


class Response:
    """What `twisted.web.client.readBody` needs of a response."""

    phrase = b""

    def __init__(self, code: int, body: bytes) -> None:
        self.code = code
        self._body = body

    def deliverBody(self, protocol: Any) -> None:  # noqa: N802 - Twisted's spelling
        """Give everything at once."""
        protocol.makeConnection(StringTransport())
        protocol.dataReceived(self._body)
        protocol.connectionLost(Failure(ResponseDone()))


@implementer(IAgent)
class FakeIpam:
    """Answers at once; or, while ``slow``, when the test says so."""

    def __init__(self, *hosts: Mapping[str, Any]) -> None:
        self.hosts = hosts
        self.code = 200
        self.slow = False
        self.error: Exception | None = None
        self.asked: list[str] = []
        self.waiting: list[Deferred[Any]] = []

    def request(self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None) -> Deferred[Any]:  # noqa: N803
        """See `IAgent`."""
        assert method == b"GET"
        self.asked.append(uri.decode())
        if self.slow:
            self.waiting.append(Deferred())
            return self.waiting[-1]
        return self._answer(uri.decode())

    def answer(self) -> None:
        """Answer the first question that waits."""
        number = len(self.asked) - len(self.waiting)
        self._answer(self.asked[number]).chainDeferred(self.waiting.pop(0))

    def _answer(self, url: str) -> Deferred[Any]:
        if self.error is not None:
            failed: Deferred[Any] = Deferred()
            failed.errback(self.error)
            return failed
        return succeed(Response(self.code, json.dumps(found(self.hosts, url)).encode()))
