"""A DHCPv6 server on a network in memory, and scripted clients that talk to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv6Address
from typing import Any, Final, NamedTuple, Protocol

from twisted.internet.task import Clock

from txkea.interfaces import Link
from txkea.model.configuration import Configuration, Interfaces, InterfaceSelection
from txkea.model.lease import Lease6
from txkea.testing.local import Local
from txkea.testing.network import ETH0, LOOPBACK, Sent
from txkea.testing.sites import memory_site
from txkea.wire.client6 import accepted, granted, link_local, objections, query6, read_ias
from txkea.wire.dhcp6 import (
    RELAYS_MAXIMUM,
    UNSPECIFIED,
    Message6,
    MessageType6,
    Option6,
    Relay,
    decode6,
    encode_message6,
    read_status,
)
from txkea.wire.ia import Ia, Resource
from txkea.wire.text import address_text

__all__ = ["SERVER_ID", "Answer6", "Client6", "LocalServer6", "ia_na", "ia_pd", "packed6", "relayed", "through"]

SERVER_ID: Final = bytes.fromhex("00030001020000000001")
"""The DUID of every local server: DUID-LL, 02:00:00:00:00:01."""
EVERYWHERE: Final = Interfaces(selections=(InterfaceSelection("*"),))
NA, PD = Option6.IA_NA, Option6.IA_PD


# -- what is asked for -------------------------------------------------------------------------------------------------


def packed6(address: str) -> bytes:
    """The 16 bytes of an address."""
    return IPv6Address(address).packed


def ia_na(iaid: int, *addresses: str, preferred: int = 0, valid: int = 0, t1: int = 0, t2: int = 0) -> Ia:
    """An IA_NA as a client sends it, with these addresses."""
    return Ia(NA, iaid, t1, t2, tuple(Resource(packed6(each), preferred, valid) for each in addresses))


def ia_pd(iaid: int, *prefixes: str, preferred: int = 0, valid: int = 0, t1: int = 0, t2: int = 0) -> Ia:
    """An IA_PD as a client sends it, with these prefixes, such as ``2001:db8::/56``."""
    parts = [each.partition("/") for each in prefixes]
    return Ia(
        PD, iaid, t1, t2, tuple(Resource(packed6(net), preferred, valid, int(length)) for net, _, length in parts)
    )


def relayed(
    link: str = "::", peer: str = "fe80::2", options: Iterable[tuple[int, bytes]] = (), *, hop_count: int = 0
) -> Relay:
    """What one relay puts around a message; `through` counts the hops."""
    return Relay(hop_count, packed6(link), packed6(peer), dict(options), {})


def through(*relays: Relay) -> tuple[Relay, ...]:
    """Relays in a row, the one nearest to the client first, with the hop counts that they write."""
    numbered = [relay._replace(hop_count=number) for number, relay in enumerate(relays)]
    return tuple(reversed(numbered))


# -- what comes back ---------------------------------------------------------------------------------------------------


class Answer6(NamedTuple):
    """What a server sent: the message with its relays, and where it went."""

    message: Message6
    address: str
    port: int
    hwaddr: bytes
    data: bytes

    def __repr__(self) -> str:
        kind = MessageType6(self.type).name
        return f"<{kind} {[*self.addresses, *self.prefixes]} to {self.address}:{self.port} {self.options}>"

    @property
    def type(self) -> int:
        """The message type."""
        return self.message.type

    @property
    def options(self) -> dict[int, bytes]:
        """The options in their order, of repeated ones the first."""
        return self.message.options

    @property
    def ias(self) -> list[Ia]:
        """Its identity associations."""
        return read_ias(self.message)

    @property
    def addresses(self) -> list[str]:
        """All addresses in it, as text, whatever their lifetimes."""
        return [address_text(each.address) for ia in self.ias if ia.code == NA for each in ia.resources]

    @property
    def prefixes(self) -> list[str]:
        """All prefixes in it, as text, whatever their lifetimes."""
        return [_prefix_text(each) for ia in self.ias if ia.code == PD for each in ia.resources]

    @property
    def status(self) -> int | None:
        """The status code of the message as a whole, None when there is none."""
        payload = self.options.get(Option6.STATUS_CODE)
        return None if payload is None else read_status(payload).code

    def ia(self, iaid: int = 1, code: int = NA) -> Ia:
        """One identity association, which must be there."""
        found = [ia for ia in self.ias if (ia.code, ia.iaid) == (code, iaid)]
        assert len(found) == 1, f"{len(found)} identity associations {iaid} in {self}"
        return found[0]

    def resource(self, iaid: int = 1, code: int = NA) -> Resource:
        """The one address or prefix in an identity association."""
        (found,) = self.ia(iaid, code).resources
        return found

    def ia_status(self, iaid: int = 1, code: int = NA) -> int | None:
        """The status code of one identity association, None when there is none."""
        status = self.ia(iaid, code).status
        return None if status is None else read_status(status).code

    def number(self, code: int) -> int:
        """The value of a numeric option."""
        return int.from_bytes(self.options[code], "big")


def _prefix_text(resource: Resource) -> str:
    return f"{address_text(resource.address)}/{resource.length}"


def answer6(sent: Sent) -> Answer6:
    """What a client's side makes of a datagram."""
    message = decode6(sent.data, relayed=MessageType6.RELAY_REPL)
    return Answer6(message, address_text(sent.address), sent.port, sent.hwaddr, bytes(sent.data))


