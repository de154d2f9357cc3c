"""RADIUS access: who may have a lease, and which one, is what a RADIUS server says (RFC 2865; Kea I.2, I.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from copy import copy
from typing import Any, Final

from attrs import frozen
from zope.interface import implementer

from txkea.config.kinds import address4, address6, prefix6
from txkea.errors import Busy, Drop, TxkeaError, Unavailable
from txkea.exchange.query import Query
from txkea.interfaces import IKnowsClients, ILogger, IRadiusClient
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier
from txkea.radius.attributes import Extra, Teller
from txkea.radius.dictionary import Dictionary
from txkea.radius.known import known_host
from txkea.radius.packet import Code
from txkea.radius.reselect import Reselection
from txkea.wire.dhcp4 import MessageType4
from txkea.wire.dhcp6 import MessageType6
from txkea.wire.text import address_text

__all__ = ["COUNTERS", "Access", "AccessSettings"]

LEAVING: Final[Mapping[int, frozenset[int]]] = {
    4: frozenset((int(MessageType4.RELEASE), int(MessageType4.DECLINE))),
    6: frozenset((int(MessageType6.RELEASE), int(MessageType6.DECLINE))),
}
"""Messages of clients that want nothing any more: nobody is asked whether they may."""
POOLS: Final = {
    4: ("Framed-Pool",),
    6: ("Framed-IPv6-Pool", "Framed-Pool", "Delegated-IPv6-Prefix-Pool"),
}
"""The attributes that name pools (RFC 2869, 3162 and 6911; Kea I021)."""
NO_ADDRESS: Final = frozenset((bytes(4), b"\xff\xff\xff\xfe", b"\xff\xff\xff\xff", bytes(16)))
"""What stands for "as you like" (RFC 2865 section 5.8)."""
PASSING: Final = frozenset(("Message-Authenticator", "Proxy-State"))
"""Attributes of the packet rather than of the client."""
ACCEPTED, REJECTED, DROPPED, CONTINUED, KEPT, IGNORED = COUNTERS = (
    "radius-access-accepted",
    "radius-access-rejected",
    "radius-access-dropped",
    "radius-access-continued",
    "radius-access-known-leases",
    "radius-access-ignored-addresses",
)


@frozen(kw_only=True)
class AccessSettings:
    """What the parameters say of access, beyond its servers."""

    extras: Sequence[Extra] = ()
    goes_on: bool = False
    """Whether a client of which nothing is known is served where no server answers."""
    reselection: Reselection


@implementer(IKnowsClients)
class Access:
    """The source of hosts of whom a RADIUS server tells."""

    def __init__(
        self,
        client: IRadiusClient,
        teller: Teller,
        settings: AccessSettings,
        *,
        family: int,
        dictionary: Dictionary,
        log: ILogger,
        statistics: MutableMapping[str, int],
    ) -> None:
        self._client = client
        self._teller = teller
        self._identify = teller.naming.identifier
        self._settings = settings
        self._family = family
        self._dictionary = dictionary
        self._log = log
        self._statistics = statistics
        for name in COUNTERS:
            statistics.setdefault(name, 0)

    # -- a source of hosts ---------------------------------------------------------------------------------------------

    def identifier_of(self, query: Query, subnet_id: int) -> Identifier | None:
        """See `IKnowsClients`: there is one request for the subnet that was selected, wherever its hosts are sought."""
        subnet = query.subnet
        if subnet is None or subnet_id != (subnet.id if subnet.parameters.reservations_in_subnet else 0):
            return None
        return self._identify(query)

    async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Query | None = None) -> Host | None:
        """See `IHostSource`."""
        own = None if query is None else self.identifier_of(query, subnet_id)
        if query is None or own is None or query.type in LEAVING[self._family]:
            return None
        attributes = self._teller.access(query, own, self._settings.extras)
        asked = copy(query)  # which may have its answer, and be elsewhere, before this is answered
        try:
            answer = await self._client.request(Code.ACCESS_REQUEST, attributes)
        except Unavailable:
            raise
        except TxkeaError as error:
            raise Drop(f"no Access-Request can be made: {error}", DROPPED, "RADIUS_ACCESS_BUILD_FAILED") from None
        if answer.code == Code.ACCESS_ACCEPT:
            return self._accepted(asked, subnet_id, own, answer)
        return self._refused(asked, subnet_id, own, answer, "it was rejected")

    async def at(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        """See `IHostSource`: nobody can be asked for whom an address is."""
        return ()

    def is_silent(self) -> bool:
        """See `IKnowsClients`."""
        return self._client.silent

    async def known(self, query: Query, subnet_id: int) -> Host | None:
        """See `IKnowsClients`."""
        own = self.identifier_of(query, subnet_id)
        known = await known_host(query, own, self._settings.reselection.moves) if own is not None else None
        if known is not None:
            self._statistics[KEPT] += 1
        return known

    async def without(self, query: Query, subnet_id: int, failure: Unavailable) -> Host | None:
        """See `IKnowsClients`: a client keeps the lease that it has; others are served if ``on-timeout`` says so."""
        if self.identifier_of(query, subnet_id) is None:
            return None
        if (known := await self.known(query, subnet_id)) is not None:
            return known
        if self._settings.goes_on:
            self._statistics[CONTINUED] += 1
            if self._log.debug:
                self._log.debug(
                    "RADIUS_ACCESS_CONTINUE", f"{query}: it is served as if RADIUS were not asked: {failure}"
                )
            return None
        message = "RADIUS_ACCESS_MAX_PENDING_REQUESTS" if isinstance(failure, Busy) else "RADIUS_ACCESS_NO_ANSWER"
        raise Drop(str(failure), DROPPED, message)

    def asks(self, query: Query, subnet_id: int) -> Sequence[tuple[str, str]]:
        """See `IKnowsClients`."""
        own = self.identifier_of(query, subnet_id)
        if own is None or query.type in LEAVING[self._family]:
            return ()
        return self._teller.shown(self._teller.access(query, own, self._settings.extras))

    # -- what a server said --------------------------------------------------------------------------------------------

    def _refused(self, query: Query, subnet_id: int, own: Identifier, answer: Any, why: str) -> Host:
        self._statistics[REJECTED] += 1
        if self._log.info:
            said = "".join(f": {text!r}" for text in answer.attributes.get("Reply-Message", ())[:1])
            self._log.info("RADIUS_ACCESS_REJECT", f"{query}: {why} by {answer.server}{said}")
        return Host(identifier=own, subnet_id=subnet_id, refused=True, user_context=self._context(answer))

    def _accepted(self, query: Query, subnet_id: int, own: Identifier, answer: Any) -> Host:
        attributes: Mapping[str, Sequence[Any]] = answer.attributes
        pools = _pools(attributes, POOLS[self._family])
        given = _address(attributes, self._family)
        place = self._settings.reselection.place(query, pools, given)
        if place.subnet is None:
            what = address_text(given) if given is not None else ", ".join(pools)
            return self._refused(query, subnet_id, own, answer, f"no subnet that it may be in has {what}, as told")
        self._statistics[ACCEPTED] += 1
        if given is not None and not place.holds:
            self._ignore(query, given, place.subnet.prefix)
            given = None
        prefix = _prefix(attributes) if self._family == 6 else None
        at_home = subnet_id == 0 and place.subnet in (query.subnet.siblings if query.subnet else ())
        host = Host(
            identifier=own,
            subnet_id=0 if at_home else place.subnet.id,
            addresses=() if given is None else (given,),
            prefixes=() if prefix is None else (prefix,),
            client_classes=pools,
            user_context=self._context(answer),
        )
        self._tell(query, host, answer.server)
        return host

    def _ignore(self, query: Query, address: bytes, subnet: str) -> None:
        self._statistics[IGNORED] += 1
        if self._log.warn:
            text = f"{query}: RADIUS gives it {address_text(address)}, which is not in its subnet {subnet}: ignored"
            self._log.warn("RADIUS_ACCESS_ADDRESS_IGNORED", text)

    def _tell(self, query: Query, host: Host, server: str) -> None:
        if self._log.debug:
            has = [*map(address_text, host.addresses), *(f"{address_text(a)}/{n}" for a, n in host.prefixes)]
            has += [f"pool {name}" for name in host.client_classes]
            self._log.debug("RADIUS_ACCESS_ACCEPT", f"{query}: accepted by {server}: {', '.join(has) or 'no address'}")
        if self._log.debug and query.subnet is not None and host.subnet_id not in (0, query.subnet.id):
            text = f"{query}: it belongs in subnet {host.subnet_id}, not in {query.subnet.id}"
            self._log.debug("RADIUS_ACCESS_SUBNET_RESELECT", text)

    def _context(self, answer: Any) -> Mapping[str, Any]:
        """Everything that a server said, as it is kept with the host."""
        kept = {name: values for name, values in answer.attributes.items() if name not in PASSING}
        return {"radius": self._dictionary.shown(kept)}


def _pools(attributes: Mapping[str, Sequence[Any]], names: Iterable[str]) -> tuple[str, ...]:
    """The names of pools; one that is no text is nobody's."""
    found = (value for name in names for value in attributes.get(name, ())[:1])
    return tuple(dict.fromkeys(value for value in found if isinstance(value, str) and value))


def _address(attributes: Mapping[str, Sequence[Any]], family: int) -> bytes | None:
    name, parse = ("Framed-IP-Address", address4) if family == 4 else ("Framed-IPv6-Address", address6)
    packed = next((parse(text) for text in attributes.get(name, ())[:1]), None)
    return None if packed in NO_ADDRESS else packed


def _prefix(attributes: Mapping[str, Sequence[Any]]) -> tuple[bytes, int] | None:
    network, length = next((prefix6(text) for text in attributes.get("Delegated-IPv6-Prefix", ())[:1]), (b"", 0))
    return (network, length) if length else None
