"""The ``Control-agent`` map: from a document to an `AgentConfiguration` (Kea G011)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import evolve

from txkea.config.build import logger, move_loggers
from txkea.config.channels import FILES, http_socket
from txkea.config.features import AGENT_LIBRARIES, unless
from txkea.config.keywords import CONTEXT, PORT, KeywordMap, keyword, keywords
from txkea.config.kinds import FREE_MAP, Each, In, Parsed, address, one_of
from txkea.config.maps import HTTP, SHARED_MAPS, UNIX_PATH, top
from txkea.config.reservations import context
from txkea.config.scopes import plain
from txkea.config.structure import Problems, Section, structure
from txkea.config.text import Document, load
from txkea.errors import ConfigErrors
from txkea.model.agent import AgentConfiguration
from txkea.model.configuration import ControlSocket

__all__ = ["PROGRAM", "TOP", "agent_configuration", "configures_agent", "load_agent"]

TOP: Final = "Control-agent"
PROGRAM: Final = "kea-ctrl-agent"
"""The root of its loggers."""
SERVICES: Final = ("dhcp4", "dhcp6", "d2")

MAPS: Final[Mapping[str, KeywordMap]] = {
    **SHARED_MAPS,
    "top": top(TOP),
    TOP: keywords(
        keyword("http-host", Parsed(address), "127.0.0.1"),
        keyword("http-port", PORT, 8000),
        HTTP,
        CONTEXT,
        keyword("control-sockets", In("control-sockets"), {}),
        keyword("hooks-libraries", Each(FREE_MAP), [], later=unless(AGENT_LIBRARIES, [])),
        keyword("loggers", Each(In("loggers")), []),
    ),
    "control-sockets": keywords(*(keyword(service, In("server")) for service in SERVICES)),
    "server": keywords(
        keyword("socket-type", one_of("unix"), "unix"), keyword("socket-name", UNIX_PATH, required=True), CONTEXT
    ),
}
"""Every map of the Control Agent's configuration by the name of the keyword that holds it."""


def load_agent(path: str) -> AgentConfiguration:
    """The Control Agent's configuration of a file; maps of other servers in it are left alone.

    Raises `ConfigErrors` with everything that is wrong, in the order of the file.
    """
    return agent_configuration(load(path))


def configures_agent(document: Document) -> bool:
    """Whether a document has a Control Agent."""
    return isinstance(document.root.value, dict) and TOP in document.root.value


def agent_configuration(document: Document) -> AgentConfiguration:
    """The Control Agent's configuration of a document, as `load_agent`."""
    problems = Problems()
    whole = structure(document.root, "top", MAPS, problems)
    agent = whole.section(TOP)
    if agent is None:
        raise ConfigErrors(problems.sorted_errors())
    found = built(agent, whole.section("Logging"))
    if problems.errors:
        raise ConfigErrors(problems.sorted_errors())
    return evolve(found, written=document.root.plain(), warnings=(*document.warnings, *problems.warnings))


def built(agent: Section, logging: Section | None) -> AgentConfiguration:
    """The configuration; what is wrong is reported to the section's problems, and then the result is of no use."""
    move_loggers(agent, logging, PROGRAM)
    servers = agent.values["control-sockets"]
    return AgentConfiguration(
        listener=listener(agent),
        servers={name: section.get("socket-name") for name, section in servers.values.items()},
        loggers=tuple([logger(section) for section in agent.sections("loggers") if "name" in section.values]),
        user_context=context(agent),
        tree={TOP: plain(agent)},
    )


def listener(agent: Section) -> ControlSocket:
    """Where the agent listens."""
    kind = "https" if agent.values.keys() & FILES else "http"
    found = http_socket(agent, kind, agent.get("http-host"), agent.get("http-port"), "http-host")
    return evolve(found, parameters={name: value for name, value in found.parameters.items() if name in HTTP})
