"""The maps that are alike in both families, by the keyword that holds them (Kea A084-A091, E001-E009, K019)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from re import fullmatch
from typing import Final

from txkea.config import features
from txkea.config.features import only, unless
from txkea.config.keywords import (
    CHARACTERS,
    CONTEXT,
    NAME,
    NAME_PART,
    PORT,
    REPLACE,
    KeywordMap,
    keyword,
    keywords,
)
from txkea.config.kinds import (
    ANYTHING,
    BOOLEAN,
    FREE_MAP,
    Each,
    Floating,
    In,
    Integer,
    Parsed,
    Text,
    address,
    one_of,
)

__all__ = ["HTTP", "SHARED_MAPS", "SOCKETS", "queue_control", "relay", "top"]

THREADS: Final = "txkea uses one thread and no packet queue"

# -- names and their updates (Kea A088-A091) ---------------------------------------------------------------------------

DHCP_DDNS: Final = keywords(
    keyword("enable-updates", BOOLEAN, False, later=only(features.DDNS, True)),
    keyword("server-ip", Parsed(address), "127.0.0.1"),
    keyword("server-port", PORT, 53001),
    keyword("sender-ip", Parsed(address, empty=True), ""),
    keyword("sender-port", PORT, 0),
    keyword("max-queue-size", Integer(0, 0x7FFFFFFF), 1024),
    keyword("ncr-protocol", one_of("UDP"), "UDP"),
    keyword("ncr-format", one_of("JSON"), "JSON"),
    keyword("override-no-update", BOOLEAN),
    keyword("override-client-update", BOOLEAN),
    keyword("replace-client-name", REPLACE),
    keyword("generated-prefix", NAME_PART),
    keyword("qualifying-suffix", NAME_PART),
    keyword("hostname-char-set", CHARACTERS),
    keyword("hostname-char-replacement", Text()),
    keyword("always-include-fqdn", BOOLEAN, inert="the option is sent to clients that send it"),
    CONTEXT,
)

# -- options (Kea A084, A085) ------------------------------------------------------------------------------------------

OPTION_DATA: Final = keywords(
    keyword("name", Text()),
    keyword("code", Integer(1, 65535)),
    keyword("space", Text()),
    keyword("data", Text(), ""),
    keyword("csv-format", BOOLEAN),
    keyword("always-send", BOOLEAN, False),
    keyword("never-send", BOOLEAN, False),
    keyword("client-classes", Each(NAME)),
    CONTEXT,
)

OPTION_DEF: Final = keywords(
    keyword("name", NAME, required=True),
    keyword("code", Integer(1, 65535), required=True),
    keyword("type", NAME, required=True),
    keyword("space", Text()),
    keyword("record-types", Text(), ""),
    keyword("encapsulate", Text(), ""),
    keyword("array", BOOLEAN, False),
    CONTEXT,
)

# -- databases (Kea E001-E009; sync and parameters are our own) --------------------------------------------------------

CONNECTION: Final = keywords(
    keyword("name", Text()),
    keyword("user", Text()),
    keyword("password", Text()),
    keyword("password-file", Text()),
    keyword("host", Text()),
    keyword("port", PORT),
    keyword("persist", BOOLEAN),
    keyword("lfc-interval", Integer()),
    keyword("max-row-errors", Integer()),
    keyword("readonly", BOOLEAN),
    keyword("connect-timeout", Integer()),
    keyword("read-timeout", Integer()),
    keyword("write-timeout", Integer()),
    keyword("tcp-user-timeout", Integer()),
    keyword("max-reconnect-tries", Integer()),
    keyword("reconnect-wait-time", Integer()),
    keyword("on-fail", one_of("stop-retry-exit", "serve-retry-exit", "serve-retry-continue")),
    keyword("retry-on-startup", BOOLEAN),
    keyword("trust-anchor", Text()),
    keyword("cert-file", Text()),
    keyword("key-file", Text()),
    keyword("cipher-list", Text()),
    keyword("ssl-mode", one_of("disable", "prefer", "require", "verify-ca", "verify-full")),
    keyword("contact-points", Text()),
    keyword("keyspace", Text()),
    keyword("consistency", Text()),
    keyword("serial-consistency", Text()),
    keyword("request-timeout", Integer()),
    keyword("tcp-keepalive", Integer()),
    keyword("tcp-nodelay", BOOLEAN),
    CONTEXT,
)

DATABASE_TYPE: Final = one_of(*features.HOST_BACKENDS)

# -- control (Kea A046, A086, G017) ------------------------------------------------------------------------------------

UNIX_PATH: Final = Text(107, empty=False)


def header(text: str) -> str:
    """The value of a header of HTTP (RFC 9110 section 5.5). Raises ValueError."""
    if not (text.isascii() and text.isprintable()) or text != text.strip():
        raise ValueError("printable ASCII without spaces around it would be right")
    return text


def token(text: str) -> str:
    """The name of a header of HTTP (RFC 9110 section 5.1). Raises ValueError."""
    if not fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", text):
        raise ValueError(f'"{text}" is not the name of a header')
    return text


def password(text: str) -> str:
    """A user's password. Raises ValueError."""
    if not text.isprintable() or len(text) > 255:
        raise ValueError("up to 255 printable characters would be right")
    return text


