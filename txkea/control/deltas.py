"""Parts of a subnet that are added to it, or taken from it (Kea G062)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Final

from txkea.config.families import Family
from txkea.config.keywords import Keyword
from txkea.config.kinds import Each, In
from txkea.errors import TxkeaError
from txkea.wire.definition import OptionDefinition

__all__ = ["Deltas"]

Map = Mapping[str, Any]

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "subnet4": ("id", "subnet"),
    "subnet6": ("id", "subnet"),
    "pools": ("pool",),
    "pd-pools": ("prefix", "prefix-len", "delegated-len"),
    "option-data": ("code", "name", "space"),
}
"""What tells the members of a list apart; it is neither added nor taken away."""


class Deltas:
    """Changes of subnets of one family; ``definitions`` are the configured options.

    In both the subnet and the change, old spellings give way to new ones: what one says in an old spelling and the
    other in a new one is the same. Methods raise `TxkeaError` for a change that tells not what it is about.
    """

    def __init__(self, family: Family, definitions: Iterable[OptionDefinition]) -> None:
        self._family = family
        self._definitions = family.standard.extended(definitions)

    def added(self, subnet: Map, delta: Map) -> Map:
        """A subnet with values replaced, and with pools, options and names added or replaced."""
        self._check(subnet, delta)
        return self._added(self._family.subnets, subnet, delta)

    def removed(self, subnet: Map, delta: Map) -> Map:
        """A subnet without the values, pools, options and names that the change names, whatever their values.

        Of a pool that is named with more than its key, only that is taken away.
        """
        self._check(subnet, delta)
        return self._removed(self._family.subnets, subnet, delta)

    def _check(self, subnet: Map, delta: Map) -> None:
        if "reservations" in delta:
            raise TxkeaError("'reservations' have commands of their own: reservation-add, -update and -del")
        prefix = delta.get("subnet", subnet["subnet"])
        try:
            same = self._family.prefix(prefix) == self._family.prefix(subnet["subnet"])
        except (AttributeError, ValueError):
            same = False
        if not same:
            raise TxkeaError(f"'subnet' of id {subnet['id']} is {subnet['subnet']}, not {prefix!r}; leave it out")

    # -- adding --------------------------------------------------------------------------------------------------------

    def _added(self, keyword: str, old: Map, delta: Map) -> Map:
        found = self._modern(keyword, old)
        for name, value in self._modern(keyword, delta).items():
            found[name] = self._merged(name, found.get(name), value)
        return found

    def _merged(self, name: str, old: Any, new: Any) -> Any:
        if isinstance(old, dict) and isinstance(new, dict):
            return self._added(name, old, new)
        if not isinstance(old, list) or not isinstance(new, list):
            return new
        if name not in KEYS:
            return [*old, *(value for value in new if value not in old)]
        found = list(old)
        for member in new:
            self._enter(name, found, member)
        return found

    def _enter(self, name: str, members: list[Any], new: Any) -> None:
        """Put a member in the place of the one that it is about, or behind all."""
        key = self._key(name, new)
        for at, old in enumerate(members):
            if self._key(name, old) == key:
                # Half of an option and half of another are no option.
                members[at] = new if name == "option-data" else self._added(name, old, new)
                return
        members.append(new)

    # -- taking away ---------------------------------------------------------------------------------------------------

    def _removed(self, keyword: str, old: Map, delta: Map) -> Map:
        found = self._modern(keyword, old)
        for name, value in self._modern(keyword, delta).items():
            if name in found and name not in KEYS.get(keyword, ()):
                left = self._left(name, found.pop(name), value)
                if left is not None:
                    found[name] = left
        return found

    def _left(self, name: str, old: Any, gone: Any) -> Any:
        """What is left of a value; None for nothing."""
        if isinstance(old, dict) and isinstance(gone, dict):
            return self._removed(name, old, gone) or None if gone else None
        if not isinstance(old, list) or not isinstance(gone, list):
            return None
        if name not in KEYS:
            return [value for value in old if value not in gone]
        parts = {self._key(name, member): member for member in gone}
        return [
            member if key not in parts else self._removed(name, member, parts[key])
            for member in old
            if (key := self._key(name, member)) not in parts or not _is_whole(name, parts[key])
        ]

    # -- what is the same ----------------------------------------------------------------------------------------------

    def _key(self, name: str, member: Any) -> Hashable:
        """What tells a member of a list from the others."""
        if isinstance(member, dict):
            try:
                return self._option(member) if name == "option-data" else self._pool(name, member)
            except (AttributeError, KeyError, TypeError, ValueError):
                pass
        raise TxkeaError(f"'{name}' has a member that does not say what it is about; give {', '.join(KEYS[name])}")

    def _pool(self, name: str, pool: Map) -> Hashable:
        if name == "pools":
            return self._family.pool(pool["pool"])
        return self._family.address(pool["prefix"]), int(pool["prefix-len"]), int(pool["delegated-len"])

    def _option(self, option: Map) -> Hashable:
        space, code = option.get("space", self._family.space), option.get("code")
        if code is None:
            name = option["name"]
            definition = self._definitions.by_name(space, name)
            code = definition.code if definition else name
        hash((space, code))  # a TypeError now rather than later
        return space, code

    def _modern(self, keyword: str, written: Map) -> dict[str, Any]:
        """A map with new spellings; what is wrong or stands twice is left for the configuration's own checks."""
        table = self._family.maps.get(keyword, {})
        found: dict[str, Any] = {}
        for name, value in written.items():
            row = table.get(name)
            new = row.becomes(value) if row and row.becomes and _fits(row, value) else {name: value}
            found.update({name: value} if new.keys() & (written.keys() - {name}) else new)
        return found


def _is_whole(name: str, part: Map) -> bool:
    """Whether all of a member is meant, for nothing but its key is given; an option has no parts."""
    return name == "option-data" or not {key for key, value in part.items() if key not in KEYS[name] and value != []}


def _fits(row: Keyword, value: Any) -> bool:
    """Whether a value is of a keyword's kind, as far as its new spelling depends on that."""
    if isinstance(row.kind, (Each, In)):
        return isinstance(value, list if isinstance(row.kind, Each) else dict)
    try:
        row.kind.check(value)
    except ValueError:
        return False
    return True
