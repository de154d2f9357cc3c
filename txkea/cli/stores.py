"""Databases of leases and hosts that a command opens itself, without a server."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import click
from attrs import frozen

from txkea.cli.places import MEMFILE, meaning
from txkea.cli.waiting import Wait, reactor
from txkea.errors import TxkeaError
from txkea.interfaces import HostPage, IDatabaseAdmin, IHostStore, ILeaseStore
from txkea.leases import leasefile
from txkea.leases.disk import Disk
from txkea.leases.memory import MemoryLeases
from txkea.leases.table import LeaseTable
from txkea.logs.logs import Logs
from txkea.model.configuration import Configuration, LoggerConfiguration
from txkea.paths import Paths
from txkea.providers import (
    DATABASE_ADMINS,
    HOST_STORES,
    Extra,
    Surroundings,
    database_admin,
    host_store,
    lease_store,
    provider_factory,
)

__all__ = ["Place", "Readable", "ReadableHosts", "lease_file", "open_store", "place"]

FORMERS: Final = {"cql": Extra("txkea.cassandra.kea.KEA_KEYSPACE", "cassandra")}
"""What may be in a database of this type that is not ours and can be read: what the factories make gives its ``leases``
and ``hosts``, or None.
"""

S = TypeVar("S")


class Readable(Protocol):
    """What is read of an `ILeaseStore`."""

    def page(self, after: bytes | None, limit: int) -> Awaitable[Sequence[Any]]:
        """See there."""

    def counts(self) -> Awaitable[Mapping[tuple[int, int, int], int]]:
        """See there; nothing where only reading all leases would tell."""

    def close(self) -> Awaitable[None]:
        """See there."""


class ReadableHosts(Protocol):
    """What is read of an `IHostStore`."""

    def page(self, after: int, limit: int) -> Awaitable[HostPage]:
        """See there."""

    def close(self) -> Awaitable[None]:
        """See there."""


@frozen(kw_only=True)
class Place:
    """Where leases or hosts are; ``configuration`` has the database as that of leases and as the one of hosts."""

    word: str
    """As it was written, for people."""
    configuration: Configuration

    @property
    def type(self) -> str:
        """The kind of the database."""
        return self.configuration.lease_database.type

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.configuration.family

    @property
    def _paths(self) -> Paths:
        return Paths.from_environment(os.environ)

    def _around(self) -> dict[str, Any]:
        logs = Logs(default="stderr")
        logs.configure([LoggerConfiguration(name="kea-dhcp4", severity="WARN")])
        return {"reactor": reactor, "log": logs.logger("dhcpsrv"), "paths": self._paths}

    async def leases(self) -> ILeaseStore:
        """The lease store, open. Raises `TxkeaError`."""
        store = lease_store(self.configuration, **self._around())
        await store.open()
        return store

    async def leases_to_try(self) -> ILeaseStore:
        """The same, of which nothing will be changed: a lease file is only read, and need not be there."""
        return self._lease_file(new=True) if self.type == MEMFILE else await self.leases()

    async def leases_to_read(self) -> Readable:
        """Its leases, of which nothing will be changed: a server may use even a lease file meanwhile."""
        if self.type == MEMFILE:
            return self._lease_file(new=False)
        store: Readable = await self._former("leases") or await self.leases()
        return store

    def _lease_file(self, new: bool) -> MemoryLeases:
        parameters: Any = self.configuration.lease_database.parameters
        paths = self._paths.configured(self.configuration.data_directory)
        return lease_file(paths.lease_file(parameters.get("name", ""), self.family), self.family, new)

    async def hosts(self) -> IHostStore:
        """The host store, open. Raises `TxkeaError`."""
        if not self.configuration.hosts_databases:
            raise TxkeaError(f"{self.word} has no hosts-databases")
        if self.configuration.hosts_databases[0].type not in HOST_STORES:
            raise TxkeaError(f"{self.word} is no database of hosts; those are of {', '.join(HOST_STORES)}")
        store = host_store(self.configuration, 0, **self._around())
        await store.open()
        return store

    async def hosts_to_read(self) -> ReadableHosts:
        """Its hosts, of which nothing will be changed."""
        store: ReadableHosts = await self._former("hosts") or await self.hosts()
        return store

    def admins(self) -> Sequence[IDatabaseAdmin]:
        """What makes its databases ready, each once, be they of leases or hosts. Raises `TxkeaError` if it has none."""
        databases = (self.configuration.lease_database, *self.configuration.hosts_databases)
        known = [each for each in databases if each.type in DATABASE_ADMINS]
        if not known:
            raise TxkeaError(f"{self.word} names no database that is made ready: {', '.join(DATABASE_ADMINS)}")
        around = {**self._around(), "configuration": self.configuration}
        return [*{each.name: each for each in (database_admin(one, self.word, **around) for one in known)}.values()]

    async def _former(self, what: str) -> Any:
        """What can only be read, if that is in the database and not what we have made; else None."""
        databases = {"leases": [self.configuration.lease_database], "hosts": self.configuration.hosts_databases}
        for database in databases[what][:1]:
            if database.type in FORMERS:
                factory = provider_factory(database.type, self.word, FORMERS)
                around = Surroundings(configuration=self.configuration, **self._around())
                return await getattr(factory.make(database.parameters, around), what)()
        return None


@contextmanager
def open_store(wait: Wait, make: Callable[[], Coroutine[Any, Any, S]]) -> Iterator[S]:
    """A store for as long as it is wanted."""
    store: Any = wait(make)
    try:
        yield store
    finally:
        wait(partial(_closed, store))


async def _closed(store: Any) -> None:
    await store.close()


def lease_file(path: str, family: int, new: bool = False) -> MemoryLeases:
    """The leases that a server would load from a lease file and those beside it, of which not one byte is changed.

    Unless it is to be a ``new`` one, one that is missing raises FileNotFoundError.
    """
    files = leasefile.LeaseFiles(path, family)
    errors = leasefile.RowErrors(tell=lambda text: click.echo(text, err=True))
    found: dict[bytes, Any] = {}
    names = files.to_load(Disk())
    if not (names or new):
        raise FileNotFoundError(2, "No such file or directory", path)
    for name in names:
        leasefile.load(name, files.rows, found, errors)
    store = MemoryLeases(MEMFILE)
    store.table = LeaseTable(found)
    return store


def place(word: str, family: int, role: str = "") -> Place:
    """What a word means. Raises `TxkeaError` for one that means nothing.

    ``role`` tells which variable of the environment has the password: one of `txkea.cli.places.PASSWORDS`.
    """
    return Place(word=word, configuration=meaning(word, family, role))
