"""A server's configuration with inheritance already resolved: what `txkea.config` makes and everything else reads.

Addresses are packed bytes; ranges are integers, so that pools of both families can be counted. Every subnet and shared
network carries its own complete `Parameters`, so nobody looks up a parent at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from attrs import field, frozen

from txkea.errors import Position
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.wire.definition import OptionDefinition

__all__ = [
    "ClientClass",
    "Configuration",
    "ControlSocket",
    "Database",
    "DdnsBehaviour",
    "DdnsClient",
    "ExpiryParameters",
    "HookLibrary",
    "Host",
    "InterfaceSelection",
    "Interfaces",
    "Lifetime",
    "LogOutput",
    "LoggerConfiguration",
    "OptionData",
    "Over6",
    "Parameters",
    "Pool",
    "PrefixPool",
    "ReplaceClientName",
    "ServerId",
    "SharedNetwork",
    "Subnet",
]

JSONObject = Mapping[str, Any]


@frozen
class Lifetime:
    """A lifetime in seconds: what is given unasked, and the bounds on what a client may ask for (Kea A037)."""

    default: int
    minimum: int
    maximum: int


class ReplaceClientName(Enum):
    """When a client's name gives way to a generated one (Kea A089)."""

    NEVER = "never"
    ALWAYS = "always"
    WHEN_PRESENT = "when-present"
    WHEN_NOT_PRESENT = "when-not-present"


@frozen(kw_only=True)
class DdnsBehaviour:
    """How names are chosen and which updates they cause (Kea A038); durations in seconds."""

    send_updates: bool = True
    override_no_update: bool = False
    override_client_update: bool = False
    replace_client_name: ReplaceClientName = ReplaceClientName.NEVER
    generated_prefix: str = "myhost"
    qualifying_suffix: str = ""
    update_on_renew: bool = False
    conflict_resolution_mode: str = "check-with-dhcid"
    ttl_percent: float | None = None
    ttl: int | None = None
    ttl_minimum: int | None = None
    ttl_maximum: int | None = None
    hostname_char_set: str = "[^A-Za-z0-9.-]"
    hostname_char_replacement: str = ""


@frozen(kw_only=True)
class DdnsClient:
    """The ``dhcp-ddns`` map (Kea A088): where updates go."""

    enable_updates: bool = False
    server_ip: str = "127.0.0.1"
    server_port: int = 53001
    sender_ip: str = ""
    sender_port: int = 0
    max_queue_size: int = 1024


@frozen(kw_only=True)
class OptionData:
    """One configured option, already encoded (Kea A084).

    ``payload`` are the wire bytes without the option header and without encapsulated sub-options.
    ``encapsulates`` is the space whose configured options are appended when this one is sent (Kea C048).
    """

    code: int
    space: str
    payload: bytes
    name: str = ""
    always_send: bool = False
    never_send: bool = False
    client_classes: tuple[str, ...] = ()
    encapsulates: str = ""


@frozen(kw_only=True)
class Parameters:
    """Everything a subnet inherits from its network, and that from the global scope (Kea A019)."""

    valid_lifetime: Lifetime = Lifetime(7200, 7200, 7200)
    preferred_lifetime: Lifetime = Lifetime(3600, 3600, 3600)
    """DHCPv6 only, as the next three."""
    rapid_commit: bool = False
    interface_id: bytes = b""
    """The interface-id option (18) of the relays of this link, ``b""`` when none is configured."""
    pd_allocator: str = "iterative"
    renew_timer: int | None = None
    rebind_timer: int | None = None
    calculate_tee_times: bool = False
    t1_percent: float = 0.5
    t2_percent: float = 0.875
    match_client_id: bool = True
    authoritative: bool = False
    next_server: bytes = b"\0\0\0\0"
    server_hostname: str = ""
    boot_file_name: str = ""
    interface: str = ""
    relay_addresses: tuple[bytes, ...] = ()
    reservations_global: bool = False
    reservations_in_subnet: bool = True
    reservations_out_of_pool: bool = False
    store_extended_info: bool = False
    cache_threshold: float = 0.25
    """Share of the lifetime during which a renewal costs no write (Kea A159); 0 turns it off."""
    cache_max_age: int = 0
    """Seconds, 0 means no limit."""
    offer_lifetime: int = 0
    allocator: str = "iterative"
    ddns: DdnsBehaviour = DdnsBehaviour()


