"""What every server has in common: a configuration from a file, which is replaced as a whole while it runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.threads import deferToThreadPool

from txkea.config.text import Document, from_json, load
from txkea.config.written import text
from txkea.control.agent import Router
from txkea.control.configuration import Written
from txkea.control.files import Directory
from txkea.control.http import HttpChannel
from txkea.control.pages import Page
from txkea.errors import ConfigErrors, TxkeaError
from txkea.logs.logs import Logs
from txkea.model.configuration import ControlSocket, LoggerConfiguration

__all__ = ["DaemonService", "Program"]

T = TypeVar("T")


class Program(Protocol):
    """What tells one of Kea's programs from the others."""

    @property
    def daemon(self) -> str:
        """Its name, which its pid file has, and the root of its loggers."""

    @property
    def top(self) -> str:
        """The map of a configuration that is its own."""

    @property
    def label(self) -> str:
        """As people write it."""

    @property
    def logger(self) -> str:
        """The logger of what it tells about itself."""

    def message(self, identifier: str) -> str:
        """A log message that all servers have, by that of the DHCP servers, such as ``DHCP{}_STARTED``."""


class InForce(Protocol):
    """What every configuration has."""

    @property
    def loggers(self) -> tuple[LoggerConfiguration, ...]:
        """Where lines go."""

    @property
    def tree(self) -> Mapping[str, Any]:
        """What is in force, defaults included."""

    @property
    def written(self) -> Mapping[str, Any]:
        """The document as it was written."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What deserves a line in the log."""


C = TypeVar("C", bound=InForce)


