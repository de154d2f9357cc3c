"""One query on its way through the exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from txkea.interfaces import ILeaseStore, Origin
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier
from txkea.wire.dhcp4 import Message4
from txkea.wire.dhcp6 import Message6

if TYPE_CHECKING:
    from txkea.exchange.pools import LivePool
    from txkea.exchange.site import Site
    from txkea.exchange.subnets import LiveSubnet

__all__ = ["Query", "Query4", "Query6"]


NO_CLASSES: Final[dict[str, None]] = {}
"""Those of a query where the configuration has no classes; nobody adds to it."""
AS_SENT: Final[Mapping[int, bytes]] = MappingProxyType({})
"""What was replaced in a query that is as the client sent it."""
ASSOCIATIONS: Final = (3, 25)
"""The codes of IA_NA and IA_PD, which begin with an IAID."""
IAID: Final = 4


class Query:
    """The one mutable thing: what is known of a query so far; it belongs to one exchange."""

    __slots__ = (
        "attempts",
        "classes",
        "declined",
        "expired",
        "fqdn",
        "granted",
        "host",
        "host_subnet_id",
        "hostname",
        "hwaddr",
        "identifiers",
        "key",
        "leases",
        "length",
        "name",
        "now",
        "origin",
        "removed",
        "renewed",
        "replaced",
        "reused",
        "site",
        "subnet",
        "type",
    )

    def __init__(self, site: Site, origin: Origin, now: float, kind: int) -> None:
        self.site = site
        """The running configuration it began with, and ends with."""
        self.leases: ILeaseStore = site.leases
        """The site's lease store, or one around it: what a query does with leases it does here."""
        self.origin = origin
        self.now = now
        """Seconds since the epoch at which it arrived."""
        self.type = kind
        """The message type: option 53 of DHCPv4, the first byte of DHCPv6."""
        self.length = 0
        """Bytes of its datagram."""
        self.replaced: Mapping[int, bytes] = AS_SENT
        """What the client is not known by any longer, but what its answer says: the payloads that it sent by their
        options' codes, ``b""`` where it sent none.
        """
        self.key = b""
        """What tells this client from all others while its exchange is in flight."""
        self.hwaddr = b""
        self.classes: dict[str, None] = NO_CLASSES
        """The client classes that it is a member of, in the order in which it became one; empty where none exist."""
        self.identifiers: Sequence[Identifier] = ()
        """What reservations are looked up by, in the configured order; filled only when there are any to find."""
        self.subnet: LiveSubnet | None = None
        self.host: Host | None = None
        self.host_subnet_id = 0
        """The subnet in which `host` was found; 0 for a global one."""
        self.attempts = 0
        """Candidates that were looked at in pools."""
        self.hostname: str = ""
        """The name that the lease will carry."""
        self.fqdn: tuple[bool, bool] = (False, False)
        """Whether the server updates the forward and the reverse zone."""
        self.name: tuple[int, bytes] | None = None
        """The option, code and payload, that tells the client its name."""
        self.granted: list[Any] = []
        """The leases that this query added or renewed, durably."""
        self.renewed: Sequence[Any] = ()
        """Those of them that the client had before."""
        self.reused: Sequence[Any] = ()
        """The leases that it has from the lease cache: they go on as they are stored (Kea A159)."""
        self.removed: list[Any] = []
        """The leases that this query ended, durably."""
        self.expired: list[Any] = []
        """The leases whose time was over, and that gave way to this query's."""
        self.declined: list[Any] = []
        """The leases of addresses that the client found in use, as they are stored now."""

    def join(self, name: str) -> None:
        """Make the client a member of a class, behind those that it is in already."""
        self.classes = {**self.classes, name: None}  # what it has may be everybody's


class Query4(Query):
    """A DHCPv4 query."""

    __slots__ = ("client_id", "message", "over6", "suboptions")

    def __init__(self, site: Site, message: Message4, origin: Origin, now: float, kind: int) -> None:
        super().__init__(site, origin, now, kind)
        self.message = message
        self.client_id: bytes = message.options.get(61, b"")
        self.hwaddr = message.chaddr
        self.key = self.client_id or self.hwaddr
        self.over6: Query6 | None = None
        """The DHCPV4-QUERY that it came in, if it did (RFC 7341)."""
        self.suboptions: dict[int, bytes] | None = None
        """The relay agent information (option 82), or None when there is none."""

    def know_as(self, client_id: bytes) -> None:
        """Treat the query as if it came with this client identifier; its answer has the client's own."""
        self.replaced = {**self.replaced, 61: self.client_id}
        self.message.options[61] = self.client_id = self.key = client_id

    def __str__(self) -> str:
        """The label that Kea's log lines begin with: hardware type and address, client identifier, transaction."""
        message = self.message
        client_id = self.client_id.hex(":") or "no info"
        return f"[hwtype={message.htype} {self.hwaddr.hex(':')}], cid=[{client_id}], tid={message.xid:#x}"


class Query6(Query):
    """A DHCPv6 query."""

    __slots__ = ("duid", "hwaddr_source", "hwtype", "message", "pools", "rapid")

    def __init__(self, site: Site, message: Message6, origin: Origin, now: float) -> None:
        super().__init__(site, origin, now, message.type)
        self.message = message
        self.duid: bytes = message.options.get(1, b"")
        """The client identifier (option 1), ``b""`` when there is none."""
        self.key = self.duid
        self.hwtype = 0
        """The type of `hwaddr`, 1 for Ethernet; 0 when it is not known."""
        self.hwaddr_source = 0
        """Where `hwaddr` was found, by the numbers of Kea's lease file (`txkea.exchange.identifiers6`)."""
        self.pools: list[LivePool] = []
        """The pools whose options the answer carries: those of all addresses and prefixes in it (Kea B059)."""
        self.rapid = False
        """Whether a SOLICIT is answered by a REPLY (RFC 8415 section 18.3.1)."""

    def know_as(self, duid: bytes) -> None:
        """Treat the query as if it came with this DUID; its answer has the client's own."""
        self.replaced = {**self.replaced, 1: self.duid}
        self.message.options[1] = self.duid = self.key = duid

    def forget_iaids(self) -> None:
        """Treat the only association of a type as if its IAID were 0; the answer has the client's own."""
        message = self.message
        for code in ASSOCIATIONS:
            payload = message.options.get(code)
            if payload is not None and code not in message.repeated:
                self.replaced = {**self.replaced, code: payload}
                message.options[code] = bytes(IAID) + payload[IAID:]

    def iaid_sent(self, code: int, iaid: int) -> int:
        """What the client calls an association of this type that we know by this IAID."""
        sent = self.replaced.get(code)
        return iaid if sent is None else int.from_bytes(sent[:IAID], "big")

    def __str__(self) -> str:
        """The label that Kea's log lines begin with: DUID and transaction."""
        duid = self.duid.hex(":") or "no info"
        return f"duid=[{duid}], tid={self.message.transaction_id:#x}"