# -- the server --------------------------------------------------------------------------------------------------------


class LocalServer6(Local[Message6, Answer6]):
    """A DHCPv6 server; ``more`` goes to `txkea.testing.sites.memory_site`."""

    def __init__(
        self,
        configuration: Configuration,
        links: Sequence[Link] = (LOOPBACK, ETH0),
        interfaces: Interfaces = EVERYWHERE,
        clock: Clock | None = None,
        **more: Any,
    ) -> None:
        super().__init__(memory_site(configuration, **{"server_id": SERVER_ID, **more}), links, clock)
        self.network.listen6(interfaces, self.server)

    def deliver(self, message: Message6 | bytes, source: str = "", **way: Any) -> None:
        """See `Local`; what says nothing else comes from a client to the multicast group."""
        data = message if isinstance(message, bytes) else encode_message6(message)
        self.network.deliver(data, packed6(source or "fe80::2"), **{"source_port": 546, **way})

    def answer(self, sent: Sent) -> Answer6:
        """See `Local`."""
        return answer6(sent)

    @property
    def leases(self) -> dict[str, Lease6]:
        """What is stored, by address, or prefix with its length."""
        table: Iterable[Lease6] = self.site.leases.table  # type: ignore[attr-defined]
        return {_lease_text(lease): lease for lease in table}


def _lease_text(lease: Lease6) -> str:
    text = address_text(lease.address)
    return text if lease.prefix_length == 128 else f"{text}/{lease.prefix_length}"


# -- the client --------------------------------------------------------------------------------------------------------


class Asked(Protocol):
    """Whoever a client can ask."""

    def ask(self, message: Message6, source: str, **way: Any) -> Answer6 | None:
        """Deliver a message and give the answer that it had at once, if any."""


