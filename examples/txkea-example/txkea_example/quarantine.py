"""Clients in quarantine: who is in it is said by command, and what it means by the configuration, for it is a class."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from twisted.python.filepath import FilePath
from zope.interface import implementer

from txkea.config.keywords import NAME, KeywordMap, keyword, keywords
from txkea.config.kinds import Parsed
from txkea.config.parameters import judged
from txkea.control.arguments import Arguments
from txkea.control.registry import Answer, Result
from txkea.errors import ConfigError, TxkeaError
from txkea.exchange.query import Query
from txkea.interfaces import ICommands, IProviderFactory, IQueryArrived

__all__ = ["FACTORY", "Clients", "Quarantine", "QuarantineFactory"]


class Clients:
    """Who is in quarantine, in a file, so that a restart changes nothing."""

    def __init__(self, path: str) -> None:
        self._path = FilePath(path)
        try:
            known = json.loads(self._path.getContent()) if self._path.exists() else []
            self._clients = dict.fromkeys(bytes.fromhex(client) for client in known)
        except (OSError, TypeError, ValueError) as error:
            raise ConfigError(f"{path} cannot be read: {error}; mend or remove it", "file") from None

    def __contains__(self, client: bytes) -> bool:
        return client in self._clients

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._clients)

    def add(self, client: bytes) -> None:
        """Put a client in quarantine. Raises `TxkeaError` if that cannot be written down; then it is not."""
        self._become({**self._clients, client: None})

    def remove(self, client: bytes) -> None:
        """Let a client out. Raises `TxkeaError` as `add` does."""
        self._become({each: None for each in self._clients if each != client})

    def _become(self, clients: dict[bytes, None]) -> None:
        try:
            self._path.setContent(json.dumps([each.hex() for each in clients]).encode())  # all of it, or nothing
        except OSError as error:
            raise TxkeaError(f"{self._path.path} cannot be written: {error.strerror}") from None
        self._clients = clients


KNOWN_BY: Final[Mapping[int, tuple[str, Callable[[Any], bytes]]]] = {
    4: ("hw-address", lambda query: query.hwaddr),
    6: ("duid", lambda query: query.duid),
}
"""What tells one client from another, in each family: its name in commands, and where a query has it."""


@implementer(IQueryArrived, ICommands)
class Quarantine:
    """Makes those ``clients`` members of a class, before the server looks at any."""

    def __init__(self, clients: Clients, class_name: str, family: int) -> None:
        self._clients = clients
        self._class_name = class_name
        self._name, self._known_by = KNOWN_BY[family]

    def query_arrived(self, query: Query) -> None:
        """See `IQueryArrived`."""
        if self._known_by(query) in self._clients:
            query.join(self._class_name)

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """See `ICommands`."""
        return {"quarantine-add": self._add, "quarantine-del": self._del, "quarantine-list": self._list}

    def _add(self, arguments: Any) -> Answer:
        client = self._client(arguments)
        if client in self._clients:
            return Answer(Result.CONFLICT, "The client is in quarantine already.")
        self._clients.add(client)
        return Answer(text="The client is in quarantine: from its next message on.")

    def _del(self, arguments: Any) -> Answer:
        client = self._client(arguments)
        if client not in self._clients:
            return Answer(Result.EMPTY, "The client is not in quarantine.")
        self._clients.remove(client)
        return Answer(text="The client is out of quarantine.")

    def _list(self, arguments: Any) -> Answer:
        Arguments(arguments, ())
        found = [{self._name: client.hex(":")} for client in self._clients]
        result = Result.SUCCESS if found else Result.EMPTY
        return Answer(result, f"{len(found)} clients are in quarantine.", {"clients": found})

    def _client(self, arguments: Any) -> bytes:
        """The client that a command names. Raises `TxkeaError`, whose text is the command's answer."""
        text = Arguments(arguments, (self._name,)).text(self._name)
        try:
            return bytes.fromhex(text.replace(":", ""))
        except ValueError:
            raise TxkeaError(f"{self._name!r} is not hexadecimal; write it like 02:00:00:00:00:01") from None


def file_name(text: str) -> str:
    """The name of a file. Raises ValueError for a path: files stay where ``data-directory`` says."""
    if os.path.basename(text) != text:
        raise ValueError(f'"{text}" leads elsewhere; give a name without a directory')
    return text


FILE: Final = Parsed(file_name)
PARAMETERS: Final[Mapping[str, KeywordMap]] = {
    "quarantine": keywords(
        keyword("client-class", NAME, "quarantine"),
        keyword("file", FILE),
    )
}


@implementer(IProviderFactory)
class QuarantineFactory:
    """Makes a `Quarantine` for each configuration; whom it is about outlives them all."""

    name = "quarantine"
    parameters = tuple(PARAMETERS["quarantine"])

    def __init__(self) -> None:
        self._clients: dict[str, Clients] = {}
        """By path of the file."""

    def make(self, parameters: Mapping[str, Any], site: Any) -> Quarantine:
        """See `IProviderFactory`."""
        with judged(parameters, "quarantine", PARAMETERS) as given:
            class_name, file = given.get("client-class"), given.get("file")
        family = site.configuration.family
        if class_name not in {each.name for each in site.configuration.client_classes}:
            mend = "define it in client-classes, and guard a pool or a subnet with it"
            raise ConfigError(f"there is no class {class_name!r}; {mend}", "client-class")
        path = os.path.join(site.paths.data, file or f"quarantine{family}.json")
        if path not in self._clients:
            self._clients[path] = Clients(path)
        return Quarantine(self._clients[path], class_name, family)


FACTORY = QuarantineFactory()
