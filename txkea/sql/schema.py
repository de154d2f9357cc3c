"""The tables that a DHCP server needs, as Kea 2.2.0 has them (Kea E.4, E.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    cast,
    func,
    text,
)
from sqlalchemy.dialects import mysql, postgresql

__all__ = [
    "HOSTS",
    "LEASE4",
    "LEASE4_STAT",
    "LEASE6",
    "LEASE6_STAT",
    "OPTIONS4",
    "OPTIONS6",
    "ROWS",
    "SCHEMA_VERSION",
    "TABLES",
    "VERSIONS",
]

VERSIONS: Final[Mapping[str, tuple[int, int]]] = {"postgresql": (13, 0), "mysql": (14, 0)}
"""What Kea 2.2.0 looks for when it connects; the numbers of newer ones differ."""

TABLES: Final = MetaData()


# -- types -------------------------------------------------------------------------------------------------------------


def _tiny(unsigned: bool = False) -> Any:
    return SmallInteger().with_variant(mysql.TINYINT(unsigned=unsigned), "mysql")


def _small() -> Any:
    return SmallInteger().with_variant(mysql.SMALLINT(unsigned=True), "mysql")


def _serial(wide: bool = False) -> Any:
    return Integer().with_variant(mysql.BIGINT(unsigned=True) if wide else mysql.INTEGER(unsigned=True), "mysql")


def _uint32() -> Any:
    """PostgreSQL has no types without sign."""
    return BigInteger().with_variant(mysql.INTEGER(unsigned=True), "mysql")


def _narrow() -> Any:
    """Of few values, which MySQL keeps as wide as others."""
    return SmallInteger().with_variant(mysql.INTEGER(unsigned=True), "mysql")


def _bytes(longest: int) -> Any:
    return LargeBinary().with_variant(mysql.VARBINARY(longest), "mysql")


def _flag() -> Any:
    return Boolean().with_variant(mysql.TINYINT(1), "mysql")


def _time() -> Any:
    return DateTime(timezone=True).with_variant(mysql.TIMESTAMP(), "mysql")


def _table(name: str, *members: Any) -> Table:
    return Table(name, TABLES, *members, mysql_engine="InnoDB", mysql_charset="utf8mb4")


# -- what numbers mean -------------------------------------------------------------------------------------------------


def _numbers(name: str, number: str, kind: Any, called: str, longest: int, nullable: bool = True) -> Table:
    key: Column[Any] = Column(number, kind, primary_key=True, autoincrement=False)
    return _table(name, key, Column(called, String(longest), nullable=nullable))


LEASE_STATE: Final = _numbers("lease_state", "state", _uint32(), "name", 64, nullable=False)
LEASE6_TYPES: Final = _numbers("lease6_types", "lease_type", _tiny(), "name", 5)
SOURCE: Final = Integer().with_variant(mysql.INTEGER(unsigned=True), "mysql")
HWADDR_SOURCE: Final = _numbers("lease_hwaddr_source", "hwaddr_source", SOURCE, "name", 40)
IDENTIFIER_TYPE: Final = _numbers("host_identifier_type", "type", _tiny(), "name", 32)
OPTION_SCOPE: Final = _numbers("dhcp_option_scope", "scope_id", _tiny(True), "scope_name", 32)
SCHEMA_VERSION: Final = _table(
    "schema_version", Column("version", Integer, primary_key=True, autoincrement=False), Column("minor", Integer)
)

ROWS: Final[Mapping[Table, Sequence[tuple[int, str]]]] = {
    LEASE_STATE: ((0, "default"), (1, "declined"), (2, "expired-reclaimed")),
    LEASE6_TYPES: ((0, "IA_NA"), (1, "IA_TA"), (2, "IA_PD")),
    HWADDR_SOURCE: (
        (0, "HWADDR_SOURCE_UNKNOWN"),
        (1, "HWADDR_SOURCE_RAW"),
        (2, "HWADDR_SOURCE_IPV6_LINK_LOCAL"),
        (4, "HWADDR_SOURCE_DUID"),
        (8, "HWADDR_SOURCE_CLIENT_ADDR_RELAY_OPTION"),
        (16, "HWADDR_SOURCE_REMOTE_ID"),
        (32, "HWADDR_SOURCE_SUBSCRIBER_ID"),
        (64, "HWADDR_SOURCE_DOCSIS_CMTS"),
        (128, "HWADDR_SOURCE_DOCSIS_MODEM"),
    ),
    IDENTIFIER_TYPE: ((0, "hw-address"), (1, "duid"), (2, "circuit-id"), (3, "client-id"), (4, "flex-id")),
    OPTION_SCOPE: (
        (0, "global"),
        (1, "subnet"),
        (2, "client-class"),
        (3, "host"),
        (4, "shared-network"),
        (5, "pool"),
        (6, "pd-pool"),
    ),
}
"""The rows that these tables have from the start (Kea E034, E039)."""


# -- leases ------------------------------------------------------------------------------------------------------------


def _lease_columns() -> Sequence[Column[Any]]:
    return (
        Column("valid_lifetime", _uint32()),
        Column("expire", _time(), nullable=True),
        Column("subnet_id", _uint32()),
        Column("fqdn_fwd", _flag()),
        Column("fqdn_rev", _flag()),
        Column("hostname", String(255)),
        Column("state", _uint32(), ForeignKey(LEASE_STATE.c.state), server_default=text("0")),
        Column("user_context", Text),
        Column("hwaddr", _bytes(20)),
    )


LEASE4: Final = _table(
    "lease4",
    Column("address", _uint32(), primary_key=True, autoincrement=False),
    Column("client_id", _bytes(128)),
    *_lease_columns(),
    Index("lease4_by_hwaddr_subnet_id", "hwaddr", "subnet_id"),
    Index("lease4_by_client_id_subnet_id", "client_id", "subnet_id"),
    Index("lease4_by_expire_state", "expire", "state"),
    Index("lease4_by_subnet_id", "subnet_id"),
)
LEASE6: Final = _table(
    "lease6",
    Column("address", String(39), primary_key=True),
    Column("duid", _bytes(128)),
    *_lease_columns(),
    Column("pref_lifetime", _uint32()),
    Column("lease_type", _tiny(), ForeignKey(LEASE6_TYPES.c.lease_type)),
    Column("iaid", Integer().with_variant(mysql.INTEGER(unsigned=True), "mysql")),
    Column("prefix_len", _tiny(True)),
    Column("hwtype", _small()),
    Column(
        "hwaddr_source",
        _narrow(),
        ForeignKey(HWADDR_SOURCE.c.hwaddr_source),
    ),
    Index("lease6_by_duid_iaid_subnet_id", "duid", "iaid", "subnet_id"),
    Index("lease6_by_expire_state", "expire", "state"),
    Index("lease6_by_subnet_id_lease_type", "subnet_id", "lease_type"),
)


def _counts(name: str, *keys: str) -> Table:
    kinds = {"lease_type": _narrow()}
    columns = [Column(key, kinds.get(key, _uint32()), primary_key=True, autoincrement=False) for key in keys]
    return _table(name, *columns, Column("leases", BigInteger))


LEASE4_STAT: Final = _counts("lease4_stat", "subnet_id", "state")
LEASE6_STAT: Final = _counts("lease6_stat", "subnet_id", "lease_type", "state")

# Kea prepares statements about them whenever it connects; they stay empty.
_table(
    "lease4_stat_by_client_class",
    Column("client_class", String(128), primary_key=True),
    Column("leases", BigInteger, nullable=False),
)
_table(
    "lease6_stat_by_client_class",
    Column("client_class", String(128), primary_key=True),
    Column("lease_type", _tiny(), primary_key=True),
    Column("leases", BigInteger, nullable=False),
)
_table(
    "logs",
    Column("timestamp", _time(), server_default=func.current_timestamp(), index=True),
    Column("address", String(43)),
    Column("log", Text, nullable=False),
    Column("id", _serial(), primary_key=True),
)

# -- hosts -------------------------------------------------------------------------------------------------------------

HOSTS: Final = _table(
    "hosts",
    Column("host_id", _serial(), primary_key=True),
    Column("dhcp_identifier", _bytes(128), nullable=False),
    Column("dhcp_identifier_type", _tiny(), ForeignKey(IDENTIFIER_TYPE.c.type), nullable=False),
    Column("dhcp4_subnet_id", _uint32()),
    Column("dhcp6_subnet_id", _uint32()),
    Column("ipv4_address", _uint32()),
    Column("hostname", String(255)),
    Column("dhcp4_client_classes", String(255)),
    Column("dhcp6_client_classes", String(255)),
    Column("dhcp4_next_server", _uint32()),
    Column("dhcp4_server_hostname", String(64)),
    Column("dhcp4_boot_file_name", String(128)),
    Column("user_context", Text),
    Column("auth_key", String(32)),
    Index("key_dhcp4_ipv4_address_subnet_id", "ipv4_address", "dhcp4_subnet_id"),
)
for _family in (4, 6):
    _subnet = HOSTS.c[f"dhcp{_family}_subnet_id"]
    Index(
        f"key_dhcp{_family}_identifier_subnet_id",
        HOSTS.c.dhcp_identifier,
        HOSTS.c.dhcp_identifier_type,
        _subnet,
        unique=True,
        postgresql_where=_subnet.is_not(None),
    )

RESERVATIONS: Final = _table(
    "ipv6_reservations",
    Column("reservation_id", _serial(), primary_key=True),
    Column("address", String(39), nullable=False),
    Column("prefix_len", _tiny(True), nullable=False, server_default=text("128")),
    Column("type", _tiny(True), nullable=False, server_default=text("0")),
    Column("dhcp6_iaid", Integer().with_variant(mysql.INTEGER(unsigned=True), "mysql")),
    Column("host_id", _serial(), ForeignKey(HOSTS.c.host_id, ondelete="CASCADE"), nullable=False, index=True),
    Index("key_dhcp6_address_prefix_len", "address", "prefix_len"),
)


def _options(family: int, code: Any, *more: str) -> Table:
    return _table(
        f"dhcp{family}_options",
        Column("option_id", _serial(wide=True), primary_key=True),
        Column("code", code, nullable=False),
        Column("value", LargeBinary),
        Column("formatted_value", Text),
        Column("space", String(128)),
        Column("persistent", _flag(), nullable=False, server_default=text("false")),
        Column("dhcp_client_class", String(128)),
        Column(f"dhcp{family}_subnet_id", _uint32()),
        Column("host_id", _serial(), ForeignKey(HOSTS.c.host_id, ondelete="CASCADE"), index=True),
        Column("scope_id", _tiny(True), ForeignKey(OPTION_SCOPE.c.scope_id), nullable=False),
        Column("user_context", Text),
        Column("shared_network_name", String(128)),
        *(Column(name, BigInteger) for name in more),
        Column("modification_ts", _time(), nullable=False, server_default=func.current_timestamp()),
    )


OPTIONS4: Final = _options(4, _tiny(True), "pool_id")
OPTIONS6: Final = _options(6, Integer().with_variant(mysql.SMALLINT(unsigned=True), "mysql"), "pool_id", "pd_pool_id")


def _in_any_case(dialect: str, column: Callable[[Any], Any]) -> None:
    """Indexes by host name: PostgreSQL looks for it in lower case, the collations of MySQL do not tell cases apart."""
    for table in (LEASE4, LEASE6, HOSTS):
        name = f"{table.name}_by_hostname"
        Index(name, column(table.c.hostname)).ddl_if(dialect=dialect)


# By the number of an address, which PostgreSQL has as text: to find what is inside a prefix.
Index("lease6_by_number", cast(LEASE6.c.address, postgresql.INET)).ddl_if(dialect="postgresql")
_in_any_case("postgresql", func.lower)
_in_any_case("mysql", lambda hostname: hostname)
