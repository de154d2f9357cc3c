"""The rows of Kea's own keyspace become leases and hosts (Kea E.6)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv6Address
from typing import Any, Final, NamedTuple

from attrs import define, field

from txkea.backend.stored import StoredOption, StoredOptions, class_names, user_context
from txkea.interfaces import ILogger
from txkea.model.configuration import Configuration, Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import INFINITE, Lease4, Lease6, LeaseState, LeaseType
from txkea.wire.duid import EMPTY_DUID
from txkea.wire.text import address_text

__all__ = ["LEASES", "HostRows", "Row", "address_value"]

Row = Mapping[str, Any]
"""The values of columns by their names; what an older schema has not got is missing, what was never set is None."""

UINT32: Final = 0xFFFFFFFF


def unsigned(value: int | None) -> int:
    """A number of 32 bits, which Kea stores with a sign (Kea E059)."""
    return (value or 0) & UINT32


def address_value(address: bytes, kind: str) -> Any:
    """How an address is written in a column of this type."""
    if len(address) == 16:
        return address_text(address)
    return int.from_bytes(address, "big", signed=kind == "int")


# -- leases ------------------------------------------------------------------------------------------------------------


def _ends(row: Row) -> tuple[int, int]:
    """The valid lifetime, and the end; that of a lease that never ends may be its beginning (Kea E045)."""
    lifetime, expire = unsigned(row["valid_lifetime"]), int(row["expire"] or 0)
    return lifetime, expire + INFINITE if lifetime == INFINITE and expire < INFINITE else expire


def _common(row: Row) -> tuple[int, int, int, bool, bool, str, int, str]:
    context = user_context(row.get("user_context"))
    return (
        *_ends(row),
        unsigned(row["subnet_id"]),
        bool(row["fqdn_fwd"]),
        bool(row["fqdn_rev"]),
        row["hostname"] or "",
        int(LeaseState(row.get("state") or 0)),
        json.dumps(context) if context else "",
    )


def lease4(row: Row) -> Lease4:
    """Raises ValueError or TypeError for what is no lease."""
    address = unsigned(row["address"]).to_bytes(4, "big")
    return Lease4(address, row["hwaddr"] or b"", row["client_id"] or b"", *_common(row))


def lease6(row: Row) -> Lease6:
    """Raises ValueError or TypeError for what is no lease."""
    kind = LeaseType(row["lease_type"] or 0)
    return Lease6(
        IPv6Address(row["address"]).packed,
        row["hwaddr"] or b"",
        row["duid"] or EMPTY_DUID,
        *_common(row),
        type=int(kind),
        iaid=unsigned(row["iaid"]),
        prefix_length=int(row["prefix_len"] or 128) if kind == LeaseType.PD else 128,
        preferred_lifetime=unsigned(row["pref_lifetime"]),
        hwtype=unsigned(row["hwtype"]),
        hwaddr_source=unsigned(row["hwaddr_source"]),
    )


class LeaseRows(NamedTuple):
    """The columns of one family's leases that matter, and what makes a lease of them."""

    columns: Sequence[str]
    read: Callable[[Row], Any]


_BOTH: Final = (
    "address", "hwaddr", "valid_lifetime", "expire", "subnet_id", "fqdn_fwd", "fqdn_rev", "hostname", "state",
    "user_context",
)  # fmt: skip
LEASES: Final = {
    4: LeaseRows((*_BOTH, "client_id"), lease4),
    6: LeaseRows(
        (*_BOTH, "duid", "pref_lifetime", "iaid", "lease_type", "prefix_len", "hwtype", "hwaddr_source"), lease6
    ),
}
"""By the number of the family."""

# -- hosts -------------------------------------------------------------------------------------------------------------

NONE: Final = -1
"""In columns about an IPv6 reservation or an option: this row has none."""


@define
class Gathered:
    """What the rows of one host have told so far."""

    row: Row
    """Any of them: what is the host's own is the same in all."""
    addresses: set[bytes] = field(factory=set)
    prefixes: set[tuple[bytes, int]] = field(factory=set)
    options: dict[tuple[str, int], StoredOption] = field(factory=dict)


