"""The tables of hosts as they are in a database: Kea's, of whatever version (Kea E035-E041)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address
from typing import Any, Final

from attrs import frozen
from sqlalchemy import ColumnElement, LargeBinary, MetaData, RowMapping, Select, Table, bindparam, func, select
from sqlalchemy import Connection as Session
from sqlalchemy.exc import NoSuchTableError

from txkea.errors import Unavailable
from txkea.wire.text import address_text

__all__ = ["HostTables", "Row", "host_tables", "packed"]

Row = RowMapping
MEND: Final = "mend: txkea db upgrade, or txkea db init in an empty database"
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "hosts": (
        "host_id", "dhcp_identifier", "dhcp_identifier_type", "dhcp4_subnet_id", "dhcp6_subnet_id", "ipv4_address",
        "hostname", "dhcp4_client_classes", "dhcp6_client_classes", "dhcp4_next_server", "dhcp4_server_hostname",
        "dhcp4_boot_file_name", "user_context",
    ),
    "options": ("option_id", "code", "value", "formatted_value", "space", "persistent", "host_id", "scope_id"),
    "ipv6_reservations": ("reservation_id", "address", "prefix_len", "type", "host_id"),
}  # fmt: skip
"""What even Kea 1.4 has, and without which hosts cannot be read."""


@frozen(eq=False)
class HostTables:
    """The tables of one family's hosts, with the columns that they have here."""

    family: int
    hosts: Table
    options: Table
    reservations: Table
    """Of addresses and prefixes in DHCPv6."""

    @property
    def subnet(self) -> ColumnElement[Any]:
        """The column that says in which subnet of the family a host is."""
        return self.hosts.c[self.subnet_name]

    @property
    def subnet_name(self) -> str:
        """Its name."""
        return f"dhcp{self.family}_subnet_id"

    @property
    def other_subnet_name(self) -> str:
        """The same of the other family: one row may serve both (Kea F010)."""
        return f"dhcp{10 - self.family}_subnet_id"

    @property
    def classes_name(self) -> str:
        """The column with the classes of the family."""
        return f"dhcp{self.family}_client_classes"

    @property
    def knows_global(self) -> bool:
        """Whether subnet 0 means everywhere; before Kea 1.5 it meant nowhere, as NULL does (Kea E041)."""
        return "auth_key" in self.hosts.c

    def used(self, subnet_id: int | None) -> bool:
        """Whether a row with this in a family's column serves that family."""
        return subnet_id is not None and (subnet_id != 0 or self.knows_global)

    # -- statements ----------------------------------------------------------------------------------------------------

    def all_hosts(self) -> Select[Any]:
        """Rows of hosts that serve the family."""
        serves = self.subnet.is_not(None) if self.knows_global else self.subnet > 0
        return select(self.hosts).where(serves)

    def identified(self) -> Select[Any]:
        """Those with one of ``values`` as identifier; of whatever kind."""
        return self.all_hosts().where(self.hosts.c.dhcp_identifier.in_(_several("values", LargeBinary())))

    def reserving(self) -> Select[Any]:
        """Those for which one of ``addresses`` is reserved."""
        wanted = _several("addresses")
        if self.family == 4:
            return self.all_hosts().where(self.hosts.c.ipv4_address.in_(wanted))
        column = self.reservations.c.address
        these = select(self.reservations.c.host_id).where(column.in_(_several("addresses", column.type)))
        return self.all_hosts().where(self.hosts.c.host_id.in_(these))

    def named(self) -> Select[Any]:
        """Those with the host name ``hostname``, given in lower case."""
        return self.all_hosts().where(func.lower(self.hosts.c.hostname) == bindparam("hostname"))

    def within(self, statement: Select[Any]) -> Select[Any]:
        """Only those in ``subnets``."""
        return statement.where(self.subnet.in_(_several("subnets")))

    def parts(self, table: Table) -> Select[Any]:
        """The rows of options or reservations of the hosts ``ids``, in the order in which they were added."""
        number = table.c.option_id if table is self.options else table.c.reservation_id
        return select(table).where(table.c.host_id.in_(_several("ids"))).order_by(number)

    # -- addresses of DHCPv6 -------------------------------------------------------------------------------------------

    def reserved_value(self, address: bytes) -> Any:
        """An address as its column has it: a number in DHCPv4; in DHCPv6 text in Kea, in the newest Kea bytes."""
        if self.family == 4:
            return int.from_bytes(address, "big")
        return address if isinstance(self.reservations.c.address.type, LargeBinary) else address_text(address)


def packed(value: Any) -> bytes:
    """The bytes of an address of DHCPv6 in whatever form its column has it. Raises ValueError."""
    return bytes(value) if isinstance(value, (bytes, memoryview)) else IPv6Address(str(value)).packed


def _several(name: str, kind: Any = None) -> Any:
    return bindparam(name, expanding=True, type_=kind)


def host_tables(session: Session, family: int) -> HostTables:
    """The tables in a database. Raises `Unavailable` with the mend if they cannot be used."""
    metadata = MetaData()
    options = f"dhcp{family}_options"
    return HostTables(
        family,
        _table(metadata, session, "hosts", NEEDED["hosts"]),
        _table(metadata, session, options, NEEDED["options"]),
        _table(metadata, session, "ipv6_reservations", NEEDED["ipv6_reservations"]),
    )


def _table(metadata: MetaData, session: Session, name: str, needed: Sequence[str]) -> Table:
    try:
        table = Table(name, metadata, autoload_with=session, resolve_fks=False)
    except NoSuchTableError:
        raise Unavailable(f"there is no table {name}; {MEND}") from None
    if lacking := [each for each in needed if each not in table.c]:
        raise Unavailable(f"the table {name} has no column {lacking[0]}; {MEND}")
    return table
