"""``txkea leases copy``: from one database, or a file, into another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import click

from txkea.cli.copying import Copying, Source, copied
from txkea.cli.files import lines_of, opened
from txkea.cli.leases_entries import entries, sniffed
from txkea.cli.leases_stores import FileLeases, LeaseTarget, StoreLeases, lease_name, number_of
from txkea.cli.places import PLACES, family_of, family_of_file, is_place
from txkea.cli.stores import Place, lease_file, open_store, place
from txkea.cli.switches import decorated
from txkea.cli.usage import CHANGES, FAMILY, SETTINGS, of_family, refusing
from txkea.cli.waiting import Wait, waiting
from txkea.config.families import BY_NUMBER
from txkea.errors import TxkeaError
from txkea.model.lease import Lease

__all__ = ["copy", "into"]

HELP: Final = f"""Copy leases from one database, or a file, into another. No server is asked.

{PLACES}
FROM may also be a file that "txkea leases export" wrote, or - for standard input. It is only read: a server may use it
meanwhile. A server may use TO too, if it is a database that servers share; a lease file is one server's, which must be
stopped.

A lease that is in TO already is left alone; one that differs is told, and left alone too unless --update is given. So
it can be done again, after it was interrupted, or to bring over what has changed since. What was in TO before stays.

\b
Examples:
  a server's lease file becomes a database
      txkea leases copy memfile:/var/lib/kea/kea-leases4.csv postgresql://kea@db/kea
  from what one configuration names to what another one does
      txkea leases copy --dry-run -6 config:old.conf config:new.conf
  from Kea 1.4's own Cassandra
      txkea leases copy -4 cql://node1,node2/keatest cql://node1,node2/txkea

The exit status is 0 if all leases are in TO now, and 1 otherwise.
"""


@click.command("copy", help=HELP, context_settings=SETTINGS)
@decorated((*FAMILY, *CHANGES))
@click.option("--after", metavar="ADDRESS", help="Go on behind this lease, as an interrupted copy says at its end.")
@click.argument("origin", metavar="FROM")
@click.argument("target", metavar="TO")
def copy(origin: str, target: str, v4: bool, v6: bool, **given: Any) -> None:
    """See ``HELP``."""
    family = of_family(v4, v6)
    with refusing():
        status = into(origin, target, family or _family(origin, target), roles=("from", "to"), **given)
    raise SystemExit(status)


def _family(origin: str, target: str) -> int:
    found = family_of((origin, target))
    if not found and not is_place(origin) and origin != "-":
        with opened(origin) as file:
            found = family_of_file(origin) if sniffed(file.peek(4096)) == "kea" else 0
    if not found:
        raise click.UsageError("say which leases: -4 or -6")
    return found


def into(
    origin: str,
    target: str,
    family: int,
    *,
    update: bool,
    dry_run: bool,
    after: str | None = None,
    form: str | None = None,
    roles: tuple[str, str] = ("", ""),
) -> int:
    """Copy the leases of a place or a file into a place, and tell; gives the exit status. Raises `TxkeaError`.

    ``form`` is the format of the file, ``roles`` whose passwords are meant.
    """
    behind = _address(after, family) if after is not None else None
    to = place(target, family, roles[1])
    from_ = place(origin, family, roles[0]) if is_place(origin) else None
    with (
        waiting() as wait,
        _source(from_, origin, form, family, behind, wait) as source,
        open_store(wait, to.leases_to_try if dry_run else to.leases) as store,
    ):
        copying = Copying(source, LeaseTarget(store), lease_name, update=update, dry_run=dry_run)
        return copied(copying, wait, "leases", dry_run)


def _address(text: str, family: int) -> bytes:
    try:
        return BY_NUMBER[family].address(text)
    except ValueError as error:
        raise click.UsageError(f"--after: {error}") from None


@contextmanager
def _source(
    from_: Place | None, path: str, form: str | None, family: int, behind: bytes | None, wait: Wait
) -> Iterator[Source[Lease]]:
    if from_ is not None:
        with open_store(wait, from_.leases_to_read) as store:
            yield StoreLeases(store, wait(partial(number_of, store)), behind)
        return
    with opened(path) as file:
        form = form or sniffed(file.peek(4096))
        if form != "kea":
            total = None if path == "-" else lines_of(path)
            yield FileLeases(entries(form, family, path, file), family, total, behind)
            return
    if path == "-":
        raise TxkeaError("a lease file of Kea cannot be read from standard input; give its name")
    table = lease_file(path, family)
    yield StoreLeases(table, len(table.table), behind)
