"""One query on its way through the exchange."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from txkea.interfaces import Origin
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier
from txkea.model.lease import Lease4
from txkea.wire.dhcp4 import Message4

if TYPE_CHECKING:
    from txkea.exchange.site import Site
    from txkea.exchange.subnets import LiveSubnet

__all__ = ["Query"]


class Query:
    """The one mutable thing: what is known of a query so far; it belongs to one exchange."""

    __slots__ = (
        "client_id",
        "fqdn",
        "granted",
        "host",
        "host_subnet_id",
        "hostname",
        "hwaddr",
        "identifiers",
        "key",
        "message",
        "name",
        "now",
        "origin",
        "removed",
        "site",
        "subnet",
        "suboptions",
        "type",
    )

    def __init__(self, site: Site, message: Message4, origin: Origin, now: float, kind: int) -> None:
        self.site = site
        """The running configuration it began with, and ends with."""
        self.message = message
        self.origin = origin
        self.now = now
        """Seconds since the epoch at which it arrived."""
        self.type = kind
        """The message type, option 53."""
        self.client_id: bytes = message.options.get(61, b"")
        self.hwaddr = message.chaddr
        self.key = self.client_id or self.hwaddr
        """What tells this client from all others while its exchange is in flight."""
        self.identifiers: Sequence[Identifier] = ()
        """What reservations are looked up by, in the configured order; filled only when there are any to find."""
        self.suboptions: dict[int, bytes] | None = None
        """The relay agent information (option 82), or None when there is none."""
        self.subnet: LiveSubnet | None = None
        self.host: Host | None = None
        self.host_subnet_id = 0
        """The subnet in which `host` was found; 0 for a global one."""
        self.hostname: str = ""
        """The name that the lease will carry."""
        self.fqdn: tuple[bool, bool] = (False, False)
        """Whether the server updates the forward and the reverse zone."""
        self.name: tuple[int, bytes] | None = None
        """The option, code and payload, that tells the client its name."""
        self.granted: list[Lease4] = []
        """The leases that this query added or renewed, durably."""
        self.removed: list[Lease4] = []
        """The leases that this query ended, durably."""

    def __str__(self) -> str:
        """The label that Kea's log lines begin with: hardware type and address, client identifier, transaction."""
        message = self.message
        client_id = self.client_id.hex(":") or "no info"
        return f"[hwtype={message.htype} {self.hwaddr.hex(':')}], cid=[{client_id}], tid={message.xid:#x}"
