"""What attributes are called, and what their values mean."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Final, NamedTuple

from pyrad import tools  # type: ignore[import-untyped]

from txkea.config.kinds import suggestion
from txkea.errors import TxkeaError
from txkea.radius.packet import Attribute, Refused

__all__ = ["KINDS", "NUMBERS", "Definition", "Dictionary"]

KINDS: Final[Mapping[str, tuple[int, int]]] = {
    "string": (0, 253),
    "octets": (0, 253),
    "byte": (1, 1),
    "short": (2, 2),
    "integer": (4, 4),
    "signed": (4, 4),
    "date": (4, 4),
    "integer64": (8, 8),
    "ipaddr": (4, 4),
    "ipv6addr": (16, 16),
    "ipv6prefix": (2, 18),
}
"""How many octets a value has, at least and at most, by its type; all other types are octets to us."""
NUMBERS: Final = frozenset({"byte", "short", "integer", "signed", "date", "integer64"})
TAG: Final = 0x1F
"""The highest tag, which may stand before a tagged value (RFC 2868 section 3.1)."""


class Definition(NamedTuple):
    """One attribute."""

    name: str
    vendor: int
    """The vendor's number; 0 for the standard ones."""
    type: int
    kind: str
    """A key of `KINDS`."""
    tagged: bool
    numbers: MutableMapping[str, int]
    """Values that have a name, by the name in lower case."""
    names: MutableMapping[int, str]


