"""Asks RADIUS servers: in their order, each as often and as long as it may take, and the next when one is silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["Answer"]


class Answer(NamedTuple):
    """What a server said."""

    code: int
    """A `txkea.radius.packet.Code`: ACCESS_ACCEPT, ACCESS_REJECT, ACCESS_CHALLENGE or ACCOUNTING_RESPONSE."""
    attributes: Mapping[str, Sequence[Any]]
    """Values by name, as `txkea.radius.dictionary.Dictionary.decoded` gives them; each name has at least one."""
    server: str
    """Which one, such as ``192.0.2.1:1812``."""
