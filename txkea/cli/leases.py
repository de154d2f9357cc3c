"""``txkea leases``: the leases of a server, or of a lease file, listed, written into files, and read from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from time import time
from typing import Any, Final

import click

from txkea.cli.columns import aligned, show
from txkea.cli.connection import Connection, connected
from txkea.cli.display_leases import COLUMNS, STATES, WIDTHS, cells
from txkea.cli.files import format_of, lines_of, opened, save
from txkea.cli.leases_copy import copy, into
from txkea.cli.leases_entries import entries, sniffed
from txkea.cli.leases_formats import FORMATS, Record
from txkea.cli.leases_import import Outcome, Sender, batches
from txkea.cli.leases_sources import Running, Selection, bare, from_file
from txkea.cli.leases_stores import number_of, records
from txkea.cli.places import family_of, family_of_file
from txkea.cli.progress import progress
from txkea.cli.stores import open_store, place
from txkea.cli.switches import decorated
from txkea.cli.usage import CHANGES, FAMILY, SETTINGS, of_family, refusing
from txkea.cli.waiting import waiting
from txkea.errors import TxkeaError
from txkea.wire.options import encode_hex

__all__ = ["leases"]

HELP: Final = """List leases, write them into files, and read them from files.

A running server of txkea or Kea is asked by its control channel, page by page, so that it goes on answering clients and
any number of leases needs little memory. Kea must have loaded libdhcp_lease_cmds.so. Without a server, --file reads a
lease file of Kea or txkea, and those that a clean-up has left beside it.

\b
Examples:
  who has what, and who in one subnet has a name that begins so
      txkea leases list -c /etc/kea/kea-dhcp4.conf
      txkea leases list -c /etc/kea/kea-dhcp4.conf --subnet-id 7 --hostname 'printer*' --active
  all leases of a stopped server, for a spreadsheet
      txkea leases export --file /var/lib/kea/kea-leases4.csv -o leases.csv
  from one server into another
      txkea leases export --socket /run/kea/old -o leases.jsonl
      txkea leases import --socket /run/kea/new --dry-run leases.jsonl
      txkea leases import --socket /run/kea/new leases.jsonl
"""


class Hexadecimal(click.ParamType):  # type: ignore[type-arg]
    """Bytes, as bare digits."""

    name = "hex"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check them."""
        try:
            return encode_hex(bare(value)).hex()
        except ValueError as error:
            self.fail(str(error), param, ctx)


def state(context: click.Context, parameter: click.Parameter, given: Sequence[str]) -> frozenset[int]:
    """States by name or number."""
    numbers = {
        **{name: int(number) for number, name in STATES.items()},
        **{str(int(each)): int(each) for each in STATES},
    }
    unknown = [each for each in given if each.lower() not in numbers]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(STATES.values())} and their numbers")
    return frozenset(numbers[each.lower()] for each in given)


FILTERS: Final = (
    click.option("--subnet-id", multiple=True, type=click.IntRange(0, 2**32 - 1), metavar="ID", help="Of this subnet."),
    click.option(
        "--state", multiple=True, callback=state, metavar="STATE", help=f"In this state: {', '.join(STATES.values())}."
    ),
    click.option(
        "--hostname", default="", metavar="PATTERN", help="With such a name; * and ? stand for what you like."
    ),
    click.option("--hw-address", type=Hexadecimal(), metavar="HEX", help="Of this hardware address."),
    click.option("--client-id", type=Hexadecimal(), metavar="HEX", help="Of this client identifier (DHCPv4)."),
    click.option("--duid", type=Hexadecimal(), metavar="HEX", help="Of this DUID (DHCPv6)."),
    click.option("--active", is_flag=True, help="In use, and not over."),
    click.option("--expired", is_flag=True, help="Over, or reclaimed."),
)
FILE: Final = click.option("--file", metavar="FILE", help="Read this lease file; no server is asked.")
STORE: Final = click.option(
    "--store", metavar="PLACE", help='This database, written as "txkea leases copy --help" tells; no server is asked.'
)
IDENTIFIERS: Final = ("hw-address", "client-id", "duid")

Source = tuple[int, "int | None", Iterator[tuple[int, Sequence[Record]]]]
"""The family, a guess at how many there are, and pages: how many leases were looked at, and those that are wanted."""


@click.group(help=HELP, context_settings=SETTINGS)
def leases() -> None:
    """See ``HELP``."""


leases.add_command(copy)


def selection(given: Mapping[str, Any]) -> Selection:
    identifiers = {name: given[name.replace("-", "_")] for name in IDENTIFIERS}
    return Selection(
        subnet_id=frozenset(given["subnet_id"]),
        state=given["state"],
        hostname=given["hostname"],
        identifiers={name: digits for name, digits in identifiers.items() if digits is not None},
        active=given["active"],
        expired=given["expired"],
    )


@contextmanager
def source(connection: Connection | None, given: Mapping[str, Any]) -> Iterator[Source]:
    """Where leases come from. What cannot be done is told, and ends the command with status 1."""
    family, wanted = of_family(given["v4"], given["v6"]), selection(given)
    file, store = given["file"], given["store"]
    only_one(connection, "--file", file, "--store", store)
    with refusing():
        if file is not None:
            number = family or family_of_file(file)
            yield number, None, from_file(file, number, wanted)
            return
        with waiting() as wait:
            if connection is not None:
                running = Running((connection.of_family(family) if family else connection).server(), wait, family)
                yield running.family, running.count(), running.records(wanted)
                return
            number = of_store(store, family)
            with open_store(wait, place(store, number).leases_to_read) as found:
                yield number, wait(partial(number_of, found)), records(found, number, wait, wanted)


