"""The scripts that run inside Redis: each call of one is atomic."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from txkea.errors import Unavailable
from txkea.redis.wire import Wire

__all__ = ["EXTEND", "OPEN", "READ", "STORE", "VERSION", "WRITE", "Script", "call", "keys"]

VERSION: Final = "1"
"""Of what the scripts keep."""
HERE: Final = Path(__file__).parent
NAMES: Final = ("meta", "leases", "order", "running", "reclaimed", "clients", "counts", "lengths", "servers")
"""The keys of one family, in the order in which the scripts are given them."""


@frozen
class Script:
    """A script: its text, and the digest by which it is called."""

    text: bytes
    digest: bytes

    @classmethod
    def of(cls, *names: str) -> Script:
        """The one in these files, one behind the other."""
        text = b"\n".join((HERE / name).read_bytes() for name in names)
        return cls(text, hashlib.sha1(text).hexdigest().encode())


OPEN: Final = Script.of("open.lua")
READ: Final = Script.of("check.lua", "read.lua")
WRITE: Final = Script.of("check.lua", "write.lua")
STORE: Final = Script.of("store.lua")
EXTEND: Final = Script.of("extend.lua")


async def call(wire: Wire, script: Script, keys: Sequence[Any], *arguments: Any) -> Any:
    """What a script gives; a server that does not know it is told it. Raises `Unavailable`."""
    words = ("EVALSHA", script.digest, len(keys), *keys, *arguments)
    try:
        return await wire.ask(*words)
    except Unavailable as error:
        if not str(error).startswith("NOSCRIPT"):
            raise
    await wire.ask("SCRIPT", "LOAD", script.text)
    return await wire.ask(*words)


def keys(prefix: str, family: int) -> tuple[bytes, ...]:
    """The keys of a family; one hash tag keeps them on one node of a cluster."""
    return tuple(f"{{{prefix}{family}}}:{name}".encode() for name in NAMES)
