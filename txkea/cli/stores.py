"""Databases of leases and hosts that a command opens itself, without a server: how they are written, and opened."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import click
from attrs import evolve, frozen

from txkea.cli.waiting import Wait, reactor
from txkea.config.load import FAMILIES, configuration, families
from txkea.config.text import load
from txkea.errors import TxkeaError
from txkea.interfaces import HostPage, IDatabaseAdmin, IHostStore, ILeaseStore
from txkea.leases import leasefile
from txkea.leases.disk import Disk
from txkea.leases.memory import MemoryLeases
from txkea.leases.table import LeaseTable
from txkea.logs.logs import Logs
from txkea.model.configuration import Configuration, Database, LoggerConfiguration
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

__all__ = [
    "PLACES",
    "Place",
    "Readable",
    "ReadableHosts",
    "family_of",
    "family_of_file",
    "is_place",
    "lease_file",
    "open_store",
    "place",
]

PLACES: Final = """\b
A database is written as one of
    memfile:/var/lib/kea/kea-leases4.csv          a lease file
    postgresql://USER@HOST:PORT/NAME              and mysql://
    cql://HOST,HOST:PORT/KEYSPACE
    redis://HOST:PORT/NUMBER
    /etc/kea/kea-dhcp4.conf, or config:FILE       what this configuration names
Further parameters of a lease-database follow as ?NAME=VALUE&NAME=VALUE, such as ?password-file=/etc/kea/secret.
A password is never written here: it comes from that file, from an environment variable, or is asked for.
"""
PASSWORDS: Final = {"": "TXKEA_PASSWORD", "from": "TXKEA_FROM_PASSWORD", "to": "TXKEA_TO_PASSWORD"}
"""The environment variables with passwords, by what a place is for."""
MEMFILE: Final = "memfile"
CONFIG: Final = "config"
WITHOUT_WAITING: Final = {"retry-on-startup": False, "on-fail": "stop-retry-exit"}
"""A server may wait for its database; who typed a command wants to hear of it."""
AS_THEY_ARE: Final = "none"
"""How leases are checked that a command takes from one place to another (Kea A034)."""
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


# -- how they are written ----------------------------------------------------------------------------------------------


def place(word: str, family: int, role: str = "") -> Place:
    """What a word means. Raises `TxkeaError` for one that means nothing.

    ``role`` tells which variable of the environment has the password: one of `PASSWORDS`.
    """
    scheme, colon, _ = word.partition(":")
    if path := _configuration_file(word):
        found = _configured(path, family)
    elif colon and scheme in WRITTEN:
        found = _alone(family, Database(type=scheme, parameters=dict(_parameters(word, scheme))))
    else:
        known = ", ".join(f"{name}:" for name in (*WRITTEN, CONFIG))
        raise TxkeaError(f"{word!r} is no database: write one that begins with {known}, or the name of a .conf file")
    return Place(word=word, configuration=_with_password(found, word, PASSWORDS[role]))


def family_of(words: Iterable[str]) -> int:
    """The family that the first of these words tells which tells one; 0 if none does."""
    for word in words:
        scheme, _, rest = word.partition(":")
        if path := _configuration_file(word):
            found = families(load(path))
            if len(found) == 1:
                return found[0]
        elif scheme == MEMFILE and os.path.exists(rest):
            return family_of_file(rest)
    return 0


def is_place(word: str) -> bool:
    """Whether a word is meant as a place, and not as the name of a file with leases or hosts."""
    scheme, colon, _ = word.partition(":")
    return bool(_configuration_file(word)) or (colon == ":" and scheme in WRITTEN)


def _configuration_file(word: str) -> str:
    """The configuration that a word names, or ``""``."""
    scheme, colon, rest = word.partition(":")
    return rest if colon and scheme == CONFIG else word if not colon and word.endswith(".conf") else ""


def family_of_file(path: str) -> int:
    """The family of a lease file. Raises `TxkeaError`."""
    with open(path, "rb") as file:
        names = file.readline(4096).decode("utf-8", "replace").strip().split(",")
    for number, rows in leasefile.ROWS.items():
        if set(rows.schema.names[: rows.schema.oldest]) <= set(names):
            return number
    raise TxkeaError(f"{path} is no lease file: its first line names no columns of one")


def _configured(path: str, family: int) -> Configuration:
    document = load(path)
    if family not in families(document):
        there = " and ".join(name for name, number in FAMILIES.items() if number in families(document))
        raise TxkeaError(f"{path} configures {there or 'no server'}, not Dhcp{family}")
    return configuration(document, family)


def _alone(family: int, database: Database) -> Configuration:
    return Configuration(family=family, lease_database=database, hosts_databases=(database,))


def _with_password(found: Configuration, word: str, variable: str) -> Configuration:
    """The same with what is missing of the databases' passwords, and no patience."""

    def complete(database: Database) -> Database:
        given: dict[str, Any] = {**database.parameters}
        given.update({name: value for name, value in WITHOUT_WAITING.items() if name in given})
        if database.type != MEMFILE and not given.keys() & {"password", "password-file"}:
            password = os.environ.get(variable)
            if password is None and given.get("user") and sys.stdin.isatty():
                password = click.prompt(
                    f"Password of {word}", hide_input=True, default="", show_default=False, err=True
                )
            if password:
                given["password"] = password
        return evolve(database, parameters=given)

    hosts = tuple(map(complete, found.hosts_databases))
    return evolve(found, lease_database=complete(found.lease_database), hosts_databases=hosts, lease_checks=AS_THEY_ARE)


def _parameters(word: str, scheme: str) -> Iterable[tuple[str, Any]]:
    try:
        split = urlsplit(word)
        port, further = split.port, parse_qsl(split.query, keep_blank_values=True, strict_parsing=bool(split.query))
    except ValueError as error:
        raise TxkeaError(f"{word!r}: {error}") from None
    if split.password is not None or any(name == "password" for name, _ in further):
        mend = f"use ?password-file=FILE or {PASSWORDS['']} (of a copy {PASSWORDS['from']}, {PASSWORDS['to']})"
        raise TxkeaError(f"a password on the command line can be seen by everybody on this machine; {mend}")
    yield from WRITTEN[scheme](split)
    if port is not None:
        yield "port", port
    if split.username:
        yield "user", unquote(split.username)
    for name, text in further:
        yield name, _value(text)


def _value(text: str) -> Any:
    """Numbers, true and false are what they look like; all else is text."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, int | float) else text


def _memfile(split: SplitResult) -> Iterable[tuple[str, Any]]:
    yield "name", os.path.abspath(unquote(split.path))
    yield "lfc-interval", 0


def _sql(split: SplitResult) -> Iterable[tuple[str, Any]]:
    if split.hostname:
        yield "host", split.hostname
    if name := unquote(split.path.strip("/")):
        yield "name", name


def _cql(split: SplitResult) -> Iterable[tuple[str, Any]]:
    if split.hostname:
        yield "contact-points", split.hostname
    if keyspace := unquote(split.path.strip("/")):
        yield "keyspace", keyspace


WRITTEN: Final[Mapping[str, Callable[[SplitResult], Iterable[tuple[str, Any]]]]] = {
    MEMFILE: _memfile,
    "postgresql": _sql,
    "mysql": _sql,
    "cql": _cql,
    "redis": _sql,
}
"""From a word of each kind of database to its parameters."""