class Client6:
    """A client, on the server's link or behind relays; every method sends one message and gives the answer, if any.

    ``ias`` are what it asks for; ``requested`` are the codes of its option request option; ``relays`` are as `through`
    gives them; ``options`` go with every message. Every answer is checked as clients check it, and against how it was
    relayed (AssertionError). What a REPLY gave is kept in ``bindings`` and asked for again.

    Keywords of the methods are those of `query6`, each in the place of the client's own; what is more than those goes
    to ``ask``: ``source``, ``source_port``, ``broadcast``.
    """

    def __init__(
        self,
        server: Asked,
        number: int = 1,
        *,
        duid: bytes | None = None,
        ias: Sequence[Ia] = (Ia(NA, 1, 0, 0),),
        requested: Sequence[int] = (),
        rapid: bool = False,
        options: Iterable[tuple[int, bytes]] = (),
        relays: Sequence[Relay] = (),
    ) -> None:
        self.server = server
        self.hwaddr = b"\x02\0\0\1" + number.to_bytes(2, "big")
        self.duid = b"\0\3\0\1" + self.hwaddr if duid is None else duid
        self.source = address_text(link_local(self.hwaddr))
        """Its own address."""
        self.server_id = b""
        """Who advertised or answered last."""
        self.bindings: dict[tuple[int, int], Ia] = {}
        """What the last REPLY that spoke of it granted, by code and IAID."""
        self.ias = tuple(ias)
        self.requested = tuple(requested)
        self.rapid = rapid
        self.options = tuple(options)
        self.relays = tuple(relays)
        self._transaction_id = number << 8

    # -- messages ------------------------------------------------------------------------------------------------------

    def solicit(self, ias: Sequence[Ia] | None = None, **more: Any) -> Answer6 | None:
        """Ask who would give what is wanted; with ``rapid``, have it at once."""
        return self.send(MessageType6.SOLICIT, ias=self.ias if ias is None else ias, **{"rapid": self.rapid, **more})

    def request(self, ias: Sequence[Ia] | None = None, **more: Any) -> Answer6 | None:
        """Ask the server that advertised for what is wanted."""
        return self._named(MessageType6.REQUEST, self.ias if ias is None else ias, **more)

    def renew(self, ias: Sequence[Ia] | None = None, **more: Any) -> Answer6 | None:
        """Ask the same server to extend what it gave."""
        return self._named(MessageType6.RENEW, self._held(ias), **more)

    def rebind(self, ias: Sequence[Ia] | None = None, **more: Any) -> Answer6 | None:
        """Ask any server to extend what some server gave."""
        return self.send(MessageType6.REBIND, ias=self._held(ias), **more)

    def confirm(self, ias: Sequence[Ia] | None = None, **more: Any) -> Answer6 | None:
        """Ask whether the addresses fit the link."""
        held = [ia for ia in self._held(ias) if ia.code == NA] if ias is None else ias
        return self.send(MessageType6.CONFIRM, ias=[_timeless(ia) for ia in held], **more)

    def release(self, ias: Sequence[Ia] | None = None, **more: Any) -> Answer6 | None:
        """Give back what it has, or some of it."""
        return self._give_up(MessageType6.RELEASE, self._held(ias), **more)

    def decline(self, ias: Sequence[Ia] | None = None, **more: Any) -> Answer6 | None:
        """Say that addresses are in use."""
        held = [ia for ia in self._held(ias) if ia.code == NA] if ias is None else ias
        return self._give_up(MessageType6.DECLINE, held, **more)

    def information_request(self, **more: Any) -> Answer6 | None:
        """Ask for options only."""
        return self.send(MessageType6.INFORMATION_REQUEST, **more)

    def register(self, address: str, preferred: int = 3600, valid: int = 7200, **more: Any) -> Answer6 | None:
        """Say which address it chose itself (RFC 9686), from that address."""
        (resource,) = ia_na(0, address, preferred=preferred, valid=valid).resources
        payload = resource.address + preferred.to_bytes(4, "big") + valid.to_bytes(4, "big")
        options = [*self.options, (Option6.IAADDR, payload)]
        return self.send(MessageType6.ADDR_REG_INFORM, **{"options": options, "source": address, **more})

    def lease(self, ias: Sequence[Ia] | None = None, **more: Any) -> Answer6:
        """SOLICIT, and REQUEST of what was advertised; fails without a REPLY."""
        advertised = self.solicit(ias, **more)
        assert advertised is not None, "no ADVERTISE"
        if advertised.type == MessageType6.REPLY:
            return advertised
        wanted = self.ias if ias is None else ias
        reply = self.request(accepted(wanted, advertised.message), **more)
        assert reply is not None, "no REPLY"
        return reply

    # -- sending and checking ------------------------------------------------------------------------------------------

    def message(self, kind: int, **fields: Any) -> Message6:
        """A query, not sent; ``fields`` are those of `query6`."""
        self._transaction_id += 1
        own = {"duid": self.duid, "requested": self.requested, "options": self.options, "relays": self.relays}
        return query6(kind, **{"transaction_id": self._transaction_id, **own, **fields})

    def send(
        self,
        kind: int,
        *,
        source: str = "",
        source_port: int | None = None,
        broadcast: bool | None = None,
        **fields: Any,
    ) -> Answer6 | None:
        """Send a message to the group, or through the relays to the server; check and keep what comes back."""
        message = self.message(kind, **fields)
        relays = message.relays
        port = source_port if source_port is not None else 547 if relays else 546
        answer = self.server.ask(
            message,
            source or (_relay_address(relays[0]) if relays else self.source),
            source_port=port,
            broadcast=not relays if broadcast is None else broadcast,
        )
        if answer is not None:
            wrong = [*objections(message, answer.message), *_wrong_way(relays, answer), *_unlike(answer)]
            assert not wrong, f"{answer}: {'; '.join(wrong)}"
            self._learn(kind, answer)
        return answer

    def _named(self, kind: int, ias: Sequence[Ia], **more: Any) -> Answer6 | None:
        return self.send(kind, ias=ias, **{"server_id": self.server_id or SERVER_ID, **more})

    def _give_up(self, kind: int, ias: Sequence[Ia], **more: Any) -> Answer6 | None:
        answer = self._named(kind, [_timeless(ia) for ia in ias], **more)
        if answer is not None:
            for ia in ias:
                self.bindings.pop((ia.code, ia.iaid), None)
        return answer

    def _held(self, ias: Sequence[Ia] | None) -> Sequence[Ia]:
        """What it has, of that which it wants; or what it is told to say."""
        return [self.bindings.get((ia.code, ia.iaid), ia) for ia in self.ias] if ias is None else ias

    def _learn(self, kind: int, answer: Answer6) -> None:
        self.server_id = answer.options.get(Option6.SERVER_ID, self.server_id)
        if answer.type != MessageType6.REPLY or kind in (MessageType6.RELEASE, MessageType6.DECLINE):
            return
        for ia in answer.ias:
            found = granted(ia)
            if found is not None:
                self.bindings[ia.code, ia.iaid] = found
            elif ia.resources:
                self.bindings.pop((ia.code, ia.iaid), None)