def only_one(connection: Connection | None, *others: str | None) -> None:
    """Refuse none and several of the ways to say where leases are; ``others`` are switches and what they were given."""
    names, values = others[::2], others[1::2]
    if sum(each is not None for each in (connection, *values)) != 1:
        ways = ["--config", "--socket", "--url", *map(str, names)]
        raise click.UsageError(f"say where leases are: one of {', '.join(ways[:-1])} and {ways[-1]}")


def of_store(word: str, family: int) -> int:
    """The family of a database."""
    found = family or family_of((word,))
    if not found:
        raise click.UsageError("say which leases of the database: -4 or -6")
    return found


# -- list --------------------------------------------------------------------------------------------------------------


@leases.command("list", context_settings=SETTINGS)
@decorated((FILE, STORE, *FAMILY, *FILTERS))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON map in each line, as commands show leases.")
@connected(required=False)
def list_leases(connection: Connection | None, as_json: bool, **given: Any) -> None:
    """Show leases in the order of their addresses.

    One in use whose time is over is shown as expired, which the server may not have noticed yet. Nothing is cut off:
    long names make long lines.
    """
    with source(connection, given) as (family, _, found):
        pages = (page for _, page in found if page)
        if as_json:
            for text in FORMATS["jsonl"](family, pages):
                click.echo(text, nl=False)
        else:
            now = time()
            rows = ([cells(each.shown, family, now) for each in page] for page in pages)
            show(aligned(COLUMNS[family], rows, WIDTHS))


# -- export ------------------------------------------------------------------------------------------------------------


@leases.command("export", context_settings=SETTINGS)
@decorated((FILE, STORE, *FAMILY, *FILTERS))
@click.option("-o", "--output", default="-", metavar="FILE", show_default=True, help="Where to; - is standard output.")
@click.option(
    "--format",
    "form",
    type=click.Choice(tuple(FORMATS)),
    help="What to write; as a rule what the file's name says, or csv. kea is a lease file that Kea and txkea load,"
    " kea-pools has the pools too, which Kea 2.2 does not know.",
)
@connected(required=False)
def export_leases(connection: Connection | None, output: str, form: str | None, **given: Any) -> None:
    """Write leases into a file, which appears when it is whole.

    They are no snapshot: what changes meanwhile is written as it was or as it is then.
    """
    with source(connection, given) as (family, total, found), progress("leases", total) as bar:
        count = 0

        def pages() -> Iterator[Sequence[Record]]:
            nonlocal count
            for looked_at, page in found:
                bar.advance(looked_at)
                count += len(page)
                yield page

        save(output, FORMATS[form or format_of(output)](family, pages()))
    if output != "-":
        click.echo(f"{count} leases in {output}", err=True)


# -- import ------------------------------------------------------------------------------------------------------------


@leases.command("import", context_settings=SETTINGS)
@decorated((STORE, *FAMILY))
@click.option(
    "--format", "form", type=click.Choice(("csv", "json", "jsonl", "kea")), help="What FILE is; found out by its start."
)
@decorated(CHANGES)
@connected(required=False)
@click.argument("file", metavar="FILE")
def import_leases(
    connection: Connection | None, store: str | None, file: str, v4: bool, v6: bool, **given: Any
) -> None:
    """Add the leases of a file to a running server, or to a database; - is standard input.

    What the server refuses is told line by line (in a JSON list: lease by lease) and keeps nothing else back. If it is
    interrupted, what was added stays, and --update goes over it again. Clients are told of nothing. The exit status is
    0 if all leases were added, and 1 otherwise.

    A database takes leases as they are, and knows no subnets: each must have all that is shown of a lease, but for
    either its last transaction (cltt) or its end (expire). Those that are there already are left alone.
    """
    only_one(connection, "--store", store)
    family = of_family(v4, v6)
    with refusing():
        if connection is not None:
            status = to_server(connection, file, family, **given)
        else:
            status = into(file, str(store), of_store(str(store), family), **given)
    raise SystemExit(status)


def to_server(connection: Connection, file: str, family: int, *, form: str | None, update: bool, dry_run: bool) -> int:
    """Send a file to a running server; gives the exit status. Raises `TxkeaError`."""
    with opened(file) as stream, waiting() as wait:
        form = form or sniffed(stream.peek(4096))
        if form == "kea" and file == "-":
            raise TxkeaError("a lease file of Kea cannot be read from standard input; give its name")
        running = Running((connection.of_family(family) if family else connection).server(), wait, family)
        sender = Sender(running.server, running.family, update, dry_run)
        found = entries(form, running.family, file, stream)
        verb = "would be tried" if dry_run else "added or updated" if update else "added"
        with summary(verb) as outcome, progress("leases", None if file == "-" else lines_of(file)) as bar:
            for batch in batches(found, sender.size):
                refused = wait(partial(sender.send, batch))
                outcome.done += len(batch) - len(refused)
                outcome.refused += len(refused)
                bar.advance(len(batch))
                for each in refused:
                    bar.say(f"{file}:{each.place}: {f'{each.address}: ' if each.address else ''}{each.reason}")
    return 1 if outcome.refused else 0


@contextmanager
def summary(verb: str) -> Iterator[Outcome]:
    """Tell how far it came, however it ends."""
    outcome = Outcome()
    try:
        yield outcome
    finally:
        click.echo(f"{outcome.done} leases {verb}, {outcome.refused} refused", err=True)
