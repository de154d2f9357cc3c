"""Option definitions and option data of a configuration (Kea A084, A085, C037-C052)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from txkea.config.families import Family
from txkea.config.guards import names
from txkea.config.kinds import suggestion
from txkea.config.structure import Section
from txkea.errors import Malformed
from txkea.model.configuration import OptionData
from txkea.wire.definition import OptionDefinition
from txkea.wire.definitions import Definitions
from txkea.wire.options import encode_hex, encode_text, parse_tuples, read, validate

__all__ = ["REPLACEABLE", "Options", "option_definitions"]

SPACE: Final = re.compile(r"[A-Za-z0-9_-]+")

SPACES: Final = {"docsis3-v4": "vendor-4491", "docsis3-v6": "vendor-4491"}
"""Kea's own names of vendor spaces."""

REPLACEABLE: Final[dict[int, Sequence[int]]] = {4: (43, *range(224, 255)), 6: ()}
"""Standard codes that an operator may define, by family: vendor options and the site's own (Kea C045)."""

OTHERS: Final = {4: "dhcp6", 6: "dhcp4"}
"""The space that no option of a family can be in."""


def option_definitions(sections: Iterable[Section], family: Family) -> list[OptionDefinition]:
    """The operator's own definitions; mistakes are reported."""
    found: dict[tuple[str, int | str], OptionDefinition] = {}
    for section in sections:
        definition = option_definition(section, family)
        if definition is None or not agreed(section, definition, family):
            continue
        for field, key in (("code", definition.code), ("name", definition.name)):
            if (definition.space, key) in found:
                section.wrong(
                    field, f"the space {definition.space} has an option {key} already; choose another {field}"
                )
        found[definition.space, definition.code] = found[definition.space, definition.name] = definition
    return list(dict.fromkeys(found.values()))


def option_definition(section: Section, family: Family) -> OptionDefinition | None:
    if not section.values.keys() >= {"name", "code", "type"}:
        return None
    definition = OptionDefinition(
        code=section.get("code"),
        name=section.get("name"),
        space=section.get("space") or family.space,
        kind=section.get("type"),
        fields=tuple(field.strip() for field in section.get("record-types").split(",") if field.strip()),
        array=section.get("array"),
        encapsulates=section.get("encapsulate"),
    )
    section.values["space"] = definition.space
    try:
        validate(definition)
    except ValueError as error:
        section.wrong("type", str(error))
        return None
    return definition


def agreed(section: Section, definition: OptionDefinition, family: Family) -> bool:
    """Whether names and numbers are in order and no standard option is redefined."""
    before = len(section.problems.errors)
    for field, text in (
        ("name", definition.name),
        ("space", definition.space),
        ("encapsulate", definition.encapsulates),
    ):
        if text and not SPACE.fullmatch(text):
            section.wrong(field, f'"{text}" is no name here; use letters, digits, - and _')
    if definition.code > family.highest_code:
        section.wrong("code", f"code {definition.code} is too high; {family.highest_code} is the highest")
    by_code = family.standard.by_code(definition.space, definition.code)
    by_name = family.standard.by_name(definition.space, definition.name)
    for field, known in (("code", by_code), ("name", by_name)):
        if known and definition.space == family.space and known.code not in REPLACEABLE[family.number]:
            section.wrong(field, f"{known.name} ({known.code}) is a standard option; its definition cannot be replaced")
    return len(section.problems.errors) == before


VENDOR_CLASS: Final = ("dhcp6", 16)
"""Behind the enterprise number it is a list of strings with lengths, which its definition does not say."""
ENTERPRISE: Final = 4