class DaemonService(Service, Generic[C]):
    """A server with a configuration; who inherits says what that means.

    ``path`` is the configuration file. `ConfigErrors` is raised when the service is made, if the file cannot be used.
    """

    exit_value = 0

    def __init__(self, path: str, program: Program, *, reactor: Any, logs: Logs, debug: bool = False) -> None:
        self._path = path
        self._program = program
        self._reactor = reactor
        self._logs = logs
        self._debug = debug
        self._changing = DeferredLock()
        self._log = logs.logger(program.logger)
        self.configuration = self._load()
        self._configure_logs(self.configuration)
        self.started = self.reloaded = reactor.seconds()

    # -- what each server has for itself -------------------------------------------------------------------------------

    def parsed(self, document: Document) -> C:
        """The configuration of a document; raises `ConfigErrors`. May run in a thread."""
        raise NotImplementedError

    async def into_force(self, configuration: C) -> None:
        """Replace the configuration in force; raises `TxkeaError` when the old one stays."""
        raise NotImplementedError

    def refuse(self, configuration: C) -> None:
        """Raise `ConfigError` for what the configuration file may ask for, and a command may not."""

    def opened(self) -> dict[str, Any]:
        """A copy of the document in force, to be edited."""
        return deepcopy(dict(self.configuration.written))

    def edited(self, document: Mapping[str, Any]) -> C:
        """The configuration of such a copy after an edit; raises `ConfigErrors`. Runs in a thread."""
        return self.parsed(from_json(document))

    def _http_channel(self, router: Router, pages: Mapping[str, Page], configured: ControlSocket) -> HttpChannel:
        """An HTTP channel, not yet open; names of files start from the directory of the configuration file."""
        place = partial(os.path.join, os.path.dirname(os.path.abspath(self._path)))
        return HttpChannel(self._reactor, configured, router, pages, self._logs.logger("commands"), place)

    # -- telling -------------------------------------------------------------------------------------------------------

    def _say(self, message: str, text: str) -> None:
        if self._log.info:
            self._log.info(self._program.message(message), text)

    def _warn(self, message: str, text: str) -> None:
        if self._log.warn:
            self._log.warn(self._program.message(message), text)

    def _complain(self, message: str, what: str, error: TxkeaError) -> None:
        """One line for each thing that is wrong."""
        if self._log.error:
            for line in str(error).splitlines():
                self._log.error(self._program.message(message), f"{what}: {line}")

    def _configure_logs(self, configuration: C) -> None:
        for problem in self._logs.configure(configuration.loggers, root=self._program.daemon, debug=self._debug):
            self._warn("DHCP{}_LOGGING_PROBLEM", problem)

    # -- changing ------------------------------------------------------------------------------------------------------

    def _load(self) -> C:
        try:
            return self._read()
        except ConfigErrors as errors:
            self._complain("DHCP{}_CONFIG_LOAD_FAIL", f"configuration error using file {self._path}", errors)
            raise

    def _read(self) -> C:
        return self.parsed(load(self._path))

    async def reload(self) -> None:
        """Put the configuration file into force again; on any error everything stays as it was (Kea A007)."""
        await self._one_at_a_time(self._reload)

    async def _reload(self) -> None:
        self._say("DHCP{}_DYNAMIC_RECONFIGURATION", f"initiate server reconfiguration using file: {self._path}")
        try:
            await self.into_force(await self._in_thread(self._read))
        except TxkeaError as error:
            what = f"dynamic server reconfiguration failed with file: {self._path}"
            self._complain("DHCP{}_DYNAMIC_RECONFIGURATION_FAIL", what, error)
            raise
        text = f"dynamic server reconfiguration succeeded with file: {self._path}"
        self._say("DHCP{}_DYNAMIC_RECONFIGURATION_SUCCESS", text)

    async def replace(self, document: Mapping[str, Any]) -> None:
        """Put a command's document into force; on any error everything stays as it was."""
        await self._one_at_a_time(lambda: self._replace(document))

    async def _replace(self, document: Mapping[str, Any]) -> None:
        await self._put(await self._configured(document))

    async def _put(self, configuration: C) -> None:
        self.refuse(configuration)
        await self.into_force(configuration)

    async def change(self, edit: Callable[[dict[str, Any]], T]) -> T:
        """See `txkea.control.commands.Daemon.change`."""
        changed: T = await self._one_at_a_time(lambda: self._change(edit))
        return changed

    async def _change(self, edit: Callable[[dict[str, Any]], T]) -> T:
        document = self.opened()
        gave = edit(document[self.top])
        await self._put(await self._in_thread(self.edited, document))
        return gave

    async def test(self, document: Mapping[str, Any]) -> C:
        """The configuration that a document would give; raises `ConfigErrors`. Nothing is changed."""
        return await self._configured(document)

    async def _configured(self, document: Mapping[str, Any]) -> C:
        found: C = await self._in_thread(lambda: self.parsed(from_json(document)))
        return found

    async def write(self, name: str) -> Written:
        """See `txkea.control.configuration.Configured.write`; into the directory of the configuration file only."""
        directory = Directory(os.path.dirname(os.path.abspath(self._path)), self._in_thread)
        written: Written = await self._in_thread(self._write, directory, name or os.path.basename(self._path))
        return written

    def _write(self, directory: Directory, name: str) -> Written:
        path = os.path.join(directory.path, directory.name(name))
        return directory.replace(name, text(self.configuration.written, self.top, path).encode())

    async def _one_at_a_time(self, change: Callable[[], Any]) -> Any:
        return await self._changing.run(lambda: Deferred.fromCoroutine(change()))

    def _in_thread(self, call: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """A large configuration takes seconds to read, and nothing slow may hold the reactor."""
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), call, *arguments)

    # -- what commands ask ---------------------------------------------------------------------------------------------

    @property
    def top(self) -> str:
        """The map of a document that is this server's."""
        return self._program.top

    @property
    def tree(self) -> Mapping[str, Any]:
        """The effective configuration."""
        return self.configuration.tree

    def shutdown(self, exit_value: int) -> None:
        """End the process with this exit status, once answers under way have left."""
        self.exit_value = exit_value
        self._reactor.callLater(0.05, self._reactor.stop)
