"""Hosts read from the rows of their tables, and written to them; in threads, within a session."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection as Session
from sqlalchemy import Select, Table, delete, insert, text, update

from txkea.backend.stored import (
    StoredOption,
    StoredOptions,
    class_names,
    context_text,
    joined,
    refuse_unfit,
    user_context,
)
from txkea.errors import TxkeaError
from txkea.model.configuration import Host, OptionData
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.sql.hosts_tables import HostTables, Row, packed

__all__ = ["HostRows", "StoredHost"]

HOST_SCOPE: Final = 3
"""Options of a host, among those of subnets and others (Kea E039)."""
ADDRESS, PREFIX = 0, 2
"""What is reserved (Kea E037)."""
MUTEX: Final = text("SELECT version FROM schema_version FOR UPDATE")
"""Lets one transaction at a time change hosts: no index knows that an address is reserved once only (Kea E036)."""


class StoredHost(NamedTuple):
    """A host, and its row."""

    row: Row
    host: Host

    @property
    def number(self) -> int:
        """Its ``host_id``."""
        return int(self.row["host_id"])


class HostRows:
    """The hosts of one family in one database's tables; ``unique``: whether an address is reserved once at most."""

    def __init__(self, tables: HostTables, options: StoredOptions, unique: bool) -> None:
        self._tables = tables
        self._options = options
        self._unique = unique

    # -- reading -------------------------------------------------------------------------------------------------------

    def find_many(
        self, session: Session, requests: Sequence[tuple[Sequence[Identifier], int]]
    ) -> Sequence[Host | None]:
        """Of each request the host of its first identifier that has one in its subnet."""
        values = {each.value for identifiers, _ in requests for each in identifiers}
        subnets = {subnet_id for _, subnet_id in requests}
        rows = self._rows(session, self._tables.within(self._tables.identified()), values=values, subnets=subnets)
        known = {_key(row, row[self._tables.subnet_name]): row for row in rows}
        chosen = [
            next((known[key] for each in identifiers if (key := (*each, subnet_id)) in known), None)
            for identifiers, subnet_id in requests
        ]
        hosts = {stored.number: stored.host for stored in self._hosts(session, filter(None, chosen))}
        return [None if row is None else hosts[row["host_id"]] for row in chosen]

    def at_many(self, session: Session, requests: Sequence[tuple[bytes, int]]) -> Sequence[Sequence[Host]]:
        """Of each request the hosts for which an address is reserved in a subnet."""
        addresses = {self._tables.reserved_value(address) for address, _ in requests}
        subnets = {subnet_id for _, subnet_id in requests}
        rows = self._rows(session, self._tables.within(self._tables.reserving()), addresses=addresses, subnets=subnets)
        hosts = [stored.host for stored in self._hosts(session, rows)]
        return [[host for host in hosts if _reserves(host, *request)] for request in requests]

    def page(self, session: Session, after: int, limit: int, subnet_id: int | None) -> Sequence[StoredHost]:
        """Hosts in the order in which they were added."""
        number = self._tables.hosts.c.host_id
        statement = self._tables.all_hosts().where(number > after).order_by(number).limit(limit)
        return self._select(session, statement, subnet_id)

    def named(self, session: Session, hostname: str, subnet_id: int | None) -> Sequence[StoredHost]:
        """Hosts by name; collations find more than are meant."""
        found = self._select(session, self._tables.named(), subnet_id, hostname=hostname.lower())
        return [each for each in found if each.host.hostname.lower() == hostname.lower()]

    def identified(
        self, session: Session, identifier: Identifier, subnet_id: int | None = None
    ) -> Sequence[StoredHost]:
        """Hosts of an identifier."""
        found = self._select(session, self._tables.identified(), subnet_id, values=[identifier.value])
        return [each for each in found if each.host.identifier == identifier]

    def reserving(
        self, session: Session, addresses: Iterable[bytes], subnet_id: int | None = None
    ) -> Sequence[StoredHost]:
        """Hosts for which one of these addresses is reserved."""
        values = [self._tables.reserved_value(each) for each in addresses]
        return self._select(session, self._tables.reserving(), subnet_id, addresses=values)

    def _select(
        self, session: Session, statement: Select[Any], subnet_id: int | None, **values: Any
    ) -> Sequence[StoredHost]:
        if subnet_id is not None:
            statement, values = self._tables.within(statement), {**values, "subnets": [subnet_id]}
        return self._hosts(session, self._rows(session, statement, **values))

    def _rows(self, session: Session, statement: Select[Any], **values: Any) -> Sequence[Row]:
        given = {name: each if isinstance(each, str) else list(each) for name, each in values.items()}
        return session.execute(statement, given).mappings().all()

    def _hosts(self, session: Session, rows: Iterable[Row]) -> Sequence[StoredHost]:
        """Hosts with all that belongs to them."""
        unique = {row["host_id"]: row for row in rows}
        if not unique:
            return []
        options = self._parts(session, self._tables.options, unique)
        reservations = self._parts(session, self._tables.reservations, unique) if self._tables.family == 6 else {}
        return [
            StoredHost(row, self._host(row, options.get(number, ()), reservations.get(number, ())))
            for number, row in unique.items()
        ]

    def _parts(self, session: Session, table: Table, numbers: Iterable[int]) -> Mapping[int, Sequence[Row]]:
        found: dict[int, list[Row]] = {}
        for row in session.execute(self._tables.parts(table), {"ids": list(numbers)}).mappings():
            found.setdefault(row["host_id"], []).append(row)
        return found

    def _host(self, row: Row, options: Sequence[Row], reservations: Sequence[Row]) -> Host:
        tables = self._tables
        stored = [_stored_option(each) for each in options]
        return Host(
            identifier=Identifier(IdentifierKind(row["dhcp_identifier_type"]), bytes(row["dhcp_identifier"])),
            subnet_id=int(row[tables.subnet_name]),
            hostname=row["hostname"] or "",
            options=self._options.read(stored, f"host_id {row['host_id']}"),
            client_classes=class_names(row[tables.classes_name]),
            user_context=user_context(row["user_context"]),
            **(_fields4(row) if tables.family == 4 else _fields6(reservations)),
        )

    # -- writing -------------------------------------------------------------------------------------------------------

    def begin(self, session: Session) -> None:
        """Keep all others from changing hosts until the transaction ends."""
        session.execute(MUTEX)

    def add(self, session: Session, host: Host) -> bool:
        """See `IHostStore`."""
        if self._stored(session, host) or self._taken(session, host):
            return False
        self._insert(session, host)
        return True

    def update(self, session: Session, host: Host, was: Host) -> bool:
        """See `IHostStore`."""
        stored = self._stored(session, was)
        if stored is None or stored.host != was or self._taken(session, host):
            return False
        if self._shared(stored):
            self._take_out(session, stored)
            self._insert(session, host)
            return True
        hosts = self._tables.hosts
        session.execute(update(hosts).where(hosts.c.host_id == stored.number).values(self._values(host)))
        self._delete_parts(session, stored)
        self._insert_parts(session, stored.number, host)
        return True

    def remove(self, session: Session, host: Host) -> bool:
        """See `IHostStore`."""
        stored = self._stored(session, host)
        if stored is None:
            return False
        if self._shared(stored):
            self._take_out(session, stored)
            return True
        self._delete_parts(session, stored)
        hosts = self._tables.hosts
        session.execute(delete(hosts).where(hosts.c.host_id == stored.number))
        return True

    def _stored(self, session: Session, host: Host) -> StoredHost | None:
        return next(iter(self.identified(session, host.identifier, host.subnet_id)), None)

    def _taken(self, session: Session, host: Host) -> bool:
        """Whether another one reserves what this one does."""
        reserved = {*host.addresses, *(first for first, _ in host.prefixes)}
        if not (self._unique and reserved):
            return False
        found = self.reserving(session, reserved, host.subnet_id)
        return any(each.host.identifier != host.identifier for each in found)

    def _shared(self, stored: StoredHost) -> bool:
        """Whether the row serves the other family, too."""
        return self._tables.used(stored.row[self._tables.other_subnet_name])

    def _take_out(self, session: Session, stored: StoredHost) -> None:
        """Leave the row to the other family."""
        self._delete_parts(session, stored)
        hosts = self._tables.hosts
        empty = dict.fromkeys(
            (self._tables.subnet_name, self._tables.classes_name, *(FIELDS4 if self._tables.family == 4 else ()))
        )
        session.execute(update(hosts).where(hosts.c.host_id == stored.number).values(empty))

    def _delete_parts(self, session: Session, stored: StoredHost) -> None:
        tables = [self._tables.options, *([self._tables.reservations] if self._tables.family == 6 else [])]
        for table in tables:
            session.execute(delete(table).where(table.c.host_id == stored.number))

    def _insert(self, session: Session, host: Host) -> None:
        done = session.execute(insert(self._tables.hosts).values(self._values(host)))
        key: Any = done.inserted_primary_key
        self._insert_parts(session, key[0], host)

    def _insert_parts(self, session: Session, number: int, host: Host) -> None:
        for table, rows in (
            (self._tables.options, [self._option_values(each) for each in host.options]),
            (self._tables.reservations, self._reservation_values(host) if self._tables.family == 6 else []),
        ):
            if rows:
                session.execute(insert(table), [{**row, "host_id": number} for row in rows])

    def _values(self, host: Host) -> dict[str, Any]:
        """The row of a host. Raises `TxkeaError` for what this database cannot keep."""
        refuse_unfit(host)
        tables = self._tables
        if not tables.used(host.subnet_id):
            raise TxkeaError("this database is too old for global reservations; mend: txkea db upgrade")
        values = {
            "dhcp_identifier": host.identifier.value,
            "dhcp_identifier_type": int(host.identifier.kind),
            tables.subnet_name: host.subnet_id,
            "hostname": host.hostname or None,
            tables.classes_name: joined(host.client_classes) or None,
            "user_context": context_text(host.user_context),
        }
        return {**values, **_values4(host)} if tables.family == 4 else values

    def _option_values(self, option: OptionData) -> dict[str, Any]:
        values = {
            "code": option.code,
            "space": option.space,
            "value": option.payload,
            "formatted_value": None,
            "persistent": option.always_send,
            "scope_id": HOST_SCOPE,
        }
        for name, given, value in (
            ("cancelled", option.never_send, option.never_send),
            ("client_classes", option.client_classes, json.dumps(list(option.client_classes))),
        ):
            if name in self._tables.options.c:
                values[name] = value
            elif given:
                raise TxkeaError(f"option {option.code}: this version of the database has no place for {WORDS[name]}")
        return values

    def _reservation_values(self, host: Host) -> list[dict[str, Any]]:
        reserved = self._tables.reserved_value
        lacking = host.excluded_prefixes or (None,) * len(host.prefixes)
        newest = "excluded_prefix" in self._tables.reservations.c
        if any(lacking) and not newest:
            raise TxkeaError("this version of the database has no place for excluded-prefixes")
        rows = [{"address": reserved(each), "prefix_len": 128, "type": ADDRESS} for each in host.addresses]
        for (first, length), excluded in zip(host.prefixes, lacking, strict=True):
            more = {
                "excluded_prefix": excluded and reserved(excluded[0]),
                "excluded_prefix_len": excluded[1] if excluded else 0,
            }
            rows.append({"address": reserved(first), "prefix_len": length, "type": PREFIX, **(more if newest else {})})
        same = {name: None for row in rows for name in row}
        return [{**same, **row} for row in rows]


