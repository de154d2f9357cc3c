"""Where commands find reservations, and change them: in the configuration, and in stores of hosts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from txkea.config.families import Family
from txkea.config.load import configuration
from txkea.config.reservations import identifier
from txkea.config.text import from_json
from txkea.control.edits import Absent, Draft, Edited
from txkea.errors import ConfigError, ConfigErrors, TxkeaError
from txkea.interfaces import IHostStore
from txkea.model.configuration import Configuration, Host, OptionData
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.wire.text import address_text

__all__ = [
    "ConfiguredReservations",
    "Found",
    "Reservations",
    "StoredReservations",
    "Wanted",
    "built",
    "parsed",
    "shown",
]

PAGE: Final = 500
"""Hosts that are looked at in one turn of the reactor."""
RESERVATIONS: Final = "reservations"

Map = Mapping[str, Any]


class Wanted(NamedTuple):
    """Which reservations are meant: those of one subnet (0: the global ones) or of all, alike in one thing, or all."""

    subnet_id: int | None = None
    identifier: Identifier | None = None
    address: bytes = b""
    """An address, or the first one of a prefix."""
    hostname: str = ""
    """In whatever case it is written."""

    def matches(self, host: Host) -> bool:
        """Whether one of the subnet is meant."""
        if self.identifier is not None:
            return host.identifier == self.identifier
        if self.address:
            return self.address in host.addresses or any(self.address == prefix for prefix, _ in host.prefixes)
        return not self.hostname or host.hostname.lower() == self.hostname.lower()


class Found(NamedTuple):
    """A reservation; ``shown`` gives it as commands show it."""

    host: Host
    shown: Callable[[], Map]


class Reservations(Protocol):
    """One place where reservations are kept. A reservation that comes from a command has no ``subnet-id`` in it."""

    @property
    def readonly(self) -> bool:
        """Whether nothing can be changed there."""

    async def one(self, wanted: Wanted) -> Found | None:
        """One reservation, of one subnet."""

    def pages(self, wanted: Wanted) -> AsyncIterator[Sequence[Found]]:
        """All reservations that are meant, in an order that stays."""

    async def page(self, subnet_id: int | None, after: int, limit: int) -> tuple[Sequence[Found], int]:
        """So many reservations behind ``after`` (0: from the start), and what is ``after`` for those that follow."""

    async def add(self, subnet_id: int, reservation: Map) -> None:
        """Add a reservation; raises `TxkeaError` for one that cannot be."""

    async def replace(self, wanted: Wanted, reservation: Map) -> bool:
        """Put a reservation in the place of another; False if that is not there."""

    async def remove(self, wanted: Wanted) -> bool:
        """Delete a reservation; False if it is not there."""


# -- in the configuration ----------------------------------------------------------------------------------------------


class Part:
    """The reservations of one scope, as a sequence of which little is looked at."""

    def __init__(self, subnet_id: int, hosts: Sequence[Host], shown: Sequence[Map]) -> None:
        self._subnet_id = subnet_id
        self._hosts = hosts
        self._shown = shown

    def __len__(self) -> int:
        return len(self._hosts)

    def __getitem__(self, these: slice) -> list[Found]:
        pairs = zip(self._hosts[these], self._shown[these], strict=True)
        return [Found(host, partial(_of_subnet, self._subnet_id, reservation)) for host, reservation in pairs]


class ConfiguredReservations:
    """The reservations of the configuration in force; a change of them is a change of it, with all its checks."""

    readonly = False

    def __init__(self, daemon: Edited, family: Family) -> None:
        self._daemon = daemon
        self._family = family

    async def one(self, wanted: Wanted) -> Found | None:
        """The first reservation of the subnet that it is."""
        async for page in self.pages(wanted):
            return next(iter(page), None)
        return None

    async def pages(self, wanted: Wanted) -> AsyncIterator[Sequence[Found]]:
        """The global reservations, then those of the subnets."""
        page: list[Found] = []
        for part in self._parts(wanted.subnet_id):
            for at in range(0, len(part), PAGE):
                page += [each for each in part[at : at + PAGE] if wanted.matches(each.host)]
                if len(page) >= PAGE:
                    yield page
                    page = []
        yield page

    async def page(self, subnet_id: int | None, after: int, limit: int) -> tuple[Sequence[Found], int]:
        """The same, so many at a time; ``after`` counts them."""
        found: list[Found] = []
        skip = after
        for part in self._parts(subnet_id):
            found += part[skip : skip + limit - len(found)]
            skip = max(skip - len(part), 0)
            if len(found) == limit:
                break
        return found, after + len(found)

    def _parts(self, subnet_id: int | None) -> Iterator[Part]:
        """The reservations, those of each scope together; the effective configuration has them in the same order."""
        top = self._daemon.tree[self._family.top]
        scopes = {0: (self._daemon.configuration.hosts, top)} if not subnet_id else {}
        if subnet_id != 0:
            inside = (subnet for network in top["shared-networks"] for subnet in network[self._family.subnets])
            shown = {subnet["id"]: subnet for subnets in (inside, top[self._family.subnets]) for subnet in subnets}
            for subnet in self._daemon.configuration.subnets:
                if subnet.hosts and subnet_id in (None, subnet.id):
                    scopes[subnet.id] = subnet.hosts, shown[subnet.id]
        for number, (hosts, scope) in scopes.items():
            yield Part(number, hosts, scope[RESERVATIONS])

    async def add(self, subnet_id: int, reservation: Map) -> None:
        """Add a reservation behind the others of its subnet."""
        await self._daemon.change(lambda written: self._own(written, subnet_id).append(reservation))

    async def replace(self, wanted: Wanted, reservation: Map) -> bool:
        """Put a reservation in the place of another."""

        def edit(reservations: list[Any], at: int) -> None:
            reservations[at] = reservation

        return await self._change(wanted, edit)

    async def remove(self, wanted: Wanted) -> bool:
        """Delete a reservation."""
        return await self._change(wanted, list.pop)

    async def _change(self, wanted: Wanted, change: Callable[[list[Any], int], object]) -> bool:
        def edit(written: dict[str, Any]) -> None:
            change(self._own(written, wanted.subnet_id or 0), self._at(wanted))

        try:
            await self._daemon.change(edit)
        except Absent:
            return False
        return True

    def _own(self, written: dict[str, Any], subnet_id: int) -> list[Any]:
        return Draft(self._family, written).own_reservations(subnet_id)

    def _at(self, wanted: Wanted) -> int:
        """The place of a reservation, which it has where it was written too; raises `Absent`."""
        in_force = self._daemon.configuration
        scopes = {0: in_force.hosts, **{subnet.id: subnet.hosts for subnet in in_force.subnets}}
        for at, host in enumerate(scopes.get(wanted.subnet_id or 0, ())):
            if wanted.matches(host):
                return at
        raise Absent("there is no such reservation")


def _of_subnet(subnet_id: int, reservation: Map) -> Map:
    return {**reservation, "subnet-id": subnet_id}


# -- in a store --------------------------------------------------------------------------------------------------------


class StoredReservations:
    """The reservations of a store of hosts; they are checked as if they stood in the configuration.

    ``changed`` is told of each host that is not as it was.
    """

    def __init__(
        self, store: IHostStore, daemon: Edited, family: Family, changed: Callable[[Host], Awaitable[None]]
    ) -> None:
        self._store = store
        self._changed = changed
        self._daemon = daemon
        self._family = family

    @property
    def readonly(self) -> bool:
        """Whether the store is."""
        return bool(self._store.readonly)

    async def one(self, wanted: Wanted) -> Found | None:
        """A reservation of the subnet that it is."""
        host = await self._host(wanted)
        return None if host is None else self._found(host)

    async def _host(self, wanted: Wanted) -> Host | None:
        subnet_id = wanted.subnet_id or 0
        if wanted.identifier is None:
            return next(iter(await self._store.at(wanted.address, subnet_id)), None)
        host: Host | None = await self._store.find([wanted.identifier], subnet_id)
        return host

    def _found(self, host: Host) -> Found:
        return Found(host, lambda: shown(host, self._family))

    async def pages(self, wanted: Wanted) -> AsyncIterator[Sequence[Found]]:
        """All reservations in the store's own order."""
        if wanted.identifier is not None:
            yield self._those(wanted, await self._store.by_identifier(wanted.identifier))
        elif wanted.address:
            yield self._those(wanted, await self._store.by_address(wanted.address))
        elif wanted.hostname:
            yield self._those(wanted, await self._store.by_hostname(wanted.hostname, wanted.subnet_id))
        else:
            found, after = await self.page(wanted.subnet_id, 0, PAGE)
            while found:
                yield found
                found, after = await self.page(wanted.subnet_id, after, PAGE)

    def _those(self, wanted: Wanted, hosts: Sequence[Host]) -> Sequence[Found]:
        return [self._found(host) for host in hosts if wanted.subnet_id in (None, host.subnet_id)]

    async def page(self, subnet_id: int | None, after: int, limit: int) -> tuple[Sequence[Found], int]:
        """As the store has them."""
        page = await self._store.page(after, limit, subnet_id)
        return [self._found(host) for host in page.hosts], page.next

    async def add(self, subnet_id: int, reservation: Map) -> None:
        """Add a reservation unless its identifier or address has one."""
        host = self._built(subnet_id, reservation)
        if not await self._store.add(host):
            raise TxkeaError("this identifier, or what is reserved, has a reservation already; delete or update that")
        await self._changed(host)

    async def replace(self, wanted: Wanted, reservation: Map) -> bool:
        """Put a reservation in the place of another."""
        old = await self._host(wanted)
        new = self._built(wanted.subnet_id or 0, reservation)
        if old is None:
            return False
        if await self._store.update(new, old):
            await self._changed(old)
            await self._changed(new)
            return True
        if await self._host(wanted) == old:
            raise TxkeaError("what is reserved has a reservation already; delete or update that")
        raise TxkeaError("somebody else has changed this reservation just now; look at it and try again")

    async def remove(self, wanted: Wanted) -> bool:
        """Delete a reservation."""
        host = await self._host(wanted)
        if host is None or not await self._store.remove(host):
            return False
        await self._changed(host)
        return True

    def _built(self, subnet_id: int, reservation: Map) -> Host:
        return built(self._daemon.configuration, self._family, reservation, subnet_id)


