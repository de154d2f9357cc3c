"""What a RADIUS server is told of a client (Kea I007, I008, I016, I017, I032)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from txkea.classify.expression import Expression
from txkea.errors import EvaluationError, TxkeaError
from txkea.exchange.query import Query
from txkea.interfaces import ILogger
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.radius.dictionary import Dictionary
from txkea.radius.identities import Naming
from txkea.radius.servers import RadiusServer, local_address
from txkea.radius.sessions import Attributes, merged

__all__ = ["Attributes", "Extra", "NasPorts", "Teller"]


@frozen(kw_only=True)
class Extra:
    """An attribute that the configuration adds."""

    key: Any
    """Name or number, with a vendor ``(vendor, name or number)``."""
    value: bytes = b""
    """As it travels."""
    expression: Expression | None = None
    """What makes the value of a query."""


@frozen(kw_only=True)
class NasPorts:
    """``nas-ports``: what NAS-Port is in which subnet (Kea I008)."""

    by_subnet: Mapping[int, int] = field(factory=dict)
    default: int | None = None
    """That of all other subnets; None: the number of the subnet."""

    def of(self, subnet_id: int) -> int:
        """The port of a subnet."""
        return self.by_subnet.get(subnet_id, subnet_id if self.default is None else self.default)


class Teller:
    """Makes the attributes of requests.

    ``servers`` are those that are asked, ``bind`` the address that requests come from, ``ANY`` where the system
    chooses.
    """

    def __init__(
        self,
        naming: Naming,
        ports: NasPorts,
        *,
        servers: Iterable[RadiusServer],
        bind: str,
        dictionary: Dictionary,
        log: ILogger,
    ) -> None:
        self.naming = naming
        self._ports = ports
        self._servers = tuple(servers)
        self._bind = bind
        self._dictionary = dictionary
        self._log = log
        self._own: Attributes = ()

    # -- of a client ---------------------------------------------------------------------------------------------------

    def access(self, query: Query, identifier: Identifier, extras: Sequence[Extra]) -> Attributes:
        """Those of an Access-Request; what the configuration adds stands in place of ours of the same name."""
        added = tuple(self._added(query, extras))
        names = {self._place(key) for key, _ in added}
        ours = (*self._client(identifier, query.hwaddr, query.subnet.id if query.subnet else 0), *self.nas())
        return (*(pair for pair in ours if self._place(pair[0]) not in names), *added)

    def account(self, lease: Any, query: Query | None = None) -> Attributes:
        """Those that tell in accounting records who has a lease; ``query`` is None where nobody has asked for it."""
        own = self.naming.identifier(query) if query is not None else None
        hwaddr = lease.hwaddr or (query.hwaddr if query is not None else b"")
        client = tuple(self._client(own or self.naming.of_lease(lease), hwaddr, lease.subnet_id))
        return merged(client, tuple(_repeated(query)))

    def nas(self) -> Attributes:
        """The server's own address, as the RADIUS server sees it; none as long as there is no way to it."""
        if not self._own:
            address = next(filter(None, (local_address(server.host, self._bind) for server in self._servers)), "")
            if address:
                self._own = (("NAS-IPv6-Address" if ":" in address else "NAS-IP-Address", address),)
        return self._own

    def _client(self, identifier: Identifier | None, hwaddr: bytes, subnet_id: int) -> Iterator[tuple[str, Any]]:
        if identifier is not None:
            yield "User-Name", self.naming.text(identifier)
        if hwaddr and self.naming.kind != IdentifierKind.HW_ADDRESS:
            yield "Calling-Station-Id", self.naming.hwaddr(hwaddr)
        yield "NAS-Port", self._ports.of(subnet_id)

    def _added(self, query: Query, extras: Iterable[Extra]) -> Iterator[tuple[Any, bytes]]:
        for extra in extras:
            value = extra.value if extra.expression is None else self._evaluated(query, extra)
            if value:
                yield extra.key, value

    def _evaluated(self, query: Query, extra: Extra) -> bytes:
        """The value for a query; ``b""``, which is not sent, if there is none or it cannot be sent."""
        assert extra.expression is not None
        try:
            value: bytes = extra.expression.evaluate(query)
            if value:
                self._dictionary.attribute(extra.key, value)
        except (EvaluationError, TxkeaError) as error:
            if self._log.error:
                text = f"{query}: the attribute {_name(extra.key)} is not sent: {error}"
                self._log.error("RADIUS_ACCESS_ATTRIBUTE_ERROR", text)
            return b""
        return value

    def _place(self, key: Any) -> tuple[int, int]:
        definition = self._dictionary.definition(key)
        return definition.vendor, definition.type

    # -- for people ----------------------------------------------------------------------------------------------------

    def shown(self, attributes: Attributes) -> Sequence[tuple[str, str]]:
        """Attributes as people read them, in their order; of a password only that it is there."""
        return tuple(self._shown(key, value) for key, value in attributes)

    def _shown(self, key: Any, value: Any) -> tuple[str, str]:
        definition = self._dictionary.definition(key)
        if "password" in definition.name.lower():
            return definition.name, "*****"
        encoded = self._dictionary.attribute(key, value)
        shown = self._dictionary.shown(self._dictionary.decoded([encoded]))
        return next((name, str(values[0])) for name, values in shown.items())


def _name(key: Any) -> str:
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _repeated(query: Query | None) -> Iterator[tuple[str, Any]]:
    """What the access server wants to be repeated to the accounting server (RFC 2865 section 5.1; Kea I024)."""
    host = query.host if query is not None else None
    said = (host.user_context or {}).get("radius") if host is not None else None
    if isinstance(said, dict):
        yield from (("User-Name", value) for value in said.get("User-Name", ())[:1])
        yield from (("Class", value) for value in said.get("Class", ()))
