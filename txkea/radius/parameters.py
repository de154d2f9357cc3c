"""The parameters of Kea's library radius, and a few of ours (Kea I004-I008)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from attrs import frozen

from txkea.backend.parameters import Parameters
from txkea.backend.tls import context
from txkea.config.expressions import compiled
from txkea.config.families import BY_NUMBER
from txkea.config.keywords import CONTEXT, NAME, PORT, KeywordMap, keyword, keywords
from txkea.config.kinds import BOOLEAN, Each, Floating, In, Integer, Kind, Parsed, Text, address, one_of
from txkea.config.parameters import definitions_of, judged
from txkea.config.structure import Section
from txkea.errors import ConfigError, TxkeaError
from txkea.model.configuration import Configuration
from txkea.model.identifier import IdentifierKind
from txkea.radius.attributes import Extra, NasPorts
from txkea.radius.dictionary import Dictionary
from txkea.radius.files import dictionary
from txkea.radius.identities import IDENTIFIERS, Naming
from txkea.radius.servers import ANY, RADSEC, Policy, RadiusServer
from txkea.radius.spool import MOST
from txkea.wire.options import encode_hex

__all__ = ["CONTINUE", "DROP", "NAMES", "Radius", "Service", "radius"]

DROP, CONTINUE = "drop", "continue"
ACCESS, ACCOUNTING = "access", "accounting"
UDP, TLS = "UDP", "TLS"
PORTS: Final = {(ACCESS, UDP): 1812, (ACCOUNTING, UDP): 1813, (ACCESS, TLS): 2083, (ACCOUNTING, TLS): 2083}
CERTIFICATES: Final = ("trust-anchor", "cert-file", "key-file")
KINDS: Final = ("data", "raw", "expr")
"""What may give an attribute its value."""
NUMERIC: Final = re.compile(r"[0-9.]+|.*[:%].*")
"""What is meant for an address; a name is looked up when the server starts."""
SELECTORS: Final = ("subnet-id", "subnet-prefix", "shared-network-name")
SECONDS: Final = Floating(0, 86400)
TIMEOUT: Final = Floating(0.05, 3600)
DAY: Final = 86400


def _bind(text: str) -> str:
    if text != ANY:
        with suppress(ValueError):
            address(text)
            return text
        raise ValueError(f'"{text}" is not an IP address; write one of this machine, or {ANY} for any')
    return text


def _hexadecimal(text: str) -> bytes:
    """Half an octet stands for a whole one, as in Kea."""
    try:
        return encode_hex(text if not len(text) % 2 or ":" in text else f"0{text}")
    except ValueError:
        raise ValueError(f'"{text}" is not hexadecimal; write it like 65666a') from None


RAW: Final[Kind] = Parsed(_hexadecimal)
SERVICE: Final = keywords(
    keyword("enabled", BOOLEAN, True),
    keyword("servers", Each(In("servers")), []),
    keyword("attributes", Each(In("attributes")), []),
    keyword("idle-timer-interval", Integer(0, DAY), 0),
    CONTEXT,
)
TABLES: Final[Mapping[str, KeywordMap]] = {
    "radius": keywords(
        keyword("access", In("access")),
        keyword("accounting", In("accounting")),
        keyword("bindaddr", Parsed(_bind), ANY),
        keyword("canonical-mac-address", BOOLEAN, False),
        keyword("client-id-pop0", BOOLEAN, False),
        keyword("client-id-printable", BOOLEAN, False),
        keyword("deadtime", SECONDS, 0),
        keyword("dictionary", Text(), ""),
        keyword("extract-duid", BOOLEAN, True),
        keyword("identifier-type4", one_of(*IDENTIFIERS[4]), "client-id"),
        keyword("identifier-type6", one_of(*IDENTIFIERS[6]), "duid"),
        keyword("nas-ports", Each(In("nas-ports")), []),
        keyword("on-timeout", one_of(DROP, CONTINUE), DROP),
        keyword("protocol", one_of(UDP, TLS), UDP),
        keyword("realm", Text(), "", inert="RADIUS requests have no realm; delete it"),
        keyword("reselect-subnet-address", BOOLEAN, False),
        keyword("reselect-subnet-pool", BOOLEAN, False),
        keyword("retries", Integer(0, 100), 3),
        keyword("session-history", Text(), ""),
        keyword("thread-pool-size", Integer(), 0),
        keyword("timeout", TIMEOUT, 10),
        keyword("use-message-authenticator", BOOLEAN, True),
        CONTEXT,
    ),
    "access": keywords(SERVICE, keyword("max-pending-requests", Integer(), 0)),
    "accounting": keywords(
        SERVICE,
        keyword("peer-updates", BOOLEAN, True),
        keyword("use-message-authenticator", BOOLEAN, False),
        keyword("max-queued-records", Integer(1), MOST),
        keyword("reused-leases", BOOLEAN, False),
        keyword("accounting-on-off", BOOLEAN, False),
    ),
    "servers": keywords(
        keyword("name", NAME, required=True),
        keyword("port", PORT),
        keyword("secret", NAME),
        keyword("deadtime", SECONDS),
        *(keyword(name, NAME) for name in CERTIFICATES),
        CONTEXT,
    ),
    "attributes": keywords(
        keyword("name", NAME),
        keyword("type", Integer(1, 255)),
        keyword("vendor", Text(), ""),
        keyword("data", NAME),
        keyword("raw", RAW),
        keyword("expr", NAME),
        CONTEXT,
    ),
    "nas-ports": keywords(
        keyword("port", Integer(), required=True),
        keyword("subnet-id", Integer(1)),
        keyword("subnet-prefix", NAME),
        keyword("shared-network-name", NAME),
        CONTEXT,
    ),
}
NAMES: Final = tuple(TABLES["radius"])


@frozen(kw_only=True)
class Service:
    """One of the two services."""

    servers: tuple[RadiusServer, ...]
    policy: Policy
    attributes: tuple[Extra, ...]
    own: Mapping[str, Any]
    """Values of what is the service's alone, by keyword."""


