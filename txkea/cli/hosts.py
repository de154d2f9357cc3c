"""``txkea hosts``: reservations of databases, configurations and files, written into files and copied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import click

from txkea.cli.copying import Copying, Source, copied
from txkea.cli.files import format_of, lines_of, opened, save
from txkea.cli.hosts_files import FORMATS, HIGHEST_SUBNET, HostReader, host_entries
from txkea.cli.hosts_stores import ConfiguredHosts, FileHosts, HostTarget, StoreHosts, host_name
from txkea.cli.leases_formats import Record
from txkea.cli.places import PLACES, family_of, is_place
from txkea.cli.progress import progress
from txkea.cli.stores import open_store, place
from txkea.cli.switches import decorated
from txkea.cli.usage import CHANGES, FAMILY, SETTINGS, of_family, refusing
from txkea.cli.waiting import Wait, waiting
from txkea.config.families import BY_NUMBER
from txkea.config.load import configuration, families
from txkea.config.parameters import definitions_of
from txkea.config.text import load
from txkea.control.reservations import shown
from txkea.errors import TxkeaError
from txkea.model.configuration import Configuration, Host
from txkea.wire.definitions import Definitions

__all__ = ["hosts"]

WRITTEN: Final = "reservations:"
"""How those of a configuration are written."""
HELP: Final = f"""Copy reservations of clients from one place to another, and write them into files. No server is asked.

{PLACES}
Of a configuration the first of its hosts-databases is meant; the reservations that stand in it are reservations:FILE.

\b
Examples:
  what stands in a configuration moves into a database
      txkea hosts copy reservations:/etc/kea/kea-dhcp4.conf postgresql://kea@db/kea
  from one database into another
      txkea hosts copy --dry-run -6 mysql://kea@old/kea cql://node1,node2/txkea
  from Kea 1.4's own Cassandra into a file for a spreadsheet, and from there into a database
      txkea hosts export -4 cql://node1/keatest -o hosts.csv
      txkea hosts import -4 hosts.csv postgresql://kea@db/kea
  those of one subnet, as a configuration has them
      txkea hosts export -4 postgresql://kea@db/kea --subnet-id 7 --format config

