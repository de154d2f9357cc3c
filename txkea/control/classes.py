"""The commands that look at client classes and change them (Kea G064)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zope.interface import implementer

from txkea.config.families import BY_NUMBER
from txkea.control.answer import Answer, Result
from txkea.control.arguments import Arguments
from txkea.control.edits import Absent, Draft, Edited
from txkea.interfaces import ICommands

__all__ = ["ClassCommands"]

CLASSES = "client-classes"
Map = Mapping[str, Any]


@implementer(ICommands)
class ClassCommands:
    """``class-list`` and its kin; what stays keeps its place in the order of evaluation."""

    def __init__(self, daemon: Edited) -> None:
        self._daemon = daemon
        self._family = BY_NUMBER[daemon.configuration.family]

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        return {
            "class-add": self._add,
            "class-del": self._delete,
            "class-get": self._get,
            "class-list": self._list,
            "class-update": self._update,
        }

    def _list(self, arguments: Any) -> Answer:
        Arguments(arguments, ())
        found = [{"name": each.name} for each in self._daemon.configuration.client_classes]
        text = f"{len(found)} class{'' if len(found) == 1 else 'es'} found"
        return Answer(Result.SUCCESS if found else Result.EMPTY, text, {CLASSES: found})

    def _get(self, arguments: Any) -> Answer:
        name = Arguments(arguments, ("name",)).text("name")
        for each in self._daemon.tree[self._family.top].get(CLASSES, ()):
            if each["name"] == name:
                return Answer(text=f"Class '{name}' definition returned", arguments={CLASSES: [each]})
        return Answer(Result.EMPTY, f"Class '{name}' not found")

    async def _add(self, arguments: Any) -> Answer:
        """Add a class behind all others, on which it may depend."""
        one, name = _given(arguments)
        await self._daemon.change(lambda written: Draft(self._family, written).own(CLASSES).append(one))
        return Answer(text=f"Class '{name}' added.")

    async def _update(self, arguments: Any) -> Answer:
        one, name = _given(arguments)

        def edit(classes: list[Any], at: int) -> None:
            classes[at] = one

        return await self._changed(name, edit, "updated")

    async def _delete(self, arguments: Any) -> Answer:
        """Delete a class; that others depend on it, the check of the configuration tells."""
        name = Arguments(arguments, ("name",)).text("name")
        return await self._changed(name, list.pop, "deleted")

    async def _changed(self, name: str, change: Callable[[list[Any], int], object], what: str) -> Answer:
        def edit(written: dict[str, Any]) -> None:
            classes = Draft(self._family, written).own(CLASSES)
            for at, each in enumerate(classes):
                if each["name"] == name:
                    change(classes, at)
                    return
            raise Absent(f"Class '{name}' not found")

        try:
            await self._daemon.change(edit)
        except Absent as error:
            return Answer(Result.EMPTY, str(error))
        return Answer(text=f"Class '{name}' {what}.")


def _given(arguments: Any) -> tuple[Map, str]:
    """The one class that came with a command, and its name."""
    one = Arguments(arguments, (CLASSES,)).only(CLASSES)
    return one, Arguments(one, one).text("name")
