"""What tells the families apart in a configuration: their tables of keywords, and how they write addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from txkea.config import keywords4, keywords6
from txkea.config.keywords import ABSENT, KeywordMap
from txkea.config.kinds import address4, address6, prefix4, prefix6
from txkea.config.ranges import pool4, pool6, selection4, selection6
from txkea.model.identifier import IdentifierKind
from txkea.wire.definitions import Definitions
from txkea.wire.standard4 import STANDARD4
from txkea.wire.standard6 import STANDARD6

__all__ = ["BY_NUMBER", "FAMILY4", "FAMILY6", "Family", "Values"]

Values = dict[str, Any]
"""The inheritable values that are in force in a scope, plain JSON, by keyword."""


@frozen(kw_only=True)
class Family:
    """A family of DHCP; the parse functions raise ValueError."""

    number: int
    """4 or 6."""
    maps: Mapping[str, KeywordMap]
    inherited: KeywordMap
    """What stands in every scope from the global one inwards."""
    from_network: KeywordMap
    """What a subnet inherits from its network alone."""
    lifetimes: tuple[str, ...]
    standard: Definitions
    highest_code: int
    """Of an option."""
    identifiers: tuple[IdentifierKind, ...]
    """By what a reservation may know a client."""
    address: Callable[[str], bytes]
    prefix: Callable[[str], tuple[bytes, int]]
    pool: Callable[[str], tuple[int, int]]
    selection: Callable[[str], tuple[str, bytes | None]]

    @property
    def top(self) -> str:
        """The map of the whole, such as ``Dhcp4``."""
        return f"Dhcp{self.number}"

    @property
    def subnets(self) -> str:
        """The keyword of a list of subnets."""
        return f"subnet{self.number}"

    @property
    def space(self) -> str:
        """The option space of messages."""
        return f"dhcp{self.number}"

    @property
    def outermost(self) -> Values:
        """The inheritable values where nothing is written."""
        rows = (*self.inherited.values(), *self.from_network.values())
        values = {row.name: row.default for row in rows if row.default is not ABSENT and not row.becomes}
        return {**values, "relay": {"ip-addresses": []}}

    def inherits(self, name: str) -> bool:
        """Whether a keyword's value is handed inwards."""
        return name in self.inherited or name in self.from_network


FAMILY4: Final = Family(
    number=4,
    maps=keywords4.MAPS4,
    inherited=keywords4.INHERITED,
    from_network=keywords4.INHERITED_FROM_NETWORK,
    lifetimes=("valid-lifetime",),
    standard=STANDARD4,
    highest_code=254,
    identifiers=tuple(IdentifierKind),
    address=address4,
    prefix=prefix4,
    pool=pool4,
    selection=selection4,
)

FAMILY6: Final = Family(
    number=6,
    maps=keywords6.MAPS6,
    inherited=keywords6.INHERITED,
    from_network=keywords6.INHERITED_FROM_NETWORK,
    lifetimes=("valid-lifetime", "preferred-lifetime"),
    standard=STANDARD6,
    highest_code=65535,
    identifiers=(IdentifierKind.HW_ADDRESS, IdentifierKind.DUID, IdentifierKind.FLEX_ID),
    address=address6,
    prefix=prefix6,
    pool=pool6,
    selection=selection6,
)

BY_NUMBER: Final[Mapping[int, Family]] = {family.number: family for family in (FAMILY4, FAMILY6)}
