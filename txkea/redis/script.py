"""The scripts that run inside Redis: each call of one is atomic."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from attrs import frozen

__all__ = ["OPEN", "READ", "VERSION", "WRITE", "Script", "keys"]

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


def keys(prefix: str, family: int) -> tuple[bytes, ...]:
    """The keys of a family; one hash tag keeps them on one node of a cluster."""
    return tuple(f"{{{prefix}{family}}}:{name}".encode() for name in NAMES)
