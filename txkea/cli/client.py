"""``txkea client``: DHCPv4's, or with ``-6`` DHCPv6's."""

from __future__ import annotations

from typing import Any

import click

from txkea.cli.client4 import client4
from txkea.cli.client6 import client6

__all__ = ["client"]


class OfFamily(click.Command):
    """Either of two commands, each with its own switches and its own help."""

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> click.Context:
        """Parse the switches as those of the family that they name."""
        return (client6 if "-6" in args else client4).make_context(info_name, args, *more, **extra)


client = OfFamily("client", help=client4.help, short_help="Ask a DHCPv4 (or, with -6, DHCPv6) server for a lease.")
