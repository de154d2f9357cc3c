"""Reservations that an IPAM (IP address management) knows, asked over HTTP.

``GET URL/hosts?subnet=1&identifier=hw-address:020000000001&identifier=...`` gives a JSON list of those hosts of a
subnet that have one of the identifiers, ``GET URL/hosts?subnet=1&address=192.0.2.7`` those of an address. A host is
``{"identifier": "hw-address:020000000001", "address": "192.0.2.7", "hostname": "printer"}``; without an ``address``
none is reserved.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from twisted.internet.defer import Deferred
from twisted.web.client import Agent, HTTPConnectionPool, readBody
from zope.interface import implementer

from txkea.config.keywords import KeywordMap, keyword, keywords
from txkea.config.kinds import Each, Integer, Parsed, one_of
from txkea.config.parameters import judged
from txkea.errors import Drop
from txkea.interfaces import IHostSource, ILogger, IProviderFactory, IRunning
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier, IdentifierKind

__all__ = ["FACTORY", "Ipam", "IpamFactory", "Questions"]


class Questions:
    """Asks an IPAM.

    ``agent`` is a `twisted.web.iweb.IAgent`, ``timeout`` seconds for a whole answer, on this ``clock``.
    """

    def __init__(self, agent: Any, url: str, timeout: float, clock: Any) -> None:
        self._agent = agent
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._clock = clock

    async def hosts(self, subnet_id: int, *about: tuple[str, object]) -> Sequence[Host]:
        """The hosts of a subnet that it names; raises whatever went wrong."""
        url = f"{self._url}/hosts?{urlencode((('subnet', subnet_id), *about))}"
        body: bytes = await Deferred.fromCoroutine(self._get(url.encode())).addTimeout(self._timeout, self._clock)
        return [read_host(each, subnet_id) for each in json.loads(body)]

    async def _get(self, url: bytes) -> bytes:
        response = await self._agent.request(b"GET", url)
        body: bytes = await readBody(response)
        if response.code != 200:
            raise ValueError(f"it answered with HTTP status {response.code}")
        return body


def read_host(written: Any, subnet_id: int) -> Host:
    """A host of the IPAM's as the server knows hosts."""
    kind, _, value = written["identifier"].partition(":")
    identifier = Identifier(KINDS[kind], bytes.fromhex(value))
    address = written.get("address")
    return Host(
        identifier=identifier,
        subnet_id=subnet_id,
        addresses=(ip_address(address).packed,) if address else (),
        hostname=written.get("hostname", ""),
    )


def write_identifier(identifier: Identifier) -> str:
    """An identifier as the IPAM knows it."""
    return f"{identifier.kind.keyword}:{identifier.value.hex()}"


KINDS: Final = {kind.keyword: kind for kind in IdentifierKind}


@implementer(IHostSource, IRunning)
class Ipam:
    """Reservations of an IPAM, for these subnets.

    While it is away, clients of theirs get no answer, or with ``goes_on`` are treated as if they had no reservation.
    ``close`` lets go of the connections.
    """

    def __init__(
        self,
        questions: Questions,
        subnet_ids: frozenset[int],
        *,
        goes_on: bool,
        log: ILogger,
        close: Callable[[], Awaitable[object] | None] = lambda: None,
    ) -> None:
        self._questions = questions
        self._subnet_ids = subnet_ids
        self._goes_on = goes_on
        self._log = log
        self._close = close
        self._away = False

    async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
        """See `IHostSource`."""
        hosts = await self._ask(subnet_id, *(("identifier", write_identifier(each)) for each in identifiers))
        known = {host.identifier: host for host in hosts}
        return next((known[each] for each in identifiers if each in known), None)

    async def at(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        """See `IHostSource`."""
        return await self._ask(subnet_id, ("address", ip_address(address)))

    async def _ask(self, subnet_id: int, *about: tuple[str, object]) -> Sequence[Host]:
        if subnet_id not in self._subnet_ids or not about:
            return ()
        try:
            hosts = await self._questions.hosts(subnet_id, *about)
        except Exception as error:  # refused, too slow, no JSON, not the JSON that we expect: it is of no use now
            self._say(f"the IPAM is away: {error or type(error).__name__}")
            self._away = True
            if self._goes_on:
                return ()
            raise Drop("the IPAM is away") from error
        if self._away:
            self._away = False
            self._say("the IPAM is back")
        return hosts

    def _say(self, text: str) -> None:
        """Log that it went away or came back; not once more for each query."""
        if not self._away and self._log.warn:
            self._log.warn("IPAM_STATE", text)

    async def start(self) -> None:
        """See `IRunning`; a connection is made when the first question is asked."""

    async def stop(self) -> None:
        """See `IRunning`."""
        closing = self._close()
        if closing is not None:
            await closing


def http_url(text: str) -> str:
    """An HTTP address. Raises ValueError."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f'"{text}" is not an HTTP address; write it like http://ipam.example.org/dhcp')
    return text


PARAMETERS: Final[Mapping[str, KeywordMap]] = {
    "ipam": keywords(
        keyword("url", Parsed(http_url), required=True),
        keyword("subnets", Each(Integer(1), shortest=1), required=True),
        keyword("timeout", Integer(1, 60_000), 1000),
        keyword("when-away", one_of("drop", "go-on"), "drop"),
    )
}
"""``timeout`` is in milliseconds."""
CONNECTIONS: Final = 16
"""How many are kept open when nothing is asked."""


@implementer(IProviderFactory)
class IpamFactory:
    """Makes an `Ipam` that keeps its connections open, each for several questions."""

    name = "ipam"
    parameters = tuple(PARAMETERS["ipam"])

    def make(self, parameters: Mapping[str, Any], site: Any) -> Ipam:
        """See `IProviderFactory`."""
        with judged(parameters, "ipam", PARAMETERS) as given:
            url, timeout, away = given.get("url"), given.get("timeout"), given.get("when-away")
            subnet_ids = frozenset(given.get("subnets") or ())
        pool = HTTPConnectionPool(site.reactor)
        pool.maxPersistentPerHost = CONNECTIONS
        questions = Questions(Agent(site.reactor, pool=pool), url, timeout / 1000, site.reactor)
        return Ipam(questions, subnet_ids, goes_on=away == "go-on", log=site.log, close=pool.closeCachedConnections)


FACTORY = IpamFactory()