class HostRows:
    """Gathers the rows of hosts, one for each of a host's reservations with each of its options (Kea E056).

    ``unused`` is the subnet that is none.
    """

    columns = (
        "host_identifier", "host_identifier_type", "host_ipv4_subnet_id", "host_ipv6_subnet_id", "host_ipv4_address",
        "host_ipv4_next_server", "host_ipv4_server_hostname", "host_ipv4_boot_file_name", "hostname", "user_context",
        "host_ipv4_client_classes", "host_ipv6_client_classes", "reserved_ipv6_prefix_address",
        "reserved_ipv6_prefix_length", "reserved_ipv6_prefix_address_type", "option_universe", "option_code",
        "option_value", "option_formatted_value", "option_space", "option_is_persistent", "option_client_class",
    )  # fmt: skip

    def __init__(self, configuration: Configuration, log: ILogger, unused: int) -> None:
        self._family = configuration.family
        self._options = StoredOptions(configuration, log)
        self._log = log
        self._unused = unused
        self._found: dict[tuple[Any, ...], Gathered] = {}

    def add(self, row: Row) -> None:
        """One more row; those of hosts that are not of this family do not count."""
        if self._subnet(row) in (None, self._unused):
            return
        key = tuple(row[name] for name in self.columns[:5])
        found = self._found.setdefault(key, Gathered(row))
        try:
            self._reservation(row, found)
        except ValueError as error:
            self._tell(row, f"a reservation is left out: {error}")
        if row["option_universe"] == UNIVERSES[self._family] and row["option_space"]:
            found.options[row["option_space"], unsigned(row["option_code"])] = _option(row)

    def _subnet(self, row: Row) -> int | None:
        number: int | None = row[f"host_ipv{self._family}_subnet_id"]
        return number

    def _reservation(self, row: Row, found: Gathered) -> None:
        kind = row["reserved_ipv6_prefix_address_type"]
        if self._family == 4 or kind in (None, NONE):
            return
        address = IPv6Address(row["reserved_ipv6_prefix_address"]).packed
        if LeaseType(kind) == LeaseType.PD:
            found.prefixes.add((address, row["reserved_ipv6_prefix_length"]))
        else:
            found.addresses.add(address)

    def hosts(self) -> list[Host]:
        """All of them, in an order that stays."""
        hosts = []
        for found in self._found.values():
            try:
                hosts.append(self._host(found))
            except (ValueError, TypeError) as error:
                self._tell(found.row, f"it is left out: {error}")
        return sorted(hosts, key=lambda host: (host.subnet_id, host.identifier))

    def _host(self, found: Gathered) -> Host:
        row = found.row
        identifier = Identifier(IdentifierKind(row["host_identifier_type"]), row["host_identifier"] or b"")
        if not identifier.value:
            raise ValueError("its identifier is empty")
        options = [each for _, each in sorted(found.options.items())]
        return Host(
            identifier=identifier,
            subnet_id=unsigned(self._subnet(row)),
            addresses=tuple(sorted(found.addresses)) if self._family == 6 else _address4(row),
            prefixes=tuple(sorted(found.prefixes)),
            hostname=row["hostname"] or "",
            options=self._options.read(options, f"the reservation of {identifier}"),
            client_classes=class_names(row[f"host_ipv{self._family}_client_classes"]),
            user_context=user_context(row["user_context"]),
            **(_fixed(row) if self._family == 4 else {}),
        )

    def _tell(self, row: Row, text: str) -> None:
        if self._log.warn:
            which = (row["host_identifier"] or b"").hex(":")
            self._log.warn("TXKEA_KEA_ROW", f"the reservation of {which} in Kea's keyspace: {text}")


UNIVERSES: Final = {4: 0, 6: 1}
"""Which options are of which family."""


def _address4(row: Row) -> tuple[bytes, ...]:
    number = unsigned(row["host_ipv4_address"])
    return (number.to_bytes(4, "big"),) if number else ()


def _fixed(row: Row) -> dict[str, Any]:
    return {
        "next_server": unsigned(row["host_ipv4_next_server"]).to_bytes(4, "big"),
        "server_hostname": row["host_ipv4_server_hostname"] or "",
        "boot_file_name": row["host_ipv4_boot_file_name"] or "",
    }


def _option(row: Row) -> StoredOption:
    return StoredOption(
        code=unsigned(row["option_code"]),
        space=row["option_space"],
        value=row["option_value"] or b"",
        formatted=row["option_formatted_value"] or "",
        always_send=bool(row["option_is_persistent"]),
        client_classes=class_names(row["option_client_class"]),
    )
