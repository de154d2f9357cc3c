"""Client classes: how members are known, and what they get (Kea A083, D001-D016, D049)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from txkea.classify.order import BUILT_IN, Entry, phases, problems
from txkea.config.expressions import compiled
from txkea.config.families import Family
from txkea.config.options import REPLACEABLE, Options, option_definitions
from txkea.config.reservations import context, fixed_fields
from txkea.config.scopes import check_bounds, lifetime
from txkea.config.structure import Section
from txkea.model.configuration import ClientClass, Lifetime
from txkea.wire.definition import OptionDefinition

__all__ = ["Classes", "client_classes"]


class Classes(NamedTuple):
    """The classes in the order of the file."""

    found: tuple[ClientClass, ...]
    late: frozenset[str]
    """Those that depend on KNOWN or UNKNOWN, with these themselves: evaluated when subnets are chosen already."""


def client_classes(dhcp: Section, options: Options, family: Family) -> Classes:
    """The classes; mistakes are reported."""
    sections = dhcp.sections("client-classes")
    made = [client_class(section, options, family) for section in sections]
    entries = [entry(section, options, family) for section in sections]
    report(sections, entries)
    late = [entries[index].name for index in phases(entries).second]
    return Classes(tuple(filter(None, made)), frozenset(("KNOWN", "UNKNOWN", *late)))


def client_class(section: Section, options: Options, family: Family) -> ClientClass | None:
    definitions = own_definitions(section, family)
    if definitions:
        options = Options(family, options.definitions.extended(definitions))
    data = options.data(section.sections("option-data"))
    lifetimes: dict[str, Any] = {name.replace("-", "_"): own_lifetime(section, name) for name in family.lifetimes}
    check_preferred(section)
    if "name" not in section.values:
        return None
    return ClientClass(
        name=section.values["name"],
        test=section.values.get("test", ""),
        template_test=section.values.get("template-test", ""),
        only_if_additional=section.get("only-in-additional-list"),
        options=data,
        option_definitions=tuple(definitions),
        offer_lifetime=section.values.get("offer-lifetime"),
        user_context=context(section),
        **lifetimes,
        **fixed_fields(section),
    )


# -- how members are known ---------------------------------------------------------------------------------------------

IN_TIME: Final = (*BUILT_IN, "DROP")
"""What is decided before anything is chosen, or never."""


def entry(section: Section, options: Options, family: Family) -> Entry:
    """When a class is evaluated; what is wrong with its expressions is reported."""
    test, template = [compiled(section, keyword, family, options.definitions) for keyword in ("test", "template-test")]
    if "test" in section.values and "template-test" in section.values:
        section.wrong("template-test", "a class has a test or a template-test; keep one of the two")
    name, additional = section.values.get("name", ""), section.get("only-in-additional-list")
    if additional and name in IN_TIME:
        section.wrong("only-in-additional-list", f"{name} is decided before anything is chosen; delete this")
    return Entry(name, test or template, additional)


def report(sections: Sequence[Section], entries: Sequence[Entry]) -> None:
    """Report names that stand twice, and classes that are asked for before they are there (Kea D013, D015)."""
    for index, message, column in problems(entries):
        section = sections[index]
        if column is None and "name" in section.values:
            section.wrong("name", message)
        elif column is not None:
            section.wrong_within("test" if "test" in section.values else "template-test", message, column - 1)


# -- what members get --------------------------------------------------------------------------------------------------

ELSEWHERE: Final = "a class defines options 43 and 224-254 of {} only; move this to the global option-def"


def own_definitions(section: Section, family: Family) -> list[OptionDefinition]:
    """What options look like that mean something else to each class, of those that may (Kea A083)."""
    return option_definitions([each for each in section.sections("option-def") if is_deferred(each, family)], family)


def is_deferred(section: Section, family: Family) -> bool:
    """Whether an option is one that is read after classification (Kea A096); reported if it is not."""
    space, code = section.get("space") or family.space, section.get("code")
    if code is None or (space == family.space and code in REPLACEABLE[family.number]):
        return True
    section.wrong("code", ELSEWHERE.format(family.space))
    return False


def own_lifetime(section: Section, name: str) -> Lifetime | None:
    """The lifetime of a class's members; completes the section where one bound stands for the lifetime, as in Kea."""
    bounds = [bound for bound in (f"min-{name}", f"max-{name}") if bound in section.values]
    if name not in section.values:
        if len(bounds) != 1:
            if bounds:
                section.wrong(bounds[0], f"bounds go with the {name} that they are of; add it")
            return None
        section.warn(bounds[0], f"without {name} this is no bound: it is the lifetime itself")
        section.values[name] = section.values.pop(bounds[0])
    check_bounds(section, section.values, name)
    return lifetime(section.values, name)


def check_preferred(section: Section) -> None:
    """Warn of a preferred lifetime that ends with the valid one."""
    preferred, valid = section.values.get("preferred-lifetime"), section.values.get("valid-lifetime")
    if preferred is not None and valid is not None and preferred > valid:
        section.warn("preferred-lifetime", f"this is longer than valid-lifetime {valid}, so it ends with that")