@frozen(kw_only=True)
class ClientClass:
    """What clients with something in common get, and how they are known (Kea A083); ``""`` and None: nothing said."""

    name: str
    test: str = ""
    """The boolean expression that members fulfil, as `txkea.classify` compiles it."""
    template_test: str = ""
    """The expression whose value names a class ``SPAWN_<name>_<value>`` for each client (Kea D049)."""
    only_if_additional: bool = False
    """Evaluated only where a network, subnet or pool asks for it (Kea D009, D016)."""
    options: tuple[OptionData, ...] = ()
    option_definitions: tuple[OptionDefinition, ...] = ()
    """DHCPv4 only, as the next three: what options 43 and 224-254 of members look like (Kea A096)."""
    next_server: bytes = b"\0\0\0\0"
    server_hostname: str = ""
    boot_file_name: str = ""
    valid_lifetime: Lifetime | None = None
    preferred_lifetime: Lifetime | None = None
    """DHCPv6 only; it may be longer than the valid lifetime that it meets."""
    offer_lifetime: int | None = None
    """DHCPv4 only."""
    user_context: JSONObject | None = None


@frozen(kw_only=True)
class Host:
    """A reservation (Kea A072); ``subnet_id`` 0 is global. v4 uses at most one of ``addresses``."""

    identifier: Identifier
    subnet_id: int = 0
    addresses: tuple[bytes, ...] = ()
    prefixes: tuple[tuple[bytes, int], ...] = ()
    """First address and length of each reserved prefix."""
    excluded_prefixes: tuple[tuple[bytes, int] | None, ...] = ()
    """Of each reserved prefix what it lacks (RFC 6603); empty when none lacks anything."""
    hostname: str = ""
    options: tuple[OptionData, ...] = ()
    client_classes: tuple[str, ...] = ()
    next_server: bytes = b"\0\0\0\0"
    server_hostname: str = ""
    boot_file_name: str = ""
    user_context: JSONObject | None = None
    refused: bool = False
    """Whether the client shall have no service at all; no reservation of a configuration or database says so."""

    @property
    def address(self) -> bytes | None:
        """The reserved IPv4 address, if any."""
        return self.addresses[0] if self.addresses else None

    @property
    def reserved(self) -> set[bytes]:
        """What it reserves: its addresses, and the first ones of its prefixes."""
        return {*self.addresses, *(first for first, _ in self.prefixes)}


@frozen(kw_only=True)
class Pool:
    """A range of addresses that may be leased; ``first`` and ``last`` are integers, both usable (Kea A062)."""

    first: int
    last: int
    id: int = 0
    options: tuple[OptionData, ...] = ()
    client_classes: tuple[str, ...] = ()
    additional_classes: tuple[str, ...] = ()
    user_context: JSONObject | None = None

    @property
    def size(self) -> int:
        """How many addresses it holds."""
        return self.last - self.first + 1


@frozen(kw_only=True)
class PrefixPool:
    """A range of prefixes of one length that may be delegated (Kea B017)."""

    network: bytes
    """16 bytes: the first prefix."""
    length: int
    """Bits of the prefix that is divided."""
    delegated_length: int
    """Bits of each prefix that is delegated, at least ``length``."""
    excluded_prefix: bytes = b""
    """16 bytes: what each delegated prefix lacks, as it is in the first one (RFC 6603); ``b""`` when nothing."""
    excluded_length: int = 0
    id: int = 0
    options: tuple[OptionData, ...] = ()
    client_classes: tuple[str, ...] = ()
    additional_classes: tuple[str, ...] = ()
    user_context: JSONObject | None = None

    @property
    def first(self) -> int:
        """The first prefix as a number."""
        return int.from_bytes(self.network, "big")

    @property
    def last(self) -> int:
        """The last address of the last prefix as a number."""
        return self.first + (1 << 128 - self.length) - 1

    @property
    def size(self) -> int:
        """How many prefixes it holds."""
        return 1 << self.delegated_length - self.length


