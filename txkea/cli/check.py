"""``txkea check``: what is wrong with a configuration, all of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import click
from twisted.internet import reactor

from txkea.config.load import configuration4, families
from txkea.config.text import load
from txkea.errors import ConfigErrors, TxkeaError
from txkea.logs.logs import Logs
from txkea.model.configuration import Configuration
from txkea.net.links import links
from txkea.net.selection import select4
from txkea.paths import Paths
from txkea.providers import lease_store

__all__ = ["Findings", "check", "examine", "missing_links", "unreachable"]


class Findings(NamedTuple):
    """What was found; ``configuration`` is None if it cannot be used."""

    configuration: Configuration | None
    errors: Sequence[str]
    warnings: Sequence[str]


def examine(path: str, paths: Paths) -> Findings:
    """Read a file as a server would, opening and changing nothing. Interfaces that are not here are warnings."""
    try:
        document = load(path)
        found = families(document)
        if found == (6,):
            return Findings(None, [f"{path}: it has only a Dhcp6 map, and DHCPv6 is not built yet"], [])
        configuration = configuration4(document)
    except ConfigErrors as errors:
        return Findings(None, [str(error) for error in errors.errors], [])
    warnings = list(configuration.warnings)
    if 6 in found:
        warnings.append(f"{path}: it has a Dhcp6 map too: DHCPv6 is not built yet, nobody will serve it")
    try:
        lease_store(configuration, reactor=reactor, log=Logs(default="stderr").logger("dhcpsrv"), paths=paths)
    except TxkeaError as error:
        return Findings(None, [f"{path}: {error}"], warnings)
    return Findings(configuration, [], warnings + [f"{path}: {text}" for text in missing_links(configuration)])


def missing_links(configuration: Configuration) -> Sequence[str]:
    """What keeps this machine from serving the interfaces of a configuration (Kea A049)."""
    try:
        selection = select4(configuration.interfaces, links())
    except TxkeaError as error:
        return [str(error)]
    return [f"Dhcp4.interfaces-config: interface {left.name} {left.reason}" for left in selection.unusable]


def unreachable(configuration: Configuration, paths: Paths) -> Sequence[str]:
    """What a configuration needs and this user cannot use now: the directories of lease file and control sockets."""
    parameters: Any = configuration.lease_database.parameters
    needed = {paths.socket(each.address) for each in configuration.control_sockets if each.type == "unix"}
    if configuration.lease_database.type == "memfile" and parameters.get("persist", True):
        needed.add(paths.lease_file(parameters.get("name") or ""))
    directories = sorted({os.path.dirname(os.path.abspath(each)) for each in needed})
    return [f"{each} is not a directory that this user may write in" for each in directories if not _writable(each)]


def _writable(directory: str) -> bool:
    return os.path.isdir(directory) and os.access(directory, os.W_OK | os.X_OK)


HELP: Final = """Say everything that is wrong with configuration files.

\b
One line an error, in the order of the file:
    FILE:LINE:COLUMN: path: what is wrong; what would be right

The exit status is 0 if all files can be used and 1 otherwise. Warnings are about what works, but perhaps not as meant.
Nothing is opened or changed: a server that uses the file may be running.
"""


@click.command(help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option("-q", "--quiet", is_flag=True, help="Print nothing: the exit status tells.")
def check(files: Sequence[str], quiet: bool) -> None:
    """See ``HELP``."""
    paths = Paths.from_environment(os.environ)
    found = [(path, examine(path, paths)) for path in files]
    if not quiet:
        for path, findings in found:
            _report(path, findings)
    if any(findings.errors for _, findings in found):
        raise SystemExit(1)


def _report(path: str, findings: Findings) -> None:
    for text in findings.errors:
        click.echo(f"{click.style('error:', fg='red')} {text}")
    for text in findings.warnings:
        click.echo(f"{click.style('warning:', fg='yellow')} {text}")
    if findings.configuration is None:
        click.echo(f"{path}: {_count(len(findings.errors), 'error')}")
    else:
        subnets = _count(len(findings.configuration.subnets), "subnet")
        click.echo(f"{path}: can be used; {subnets}, {_count(len(findings.warnings), 'warning')}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
