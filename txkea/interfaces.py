"""Every interface that txkea's parts meet through, and that third parties may provide.

A method marked *waits* returns an awaitable; nobody asks which kind. In-memory providers write ``async def``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from txkea.errors import Unavailable
    from txkea.exchange.query import Query
    from txkea.model.configuration import Host, Interfaces
    from txkea.model.identifier import Identifier

__all__ = [
    "Hint", "HostPage", "IAllocator", "IAnswerReady", "IBackends", "ICommands", "IDatabaseAdmin",
    "IDatagramReceiver", "IHostCache", "IHostSource", "IHostStore", "IIdentifierSource", "IKnowsClients",
    "ILearnsLeases", "ILeaseObserver", "ILeaseSelected", "ILeaseStore", "ILocalObserver", "ILogger", "INetwork",
    "IProviderFactory", "IQueryArrived", "IQueryFilter", "IQueryReceived", "IRadiusClient", "IRunning", "ISocket",
    "IStatus", "ISubnetSelected", "Link", "LinkAddress", "Origin", "Schema",
]  # fmt: skip


# -- leases ------------------------------------------------------------------------------------------------------------


class ILeaseStore(Interface):
    """Where the leases of one family live; keyed by address, at most one lease each.

    A prefix goes by its first address. Whoever asks knows the family, so that what comes back is typed as neither.

    A change is one call that looks and takes together: no decision survives an await. ``True`` means the change is
    durable as this store promises; ``False`` means that the row is not as the caller believed: look again. A method
    raises `txkea.errors.Unavailable` when the store cannot do it now; then nothing was changed.
    """

    name: str = Attribute("How status and log call it, such as ``memfile``.")
    shared: bool = Attribute("Whether other servers may use the same leases at the same time.")
    problem: str = Attribute("Why no lease can be stored now; empty while all is well.")

    def open() -> Awaitable[None]:
        """Make ready; called once, before anything else. *Waits.*

        Raises `Unavailable` (with the place and the mend in its text) if it cannot be used. One that says ``lost`` to
        `IBackends` may be away afterwards, and be used once it is ``back``.
        """

    def close() -> Awaitable[None]:
        """Finish what was accepted and let go of files and connections. *Waits.*"""

    def get(address: bytes) -> Awaitable[Any]:
        """The lease of an address, whatever its state, or None. *Waits.*"""

    def several(addresses: Sequence[bytes]) -> Awaitable[Sequence[Any]]:
        """What `get` gives of each of up to some hundred addresses, in their order. *Waits.*"""

    def by_client(identifier: Identifier) -> Awaitable[Sequence[Any]]:
        """All leases of a client in all subnets and states. *Waits.*

        Found by HW_ADDRESS or CLIENT_ID in DHCPv4, by DUID in DHCPv6; any other identifier finds none, and so does
        one with an empty value (never "all").
        """

    def add(lease: Any) -> Awaitable[bool]:
        """Take a free address; False if the address has a row, or in DHCPv6 if one overlaps it. *Waits.*"""

    def update(lease: Any, was: Any) -> Awaitable[bool]:
        """Replace ``was`` by ``lease`` (same address); False unless the row equals ``was``. *Waits.*

        False too if the prefix has another length now, and overlaps another row.
        """

    def remove(lease: Any) -> Awaitable[bool]:
        """Delete a row; False unless the row equals ``lease``. *Waits.*"""

    def expired(now: float, limit: int) -> Awaitable[Sequence[Any]]:
        """At most ``limit`` leases (0: all) in state DEFAULT, DECLINED or RELEASED whose time is over. *Waits.*

        In the order of their expiration, the earliest first (Kea A165).
        """

    def reclaimed(before: float, limit: int) -> Awaitable[Sequence[Any]]:
        """At most ``limit`` leases (0: all) in state RECLAIMED that expired before ``before``. *Waits.*"""

    def overlapping(address: bytes, length: int) -> Awaitable[Sequence[Any]]:
        """DHCPv6: the leases, in all states, of prefixes and addresses that share an address with this prefix. *Waits.*

        If there are any, at least one and at most a few; the one of this very ``address``, which is the prefix's first,
        is always among them. Cheap enough for every new lease: it never goes through the leases.
        """

    def counts() -> Awaitable[Mapping[tuple[int, int, int], int]]:
        """How many leases there are, by subnet id, state and type (`LeaseType`; 0 in DHCPv4). *Waits.*

        What has no lease may be absent. Cheap enough for every reconfiguration and every look at the statistics.
        """

    def page(after: bytes | None, limit: int) -> Awaitable[Sequence[Any]]:
        """Up to ``limit`` leases behind the address ``after`` (None: from the start), in the store's order. *Waits.*

        That is ascending, except in stores which say why not; ``after`` may have no lease any more.
        """


class IBackends(Interface):
    """Told by backends whether they can be used: the server."""

    def lost(name: str, problem: str, stop: bool) -> None:
        """A backend is away; ``stop`` asks that no query at all be answered until it is back (Kea E063)."""

    def back(name: str) -> None:
        """A backend that was away can be used again."""

    def gave_up(name: str, reason: str) -> None:
        """A backend stays away, and its configuration says that the server is to end then (Kea E065)."""


class ILeaseObserver(Interface):
    """Told of lease changes: High Availability, RADIUS accounting, DNS updates.

    What it raises when an answer waits for it keeps that answer back, and the client asks again; else it is logged.
    """

    answer_waits: bool = Attribute("Whether the answer leaves only when it has dealt with what it is told of a query.")

    def leases_committed(query: Query | None, granted: Sequence[Any], removed: Sequence[Any]) -> Awaitable[None]:
        """A query added or renewed the leases ``granted`` and ended those ``removed``, durably. *Waits.*

        ``query`` is None where a command did so; what a lease of ``granted`` has taken the place of, at the same
        address, is then among ``removed``. No command waits for it.
        """

    def lease_expired(lease: Any) -> Awaitable[None]:
        """The time of a lease was over: it was reclaimed, or gave way to another client's. *Waits.*

        An answer waits for it only where the query that it belongs to made the lease give way.
        """

    def lease_declined(query: Query, lease: Any) -> Awaitable[None]:
        """A client found an address in use; its own lease was among those removed. *Waits.*"""


class ILearnsLeases(Interface):
    """Told of the leases that there are, after the start and sometimes later; what changes is told to observers."""

    def leases_found(leases: Sequence[Any], more: bool) -> None:
        """Some leases, in whatever state; ``more`` is false of the last ones, which may never come. Never waits."""


class ILocalObserver(ILeaseObserver):
    """A lease observer that is told nothing of what the partner of an HA pair does here by commands."""


# -- hosts -------------------------------------------------------------------------------------------------------------


class IHostSource(Interface):
    """Where reservations come from.

    Asked for each query of a client, once for every subnet of its shared network and once for all (0), as far as
    ``reservations-in-subnet`` and ``reservations-global`` say so; the configuration's own are asked first. A query that
    waits keeps no other client's waiting. Raises `Drop` for a query that shall have no answer because of it, or
    `Unavailable` if it cannot tell now: then there is none either, and the log says why.
    """

    def find(identifiers: Sequence[Identifier], subnet_id: int, query: Query | None = None) -> Awaitable[Host | None]:
        """The host of the first identifier (in the given order) that has one in this subnet; 0 is global. *Waits.*

        ``query`` is the one that it is for, None where nobody has asked. Of what is found ``refused`` ends the
        client's service, and another ``subnet_id`` moves it to that subnet.
        """

    def at(address: bytes, subnet_id: int) -> Awaitable[Sequence[Host]]:
        """The hosts for which an address, or a prefix that begins with it, is reserved in this subnet. *Waits.*

        Asked of each address that a client without this reservation may get; not of those in pools where
        ``reservations-out-of-pool`` says that none is reserved there.
        """


class IKnowsClients(IHostSource):
    """A host source that knows a client by something of its own choice, such as RADIUS by its ``identifier-type``."""

    def is_silent() -> bool:
        """Whether nobody answered when it last asked: who can go on without that need not wait. Never waits."""

    def identifier_of(query: Query, subnet_id: int) -> Identifier | None:
        """What it knows the client of a query by, when it is asked for its host in this subnet (0: global).

        None if it has nothing to say there, such as of a subnet that is not the query's, or where the query has nothing
        of the kind: then `find` gives None too, which must not be remembered of the client. Never waits.
        """

    def known(query: Query, subnet_id: int) -> Awaitable[Host | None]:
        """A host with what the client of a query has now, so that it may keep it; None if it has nothing. *Waits.*"""

    def without(query: Query, subnet_id: int, failure: Unavailable) -> Awaitable[Host | None]:
        """The host for a query for which `find` raised ``failure``, and of whose client nothing is remembered. *Waits.*

        It is for this query alone, and is not remembered either. Raises `Drop`.
        """

    def asks(query: Query, subnet_id: int) -> Sequence[tuple[str, str]]:
        """What it tells somebody else of a client to find its host, names and values for people; empty if it asks
        nobody. What it is told is in the host's ``user_context`` under the source's ``name``. Never waits.
        """


class IHostCache(Interface):
    """Remembers what host sources found, and what they did not find."""

    def around(source: IHostSource) -> IHostSource:
        """The same source, asked only for what is not remembered of it."""

    def follow(before: IHostCache) -> None:
        """Take over what the cache of the configuration before remembers, as far as it still holds."""

    def forget(host: Host) -> Awaitable[None]:
        """Remember nothing of a host's identifier and of what it reserves, which somebody has changed. *Waits.*

        Raises `Unavailable` if others who share what is remembered cannot be told now.
        """


class HostPage(NamedTuple):
    """Some reservations of a store, and how to go on."""

    hosts: Sequence[Host]
    """Empty only if none is left."""
    next: int
    """What to give as ``after`` for those that follow."""


class IHostStore(IHostSource):
    """A host source that can be changed: the reservations of one family in a database.

    In one subnet an identifier has at most one reservation; and an address, or the first one of a prefix, is reserved
    at most once, unless ``ip-reservations-unique`` is false. As with leases, a change looks and takes in one call, and
    is durable when it says ``True``; ``False`` means: look again. What a store cannot keep as it is, and any change of
    one that is ``readonly``, raises `TxkeaError` with the reason; `Unavailable` is raised as by a lease store.
    """

    name: str = Attribute("How status and log call it, such as ``postgresql``.")
    readonly: bool = Attribute("Whether the configuration forbids to change it (Kea E004).")

    def open() -> Awaitable[None]:
        """Make ready; as `ILeaseStore.open`. *Waits.*"""

    def close() -> Awaitable[None]:
        """Let go of connections. *Waits.*"""

    def add(host: Host) -> Awaitable[bool]:
        """Add a reservation; False if its identifier, or what it reserves, has one already. *Waits.*"""

    def update(host: Host, was: Host) -> Awaitable[bool]:
        """Put ``host`` in the place of ``was``, of the same identifier and subnet, in one step. *Waits.*

        False unless what is there equals ``was``, and if what ``host`` reserves has another reservation already.
        """

    def remove(host: Host) -> Awaitable[bool]:
        """Delete the reservation of a host's identifier in its subnet; False if there is none. *Waits.*"""

    def page(after: int, limit: int, subnet_id: int | None = None) -> Awaitable[HostPage]:
        """Up to ``limit`` reservations behind ``after`` (0: from the start), of one subnet or of all. *Waits.*

        In an order that stays: who follows ``next`` meets each reservation once that was there all the time.
        """

    def by_hostname(hostname: str, subnet_id: int | None = None) -> Awaitable[Sequence[Host]]:
        """The reservations with a host name, in whatever case it is written, in one subnet or in all. *Waits.*

        An empty name finds none.
        """

    def by_identifier(identifier: Identifier) -> Awaitable[Sequence[Host]]:
        """The reservations of an identifier in all subnets, and the global one. *Waits.*"""

    def by_address(address: bytes) -> Awaitable[Sequence[Host]]:
        """As `IHostSource.at`, in all subnets. *Waits.*"""


