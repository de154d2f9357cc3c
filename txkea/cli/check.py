"""``txkea check``: what is wrong with a configuration, all of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import click
from twisted.internet import reactor

from txkea.config.agent import agent_configuration, configures_agent
from txkea.config.load import configuration as configured
from txkea.config.load import families
from txkea.config.text import Document, load
from txkea.errors import ConfigErrors, TxkeaError
from txkea.logs.logs import Logs
from txkea.model.agent import AgentConfiguration
from txkea.model.configuration import Configuration
from txkea.net.links import links
from txkea.net.selection import select4, select6
from txkea.paths import Paths
from txkea.providers import hook_providers, host_store, lease_store

__all__ = ["Findings", "check", "examine", "missing_links", "unreachable"]

SELECT: Final = {4: select4, 6: select6}


class Findings(NamedTuple):
    """What was found; ``configurations`` are those of all families in the file, none if it cannot be used."""

    configurations: Sequence[Configuration]
    errors: Sequence[str]
    warnings: Sequence[str]
    agent: AgentConfiguration | None = None


def examine(path: str, paths: Paths, wanted: Sequence[int] = ()) -> Findings:
    """Read a file as the servers of these families would, opening and changing nothing; of all that are in it unless
    told otherwise. Interfaces that are not here are warnings.
    """
    configurations: list[Configuration] = []
    errors: list[str] = []
    try:
        document = load(path)
    except ConfigErrors as broken:
        return Findings((), [str(error) for error in broken.errors], ())
    has_agent = not wanted and configures_agent(document)
    agent = _agent(document, errors) if has_agent else None
    for family in wanted or families(document) or (() if has_agent else (4,)):
        try:
            found = configured(document, family)
            _try_providers(found, paths)
            configurations.append(found)
        except ConfigErrors as wrong:
            errors += [str(error) for error in wrong.errors]
        except TxkeaError as error:
            errors.append(f"{path}: {error}")
    warnings = dict.fromkeys(text for configuration in configurations for text in configuration.warnings)
    warnings.update(dict.fromkeys(agent.warnings if agent else ()))
    if errors:
        return Findings((), errors, [*warnings])
    missing = [f"{path}: {text}" for configuration in configurations for text in missing_links(configuration)]
    return Findings(configurations, (), [*warnings, *missing], agent)


def _agent(document: Document, errors: list[str]) -> AgentConfiguration | None:
    try:
        return agent_configuration(document)
    except ConfigErrors as wrong:
        errors += [str(error) for error in wrong.errors]
        return None


def _try_providers(configuration: Configuration, paths: Paths) -> None:
    """Make the stores, without opening them, and what ``hooks-libraries`` name. Raises `TxkeaError`."""
    logger = Logs(default="stderr").logger
    lease_store(configuration, reactor=reactor, log=logger("dhcpsrv"), paths=paths)
    for index in range(len(configuration.hosts_databases)):
        host_store(configuration, index, reactor=reactor, log=logger("dhcpsrv"), paths=paths)
    hook_providers(configuration, reactor=reactor, logger=logger, paths=paths, statistics={})


def missing_links(configuration: Configuration) -> Sequence[str]:
    """What keeps this machine from serving the interfaces of a configuration (Kea A049)."""
    try:
        selection = SELECT[configuration.family](configuration.interfaces, links())
    except TxkeaError as error:
        return [str(error)]
    place = f"Dhcp{configuration.family}.interfaces-config"
    return [f"{place}: interface {left.name} {left.reason}" for left in selection.unusable]


def unreachable(configuration: Configuration, paths: Paths) -> Sequence[str]:
    """What a configuration needs and this user cannot use now: the directories of lease file and control sockets."""
    paths = paths.configured(configuration.data_directory)
    parameters: Any = configuration.lease_database.parameters
    needed = {paths.socket(each.address) for each in configuration.control_sockets if each.type == "unix"}
    if configuration.lease_database.type == "memfile" and parameters.get("persist", True):
        needed.add(paths.lease_file(parameters.get("name") or "", configuration.family))
    if configuration.family == 6 and configuration.server_id.persist:
        needed.add(paths.server_id_file())
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
    if findings.errors:
        click.echo(f"{path}: {_count(len(findings.errors), 'error')}")
    else:
        parts = [f"{_count(len(each.subnets), 'subnet')} of DHCPv{each.family}" for each in findings.configurations]
        if findings.agent:
            parts.append(f"a Control Agent on {findings.agent.listener.address} port {findings.agent.listener.port}")
        click.echo(f"{path}: can be used; {', '.join(parts)}, {_count(len(findings.warnings), 'warning')}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
