"""The effective configuration in Kea's syntax, defaults included (Kea A021)."""

from __future__ import annotations

from typing import Any

from txkea.config.families import Family, Values
from txkea.config.scopes import bounded, inherit, plain
from txkea.config.structure import Section

__all__ = ["tree"]


def tree(dhcp: Section, family: Family) -> dict[str, Any]:
    """What ``config-get`` prints for the sections as they are now: new spellings, ids and option names completed."""
    values = inherit(dhcp, family.outermost, family)
    return {family.top: {**scope(dhcp, values, family), **inner(dhcp, values, family)}}


def nested(family: Family) -> tuple[str, str]:
    return family.subnets, "shared-networks"


def scope(section: Section, values: Values, family: Family) -> dict[str, Any]:
    """A scope with what it inherits written out."""
    apart = nested(family)
    own = {
        name: plain(value)
        for name, row in section.table.items()
        if not row.becomes and name not in values and name not in apart and (value := section.get(name)) is not None
    }
    return {**own, **{name: value for name, value in values.items() if name in section.table}}


def inner(section: Section, outer: Values, family: Family) -> dict[str, Any]:
    """The networks and subnets of a scope, as complete as itself."""
    found: dict[str, Any] = {}
    for name in nested(family):
        if name in section.table:
            found[name] = []
            for each in section.sections(name):
                values = inherit(each, outer, family)
                complete = scope(each, bounded(without_network(each, values, family), family), family)
                found[name].append({**complete, **inner(each, values, family)})
    return found


def without_network(section: Section, values: Values, family: Family) -> Values:
    """Less what a subnet has from its network alone: it inherits that anew, and its own may exclude it (Kea B015)."""
    network = section.parent.nodes if section.parent else {}
    left = {name for name in family.from_network if name in network and name not in section.nodes}
    return {name: value for name, value in values.items() if name not in left} if left else values
