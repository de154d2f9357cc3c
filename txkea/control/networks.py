"""The commands that look at shared networks and change them (Kea G061)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from zope.interface import implementer

from txkea.config.families import BY_NUMBER
from txkea.control.answer import Answer, Result
from txkea.control.arguments import Arguments
from txkea.control.edits import NETWORKS, Absent, Draft, Edited
from txkea.errors import TxkeaError
from txkea.interfaces import ICommands

__all__ = ["NetworkCommands"]

T = TypeVar("T")
ACTION = "subnets-action"


@implementer(ICommands)
class NetworkCommands:
    """``network4-list`` and its kin, or those of DHCPv6."""

    def __init__(self, daemon: Edited) -> None:
        self._daemon = daemon
        self._family = BY_NUMBER[daemon.configuration.family]
        self._label = f"IPv{self._family.number}"

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        name = f"network{self._family.number}"
        return {
            f"{name}-add": self._add,
            f"{name}-del": self._delete,
            f"{name}-get": self._get,
            f"{name}-list": self._list,
            f"{name}-subnet-add": self._subnet_add,
            f"{name}-subnet-del": self._subnet_del,
        }

    # -- reading -------------------------------------------------------------------------------------------------------

    def _list(self, arguments: Any) -> Answer:
        Arguments(arguments, ())
        found = [{"name": network.name} for network in self._daemon.configuration.networks]
        text = f"{len(found)} {self._label} network(s) found"
        return Answer(Result.SUCCESS if found else Result.EMPTY, text, {NETWORKS: found})

    def _get(self, arguments: Any) -> Answer:
        name = Arguments(arguments, ("name",)).text("name")
        for network in self._daemon.tree[self._family.top][NETWORKS]:
            if network["name"] == name:
                text = f"Info about {self._label} shared network '{name}' returned"
                return Answer(text=text, arguments={NETWORKS: [network]})
        return Answer(Result.EMPTY, f"no {self._label} shared network with name '{name}' found")

    # -- changing ------------------------------------------------------------------------------------------------------

    async def _add(self, arguments: Any) -> Answer:
        network = Arguments(arguments, (NETWORKS,)).only(NETWORKS)
        name = Arguments(network, network).text("name")

        def edit(draft: Draft) -> None:
            subnets = network.get(self._family.subnets)
            more = {self._family.subnets: draft.numbered(subnets)} if isinstance(subnets, list) else {}
            draft.own(NETWORKS).append({**network, **more})

        await self._change(edit)
        return Answer(text=f"A new {self._label} shared network '{name}' added", arguments={NETWORKS: [{"name": name}]})

    async def _delete(self, arguments: Any) -> Answer:
        """Delete a network; its subnets go on by themselves, unless they are to be deleted with it."""
        given = Arguments(arguments, ("name", ACTION))
        name, action = given.text("name"), given.one_of(ACTION, ("keep", "delete"), "keep")

        def edit(draft: Draft) -> None:
            gone = draft.own(NETWORKS).pop(draft.network(name))
            if action == "keep":
                draft.own_subnets().extend(gone.get(self._family.subnets, ()))

        try:
            await self._change(edit)
        except Absent as error:
            return Answer(Result.EMPTY, str(error))
        return Answer(text=f"{self._label} shared network '{name}' deleted", arguments={NETWORKS: [{"name": name}]})

    async def _subnet_add(self, arguments: Any) -> Answer:
        def edit(draft: Draft, name: str, subnet_id: int) -> str:
            network, place = draft.network(name), draft.place(subnet_id)
            if place.network is not None:
                holder = draft.networks[place.network]["name"]
                mend = f"take it out with network{self._family.number}-subnet-del first"
                raise TxkeaError(f"{self._label} subnet with id {subnet_id} is in shared network '{holder}'; {mend}")
            draft.own_subnets(network).append(draft.own_subnets().pop(place.at))
            return str(place.subnet["subnet"])

        return await self._move(arguments, edit, "now part of")

    async def _subnet_del(self, arguments: Any) -> Answer:
        def edit(draft: Draft, name: str, subnet_id: int) -> str:
            network, place = draft.network(name), draft.place(subnet_id)
            if place.network != network:
                raise Absent(f"{self._label} subnet with id {subnet_id} is not part of shared network '{name}'")
            draft.own_subnets().append(draft.own_subnets(network).pop(place.at))
            return str(place.subnet["subnet"])

        return await self._move(arguments, edit, "now removed from")

    async def _move(self, arguments: Any, edit: Callable[[Draft, str, int], str], what: str) -> Answer:
        """Let a subnet change its place; ``edit`` gives its prefix."""
        given = Arguments(arguments, ("name", "id"))
        name, subnet_id = given.text("name"), given.number("id", 1)
        try:
            prefix = await self._change(lambda draft: edit(draft, name, subnet_id))
        except Absent as error:
            return Answer(Result.EMPTY, str(error))
        return Answer(text=f"{self._label} subnet {prefix} (id {subnet_id}) is {what} shared network '{name}'")

    async def _change(self, edit: Callable[[Draft], T]) -> T:
        return await self._daemon.change(lambda written: edit(Draft(self._family, written)))
