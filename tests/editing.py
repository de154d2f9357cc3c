"""What the tests of live edits share: a server that is nothing but its configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from txkea.config.edited import edited, opened
from txkea.config.load import configuration
from txkea.config.text import from_json
from txkea.control.answer import encode
from txkea.control.registry import Registry
from txkea.control.request import Request
from txkea.interfaces import ICommands
from txkea.logs.logs import Logs

__all__ = ["EditCase", "EditedDaemon"]

T = TypeVar("T")


class EditedDaemon:
    """A server of one family that has nothing but a configuration, which is checked as a real one's is."""

    def __init__(self, number: int, written: Mapping[str, Any]) -> None:
        self.number = number
        self.top = f"Dhcp{number}"
        self.configuration = configuration(from_json({self.top: written}), number)

    @property
    def tree(self) -> Mapping[str, Any]:
        return self.configuration.tree

    @property
    def written(self) -> Mapping[str, Any]:
        """The map as an operator wrote it and commands have changed it."""
        found: Mapping[str, Any] = self.configuration.written[self.top]
        return found

    async def change(self, edit: Callable[[dict[str, Any]], T]) -> T:
        """As the real one; what is in force stays as it is until the edit is good."""
        given, before = self.written, deepcopy(self.written)
        document = opened(self.configuration.written, self.top)
        try:
            gave = edit(document[self.top])
        finally:
            assert given == before, "an edit has changed what is in force"
        self.configuration = edited(document, self.configuration)
        return gave


class EditCase(SynchronousTestCase):
    """Commands of one family about a configuration."""

    number = 4

    def setUp(self) -> None:
        self.logs = Logs(default=self.mktemp())
        self.addCleanup(self.logs.close)

    def begin(self, commands: Callable[[EditedDaemon], ICommands], **written: Any) -> None:
        """A server with a configuration, and the commands about it."""
        self.daemon = EditedDaemon(self.number, {name.replace("_", "-"): value for name, value in written.items()})
        self.registry = Registry(self.logs.logger("commands"), [commands(self.daemon)])

    def ask(self, command: str, arguments: Any = None) -> Any:
        """The answer as a client sees it."""

        async def answer() -> str:
            return "".join([piece async for piece in encode(await self.registry.run(Request(command, arguments)))])

        return json.loads(self.successResultOf(Deferred.fromCoroutine(answer())))

    def told(self, command: str, arguments: Any = None) -> tuple[int, str]:
        """Result and text of an answer."""
        answer = self.ask(command, arguments)
        return answer["result"], answer["text"]

    def refused(self, command: str, arguments: Any, *words: str) -> None:
        """A command fails with these words in its text, and changes nothing."""
        before = self.daemon.configuration
        answer = self.ask(command, arguments)
        self.assertEqual(answer["result"], 1, (arguments, answer))
        self.assertNotIn("inside the server", answer["text"])
        for word in words:
            self.assertIn(word, answer["text"], arguments)
        self.assertIs(self.daemon.configuration, before)
