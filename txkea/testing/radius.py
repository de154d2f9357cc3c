"""A RADIUS server that answers from memory, and servers of DHCP that ask it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from txkea.errors import Unavailable
from txkea.interfaces import IRadiusClient
from txkea.model.configuration import Configuration
from txkea.paths import Paths
from txkea.providers import Surroundings
from txkea.radius.client import Answer
from txkea.radius.dictionary import Dictionary
from txkea.radius.factory import RadiusFactory, RadiusProvider
from txkea.radius.packet import Code
from txkea.radius.standard import STANDARD
from txkea.testing.local import clock_now
from txkea.testing.sites import MemoryLogger

__all__ = ["ACCEPT", "REJECT", "SERVERS", "MemoryRadius", "radius_provider"]

ACCEPT, REJECT = int(Code.ACCESS_ACCEPT), int(Code.ACCESS_REJECT)
SERVERS: Final = [{"name": "127.0.0.1", "secret": "secret"}]
"""A server that nobody asks: the client is in memory."""
Said = tuple[int, Mapping[str, Any]]


@implementer(IRadiusClient)
class MemoryRadius:
    """Answers each User-Name as ``users`` says; rejects whom it does not know.

    An entry is a code and attributes, or attributes alone: then it accepts. While ``silent`` nobody answers; while it
    ``holds``, answers wait for `release`.
    """

    def __init__(self, users: Mapping[str, Said | Mapping[str, Any]] = {}) -> None:
        self.users = dict(users)
        self.silent = self.holds = False
        self.requests: list[dict[str, Any]] = []
        """What was asked: the values of each request by the attributes' names, as they travel."""
        self.started = self.stopped = 0
        self._dictionary: Dictionary = STANDARD
        self._held: list[Deferred[None]] = []

    def connected(self, servers: Sequence[Any], policy: Any, **around: Any) -> MemoryRadius:
        """In place of `txkea.radius.client.RadiusClient`."""
        self._dictionary = policy.dictionary
        return self

    async def start(self) -> None:
        """As that of a client."""
        self.started += 1

    async def stop(self) -> None:
        """As that of a client."""
        self.stopped += 1

    def describe(self) -> Mapping[str, Any]:
        """As that of a client."""
        return {"servers": [], "waiting": len(self._held)}

    async def request(self, code: int, attributes: Sequence[tuple[Any, Any]]) -> Answer:
        """See `IRadiusClient`."""
        asked = self._dictionary.decoded(self._dictionary.attributes(attributes))
        self.requests.append({name: values[0] if len(values) == 1 else values for name, values in asked.items()})
        if self.holds:
            held: Deferred[None] = Deferred()
            self._held.append(held)
            await held
        if self.silent:
            raise Unavailable("no RADIUS server for access answers")
        said = self.users.get(asked.get("User-Name", [""])[0], (REJECT, {}))
        code, values = said if isinstance(said, tuple) else (ACCEPT, said)
        lists = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
        sent = self._dictionary.attributes((name, value) for name, some in lists.items() for value in some)
        return Answer(code, self._dictionary.decoded(sent), "127.0.0.1:1812")

    def release(self) -> None:
        """Let all that waits be answered."""
        held, self._held = self._held, []
        for each in held:
            each.callback(None)

    @property
    def names(self) -> list[str]:
        """The User-Names that were asked about."""
        return [each.get("User-Name", "") for each in self.requests]


def radius_provider(
    radius: MemoryRadius,
    configuration: Configuration,
    *,
    clock: Clock | None = None,
    log: MemoryLogger | None = None,
    statistics: dict[str, int] | None = None,
    **parameters: Any,
) -> RadiusProvider:
    """What a configuration's library radius does, with this server; ``_`` for ``-`` in the parameters.

    Without ``access`` there is one with nothing but servers. Raises `ConfigErrors`.
    """
    written = {name.replace("_", "-"): value for name, value in parameters.items()}
    connect: Callable[..., Any] = radius.connected
    around = Surroundings(
        configuration=configuration,
        reactor=clock or clock_now(),
        log=log or MemoryLogger(),
        paths=Paths.from_environment({}),
        statistics={} if statistics is None else statistics,
    )
    return RadiusFactory(connect).make({"access": {"servers": SERVERS}, **written}, around)