The exit status is 0 if all reservations are there now, and 1 otherwise.
"""
DEFINITIONS: Final = click.option(
    "--definitions",
    metavar="FILE",
    help="A configuration whose option-def tells what texts of options mean that are not standard.",
)
AFTER: Final = click.option(
    "--after", type=click.IntRange(0), metavar="NUMBER", help="Go on as an interrupted copy says at its end."
)


@click.group(help=HELP, context_settings=SETTINGS)
def hosts() -> None:
    """See ``HELP``."""


# -- copy and import ---------------------------------------------------------------------------------------------------


@hosts.command("copy", context_settings=SETTINGS)
@decorated((*FAMILY, *CHANGES, AFTER, DEFINITIONS))
@click.argument("origin", metavar="FROM")
@click.argument("target", metavar="TO")
def copy_hosts(origin: str, target: str, **given: Any) -> None:
    """Copy reservations from one database or configuration into a database.

    FROM may also be a file that "txkea hosts export" wrote, or - for standard input. It is only read: servers may use
    both meanwhile. A reservation that is in TO already is left alone; one that differs is told, and left alone too
    unless --update is given. So it can be done again, after it was interrupted, or to bring over what has changed.
    """
    run_copy(origin, target, ("from", "to"), **given)


@hosts.command("import", context_settings=SETTINGS)
@decorated((*FAMILY, *CHANGES, AFTER, DEFINITIONS))
@click.option("--format", "form", type=click.Choice(("csv", "json", "jsonl")), help="What FILE is; found out.")
@click.argument("file", metavar="FILE")
@click.argument("target", metavar="TO")
def import_hosts(file: str, target: str, form: str | None, **given: Any) -> None:
    """Add the reservations of a file to a database; - is standard input.

    Each has its subnet-id, and else the keywords of a configuration. What is wrong is told line by line (in a JSON
    list: one by one) and keeps nothing else back. Those that are there already are left alone.
    """
    run_copy(file, target, ("", ""), form=form, **given)


def run_copy(origin: str, target: str, roles: tuple[str, str], *, v4: bool, v6: bool, **given: Any) -> None:
    """Copy, tell, and end the command."""
    family = of_family(v4, v6)
    with refusing():
        status = into(origin, target, family or _family(origin, target), roles, **given)
    raise SystemExit(status)


def _family(*words: str) -> int:
    found = family_of([word.replace(WRITTEN, "config:", 1) if word.startswith(WRITTEN) else word for word in words])
    if not found:
        raise click.UsageError("say which reservations: -4 or -6")
    return found


def into(
    origin: str,
    target: str,
    family: int,
    roles: tuple[str, str],
    *,
    update: bool,
    dry_run: bool,
    after: int | None,
    definitions: str | None,
    form: str | None = None,
) -> int:
    """Copy the reservations of a place or a file into a place, and tell; gives the exit status. Raises `TxkeaError`."""
    to = place(target, family, roles[1])
    known = definitions_of(_configured(definitions, family) if definitions else to.configuration)
    with (
        waiting() as wait,
        _source(origin, family, roles[0], wait, known, form, after or 0) as source,
        open_store(wait, to.hosts) as store,
    ):
        copying = Copying(source, HostTarget(store), host_name, update=update, dry_run=dry_run)
        return copied(copying, wait, "reservations", dry_run)


@contextmanager
def _source(
    origin: str, family: int, role: str, wait: Wait, known: Definitions, form: str | None = None, after: int = 0
) -> Iterator[Source[Host]]:
    if origin.startswith(WRITTEN):
        yield ConfiguredHosts(_configured(origin.removeprefix(WRITTEN), family), after)
    elif is_place(origin):
        with open_store(wait, place(origin, family, role).hosts_to_read) as store:
            yield StoreHosts(store, after)
    else:
        with opened(origin) as file:
            found = host_entries(form, family, file)
            yield FileHosts(found, HostReader(family, known), None if origin == "-" else lines_of(origin), after)


def _configured(path: str, family: int) -> Configuration:
    document = load(path)
    if family not in families(document):
        raise TxkeaError(f"{path} has no Dhcp{family}")
    return configuration(document, family)


# -- export ------------------------------------------------------------------------------------------------------------


@hosts.command("export", context_settings=SETTINGS)
@decorated(FAMILY)
@click.option("-o", "--output", default="-", metavar="FILE", show_default=True, help="Where to; - is standard output.")
@click.option(
    "--format",
    "form",
    type=click.Choice(tuple(FORMATS)),
    help="What to write; as a rule what the file's name says, or csv. config is what stands in a configuration as"
    " reservations of the one --subnet-id.",
)
@click.option("--subnet-id", type=click.IntRange(0, HIGHEST_SUBNET), metavar="ID", help="Of this subnet; 0: global.")
@click.argument("origin", metavar="FROM")
def export_hosts(origin: str, output: str, form: str | None, subnet_id: int | None, v4: bool, v6: bool) -> None:
    """Write the reservations of a database or a configuration into a file, which appears when it is whole."""
    family = of_family(v4, v6) or _family(origin)
    form = form or format_of(output)
    if form == "config" and subnet_id is None:
        raise click.UsageError("a configuration has the reservations of each subnet for themselves: say --subnet-id")
    if not (is_place(origin) or origin.startswith(WRITTEN)):
        raise click.UsageError(f"{origin} is no database, and no configuration as reservations:FILE")
    with (
        refusing(),
        waiting() as wait,
        _source(origin, family, "", wait, BY_NUMBER[family].standard) as source,
        progress("reservations", source.total) as bar,
    ):
        count = 0

        def pages() -> Iterator[Sequence[Record]]:
            nonlocal count
            while (batch := wait(source.next)) is not None:
                bar.advance(len(batch.things))
                page = [host for host in batch.things if subnet_id in (None, host.subnet_id)]
                count += len(page)
                yield [Record(_shown(host, family)) for host in page]

        save(output, FORMATS[form](family, pages()))
    if output != "-":
        click.echo(f"{count} reservations in {output}", err=True)


def _shown(host: Host, family: int) -> Mapping[str, Any]:
    """As commands show it; what is next-server's default says nothing."""
    found = dict(shown(host, BY_NUMBER[family]))
    if found.get("next-server") == "0.0.0.0":
        del found["next-server"]
    return found
