"""The switches that Kea's programs have in common (Kea A001, K011)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import click

from txkea import __version__
from txkea.control.commands import build_report, extended_version

__all__ = ["DEBUG", "FILE", "SHOWN", "TEST", "Command", "KeaCommand", "WrongUse", "decorated"]

Command = Callable[..., None]


class WrongUse(click.UsageError):
    """Switches that make no sense; Kea ends with this status."""

    exit_code = 1


class KeaCommand(click.Command):
    """A command that ends with Kea's exit status, 1, when it does not understand its switches."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the switches."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            raise WrongUse(error.format_message(), error.ctx) from None


def _tells(text: str) -> Any:
    """A callback for a switch that prints something and ends."""

    def tell(context: click.Context, parameter: click.Parameter, value: bool) -> None:
        if value:
            click.echo(text)
            context.exit(0)

    return tell


def shows(name: str, text: str, purpose: str) -> Any:
    return click.option(name, is_flag=True, expose_value=False, is_eager=True, callback=_tells(text), help=purpose)


FILE: Final = click.option("-c", "configuration", metavar="FILE", help="Serve what this file says.")
TEST: Final = click.option("-t", "test", metavar="FILE", help="Check a file, say what is wrong, and end with 0 or 1.")
DEBUG: Final = click.option(
    "-d", "debug", is_flag=True, help="Log everything to standard output, whatever the file says."
)
SHOWN: Final = (
    shows("-v", __version__, "Print the version."),
    shows("-V", extended_version(), "Print the version, and those of what this runs on."),
    shows("-W", build_report(), "Print what is installed."),
)


def decorated(switches: Sequence[Any]) -> Callable[[Command], Command]:
    """A decorator that gives a command these switches, in their order."""

    def decorate(function: Command) -> Command:
        for switch in reversed(switches):
            function = switch(function)
        return function

    return decorate