# -- databases ---------------------------------------------------------------------------------------------------------


class Schema(NamedTuple):
    """What a database was found to have in it."""

    version: str
    """Such as ``13.0``; ``""`` if it has nothing of ours or Kea's."""
    recognised: str
    """Whose schema it is, for people: ``Kea 2.2.0``; ``""`` if nobody's."""
    problem: str = ""
    """Why txkea cannot use it as it is, and the mend; ``""`` if it can."""
    advice: str = ""
    """What would make it faster, and the mend."""


class IDatabaseAdmin(Interface):
    """Makes a database ready for leases and hosts of both families: what ``txkea db`` does. Nothing else may run then.

    Each method connects and disconnects. It raises `Unavailable` if the database cannot be reached, and `TxkeaError`
    with the mend for all else. An `IProviderFactory` of `txkea.providers.DATABASE_ADMINS` makes it.
    """

    name: str = Attribute("The database for people, such as ``postgresql kea on 127.0.0.1``.")

    def version() -> Awaitable[Schema]:
        """What is in the database; changes nothing. *Waits.*"""

    def init() -> Awaitable[Sequence[str]]:
        """Make all that is needed in an empty database; gives what was done, for people. *Waits.*

        Raises `TxkeaError`, and changes nothing, if there are tables in it already.
        """

    def upgrade() -> Awaitable[Sequence[str]]:
        """Add what an older version lacks, and destroy nothing; gives what was done, for people. *Waits.*

        May be repeated, also after it failed half-way: what is there already is left alone.
        """


