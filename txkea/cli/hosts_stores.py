"""Reservations of databases, configurations and files, as `txkea.cli.copying` takes and puts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Any

from attrs import evolve

from txkea.cli.copying import BATCH, Batch, Fate, Verdict
from txkea.cli.hosts_files import HostReader
from txkea.cli.leases_entries import Entry
from txkea.cli.stores import ReadableHosts
from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import IHostStore
from txkea.model.configuration import Configuration, Host
from txkea.wire.text import address_text

__all__ = ["ConfiguredHosts", "FileHosts", "StoreHosts", "host_name", "put", "same"]


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


def same(one: Host, other: Host) -> bool:
    """Whether two reservations are one: the order of what is reserved and of options, and their names, do not count."""
    return _kept(one) == _kept(other)


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


async def put(store: IHostStore, update: bool, dry_run: bool, host: Host) -> Fate:
    """Make a reservation one of a store; with ``update`` in the place of the one of its identifier.

    Raises `Unavailable` if the store is away.
    """
    try:
        there = await store.find([host.identifier], host.subnet_id)
        if there is None:
            added = not dry_run and await store.add(host)
            return Fate(Verdict.COPIED) if added else await _beside(store, host, dry_run)
        if same(there, host):
            return Fate(Verdict.SAME)
        if not update:
            return Fate(Verdict.CONFLICT, f"another reservation is there: {_differences(there, host)}")
        if dry_run or await store.update(host, there):
            return Fate(Verdict.REPLACED)
        return await _beside(store, host, False)
    except Unavailable:
        raise
    except TxkeaError as error:
        return Fate(Verdict.CONFLICT, str(error))


async def _beside(store: IHostStore, host: Host, dry_run: bool) -> Fate:
    """What becomes of one that was not added, or is not to be."""
    for address in (*host.addresses, *(first for first, _ in host.prefixes)):
        for other in await store.at(address, host.subnet_id):
            if other.identifier != host.identifier:
                return Fate(Verdict.CONFLICT, f"{address_text(address)} is reserved for {other.identifier}")
    changing = Fate(Verdict.CONFLICT, "it changes at this very time; do it again")
    return Fate(Verdict.COPIED) if dry_run else changing


def _differences(there: Host, host: Host) -> str:
    """The fields that differ, as they are there and as they would be."""
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
