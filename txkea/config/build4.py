"""From the sections of a ``Dhcp4`` map to a `Configuration` with inheritance resolved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from txkea.config.kinds import address
from txkea.config.options import Options, option_definitions
from txkea.config.ranges import selection4
from txkea.config.reservations import context, hosts4
from txkea.config.scopes import OUTERMOST, Scopes, inherit, plain
from txkea.config.structure import Section
from txkea.config.subnets import SubnetBuilder, assign_ids, placed
from txkea.config.tree import tree4
from txkea.model.configuration import (
    Configuration,
    ControlSocket,
    DdnsClient,
    ExpiryParameters,
    Interfaces,
    InterfaceSelection,
    LeaseDatabase,
    LoggerConfiguration,
    LogOutput,
)
from txkea.model.identifier import IdentifierKind
from txkea.wire.standard4 import STANDARD4

__all__ = ["build4"]

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


def build4(dhcp: Section, logging: Section | None = None) -> Configuration:
    """The configuration; what is wrong is reported to the section's problems, and then the result is of no use.

    ``logging`` is the old top-level ``Logging`` map.
    """
    move_ddns(dhcp)
    move_loggers(dhcp, logging)
    values = inherit(dhcp, OUTERMOST)
    definitions = option_definitions(dhcp.sections("option-def"), 4, STANDARD4)
    options = Options(4, STANDARD4.extended(definitions))
    scopes = Scopes()
    parameters = scopes.parameters(dhcp, values)
    data = options.data(dhcp.sections("option-data"))
    found = placed(dhcp)
    assign_ids(found)
    builder = SubnetBuilder(options, scopes, dhcp.get("ip-reservations-unique"))
    networks = [builder.network(section, values) for section in dhcp.sections("shared-networks")]
    subnets = [builder.subnet(each, inherit(each.network, values) if each.network else values) for each in found]
    hosts = hosts4(dhcp.sections("reservations"), 0, None, dhcp.get("ip-reservations-unique"), options)
    return Configuration(
        family=4,
        parameters=parameters,
        options=data,
        option_definitions=tuple(definitions),
        subnets=tuple(sorted((subnet for subnet in subnets if subnet), key=lambda subnet: subnet.id)),
        networks=tuple(network for network in networks if network),
        hosts=hosts,
        interfaces=interfaces(dhcp.values["interfaces-config"]),
        lease_database=lease_database(dhcp.values["lease-database"]),
        expiry=ExpiryParameters(**numbers(dhcp.values["expired-leases-processing"])),
        control_sockets=tuple([control_socket(section) for section in dhcp.sections("control-sockets")]),
        loggers=tuple([logger(section) for section in dhcp.sections("loggers") if "name" in section.values]),
        ddns=ddns_client(dhcp.values["dhcp-ddns"]),
        host_identifiers=host_identifiers(dhcp),
        echo_client_id=dhcp.get("echo-client-id"),
        decline_probation_period=dhcp.get("decline-probation-period"),
        ip_reservations_unique=dhcp.get("ip-reservations-unique"),
        reservations_lookup_first=dhcp.get("reservations-lookup-first"),
        lease_checks=dhcp.values["sanity-checks"].get("lease-checks"),
        parked_packet_limit=dhcp.get("parked-packet-limit"),
        stash_agent_options=dhcp.get("stash-agent-options"),
        server_tag=dhcp.get("server-tag"),
        user_context=context(dhcp),
        tree=tree4(dhcp, OUTERMOST),
        **numbers(dhcp.values["compatibility"]),
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


def move_loggers(dhcp: Section, logging: Section | None) -> None:
    if logging:
        dhcp.values["loggers"] = [*dhcp.sections("loggers"), *logging.sections("loggers")]


# -- the maps ----------------------------------------------------------------------------------------------------------


def interfaces(section: Section) -> Interfaces:
    selections = tuple([InterfaceSelection(*selection4(text)) for text in section.get("interfaces")])
    check_selections(section, selections)
    return Interfaces(
        selections=selections,
        socket_type=section.get("dhcp-socket-type"),
        use_routing=section.get("outbound-interface") == "use-routing",
        re_detect=section.get("re-detect"),
        require_all=section.get("service-sockets-require-all"),
        max_retries=section.get("service-sockets-max-retries"),
        retry_wait_time=section.get("service-sockets-retry-wait-time"),
    )


def check_selections(section: Section, selections: Iterable[InterfaceSelection]) -> None:
    """An interface is named once, or with each of its addresses once (Kea A050)."""
    seen: dict[str, set[bytes | None]] = {}
    for selection in selections:
        addresses = seen.setdefault(selection.name, set())
        if selection.address in addresses:
            section.wrong("interfaces", f"{selection.name} is named twice; name it once")
        elif addresses and None in {selection.address, *addresses}:
            section.wrong("interfaces", f"{selection.name} is named with and without an address; keep one of the two")
        addresses.add(selection.address)


def lease_database(section: Section) -> LeaseDatabase:
    kind = section.get("type")
    parameters = {name: plain(value) for name, value in section.values.items() if name not in ("type", "parameters")}
    if kind == "memfile":
        for name in parameters.keys() & section.nodes.keys() - {*MEMFILE, "user-context", "comment"}:
            section.warn(name, "this has no effect: memfile needs no connection")
    return LeaseDatabase(type=kind, parameters={**parameters, **(section.values.get("parameters") or {})})


def control_socket(section: Section) -> ControlSocket:
    """A UNIX socket; the other types were refused by name."""
    path = section.get("socket-name")
    if section.get("socket-type") == "unix" and "socket-name" not in section.node.value:
        section.wrong("", '"socket-name" is missing; give the path of the socket')
    others = {
        name: plain(value) for name, value in section.values.items() if name not in ("socket-type", "socket-name")
    }
    return ControlSocket(type=section.get("socket-type") or "unix", address=path or "", parameters=others)


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


def host_identifiers(dhcp: Section) -> tuple[IdentifierKind, ...]:
    """The kinds of identifiers in the order of look-up (Kea A029)."""
    names = dhcp.get("host-reservation-identifiers")
    if "auto" in names:
        if len(names) > 1:
            dhcp.wrong("host-reservation-identifiers", '"auto" stands alone; delete it or the others')
        return tuple(IdentifierKind)
    if len(set(names)) < len(names):
        dhcp.wrong("host-reservation-identifiers", "an identifier is named twice; name it once")
    return tuple([IdentifierKind[name.upper().replace("-", "_")] for name in names])
