"""``txkea dhcp4`` and ``txkea dhcp6``: the switches of Kea's own programs (Kea A001, A002)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

import click
from twisted.logger import globalLogBeginner

from txkea.cli.check import examine, missing_links, unreachable
from txkea.cli.switches import DEBUG, FILE, SHOWN, TEST, Command, KeaCommand, WrongUse, decorated
from txkea.exchange.families import FAMILIES, Family
from txkea.logs.observer import observer
from txkea.paths import Paths
from txkea.tap import Ports, launched

__all__ = ["dhcp4", "dhcp6", "serve"]

IGNORED: Final = "Taken for Kea's sake:"


def _switches(family: Family) -> Callable[[Command], Command]:
    """The switches of Kea's program for a family, as a decorator."""
    switches = (
        FILE,
        TEST,
        click.option(
            "-T", "test_more", metavar="FILE", help="The same, and also whether what it needs can be reached."
        ),
        DEBUG,
        _port("-p", "port", family.server_port, "Listen on this port (for tests)."),
        _port("-P", "client_port", family.client_port, "Clients' port (for tests)."),
        click.option("-X", is_flag=True, expose_value=False, help=f"{IGNORED} places of files are not restricted."),
        click.option(
            "-N", metavar="NUMBER", expose_value=False, help=f"{IGNORED} there is one thread, and it is enough."
        ),
        *SHOWN,
    )
    return decorated(switches)


def _port(name: str, parameter: str, default: int, purpose: str) -> Any:
    return click.option(name, parameter, type=click.IntRange(1, 65535), default=default, metavar="PORT", help=purpose)


@click.command(cls=KeaCommand, context_settings={"help_option_names": ["-h", "--help"]})
@_switches(FAMILIES[4])
def dhcp4(**switches: Any) -> None:
    """Serve DHCPv4 in the foreground, with the switches of kea-dhcp4.

    SIGHUP reads the file again, and keeps the old configuration if the new one is wrong; SIGTERM and SIGINT end the
    server in order.
    """
    _obey(4, **switches)


@click.command(cls=KeaCommand, context_settings={"help_option_names": ["-h", "--help"]})
@_switches(FAMILIES[6])
def dhcp6(**switches: Any) -> None:
    """Serve DHCPv6 in the foreground, with the switches of kea-dhcp6.

    SIGHUP reads the file again, and keeps the old configuration if the new one is wrong; SIGTERM and SIGINT end the
    server in order.
    """
    _obey(6, **switches)


def _obey(
    family: int,
    configuration: str | None,
    test: str | None,
    test_more: str | None,
    debug: bool,
    port: int,
    client_port: int,
) -> None:
    """Do what the switches of a family's command say."""
    paths = Paths.from_environment(os.environ)
    if test or test_more:
        _check(family, test or test_more or "", paths, more=test_more is not None)
    if configuration is None:
        raise WrongUse("name a configuration file: -c FILE", click.get_current_context())
    serve(configuration, (family,), paths, debug, {family: Ports(port, client_port)})


def _check(family: int, path: str, paths: Paths, more: bool) -> NoReturn:
    """What ``-t`` does: unlike `check`, an interface that is not here is an error, as in Kea (A049)."""
    found = examine(path, paths, (family,))
    errors = list(found.errors)
    for configuration in found.configurations:
        errors += missing_links(configuration)
        if more:
            errors += unreachable(configuration, paths)
    for error in errors:
        click.echo(f"Syntax check failed with: {error}", err=True)
    raise SystemExit(1 if errors else 0)


def serve(
    path: str,
    families: Sequence[int],
    paths: Paths,
    debug: bool,
    ports: Mapping[int, Ports],
    agent: bool = False,
) -> NoReturn:
    """Serve until a signal or a command ends it; the exit status tells how it went."""
    from twisted.internet import reactor

    process = launched(path, families, paths=paths, debug=debug, ports=ports, agent=agent)
    globalLogBeginner.beginLoggingTo([observer(next(iter(process.logs.values())))], redirectStandardIO=False)
    process.privilegedStartService()
    process.startService()
    reactor.addSystemEventTrigger("before", "shutdown", process.stopService)
    reactor.run()
    sys.exit(process.exit_value)
