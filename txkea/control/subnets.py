"""The commands that look at subnets and change them (Kea G057-G063).

A change is an edit of the configuration as it was written: what is wrong with the result is told by the configuration's
own checks, and what a subnet inherits it inherits as if it stood in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zope.interface import implementer

from txkea.config.families import BY_NUMBER, Family
from txkea.control.answer import Answer, Result
from txkea.control.arguments import Arguments
from txkea.control.deltas import Deltas
from txkea.control.edits import Absent, Draft, Edited
from txkea.errors import TxkeaError
from txkea.interfaces import ICommands

__all__ = ["SubnetCommands", "brief", "shown_subnets"]

Map = Mapping[str, Any]
RESERVATIONS = "reservations"


@implementer(ICommands)
class SubnetCommands:
    """``subnet4-list`` and its kin, or those of DHCPv6."""

    def __init__(self, daemon: Edited) -> None:
        self._daemon = daemon
        self._family = BY_NUMBER[daemon.configuration.family]
        self._label = f"IPv{self._family.number}"

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        name = self._family.subnets
        return {
            f"{name}-add": self._add,
            f"{name}-del": self._delete,
            f"{name}-delta-add": self._delta_add,
            f"{name}-delta-del": self._delta_del,
            f"{name}-get": self._get,
            f"{name}-list": self._list,
            f"{name}-update": self._update,
        }

    # -- reading -------------------------------------------------------------------------------------------------------

    def _list(self, arguments: Any) -> Answer:
        Arguments(arguments, ())
        found = [
            {"id": subnet.id, "subnet": subnet.prefix, "shared-network-name": subnet.network_name or None}
            for subnet in self._daemon.configuration.subnets
        ]
        text = f"{len(found)} {self._label} subnet{'' if len(found) == 1 else 's'} found"
        return Answer(Result.SUCCESS if found else Result.EMPTY, text, {"subnets": found})

    def _get(self, arguments: Any) -> Answer:
        given = Arguments(arguments, ("id", "subnet"))
        if ("id" in given) == ("subnet" in given):
            raise TxkeaError("exactly one of 'id' and 'subnet' tells which subnet to get")
        matches = self._by_id(given) if "id" in given else self._by_prefix(given)
        subnet = next(filter(matches, shown_subnets(self._daemon.tree[self._family.top], self._family)), None)
        if subnet is None:
            what = f"id {given.value('id')}" if "id" in given else f"prefix {given.value('subnet')}"
            return Answer(Result.EMPTY, f"no {self._label} subnet with {what} found")
        return Answer(text=f"Info about {self._named(subnet)} returned", arguments={"subnets": [subnet]})

    def _by_id(self, given: Arguments) -> Callable[[Map], bool]:
        number = given.number("id", 1)
        return lambda subnet: bool(subnet["id"] == number)

    def _by_prefix(self, given: Arguments) -> Callable[[Map], bool]:
        text = given.text("subnet")
        try:
            wanted = self._family.prefix(text)
        except ValueError as error:
            raise TxkeaError(f"'subnet': {error}") from None
        prefixes = {each.id: (each.network, each.length) for each in self._daemon.configuration.subnets}
        return lambda subnet: prefixes[subnet["id"]] == wanted

    def _named(self, subnet: Map) -> str:
        return f"{self._label} subnet {subnet['subnet']} (id {subnet['id']})"

    # -- changing ------------------------------------------------------------------------------------------------------

    async def _add(self, arguments: Any) -> Answer:
        subnet = self._given(arguments)

        def edit(written: dict[str, Any]) -> Map:
            draft = Draft(self._family, written)
            found: tuple[Map, ...] = tuple(draft.numbered([subnet]))
            draft.own_subnets().extend(found)
            return found[0]

        added = await self._daemon.change(edit)
        return Answer(text=f"{self._label} subnet added", arguments={"subnets": [brief(added)]})

    async def _update(self, arguments: Any) -> Answer:
        """Replace a subnet; its reservations stay unless others are given, for they have commands of their own."""
        subnet = self._given(arguments)

        def replaced(old: Map) -> Map:
            kept = {RESERVATIONS: old[RESERVATIONS]} if RESERVATIONS in old else {}
            return {**kept, **subnet}

        return await self._changed(subnet, replaced)

    async def _delta_add(self, arguments: Any) -> Answer:
        delta = self._given(arguments)
        return await self._changed(delta, lambda old: self._deltas().added(old, delta))

    async def _delta_del(self, arguments: Any) -> Answer:
        delta = self._given(arguments)
        return await self._changed(delta, lambda old: self._deltas().removed(old, delta))

    def _deltas(self) -> Deltas:
        return Deltas(self._family, self._daemon.configuration.option_definitions)

    async def _changed(self, given: Map, change: Callable[[Map], Map]) -> Answer:
        """Put what ``change`` makes of a subnet in its place, wherever that is."""
        subnet_id = Arguments(given, given).number("id", 1)

        def edit(written: dict[str, Any]) -> Map:
            draft = Draft(self._family, written)
            place = draft.place(subnet_id)
            changed = draft.own_subnets(place.network)[place.at] = change(place.subnet)
            return changed

        try:
            changed = await self._daemon.change(edit)
        except Absent as error:
            return Answer(Result.EMPTY, str(error))
        return Answer(text=f"{self._label} subnet updated", arguments={"subnets": [brief(changed)]})

    async def _delete(self, arguments: Any) -> Answer:
        subnet_id = Arguments(arguments, ("id",)).number("id", 1)

        def edit(written: dict[str, Any]) -> Map:
            draft = Draft(self._family, written)
            place = draft.place(subnet_id)
            gone: Map = draft.own_subnets(place.network).pop(place.at)
            return gone

        try:
            gone = await self._daemon.change(edit)
        except Absent as error:
            return Answer(Result.EMPTY, str(error))
        return Answer(text=f"{self._named(gone)} deleted", arguments={"subnets": [brief(gone)]})

    def _given(self, arguments: Any) -> Map:
        """The one subnet that came with a command; ``subnets`` is how the manual of Kea 1.6 calls it too."""
        names = (self._family.subnets, "subnets")
        return Arguments(arguments, names).only(*names)


def brief(subnet: Map) -> Map:
    """What tells a subnet from others."""
    return {"id": subnet["id"], "subnet": subnet["subnet"]}


def shown_subnets(top: Map, family: Family) -> list[Map]:
    """All subnets of an effective configuration."""
    inside = [subnet for network in top["shared-networks"] for subnet in network[family.subnets]]
    return [*inside, *top[family.subnets]]
