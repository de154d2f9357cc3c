"""One connection to a Redis server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from attrs import field, frozen
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.protocol import Factory
from txredisapi import RedisError, RedisProtocol  # type: ignore[import-untyped]

from txkea.errors import Unavailable

__all__ = ["Place", "Wire", "connected", "dial", "information", "text"]


@frozen(kw_only=True)
class Place:
    """Where a Redis server is, and who asks it."""

    host: str = "localhost"
    port: int = 6379
    user: str = ""
    password: str = field(default="", repr=False)
    database: int = 0
    tls: Any = None
    """What `wrapClientTLS` takes, or None."""
    timeout: float = 5.0
    """Seconds."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Wire(RedisProtocol):  # type: ignore[misc]
    """A connection on which everything is bytes; ``lost(reason)`` is told once that it has ended."""

    def __init__(self, lost: Callable[[str], None]) -> None:
        super().__init__(charset=None, convertNumbers=False)
        self._lost: Callable[[str], None] | None = lost

    async def ask(self, *words: Any) -> Any:
        """What a command answers. Raises `Unavailable` with the server's own words, or those of the connection."""
        try:
            return await self.execute_command(*words)
        except RedisError as error:
            raise Unavailable(str(error).strip() or "the connection was lost") from None

    def let_go(self) -> None:
        """End it now; nobody is told."""
        self._lost = None
        if self.transport is not None:
            self.transport.abortConnection()

    def connectionLost(self, why: Any) -> None:
        lost, self._lost = self._lost, None
        if lost is not None:
            lost(f"the connection was lost: {why.getErrorMessage()}")
        super().connectionLost(why)


AnyWire = TypeVar("AnyWire", bound=Wire)


async def dial(place: Place, reactor: Any, lost: Callable[[str], None]) -> Wire:
    """A connection that is logged in. Raises `Unavailable`."""
    return await connected(place, reactor, lambda: Wire(lost))


async def connected(place: Place, reactor: Any, make: Callable[[], AnyWire]) -> AnyWire:
    """The same of one that is made by ``make``."""
    endpoint = _endpoint(place, reactor)
    wire: AnyWire
    try:
        wire = await endpoint.connect(Factory.forProtocol(make))
    except Exception as error:  # whatever an endpoint says
        raise Unavailable(f"no connection to {place}: {error or type(error).__name__}") from error
    try:
        if place.password:
            await wire.ask("AUTH", *filter(None, (place.user, place.password)))
        if place.database:
            await wire.ask("SELECT", place.database)
        await wire.ask("CLIENT", "SETNAME", "txkea")
    except Unavailable as error:
        wire.let_go()
        raise Unavailable(f"{place} does not let us in: {error}") from error
    except BaseException:
        wire.let_go()
        raise
    return wire


def _endpoint(place: Place, reactor: Any) -> Any:
    kind: Any = HostnameEndpoint
    if isIPAddress(place.host):  # needs no thread to be looked up
        kind = TCP4ClientEndpoint
    elif isIPv6Address(place.host):
        kind = TCP6ClientEndpoint
    endpoint = kind(reactor, place.host, place.port, timeout=place.timeout)
    return endpoint if place.tls is None else wrapClientTLS(place.tls, endpoint)


def text(answer: Any) -> str:
    """What Redis says, as text: the two parsers of txredisapi differ in what they make of a status."""
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)


async def information(wire: Wire) -> Mapping[str, str]:
    """What INFO says."""
    lines = text(await wire.ask("INFO")).splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)