def _timeless(ia: Ia) -> Ia:
    """An identity association whose times are left to nobody (RFC 8415 section 18.2.3, 18.2.7)."""
    return ia._replace(t1=0, t2=0, resources=tuple(each._replace(preferred=0, valid=0) for each in ia.resources))


def _relay_address(relay: Relay) -> str:
    """Where a relay sends from: the link that it serves, if it says so."""
    return address_text(relay.link_address) if relay.link_address != UNSPECIFIED else "2001:db8:ffff::1"


_MIRRORED: Final[tuple[int, ...]] = (Option6.INTERFACE_ID, Option6.RELAY_SOURCE_PORT)


def _mirrored(relay: Relay) -> tuple[int, bytes, bytes, dict[int, bytes]]:
    options = {code: relay.options[code] for code in _MIRRORED if code in relay.options}
    return relay.hop_count, relay.link_address, relay.peer_address, options


def _wrong_way(relays: Sequence[Relay], answer: Answer6) -> Iterator[str]:
    """What is wrong with how an answer was relayed (RFC 8415 section 19.3, RFC 8357 section 5.2)."""
    assert len(relays) <= RELAYS_MAXIMUM, f"a server takes {RELAYS_MAXIMUM} relays"
    if [_mirrored(each) for each in relays] != [_mirrored(each) for each in answer.message.relays]:
        yield f"relayed by {answer.message.relays} in place of {relays}"


def _unlike(answer: Answer6) -> Iterator[str]:
    """T1 and T2 are the same in all identity associations that hold something (RFC 8415 section 18.3; rfc V6-22)."""
    times = {(ia.t1, ia.t2) for ia in map(granted, answer.ias) if ia}
    if len(times) > 1:
        yield f"T1 and T2 differ: {sorted(times)}"