class IIdentifierSource(Interface):
    """Finds out what a client is known by; asked where there are reservations, or other sources of them."""

    def identifiers(query: Query) -> Sequence[Identifier]:
        """All identifiers that this source reads from the query; never waits.

        A reservation is looked for by each where ``host-reservation-identifiers`` has its kind, and by none whose kind
        is not there.
        """


# -- the exchange ------------------------------------------------------------------------------------------------------


class IQueryArrived(Interface):
    """A third party's look at each query as it came: its classes, its subnet and all that follows are not known yet."""

    def query_arrived(query: Query) -> None:
        """May change what the client is known by (``query.know_as``), or make it a member of a class (``query.join``).

        Tests of classes, the selection of the subnet and all that follows go by that. Raises `Drop` to end the query;
        never waits.
        """


class IQueryReceived(Interface):
    """A third party's look at each query that was accepted, before its reservation is looked up."""

    def query_received(query: Query) -> Awaitable[None]:
        """May make the client a member of a class (``query.join``). Raises `Drop` to end the query. *Waits.*

        Its subnet is selected and tests were evaluated already (those of KNOWN and UNKNOWN were not): the class counts
        for pools, lifetimes and options.
        """


class ISubnetSelected(Interface):
    """A third party's look at the selected subnet; not asked about a query without one."""

    def subnet_selected(query: Query) -> Awaitable[None]:
        """May replace ``query.subnet``, by one of ``query.site.subnets``. Raises `Drop` to end the query. *Waits.*"""


