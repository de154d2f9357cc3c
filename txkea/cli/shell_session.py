"""A conversation with servers: each line a command, as long as somebody types."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import click
from twisted.internet.defer import Deferred, gatherResults

from txkea.cli.columns import Line, aligned, line, show
from txkea.cli.connection import Answered, Server, worst
from txkea.cli.display_answers import lines
from txkea.cli.shell_arguments import typed
from txkea.cli.shell_line import Editor
from txkea.cli.shell_words import WORDS, Words
from txkea.cli.waiting import Wait
from txkea.errors import TxkeaError
from txkea.logs.pattern import printable

__all__ = ["Session"]

PROMPT: Final = "kea> "
OWN: Final = {
    "exit": "end; so does Ctrl-D",
    "help": "what there is; with the name of a command, what that does",
    "quit": "end",
}
"""Words that are no commands of a server."""
ENDS: Final = ("exit", "quit")
NOTATION: Final = "a | b: either; a?: may be left out. Write NAME=VALUE, or all arguments as JSON."


class Session:
    """Sends commands and shows answers; `send` and `run` give the exit status."""

    def __init__(self, servers: Sequence[Server], wait: Wait, as_json: bool) -> None:
        self._servers = servers
        self._wait = wait
        self._as_json = as_json
        self._names: Sequence[str] = ()

    def send(self, command: str, arguments: Any) -> int:
        """One command to all servers. Raises `TxkeaError` if none gives an answer."""
        answers, errors = self._answers(command, arguments)
        if not answers:
            raise errors[0]
        for error in errors:
            told_error(error)
        replies = [reply for each in answers for reply in each.replies]
        if self._as_json:
            for each in answers:
                click.echo(each.raw)
        else:
            show(lines(replies))
        return 1 if errors else worst(replies)

    def _answers(self, command: str, arguments: Any) -> tuple[Sequence[Answered], Sequence[TxkeaError]]:
        found = self._wait(partial(self._asked, command, arguments))
        return [each for each in found if isinstance(each, Answered)], [e for e in found if isinstance(e, TxkeaError)]

    async def _asked(self, command: str, arguments: Any) -> Sequence[Answered | TxkeaError]:
        """What each server answers, or why it does not: that shall keep no other's answer back."""

        async def ask(server: Server) -> Answered | TxkeaError:
            try:
                return await server.forward(command, arguments)
            except TxkeaError as error:
                return error

        asked = [Deferred.fromCoroutine(ask(each)) for each in self._servers]
        found: Sequence[Answered | TxkeaError] = await gatherResults(asked, consumeErrors=True)
        return found

    # -- many ----------------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Commands from the terminal; or from lines of standard input, and then the status is that of the last one."""
        self._names = self._commands()
        if not sys.stdin.isatty():
            return self._script()
        show([line(f"{len(self._names)} commands at {', '.join(each.where for each in self._servers)}; try help")])
        editor = Editor(self._names, OWN)
        try:
            return self._converse(editor)
        finally:
            editor.close()

    def _commands(self) -> Sequence[str]:
        """What all servers understand together."""
        answers, errors = self._answers("list-commands", None)
        if not answers:
            raise errors[0]
        replies = [reply for each in answers for reply in each.replies]
        found = [reply.arguments for reply in replies if isinstance(reply.arguments, list)]
        return sorted({name for names in found for name in names if isinstance(name, str)})

    def _script(self) -> int:
        status = 0
        for text in sys.stdin:
            if text.strip() in ENDS:
                break
            if text.strip() and not text.lstrip().startswith("#"):
                status = self._obey(text)
        return status

    def _converse(self, editor: Editor) -> int:
        while True:
            try:
                text = editor.read(PROMPT)
            except KeyboardInterrupt:
                click.echo()
                continue
            except EOFError:
                click.echo()
                return 0
            if text.strip() in ENDS:
                return 0
            if text.strip():
                self._obey(text)

    def _obey(self, text: str) -> int:
        """One line; what is wrong with it is told, and ends nothing."""
        try:
            first, *names = text.split()
            if first == "help":
                self._help(names)
                return 0
            return self.send(*typed(text))
        except KeyboardInterrupt:
            click.echo("given up; the server may do it all the same", err=True)
        except TxkeaError as error:
            told_error(error)
        return 1

    # -- help ----------------------------------------------------------------------------------------------------------

    def _help(self, names: Sequence[str]) -> None:
        if names:
            show(line for name in names for line in told(name))
            return
        known = [(name, WORDS[name].text if name in WORDS else "") for name in self._names]
        show(aligned(("", ""), [[*known, *OWN.items()]]))


def told_error(error: TxkeaError) -> None:
    """Say on standard error why there is no answer."""
    click.echo(f"{click.style('error:', fg='red')} {printable(str(error))}", err=True)


def told(name: str) -> Iterator[Line]:
    """What is known of a command."""
    words = WORDS.get(name) or (Words(OWN[name]) if name in OWN else None)
    if words is None:
        yield line(f"{name}: no words about it here; the manual of the server has some")
        return
    yield line(f"{name}: {words.text}")
    if words.notation:
        yield line(f"  {words.notation}")
        yield line(f"  ({NOTATION})")
    elif name not in OWN:
        yield line("  (no arguments)")