class Options:
    """Encodes option data by the definitions that are in force."""

    def __init__(self, family: Family, definitions: Definitions) -> None:
        self.family = family
        self.definitions = definitions

    def data(self, sections: Iterable[Section]) -> tuple[OptionData, ...]:
        """The options of one scope in the order of the file; what is wrong is reported and left out."""
        return tuple([option for section in sections if (option := self.option(section)) is not None])

    def option(self, section: Section) -> OptionData | None:
        """One option; None if something is wrong with it. Completes the section with what the definition tells."""
        if section.node.value.keys() - section.values.keys():
            return None  # A keyword was reported already; what is left of the option would only mislead.
        try:
            definition = self.definition(section)
            payload = self.payload(section, definition)
        except Wrong as error:
            section.wrong(error.keyword, str(error))
            return None
        except (ValueError, Malformed) as error:
            section.wrong("data", str(error))
            return None
        section.values.update(code=definition.code, space=definition.space)
        if definition.name:
            section.values["name"] = definition.name
            section.values.setdefault("csv-format", True)
        return OptionData(
            code=definition.code,
            space=definition.space,
            payload=payload,
            name=definition.name,
            always_send=section.get("always-send"),
            never_send=section.get("never-send"),
            client_classes=names(section),
            encapsulates=definition.encapsulates,
        )

    def definition(self, section: Section) -> OptionDefinition:
        """The option's definition; where it has none, one of plain bytes. Raises `Wrong`."""
        space, code, name = section.get("space") or self.family.space, section.get("code"), section.get("name")
        space = SPACES.get(space, space)
        highest = self.family.highest_code
        if not SPACE.fullmatch(space):
            raise Wrong("space", f'"{space}" is no name of an option space; use letters, digits, - and _')
        if space == OTHERS[self.family.number]:
            raise Wrong("space", f"the options of {space} are not sent in {self.family.top}; use {self.family.space}")
        if code is None and not name:
            raise Wrong("", "an option is named by its name or its code; add one")
        if code is not None and code > highest:
            raise Wrong("code", f"code {code} is too high; {highest} is the highest")
        definition = self.definitions.by_name(space, name) if code is None else self.definitions.by_code(space, code)
        if definition is None:
            return self.undefined(section, space, code, name)
        if name and definition.name != name:
            raise Wrong("name", f"code {code} is {definition.name}, not {name}; keep one of the two")
        return definition

    def undefined(self, section: Section, space: str, code: int | None, name: str) -> OptionDefinition:
        """An option without definition has a code and bytes in hexadecimal, and says so (Kea C043). Raises `Wrong`."""
        if code is None:
            names = [each.name for each in self.definitions if each.space == space]
            near = suggestion(name, names) or "; define it in option-def, or give its code with csv-format false"
            raise Wrong("name", f'there is no option "{name}" in the space {space}{near}')
        if section.get("csv-format") is not False:
            message = f"option {code} of the space {space} has no definition; add one to option-def, or give the data "
            raise Wrong("code", message + "in hexadecimal with csv-format false")
        return OptionDefinition(code=code, name=name or "", space=space, kind="binary")

    def payload(self, section: Section, definition: OptionDefinition) -> bytes:
        """The option's bytes from its data. Raises ValueError and `Malformed`."""
        data = section.get("data")
        if section.get("csv-format") is False:
            payload = encode_hex(data)
            if definition.kind != "empty":
                read(definition, payload, self.family.number)
        elif not data and (definition.array or section.get("never-send")):
            return b""  # An array may be configured without data, as an option that is never sent.
        else:
            surplus: list[str] = []
            payload = encode_text(definition, data, self.family.number, surplus)
            if surplus:
                left = ", ".join(surplus)
                section.warn(
                    "data", f'"{left}" is left out: there is no field for it; a comma in a value is written \\,'
                )
        if (definition.space, definition.code) == VENDOR_CLASS:
            check_strings(payload[ENTERPRISE:])
        return payload


def check_strings(payload: bytes) -> None:
    """Raise ValueError where strings with lengths should be and are not."""
    try:
        parse_tuples(payload, 6)
    except Malformed:
        message = "after the enterprise number come strings, each with two bytes of length before it, as 0003616263"
        raise ValueError(message) from None


class Wrong(ValueError):
    """What is wrong with the value of a keyword of the option."""

    def __init__(self, keyword: str, message: str) -> None:
        super().__init__(message)
        self.keyword = keyword