FIELDS4: Final = ("ipv4_address", "dhcp4_next_server", "dhcp4_server_hostname", "dhcp4_boot_file_name")
WORDS: Final = {"cancelled": "never-send", "client_classes": "client-classes of an option"}


def _key(row: Row, subnet_id: int) -> tuple[int, bytes, int]:
    return int(row["dhcp_identifier_type"]), bytes(row["dhcp_identifier"]), int(subnet_id)


def _reserves(host: Host, address: bytes, subnet_id: int) -> bool:
    there = address in host.addresses or any(address == first for first, _ in host.prefixes)
    return there and host.subnet_id == subnet_id


def _stored_option(row: Row) -> StoredOption:
    return StoredOption(
        code=int(row["code"]),
        space=row["space"] or "",
        value=bytes(row["value"] or b""),
        formatted=row["formatted_value"] or "",
        always_send=bool(row["persistent"]),
        never_send=bool(row.get("cancelled")),
        client_classes=_listed(row.get("client_classes")),
    )


def _listed(value: str | None) -> tuple[str, ...]:
    """The names in a list in JSON; none if it is none."""
    try:
        names = json.loads(value or "[]")
    except (ValueError, RecursionError):
        return ()
    return tuple(names) if isinstance(names, list) and all(isinstance(each, str) for each in names) else ()