@frozen(kw_only=True)
class Over6:
    """Which DHCPv4-over-DHCPv6 queries a DHCPv4 subnet serves: all that is given must match (Kea A175)."""

    interface: str = ""
    """The interface on which the DHCPv6 server received the query."""
    interface_id: bytes = b""
    """The interface-id option of the query's relay."""
    prefix: tuple[bytes, int] | None = None
    """Network and length of the query's IPv6 source."""


@frozen(kw_only=True)
class Subnet:
    """A subnet; ``prefix`` is the text as configured, ``network`` the packed network address (host bits cleared)."""

    id: int
    prefix: str
    network: bytes
    length: int
    parameters: Parameters = Parameters()
    pools: tuple[Pool, ...] = ()
    prefix_pools: tuple[PrefixPool, ...] = ()
    options: tuple[OptionData, ...] = ()
    client_classes: tuple[str, ...] = ()
    additional_classes: tuple[str, ...] = ()
    hosts: tuple[Host, ...] = ()
    network_name: str = ""
    """The shared network it belongs to, or ``""``."""
    over6: Over6 | None = None
    """DHCPv4 only."""
    user_context: JSONObject | None = None


@frozen(kw_only=True)
class SharedNetwork:
    """Several subnets on one link (Kea A065); the subnets themselves stand in `Configuration.subnets`."""

    name: str
    subnet_ids: tuple[int, ...]
    parameters: Parameters = Parameters()
    options: tuple[OptionData, ...] = ()
    client_classes: tuple[str, ...] = ()
    additional_classes: tuple[str, ...] = ()
    user_context: JSONObject | None = None


@frozen
class InterfaceSelection:
    """One entry of ``interfaces``: ``*``, a name, or a name with one address (Kea A048)."""

    name: str
    address: bytes | None = None


@frozen(kw_only=True)
class Interfaces:
    """The ``interfaces-config`` map (Kea A048-A057); waits in milliseconds."""

    selections: tuple[InterfaceSelection, ...] = ()
    socket_type: str = "raw"
    use_routing: bool = False
    re_detect: bool = True
    require_all: bool = False
    max_retries: int = 0
    retry_wait_time: int = 5000


def _nowhere(path: str) -> Position | None:
    return None


@frozen(kw_only=True)
class HookLibrary:
    """One entry of ``hooks-libraries``: ``name`` is that of a provider, ``parameters`` are its own."""

    name: str
    """The base name of one of Kea's libraries, such as ``flex_id``, the name of a provider, or its dotted path."""
    parameters: JSONObject = field(factory=dict)
    path: str = ""
    """The place of the parameters, such as ``Dhcp4.hooks-libraries[0].parameters``."""
    locate: Callable[[str], Position | None] = field(default=_nowhere, eq=False, repr=False)
    """Where a place within the parameters was written, such as ``options[1].code``; or else what is around it."""


@frozen(kw_only=True)
class Database:
    """A database for leases or hosts: ``type`` names the provider, ``parameters`` are its own (Kea E001-E009)."""

    type: str = "memfile"
    parameters: JSONObject = field(factory=dict)
    locate: Callable[[str], Position | None] = field(default=_nowhere, eq=False, repr=False)
    """Where a parameter was written; or else what is around it."""


@frozen(kw_only=True)
class ExpiryParameters:
    """The ``expired-leases-processing`` map (Kea A087): seconds, except ``max_reclaim_time`` in milliseconds."""

    reclaim_timer_wait_time: int = 10
    flush_reclaimed_timer_wait_time: int = 25
    hold_reclaimed_time: int = 3600
    max_reclaim_leases: int = 100
    max_reclaim_time: int = 250
    unwarned_reclaim_cycles: int = 5


@frozen(kw_only=True)
class ServerId:
    """The ``server-id`` map (Kea B007, B008); what is 0 or empty is chosen when the DUID is first made."""

    type: str = "LLT"
    """``LLT``, ``EN``, ``LL`` or ``UUID``."""
    htype: int = 0
    identifier: bytes = b""
    time: int = 0
    """Seconds since 2000-01-01 UTC."""
    enterprise_id: int = 0
    persist: bool = True


@frozen(kw_only=True)
class ControlSocket:
    """A control channel (Kea A086, A046); ``address`` is a path for ``unix``, else an IP address with a ``port``."""

    type: str
    address: str
    port: int = 0
    parameters: JSONObject = field(factory=dict)