def user(text: str) -> str:
    """A user's name, which a colon divides from the password on the wire (RFC 7617). Raises ValueError."""
    if not text or ":" in text:
        raise ValueError("a name without a colon would be right")
    return password(text)


HEADER: Final = Parsed(header)

HTTP: Final = keywords(
    keyword("authentication", In("authentication")),
    keyword("trust-anchor", NAME),
    keyword("cert-file", NAME),
    keyword("key-file", NAME),
    keyword("cert-required", BOOLEAN),
    keyword("http-headers", Each(In("http-headers"))),
    keyword("serves", Each(one_of("commands", "metrics", "events"), 1)),
    keyword("allow-unauthenticated-beyond-localhost", BOOLEAN),
)
"""What is said of an HTTP channel beside its place; the last two are our own."""

CONTROL_SOCKET: Final = keywords(
    keyword("socket-type", one_of("unix", "http", "https"), required=True),
    keyword("socket-name", UNIX_PATH),
    keyword("socket-address", Parsed(address)),
    keyword("socket-port", Integer(1, 65535)),
    HTTP,
    CONTEXT,
)

AUTHENTICATION: Final[Mapping[str, KeywordMap]] = {
    "authentication": keywords(
        keyword("type", one_of("basic"), "basic"),
        keyword("realm", HEADER, "kea-control-channel"),
        keyword("directory", Text(), ""),
        keyword("clients", Each(In("clients")), []),
        keyword("roles", Each(In("roles")), []),
        CONTEXT,
    ),
    "clients": keywords(
        keyword("user", Parsed(user)),
        keyword("user-file", NAME),
        keyword("password", Parsed(password)),
        keyword("password-file", NAME),
        keyword("role", NAME),
        CONTEXT,
    ),
    "roles": keywords(
        keyword("name", NAME, required=True),
        keyword("accept-commands", Each(NAME), ["*"]),
        keyword("reject-commands", Each(NAME), []),
        CONTEXT,
    ),
    "http-headers": keywords(
        keyword("name", Parsed(token), required=True), keyword("value", HEADER, required=True), CONTEXT
    ),
}
"""Who may use an HTTP channel, and what its answers say beside (``roles`` are our own)."""

# -- logging (Kea K019) ------------------------------------------------------------------------------------------------

SEVERITIES: Final = ("FATAL", "ERROR", "WARN", "INFO", "DEBUG", "NONE")


def severity(text: str) -> str:
    """A severity in capital letters; Kea does not mind the case. Raises ValueError."""
    if text.upper() not in SEVERITIES:
        raise ValueError(f'"{text}" is not one of {", ".join(SEVERITIES)}')
    return text.upper()


LOGGER: Final = keywords(
    keyword("name", NAME, required=True),
    keyword("severity", Parsed(severity), "INFO"),
    keyword("debuglevel", Integer(0, 99), 0),
    keyword("output-options", Each(In("output-options")), []),
    keyword("output_options", Each(In("output-options")), becomes=lambda value: {"output-options": value}),
    CONTEXT,
)

LOG_OUTPUT: Final = keywords(
    keyword("output", NAME, required=True),
    keyword("flush", BOOLEAN, True),
    keyword("maxsize", Integer(0, 2**63 - 1), 10240000),
    keyword("maxver", Integer(), 1),
    keyword("pattern", Text(), ""),
)

