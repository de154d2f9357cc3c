"""From the sections of a top-level map to a `Configuration` with inheritance resolved: what both families share."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any, Final

from txkea.config.channels import control_sockets
from txkea.config.classes import client_classes
from txkea.config.families import Family
from txkea.config.guards import Mentions
from txkea.config.hooks import hook_libraries, locator
from txkea.config.kinds import address
from txkea.config.options import Options, option_definitions
from txkea.config.reservations import context, hosts
from txkea.config.scopes import Scopes, inherit, plain
from txkea.config.structure import Section
from txkea.config.subnets import SubnetBuilder, assign_ids, placed
from txkea.config.tree import tree
from txkea.model.configuration import (
    Configuration,
    Database,
    DdnsClient,
    ExpiryParameters,
    Interfaces,
    InterfaceSelection,
    LoggerConfiguration,
    LogOutput,
)
from txkea.model.identifier import IdentifierKind

__all__ = ["Own", "build", "interfaces"]

Own = Callable[[Section, Options], dict[str, Any]]
"""Gives the fields of `Configuration` that one family has for itself; may complete the section."""

NOT_PARAMETERS: Final = ("type", "parameters")
"""What a database's map holds beside its parameters, as far as we know them, and those of a third party."""
MEMFILE: Final = (
    "name", "persist", "sync", "commit-delay", "lfc-interval", "max-row-errors", "on-fail", "retry-on-startup",
)  # fmt: skip
"""The parameters that memfile understands; Kea takes the others too and does nothing with them."""

MOVED_DDNS: Final = {
    "override-no-update": "ddns-override-no-update",
    "override-client-update": "ddns-override-client-update",
    "replace-client-name": "ddns-replace-client-name",
    "generated-prefix": "ddns-generated-prefix",
    "qualifying-suffix": "ddns-qualifying-suffix",
    "hostname-char-set": "hostname-char-set",
    "hostname-char-replacement": "hostname-char-replacement",
}
"""What stood in ``dhcp-ddns`` once and is inheritable now (Kea A038)."""


def build(family: Family, dhcp: Section, logging: Section | None, own: Own) -> Configuration:
    """The configuration; what is wrong is reported to the section's problems, and then the result is of no use.

    ``logging`` is the old top-level ``Logging`` map.
    """
    move_ddns(dhcp)
    move_loggers(dhcp, logging, f"kea-dhcp{family.number}")
    values = inherit(dhcp, family.outermost, family)
    unique = dhcp.get("ip-reservations-unique")
    definitions = option_definitions(dhcp.sections("option-def"), family)
    options = Options(family, family.standard.extended(definitions))
    scopes = Scopes(family)
    parameters = scopes.parameters(dhcp, values)
    data = options.data(dhcp.sections("option-data"))
    classes = client_classes(dhcp, options, family)
    found = placed(dhcp, family)
    assign_ids(found)
    builder = SubnetBuilder(family, options, scopes, unique)
    networks = [builder.network(section, values) for section in dhcp.sections("shared-networks")]
    subnets = [
        builder.subnet(each, inherit(each.network, values, family) if each.network else values) for each in found
    ]
    reserved = hosts(dhcp.sections("reservations"), 0, None, unique, options, family)
    found_hosts = chain(reserved, *(subnet.hosts for subnet in subnets if subnet))
    given = {name for host in found_hosts for name in host.client_classes}
    Mentions(dhcp, {each.name: each for each in classes.found}, classes.late, given).check()
    return Configuration(
        family=family.number,
        parameters=parameters,
        options=data,
        option_definitions=tuple(definitions),
        client_classes=classes.found,
        subnets=tuple(sorted((subnet for subnet in subnets if subnet), key=lambda subnet: subnet.id)),
        networks=tuple(network for network in networks if network),
        hosts=reserved,
        hooks=hook_libraries(dhcp),
        lease_database=lease_database(dhcp.values["lease-database"]),
        hosts_databases=tuple(map(database, dhcp.sections("hosts-databases"))),
        expiry=ExpiryParameters(**numbers(dhcp.values["expired-leases-processing"])),
        control_sockets=control_sockets(dhcp.sections("control-sockets"), family.number),
        loggers=tuple([logger(section) for section in dhcp.sections("loggers") if "name" in section.values]),
        ddns=ddns_client(dhcp.values["dhcp-ddns"]),
        host_identifiers=host_identifiers(dhcp, family),
        decline_probation_period=dhcp.get("decline-probation-period"),
        ip_reservations_unique=unique,
        reservations_lookup_first=dhcp.get("reservations-lookup-first"),
        early_global_reservations_lookup=dhcp.get("early-global-reservations-lookup"),
        lease_checks=dhcp.values["sanity-checks"].get("lease-checks"),
        parked_packet_limit=dhcp.get("parked-packet-limit"),
        server_tag=dhcp.get("server-tag"),
        sample_count=dhcp.get("statistic-default-sample-count"),
        sample_age=dhcp.get("statistic-default-sample-age"),
        dhcp4o6_port=dhcp.get("dhcp4o6-port"),
        user_context=context(dhcp),
        **numbers(dhcp.values["compatibility"]),
        **own(dhcp, options),
        tree=tree(dhcp, family),
    )


