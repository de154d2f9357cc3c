"""From the parameters of Kea's library flex_option to rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from zope.interface import implementer

from txkea.config.expressions import compiled
from txkea.config.families import BY_NUMBER, Family
from txkea.config.keywords import CONTEXT, NAME, KeywordMap, keyword, keywords
from txkea.config.kinds import BOOLEAN, Each, In, Integer, Text, one_of, suggestion
from txkea.config.parameters import definitions_of, judged
from txkea.config.structure import Section
from txkea.flex.container import VENDORS, Container
from txkea.flex.option import ACTIONS, FlexOption, Rule, SubRule
from txkea.interfaces import IProviderFactory
from txkea.wire.definition import OptionDefinition
from txkea.wire.definitions import Definitions

__all__ = ["FLEX_OPTION"]

ENTRY: Final = keywords(
    keyword("code", Integer(0, 0xFFFF)),
    keyword("name", NAME),
    keyword("space", NAME),
    keyword("csv-format", BOOLEAN, False),
    keyword("client-class", Text(), ""),
    *(keyword(action, NAME) for action in ACTIONS),
    CONTEXT,
)
TABLES: Final[Mapping[str, KeywordMap]] = {
    "flex_option": keywords(keyword("options", Each(In("options")), required=True), CONTEXT),
    "options": keywords(
        ENTRY,
        keyword("sub-options", Each(In("sub-options"))),
        keyword("source", one_of("query"), "query"),
        keyword("destination", one_of("response"), "response"),
    ),
    "sub-options": keywords(
        ENTRY,
        keyword("container-add", BOOLEAN, True),
        keyword("container-remove", BOOLEAN, True),
    ),
}
VENDOR_SPACE: Final = re.compile(r"vendor-([0-9]{1,10})")
RESERVED: Final = {4: {0: "PAD", 255: "END"}, 6: {0: "nothing"}}
"""The codes of no option."""


class Entries:
    """Makes rules of entries, in the order of the codes as Kea applies them; what is wrong is reported."""

    def __init__(self, family: Family, definitions: Definitions) -> None:
        self.family = family
        self.definitions = definitions
        self._parts: set[tuple[int, int]] = set()

    def rules(self, options: list[Section]) -> list[Rule | SubRule]:
        """Those for whole options come first."""
        whole = [rule for section in options for rule in self.whole(section)]
        parts = [rule for section in options for rule in self.parts(section)]
        return [
            *sorted(whole, key=lambda rule: rule.code),
            *sorted(parts, key=lambda rule: (rule.container.code, rule.rule.code)),
        ]

    def whole(self, section: Section) -> Iterator[Rule]:
        if "sub-options" not in section.values:
            rule = self.rule(section, section.get("space") or self.family.space, guards(section))
            if rule is not None:
                yield rule

    def parts(self, section: Section) -> Iterator[SubRule]:
        """The rules for what is in an option."""
        if "sub-options" not in section.values or section.node.value.keys() - section.values.keys():
            return
        for action in ACTIONS:
            if action in section.values:
                section.wrong(action, "an entry has an action or sub-options; keep one of the two")
        space = section.get("space") or self.family.space
        code = self.code(section, space)
        if code is None:
            return
        definition = self.definitions.by_code(space, code)
        for inner in section.sections("sub-options"):
            found = self.part(inner, code, definition, guards(section))
            if found is not None:
                yield found

    def part(
        self, section: Section, code: int, outer: OptionDefinition | None, classes: tuple[str, ...]
    ) -> SubRule | None:
        space = section.get("space") or (outer.encapsulates if outer else "")
        if not space:
            section.wrong("", f'it is not known which options are in option {code}; add "space"')
            return None
        rule = self.rule(section, space, (*classes, *guards(section)))
        if rule is None:
            return None
        if (code, rule.code) in self._parts:  # Kea's rule; whole options may have several entries
            section.wrong("", f"option {rule.code} in option {code} has an entry already; keep one of the two")
        self._parts.add((code, rule.code))
        vendor = VENDOR_SPACE.fullmatch(space) if code == VENDORS[self.family.number] else None
        enterprise = int(vendor[1]) if vendor else 0
        return SubRule(
            container=Container(family=self.family.number, code=code, definition=outer, enterprise=enterprise),
            rule=rule,
            container_add=section.get("container-add"),
            container_remove=section.get("container-remove"),
        )

    def rule(self, section: Section, space: str, classes: tuple[str, ...]) -> Rule | None:
        """One rule; None if something is wrong with it."""
        if section.node.value.keys() - section.values.keys():
            return None  # A keyword was reported already; what is left of the entry would only mislead.
        actions = [action for action in ACTIONS if action in section.node.value]
        if len(actions) != 1:
            which = f"{' and '.join(actions)} are given" if actions else "none is given"
            section.wrong("", f"an entry has exactly one of {', '.join(ACTIONS)}; {which}")
            return None
        code = self.code(section, space)
        expression = compiled(section, actions[0], self.family, self.definitions)
        definition = None
        if code is not None and section.get("csv-format"):
            definition = self.definitions.by_code(space, code)
            if definition is None:
                section.wrong(
                    "csv-format", f"option {code} of the space {space} has no definition; add one to option-def"
                )
        if code is None or expression is None:
            return None
        return Rule(
            action=actions[0],
            code=code,
            expression=expression,
            family=self.family.number,
            definition=definition,
            client_classes=classes,
        )

    def code(self, section: Section, space: str) -> int | None:
        """The code of an option by its name or number; None if it was reported."""
        code, name = section.get("code"), section.get("name")
        if code is None and name is None:
            section.wrong("", "an option is named by its name or its code; add one")
            return None
        if code is not None and (code > self.family.highest_code or self.reserved(space, code)):
            section.wrong("code", f"no option has the code {code}; give that of the option to be changed")
            return None
        if name is None:
            return code  # type: ignore[no-any-return]
        definition = self.definitions.by_name(space, name)
        if definition is None:
            near = suggestion(name, [each.name for each in self.definitions if each.space == space])
            section.wrong("name", f'there is no option "{name}" in the space {space}{near or "; give its code"}')
            return None
        if code not in (None, definition.code):
            section.wrong("name", f"{name} has the code {definition.code}, not {code}; keep one of the two")
            return None
        return definition.code

    def reserved(self, space: str, code: int) -> bool:
        return space == self.family.space and code in RESERVED[self.family.number]


def guards(section: Section) -> tuple[str, ...]:
    name = section.get("client-class")
    return (name,) if name else ()


@implementer(IProviderFactory)
class _FlexOptionFactory:
    """Makes it of the parameters of Kea's library."""

    name = "flex_option"
    parameters = tuple(TABLES["flex_option"])

    def make(self, parameters: Mapping[str, Any], site: Any) -> FlexOption:
        configuration = site.configuration
        with judged(parameters, self.name, TABLES) as section:
            made = Entries(BY_NUMBER[configuration.family], definitions_of(configuration))
            rules = made.rules(section.sections("options"))
        return FlexOption(rules, site.log)


FLEX_OPTION: Final = _FlexOptionFactory()
"""The factory for ``libdhcp_flex_option.so``."""
