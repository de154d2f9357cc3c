"""What an option looks like."""

from __future__ import annotations

from attrs import frozen

__all__ = ["OptionDefinition"]


@frozen(kw_only=True)
class OptionDefinition:
    """What an option looks like (Kea C037).

    ``kind`` is one of Kea's type names (``uint8``, ``ipv4-address``, ``record``, ...); ``fields`` the kinds of a
    record's fields; ``array`` repeats the whole, or a record's last field.
    """

    code: int
    name: str
    space: str
    kind: str
    fields: tuple[str, ...] = ()
    array: bool = False
    encapsulates: str = ""
