"""``txkea db``: databases made ready for leases and hosts, recognised, and brought up to date."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

import click

from txkea.cli.places import PLACES
from txkea.cli.stores import place
from txkea.cli.usage import SETTINGS, refusing
from txkea.cli.waiting import waiting
from txkea.config.load import families
from txkea.config.text import load
from txkea.errors import TxkeaError
from txkea.interfaces import IDatabaseAdmin, Schema

__all__ = ["db"]

HELP: Final = f"""Make databases ready for leases and hosts, say what is in them, and bring them up to date.

{PLACES}
Of a configuration all databases are meant: its lease-database and its hosts-databases.

\b
Examples:
  a new database in PostgreSQL; the database itself and its user are there already, and empty
      txkea db init postgresql://kea@db.example.org/kea
  a keyspace in Cassandra, made with its tables
      txkea db init cql://node1,node2/txkea
  can txkea use what a configuration names?
      txkea db version -c /etc/kea/kea-dhcp4.conf

No server needs to run. The exit status is 0 if all databases can be used now, and 1 otherwise.
"""
T = TypeVar("T")
Method = Callable[[], Awaitable[Sequence[str]]]

CONFIG: Final = click.option("-c", "--config", metavar="FILE", help="The databases that this configuration names.")
PLACE: Final = click.argument("database", required=False, metavar="DATABASE")


@click.group(help=HELP, context_settings=SETTINGS)
def db() -> None:
    """See ``HELP``."""


@db.command(context_settings=SETTINGS)
@PLACE
@CONFIG
def version(database: str | None, config: str | None) -> None:
    """Say what is in DATABASE, and whether txkea can use it; nothing is changed."""
    with refusing(), waiting() as wait:
        found = [(admin, wait(_asking(admin.version))) for admin in _admins(database, config)]
        for admin, schema in found:
            click.echo(f"{admin.name}: {_told(schema)}")
    if any(schema.problem for _, schema in found):
        raise SystemExit(1)


@db.command(context_settings=SETTINGS)
@PLACE
@CONFIG
def init(database: str | None, config: str | None) -> None:
    """Make tables in DATABASE, which must be empty.

    In PostgreSQL and MySQL they are those of Kea 2.2, which kea-dhcp4 and kea-dhcp6 2.2 can use too; the tables of
    Kea's configuration backend are not among them.
    """
    _change(database, config, lambda admin: admin.init, "made")


@db.command(context_settings=SETTINGS)
@PLACE
@CONFIG
def upgrade(database: str | None, config: str | None) -> None:
    """Add to DATABASE what an older version of its tables lacks. Nothing in it is deleted, and it can be repeated.

    Stop all servers that use it before; and make a backup, as before any change of a database.
    """
    _change(database, config, lambda admin: admin.upgrade, "added")


def _change(database: str | None, config: str | None, method: Callable[[IDatabaseAdmin], Method], word: str) -> None:
    with refusing(), waiting() as wait:
        for admin in _admins(database, config):
            for each in wait(_asking(method(admin))):
                click.echo(f"{admin.name}: {word}: {each}")
            schema = wait(_asking(admin.version))
            click.echo(f"{admin.name}: {_told(schema)}")
            if schema.problem:
                raise SystemExit(1)


def _asking(method: Callable[[], Awaitable[T]]) -> Callable[[], Coroutine[Any, Any, T]]:
    async def ask() -> T:
        return await method()

    return ask


def _admins(database: str | None, config: str | None) -> Sequence[IDatabaseAdmin]:
    """Those of the databases that are meant, each once."""
    if (database is None) == (config is None):
        raise click.UsageError("say which database: either DATABASE or --config FILE")
    word = database if database is not None else f"config:{config}"
    found = [admin for family in _families(word) for admin in place(word, family).admins()]
    return [*{admin.name: admin for admin in found}.values()]


def _families(word: str) -> Sequence[int]:
    """Those that a configuration is about; of a database alone it does not matter."""
    scheme, _, path = word.partition(":")
    if scheme != "config" and not word.endswith(".conf"):
        return (4,)
    found = families(load(path if scheme == "config" else word))
    if not found:
        raise TxkeaError(f"{word} configures no DHCP server")
    return found


def _told(schema: Schema) -> str:
    parts = [f"version {schema.version}" if schema.version else "", schema.recognised]
    there = ", ".join(filter(None, parts))
    if schema.problem:
        return f"{there}; cannot be used: {schema.problem}" if there else f"cannot be used: {schema.problem}"
    return f"{there}; can be used" + (f", but {schema.advice}" if schema.advice else "")