def _packed4(number: int | None) -> bytes:
    return int(number or 0).to_bytes(4, "big")


def _fields4(row: Row) -> dict[str, Any]:
    return {
        "addresses": (_packed4(row["ipv4_address"]),) if row["ipv4_address"] else (),
        "next_server": _packed4(row["dhcp4_next_server"]),
        "server_hostname": row["dhcp4_server_hostname"] or "",
        "boot_file_name": row["dhcp4_boot_file_name"] or "",
    }


def _values4(host: Host) -> dict[str, Any]:
    return {
        "ipv4_address": int.from_bytes(host.address, "big") if host.address else None,
        "dhcp4_next_server": int.from_bytes(host.next_server, "big") or None,
        "dhcp4_server_hostname": host.server_hostname or None,
        "dhcp4_boot_file_name": host.boot_file_name or None,
    }


def _fields6(reservations: Iterable[Row]) -> dict[str, Any]:
    addresses: list[bytes] = []
    prefixes: list[tuple[bytes, int]] = []
    lacking: list[tuple[bytes, int] | None] = []
    for row in reservations:
        if row["type"] != PREFIX:
            addresses.append(packed(row["address"]))
            continue
        prefixes.append((packed(row["address"]), int(row["prefix_len"])))
        excluded = row.get("excluded_prefix")
        lacking.append((packed(excluded), int(row["excluded_prefix_len"])) if row.get("excluded_prefix_len") else None)
    return {
        "addresses": tuple(addresses),
        "prefixes": tuple(prefixes),
        "excluded_prefixes": tuple(lacking) if any(lacking) else (),
    }