class IQueryFilter(Interface):
    """Decides whether this server answers a query at all, once its reservation and classes are known: High
    Availability, rate limits.
    """

    def serves(query: Query) -> bool:
        """False for a query that another server answers; never waits."""


class ILeaseSelected(Interface):
    """A third party's look at a lease before it is offered or stored."""

    def lease_selected(query: Query, lease: Any) -> Awaitable[Any]:
        """Gives the lease to use; raises `Refuse` to withhold it, or `Drop`: then there is no answer. *Waits.*"""


class IAnswerReady(Interface):
    """A third party's look at the answer before it is sent; all leases in it are durable."""

    def answer_ready(query: Query, options: dict[int, bytes]) -> Awaitable[None]:
        """May change the options (code to payload) in place. *Waits.*"""


class Hint(NamedTuple):
    """What an allocator may be guided by."""

    address: bytes | None
    """The address that the client asks for, or None."""
    key: bytes
    """What distinguishes the client: its client identifier or hardware address."""


class IAllocator(Interface):
    """Chooses addresses from pools."""

    def candidates(pools: Sequence[Any], hint: Hint) -> Iterator[bytes]:
        """Addresses in the order in which to try them (packed); ends when there are no more.

        ``pools`` are `txkea.exchange.pools.LivePool`, those of one subnet that the client may use.
        """


class ICommands(Interface):
    """Provides commands to the control channel."""

    def commands() -> Mapping[str, Callable[[Any], Any]]:
        """Command name to callable; a name that another provider has already, or txkea itself, is refused.

        The callable takes the request's ``arguments`` (None when absent) and gives (or waits for) a
        `txkea.control.registry.Answer`, or the text of a success; a `TxkeaError` it raises becomes result 1 with the
        error's text.
        """


# -- the network -------------------------------------------------------------------------------------------------------


class LinkAddress(NamedTuple):
    """An address on a link."""

    address: bytes
    """Packed, 4 or 16 bytes."""
    prefix_length: int


class Link(NamedTuple):
    """A network interface as the kernel shows it now."""

    name: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody misses
    hwaddr: bytes
    hwtype: int
    """ARPHRD number: 1 Ethernet, 772 loopback."""
    mtu: int
    up: bool
    running: bool
    loopback: bool
    broadcast: bool
    multicast: bool
    addresses: tuple[LinkAddress, ...]


class Origin(NamedTuple):
    """Where a datagram came from, and the way back."""

    socket: Any
    """The `ISocket` that received it."""
    source: bytes
    """Packed source address."""
    source_port: int
    source_hwaddr: bytes
    """The frame's source hardware address, or ``b""`` where the kernel hides it (UDP sockets)."""
    broadcast: bool
    """Whether it was sent to a broadcast address, or in DHCPv6 to a multicast group."""