# -- the rest ----------------------------------------------------------------------------------------------------------

SHARED_MAPS: Final[Mapping[str, KeywordMap]] = {
    "dhcp-ddns": DHCP_DDNS,
    "option-data": OPTION_DATA,
    "option-def": OPTION_DEF,
    "lease-database": keywords(
        keyword("type", NAME, "memfile", required=True, later=features.databases),
        CONNECTION,
        keyword("sync", BOOLEAN),
        keyword("commit-delay", Floating(0, 1000)),
        keyword("parameters", FREE_MAP),
    ),
    "hosts-databases": keywords(
        keyword("type", DATABASE_TYPE, required=True), CONNECTION, keyword("parameters", FREE_MAP)
    ),
    "control-sockets": CONTROL_SOCKET,
    **AUTHENTICATION,
    "loggers": LOGGER,
    "output-options": LOG_OUTPUT,
    "Logging": keywords(keyword("loggers", Each(In("loggers")), [])),
    "hooks-libraries": keywords(
        keyword("library", NAME, required=True, later=features.libraries),
        keyword("parameters", ANYTHING),
        CONTEXT,
    ),
    "expired-leases-processing": keywords(
        keyword("reclaim-timer-wait-time", Integer(0, 0xFFFF), 10),
        keyword("flush-reclaimed-timer-wait-time", Integer(0, 0xFFFF), 25),
        keyword("hold-reclaimed-time", Integer(), 3600),
        keyword("max-reclaim-leases", Integer(), 100),
        keyword("max-reclaim-time", Integer(0, 0xFFFF), 250),
        keyword("unwarned-reclaim-cycles", Integer(0, 0xFFFF), 5),
    ),
    "sanity-checks": keywords(
        keyword("lease-checks", one_of("none", "warn", "fix", "fix-del", "del"), "warn"),
        keyword(
            "extended-info-checks",
            one_of("none", "fix", "strict", "pedantic"),
            "fix",
            inert="leases carry no extended information yet",
        ),
    ),
    "multi-threading": keywords(
        keyword("enable-multi-threading", BOOLEAN, False, inert=THREADS),
        keyword("thread-pool-size", Integer(0, 0xFFFF), 0, inert=THREADS),
        keyword("packet-queue-size", Integer(), 64, inert=THREADS),
        CONTEXT,
    ),
    "config-control": keywords(
        keyword("config-databases", Each(FREE_MAP), [], later=unless(features.CONFIG_BACKEND, [])),
        keyword("config-fetch-wait-time", Integer(0, 0xFFFF), 30),
        CONTEXT,
    ),
}

# -- maps that differ by a word ----------------------------------------------------------------------------------------

SERVERS: Final = ("Dhcp4", "Dhcp6", "DhcpDdns", "Control-agent", "Netconf")


def top(own: str) -> KeywordMap:
    """A whole file: the map of one server, and those of others, which are left alone."""
    return keywords(
        keyword(own, In(own), required=True),
        keyword("Logging", In("Logging")),
        *(keyword(name, FREE_MAP) for name in SERVERS if name != own),
    )


def queue_control(queue: str) -> KeywordMap:
    """``dhcp-queue-control`` with the queue that Kea has for a family."""
    return keywords(
        keyword("enable-queue", BOOLEAN, False, required=True, inert=THREADS),
        keyword("queue-type", Text(), queue),
        keyword("capacity", Integer(), 64),
        CONTEXT,
    )


def relay(parse: Callable[[str], bytes]) -> KeywordMap:
    """``relay`` with addresses of a family."""
    return keywords(
        keyword("ip-addresses", Each(Parsed(parse)), []),
        keyword("ip-address", Parsed(parse), becomes=lambda address: {"ip-addresses": [address]}),
    )


SOCKETS: Final = keywords(
    keyword("re-detect", BOOLEAN, True),
    keyword("service-sockets-require-all", BOOLEAN, False),
    keyword("service-sockets-max-retries", Integer(), 0),
    keyword("service-sockets-retry-wait-time", Integer(), 5000),
    CONTEXT,
)
"""What ``interfaces-config`` says beside interfaces (Kea A053, A056)."""