class Dictionary:
    """Definitions by name, whatever its case, and by number; the first of a name or a number counts."""

    def __init__(self) -> None:
        self._by_name: dict[str, Definition] = {}
        self._by_number: dict[tuple[int, int], Definition] = {}
        self._vendors: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._by_name)

    def copy(self) -> Dictionary:
        """One to which more may be added."""
        other = Dictionary()
        for each in self._by_name.values():
            definition = each._replace(numbers=dict(each.numbers), names=dict(each.names))
            other._add(definition)
        other._vendors = dict(self._vendors)
        return other

    # -- making one ----------------------------------------------------------------------------------------------------

    def define(self, name: str, number: int, kind: str, *, vendor: int = 0, tagged: bool = False) -> None:
        """Add an attribute; several names of one number all encode, and the first is what answers show."""
        self._add(Definition(name, vendor, number, kind if kind in KINDS else "octets", tagged, {}, {}))

    def _add(self, definition: Definition) -> None:
        definition = self._by_name.setdefault(definition.name.lower(), definition)
        self._by_number.setdefault((definition.vendor, definition.type), definition)

    def define_vendor(self, name: str, number: int) -> None:
        """Add a vendor."""
        self._vendors[name.lower()] = number

    def define_value(self, attribute: str, name: str, number: int) -> bool:
        """Give a value a name; False if there is no such attribute, or its values are no numbers."""
        definition = self._by_name.get(attribute.lower())
        if definition is None or definition.kind not in NUMBERS:
            return False
        definition.numbers[name.lower()] = number
        definition.names[number] = name
        return True

    # -- looking things up ---------------------------------------------------------------------------------------------

    def vendor(self, key: str | int) -> int:
        """The number of a vendor. Raises `TxkeaError`."""
        if isinstance(key, int) or key.isdecimal():
            return int(key)
        try:
            return self._vendors[key.lower()]
        except KeyError:
            raise TxkeaError(f'there is no vendor "{key}" in the dictionary; give its number') from None

    def definition(self, key: Any) -> Definition:
        """The attribute of a name or number, of a vendor's if the key is ``(vendor, name or number)``.

        A number that nobody has defined is one of octets. Raises `TxkeaError`.
        """
        vendor, key = (self.vendor(key[0]), key[1]) if isinstance(key, tuple) else (None, key)
        if isinstance(key, int):
            return self._numbered(vendor or 0, key)
        found = self._by_name.get(key.lower())
        if found is None or vendor not in (None, found.vendor):
            near = suggestion(key, [each.name for each in self._by_name.values()])
            whose = "" if vendor is None else f" of vendor {vendor}"
            raise TxkeaError(f'there is no attribute "{key}"{whose} in the dictionary{near}')
        return found

    def _numbered(self, vendor: int, number: int) -> Definition:
        if not (0 < number < 256 and 0 <= vendor < 1 << 32):
            raise TxkeaError(f"there is no attribute {number} of vendor {vendor}")
        place = Attribute(vendor, number, b"").place
        return self._by_number.get((vendor, number)) or Definition(
            f"Attr-{place}", vendor, number, "octets", False, {}, {}
        )

    # -- values --------------------------------------------------------------------------------------------------------

    def attributes(self, given: Iterable[tuple[Any, Any]]) -> Sequence[Attribute]:
        """Attributes, ready to be sent. Raises `TxkeaError`."""
        return tuple(self.attribute(key, value) for key, value in given)

    def attribute(self, key: Any, value: Any) -> Attribute:
        """One attribute: ``key`` as `definition` has it.

        Bytes are sent as they are, a number or a text as the attribute's type says: ``Framed-User`` or 2, an address, a
        prefix ``2001:db8::/56``, hexadecimal octets ``0x0102``. Raises `TxkeaError`.
        """
        definition = self.definition(key)
        if isinstance(value, (bytes, bytearray)):
            payload = bytes(value)
        else:
            payload = _encoded(definition, value)
        least, most = KINDS[definition.kind]
        if not least <= len(payload) <= most:
            raise TxkeaError(f"{definition.name} has {least} to {most} octets, not {len(payload)}")
        return Attribute(definition.vendor, definition.type, payload)

    def decoded(self, attributes: Iterable[Attribute]) -> dict[str, list[Any]]:
        """Values by name, in the order of the packet; ``Attr-26.9.1`` is one that has no name here.

        Texts are str (bytes if they are no UTF-8), numbers and dates int, addresses and prefixes str as people write
        them, octets bytes. Raises `Refused` for a standard attribute which is not as its type says (RFC 2865 section
        5); a vendor's, of which dictionaries differ, is given as bytes then.
        """
        found: dict[str, list[Any]] = {}
        for attribute in attributes:
            definition = self._numbered(attribute.vendor, attribute.type) if attribute.type else _NOTHING
            found.setdefault(definition.name, []).append(_decoded(definition, attribute.value))
        return found

    def shown(self, values: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """The same in JSON's types: octets in hexadecimal, numbers by their names where they have some."""
        return {name: [self._shown(name, value) for value in each] for name, each in values.items()}

    def _shown(self, name: str, value: Any) -> Any:
        if isinstance(value, bytes):
            return f"0x{value.hex()}"
        definition = self._by_name.get(name.lower())
        return value if definition is None or isinstance(value, str) else definition.names.get(value, value)


_NOTHING: Final = Definition("Attr-0", 0, 0, "octets", False, {}, {})


def _encoded(definition: Definition, value: Any) -> bytes:
    if isinstance(value, str):
        value = _meant(definition, value)
    try:
        if isinstance(value, bytes):
            return value
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise TypeError("neither a text nor a number")
        return bytes(tools.EncodeAttr(definition.kind, value))
    except Exception as error:  # versions of pyrad differ in what they raise
        raise TxkeaError(f"{value!r} is no value of {definition.name}, whose type is {definition.kind}") from error


def _meant(definition: Definition, text: str) -> Any:
    """What a text stands for, as far as it is not the text itself."""
    kind = definition.kind
    if kind == "octets":
        return _octets(definition, text)
    if kind not in NUMBERS:
        return text
    number = definition.numbers.get(text.strip().lower())
    if number is not None:
        return number
    try:
        return int(text, 0)
    except ValueError:
        known = ", ".join(definition.names.values())
        hint = f"; names are {known}" if known else ""
        raise TxkeaError(f'"{text}" is no value of {definition.name}, whose type is {kind}{hint}') from None


def _octets(definition: Definition, text: str) -> bytes:
    if not text.startswith("0x"):
        return text.encode()
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        raise TxkeaError(f'"{text}" is no value of {definition.name}: it is not hexadecimal') from None


def _decoded(definition: Definition, value: bytes) -> Any:
    kind = definition.kind
    if kind == "octets":
        return value
    least, most = KINDS[kind]
    try:
        if not least <= len(value) <= most:
            raise ValueError(f"{len(value)} octets")
        return tools.DecodeAttr(kind, _untagged(definition, value))
    except Exception as error:  # versions of pyrad differ in what they raise
        if definition.vendor:
            return value
        raise Refused("malformed", f"its {definition.name} is no {kind}: 0x{value.hex()}") from error


def _untagged(definition: Definition, value: bytes) -> bytes:
    if not definition.tagged or not value:
        return value
    if definition.kind in NUMBERS:
        return struct.pack("!I", int.from_bytes(value[1:], "big"))
    return value[1:] if value[0] <= TAG else value
