"""A reservation as one value: JSON, that whoever looks into the table can read; and the keys of its rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from zlib import crc32

from attrs import fields

from txkea.model.configuration import Host, OptionData
from txkea.model.identifier import Identifier, IdentifierKind

__all__ = [
    "FIRST_ADDRESS",
    "HASHES",
    "address_key",
    "decode",
    "encode",
    "entry_of",
    "hash_of",
    "holders",
    "holders_value",
    "identifier_key",
    "name_of",
    "number_bound",
]

IDENTIFIER: Final = b"\1"
ADDRESS: Final = b"\2"
FIRST_ADDRESS: Final = ADDRESS
"""All keys of hosts are below it, all those of addresses are not."""
HASHES: Final = (1 << 31) - 1
"""Hosts of a subnet are in the order of a number from 1 to this one, which is made of their identifiers."""

# -- keys --------------------------------------------------------------------------------------------------------------


def hash_of(identifier: Identifier) -> int:
    """The number that a host has in the order of its subnet."""
    return crc32(bytes((identifier.kind,)) + identifier.value) % HASHES + 1


def identifier_key(identifier: Identifier) -> bytes:
    """The key of the row with the host of an identifier."""
    return number_bound(hash_of(identifier)) + bytes((identifier.kind,)) + identifier.value


def number_bound(number: int) -> bytes:
    """What comes before all keys of hosts with a number, and behind those with lower ones."""
    return IDENTIFIER + number.to_bytes(4, "big")


def address_key(address: bytes) -> bytes:
    """The key of the row that tells which hosts reserve an address."""
    return ADDRESS + address


# What rows are searched by in all subnets; families share tables.


def entry_of(family: int, thing: Identifier | bytes) -> bytes:
    """An identifier, or an address."""
    if isinstance(thing, bytes):
        return bytes((family,)) + ADDRESS + thing
    return bytes((family,)) + IDENTIFIER + bytes((thing.kind,)) + thing.value


def name_of(family: int, hostname: str) -> bytes:
    """A host name in whatever case."""
    return bytes((family,)) + hostname.lower().encode("utf-8", "surrogatepass")


# -- values ------------------------------------------------------------------------------------------------------------


def encode(host: Host, stamp: str = "") -> bytes:
    """The value of a host; ``stamp`` tells one writing of the same host from another."""
    written = {
        field.name: _plain(getattr(host, field.name))
        for field in fields(Host)
        if getattr(host, field.name) != field.default
    }
    return json.dumps({**written, "stamp": stamp}, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Identifier):
        return [value.kind.keyword, value.value.hex()]
    if isinstance(value, OptionData):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(OptionData)}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def decode(value: bytes) -> Host:
    """The inverse of `encode`. Raises ValueError, KeyError or TypeError for anything else."""
    written = json.loads(value)
    del written["stamp"]
    return Host(**{name: READ.get(name, _same)(each) for name, each in written.items()})


def _same(value: Any) -> Any:
    return value


def _identifier(value: Any) -> Identifier:
    keyword, digits = value
    return Identifier(KINDS[keyword], bytes.fromhex(digits))


def _prefix(value: Any) -> tuple[bytes, int] | None:
    return None if value is None else (bytes.fromhex(value[0]), value[1])


def _options(values: Iterable[Mapping[str, Any]]) -> tuple[OptionData, ...]:
    return tuple(
        OptionData(
            **{**each, "payload": bytes.fromhex(each["payload"]), "client_classes": tuple(each["client_classes"])}
        )
        for each in values
    )


KINDS: Final = {kind.keyword: kind for kind in IdentifierKind}
READ: Final[Mapping[str, Any]] = {
    "identifier": _identifier,
    "addresses": lambda values: tuple(map(bytes.fromhex, values)),
    "prefixes": lambda values: tuple(map(_prefix, values)),
    "excluded_prefixes": lambda values: tuple(map(_prefix, values)),
    "options": _options,
    "client_classes": tuple,
    "next_server": bytes.fromhex,
}
"""What JSON has otherwise than a host, by its fields."""


def holders_value(keys: Iterable[bytes]) -> bytes:
    """The value of an address: the keys of the hosts that reserve it."""
    return b" ".join(key.hex().encode() for key in sorted(keys))


def holders(value: bytes) -> set[bytes]:
    """The inverse."""
    return {bytes.fromhex(word) for word in value.decode("ascii").split()}
