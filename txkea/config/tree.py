"""The effective configuration in Kea's syntax, defaults included (Kea A021)."""

from __future__ import annotations

from typing import Any

from txkea.config.scopes import Values, inherit, plain
from txkea.config.structure import Section

__all__ = ["tree4"]

NESTED = ("subnet4", "shared-networks")


def tree4(dhcp: Section, outermost: Values) -> dict[str, Any]:
    """What ``config-get`` prints for the sections as they are now: new spellings, ids and option names completed."""
    values = inherit(dhcp, outermost)
    return {"Dhcp4": {**scope(dhcp, values), **inner(dhcp, values)}}


def scope(section: Section, values: Values) -> dict[str, Any]:
    """A scope with what it inherits written out."""
    own = {
        row.name: plain(section.get(row.name))
        for row in section.table.values()
        if not row.becomes and row.name not in NESTED and row.name not in values and section.get(row.name) is not None
    }
    return {**own, **{name: value for name, value in values.items() if name in section.table}}


def inner(section: Section, outer: Values) -> dict[str, Any]:
    """The networks and subnets of a scope, as complete as itself."""
    found: dict[str, Any] = {}
    for name in NESTED:
        if name in section.table:
            found[name] = []
            for each in section.sections(name):
                values = inherit(each, outer)
                default = values["valid-lifetime"]
                bounds = {"min-valid-lifetime": default, "max-valid-lifetime": default, **values}
                found[name].append({**scope(each, bounds), **inner(each, values)})
    return found
