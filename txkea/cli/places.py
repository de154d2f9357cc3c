"""How databases of leases and hosts are written on the command line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import click
from attrs import evolve

from txkea.config.load import FAMILIES, configuration, families
from txkea.config.text import load
from txkea.errors import TxkeaError
from txkea.leases import leasefile
from txkea.model.configuration import Configuration, Database

__all__ = ["MEMFILE", "PLACES", "family_of", "family_of_file", "is_place", "meaning"]

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


def meaning(word: str, family: int, role: str = "") -> Configuration:
    """A configuration with the databases that a word means. Raises `TxkeaError` for one that means nothing.

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
    return _with_password(found, word, PASSWORDS[role])


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
