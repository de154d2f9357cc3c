"""``txkea dhcp4`` and ``txkea dhcp6``: kea-dhcp4's own switches (Kea A001, A002)."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

import click
from twisted.logger import globalLogBeginner

from txkea import __version__
from txkea.cli.check import examine, missing_links, unreachable
from txkea.control.commands import build_report, extended_version
from txkea.errors import TxkeaError
from txkea.logs.logs import Logs
from txkea.logs.observer import observer
from txkea.paths import Paths
from txkea.tap import Process, only_other_family, tell_failure

__all__ = ["dhcp4", "dhcp6", "serve"]


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


def _shows(name: str, text: str, purpose: str) -> Any:
    return click.option(name, is_flag=True, expose_value=False, is_eager=True, callback=_tells(text), help=purpose)


PORT = click.IntRange(1, 65535)

SWITCHES = (
    click.option("-c", "configuration", metavar="FILE", help="Serve what this file says."),
    click.option("-t", "test", metavar="FILE", help="Check a file, say what is wrong, and end with 0 or 1."),
    click.option("-T", "test_more", metavar="FILE", help="The same, and also whether what it needs can be reached."),
    click.option("-d", "debug", is_flag=True, help="Log everything to standard output, whatever the file says."),
    click.option("-p", "port", type=PORT, default=67, metavar="PORT", help="Listen on this port (for tests)."),
    click.option("-P", "client_port", type=PORT, default=68, metavar="PORT", help="Clients' port (for tests)."),
    click.option("-X", "unrestricted", is_flag=True, help="Taken for Kea's sake: places of files are not restricted."),
    click.option(
        "-N", "threads", metavar="NUMBER", help="Taken for Kea's sake: there is one thread, and it is enough."
    ),
    _shows("-v", __version__, "Print the version."),
    _shows("-V", extended_version(), "Print the version, and those of what this runs on."),
    _shows("-W", build_report(), "Print what is installed."),
)


def _switches(function: Any) -> Any:
    for switch in reversed(SWITCHES):
        function = switch(function)
    return function


@click.command(cls=KeaCommand, context_settings={"help_option_names": ["-h", "--help"]})
@_switches
def dhcp4(
    configuration: str | None,
    test: str | None,
    test_more: str | None,
    debug: bool,
    port: int,
    client_port: int,
    unrestricted: bool,
    threads: str | None,
) -> None:
    """Serve DHCPv4 in the foreground, with the switches of kea-dhcp4.

    SIGHUP reads the file again, and keeps the old configuration if the new one is wrong; SIGTERM and SIGINT end the
    server in order.
    """
    paths = Paths.from_environment(os.environ)
    if test or test_more:
        _check(test or test_more or "", paths, more=test_more is not None)
    if configuration is None:
        raise WrongUse("name a configuration file: -c FILE", click.get_current_context())
    serve(configuration, paths, debug, port, client_port)


@click.command(cls=KeaCommand, context_settings={"help_option_names": ["-h", "--help"]})
@_switches
def dhcp6(configuration: str | None, test: str | None, test_more: str | None, **others: Any) -> None:
    """Serve DHCPv6, which is not built yet: this says so, and ends with exit status 1."""
    file = configuration or test or test_more or ""
    click.echo(
        f"DHCPv6 is not built yet; {file or 'no file'} is not looked at. DHCPv4 is: txkea dhcp4 -c FILE", err=True
    )
    raise SystemExit(1)


def _check(path: str, paths: Paths, more: bool) -> NoReturn:
    """What ``-t`` does: unlike `check`, an interface that is not here is an error, as in Kea (A049)."""
    found = examine(path, paths)
    errors = list(found.errors)
    if found.configuration is not None:
        errors += missing_links(found.configuration)
        if more:
            errors += unreachable(found.configuration, paths)
    for error in errors:
        click.echo(f"Syntax check failed with: {error}", err=True)
    raise SystemExit(1 if errors else 0)


def serve(path: str, paths: Paths, debug: bool, port: int, client_port: int) -> NoReturn:
    """Serve until a signal or a command ends it; the exit status tells how it went."""
    from twisted.internet import reactor

    logs = Logs(default=paths.log_destination, directory=paths.logs)
    globalLogBeginner.beginLoggingTo([observer(logs)], redirectStandardIO=False)
    try:
        process = Process(
            path, reactor=reactor, logs=logs, paths=paths, debug=debug, port=port, client_port=client_port
        )
    except TxkeaError as error:
        tell_failure(logs, only_other_family(path) or str(error))
        raise SystemExit(1) from None
    process.privilegedStartService()
    process.startService()
    reactor.addSystemEventTrigger("before", "shutdown", process.stopService)
    reactor.run()
    sys.exit(process.exit_value)
