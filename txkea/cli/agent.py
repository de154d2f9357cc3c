"""``txkea ctrl-agent``: the switches of kea-ctrl-agent (Kea K011)."""

from __future__ import annotations

import os
from typing import NoReturn

import click

from txkea.cli.serve import serve
from txkea.cli.switches import DEBUG, FILE, SHOWN, TEST, KeaCommand, WrongUse, decorated
from txkea.config.agent import load_agent
from txkea.errors import ConfigErrors
from txkea.paths import Paths

__all__ = ["ctrl_agent"]


@click.command("ctrl-agent", cls=KeaCommand, context_settings={"help_option_names": ["-h", "--help"]})
@decorated((FILE, TEST, DEBUG, *SHOWN))
def ctrl_agent(configuration: str | None, test: str | None, debug: bool) -> None:
    """One HTTP endpoint for the commands of several servers, with the switches of kea-ctrl-agent.

    It passes commands on to the UNIX sockets of the servers that they name. SIGHUP reads the file again, and keeps the
    old configuration if the new one is wrong; SIGTERM and SIGINT end it in order.
    """
    if test:
        _check(test)
    if configuration is None:
        raise WrongUse("name a configuration file: -c FILE", click.get_current_context())
    serve(configuration, (), Paths.from_environment(os.environ), debug, {}, agent=True)


def _check(path: str) -> NoReturn:
    """What ``-t`` does."""
    try:
        load_agent(path)
    except ConfigErrors as wrong:
        for error in wrong.errors:
            click.echo(f"Syntax check failed with: {error}", err=True)
        raise SystemExit(1) from None
    raise SystemExit(0)