def parsed(kind: IdentifierKind, text: str, name: str) -> Identifier:
    """The identifier that the argument ``name`` of a command holds."""
    try:
        return identifier(kind, text)
    except ValueError as error:
        raise TxkeaError(f"{name!r}: {error}") from None


def built(in_force: Configuration, family: Family, reservation: Map, subnet_id: int = 0) -> Host:
    """A reservation as the model has it, checked in a configuration with its subnet, or 0, and no other."""
    written = in_force.written[family.top]
    scope: dict[str, Any] = {RESERVATIONS: [reservation]}
    if subnet_id:
        subnet = next((each for each in in_force.subnets if each.id == subnet_id), None)
        if subnet is None:
            raise Absent(f"no IPv{family.number} subnet with id {subnet_id} found")
        scope = {family.subnets: [{"id": subnet_id, "subnet": subnet.prefix, **scope}]}
    document = {family.top: {"option-def": written.get("option-def", []), **scope}}
    try:
        found = configuration(from_json(document), family.number)
    except ConfigErrors as errors:
        # The place in a document that nobody wrote would only mislead.
        raise ConfigErrors([_shortened(error) for error in errors.errors]) from None
    return (found.subnets[0].hosts if subnet_id else found.hosts)[0]


def _shortened(error: ConfigError) -> ConfigError:
    _, _, within = error.path.partition(f"{RESERVATIONS}[0]")
    return ConfigError(error.message, f"reservation{within}")


