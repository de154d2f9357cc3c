"""Options with options in them, as far as answers carry them."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from txkea.wire.cursor import Cursor
from txkea.wire.definition import OptionDefinition
from txkea.wire.dhcp6 import CONTAINERS6, option6, parse_options6
from txkea.wire.fields import KINDS
from txkea.wire.options import parse_suboptions, parse_vendor, write_suboptions, write_vendor

__all__ = ["Container"]

VENDOR_ENCAPSULATED = 43
VENDORS = {4: 125, 6: 17}
"""The options that hold those of enterprises."""
ENTERPRISE = 4


@frozen(kw_only=True)
class Container:
    """An option that holds others; of a repeated code inside only the first is kept in DHCPv6."""

    family: int
    code: int
    definition: OptionDefinition | None = None
    enterprise: int = 0
    """Whose options are meant in one that holds those of enterprises."""

    def read(self, payload: bytes | None) -> dict[int, bytes] | None:
        """The options in a payload; None if they are all of other enterprises. Raises `Malformed`."""
        if payload is None:
            return {}
        if not self.enterprise:
            return self._options(payload[self._head(payload) :])
        own = self._vendors(payload).get(self.enterprise)
        return None if own is None else self._options(own)

    def write(self, payload: bytes | None, inside: Mapping[int, bytes]) -> bytes:
        """The payload with other options in it; what stands before them, and what is other enterprises', stays."""
        written = write_suboptions(inside) if self.family == 4 else _write_options6(inside)
        if not self.enterprise:
            return written if payload is None else payload[: self._head(payload)] + written
        if self.family == 6:
            return self.enterprise.to_bytes(ENTERPRISE, "big") + written
        return write_vendor({**self._vendors(payload or b""), self.enterprise: written})

    def _options(self, data: bytes) -> dict[int, bytes]:
        if self.family == 4:
            return parse_suboptions(data, self.code == VENDOR_ENCAPSULATED)
        return dict(reversed(parse_options6(data)))

    def _vendors(self, payload: bytes) -> dict[int, bytes]:
        if self.family == 4:
            return parse_vendor(payload)
        return {int.from_bytes(payload[:ENTERPRISE], "big"): payload[ENTERPRISE:]}

    def _head(self, payload: bytes) -> int:
        """How many bytes stand before the options. Raises `Malformed`."""
        if self.definition is None or not self.definition.encapsulates:
            return CONTAINERS6.get(self.code, 0) if self.family == 6 else 0
        cursor = Cursor(payload)
        for name in self.definition.fields or (self.definition.kind,):
            if name != "empty":
                KINDS[name].read(cursor, self.family)
        return len(payload) - cursor.remaining


def _write_options6(options: Mapping[int, bytes]) -> bytes:
    return b"".join([option6(code, payload) for code, payload in options.items()])
