"""What commands about leases and hosts have in common: the switches of a family, and how errors end them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from txkea.errors import TxkeaError

__all__ = ["CHANGES", "FAMILY", "SETTINGS", "of_family", "refusing"]

SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 120}
FAMILY: Final = (
    click.option("-4", "v4", is_flag=True, help="DHCPv4; found out unless it is said."),
    click.option("-6", "v6", is_flag=True, help="DHCPv6."),
)
CHANGES: Final = (
    click.option("--update", is_flag=True, help="Replace what is there already and differs, which is else refused."),
    click.option("--dry-run", is_flag=True, help="Change nothing; tell what would be done, and what could not."),
)


def of_family(v4: bool, v6: bool) -> int:
    """The family that switches name, 0 if none does."""
    if v4 and v6:
        raise click.UsageError("-4 and -6 are two commands")
    return 4 if v4 else 6 if v6 else 0


@contextmanager
def refusing() -> Iterator[None]:
    """Errors become what a command says at its end."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever reads the output has enough of it
    except TxkeaError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.FileError(str(error.filename or "the file"), error.strerror or str(error)) from None
