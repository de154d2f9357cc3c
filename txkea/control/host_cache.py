"""The commands that look at a cache of hosts and change it (Kea J008-J016)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from twisted.internet.task import deferLater
from zope.interface import implementer

from txkea.caching import CachedHost, IHostCacheEntries
from txkea.config.families import BY_NUMBER
from txkea.control.answer import Answer, Listing, Result
from txkea.control.arguments import Arguments
from txkea.control.cache_entries import SUBNETS, EntryForm, EntryList
from txkea.control.edits import Edited
from txkea.control.files import Directory
from txkea.control.gradually import gradually
from txkea.errors import TxkeaError
from txkea.interfaces import ICommands

__all__ = ["HostCacheCommands"]

PAGE: Final = 200
"""Entries that are shown or entered in one turn of the reactor."""
MOST: Final = 1 << 30
"""Bytes of a file of entries."""
CLEAR: Final = "to remove all there is cache-clear"


@implementer(ICommands)
class HostCacheCommands:
    """``cache-get`` and its kin; files are in the server's directory for data."""

    def __init__(self, daemon: Edited, cache: IHostCacheEntries, *, files: Directory, reactor: Any) -> None:
        self._family = BY_NUMBER[daemon.configuration.family]
        self._daemon = daemon
        self._cache = cache
        self._form = EntryForm(daemon, self._family)
        self._kinds = [kind.keyword for kind in self._family.identifiers]
        self._files = files
        self._reactor = reactor

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        return {
            "cache-clear": self._clear,
            "cache-flush": self._flush,
            "cache-get": self._get,
            "cache-get-by-id": self._get_by_id,
            "cache-insert": self._insert,
            "cache-load": self._load,
            "cache-remove": self._remove,
            "cache-size": self._size,
            "cache-write": self._write,
        }

    # -- looking -------------------------------------------------------------------------------------------------------

    def _size(self, arguments: Any) -> Answer:
        size = self._cache.size()
        return Answer(text=f"{size} entries.", arguments={"size": size})

    def _get(self, arguments: Any) -> Answer:
        return Answer(arguments=Listing("", self._pages(self._cache.entries()), _returned))

    def _get_by_id(self, arguments: Any) -> Answer:
        identifier = self._form.identifier(Arguments(arguments, self._kinds))
        if identifier is None:
            raise TxkeaError(f"one of {', '.join(self._kinds)} is missing")
        subnets = [0, *(subnet.id for subnet in self._daemon.configuration.subnets)]
        found = [self._form.shown(entry) for entry in self._cache.entries_of(identifier, subnets)]
        return Answer(*_returned(len(found)), found)

    async def _pages(self, entries: Iterator[CachedHost]) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        while page := [self._form.shown(entry) for entry in islice(entries, PAGE)]:
            yield page
            await deferLater(self._reactor, 0, lambda: None)

    # -- changing ------------------------------------------------------------------------------------------------------

    async def _insert(self, arguments: Any) -> Answer:
        if arguments is None:
            raise TxkeaError("'arguments' is missing: it is an entry, or a list of them")
        given = arguments if isinstance(arguments, list) else [arguments]
        return Answer(text=_counted(*await self._entered(given), "inserted"))

    async def _entered(self, given: Iterator[Any] | Sequence[Any]) -> tuple[int, int]:
        """Enter all if none of them is wrong; gives how many there are, and how many were overwritten."""
        entries: list[CachedHost] = []
        await gradually(self._reactor, self._read(given, entries))
        overwritten = 0
        for number, entry in enumerate(entries, 1):
            overwritten += await self._cache.insert(entry)
            if not number % PAGE:
                await deferLater(self._reactor, 0, lambda: None)
        return len(entries), overwritten

    def _read(self, given: Iterator[Any] | Sequence[Any], entries: list[CachedHost]) -> Iterator[None]:
        for number, each in enumerate(given, 1):
            try:
                entries.append(self._form.read(each))
            except TxkeaError as error:
                raise TxkeaError(f"entry {number}: {error}") from None
            yield

    async def _remove(self, arguments: Any) -> Answer:
        given = Arguments(arguments, (*SUBNETS, "ip-address", *self._kinds))
        subnet_id, identifier = self._form.subnet_id(given), self._form.identifier(given)
        if (identifier is None) != ("ip-address" in given):
            raise TxkeaError(f"exactly one of ip-address, {', '.join(self._kinds)} tells which entry")
        if await self._cache.remove(subnet_id, identifier or self._address(given)):
            return Answer(text="Host removed.")
        return Answer(Result.EMPTY, "Host not removed (not found).")

    def _address(self, given: Arguments) -> bytes:
        try:
            return self._family.address(given.text("ip-address"))
        except ValueError as error:
            raise TxkeaError(f"'ip-address': {error}") from None

    async def _flush(self, arguments: Any) -> Answer:
        if isinstance(arguments, bool) or not isinstance(arguments, int) or arguments < 1:
            raise TxkeaError(f"'arguments' is the number of entries to remove, those used longest ago; {CLEAR}")
        count = 0
        while count < arguments and (flushed := await self._cache.flush(min(arguments - count, PAGE))):
            count += flushed
            await deferLater(self._reactor, 0, lambda: None)
        return Answer(text=f"Cache flushed ({count} entries removed).")

    async def _clear(self, arguments: Any) -> Answer:
        await self._cache.clear()
        return Answer(text="Cache cleared.")

    # -- files ---------------------------------------------------------------------------------------------------------

    async def _write(self, arguments: Any) -> Answer:
        count = 0

        async def pieces() -> AsyncIterator[bytes]:
            nonlocal count
            yield b"["
            async for page in self._pages(self._cache.entries()):
                lines = "".join(f"{',' if count + at else ''}\n{json.dumps(each)}" for at, each in enumerate(page))
                count += len(page)
                yield lines.encode()
            yield b"\n]\n"

        written = await self._files.write(_name(arguments), pieces())
        return Answer(text=f"{count} entries dumped to '{written.path}'.")

    async def _load(self, arguments: Any) -> Answer:
        name = _name(arguments)
        try:
            text = (await self._files.read(name, MOST)).decode()
        except UnicodeDecodeError:
            raise TxkeaError(f"{name} is not UTF-8") from None
        try:
            count, overwritten = await self._entered(iter(EntryList(text)))
        except TxkeaError as error:
            raise TxkeaError(f"{name}: {error}") from None
        return Answer(text=_counted(count, overwritten, f"loaded from '{name}'"))


def _returned(count: int) -> tuple[int, str]:
    return Result.SUCCESS if count else Result.EMPTY, f"{count} entries returned."


def _counted(count: int, overwritten: int, what: str) -> str:
    return f"{count} entries {what} ({overwritten} overwritten by more recent entries)."


def _name(arguments: Any) -> str:
    if not isinstance(arguments, str) or not arguments:
        raise TxkeaError("'arguments' is the name of a file, as a text")
    return arguments