@frozen(kw_only=True)
class LogOutput:
    """Where a logger writes (Kea K019): ``stdout``, ``stderr``, ``syslog[:facility]`` or a file; sizes in bytes."""

    output: str
    flush: bool = True
    maxsize: int = 10240000
    maxver: int = 1
    pattern: str = ""


@frozen(kw_only=True)
class LoggerConfiguration:
    """A logger (Kea K019): ``severity`` is FATAL, ERROR, WARN, INFO, DEBUG or NONE."""

    name: str
    severity: str = "INFO"
    debuglevel: int = 0
    outputs: tuple[LogOutput, ...] = ()


@frozen(kw_only=True)
class Configuration:
    """One family's complete configuration; ``subnets`` in ascending order of their ids (Kea A068)."""

    family: int
    """4 or 6."""
    parameters: Parameters = Parameters()
    options: tuple[OptionData, ...] = ()
    option_definitions: tuple[OptionDefinition, ...] = ()
    client_classes: tuple[ClientClass, ...] = ()
    """In the order of the file, which is that of their evaluation and of their precedence (Kea D007, D014)."""
    subnets: tuple[Subnet, ...] = ()
    networks: tuple[SharedNetwork, ...] = ()
    hooks: tuple[HookLibrary, ...] = ()
    """In the order of the file, which is that in which they are asked."""
    hosts: tuple[Host, ...] = ()
    """Global reservations; a subnet's own stand in `Subnet.hosts`."""
    interfaces: Interfaces = Interfaces()
    lease_database: Database = Database()
    hosts_databases: tuple[Database, ...] = ()
    """In the order in which they are asked (Kea F001)."""
    expiry: ExpiryParameters = ExpiryParameters()
    control_sockets: tuple[ControlSocket, ...] = ()
    loggers: tuple[LoggerConfiguration, ...] = ()
    ddns: DdnsClient = DdnsClient()
    host_identifiers: tuple[IdentifierKind, ...] = (
        IdentifierKind.HW_ADDRESS,
        IdentifierKind.DUID,
        IdentifierKind.CIRCUIT_ID,
        IdentifierKind.CLIENT_ID,
    )
    echo_client_id: bool = True
    decline_probation_period: int = 86400
    ip_reservations_unique: bool = True
    reservations_lookup_first: bool = False
    early_global_reservations_lookup: bool = False
    """Whether global reservations are looked up before the subnet is selected (Kea D017)."""
    lease_checks: str = "warn"
    parked_packet_limit: int = 8192
    """Exchanges that may wait at once, 0 for any number. Kea counts those that wait for hooks: its default is 256."""
    stash_agent_options: bool = False
    lenient_option_parsing: bool = False
    ignore_rai_link_selection: bool = False
    ignore_dhcp_server_identifier: bool = False
    exclude_first_last_24: bool = False
    server_tag: str = ""
    sample_count: int = 20
    """How many values of a statistic are remembered; 0 means those of so many seconds:"""
    sample_age: int = 0
    dhcp4o6_port: int = 0
    """0 when DHCPv4 over DHCPv6 is off (Kea A197)."""
    server_id: ServerId = ServerId()
    """DHCPv6 only, as what follows up to ``user_context``."""
    data_directory: str = ""
    """Where the server DUID is kept; ``""`` for the usual place."""
    mac_sources: tuple[str, ...] = ("any",)
    """Where hardware addresses are looked for, in this order (Kea B004)."""
    relay_supplied_options: tuple[int, ...] = (65,)
    """The codes that a relay may supply for its clients (RFC 6422; Kea B006)."""
    allow_address_registration: bool = True
    """Whether clients may register addresses that they chose themselves (RFC 9686)."""
    user_context: JSONObject | None = None
    tree: JSONObject = field(factory=dict)
    """The effective configuration in Kea's syntax, defaults included: what ``config-get`` prints (Kea A021)."""
    written: JSONObject = field(factory=dict, eq=False)
    """The whole document as it was written, includes resolved and ids of subnets completed: what live changes edit."""
    warnings: tuple[str, ...] = ()
    """What was accepted but deserves a line in the log, each with its position."""