# -- as commands show them ---------------------------------------------------------------------------------------------


def shown(host: Host, family: Family) -> Map:
    """A reservation of a store in the words of the configuration."""
    return {
        host.identifier.kind.keyword: host.identifier.value.hex(":"),
        **SHOWN[family.number](host),
        "hostname": host.hostname,
        "client-classes": list(host.client_classes),
        "option-data": [_shown_option(option) for option in host.options],
        **({"user-context": host.user_context} if host.user_context else {}),
        "subnet-id": host.subnet_id,
    }


def _shown4(host: Host) -> Map:
    fixed = {
        "next-server": address_text(host.next_server),
        "server-hostname": host.server_hostname,
        "boot-file-name": host.boot_file_name,
    }
    return {"ip-address": address_text(host.address), **fixed} if host.address else fixed


def _shown6(host: Host) -> Map:
    prefixes = {"prefixes": [f"{address_text(first)}/{length}" for first, length in host.prefixes]}
    if host.excluded_prefixes:
        lacking = [f"{address_text(each[0])}/{each[1]}" if each else "" for each in host.excluded_prefixes]
        prefixes["excluded-prefixes"] = lacking
    return {"ip-addresses": [address_text(address) for address in host.addresses], **prefixes}


SHOWN: Final[Mapping[int, Callable[[Host], Map]]] = {4: _shown4, 6: _shown6}


def _shown_option(option: OptionData) -> Map:
    return {
        **({"name": option.name} if option.name else {}),
        "code": option.code,
        "space": option.space,
        "csv-format": False,
        "data": option.payload.hex().upper(),
        "always-send": option.always_send,
        "never-send": option.never_send,
        **({"client-classes": list(option.client_classes)} if option.client_classes else {}),
    }