def numbers(section: Section) -> dict[str, Any]:
    """All values of a section as arguments of a class whose fields are named alike."""
    return {name.replace("-", "_"): section.get(name) for name in section.table}


# -- what moved --------------------------------------------------------------------------------------------------------


def move_ddns(dhcp: Section) -> None:
    """Give the global scope what an old ``dhcp-ddns`` map says; what stands there already wins, as in Kea."""
    old = dhcp.values["dhcp-ddns"]
    for name, new in MOVED_DDNS.items():
        if name in old.values:
            value, node = old.values.pop(name), old.nodes.pop(name)
            if new not in dhcp.values:
                dhcp.values[new] = value
                dhcp.nodes[new] = node


def move_loggers(server: Section, logging: Section | None, own: str) -> None:
    """Give a server those of an old ``Logging`` map that are not other servers'; ``own`` is its program."""
    if logging:
        moved = [
            section
            for section in logging.sections("loggers")
            if (section.get("name") or own).partition(".")[0] == own or not section.get("name").startswith("kea-")
        ]
        server.values["loggers"] = [*server.sections("loggers"), *moved]


# -- the maps ----------------------------------------------------------------------------------------------------------


def interfaces(section: Section, family: Family, **more: Any) -> Interfaces:
    """Where to listen; an interface is named once, or with each of its addresses once (Kea A050)."""
    found = []
    for at, text in section.elements("interfaces"):
        selection = InterfaceSelection(*family.selection(text))
        if selection in found:
            section.wrong("interfaces", f"{text} is named twice; name it once", at)
        found.append(selection)
    return Interfaces(
        selections=tuple(found),
        re_detect=section.get("re-detect"),
        require_all=section.get("service-sockets-require-all"),
        max_retries=section.get("service-sockets-max-retries"),
        retry_wait_time=section.get("service-sockets-retry-wait-time"),
        **more,
    )


def lease_database(section: Section) -> Database:
    if section.get("type") == "memfile":
        harmless = {*MEMFILE, *NOT_PARAMETERS, "user-context", "comment"}
        for name in section.values.keys() & section.nodes.keys() - harmless:
            section.warn(name, "this has no effect: memfile needs no connection")
    return database(section)


def database(section: Section) -> Database:
    parameters = {name: plain(value) for name, value in section.values.items() if name not in NOT_PARAMETERS}
    parameters.update(section.values.get("parameters") or {})
    return Database(type=section.get("type"), parameters=parameters, locate=locator(section.node))


def logger(section: Section) -> LoggerConfiguration:
    outputs = [
        LogOutput(
            output=output.get("output"),
            flush=output.get("flush"),
            maxsize=output.get("maxsize"),
            maxver=output.get("maxver"),
            pattern=output.get("pattern"),
        )
        for output in section.sections("output-options")
        if "output" in output.values
    ]
    return LoggerConfiguration(
        name=section.get("name"),
        severity=section.get("severity").upper(),
        debuglevel=section.get("debuglevel"),
        outputs=tuple(outputs),
    )


def ddns_client(section: Section) -> DdnsClient:
    """Where updates go; server and sender must get on with each other (Kea A090)."""
    server, sender = section.get("server-ip"), section.get("sender-ip")
    if sender and len(address(server)) != len(address(sender)):
        section.wrong("sender-ip", f"{sender} is not of the family of server-ip {server}; choose one family")
    if (server, section.get("server-port")) == (sender, section.get("sender-port")):
        section.wrong("sender-ip", "sender and server are the same address and port; change one of them")
    return DdnsClient(
        enable_updates=section.get("enable-updates"),
        server_ip=server,
        server_port=section.get("server-port"),
        sender_ip=sender,
        sender_port=section.get("sender-port"),
        max_queue_size=section.get("max-queue-size"),
    )


def host_identifiers(dhcp: Section, family: Family) -> tuple[IdentifierKind, ...]:
    """The kinds of identifiers in the order of look-up (Kea A029, B003)."""
    names = dhcp.get("host-reservation-identifiers")
    if "auto" in names:
        if len(names) > 1:
            dhcp.wrong("host-reservation-identifiers", '"auto" stands alone; delete it or the others')
        return family.identifiers
    if len(set(names)) < len(names):
        dhcp.wrong("host-reservation-identifiers", "an identifier is named twice; name it once")
    return tuple([IdentifierKind[name.upper().replace("-", "_")] for name in names])
