"""``txkea`` and its commands."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from txkea import __version__

__all__ = ["main"]

COMMANDS: Final = {
    "check": "check",
    "client": "client",
    "ctrl-agent": "agent",
    "db": "db",
    "dhcp4": "serve",
    "dhcp6": "serve",
    "explain": "explain",
    "hosts": "hosts",
    "leases": "leases",
    "shell": "shell",
}
"""Command to the module that has it: the client need not wait until the server is imported."""


class Commands(click.Group):
    """Imports a command when it is wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"txkea.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", "-V", message="%(prog)s %(version)s")
def main() -> None:
    """A DHCP server that takes ISC Kea's place: its configuration, its lease file, its commands."""
