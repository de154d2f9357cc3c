"""Hosts as bytes: what a cache remembers of them, and the keys by which it does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from txkea.caching import Held, Key
from txkea.model.configuration import Host, OptionData
from txkea.model.identifier import Identifier, IdentifierKind

__all__ = ["key_of", "key_text", "opened", "written", "written_key"]

VERSION: Final = 1
ADDRESS: Final = -1
"""Stands for the kind of an identifier where an address is sought."""


# -- keys --------------------------------------------------------------------------------------------------------------


def written_key(key: Key) -> list[Any]:
    """A key in JSON's types."""
    source, subnet_id, sought = key
    kind, value = (ADDRESS, sought) if isinstance(sought, bytes) else sought
    return [source, subnet_id, int(kind), value.hex()]


def key_of(source: str, subnet_id: int, kind: int, value: str) -> Key:
    """The key that was written so."""
    packed = bytes.fromhex(value)
    return source, subnet_id, packed if kind == ADDRESS else Identifier(IdentifierKind(kind), packed)


def key_text(key: Key) -> str:
    """A key as part of the name of a Redis key."""
    return ":".join(map(str, written_key(key)))


# -- hosts -------------------------------------------------------------------------------------------------------------


def written(held: Held, stale: float) -> bytes:
    """What is held; ``stale`` seconds are how much longer it serves than it is good."""
    document = {"version": VERSION, "stale": stale, "hosts": [_host(each) for each in held.hosts]}
    return json.dumps(document, separators=(",", ":"), default=dict).encode("ascii")


def opened(data: bytes, left: int) -> Held | None:
    """What was written, with so many milliseconds left (-1: no end); None if it is in nobody's form that we know."""
    try:
        document = json.loads(data)
        if document["version"] != VERSION:
            return None
        hosts = tuple([_read(each) for each in document["hosts"]])
        return Held(hosts, None if left < 0 else left / 1000 - document["stale"])
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def _host(host: Host) -> Mapping[str, Any]:
    kind, value = host.identifier
    return {
        "identifier": [int(kind), value.hex()],
        "subnet_id": host.subnet_id,
        "addresses": [address.hex() for address in host.addresses],
        "prefixes": [_prefix(each) for each in host.prefixes],
        "excluded_prefixes": [each and _prefix(each) for each in host.excluded_prefixes],
        "options": [_option(each) for each in host.options],
        "next_server": host.next_server.hex(),
        **{name: getattr(host, name) for name in PLAIN},
    }


PLAIN: Final = ("hostname", "client_classes", "server_hostname", "boot_file_name", "user_context", "refused")
"""What JSON has a type for."""
PLAIN_OPTION: Final = ("code", "space", "name", "always_send", "never_send", "client_classes", "encapsulates")


def _prefix(prefix: tuple[bytes, int]) -> list[Any]:
    return [prefix[0].hex(), prefix[1]]


def _option(option: OptionData) -> Mapping[str, Any]:
    return {"payload": option.payload.hex(), **{name: getattr(option, name) for name in PLAIN_OPTION}}


def _read(given: Mapping[str, Any]) -> Host:
    kind, value = given["identifier"]
    return Host(
        identifier=Identifier(IdentifierKind(kind), bytes.fromhex(value)),
        subnet_id=given["subnet_id"],
        addresses=tuple(map(bytes.fromhex, given["addresses"])),
        prefixes=tuple(map(_read_prefix, given["prefixes"])),
        excluded_prefixes=tuple([each and _read_prefix(each) for each in given["excluded_prefixes"]]),
        options=tuple(map(_read_option, given["options"])),
        next_server=bytes.fromhex(given["next_server"]),
        **{**{name: given[name] for name in PLAIN}, "client_classes": tuple(given["client_classes"])},
    )


def _read_prefix(given: Sequence[Any]) -> tuple[bytes, int]:
    first, length = given
    return bytes.fromhex(first), length


def _read_option(given: Mapping[str, Any]) -> OptionData:
    plain = {**{name: given[name] for name in PLAIN_OPTION}, "client_classes": tuple(given["client_classes"])}
    return OptionData(payload=bytes.fromhex(given["payload"]), **plain)