class ISocket(Interface):
    """One open DHCP socket: one link, one local address."""

    link: str = Attribute("The name of its link, such as ``eth0``.")
    local: bytes = Attribute("Its packed local address, never a broadcast or multicast one.")
    direct: bool = Attribute("Whether it can reach a client that has no address yet (raw socket).")

    def send(data: bytes, address: bytes, port: int, hwaddr: bytes) -> None:
        """Send a UDP payload from the socket's local address and server port.

        ``hwaddr`` is where to send without asking ARP; ``b""`` lets the kernel find the way. 255.255.255.255 goes to
        the link's broadcast address, and a link-local IPv6 address is one of the socket's link. Never waits; a failure
        (buffer full, network down) is counted and logged by the socket, not raised.
        """


class IDatagramReceiver(Interface):
    """Takes what sockets receive: the server."""

    def datagram_arrived(data: bytes, origin: Origin) -> None:
        """A UDP payload arrived on the server port. Never raises."""


class INetwork(Interface):
    """The machine's network."""

    sockets: Sequence[Any] = Attribute("The `ISocket` that are open now.")

    def links() -> Sequence[Link]:
        """All interfaces now."""

    def listen4(interfaces: Interfaces, receiver: IDatagramReceiver) -> Sequence[ISocket]:
        """Open DHCPv4 sockets as configured, closing those that an earlier call opened and this one does not want.

        A socket that cannot be opened is logged and left out (Kea A055). Raises `ConfigError` for an interface or
        address that does not exist (Kea A049).
        """

    def listen6(interfaces: Interfaces, receiver: IDatagramReceiver) -> Sequence[ISocket]:
        """The same for DHCPv6: of each link its link-local address with the group ff02::1:2, of one that is named
        with an address that address too (Kea B012, B013).

        What came to the group is delivered as from the socket of the link-local address.
        """

    def close() -> None:
        """Close all sockets."""


# -- RADIUS ------------------------------------------------------------------------------------------------------------


class IRadiusClient(Interface):
    """Asks the RADIUS servers of one service, which is access or accounting."""

    silent: bool = Attribute("Whether none of them answered when it was last asked.")

    def request(code: int, attributes: Sequence[tuple[Any, Any]]) -> Awaitable[Any]:
        """The `txkea.radius.client.Answer` of the first server that gives one; an Access-Reject is one. *Waits.*

        Of each attribute there is what `txkea.radius.dictionary.Dictionary.attribute` takes: the name (or number; with
        the vendor ``(vendor, name)``), and the value, of which bytes go as they are. Raises `Unavailable` when no
        server answers in time, its kind `Busy` when too many requests wait already, and `TxkeaError` for attributes
        that cannot be sent.
        """


# -- the rest ----------------------------------------------------------------------------------------------------------


class ILogger(Interface):
    """A named logger that costs nothing when nobody listens.

    Callers write ``if log.info: log.info("DHCP4_LEASE_ALLOC", f"...")``: a severity that is off is None.
    """

    name: str = Attribute("Kea's logger name, such as ``leases``.")
    debug: Callable[[str, str], None] | None = Attribute("Write at DEBUG; None when off.")
    info: Callable[[str, str], None] | None = Attribute("Write at INFO; None when off.")
    warn: Callable[[str, str], None] | None = Attribute("Write at WARN; None when off.")
    error: Callable[[str, str], None] | None = Attribute("Write at ERROR; None when off.")
    fatal: Callable[[str, str], None] | None = Attribute("Write at FATAL; None when off.")


class IProviderFactory(Interface):
    """Makes one kind of provider from its parameters in the configuration."""

    name: str = Attribute("What the configuration calls it, such as ``memfile``.")
    parameters: Iterable[str] = Attribute("The parameter names it understands.")

    def make(parameters: Mapping[str, Any], site: Any) -> Any:
        """The provider. Raises `ConfigError` for wrong parameters, or `ConfigErrors` for several.

        The path of an error is that within the parameters, such as ``options[1].code``. ``site`` is a
        `txkea.providers.Surroundings`: it has the ``configuration``, the ``reactor``, a ``log`` and ``paths``.

        A provider is made for each configuration anew, also for one that is only checked and never comes into force:
        what it opens it opens in `IRunning.start`.
        """


class IStatus(Interface):
    """A provider that ``status-get`` tells of, such as how the servers that it asks are."""

    def status() -> Mapping[str, Any]:
        """What is shown, in JSON's types, by the name under which it is; never waits."""


class IRunning(Interface):
    """A provider that holds something open, such as connections or timers, while its configuration is in force."""

    def start() -> Awaitable[None]:
        """Open it; called before the first query, while the providers of the configuration before still run. *Waits.*

        What it raises keeps the configuration from coming into force.
        """

    def stop() -> Awaitable[None]:
        """Let go of it; called once, when no query of its configuration is left, or when the last ones had three
        seconds to end. *Waits.*

        Called too when the configuration, started already, does not come into force after all.
        """