@frozen(kw_only=True)
class Radius:
    """All that the parameters say."""

    naming: Naming
    ports: NasPorts
    bind: str
    dictionary: Dictionary
    access: Service | None
    accounting: Service | None
    on_timeout: str
    reselect_address: bool
    reselect_pool: bool
    session_history: str
    warnings: tuple[str, ...]


def radius(parameters: Mapping[str, Any], configuration: Configuration) -> Radius:
    """What the parameters say to a server with this configuration. Raises `ConfigErrors`."""
    with judged(parameters, "radius", TABLES) as section:
        return Reading(section, configuration).radius()


class Reading:
    """Reads one map of parameters; what is wrong is reported."""

    def __init__(self, section: Section, configuration: Configuration) -> None:
        self.section = section
        self.configuration = configuration
        self.family = configuration.family
        self.dictionary = self._dictionary()

    def _dictionary(self) -> Dictionary:
        try:
            return dictionary(self.section.get("dictionary"))
        except TxkeaError as error:
            self.section.wrong("dictionary", str(error))
            return dictionary()

    def radius(self) -> Radius:
        get = self.section.get
        access, accounting = self.service(ACCESS), self.service(ACCOUNTING)
        return Radius(
            naming=self.naming(),
            ports=self.ports(),
            bind=get("bindaddr"),
            dictionary=self.dictionary,
            access=access,
            accounting=accounting,
            on_timeout=get("on-timeout"),
            reselect_address=get("reselect-subnet-address"),
            reselect_pool=get("reselect-subnet-pool"),
            session_history=get("session-history"),
            warnings=self.section.problems.warnings,
        )

    def naming(self) -> Naming:
        get = self.section.get
        kind = get(f"identifier-type{self.family}")
        return Naming(
            family=self.family,
            kind=IdentifierKind[kind.upper().replace("-", "_")],
            canonical=get("canonical-mac-address"),
            pop0=get("client-id-pop0"),
            printable=get("client-id-printable"),
            extract_duid=get("extract-duid"),
        )

    # -- services ------------------------------------------------------------------------------------------------------

    def service(self, name: str) -> Service | None:
        """A service; None for one that has no servers, or is not enabled."""
        section = self.section.section(name)
        if section is None:
            return None
        servers = tuple(self.server(each, name) for each in section.sections("servers"))
        extras = tuple(filter(None, (self.extra(each, name) for each in section.sections("attributes"))))
        if not servers or not section.get("enabled"):
            return None
        own = {row: section.get(row) for row in TABLES[name] if row not in SERVICE}
        return Service(servers=servers, policy=self.policy(section, name), attributes=extras, own=own)

    def policy(self, section: Section, name: str) -> Policy:
        get = self.section.get
        signed = get("use-message-authenticator") if name == ACCESS else section.get("use-message-authenticator")
        return Policy(
            service=name,
            timeout=get("timeout"),
            retries=get("retries"),
            bind=get("bindaddr"),
            sign=signed,
            require=signed,
            most=section.get("max-pending-requests") if name == ACCESS else 0,
            idle=section.get("idle-timer-interval"),
            dictionary=self.dictionary,
        )

    def server(self, section: Section, service: str) -> RadiusServer:
        host, secret, protocol = section.get("name") or "", section.get("secret"), self.section.get("protocol")
        deadtime = section.get("deadtime")
        if protocol == UDP:
            self.check_udp(section, host, secret)
        return RadiusServer(
            host=host,
            port=section.get("port") or PORTS[service, protocol],
            secret=(secret or "").encode() or RADSEC,
            deadtime=self.section.get("deadtime") if deadtime is None else deadtime,
            tls=self.tls(section, host) if protocol == TLS else None,
        )

    def check_udp(self, section: Section, host: str, secret: str | None) -> None:
        for name in CERTIFICATES:
            if name in section.values:
                section.wrong(name, 'this is for RADIUS over TLS; set "protocol" to "TLS", or delete it')
        if secret is None and "secret" not in section.node.value:
            section.wrong("", '"secret" is missing; add that which the RADIUS server has for this machine')
        if NUMERIC.fullmatch(host):
            try:
                address(host)
            except ValueError as error:
                section.wrong("name", str(error))

    def tls(self, section: Section, host: str) -> Any:
        try:
            return context(Parameters({"tls": True, **{name: section.get(name) or "" for name in CERTIFICATES}}), host)
        except ConfigError as error:
            section.wrong(error.path if error.path in section.values else "", error.message)
            return None

    # -- attributes ----------------------------------------------------------------------------------------------------

    def extra(self, section: Section, service: str) -> Extra | None:
        """An attribute to be added; None if something is wrong with it."""
        given = [name for name in KINDS if name in section.node.value]
        if len(given) != 1:
            which = f"{' and '.join(given)} are given" if given else "none is given"
            section.wrong("", f"an attribute has exactly one of {', '.join(KINDS)}; {which}")
            return None
        key = self.key(section)
        if key is None or given[0] not in section.values:
            return None
        if given[0] == "expr":
            return self.expression(section, key, service)
        value = section.get("data") if given[0] == "data" else _hexadecimal(section.get("raw"))
        try:
            return Extra(key=key, value=self.dictionary.attribute(key, value).value)
        except TxkeaError as error:
            section.wrong(given[0], str(error))
            return None

    def expression(self, section: Section, key: Any, service: str) -> Extra | None:
        if service != ACCESS:
            section.wrong("expr", "accounting has no query to evaluate it on; give data or raw, or move it to access")
            return None
        found = compiled(section, "expr", BY_NUMBER[self.family], definitions_of(self.configuration))
        return None if found is None else Extra(key=key, expression=found)

    def key(self, section: Section) -> Any:
        """What attribute is meant; None if it was reported."""
        name, number, vendor = section.get("name"), section.get("type"), section.get("vendor")
        if name is None and number is None:
            if not {"name", "type"} & section.node.value.keys():
                section.wrong("", "an attribute is named by its name or its type; add one")
            return None
        word = name if name is not None else number
        key = (vendor, word) if vendor else word
        try:
            definition = self.dictionary.definition(key)
        except TxkeaError as error:
            section.wrong("name" if name is not None else "type", str(error))
            return None
        if name is not None and number not in (None, definition.type):
            section.wrong(
                "type", f"{definition.name} has the type {definition.type}, not {number}; keep one of the two"
            )
            return None
        return (definition.vendor, definition.type) if definition.vendor else definition.name if name else number

    # -- ports ---------------------------------------------------------------------------------------------------------

    def ports(self) -> NasPorts:
        found: dict[int, int] = {}
        default: int | None = None
        for section in self.section.sections("nas-ports"):
            given = [name for name in SELECTORS if name in section.node.value]
            if len(given) > 1:
                section.wrong("", f"an entry has one of {', '.join(SELECTORS)}; {' and '.join(given)} are given")
            elif not given:
                default = section.get("port")
            elif given[0] in section.values:
                found.update(dict.fromkeys(self.subnets(section, given[0]), section.get("port") or 0))
        return NasPorts(by_subnet=found, default=default)

    def subnets(self, section: Section, selector: str) -> list[int]:
        """The numbers of the subnets that an entry is for."""
        wanted = section.get(selector)
        if selector == "subnet-id":
            return [wanted]
        if selector == "subnet-prefix":
            found = self.of_prefix(section, wanted)
        else:
            found = [each.id for each in self.configuration.subnets if each.network_name == wanted]
        if not found:
            section.wrong(selector, f'there is no {"subnet" if "prefix" in selector else "shared network"} "{wanted}"')
        return found

    def of_prefix(self, section: Section, text: str) -> list[int]:
        try:
            network, length = BY_NUMBER[self.family].prefix(text)
        except ValueError:
            return []
        return [each.id for each in self.configuration.subnets if (each.network, each.length) == (network, length)]
