"""All commands by name, and the one place that turns whatever happens into an answer (Kea G004-G008)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from inspect import isawaitable
from traceback import format_exception
from typing import Any

from zope.interface import implementer

from txkea.control.answer import Answer, ConflictError, Result
from txkea.control.request import Request
from txkea.errors import ConfigError, TxkeaError
from txkea.interfaces import ICommands, ILogger

__all__ = ["Answer", "Registry", "Result"]

Command = Callable[[Any], Any]


@implementer(ICommands)
class Registry:
    """The commands of several providers, and ``list-commands``."""

    def __init__(self, log: ILogger, providers: Iterable[ICommands] = ()) -> None:
        self._log = log
        self._commands: Mapping[str, Command] = {}
        self.provide(providers)

    def provide(self, providers: Iterable[ICommands]) -> None:
        """Offer the commands of these providers, and no others any more.

        Raises `ConfigError` if two provide the same; then nothing has changed.
        """
        self._commands = self.merged(providers)

    def merged(self, providers: Iterable[ICommands]) -> Mapping[str, Command]:
        """The commands that would be offered. Raises `ConfigError` if two provide the same.

        Its path and position are those of the later one, if it has a ``path`` and a ``position``.
        """
        merged: dict[str, Command] = {}
        for provider in (self, *providers):
            for name, command in provider.commands().items():
                if name in merged:
                    where = getattr(provider, "path", ""), getattr(provider, "position", None)
                    raise ConfigError(f"there is a command {name!r} already; leave this provider out", *where)
                merged[name] = command
        return merged

    def commands(self) -> Mapping[str, Command]:
        """What the registry itself can do."""
        return {"list-commands": self._list_commands}

    def _list_commands(self, arguments: Any) -> Answer:
        return Answer(arguments=sorted(self._commands))

    async def run(self, request: Request) -> Answer:
        """The answer to a request; never raises."""
        command = self._commands.get(request.command)
        if self._log.info:
            self._log.info("COMMAND_RECEIVED", f"received command {request.command[:100]!r}")
        if command is None:
            return Answer(Result.UNSUPPORTED, f"'{request.command}' command not supported.")
        try:
            answer = command(request.arguments)
            if isawaitable(answer):
                answer = await answer
            if isinstance(answer, str):
                return Answer(text=answer)
            if not isinstance(answer, Answer):
                raise TypeError(f"{command!r} gave {answer!r}, which is no Answer")
        except ConflictError as error:
            return Answer(Result.CONFLICT, str(error))
        except TxkeaError as error:
            return Answer(Result.ERROR, str(error))
        except Exception as error:  # noqa: BLE001 - a fault in a command must not reach the channel
            self._report(request.command, error)
            return Answer(
                Result.ERROR, f"the command {request.command!r} failed inside the server; its log has the details"
            )
        return answer

    def _report(self, name: str, error: Exception) -> None:
        if self._log.error:
            for line in "".join(format_exception(error)).splitlines():
                self._log.error("COMMAND_FAILED", f"command {name!r}: {line}")
