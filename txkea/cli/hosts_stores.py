"""Reservations of databases, configurations and files, as `txkea.cli.copying` takes and puts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Any

from attrs import evolve, frozen

from txkea.cli.copying import BATCH, Batch
from txkea.cli.hosts_files import HostReader
from txkea.cli.leases_entries import Entry
from txkea.cli.stores import ReadableHosts
from txkea.errors import TxkeaError
from txkea.interfaces import IHostStore
from txkea.model.configuration import Configuration, Host
from txkea.wire.text import address_text

__all__ = ["ConfiguredHosts", "FileHosts", "HostTarget", "StoreHosts", "host_name"]


def host_name(host: Host) -> str:
    """What people call it."""
    return f"{host.identifier} in {f'subnet {host.subnet_id}' if host.subnet_id else 'all subnets'}"


# -- where they come from ----------------------------------------------------------------------------------------------


class StoreHosts:
    """The reservations of an open store, behind a number that it gave."""

    total: int | None = None

    def __init__(self, store: ReadableHosts, after: int = 0) -> None:
        self._store = store
        self._after = after

    async def next(self) -> Batch[Host] | None:
        """See `txkea.cli.copying.Source`."""
        page = await self._store.page(self._after, BATCH)
        if not page.hosts:
            return None
        self._after = page.next
        return Batch(page.hosts, behind=str(page.next))


class ConfiguredHosts:
    """The reservations that stand in a configuration, behind so many of them."""

    def __init__(self, found: Configuration, after: int = 0) -> None:
        self._hosts = [*chain(found.hosts, *(subnet.hosts for subnet in found.subnets))]
        self._after = after
        self.total: int | None = len(self._hosts)

    async def next(self) -> Batch[Host] | None:
        """See `txkea.cli.copying.Source`."""
        hosts = self._hosts[self._after : self._after + BATCH]
        self._after += len(hosts)
        return Batch(hosts, behind=str(self._after)) if hosts else None


class FileHosts:
    """The reservations of a file, behind the line with a number (in a JSON list: so many of them)."""

    def __init__(self, found: Iterable[Entry], reader: HostReader, total: int | None, after: int = 0) -> None:
        self.total = total
        self._entries = (entry for entry in found if entry.place > after)
        self._reader = reader

    async def next(self) -> Batch[Host] | None:
        """See `txkea.cli.copying.Source`."""
        entries = [*islice(self._entries, BATCH)]
        if not entries:
            return None
        hosts: list[Host] = []
        wrong: list[str] = []
        for entry in entries:
            try:
                hosts.append(self._reader.read(entry))
            except TxkeaError as error:
                wrong.append(f"line {entry.place}: {error}")
        return Batch(hosts, wrong, len(entries), str(entries[-1].place))


# -- where they go to --------------------------------------------------------------------------------------------------


def _kept(host: Host) -> Host:
    lacking = host.excluded_prefixes or (None,) * len(host.prefixes)
    prefixes = sorted(zip(host.prefixes, lacking, strict=True), key=str)
    return evolve(
        host,
        addresses=tuple(sorted(host.addresses)),
        prefixes=tuple(prefix for prefix, _ in prefixes),
        excluded_prefixes=tuple(lacks for _, lacks in prefixes),
        options=tuple(sorted((evolve(each, name="", encapsulates="") for each in host.options), key=str)),
        user_context=host.user_context or None,
    )


@frozen
class HostTarget:
    """A store of reservations."""

    store: IHostStore
    word: str = "reservation"

    async def there(self, host: Host) -> Host | None:
        """The one of its identifier."""
        return await self.store.find([host.identifier], host.subnet_id)

    async def add(self, host: Host) -> bool:
        """See `Target`."""
        return await self.store.add(host)

    async def update(self, host: Host, was: Host) -> bool:
        """See `Target`."""
        return await self.store.update(host, was)

    async def in_the_way(self, host: Host) -> str:
        """Who has what it reserves."""
        for address in (*host.addresses, *(first for first, _ in host.prefixes)):
            for other in await self.store.at(address, host.subnet_id):
                if other.identifier != host.identifier:
                    return f"{address_text(address)} is reserved for {other.identifier}"
        return ""

    def differences(self, there: Host, host: Host) -> str:
        """The order of what is reserved and of options, and their names, do not count."""
        one, other = _kept(there), _kept(host)
        names: Sequence[str] = [each.name for each in type(host).__attrs_attrs__]
        fields: list[tuple[str, Any, Any]] = [(name, getattr(one, name), getattr(other, name)) for name in names]
        return ", ".join(f"{name} {_text(a)} and not {_text(b)}" for name, a, b in fields if a != b)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return address_text(value) if len(value) in (4, 16) else value.hex(":")
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))})"
    return repr(value)
